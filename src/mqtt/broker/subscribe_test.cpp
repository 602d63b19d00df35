#include "mqtt/broker/testing.hpp"

namespace causeway::mqtt::subscribe_test {
namespace {

using namespace testing;

Publish kept(std::string_view topic, std::string_view payload, Qos qos = Qos::at_most_once) {
    Publish publish = Bench::message(topic, payload, qos, qos == Qos::at_most_once ? 0 : 1);
    publish.retain = true;
    return publish;
}

TEST(BrokerSubscribe, AnswersEachFilterInItsPlace) {
    // [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]
    Bench bench;
    bench.join(1, "c");
    bench.say(1, Subscribe{.packet_id = 9,
                           .entries = {{"a", {.qos_max = Qos::exactly_once}},
                                       {"b", {.qos_max = Qos::at_most_once}},
                                       {"c", {.qos_max = Qos::at_least_once}}},
                           .properties = {}});
    const auto suback = bench.next<Suback>(1);
    EXPECT_EQ(suback.packet_id, 9);
    EXPECT_EQ(suback.reasons,
              (std::vector{Reason::granted_qos_2, Reason::success, Reason::granted_qos_1}));
}

TEST(BrokerSubscribe, RemovesWhatIsNamedAndSaysWhatWasNotThere) {
    // [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6]
    // [MQTT-3.11.3-1]
    Bench bench;
    bench.join(1, "c");
    bench.subscribe(1, "a/+");
    bench.say(1, Unsubscribe{.packet_id = 3, .filters = {"a/b", "a/+"}, .properties = {}});
    const auto unsuback = bench.next<Unsuback>(1);
    EXPECT_EQ(unsuback.packet_id, 3);
    EXPECT_EQ(unsuback.reasons, (std::vector{Reason::no_subscription_existed, Reason::success}));
    bench.publish(1, "a/b", "p");
    EXPECT_TRUE(bench.silent(1));
    EXPECT_EQ(bench.broker.stats().subscriptions, 0u);
}

TEST(BrokerSubscribe, ReplacesTheOptionsOfTheSameFilter) {
    // [MQTT-3.8.4-3] [MQTT-3.8.4-4]
    Bench bench;
    bench.join(1, "c");
    bench.subscribe(1, "t", Qos::exactly_once, 5);
    bench.subscribe(1, "t", Qos::at_most_once);
    bench.publish(1, "t", "p", Qos::at_least_once, 1);
    const auto heard = bench.next<Publish>(1);
    EXPECT_EQ(heard.qos, Qos::at_most_once);
    EXPECT_TRUE(heard.properties.subscription_identifiers.empty());
}

TEST(BrokerSubscribe, KeepsItsOwnTopicsFromWildcards) {
    // [MQTT-4.7.2-1] [MQTT-4.7.1-1] [MQTT-4.7.3-4]
    BrokerSettings settings = Bench::quiet();
    settings.sys_interval = 10s;
    Bench bench(settings);
    bench.join(1, "c");
    bench.subscribe(1, "#");
    bench.subscribe(1, "+/broker/uptime");
    bench.advance(30s);
    EXPECT_TRUE(bench.silent(1));
    bench.subscribe(1, "$SYS/broker/uptime");
    EXPECT_EQ(bench.next_payload(1), "30 seconds");
}

TEST(BrokerSubscribe, BoundsSubscriptions) {
    BrokerSettings settings = Bench::quiet();
    settings.subscriptions_max_each = 2;
    settings.subscriptions_max = 3;
    Bench bench(settings);
    bench.join(1, "a");
    bench.join(2, "b");
    bench.subscribe(1, "1");
    bench.subscribe(1, "2");
    EXPECT_EQ(bench.subscribe(1, "3").reasons[0], Reason::quota_exceeded);
    EXPECT_EQ(bench.subscribe(1, "2").reasons[0], Reason::granted_qos_2);
    bench.subscribe(2, "1");
    EXPECT_EQ(bench.subscribe(2, "2").reasons[0], Reason::quota_exceeded);
    EXPECT_EQ(bench.broker.stats().refused_subscriptions, 2u);
    bench.lose(1);
    EXPECT_EQ(bench.subscribe(2, "2").reasons[0], Reason::granted_qos_2);
}

TEST(BrokerSubscribe, EndsAClientThatWantsNoLocalOfASharedSubscription) {
    // [MQTT-3.8.3-4]
    Bench bench;
    bench.join(1, "c");
    bench.say(
        1, Subscribe{
               .packet_id = 1, .entries = {{"$share/g/t", {.no_local = true}}}, .properties = {}});
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::protocol_error);
}

TEST(BrokerRetained, KeepsTheLastOfEachTopic) {
    // [MQTT-3.3.1-5] [MQTT-3.3.1-8] [MQTT-3.3.1-9]
    Bench bench;
    bench.join(1, "c");
    bench.say(1, kept("a", "old"));
    bench.say(1, kept("a", "new"));
    bench.publish(1, "a", "passing");
    bench.join(2, "reader");
    bench.subscribe(2, "+");
    const auto heard = bench.next<Publish>(2);
    EXPECT_EQ(as_text(heard.payload), "new");
    EXPECT_TRUE(heard.retain);
    EXPECT_TRUE(bench.silent(2));
    EXPECT_EQ(bench.broker.stats().retained, 1u);
}

TEST(BrokerRetained, ForgetsATopicOnAnEmptyPayload) {
    // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
    Bench bench;
    bench.join(1, "c");
    bench.join(2, "reader");
    bench.subscribe(2, "a");
    bench.say(1, kept("a", "old"));
    bench.next<Publish>(2);
    bench.say(1, kept("a", ""));
    EXPECT_EQ(bench.next_payload(2), "");  // it is an ordinary message, too
    bench.subscribe(2, "a");
    EXPECT_TRUE(bench.silent(2));
    EXPECT_EQ(bench.broker.stats().retained, 0u);
}

TEST(BrokerRetained, SaysSoOnlyToThoseWhoAsk) {
    // [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.8.3-3]
    Bench bench;
    bench.join(1, "plain");
    bench.join(2, "bridge");
    bench.subscribe(1, "a");
    bench.subscribe(2, "a", SubscriptionOptions{.retain_as_published = true});
    bench.say(1, kept("a", "p"));
    EXPECT_FALSE(bench.next<Publish>(1).retain);
    EXPECT_TRUE(bench.next<Publish>(2).retain);
}

TEST(BrokerRetained, IsSentAsTheSubscriptionWants) {
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    Bench bench;
    bench.join(1, "c");
    bench.say(1, kept("a", "p"));
    bench.subscribe(1, "a", SubscriptionOptions{.retain_handling = RetainHandling::do_not_send});
    EXPECT_TRUE(bench.silent(1));
    bench.subscribe(1, "a", SubscriptionOptions{.retain_handling = RetainHandling::send_if_new});
    EXPECT_TRUE(bench.silent(1));
    bench.subscribe(1, "a", SubscriptionOptions{.retain_handling = RetainHandling::send});
    EXPECT_EQ(bench.next_payload(1), "p");
    bench.subscribe(1, "+", SubscriptionOptions{.retain_handling = RetainHandling::send_if_new});
    EXPECT_EQ(bench.next_payload(1), "p");
}

TEST(BrokerRetained, ExpiresLikeEveryMessage) {
    Bench bench;
    bench.join(1, "c");
    Publish publish = kept("a", "p");
    publish.properties.message_expiry_seconds = 10;
    bench.say(1, publish);
    bench.advance(4s);
    bench.subscribe(1, "a");
    EXPECT_EQ(bench.next<Publish>(1).properties.message_expiry_seconds, 6u);
    bench.advance(7s);
    bench.subscribe(1, "a");
    EXPECT_TRUE(bench.silent(1));
    EXPECT_EQ(bench.broker.stats().retained, 0u);
    EXPECT_EQ(bench.broker.stats().retained_expired, 1u);
}

TEST(BrokerRetained, SendsAllOfABurstWhateverTheQueueHolds) {
    BrokerSettings settings = Bench::quiet();
    settings.queue_messages_max = 10;
    settings.unsent_octets_high = 2000;
    settings.unsent_octets_low = 1000;
    Bench bench(settings);
    bench.join(1, "c");
    for (int i = 0; i < 1000; ++i)
        bench.say(1, kept("a/" + std::to_string(i), std::to_string(i), Qos::at_least_once));
    bench.forget(1);
    Connect hello = Bench::lasting("reader");
    bench.join(2, hello);
    bench.drains = false;
    bench.subscribe(2, "a/#", Qos::at_most_once);
    EXPECT_LT(bench.waiting(2), 500u);
    // Once more while it waits: bounded by what is retained.
    for (int i = 0; i < 5; ++i) {
        bench.say(2, Subscribe{.packet_id = 1, .entries = {{"a/#", {}}}, .properties = {}});
    }
    EXPECT_LE(bench.broker.stats().messages_waiting, 1010u);
    bench.drains = true;
    bench.handle(Drained{ConnectionId{2}, bench.unsent[2]});
    std::set<std::string> topics;
    while (auto packet = bench.next_packet(2)) {
        if (const Publish* const p = std::get_if<Publish>(&*packet)) topics.emplace(p->topic);
    }
    EXPECT_EQ(topics.size(), 1000u);
}

TEST(BrokerRetained, IsBounded) {
    BrokerSettings settings = Bench::quiet();
    settings.retained_max = 2;
    Bench bench(settings);
    bench.join(1, "c");
    for (const char* topic : {"a", "b", "c"}) bench.say(1, kept(topic, "p"));
    EXPECT_EQ(bench.broker.stats().retained, 2u);
    EXPECT_EQ(bench.broker.stats().refused_retained, 1u);
    bench.say(1, kept("a", "again"));
    bench.subscribe(1, "a");
    EXPECT_EQ(bench.next_payload(1), "again");
    settings.retained_max = 100;
    settings.retained_octets_max = 3000;
    Bench small(settings);
    small.join(1, "c");
    for (int i = 0; i < 10; ++i) small.say(1, kept(std::to_string(i), std::string(1000, 'x')));
    EXPECT_GE(small.broker.stats().refused_retained, 7u);
}

TEST(BrokerShared, GivesEachMessageToOneMember) {
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT-4.8.2-3]
    Bench bench;
    for (std::uint32_t i = 1; i <= 3; ++i) {
        bench.join(i, "m" + std::to_string(i));
        bench.subscribe(i, "$share/g/t", Qos::at_least_once, i);
    }
    bench.subscribe(3, "t", Qos::at_most_once);  // its own copy of each
    for (std::uint16_t i = 1; i <= 9; ++i) bench.publish(1, "t", "p", Qos::at_least_once, i);
    for (std::uint32_t i = 2; i <= 3; ++i) {
        int shared = 0;
        while (auto packet = bench.next_packet(i)) {
            const auto& p = std::get<Publish>(*packet);
            if (p.properties.subscription_identifiers.empty()) continue;
            EXPECT_EQ(p.properties.subscription_identifiers[0], i);
            ++shared;
        }
        EXPECT_EQ(shared, 3);
    }
}

