#include "sim/crystal.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace causeway::sim::crystal_test {
namespace {

using namespace std::chrono_literals;

TEST(Crystal, TwentyPartsAMillionIsTwentyMicrosecondsASecond) {
    EXPECT_EQ(Crystal(20'000).local(Instant(1s)), Instant(1s + 20us));
    EXPECT_EQ(Crystal(-20'000).local(Instant(1s)), Instant(1s - 20us));
    EXPECT_EQ(Crystal(20'000).local(Instant(24h)), Instant(24h + 1728ms));
    EXPECT_EQ(Crystal().local(Instant(24h)), Instant(24h));
}

TEST(Crystal, WakingAtTheConvertedDeadlineIsNeverEarlyAndNeverLate) {
    Random random(1);
    for (int i = 0; i < 20'000; ++i) {
        const auto error = static_cast<std::int64_t>(random.below(2'000'001)) - 1'000'000;
        const Crystal crystal(error);
        const Instant deadline(random.within(24h * 3650));
        const Instant wake = crystal.world(deadline);
        ASSERT_GE(crystal.local(wake), deadline) << error;
        ASSERT_LT(crystal.local(wake - 1ns), deadline) << error;
    }
}

TEST(Crystal, TheWorldsInstantComesBackWithinANanosecond) {
    Random random(2);
    for (int i = 0; i < 20'000; ++i) {
        const Crystal crystal(static_cast<std::int64_t>(random.below(40'001)) - 20'000);
        const Instant world(random.within(24h * 365));
        const Instant back = crystal.world(crystal.local(world));
        ASSERT_LE(back, world);
        ASSERT_LE(world - back, 1ns);
    }
}

TEST(Crystal, TheClockNeverRunsBackwards) {
    const Crystal slow(-999'999);
    Instant last = slow.local(Instant(1s - 2000ns));
    for (Duration t = 1s - 2000ns; t < 1s + 2000ns; t += 1ns) {
        const Instant shown = slow.local(Instant(t));
        ASSERT_GE(shown, last);
        last = shown;
    }
}

TEST(Crystal, NeverStaysNever) {
    EXPECT_EQ(Crystal(20'000).world(never), never);
    EXPECT_EQ(Crystal(-20'000).local(never), never);
}

}  // namespace
}  // namespace causeway::sim::crystal_test
