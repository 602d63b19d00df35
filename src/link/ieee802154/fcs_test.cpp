#include "link/ieee802154/fcs.hpp"

#include "base/hex.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::fcs_test {
namespace {

// Bit by bit, as the shift register in the standard's figure has it. [IEEE 802.15.4-2015 §7.2.10]
std::uint16_t register_fcs(Bytes frame) {
    unsigned r = 0;
    for (const std::byte octet : frame) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            const bool feedback = ((r ^ std::to_integer<unsigned>(octet) >> bit) & 1) != 0;
            r = r >> 1 ^ (feedback ? 0x8408u : 0u);
        }
    }
    return static_cast<std::uint16_t>(r);
}

TEST(Fcs, IsTheStandardsExampleForAnAcknowledgement) {
    // "0100 0000 0000 0000 0101 0110" has the FCS "0010 0111 1001 1110", first bit first.
    Octets ack = "02 00 6a"_hex;
    EXPECT_EQ(fcs(ack), 0x79e4);
    append_fcs(ack);
    EXPECT_EQ(ack, "02 00 6a e4 79"_hex);
}

TEST(Fcs, IsTheCatalogueCheckValueOfCrc16Kermit) {
    EXPECT_EQ(fcs(as_octets("123456789")), 0x2189);
    EXPECT_EQ(fcs({}), 0);
}

TEST(Fcs, AgreesWithTheShiftRegisterAtEveryLength) {
    Random random(1);
    Octets frame;
    for (std::size_t size = 0; size <= 127; ++size) {
        EXPECT_EQ(fcs(frame), register_fcs(frame)) << size;
        frame.push_back(std::byte(random.below(256)));
    }
}

TEST(Fcs, AnyFlippedBitIsNoticed) {
    Octets frame = "61 88 2a cd ab 01 00 02 00 de ad"_hex;
    append_fcs(frame);
    ASSERT_TRUE(without_fcs(frame).has_value());
    EXPECT_EQ(without_fcs(frame)->size(), 11u);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
        Octets damaged = frame;
        damaged[bit / 8] ^= std::byte(1u << bit % 8);
        EXPECT_FALSE(without_fcs(damaged).has_value()) << bit;
    }
}

TEST(Fcs, WhatIsTooShortToHaveOneIsRefused) {
    EXPECT_FALSE(without_fcs({}).has_value());
    EXPECT_FALSE(without_fcs("00"_hex).has_value());
    EXPECT_TRUE(without_fcs("00 00"_hex).has_value());  // the FCS of nothing
}

}  // namespace
}  // namespace causeway::link::ieee802154::fcs_test
