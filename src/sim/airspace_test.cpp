#include "sim/airspace.hpp"

#include "sim/layout.hpp"
#include "sim/propagation.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::sim::airspace_test {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint32_t> senders_near(const Airspace& air, std::uint32_t radio) {
    std::vector<std::uint32_t> senders;
    air.near(radio, [&](const Airspace::Flight& flight) { senders.push_back(flight.sender); });
    std::ranges::sort(senders);
    return senders;
}

TEST(Airspace, WhatIsNearIsWhatIsInRange) {
    const auto places = disk({.radius = 500, .separation_min = 1}, 300, Random(6));
    Airspace air(places, 80, 5ms);
    for (std::uint32_t i = 0; i < places.size(); ++i) air.add({}, i, Instant(1ms), Instant(2ms));
    for (std::uint32_t i = 0; i < places.size(); ++i) {
        std::vector<std::uint32_t> expected;
        for (std::uint32_t j = 0; j < places.size(); ++j)
            if (distance(places[i], places[j]) <= 80) expected.push_back(j);
        ASSERT_EQ(senders_near(air, i), expected);
    }
}

TEST(Airspace, FlightsAreRememberedForAWhileAndThenForgotten) {
    Airspace air(line({0, 0}, 2, 10), 50, 5ms);
    air.add(Instant(1ms), 0, Instant(1ms), Instant(2ms));
    air.add(Instant(7ms), 1, Instant(7ms), Instant(8ms));
    EXPECT_EQ(senders_near(air, 0), (std::vector<std::uint32_t>{0, 1}));
    air.add(Instant(7ms + 1ns), 1, Instant(8ms), Instant(9ms));
    EXPECT_EQ(senders_near(air, 0), (std::vector<std::uint32_t>{1, 1}));
}

TEST(Airspace, CuttingShortEndsWhatIsUnderWayOnly) {
    Airspace air(line({0, 0}, 2, 10), 50, 5ms);
    air.add({}, 0, Instant(1ms), Instant(2ms));
    air.add({}, 0, Instant(3ms), Instant(5ms));
    air.add({}, 1, Instant(3ms), Instant(5ms));
    int cut = 0;
    air.cut_short(Instant(4ms), 0, [&](const Airspace::Flight&) { ++cut; });
    EXPECT_EQ(cut, 1);
    std::vector<Instant> ends;
    air.near(1, [&](const Airspace::Flight& flight) { ends.push_back(flight.end); });
    EXPECT_EQ(ends, (std::vector<Instant>{Instant(2ms), Instant(4ms), Instant(5ms)}));
}

TEST(Airspace, OneRadioWithoutAnyRangeIsNotAProblem) {
    Airspace air(line({1e6, -1e6}, 1, 0), 0, 5ms);
    air.add({}, 0, Instant(1ms), Instant(2ms));
    EXPECT_EQ(senders_near(air, 0).size(), 1u);
}

}  // namespace
}  // namespace causeway::sim::airspace_test
