#pragma once
// An MQTT-SN 1.2 gateway as an engine: datagrams of clients on one side, MQTT connections to this
// program's broker on the other [MQTT-SN 1.2 §4, §6]. Transparent or aggregating, see
// gateway_settings.hpp. Sleeping clients, wills and their updates, wildcard subscriptions with
// registration towards the client, pre-defined and short topics, QoS -1, forwarders.
//
// Who may do what is the broker's business. MQTT-SN 1.2 has no authentication, and a client is
// whoever says its id: bind the socket accordingly.
//
//   - To a client one message is under way at a time, in the broker's order, retransmitted each
//     `retry_after`; who does not answer `retries_max` times is lost, or asleep again if woken.
//   - Transparent: message ids and MQTT's packet ids are the same, so that an exchange that a
//     client's reconnection interrupts is resumed end to end. While a client sleeps its QoS 1 and 2
//     messages stay unacknowledged, and the broker keeps what is more.
//   - Aggregating: the gateway acknowledges to the broker at once, and keeps sessions that are not
//     clean itself, within its limits and its life.
//   - A will is with the broker in transparent mode, until an update takes it here.
#include "base/engine.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "mqtt/sn/gateway_events.hpp"
#include "mqtt/sn/gateway_settings.hpp"
#include "mqtt/sn/gateway_stats.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::mqtt::sn {

/// How a gateway sees a client [MQTT-SN 1.2 §6.14]. Lost ones are forgotten, as disconnected ones
/// are in transparent mode.
enum class ClientState : std::uint8_t { connecting, active, asleep, awake, disconnected };
[[nodiscard]] std::string_view name_of(ClientState state) noexcept;

struct SnClientReport {
    std::string client_id;
    Peer peer;
    ClientState state = ClientState::connecting;
    std::uint32_t topics = 0;
    std::uint32_t buffered = 0;
};

class Gateway {
public:
    using Input = GatewayInput;
    using Output = GatewayOutput;

    /// What it tells `teller`: "sn.lost" and "sn.connected" (octets: the client id).
    Gateway(GatewaySettings settings, Random random, Instant now, Teller teller = {});
    Gateway(Gateway&&) noexcept;
    Gateway& operator=(Gateway&&) noexcept;
    ~Gateway();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] const GatewayStats& stats() const noexcept;
    [[nodiscard]] const GatewaySettings& settings() const noexcept;
    /// Sorted by client id.
    [[nodiscard]] std::vector<SnClientReport> clients() const;

    struct State;

private:
    std::unique_ptr<State> state_;
};

static_assert(Engine<Gateway>);

}  // namespace causeway::mqtt::sn
