#include "net/lateness.hpp"

#include <gtest/gtest.h>

namespace causeway::net::lateness_test {
namespace {

using namespace std::chrono_literals;

TEST(Lateness, NothingYetIsZero) {
    EXPECT_EQ(Lateness().p99(), 0ns);
    EXPECT_EQ(Lateness().max(), 0ns);
}

TEST(Lateness, PercentilesAreWithinAnEighthAbove) {
    Lateness lateness;
    for (int i = 1; i <= 1000; ++i) lateness.add(i * 1us);
    EXPECT_EQ(lateness.count(), 1000u);
    EXPECT_EQ(lateness.max(), 1ms);
    EXPECT_GE(lateness.p50(), 500us);
    EXPECT_LE(lateness.p50(), 500us * 9 / 8);
    EXPECT_GE(lateness.p99(), 990us);
    EXPECT_LE(lateness.p99(), 1ms);
}

TEST(Lateness, OneOutlierIsTheWorstButNotTheP99) {
    Lateness lateness;
    for (int i = 0; i < 999; ++i) lateness.add(5ns);
    lateness.add(24h);
    EXPECT_EQ(lateness.p99(), 5ns);
    EXPECT_EQ(lateness.max(), 24h);
}

TEST(Lateness, EarlyCountsAsOnTimeAndTheFarthestHasABucket) {
    Lateness lateness;
    lateness.add(-1s);
    EXPECT_EQ(lateness.p50(), 0ns);
    lateness.add(Duration::max());
    EXPECT_EQ(lateness.within(1000), Duration::max());
}

}  // namespace
}  // namespace causeway::net::lateness_test
