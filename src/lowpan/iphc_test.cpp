// LOWPAN_IPHC, form by form, from the text of RFC 6282. Every vector is written out by hand and
// goes both ways: the compressor chooses just this form, the decompressor restores the packet.
#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::iphc_test {
namespace {

using namespace testing;

void expect_both_ways(const Packet& packet, std::string_view lowpan,
                      const LinkEnds& ends = alice_to_bob,
                      const Contexts& contexts = some_contexts()) {
    const Octets octets = packet.octets();
    EXPECT_EQ(to_hex(compressed(octets, ends, contexts), " "), lowpan);
    const auto back = decompress(*from_hex(lowpan), ends, contexts);
    ASSERT_TRUE(back.has_value()) << name_of(back.error().fault) << " at " << back.error().offset
                                  << ": " << lowpan;
    EXPECT_EQ(to_hex(*back), to_hex(octets));
}

WireError fault_of(std::string_view lowpan, const LinkEnds& ends = alice_to_bob) {
    const auto packet = decompress(*from_hex(lowpan), ends, some_contexts());
    return packet ? WireError{Fault::none, 0} : packet.error();
}

std::string restored(std::string_view lowpan, const LinkEnds& ends = alice_to_bob) {
    const auto packet = decompress(*from_hex(lowpan), ends, some_contexts());
    return packet ? to_hex(*packet) : std::string(name_of(packet.error().fault));
}

TEST(Iphc, LinkLocalHeadersShrinkToThreeOctets) {
    expect_both_ways({}, "7a 33 3a 80 00");
}

TEST(Iphc, TrafficClassAndFlowLabelTakeTheirFourForms) {  // [RFC 6282 §3.2.1]
    // DSCP 46, ECN 1: rotated, ECN stands first.
    expect_both_ways({.traffic_class = 0xb9, .flow_label = 0xfedcb}, "62 33 6e 0f ed cb 3a 80 00");
    expect_both_ways({.traffic_class = 0x02, .flow_label = 0x12345}, "6a 33 81 23 45 3a 80 00");
    expect_both_ways({.traffic_class = 0xb9}, "72 33 6e 3a 80 00");
    expect_both_ways({.traffic_class = 0x01}, "72 33 40 3a 80 00");
    expect_both_ways({.traffic_class = 0, .flow_label = 1}, "6a 33 00 00 01 3a 80 00");
}

TEST(Iphc, ReservedBitsOfTheFlowLabelFormsAreIgnored) {
    EXPECT_EQ(restored("62 33 6e ff ed cb 3a 80 00"), restored("62 33 6e 0f ed cb 3a 80 00"));
    EXPECT_EQ(restored("6a 33 b1 23 45 3a 80 00"), restored("6a 33 81 23 45 3a 80 00"));
}

TEST(Iphc, HopLimitTakesItsFourForms) {
    expect_both_ways({.hop_limit = 63}, "78 33 3a 3f 80 00");
    expect_both_ways({.hop_limit = 0}, "78 33 3a 00 80 00");
    expect_both_ways({.hop_limit = 1}, "79 33 3a 80 00");
    expect_both_ways({.hop_limit = 64}, "7a 33 3a 80 00");
    expect_both_ways({.hop_limit = 255}, "7b 33 3a 80 00");
}

TEST(Iphc, AnyNextHeaderMayBeCarriedInline) {
    expect_both_ways({.next_header = 59, .payload = ""}, "7a 33 3b");
    expect_both_ways({.next_header = 6, .payload = "00 50"}, "7a 33 06 00 50");
}

TEST(Iphc, SourceAddressWithoutContextTakesItsFourForms) {  // [RFC 6282 §3.1.1]
    expect_both_ways({.source = "2001:db8::1"},
                     "7a 03 3a 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 80 00");
    expect_both_ways({.source = "fe80::1122:3344:5566:7788"},
                     "7a 13 3a 11 22 33 44 55 66 77 88 80 00");
    expect_both_ways({.source = "fe80::ff:fe00:beef"}, "7a 23 3a be ef 80 00");
    expect_both_ways({.source = "fe80::ff:fe00:beef"}, "7a 33 3a 80 00",
                     {Link::short_address(0xbeef), bob});
}

TEST(Iphc, SourceAddressWithContextTakesItsFourForms) {
    expect_both_ways({.source = "::"}, "7a 43 3a 80 00");
    expect_both_ways({.source = "fd00:ca5e::1122:3344:5566:7788"},
                     "7a 53 3a 11 22 33 44 55 66 77 88 80 00");
    expect_both_ways({.source = "fd00:ca5e::ff:fe00:beef"}, "7a 63 3a be ef 80 00");
    expect_both_ways({.source = "fd00:ca5e::212:4b00:14b5:d9c1"}, "7a 73 3a 80 00");
}

TEST(Iphc, DestinationAddressWithoutContextTakesItsFourForms) {
    expect_both_ways({.target = "2001:db8::1"},
                     "7a 30 3a 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 80 00");
    expect_both_ways({.target = "fe80::1122:3344:5566:7788"},
                     "7a 31 3a 11 22 33 44 55 66 77 88 80 00");
    expect_both_ways({.target = "fe80::ff:fe00:beef"}, "7a 32 3a be ef 80 00");
    expect_both_ways({.target = "fe80::ff:fe00:beef"}, "7a 33 3a 80 00",
                     {alice, Link::short_address(0xbeef)});
    // There is no short form of the unspecified destination.
    expect_both_ways({.target = "::"},
                     "7a 30 3a 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 00");
}

TEST(Iphc, DestinationAddressWithContextTakesItsThreeForms) {
    expect_both_ways({.target = "fd00:ca5e::1122:3344:5566:7788"},
                     "7a 35 3a 11 22 33 44 55 66 77 88 80 00");
    expect_both_ways({.target = "fd00:ca5e::ff:fe00:beef"}, "7a 36 3a be ef 80 00");
    expect_both_ways({.target = "fd00:ca5e::212:4b00:615:8a2e"}, "7a 37 3a 80 00");
}

TEST(Iphc, ContextsOtherThanZeroTakeOneOctetForBothAddresses) {  // [RFC 6282 §3.1.2]
    expect_both_ways({.source = "fd00:5::212:4b00:14b5:d9c1"}, "7a f3 50 3a 80 00");
    expect_both_ways({.target = "fd00:5::212:4b00:615:8a2e"}, "7a b7 05 3a 80 00");
    expect_both_ways({.source = "fd00:5::212:4b00:14b5:d9c1", .target = "2001:db8:7::ff:fe00:9"},
                     "7a f6 52 3a 00 09 80 00");
    expect_both_ways({.source = "fd00:ca5e::1", .target = "fd00:5::212:4b00:615:8a2e"},
                     "7a d7 05 3a 00 00 00 00 00 00 00 01 80 00");
}

TEST(Iphc, BitsBetweenAShortPrefixAndTheIdentifierAreZero) {
    expect_both_ways({.source = "2001:db8:7::212:4b00:14b5:d9c1"}, "7a f3 20 3a 80 00");
    // The same prefix, and something in those bits: the context does not describe it.
    expect_both_ways({.source = "2001:db8:7:1:212:4b00:14b5:d9c1"},
                     "7a 03 3a 20 01 0d b8 00 07 00 01 02 12 4b 00 14 b5 d9 c1 80 00");
}

TEST(Iphc, BitsThatALongPrefixCoversAreItsOwn) {
    expect_both_ways({.source = "fd00:1::aaaa:bbbb:cccc:1234"}, "7a e3 30 3a 12 34 80 00");
    // What is inline under the prefix does not count.
    EXPECT_EQ(restored("7a d3 30 3a 11 11 22 22 33 33 12 34 80 00"),
              restored("7a e3 30 3a 12 34 80 00"));
    expect_both_ways({.source = "fd00:1::aaaa:bbbb:cccc:beef"}, "7a f3 30 3a 80 00",
                     {Link::short_address(0xbeef), bob});
    expect_both_ways({.source = "fd00:f::1"}, "7a f3 f0 3a 80 00");
}

TEST(Iphc, MulticastWithoutContextTakesItsFourForms) {  // [RFC 6282 §3.2.3]
    expect_both_ways({.target = "ff02::1a"}, "7a 3b 3a 1a 80 00");
    expect_both_ways({.target = "ff02::ff"}, "7a 3b 3a ff 80 00");
    expect_both_ways({.target = "ff05::1a"}, "7a 3a 3a 05 00 00 1a 80 00");
    expect_both_ways({.target = "ff05::1:3"}, "7a 3a 3a 05 01 00 03 80 00");
    expect_both_ways({.target = "ff02::1:ff15:8a2e"}, "7a 39 3a 02 01 ff 15 8a 2e 80 00");
    expect_both_ways({.target = "ff1e::ab:cdef:123"}, "7a 39 3a 1e ab cd ef 01 23 80 00");
    expect_both_ways({.target = "ff02::1:0:0:1"},
                     "7a 38 3a ff 02 00 00 00 00 00 00 00 01 00 00 00 00 00 01 80 00");
    expect_both_ways({.target = "ff02:1::1"},
                     "7a 38 3a ff 02 00 01 00 00 00 00 00 00 00 00 00 00 00 01 80 00");
}

TEST(Iphc, UnicastPrefixBasedMulticastTakesPrefixAndLengthFromAContext) {  // [RFC 6282 §3.2.4]
    expect_both_ways({.target = "ff3e:40:fd00:ca5e::1234:5678"},
                     "7a 3c 3a 3e 00 12 34 56 78 80 00");
    // The reserved octet, or the RIID of an embedded rendezvous point, is carried.
    expect_both_ways({.target = "ff7e:140:fd00:ca5e::1234:5678"},
                     "7a 3c 3a 7e 01 12 34 56 78 80 00");
    expect_both_ways({.target = "ff3e:30:2001:db8:7::1"}, "7a bc 02 3a 3e 00 00 00 00 01 80 00");
    // Prefix length 64, but no such context.
    expect_both_ways({.target = "ff3e:40:fd00:6::1"},
                     "7a 38 3a ff 3e 00 40 fd 00 00 06 00 00 00 00 00 00 00 01 80 00");
}

TEST(Iphc, AnIdentifierThatIsNotTheLinkAddressIsNotElided) {  // [RFC 6282 §3.2.2]
    expect_both_ways({}, "7a 11 3a 02 12 4b 00 14 b5 d9 c1 02 12 4b 00 06 15 8a 2e 80 00",
                     {bob, alice});
    expect_both_ways({}, "7a 11 3a 02 12 4b 00 14 b5 d9 c1 02 12 4b 00 06 15 8a 2e 80 00",
                     {Link::short_address(0xd9c1), Link::broadcast()});
    // Nor with the universal bit as it is in the EUI-64.
    expect_both_ways({.source = "fe80::12:4b00:14b5:d9c1"},
                     "7a 13 3a 00 12 4b 00 14 b5 d9 c1 80 00");
}

TEST(Iphc, ContextsThatAreReceiveOnlyDoNotCompress) {
    Contexts contexts;
    contexts.set(0, {.prefix = prefix("fd00:ca5e::/64"), .compression_allowed = false});
    const Octets packet = Packet{.source = "fd00:ca5e::212:4b00:14b5:d9c1"}.octets();
    EXPECT_EQ(compressed(packet, alice_to_bob, contexts)[1], std::byte{0x03});
    EXPECT_EQ(decompress("7a 73 3a 80 00"_hex, alice_to_bob, contexts), packet);
}

TEST(Iphc, AContextExtensionThatNobodyNeedsIsAccepted) {
    EXPECT_EQ(restored("7a b3 00 3a 80 00"), restored("7a 33 3a 80 00"));
    EXPECT_EQ(restored("7a b3 9e 3a 80 00"), restored("7a 33 3a 80 00"));
    EXPECT_EQ(restored("7a c3 90 3a 80 00"), restored("7a 43 3a 80 00"));  // ::
}

TEST(Iphc, ReservedFormsAreRefused) {
    EXPECT_EQ(fault_of("7a 34 3a 80 00").fault, Fault::bad_value);  // M=0, DAC=1, DAM=00
    EXPECT_EQ(fault_of("7a 3d 3a 80 00").fault, Fault::bad_value);  // M=1, DAC=1, DAM=01
    EXPECT_EQ(fault_of("7a 3e 3a 80 00").fault, Fault::bad_value);
    EXPECT_EQ(fault_of("7a 3f 3a 80 00").fault, Fault::bad_value);
    // A prefix of 112 bits has no place in a multicast address.
    EXPECT_EQ(fault_of("7a bc 03 3a 3e 00 12 34 56 78 80 00").fault, Fault::bad_value);
}

TEST(Iphc, AnUnknownContextIsRefused) {
    EXPECT_EQ(fault_of("7a f3 90 3a 80 00").fault, Fault::unsupported);
    EXPECT_EQ(fault_of("7a b7 09 3a 80 00").fault, Fault::unsupported);
    EXPECT_EQ(fault_of("7a bc 09 3a 3e 00 12 34 56 78 80 00").fault, Fault::unsupported);
}

TEST(Iphc, NothingIsElidedWhereTheFrameHasNoAddress) {
    const LinkEnds nobody{};
    const Octets packet = Packet{}.octets();
    const Octets made = compressed(packet, nobody, {});
    EXPECT_EQ(to_hex(made, " "), "7a 11 3a 02 12 4b 00 14 b5 d9 c1 02 12 4b 00 06 15 8a 2e 80 00");
    EXPECT_EQ(decompress(made, nobody, {}), packet);
    EXPECT_EQ(fault_of("7a 31 3a 02 12 4b 00 06 15 8a 2e", nobody).fault, Fault::bad_value);
    EXPECT_EQ(fault_of("7a 13 3a 02 12 4b 00 06 15 8a 2e", nobody).fault, Fault::bad_value);
}

TEST(Iphc, EveryTruncationIsAFaultAndNeverACrash) {
    for (const std::string_view whole :
         {"60 00 6e 0f ed cb 3a 3f 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 20 01 0d b8 00 "
          "00 00 00 00 00 00 00 00 00 00 02",
          "7a f6 52 3a 00 09", "78 bc 02 3a 40 3e 00 00 00 00 01"}) {
        const Octets octets = *from_hex(whole);
        ASSERT_TRUE(decompress(octets, alice_to_bob, some_contexts()).has_value()) << whole;
        for (std::size_t n = 0; n < octets.size(); ++n) {
            const auto cut = decompress(Bytes(octets).first(n), alice_to_bob, some_contexts());
            ASSERT_FALSE(cut.has_value()) << n;
            EXPECT_EQ(cut.error().fault, Fault::truncated) << n;
        }
    }
}

TEST(Iphc, PacketsThatDisagreeWithTheirSizeGoUncompressed) {
    Octets packet = Packet{}.octets();
    packet[5] = std::byte{7};  // payload length
    Octets expected = "41"_hex;
    expected.insert(expected.end(), packet.begin(), packet.end());
    const Octets made = compressed(packet, alice_to_bob, some_contexts());
    EXPECT_EQ(made, expected);
    EXPECT_EQ(decompress(made, alice_to_bob, some_contexts()), packet);
}

TEST(Iphc, UncompressedPacketsMustBeIpv6) {
    EXPECT_EQ(fault_of("41 60 00").fault, Fault::truncated);
    EXPECT_EQ(fault_of("41 45 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
                       "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
              (WireError{Fault::bad_version, 1}));
}

TEST(Iphc, OnlyIpv6IsCompressed) {
    Octets out(128);
    const Octets packet = Packet{}.octets();
    EXPECT_EQ(compress(Bytes(packet).first(39), alice_to_bob, {}, out).error().fault,
              Fault::truncated);
    Octets v4 = packet;
    v4[0] = std::byte{0x45};
    EXPECT_EQ(compress(v4, alice_to_bob, {}, out).error().fault, Fault::bad_version);
}

TEST(Iphc, OtherDispatchesAreNotForTheDecompressor) {
    for (const std::string_view other :
         {"00", "40", "42 fb", "50 01", "80 01", "c0 28 00 01", "f2"})
        EXPECT_EQ(fault_of(other).fault, Fault::unsupported) << other;
    EXPECT_EQ(fault_of("").fault, Fault::truncated);
}

TEST(Iphc, PagesZeroAndOneHoldIphcAlike) {  // [RFC 8025 §4]
    EXPECT_EQ(restored("f1 7a 33 3a 80 00"), restored("7a 33 3a 80 00"));
    EXPECT_EQ(restored("f0 7a 33 3a 80 00"), restored("7a 33 3a 80 00"));
    EXPECT_EQ(fault_of("f1 41 60 00").fault, Fault::unsupported);
    EXPECT_EQ(fault_of("f1 a0 06 03 e0").fault, Fault::unsupported);  // a 6LoRH header
}

TEST(Iphc, TheDatagramSizeSaysWhatLengthsAre) {  // [RFC 6282 §3.2]
    const auto first = decompress("7a 33 3a 80 00"_hex, alice_to_bob, {}, 1000);
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->size(), 42u);
    EXPECT_EQ(to_hex(Bytes(*first).subspan(4, 2)), "03c0");  // 960
    EXPECT_FALSE(decompress("7a 33 3a 80 00"_hex, alice_to_bob, {}, 41).has_value());
    EXPECT_FALSE(decompress("7a 33 3a"_hex, alice_to_bob, {}, 39).has_value());
}

TEST(Iphc, ABufferThatIsTooSmallIsAFault) {
    const Octets packet = Packet{}.octets();
    Octets out(packet.size() - 1);
    EXPECT_EQ(decompress_into("7a 33 3a 80 00"_hex, alice_to_bob, {}, {}, out).error().fault,
              Fault::bad_length);
    EXPECT_EQ(compress(packet, alice_to_bob, {}, MutableBytes(out).first(4)).error().fault,
              Fault::bad_length);
    EXPECT_EQ(compress(packet, alice_to_bob, {}, MutableBytes(out).first(2)).error().fault,
              Fault::bad_length);
}

}  // namespace
}  // namespace causeway::lowpan::iphc_test
