#include "mqtt/message.hpp"

#include "mqtt/framer.hpp"
#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::message_test {
namespace {

using testing::octets_of;
using testing::packet;
using testing::v3;
using testing::v5;

bool lies_in(Bytes part, Bytes whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// With all that travels, and some that does not.
Octets rich_packet() {
    return packet(
        0x3d,
        "<a/b> 00 07 2d 01 01 02 00 00 00 3c 03 <text> 08 <re/ply> 09 00 02 00 ff 23 00 03 "
        "26 <k> <v> 26 <k> <w> 'hello'");
}

TEST(Message, OutlivesThePacketThatItCameIn) {
    MessageRef message;
    {
        const Octets whole = packet(0x33, "<a/b> 00 07 'hello'");
        const auto publish = parse_publish(whole, v3);
        ASSERT_TRUE(publish);
        message = std::make_shared<const Message>(*publish, never);
    }
    EXPECT_EQ(message->topic(), "a/b");
    EXPECT_EQ(as_text(message->payload()), "hello");
    EXPECT_EQ(message->qos(), Qos::at_least_once);
    EXPECT_TRUE(message->retain());
    EXPECT_EQ(message->expires_at(), never);
    EXPECT_EQ(message->properties(), nullptr);
}

TEST(Message, KeepsThePropertiesThatTravelUnaltered) {
    // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
    // [MQTT-3.3.2-20]
    Properties expected;
    expected.payload_is_text = true;
    expected.content_type = "text";
    expected.response_topic = "re/ply";
    expected.correlation_data = std::string_view("\0\xff", 2);
    expected.user = {{"k", "v"}, {"k", "w"}};
    MessageRef copied;
    MessageRef adopted;
    {
        Octets whole = rich_packet();
        const auto publish = parse_publish(whole, v5);
        ASSERT_TRUE(publish) << publish.error().what;
        copied = std::make_shared<const Message>(*publish, Instant{});
        adopted = std::make_shared<const Message>(std::move(whole), *publish, Instant{});
    }
    for (const MessageRef& message : {copied, adopted}) {
        ASSERT_NE(message->properties(), nullptr);
        EXPECT_EQ(*message->properties(), expected);  // neither expiry nor alias: those are a hop's
        const Publish again = message->publish();
        EXPECT_EQ(again.topic, "a/b");
        EXPECT_EQ(again.properties, expected);
        EXPECT_EQ(as_text(again.payload), "hello");
        EXPECT_FALSE(again.dup);
        EXPECT_EQ(again.packet_id, 0);
        EXPECT_EQ(again.qos, Qos::exactly_once);
    }
}

TEST(Message, AdoptsThePacketsStorage) {
    Framer framer(1 << 20);
    Octets body = octets_of("<big> ");
    body.resize(100'000, std::byte{0x61});
    const Octets sent = packet(0x30, body);
    std::optional<Message> message;
    for (Bytes rest = sent; !rest.empty();) {
        Bytes in = rest.first(std::min<std::size_t>(4'000, rest.size()));
        rest = rest.subspan(in.size());
        while (const auto step = framer.next(in)) {
            const auto publish = parse_publish(step->packet, v3);
            ASSERT_TRUE(publish);
            message.emplace(framer.take_storage(), *publish, never);
            EXPECT_EQ(message->payload().data(), publish->payload.data());
        }
    }
    ASSERT_TRUE(message);
    EXPECT_EQ(message->topic(), "big");
    EXPECT_EQ(message->payload().size(), body.size() - 5);
    EXPECT_EQ(message->footprint(), sizeof(Message) + sent.size());
}

TEST(Message, CopiesWhenItsTopicLiesElsewhere) {
    // As it does when an alias stood for it.
    Octets whole = packet(0x30, "<> 03 23 00 01 'hello'");
    auto publish = parse_publish(whole, v5);
    ASSERT_TRUE(publish);
    const std::string topic = "known/by/alias";
    publish->topic = topic;
    const Message message(std::move(whole), *publish, never);
    EXPECT_EQ(message.topic(), "known/by/alias");
    EXPECT_NE(message.topic().data(), topic.data());
    EXPECT_EQ(as_text(message.payload()), "hello");
}

TEST(Message, HoldsItsOctetsInOneAllocation) {
    const Octets whole = rich_packet();
    const auto publish = parse_publish(whole, v5);
    ASSERT_TRUE(publish);
    const Message message(*publish, never);
    const std::size_t octets = 3 + 5 + 4 + 6 + 2 + 4;
    EXPECT_EQ(message.footprint(),
              sizeof(Message) + octets + sizeof(Properties) + 2 * sizeof(UserProperty));
    const Bytes all(reinterpret_cast<const std::byte*>(message.topic().data()), octets);
    EXPECT_TRUE(lies_in(message.payload(), all));
    EXPECT_TRUE(lies_in(as_octets(message.properties()->user.back().value), all));
}

TEST(Message, MayBeEmpty) {
    Publish publish;
    publish.topic = "a";
    const Message message(publish, never);
    EXPECT_TRUE(message.payload().empty());
    EXPECT_EQ(message.footprint(), sizeof(Message) + 1);
}

}  // namespace
}  // namespace causeway::mqtt::message_test
