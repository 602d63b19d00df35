#include "mqtt/access.hpp"
#include "mqtt/access_filter.hpp"
#include "mqtt/topic.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::access_test {
namespace {

AccessRules rules(std::string_view file) {
    auto parsed = AccessRules::parse(file);
    if (parsed) return *std::move(parsed);
    for (const AccessMistake& mistake : parsed.error())
        ADD_FAILURE() << mistake.line << ':' << mistake.column << ": " << mistake.what;
    return {};
}

std::vector<AccessMistake> mistakes(std::string_view file) {
    const auto parsed = AccessRules::parse(file);
    return parsed ? std::vector<AccessMistake>{} : parsed.error();
}

TEST(AccessRules, WithoutAListEverythingIsAllowed) {
    const AccessRules none;
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(none.allows("", "c", Access::write, "a"));
    EXPECT_TRUE(none.allows("", "c", Access::subscribe, "#"));
}

TEST(AccessRules, AListWithoutALineRefusesEverything) {
    const AccessRules list = rules("# nothing yet\n");
    EXPECT_FALSE(list.empty());
    EXPECT_FALSE(list.allows("", "c", Access::read, "a"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "#"));
}

TEST(AccessRules, TopicsBeforeAnyUserAreForAnonymousClientsOnly) {
    const AccessRules list = rules("topic read public/#\nuser alice\ntopic home/#\n");
    EXPECT_TRUE(list.allows("", "c", Access::read, "public/a"));
    EXPECT_FALSE(list.allows("", "c", Access::write, "public/a"));
    EXPECT_FALSE(list.allows("alice", "c", Access::read, "public/a"));
    EXPECT_FALSE(list.allows("bob", "c", Access::read, "public/a"));
    EXPECT_TRUE(list.allows("alice", "c", Access::write, "home/a"));
    EXPECT_FALSE(list.allows("", "c", Access::write, "home/a"));
}

TEST(AccessRules, AccessTypesAllowWhatTheySay) {
    const AccessRules list =
        rules("user u\ntopic read r\ntopic write w\ntopic readwrite rw\ntopic both\n");
    const auto can = [&](Access access, std::string_view topic) {
        return list.allows("u", "c", access, topic);
    };
    EXPECT_TRUE(can(Access::read, "r") && !can(Access::write, "r"));
    EXPECT_TRUE(!can(Access::read, "w") && can(Access::write, "w"));
    EXPECT_TRUE(can(Access::read, "rw") && can(Access::write, "rw"));
    EXPECT_TRUE(can(Access::read, "both") && can(Access::write, "both"));
    EXPECT_TRUE(can(Access::subscribe, "r"));
    EXPECT_FALSE(can(Access::subscribe, "w"));
}

TEST(AccessRules, DenyBeatsEveryOtherLineWhereverItStands) {
    const AccessRules list = rules(
        "user u\ntopic deny a/secret/#\ntopic a/#\ntopic a/secret/x\n"
        "pattern readwrite a/#\npattern deny a/hidden\n");
    EXPECT_TRUE(list.allows("u", "c", Access::read, "a/b"));
    EXPECT_FALSE(list.allows("u", "c", Access::read, "a/secret/x"));
    EXPECT_FALSE(list.allows("u", "c", Access::write, "a/secret"));
    EXPECT_FALSE(list.allows("u", "c", Access::read, "a/hidden"));
    EXPECT_TRUE(list.allows("v", "c", Access::read, "a/secret/x"));  // another's deny
}

TEST(AccessRules, AUserDescribedTwiceHasBothParts) {
    const AccessRules list = rules("user u\ntopic a\nuser v\ntopic b\nuser u\ntopic c\n");
    EXPECT_TRUE(list.allows("u", "c", Access::read, "a"));
    EXPECT_TRUE(list.allows("u", "c", Access::read, "c"));
    EXPECT_FALSE(list.allows("u", "c", Access::read, "b"));
}

TEST(AccessRules, PatternsAreFilledWithTheClientsNames) {
    const AccessRules list =
        rules("pattern write devices/%c/up\npattern read home/%u/#\npattern x/%u-%c%%u\n");
    EXPECT_TRUE(list.allows("", "dev1", Access::write, "devices/dev1/up"));
    EXPECT_FALSE(list.allows("", "dev1", Access::write, "devices/dev2/up"));
    EXPECT_FALSE(list.allows("", "dev1", Access::write, "devices/dev11/up"));
    EXPECT_TRUE(list.allows("alice", "c", Access::read, "home/alice/lamp"));
    EXPECT_TRUE(list.allows("alice", "c", Access::read, "home/alice"));
    EXPECT_FALSE(list.allows("alice", "c", Access::read, "home/bob/lamp"));
    EXPECT_FALSE(list.allows("", "c", Access::read, "home//lamp"));
    EXPECT_TRUE(list.allows("al", "ice", Access::read, "x/al-ice%al"));
    EXPECT_TRUE(list.allows("al", "ice", Access::subscribe, "x/al-ice%al"));
}

TEST(AccessRules, TopicLinesAreNotFilled) {
    const AccessRules list = rules("topic home/%c\n");
    EXPECT_FALSE(list.allows("", "x", Access::read, "home/x"));
    EXPECT_TRUE(list.allows("", "x", Access::read, "home/%c"));
}

TEST(AccessRules, ANameWithAWildcardOrASlashFillsNoPattern) {
    const AccessRules list = rules("pattern readwrite d/%c/#\npattern read all\n");
    for (const std::string_view id : {"+", "#", "a/b", "a+", ""}) {
        EXPECT_FALSE(list.allows("", id, Access::write, "d/other/x")) << id;
        EXPECT_FALSE(list.allows("", id, Access::write, "d/a/b/x")) << id;
        EXPECT_FALSE(list.allows("", id, Access::subscribe, "d/#")) << id;
        EXPECT_TRUE(list.allows("", id, Access::read, "all")) << id;
    }
}

TEST(AccessRules, ADenyPatternThatCannotBeFilledHoldsForEveryName) {
    const AccessRules list =
        rules("user u\ntopic d/#\npattern deny d/%c/secret\npattern deny e-%c/x\n");
    EXPECT_FALSE(list.allows("u", "a", Access::read, "d/a/secret"));
    EXPECT_TRUE(list.allows("u", "a", Access::read, "d/b/secret"));
    EXPECT_FALSE(list.allows("u", "a/b", Access::read, "d/b/secret"));
    EXPECT_FALSE(list.allows("u", "+", Access::subscribe, "d/b/secret"));
    EXPECT_TRUE(list.allows("u", "+", Access::subscribe, "d/b/other"));
}

TEST(AccessRules, NoClientNamesItselfIntoTheServersTopics) {
    const AccessRules list = rules("pattern readwrite %c/#\npattern read x/%c\n");
    EXPECT_FALSE(list.allows("", "$SYS", Access::read, "$SYS/broker/uptime"));
    EXPECT_FALSE(list.allows("", "$SYS", Access::subscribe, "$SYS/#"));
    EXPECT_TRUE(list.allows("", "$SYS", Access::read, "x/$SYS"));
    EXPECT_TRUE(list.allows("", "me", Access::read, "me/a"));
}

TEST(AccessRules, AWildcardInFrontAllowsNothingOfTheServers) {
    // [MQTT-4.7.2-1]
    const AccessRules list = rules("topic #\nuser u\ntopic read $SYS/#\n");
    EXPECT_TRUE(list.allows("", "c", Access::read, "a/b"));
    EXPECT_FALSE(list.allows("", "c", Access::read, "$SYS/broker"));
    EXPECT_FALSE(list.allows("", "c", Access::subscribe, "$SYS/#"));
    EXPECT_TRUE(list.allows("u", "c", Access::subscribe, "$SYS/broker/+"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "#"));
}

TEST(AccessRules, ASubscriptionIsAllowedWhenItMayBringSomething) {
    const AccessRules list = rules("user u\ntopic read a/+/c\ntopic write w/#\n");
    for (const std::string_view yes :
         {"a/b/c", "a/+/c", "#", "+/+/+", "a/#", "+/b/#", "a/b/c/#", "$share/g/a/b/+"})
        EXPECT_TRUE(list.allows("u", "c", Access::subscribe, yes)) << yes;
    for (const std::string_view no :
         {"a", "a/b", "a/b/d", "+/+", "a/b/c/d", "b/#", "w/#", "w/x", "$share/g/w/x", "+/b/d/#"})
        EXPECT_FALSE(list.allows("u", "c", Access::subscribe, no)) << no;
}

TEST(AccessRules, ASubscriptionThatIsDeniedAsAWholeIsRefused) {
    const AccessRules list =
        rules("user u\ntopic read house/#\ntopic deny house/secret/#\ntopic deny house/+/key\n");
    EXPECT_TRUE(list.allows("u", "c", Access::subscribe, "#"));
    EXPECT_TRUE(list.allows("u", "c", Access::subscribe, "house/+"));
    EXPECT_TRUE(list.allows("u", "c", Access::subscribe, "house/+/+"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "house/secret"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "house/secret/+"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "house/+/key"));
    EXPECT_FALSE(list.allows("u", "c", Access::subscribe, "$share/g/house/secret/#"));
    // All that could come of it is denied, though the deny covers only what is allowed.
    const AccessRules same = rules("user u\ntopic read a/#\ntopic deny a/#\n");
    EXPECT_FALSE(same.allows("u", "c", Access::subscribe, "#"));
}

TEST(AccessRules, LinesAreReadAsMosquittoReadsThem) {
    const AccessRules list = rules(
        "\xef\xbb\xbf# a comment\r\n"
        "   # another\r\n"
        "\r\n"
        "user  alice smith  \r\n"
        "topic   read   two words/# \r\n"
        "\ttopic\twrite\ttab\r\n"
        "topic last");
    EXPECT_TRUE(list.allows("alice smith", "c", Access::read, "two words/x"));
    EXPECT_TRUE(list.allows("alice smith", "c", Access::write, "tab"));
    EXPECT_TRUE(list.allows("alice smith", "c", Access::write, "last"));
    EXPECT_FALSE(list.allows("alice", "c", Access::write, "last"));
}

TEST(AccessRules, AllMistakesAreToldAtOnceWithTheirPlaces) {
    const auto found = mistakes(
        "topics a\n"
        "topic\n"
        "topic read\n"
        "topic raed a b\n"
        "# fine\n"
        "  pattern read a/#/b\n"
        "user\n"
        "topic \xc3\xa4+/x\n"
        "pattern write $share/g/x\n"
        "topic read \xff\n");
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const AccessMistake& mistake : found) places.emplace_back(mistake.line, mistake.column);
    const decltype(places) wanted{{1, 1}, {2, 6}, {3, 11}, {4, 7},  {6, 16},
                                  {7, 5}, {8, 7}, {9, 15}, {10, 12}};
    EXPECT_EQ(places, wanted);
    ASSERT_GE(found.size(), 4u);
    EXPECT_EQ(found[0].what, "no such line; wanted user, topic or pattern, or # before a comment");
    EXPECT_EQ(found[2].what, "the topic is missing behind `read`, as in `topic read home/#`");
}

