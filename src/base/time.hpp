#pragma once
#include <chrono>
#include <cstdint>

namespace causeway {

/// The time line engines live on. It has no now(): code that wants to know the
/// time must be told it, so reading a clock inside an engine does not compile.
struct Timeline {
    using duration = std::chrono::duration<std::int64_t, std::nano>;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Timeline, duration>;
    static constexpr bool is_steady = true;
};

using Duration = Timeline::duration;
using Instant = Timeline::time_point;
inline constexpr Instant never = Instant::max();

/// Later than any real instant stays `never`, and nothing overflows.
[[nodiscard]] constexpr Instant after(Instant start, Duration wait) noexcept {
    return wait >= never - start ? never : start + wait;
}

}  // namespace causeway
