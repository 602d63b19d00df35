#pragma once
// Where a radio's time went, and what that cost. The MAC is always on: whatever is neither sending
// nor receiving nor without power is listening.
#include "base/time.hpp"
#include "sim/scenario.hpp"

namespace causeway::sim {

/// Sums to the time that has passed.
struct RadioTimes {
    Duration transmit{};
    Duration receive{};  // frames meant for this node; for those of others see medium.hpp
    Duration listen{};
    Duration off{};

    [[nodiscard]] constexpr Duration total() const noexcept {
        return transmit + receive + listen + off;
    }
    friend constexpr bool operator==(const RadioTimes&, const RadioTimes&) = default;
};

/// Shares of all time, 0 to 1.
struct DutyCycle {
    double transmit = 0;
    double receive = 0;
    double listen = 0;
    /// Radio on, for whatever reason.
    [[nodiscard]] double on() const noexcept { return transmit + receive + listen; }
};

[[nodiscard]] DutyCycle duty_cycle(const RadioTimes& times);
[[nodiscard]] double joules(const RadioTimes& times, const RadioPlan& plan);

}  // namespace causeway::sim
