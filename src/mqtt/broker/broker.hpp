#pragma once
// An MQTT server [MQTT 3.1.1] [MQTT 5.0] as an engine: octets of connections in, octets out. It
// speaks both versions on every connection, and messages cross between them.
//
// Outputs are drained in batches: a host may hand in many inputs before it polls, and is then
// given one Send a connection, however many messages that is. That is where the speed comes from.
//
// Durability: with Settings::persistent, an acknowledgement that promises something leaves after
// Committed.
#include "base/engine.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "mqtt/broker/events.hpp"
#include "mqtt/broker/settings.hpp"
#include "mqtt/broker/stats.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace causeway::mqtt {

/// One client, for lists and reports.
struct ClientReport {
    std::string client_id;
    std::string user_name;
    std::string peer;  // empty while absent
    std::string listener;
    bool connected = false;
    Version version = Version::v3_1_1;
    std::uint32_t subscriptions = 0;
    std::uint32_t queued = 0;
    std::uint32_t inflight = 0;
    std::uint64_t queued_octets = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t messages_out = 0;
    std::uint64_t dropped = 0;
    Duration connected_for{};
};

class Broker {
public:
    using Input = BrokerInput;
    using Output = BrokerOutput;

    /// `unix_now` ties `now` to the calendar, for what expires across restarts.
    Broker(const BrokerSettings& settings, Random random, Instant now, UnixMillis unix_now,
           Recovered recovered = {}, Teller teller = {});
    Broker(Broker&&) noexcept;
    Broker& operator=(Broker&&) noexcept;
    ~Broker();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] const BrokerStats& stats() const noexcept;
    [[nodiscard]] const BrokerSettings& settings() const noexcept;
    /// Whether there is such a client, connected or absent.
    [[nodiscard]] bool knows(std::string_view client_id) const noexcept;
    [[nodiscard]] std::optional<ClientReport> client(Instant now, std::string_view client_id) const;
    /// Sorted by client id, `max` from the first after `after`.
    [[nodiscard]] std::vector<ClientReport> clients(Instant now, std::string_view after,
                                                    std::size_t max) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::mqtt
