// The world's queue: order in time, first come first served at one instant, nothing lost.
#include "sim/world.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace causeway::sim::world_test {
namespace {

using namespace std::chrono_literals;

struct Diary final : Actor {
    struct Line {
        Instant at;
        std::uint16_t what;
        std::uint32_t whom;
    };
    std::vector<Line> lines;
    World* world = nullptr;
    ActorId self{};

    void act(Instant now, std::uint16_t what, std::uint32_t whom) override {
        lines.push_back({now, what, whom});
        if (what == 7) world->at(now, self, 8, whom);  // asks for more at the same instant
    }
};

struct WorldTest : testing::Test {
    World world{1};
    Diary diary;
    WorldTest() {
        diary.world = &world;
        diary.self = world.admit(diary);
    }
};

TEST_F(WorldTest, ActsHappenInOrderOfTimeAndThenOfAsking) {
    Random random(3);
    for (std::uint32_t i = 0; i < 5'000; ++i)
        world.at(Instant(Duration(static_cast<std::int64_t>(random.below(200)))), diary.self, 1, i);
    world.run_until(Instant(1s));
    ASSERT_EQ(diary.lines.size(), 5'000u);
    for (std::size_t i = 1; i < diary.lines.size(); ++i) {
        const auto& a = diary.lines[i - 1];
        const auto& b = diary.lines[i];
        ASSERT_TRUE(a.at < b.at || (a.at == b.at && a.whom < b.whom));
    }
    EXPECT_EQ(world.acts_done(), 5'000u);
    EXPECT_EQ(world.pending(), 0u);
}

TEST_F(WorldTest, WhatIsAskedForAtThisInstantComesAfterWhatIsAlreadyDue) {
    world.at(Instant(5ms), diary.self, 7, 0);
    world.at(Instant(5ms), diary.self, 1, 1);
    world.run_until(Instant(5ms));
    ASSERT_EQ(diary.lines.size(), 3u);
    EXPECT_EQ(diary.lines[0].what, 7);
    EXPECT_EQ(diary.lines[1].what, 1);
    EXPECT_EQ(diary.lines[2].what, 8);
}

TEST_F(WorldTest, RunningUntilAnInstantIncludesItAndStopsThere) {
    world.at(Instant(10ms), diary.self, 1, 0);
    world.at(Instant(10ms) + 1ns, diary.self, 1, 1);
    world.run_until(Instant(10ms));
    EXPECT_EQ(diary.lines.size(), 1u);
    EXPECT_EQ(world.now(), Instant(10ms));
    EXPECT_EQ(world.next_event(), Instant(10ms) + 1ns);
    world.run_until(Instant(1s));
    EXPECT_EQ(world.now(), Instant(1s));
    EXPECT_EQ(world.next_event(), never);
    EXPECT_FALSE(world.step());
}

TEST_F(WorldTest, WhatIsDueNeverIsNotKept) {
    world.at(never, diary.self, 1, 0);
    EXPECT_EQ(world.pending(), 0u);
}

TEST_F(WorldTest, StreamsOfChanceDependOnSeedAndPartOnly) {
    Random a = world.random_for(5);
    Random b = World(1).random_for(5);
    Random c = world.random_for(6);
    Random d = World(2).random_for(5);
    const std::uint64_t first = a.next();
    EXPECT_EQ(first, b.next());
    EXPECT_NE(first, c.next());
    EXPECT_NE(first, d.next());
}

}  // namespace
}  // namespace causeway::sim::world_test
