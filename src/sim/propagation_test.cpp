#include "sim/propagation.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace causeway::sim::propagation_test {
namespace {

TEST(Propagation, PowerFallsByThirtyDecibelsADecadeFromTheReferenceLoss) {
    ChannelPlan plan;
    plan.shadowing_db = plan.asymmetry_db = 0;
    const Propagation p(plan, Random(1));
    EXPECT_NEAR(p.received_dbm({0, 1}, 1, 0), -40, 1e-9);
    EXPECT_NEAR(p.received_dbm({0, 1}, 10, 0), -70, 1e-9);
    EXPECT_NEAR(p.received_dbm({0, 1}, 100, 5), -95, 1e-9);
    EXPECT_NEAR(p.received_dbm({0, 1}, 0.01, 0), -40, 1e-9);  // nothing is gained under 1 m
    EXPECT_NEAR(p.mean_range_metres(0, -94), std::pow(10.0, 1.8), 1e-9);
}

TEST(Propagation, ShadowingIsSharedByAPairAndAsymmetryIsNot) {
    ChannelPlan plan;
    plan.asymmetry_db = 0;
    const Propagation shadowed(plan, Random(1));
    EXPECT_EQ(shadowed.received_dbm({3, 9}, 50, 0), shadowed.received_dbm({9, 3}, 50, 0));
    EXPECT_NE(shadowed.received_dbm({3, 9}, 50, 0), shadowed.received_dbm({3, 8}, 50, 0));
    plan.asymmetry_db = 1;
    const Propagation both(plan, Random(1));
    EXPECT_NE(both.received_dbm({3, 9}, 50, 0), both.received_dbm({9, 3}, 50, 0));
}

TEST(Propagation, DrawsHaveTheDeviationsThatThePlanAsksFor) {
    ChannelPlan plan;
    const Propagation p(plan, Random(1));
    double sum = 0;
    double squares = 0;
    double difference_squares = 0;
    constexpr int pairs = 20'000;
    for (std::uint32_t i = 1; i <= pairs; ++i) {
        const double there = p.received_dbm({0, i}, 50, 0);
        const double back = p.received_dbm({i, 0}, 50, 0);
        const double off = there + p.mean_loss_db(50);
        sum += off;
        squares += off * off;
        difference_squares += (there - back) * (there - back);
    }
    EXPECT_NEAR(sum / pairs, 0, 0.06);
    EXPECT_NEAR(std::sqrt(squares / pairs), std::sqrt(5.0), 0.06);             // 2 dB and 1 dB
    EXPECT_NEAR(std::sqrt(difference_squares / pairs), std::sqrt(2.0), 0.05);  // 1 dB, twice
}

TEST(Propagation, NothingIsHeardBeyondTheRange) {
    ChannelPlan plan;
    const Propagation p(plan, Random(1));
    const double range = p.range_metres(0, -97);
    for (std::uint32_t i = 1; i < 50'000; ++i)
        ASSERT_LT(p.received_dbm({0, i}, range * 1.0001, 0), -97);
}

TEST(Propagation, FrameLossIsUniformBetweenItsBoundsAndDiffersByDirection) {
    const Propagation p({}, Random(1));
    double sum = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        const double loss = p.frame_loss({i, i + 1});
        ASSERT_GE(loss, 0.10);
        ASSERT_LE(loss, 0.30);
        sum += loss;
    }
    EXPECT_NEAR(sum / 10'000, 0.20, 0.002);
    EXPECT_NE(p.frame_loss({1, 2}), p.frame_loss({2, 1}));
}

TEST(Normal, HasMeanZeroAndDeviationOneAndIsCutOff) {
    Random random(7);
    double sum = 0;
    double squares = 0;
    int beyond_one = 0;
    constexpr int draws = 200'000;
    for (int i = 0; i < draws; ++i) {
        const double x = normal(random);
        ASSERT_LE(std::abs(x), deviations_max);
        sum += x;
        squares += x * x;
        beyond_one += std::abs(x) > 1 ? 1 : 0;
    }
    EXPECT_NEAR(sum / draws, 0, 0.01);
    EXPECT_NEAR(std::sqrt(squares / draws), 1, 0.01);
    EXPECT_NEAR(static_cast<double>(beyond_one) / draws, 0.3173, 0.005);
}

TEST(BitErrorRate, IsOneHalfWithoutSignalAndFallsSteeply) {
    EXPECT_NEAR(bit_error_rate(0), 0.5, 1e-9);
    // At 0 dB the first term dominates: 8/15/16 * (120 e^-10 - 560 e^-13.3 + 1820 e^-15 - ...).
    EXPECT_NEAR(bit_error_rate(1), 1.615e-4, 0.001e-4);
    EXPECT_LT(bit_error_rate(milliwatts(6)), 1e-15);
    for (double db = -10; db < 6; db += 0.1)
        EXPECT_GT(bit_error_rate(milliwatts(db)), bit_error_rate(milliwatts(db + 0.1)));
}

TEST(BitErrors, TheTableFollowsTheFormula) {
    const BitErrors table;
    for (double db = -12; db < 3; db += 0.07) {
        const double exact = std::pow(1 - bit_error_rate(milliwatts(db)), 8.0 * 60);
        EXPECT_NEAR(table.frame_success(db, 60), exact, 0.003) << db;
    }
    EXPECT_EQ(table.frame_success(20, 133), 1.0);
    EXPECT_LT(table.frame_success(-30, 20), 1e-20);
}

}  // namespace
}  // namespace causeway::sim::propagation_test
