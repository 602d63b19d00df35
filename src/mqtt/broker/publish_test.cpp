#include "mqtt/broker/testing.hpp"

namespace causeway::mqtt::publish_test {
namespace {

using namespace testing;

TEST(Broker, DeliversAPublishToItsSubscriber) {
    // [MQTT 3.1.1 MQTT-3.3.5-1] [MQTT-3.3.4-1] [MQTT-3.2.0-1]
    Bench bench;
    bench.join(1, "sender");
    bench.join(2, "reader");
    EXPECT_EQ(bench.subscribe(2, "home/+/temperature", Qos::at_most_once).reasons,
              std::vector{Reason::success});
    bench.publish(1, "home/attic/temperature", "21.5");
    const auto heard = bench.next<Publish>(2);
    EXPECT_EQ(heard.topic, "home/attic/temperature");
    EXPECT_EQ(as_text(heard.payload), "21.5");
    EXPECT_FALSE(heard.retain);
    EXPECT_TRUE(bench.silent(1));
}

TEST(Broker, SpeaksOctetForOctetWhat311Says) {
    // [MQTT 3.1.1 MQTT-3.2.0-1] [MQTT 3.1.1 MQTT-3.8.4-1] [MQTT 3.1.1 MQTT-3.12.4-1]
    Bench bench;
    bench.versions[1] = Version::v3_1_1;
    bench.open(1);
    bench.bytes(1, "10 0f 0004 4d515454 04 02 003c 0003 616263"_hex);
    EXPECT_EQ(bench.heard[1].back(), "20 02 00 00"_hex);
    bench.bytes(1, "82 06 0001 0001 61 01"_hex);
    EXPECT_EQ(bench.heard[1].back(), "90 03 0001 01"_hex);
    bench.bytes(1, "32 07 0001 61 0009 6869"_hex);
    ASSERT_EQ(bench.heard[1].size(), 4u);
    EXPECT_EQ(bench.heard[1][2], "32 07 0001 61 0001 6869"_hex);
    EXPECT_EQ(bench.heard[1][3], "40 02 0009"_hex);
    bench.bytes(1, "c0 00"_hex);
    EXPECT_EQ(bench.heard[1].back(), "d0 00"_hex);
    bench.bytes(1, "e0 00"_hex);
    EXPECT_TRUE(bench.is_closed(1));
}

TEST(Broker, TakesAStreamApartWhereverItIsCut) {
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    Octets all = emitted(Bench::hello("sender"), Version::v5);
    append(Bench::message("a", "first"), Version::v5, all);
    append(Bench::message("b", "second"), Version::v5, all);
    bench.versions[1] = Version::v5;
    bench.open(1);
    for (const std::byte& octet : all) bench.bytes(1, Bytes(&octet, 1));
    EXPECT_EQ(bench.next_payload(2), "first");
    EXPECT_EQ(bench.next_payload(2), "second");
    EXPECT_EQ(bench.broker.stats().held_octets, 0u);
}

TEST(Broker, LetsMessagesCrossBetweenVersions) {
    Bench bench;
    bench.join(1, "old", Version::v3_1_1);
    bench.join(2, "new", Version::v5);
    bench.subscribe(1, "x");
    bench.subscribe(2, "x");
    Publish publish = Bench::message("x", "p", Qos::at_least_once, 5);
    publish.properties.content_type = "text/plain";
    publish.properties.user = {{"b", "2"}, {"a", "1"}, {"b", "3"}};
    publish.properties.response_topic = "r";
    publish.properties.correlation_data = "c";
    publish.properties.payload_is_text = true;
    bench.say(2, publish);
    // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
    // [MQTT-3.3.2-20]
    const auto heard = bench.next<Publish>(2);
    EXPECT_EQ(heard.properties.user, publish.properties.user);
    EXPECT_EQ(heard.properties.content_type, "text/plain");
    EXPECT_EQ(heard.properties.response_topic, "r");
    EXPECT_EQ(heard.properties.correlation_data, "c");
    EXPECT_EQ(heard.properties.payload_is_text, true);
    EXPECT_EQ(bench.next<Ack>(2).packet_id, 5);
    EXPECT_EQ(bench.next_payload(1), "p");
}

TEST(Broker, SendsNoMoreThanTheLowerOfBothQualities) {
    // [MQTT-3.8.4-8] [MQTT-2.2.1-2]
    Bench bench;
    bench.join(1, "sender");
    bench.join(2, "zero");
    bench.join(3, "one");
    bench.join(4, "two");
    bench.subscribe(2, "t", Qos::at_most_once);
    bench.subscribe(3, "t", Qos::at_least_once);
    bench.subscribe(4, "t", Qos::exactly_once);
    bench.publish(1, "t", "p", Qos::at_least_once, 1);
    EXPECT_EQ(bench.next<Publish>(2).qos, Qos::at_most_once);
    EXPECT_EQ(bench.next<Publish>(3).qos, Qos::at_least_once);
    EXPECT_EQ(bench.next<Publish>(4).qos, Qos::at_least_once);
    bench.publish(1, "t", "p", Qos::exactly_once, 2);
    EXPECT_EQ(bench.next<Publish>(4).qos, Qos::exactly_once);
}

TEST(Broker, DeliversOnceToOverlappingSubscriptions) {
    // [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]
    Bench bench;
    bench.join(1, "reader");
    bench.subscribe(1, "a/b", Qos::at_most_once, 7);
    bench.subscribe(1, "a/+", Qos::exactly_once, 8);
    bench.subscribe(1, "#", Qos::at_least_once, 300);
    bench.publish(1, "a/b", "p", Qos::exactly_once, 3);
    const auto heard = bench.next<Publish>(1);
    EXPECT_EQ(heard.qos, Qos::exactly_once);
    auto identifiers = heard.properties.subscription_identifiers;
    std::ranges::sort(identifiers);
    EXPECT_EQ(identifiers, (std::vector<std::uint32_t>{7, 8, 300}));
    EXPECT_EQ(bench.next<Ack>(1).type, PacketType::pubrec);
    EXPECT_TRUE(bench.silent(1));
}

TEST(Broker, HasNoEchoForNoLocal) {
    // [MQTT-3.8.3-3]
    Bench bench;
    bench.join(1, "a");
    bench.join(2, "b");
    bench.subscribe(1, "t", SubscriptionOptions{.no_local = true});
    bench.publish(1, "t", "mine");
    bench.publish(2, "t", "yours");
    EXPECT_EQ(bench.next_payload(1), "yours");
    EXPECT_TRUE(bench.silent(1));
}

TEST(Broker, TellsWhenNobodyListens) {
    Bench bench;
    bench.join(1, "sender");
    bench.publish(1, "t", "p", Qos::at_least_once, 4);
    EXPECT_EQ(bench.next<Ack>(1),
              Bench::ack(PacketType::puback, 4, Reason::no_matching_subscribers));
    bench.publish(1, "t", "p", Qos::exactly_once, 5);
    EXPECT_EQ(bench.next<Ack>(1).reason, Reason::no_matching_subscribers);
}

TEST(Broker, TakesQos2OnceHoweverOftenItComes) {
    // [MQTT-4.3.3-8] [MQTT-4.3.3-9] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12]
    Bench bench;
    bench.join(1, "sender", Version::v3_1_1);
    bench.join(2, "reader");
    bench.subscribe(2, "t", Qos::at_most_once);
    for (int i = 0; i < 3; ++i) {
        Publish publish = Bench::message("t", "p", Qos::exactly_once, 9);
        publish.dup = i > 0;
        bench.say(1, publish);
        EXPECT_EQ(bench.next<Ack>(1).type, PacketType::pubrec);
    }
    EXPECT_EQ(bench.next_payload(2), "p");
    EXPECT_TRUE(bench.silent(2));
    for (int i = 0; i < 2; ++i) {
        bench.say(1, Bench::ack(PacketType::pubrel, 9));
        EXPECT_EQ(bench.next<Ack>(1), Bench::ack(PacketType::pubcomp, 9));
    }
    bench.publish(1, "t", "q", Qos::exactly_once, 9);  // [MQTT-2.2.1-3]: free again
    EXPECT_EQ(bench.next_payload(2), "q");
}

TEST(Broker, TellsOfAnIdentifierThatItDoesNotKnow) {
    // [MQTT-3.6.2-1]
    Bench bench;
    bench.join(1, "sender");
    bench.say(1, Bench::ack(PacketType::pubrel, 9));
    EXPECT_EQ(bench.next<Ack>(1),
              Bench::ack(PacketType::pubcomp, 9, Reason::packet_identifier_not_found));
    bench.say(1, Bench::ack(PacketType::pubrec, 10));
    EXPECT_EQ(bench.next<Ack>(1),
              Bench::ack(PacketType::pubrel, 10, Reason::packet_identifier_not_found));
}

TEST(Broker, SendsQos2InFourSteps) {
    // [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-7] [MQTT-2.2.1-4]
    Bench bench;
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.publish(1, "t", "p", Qos::exactly_once, 1);
    const auto heard = bench.next<Publish>(2);
    EXPECT_FALSE(heard.dup);
    EXPECT_NE(heard.packet_id, 0);
    bench.say(2, Bench::ack(PacketType::pubrec, heard.packet_id));
    EXPECT_EQ(bench.next<Ack>(2), Bench::ack(PacketType::pubrel, heard.packet_id));
    bench.say(2, Bench::ack(PacketType::pubcomp, heard.packet_id));
    EXPECT_TRUE(bench.silent(2));
    EXPECT_EQ(bench.broker.stats().messages_waiting, 0u);
}

TEST(Broker, GivesUpAMessageThatItsReaderRefuses) {
    // [MQTT-4.3.3-4]
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.publish(2, "t", "p", Qos::exactly_once, 1);
    const auto heard = bench.next<Publish>(2);
    bench.say(2, Bench::ack(PacketType::pubrec, heard.packet_id, Reason::not_authorized));
    EXPECT_EQ(bench.broker.stats().messages_waiting, 0u);
}

TEST(Broker, KeepsToTheReceiveMaximumOfAClient) {
    // [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]
    Bench bench;
    Connect hello = Bench::hello("reader");
    hello.properties.receive_maximum = 2;
    bench.join(2, hello);
    bench.join(1, "sender");
    bench.subscribe(2, "t", Qos::at_least_once);
    for (std::uint16_t i = 1; i <= 5; ++i)
        bench.publish(1, "t", std::to_string(i), Qos::at_least_once, i);
    const auto first = bench.next<Publish>(2).packet_id;
    const auto second = bench.next<Publish>(2).packet_id;
    EXPECT_TRUE(bench.silent(2));
    bench.publish(1, "t", "unnumbered");  // QoS 0 needs no window
    EXPECT_EQ(bench.next_payload(2), "unnumbered");
    bench.acknowledge(2, second);
    EXPECT_EQ(bench.next_payload(2), "3");
    EXPECT_TRUE(bench.silent(2));
    bench.acknowledge(2, first);
    EXPECT_EQ(bench.next_payload(2), "4");
}

TEST(Broker, EndsAClientThatExceedsTheReceiveMaximum) {
    // [MQTT-3.3.4-7]
    BrokerSettings settings = Bench::quiet();
    settings.receive_maximum = 2;
    Bench bench(settings);
    EXPECT_EQ(bench.join(1, "sender").properties.receive_maximum, 2);
    for (std::uint16_t i = 1; i <= 2; ++i) {
        bench.publish(1, "t", "p", Qos::exactly_once, i);
        bench.next<Ack>(1);
    }
    bench.publish(1, "t", "p", Qos::exactly_once, 3);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::receive_maximum_exceeded);
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().refused_receive_maximum, 1u);
}

