#include "rpl/objective.hpp"

#include <algorithm>

namespace causeway::rpl::of0 {

unsigned step_of_rank(std::uint16_t etx_128) noexcept {
    const unsigned tripled = (3u * etx_128 + etx_unit / 2) / etx_unit;
    // "An implementation MUST maintain the stretched step_of_rank between MINIMUM_STEP_OF_RANK and
    // MAXIMUM_STEP_OF_RANK." [RFC 6552 §4.1]
    return std::clamp(tripled > 2 ? tripled - 2 : 0, step_min, step_max);
}

std::uint32_t rank_increase(unsigned step, std::uint16_t min_hop, Operands operands) noexcept {
    const unsigned factor = std::clamp(operands.rank_factor, factor_min, factor_max);
    const unsigned stretch = std::min(operands.stretch, stretch_max);
    return (factor * step + stretch) * std::uint32_t{min_hop};
}

}  // namespace causeway::rpl::of0
