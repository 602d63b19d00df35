#pragma once
// Answers the broker's question whether a client is who it says: by password, hashed on threads of
// their own because that is slow on purpose, or by SCRAM-SHA-256 [RFC 5802] [RFC 7677] as MQTT 5.0
// enhanced authentication.
//
// A password that was right is remembered as a keyed digest, so that a crowd that comes back after
// a broken link does not wait for a hash each.
#include "mqtt/broker/events.hpp"
#include "net/io.hpp"
#include "site/mqtt_users.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace causeway::site {

class MqttAuth {
public:
    static constexpr unsigned threads = 2;
    /// Questions that wait for a thread; more are answered "server busy".
    static constexpr std::size_t waiting_max = 1024;
    /// Log-ins by SCRAM between their two messages; more are answered "server busy".
    static constexpr std::size_t scrams_max = 4096;

    /// `answer` is called on the Io's thread, never from within ask().
    MqttAuth(net::Io& io, std::function<void(mqtt::Authenticated)> answer);
    MqttAuth(const MqttAuth&) = delete;
    MqttAuth& operator=(const MqttAuth&) = delete;
    /// Waits for hashes under way.
    ~MqttAuth();

    /// Null: there is no password file, and whoever shows a name may bear it.
    void replace(std::shared_ptr<const MqttUsers> users);
    void ask(mqtt::Authenticate question);
    /// The connection is gone, and a log-in of its own with it.
    void forget(mqtt::ConnectionId id);

    struct Stats {
        std::uint64_t asked = 0;
        std::uint64_t accepted = 0;
        std::uint64_t refused = 0;
        std::uint64_t continued = 0;
        std::uint64_t busy = 0;     // waiting_max, scrams_max
        std::uint64_t waiting = 0;  // now

        void visit(auto&& named) const {
            named("asked", asked);
            named("accepted", accepted);
            named("refused", refused);
            named("continued", continued);
            named("busy", busy);
            named("waiting", waiting);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return asked == accepted + refused + continued + busy + waiting;
        }
    };
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;  // a hash under way holds the other end
};

}  // namespace causeway::site
