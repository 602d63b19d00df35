#include "link/ieee802154/security_header.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::security_header_test {
namespace {

TEST(AuxiliarySecurity, EveryKeyIdModeGoesBothWays) {  // [IEEE 802.15.4-2015 §9.4.2.3]
    struct Case {
        Octets wire;
        AuxiliarySecurity value;
    };
    const Case cases[] = {
        {"05 04 03 02 01"_hex, {.level = 5, .frame_counter = 0x01020304}},
        {"0d 04 03 02 01 07"_hex,
         {.level = 5,
          .key_id_mode = KeyIdMode::index,
          .frame_counter = 0x01020304,
          .key_index = 7}},
        {"16 04 03 02 01 44 33 22 11 07"_hex,
         {.level = 6,
          .key_id_mode = KeyIdMode::source_4,
          .frame_counter = 0x01020304,
          .key_source = 0x11223344,
          .key_index = 7}},
        {"1f 04 03 02 01 88 77 66 55 44 33 22 11 07"_hex,
         {.level = 7,
          .key_id_mode = KeyIdMode::source_8,
          .frame_counter = 0x01020304,
          .key_source = 0x1122334455667788,
          .key_index = 7}},
    };
    for (const Case& c : cases) {
        const auto parsed = parse_as<AuxiliarySecurity>(c.wire);
        ASSERT_TRUE(parsed.has_value());
        EXPECT_EQ(*parsed, c.value);
        EXPECT_EQ(emitted(c.value), c.wire);
    }
}

TEST(AuxiliarySecurity, TschLeavesTheCounterToTheSlotNumber) {  // [RFC 8180 Appendix A.4]
    const auto parsed = parse_as<AuxiliarySecurity>("6d 01"_hex);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->level, 5);
    EXPECT_TRUE(parsed->asn_in_nonce);
    EXPECT_FALSE(parsed->frame_counter.has_value());
    EXPECT_EQ(parsed->key_index, 1);
    EXPECT_EQ(emitted(*parsed), "6d 01"_hex);
}

TEST(AuxiliarySecurity, TheLevelSaysHowLongTheMicIs) {  // [IEEE 802.15.4-2015 Table 9-6]
    constexpr std::size_t octets[] = {0, 4, 8, 16, 0, 4, 8, 16};
    for (std::uint8_t level = 0; level < 8; ++level) {
        const AuxiliarySecurity security{.level = level};
        EXPECT_EQ(security.mic_octets(), octets[level]);
        EXPECT_EQ(security.encrypts(), level >= 4);
    }
}

TEST(AuxiliarySecurity, EveryTruncationIsRefused) {
    const Octets whole = "1f 04 03 02 01 88 77 66 55 44 33 22 11 07"_hex;
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(parse_as<AuxiliarySecurity>(Bytes(whole).first(n)).has_value()) << n;
}

}  // namespace
}  // namespace causeway::link::ieee802154::security_header_test
