#include "lowpan/reassembly.hpp"

#include "base/random.hpp"
#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace causeway::lowpan::reassembly_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr LinkEnds bob_to_alice{bob, alice};

std::vector<Octets> fragments_of(Bytes packet, std::uint16_t tag = 1, std::size_t room = 104,
                                 const CompressOptions& options = {}) {
    std::vector<Octets> fragments;
    Octets out(room);
    const auto first = first_fragment(packet, alice_to_bob, some_contexts(), tag, out, options);
    CAUSEWAY_ASSERT(first.has_value());
    fragments.emplace_back(out.begin(), out.begin() + std::ptrdiff_t(first->written));
    for (std::size_t at = first->next_offset; at < packet.size();) {
        const Fragment next = next_fragment(packet, at, tag, out);
        fragments.emplace_back(out.begin(), out.begin() + std::ptrdiff_t(next.written));
        at = next.next_offset;
    }
    return fragments;
}

struct Bench {
    ReassemblySettings settings{};
    Reassembly reassembly{settings};
    Contexts contexts = some_contexts();

    std::optional<Octets> add(Bytes fragment, Instant now = {},
                              const LinkEnds& ends = alice_to_bob) {
        auto packet = reassembly.add(now, ends, fragment, contexts);
        EXPECT_TRUE(reassembly.stats().balanced());
        EXPECT_LE(reassembly.octets_held(), settings.octets_max);
        return packet;
    }
    [[nodiscard]] const ReassemblyStats& stats() const { return reassembly.stats(); }
};

TEST(Reassembly, AnyOrderGivesThePacket) {
    const Octets packet = counted_udp(400);
    const auto fragments = fragments_of(packet);
    ASSERT_EQ(fragments.size(), 5u);
    std::vector<std::size_t> order(fragments.size());
    std::iota(order.begin(), order.end(), 0u);
    do {
        Bench bench;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto got = bench.add(fragments[order[i]]);
            if (i + 1 < order.size()) {
                ASSERT_EQ(got, std::nullopt);
            } else {
                ASSERT_EQ(got, packet);
            }
        }
        EXPECT_EQ(bench.reassembly.octets_held(), 0u);
        EXPECT_EQ(bench.reassembly.next_deadline(), never);
    } while (std::ranges::next_permutation(order).found);
}

TEST(Reassembly, EverySizeUpTo2047Works) {
    for (std::size_t payload = 57; payload <= 1999; payload += 1) {
        const Octets packet = counted_udp(payload);
        Bench bench;
        std::optional<Octets> got;
        for (const Octets& fragment : fragments_of(packet)) {
            ASSERT_EQ(got, std::nullopt);
            got = bench.add(fragment);
        }
        ASSERT_EQ(got, packet) << payload;
    }
}

TEST(Reassembly, DuplicatesAreIgnored) {  // [RFC 4944 §5.3]
    const Octets packet = counted_udp(400);
    const auto fragments = fragments_of(packet);
    Bench bench;
    std::optional<Octets> got;
    for (const Octets& fragment : fragments) {
        got = bench.add(fragment);
        if (!got) {
            EXPECT_EQ(bench.add(fragment), std::nullopt);
        }
        if (!got) {
            EXPECT_EQ(bench.add(fragments[0]), std::nullopt);
        }
    }
    EXPECT_EQ(got, packet);
    EXPECT_EQ(bench.stats().fragments_duplicate, 8u);
    EXPECT_EQ(bench.stats().datagrams_overlapped, 0u);
}

TEST(Reassembly, ADuplicateAfterTheLastPieceStartsAnew) {
    const auto fragments = fragments_of(counted_udp(100));
    Bench bench;
    for (const Octets& fragment : fragments) (void)bench.add(fragment);
    EXPECT_EQ(bench.stats().datagrams_reassembled, 1u);
    EXPECT_EQ(bench.add(fragments.back()), std::nullopt);
    EXPECT_EQ(bench.stats().datagrams_pending, 1u);
}

TEST(Reassembly, AnOverlapThatDiffersDiscardsAllAndBeginsAfresh) {  // [RFC 4944 §5.3]
    const Octets packet = counted_udp(400);
    const auto large = fragments_of(packet, 1, 104);
    const auto small = fragments_of(packet, 1, 80);
    Bench bench;
    EXPECT_EQ(bench.add(large[0]), std::nullopt);
    EXPECT_EQ(bench.add(large[2]), std::nullopt);
    EXPECT_EQ(bench.add(small[0]), std::nullopt);  // shorter than what is there
    EXPECT_EQ(bench.stats().datagrams_overlapped, 1u);
    std::optional<Octets> got;
    for (std::size_t i = 1; i < small.size(); ++i) {
        ASSERT_EQ(got, std::nullopt);
        got = bench.add(small[i]);
    }
    EXPECT_EQ(got, packet);
    EXPECT_EQ(bench.stats().datagrams_started, 2u);
    EXPECT_EQ(bench.stats().datagrams_reassembled, 1u);
}

