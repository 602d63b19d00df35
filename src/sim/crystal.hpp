#pragma once
// A node's own clock: the world's time, run fast or slow by a constant. Integers only, so that
// every compiler agrees to the nanosecond. Left out: drift of the error itself (temperature,
// ageing).
#include "base/time.hpp"

#include <cstdint>

namespace causeway::sim {

/// Both clocks stood at zero together. Up to +-100,000,000 parts a billion and a century or so.
class Crystal {
public:
    constexpr Crystal() noexcept = default;
    explicit constexpr Crystal(std::int64_t parts_per_billion) noexcept
        : parts_per_billion_(parts_per_billion) {}

    [[nodiscard]] constexpr std::int64_t parts_per_billion() const noexcept {
        return parts_per_billion_;
    }

    /// What the node's clock shows. Never runs backwards.
    [[nodiscard]] constexpr Instant local(Instant world) const noexcept {
        if (world == never) return never;
        return Instant(Duration(local_count(world.time_since_epoch().count())));
    }

    /// The first instant of the world at which the node's clock shows `local` or later: waking
    /// then is never early.
    [[nodiscard]] constexpr Instant world(Instant local) const noexcept {
        if (local == never) return never;
        const std::int64_t wanted = local.time_since_epoch().count();
        std::int64_t guess = wanted;
        // Each round shrinks the error by the crystal's own, so a handful gets within a few ns.
        for (int round = 0; round < 16; ++round) {
            const std::int64_t off = wanted - local_count(guess);
            if (off == 0) break;
            guess += off;
        }
        while (local_count(guess) < wanted) ++guess;
        while (local_count(guess - 1) >= wanted) --guess;
        return Instant(Duration(guess));
    }

private:
    static constexpr std::int64_t billion = 1'000'000'000;

    [[nodiscard]] constexpr std::int64_t local_count(std::int64_t world) const noexcept {
        // Whole seconds and the rest apart: their product with the error fits 64 bits.
        std::int64_t seconds = world / billion;
        std::int64_t rest = world % billion;
        if (rest < 0) rest += billion, --seconds;
        const std::int64_t scaled = rest * parts_per_billion_;
        std::int64_t part = scaled / billion;
        if (scaled % billion < 0) --part;  // floor, so that the clock is monotonic through zero
        return world + seconds * parts_per_billion_ + part;
    }

    std::int64_t parts_per_billion_ = 0;
};

}  // namespace causeway::sim
