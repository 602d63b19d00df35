#include "link/ieee802154/neighbours.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::neighbours_test {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

Address node(std::uint64_t i) {
    return Address::extended(0xc0ffee0000000000 + i);
}

TEST(Neighbours, TheFirstGuessIsARampOverSignalStrength) {
    EXPECT_EQ(Neighbours::etx_guess(-30), 128);
    EXPECT_EQ(Neighbours::etx_guess(-80), 128);
    EXPECT_EQ(Neighbours::etx_guess(-85), 256);
    EXPECT_EQ(Neighbours::etx_guess(-90), 384);
    EXPECT_EQ(Neighbours::etx_guess(-95), 512);
    EXPECT_EQ(Neighbours::etx_guess(-128), 512);
    Neighbours neighbours(4);
    neighbours.heard(start, node(1), -85, 150);
    EXPECT_EQ(neighbours.etx(node(1)), 256);
    EXPECT_EQ(neighbours.etx(node(2)), Neighbours::etx_unheard);
}

TEST(Neighbours, EtxSettlesOnTheMeanNumberOfAttempts) {  // [RFC 6551 §4.3.2]
    Neighbours neighbours(4);
    neighbours.heard(start, node(1), -95, 10);
    for (int i = 0; i < 200; ++i) neighbours.sent(start, node(1), SendOutcome::delivered, 1);
    EXPECT_EQ(neighbours.etx(node(1)), 128);
    for (unsigned i = 0; i < 200; ++i)
        neighbours.sent(start, node(1), SendOutcome::delivered, 1 + i % 2 * 2);  // 1, 3, 1, 3
    EXPECT_NEAR(neighbours.etx(node(1)), 256, 32);
}

TEST(Neighbours, AYoungLinkForgetsItsGuessFasterThanAnOldOneItsHistory) {
    Neighbours neighbours(4);
    neighbours.heard(start, node(1), -80, 200);
    neighbours.sent(start, node(1), SendOutcome::delivered, 5);
    EXPECT_EQ(neighbours.etx(node(1)), 128 + 4 * 128 / 8);
    for (int i = 0; i < 100; ++i) neighbours.sent(start, node(1), SendOutcome::delivered, 1);
    neighbours.sent(start, node(1), SendOutcome::delivered, 5);
    EXPECT_EQ(neighbours.etx(node(1)), 128 + 4 * 128 / 16);
}

TEST(Neighbours, ALostFrameCostsMoreThanItsAttempts) {
    Neighbours neighbours(4);
    for (int i = 0; i < 200; ++i) neighbours.sent(start, node(1), SendOutcome::no_ack, 8);
    EXPECT_EQ(neighbours.etx(node(1)), Neighbours::etx_no_ack);
}

TEST(Neighbours, WhatWasNeverOnTheAirSaysNothing) {
    Neighbours neighbours(4);
    neighbours.sent(start, node(1), SendOutcome::channel_busy, 0);
    neighbours.sent(start, node(1), SendOutcome::queue_full, 0);
    neighbours.sent(start, node(1), SendOutcome::too_long, 0);
    neighbours.sent(start, Address::broadcast(), SendOutcome::delivered, 1);
    neighbours.sent(start, {}, SendOutcome::delivered, 1);
    neighbours.heard(start, {}, -50, 255);
    EXPECT_EQ(neighbours.size(), 0u);
    neighbours.sent(start, node(1), SendOutcome::channel_busy, 2);
    EXPECT_EQ(neighbours.find(node(1))->samples, 1u);
}

TEST(Neighbours, SignalIsSmoothed) {
    Neighbours neighbours(4);
    neighbours.heard(start, node(1), -60, 240);
    EXPECT_EQ(neighbours.find(node(1))->rssi_dbm, -60);
    EXPECT_EQ(neighbours.find(node(1))->lqi, 240);
    neighbours.heard(start, node(1), -76, 200);
    EXPECT_EQ(neighbours.find(node(1))->rssi_dbm, -62);
    EXPECT_EQ(neighbours.find(node(1))->lqi, 235);
    for (int i = 0; i < 200; ++i) neighbours.heard(start, node(1), -128, 0);
    EXPECT_EQ(neighbours.find(node(1))->rssi_dbm, -127);
    EXPECT_EQ(neighbours.find(node(1))->lqi, 0);
}

