#include "mqtt/sn/packet.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace causeway::mqtt::sn::packet_test {
namespace {

Fault fault_of(const Octets& octets) {
    const auto message = parse_as<Message>(octets);
    return message ? Fault::none : message.error().fault;
}

struct Vector {
    Octets octets;
    Body body;
    const char* name;
};

// The fields as the pages of the specification draw them, octet by octet.
std::vector<Vector> vectors() {
    return {
        {"05 00 07 03 84"_hex, Advertise{7, 900}, "ADVERTISE"},
        {"03 01 00"_hex, SearchGateway{0}, "SEARCHGW"},
        {"03 02 07"_hex, GatewayInfo{7, {}}, "GWINFO"},
        {"05 02 07 12 34"_hex, GatewayInfo{7, "\x12\x34"}, "GWINFO"},
        {"08 04 0c 01 00 3c 6e 31"_hex, Connect{true, true, 60, "n1"}, "CONNECT"},
        {"03 05 01"_hex, Connack{ReturnCode::congestion}, "CONNACK"},
        {"02 06"_hex, WillTopicRequest{}, "WILLTOPICREQ"},
        {"05 07 30 61 62"_hex, WillTopic{false, Quality::at_least_once, true, "ab"}, "WILLTOPIC"},
        {"02 07"_hex, WillTopic{}, "WILLTOPIC"},
        {"02 08"_hex, WillMessageRequest{}, "WILLMSGREQ"},
        {"04 09 68 69"_hex, WillMessage{false, "hi"}, "WILLMSG"},
        {"09 0a 00 00 00 05 61 2f 62"_hex, Register{0, 5, "a/b"}, "REGISTER"},
        {"07 0b 00 01 00 05 00"_hex, Regack{1, 5, ReturnCode::accepted}, "REGACK"},
        {"09 0c b1 00 09 00 07 21 2c"_hex,
         Publish{true, Quality::at_least_once, true, TopicKind::predefined, 9, 7, "!,"}, "PUBLISH"},
        {"08 0c 62 61 62 00 00 31"_hex,
         Publish{false, Quality::without_connection, false, TopicKind::short_name, 0x6162, 0, "1"},
         "PUBLISH"},
        {"07 0d 00 01 00 07 02"_hex, Puback{1, 7, ReturnCode::invalid_topic_id}, "PUBACK"},
        {"04 0e 00 07"_hex, Handshake{MessageType::pubcomp, 7}, "PUBCOMP"},
        {"04 0f 00 07"_hex, Handshake{MessageType::pubrec, 7}, "PUBREC"},
        {"04 10 00 07"_hex, Handshake{MessageType::pubrel, 7}, "PUBREL"},
        {"08 12 a0 00 02 61 2f 23"_hex,
         Subscribe{false, true, Quality::at_least_once, TopicKind::normal, 2, 0, "a/#"},
         "SUBSCRIBE"},
        {"07 12 41 00 02 00 09"_hex,
         Subscribe{false, false, Quality::exactly_once, TopicKind::predefined, 2, 9, {}},
         "SUBSCRIBE"},
        {"08 13 40 00 01 00 02 00"_hex, Suback{Quality::exactly_once, 1, 2, ReturnCode::accepted},
         "SUBACK"},
        {"08 14 00 00 03 61 2f 23"_hex,
         Subscribe{true, false, Quality::at_most_once, TopicKind::normal, 3, 0, "a/#"},
         "UNSUBSCRIBE"},
        {"04 15 00 03"_hex, Unsuback{3}, "UNSUBACK"},
        {"04 16 6e 31"_hex, Pingreq{"n1"}, "PINGREQ"},
        {"02 16"_hex, Pingreq{}, "PINGREQ"},
        {"02 17"_hex, Pingresp{}, "PINGRESP"},
        {"02 18"_hex, Disconnect{}, "DISCONNECT"},
        {"04 18 01 2c"_hex, Disconnect{300}, "DISCONNECT"},
        {"04 1a 50 77"_hex, WillTopic{true, Quality::exactly_once, true, "w"}, "WILLTOPICUPD"},
        {"02 1a"_hex, WillTopic{true, {}, false, {}}, "WILLTOPICUPD"},
        {"03 1b 00"_hex, WillResponse{true, ReturnCode::accepted}, "WILLTOPICRESP"},
        {"03 1c 78"_hex, WillMessage{true, "x"}, "WILLMSGUPD"},
        {"03 1d 03"_hex, WillResponse{false, ReturnCode::not_supported}, "WILLMSGRESP"},
    };
}

TEST(SnPacket, EveryMessageIsReadAndWrittenAsTheSpecificationDrawsIt) {
    // [MQTT-SN 1.2 §5.4]
    for (const Vector& vector : vectors()) {
        const auto message = parse_as<Message>(vector.octets);
        ASSERT_TRUE(message.has_value()) << vector.name;
        EXPECT_TRUE(message->body == vector.body) << vector.name;
        EXPECT_EQ(name_of(message->type()), vector.name);
        EXPECT_EQ(to_hex(causeway::emitted(Message{vector.body})), to_hex(vector.octets))
            << vector.name;
    }
}

TEST(SnPacket, ALengthTakesThreeOctetsFrom256On) {
    // [MQTT-SN 1.2 §5.2.1]
    const std::string payload(300, 'x');
    const Message small{WillMessage{false, std::string_view(payload).substr(0, 253)}};
    const Message large{WillMessage{false, std::string_view(payload).substr(0, 254)}};
    EXPECT_EQ(causeway::emitted(small).size(), 255u);
    EXPECT_EQ(causeway::emitted(small)[0], std::byte{255});
    EXPECT_EQ(causeway::emitted(large).size(), 258u);
    EXPECT_EQ(to_hex(Bytes(causeway::emitted(large)).first(4)), "01010209");
    EXPECT_EQ(parse_as<Message>(causeway::emitted(large)), large);
}

TEST(SnPacket, AShortMessageMayHaveALongLength) {
    EXPECT_EQ(parse_as<Message>("01 00 04 17"_hex), Message{Pingresp{}});
}

TEST(SnPacket, OctetsBehindTheLengthAreNotItsOwn) {
    const Octets padded = "02 17 00 00"_hex;
    ByteReader in(padded);
    EXPECT_EQ(Message::parse(in), Message{Pingresp{}});
    EXPECT_EQ(in.remaining(), 2u);
}

TEST(SnPacket, ALengthThatDoesNotSuitTheTypeIsRefused) {
    EXPECT_EQ(fault_of("00"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("00 17"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("01 00 03 17"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("03 17"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("01 00"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("03 17 00"_hex), Fault::bad_length);  // PINGRESP has no body
    EXPECT_EQ(fault_of("03 18 01"_hex), Fault::bad_length);  // half a duration
    EXPECT_EQ(fault_of("06 0b 00 01 00 05"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("06 12 01 00 02 09"_hex), Fault::bad_length);  // half a topic id
    EXPECT_EQ(fault_of("02 05"_hex), Fault::bad_length);
}

TEST(SnPacket, ReservedValuesAreRefused) {
    EXPECT_EQ(fault_of("02 03"_hex), Fault::unsupported);
    EXPECT_EQ(fault_of("02 1e"_hex), Fault::unsupported);
    EXPECT_EQ(fault_of("07 0c 03 00 01 00 00"_hex), Fault::bad_value);    // kind of topic
    EXPECT_EQ(fault_of("06 12 60 00 02 61"_hex), Fault::bad_value);       // SUBSCRIBE, QoS -1
    EXPECT_EQ(fault_of("04 07 60 61"_hex), Fault::bad_value);             // a will, QoS -1
    EXPECT_EQ(fault_of("07 04 00 02 00 3c 61"_hex), Fault::bad_version);  // CONNECT, protocol 2
    EXPECT_EQ(name_of(static_cast<ReturnCode>(9)), "reserved");
}

TEST(SnPacket, AForwarderPutsItsFrameBeforeAMessage) {
    // [MQTT-SN 1.2 §5.5]
    const Octets whole = "05 fe 01 00 2a 02 16"_hex;
    ASSERT_TRUE(is_encapsulated(whole));
    ByteReader in(whole);
    const auto outer = Encapsulation::parse(in);
    ASSERT_TRUE(outer.has_value());
    EXPECT_EQ(outer->radius, 1);
    EXPECT_EQ(to_hex(as_octets(outer->node)), "002a");
    EXPECT_EQ(Message::parse(in), Message{Pingreq{}});
    EXPECT_EQ(to_hex(causeway::emitted(*outer)), "05fe01002a");
}

TEST(SnPacket, AForwardersFrameWithoutANodeOrWithTooLongAOneIsRefused) {
    EXPECT_FALSE(parse_as<Encapsulation>("03 fe 00"_hex));
    EXPECT_FALSE(parse_as<Encapsulation>("05 fe 00 01"_hex));
    Octets wide(3 + Encapsulation::node_octets_max + 1);
    wide[0] = std::byte(wide.size());
    wide[1] = std::byte{0xfe};
    EXPECT_EQ(parse_as<Encapsulation>(wide).error().fault, Fault::bad_length);
    EXPECT_FALSE(is_encapsulated("01 fe"_hex));
}

}  // namespace
}  // namespace causeway::mqtt::sn::packet_test
