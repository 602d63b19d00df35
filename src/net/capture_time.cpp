#include "net/capture_time.hpp"

#include <limits>

namespace causeway::net {
namespace {

constexpr std::uint64_t ns_a_second = 1'000'000'000;
constexpr std::uint64_t latest = std::numeric_limits<std::uint64_t>::max();

struct Split {
    std::uint64_t seconds = 0;
    std::uint64_t ns = 0;  // under a second
};

Split decimal(std::uint64_t ticks, unsigned digits) noexcept {
    for (; digits > 18; --digits) ticks /= 10;  // a second then still fits 64 bits
    std::uint64_t a_second = 1;
    for (unsigned i = 0; i < digits; ++i) a_second *= 10;
    std::uint64_t ns = ticks % a_second;
    for (unsigned i = digits; i < 9; ++i) ns *= 10;
    for (unsigned i = digits; i > 9; --i) ns /= 10;
    return {ticks / a_second, ns};
}

Split binary(std::uint64_t ticks, unsigned bits) noexcept {
    if (bits >= 64) {
        const unsigned excess = bits - 63;
        ticks = excess >= 64 ? 0 : ticks >> excess;
        bits = 63;
    }
    const std::uint64_t seconds = ticks >> bits;
    std::uint64_t fraction = ticks & ((std::uint64_t{1} << bits) - 1);
    // 34 bits times 10^9 (30 bits) is what 64 bits hold, and is finer than a nanosecond.
    if (bits > 34) {
        fraction >>= bits - 34;
        bits = 34;
    }
    return {seconds, fraction * ns_a_second >> bits};
}

}  // namespace

std::uint64_t unix_ns(std::uint64_t ticks, std::uint8_t resolution,
                      std::int64_t offset_seconds) noexcept {
    const unsigned exponent = resolution & 0x7f;
    const Split at = (resolution & 0x80) != 0 ? binary(ticks, exponent) : decimal(ticks, exponent);
    std::uint64_t seconds = at.seconds;
    if (offset_seconds < 0) {
        const std::uint64_t back = 0 - static_cast<std::uint64_t>(offset_seconds);
        if (back > seconds) return 0;
        seconds -= back;
    } else {
        const auto ahead = static_cast<std::uint64_t>(offset_seconds);
        if (ahead > latest - seconds) return latest;
        seconds += ahead;
    }
    if (seconds >= latest / ns_a_second) return latest;
    return seconds * ns_a_second + at.ns;
}

}  // namespace causeway::net
