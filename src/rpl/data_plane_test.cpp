#include "rpl/data_plane.hpp"

#include "base/hex.hpp"
#include "ip/extension.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::data_plane_test {
namespace {

ip::Address address(std::string_view text) {
    return *ip::Address::from_text(text);
}

/// A UDP packet of 4 payload octets.
Octets plain(std::string_view source, std::string_view target) {
    ip::Ipv6Header header;
    header.next_header = 17;
    header.source = address(source);
    header.target = address(target);
    return ip::make_ipv6_packet(header, "16 33 16 33 00 0c 00 00 01 02 03 04"_hex);
}

SourceRoute route_of(std::initializer_list<std::string_view> hops) {
    SourceRoute route;
    for (const std::string_view hop : hops) route.push_back(address(hop));
    return route;
}

constexpr HopContext at_rank(std::uint16_t rank) {
    return {.instance = 0, .rank = rank, .min_hop_rank_increase = 256};
}

ip::Ipv6Header header_of(Bytes packet) {
    return *parse_as<ip::Ipv6Header>(packet);
}

TEST(RplOption, IsEightOctetsOfHopByHopHeader) {  // [RFC 6553 §3]
    const Octets packet = with_rpl_option(plain("fd00::2", "fd00::1"), {.instance = 7});
    EXPECT_EQ(to_hex(Bytes(packet).first(8), " "), "60 00 00 00 00 14 00 40");
    EXPECT_EQ(to_hex(Bytes(packet).subspan(40, 8), " "), "11 00 23 04 00 07 00 00");
    EXPECT_EQ(find_rpl_option(packet), 42u);
    EXPECT_TRUE(same(Bytes(packet).subspan(48), Bytes(plain("fd00::2", "fd00::1")).subspan(40)));
}

TEST(RplOption, FlagsAreTheFirstThreeBits) {  // [RFC 6553 §3]
    const RplOption all{.down = true,
                        .rank_error = true,
                        .forwarding_error = true,
                        .instance = 1,
                        .sender_rank = 0x0203};
    EXPECT_EQ(to_hex(emitted(all), " "), "e0 01 02 03");
    EXPECT_EQ(parse_as<RplOption>("e0 01 02 03"_hex), all);
    EXPECT_EQ(emitted(RplOption{.down = true})[0], std::byte{0x80});
    EXPECT_EQ(emitted(RplOption{.rank_error = true})[0], std::byte{0x40});
}

TEST(RplOption, JoinsAHeaderThatIsThere) {
    for (std::size_t data = 0; data < 12; ++data) {
        ip::HopByHop header;
        header.next_header = 17;
        header.options.push_back({.type = 0x1e, .data = Octets(data, std::byte{9})});
        ip::Ipv6Header ipv6;
        ipv6.next_header = 0;
        Octets payload = emitted(header);
        const Octets udp = "16 33 16 33 00 08 00 00"_hex;
        payload.insert(payload.end(), udp.begin(), udp.end());
        const Octets packet = with_rpl_option(ip::make_ipv6_packet(ipv6, payload), {.instance = 3});
        const auto at = find_rpl_option(packet);
        ASSERT_TRUE(at) << data;
        EXPECT_EQ(*at % 2, 0u) << data;  // "an alignment requirement of 2n"
        EXPECT_EQ(header_of(packet).payload_length, packet.size() - 40) << data;
        const auto upper = ip::find_upper_layer(packet);
        ASSERT_TRUE(upper) << data;
        EXPECT_EQ(upper->next_header, 17);
        EXPECT_TRUE(same(Bytes(packet).subspan(upper->offset), udp)) << data;
        const auto parsed = parse_as<ip::HopByHop>(Bytes(packet).subspan(40));
        ASSERT_TRUE(parsed) << data;
        EXPECT_EQ(parsed->options.front().type, 0x1e);
        EXPECT_EQ(parsed->options.back().type, 0x23);
    }
}

TEST(RplOption, IsReplacedNotRepeated) {
    const Octets once = with_rpl_option(plain("fd00::2", "fd00::1"), {.instance = 7}, 0x63);
    const Octets twice = with_rpl_option(once, {.down = true, .instance = 8});
    EXPECT_EQ(twice.size(), once.size());
    EXPECT_EQ(read_rpl_option(twice), (RplOption{.down = true, .instance = 8}));
}

TEST(LoopDetection, TheFirstRankErrorIsMarkedAndTheSecondDrops) {  // [RFC 6550 §11.2.2.2]
    Octets packet = with_rpl_option(plain("fd00::9", "fd00::1"), {});
    EXPECT_EQ(check_option(packet, at_rank(1024)), OptionVerdict::consistent);
    EXPECT_EQ(read_rpl_option(packet)->sender_rank, 4);
    EXPECT_EQ(check_option(packet, at_rank(768)), OptionVerdict::consistent);
    // Up, from a node of lower Rank.
    EXPECT_EQ(check_option(packet, at_rank(1024)), OptionVerdict::rank_error);
    EXPECT_TRUE(read_rpl_option(packet)->rank_error);
    EXPECT_EQ(check_option(packet, at_rank(768)), OptionVerdict::consistent);
    EXPECT_TRUE(read_rpl_option(packet)->rank_error);
    EXPECT_EQ(check_option(packet, at_rank(1024)), OptionVerdict::loop);
}

TEST(LoopDetection, DownFromAHigherRankIsInconsistent) {  // [RFC 6550 §11.2.2.2]
    Octets packet = with_rpl_option(plain("fd00::1", "fd00::9"), {.down = true, .sender_rank = 3});
    EXPECT_EQ(check_option(packet, at_rank(512)), OptionVerdict::rank_error);
    Octets other = with_rpl_option(plain("fd00::1", "fd00::9"), {.down = true, .sender_rank = 1});
    EXPECT_EQ(check_option(other, at_rank(512)), OptionVerdict::consistent);
}

TEST(LoopDetection, EqualRanksAndTheSourceAreNoError) {
    Octets packet = with_rpl_option(plain("fd00::9", "fd00::1"), {.sender_rank = 3});
    EXPECT_EQ(check_option(packet, at_rank(800)), OptionVerdict::consistent);
    Octets fresh = with_rpl_option(plain("fd00::9", "fd00::1"), {.sender_rank = 0});
    EXPECT_EQ(check_option(fresh, at_rank(5000)), OptionVerdict::consistent);
}

TEST(LoopDetection, WholeRanksInTheFieldAreUnderstood) {
    Octets packet = with_rpl_option(plain("fd00::9", "fd00::1"), {.sender_rank = 1024});
    EXPECT_EQ(check_option(packet, at_rank(768)), OptionVerdict::consistent);
    Octets low = with_rpl_option(plain("fd00::9", "fd00::1"), {.sender_rank = 512});
    EXPECT_EQ(check_option(low, at_rank(1024)), OptionVerdict::rank_error);
}

TEST(LoopDetection, BothOptionTypesAreUnderstoodAndKept) {  // [RFC 9008 §4.2]
    for (const std::uint8_t type : {rpi_type, rpi_type_old}) {
        Octets packet = with_rpl_option(plain("fd00::9", "fd00::1"), {}, type);
        EXPECT_EQ(check_option(packet, at_rank(768)), OptionVerdict::consistent);
        EXPECT_EQ(packet[42], std::byte{type});
    }
}

TEST(LoopDetection, OtherPacketsAreToldApart) {
    Octets none = plain("fd00::9", "fd00::1");
    EXPECT_EQ(check_option(none, at_rank(768)), OptionVerdict::absent);
    Octets other = with_rpl_option(plain("fd00::9", "fd00::1"), {.instance = 9});
    EXPECT_EQ(check_option(other, at_rank(768)), OptionVerdict::other_instance);
    Octets broken = with_rpl_option(plain("fd00::9", "fd00::1"), {});
    broken[43] = std::byte{9};
    EXPECT_EQ(check_option(broken, at_rank(768)), OptionVerdict::malformed);
    broken[43] = std::byte{3};
    EXPECT_EQ(check_option(broken, at_rank(768)), OptionVerdict::malformed);
}

TEST(LoopDetection, TheRootClearsTheRankForTheInternet) {  // [RFC 9008 §6]
    Octets packet = with_rpl_option(plain("fd00::9", "2001:db8::1"), {.sender_rank = 3});
    clear_sender_rank(packet);
    EXPECT_EQ(read_rpl_option(packet)->sender_rank, 0);
}

TEST(SourceRouting, TheHeaderElidesWhatAllAddressesShare) {  // [RFC 6554 §3]
    const SourceRoute route = route_of({"fd00::1:0:0:1", "fd00::1:0:0:2", "fd00::1:0:0:3"});
    const auto header = SourceRoutingHeader::along(route, 17);
    EXPECT_EQ(header.elided, 15);
    EXPECT_EQ(header.elided_last, 15);
    EXPECT_EQ(to_hex(emitted(header), " "), "11 01 03 02 ff 60 00 00 02 03 00 00 00 00 00 00");
}

TEST(SourceRouting, ALastAddressOfAnotherPrefixIsCarriedWhole) {  // [RFC 6554 §3, CmprE]
    const SourceRoute route = route_of({"fd00::1", "fd00::2", "2001:db8::7"});
    const auto header = SourceRoutingHeader::along(route, 17);
    EXPECT_EQ(header.elided, 15);
    EXPECT_EQ(header.elided_last, 0);
    EXPECT_EQ(header.wire_size(), 32u);  // 8 + 1 + 16, padded
    EXPECT_EQ(parse_as<SourceRoutingHeader>(emitted(header)), header);
}

TEST(SourceRouting, WithoutCompressionItLooksLikeTypeZero) {  // [RFC 6554 §3]
    const SourceRoute route = route_of({"fd00::1", "2001:db8::2", "3001:db8::3"});
    const auto header = SourceRoutingHeader::along(route, 59);
    EXPECT_EQ(header.elided, 0);
    EXPECT_EQ(to_hex(Bytes(emitted(header)).first(8), " "), "3b 04 03 02 00 00 00 00");
}

TEST(SourceRouting, APacketVisitsEveryHopInTurn) {  // [RFC 6554 §4.2]
    const SourceRoute route = route_of({"fd00::a", "fd00::b", "fd00::c", "fd00::d"});
    const Octets sent = plain("fd00::1", "fd00::d");
    Octets packet = with_source_route(sent, route, RplOption{.down = true});
    for (std::size_t hop = 0; hop < route.size(); ++hop) {
        EXPECT_EQ(header_of(packet).target, route[hop]);
        EXPECT_EQ(header_of(packet).payload_length, packet.size() - 40);
        const SourceRouteStep step = process_source_route(packet, std::span(&route[hop], 1));
        if (hop + 1 < route.size()) {
            EXPECT_EQ(step.outcome, SourceRouteStep::Outcome::forward) << hop;
            EXPECT_EQ(step.next_hop, route[hop + 1]) << hop;
        } else {
            EXPECT_EQ(step.outcome, SourceRouteStep::Outcome::deliver);
        }
    }
    // The slots now hold the way back, and the payload is as it was.
    const auto upper = ip::find_upper_layer(packet);
    ASSERT_TRUE(upper);
    EXPECT_TRUE(same(Bytes(packet).subspan(upper->offset), Bytes(sent).subspan(40)));
    EXPECT_TRUE(carries_source_route(packet));
    EXPECT_FALSE(carries_source_route(sent));
}

TEST(SourceRouting, MixedPrefixesSurviveTheSwaps) {
    const SourceRoute route = route_of({"fd00::a", "fd00::b", "fd00::c", "2001:db8::d"});
    Octets packet = with_source_route(plain("fd00::1", "2001:db8::d"), route, {});
    for (std::size_t hop = 0; hop + 1 < route.size(); ++hop)
        EXPECT_EQ(process_source_route(packet, std::span(&route[hop], 1)).next_hop, route[hop + 1]);
    EXPECT_EQ(process_source_route(packet, std::span(&route[3], 1)).outcome,
              SourceRouteStep::Outcome::deliver);
}

TEST(SourceRouting, ARouteOfOneHopNeedsNoHeader) {
    const Octets packet =
        with_source_route(plain("fd00::1", "fd00::a"), route_of({"fd00::a"}), RplOption{});
    EXPECT_FALSE(carries_source_route(packet));
    EXPECT_TRUE(find_rpl_option(packet));
}

TEST(SourceRouting, MoreSegmentsThanAddressesIsAParameterProblem) {  // [RFC 6554 §4.2]
    const SourceRoute route = route_of({"fd00::a", "fd00::b"});
    Octets packet = with_source_route(plain("fd00::1", "fd00::b"), route, {});
    packet[43] = std::byte{2};
    EXPECT_EQ(process_source_route(packet, std::span(&route[0], 1)),
              (SourceRouteStep{.outcome = SourceRouteStep::Outcome::parameter_problem,
                               .next_hop = {},
                               .pointer = 43}));
}

TEST(SourceRouting, LengthsThatHoldNoWholeAddressAreAParameterProblem) {
    const SourceRoute route = route_of({"fd00::a", "fd00::b", "fd00::c"});
    Octets packet = with_source_route(plain("fd00::1", "fd00::c"), route, {});
    packet[44] = std::byte{0x00};  // now the addresses should be whole, and do not fit
    const SourceRouteStep step = process_source_route(packet, std::span(&route[0], 1));
    EXPECT_EQ(step.outcome, SourceRouteStep::Outcome::parameter_problem);
    EXPECT_EQ(step.pointer, 41u);
}

TEST(SourceRouting, ComingBackToThisRouterIsALoop) {  // [RFC 6554 §4.2]
    using Outcome = SourceRouteStep::Outcome;
    const std::array own{address("fd00::a"), address("fd00::1a")};
    const auto outcome = [&](std::initializer_list<std::string_view> hops) {
        const SourceRoute route = route_of(hops);
        Octets packet = with_source_route(plain("fd00::1", route.back().to_text()), route, {});
        return process_source_route(packet, own).outcome;
    };
    EXPECT_EQ(outcome({"fd00::a", "fd00::b", "fd00::c"}), Outcome::forward);
    EXPECT_EQ(outcome({"fd00::a", "fd00::b", "fd00::a"}), Outcome::parameter_problem);
    EXPECT_EQ(outcome({"fd00::a", "fd00::b", "fd00::1a", "fd00::c"}), Outcome::parameter_problem);
    // Two addresses of ours next to each other are no loop.
    EXPECT_EQ(outcome({"fd00::a", "fd00::1a", "fd00::c"}), Outcome::forward);
}

TEST(SourceRouting, MulticastInARouteIsDiscarded) {  // [RFC 6554 §4.2]
    SourceRoute route = route_of({"fd00::a", "ff02::1", "fd00::c"});
    Octets packet = with_source_route(plain("fd00::1", "fd00::c"), route, {});
    EXPECT_EQ(process_source_route(packet, std::span(&route[0], 1)).outcome,
              SourceRouteStep::Outcome::discard);
}

TEST(SourceRouting, OtherRoutingTypesAreUnrecognized) {  // [RFC 8200 §4.4]
    const SourceRoute route = route_of({"fd00::a", "fd00::b"});
    Octets packet = with_source_route(plain("fd00::1", "fd00::b"), route, {});
    packet[42] = std::byte{0};
    const SourceRouteStep step = process_source_route(packet, std::span(&route[0], 1));
    EXPECT_EQ(step.outcome, SourceRouteStep::Outcome::parameter_problem);
    EXPECT_EQ(step.pointer, 42u);
    packet[43] = std::byte{0};  // none left: "ignore the Routing header and proceed"
    EXPECT_EQ(process_source_route(packet, std::span(&route[0], 1)).outcome,
              SourceRouteStep::Outcome::deliver);
}

TEST(SourceRouting, MoreHopsThanWeKeepAreRefusedWhenParsed) {
    Octets octets = "3b 09 03 00 ff 70 00 00"_hex;
    octets.resize(8 + 72);  // 65 addresses of one octet
    const auto header = parse_as<SourceRoutingHeader>(octets);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().fault, Fault::unsupported);
}

