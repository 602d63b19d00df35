#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "base/timers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace causeway::time_test {
namespace {

using namespace std::chrono_literals;

enum class Timer { first, second, count };

TEST(Timers, TheEarliestDeadlineIsNext) {
    Timers<Timer> timers;
    EXPECT_EQ(timers.next(), never);
    timers.arm(Timer::first, Instant(5s));
    timers.arm(Timer::second, Instant(3s));
    EXPECT_EQ(timers.next(), Instant(3s));
    timers.disarm(Timer::second);
    EXPECT_EQ(timers.next(), Instant(5s));
}

TEST(Timers, AnExpiryIsTakenOnce) {
    Timers<Timer> timers;
    timers.arm(Timer::first, Instant(5s));
    EXPECT_FALSE(timers.take_expired(Timer::first, Instant(4s)));
    EXPECT_TRUE(timers.take_expired(Timer::first, Instant(5s)));
    EXPECT_FALSE(timers.take_expired(Timer::first, Instant(6s)));
}

TEST(Time, WaitingForeverDoesNotOverflow) {
    EXPECT_EQ(after(Instant(1s), Duration::max()), never);
    EXPECT_EQ(after(Instant(1s), 2s), Instant(3s));
}

TEST(Random, IsSplitmix64) {  // the generator's published first outputs for seed 1234567
    Random random(1234567);
    EXPECT_EQ(random.next(), 6457827717110365317u);
    EXPECT_EQ(random.next(), 3203168211198807973u);
    EXPECT_EQ(random.next(), 9817491932198370423u);
}

TEST(Random, ForksAreStreamsOfTheirOwn) {
    const Random root(1);
    std::set<std::uint64_t> firsts;
    for (std::uint64_t label = 0; label < 1000; ++label) firsts.insert(root.fork(label).next());
    EXPECT_EQ(firsts.size(), 1000u);
    EXPECT_EQ(root.fork(7).next(), root.fork(7).next());
}

TEST(Random, StaysWithinItsBounds) {
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_LT(random.below(7), 7u);
        const double unit = random.unit();
        EXPECT_TRUE(unit >= 0.0 && unit < 1.0);
        EXPECT_LT(random.within(3ns), Duration(3ns));
    }
    EXPECT_EQ(random.within(0s), Duration{});
}

TEST(Outbox, GivesOutputsInOrderAndThenNone) {
    Outbox<std::unique_ptr<int>> out;
    EXPECT_EQ(out.poll(), std::nullopt);
    out.push(std::make_unique<int>(1));
    out.push(std::make_unique<int>(2));
    EXPECT_EQ(**out.poll(), 1);
    out.push(std::make_unique<int>(3));
    EXPECT_EQ(out.size(), 2u);
    EXPECT_EQ(**out.poll(), 2);
    EXPECT_EQ(**out.poll(), 3);
    EXPECT_TRUE(out.empty());
}

TEST(Teller, WithoutATapNobodyIsTold) {
    struct Ear final : Tap {
        void saw(const Happening& happening) noexcept override { last = happening; }
        Happening last{};
    } ear;
    Teller().tell(Instant(1s), "base.tested");
    Teller(&ear, NodeId{7}).tell(Instant(2s), "base.tested", 9);
    EXPECT_EQ(ear.last.node, NodeId{7});
    EXPECT_EQ(ear.last.what, "base.tested");
    EXPECT_EQ(ear.last.value, 9u);
}

}  // namespace
}  // namespace causeway::time_test
