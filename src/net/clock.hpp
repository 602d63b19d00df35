#pragma once
// The real clock, as engines are told it: nanoseconds since this clock was made. A value: copies
// share the epoch, so that every host of one program says the same time.
#include "base/time.hpp"

#include <chrono>
#include <cstdint>

namespace causeway::net {

class Clock {
public:
    using Steady = std::chrono::steady_clock;

    Clock() : epoch_(Steady::now()), wall_epoch_ns_(wall_now_ns()) {}

    [[nodiscard]] Instant now() const {
        return Instant(std::chrono::duration_cast<Duration>(Steady::now() - epoch_));
    }

    /// When the machine's steady clock will show `at`; its last instant for `never`.
    [[nodiscard]] Steady::time_point real(Instant at) const {
        if (at.time_since_epoch() >= Steady::time_point::max() - epoch_)
            return Steady::time_point::max();
        return epoch_ + at.time_since_epoch();
    }

    /// Nanoseconds since 1970 at `at`, for captures. Wall time is read once, at the epoch: a clock
    /// that is set while we run does not tear a capture in two.
    [[nodiscard]] std::uint64_t wall_ns(Instant at) const noexcept {
        return wall_epoch_ns_ + static_cast<std::uint64_t>(at.time_since_epoch().count());
    }

    /// Nanoseconds since 1970, now, as the machine believes.
    [[nodiscard]] static std::uint64_t wall_now_ns() {
        const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count());
    }

private:
    Steady::time_point epoch_;
    std::uint64_t wall_epoch_ns_;
};

}  // namespace causeway::net