TEST(Broker, CountsExpiryDownAndDropsWhatIsOver) {
    // [MQTT-3.3.2-5] [MQTT-3.3.2-6]
    Bench bench;
    bench.join(1, Bench::lasting("reader"));
    bench.subscribe(1, "t", Qos::at_least_once);
    bench.lose(1);
    bench.join(2, "sender");
    Publish publish = Bench::message("t", "ten", Qos::at_least_once, 1);
    publish.properties.message_expiry_seconds = 10;
    bench.say(2, publish);
    publish.payload = as_octets("five");
    publish.properties.message_expiry_seconds = 5;
    bench.say(2, publish);
    bench.advance(6s);
    bench.join(1, Bench::lasting("reader"));
    const auto heard = bench.next<Publish>(1);
    EXPECT_EQ(as_text(heard.payload), "ten");
    EXPECT_EQ(heard.properties.message_expiry_seconds, 4u);
    EXPECT_TRUE(bench.silent(1));
    EXPECT_EQ(bench.broker.stats().dropped_expired, 1u);
}

TEST(Broker, UnderstandsTopicAliases) {
    // [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-12]
    Bench bench;
    EXPECT_EQ(bench.join(1, "sender").properties.topic_alias_maximum, 32);
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    Publish publish = Bench::message("long/topic/name", "1");
    publish.properties.topic_alias = 5;
    bench.say(1, publish);
    publish.topic = "";
    publish.payload = as_octets("2");
    bench.say(1, publish);
    EXPECT_EQ(bench.next<Publish>(2).topic, "long/topic/name");
    const auto heard = bench.next<Publish>(2);
    EXPECT_EQ(heard.topic, "long/topic/name");
    EXPECT_FALSE(heard.properties.topic_alias.has_value());
    publish.properties.topic_alias = 33;
    bench.say(1, publish);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::topic_alias_invalid);
    EXPECT_EQ(bench.broker.stats().refused_topic_alias, 1u);
}

