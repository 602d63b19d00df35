#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::packet_publish_test {
namespace {

using testing::Bad;
using testing::octets_of;
using testing::packet;
using testing::refusal;
using testing::v3;
using testing::v5;

constexpr auto malformed = Reason::malformed_packet;

// ---- PUBLISH -----------------------------------------------------------------------------------

TEST(Publish, IsReadAsItIsWritten) {
    // [MQTT-3.3.2-1] [MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT 3.1.1 MQTT-2.3.1-5]
    const Octets payload = octets_of("'21.5'");
    Publish publish;
    publish.topic = "a/b";
    publish.payload = payload;
    EXPECT_SAYS("30 09 <a/b> '21.5'", v3, publish);
    EXPECT_SAYS("30 0a <a/b> 00 '21.5'", v5, publish);
    publish.retain = true;
    publish.qos = Qos::at_least_once;
    publish.packet_id = 10;
    EXPECT_SAYS("33 0b <a/b> 00 0a '21.5'", v3, publish);
    publish.dup = true;
    publish.qos = Qos::exactly_once;
    EXPECT_SAYS("3d 0c <a/b> 00 0a 00 '21.5'", v5, publish);
    publish.payload = {};
    EXPECT_SAYS("3d 07 <a/b> 00 0a", v3, publish);
}

TEST(Publish, In5HasProperties) {
    const Octets payload = octets_of("'x'");
    Publish publish;
    publish.payload = payload;
    publish.properties.topic_alias = std::uint16_t{3};
    publish.properties.payload_is_text = true;
    publish.properties.subscription_identifiers = {1, 2};
    EXPECT_SAYS("30 0d <> 09 01 01 0b 01 0b 02 23 00 03 'x'", v5, publish);
}

TEST(Publish, BorrowsFromItsPacket) {
    const Octets whole = packet(0x30, "<a/b> 'xyz'");
    const auto publish = parse_publish(whole, v3);
    ASSERT_TRUE(publish);
    EXPECT_EQ(as_octets(publish->topic).data(), whole.data() + 4);
    EXPECT_EQ(publish->payload.data(), whole.data() + 7);
    EXPECT_EQ(publish->payload.size(), 3u);
}

TEST(Publish, IsReadAlikeOnItsOwnAndAmongOthers) {
    for (const char* body : {"<a>", "<a> 00", "<+> 00", "00", "<> 00", "<> 03 23 00 01"}) {
        for (const Version version : {v3, v5}) {
            for (const unsigned first : {0x30u, 0x38u, 0x32u, 0x36u}) {
                const Octets whole = packet(first, body);
                const auto own = parse_publish(whole, version);
                const auto among = parse_packet(whole, version);
                ASSERT_EQ(own.has_value(), among.has_value());
                if (own) {
                    EXPECT_EQ(*own, std::get<Publish>(*among));
                } else {
                    EXPECT_EQ(own.error(), among.error());
                }
            }
        }
    }
}

TEST(Publish, WithBothQosBitsIsMalformed) {
    // [MQTT-3.3.1-4] [MQTT 3.1.1 MQTT-3.3.1-4]
    const Bad table[] = {{v3, 0x36, "<a> 00 01", malformed, "QoS 3"},
                         {v3, 0x3e, "<a> 00 01", malformed, "QoS 3"},
                         {v5, 0x37, "<a> 00 01 00", malformed, "QoS 3"}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Publish, OfQos0IsNoDuplicate) {
    // [MQTT-3.3.1-2] [MQTT 3.1.1 MQTT-3.3.1-2]
    const Bad table[] = {{v3, 0x38, "<a>", malformed, "DUP with QoS 0"},
                         {v5, 0x39, "<a> 00", malformed, "DUP with QoS 0"}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
    Publish publish;
    publish.topic = "a";
    publish.dup = true;
    EXPECT_EQ(to_hex(emitted(publish, v3)), "3003000161");
}

TEST(Publish, OfQos1And2HasAnIdentifierThatIsNotZero) {
    // [MQTT 3.1.1 MQTT-2.3.1-1]; [MQTT 5.0 §2.2.1]
    constexpr auto what = "the packet identifier is zero";
    const Bad table[] = {{v3, 0x32, "<a> 00 00", Reason::protocol_error, what},
                         {v5, 0x34, "<a> 00 00 00", Reason::protocol_error, what},
                         {v3, 0x32, "<a> 01", malformed, "the packet ends too early"},
                         {v3, 0x34, "<a>", malformed, "the packet ends too early"}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Publish, HasATopicInUtf8) {
    // [MQTT-3.3.2-1] [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    constexpr auto what = "the topic name is no UTF-8";
    const Bad table[] = {{v3, 0x30, "00 02 61 ff", malformed, what},
                         {v5, 0x30, "00 03 ed a0 80 00", malformed, what},
                         {v3, 0x30, "00 03 61 00 62", malformed, what},
                         {v5, 0x30, "00 03 61 00 62 00", malformed, what},
                         {v3, 0x30, "00 04 61", malformed, "the packet ends too early"},
                         {v3, 0x30, "00", malformed, "the packet ends too early"},
                         {v3, 0x30, "", malformed, "the packet ends too early"}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Publish, HasATopicWithoutWildcards) {
    // [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT 3.1.1 MQTT-3.3.2-2]
    constexpr auto what = "the topic name has a wildcard";
    const Bad table[] = {{v3, 0x30, "<a/#>", Reason::topic_name_invalid, what},
                         {v3, 0x30, "<a/b/c/d/e/f/+/g/h/i>", Reason::topic_name_invalid, what},
                         {v5, 0x30, "<+> 00", Reason::topic_name_invalid, what},
                         {v5, 0x30, "<a+b> 00", Reason::topic_name_invalid, what}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Publish, HasATopicOrAnAlias) {
    // [MQTT-4.7.3-1]; [MQTT 5.0 §3.3.2.1]
    const Bad table[] = {
        {v3, 0x30, "<>", Reason::topic_name_invalid, "the topic name is empty"},
        {v5, 0x30, "<> 00", Reason::protocol_error, "no topic name, and no alias"}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
    EXPECT_EQ(refusal(packet(0x30, "<> 03 23 00 01"), v5).what, "accepted");
}

TEST(Publish, HeadIsThePacketWithoutItsPayload) {
    const Octets payload(1'000, std::byte{0x61});
    for (const Version version : {v3, v5}) {
        for (const Qos qos : {Qos::at_most_once, Qos::at_least_once}) {
            Publish publish;
            publish.topic = "some/topic";
            publish.qos = qos;
            publish.packet_id = qos == Qos::at_most_once ? 0 : 77;
            publish.payload = payload;
            if (version == v5) publish.properties.content_type = "text";
            Octets out = octets_of("'before'");
            append_publish_head(publish, version, out);
            Octets expected = octets_of("'before'");
            append(publish, version, expected);
            expected.resize(expected.size() - payload.size());
            EXPECT_EQ(out, expected);
        }
    }
}

TEST(Publish, RemainingLengthTakesAsFewOctetsAsItCan) {
    // [MQTT-1.5.5-1]
    for (const auto& [size, header] :
         {std::pair{124u, 2u}, std::pair{125u, 3u}, std::pair{16'380u, 3u}, std::pair{16'381u, 4u},
          std::pair{2'097'148u, 4u}, std::pair{2'097'149u, 5u}}) {
        const Octets payload(size);
        Publish publish;
        publish.topic = "a";
        publish.payload = payload;
        const Octets whole = emitted(publish, v3);
        EXPECT_EQ(whole.size(), header + 3 + size);
        EXPECT_TRUE(parse_publish(whole, v3));
    }
}

TEST(Publish, WithALongerRemainingLengthThanNeededIsRefusedIn5Only) {
    // [MQTT-1.5.5-1]; 3.1.1 says nothing of the kind.
    const Octets whole = "30 83 80 00 00 01 61"_hex;
    EXPECT_EQ(refusal(whole, v3).what, "accepted");
    EXPECT_EQ(refusal("30 84 80 00 00 01 61 00"_hex, v5),
              (Refused{malformed, "the remaining length is longer than it needs to be"}));
}

// ---- PUBACK, PUBREC, PUBREL, PUBCOMP -----------------------------------------------------------

TEST(Ack, IsReadAsItIsWritten) {
    // [MQTT-2.1.3-1] [MQTT-3.6.1-1]
    EXPECT_SAYS("40 02 12 34", v3, (Ack{.type = PacketType::puback, .packet_id = 0x1234}));
    EXPECT_SAYS("50 02 00 01", v3, (Ack{.type = PacketType::pubrec, .packet_id = 1}));
    EXPECT_SAYS("62 02 00 01", v3, (Ack{.type = PacketType::pubrel, .packet_id = 1}));
    EXPECT_SAYS("70 02 ff ff", v5, (Ack{.type = PacketType::pubcomp, .packet_id = 0xffff}));
    EXPECT_SAYS("40 03 00 01 10", v5,
                (Ack{.type = PacketType::puback,
                     .packet_id = 1,
                     .reason = Reason::no_matching_subscribers}));
    Ack full{
        .type = PacketType::pubrel, .packet_id = 1, .reason = Reason::packet_identifier_not_found};
    full.properties.reason_string = "why";
    EXPECT_SAYS("62 0a 00 01 92 06 1f <why>", v5, full);
    full.reason = Reason::success;
    EXPECT_SAYS("62 0a 00 01 00 06 1f <why>", v5, full);
}

TEST(Ack, MayHaveAReasonWithoutALengthOfProperties) {
    // [MQTT 5.0 §3.4.2.2.1]
    const Octets octets = "50 03 00 01 00"_hex;
    const auto parsed = parse_packet(octets, v5);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<Ack>(*parsed), (Ack{.type = PacketType::pubrec, .packet_id = 1}));
    EXPECT_EQ(to_hex(emitted(*parsed, v5)), "50020001");
}

TEST(Ack, In311HasNoReason) {
    const Ack ack{.packet_id = 1, .reason = Reason::quota_exceeded};
    EXPECT_EQ(to_hex(emitted(ack, v3)), "40020001");
}

TEST(Ack, ThatIsNoneIsRefused) {
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.1-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
    // [MQTT-2.1.3-1] [MQTT 3.1.1 MQTT-3.6.1-1] [MQTT 3.1.1 MQTT-2.2.2-1]
    constexpr auto flags = "reserved bits of the fixed header";
    constexpr auto code = "no reason code of this acknowledgement";
    const Bad table[] = {
        {v3, 0x42, "00 01", malformed, flags},
        {v3, 0x60, "00 01", malformed, flags},
        {v5, 0x63, "00 01", malformed, flags},
        {v5, 0x6a, "00 01", malformed, flags},
        {v5, 0x51, "00 01", malformed, flags},
        {v5, 0x72, "00 01", malformed, flags},
        {v3, 0x40, "00 00", Reason::protocol_error, "the packet identifier is zero"},
        {v5, 0x70, "00 00", Reason::protocol_error, "the packet identifier is zero"},
        {v3, 0x40, "00", malformed, "the packet ends too early"},
        {v3, 0x40, "00 01 00", malformed, "octets behind the end of the packet"},
        {v5, 0x40, "00 01 92", malformed, code},
        {v5, 0x50, "00 01 01", malformed, code},
        {v5, 0x62, "00 01 10", malformed, code},
        {v5, 0x70, "00 01 80", malformed, code},
        {v5, 0x40, "00 01 00 00 00", malformed, "octets behind the end of the packet"},
        {v5, 0x40, "00 01 00 05", malformed, "the properties are longer than their packet"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Ack, Of31MayHaveDupSet) {
    // As it did when a PUBREL was sent again.
    const auto parsed = parse_packet("6a 02 00 01"_hex, Version::v3_1);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(to_hex(emitted(*parsed, Version::v3_1)), "62020001");
}

}  // namespace
}  // namespace causeway::mqtt::packet_publish_test