TEST(Tunnel, CarriesAnInternetPacketToItsNode) {  // [RFC 9008 §8.2.2]
    const SourceRoute route = route_of({"fd00::a", "fd00::b", "fd00::c"});
    const Octets inner = plain("2001:db8::1", "fd00::c");
    Octets packet = encapsulate(inner, {.source = address("fd00::1"),
                                        .target = {},
                                        .option = RplOption{.down = true, .instance = 0},
                                        .route = &route});
    EXPECT_EQ(packet.size(), 40u + 8 + 16 + inner.size());
    EXPECT_EQ(header_of(packet).source, address("fd00::1"));
    EXPECT_EQ(read_rpl_option(packet), (RplOption{.down = true}));
    for (const ip::Address& hop : route) {
        EXPECT_EQ(header_of(packet).target, hop);
        EXPECT_NE(check_option(packet, at_rank(512)), OptionVerdict::malformed);
        (void)process_source_route(packet, std::span(&hop, 1));
    }
    const auto out = decapsulate(packet);
    ASSERT_TRUE(out);
    // "The RPL router decrements the original datagram's IPv6 Hop Limit value by the SRH Segments
    // Left value." [RFC 6554 §4.1]
    EXPECT_EQ(header_of(*out).hop_limit, 64 - 2);
    EXPECT_TRUE(same(out->subspan(8), Bytes(inner).subspan(8)));
}

