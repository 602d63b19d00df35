#include "site/values.hpp"

#include <gtest/gtest.h>

namespace causeway::site::values_test {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsANumberAndAUnit) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("60s"), 60s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("2d"), 48h);
    EXPECT_EQ(parse_duration("10us"), 10us);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ParseDuration, ReadsDecimalsExactly) {
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("0.000000001s"), 1ns);
    EXPECT_EQ(parse_duration("0.1h"), 6min);
    EXPECT_EQ(parse_duration("1.000000000000s"), 1s);
    EXPECT_EQ(parse_duration("1.0000000001s"), std::nullopt);  // finer than a nanosecond
    EXPECT_EQ(parse_duration("1.00000000001s"), std::nullopt);
}

TEST(ParseDuration, RefusesWhatNobodyCouldMean) {
    for (const char* text : {"", "s", "60", "60 s", " 60s", "60s ", "-1s", "+1s", "1.s", ".5s",
                             "1e3s", "5 minutes", "1h30m", "60S", "1..5s", "0x10s"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(ParseDuration, RefusesWhatTheTimelineCannotHold) {
    EXPECT_EQ(parse_duration("10000d"), 10'000 * 24h);
    EXPECT_EQ(parse_duration("10000.1d"), std::nullopt);
    EXPECT_EQ(parse_duration("10001d"), std::nullopt);
    EXPECT_EQ(parse_duration("99999999999999999999s"), std::nullopt);
    EXPECT_EQ(parse_duration("9223372036854775807us"), std::nullopt);
}

TEST(DurationText, IsWhatWouldBeReadBack) {
    for (const Duration duration : {Duration(0s), Duration(1us), Duration(250ms), Duration(90s),
                                    Duration(5min), Duration(36h), Duration(1500ms)}) {
        EXPECT_EQ(parse_duration(to_text(duration)), duration) << to_text(duration);
    }
    EXPECT_EQ(to_text(Duration(90s)), "90s");
    EXPECT_EQ(to_text(Duration(5min)), "5m");
    EXPECT_EQ(to_text(Duration(7ns)), "7ns");
}

TEST(IsName, TakesWhatFitsEverywhere) {
    EXPECT_TRUE(is_name("node-1"));
    EXPECT_TRUE(is_name("9.lives_"));
    EXPECT_TRUE(is_name("abc", 3));
    EXPECT_FALSE(is_name("abcd", 3));
    for (const char* text : {"", "-x", ".", "..", "a b", "a/b", "\xc3\xa9", "a\n"}) {
        EXPECT_FALSE(is_name(text)) << text;
    }
}

}  // namespace
}  // namespace causeway::site::values_test
