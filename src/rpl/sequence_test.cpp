#include "rpl/sequence.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::sequence_test {
namespace {

TEST(Sequence, StartsSixteenBelowTheEndOfTheStick) {
    EXPECT_EQ(Sequence{}.value(), 240);
}

TEST(Sequence, BothRegionsAreFollowedByZero) {  // [RFC 6550 §7.2, rule 2]
    EXPECT_EQ(Sequence(255).next(), Sequence(0));
    EXPECT_EQ(Sequence(127).next(), Sequence(0));
    EXPECT_EQ(Sequence(128).next(), Sequence(129));
    EXPECT_EQ(Sequence(0).next(), Sequence(1));
}

TEST(Sequence, TheExamplesOfTheStandardHold) {  // [RFC 6550 §7.2, rule 3]
    EXPECT_EQ(Sequence(240).order(Sequence(5)), SequenceOrder::newer);
    EXPECT_EQ(Sequence(5).order(Sequence(240)), SequenceOrder::older);
    EXPECT_EQ(Sequence(250).order(Sequence(5)), SequenceOrder::older);
    EXPECT_EQ(Sequence(5).order(Sequence(250)), SequenceOrder::newer);
}

TEST(Sequence, TheCircleWrapsWithinTheWindow) {
    EXPECT_TRUE(Sequence(0).newer_than(Sequence(127)));
    EXPECT_TRUE(Sequence(15).newer_than(Sequence(127)));
    EXPECT_FALSE(Sequence(127).newer_than(Sequence(0)));
    EXPECT_EQ(Sequence(16).order(Sequence(127)), SequenceOrder::incomparable);
}

TEST(Sequence, FurtherApartThanTheWindowIsIncomparable) {
    EXPECT_EQ(Sequence(10).order(Sequence(26)), SequenceOrder::older);
    EXPECT_EQ(Sequence(10).order(Sequence(27)), SequenceOrder::incomparable);
    EXPECT_EQ(Sequence(200).order(Sequence(216)), SequenceOrder::older);
    EXPECT_EQ(Sequence(200).order(Sequence(217)), SequenceOrder::incomparable);
}

TEST(Sequence, TheStickDoesNotWrapOntoItself) {
    EXPECT_EQ(Sequence(255).order(Sequence(128)), SequenceOrder::incomparable);
}

TEST(Sequence, EveryPairIsAntisymmetric) {
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const Sequence x(static_cast<std::uint8_t>(a));
            const Sequence y(static_cast<std::uint8_t>(b));
            EXPECT_EQ(x.order(y) == SequenceOrder::newer, y.order(x) == SequenceOrder::older);
            EXPECT_EQ(x.order(y) == SequenceOrder::same, a == b);
        }
}

TEST(Sequence, CountingFromTheStartIsAlwaysNewer) {
    Sequence now;
    for (int i = 0; i < 1000; ++i) {
        const Sequence then = now;
        now = now.next();
        EXPECT_TRUE(now.newer_than(then)) << int(then.value());
    }
}

}  // namespace
}  // namespace causeway::rpl::sequence_test