TEST(Neighbours, FreshMeansEnoughAndNotLongAgo) {
    Neighbours neighbours(4);
    for (std::uint32_t i = 0; i < Neighbours::samples_fresh; ++i) {
        neighbours.sent(start, node(1), SendOutcome::delivered, 1);
        EXPECT_EQ(neighbours.find(node(1))->fresh(start), i + 1 == Neighbours::samples_fresh);
    }
    const auto link = *neighbours.find(node(1));
    EXPECT_TRUE(link.fresh(start + 9min));
    EXPECT_FALSE(link.fresh(start + Neighbours::fresh_for));
    EXPECT_EQ(link.last_sent, start);
    EXPECT_EQ(link.last_heard, never);
}

TEST(Neighbours, AFullTableGivesUpTheOneSilentTheLongest) {
    Neighbours neighbours(3);
    for (std::uint64_t i = 1; i <= 3; ++i)
        neighbours.heard(start + (10 - static_cast<int>(i)) * 1s, node(i), -70, 200);
    neighbours.heard(start + 20s, node(4), -70, 200);
    EXPECT_EQ(neighbours.size(), 3u);
    EXPECT_FALSE(neighbours.find(node(3)).has_value());
    EXPECT_TRUE(neighbours.find(node(1)).has_value());
    EXPECT_EQ(neighbours.stats().evicted, 1u);
    EXPECT_TRUE(neighbours.stats().balanced());
}

TEST(Neighbours, APinnedOneStays) {
    Neighbours neighbours(2);
    neighbours.heard(start, node(1), -70, 200);
    neighbours.heard(start, node(2), -70, 200);
    EXPECT_TRUE(neighbours.pin(node(1)));
    EXPECT_FALSE(neighbours.pin(node(9)));
    neighbours.heard(start + 1s, node(3), -70, 200);
    EXPECT_TRUE(neighbours.find(node(1))->pinned);
    EXPECT_FALSE(neighbours.find(node(2)).has_value());
    neighbours.pin(node(3));
    neighbours.sent(start + 2s, node(4), SendOutcome::delivered, 1);
    EXPECT_FALSE(neighbours.find(node(4)).has_value());
    EXPECT_EQ(neighbours.stats().refused, 1u);
    EXPECT_TRUE(neighbours.pin(node(1), false));
    neighbours.heard(start + 3s, node(5), -70, 200);
    EXPECT_FALSE(neighbours.find(node(1)).has_value());
}

TEST(Neighbours, ForgedSourcesCannotFlushLinksThatWeUse) {
    Neighbours neighbours(4);
    for (int i = 0; i < 5; ++i)
        for (std::uint64_t n = 1; n <= 4; ++n)
            neighbours.sent(start, node(n), SendOutcome::delivered, 1);
    for (std::uint64_t n = 100; n < 1100; ++n) neighbours.heard(start + 1s, node(n), -40, 255);
    for (std::uint64_t n = 1; n <= 4; ++n) EXPECT_TRUE(neighbours.find(node(n)).has_value());
    EXPECT_EQ(neighbours.stats().refused, 1000u);
    // But one that we send to ourselves gets in.
    neighbours.sent(start + 2s, node(5), SendOutcome::delivered, 1);
    EXPECT_TRUE(neighbours.find(node(5)).has_value());
    EXPECT_TRUE(neighbours.stats().balanced());
}

TEST(Neighbours, AreListedInTheOrderOfTheirAddresses) {
    Neighbours neighbours(8);
    for (const std::uint64_t i : {5u, 1u, 4u, 2u, 3u}) neighbours.heard(start, node(i), -70, 200);
    const auto all = neighbours.all();
    ASSERT_EQ(all.size(), 5u);
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(all[i].neighbour, node(i + 1));
}

TEST(Neighbours, ATableOfNoneRefuses) {
    Neighbours neighbours(0);
    neighbours.heard(start, node(1), -70, 200);
    neighbours.sent(start, node(1), SendOutcome::delivered, 1);
    EXPECT_EQ(neighbours.size(), 0u);
    EXPECT_EQ(neighbours.stats().refused, 2u);
}

}  // namespace
}  // namespace causeway::link::ieee802154::neighbours_test