TEST(AccessRules, EqualFilesMakeEqualRules) {
    EXPECT_EQ(rules("user u\ntopic a\n"), rules("# other words\nuser u\n  topic readwrite a\n"));
    EXPECT_NE(rules("user u\ntopic a\n"), rules("user u\ntopic read a\n"));
    EXPECT_NE(rules(""), AccessRules{});
}

TEST(AccessFilter, IntersectionsHoldWhatBothMatch) {
    using access::intersection;
    EXPECT_EQ(intersection("a/+", "+/b"), "a/b");
    EXPECT_EQ(intersection("a/#", "a"), "a");
    EXPECT_EQ(intersection("a/#", "a/#"), "a/#");
    EXPECT_EQ(intersection("#", "a/+/c"), "a/+/c");
    EXPECT_EQ(intersection("+/#", "a/b/#"), "a/b/#");
    EXPECT_EQ(intersection("/+", "/"), "/");
    EXPECT_EQ(intersection("a//b", "a/+/b"), "a//b");
    EXPECT_EQ(intersection("$SYS/#", "$SYS/+"), "$SYS/+");
    EXPECT_EQ(intersection("a", "a/+"), std::nullopt);
    EXPECT_EQ(intersection("#", "$SYS/#"), std::nullopt);
    EXPECT_EQ(intersection("+/x", "$SYS/x"), std::nullopt);
    EXPECT_EQ(intersection("a/b", "a/c"), std::nullopt);
}

