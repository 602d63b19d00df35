#pragma once
// Objective functions: from what is known of a neighbour to a cost, a Rank and a choice.
// OF0 [RFC 6552, with the step of RFC 8180 §5.1.1] and MRHOF [RFC 6719] with ETX, told by Rank, or
// with hop counts from a metric container. MRHOF over latency, and maximized metrics, are left out.
//
// Pure functions; the state they choose over is the DODAG's. ETX is everywhere in units of 1/128
// transmission. [RFC 6551 §4.3.2]
#include "rpl/settings.hpp"

#include <cstdint>
#include <optional>

namespace causeway::rpl {

inline constexpr std::uint16_t infinite_rank = 0xffff;
/// Of one transmission.
inline constexpr std::uint16_t etx_unit = 128;

/// DAGRank(): "when Rank is compared, the integer portion of the Rank is to be used."
/// [RFC 6550 §3.5.1] `min_hop` is not zero.
[[nodiscard]] constexpr std::uint16_t dag_rank(std::uint16_t rank, std::uint16_t min_hop) noexcept {
    return static_cast<std::uint16_t>(rank / min_hop);
}

/// A way to the root through one neighbour.
struct Way {
    std::uint16_t rank = infinite_rank;     // the neighbour's, as it said
    std::uint16_t etx_128 = etx_unit;       // of the link to it
    std::optional<std::uint8_t> hop_count;  // the neighbour's, where that is the selected metric
    friend bool operator==(const Way&, const Way&) = default;
};

namespace of0 {

inline constexpr unsigned step_min = 1;                      // MINIMUM_STEP_OF_RANK
inline constexpr unsigned step_default = 3;                  // DEFAULT_STEP_OF_RANK
inline constexpr unsigned step_max = 9;                      // MAXIMUM_STEP_OF_RANK
inline constexpr unsigned stretch_max = 5;                   // MAXIMUM_RANK_STRETCH
inline constexpr unsigned factor_min = 1;                    // MINIMUM_RANK_FACTOR
inline constexpr unsigned factor_max = 4;                    // MAXIMUM_RANK_FACTOR
inline constexpr std::uint16_t link_etx_max = 3 * etx_unit;  // [RFC 8180 §5.1.1]

/// Operands an operator may set; the defaults are the standard's. [RFC 6552 §6.2]
struct Operands {
    unsigned rank_factor = 1;  // Rf
    unsigned stretch = 0;      // Sr, at most the configured stretch_of_rank
};

/// Sp = 3*ETX - 2, rounded, within its bounds. [RFC 8180 §5.1.1]
[[nodiscard]] unsigned step_of_rank(std::uint16_t etx_128) noexcept;
/// (Rf*Sp + Sr) * MinHopRankIncrease. [RFC 6552 §4.1]
[[nodiscard]] std::uint32_t rank_increase(unsigned step, std::uint16_t min_hop,
                                          Operands operands = {}) noexcept;

}  // namespace of0

namespace mrhof {

inline constexpr std::uint16_t link_metric_max = 512;          // MAX_LINK_METRIC
inline constexpr std::uint32_t path_cost_max = 32768;          // MAX_PATH_COST
inline constexpr std::uint32_t parent_switch_threshold = 192;  // PARENT_SWITCH_THRESHOLD
/// A sixteenth of the path cost is noise: each link on the way adds its own, and over 20 hops two
/// equal ways differ by more than the threshold most of the time. It is 192 up to 12 hops or so.
/// Without this, one of two meshes of 1000 nodes changed parents seven times as often.
inline constexpr std::uint32_t parent_switch_share = 16;

/// What the neighbour advertises plus the link, or plus this node for hop counts. [RFC 6719 §3.1]
[[nodiscard]] std::uint32_t path_cost(const Way& way) noexcept;

}  // namespace mrhof

/// A choice among the objectives, made once a DODAG is joined.
class Objective {
public:
    Objective() = default;
    Objective(ObjectiveCode code, std::uint16_t min_hop) noexcept
        : code_(code), min_hop_(min_hop) {}

    /// What candidates are compared by; less is better.
    [[nodiscard]] std::uint32_t cost(const Way& way) const noexcept;
    /// The Rank of a node whose preferred parent `way` leads to; 65,535 and more is none.
    [[nodiscard]] std::uint32_t rank_through(const Way& way) const noexcept;
    /// The link is good enough for a path.
    [[nodiscard]] bool link_usable(const Way& way) const noexcept;
    /// The whole path is.
    [[nodiscard]] bool path_usable(const Way& way) const noexcept;
    /// Better by enough to leave a parent that works: hysteresis.
    [[nodiscard]] bool worth_switching(const Way& current, const Way& best) const noexcept;

private:
    ObjectiveCode code_ = ObjectiveCode::mrhof;
    std::uint16_t min_hop_ = 256;
};

}  // namespace causeway::rpl
