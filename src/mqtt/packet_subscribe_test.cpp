#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::packet_subscribe_test {
namespace {

using testing::Bad;
using testing::octets_of;
using testing::packet;
using testing::refusal;
using testing::v3;
using testing::v5;

constexpr auto malformed = Reason::malformed_packet;

Octets repeated(std::string_view head, std::string_view entry, std::size_t count) {
    Octets out = octets_of(head);
    const Octets one = octets_of(entry);
    for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), one.begin(), one.end());
    return out;
}

// ---- SUBSCRIBE ---------------------------------------------------------------------------------

TEST(Subscribe, IsReadAsItIsWritten) {
    // [MQTT-3.8.1-1] [MQTT-2.1.3-1] [MQTT-2.2.2-1]
    Subscribe subscribe;
    subscribe.packet_id = 10;
    subscribe.entries = {{"a/b", {.qos_max = Qos::at_least_once}},
                         {"c/d", {.qos_max = Qos::exactly_once}}};
    EXPECT_SAYS("82 0e 00 0a <a/b> 01 <c/d> 02", v3, subscribe);
    EXPECT_SAYS("82 0f 00 0a 00 <a/b> 01 <c/d> 02", v5, subscribe);
    subscribe.entries = {{"#",
                          {.qos_max = Qos::exactly_once,
                           .no_local = true,
                           .retain_as_published = true,
                           .retain_handling = RetainHandling::do_not_send}},
                         {"$share/g/+", {.retain_handling = RetainHandling::send_if_new}}};
    subscribe.properties.subscription_identifiers = {5};
    EXPECT_SAYS("82 16 00 0a 02 0b 05 <#> 2e <$share/g/+> 10", v5, subscribe);
}

TEST(Subscribe, In311SaysQosAlone) {
    Subscribe subscribe;
    subscribe.packet_id = 1;
    subscribe.entries = {{"a",
                          {.qos_max = Qos::at_least_once,
                           .no_local = true,
                           .retain_handling = RetainHandling::do_not_send}}};
    subscribe.properties.subscription_identifiers = {5};
    EXPECT_EQ(to_hex(emitted(subscribe, v3)),
              "820600010001"
              "6101");
}

