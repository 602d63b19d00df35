#include "base/flat_index.hpp"
#include "base/deadlines.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace causeway {
namespace {

using namespace std::chrono_literals;

TEST(FlatIndex, FindsWhatWasPutInAndNothingElse) {
    FlatIndex index;
    Random random(1);
    std::map<std::uint32_t, std::uint64_t> model;
    for (int step = 0; step < 20000; ++step) {
        const auto number = static_cast<std::uint32_t>(random.below(500));
        const bool there = model.contains(number);
        // Few hashes, so that many share one and runs are long.
        const std::uint64_t hash = there ? model[number] : random.below(40) << 32;
        const auto found = index.find(hash, [&](std::uint32_t n) { return n == number; });
        ASSERT_EQ(found, there ? number : nowhere);
        if (there) {
            EXPECT_TRUE(index.erase(hash, number));
            model.erase(number);
        } else {
            EXPECT_FALSE(index.erase(hash, number));
            index.insert(hash, number);
            model[number] = hash;
        }
        ASSERT_EQ(index.size(), model.size());
    }
}

TEST(Pool, NumbersStayUntilTheyAreGivenBack) {
    Pool<int> pool;
    const std::uint32_t a = pool.add(1);
    const std::uint32_t b = pool.add(2);
    EXPECT_EQ(pool.take(a), 1);
    EXPECT_EQ(pool[b], 2);
    EXPECT_EQ(pool.add(3), a);
    EXPECT_EQ(pool.size(), 2u);
    EXPECT_EQ(pool.bound(), 2u);
}

TEST(Recency, TheOldestIsTheOneTouchedLongestAgo) {
    Recency order;
    EXPECT_EQ(order.oldest(), nowhere);
    for (const std::uint32_t which : {3u, 1u, 2u, 3u}) order.touch(which);
    EXPECT_EQ(order.oldest(), 1u);
    order.remove(1);
    EXPECT_EQ(order.oldest(), 2u);
    order.remove(2);
    order.remove(3);
    EXPECT_EQ(order.oldest(), nowhere);
}

TEST(Deadlines, TheEarliestComesFirstWhateverChanges) {
    Deadlines deadlines;
    Random random(2);
    std::map<std::uint32_t, Instant> model;
    for (int step = 0; step < 20000; ++step) {
        const auto which = static_cast<std::uint32_t>(random.below(100));
        const bool out = random.below(3) == 0;
        const Instant at = out ? never : Instant{} + 1s * static_cast<int>(random.below(50));
        deadlines.set(which, at);
        model[which] = at;
        const auto first = std::ranges::min_element(
            model, [](const auto& a, const auto& b) { return a.second < b.second; });
        ASSERT_EQ(deadlines.next(), first->second);
        if (first->second != never) {
            ASSERT_EQ(deadlines.first(), first->first);
        }
    }
}

}  // namespace
}  // namespace causeway
