#include "mqtt/types.hpp"

#include <gtest/gtest.h>

#include <set>

namespace causeway::mqtt::types_test {
namespace {

TEST(Reason, EveryCodeHasItsOwnName) {
    std::set<std::string_view> names;
    for (unsigned code = 0; code < 256; ++code) {
        const auto name = name_of(static_cast<Reason>(code));
        if (name == "unknown reason") continue;
        EXPECT_TRUE(names.insert(name).second) << name;
    }
    EXPECT_EQ(names.size(), 43u);  // [MQTT 5.0 §2.4]: so many values
}

TEST(Reason, ErrorsBeginAtHalf) {
    EXPECT_FALSE(is_error(Reason::success));
    EXPECT_FALSE(is_error(Reason::reauthenticate));
    EXPECT_TRUE(is_error(Reason::unspecified_error));
    EXPECT_TRUE(is_error(Reason::wildcard_subscriptions_not_supported));
}

TEST(PacketType, IsNamedAsTheStandardWritesIt) {
    EXPECT_EQ(name_of(PacketType::connect), "CONNECT");
    EXPECT_EQ(name_of(PacketType::pubcomp), "PUBCOMP");
    EXPECT_EQ(name_of(PacketType::auth), "AUTH");
    EXPECT_EQ(name_of(static_cast<PacketType>(0)), "reserved");
}

}  // namespace
}  // namespace causeway::mqtt::types_test
