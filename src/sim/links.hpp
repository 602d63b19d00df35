#pragma once
// Who can hear whom: one row of links a radio, worked out once. Space is cut into squares as wide
// as the channel's range, so that 10,000 radios cost their neighbours and not their square.
#include "sim/propagation.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace causeway::sim {

/// One direction of a pair.
struct Link {
    std::uint32_t to : 31;
    std::uint32_t cut : 1;  // by a fault: nothing arrives, not even interference
    float dbm;              // received power
    float milliwatts;       // the same, for sums
    float frame_loss;       // chance of losing a frame whose signal is perfect
};
static_assert(sizeof(Link) == 16);

/// Indices of the points nearer to each other than a range, without looking at every pair. `visit`
/// is called as visit(a, b) once for each such pair, a < b, in an order that depends on the points
/// only.
template <class Visit>
void for_each_pair_within(std::span<const Position> points, double metres, Visit visit);

class Links {
public:
    /// Links weaker than `floor_dbm` are left out: they neither carry nor disturb a frame.
    Links(const Propagation& propagation, std::span<const Position> radios, double transmit_dbm,
          double floor_dbm);

    /// From `radio` to all that hear it, by index.
    [[nodiscard]] std::span<const Link> from(std::uint32_t radio) const noexcept {
        return {links_.data() + first_[radio], links_.data() + first_[radio + 1]};
    }
    /// The way from one radio to another; null when nothing gets there.
    [[nodiscard]] const Link* find(std::uint32_t from, std::uint32_t to) const noexcept;
    /// Both directions; a pair that never heard each other stays as it is.
    void set_cut(std::uint32_t a, std::uint32_t b, bool cut) noexcept;

    [[nodiscard]] std::size_t radios() const noexcept { return first_.size() - 1; }
    [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }

private:
    std::vector<Link> links_;
    std::vector<std::uint32_t> first_;
};

// ---- inline parts ------------------------------------------------------------------------------

/// Points sorted into squares of a given width.
class Squares {
public:
    Squares(std::span<const Position> points, double width);

    struct Range {
        std::size_t begin;
        std::size_t end;
    };
    /// Where the points of the square `dx`, `dy` squares away from the one of `point` stand in
    /// order().
    [[nodiscard]] Range around(std::uint32_t point, int dx, int dy) const noexcept;
    [[nodiscard]] std::span<const std::uint32_t> order() const noexcept { return order_; }

private:
    struct Square {
        std::int64_t x;
        std::int64_t y;
        friend auto operator<=>(const Square&, const Square&) = default;
    };
    std::vector<Square> square_of_;     // by point
    std::vector<Square> squares_;       // by place in order_, so sorted
    std::vector<std::uint32_t> order_;  // points by square, then by index
};

template <class Visit>
void for_each_pair_within(std::span<const Position> points, double metres, Visit visit) {
    const Squares squares(points, metres);
    for (std::uint32_t a = 0; a < points.size(); ++a) {
        for (int dx = -1; dx <= 1; ++dx) {
            for (int dy = -1; dy <= 1; ++dy) {
                const auto [begin, end] = squares.around(a, dx, dy);
                for (std::size_t at = begin; at < end; ++at) {
                    const std::uint32_t b = squares.order()[at];
                    if (b > a && distance(points[a], points[b]) <= metres) visit(a, b);
                }
            }
        }
    }
}

}  // namespace causeway::sim
