#pragma once
// An MQTT client engine in real time on a stream: what `causeway mqtt pub` and `sub` have in
// common. It connects, comes back after a loss, ends politely, and knows the exit status.
#include "mqtt/client.hpp"
#include "mqtt_options.hpp"
#include "net/clock.hpp"
#include "net/io.hpp"
#include "net/stream_host.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::cli {

/// Of mosquitto's library, where no reason code of the protocol says more.
inline constexpr int mqtt_timed_out = 27;

/// 3.1.1: 1 to 5, as CONNACK had it; 5.0: the reason code itself.
[[nodiscard]] int status_of(mqtt::Reason reason, mqtt::Version version) noexcept;

class MqttSession {
public:
    struct Hooks {
        /// At every connection, the first and those after a loss.
        std::function<void(const mqtt::client::Connected&)> connected;
        /// What is about messages and subscriptions.
        std::function<void(mqtt::Client::Output)> heard;
        /// Some of what was sent has left, or a batch of messages has been handed over.
        std::function<void()> batch;
    };

    MqttSession(net::Io& io, const MqttOptions& options, Hooks hooks);
    MqttSession(const MqttSession&) = delete;
    MqttSession& operator=(const MqttSession&) = delete;
    ~MqttSession();

    /// Until end(), or until it cannot go on; the exit status. Troubles are said on stderr.
    [[nodiscard]] int run();

    void input(mqtt::Client::Input in);
    /// Disconnects, waits until all has left, and ends.
    void end(int status);
    [[nodiscard]] const mqtt::Client& client() const noexcept;
    /// Octets that wait for the network.
    [[nodiscard]] std::size_t unsent() const noexcept;
    [[nodiscard]] Instant now() const;
    /// A line on stderr, unless the user wants quiet.
    void complain(const std::string& line) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::cli
