#include "net/host.hpp"

#include "base/outbox.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <variant>

namespace causeway::net::host_test {
namespace {

using namespace std::chrono_literals;
using testing::turn_until;

/// Says each word back after a while; asserts that it is never given input with outputs waiting.
class Echo {
public:
    using Input = int;
    using Output = int;

    void handle(Instant now, Input word) {
        handled_with_outputs_waiting = handled_with_outputs_waiting || !outbox_.empty();
        if (word < 0) return outbox_.push(word);
        word_ = word;
        due_ = after(now, 2ms);
    }
    void handle_timeout(Instant now) {
        ++timeouts;
        if (now < due_) return;
        due_ = never;
        outbox_.push(word_);
        outbox_.push(word_ + 1);
    }
    std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const { return due_; }

    bool handled_with_outputs_waiting = false;
    int timeouts = 0;

private:
    Outbox<int> outbox_;
    Instant due_ = never;
    int word_ = 0;
};
static_assert(Engine<Echo>);

TEST(Host, WakesTheEngineAtItsDeadlineAndDrainsIt) {
    Io io;
    Echo echo;
    std::vector<int> said;
    Host host(io, echo, [&](int word) { said.push_back(word); });
    const Instant before = host.now();
    host.input(7);
    ASSERT_TRUE(turn_until(io, [&] { return said.size() == 2; }));
    EXPECT_EQ(said, (std::vector{7, 8}));
    EXPECT_GE(host.now(), before + 2ms);
    EXPECT_EQ(echo.timeouts, 1);
    io.restart();
    EXPECT_EQ(io.run(), 0u);  // an idle engine keeps no timer
}

TEST(Host, ALaterDeadlineReplacesTheTimer) {
    Io io;
    Echo echo;
    std::vector<int> said;
    Host host(io, echo, [&](int word) { said.push_back(word); });
    host.input(1);
    host.input(5);
    ASSERT_TRUE(turn_until(io, [&] { return !said.empty(); }));
    EXPECT_EQ(said.front(), 5);
    EXPECT_EQ(echo.timeouts, 1);
}

TEST(Host, InputFromAnOutputWaitsUntilTheOutputsAreDrained) {
    Io io;
    Echo echo;
    std::vector<int> said;
    std::function<void(int)> feed;
    Host host(io, echo, [&](int word) {
        said.push_back(word);
        if (word == 7) feed(-1);
    });
    feed = [&](int word) { host.input(word); };
    host.input(7);
    ASSERT_TRUE(turn_until(io, [&] { return said.size() == 3; }));
    EXPECT_EQ(said, (std::vector{7, 8, -1}));
    EXPECT_FALSE(echo.handled_with_outputs_waiting);
}

TEST(Host, DestroyedWithItsTimerExpiredItIsNotTouched) {
    Io io;
    Echo echo;
    {
        Host host(io, echo, [](int) {});
        host.input(1);
        const auto begun = Clock::Steady::now();
        while (Clock::Steady::now() - begun < 4ms) {
        }
    }
    io.run();
    EXPECT_EQ(echo.timeouts, 0);
}

TEST(Clock, CopiesAgreeAndNeverIsTheEndOfTime) {
    const Clock clock;
    const Clock copy = clock;
    const Instant a = clock.now();
    const Instant b = copy.now();
    EXPECT_LE(a, b);
    EXPECT_EQ(clock.real(a), copy.real(a));
    EXPECT_EQ(clock.real(never), Clock::Steady::time_point::max());
    EXPECT_EQ(clock.wall_ns(Instant(3ns)) - clock.wall_ns(Instant{}), 3u);
    EXPECT_NEAR(double(clock.wall_ns(clock.now())), double(Clock::wall_now_ns()), 1e9);
}

}  // namespace
}  // namespace causeway::net::host_test
