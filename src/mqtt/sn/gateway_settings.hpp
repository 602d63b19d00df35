#pragma once
// What an MQTT-SN gateway is told once, and its limits: each a refusal with a return code and a
// counter.
#include "base/time.hpp"
#include "mqtt/sn/peer.hpp"
#include "mqtt/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::mqtt::sn {

/// A topic id that clients and gateway know beforehand [MQTT-SN 1.2 §6.7].
struct PredefinedTopic {
    std::uint16_t id = 0;
    std::string topic;
    std::string client_id;  // whose it is; empty: everybody's. One's own comes first.
};

struct GatewaySettings {
    /// Transparent: each client has a connection to the broker of its own, under its own client id.
    /// Aggregating: one connection carries them all [MQTT-SN 1.2 §4.2].
    enum class Mode : std::uint8_t { transparent, aggregating };

    std::uint8_t gateway_id = 1;
    Mode mode = Mode::transparent;
    /// Spoken to the broker for clients; the gateway's own connection is always 5.0.
    Version version = Version::v5;
    /// Of the gateway's own connection: an aggregating gateway's, and the one that publishes what
    /// comes with QoS -1.
    std::string client_id = "mqtt-sn-gateway";
    /// MQTT-SN 1.2 clients cannot prove who they are: with these the gateway does, for all.
    std::optional<std::string> user_name;
    std::optional<std::string> password;

    // ---- discovery
    Duration advertise_interval = std::chrono::minutes(15);  // zero: never
    std::optional<Peer> advertise_to;                        // a group; none: not advertised
    Duration gwinfo_within = std::chrono::seconds(5);

    // ---- topics
    std::vector<PredefinedTopic> predefined;
    bool qos_minus_1 = true;

    // ---- retransmission to clients [MQTT-SN 1.2 §7.2]
    Duration retry_after = std::chrono::seconds(10);
    std::uint8_t retries_max = 4;
    /// For the will, and for the broker's answer.
    Duration connect_within = std::chrono::seconds(30);
    /// Between attempts at the gateway's own connection.
    Duration reopen_after = std::chrono::seconds(1);

    // ---- limits
    std::uint32_t clients_max = 10'000;
    std::uint32_t topics_max_each = 256;
    std::uint32_t subscriptions_max_each = 64;  // aggregating: a broker limits the others
    std::uint16_t upward_max_each = 16;         // publishes and requests without an answer yet
    std::uint16_t buffered_max_each = 64;       // messages on the way to a client
    std::uint32_t buffered_octets_max_each = 64 << 10;
    std::uint16_t minus_one_waiting_max = 64;  // QoS -1, while the own connection is not up
    std::uint16_t searches_max = 64;           // GWINFO not sent yet
    std::uint16_t client_id_octets_max = 64;   // the standard has 23
    std::uint16_t topic_octets_max = 256;
    std::uint16_t will_octets_max = 1024;
    /// Larger messages of the broker are not delivered.
    std::uint16_t datagram_octets_max = 1200;
    /// A packet of the broker, beyond which its connection is closed.
    std::uint32_t packet_octets_max = 1 << 20;
};

}  // namespace causeway::mqtt::sn
