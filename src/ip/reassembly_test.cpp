#include "ip/reassembly.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::ip::reassembly_test {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{};

Address host(std::uint8_t last) {
    Address address{};
    address.octets[0] = std::byte{0xfd};
    address.octets[15] = std::byte{last};
    return address;
}

struct Piece {
    std::uint16_t offset = 0;
    bool more = true;
    std::uint32_t identification = 1;
    std::uint8_t next_header = 17;
    std::uint8_t from = 1;
};

/// A fragment behind nothing but the IPv6 header.
Octets fragment(const Piece& piece, Bytes part) {
    Octets payload = emitted(FragmentHeader{.next_header = piece.next_header,
                                            .offset = piece.offset,
                                            .more = piece.more,
                                            .identification = piece.identification});
    payload.insert(payload.end(), part.begin(), part.end());
    return make_ipv6_packet({.next_header = std::to_underlying(NextHeader::fragment),
                             .source = host(piece.from),
                             .target = host(2)},
                            payload);
}
Octets whole(Bytes payload, std::uint8_t next_header = 17) {
    return make_ipv6_packet({.next_header = next_header, .source = host(1), .target = host(2)},
                            payload);
}
Octets counted(std::size_t size) {
    Octets octets(size);
    for (std::size_t i = 0; i < size; ++i) octets[i] = std::byte(i * 7);
    return octets;
}
FragmentReassembly::Outcome add(FragmentReassembly& to, const Octets& packet, Instant now = start) {
    return to.add(now, packet, Ipv6Header::octets, 6);
}
void expect_balanced(const FragmentReassembly& reassembly) {
    EXPECT_TRUE(reassembly.stats().balanced());
}

