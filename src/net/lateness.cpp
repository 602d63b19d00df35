#include "net/lateness.hpp"

#include <algorithm>
#include <bit>

namespace causeway::net {

// Below eight, a bucket each; from there the three bits after the leading one say the step.
std::size_t Lateness::bucket_of(std::uint64_t ns) noexcept {
    if (ns < steps) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 4;
    return (shift + 1) * steps + static_cast<std::size_t>((ns >> shift) & (steps - 1));
}

std::uint64_t Lateness::upper_end_of(std::size_t bucket) noexcept {
    if (bucket < steps) return bucket;
    const auto shift = bucket / steps - 1;
    return ((steps + bucket % steps + 1) << shift) - 1;
}

void Lateness::add(Duration late) noexcept {
    late = std::max(late, Duration{});
    ++buckets_[std::min(bucket_of(static_cast<std::uint64_t>(late.count())), buckets_.size() - 1)];
    ++count_;
    max_ = std::max(max_, late);
}

Duration Lateness::within(unsigned per_thousand) const noexcept {
    if (count_ == 0) return {};
    const std::uint64_t rank = std::max<std::uint64_t>(
        count_ / 1000 * per_thousand + (count_ % 1000 * per_thousand + 999) / 1000, 1);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= rank)
            return std::min(max_, Duration(static_cast<std::int64_t>(upper_end_of(i))));
    }
    return max_;
}

}  // namespace causeway::net
