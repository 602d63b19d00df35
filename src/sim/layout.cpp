#include "sim/layout.hpp"

#include "sim/links.hpp"
#include "sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace causeway::sim {

namespace {

/// Points by square, for asking who is near while more are added. Ordered, so that what is asked
/// does not depend on a hash.
class Neighbourhood {
public:
    explicit Neighbourhood(double width) : width_(std::max(width, 1e-3)) {}

    void add(const Position& p) { squares_[square_of(p)].push_back(p); }

    /// Nearer than `metres`, which is at most the width.
    [[nodiscard]] bool any_within(const Position& p, double metres) const {
        const Square here = square_of(p);
        for (std::int64_t dx = -1; dx <= 1; ++dx)
            for (std::int64_t dy = -1; dy <= 1; ++dy) {
                const auto at = squares_.find({here.first + dx, here.second + dy});
                if (at == squares_.end()) continue;
                for (const Position& q : at->second)
                    if (distance(p, q) < metres) return true;
            }
        return false;
    }

private:
    using Square = std::pair<std::int64_t, std::int64_t>;
    [[nodiscard]] Square square_of(const Position& p) const {
        return {static_cast<std::int64_t>(std::floor(p.x / width_)),
                static_cast<std::int64_t>(std::floor(p.y / width_))};
    }

    double width_;
    std::map<Square, std::vector<Position>> squares_;
};

Position anywhere_in(const Position& middle, double radius, Random& random) {
    const double out = radius * std::sqrt(random.unit());
    const double angle = 2.0 * std::numbers::pi * random.unit();
    return {middle.x + out * std::cos(angle), middle.y + out * std::sin(angle)};
}

constexpr int attempts_max = 200;

}  // namespace

double solid_distance(const ChannelPlan& channel, const RadioPlan& radio) {
    const double deviation = std::sqrt(channel.shadowing_db * channel.shadowing_db +
                                       channel.asymmetry_db * channel.asymmetry_db);
    return Propagation(channel, Random(0))
        .mean_range_metres(radio.transmit_power_dbm, radio.sensitivity_dbm + 2.0 * deviation);
}

std::vector<Position> line(Position first, std::size_t count, double spacing) {
    return grid(first, count, spacing, count);
}

std::vector<Position> grid(Position first, std::size_t count, double spacing, std::size_t columns) {
    if (columns == 0)
        columns = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(count))));
    std::vector<Position> places;
    places.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        places.push_back({first.x + spacing * static_cast<double>(i % columns),
                          first.y + spacing * static_cast<double>(i / columns)});
    return places;
}

std::vector<Position> disk(const DiskPlan& plan, std::size_t count, Random random) {
    double separation = plan.separation_min;
    Neighbourhood taken(separation);
    std::vector<Position> places;
    int attempts = 0;
    while (places.size() < count) {
        const Position p = anywhere_in(plan.middle, plan.radius, random);
        if (taken.any_within(p, separation)) {
            if (++attempts % attempts_max == 0) separation /= 2;
            continue;
        }
        attempts = 0;
        taken.add(p);
        places.push_back(p);
    }
    return places;
}

std::vector<Position> patch(const PatchPlan& plan, std::size_t count, Random random) {
    // Between separation and reach there must be some room to stand in.
    const double separation = std::min(plan.separation_min, plan.reach * 0.9);
    double radius = std::max(plan.radius, separation);
    Neighbourhood taken(plan.reach);
    taken.add(plan.root);
    std::vector<Position> places;
    int attempts = 0;
    while (places.size() < count) {
        const Position p = anywhere_in(plan.root, radius, random);
        if (taken.any_within(p, separation) || !taken.any_within(p, plan.reach)) {
            if (++attempts % attempts_max == 0) radius *= 1.05;
            continue;
        }
        attempts = 0;
        taken.add(p);
        places.push_back(p);
    }
    return places;
}

std::vector<std::uint32_t> depths(const Scenario& scenario) {
    std::vector<Position> places;
    for (const NodePlan& node : scenario.nodes) places.push_back(node.at);
    const Propagation propagation(scenario.channel,
                                  World(scenario.seed).random_for(propagation_stream));
    const Links links(propagation, places, scenario.radio.transmit_power_dbm,
                      scenario.radio.sensitivity_dbm);
    std::vector<std::uint32_t> depth(places.size(), unreachable);
    std::vector<std::uint32_t> wave;
    if (!places.empty()) {
        depth[0] = 0;
        wave.push_back(0);
    }
    for (std::size_t next = 0; next < wave.size(); ++next) {
        const std::uint32_t here = wave[next];
        for (const Link& link : links.from(here)) {
            if (depth[link.to] != unreachable || links.find(link.to, here) == nullptr) continue;
            depth[link.to] = depth[here] + 1;
            wave.push_back(link.to);
        }
    }
    return depth;
}

}  // namespace causeway::sim
