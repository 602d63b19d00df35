#pragma once
// Drives something that lives in virtual time (a simulated world) at the pace of the real clock, on
// the event loop that serves its sockets.
//
// Work that falls due is done in slices, and sockets have their turn between slices. When the
// machine was suspended or is too slow, at most `backlog_max` of virtual time is ever made up for:
// the rest is forgiven, that is, virtual time stands still for it. Nothing is skipped, so the world
// stays the world that its seed makes; only its clock then lags behind the wall's.
#include "net/clock.hpp"
#include "net/io.hpp"
#include "net/lateness.hpp"

#include <functional>
#include <memory>

namespace causeway::net {

class Pacer {
public:
    struct Drive {
        /// When it next wants to run; `never` while idle. Cheap: asked at every turn.
        std::function<Instant()> next;
        /// Does everything due up to and including the instant. Makes progress when next() is due.
        std::function<void(Instant)> run_until;
    };

    struct Settings {
        Duration backlog_max = std::chrono::milliseconds(200);
        Duration slice = std::chrono::milliseconds(1);  // of virtual time, a turn
    };

    struct Stats {
        std::uint64_t turns = 0;
        std::uint64_t suspensions = 0;  // times the backlog outgrew its bound
        std::uint64_t forgiven_ns = 0;  // by how much virtual time lags in all
        std::uint64_t late_turns = 0;   // began more than a millisecond after they were due

        template <class Named>
        void visit(Named&& named) const {
            named("turns", turns);
            named("suspensions", suspensions);
            named("forgiven_ns", forgiven_ns);
            named("late_turns", late_turns);
        }
        [[nodiscard]] bool balanced() const noexcept { return late_turns <= turns; }
    };

    /// The clock may be shared with hosts; virtual time starts at `start`, when start() is called.
    Pacer(Io& io, Drive drive, Settings settings, Clock clock = {});
    Pacer(Io& io, Drive drive);
    Pacer(const Pacer&) = delete;
    Pacer& operator=(const Pacer&) = delete;
    ~Pacer();

    void start(Instant start = Instant{});
    void stop();

    /// Virtual time now, for input from outside. It never goes back, and it stands still while
    /// run_until() is under way.
    [[nodiscard]] Instant now();

    /// After input from outside: whatever is due runs before this returns (one slice of it), and
    /// the timer is set anew. Inside run_until() it does nothing: the turn does so at its end.
    void poke();

    [[nodiscard]] const Lateness& lateness() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;  // a timer under way holds it too
};

}  // namespace causeway::net
