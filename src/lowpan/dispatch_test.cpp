#include "lowpan/dispatch.hpp"

#include "lowpan/interface_id.hpp"
#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::dispatch_test {
namespace {

TEST(Dispatch, EveryFirstOctetHasOneType) {  // [RFC 4944 §5.1; RFC 6282 §5; RFC 8025 §3]
    for (unsigned octet = 0; octet < 256; ++octet) {
        HeaderType expected = HeaderType::reserved;
        if (octet < 0x40) expected = HeaderType::nalp;
        if (octet == 0x40) expected = HeaderType::escape;
        if (octet == 0x41) expected = HeaderType::ipv6;
        if (octet == 0x42) expected = HeaderType::hc1;
        if (octet == 0x50) expected = HeaderType::bc0;
        if (octet >= 0x60 && octet <= 0x7f) expected = HeaderType::iphc;
        if (octet >= 0x80 && octet <= 0xbf) expected = HeaderType::mesh;
        if (octet >= 0xc0 && octet <= 0xc7) expected = HeaderType::frag1;
        if (octet >= 0xe0 && octet <= 0xe7) expected = HeaderType::fragn;
        if (octet >= 0xf0) expected = HeaderType::page;
        EXPECT_EQ(header_type(static_cast<std::uint8_t>(octet)), expected) << octet;
    }
}

TEST(InterfaceId, AnEui64HasItsUniversalBitInverted) {  // [RFC 6282 §3.2.2]
    EXPECT_EQ(to_hex(interface_id(testing::alice)), "02124b0014b5d9c1");
    EXPECT_EQ(to_hex(interface_id(testing::Link::extended(0x0200000000000001))),
              "0000000000000001");
}

TEST(InterfaceId, AShortAddressIsMappedWithoutItsPan) {  // [RFC 6282 §3.2.2]
    EXPECT_EQ(to_hex(interface_id(testing::Link::short_address(0xbeef))), "000000fffe00beef");
}

TEST(InterfaceId, GivesItsLinkAddressBack) {
    for (const testing::Link link : {testing::alice, testing::bob, testing::Link::short_address(1),
                                     testing::Link::extended(0x0200000000000001)})
        EXPECT_EQ(link_address(interface_id(link)), link);
}

TEST(InterfaceId, OfAGroupOrOfNobodyHasNoLinkAddress) {
    EXPECT_EQ(link_address({}), std::nullopt);
    ip::InterfaceId group{};
    group[0] = std::byte{0x01};
    EXPECT_EQ(link_address(group), std::nullopt);
    EXPECT_EQ(interface_id({}), ip::InterfaceId{});
}

}  // namespace
}  // namespace causeway::lowpan::dispatch_test
