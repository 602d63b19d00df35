#include "sim/airspace.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace causeway::sim {

Airspace::Airspace(std::span<const Position> radios, double range_metres, Duration memory)
    : radios_(radios.begin(), radios.end()),
      range_squared_(range_metres * range_metres * 1.0001),  // distances elsewhere are rounded
      memory_(memory) {
    const double width = std::max(range_metres * 1.001, 1e-3);
    using Corner = std::pair<std::int64_t, std::int64_t>;
    const auto corner_of = [width](const Position& p) {
        return Corner(static_cast<std::int64_t>(std::floor(p.x / width)),
                      static_cast<std::int64_t>(std::floor(p.y / width)));
    };
    std::vector<Corner> corners;
    corners.reserve(radios_.size());
    for (const Position& p : radios_) corners.push_back(corner_of(p));
    std::ranges::sort(corners);
    const auto [first, last] = std::ranges::unique(corners);
    corners.erase(first, last);

    const auto index_of = [&](const Corner& corner) {
        return std::ranges::lower_bound(corners, corner) - corners.begin();
    };
    square_of_.reserve(radios_.size());
    for (const Position& p : radios_)
        square_of_.push_back(static_cast<std::uint32_t>(index_of(corner_of(p))));
    squares_.resize(corners.size());
    for (std::size_t i = 0; i < corners.size(); ++i) {
        for (std::int64_t dx = -1; dx <= 1; ++dx) {
            for (std::int64_t dy = -1; dy <= 1; ++dy) {
                const Corner wanted(corners[i].first + dx, corners[i].second + dy);
                const auto at = static_cast<std::size_t>(index_of(wanted));
                if (at == corners.size() || corners[at] != wanted) continue;
                squares_[i].around[squares_[i].around_count++] = static_cast<std::uint32_t>(at);
            }
        }
    }
}

void Airspace::add(Instant now, std::uint32_t sender, Instant start, Instant end) {
    std::vector<Flight>& flights = squares_[square_of_[sender]].flights;
    std::erase_if(flights, [&](const Flight& f) { return f.end + memory_ < now; });
    flights.push_back({sender, start, end, radios_[sender]});
}

}  // namespace causeway::sim
