#pragma once
// What a bridge to another broker is told once (bridge.hpp), in the terms that mosquitto made
// common, and what can be wrong with it.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "mqtt/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::mqtt {

/// Filter "sensors/#", local prefix "site/", remote prefix "plant/7/": the local topic
/// site/sensors/x is plant/7/sensors/x there. An empty filter stands for the prefixes themselves.
/// The first topic that fits a message decides.
struct BridgeTopic {
    enum class Direction : std::uint8_t { out, in, both };
    std::string filter;
    Direction direction = Direction::out;
    Qos qos = Qos::at_most_once;  // at most
    std::string local_prefix;
    std::string remote_prefix;
};

struct BridgeSettings {
    std::string name;  // also of the session in our broker: "bridge/NAME"
    Version remote_version = Version::v5;
    std::string client_id;  // there; empty: the name
    std::optional<std::string> user_name;
    std::optional<Octets> password;
    std::uint16_t keep_alive_seconds = 60;
    /// Neither broker keeps anything while the connection is down.
    bool clean = false;
    std::vector<BridgeTopic> topics;
    /// 3.1.1: says by bit 7 of the protocol level that it is a bridge, so that the other broker
    /// sends nothing back; if that is refused, goes on without.
    bool try_private = true;

    std::uint32_t session_expiry_seconds = 0xffffffff;  // there; 5.0 only
    std::uint16_t receive_maximum = 100;  // messages of QoS 1 and 2 under way, each direction
    /// The same outward for a server of 3.1.1, which cannot say what it takes. Mosquitto 2.0 takes
    /// 20 unless told otherwise: of QoS 2 it acknowledges what is beyond, and loses it.
    std::uint16_t receive_maximum_v3 = 20;
    std::uint32_t packet_octets_max = 268'435'460;
    /// Octets not yet sent, above which our broker is told that the bridge reads slowly.
    std::uint32_t unsent_octets_high = 1 << 20;
    std::uint32_t unsent_octets_low = 256 << 10;

    Duration answer_within = std::chrono::seconds(20);  // the transport, CONNACK, PINGRESP
    struct Reconnect {
        Duration first = std::chrono::seconds(1);  // doubles from one failure to the next
        Duration most = std::chrono::minutes(2);
    } reconnect;
};

/// What no bridge can be made of, in words; nothing when it is well.
[[nodiscard]] std::optional<std::string> mistake_in(const BridgeSettings& settings);
[[nodiscard]] std::optional<std::string> mistake_in(const BridgeTopic& topic);

}  // namespace causeway::mqtt
