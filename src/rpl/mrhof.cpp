#include "rpl/objective.hpp"

#include <algorithm>

namespace causeway::rpl {

std::uint32_t mrhof::path_cost(const Way& way) noexcept {
    // "In case the Metric Container is empty, ETX is the selected metric -- use the Rank advertised
    // by that neighbor as the second component." [RFC 6719 §3.1]
    if (!way.hop_count) return std::uint32_t{way.rank} + way.etx_128;
    return *way.hop_count + 1u;
}

std::uint32_t Objective::cost(const Way& way) const noexcept {
    return code_ == ObjectiveCode::of0 ? rank_through(way) : mrhof::path_cost(way);
}

std::uint32_t Objective::rank_through(const Way& way) const noexcept {
    if (way.rank == infinite_rank) return infinite_rank;
    if (code_ == ObjectiveCode::of0)
        return way.rank + of0::rank_increase(of0::step_of_rank(way.etx_128), min_hop_);
    // "The maximum of two values": the path cost (table 1 gives it unchanged for ETX and hop
    // count), and "that nodes' advertised Rank plus MinHopRankIncrease". [RFC 6719 §3.3]
    return std::max(mrhof::path_cost(way), std::uint32_t{way.rank} + min_hop_);
}

bool Objective::link_usable(const Way& way) const noexcept {
    return way.etx_128 <=
           (code_ == ObjectiveCode::of0 ? of0::link_etx_max : mrhof::link_metric_max);
}

bool Objective::path_usable(const Way& way) const noexcept {
    if (rank_through(way) >= infinite_rank) return false;
    return code_ == ObjectiveCode::of0 || mrhof::path_cost(way) <= mrhof::path_cost_max;
}

bool Objective::worth_switching(const Way& current, const Way& best) const noexcept {
    const std::uint32_t now = cost(current);
    const std::uint32_t then = cost(best);
    if (then >= now) return false;
    // "If the smallest path cost ... is smaller than cur_min_path_cost by less than
    // PARENT_SWITCH_THRESHOLD, the node MAY continue to use the current preferred parent."
    // [RFC 6719 §3.2.2] The threshold is 1.5 transmissions; of hops, one is worth a move. OF0 has
    // no hysteresis of its own, but its steps are MinHopRankIncrease wide. [RFC 6552 §4.2.1]
    if (code_ == ObjectiveCode::of0 || best.hop_count) return true;
    return now - then >= std::max(mrhof::parent_switch_threshold, now / mrhof::parent_switch_share);
}

}  // namespace causeway::rpl
