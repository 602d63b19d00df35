#include "ip/route_table.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::route_table_test {
namespace {

using namespace std::chrono_literals;
using Added = ForwardingTable::Added;

Prefix prefix(std::string_view text) {
    return *Prefix::from_text(text);
}
Address at(std::string_view text) {
    return *Address::from_text(text);
}
Route to(std::string_view text, std::uint8_t interface = 0) {
    return {.prefix = prefix(text), .interface = interface};
}
int interface_for(const ForwardingTable& table, std::string_view target) {
    const Route* const route = table.lookup(at(target));
    return route != nullptr ? route->interface : -1;
}

TEST(ForwardingTable, LongestPrefixWins) {
    ForwardingTable table(16);
    for (const Route& route : {to("fd00::/64", 2), to("::/0", 1), to("fd00::7/128", 4),
                               to("fd00::/16", 3), to("fd00:0:0:1::/64", 5)})
        EXPECT_EQ(table.add(route), Added::added);
    EXPECT_EQ(interface_for(table, "fd00::7"), 4);
    EXPECT_EQ(interface_for(table, "fd00::8"), 2);
    EXPECT_EQ(interface_for(table, "fd00:0:0:1::8"), 5);
    EXPECT_EQ(interface_for(table, "fd00:0:0:2::8"), 3);
    EXPECT_EQ(interface_for(table, "2001:db8::1"), 1);
    table.remove(prefix("::/0"));
    EXPECT_EQ(interface_for(table, "2001:db8::1"), -1);
}

TEST(ForwardingTable, AnEmptyOneKnowsNoWay) {
    EXPECT_EQ(ForwardingTable(4).lookup(at("::1")), nullptr);
}

TEST(ForwardingTable, OneRouteAPrefix) {
    ForwardingTable table(4);
    EXPECT_EQ(table.add(to("fd00::/64", 1)), Added::added);
    EXPECT_EQ(table.add({.prefix = {at("fd00::1"), 64}, .via = at("fe80::1"), .interface = 2}),
              Added::replaced);
    EXPECT_EQ(table.size(), 1u);
    const Route* const route = table.find(prefix("fd00::/64"));
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->via, at("fe80::1"));
    EXPECT_EQ(table.find(prefix("fd00::/63")), nullptr);
}

TEST(ForwardingTable, FullOneRefusesAndCounts) {
    ForwardingTable table(2);
    table.add(to("fd00::1/128"));
    table.add(to("fd00::2/128"));
    EXPECT_EQ(table.add(to("fd00::3/128")), Added::table_full);
    EXPECT_EQ(table.add(to("fd00::2/128", 9)), Added::replaced);  // needs no room
    EXPECT_EQ(table.stats().refused_full, 1u);
    EXPECT_EQ(interface_for(table, "fd00::3"), -1);
    EXPECT_TRUE(table.remove(prefix("fd00::1/128")));
    EXPECT_EQ(table.add(to("fd00::3/128")), Added::added);
    EXPECT_TRUE(table.stats().balanced());
}

TEST(ForwardingTable, OrderDoesNotDependOnHistory) {
    const auto order = [](const ForwardingTable& table) {
        std::string text;
        table.visit([&](const Route& route) { text += route.prefix.to_text() + ' '; });
        return text;
    };
    ForwardingTable one(8);
    ForwardingTable other(8);
    for (const auto* text : {"::/0", "fd00::/64", "fd00::2/128", "fd00::1/128"}) one.add(to(text));
    for (const auto* text : {"fd00::1/128", "fd00::2/128", "fd00::/64", "::/0"})
        other.add(to(text));
    EXPECT_EQ(order(one), "fd00::1/128 fd00::2/128 fd00::/64 ::/0 ");
    EXPECT_EQ(order(one), order(other));
}

TEST(ForwardingTable, ForgetsWhatExpires) {
    ForwardingTable table(8);
    EXPECT_EQ(table.next_deadline(), never);
    const Instant start{};
    table.add({.prefix = prefix("fd00::1/128"), .expires = start + 10s});
    table.add({.prefix = prefix("fd00::2/128"), .expires = start + 20s});
    table.add(to("fd00::3/128"));
    EXPECT_EQ(table.next_deadline(), start + 10s);
    EXPECT_EQ(table.expire(start + 9s), 0u);
    EXPECT_EQ(table.expire(start + 10s), 1u);
    EXPECT_EQ(table.next_deadline(), start + 20s);
    // Renewed: the old deadline comes, finds nothing, and goes.
    table.add({.prefix = prefix("fd00::2/128"), .expires = start + 60s});
    EXPECT_EQ(table.expire(start + 20s), 0u);
    EXPECT_EQ(table.next_deadline(), start + 60s);
    EXPECT_EQ(table.expire(start + 60s), 1u);
    EXPECT_EQ(table.next_deadline(), never);
    EXPECT_EQ(table.size(), 1u);
    EXPECT_TRUE(table.stats().balanced());
}

TEST(ForwardingTable, RemovesByPredicateAndAll) {
    ForwardingTable table(8);
    for (const auto* text : {"fd00::1/128", "fd00::2/128", "fd00::/64"}) table.add(to(text));
    EXPECT_EQ(table.remove_if([](const Route& route) { return route.prefix.length == 128; }), 2u);
    EXPECT_NE(table.lookup(at("fd00::1")), nullptr);
    table.clear();
    EXPECT_TRUE(table.empty());
    EXPECT_FALSE(table.remove(prefix("fd00::/64")));
    EXPECT_EQ(table.stats().removed, 3u);
    EXPECT_TRUE(table.stats().balanced());
}

TEST(ForwardingTable, AgreesWithLookingAtEveryRoute) {
    ForwardingTable table(64);
    std::vector<Route> all;
    Random random(7);
    const auto draw_address = [&] {
        Address address;
        address.octets[0] = std::byte{0xfd};
        address.octets[7] = static_cast<std::byte>(random.below(4));
        address.octets[15] = static_cast<std::byte>(random.below(8));
        return address;
    };
    for (int round = 0; round < 3000; ++round) {
        const Address address = draw_address();
        constexpr std::array<std::uint8_t, 6> lengths{0, 8, 62, 63, 64, 128};
        const Prefix chosen = Prefix::of(address, lengths[random.below(lengths.size())]);
        if (random.below(3) != 0) {
            const auto interface = static_cast<std::uint8_t>(random.below(200));
            if (table.add({.prefix = chosen, .interface = interface}) != Added::table_full) {
                std::erase_if(all, [&](const Route& r) { return r.prefix == chosen; });
                all.push_back({.prefix = chosen, .interface = interface});
            }
        } else {
            const auto gone =
                std::erase_if(all, [&](const Route& r) { return r.prefix == chosen; });
            ASSERT_EQ(table.remove(chosen), gone == 1);
        }
        const Address target = draw_address();
        const Route* best = nullptr;
        for (const Route& route : all)
            if (route.prefix.contains(target) &&
                (best == nullptr || route.prefix.length > best->prefix.length))
                best = &route;
        const Route* const found = table.lookup(target);
        ASSERT_EQ(found == nullptr, best == nullptr);
        if (found != nullptr) {
            ASSERT_EQ(*found, *best);
        }
        ASSERT_EQ(table.size(), all.size());
    }
    EXPECT_TRUE(table.stats().balanced());
}

}  // namespace
}  // namespace causeway::ip::route_table_test