TEST(BrokerShared, PassesOverMembersThatAreAway) {
    Bench bench;
    bench.join(1, Bench::lasting("away"));
    bench.subscribe(1, "$share/g/t");
    bench.join(2, Bench::lasting("there"));
    bench.subscribe(2, "$share/g/t");
    bench.lose(1);
    bench.join(3, "sender");
    for (std::uint16_t i = 1; i <= 4; ++i) bench.publish(3, "t", "p", Qos::at_least_once, i);
    EXPECT_EQ(bench.waiting(2), 4u);
    bench.lose(2);  // nobody is there: it waits for one of them
    bench.publish(3, "t", "last", Qos::at_least_once, 9);
    EXPECT_EQ(bench.broker.stats().deliveries_waiting, 1u);
}

TEST(BrokerShared, HandsOverWhatAMemberLeavesBehind) {
    // [MQTT-4.8.2-4] [MQTT-4.8.2-5]
    Bench bench;
    Connect hello = Bench::lasting("first");
    hello.properties.receive_maximum = 2;
    bench.join(1, hello);
    bench.subscribe(1, "$share/g/t");
    bench.join(3, "sender");
    bench.publish(3, "t", "begun", Qos::exactly_once, 1);
    bench.publish(3, "t", "sent", Qos::at_least_once, 2);
    bench.publish(3, "t", "queued", Qos::exactly_once, 3);
    EXPECT_EQ(bench.waiting(1), 2u);
    bench.join(2, Bench::lasting("second"));
    bench.subscribe(2, "$share/g/t");
    bench.lose(1);
    EXPECT_TRUE(bench.silent(2));  // the first may come back
    bench.handle(Kick{"first", true});
    EXPECT_EQ(bench.next_payload(2), "sent");
    EXPECT_EQ(bench.next_payload(2), "queued");
    EXPECT_TRUE(bench.silent(2));
    EXPECT_EQ(bench.broker.stats().handed_over, 1u);
}