TEST(Tunnel, ARouteLongerThanTheHopLimitIsCutShort) {  // [RFC 6554 §4.1]
    const SourceRoute route = route_of({"fd00::a", "fd00::b", "fd00::c", "fd00::d"});
    Octets inner = plain("2001:db8::1", "fd00::d");
    inner[7] = std::byte{2};
    const Octets packet = encapsulate(
        inner, {.source = address("fd00::1"), .target = {}, .option = {}, .route = &route});
    const auto header = parse_as<SourceRoutingHeader>(Bytes(packet).subspan(40));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->segments_left, 1);  // to b, where the limit of 1 runs out
    EXPECT_EQ(header_of(*decapsulate(packet)).hop_limit, 1);
}

TEST(Tunnel, WithoutARouteItIsOneHeader) {
    Octets inner = plain("fd00::9", "2001:db8::1");
    inner[0] = std::byte{0x6a};  // traffic class a0
    const Octets packet = encapsulate(
        inner, {.source = address("fd00::9"), .target = address("fd00::1"), .option = {}});
    EXPECT_EQ(packet.size(), 40 + inner.size());
    EXPECT_EQ(header_of(packet).next_header, 41);
    EXPECT_EQ(header_of(packet).traffic_class, 0xa0);
    EXPECT_TRUE(same(*decapsulate(packet), inner));
}

TEST(Tunnel, OnlyTunnelsAreOpened) {
    EXPECT_EQ(decapsulate(plain("fd00::1", "fd00::2")).error().fault, Fault::unsupported);
    EXPECT_FALSE(decapsulate("60 00"_hex));
    Octets cut =
        encapsulate(plain("fd00::1", "fd00::2"),
                    {.source = address("fd00::1"), .target = address("fd00::2"), .option = {}});
    cut.resize(50);
    EXPECT_FALSE(decapsulate(cut));
    EXPECT_TRUE(encapsulate("45 00"_hex, {}).empty());
    EXPECT_TRUE(encapsulate(Octets(70000, std::byte{0x60}), {}).empty());
}

}  // namespace
}  // namespace causeway::rpl::data_plane_test