TEST(FragmentReassembly, MakesThePacketInWhateverOrderItsPiecesCome) {  // [RFC 8200 §4.5]
    const Octets payload = counted(70);
    const std::array pieces{fragment({.offset = 0}, Bytes(payload).first(24)),
                            fragment({.offset = 24}, Bytes(payload).subspan(24, 24)),
                            fragment({.offset = 48, .more = false}, Bytes(payload).subspan(48))};
    std::array<std::size_t, 3> order{0, 1, 2};
    do {
        FragmentReassembly reassembly;
        EXPECT_FALSE(add(reassembly, pieces[order[0]]).whole);
        EXPECT_FALSE(add(reassembly, pieces[order[1]]).whole);
        const auto outcome = add(reassembly, pieces[order[2]]);
        ASSERT_TRUE(outcome.whole);
        EXPECT_EQ(*outcome.whole, whole(payload));
        EXPECT_EQ(reassembly.next_deadline(), never);
        expect_balanced(reassembly);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(FragmentReassembly, KeepsTheHeadersOfTheFirstFragmentAndNoOthers) {  // [RFC 8200 §4.5]
    // Hop-by-hop options before the fragment header of the first piece only.
    const Octets payload = counted(24);
    Octets first = *from_hex("2c00 010400000000 1100 0001 00000001");
    first.insert(first.end(), payload.begin(), payload.begin() + 16);
    const Octets packet =
        make_ipv6_packet({.next_header = 0, .source = host(1), .target = host(2)}, first);
    FragmentReassembly reassembly;
    (void)add(reassembly, fragment({.offset = 16, .more = false, .next_header = 58},
                                   Bytes(payload).subspan(16)));
    const auto outcome = reassembly.add(start, packet, 48, 40);
    ASSERT_TRUE(outcome.whole);
    Octets wanted = *from_hex("1100 010400000000");
    wanted.insert(wanted.end(), payload.begin(), payload.end());
    EXPECT_EQ(*outcome.whole, whole(wanted, 0));
}

TEST(FragmentReassembly, AnAtomicFragmentStandsApartFromAllOthers) {  // [RFC 8200 §4.5]
    FragmentReassembly reassembly;
    (void)add(reassembly, fragment({.offset = 0}, counted(16)));
    const auto outcome = add(reassembly, fragment({.offset = 0, .more = false}, counted(9)));
    ASSERT_TRUE(outcome.whole);
    EXPECT_EQ(*outcome.whole, whole(counted(9)));
    EXPECT_EQ(reassembly.stats().pending, 1u);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, ADuplicateIsDroppedAndAnOverlapEndsThePacketSilently) {
    const Octets payload = counted(48);  // [RFC 8200 §4.5]
    FragmentReassembly reassembly;
    const Octets first = fragment({.offset = 0}, Bytes(payload).first(24));
    (void)add(reassembly, first);
    EXPECT_FALSE(add(reassembly, first).lost);
    EXPECT_EQ(reassembly.stats().duplicate, 1u);
    const auto overlap = add(reassembly, fragment({.offset = 16, .more = false}, counted(16)));
    EXPECT_TRUE(overlap.lost);
    EXPECT_FALSE(overlap.error);
    EXPECT_EQ(reassembly.stats().given_up, 1u);
    EXPECT_EQ(reassembly.next_deadline(), never);
    // The same place with other octets is no duplicate.
    (void)add(reassembly, first);
    Octets forged = first;
    forged.back() ^= std::byte{1};
    EXPECT_TRUE(add(reassembly, forged).lost);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, AnEndThatContradictsEndsThePacket) {
    FragmentReassembly reassembly;
    (void)add(reassembly, fragment({.offset = 32}, counted(8)));
    EXPECT_TRUE(
        add(reassembly, fragment({.offset = 0, .more = false, .identification = 1}, counted(8)))
            .whole)
        << "that one is atomic";
    EXPECT_TRUE(add(reassembly, fragment({.offset = 8, .more = false}, counted(8))).lost);
    (void)add(reassembly, fragment({.offset = 8, .more = false}, counted(8)));
    EXPECT_TRUE(add(reassembly, fragment({.offset = 16}, counted(8))).lost) << "beyond the end";
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, AnOddLengthInTheMiddlePointsAtThePayloadLength) {  // [RFC 8200 §4.5]
    FragmentReassembly reassembly;
    const auto outcome = add(reassembly, fragment({.offset = 0}, counted(23)));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->type, Icmpv6Type::parameter_problem);
    EXPECT_EQ(outcome.error->code, 0);
    EXPECT_EQ(outcome.error->value, 4u);
    EXPECT_TRUE(outcome.lost);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, APacketThatWouldBeTooLongPointsAtTheOffset) {  // [RFC 8200 §4.5]
    FragmentReassembly reassembly;
    const auto outcome = add(reassembly, fragment({.offset = 65'528, .more = false}, counted(8)));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->value, 42u);
    // What IPv6 could carry and this node could not is given up without a word.
    (void)add(reassembly, fragment({.offset = 0}, counted(16)));
    const auto large = add(reassembly, fragment({.offset = 1600}, counted(8)));
    EXPECT_TRUE(large.lost);
    EXPECT_FALSE(large.error);
    EXPECT_EQ(reassembly.stats().too_long, 1u);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, AFirstFragmentWithoutAllItsHeadersIsRefused) {  // [RFC 8200 §4.5]
    FragmentReassembly reassembly;
    // Destination options that go on in the next piece.
    const auto outcome =
        add(reassembly, fragment({.offset = 0, .next_header = 60}, *from_hex("1101 010400000000")));
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, 3);
    EXPECT_EQ(outcome.error->value, 0u);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, WhatIsNotWholeInAMinuteIsReportedByItsFirstFragment) {
    FragmentReassembly reassembly;  // [RFC 8200 §4.5]
    const Octets first = fragment({.offset = 0}, counted(16));
    (void)add(reassembly, first);
    (void)add(reassembly, fragment({.offset = 8, .identification = 2}, counted(16)), start + 1s);
    EXPECT_EQ(reassembly.next_deadline(), start + 60s);
    EXPECT_FALSE(reassembly.expire(start + 59s));
    const auto report = reassembly.expire(start + 61s);
    ASSERT_TRUE(report);
    EXPECT_EQ(*report, first);
    const auto silent = reassembly.expire(start + 61s);
    ASSERT_TRUE(silent);
    EXPECT_TRUE(silent->empty()) << "its first fragment never came";
    EXPECT_FALSE(reassembly.expire(start + 61s));
    EXPECT_EQ(reassembly.stats().expired, 2u);
    expect_balanced(reassembly);
}

TEST(FragmentReassembly, AFullTableRefusesNewcomersAndTellsSendersApart) {
    FragmentReassembly reassembly;
    (void)add(reassembly, fragment({.offset = 0}, counted(16)));
    (void)add(reassembly, fragment({.offset = 0, .from = 3}, counted(16)));
    EXPECT_TRUE(add(reassembly, fragment({.offset = 0, .from = 4}, counted(16))).lost);
    EXPECT_EQ(reassembly.stats().refused, 1u);
    EXPECT_TRUE(add(reassembly, fragment({.offset = 16, .more = false}, counted(1))).whole);
    EXPECT_EQ(reassembly.stats().pending, 1u);
    expect_balanced(reassembly);
}

}  // namespace
}  // namespace causeway::ip::reassembly_test
