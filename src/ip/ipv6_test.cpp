#include "ip/ipv6.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::ipv6_test {
namespace {

// An echo request as Linux sent it to itself.
Octets echo_request() {
    return "60075e48 00103a40 00000000000000000000000000000001 00000000000000000000000000000001"
           "800020f7 beef0007 6361757365776179"_hex;
}

TEST(Ipv6Header, ReadsEveryField) {  // [RFC 8200 §3]
    const Octets octets =
        "6abcdef1 01023b3f fe80000000000000000000000000000a ff020000000000000000000000000001"_hex;
    const auto read = parse_as<Ipv6Header>(octets);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->traffic_class, 0xab);
    EXPECT_EQ(read->flow_label, 0xcdef1u);
    EXPECT_EQ(read->payload_length, 0x0102);
    EXPECT_EQ(read->next_header, NextHeader::none);
    EXPECT_EQ(read->hop_limit, 63);
    EXPECT_EQ(read->source.to_text(), "fe80::a");
    EXPECT_EQ(read->target, all_nodes());
    EXPECT_EQ(emitted(*read), octets);
}

TEST(Ipv6Header, RefusesOtherVersionsAndShortOnes) {
    Octets octets = echo_request();
    octets[0] = std::byte{0x45};
    EXPECT_EQ(parse_as<Ipv6Header>(octets).error().fault, Fault::bad_version);
    EXPECT_EQ(parse_as<Ipv6Header>(Bytes(echo_request()).first(39)).error().fault,
              Fault::truncated);
}

TEST(Ipv6Header, FlowLabelKeepsToItsBits) {
    const Octets octets = emitted(Ipv6Header{.traffic_class = 1, .flow_label = 0xffff'ffff});
    EXPECT_EQ(to_hex(Bytes(octets).first(4)), "601fffff");
}

TEST(Ipv6Packet, LeavesPaddingOutAndMissesWhatIsMissing) {
    Octets octets = echo_request();
    octets.resize(octets.size() + 5);
    EXPECT_EQ(parse_ipv6(octets)->payload.size(), 16u);
    octets.resize(40 + 15);
    EXPECT_EQ(parse_ipv6(octets).error(), (WireError{Fault::truncated, 4}));
}

TEST(Ipv6Packet, IsMadeWithItsLength) {
    const Octets octets = echo_request();
    const auto packet = parse_ipv6(octets);
    ASSERT_TRUE(packet);
    Ipv6Header header = packet->header;
    header.payload_length = 9;
    EXPECT_EQ(make_ipv6_packet(header, packet->payload), octets);
}

TEST(Ipv6View, ShowsWhatTheHeaderSays) {
    Octets octets =
        "6abcdef1 00023b3f fe80000000000000000000000000000a ff020000000000000000000000000001"
        "0102 ffff"_hex;
    const auto view = Ipv6View::over(octets);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header(), *parse_as<Ipv6Header>(octets));
    EXPECT_EQ(view->traffic_class(), 0xab);
    EXPECT_EQ(view->flow_label(), 0xcdef1u);
    EXPECT_EQ(view->hop_limit(), 63);
    EXPECT_EQ(to_hex(view->payload()), "0102");
    EXPECT_EQ(view->packet().size(), 42u);
}

TEST(Ipv6View, EditsInPlace) {
    Octets octets = echo_request();
    auto view = Ipv6View::over(octets);
    ASSERT_TRUE(view);
    view->set_hop_limit(1);
    view->set_next_header(0);
    view->set_source(all_nodes());
    view->set_target(all_routers());
    view->mutable_payload()[0] = std::byte{0x81};
    EXPECT_EQ(to_hex(octets),
              "60075e4800100001ff020000000000000000000000000001ff020000000000000000000000000002"
              "810020f7beef00076361757365776179");
}

TEST(Ipv6View, ChecksLengthsOnceAndForAll) {
    Octets octets = echo_request();
    EXPECT_FALSE(Ipv6View::over(MutableBytes(octets).first(39)));
    EXPECT_FALSE(Ipv6View::over(MutableBytes(octets).first(octets.size() - 1)));
    EXPECT_FALSE(Ipv6View::over({}));
    octets[0] = std::byte{0x70};
    EXPECT_EQ(Ipv6View::over(octets).error().fault, Fault::bad_version);
}

}  // namespace
}  // namespace causeway::ip::ipv6_test