TEST(Broker, GivesTopicAliasesToClientsThatAllowThem) {
    // [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-10] [MQTT-3.3.2-11]
    Bench bench;
    Connect hello = Bench::hello("reader");
    hello.properties.topic_alias_maximum = 1;
    bench.join(2, hello);
    bench.join(1, "sender");
    bench.subscribe(2, "#");
    for (int i = 0; i < 2; ++i) {
        bench.publish(1, "first/come", "p");
        bench.publish(1, "later", "p");
    }
    auto heard = bench.next<Publish>(2);
    EXPECT_EQ(heard.topic, "first/come");
    EXPECT_EQ(heard.properties.topic_alias, 1);
    EXPECT_EQ(bench.next<Publish>(2).topic, "later");
    heard = bench.next<Publish>(2);
    EXPECT_EQ(heard.topic, "");
    EXPECT_EQ(heard.properties.topic_alias, 1);
    EXPECT_EQ(bench.next<Publish>(2).topic, "later");
}

TEST(Broker, DropsWhatIsTooLargeForAReader) {
    // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
    Bench bench;
    Connect hello = Bench::hello("reader");
    hello.properties.maximum_packet_octets = 30;
    bench.join(2, hello);
    bench.join(1, "sender");
    bench.subscribe(2, "t");
    bench.publish(1, "t", std::string(40, 'x'), Qos::at_least_once, 1);
    bench.publish(1, "t", "small", Qos::at_least_once, 2);
    EXPECT_EQ(bench.next_payload(2), "small");
    EXPECT_EQ(bench.broker.stats().dropped_too_large, 1u);
}

