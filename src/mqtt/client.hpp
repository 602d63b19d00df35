#pragma once
// An MQTT client [MQTT 3.1.1] [MQTT 5.0] as an engine: octets of one connection in, octets out.
//
// It keeps its session from one connection to the next: what is in flight is sent again, in order,
// when the server has kept the session too [MQTT 5.0 §4.4]. Whatever does not fit the server's
// receive maximum waits, within limits. What it leaves out: storing the session on disk, and
// subscribing again after the server has lost it (Connected tells; the host knows what it wants).
#include "base/engine.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "mqtt/client_events.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace causeway::mqtt {

struct ClientWill {
    std::string topic;
    Octets payload;
    Qos qos = Qos::at_most_once;
    bool retain = false;
    std::optional<std::uint32_t> delay_seconds;  // this and the next are for 5.0
    std::optional<std::uint32_t> message_expiry_seconds;
    std::optional<bool> payload_is_text;
    std::optional<std::string> content_type;
    std::optional<std::string> response_topic;
    std::optional<std::string> correlation_data;
    std::vector<std::pair<std::string, std::string>> user_properties;
};

struct ClientSettings {
    Version version = Version::v3_1_1;
    std::string client_id;
    bool bridge = false;       // bit 7 of the protocol level, as some brokers want it of bridges
    bool clean_start = true;   // of the first connection; of later ones see keep_session
    bool keep_session = true;  // after the first connection, ask for what is left of the session
    std::uint16_t keep_alive_seconds = 60;
    std::optional<std::string> user_name;
    std::optional<Octets> password;
    std::optional<ClientWill> will;

    // ---- properties of CONNECT, for 5.0
    std::uint32_t session_expiry_seconds = 0;
    std::uint16_t receive_maximum = 65535;  // QoS 1 and 2 to us, not yet acknowledged
    std::uint16_t topic_alias_maximum = 0;  // of the server to us
    std::optional<bool> request_problem_information;
    std::optional<bool> request_response_information;
    std::vector<std::pair<std::string, std::string>> user_properties;
    std::string authentication_method;  // empty: none
    Octets authentication_data;

    // ---- limits
    std::uint32_t packet_octets_max = 268'435'460;  // to us; told to the server unless it is this
    std::uint16_t inflight_max = 100;               // of us, less when the server says so
    std::uint16_t topic_aliases_out = 0;            // of us at QoS 0, less when the server says so
    std::uint32_t waiting_messages_max = 100'000;
    std::uint64_t waiting_octets_max = 256 << 20;
    std::uint32_t requests_max = 1'000;  // SUBSCRIBE and UNSUBSCRIBE under way

    // ---- habits
    /// PUBACK and PUBREC leave on Acknowledge, and not by themselves.
    bool host_acknowledges = false;
    /// Publishes are taken while there is no connection, and wait for one.
    bool waits_for_connection = true;
    /// A QoS 2 message whose fate the server has forgotten is sent again, and may double; else the
    /// host is told that it is unknown.
    bool doubles_rather_than_loses = true;
    Duration answer_within = std::chrono::seconds(20);  // CONNACK, PINGRESP, AUTH
    struct Reconnect {
        Duration first = std::chrono::seconds(1);  // doubles from one failure to the next
        Duration most = std::chrono::minutes(2);
    };
    std::optional<Reconnect> reconnect;
};

struct ClientStats {
    std::uint64_t packets_in = 0;
    std::uint64_t connections = 0;        // that the server accepted
    std::uint64_t messages_in = 0;        // PUBLISH packets, of which:
    std::uint64_t delivered = 0;          //   were handed to the host
    std::uint64_t duplicates = 0;         //   came again at QoS 2
    std::uint64_t refused = 0;            //   broke a rule
    std::uint64_t publishes = 0;          // asked for, of which:
    std::uint64_t published = 0;          //   ended well
    std::uint64_t publishes_failed = 0;   //   the server refused, or were lost with its session
    std::uint64_t publishes_refused = 0;  //   were never sent: too large, queue full ...
    std::uint64_t publishes_open = 0;     //   wait or are in flight
    std::uint64_t retransmissions = 0;
    std::uint64_t pings = 0;
    std::uint64_t faults = 0;            // rules that the server broke
    std::uint64_t requests_refused = 0;  // SUBSCRIBE and UNSUBSCRIBE beyond requests_max
    std::uint64_t strays = 0;            // acknowledgements of nothing that is in flight

    template <class Named>
    void visit(Named&& named) const {
        named("packets_in", packets_in);
        named("connections", connections);
        named("messages_in", messages_in);
        named("delivered", delivered);
        named("duplicates", duplicates);
        named("refused", refused);
        named("publishes", publishes);
        named("published", published);
        named("publishes_failed", publishes_failed);
        named("publishes_refused", publishes_refused);
        named("publishes_open", publishes_open);
        named("retransmissions", retransmissions);
        named("pings", pings);
        named("faults", faults);
        named("requests_refused", requests_refused);
        named("strays", strays);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return messages_in == delivered + duplicates + refused &&
               publishes == published + publishes_failed + publishes_refused + publishes_open;
    }
};

class Client {
public:
    using Input = client::Input;
    using Output = client::Output;

    /// Chance spreads reconnects of many clients, and nothing else.
    explicit Client(ClientSettings settings, Random random = Random(0));
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] bool connected() const noexcept;
    /// Publishes that wait or are in flight.
    [[nodiscard]] std::size_t unfinished() const noexcept;
    /// Ours, or the one that the server has assigned.
    [[nodiscard]] const std::string& client_id() const noexcept;
    [[nodiscard]] const ClientStats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::mqtt
