#include "sim/latency.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::sim::latency_test {
namespace {

using namespace std::chrono_literals;

TEST(Latencies, QuantilesAreRightToThreePercent) {
    Random random(1);
    Latencies latencies;
    std::vector<Duration> all;
    for (int i = 0; i < 20'000; ++i) {
        const Duration scale = 1ms * static_cast<std::int64_t>(1 + random.below(20));
        const Duration latency =
            5ms + random.within(scale * static_cast<std::int64_t>(1 + random.below(100)));
        all.push_back(latency);
        latencies.add(latency);
    }
    std::ranges::sort(all);
    for (const std::uint32_t per_mille : {10u, 500u, 900u, 990u, 999u}) {
        const auto exact = static_cast<double>(all[all.size() * per_mille / 1000 - 1].count());
        const auto told = static_cast<double>(latencies.quantile(per_mille).count());
        EXPECT_NEAR(told / exact, 1.0, 0.035) << per_mille;
    }
    EXPECT_EQ(latencies.max(), all.back());
    EXPECT_EQ(latencies.min(), all.front());
    EXPECT_EQ(latencies.quantile(1000), latencies.max());
    EXPECT_EQ(latencies.count(), 20'000u);
}

TEST(Latencies, OneValueIsEveryQuantile) {
    Latencies latencies;
    latencies.add(12345us);
    for (const std::uint32_t per_mille : {0u, 500u, 1000u})
        EXPECT_EQ(latencies.quantile(per_mille), 12345us);
    EXPECT_EQ(latencies.mean(), 12345us);
}

TEST(Latencies, SumsOfPartsAreTheWhole) {
    Latencies a;
    Latencies b;
    Latencies all;
    for (int i = 1; i <= 1000; ++i) {
        (i % 3 == 0 ? a : b).add(i * 7ms);
        all.add(i * 7ms);
    }
    Latencies sum;
    sum.add(a);
    sum.add(b);
    sum.add(Latencies{});
    EXPECT_EQ(sum.count(), all.count());
    EXPECT_EQ(sum.min(), all.min());
    EXPECT_EQ(sum.mean(), all.mean());
    EXPECT_EQ(sum.quantile(900), all.quantile(900));
}

TEST(Latencies, NoneAtAllIsZero) {
    EXPECT_EQ(Latencies{}.quantile(500), 0s);
    EXPECT_EQ(Latencies{}.mean(), 0s);
}

TEST(Latencies, ExtremesAreKeptInFewBuckets) {
    Latencies latencies;
    latencies.add(0s);
    latencies.add(-1s);  // a clock that disagrees is not an excuse to fail
    latencies.add(24h);
    EXPECT_EQ(latencies.min(), 0s);
    EXPECT_EQ(latencies.max(), 24h);
    EXPECT_EQ(latencies.quantile(1000), 24h);
}

}  // namespace
}  // namespace causeway::sim::latency_test