TEST(Subscribe, ThatIsNoneIsRefused) {
    // [MQTT-3.8.1-1] [MQTT-3.8.3-2] [MQTT 3.1.1 MQTT-2.3.1-1]
    // [MQTT 3.1.1 MQTT-3.8.1-1] [MQTT 3.1.1 MQTT-3.8.3-3]
    constexpr auto flags = "reserved bits of the fixed header";
    const Bad table[] = {
        {v3, 0x80, "00 01 <a> 00", malformed, flags},
        {v3, 0x83, "00 01 <a> 00", malformed, flags},
        {v5, 0x8a, "00 01 00 <a> 00", malformed, flags},
        {v3, 0x82, "00 01", Reason::protocol_error, "a SUBSCRIBE to nothing"},
        {v5, 0x82, "00 01 00", Reason::protocol_error, "a SUBSCRIBE to nothing"},
        {v3, 0x82, "00 00 <a> 00", Reason::protocol_error, "the packet identifier is zero"},
        {v5, 0x82, "00 00 00 <a> 00", Reason::protocol_error, "the packet identifier is zero"},
        {v3, 0x82, "00 01 <a>", malformed, "the packet ends too early"},
        {v3, 0x82, "00 01 <a> 00 00 05 61", malformed, "the packet ends too early"},
        {v3, 0x82, "00", malformed, "the packet ends too early"},
        {v5, 0x82, "00 01", malformed, "the length of the properties is no variable byte integer"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Subscribe, WithReservedBitsInItsOptionsIsMalformed) {
    // [MQTT-3.8.3-5] [MQTT 3.1.1 MQTT-3.8.3-4]
    constexpr auto reserved = "reserved bits of the subscription options";
    const Bad table[] = {
        {v5, 0x82, "00 01 00 <a> 40", malformed, reserved},
        {v5, 0x82, "00 01 00 <a> 80", malformed, reserved},
        {v3, 0x82, "00 01 <a> 04", malformed, reserved},
        {v3, 0x82, "00 01 <a> 08", malformed, reserved},
        {v3, 0x82, "00 01 <a> 10", malformed, reserved},
        {v3, 0x82, "00 01 <a> 80", malformed, reserved},
        {v3, 0x82, "00 01 <a> 03", malformed, "the QoS of a subscription is 3"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Subscribe, In5WithForbiddenOptionsIsAProtocolError) {
    // [MQTT-3.8.3-4]; [MQTT 5.0 §3.8.3.1]
    constexpr auto error = Reason::protocol_error;
    const Bad table[] = {
        {v5, 0x82, "00 01 00 <a> 03", error, "the QoS of a subscription is 3"},
        {v5, 0x82, "00 01 00 <a> 30", error, "retain handling is 3"},
        {v5, 0x82, "00 01 00 <$share/g/a> 04", error, "no local on a shared subscription"},
        {v5, 0x82, "00 01 04 0b 01 0b 02 <a> 00", error,
         "a subscription identifier stands there twice"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Subscribe, HasFiltersInUtf8) {
    // [MQTT-3.8.3-1] [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT 3.1.1 MQTT-3.8.3-1]
    constexpr auto what = "a topic filter is no UTF-8";
    const Bad table[] = {{v3, 0x82, "00 01 00 01 ff 00", malformed, what},
                         {v5, 0x82, "00 01 00 00 03 61 00 62 00", malformed, what}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Subscribe, HasFiltersThatAreWellFormed) {
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    for (const char* filter : {"<>", "<a#>", "<a/#/b>", "<a+>", "<$share/g>", "<$share//a>",
                               "<$share/g+/a>", "<$share/g/>", "<$share/g/a#>"}) {
        for (const Version version : {v3, v5}) {
            std::string body = version == v5 ? "00 01 00 " : "00 01 ";
            body.append(filter).append(" 00");
            const Bad bad{version, 0x82, body, Reason::topic_filter_invalid,
                          "a topic filter is empty, or ill formed"};
            EXPECT_REFUSED(bad);
        }
    }
}

TEST(Subscribe, HasNoMoreFiltersThanAPacketMayHave) {
    EXPECT_EQ(refusal(packet(0x82, repeated("00 01", "<a> 00", entries_max)), v3).what, "accepted");
    EXPECT_EQ(refusal(packet(0x82, repeated("00 01", "<a> 00", entries_max + 1)), v3).reason,
              Reason::quota_exceeded);
}

TEST(Subscribe, Of31MayHaveDupSet) {
    EXPECT_TRUE(parse_packet("8a 06 00 01 00 01 61 00"_hex, Version::v3_1));
}

// ---- UNSUBSCRIBE -------------------------------------------------------------------------------

TEST(Unsubscribe, IsReadAsItIsWritten) {
    // [MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT-2.1.3-1]
    Unsubscribe unsubscribe;
    unsubscribe.packet_id = 10;
    unsubscribe.filters = {"a/b", "c/d"};
    EXPECT_SAYS("a2 0c 00 0a <a/b> <c/d>", v3, unsubscribe);
    unsubscribe.properties.user = {{"k", "v"}};
    EXPECT_SAYS("a2 14 00 0a 07 26 <k> <v> <a/b> <c/d>", v5, unsubscribe);
}

TEST(Unsubscribe, ThatIsNoneIsRefused) {
    // [MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT-3.10.3-2]
    // [MQTT 3.1.1 MQTT-2.3.1-1]
    const Bad table[] = {
        {v3, 0xa0, "00 01 <a>", malformed, "reserved bits of the fixed header"},
        {v5, 0xa6, "00 01 00 <a>", malformed, "reserved bits of the fixed header"},
        {v3, 0xa2, "00 01", Reason::protocol_error, "an UNSUBSCRIBE from nothing"},
        {v5, 0xa2, "00 01 00", Reason::protocol_error, "an UNSUBSCRIBE from nothing"},
        {v3, 0xa2, "00 00 <a>", Reason::protocol_error, "the packet identifier is zero"},
        {v3, 0xa2, "00 01 00 01 ff", malformed, "a topic filter is no UTF-8"},
        {v3, 0xa2, "00 01 <>", Reason::topic_filter_invalid,
         "a topic filter is empty, or ill formed"},
        {v5, 0xa2, "00 01 00 <a/#/b>", Reason::topic_filter_invalid,
         "a topic filter is empty, or ill formed"},
        {v3, 0xa2, "00 01 00 04 61", malformed, "the packet ends too early"},
        {v5, 0xa2, "00 01 03 0b 01 <a>", malformed, "a property that has no place in this packet"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Unsubscribe, HasNoMoreFiltersThanAPacketMayHave) {
    EXPECT_EQ(refusal(packet(0xa2, repeated("00 01", "<a>", entries_max)), v3).what, "accepted");
    EXPECT_EQ(refusal(packet(0xa2, repeated("00 01", "<a>", entries_max + 1)), v3).reason,
              Reason::quota_exceeded);
}

// ---- SUBACK and UNSUBACK -----------------------------------------------------------------------

TEST(Suback, IsReadAsItIsWritten) {
    // [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT 3.1.1 MQTT-3.9.3-2]
    Suback suback{.packet_id = 10,
                  .reasons = {Reason::granted_qos_2, Reason::unspecified_error, Reason::success}};
    EXPECT_SAYS("90 05 00 0a 02 80 00", v3, suback);
    suback.reasons[1] = Reason::not_authorized;
    EXPECT_SAYS("90 06 00 0a 00 02 87 00", v5, suback);
    // 3.1.1 has one failure.
    EXPECT_EQ(to_hex(emitted(suback, v3)), "9005000a028000");
}

TEST(Suback, ThatIsNoneIsRefused) {
    // [MQTT-3.9.3-2] [MQTT 3.1.1 MQTT-3.9.3-2] [MQTT-2.1.3-1]
    constexpr auto code = "no reason code of a SUBACK";
    const Bad table[] = {
        {v3, 0x92, "00 01 00", malformed, "reserved bits of the fixed header"},
        {v3, 0x90, "00 01 03", malformed, code},
        {v3, 0x90, "00 01 87", malformed, code},
        {v5, 0x90, "00 01 00 03", malformed, code},
        {v5, 0x90, "00 01 00 11", malformed, code},
        {v3, 0x90, "00 01", Reason::protocol_error, "a SUBACK of nothing"},
        {v5, 0x90, "00 01 00", Reason::protocol_error, "a SUBACK of nothing"},
        {v3, 0x90, "00 00 00", Reason::protocol_error, "the packet identifier is zero"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
    EXPECT_EQ(refusal(packet(0x90, repeated("00 01", "00", entries_max + 1)), v3).reason,
              Reason::quota_exceeded);
}

TEST(Unsuback, IsReadAsItIsWritten) {
    // [MQTT-3.11.3-1] [MQTT-3.11.3-2]
    Unsuback unsuback{.packet_id = 10};
    EXPECT_SAYS("b0 02 00 0a", v3, unsuback);
    unsuback.reasons = {Reason::success, Reason::no_subscription_existed};
    EXPECT_SAYS("b0 05 00 0a 00 00 11", v5, unsuback);
    EXPECT_EQ(to_hex(emitted(unsuback, v3)), "b002000a");
}

TEST(Unsuback, ThatIsNoneIsRefused) {
    // [MQTT-3.11.3-2] [MQTT-2.1.3-1]
    const Bad table[] = {
        {v3, 0xb2, "00 01", malformed, "reserved bits of the fixed header"},
        {v3, 0xb0, "00 01 00", malformed, "octets behind the end of the packet"},
        {v5, 0xb0, "00 01 00 01", malformed, "no reason code of an UNSUBACK"},
        {v5, 0xb0, "00 01 00", Reason::protocol_error, "an UNSUBACK of nothing"},
        {v3, 0xb0, "00 00", Reason::protocol_error, "the packet identifier is zero"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

}  // namespace
}  // namespace causeway::mqtt::packet_subscribe_test
