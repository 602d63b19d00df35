#include "mqtt/reasons.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace causeway::mqtt::reasons_test {
namespace {

/// All that a packet may carry, in the order of their values.
std::vector<unsigned> carried_by(PacketType type) {
    std::vector<unsigned> codes;
    for (unsigned code = 0; code < 256; ++code) {
        if (may_carry(type, static_cast<Reason>(code))) codes.push_back(code);
    }
    return codes;
}
using Codes = std::vector<unsigned>;

TEST(Reasons, OfEachPacketAreThoseOfItsTable) {
    // [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2]
    // [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
    EXPECT_EQ(carried_by(PacketType::connack),
              (Codes{0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                     0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f}));
    const Codes received{0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99};
    EXPECT_EQ(carried_by(PacketType::puback), received);
    EXPECT_EQ(carried_by(PacketType::pubrec), received);
    EXPECT_EQ(carried_by(PacketType::pubrel), (Codes{0x00, 0x92}));
    EXPECT_EQ(carried_by(PacketType::pubcomp), (Codes{0x00, 0x92}));
    EXPECT_EQ(carried_by(PacketType::suback),
              (Codes{0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2}));
    EXPECT_EQ(carried_by(PacketType::unsuback), (Codes{0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91}));
    EXPECT_EQ(carried_by(PacketType::disconnect),
              (Codes{0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c,
                     0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
                     0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2}));
    EXPECT_EQ(carried_by(PacketType::auth), (Codes{0x00, 0x18, 0x19}));
}

TEST(Reasons, PacketsWithoutOneCarryNone) {
    for (const auto type : {PacketType::connect, PacketType::publish, PacketType::subscribe,
                            PacketType::unsubscribe, PacketType::pingreq, PacketType::pingresp}) {
        EXPECT_TRUE(carried_by(type).empty()) << name_of(type);
    }
}

TEST(Reasons, HaveAReturnCodeIn311WhereOneIsApplicable) {
    // [MQTT 3.1.1 MQTT-3.2.2-6]
    EXPECT_EQ(return_code_of(Reason::success), 0);
    EXPECT_EQ(return_code_of(Reason::unsupported_protocol_version), 1);
    EXPECT_EQ(return_code_of(Reason::client_identifier_not_valid), 2);
    EXPECT_EQ(return_code_of(Reason::server_busy), 3);
    EXPECT_EQ(return_code_of(Reason::bad_user_name_or_password), 4);
    EXPECT_EQ(return_code_of(Reason::banned), 5);
    EXPECT_EQ(return_code_of(Reason::malformed_packet), std::nullopt);
    EXPECT_EQ(return_code_of(Reason::protocol_error), std::nullopt);
    for (unsigned code = 0; code < 256; ++code) {
        const auto reason = reason_of(static_cast<std::uint8_t>(code));
        EXPECT_EQ(reason.has_value(), code <= 5);
        EXPECT_TRUE(!reason || return_code_of(*reason) == code);
    }
}

}  // namespace
}  // namespace causeway::mqtt::reasons_test
