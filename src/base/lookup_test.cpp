#include "base/lookup.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace causeway::lookup_test {
namespace {

TEST(Lookup, FindsWhatWasInsertedAndNothingElse) {
    Lookup<int> table(7);
    EXPECT_EQ(table.find("a"), nullptr);
    EXPECT_TRUE(table.insert("a", 1).is_new);
    EXPECT_TRUE(table.insert("", 2).is_new);
    EXPECT_TRUE(table.insert("a name that is too long to be held in place", 3).is_new);
    EXPECT_EQ(*table.find("a"), 1);
    EXPECT_EQ(*table.find(""), 2);
    EXPECT_EQ(*table.find("a name that is too long to be held in place"), 3);
    EXPECT_FALSE(table.contains("b"));
    EXPECT_FALSE(table.contains(std::string(70'000, 'a')));
    EXPECT_EQ(table.size(), 3u);
}

TEST(Lookup, InsertKeepsAndSetReplacesWhatIsThere) {
    Lookup<int> table(7);
    table.insert("a", 1);
    const auto again = table.insert("a", 2);
    EXPECT_FALSE(again.is_new);
    EXPECT_EQ(*again.value, 1);
    EXPECT_EQ(table.set("a", 3), 3);
    EXPECT_EQ(*table.find("a"), 3);
    EXPECT_EQ(table.size(), 1u);
}

TEST(Lookup, HoldsValuesThatOnlyMove) {
    Lookup<std::unique_ptr<int>> table(7);
    for (int i = 0; i < 100; ++i) table.insert(std::to_string(i), std::make_unique<int>(i));
    const auto gone = table.erase("42");
    ASSERT_TRUE(gone);
    EXPECT_EQ(**gone, 42);
    EXPECT_FALSE(table.erase("42"));
    EXPECT_EQ(**table.find("43"), 43);
}

TEST(Lookup, AgreesWithAnOrderedMapOverManyRandomSteps) {
    Random random(1);
    Lookup<std::uint64_t> table(99);
    std::map<std::string, std::uint64_t> model;
    for (int step = 0; step < 100'000; ++step) {
        // A wave: mostly inserts, then mostly removals, so that it grows and shrinks.
        const bool growing = step / 10'000 % 2 == 0;
        const std::string name =
            std::string(random.below(4) == 0 ? 30 : 1, 'n') + std::to_string(random.below(2'000));
        if (random.below(10) < (growing ? 8u : 2u)) {
            const bool is_new = table.insert(name, std::uint64_t(step)).is_new;
            EXPECT_EQ(is_new, model.emplace(name, std::uint64_t(step)).second);
        } else {
            const auto gone = table.erase(name);
            const auto there = model.find(name);
            ASSERT_EQ(gone.has_value(), there != model.end());
            if (gone) {
                EXPECT_EQ(*gone, there->second);
                model.erase(there);
            }
        }
        ASSERT_EQ(table.size(), model.size());
    }
    for (const auto& [name, value] : model) {
        ASSERT_NE(table.find(name), nullptr);
        EXPECT_EQ(*table.find(name), value);
    }
}

TEST(Lookup, GivesItsMemoryBackAfterAStorm) {
    Lookup<std::uint32_t> table(7);
    for (std::uint32_t i = 0; i < 50'000; ++i)
        table.insert("a client with quite a long name " + std::to_string(i), i);
    const std::size_t in_storm = table.footprint();
    EXPECT_GT(in_storm, 50'000u * 24);
    for (std::uint32_t i = 0; i < 49'990; ++i)
        table.erase("a client with quite a long name " + std::to_string(i));
    EXPECT_LT(table.footprint(), in_storm / 500);
    EXPECT_EQ(*table.find("a client with quite a long name 49995"), 49'995u);
    table.clear();
    EXPECT_EQ(table.footprint(), 0u);
    EXPECT_FALSE(table.contains("a client with quite a long name 49995"));
}

TEST(TextHash, DependsOnItsSeedAndOnEveryOctetOfTheText) {
    for (std::size_t size = 0; size < 70; ++size) {
        const std::string text(size, 'x');
        const std::uint64_t plain = TextHash(1)(text);
        EXPECT_NE(plain, TextHash(2)(text));
        EXPECT_EQ(plain, TextHash(1)(std::string(size, 'x')));
        for (std::size_t at = 0; at < size; ++at) {
            std::string other = text;
            other[at] = 'y';
            EXPECT_NE(plain, TextHash(1)(other)) << size << " " << at;
        }
        EXPECT_NE(plain, TextHash(1)(text + 'x'));
    }
}

TEST(TextHash, SpreadsNamesThatDifferLittle) {
    const TextHash hash(3);
    std::vector<int> places(1024);
    for (int i = 0; i < 64 * 1024; ++i)
        ++places[(hash("sensor-" + std::to_string(i)) >> 33) % places.size()];
    for (const int count : places) {
        EXPECT_GT(count, 20);
        EXPECT_LT(count, 120);
    }
}

TEST(ShortText, KeepsShortTextsInPlaceAndLongOnesWhole) {
    using Text = ShortText<22>;
    static_assert(sizeof(Text) == 22);
    for (const std::size_t size : {0u, 1u, 19u, 20u, 21u, 300u, 65'535u}) {
        Text text(std::string(size, 't'));
        EXPECT_EQ(text.view(), std::string(size, 't'));
        EXPECT_EQ(text.heap_octets(), size <= Text::in_place_max ? 0 : size);
        Text moved(std::move(text));
        EXPECT_EQ(moved.view(), std::string(size, 't'));
        Text other(std::string_view("another that stands on the heap"));
        other = std::move(moved);
        EXPECT_EQ(other.view(), std::string(size, 't'));
    }
}

}  // namespace
}  // namespace causeway::lookup_test
