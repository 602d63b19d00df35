#include "ip/extension.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::extension_test {
namespace {

Octets packet_of(std::uint8_t first, std::string_view payload_hex) {
    return make_ipv6_packet({.next_header = first}, *from_hex(payload_hex));
}

// ---- the chain -----------------------------------------------------------------------------

TEST(ExtensionWalk, EndsAtOnceWithoutExtensions) {
    EXPECT_EQ(*find_upper_layer(packet_of(17, "0102")), (UpperLayer{17, 40, 6}));
    EXPECT_EQ(*find_upper_layer(packet_of(59, "")), (UpperLayer{59, 40, 6}));
}

TEST(ExtensionWalk, GoesThroughAllKinds) {
    // Hop-by-hop, routing (16 octets), a first fragment, destination options, UDP.
    const Octets packet = packet_of(0,
                                    "2b00 010400000000"
                                    "2c01 0301000000000000000000000000"
                                    "3c00 000100000007"
                                    "1100 010400000000"
                                    "0102");
    ExtensionWalk walk(packet);
    struct Seen {
        std::uint8_t type;
        std::size_t offset, size, named_at;
    };
    for (const Seen seen :
         {Seen{0, 40, 8, 6}, Seen{43, 48, 16, 40}, Seen{44, 64, 8, 48}, Seen{60, 72, 8, 64}}) {
        const auto found = walk.next();
        ASSERT_TRUE(found);
        EXPECT_EQ(found->type, seen.type);
        EXPECT_EQ(found->offset, seen.offset);
        EXPECT_EQ(found->size, seen.size);
        EXPECT_EQ(found->named_at, seen.named_at);
    }
    EXPECT_FALSE(walk.next());
    EXPECT_TRUE(walk.ok());
    EXPECT_EQ(walk.upper_layer(), (UpperLayer{17, 80, 72}));
    EXPECT_FALSE(walk.next());
}

TEST(ExtensionWalk, StopsInFrontOfALaterFragment) {  // [RFC 8200 §4.5]
    const auto upper = find_upper_layer(packet_of(44, "1100000800000007 ffff"));
    EXPECT_EQ(*upper, (UpperLayer{44, 40, 6}));
}

TEST(ExtensionWalk, HopByHopIsUnrecognizedAnywhereButFirst) {  // [RFC 8200 §4, §4.1]
    const auto upper = find_upper_layer(packet_of(60, "0000 010400000000 1100 010400000000 0102"));
    EXPECT_EQ(*upper, (UpperLayer{0, 48, 40}));
}

TEST(ExtensionWalk, StopsAtHeadersItCannotSeeThrough) {
    EXPECT_EQ(find_upper_layer(packet_of(50, "0102"))->next_header, NextHeader::esp);
    EXPECT_EQ(find_upper_layer(packet_of(51, "1104"))->next_header, NextHeader::authentication);
    EXPECT_EQ(find_upper_layer(packet_of(253, ""))->next_header, 253);
}

TEST(ExtensionWalk, ChainsHaveALimit) {
    std::string hex;
    for (std::size_t i = 0; i < extension_headers_max; ++i) hex += "3c00010400000000";
    hex.replace((extension_headers_max - 1) * 16, 2, "11");
    EXPECT_EQ(find_upper_layer(packet_of(60, hex))->next_header, NextHeader::udp);
    const auto error = find_upper_layer(packet_of(60, "3c00010400000000" + hex)).error();
    EXPECT_EQ(error, (WireError{Fault::unsupported, 40 + 8 * extension_headers_max}));
}

TEST(ExtensionWalk, HeadersEndWithinThePacket) {
    EXPECT_EQ(find_upper_layer(packet_of(60, "11000104000000")).error(),
              (WireError{Fault::truncated, 40}));
    EXPECT_EQ(find_upper_layer(packet_of(60, "1101010400000000")).error(),
              (WireError{Fault::truncated, 40}));
    EXPECT_EQ(find_upper_layer(Bytes(packet_of(60, "")).first(39)).error().fault, Fault::truncated);
    EXPECT_EQ(find_upper_layer({}).error().fault, Fault::truncated);
    Octets packet = packet_of(17, "");
    packet[0] = std::byte{0x45};
    EXPECT_EQ(find_upper_layer(packet).error(), (WireError{Fault::bad_version, 0}));
}

TEST(ExtensionWalk, MayStartInside) {
    const Octets inside = "1100010400000000 0102"_hex;
    ExtensionWalk walk(inside, 60, 0);
    EXPECT_TRUE(walk.next());
    EXPECT_FALSE(walk.next());
    EXPECT_EQ(walk.upper_layer().offset, 8u);
    EXPECT_FALSE(ExtensionWalk(inside, 60, 11).ok());
}

// ---- options -------------------------------------------------------------------------------

TEST(Options, TypeSaysWhatToDoWithUnknownOnes) {  // [RFC 8200 §4.2]
    EXPECT_EQ(action_for_unknown(0x23), UnknownOption::skip);
    EXPECT_EQ(action_for_unknown(0x63), UnknownOption::discard);
    EXPECT_EQ(action_for_unknown(0x9e), UnknownOption::report);
    EXPECT_EQ(action_for_unknown(0xc2), UnknownOption::report_unless_multicast);
    EXPECT_TRUE(changes_en_route(0x63));
    EXPECT_FALSE(changes_en_route(0xc2));
}

TEST(Options, ReaderHandsOutPaddingAndAll) {
    const Octets header = "3a00 00 0100 6301 aa"_hex;
    OptionReader options = OptionReader::over_header(header);
    const auto pad1 = options.next();
    const auto padn = options.next();
    const auto known = options.next();
    ASSERT_TRUE(pad1 && padn && known);
    EXPECT_TRUE(pad1->is_padding() && padn->is_padding() && !known->is_padding());
    EXPECT_EQ(padn->offset, 3u);
    EXPECT_EQ(known->offset, 5u);
    EXPECT_EQ(to_hex(known->data), "aa");
    EXPECT_FALSE(options.next());
    EXPECT_TRUE(options.ok());
}

TEST(Options, ReaderFailsWhereAnOptionIsCut) {
    for (const std::string_view hex : {"63", "6302aa", "00 01 05 00000000"}) {
        const auto octets = from_hex(hex);
        OptionReader options(*octets);
        while (options.next()) {
        }
        EXPECT_EQ(options.error().fault, Fault::truncated) << hex;
    }
}

TEST(Options, PaddingHasBothForms) {  // [RFC 8200 §4.2]
    EXPECT_EQ(padding(1), (Option{0, {}}));
    EXPECT_EQ(padding(2), (Option{1, {}}));
    EXPECT_EQ(padding(6), (Option{1, "00000000"_hex}));
    EXPECT_EQ(padding(257).wire_size(), 257u);
    EXPECT_EQ(padding_to(2, 8), 6u);
    EXPECT_EQ(padding_to(2, 8, 2), 0u);
    EXPECT_EQ(padding_to(2, 4, 3), 1u);
    EXPECT_EQ(padding_to(7, 8, 10), 3u);
}

TEST(Options, AlignedAsTheAppendixShows) {  // [RFC 8200 Appendix A], its first example
    HopByHop header;
    header.next_header = 6;
    append_aligned(header.options, {0x3e, "000102030405060708090a0b"_hex}, 8, 2);
    EXPECT_EQ(to_hex(emitted(header)), "06013e0c000102030405060708090a0b");
    // Its second: behind a 4-octet field with the requirement 4n+3 there comes padding.
    HopByHop second;
    second.next_header = 6;
    append_aligned(second.options, {0x3d, "00010203040506"_hex}, 4, 3);
    EXPECT_EQ(to_hex(emitted(second)), "0601003d070001020304050601020000");
    // Its third: both, the first one first, then the second one first.
    append_aligned(header.options, second.options.back(), 4, 3);
    EXPECT_EQ(to_hex(emitted(header)),
              "06033e0c000102030405060708090a0b"
              "0101003d070001020304050601020000");
    append_aligned(second.options, header.options.front(), 8, 2);
    EXPECT_EQ(to_hex(emitted(second)),
              "0603003d070001020304050601040000"
              "00003e0c000102030405060708090a0b");
}

// ---- headers -------------------------------------------------------------------------------

template <class Header>
void round_trips(const Header& header, std::string_view hex) {
    EXPECT_EQ(to_hex(emitted(header)), hex);
    const auto octets = from_hex(hex);
    const auto read = parse_as<Header>(*octets);
    ASSERT_TRUE(read) << hex;
    EXPECT_EQ(*read, header);
    for (std::size_t size = 0; size < octets->size(); ++size)
        EXPECT_EQ(parse_as<Header>(Bytes(*octets).first(size)).error().fault, Fault::truncated);
}

TEST(HopByHop, RoundTrips) {  // [RFC 8200 §4.3]
    round_trips(HopByHop{58, {{0x63, "00000100"_hex}}}, "3a00630400000100");
    round_trips(HopByHop{58, {}}, "3a00010400000000");
    round_trips(HopByHop{58, {{0x05, "0000"_hex}}}, "3a00050200000100");
    round_trips(HopByHop{58, {{0x05, "000000"_hex}}}, "3a00050300000000");
    round_trips(HopByHop{58, {{0, {}}, {0x1e, "aa"_hex}, {1, "ff"_hex}, {0x5e, {}}}},
                "3a0100"
                "1e01aa"
                "0101ff"
                "5e00"
                "010300"
                "0000");
}

TEST(DestinationOptions, KeepsUnknownOptions) {
    const Octets octets = "1100 d202 beef 0100"_hex;
    const auto header = parse_as<DestinationOptions>(octets);
    ASSERT_TRUE(header);
    EXPECT_EQ(*header, (DestinationOptions{17, {{0xd2, "beef"_hex}}}));
    EXPECT_EQ(emitted(*header), octets);
}

TEST(HopByHop, TrailingPaddingIsNoPartOfIt) {
    EXPECT_EQ(parse_as<HopByHop>("3a01 6304 00000100 010600000000 0000"_hex),
              parse_as<HopByHop>("3a00 6304 00000100"_hex));
    EXPECT_EQ(parse_as<HopByHop>("3a00000000000000"_hex)->options.size(), 0u);
}

TEST(HopByHop, OptionsHaveALimit) {
    HopByHop header;
    for (std::size_t i = 0; i < options_max; ++i) header.options.push_back({0x1e, {}});
    EXPECT_TRUE(parse_as<HopByHop>(emitted(header)));
    header.options.push_back({0x1e, {}});
    const auto error = parse_as<HopByHop>(emitted(header)).error();
    EXPECT_EQ(error, (WireError{Fault::unsupported, 2 + 2 * options_max}));
}

TEST(HopByHop, RefusesAnOptionThatRunsOut) {
    EXPECT_EQ(parse_as<HopByHop>("3a00 6305 00000100"_hex).error(),
              (WireError{Fault::truncated, 4}));
}

TEST(RoutingHeader, RoundTrips) {  // [RFC 8200 §4.4]
    round_trips(RoutingHeader{.next_header = 58,
                              .type = 3,
                              .segments_left = 1,
                              .data = "000000000102030405060708"_hex},
                "3a010301000000000102030405060708");
    round_trips(RoutingHeader{}, "3b00000000000000");
}

TEST(FragmentHeader, RoundTrips) {  // [RFC 8200 §4.5]
    round_trips(FragmentHeader{17, 65528, true, 0x01020304}, "1100fff901020304");
    round_trips(FragmentHeader{17, 0, false, 7}, "1100000000000007");
    EXPECT_TRUE((FragmentHeader{17, 0, false, 7}.is_whole()));
    EXPECT_FALSE((FragmentHeader{17, 0, true, 7}.is_whole()));
    EXPECT_FALSE((FragmentHeader{17, 8, false, 7}.is_whole()));
    // Reserved bits are ignored.
    EXPECT_EQ(*parse_as<FragmentHeader>("11ff000e00000007"_hex), (FragmentHeader{17, 8, false, 7}));
}

}  // namespace
}  // namespace causeway::ip::extension_test
