#pragma once
#include <cstdint>

namespace causeway::net {

/// A pcapng timestamp in nanoseconds since 1970. `resolution` is if_tsresol: ticks of 10^-n
/// seconds, or with the top bit set 2^-n. What does not fit becomes the nearest that does.
[[nodiscard]] std::uint64_t unix_ns(std::uint64_t ticks, std::uint8_t resolution,
                                    std::int64_t offset_seconds) noexcept;

}  // namespace causeway::net