TEST(AccessFilter, ItsAlgebraAgreesWithMatchingNames) {
    const std::vector<std::string> levels{"", "a", "b", "$s", "+"};
    std::vector<std::string> filters{"#"};
    std::vector<std::string> names;
    const auto add = [&](const std::string& topic) {
        if (is_topic_name(topic)) names.push_back(topic);
        if (is_topic_filter(topic)) filters.push_back(topic);
        if (is_topic_filter(topic + "/#")) filters.push_back(topic + "/#");
    };
    for (const auto& one : levels) {
        add(one);
        for (const auto& two : levels) {
            add(one + "/" + two);
            add(one + "/" + two + "/a");
        }
    }
    for (const auto& a : filters)
        for (const auto& b : filters) {
            const auto common = access::intersection(a, b);
            bool covered = true;
            for (const auto& name : names) {
                const bool both = matches(a, name) && matches(b, name);
                ASSERT_EQ(both, common && matches(*common, name)) << a << ' ' << b << ' ' << name;
                covered = covered && (!matches(b, name) || matches(a, name));
            }
            if (access::covers(a, b)) {
                ASSERT_TRUE(covered) << a << " covers " << b;
            }
        }
    EXPECT_TRUE(access::covers("a/#", "a/+/b"));
    EXPECT_TRUE(access::covers("a/+", "a/b"));
    EXPECT_TRUE(access::covers("#", "+/#"));
    EXPECT_FALSE(access::covers("#", "$SYS/#"));
    EXPECT_FALSE(access::covers("a/+", "a/#"));
    EXPECT_FALSE(access::covers("a/b", "a/+"));
}

}  // namespace
}  // namespace causeway::mqtt::access_test