TEST(BrokerAccess, RefusesInTheAnswerAndAtTheDoor) {
    const auto list = AccessRules::parse(
        "topic read public/#\ntopic write in/#\nuser alice\ntopic readwrite secret/#\n");
    ASSERT_TRUE(list.has_value());
    Bench bench;
    bench.handle(RulesReplaced{std::make_shared<const AccessRules>(*list)});
    bench.join(1, "c");
    EXPECT_EQ(bench.subscribe(1, "secret/#").reasons[0], Reason::not_authorized);
    EXPECT_EQ(bench.subscribe(1, "public/a").reasons[0], Reason::granted_qos_2);
    EXPECT_EQ(bench.subscribe(1, "#").reasons[0], Reason::granted_qos_2);  // wider: asked each time
    bench.publish(1, "secret/x", "p", Qos::at_least_once, 1);
    EXPECT_EQ(bench.next<Ack>(1).reason, Reason::not_authorized);
    EXPECT_EQ(bench.broker.stats().publishes_refused_access, 1u);
    bench.open(2, true);  // internal: trusted
    bench.versions[2] = Version::v5;
    bench.say(2, Bench::hello("gateway"));
    bench.next<Connack>(2);
    bench.publish(2, "secret/x", "p");
    EXPECT_TRUE(bench.silent(1));
    EXPECT_EQ(bench.broker.stats().dropped_access, 1u);
    bench.publish(2, "public/x", "p");
    EXPECT_EQ(bench.next_payload(1), "p");
    // New rules hold at once.
    const auto none = AccessRules::parse("user nobody\ntopic nothing\n");
    ASSERT_TRUE(none.has_value());
    bench.handle(RulesReplaced{std::make_shared<const AccessRules>(*none)});
    bench.publish(2, "public/x", "p");
    EXPECT_TRUE(bench.silent(1));
    // 3.1.1 has no word for a refusal: acknowledged, dropped, counted [MQTT 3.1.1 MQTT-3.3.5-2].
    bench.join(3, "old", Version::v3_1_1);
    bench.publish(3, "in/x", "p", Qos::exactly_once, 1);
    EXPECT_EQ(bench.next<Ack>(3).type, PacketType::pubrec);
    EXPECT_EQ(bench.subscribe(3, "public/#").reasons[0], Reason::unspecified_error);
}

