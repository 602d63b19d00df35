#include "rpl/routes.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::routes_test {
namespace {

using namespace std::chrono_literals;
using Update = Routes::Update;

ip::Address node(unsigned n) {
    ip::Address address = *ip::Address::from_text("fd00::");
    address.octets[14] = static_cast<std::byte>(n >> 8);
    address.octets[15] = static_cast<std::byte>(n);
    return address;
}

Transit via(unsigned parent, std::uint8_t control = 0xc0, std::uint8_t sequence = 241,
            std::uint8_t lifetime = 30) {
    return {.external = false,
            .path_control = control,
            .path_sequence = sequence,
            .path_lifetime = lifetime,
            .parent = node(parent)};
}

struct Table : Routes {
    explicit Table(std::size_t limit = 100) : Routes(node(0), limit) {}
    Update tell(unsigned target, std::vector<Transit> transits, Instant now = {}) {
        return update(now, {{node(target), 128}}, transits, 60s);
    }
    std::vector<unsigned> hops(unsigned target) const {
        std::vector<unsigned> all;
        if (const auto route = source_route(node(target)))
            for (const ip::Address& hop : *route)
                all.push_back(std::to_integer<unsigned>(hop.octets[14]) << 8 |
                              std::to_integer<unsigned>(hop.octets[15]));
        return all;
    }
};

using Hops = std::vector<unsigned>;

TEST(Routes, AreBuiltFromEveryHopsOwnWord) {  // [RFC 6550 §9.7]
    Table table;
    EXPECT_EQ(table.tell(3, {via(2)}), Update::accepted);
    EXPECT_EQ(table.hops(3), Hops{});
    EXPECT_EQ(table.tell(2, {via(1)}), Update::accepted);
    EXPECT_EQ(table.tell(1, {via(0)}), Update::accepted);
    EXPECT_EQ(table.hops(3), (Hops{1, 2, 3}));
    EXPECT_EQ(table.hops(1), Hops{1});
    EXPECT_EQ(table.hops(77), Hops{});
}

TEST(Routes, PathControlOrdersTheParents) {  // [RFC 6550 §6.7.8, §9.9]
    Table table;
    table.tell(1, {via(0)});
    table.tell(2, {via(0)});
    table.tell(3, {via(1, 0x30), via(2, 0xc0)});
    EXPECT_EQ(table.hops(3), (Hops{2, 3}));
}

TEST(Routes, GoAroundAParentThatLeadsNowhere) {
    Table table;
    table.tell(1, {via(0)});
    table.tell(3, {via(9), via(1, 0x30)});
    EXPECT_EQ(table.hops(3), (Hops{1, 3}));
}

TEST(Routes, NeverVisitANodeTwice) {  // [RFC 6554 §3]
    Table table;
    table.tell(1, {via(2)});
    table.tell(2, {via(3)});
    table.tell(3, {via(1)});
    EXPECT_EQ(table.hops(1), Hops{});
    table.tell(3, {via(1, 0xc0, 242), via(0, 0x30, 242)});
    EXPECT_EQ(table.hops(1), (Hops{3, 2, 1}));
}

TEST(Routes, AnOlderPathSequenceIsStale) {  // [RFC 6550 §9.4, rule 5]
    Table table;
    table.tell(1, {via(0, 0xc0, 250)});
    EXPECT_EQ(table.tell(1, {via(7, 0xc0, 249)}), Update::stale);
    EXPECT_EQ(table.hops(1), Hops{1});
    EXPECT_EQ(table.tell(1, {via(7, 0xc0, 251)}), Update::accepted);
    EXPECT_EQ(table.hops(1), Hops{});
}

TEST(Routes, ANodeThatRestartedIsHeardAlthoughItsCounterWentBack) {  // [RFC 6550 §9.4]
    Table table;
    table.tell(1, {via(0)});
    table.tell(2, {via(0, 0xc0, 246)});
    EXPECT_EQ(table.tell(2, {via(1, 0xc0, 241)}, Instant(5s)), Update::stale);
    EXPECT_EQ(table.tell(2, {via(1, 0xc0, 241)}, Instant(20s)), Update::accepted);
    EXPECT_EQ(table.hops(2), (Hops{1, 2}));
}

TEST(Routes, TheSamePathSequenceAddsPaths) {  // [RFC 6550 §7.1, Path Sequence]
    Table table;
    table.tell(1, {via(0)});
    table.tell(2, {via(0)});
    table.tell(3, {via(1, 0xc0, 245)});
    EXPECT_EQ(table.tell(3, {via(2, 0x30, 245)}), Update::accepted);
    EXPECT_EQ(table.find({node(3), 128})->parents.size(), 2u);
    EXPECT_EQ(table.tell(3, {via(2, 0x30, 245)}), Update::refreshed);
    EXPECT_EQ(table.tell(3, {via(2, 0xc0, 246)}), Update::accepted);
    EXPECT_EQ(table.find({node(3), 128})->parents.size(), 1u);
}

TEST(Routes, ANoPathTakesTheRouteAway) {  // [RFC 6550 §6.7.8, Path Lifetime]
    Table table;
    table.tell(1, {via(0)});
    EXPECT_EQ(table.tell(1, {via(0, 0xc0, 242, 0)}), Update::removed);
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(table.tell(1, {via(0, 0xc0, 243, 0)}), Update::refreshed);
}

TEST(Routes, EndWithTheirLifetime) {
    Table table;
    table.tell(1, {via(0, 0xc0, 241, 1)});
    table.tell(2, {via(0, 0xc0, 241, 255)});
    EXPECT_EQ(table.next_expiry(), Instant(60s));
    table.expire(Instant(59s));
    EXPECT_EQ(table.size(), 2u);
    table.expire(Instant(60s));
    EXPECT_EQ(table.hops(1), Hops{});
    EXPECT_EQ(table.hops(2), Hops{2});  // all ones: for ever
    EXPECT_EQ(table.next_expiry(), never);
}

TEST(Routes, AFullTableRefusesNewTargetsOnly) {
    Table table(2);
    table.tell(1, {via(0)});
    table.tell(2, {via(0)});
    EXPECT_EQ(table.tell(3, {via(0)}), Update::table_full);
    EXPECT_EQ(table.tell(2, {via(1, 0xc0, 242)}), Update::accepted);
    EXPECT_EQ(table.size(), 2u);
}

TEST(Routes, WhatCannotBeARouteIsRefused) {
    Table table;
    Transit parentless = via(0);
    parentless.parent.reset();
    EXPECT_EQ(table.tell(1, {parentless}), Update::refused);
    EXPECT_EQ(table.tell(1, {}), Update::refused);
    EXPECT_EQ(table.tell(1, {via(1)}), Update::refused);  // its own parent
    EXPECT_EQ(table.tell(0, {via(1)}), Update::refused);  // the root itself
    const std::vector transits{via(0)};
    EXPECT_EQ(table.update({}, {{*ip::Address::from_text("ff02::1"), 128}}, transits, 60s),
              Update::refused);
    EXPECT_EQ(table.update({}, {{*ip::Address::from_text("fe80::1"), 128}}, transits, 60s),
              Update::refused);
    EXPECT_EQ(table.size(), 0u);
}

TEST(Routes, MoreParentsThanAreKeptAreLeftOut) {
    Table table;
    table.tell(9, {via(1), via(2), via(3), via(4), via(5), via(6)});
    EXPECT_EQ(table.find({node(9), 128})->parents.size(), route_parents_max);
}

TEST(Routes, AnExternalTargetIsReachedThroughItsRouter) {  // [RFC 9008 §4.1.1]
    Table table;
    table.tell(1, {via(0)});
    table.tell(2, {via(1)});
    Transit external = via(2);
    external.external = true;
    const ip::Address host = *ip::Address::from_text("2001:db8::5");
    const std::vector transits{external};
    EXPECT_EQ(table.update({}, {{host, 128}}, transits, 60s), Update::accepted);
    EXPECT_EQ(table.source_route(host)->back(), node(2));
    const ip::Prefix net = *ip::Prefix::from_text("2001:db8:7::/48");
    EXPECT_EQ(table.update({}, {net}, transits, 60s), Update::accepted);
    EXPECT_EQ(table.source_route(*ip::Address::from_text("2001:db8:7::1"))->size(), 2u);
    EXPECT_FALSE(table.source_route(*ip::Address::from_text("2001:db8:8::1")));
}

TEST(Routes, ADemotedParentComesLast) {
    Table table;
    table.tell(1, {via(0)});
    table.tell(2, {via(0)});
    table.tell(3, {via(1), via(2, 0x30)});
    EXPECT_TRUE(table.demote(node(3), node(1)));
    EXPECT_EQ(table.hops(3), (Hops{2, 3}));
    EXPECT_FALSE(table.demote(node(1), node(0)));  // it has no other
    EXPECT_FALSE(table.demote(node(99), node(0)));
}

TEST(Routes, LongerThanAHeaderHoldsIsNoRoute) {
    Table table(200);
    for (unsigned n = 1; n <= 70; ++n) table.tell(n, {via(n - 1)});
    EXPECT_EQ(table.hops(64).size(), 64u);
    EXPECT_EQ(table.hops(65), Hops{});
}

TEST(Routes, AMazeOfParentsCostsABoundedSearch) {
    Table table(1000);
    // Layers of four, each naming all four above, and no way to the root.
    for (unsigned layer = 1; layer < 60; ++layer)
        for (unsigned n = 0; n < 4; ++n) {
            std::vector<Transit> up;
            for (unsigned m = 0; m < 4; ++m) up.push_back(via(layer * 4 + m));
            table.tell((layer + 1) * 4 + n, up);
        }
    EXPECT_EQ(table.hops(240), Hops{});  // and it returns
}

}  // namespace
}  // namespace causeway::rpl::routes_test
