#include "net/signals.hpp"

#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace causeway::net::signals_test {
namespace {

using testing::turn_until;

TEST(Signals, EitherSignalCallsBackOnceFromTheLoop) {
    for (const int signal : {SIGINT, SIGTERM}) {
        Io io;
        std::vector<int> stops;
        const Signals signals(io, [&](int which) { stops.push_back(which); });
        EXPECT_EQ(Signals::raised(), 0);
        ::raise(signal);
        EXPECT_TRUE(stops.empty());  // not from the handler
        EXPECT_EQ(Signals::raised(), signal);
        ::raise(SIGTERM);
        ASSERT_TRUE(turn_until(io, [&] { return !stops.empty(); }));
        io.restart();
        io.run();
        EXPECT_EQ(stops, std::vector{signal});
    }
}

TEST(Signals, WhatWasThereBeforeComesBack) {
    struct sigaction now{};
    {
        const Signals signals;
        ::sigaction(SIGINT, nullptr, &now);
        EXPECT_NE(now.sa_handler, SIG_DFL);
    }
    ::sigaction(SIGINT, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(SignalsDeathTest, ASecondInterruptEndsTheProcessThoughTheLoopStandsStill) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            Io io;
            const Signals signals(io, [](int) {});
            ::raise(SIGINT);
            ::raise(SIGINT);
            for (;;) {
            }
        },
        ::testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace causeway::net::signals_test
