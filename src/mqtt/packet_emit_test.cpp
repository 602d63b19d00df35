// What holds for every packet: its fixed header, its whole, and that it can be made smaller.
#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::packet_emit_test {
namespace {

using testing::Bad;
using testing::octets_of;
using testing::refusal;
using testing::v3;
using testing::v5;

TEST(Ping, IsTwoOctets) {
    // [MQTT-2.1.3-1]
    for (const Version version : {Version::v3_1, v3, v5}) {
        EXPECT_SAYS("c0 00", version, Pingreq{});
        EXPECT_SAYS("d0 00", version, Pingresp{});
    }
    const Bad table[] = {
        {v3, 0xc1, "", Reason::malformed_packet, "reserved bits of the fixed header"},
        {v5, 0xd8, "", Reason::malformed_packet, "reserved bits of the fixed header"},
        {v3, 0xc0, "00", Reason::malformed_packet, "octets behind the end of the packet"},
        {v5, 0xd0, "00", Reason::malformed_packet, "octets behind the end of the packet"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Packet, OfTypeZeroDoesNotExist) {
    // [MQTT 5.0 §2.1.2]
    for (unsigned flags = 0; flags < 16; ++flags) {
        const Bad bad{v5, flags, "", Reason::malformed_packet, "no such packet type"};
        EXPECT_REFUSED(bad);
    }
}

TEST(Packet, IsAsLongAsItSays) {
    const Refused no{Reason::malformed_packet, "the remaining length is wrong"};
    for (const char* hex : {"c0 01", "c0", "", "c0 80", "30 04 00 01 61", "30 02 00 01 61",
                            "c0 80 80 80 80 00", "30 ff ff ff ff 7f"}) {
        EXPECT_EQ(refusal(octets_of(hex), v3), no) << hex;
    }
    EXPECT_FALSE(parse_publish({}, v3));
}

TEST(Packet, ThatIsCutShortAnywhereIsRefused) {
    for (const char* hex :
         {"10 22 <MQTT> 04 ec 00 3c <dev1> <w/t> <bye> <me> 00 02 00 ff",
          "10 33 <MQTT> 05 54 ff ff 0f 11 ff ff ff ff 21 00 14 26 <k> <v> <id> 05 18 00 00 00 05 "
          "<w> <bye> <token>",
          "82 16 00 0a 02 0b 05 <#> 2e <$share/g/+> 10", "f0 0b 18 09 15 <M> 16 00 02 00 01",
          "20 0e 01 00 0b 12 <auto> 24 01 25 00"}) {
        const Octets whole = octets_of(hex);
        for (std::size_t size = 2; size + 1 < whole.size(); ++size) {
            const Octets cut = testing::packet(std::to_integer<unsigned>(whole[0]),
                                               Bytes(whole).subspan(2).first(size - 2));
            const auto parsed = parse_packet(cut, v5);
            // A SUBSCRIBE is whole after each entry, an AUTH without anything is one.
            if (parsed) continue;
            EXPECT_TRUE(parsed.error().reason == Reason::malformed_packet ||
                        parsed.error().reason == Reason::protocol_error);
            EXPECT_FALSE(parsed.error().what.empty());
        }
    }
}

TEST(Packet, IsAppendedBehindWhatIsThere) {
    Octets out = octets_of("'x'");
    append(Pingreq{}, v3, out);
    append(Ack{.packet_id = 1}, v3, out);
    EXPECT_EQ(to_hex(out, " "), "78 c0 00 40 02 00 01");
}

TEST(Packet, IsEmittedIntoAWriterOfItsSize) {
    Publish publish;
    publish.topic = "a";
    publish.properties.content_type = "t";
    const Packet packet = publish;
    Octets out(wire_size(packet, v5));
    ByteWriter writer(out);
    emit(packet, v5, writer);
    EXPECT_EQ(writer.room(), 0u);
    EXPECT_EQ(out, emitted(packet, v5));
}

/// With a reason string and a user property.
template <class T>
Packet talkative(T packet) {
    packet.properties.reason_string = "because it is so";
    packet.properties.user = {{"name", "value"}};
    return packet;
}

TEST(Packet, IsMadeToFitByLeavingOutWhatIsSaidBesides) {
    // [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
    // [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2]
    // [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2]
    // [MQTT-3.15.2-3]
    const Packet answers[] = {
        talkative(Connack{}),
        talkative(Ack{.type = PacketType::puback, .packet_id = 1}),
        talkative(Ack{.type = PacketType::pubrec, .packet_id = 1}),
        talkative(Ack{.type = PacketType::pubrel, .packet_id = 1}),
        talkative(Ack{.type = PacketType::pubcomp, .packet_id = 1}),
        talkative(Suback{.packet_id = 1, .reasons = {Reason::not_authorized}}),
        talkative(Unsuback{.packet_id = 1, .reasons = {Reason::success}}),
        talkative(Disconnect{.reason = Reason::server_busy}),
        talkative(Auth{}),
    };
    for (const Packet& answer : answers) {
        const std::size_t full = wire_size(answer, v5);
        Packet kept = answer;
        EXPECT_TRUE(make_fit(kept, v5, full));
        EXPECT_TRUE(kept == answer);

        Packet shorter = answer;
        EXPECT_TRUE(make_fit(shorter, v5, full - 1));
        std::visit(
            [](const auto& it) {
                if constexpr (requires { it.properties; }) {
                    EXPECT_FALSE(it.properties.reason_string);
                    EXPECT_EQ(it.properties.user.size(), 1u);
                }
            },
            shorter);

        const std::size_t middle = wire_size(shorter, v5);
        Packet shortest = answer;
        EXPECT_TRUE(make_fit(shortest, v5, middle - 1));
        EXPECT_LT(wire_size(shortest, v5), middle);
        EXPECT_FALSE(make_fit(shortest, v5, wire_size(shortest, v5) - 1));
    }
}

TEST(Packet, OfAMessageIsNeverMadeSmaller) {
    Publish publish;
    publish.topic = "a";
    publish.properties.user = {{"name", "value"}};
    const Packet before = publish;
    Packet packet = before;
    EXPECT_FALSE(make_fit(packet, v5, 10));
    EXPECT_TRUE(packet == before);
}

}  // namespace
}  // namespace causeway::mqtt::packet_emit_test
