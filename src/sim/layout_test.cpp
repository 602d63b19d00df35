// Places, and the networks that they make with the default channel.
#include "sim/layout.hpp"

#include "sim/links.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::sim::layout_test {
namespace {

Scenario standing_at(const std::vector<Position>& places, std::uint64_t seed) {
    Scenario scenario;
    scenario.seed = seed;
    for (const Position& at : places)
        scenario.nodes.push_back({.name = {}, .at = at, .config = {}, .boot = {}});
    return scenario;
}

TEST(Layout, AGridIsSquareUnlessToldOtherwise) {
    const auto square = grid({10, 0}, 24, 40);
    ASSERT_EQ(square.size(), 24u);
    EXPECT_EQ(square[0], (Position{10, 0}));
    EXPECT_EQ(square[4], (Position{170, 0}));
    EXPECT_EQ(square[5], (Position{10, 40}));
    const auto wide = grid({0, 0}, 24, 40, 8);
    EXPECT_EQ(wide[7], (Position{280, 0}));
    EXPECT_EQ(wide[8], (Position{0, 40}));
    EXPECT_EQ(line({0, 5}, 3, 2)[2], (Position{4, 5}));
}

TEST(Layout, TheSolidDistanceLeavesTwoDeviationsOfMargin) {
    const double metres = solid_distance({}, {});
    EXPECT_NEAR(metres, 44.8, 0.5);
    const Propagation propagation({}, Random(3));
    int worked = 0;
    for (std::uint32_t i = 1; i <= 10'000; ++i)
        worked += propagation.received_dbm({0, i}, metres, 0) >= -94 ? 1 : 0;
    EXPECT_NEAR(worked, 9'772, 60);
}

TEST(Layout, TwentyFourNodesInTheDefaultGridAreConnectedAndFiveHopsDeep) {
    int deep = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        std::vector<Position> places{{0, 0}};
        for (const Position& at : grid({40, 0}, 24, 40)) places.push_back(at);
        const auto depth = depths(standing_at(places, seed));
        ASSERT_EQ(std::ranges::count(depth, unreachable), 0) << seed;
        deep += std::ranges::max(depth) >= 5 ? 1 : 0;
    }
    EXPECT_GE(deep, 48);  // luck shortens a way now and then
}

TEST(Layout, ALineIsAsDeepAsItIsLong) {
    const auto depth = depths(standing_at(line({0, 0}, 6, 40), 3));
    EXPECT_EQ(depth[0], 0u);
    for (std::size_t i = 1; i < depth.size(); ++i) EXPECT_GE(depth[i], depth[i - 1]);
}

TEST(Layout, ADiskKeepsItsRadiusItsSeparationAndItsSeed) {
    const DiskPlan plan{.middle = {5, 6}, .radius = 100, .separation_min = 5};
    const auto places = disk(plan, 150, Random(2));
    for (std::size_t i = 0; i < places.size(); ++i) {
        EXPECT_LE(distance(places[i], plan.middle), plan.radius);
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_GE(distance(places[i], places[j]), plan.separation_min);
    }
    EXPECT_EQ(places, disk(plan, 150, Random(2)));
    EXPECT_NE(places, disk(plan, 150, Random(3)));
}

TEST(Layout, ADiskWithoutRoomGivesUpSeparationAndNotNodes) {
    EXPECT_EQ(disk({.radius = 10, .separation_min = 8}, 100, Random(1)).size(), 100u);
    EXPECT_EQ(disk({.radius = 0, .separation_min = 1}, 3, Random(1)).size(), 3u);
}

TEST(Layout, APatchHangsTogether) {
    for (const std::size_t count : {10u, 200u, 1'000u}) {
        std::vector<Position> places{{0, 0}};
        for (const Position& at : patch({.reach = 40, .separation_min = 15}, count, Random(4)))
            places.push_back(at);
        ASSERT_EQ(places.size(), count + 1);
        for (std::size_t i = 1; i < places.size(); ++i) {
            double nearest = 1e9;
            for (std::size_t j = 0; j < places.size(); ++j)
                if (j != i) nearest = std::min(nearest, distance(places[i], places[j]));
            EXPECT_GE(nearest, 15);
            EXPECT_LE(nearest, 40);
        }
        const auto depth = depths(standing_at(places, 1));
        EXPECT_LE(std::ranges::count(depth, unreachable), static_cast<std::ptrdiff_t>(count / 50));
    }
}

TEST(Links, NeighboursAreThoseOfTheFullSearch) {
    const auto places = disk({.radius = 400, .separation_min = 1}, 400, Random(8));
    const Propagation propagation({}, Random(1));
    const Links links(propagation, places, 0, -97);
    std::size_t found = 0;
    for (std::uint32_t a = 0; a < places.size(); ++a)
        for (std::uint32_t b = 0; b < places.size(); ++b) {
            if (a == b) continue;
            const double dbm = propagation.received_dbm({a, b}, distance(places[a], places[b]), 0);
            const Link* link = links.find(a, b);
            ASSERT_EQ(link != nullptr, dbm >= -97) << a << ' ' << b;
            if (link == nullptr) continue;
            ++found;
            EXPECT_NEAR(double{link->dbm}, dbm, 1e-4);
        }
    EXPECT_EQ(found, links.size());
}

TEST(Links, TenThousandRadiosCostTheirNeighboursOnly) {
    const auto places = grid({0, 0}, 10'000, 40);
    const Links links(Propagation({}, Random(1)), places, 0, -97);
    EXPECT_LT(links.size(), 10'000u * 40);
    EXPECT_GT(links.size(), 10'000u * 8);
}

TEST(ScenarioHash, TellsScenariosApartAndNothingElse) {
    const Scenario a = standing_at(grid({0, 0}, 9, 40), 1);
    Scenario b = a;
    EXPECT_EQ(scenario_hash(a), scenario_hash(b));
    b.nodes[3].config.sensors.push_back({.name = "temperature"});
    EXPECT_NE(scenario_hash(a), scenario_hash(b));
    b = a;
    b.seed = 2;
    EXPECT_NE(scenario_hash(a), scenario_hash(b));
    b = a;
    b.faults.push_back({});
    EXPECT_NE(scenario_hash(a), scenario_hash(b));
}

}  // namespace
}  // namespace causeway::sim::layout_test
