#pragma once
// How late things ran: the worst, and percentiles to within one part in eight, in fixed memory.
#include "base/time.hpp"

#include <array>
#include <cstdint>

namespace causeway::net {

class Lateness {
public:
    void add(Duration late) noexcept;

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] Duration max() const noexcept { return max_; }
    /// An upper bound of what `per_thousand` of the samples stayed within; zero without samples.
    [[nodiscard]] Duration within(unsigned per_thousand) const noexcept;
    [[nodiscard]] Duration p50() const noexcept { return within(500); }
    [[nodiscard]] Duration p99() const noexcept { return within(990); }
    void clear() noexcept { *this = Lateness(); }

private:
    // Eight steps to each doubling of nanoseconds.
    static constexpr std::size_t steps = 8;
    static std::size_t bucket_of(std::uint64_t ns) noexcept;
    static std::uint64_t upper_end_of(std::size_t bucket) noexcept;

    std::array<std::uint64_t, 62 * steps> buckets_{};
    std::uint64_t count_ = 0;
    Duration max_{};
};

}  // namespace causeway::net
