#include "sim/links.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace causeway::sim {

Squares::Squares(std::span<const Position> points, double width) {
    const double step = std::max(width, 1e-3);
    square_of_.reserve(points.size());
    for (const Position& p : points)
        square_of_.push_back({static_cast<std::int64_t>(std::floor(p.x / step)),
                              static_cast<std::int64_t>(std::floor(p.y / step))});
    order_.resize(points.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::ranges::sort(order_, {}, [this](std::uint32_t i) { return std::pair(square_of_[i], i); });
    squares_.reserve(points.size());
    for (const std::uint32_t i : order_) squares_.push_back(square_of_[i]);
}

Squares::Range Squares::around(std::uint32_t point, int dx, int dy) const noexcept {
    const Square wanted{square_of_[point].x + dx, square_of_[point].y + dy};
    const auto range = std::ranges::equal_range(squares_, wanted);
    return {static_cast<std::size_t>(range.begin() - squares_.begin()),
            static_cast<std::size_t>(range.end() - squares_.begin())};
}

Links::Links(const Propagation& propagation, std::span<const Position> radios, double transmit_dbm,
             double floor_dbm) {
    struct Directed {
        std::uint32_t from;
        Link link;
    };
    std::vector<Directed> found;
    const auto add = [&](Path path, double metres) {
        const double dbm = propagation.received_dbm(path, metres, transmit_dbm);
        if (dbm < floor_dbm) return;
        found.push_back({path.from,
                         {.to = path.to & 0x7fff'ffffu,
                          .cut = 0,
                          .dbm = static_cast<float>(dbm),
                          .milliwatts = static_cast<float>(milliwatts(dbm)),
                          .frame_loss = static_cast<float>(propagation.frame_loss(path))}});
    };
    const double range = propagation.range_metres(transmit_dbm, floor_dbm);
    for_each_pair_within(radios, range, [&](std::uint32_t a, std::uint32_t b) {
        const double metres = distance(radios[a], radios[b]);
        add({a, b}, metres);
        add({b, a}, metres);
    });
    std::ranges::sort(found, [](const Directed& a, const Directed& b) {
        return a.from != b.from ? a.from < b.from : a.link.to < b.link.to;
    });
    first_.assign(radios.size() + 1, 0);
    links_.reserve(found.size());
    for (const Directed& d : found) {
        ++first_[d.from + 1];
        links_.push_back(d.link);
    }
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
}

const Link* Links::find(std::uint32_t from_radio, std::uint32_t to) const noexcept {
    const std::span<const Link> row = from(from_radio);
    const auto at = std::ranges::lower_bound(row, to, {}, [](const Link& l) { return l.to; });
    if (at == row.end() || at->to != to || at->cut) return nullptr;
    return &*at;
}

void Links::set_cut(std::uint32_t a, std::uint32_t b, bool cut) noexcept {
    const auto set = [&](std::uint32_t from_radio, std::uint32_t to) {
        for (std::size_t at = first_[from_radio]; at < first_[from_radio + 1]; ++at)
            if (links_[at].to == to) links_[at].cut = cut ? 1 : 0;
    };
    set(a, b);
    set(b, a);
}

}  // namespace causeway::sim
