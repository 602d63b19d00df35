// LOWPAN_NHC: extension headers, IPv6 in IPv6, UDP. Vectors by hand, both ways. [RFC 6282 §4]
#include "ip/checksum.hpp"
#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::nhc_test {
namespace {

using namespace testing;

void expect_both_ways(const Packet& packet, std::string_view lowpan) {
    const Octets octets = packet.octets();
    EXPECT_EQ(to_hex(compressed(octets, alice_to_bob, some_contexts()), " "), lowpan);
    const auto back = decompress(*from_hex(lowpan), alice_to_bob, some_contexts());
    ASSERT_TRUE(back.has_value()) << name_of(back.error().fault) << ": " << lowpan;
    EXPECT_EQ(to_hex(*back, " "), to_hex(octets, " "));
}

std::string payload_of(std::string_view lowpan) {
    const auto packet = decompress(*from_hex(lowpan), alice_to_bob, some_contexts());
    return packet ? to_hex(Bytes(*packet).subspan(40), " ")
                  : std::string(name_of(packet.error().fault));
}

// ---- UDP ----

TEST(NhcUdp, PortsTakeTheirFourForms) {  // [RFC 6282 §4.3.3]
    expect_both_ways({.next_header = 17, .payload = "16 33 16 34 00 0a be ef 01 02"},
                     "7e 33 f0 16 33 16 34 be ef 01 02");
    expect_both_ways({.next_header = 17, .payload = "16 33 f0 34 00 0a be ef 01 02"},
                     "7e 33 f1 16 33 34 be ef 01 02");
    expect_both_ways({.next_header = 17, .payload = "f0 33 16 34 00 0a be ef 01 02"},
                     "7e 33 f2 33 16 34 be ef 01 02");
    expect_both_ways({.next_header = 17, .payload = "f0 b3 f0 bf 00 0a be ef 01 02"},
                     "7e 33 f3 3f be ef 01 02");
}

TEST(NhcUdp, PortsNextToTheShortRangesAreNotShort) {
    expect_both_ways({.next_header = 17, .payload = "f0 af f0 b0 00 08 be ef"},
                     "7e 33 f1 f0 af b0 be ef");
    expect_both_ways({.next_header = 17, .payload = "f0 b0 f0 c0 00 08 be ef"},
                     "7e 33 f1 f0 b0 c0 be ef");
    expect_both_ways({.next_header = 17, .payload = "f0 bf ef ff 00 08 be ef"},
                     "7e 33 f2 bf ef ff be ef");
    expect_both_ways({.next_header = 17, .payload = "ef ff f1 00 00 08 be ef"},
                     "7e 33 f0 ef ff f1 00 be ef");
}

TEST(NhcUdp, HeadersWhoseLengthCannotBeInferredStayAsTheyAre) {
    expect_both_ways({.next_header = 17, .payload = "f0 b3 f0 bf 00 09 be ef 01 02"},
                     "7a 33 11 f0 b3 f0 bf 00 09 be ef 01 02");
    expect_both_ways({.next_header = 17, .payload = "f0 b3 f0 bf 00 00 be ef"},
                     "7a 33 11 f0 b3 f0 bf 00 00 be ef");
    expect_both_ways({.next_header = 17, .payload = "f0 b3 f0 bf 00 07 be"},
                     "7a 33 11 f0 b3 f0 bf 00 07 be");
}

TEST(NhcUdp, TheChecksumIsNeverElidedUnasked) {  // [RFC 6282 §4.3.2]
    const Octets made = compressed(counted_udp(2), alice_to_bob, some_contexts());
    EXPECT_EQ(to_hex(Bytes(made).first(6), " "), "7e 77 f1 16 33 b0");
    EXPECT_EQ(made.size(), 6u + 2 + 2);
}

TEST(NhcUdp, AnElidedChecksumIsComputedAgain) {
    const Octets packet = counted_udp(5);
    const Octets made =
        compressed(packet, alice_to_bob, some_contexts(), {.elide_udp_checksum = true});
    EXPECT_EQ(to_hex(made, " "), "7e 77 f5 16 33 b0 00 01 02 03 04");
    EXPECT_EQ(decompress(made, alice_to_bob, some_contexts()), packet);
}

TEST(NhcUdp, AChecksumOfZeroIsRestoredAsAllOnes) {  // [RFC 8200 §8.1]
    Octets packet = counted_udp(2);
    // A payload that makes the sum come out as zero.
    const unsigned sum =
        std::to_integer<unsigned>(packet[46]) << 8 | std::to_integer<unsigned>(packet[47]);
    const unsigned word = (0x0001 + sum) % 0xffff;
    packet[48] = static_cast<std::byte>(word >> 8);
    packet[49] = static_cast<std::byte>(word & 0xff);
    packet[46] = packet[47] = std::byte{0xff};
    const Octets made =
        compressed(packet, alice_to_bob, some_contexts(), {.elide_udp_checksum = true});
    ASSERT_EQ(made.size(), 8u);
    EXPECT_EQ(decompress(made, alice_to_bob, some_contexts()), packet);
}

TEST(NhcUdp, AWrongChecksumIsNotHiddenByElidingIt) {  // [RFC 6282 §4.3.2]
    Octets packet = counted_udp(5);
    packet[50] ^= std::byte{1};
    Octets out(packet.size() + 1);
    EXPECT_EQ(compress(packet, alice_to_bob, {}, out, {.elide_udp_checksum = true}).error().fault,
              Fault::bad_checksum);
    EXPECT_TRUE(compress(packet, alice_to_bob, {}, out).has_value());
}

TEST(NhcUdp, AZeroChecksumIsCarriedWhateverIsAsked) {
    Octets packet = counted_udp(5);
    packet[46] = packet[47] = std::byte{0};
    const Octets made =
        compressed(packet, alice_to_bob, some_contexts(), {.elide_udp_checksum = true});
    EXPECT_EQ(to_hex(Bytes(made).first(8), " "), "7e 77 f1 16 33 b0 00 00");
    EXPECT_EQ(decompress(made, alice_to_bob, some_contexts()), packet);
}

TEST(NhcUdp, TheChecksumCoversTheFinalDestinationOfASourceRoute) {  // [RFC 6554 §3]
    // On its way to bob, then to fd00:ca5e::42: one address of which 15 octets are elided, 7 of
    // padding.
    Octets udp = "16 33 f0 b1 00 09 00 00 2a"_hex;
    const std::uint16_t sum = ip::upper_layer_checksum(
        address("fd00:ca5e::212:4b00:14b5:d9c1"), address("fd00:ca5e::212:4b00:615:8a42"), 17, udp);
    udp[6] = static_cast<std::byte>(sum >> 8);
    udp[7] = static_cast<std::byte>(sum & 0xff);
    Octets payload = "11 01 03 01 ff 70 00 00 42 00 00 00 00 00 00 00"_hex;
    payload.insert(payload.end(), udp.begin(), udp.end());
    const std::string text = to_hex(payload);
    const Octets packet = Packet{.next_header = 43,
                                 .source = "fd00:ca5e::212:4b00:14b5:d9c1",
                                 .target = "fd00:ca5e::212:4b00:615:8a2e",
                                 .payload = text}
                              .octets();
    const Octets made =
        compressed(packet, alice_to_bob, some_contexts(), {.elide_udp_checksum = true});
    EXPECT_EQ(to_hex(made, " "),
              "7e 77 e3 0e 03 01 ff 70 00 00 42 00 00 00 00 00 00 00 f5 16 33 b1 2a");
    EXPECT_EQ(decompress(made, alice_to_bob, some_contexts()), packet);
}

TEST(NhcUdp, BehindAnUnknownRouteNoChecksumIsElidedOrRestored) {
    const std::string_view route = "11 00 c8 01 00 00 00 00 16 33 f0 b1 00 09 12 34 2a";
    const Octets packet = Packet{.next_header = 43, .payload = route}.octets();
    EXPECT_EQ(to_hex(compressed(packet, alice_to_bob, {}, {.elide_udp_checksum = true}), " "),
              "7e 33 e3 06 c8 01 00 00 00 00 f1 16 33 b1 12 34 2a");
    EXPECT_EQ(payload_of("7e 33 e3 06 c8 01 00 00 00 00 f5 16 33 b1 2a"), "unsupported");
}

// ---- extension headers ----

TEST(NhcExtension, LengthIsInOctetsAndTheNextHeaderIsElided) {  // [RFC 6282 §4.2]
    // RPL's option fills the header. [RFC 6553]
    expect_both_ways(
        {.next_header = 0, .payload = "11 00 63 04 80 1e 01 00 f0 b1 f0 b2 00 08 be ef"},
        "7e 33 e1 06 63 04 80 1e 01 00 f3 12 be ef");
    expect_both_ways({.next_header = 0, .payload = "3a 00 63 04 80 1e 01 00 80 00"},
                     "7e 33 e0 3a 06 63 04 80 1e 01 00 80 00");
}

TEST(NhcExtension, EveryKindHasItsIdentifier) {
    expect_both_ways({.next_header = 0, .payload = "3b 00 63 04 00 00 00 01"},
                     "7e 33 e0 3b 06 63 04 00 00 00 01");
    expect_both_ways({.next_header = 43, .payload = "3b 00 03 00 00 00 00 00"},
                     "7e 33 e2 3b 06 03 00 00 00 00 00");
    expect_both_ways({.next_header = 44, .payload = "3b 00 00 00 12 34 56 78"},
                     "7e 33 e4 3b 00 00 00 12 34 56 78");
    expect_both_ways({.next_header = 60, .payload = "3b 00 63 04 00 00 00 01"},
                     "7e 33 e6 3b 06 63 04 00 00 00 01");
    expect_both_ways({.next_header = 135, .payload = "3b 00 05 00 be ef 00 00"},
                     "7e 33 e8 3b 06 05 00 be ef 00 00");
}

TEST(NhcExtension, HeadersChain) {
    expect_both_ways(
        {.next_header = 0,
         .payload = "2b 00 63 04 80 1e 01 00 3c 00 03 00 00 00 00 00 11 00 05 04 00 00 00 00 "
                    "f0 b1 f0 b2 00 08 be ef"},
        "7e 33 e1 06 63 04 80 1e 01 00 e3 06 03 00 00 00 00 00 e7 06 05 04 00 00 00 00 f3 12 be "
        "ef");
}

TEST(NhcExtension, TrailingPaddingOfOptionsIsElided) {  // [RFC 6282 §4.2]
    // PadN of two octets, of three, Pad1, and PadN that is all there is.
    expect_both_ways({.next_header = 0, .payload = "3b 00 05 02 00 00 01 00"},
                     "7e 33 e0 3b 04 05 02 00 00");
    expect_both_ways({.next_header = 60, .payload = "3b 00 05 01 ff 01 01 00"},
                     "7e 33 e6 3b 03 05 01 ff");
    expect_both_ways({.next_header = 0, .payload = "3b 00 63 03 aa bb cc 00"},
                     "7e 33 e0 3b 05 63 03 aa bb cc");
    expect_both_ways({.next_header = 0, .payload = "3b 00 01 04 00 00 00 00"}, "7e 33 e0 3b 00");
    expect_both_ways(
        {.next_header = 0, .payload = "3b 01 63 05 01 02 03 04 05 01 05 00 00 00 00 00"},
        "7e 33 e0 3b 07 63 05 01 02 03 04 05");
}

TEST(NhcExtension, PaddingThatWouldNotComeBackTheSameIsCarried) {
    // Two Pad1: only the last can go. Between options: none. With something in it: none. Of eight
    // octets: none.
    expect_both_ways({.next_header = 0, .payload = "3b 00 63 02 aa bb 00 00"},
                     "7e 33 e0 3b 05 63 02 aa bb 00");
    expect_both_ways({.next_header = 0, .payload = "3b 00 01 00 63 02 aa bb"},
                     "7e 33 e0 3b 06 01 00 63 02 aa bb");
    expect_both_ways({.next_header = 0, .payload = "3b 00 01 04 00 00 00 01"},
                     "7e 33 e0 3b 06 01 04 00 00 00 01");
    expect_both_ways(
        {.next_header = 0, .payload = "3b 01 63 04 01 02 03 04 01 06 00 00 00 00 00 00"},
        "7e 33 e0 3b 0e 63 04 01 02 03 04 01 06 00 00 00 00 00 00");
    // Nor where there are no options at all.
    expect_both_ways({.next_header = 43, .payload = "3b 00 03 00 00 00 01 00"},
                     "7e 33 e2 3b 06 03 00 00 00 01 00");
}

TEST(NhcExtension, OptionsThatRunOverTheEndAreCarried) {
    expect_both_ways({.next_header = 0, .payload = "3b 00 63 05 aa bb cc 00"},
                     "7e 33 e0 3b 06 63 05 aa bb cc 00");
    expect_both_ways({.next_header = 0, .payload = "3b 00 63 03 aa bb cc 63"},
                     "7e 33 e0 3b 06 63 03 aa bb cc 63");
}

TEST(NhcExtension, HeadersTooLongForOneOctetAreNotCompressed) {  // [RFC 6282 §4.2]
    for (const std::size_t units : {31u, 32u, 33u}) {
        Octets payload(units * 8);
        payload[0] = std::byte{59};
        payload[1] = static_cast<std::byte>(units - 1);
        payload[2] = std::byte{3};
        const std::string text = to_hex(payload);
        const Octets packet = Packet{.next_header = 43, .payload = text}.octets();
        const Octets made = compressed(packet, alice_to_bob, {});
        EXPECT_EQ(made[0], units <= 32 ? std::byte{0x7e} : std::byte{0x7a}) << units;
        EXPECT_EQ(decompress(made, alice_to_bob, {}), packet);
    }
}

TEST(NhcExtension, HeadersThatOverrunThePacketAreNotCompressed) {
    expect_both_ways({.next_header = 0, .payload = "3b 01 63 04 80 1e 01 00"},
                     "7a 33 00 3b 01 63 04 80 1e 01 00");
    expect_both_ways({.next_header = 0, .payload = "3b 00 63"}, "7a 33 00 3b 00 63");
}

TEST(NhcExtension, BehindAFragmentWithAnOffsetNothingIsAHeader) {
    expect_both_ways(
        {.next_header = 44, .payload = "11 00 00 08 12 34 56 78 f0 b1 f0 b2 00 08 be ef"},
        "7e 33 e4 11 00 00 08 12 34 56 78 f0 b1 f0 b2 00 08 be ef");
    // An atomic fragment is a whole packet.
    expect_both_ways(
        {.next_header = 44, .payload = "11 00 00 00 12 34 56 78 f0 b1 f0 b2 00 08 be ef"},
        "7e 33 e5 00 00 00 12 34 56 78 f3 12 be ef");
}

TEST(NhcExtension, TheFragmentHeadersReservedOctetMayHoldAnything) {
    const std::string zero = payload_of("7e 33 e4 3b 00 00 00 12 34 56 78");
    EXPECT_EQ(zero, "3b 00 00 00 12 34 56 78");
    EXPECT_EQ(payload_of("7e 33 e4 3b 06 00 00 12 34 56 78"), zero);
    // Going out, one that is not zero is not compressed: it would not come back.
    expect_both_ways({.next_header = 44, .payload = "3b 07 00 00 12 34 56 78"},
                     "7a 33 2c 3b 07 00 00 12 34 56 78");
}

TEST(NhcExtension, MissingPaddingIsPutBack) {
    // By compressors that elide more than we do: what comes out is whole octets of eight.
    EXPECT_EQ(payload_of("7e 33 e0 3b 05 63 02 aa bb 00"), "3b 00 63 02 aa bb 00 00");
    EXPECT_EQ(payload_of("7e 33 e0 3b 07 63 05 01 02 03 04 05"),
              "3b 01 63 05 01 02 03 04 05 01 05 00 00 00 00 00");
    EXPECT_EQ(payload_of("7e 33 e6 3b 00"), "3b 00 01 04 00 00 00 00");
}

TEST(NhcExtension, OtherHeadersMustBeMultiplesOfEight) {
    EXPECT_EQ(payload_of("7e 33 e2 3b 05 03 00 00 00 00"), "bad length");
    EXPECT_EQ(payload_of("7e 33 e8 3b 07 03 00 00 00 00 00 00"), "bad length");
}

TEST(NhcExtension, UnknownEncodingsAreRefused) {
    for (const std::string_view nhc : {"ea", "eb", "ec", "ed", "f8", "ff", "00", "d0", "60"}) {
        const std::string lowpan = "7e 33 " + std::string(nhc) + " 3b 06 00 00 00 00 00 00";
        EXPECT_EQ(payload_of(lowpan), "unsupported") << nhc;
    }
    EXPECT_EQ(payload_of("7e 33"), "truncated");
}

TEST(NhcExtension, EveryTruncationIsAFault) {
    const Octets whole = "7e 33 e1 06 63 04 80 1e 01 00 e3 06 03 00 00 00 00 00 f3 12 be ef"_hex;
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(decompress(Bytes(whole).first(n), alice_to_bob, {}).has_value()) << n;
}

// ---- IPv6 in IPv6 ----

Packet tunnelled(std::string& storage, const Packet& inner, Packet outer) {
    storage = to_hex(inner.octets());
    outer.next_header = 41;
    outer.payload = storage;
    return outer;
}

TEST(NhcTunnel, TheInnerHeaderIsIphcAgain) {  // [RFC 6282 §4.2]
    std::string inner;
    expect_both_ways(
        tunnelled(inner,
                  {.next_header = 17,
                   .hop_limit = 63,
                   .source = "2001:db8::1",
                   .target = "fd00:ca5e::1",
                   .payload = "f0 b1 f0 b2 00 09 be ef 2a"},
                  {}),
        "7e 33 ee 7c 05 3f 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00 "
        "00 00 00 01 f3 12 be ef 2a");
}

TEST(NhcTunnel, InnerIdentifiersAreElidedAgainstTheOuterAddresses) {  // [RFC 6282 §3.2.2]
    std::string inner;
    // The outer source is not the frame's; the inner one has its identifier and another prefix.
    expect_both_ways(
        tunnelled(inner, {.source = "fd00:5::1111:2222:3333:4444", .target = "fe80::ff:fe00:77"},
                  {.source = "fd00:ca5e::1111:2222:3333:4444", .target = "fd00:ca5e::ff:fe00:77"}),
        "7e 56 11 11 22 22 33 33 44 44 00 77 ee 7a f3 50 3a 80 00");
    // What would be elided against the frame is not, inside.
    expect_both_ways(
        tunnelled(inner, {}, {.source = "fd00:ca5e::1", .target = "fd00:ca5e::2"}),
        "7e 55 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 ee 7a 11 3a 02 12 4b 00 "
        "14 b5 d9 c1 02 12 4b 00 06 15 8a 2e 80 00");
}

TEST(NhcTunnel, AgainstAnOuterGroupNothingIsElidedButMuchIsAccepted) {
    std::string inner;
    expect_both_ways(tunnelled(inner, {.target = "fe80::1a"}, {.target = "ff02::1a"}),
                     "7e 3b 1a ee 7a 31 3a 00 00 00 00 00 00 00 1a 80 00");
    EXPECT_EQ(payload_of("7e 3b 1a ee 7a 33 3a 80 00"),
              payload_of("7e 3b 1a ee 7a 31 3a 00 00 00 00 00 00 00 1a 80 00"));
}

TEST(NhcTunnel, ExtensionHeadersMayStandBeforeIt) {
    std::string storage = "29 00 63 04 80 1e 01 00" + to_hex(Packet{}.octets());
    expect_both_ways({.next_header = 0, .payload = storage},
                     "7e 33 e1 06 63 04 80 1e 01 00 ee 7a 33 3a 80 00");
}

TEST(NhcTunnel, TheUnusedBitIsIgnored) {
    EXPECT_EQ(payload_of("7e 33 ef 7a 33 3a 80 00"), payload_of("7e 33 ee 7a 33 3a 80 00"));
}

TEST(NhcTunnel, InsideOnlyIphcFollows) {
    EXPECT_EQ(payload_of("7e 33 ee 41 60 00"), "unsupported");
    EXPECT_EQ(payload_of("7e 33 ee f1 7a 33 3a 80 00"), "unsupported");
}

TEST(NhcTunnel, AnInnerPacketThatDisagreesWithItsSizeIsCarriedAsItIs) {
    Octets inner = Packet{}.octets();
    inner[5] = std::byte{1};
    const std::string text = to_hex(inner);
    const Octets packet = Packet{.next_header = 41, .payload = text}.octets();
    const Octets made = compressed(packet, alice_to_bob, {});
    EXPECT_EQ(to_hex(Bytes(made).first(4), " "), "7a 33 29 60");
    EXPECT_EQ(decompress(made, alice_to_bob, {}), packet);
}

TEST(NhcTunnel, FourHeadersDeepAndNoDeeper) {
    Octets packet = Packet{}.octets();
    for (std::size_t headers = 2; headers <= compressed_ipv6_headers_max + 2; ++headers) {
        const std::string text = to_hex(packet);
        packet = Packet{.next_header = 41, .payload = text}.octets();
        const Octets made = compressed(packet, alice_to_bob, {});
        EXPECT_EQ(decompress(made, alice_to_bob, {}), packet);
        if (headers == compressed_ipv6_headers_max) {
            EXPECT_EQ(to_hex(made, " "), "7e 33 ee 7e 33 ee 7e 33 ee 7a 33 3a 80 00");
        }
    }
    EXPECT_EQ(payload_of("7e 33 ee 7e 33 ee 7e 33 ee 7e 33 ee 7a 33 3a 80 00"), "unsupported");
}

// ---- room ----

TEST(NhcRoom, HeadersThatDoNotFitAreNotCompressed) {  // [RFC 6282 §2]
    const Octets packet =
        Packet{.next_header = 0,
               .payload = "2b 00 63 04 80 1e 01 00 11 00 03 00 00 00 00 00 f0 b1 f0 b2 00 08 be ef"}
            .octets();
    std::size_t last_covered = 0;
    for (std::size_t room = 3; room < 40; ++room) {
        Octets out(room);
        const auto done = compress_headers(packet, alice_to_bob, {}, out);
        ASSERT_TRUE(done.has_value()) << room;
        EXPECT_EQ(done->packet_octets % 8, 0u);
        EXPECT_GE(done->packet_octets, last_covered);
        EXPECT_LE(done->header_octets, room);
        last_covered = done->packet_octets;
        Octets whole(Bytes(out).begin(), Bytes(out).begin() + std::ptrdiff_t(done->header_octets));
        whole.insert(whole.end(), packet.begin() + std::ptrdiff_t(done->packet_octets),
                     packet.end());
        EXPECT_EQ(decompress(whole, alice_to_bob, {}), packet) << room;
    }
    EXPECT_EQ(last_covered, packet.size());
}

}  // namespace
}  // namespace causeway::lowpan::nhc_test
