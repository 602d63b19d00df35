#include "mqtt/broker/retained_tree.hpp"

#include "base/random.hpp"
#include "mqtt/topic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace causeway::mqtt::retained_tree_test {
namespace {

RetainedTree::Entry of(std::string_view topic, std::uint64_t key = 0) {
    Publish publish;
    publish.retain = true;
    publish.topic = topic;
    publish.payload = as_octets("payload");
    return {std::make_shared<const Message>(publish, never), MessageKey(key)};
}

void keep(RetainedTree& tree, std::string_view topic) {
    EXPECT_TRUE(tree.set(topic, of(topic)));
}

using Topics = std::vector<std::string>;

Topics matched(const RetainedTree& tree, std::string_view filter) {
    Topics topics;
    tree.match(filter, [&](const RetainedTree::Entry& entry) {
        topics.emplace_back(entry.message->topic());
    });
    return topics;
}

TEST(RetainedTree, KeepsOneMessageATopic) {
    // [MQTT-3.3.1-5]
    RetainedTree tree;
    EXPECT_TRUE(tree.set("a/b", of("a/b", 1)));
    EXPECT_FALSE(tree.set("a/b", of("a/b", 2)));
    EXPECT_EQ(tree.size(), 1u);
    ASSERT_NE(tree.find("a/b"), nullptr);
    EXPECT_EQ(tree.find("a/b")->key, MessageKey(2));
    EXPECT_EQ(tree.find("a"), nullptr);
    EXPECT_EQ(tree.find("a/b/c"), nullptr);
    EXPECT_EQ(tree.find("a/"), nullptr);
}

TEST(RetainedTree, ErasingLeavesNothingBehind) {
    RetainedTree tree;
    keep(tree, "a/b/c");
    keep(tree, "a/b");
    EXPECT_GT(tree.octets(), 0u);
    EXPECT_FALSE(tree.erase("a"));
    EXPECT_FALSE(tree.erase("a/b/d"));
    ASSERT_TRUE(tree.erase("a/b"));
    EXPECT_EQ(matched(tree, "#"), (Topics{"a/b/c"}));
    const auto gone = tree.erase("a/b/c");
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->message->topic(), "a/b/c");
    EXPECT_FALSE(tree.erase("a/b/c"));
    EXPECT_EQ(tree.size(), 0u);
    EXPECT_EQ(tree.octets(), 0u);
}

TEST(RetainedTree, WildcardsFindLevelsEmptyOnesAndTheParent) {
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
    RetainedTree tree;
    for (const auto topic : {"a", "a/b", "a/b/c", "a/", "/b", "x/b/c", "x/y"}) keep(tree, topic);
    EXPECT_EQ(matched(tree, "a/b"), (Topics{"a/b"}));
    EXPECT_EQ(matched(tree, "a/+"), (Topics{"a/b", "a/"}));
    EXPECT_EQ(matched(tree, "a/#"), (Topics{"a", "a/b", "a/b/c", "a/"}));
    EXPECT_EQ(matched(tree, "+/b"), (Topics{"a/b", "/b"}));
    EXPECT_EQ(matched(tree, "+/b/#"), (Topics{"a/b", "a/b/c", "/b", "x/b/c"}));
    EXPECT_EQ(matched(tree, "+/+/c"), (Topics{"a/b/c", "x/b/c"}));
    EXPECT_EQ(matched(tree, "+"), (Topics{"a"}));
    EXPECT_EQ(matched(tree, "#"), (Topics{"a", "a/b", "a/b/c", "a/", "/b", "x/b/c", "x/y"}));
    EXPECT_EQ(matched(tree, "y/#"), (Topics{}));
    EXPECT_EQ(matched(tree, "a/b/c/#"), (Topics{"a/b/c"}));
}

