#pragma once
// Where nodes stand, and what that makes of the network: how deep it is and whether it hangs
// together, for the very links that a run with the same seed would have.
#include "base/random.hpp"
#include "sim/scenario.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace causeway::sim {

/// The distance at which a link still works for all but the unluckiest 2 % of draws: received power
/// two standard deviations above the sensitivity.
[[nodiscard]] double solid_distance(const ChannelPlan& channel, const RadioPlan& radio);

/// To the right of `first`.
[[nodiscard]] std::vector<Position> line(Position first, std::size_t count, double spacing);

/// Rows to the right of `first`, each above the one before; as many columns as make it square when
/// `columns` is zero.
[[nodiscard]] std::vector<Position> grid(Position first, std::size_t count, double spacing,
                                         std::size_t columns = 0);

struct DiskPlan {
    Position middle{};
    double radius = 100;
    double separation_min = 1;  // between any two; halved where there is no room left for it
};
/// Anywhere in the disk, uniform, connected or not.
[[nodiscard]] std::vector<Position> disk(const DiskPlan& plan, std::size_t count, Random random);

struct PatchPlan {
    Position root{};
    double reach = 40;  // each node has another, or the root, at most this far away
    double separation_min = 10;
    double radius = 100;  // grows where it has no room for all
};
/// At random around the root and connected to it over hops of at most `reach`.
[[nodiscard]] std::vector<Position> patch(const PatchPlan& plan, std::size_t count, Random random);

inline constexpr std::uint32_t unreachable = std::numeric_limits<std::uint32_t>::max();

/// Hops from nodes[0] to each node by the shortest way over links that work in both directions, for
/// the scenario's own seed.
[[nodiscard]] std::vector<std::uint32_t> depths(const Scenario& scenario);

}  // namespace causeway::sim