TEST(Reassembly, EveryKindOfOverlapIsFound) {
    const auto piece = [](unsigned begin, unsigned end) {  // in units of eight, of 800 octets
        Octets fragment = "e3 20 00 01"_hex;
        fragment.push_back(static_cast<std::byte>(begin));
        fragment.resize(5 + (end - begin) * 8);
        return fragment;
    };
    struct Case {
        unsigned begin, end;
        bool overlap;
    };
    // Against [10, 20) and [20, 30).
    for (const Case& c : {Case{10, 20, false},
                          {20, 30, false},
                          {10, 30, true},
                          {10, 19, true},
                          {11, 20, true},
                          {9, 11, true},
                          {29, 31, true},
                          {12, 14, true},
                          {5, 35, true},
                          {20, 31, true},
                          {20, 25, true},
                          {19, 21, true}}) {
        Bench bench;
        EXPECT_EQ(bench.add(piece(10, 20)), std::nullopt);
        EXPECT_EQ(bench.add(piece(20, 30)), std::nullopt);
        EXPECT_EQ(bench.add(piece(c.begin, c.end)), std::nullopt);
        EXPECT_EQ(bench.stats().datagrams_overlapped, c.overlap ? 1u : 0u) << c.begin << c.end;
        EXPECT_EQ(bench.stats().fragments_duplicate, c.overlap ? 0u : 1u);
    }
    Bench bench;
    EXPECT_EQ(bench.add(piece(10, 20)), std::nullopt);
    EXPECT_EQ(bench.add(piece(20, 30)), std::nullopt);
    EXPECT_EQ(bench.add(piece(5, 10)), std::nullopt);
    EXPECT_EQ(bench.add(piece(30, 31)), std::nullopt);
    EXPECT_EQ(bench.stats().fragments_used, 4u);
    EXPECT_EQ(bench.stats().datagrams_overlapped, 0u);
}

TEST(Reassembly, SendersSizesAndTagsAreKeptApart) {  // [RFC 4944 §5.3]
    const Octets one = counted_udp(150);
    const Octets two = counted_udp(151);
    const auto first = fragments_of(one, 7);
    const auto other_tag = fragments_of(one, 8);
    const auto other_size = fragments_of(two, 7);
    ASSERT_EQ(first.size(), 2u);
    Bench bench;
    EXPECT_EQ(bench.add(first[0]), std::nullopt);
    EXPECT_EQ(bench.add(other_tag[0]), std::nullopt);
    EXPECT_EQ(bench.add(other_size[0]), std::nullopt);
    EXPECT_EQ(bench.add(first[1], {}, bob_to_alice), std::nullopt);
    EXPECT_EQ(bench.stats().datagrams_pending, 4u);
    EXPECT_EQ(bench.add(first[1]), one);
    EXPECT_EQ(bench.add(other_size[1]), two);
    EXPECT_EQ(bench.add(other_tag[1]), one);
}