TEST(BrokerAccess, ChecksAWillAtConnect) {
    const auto list = AccessRules::parse("topic write in/#\n");
    ASSERT_TRUE(list.has_value());
    Bench bench;
    bench.handle(RulesReplaced{std::make_shared<const AccessRules>(*list)});
    Connect hello = Bench::hello("c");
    hello.will = Will{.topic = "out/x"};
    bench.connect(1, hello);
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::not_authorized);
    hello.will->topic = "in/x";
    bench.join(1, hello);
}

TEST(BrokerSys, SpeaksOfItselfInTheUsualNames) {
    BrokerSettings settings = Bench::quiet();
    settings.sys_interval = 10s;
    Bench bench(settings);
    bench.join(1, "c");
    bench.publish(1, "t", "12345");
    bench.advance(60s);
    bench.subscribe(1, "$SYS/#");
    std::map<std::string, std::string> said;
    while (auto packet = bench.next_packet(1)) {
        const auto& p = std::get<Publish>(*packet);
        said[std::string(p.topic)] = std::string(as_text(p.payload));
    }
    EXPECT_EQ(said["$SYS/broker/clients/connected"], "1");
    EXPECT_EQ(said["$SYS/broker/uptime"], "60 seconds");
    EXPECT_EQ(said["$SYS/broker/publish/bytes/received"], "5");
    EXPECT_EQ(said["$SYS/broker/publish/messages/received"], "1");
    EXPECT_EQ(said["$SYS/broker/messages/received"], "2");
    EXPECT_TRUE(said.contains("$SYS/broker/load/publish/received/15min"));
    EXPECT_TRUE(said.contains("$SYS/broker/retained messages/count"));
    EXPECT_TRUE(said.contains("$SYS/broker/store/messages/bytes"));
    EXPECT_GE(said.size(), 45u);
}

TEST(Broker, PublishesForItsHost) {
    Bench bench;
    bench.join(1, "c");
    bench.subscribe(1, "t");
    Publish publish = kept("t", "from here", Qos::at_least_once);
    bench.handle(PublishHere{std::make_shared<const Message>(publish, never)});
    EXPECT_EQ(bench.next_payload(1), "from here");
    bench.subscribe(1, "t");
    EXPECT_EQ(bench.next_payload(1), "from here");
    EXPECT_EQ(bench.broker.stats().publishes_here, 1u);
}

}  // namespace
}  // namespace causeway::mqtt::subscribe_test
