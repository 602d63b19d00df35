#include "net/pacer.hpp"

#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

namespace causeway::net::pacer_test {
namespace {

using namespace std::chrono_literals;
using testing::turn_until;

/// A world of instants at which something happens.
struct World {
    std::vector<Instant> due;  // sorted, soonest last
    std::vector<Instant> ran;
    std::vector<Instant> until;

    void at(Duration when) {
        due.push_back(Instant(when));
        std::ranges::sort(due, std::greater());
    }
    Pacer::Drive drive() {
        return {.next = [this] { return due.empty() ? never : due.back(); },
                .run_until =
                    [this](Instant now) {
                        until.push_back(now);
                        while (!due.empty() && due.back() <= now) {
                            ran.push_back(due.back());
                            due.pop_back();
                        }
                    }};
    }
};

TEST(Pacer, NothingRunsBeforeItsTimeAndAllOfItInOrder) {
    Io io;
    World world;
    for (int ms : {1, 3, 3, 7, 20}) world.at(std::chrono::milliseconds(ms));
    Pacer pacer(io, world.drive());
    const auto began = Clock::Steady::now();
    pacer.start();
    ASSERT_TRUE(turn_until(io, [&] { return world.due.empty(); }));
    EXPECT_GE(Clock::Steady::now() - began, 20ms);
    EXPECT_EQ(world.ran.size(), 5u);
    EXPECT_TRUE(std::ranges::is_sorted(world.ran));
    EXPECT_EQ(pacer.lateness().count(), pacer.stats().turns);
    EXPECT_TRUE(pacer.stats().balanced());
}

TEST(Pacer, VirtualTimeStartsWhereItIsTold) {
    Io io;
    World world;
    world.at(1h + 2ms);
    Pacer pacer(io, world.drive());
    pacer.start(Instant(1h));
    EXPECT_GE(pacer.now(), Instant(1h));
    ASSERT_TRUE(turn_until(io, [&] { return world.due.empty(); }));
    EXPECT_LT(pacer.now(), Instant(1h + 1min));
}

TEST(Pacer, AWorldWithNothingToDoSleepsUntilItIsPoked) {
    Io io;
    World world;
    Pacer pacer(io, world.drive());
    pacer.start();
    EXPECT_EQ(io.run_for(10ms), 0u);
    world.at(pacer.now().time_since_epoch());
    pacer.poke();
    EXPECT_EQ(world.ran.size(), 1u);  // in that very call
}

TEST(Pacer, AnEarlierDeadlineReplacesTheOneWaitedFor) {
    Io io;
    World world;
    world.at(1h);
    Pacer pacer(io, world.drive());
    pacer.start();
    world.at(5ms);
    pacer.poke();
    EXPECT_TRUE(turn_until(io, [&] { return world.ran.size() == 1; }));
}

TEST(Pacer, ABacklogRunsInSlicesWithTurnsForOthersBetween) {
    Io io;
    World world;
    for (int i = 0; i < 50; ++i) world.at(i * 1ms);
    Pacer pacer(io, world.drive(), {.backlog_max = 10s, .slice = 10ms});
    pacer.start();
    std::this_thread::sleep_for(60ms);
    io.restart();
    std::size_t others = 0;
    std::function<void()> other = [&] {
        ++others;
        if (!world.due.empty()) boost::asio::post(io, other);
    };
    other();
    ASSERT_TRUE(turn_until(io, [&] { return world.due.empty(); }));
    EXPECT_EQ(world.ran.size(), 50u);
    EXPECT_GE(pacer.stats().turns, 5u);
    EXPECT_GE(others, 4u);
    EXPECT_EQ(pacer.stats().suspensions, 0u);
}

TEST(Pacer, AfterASuspensionOnlyTheBoundIsMadeUpForAndNothingIsSkipped) {
    Io io;
    World world;
    for (int i = 1; i <= 400; ++i) world.at(i * 1ms);
    Pacer pacer(io, world.drive(), {.backlog_max = 20ms, .slice = 5ms});
    pacer.start();
    std::this_thread::sleep_for(300ms);
    const Instant now = pacer.now();
    EXPECT_LE(now, Instant(21ms));  // due at 1 ms, and 20 ms of backlog
    EXPECT_EQ(pacer.stats().suspensions, 1u);
    EXPECT_GE(pacer.stats().forgiven_ns, 250'000'000u);
    ASSERT_TRUE(turn_until(io, [&] { return world.ran.size() >= 100; }));
    EXPECT_GE(pacer.now(), now);
    for (std::size_t i = 0; i < world.ran.size(); ++i)
        ASSERT_EQ(world.ran[i], Instant((static_cast<int>(i) + 1) * 1ms));
}

TEST(Pacer, TimeStandsStillWhileTheWorldRuns) {
    Io io;
    Pacer* self = nullptr;
    Instant due(1ms);
    bool stood_still = false;
    Pacer pacer(io, {.next = [&] { return due; },
                     .run_until =
                         [&](Instant until) {
                             due = never;
                             const Instant before = self->now();
                             const auto begun = Clock::Steady::now();
                             while (Clock::Steady::now() - begun < 2ms) {
                             }
                             self->poke();  // does nothing here
                             stood_still = self->now() == before && before >= until;
                         }});
    self = &pacer;
    pacer.start();
    ASSERT_TRUE(turn_until(io, [&] { return due == never; }));
    EXPECT_TRUE(stood_still);
}

TEST(Pacer, StoppedOrDestroyedItRunsNoMore) {
    Io io;
    World world;
    world.at(0ms);
    {
        Pacer pacer(io, world.drive());
        pacer.start();
        pacer.stop();
        io.poll();
        EXPECT_TRUE(world.ran.empty());
        pacer.start();
    }
    io.restart();
    io.run();
    EXPECT_TRUE(world.ran.empty());
}

}  // namespace
}  // namespace causeway::net::pacer_test
