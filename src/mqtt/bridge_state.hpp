#pragma once
// What a bridge is inside. bridge.cpp is in, out and time; bridge_connect.cpp opens, introduces
// itself, subscribes and closes; bridge_lane.cpp passes messages on.
#include "base/outbox.hpp"
#include "base/timers.hpp"
#include "mqtt/bridge.hpp"
#include "mqtt/bridge_lane.hpp"
#include "mqtt/bridge_topics.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

struct Bridge::State {
    State(BridgeSettings from, Random chance, Instant now);

    /// Of what the remote broker says while ours is not ready; the host was asked to stop reading.
    static constexpr std::size_t stash_octets_max = 4 << 20;

    enum class Phase : std::uint8_t {
        resting,   // until the next try
        opening,   // of the remote transport
        greeting,  // the remote broker has our CONNECT
        joining,   // our broker has it, too
        running,
        stopped,
    };
    enum class Timer : std::uint8_t {
        retry,
        answer,
        remote_ping,
        remote_pong,
        local_ping,
        local_pong,
        count,
    };
    /// An end and what goes with it.
    struct Side {
        BridgeEnd end;
        BridgeLane* outgoing;  // the lane that begins here
        BridgeLane* incoming;
        const std::vector<BridgeTopics::Filter>* filters;
        Timer ping;
        Timer pong;
        std::uint16_t keep_alive_seconds = 0;
        std::size_t asked = 0;    // filters in SUBSCRIBEs sent
        std::size_t granted = 0;  // and answered
        bool subscribed = false;  // this session has them all
    };

    // ---- bridge.cpp
    void handle(Instant now, const bridge::Input& in);
    void handle_timeout(Instant now);
    void feed(Instant now, Side& side, Bytes octets);
    void keep(Instant now, Bytes octets);
    void dispatch(Instant now, Side& side, Bytes packet);
    void on_publish(Instant now, Side& side, Bytes packet);
    void on_ack(Side& side, const Ack& ack);
    void look_after_lanes(Instant now);
    void flush(Instant now);
    void flush(Instant now, Side& side);
    void release_local();
    void note(std::string_view what, std::string detail = {});
    [[nodiscard]] bool is_remote(const Side& side) const noexcept { return &side == &remote; }

    // ---- bridge_connect.cpp
    void open(Instant now);
    void greet_remote(Instant now);
    void greet_local(Instant now);
    void on_connack(Instant now, Side& side, const Connack& connack);
    [[nodiscard]] bool accept(Instant now, Side& side, const Connack& connack);
    void refused(Instant now, Side& side, const Connack& connack);
    void run(Instant now);
    void subscribe(Side& side);
    void on_suback(Side& side, const Suback& suback);
    void fault(Instant now, Side& side, const Refused& why);
    /// Where a connection was lost, `lost` is its side, and it may be the doing of a message.
    struct Loss {
        Side* lost = nullptr;
        bool by_peer = false;
        bool gone = true;  // it need not be closed
    };
    enum class Again : std::uint8_t { after_a_while, at_once, never };
    void fall(Instant now, Loss loss, Again again);
    void close(Instant now, Side& side, bool gone);
    void pause_remote(bool wanted);
    [[nodiscard]] std::string client_id() const;

    BridgeSettings settings;
    BridgeTopics topics;
    Random random;
    BridgeStats stats;
    Side remote;
    Side local;
    BridgeLane out;
    BridgeLane in;

    Phase phase = Phase::resting;
    Timers<Timer> timers;
    Outbox<bridge::Output> outbox;
    bool told_state = false;  // that it is not connected, in the beginning
    bool told_connected = false;
    Instant running_since{};
    unsigned failures = 0;                // in a row
    bool plain = false;                   // 3.1.1: no bit 7, it was refused
    bool said_private = false;            // in this connection
    Octets stash;                         // of the remote, from before our broker was ready
    std::vector<std::string_view> noted;  // in this connection

    // ---- back-pressure
    std::size_t unsent = 0;  // octets to the remote
    std::size_t held = 0;    // octets of the local connection that are not released
    bool congested = false;
    bool local_paused = false;
    bool told_paused = false;
};

}  // namespace causeway::mqtt