TEST(Broker, RefusesAPacketThatIsTooLarge) {
    BrokerSettings settings = Bench::quiet();
    settings.packet_octets_max = 100;
    Bench bench(settings);
    EXPECT_EQ(bench.join(1, "sender").properties.maximum_packet_octets, 100u);
    bench.publish(1, "t", std::string(100, 'x'));
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::packet_too_large);
    EXPECT_EQ(bench.broker.stats().refused_packet_octets, 1u);
}

TEST(Broker, SendsLargePayloadsFromWhereTheyLie) {
    Bench bench;
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t", Qos::at_most_once);
    const std::string large(100'000, 'x');
    bench.publish(1, "t", large);
    bench.publish(1, "t", "small");
    EXPECT_EQ(bench.next_payload(2), large);
    EXPECT_EQ(bench.next_payload(2), "small");
}

TEST(Broker, LetsNobodyPublishInItsOwnName) {
    Bench bench;
    bench.join(1, "sender");
    bench.subscribe(1, "$SYS/#");
    bench.publish(1, "$SYS/broker/uptime", "for ever", Qos::at_least_once, 1);
    EXPECT_EQ(bench.next<Ack>(1).reason, Reason::not_authorized);
    EXPECT_EQ(bench.broker.stats().publishes_refused_reserved, 1u);
    EXPECT_TRUE(bench.silent(1));
}

TEST(Broker, RefusesTopicsThatAreTooDeep) {
    BrokerSettings settings = Bench::quiet();
    settings.topic_levels_max = 3;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.publish(1, "a/b/c", "p", Qos::at_least_once, 1);
    EXPECT_EQ(bench.next<Ack>(1).reason, Reason::no_matching_subscribers);
    bench.publish(1, "a/b/c/d", "p", Qos::at_least_once, 2);
    EXPECT_EQ(bench.next<Ack>(1).reason, Reason::topic_name_invalid);
    EXPECT_EQ(bench.subscribe(1, "a/b/c/d").reasons[0], Reason::topic_filter_invalid);
    EXPECT_EQ(bench.broker.stats().refused_topic_levels, 2u);
}

TEST(Broker, AdvertisesWhatItDoesNotDoAndHoldsToIt) {
    // [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-11] [MQTT-3.2.2-14]
    BrokerSettings settings = Bench::quiet();
    settings.qos_max = Qos::at_least_once;
    settings.retain_available = false;
    settings.wildcards_available = false;
    settings.shared_available = false;
    settings.subscription_identifiers_available = false;
    Bench bench(settings);
    const auto connack = bench.join(1, "c");
    EXPECT_EQ(connack.properties.maximum_qos, 1);
    EXPECT_EQ(connack.properties.retain_available, false);
    EXPECT_EQ(bench.subscribe(1, "a").reasons[0], Reason::granted_qos_1);
    EXPECT_EQ(bench.subscribe(1, "a/#").reasons[0], Reason::wildcard_subscriptions_not_supported);
    EXPECT_EQ(bench.subscribe(1, "$share/g/a").reasons[0],
              Reason::shared_subscriptions_not_supported);
    EXPECT_EQ(bench.subscribe(1, "a", Qos::at_most_once, 5).reasons[0],
              Reason::subscription_identifiers_not_supported);
    bench.publish(1, "a", "p", Qos::exactly_once, 1);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::qos_not_supported);
    bench.join(1, "c");
    Publish publish = Bench::message("a", "p");
    publish.retain = true;
    bench.say(1, publish);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::retain_not_supported);
}

TEST(Broker, CountsTopicsByPrefix) {
    BrokerSettings settings = Bench::quiet();
    settings.counted_prefixes = {"home/", "work/"};
    Bench bench(settings);
    bench.join(1, "c");
    bench.subscribe(1, "home/#", Qos::at_most_once);
    bench.publish(1, "home/x", "12345");
    bench.publish(1, "work/x", "1");
    const auto& prefixes = bench.broker.stats().prefixes;
    EXPECT_EQ(prefixes[0].messages_in, 1u);
    EXPECT_EQ(prefixes[0].octets_out, 5u);
    EXPECT_EQ(prefixes[1].messages_in, 1u);
    EXPECT_EQ(prefixes[1].messages_out, 0u);
}

}  // namespace
}  // namespace causeway::mqtt::publish_test