TEST(Reassembly, WhatIsIncompleteExpires) {
    const auto fragments = fragments_of(counted_udp(400));
    Bench bench;
    EXPECT_EQ(bench.add(fragments[0], Instant(1s)), std::nullopt);
    EXPECT_EQ(bench.add(fragments[1], Instant(8s)), std::nullopt);
    EXPECT_EQ(bench.reassembly.next_deadline(), Instant(9s));  // since the first piece
    bench.reassembly.handle_timeout(Instant(9s) - 1ns);
    EXPECT_EQ(bench.stats().datagrams_pending, 1u);
    bench.reassembly.handle_timeout(Instant(9s));
    EXPECT_EQ(bench.stats().datagrams_expired, 1u);
    EXPECT_EQ(bench.stats().datagrams_pending, 0u);
    EXPECT_EQ(bench.reassembly.next_deadline(), never);
    EXPECT_EQ(bench.reassembly.octets_held(), 0u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(Reassembly, AFragmentThatComesLateFindsNothingOld) {
    const auto fragments = fragments_of(counted_udp(100));
    Bench bench;
    EXPECT_EQ(bench.add(fragments[0], Instant(0s)), std::nullopt);
    EXPECT_EQ(bench.add(fragments[1], Instant(100s)), std::nullopt);
    EXPECT_EQ(bench.stats().datagrams_expired, 1u);
}

TEST(Reassembly, TheTimeoutIsNeverMoreThanAMinute) {  // [RFC 4944 §5.3]
    Bench bench{.settings = {.timeout = 1h}};
    EXPECT_EQ(bench.add(fragments_of(counted_udp(100))[0]), std::nullopt);
    EXPECT_EQ(bench.reassembly.next_deadline(), Instant(60s));
}

TEST(Reassembly, AFullTableRefusesNewcomersFromOthers) {
    const auto fragments = fragments_of(counted_udp(100));
    Bench bench;
    for (std::uint16_t i = 0; i < 5; ++i)
        (void)bench.add(fragments[0], {}, {Link::short_address(i), bob});
    // The short sources cannot be elided against: what counts is that a slot is asked for.
    EXPECT_EQ(bench.stats().datagrams_pending, bench.settings.datagrams_max);
    EXPECT_EQ(bench.stats().fragments_refused, 1u);
}

TEST(Reassembly, InAFullTableASendersNextDatagramReplacesItsLast) {
    const Octets packet = counted_udp(100);
    Bench bench;
    for (std::uint16_t i = 0; i < 3; ++i)
        (void)bench.add(fragments_of(packet)[0], {}, {Link::short_address(i), bob});
    (void)bench.add(fragments_of(packet, 1)[0]);
    EXPECT_EQ(bench.add(fragments_of(packet, 2)[0]), std::nullopt);
    EXPECT_EQ(bench.stats().datagrams_replaced, 1u);
    EXPECT_EQ(bench.stats().datagrams_pending, 4u);
    EXPECT_EQ(bench.add(fragments_of(packet, 2)[1]), packet);
}

TEST(Reassembly, OctetsAreBoundedToo) {
    Bench bench;
    const auto large = fragments_of(counted_udp(1999));  // 2047
    const auto small = fragments_of(counted_udp(100));
    (void)bench.add(large[0], {}, {Link::short_address(1), bob});
    (void)bench.add(large[0], {}, {Link::short_address(2), bob});
    EXPECT_EQ(bench.reassembly.octets_held(), 4094u);
    EXPECT_EQ(bench.add(small[0]), std::nullopt);
    EXPECT_EQ(bench.stats().fragments_refused, 1u);
    bench.reassembly.handle_timeout(Instant(10s));
    EXPECT_EQ(bench.add(small[0], Instant(10s)), std::nullopt);
    EXPECT_EQ(bench.stats().datagrams_pending, 1u);
}

TEST(Reassembly, NothingGivesWayForADatagramThatDoesNotFitAnyway) {
    Bench bench{.settings = {.octets_max = 1000}};
    (void)bench.add(fragments_of(counted_udp(100), 1)[0]);
    (void)bench.add(fragments_of(counted_udp(1200), 2)[0]);
    EXPECT_EQ(bench.stats().fragments_refused, 1u);
    EXPECT_EQ(bench.stats().datagrams_replaced, 0u);
    EXPECT_EQ(bench.stats().datagrams_pending, 1u);
    (void)bench.add(fragments_of(counted_udp(900), 3)[0]);
    EXPECT_EQ(bench.stats().datagrams_replaced, 1u);
    EXPECT_EQ(bench.stats().datagrams_pending, 1u);
}

TEST(Reassembly, MalformedFragmentsAreCountedAndStartNothing) {
    for (const std::string_view bad : {
             "c0",                                         // no header
             "c0 f8 00 01",                                // nothing behind it
             "e0 f8 00 01",                                // cut
             "e0 f8 00 01 01",                             // nothing behind it
             "e0 27 00 01 01 00",                          // smaller than an IPv6 header
             "e0 f8 00 01 00 00 00 00 00 00 00 00 00",     // offset zero
             "e0 f8 00 01 01 00 00 00",                    // not a multiple of eight
             "e0 f8 00 01 1f 00",                          // behind the end
             "e0 f8 00 01 1e 00 00 00 00 00 00 00 00 00",  // over the end
             "c0 f8 00 01 7a 33 3a 00",                    // 41 octets of 248
         }) {
        Bench bench;
        EXPECT_EQ(bench.add(*from_hex(bad)), std::nullopt);
        EXPECT_EQ(bench.stats().fragments_malformed, 1u) << bad;
        EXPECT_EQ(bench.stats().datagrams_started, 0u) << bad;
    }
}

TEST(Reassembly, FirstFragmentsThatCannotBeExpandedAreCountedAndStartNothing) {
    for (const std::string_view bad : {"c0 f8 00 01 42 fb 00", "c0 f8 00 01 7a f3 90 3a",
                                       "c0 f8 00 01 00 00", "c0 28 00 01 7a 33 3a 00"}) {
        Bench bench;
        EXPECT_EQ(bench.add(*from_hex(bad)), std::nullopt);
        EXPECT_EQ(bench.stats().fragments_not_expanded, 1u) << bad;
        EXPECT_EQ(bench.stats().datagrams_started, 0u) << bad;
    }
}

TEST(Reassembly, APacketInOneFragmentIsAPacket) {
    // Some senders fragment what would have fitted.
    Bench bench;
    EXPECT_EQ(bench.add("c0 2a 00 01 7a 33 3a 80 00"_hex), Packet{}.octets());
}

TEST(Reassembly, AnElidedChecksumIsRestoredWithTheLastPiece) {  // [RFC 6282 §4.3.2]
    const Octets packet = counted_udp(300);
    const auto fragments = fragments_of(packet, 1, 104, {.elide_udp_checksum = true});
    EXPECT_EQ(to_hex(Bytes(fragments[0]).subspan(6, 1)), "f5");
    Bench bench;
    std::optional<Octets> got;
    for (std::size_t i = fragments.size(); i-- > 0;) got = bench.add(fragments[i]);
    EXPECT_EQ(got, packet);
    Bench strict{.settings = {.accept_elided_udp_checksum = false}};
    EXPECT_EQ(strict.add(fragments[0]), std::nullopt);
    EXPECT_EQ(strict.stats().fragments_not_expanded, 1u);
}

TEST(Reassembly, LeavingTheNetworkDiscardsEverything) {  // [RFC 4944 §5.3]
    Bench bench;
    (void)bench.add(fragments_of(counted_udp(100), 1)[0]);
    (void)bench.add(fragments_of(counted_udp(100), 2)[1]);
    bench.reassembly.abandon_all(Instant(1s));
    EXPECT_EQ(bench.stats().datagrams_abandoned, 2u);
    EXPECT_EQ(bench.reassembly.octets_held(), 0u);
    EXPECT_EQ(bench.reassembly.next_deadline(), never);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(Reassembly, FailuresAreToldWithWhatStandsThere) {
    struct Listener : Tap {
        void saw(const Happening& happening) noexcept override {
            what = happening.what;
            value = happening.value;
            octets = to_octets(happening.octets);
        }
        std::string what;
        std::uint64_t value = 0;
        Octets octets;
    } listener;
    const Octets packet = counted_udp(400);
    const auto fragments = fragments_of(packet, 77);
    Reassembly reassembly({}, Teller(&listener, NodeId{1}));
    (void)reassembly.add({}, alice_to_bob, fragments[0], some_contexts());
    (void)reassembly.add({}, alice_to_bob, fragments[2], some_contexts());
    reassembly.handle_timeout(Instant(8s));
    EXPECT_EQ(listener.what, "lowpan.reassembly_failed");
    EXPECT_EQ(listener.value, 77u);
    EXPECT_EQ(listener.octets, Octets(packet.begin(), packet.begin() + 48 + 88));
}

TEST(Reassembly, LossAndDisorderNeverGiveAWrongPacket) {
    Random random(5);
    for (int round = 0; round < 300; ++round) {
        Bench bench;
        std::vector<Octets> packets;
        std::vector<Octets> air;
        for (std::uint16_t tag = 0; tag < 3; ++tag) {
            const std::size_t octets = 60 + random.below(900);
            packets.push_back(counted_udp(octets));
            const std::size_t room = 60 + random.below(45);
            for (Octets& fragment : fragments_of(packets.back(), tag, room)) {
                if (random.below(30) == 0) continue;
                if (random.below(10) == 0) air.push_back(fragment);
                air.push_back(std::move(fragment));
            }
        }
        for (std::size_t i = air.size(); i > 1; --i) {
            const std::size_t with = random.below(i);
            std::swap(air[i - 1], air[with]);
        }
        for (const Octets& fragment : air) {
            const auto got = bench.add(fragment);
            if (!got) continue;
            EXPECT_NE(std::ranges::find(packets, *got), packets.end());
        }
        EXPECT_EQ(bench.stats().datagrams_overlapped, 0u);
    }
}

}  // namespace
}  // namespace causeway::lowpan::reassembly_test
