#include "mqtt/topic.hpp"

#include <gtest/gtest.h>

#include <string>

namespace causeway::mqtt::topic_test {
namespace {

using namespace std::string_view_literals;

TEST(TopicName, IsAnythingWithoutWildcards) {
    // [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
    for (const auto name : {"a"sv, "/"sv, "//"sv, "/finance"sv, "Accounts payable"sv, "$SYS/x"sv,
                            "\xc3\xa4/\xc3\xb6"sv}) {
        EXPECT_TRUE(is_topic_name(name)) << name;
    }
    for (const auto name : {""sv, "#"sv, "a/+"sv, "a+"sv, "a/#/b"sv, "a\0b"sv}) {
        EXPECT_FALSE(is_topic_name(name)) << name;
    }
}

TEST(Topic, HasAtMostSoManyOctetsAsALengthCanSay) {
    // [MQTT-4.7.3-3]
    EXPECT_TRUE(is_topic_name(std::string(65'535, 'x')));
    EXPECT_FALSE(is_topic_name(std::string(65'536, 'x')));
    EXPECT_TRUE(is_topic_filter(std::string(65'535, 'x')));
    EXPECT_FALSE(is_topic_filter(std::string(65'536, 'x')));
}

TEST(TopicFilter, HasItsWildcardsAlone) {
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
    for (const auto filter :
         {"#"sv, "+"sv, "/"sv, "a/#"sv, "+/tennis/#"sv, "sport/+/player1"sv, "/+"sv, "+/+"sv,
          "//"sv, "+//#"sv, "$SYS/#"sv, "a/b"sv, "$share"sv, "$shared/+"sv}) {
        EXPECT_TRUE(is_topic_filter(filter)) << filter;
    }
    for (const auto filter :
         {""sv, "sport/tennis#"sv, "sport/tennis/#/ranking"sv, "sport+"sv, "+sport"sv, "##"sv,
          "++"sv, "#/"sv, "a/#b"sv, "a/b+/c"sv, "a/+b/c"sv, "#+"sv, "+#"sv, "a\0"sv}) {
        EXPECT_FALSE(is_topic_filter(filter)) << filter;
    }
}

TEST(TopicFilter, SharedHasANameAndAFilter) {
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    for (const auto filter : {"$share/g/a"sv, "$share/g/#"sv, "$share/g//finance"sv, "$share/g//"sv,
                              "$share/$share/+/x"sv}) {
        EXPECT_TRUE(is_topic_filter(filter)) << filter;
    }
    for (const auto filter :
         {"$share/"sv, "$share//a"sv, "$share/g"sv, "$share/g/"sv, "$share/g+/a"sv, "$share/#/a"sv,
          "$share/+/a"sv, "$share/g/a#"sv, "$share/g/#/a"sv}) {
        EXPECT_FALSE(is_topic_filter(filter)) << filter;
    }
}

TEST(Shared, IsTakenApart) {
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    const auto shared = shared_of("$share/consumer1//finance");
    ASSERT_TRUE(shared);
    EXPECT_EQ(shared->group, "consumer1");
    EXPECT_EQ(shared->filter, "/finance");
    EXPECT_FALSE(shared_of("$share"));
    EXPECT_FALSE(shared_of("share/g/a"));
    EXPECT_FALSE(shared_of("$SHARE/g/a"));
    EXPECT_FALSE(shared_of("$share/g"));
}

TEST(Topic, HasOneLevelMoreThanSeparators) {
    EXPECT_EQ(levels_of("a"), 1u);
    EXPECT_EQ(levels_of("/"), 2u);
    EXPECT_EQ(levels_of("a/b/c"), 3u);
    EXPECT_EQ(levels_of("//"), 3u);
}

TEST(Matches, AMultiLevelWildcardAndTheParent) {
    // [MQTT 5.0 §4.7.1.2]
    for (const auto name : {"sport/tennis/player1"sv, "sport/tennis/player1/ranking"sv,
                            "sport/tennis/player1/score/wimbledon"sv}) {
        EXPECT_TRUE(matches("sport/tennis/player1/#", name)) << name;
    }
    EXPECT_TRUE(matches("sport/#", "sport"));
    EXPECT_TRUE(matches("#", "sport"));
    EXPECT_TRUE(matches("#", "/"));
    EXPECT_TRUE(matches("+/#", "sport"));
    EXPECT_TRUE(matches("sport/#", "sport/"));
    EXPECT_FALSE(matches("sport/#", "sports"));
    EXPECT_FALSE(matches("sport/tennis/#", "sport"));
}

TEST(Matches, ASingleLevelWildcardAndOneLevel) {
    // [MQTT 5.0 §4.7.1.3]
    EXPECT_TRUE(matches("sport/tennis/+", "sport/tennis/player1"));
    EXPECT_FALSE(matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    EXPECT_FALSE(matches("sport/+", "sport"));
    EXPECT_TRUE(matches("sport/+", "sport/"));
    EXPECT_TRUE(matches("+/+", "/finance"));
    EXPECT_TRUE(matches("/+", "/finance"));
    EXPECT_FALSE(matches("+", "/finance"));
    EXPECT_TRUE(matches("adt/lora/+", "adt/lora/adeunis"));
    EXPECT_FALSE(matches("adt/lora/+", "adt/lora/adeunis/0018B20000000E9E"));
    EXPECT_TRUE(matches("+//+", "a//b"));
    EXPECT_FALSE(matches("+//+", "a/x/b"));
}

TEST(Matches, NothingThatBeginsWithADollarByAWildcardInFront) {
    // [MQTT-4.7.2-1] [MQTT 3.1.1 MQTT-4.7.2-1]
    EXPECT_FALSE(matches("#", "$SYS/monitor"));
    EXPECT_FALSE(matches("+/monitor/Clients", "$SYS/monitor/Clients"));
    EXPECT_FALSE(matches("+", "$SYS"));
    EXPECT_TRUE(matches("$SYS/#", "$SYS/monitor/Clients"));
    EXPECT_TRUE(matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
    EXPECT_TRUE(matches("a/+", "a/$SYS"));
    EXPECT_TRUE(matches("a/#", "a/$SYS/b"));
}

TEST(Matches, OctetByOctet) {
    // [MQTT-4.7.3-4] [MQTT 3.1.1 MQTT-4.7.3-4]
    EXPECT_FALSE(matches("ACCOUNTS", "Accounts"));
    EXPECT_FALSE(matches("/finance", "finance"));
    EXPECT_FALSE(matches("a/", "a"));
    EXPECT_FALSE(matches("a//b", "a/b"));
    EXPECT_FALSE(matches("\xc3\xa4", "a\xcc\x88"));  // composed and decomposed
    EXPECT_TRUE(matches("\xc3\xa4/+", "\xc3\xa4/x"));
}

TEST(Matches, ASharedFilterByItsFilter) {
    EXPECT_TRUE(matches("$share/g/a/+", "a/b"));
    EXPECT_FALSE(matches("$share/g/+/b", "$SYS/b"));
    EXPECT_TRUE(matches("$share/g//finance", "/finance"));
}

}  // namespace
}  // namespace causeway::mqtt::topic_test
