#include "net/pacer.hpp"

#include "base/assert.hpp"
#include "base/tap.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/prctl.h>

#include <algorithm>

namespace causeway::net {

static_assert(Stats<Pacer::Stats>);

struct Pacer::State : std::enable_shared_from_this<State> {
    State(Io& loop, Drive what, Settings how, Clock with)
        : io(loop), timer(loop), drive(std::move(what)), settings(how), clock(with) {
        CAUSEWAY_ASSERT(settings.slice > Duration{} && settings.backlog_max > Duration{});
    }

    Instant now() {
        if (working) return frozen;
        Instant virtual_now = clock.now() - lag;
        if (running) {
            const Instant due = drive.next();
            if (due < virtual_now && virtual_now - due > settings.backlog_max) {
                const Duration excess = virtual_now - due - settings.backlog_max;
                lag += excess;
                virtual_now -= excess;
                ++stats.suspensions;
                stats.forgiven_ns += static_cast<std::uint64_t>(excess.count());
            }
        }
        return frozen = std::max(frozen, virtual_now);
    }

    void turn() {
        if (!running || working) return;
        frozen = now();
        const Instant due = drive.next();
        if (due <= frozen) {
            const Duration late = frozen - due;
            lateness.add(late);
            ++stats.turns;
            if (late > std::chrono::milliseconds(1)) ++stats.late_turns;
            working = true;
            drive.run_until(std::min(frozen, due + settings.slice));
            working = false;
        }
        arm();
    }

    void arm() {
        if (!running) return;
        const Instant due = drive.next();
        if (due == armed_for) return;
        armed_for = due;
        const std::uint64_t mine = ++generation;
        if (due == never) {
            timer.cancel();
            return;
        }
        if (due <= frozen) {  // already due: other work first, but no detour through the kernel
            timer.cancel();
            boost::asio::post(io, [self = shared_from_this(), mine] { self->expired(mine); });
            return;
        }
        timer.expires_at(clock.real(after(due, lag)));
        timer.async_wait([self = shared_from_this(), mine](const boost::system::error_code& gone) {
            if (!gone) self->expired(mine);
        });
    }

    void expired(std::uint64_t mine) {
        if (mine != generation) return;
        armed_for = never;
        turn();
    }

    Io& io;
    boost::asio::steady_timer timer;
    Drive drive;
    Settings settings;
    Clock clock;
    Duration lag{};  // real minus virtual
    Instant frozen{};
    Instant armed_for = never;
    std::uint64_t generation = 0;
    bool running = false;
    bool working = false;
    Lateness lateness;
    Stats stats;
};

Pacer::Pacer(Io& io, Drive drive, Settings settings, Clock clock)
    : state_(std::make_shared<State>(io, std::move(drive), settings, clock)) {}
Pacer::Pacer(Io& io, Drive drive) : Pacer(io, std::move(drive), Settings{}) {}
Pacer::~Pacer() {
    stop();
}

void Pacer::start(Instant start) {
    // The kernel may otherwise bundle our wake-ups with others', 50 us late. Asio waits on a
    // timerfd, which is exact; this covers the waits that are not.
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    state_->lag = state_->clock.now() - start;
    state_->frozen = start;
    state_->running = true;
    state_->armed_for = never;
    state_->arm();
}

void Pacer::stop() {
    state_->running = false;
    ++state_->generation;
    state_->timer.cancel();
}

Instant Pacer::now() {
    return state_->now();
}
void Pacer::poke() {
    state_->turn();
}
const Lateness& Pacer::lateness() const noexcept {
    return state_->lateness;
}
const Pacer::Stats& Pacer::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::net
