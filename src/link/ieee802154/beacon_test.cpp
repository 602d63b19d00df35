#include "link/ieee802154/beacon.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::beacon_test {
namespace {

TEST(Beacon, OfANetworkWithoutSuperframes) {
    Beacon beacon;
    beacon.superframe.pan_coordinator = true;
    beacon.superframe.association_permit = true;
    EXPECT_EQ(emitted(beacon), "ff cf 00 00"_hex);
    EXPECT_EQ(parse_as<Beacon>("ff cf 00 00"_hex), beacon);
}

TEST(Beacon, WithSlotsPendingAddressesAndPayload) {
    Beacon beacon;
    beacon.superframe = {.beacon_order = 6,
                         .superframe_order = 4,
                         .final_cap_slot = 12,
                         .battery_life_extension = true};
    beacon.gts_permit = true;
    beacon.guaranteed_slots.push_back(
        {.device = 0x0102, .starting_slot = 13, .slots = 2, .receive_only = false});
    beacon.guaranteed_slots.push_back(
        {.device = 0x0304, .starting_slot = 15, .slots = 1, .receive_only = true});
    beacon.pending_short.push_back(0x0506);
    beacon.pending_extended.push_back(0xc0ffee0000000001);
    beacon.payload = "aa bb"_hex;
    const Octets wire = "46 1c 82 02 02 01 2d 04 03 1f 11 06 05 01 00 00 00 00 ee ff c0 aa bb"_hex;
    EXPECT_EQ(to_hex(emitted(beacon), " "), to_hex(wire, " "));
    EXPECT_EQ(parse_as<Beacon>(wire), beacon);
}

TEST(Beacon, MoreThanSevenPendingAddressesAreRefused) {  // [IEEE 802.15.4-2015 §7.3.1.6]
    Octets wire = "ff cf 00 71"_hex;
    wire.resize(wire.size() + 2 + 7 * 8);
    const auto parsed = parse_as<Beacon>(wire);
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().fault, Fault::bad_value);
}

TEST(Beacon, EveryTruncationOfItsFieldsIsRefused) {
    const Octets whole = "46 1c 82 02 02 01 2d 04 03 1f 11 06 05 01 00 00 00 00 ee ff c0"_hex;
    ASSERT_TRUE(parse_as<Beacon>(whole).has_value());
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(parse_as<Beacon>(Bytes(whole).first(n)).has_value()) << n;
}

}  // namespace
}  // namespace causeway::link::ieee802154::beacon_test
