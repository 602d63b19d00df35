// Trickle, held to RFC 6206 section by section, in virtual time moved by hand.
#include "rpl/trickle.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::trickle_test {
namespace {

using namespace std::chrono_literals;

Trickle started(std::uint64_t seed = 1, unsigned doublings = 2, unsigned redundancy = 1) {
    return Trickle({.interval_min = 100ms, .doublings = doublings, .redundancy = redundancy},
                   Random(seed), {});
}

TEST(Trickle, FirstTransmissionFallsInTheSecondHalfOfTheInterval) {  // [RFC 6206 §4.2, step 2]
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
        const Instant t = started(seed).next_deadline();
        EXPECT_GE(t, Instant(50ms));
        EXPECT_LT(t, Instant(100ms));
    }
}

TEST(Trickle, HearingEnoughConsistentMessagesSilencesTheInterval) {  // [RFC 6206 §4.2, step 4]
    Trickle trickle = started();
    trickle.handle(Instant(1ms), Trickle::HeardConsistent{});
    trickle.handle_timeout(trickle.next_deadline());
    EXPECT_EQ(trickle.poll_output(), std::nullopt);
}

TEST(Trickle, TheCounterStartsAfreshWithEveryInterval) {  // [RFC 6206 §4.2, step 2]
    Trickle trickle = started();
    trickle.handle(Instant(1ms), Trickle::HeardConsistent{});
    trickle.handle_timeout(Instant(100ms));
    EXPECT_EQ(trickle.poll_output(), std::nullopt);
    trickle.handle_timeout(Instant(299ms));
    EXPECT_NE(trickle.poll_output(), std::nullopt);
}

TEST(Trickle, ARedundancyOfZeroNeverSuppresses) {  // [RFC 6550 §8.3.1]
    Trickle trickle = started(1, 2, 0);
    for (int i = 0; i < 100; ++i) trickle.handle(Instant(1ms), Trickle::HeardConsistent{});
    trickle.handle_timeout(Instant(99ms));
    EXPECT_NE(trickle.poll_output(), std::nullopt);
}

TEST(Trickle, SixteenDoublingsOf100MillisecondsAre109Minutes) {  // [RFC 6206 §4.1]
    Trickle trickle = started(1, 16);
    for (int i = 0; i < 200; ++i) {
        trickle.handle_timeout(trickle.next_deadline());
        (void)trickle.poll_output();
    }
    EXPECT_EQ(trickle.interval(), 6'553'600ms);
}

TEST(Trickle, InconsistencyStartsTheShortestIntervalAgain) {  // [RFC 6206 §4.2, step 6]
    Trickle trickle = started();
    trickle.handle_timeout(Instant(100ms));
    EXPECT_EQ(trickle.interval(), 200ms);
    trickle.handle(Instant(150ms), Trickle::HeardInconsistent{});
    EXPECT_EQ(trickle.interval(), 100ms);
    EXPECT_GE(trickle.next_deadline(), Instant(200ms));
    EXPECT_LT(trickle.next_deadline(), Instant(250ms));
}

TEST(Trickle, InconsistencyAtTheShortestIntervalChangesNothing) {  // [RFC 6206 §4.2, step 6]
    Trickle trickle = started();
    const Instant before = trickle.next_deadline();
    trickle.handle(Instant(1ms), Trickle::HeardInconsistent{});
    EXPECT_EQ(trickle.next_deadline(), before);
}

TEST(Trickle, WakingLateStillTransmitsOnce) {
    Trickle trickle = started();
    trickle.handle_timeout(Instant(10s));
    EXPECT_EQ(trickle.poll_output(), Trickle::Transmit{Instant(10s)});
    EXPECT_EQ(trickle.poll_output(), std::nullopt);
    EXPECT_GT(trickle.next_deadline(), Instant(10s));
}

TEST(Trickle, WakingEarlyDoesNothing) {
    Trickle trickle = started();
    const Instant before = trickle.next_deadline();
    trickle.handle_timeout(Instant(1ms));
    EXPECT_EQ(trickle.poll_output(), std::nullopt);
    EXPECT_EQ(trickle.next_deadline(), before);
}

}  // namespace
}  // namespace causeway::rpl::trickle_test
