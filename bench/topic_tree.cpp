// What a broker pays to find who wants a message: a match in a tree of subscriptions, beside one
// look-up of the whole name in a plain hash table in the same run, and what a subscription and a
// retained message cost in memory and time.
#include "base/lookup.hpp"
#include "base/random.hpp"
#include "mqtt/broker/retained_tree.hpp"
#include "mqtt/broker/subscription_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace causeway;
using namespace causeway::mqtt;

constexpr int rounds = 7;

/// The best of several rounds, per item: what the code costs when nothing disturbs it.
template <class Work>
double nanoseconds(std::size_t items, Work&& work) {
    double best = 1e12;
    for (int round = 0; round < rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < items; ++i) {
            work(i);
            asm volatile("" ::: "memory");
        }
        const std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - begin;
        best = std::min(best, took.count() / double(items));
    }
    return best;
}

template <class Work>
double once(std::size_t items, Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < items; ++i) work(i);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return took.count() / double(items);
}

std::string device(std::uint64_t number) {
    return "0018b20000" + fmt::format("{:06x}", number * 7919 % 0x1000000);
}

struct Case {
    std::string name;
    std::vector<std::string> filters;
    std::vector<std::string> topics;
};

Case named(std::string name, std::size_t filters, auto&& filter, auto&& topic) {
    Case made{std::move(name), {}, {}};
    for (std::size_t i = 0; i < filters; ++i) made.filters.push_back(filter(i));
    Random random(1);
    for (std::size_t i = 0; i < 4096; ++i) made.topics.push_back(topic(random.below(filters)));
    return made;
}

void subscriptions(const Case& c) {
    SubscriptionTree tree(c.filters.size(), 1);
    Lookup<std::uint32_t> plain(1);
    const double add = once(c.filters.size(), [&](std::size_t i) {
        tree.add(c.filters[i], {SubscriberId(static_cast<std::uint32_t>(i)), {}, 0});
    });
    for (const std::string& topic : c.topics) plain.insert(topic, 1);
    const double octets = double(tree.footprint()) / double(c.filters.size());
    std::uint64_t found = 0;
    const auto count = [&](const Subscription&) { ++found; };
    const auto none = [](SharedGroup&) {};
    const double match =
        nanoseconds(c.topics.size(), [&](std::size_t i) { tree.match(c.topics[i], count, none); });
    const double each = double(found) / double(rounds) / double(c.topics.size());
    const double floor = nanoseconds(c.topics.size(), [&](std::size_t i) {
        if (plain.find(c.topics[i]) != nullptr) ++found;
    });
    const double remove = once(c.filters.size(), [&](std::size_t i) {
        tree.remove(c.filters[i], SubscriberId(static_cast<std::uint32_t>(i)));
    });
    fmt::print("{:40} {:8} {:8.1f} {:7.0f} ns {:7.0f} ns {:6.0f} ns {:6.0f} ns {:7.0f}\n", c.name,
               c.filters.size(), each, match, floor, add, remove, octets);
}

void retained(std::size_t topics) {
    RetainedTree tree(1);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < topics; ++i) names.push_back("site/" + device(i) + "/temperature");
    Publish publish;
    publish.payload = as_octets("21.5");
    std::uint64_t messages = 0;
    const double set = once(topics, [&](std::size_t i) {
        publish.topic = names[i];
        auto message = std::make_shared<const Message>(publish, never);
        messages += message->footprint();
        (void)tree.set(names[i], {std::move(message), MessageKey(i)});
    });
    std::uint64_t found = 0;
    const double find = nanoseconds(4096, [&](std::size_t i) {
        if (tree.find(names[i * 23 % topics]) != nullptr) ++found;
    });
    found = 0;
    const double all = nanoseconds(1, [&](std::size_t) {
        tree.match("site/+/temperature", [&](const RetainedTree::Entry&) { ++found; });
    });
    fmt::print("{:40} {:8} {:7.0f} ns {:7.0f} ns {:7.1f} ns {:9.0f}\n", "site/DEVICE/temperature",
               topics, set, find, all / double(found / rounds),
               double(tree.octets() - messages) / double(topics));
}

}  // namespace

int main() {
    fmt::print("{:40} {:>8} {:>8} {:>10} {:>10} {:>9} {:>9} {:>7}\n", "subscriptions", "filters",
               "matches", "match", "hash", "add", "remove", "octets");
    const auto own = [](std::size_t i) { return "site/" + device(i) + "/temperature"; };
    subscriptions(named("site/DEVICE/temperature", 1'000, own, own));
    subscriptions(named("site/DEVICE/temperature", 100'000, own, own));
    subscriptions(named("site/DEVICE/temperature", 1'000'000, own, own));
    subscriptions(named(
        "ROOM/DEVICE/temperature, 1,000 rooms", 100'000,
        [](std::size_t i) { return fmt::format("room{}/{}/temperature", i % 1000, device(i)); },
        [](std::size_t i) { return fmt::format("room{}/{}/temperature", i % 1000, device(i)); }));
    subscriptions(named(
        "the same and a tenth of it wildcards", 100'000,
        [](std::size_t i) {
            if (i % 20 == 0) return fmt::format("room{}/+/kind{}", i % 1000, i);
            if (i % 20 == 1) return fmt::format("+/{}/#", device(i));
            return fmt::format("room{}/{}/temperature", i % 1000, device(i));
        },
        [](std::size_t i) { return fmt::format("room{}/{}/temperature", i % 1000, device(i)); }));
    subscriptions(named("a name that nobody wants", 100'000, own,
                        [](std::size_t i) { return "site/" + device(i) + "/humidity"; }));
    subscriptions(named(
        "fan-out: one filter for all", 1'000, [](std::size_t) { return "a/b/c"; },
        [](std::size_t) { return "a/b/c"; }));

    fmt::print("\n{:40} {:>8} {:>10} {:>10} {:>10} {:>9}\n", "retained", "topics", "set", "find",
               "by + each", "octets");
    retained(1'000);
    retained(100'000);
}
