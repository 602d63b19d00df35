#pragma once
// A bridge between our broker and another one, as an engine [MQTT 3.1.1] [MQTT 5.0]: a client of
// both, that publishes to each what the other says.
//
// It keeps no message. Packet identifiers pass through, and an acknowledgement is given to one
// broker when the other has given it. So all that is under way lies in the sessions of the two
// brokers: when either connection is lost, both are begun anew, both brokers send again what is
// unfinished, and QoS 2 goes on where it stood, also after this process was killed. What is
// published while the other broker is away waits in the session here.
//
// What it leaves out: topic aliases; enhanced authentication; settings that change while it runs;
// saying on the other broker whether it is connected.
#include "base/engine.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "base/time.hpp"
#include "mqtt/bridge_events.hpp"
#include "mqtt/bridge_settings.hpp"
#include "mqtt/bridge_stats.hpp"

#include <memory>
#include <optional>

namespace causeway::mqtt {

class Bridge {
public:
    using Input = bridge::Input;
    using Output = bridge::Output;

    /// Settings in which there is no mistake (mistake_in). It begins at next_deadline(), which is
    /// `now`. Chance spreads reconnects, and nothing else.
    Bridge(BridgeSettings settings, Random random, Instant now);
    Bridge(Bridge&&) noexcept;
    Bridge& operator=(Bridge&&) noexcept;
    ~Bridge();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] bool connected() const noexcept;
    [[nodiscard]] const BridgeSettings& settings() const noexcept;
    [[nodiscard]] const BridgeStats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::mqtt
