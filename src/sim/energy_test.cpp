#include "sim/energy.hpp"

#include <gtest/gtest.h>

namespace causeway::sim::energy_test {
namespace {

using namespace std::chrono_literals;

TEST(Energy, IsCurrentTimesVoltageTimesTimeInEachState) {
    const RadioPlan plan{.volts = 3.0,
                         .transmit_milliamperes = 10,
                         .receive_milliamperes = 20,
                         .off_milliamperes = 1};
    EXPECT_NEAR(joules({.transmit = 2s}, plan), 0.060, 1e-12);
    EXPECT_NEAR(joules({.receive = 1s, .listen = 2s}, plan), 0.180, 1e-12);
    EXPECT_NEAR(joules({.off = 10s}, plan), 0.030, 1e-12);
    EXPECT_NEAR(joules({.transmit = 1s, .receive = 1s, .listen = 1s, .off = 1s}, plan), 0.153,
                1e-12);
}

TEST(Energy, AnAlwaysOnRadioCostsFiftySixMilliwattsByDefault) {
    EXPECT_NEAR(joules({.listen = 24h}, RadioPlan{}), 86400 * 0.0564, 1e-6);
}

TEST(Energy, DutyCycleIsAShareOfAllTime) {
    const DutyCycle cycle = duty_cycle({.transmit = 1s, .receive = 2s, .listen = 5s, .off = 2s});
    EXPECT_DOUBLE_EQ(cycle.transmit, 0.1);
    EXPECT_DOUBLE_EQ(cycle.receive, 0.2);
    EXPECT_DOUBLE_EQ(cycle.listen, 0.5);
    EXPECT_DOUBLE_EQ(cycle.on(), 0.8);
    EXPECT_EQ(duty_cycle({}).on(), 0.0);
}

}  // namespace
}  // namespace causeway::sim::energy_test