TEST(RetainedTree, WildcardsInFrontDoNotFindNamesOfTheServersOwn) {
    // [MQTT-4.7.2-1]
    RetainedTree tree;
    for (const auto topic : {"$SYS/uptime", "a", "$SYS", "$b/uptime", "c/$d", "$e"})
        keep(tree, topic);
    EXPECT_EQ(matched(tree, "#"), (Topics{"a", "c/$d"}));
    EXPECT_EQ(matched(tree, "+"), (Topics{"a"}));
    EXPECT_EQ(matched(tree, "+/uptime"), (Topics{}));
    EXPECT_EQ(matched(tree, "$SYS/#"), (Topics{"$SYS", "$SYS/uptime"}));
    EXPECT_EQ(matched(tree, "$SYS/+"), (Topics{"$SYS/uptime"}));
    EXPECT_EQ(matched(tree, "+/+"), (Topics{"c/$d"}));
}

TEST(RetainedTree, OctetsCountDepthAndLongLevels) {
    RetainedTree flat;
    keep(flat, "aaaaaaaaaaaaaaa");
    RetainedTree deep;
    keep(deep, "a/a/a/a/a/a/a/a");
    EXPECT_GT(deep.octets(), flat.octets() + 7 * 40);
    RetainedTree tree;
    keep(tree, std::string(1000, 'a'));
    EXPECT_GT(tree.octets(), 2000u);
}

TEST(RetainedTree, AnyDepthIsWalkedWithoutRecursion) {
    RetainedTree tree;
    const std::string slashes(65'535, '/');
    keep(tree, slashes);
    EXPECT_EQ(matched(tree, "#"), (Topics{slashes}));
    std::string pluses = "+";
    for (int i = 0; i < 32'000; ++i) pluses += "/+";
    EXPECT_EQ(matched(tree, pluses), (Topics{}));
    EXPECT_EQ(matched(tree, pluses + "/#"), (Topics{slashes}));
    EXPECT_TRUE(tree.erase(slashes));
    EXPECT_EQ(tree.octets(), 0u);
}

TEST(RetainedTree, OrderDoesNotDependOnTheSeed) {
    const auto order = [](std::uint64_t seed) {
        RetainedTree tree(seed);
        for (int i = 0; i < 500; ++i) keep(tree, "t/" + std::to_string(i * 7919 % 500));
        for (int i = 0; i < 500; i += 3) tree.erase("t/" + std::to_string(i));
        return matched(tree, "t/+");
    };
    EXPECT_EQ(order(1), order(2));
}

TEST(RetainedTree, AgreesWithANaiveListOverManyRandomSteps) {
    Random random(11);
    RetainedTree tree;
    std::map<std::string, std::uint64_t> model;
    const auto some_topic = [&](bool filter) {
        constexpr std::string_view words[] = {"a", "b", "", "$x", "a rather long name of a level"};
        std::string topic;
        const std::uint64_t levels = 1 + random.below(4);
        for (std::uint64_t i = 0; i < levels; ++i) {
            if (i > 0) topic += '/';
            if (filter && i + 1 == levels && random.below(3) == 0)
                topic += '#';
            else if (filter && random.below(2) == 0)
                topic += '+';
            else
                topic += words[random.below(std::size(words))];
        }
        if (topic.empty()) topic = "a";
        return topic;
    };
    for (std::uint64_t step = 1; step < 20'000; ++step) {
        const std::string topic = some_topic(false);
        if (random.below(2) == 0) {
            EXPECT_EQ(tree.set(topic, of(topic, step)), !model.contains(topic));
            model[topic] = step;
        } else {
            const auto gone = tree.erase(topic);
            const auto there = model.find(topic);
            ASSERT_EQ(gone.has_value(), there != model.end());
            if (gone) {
                EXPECT_EQ(gone->key, MessageKey(there->second));
                model.erase(there);
            }
        }
        ASSERT_EQ(tree.size(), model.size());
        if (step % 8 != 0) continue;
        const std::string filter = some_topic(true);
        Topics expected;
        for (const auto& [name, key] : model)
            if (matches(filter, name)) expected.push_back(name);
        Topics found = matched(tree, filter);
        std::ranges::sort(found);
        ASSERT_EQ(found, expected) << filter;
    }
}

}  // namespace
}  // namespace causeway::mqtt::retained_tree_test
