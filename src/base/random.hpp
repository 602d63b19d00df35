#pragma once
#include "base/time.hpp"

#include <cstdint>

namespace causeway {

/// splitmix64. Ours rather than <random>'s, whose distributions differ between standard libraries.
/// Never draw twice in one expression: the order of evaluation differs between compilers.
class Random {
public:
    explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    /// Uniform in [0, bound). The bias, under bound/2^64, is accepted.
    constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }

    /// Uniform in [0, 1), 53 bits of it.
    constexpr double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// Uniform in [0, span); zero for an empty span.
    constexpr Duration within(Duration span) noexcept {
        if (span <= Duration{}) return Duration{};
        return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(span.count()))));
    }

    /// A stream of its own for a named part, so that adding a node does not shift the others.
    [[nodiscard]] constexpr Random fork(std::uint64_t label) const noexcept {
        return Random(Random(state_ ^ label * 0xd6e8feb86659fd93u).next());
    }

private:
    std::uint64_t state_;
};

}  // namespace causeway
