#include "sim/audience.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::sim::audience_test {
namespace {

using namespace literals;
using Kind = Audience::Kind;

TEST(Audience, AnExtendedDestinationIsOneRadio) {
    // Data, acknowledgement requested, PAN compression, both extended, 2006.
    const Audience a =
        audience_of("61 dc 07 cd ab 03 00 00 00 00 00 00 02 01 00 00 00 00 00 00 02 ff"_hex);
    EXPECT_EQ(a.kind, Kind::one);
    EXPECT_EQ(a.eui64, 0x0200'0000'0000'0003u);
    EXPECT_EQ(a.sequence, 7);
    EXPECT_TRUE(a.wants_acknowledgement);
}

TEST(Audience, AnAcknowledgementIsForWhoeverSentItsSequence) {
    const Audience a = audience_of("02 00 2a"_hex);
    EXPECT_EQ(a.kind, Kind::acknowledgement);
    EXPECT_EQ(a.sequence, 0x2a);
}

TEST(Audience, BroadcastsBeaconsAndShortAddressesAreForEveryone) {
    EXPECT_EQ(audience_of("41 d8 01 cd ab ff ff 01 00 00 00 00 00 00 02"_hex).kind, Kind::everyone);
    EXPECT_EQ(audience_of("00 80 01 cd ab 01 00"_hex).kind, Kind::everyone);
    EXPECT_EQ(audience_of("61 88 01 cd ab 02 00 01 00"_hex).kind, Kind::everyone);
    EXPECT_TRUE(audience_of("61 88 01 cd ab 02 00 01 00"_hex).wants_acknowledgement);
}

TEST(Audience, WhatIsNotUnderstoodIsForEveryone) {
    EXPECT_EQ(audience_of({}).kind, Kind::everyone);
    EXPECT_EQ(audience_of("61"_hex).kind, Kind::everyone);
    EXPECT_EQ(audience_of("61 dc 07 cd ab 03 00"_hex).kind, Kind::everyone);  // cut short
    EXPECT_EQ(audience_of("02 00"_hex).kind, Kind::everyone);
    // 2015 edition: where the addresses stand depends on more than we read.
    EXPECT_EQ(audience_of("61 ec 07 cd ab 03 00 00 00 00 00 00 02"_hex).kind, Kind::everyone);
    EXPECT_EQ(audience_of("02 20 2a"_hex).kind, Kind::everyone);
    EXPECT_EQ(audience_of("07 00 2a"_hex).kind, Kind::everyone);  // reserved type
}

}  // namespace
}  // namespace causeway::sim::audience_test
