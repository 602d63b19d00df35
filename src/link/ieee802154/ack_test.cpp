#include "link/ieee802154/ack.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::ack_test {
namespace {

constexpr Address us = Address::extended(0xc0ffee0000000001);
constexpr Address them = Address::extended(0xc0ffee0000000002);

TEST(ImmediateAck, GoesBothWays) {
    EXPECT_EQ(emitted(ImmediateAck{.sequence = 0x6a}), "02 00 6a"_hex);
    EXPECT_EQ(emitted(ImmediateAck{.sequence = 0x6a, .frame_pending = true}), "12 00 6a"_hex);
    EXPECT_EQ(parse_as<ImmediateAck>("12 00 6a"_hex),
              (ImmediateAck{.sequence = 0x6a, .frame_pending = true}));
    EXPECT_EQ(parse_as<ImmediateAck>("02 10 6a"_hex), (ImmediateAck{.sequence = 0x6a}));
}

TEST(ImmediateAck, WhatIsNotOneIsRefused) {
    const auto fault = [](const Octets& wire) {
        const auto parsed = parse_as<ImmediateAck>(wire);
        return parsed ? Fault::none : parsed.error().fault;
    };
    EXPECT_EQ(fault("02 00"_hex), Fault::truncated);
    EXPECT_EQ(fault("02 00 6a 00"_hex), Fault::bad_length);
    EXPECT_EQ(fault("02 20 6a"_hex), Fault::bad_version);
    EXPECT_EQ(fault("03 00 6a"_hex), Fault::bad_value);
    EXPECT_EQ(fault("0a 00 6a"_hex), Fault::bad_value);
}

TEST(EnhancedAck, ReturnsTheSequenceNumberToTheSource) {  // [IEEE 802.15.4-2015 §7.3.3]
    const FrameHeader data{.version = FrameVersion::v2015,
                           .ack_request = true,
                           .sequence = std::uint8_t{0x2a},
                           .destination_pan = PanId{0xabcd},
                           .destination = us,
                           .source = them};
    const MacFrame ack = MacFrame::of(enhanced_ack(data, PanId{0xabcd}));
    EXPECT_EQ(emitted(ack), "02 2c 2a cd ab 02 00 00 00 00 ee ff c0"_hex);
    EXPECT_LE(ack.wire_size(), enhanced_ack_octets_max);
    EXPECT_TRUE(acknowledges(ack.header, 0x2a, them, {}));
    EXPECT_FALSE(acknowledges(ack.header, 0x2b, them, {}));
    EXPECT_FALSE(acknowledges(ack.header, 0x2a, us, {}));
}

TEST(EnhancedAck, ToNobodyInParticularStillFits) {
    FrameHeader data{.version = FrameVersion::v2015, .sequence = std::nullopt};
    const MacFrame ack = MacFrame::of(enhanced_ack(data, PanId{0xabcd}));
    EXPECT_EQ(emitted(ack), "02 21"_hex);
}

TEST(EnhancedAck, ASecuredOneProvesNothing) {
    const auto ack = FrameView::parse("0a 20 2a 0d 01 00 00 00 01"_hex);
    ASSERT_TRUE(ack.has_value());
    EXPECT_FALSE(acknowledges(ack->header, 0x2a, us, {}));
}

}  // namespace
}  // namespace causeway::link::ieee802154::ack_test
