#include "lowpan/contexts.hpp"

#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::contexts_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;

TEST(Contexts, TheLongestPrefixThatMayCompressMatchesBest) {
    Contexts contexts;
    contexts.set(7, {.prefix = prefix("2001:db8::/32")});
    contexts.set(3, {.prefix = prefix("2001:db8:7::/48")});
    contexts.set(1, {.prefix = prefix("2001:db8:7:1::/64"), .compression_allowed = false});
    EXPECT_EQ(contexts.best_match(address("2001:db8:7:1::1")), 3);
    EXPECT_EQ(contexts.best_match(address("2001:db8:8::1")), 7);
    EXPECT_EQ(contexts.best_match(address("2001:db9::1")), std::nullopt);
    contexts.set(1, {.prefix = prefix("2001:db8:7:1::/64")});
    EXPECT_EQ(contexts.best_match(address("2001:db8:7:1::1")), 1);
}

TEST(Contexts, OfEqualPrefixesTheLowestNumberMatches) {
    Contexts contexts;
    contexts.set(9, {.prefix = prefix("fd00::/64")});
    contexts.set(4, {.prefix = prefix("fd00::/64")});
    EXPECT_EQ(contexts.best_match(address("fd00::1")), 4);
}

TEST(Contexts, SettingReplacesAndRemovingForgets) {
    Contexts contexts;
    EXPECT_TRUE(contexts.set(15, {.prefix = prefix("fd00::/64")}));
    EXPECT_TRUE(contexts.set(15, {.prefix = prefix("fd01::/56")}));
    EXPECT_EQ(contexts.size(), 1u);
    EXPECT_EQ(contexts.find(15)->prefix, prefix("fd01::/56"));
    contexts.remove(15);
    EXPECT_TRUE(contexts.empty());
    EXPECT_EQ(contexts.find(15), std::nullopt);
}

TEST(Contexts, ThereAreSixteen) {
    Contexts contexts;
    for (std::uint8_t id = 0; id < 20; ++id)
        EXPECT_EQ(contexts.set(id, {.prefix = prefix("fd00::/64")}), id < 16);
    EXPECT_EQ(contexts.size(), Contexts::contexts_max);
    EXPECT_FALSE(contexts.set(0, {.prefix = {.address = {}, .length = 129}}));
}

TEST(Contexts, BitsPastThePrefixAreCleared) {
    Contexts contexts;
    contexts.set(0, {.prefix = {.address = address("fd00:1:2:3:4:5:6:7"), .length = 60}});
    EXPECT_EQ(contexts.find(0)->prefix, prefix("fd00:1:2::/60"));
    contexts.set(0, {.prefix = {.address = address("fd00:1:2:3:4:5:6:7"), .length = 0}});
    EXPECT_EQ(contexts.find(0)->prefix, prefix("::/0"));
    contexts.set(0, {.prefix = {.address = address("fd00:1:2:3:4:5:6:7"), .length = 128}});
    EXPECT_EQ(contexts.find(0)->prefix.address, address("fd00:1:2:3:4:5:6:7"));
}

TEST(Contexts, AnExpiredContextIsReceiveOnlyForAnHourAndThenGone) {  // [RFC 6775 §5.4.3]
    Contexts contexts;
    contexts.set(0, {.prefix = prefix("fd00::/64"), .valid_until = Instant(10s)});
    contexts.set(1, {.prefix = prefix("fd01::/64")});
    EXPECT_EQ(contexts.next_deadline(), Instant(10s));
    contexts.handle_timeout(Instant(9s));
    EXPECT_EQ(contexts.best_match(address("fd00::1")), 0);
    contexts.handle_timeout(Instant(10s));
    EXPECT_EQ(contexts.best_match(address("fd00::1")), std::nullopt);
    ASSERT_TRUE(contexts.find(0).has_value());
    EXPECT_FALSE(contexts.find(0)->compression_allowed);
    EXPECT_EQ(contexts.next_deadline(), Instant(3610s));
    contexts.handle_timeout(Instant(3610s));
    EXPECT_EQ(contexts.find(0), std::nullopt);
    EXPECT_EQ(contexts.size(), 1u);
    EXPECT_EQ(contexts.next_deadline(), never);
}

TEST(Contexts, RenewingAnExpiredContextRevivesIt) {
    Contexts contexts;
    contexts.set(0, {.prefix = prefix("fd00::/64"), .valid_until = Instant(10s)});
    contexts.handle_timeout(Instant(10s));
    contexts.set(0, {.prefix = prefix("fd00::/64"), .valid_until = Instant(100s)});
    EXPECT_EQ(contexts.best_match(address("fd00::1")), 0);
    EXPECT_EQ(contexts.next_deadline(), Instant(100s));
}

TEST(Contexts, WakingVeryLateRemovesAtOnce) {
    Contexts contexts;
    contexts.set(0, {.prefix = prefix("fd00::/64"), .valid_until = Instant(10s)});
    contexts.handle_timeout(Instant(100'000s));
    EXPECT_TRUE(contexts.empty());
}

}  // namespace
}  // namespace causeway::lowpan::contexts_test
