#include "mqtt/broker/subscription_tree.hpp"

#include "base/random.hpp"
#include "mqtt/topic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace causeway::mqtt::subscription_tree_test {
namespace {

constexpr SubscriberId operator""_s(unsigned long long number) {
    return SubscriberId(static_cast<std::uint32_t>(number));
}

Subscription by(SubscriberId subscriber, std::uint32_t identifier = 0, Qos qos = {}) {
    return {subscriber, {.qos_max = qos}, identifier};
}

using Ids = std::vector<std::uint32_t>;

/// Identifiers of what matches, in order of delivery; of each group, those of all its members.
Ids matched(SubscriptionTree& tree, std::string_view topic) {
    Ids ids;
    tree.match(
        topic, [&](const Subscription& s) { ids.push_back(s.identifier); },
        [&](SharedGroup& group) {
            group.for_each([&](const Subscription& s) { ids.push_back(s.identifier); });
        });
    return ids;
}
Ids sorted(Ids ids) {
    std::ranges::sort(ids);
    return ids;
}

/// A tree of these filters, by one subscriber each; identifiers count from 1.
struct Forest {
    explicit Forest(std::vector<std::string_view> filters) {
        for (const std::string_view filter : filters) {
            ++made;
            tree.add(filter, by(SubscriberId(made), made));
        }
    }
    std::uint32_t made = 0;
    SubscriptionTree tree{1000};
};

TEST(SubscriptionTree, MatchesNamesLevelByLevel) {
    // [MQTT-4.7.3-4] no normalisation: every octet counts
    Forest forest({"a/b/c", "a/b", "a/b/c/d", "A/b/c"});
    EXPECT_EQ(matched(forest.tree, "a/b/c"), (Ids{1}));
    EXPECT_EQ(matched(forest.tree, "a/b"), (Ids{2}));
    EXPECT_EQ(matched(forest.tree, "a"), (Ids{}));
    EXPECT_EQ(matched(forest.tree, "a/b/c/d/e"), (Ids{}));
    EXPECT_EQ(matched(forest.tree, "A/b/c"), (Ids{4}));
}

TEST(SubscriptionTree, PlusMatchesOneLevelAlsoAnEmptyOne) {
    // [MQTT-4.7.1-2]
    Forest forest({"adt/lora/+", "+/lora/+", "+", "/+", "+/+", "a/+/c"});
    EXPECT_EQ(sorted(matched(forest.tree, "adt/lora/adeunis")), (Ids{1, 2}));
    EXPECT_EQ(matched(forest.tree, "adt/lora/adeunis/0018B20000000E9E"), (Ids{}));
    EXPECT_EQ(sorted(matched(forest.tree, "adt/lora/")), (Ids{1, 2}));
    EXPECT_EQ(matched(forest.tree, "adt/lora"), (Ids{5}));
    EXPECT_EQ(sorted(matched(forest.tree, "/finance")), (Ids{4, 5}));
    EXPECT_EQ(matched(forest.tree, "finance"), (Ids{3}));
    EXPECT_EQ(sorted(matched(forest.tree, "/")), (Ids{4, 5}));
    EXPECT_EQ(matched(forest.tree, "a//c"), (Ids{6}));
}

TEST(SubscriptionTree, HashMatchesItsParentAndAllBelow) {
    // [MQTT-4.7.1-1]
    Forest forest({"sport/tennis/player1/#", "sport/#", "#", "+/tennis/#"});
    EXPECT_EQ(sorted(matched(forest.tree, "sport/tennis/player1")), (Ids{1, 2, 3, 4}));
    EXPECT_EQ(sorted(matched(forest.tree, "sport/tennis/player1/ranking")), (Ids{1, 2, 3, 4}));
    EXPECT_EQ(sorted(matched(forest.tree, "sport")), (Ids{2, 3}));
    EXPECT_EQ(sorted(matched(forest.tree, "sport/")), (Ids{2, 3}));
    EXPECT_EQ(sorted(matched(forest.tree, "golf/tennis")), (Ids{3, 4}));
}

TEST(SubscriptionTree, WildcardsInFrontDoNotMatchNamesOfTheServersOwn) {
    // [MQTT-4.7.2-1]
    Forest forest(
        {"#", "+/monitor/Clients", "$SYS/#", "$SYS/monitor/+", "+/+/+", "$SYS/+/Clients"});
    EXPECT_EQ(sorted(matched(forest.tree, "$SYS/monitor/Clients")), (Ids{3, 4, 6}));
    EXPECT_EQ(sorted(matched(forest.tree, "$SYS")), (Ids{3}));
    EXPECT_EQ(sorted(matched(forest.tree, "a/monitor/Clients")), (Ids{1, 2, 5}));
    EXPECT_EQ(sorted(matched(forest.tree, "a/$SYS/b")), (Ids{1, 5}));
}

TEST(SubscriptionTree, TheSameFilterOfTheSameSubscriberIsReplaced) {
    // [MQTT-3.8.4-3]
    SubscriptionTree tree(10);
    using enum SubscriptionTree::Added;
    EXPECT_EQ(tree.add("a/b", by(1_s, 1)), added);
    EXPECT_EQ(tree.add("a/b", by(1_s, 2)), replaced);
    EXPECT_EQ(matched(tree, "a/b"), (Ids{2}));
    EXPECT_EQ(tree.add("a/b", by(2_s, 3)), added);
    EXPECT_EQ(tree.add("a/b", by(1_s, 4)), replaced);
    EXPECT_EQ(matched(tree, "a/b"), (Ids{4, 3}));
    EXPECT_EQ(tree.add("$share/g/a/b", by(1_s, 5)), added);
    EXPECT_EQ(tree.add("$share/g/a/b", by(1_s, 6)), replaced);
    EXPECT_EQ(matched(tree, "a/b"), (Ids{4, 3, 6}));
    EXPECT_EQ(tree.size(), 3u);
}

TEST(SubscriptionTree, RefusesWhatIsTooMuchAndStillReplaces) {
    using enum SubscriptionTree::Added;
    SubscriptionTree tree(2);
    EXPECT_EQ(tree.add("a", by(1_s)), added);
    EXPECT_EQ(tree.add("b", by(1_s)), added);
    EXPECT_EQ(tree.add("c", by(1_s)), refused_full);
    EXPECT_EQ(tree.add("$share/g/c", by(1_s)), refused_full);
    EXPECT_EQ(tree.add("a", by(1_s, 7)), replaced);
    EXPECT_EQ(matched(tree, "c"), (Ids{}));
    EXPECT_TRUE(tree.remove("b", 1_s));
    EXPECT_EQ(tree.add("c", by(1_s)), added);
    EXPECT_EQ(tree.size(), 2u);
}

TEST(SubscriptionTree, AFloodOfDeepFiltersIsRefusedBeforeItFillsTheMemory) {
    SubscriptionTree tree(1000);
    std::uint32_t added = 0;
    while (added < 1000) {
        std::string filter = "f" + std::to_string(added);
        for (int level = 0; level < 127; ++level) filter += "/x";
        if (tree.add(filter, by(1_s, added)) == SubscriptionTree::Added::refused_full) break;
        ++added;
    }
    EXPECT_LT(added, 1000u);
    EXPECT_EQ(tree.size(), added);
    EXPECT_LE(tree.nodes(), tree.nodes_max());
    EXPECT_EQ(tree.nodes(), added * 128u);  // nothing is left of the one that was refused
    EXPECT_EQ(tree.add("f0", by(2_s)), SubscriptionTree::Added::added);  // needs no new level
}

TEST(SubscriptionTree, AnyDepthIsWalkedWithoutRecursion) {
    SubscriptionTree tree(10'000);
    const std::string slashes(60'000, '/');
    EXPECT_EQ(tree.add(slashes, by(1_s, 1)), SubscriptionTree::Added::added);
    std::string pluses = "+";
    for (int i = 0; i < 20'000; ++i) pluses += "/+";
    EXPECT_EQ(tree.add(pluses, by(1_s, 2)), SubscriptionTree::Added::added);
    EXPECT_EQ(matched(tree, slashes), (Ids{1}));
    EXPECT_EQ(matched(tree, std::string(20'000, '/')), (Ids{2}));
    EXPECT_EQ(matched(tree, std::string(65'535, '/')), (Ids{}));
    EXPECT_TRUE(tree.remove(slashes, 1_s));
    EXPECT_TRUE(tree.remove(pluses, 1_s));
    EXPECT_EQ(tree.nodes(), 0u);
}

TEST(SubscriptionTree, RemovesOnlyWhatIsThere) {
    Forest forest({"a/b/c", "a/#", "a/+"});
    EXPECT_FALSE(forest.tree.remove("a/b", 1_s));
    EXPECT_FALSE(forest.tree.remove("a/b/c", 2_s));
    EXPECT_FALSE(forest.tree.remove("$share/g/a/b/c", 1_s));
    EXPECT_FALSE(forest.tree.remove("nothing/of/the/kind", 1_s));
    EXPECT_TRUE(forest.tree.remove("a/b/c", 1_s));
    EXPECT_FALSE(forest.tree.remove("a/b/c", 1_s));
    EXPECT_TRUE(forest.tree.remove("a/+", 3_s));
    EXPECT_EQ(matched(forest.tree, "a/b"), (Ids{2}));
    EXPECT_TRUE(forest.tree.remove("a/#", 2_s));
    EXPECT_EQ(matched(forest.tree, "a/b"), (Ids{}));
    EXPECT_EQ(forest.tree.nodes(), 0u);
    EXPECT_TRUE(forest.tree.empty());
}

TEST(SubscriptionTree, AGroupHandsOutInTurnAndPassesOverWhomItMust) {
    // [MQTT 5.0 §4.8.2]
    SubscriptionTree tree(100);
    for (std::uint32_t i = 0; i < 4; ++i) tree.add("$share/pool/jobs/+", by(SubscriberId(i), i));
    std::set<std::uint32_t> usable{0, 1, 2, 3};
    const auto next = [&] {
        int picked = -1;
        tree.match(
            "jobs/now", [](const Subscription&) { ADD_FAILURE(); },
            [&](SharedGroup& group) {
                EXPECT_EQ(group.name(), "pool");
                EXPECT_EQ(group.size(), 4u);
                const Subscription* const one = group.pick([&](const Subscription& s) {
                    return usable.contains(std::to_underlying(s.subscriber));
                });
                if (one != nullptr) picked = static_cast<int>(one->identifier);
            });
        return picked;
    };
    EXPECT_EQ(next(), 0);
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), 2);
    EXPECT_EQ(next(), 3);
    usable = {1, 3};
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), 3);
    EXPECT_EQ(next(), 1);
    usable = {};
    EXPECT_EQ(next(), -1);
}

TEST(SubscriptionTree, GroupsOfOneFilterAndOfOthersAreApart) {
    // [MQTT 5.0 §4.8.2]
    SubscriptionTree tree(1000);
    for (std::uint32_t g = 0; g < 100; ++g) {
        tree.add("$share/g" + std::to_string(g) + "/a/b", by(1_s, g + 1));
        tree.add("$share/g" + std::to_string(g) + "/a/b", by(2_s, g + 1));
    }
    tree.add("a/b", by(1_s, 1000));
    std::uint32_t groups = 0;
    tree.match(
        "a/b", [](const Subscription& s) { EXPECT_EQ(s.identifier, 1000u); },
        [&](SharedGroup& group) {
            ++groups;
            EXPECT_EQ(group.size(), 2u);
        });
    EXPECT_EQ(groups, 100u);
    for (std::uint32_t g = 0; g < 100; g += 2) {
        EXPECT_TRUE(tree.remove("$share/g" + std::to_string(g) + "/a/b", 1_s));
        EXPECT_TRUE(tree.remove("$share/g" + std::to_string(g) + "/a/b", 2_s));
        EXPECT_FALSE(tree.remove("$share/g" + std::to_string(g) + "/a/b", 2_s));
    }
    EXPECT_EQ(matched(tree, "a/b").size(), 101u);
    for (std::uint32_t g = 1; g < 100; g += 2) {
        EXPECT_TRUE(tree.remove("$share/g" + std::to_string(g) + "/a/b", 1_s));
        EXPECT_TRUE(tree.remove("$share/g" + std::to_string(g) + "/a/b", 2_s));
    }
    EXPECT_EQ(matched(tree, "a/b"), (Ids{1000}));
    EXPECT_TRUE(tree.remove("a/b", 1_s));
    EXPECT_EQ(tree.nodes(), 0u);
}

TEST(SubscriptionTree, AHundredThousandOnOneFilterComeAndGo) {
    SubscriptionTree tree(100'000);
    const std::size_t idle = tree.footprint();
    for (std::uint32_t i = 0; i < 100'000; ++i)
        ASSERT_EQ(tree.add("news", by(SubscriberId(i), i)), SubscriptionTree::Added::added);
    EXPECT_LT(tree.footprint(), 100'000u * 32);
    for (std::uint32_t i = 0; i < 100'000; i += 2)
        ASSERT_TRUE(tree.remove("news", SubscriberId(i)));
    Ids left = sorted(matched(tree, "news"));
    ASSERT_EQ(left.size(), 50'000u);
    for (std::uint32_t i = 0; i < 50'000; ++i) ASSERT_EQ(left[i], 2 * i + 1);
    for (std::uint32_t i = 1; i < 100'000; i += 2)
        ASSERT_TRUE(tree.remove("news", SubscriberId(i)));
    EXPECT_EQ(tree.nodes(), 0u);
    EXPECT_LT(tree.footprint(), idle + 1024);
}

TEST(SubscriptionTree, TakesLessThan150OctetsForAFilterOfItsOwnAndGivesThemBack) {
    SubscriptionTree tree(100'000);
    const std::size_t idle = tree.footprint();
    const auto filter = [](std::uint32_t i) {
        return "devices/0018B2" + std::to_string(10'000'000'000 + i) + "/command";
    };
    for (std::uint32_t i = 0; i < 100'000; ++i) tree.add(filter(i), by(SubscriberId(i), i));
    EXPECT_LT(tree.footprint(), 100'000u * 150);
    for (std::uint32_t i = 0; i < 100'000; ++i)
        ASSERT_TRUE(tree.remove(filter(i), SubscriberId(i)));
    EXPECT_LT(tree.footprint(), idle + 64 * 1024);
}

TEST(SubscriptionTree, OrderDependsOnHistoryAndNotOnTheSeed) {
    const auto history = [](std::uint64_t seed) {
        SubscriptionTree tree(1000, seed);
        Random random(5);
        for (std::uint32_t i = 0; i < 1000; ++i) {
            const std::uint64_t pick = random.below(6);
            constexpr std::string_view filters[] = {"a/b", "a/+",          "#",
                                                    "+/b", "$share/g/a/b", "a/#"};
            const auto subscriber = SubscriberId(static_cast<std::uint32_t>(random.below(60)));
            if (random.below(3) == 0)
                tree.remove(filters[pick], subscriber);
            else
                tree.add(filters[pick], by(subscriber, i));
        }
        return matched(tree, "a/b");
    };
    const Ids first = history(1);
    EXPECT_GT(first.size(), 50u);
    EXPECT_EQ(first, history(2));
}

TEST(SubscriptionTree, AgreesWithANaiveListOverManyRandomSteps) {
    Random random(3);
    SubscriptionTree tree(400);
    std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> model;
    const auto some_topic = [&](bool filter) {
        constexpr std::string_view words[] = {"a", "b", "", "$x", "a rather long name of a level"};
        std::string topic;
        const std::uint64_t levels = 1 + random.below(4);
        for (std::uint64_t i = 0; i < levels; ++i) {
            if (i > 0) topic += '/';
            if (filter && i + 1 == levels && random.below(4) == 0)
                topic += '#';
            else if (filter && random.below(3) == 0)
                topic += '+';
            else
                topic += words[random.below(std::size(words))];
        }
        if (topic.empty()) topic = "a";
        return topic;
    };
    for (std::uint32_t step = 1; step < 20'000; ++step) {
        std::string filter = some_topic(true);
        if (random.below(5) == 0)
            filter = "$share/g" + std::to_string(random.below(3)) + "/" + filter;
        const auto subscriber = static_cast<std::uint32_t>(random.below(40));
        if (random.below(step / 5'000 % 2 == 0 ? 2 : 6) == 0) {
            const auto added = tree.add(filter, by(SubscriberId(subscriber), step));
            const bool there = model.contains({filter, subscriber});
            EXPECT_EQ(added, there                 ? SubscriptionTree::Added::replaced
                             : model.size() == 400 ? SubscriptionTree::Added::refused_full
                                                   : SubscriptionTree::Added::added);
            if (added != SubscriptionTree::Added::refused_full) model[{filter, subscriber}] = step;
        } else {
            EXPECT_EQ(tree.remove(filter, SubscriberId(subscriber)),
                      model.erase({filter, subscriber}) == 1);
        }
        ASSERT_EQ(tree.size(), model.size());
        if (step % 8 != 0) continue;
        const std::string topic = some_topic(false);
        Ids expected;
        for (const auto& [key, identifier] : model) {
            const auto shared = shared_of(key.first);
            if (matches(shared ? shared->filter : std::string_view(key.first), topic))
                expected.push_back(identifier);
        }
        ASSERT_EQ(sorted(matched(tree, topic)), sorted(expected)) << topic;
    }
}

}  // namespace
}  // namespace causeway::mqtt::subscription_tree_test
