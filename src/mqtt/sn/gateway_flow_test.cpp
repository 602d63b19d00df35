// Topics and messages through the gateway, both ways.
#include "mqtt/sn/gateway.hpp"

#include "mqtt/sn/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::sn::gateway_flow_test {
namespace {

using namespace std::chrono_literals;
using testing::Bench;
using testing::Lines;

constexpr auto q0 = Quality::at_most_once;
constexpr auto q1 = Quality::at_least_once;
constexpr auto q2 = Quality::exactly_once;

Publish message(Quality qos, std::uint16_t topic, std::uint16_t id, std::string_view payload,
                bool dup = false) {
    return {.dup = dup, .qos = qos, .topic_id = topic, .message_id = id, .payload = payload};
}
Subscribe filter(std::uint16_t id, std::string_view name, Quality qos = q0) {
    return {.qos = qos, .message_id = id, .topic = name};
}

GatewaySettings with_predefined() {
    GatewaySettings settings;
    settings.predefined = {{7, "common/7", {}}, {7, "own/7", "n1"}, {8, "common/8", {}}};
    return settings;
}

// ---- registration ------------------------------------------------------------------------------

TEST(SnTopics, ATopicKeepsItsIdForTheConnection) {
    // [MQTT-SN 1.2 §6.5]
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Register{0, 5, "a/b"});
    bench.hear('a', Register{0, 6, "a/c"});
    bench.hear('a', Register{0, 7, "a/b"});
    EXPECT_EQ(bench.said(), (Lines{"a < REGACK #1 m5", "a < REGACK #2 m6", "a < REGACK #1 m7"}));
}

TEST(SnTopics, RefusesWildcardsAndMoreThanTheLimit) {
    GatewaySettings settings;
    settings.topics_max_each = 1;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    bench.hear('a', Register{0, 5, "a/+"});
    bench.hear('a', Register{0, 6, "a/b"});
    bench.hear('a', Register{0, 7, "a/c"});
    bench.hear('a', filter(8, "a/d"));
    EXPECT_EQ(bench.said(),
              (Lines{"a < REGACK #0 m5 not supported", "a < REGACK #1 m6",
                     "a < REGACK #0 m7 congestion", "a < SUBACK #0 m8 q0 congestion"}));
    EXPECT_EQ(bench.stats().registrations_refused, 2u);
    EXPECT_EQ(bench.stats().subscribes_refused, 1u);
}

// ---- to the broker -----------------------------------------------------------------------------

TEST(SnPublish, QosZeroGoesThroughAndIsNotAnswered) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', message(q0, id, 0, "20.5"));
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH t/x=20.5 q0"});
}

TEST(SnPublish, QosOneIsAcknowledgedWhenTheBrokerDoes) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', message(q1, id, 9, "20.5"));
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH 9 t/x=20.5 q1"});
    bench.hear('a', message(q1, id, 9, "20.5", true));  // impatient
    EXPECT_EQ(bench.said(), Lines{});
    bench.ack(1, PacketType::puback, 9);
    EXPECT_EQ(bench.said(), Lines{"a < PUBACK #1 m9"});
    bench.hear('a', message(q1, id, 9, "20.5", true));  // the answer was lost
    EXPECT_EQ(bench.said(), Lines{"a < PUBACK #1 m9"});
    EXPECT_EQ(bench.stats().publishes_duplicate, 2u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnPublish, QosTwoTakesItsFourSteps) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', message(q2, id, 9, "1"));
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH 9 t/x=1 q2"});
    bench.ack(1, PacketType::pubrec, 9);
    bench.hear('a', message(q2, id, 9, "1", true));
    EXPECT_EQ(bench.said(), (Lines{"a < PUBREC m9", "a < PUBREC m9"}));
    bench.hear('a', Handshake{MessageType::pubrel, 9});
    bench.hear('a', Handshake{MessageType::pubrel, 9});
    EXPECT_EQ(bench.said(), Lines{"1 > PUBREL 9"});
    bench.ack(1, PacketType::pubcomp, 9);
    EXPECT_EQ(bench.said(), Lines{"a < PUBCOMP m9"});
    // A copy that the network made comes late: no second message.
    bench.hear('a', message(q2, id, 9, "1"));
    EXPECT_EQ(bench.said(), Lines{"a < PUBREC m9"});
    // The same id for another message is another message.
    bench.hear('a', message(q2, id, 9, "2"));
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH 9 t/x=2 q2"});
}

TEST(SnPublish, AnExchangeGoesOnAfterTheClientConnectsAgain) {
    Bench bench;
    bench.join('a', "n1", 1, false);
    bench.hear('a', message(q2, bench.topic_id('a', "t/x"), 9, "1"));
    bench.hear('a', Connect{false, false, 60, "n1"});
    bench.connack(2);
    bench.hush();
    bench.hear('a', message(q2, bench.topic_id('a', "t/x"), 9, "1", true));
    EXPECT_EQ(bench.said(), Lines{"2 > PUBLISH 9 t/x=1 q2 dup"});
    bench.hear('a', Handshake{MessageType::pubrel, 8});  // the end of another one
    EXPECT_EQ(bench.said(), Lines{"2 > PUBREL 8"});
    bench.ack(2, PacketType::pubcomp, 8);
    EXPECT_EQ(bench.said(), Lines{"a < PUBCOMP m8"});
}

TEST(SnPublish, AnUnknownTopicIsSaidForEveryQuality) {
    // [MQTT-SN 1.2 §5.4.13]
    Bench bench(with_predefined());
    bench.join('a', "n1", 1);
    bench.hear('a', message(q0, 99, 0, "1"));
    bench.hear('a', message(q1, 99, 5, "1"));
    bench.hear('a', Publish{.qos = q0, .kind = TopicKind::short_name, .topic_id = 0x612b});
    bench.hear('a', Publish{.qos = q0, .kind = TopicKind::predefined, .topic_id = 1});
    EXPECT_EQ(
        bench.said(),
        (Lines{"a < PUBACK #99 m0 invalid topic id", "a < PUBACK #99 m5 invalid topic id",
               "a < PUBACK #24875 m0 invalid topic id", "a < PUBACK #1 m0 invalid topic id"}));
    EXPECT_EQ(bench.stats().publishes_bad_topic, 4u);
}

TEST(SnPublish, PredefinedAndShortTopicsNeedNoRegistration) {
    // [MQTT-SN 1.2 §6.7]
    Bench bench(with_predefined());
    bench.join('a', "n1", 1);
    bench.join('b', "n2", 2);
    bench.hear('a', Publish{.kind = TopicKind::predefined, .topic_id = 7, .payload = "x"});
    bench.hear('b', Publish{.kind = TopicKind::predefined, .topic_id = 7, .payload = "y"});
    bench.hear('a', Publish{.kind = TopicKind::short_name, .topic_id = 0x6162, .payload = "z"});
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBLISH own/7=x q0", "2 > PUBLISH common/7=y q0",
                                   "1 > PUBLISH ab=z q0"}));
}

TEST(SnPublish, WithoutAConnectionItGoesThroughTheGatewaysOwn) {
    // [MQTT-SN 1.2 §6.8]
    Bench bench(with_predefined());
    const Publish alone{.qos = Quality::without_connection,
                        .kind = TopicKind::predefined,
                        .topic_id = 8,
                        .payload = "x"};
    bench.hear('a', alone);
    EXPECT_EQ(bench.said(), (Lines{"1 open", "1 > CONNECT mqtt-sn-gateway v5 clean"}));
    bench.connack(1);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH common/8=x q0"});
    bench.hear('a', alone);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH common/8=x q0"});
    bench.hear('a', Publish{.qos = Quality::without_connection, .topic_id = 1, .payload = "x"});
    EXPECT_EQ(bench.said(), Lines{});  // registered ids are of connections
    EXPECT_EQ(bench.stats().publishes_minus_one, 3u);
    EXPECT_EQ(bench.stats().publishes_bad_topic, 1u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnPublish, WithoutAConnectionItMayBeForbiddenAndIsBounded) {
    GatewaySettings settings = with_predefined();
    settings.minus_one_waiting_max = 2;
    const Publish alone{
        .qos = Quality::without_connection, .kind = TopicKind::predefined, .topic_id = 8};
    Bench bench(settings);
    for (int i = 0; i < 3; ++i) bench.hear('a', alone);
    EXPECT_EQ(bench.stats().publishes_congested, 1u);
    settings.qos_minus_1 = false;
    Bench strict(settings);
    strict.hear('a', alone);
    EXPECT_EQ(strict.said(), Lines{});
    EXPECT_EQ(strict.stats().publishes_bad_topic, 1u);
}

TEST(SnPublish, TooManyUnansweredAreCongestion) {
    GatewaySettings settings;
    settings.upward_max_each = 2;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    for (std::uint16_t m = 1; m <= 3; ++m) bench.hear('a', message(q1, id, m, "x"));
    EXPECT_EQ(bench.said().back(), "a < PUBACK #1 m3 congestion");
    EXPECT_EQ(bench.stats().publishes_congested, 1u);
    bench.hear('a', filter(4, "t/y"));
    EXPECT_EQ(bench.said(), Lines{"a < SUBACK #0 m4 q0 congestion"});
}

TEST(SnPublish, ARefusalOfTheBrokerIsPassedOn) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', message(q1, id, 1, "x"));
    bench.ack(1, PacketType::puback, 1, Reason::not_authorized);
    bench.hear('a', message(q2, id, 2, "x"));
    bench.ack(1, PacketType::pubrec, 2, Reason::quota_exceeded);
    const auto said = bench.said();
    EXPECT_EQ(said[1], "a < PUBACK #1 m1 not supported");
    EXPECT_EQ(said[3], "a < PUBACK #1 m2 congestion");
    EXPECT_EQ(bench.stats().publishes_refused, 2u);
}

// ---- subscriptions -----------------------------------------------------------------------------

TEST(SnSubscribe, ANameComesWithItsIdAndWildcardsWithout) {
    // [MQTT-SN 1.2 §6.9]
    Bench bench(with_predefined());
    bench.join('a', "n1", 1);
    bench.hear('a', filter(2, "t/x", q1));
    EXPECT_EQ(bench.said(), Lines{"1 > SUBSCRIBE 2 t/x q1"});
    bench.hear('a', filter(2, "t/x", q1));
    EXPECT_EQ(bench.said(), Lines{});
    bench.suback(1, 2, Reason::granted_qos_1);
    EXPECT_EQ(bench.said(), Lines{"a < SUBACK #1 m2 q1"});
    bench.hear('a', filter(3, "t/#"));
    bench.suback(1, 3);
    bench.hear('a',
               Subscribe{.qos = q0, .kind = TopicKind::predefined, .message_id = 4, .topic_id = 7});
    bench.suback(1, 4);
    bench.hear(
        'a',
        Subscribe{.qos = q0, .kind = TopicKind::short_name, .message_id = 5, .topic_id = 0x6162});
    bench.suback(1, 5);
    EXPECT_EQ(bench.said(),
              (Lines{"1 > SUBSCRIBE 3 t/# q0", "a < SUBACK #0 m3 q0", "1 > SUBSCRIBE 4 own/7 q0",
                     "a < SUBACK #7 m4 q0", "1 > SUBSCRIBE 5 ab q0", "a < SUBACK #24930 m5 q0"}));
    bench.publish(1, "t/x", "1");
    bench.publish(1, "own/7", "2");
    bench.publish(1, "ab", "3");
    EXPECT_EQ(bench.said(),
              (Lines{"a < PUBLISH #1 q0 1", "a < PUBLISH p7 q0 2", "a < PUBLISH ab q0 3"}));
}

TEST(SnSubscribe, RefusalsHaveTheirReasons) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', filter(2, "t/#/x"));
    bench.hear('a', Subscribe{.kind = TopicKind::predefined, .message_id = 3, .topic_id = 9});
    bench.hear('a', filter(0, "t"));
    EXPECT_EQ(bench.said(),
              (Lines{"a < SUBACK #0 m2 q0 not supported", "a < SUBACK #0 m3 q0 invalid topic id",
                     "a < SUBACK #0 m0 q0 not supported"}));
    bench.hear('a', filter(4, "t/x"));
    bench.suback(1, 4, Reason::not_authorized);
    EXPECT_EQ(bench.said().back(), "a < SUBACK #0 m4 q0 not supported");
    EXPECT_EQ(bench.stats().subscribes_refused, 4u);
}

TEST(SnSubscribe, UnsubscribesThroughTheBroker) {
    Bench bench;
    bench.join('a', "n1", 1);
    Subscribe undo = filter(6, "t/#");
    undo.undo = true;
    bench.hear('a', undo);
    EXPECT_EQ(bench.said(), Lines{"1 > UNSUBSCRIBE 6 t/#"});
    mqtt::Unsuback unsuback;
    unsuback.packet_id = 6;
    unsuback.reasons.push_back(Reason::success);
    bench.broker(1, unsuback);
    EXPECT_EQ(bench.said(), Lines{"a < UNSUBACK m6"});
}

// ---- to clients --------------------------------------------------------------------------------

TEST(SnDeliver, WhatAWildcardBringsIsRegisteredFirst) {
    // [MQTT-SN 1.2 §6.10]
    Bench bench;
    bench.join('a', "n1", 1);
    bench.publish(1, "t/x", "1");
    bench.publish(1, "t/x", "2");
    EXPECT_EQ(bench.said(), Lines{"a < REGISTER #1 m1 t/x"});
    bench.hear('a', Regack{1, 1, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), (Lines{"a < PUBLISH #1 q0 1", "a < PUBLISH #1 q0 2"}));
    bench.publish(1, "t/x", "3");
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q0 3"});
    EXPECT_EQ(bench.stats().delivered, 3u);
}

TEST(SnDeliver, ARegistrationIsRepeatedAndThenTheClientIsLost) {
    // [MQTT-SN 1.2 §6.13]
    Bench bench;
    bench.join('a', "n1", 1, true, 0);
    bench.publish(1, "t/x", "1");
    EXPECT_EQ(bench.said(), Lines{"a < REGISTER #1 m1 t/x"});
    bench.wait(40s);
    EXPECT_EQ(bench.said(), Lines(4, "a < REGISTER #1 m1 t/x"));
    bench.wait(10s);
    EXPECT_EQ(bench.said(), Lines{"1 close"});
    EXPECT_EQ(bench.stats().retransmissions, 4u);
    EXPECT_EQ(bench.stats().deliveries_given_up, 1u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnDeliver, ARefusedRegistrationDropsItsMessageOnly) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.publish(1, "t/x", "1", 1, 4);
    bench.publish(1, "t/y", "2");
    bench.hush();
    bench.hear('a', Regack{1, 1, ReturnCode::not_supported});
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBACK 4 unspecified error", "a < REGISTER #2 m2 t/y"}));
    EXPECT_EQ(bench.stats().deliveries_no_topic, 1u);
}

TEST(SnDeliver, QosOneIsAcknowledgedToTheBrokerWhenTheClientDoes) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.publish(1, "t/x", "1", 1, 40);
    bench.publish(1, "t/x", "2", 1, 41);
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q1 m40 1"});  // one at a time
    bench.wait(10s);
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q1 m40 dup 1"});
    bench.hear('a', Puback{id, 40, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBACK 40", "a < PUBLISH #1 q1 m41 2"}));
    bench.hear('a', Puback{id, 40, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), Lines{});
    EXPECT_EQ(bench.stats().datagrams_out_of_place, 1u);
}

TEST(SnDeliver, QosTwoIsOneExchangeFromBrokerToClient) {
    Bench bench;
    bench.join('a', "n1", 1);
    (void)bench.topic_id('a', "t/x");
    bench.publish(1, "t/x", "1", 2, 40);
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q2 m40 1"});
    bench.hear('a', Handshake{MessageType::pubrec, 40});
    EXPECT_EQ(bench.said(), Lines{"1 > PUBREC 40"});
    bench.ack(1, PacketType::pubrel, 40);
    EXPECT_EQ(bench.said(), Lines{"a < PUBREL m40"});
    bench.wait(10s);
    EXPECT_EQ(bench.said(), Lines{"a < PUBREL m40"});
    bench.hear('a', Handshake{MessageType::pubcomp, 40});
    EXPECT_EQ(bench.said(), Lines{"1 > PUBCOMP 40"});
    EXPECT_EQ(bench.stats().delivered, 1u);
}

TEST(SnDeliver, AReleaseOfAnEarlierConnectionReachesTheClient) {
    Bench bench;
    bench.join('a', "n1", 1, false);
    bench.ack(1, PacketType::pubrel, 40);
    EXPECT_EQ(bench.said(), Lines{"a < PUBREL m40"});
    bench.hear('a', Handshake{MessageType::pubcomp, 40});
    EXPECT_EQ(bench.said(), Lines{"1 > PUBCOMP 40"});
}

TEST(SnDeliver, AClientThatForgotATopicIsToldItsIdAgain) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.publish(1, "t/x", "1", 1, 40);
    bench.hush();
    bench.hear('a', Puback{id, 40, ReturnCode::invalid_topic_id});
    EXPECT_EQ(bench.said(), Lines{"a < REGISTER #1 m1 t/x"});
    bench.hear('a', Regack{id, 1, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q1 m40 dup 1"});
    bench.hear('a', Puback{id, 40, ReturnCode::invalid_topic_id});  // no third time
    EXPECT_EQ(bench.said(), Lines{"1 > PUBACK 40 unspecified error"});
    EXPECT_EQ(bench.stats().deliveries_refused, 1u);
}

TEST(SnDeliver, WhatNoDatagramHoldsIsRefusedToTheBroker) {
    // [MQTT-SN 1.2 §5.2.1]
    GatewaySettings settings;
    settings.datagram_octets_max = 100;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    bench.publish(1, "t/x", std::string(92, 'x'), 1, 5);
    bench.publish(1, "t/x", std::string(92, 'x'), 2, 6);
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBACK 5 implementation specific error",
                                   "1 > PUBREC 6 implementation specific error"}));
    EXPECT_EQ(bench.stats().deliveries_too_large, 2u);
}

TEST(SnDeliver, AFullTableOfTopicsDropsWhatItCannotName) {
    GatewaySettings settings;
    settings.topics_max_each = 1;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    (void)bench.topic_id('a', "t/x");
    bench.publish(1, "t/y", "1");
    EXPECT_EQ(bench.said(), Lines{});
    EXPECT_EQ(bench.stats().deliveries_no_topic, 1u);
}

// ---- sleep -------------------------------------------------------------------------------------

TEST(SnSleep, MessagesWaitUntilTheClientWakesAndPingrespEndsThem) {
    // [MQTT-SN 1.2 §6.14]
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', Disconnect{300});
    EXPECT_EQ(bench.said(), Lines{"a < DISCONNECT"});  // and the broker is told nothing
    bench.publish(1, "t/x", "1");
    bench.publish(1, "t/x", "2", 1, 40);
    EXPECT_EQ(bench.said(), Lines{});
    bench.hear('a', Pingreq{"n1"});
    EXPECT_EQ(bench.said(), (Lines{"a < PUBLISH #1 q0 1", "a < PUBLISH #1 q1 m40 2"}));
    EXPECT_EQ(bench.gateway.clients().front().state, ClientState::awake);
    bench.hear('a', Puback{id, 40, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBACK 40", "a < PINGRESP"}));
    EXPECT_EQ(bench.gateway.clients().front().state, ClientState::asleep);
    bench.hear('a', Pingreq{"n1"});
    EXPECT_EQ(bench.said(), Lines{"a < PINGRESP"});
    EXPECT_EQ(bench.stats().sleeps, 1u);
    EXPECT_EQ(bench.stats().wakes, 2u);
}

TEST(SnSleep, SleepsAsLongAsItSaidAndATenthMore) {
    // [MQTT-SN 1.2 §6.14, §7.2]
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Disconnect{300});
    bench.hush();
    bench.wait(329s);
    bench.hear('a', Pingreq{"n1"});
    EXPECT_EQ(bench.said(), Lines{"a < PINGRESP"});
    bench.wait(330s);
    EXPECT_EQ(bench.said(), Lines{"1 close"});
    EXPECT_EQ(bench.stats().clients_lost, 1u);
}

TEST(SnSleep, AConnectWakesForGoodAndKeepsTheTopics) {
    // [MQTT-SN 1.2 §6.14]
    Bench bench;
    bench.join('a', "n1", 1);
    (void)bench.topic_id('a', "t/x");
    bench.hear('a', Disconnect{300});
    bench.publish(1, "t/x", "1");
    bench.hush();
    bench.hear('a', Connect{false, false, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"a < CONNACK", "a < PUBLISH #1 q0 1"}));
    EXPECT_EQ(bench.gateway.clients().front().state, ClientState::active);
    EXPECT_EQ(bench.stats().links_opened, 1u);
}

TEST(SnSleep, AConnectForACleanSessionIsANewOne) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Disconnect{300});
    bench.hush();
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"1 close", "2 open", "2 > CONNECT n1 v5 clean"}));
}

TEST(SnSleep, WakesFromAnotherAddress) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Disconnect{300});
    bench.hush();
    bench.hear('b', Pingreq{"n1"});
    EXPECT_EQ(bench.said(), Lines{"b < PINGRESP"});
    EXPECT_EQ(bench.stats().clients_moved, 1u);
    bench.hear('c', Pingreq{"nobody"});
    EXPECT_EQ(bench.said(), Lines{"c < DISCONNECT"});
}

TEST(SnSleep, WhoFallsAsleepInTheMiddleGetsTheRestTheNextTime) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', Disconnect{3000});
    bench.publish(1, "t/x", "1", 1, 40);
    bench.hear('a', Pingreq{"n1"});
    bench.hush();
    bench.wait(60s);
    EXPECT_EQ(bench.said(), Lines(4, "a < PUBLISH #1 q1 m40 dup 1"));
    EXPECT_EQ(bench.gateway.clients().front().state, ClientState::asleep);
    bench.hear('a', Pingreq{"n1"});
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q1 m40 dup 1"});
    bench.hear('a', Puback{id, 40, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBACK 40", "a < PINGRESP"}));
}

TEST(SnSleep, ASleeperMayPublishWithoutWaking) {
    Bench bench;
    bench.join('a', "n1", 1);
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', Disconnect{300});
    bench.hush();
    bench.hear('a', message(q1, id, 3, "x"));
    bench.ack(1, PacketType::puback, 3);
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBLISH 3 t/x=x q1", "a < PUBACK #1 m3"}));
}

TEST(SnSleep, TheBufferIsBoundedAndTheOldestUnpromisedMakesRoom) {
    GatewaySettings settings;
    settings.buffered_max_each = 3;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    (void)bench.topic_id('a', "t/x");
    bench.hear('a', Disconnect{300});
    bench.hush();
    bench.publish(1, "t/x", "1");
    for (std::uint16_t id = 10; id < 13; ++id) bench.publish(1, "t/x", "p", 1, id);
    EXPECT_EQ(bench.stats().deliveries_full, 1u);  // the first
    bench.publish(1, "t/x", "2");
    bench.publish(1, "t/x", "p", 1, 13);
    EXPECT_EQ(bench.stats().deliveries_full, 3u);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBACK 13 quota exceeded"});
    EXPECT_EQ(bench.stats().deliveries_waiting, 3u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnSleep, TheBufferIsBoundedInOctetsToo) {
    GatewaySettings settings;
    settings.buffered_octets_max_each = 100;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    bench.hear('a', Disconnect{300});
    bench.publish(1, "t/x", std::string(60, 'x'));
    bench.publish(1, "t/x", std::string(60, 'x'));
    EXPECT_EQ(bench.stats().deliveries_full, 1u);
}

// ---- aggregating -------------------------------------------------------------------------------

struct Aggregated : Bench {
    explicit Aggregated(GatewaySettings settings = {}) : Bench(aggregate(std::move(settings))) {}
    static GatewaySettings aggregate(GatewaySettings settings) {
        settings.mode = GatewaySettings::Mode::aggregating;
        return settings;
    }
    void meet(char who, std::string_view id, bool clean = true) {
        hear(who, Connect{false, clean, 60, id});
        if (stats().links_opened == 1 && stats().connects == 1) connack(1);
        hush();
    }
};

TEST(SnAggregate, OneConnectionCarriesAllClients) {
    // [MQTT-SN 1.2 §4.2]
    Aggregated bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    bench.hear('b', Connect{false, true, 60, "n2"});
    EXPECT_EQ(bench.said(), (Lines{"1 open", "1 > CONNECT mqtt-sn-gateway v5 clean"}));
    bench.connack(1);
    EXPECT_EQ(bench.said(), (Lines{"a < CONNACK", "b < CONNACK"}));
    bench.hear('c', Connect{false, true, 60, "n3"});
    EXPECT_EQ(bench.said(), Lines{"c < CONNACK"});
}

TEST(SnAggregate, PacketIdsAreTheLinksAndMessageIdsTheClients) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.meet('b', "n2");
    const auto one = bench.topic_id('a', "t/a");
    const auto two = bench.topic_id('b', "t/b");
    bench.hear('a', message(q1, one, 9, "x"));
    bench.hear('b', message(q2, two, 9, "y"));
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBLISH 1 t/a=x q1", "1 > PUBLISH 2 t/b=y q2"}));
    bench.ack(1, PacketType::pubrec, 2);
    bench.ack(1, PacketType::puback, 1);
    EXPECT_EQ(bench.said(), (Lines{"b < PUBREC m9", "a < PUBACK #1 m9"}));
    bench.hear('b', Handshake{MessageType::pubrel, 9});
    bench.ack(1, PacketType::pubcomp, 2);
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBREL 2", "b < PUBCOMP m9"}));
}

TEST(SnAggregate, SubscriptionsAreMergedAndMessagesHandedOutOnceEach) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.meet('b', "n2");
    bench.hear('a', filter(2, "t/#", q1));
    bench.suback(1, 1, Reason::granted_qos_1);
    bench.hear('a', filter(3, "t/x"));
    bench.suback(1, 2);
    bench.hear('b', filter(2, "t/x"));
    bench.suback(1, 3, Reason::success);
    EXPECT_EQ(bench.said(), (Lines{"1 > SUBSCRIBE 1 t/# q1 i1", "a < SUBACK #0 m2 q1",
                                   "1 > SUBSCRIBE 2 t/x q0 i2", "a < SUBACK #1 m3 q0",
                                   "1 > SUBSCRIBE 3 t/x q0 i3", "b < SUBACK #1 m2 q0"}));
    bench.publish(1, "t/x", "v", 1, 70);
    EXPECT_EQ(bench.said(),
              (Lines{"1 > PUBACK 70", "a < PUBLISH #1 q1 m1 v", "b < PUBLISH #1 q0 v"}));
}

TEST(SnAggregate, ARetainedMessageIsForWhoAskedForIt) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.meet('b', "n2");
    bench.hear('a', filter(2, "t/x"));
    bench.suback(1, 1);
    bench.hear('b', filter(2, "t/x"));
    bench.suback(1, 2);
    bench.hush();
    mqtt::Publish retained;
    retained.topic = "t/x";
    retained.retain = true;
    retained.payload = as_octets("old");
    retained.properties.subscription_identifiers = {2};
    bench.broker(1, retained);
    EXPECT_EQ(bench.said(), Lines{"b < PUBLISH #1 q0 retain old"});
}

TEST(SnAggregate, TheLastToUnsubscribeTellsTheBroker) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.meet('b', "n2");
    bench.hear('a', filter(2, "t/x"));
    bench.hear('b', filter(2, "t/x"));
    bench.suback(1, 1);
    bench.suback(1, 2);
    bench.hush();
    Subscribe undo = filter(6, "t/x");
    undo.undo = true;
    bench.hear('a', undo);
    EXPECT_EQ(bench.said(), Lines{"a < UNSUBACK m6"});
    bench.hear('b', undo);
    EXPECT_EQ(bench.said(), (Lines{"1 > UNSUBSCRIBE 3 t/x", "b < UNSUBACK m6"}));
}

TEST(SnAggregate, SubscriptionsOfOneClientAreBounded) {
    GatewaySettings settings;
    settings.subscriptions_max_each = 1;
    Aggregated bench(settings);
    bench.meet('a', "n1");
    bench.hear('a', filter(2, "t/x"));
    bench.hear('a', filter(3, "t/y"));
    EXPECT_EQ(bench.said().back(), "a < SUBACK #0 m3 q0 congestion");
    EXPECT_EQ(bench.stats().subscribes_refused, 1u);
}

TEST(SnAggregate, TheBrokersWindowHoldsForAllTogether) {
    // [MQTT-3.3.4-7]
    Aggregated bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    mqtt::Connack connack;
    connack.properties.receive_maximum = 1;
    bench.broker(1, connack);
    bench.hush();
    const auto id = bench.topic_id('a', "t/x");
    bench.hear('a', message(q1, id, 1, "x"));
    bench.hear('a', message(q1, id, 2, "x"));
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBLISH 1 t/x=x q1", "a < PUBACK #1 m2 congestion"}));
}

TEST(SnAggregate, AnAbsentSessionKeepsSubscriptionsAndWhatWasPromised) {
    Aggregated bench;
    bench.meet('a', "n1", false);
    bench.hear('a', filter(2, "t/x", q1));
    bench.suback(1, 1, Reason::granted_qos_1);
    bench.hear('a', Disconnect{});
    bench.hush();
    bench.publish(1, "t/x", "kept", 1, 70);
    bench.publish(1, "t/x", "not");
    EXPECT_EQ(bench.said(), Lines{"1 > PUBACK 70"});
    EXPECT_EQ(bench.gateway.clients().front().state, ClientState::disconnected);
    bench.hear('b', Connect{false, false, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"b < CONNACK", "b < REGISTER #2 m1 t/x"}));
    bench.hear('b', Regack{2, 1, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), Lines{"b < PUBLISH #2 q1 m2 kept"});
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnAggregate, AnAbsentSessionGivesWayToAClient) {
    GatewaySettings settings;
    settings.clients_max = 1;
    Aggregated bench(settings);
    bench.meet('a', "n1", false);
    bench.hear('a', Disconnect{});
    bench.hush();
    bench.hear('b', Connect{false, true, 60, "n2"});
    EXPECT_EQ(bench.said(), Lines{"b < CONNACK"});
    EXPECT_EQ(bench.stats().clients, 1u);
}

TEST(SnAggregate, WillsAreSaidByTheGateway) {
    Aggregated bench;
    bench.hear('a', Connect{true, true, 60, "n1"});
    bench.hear('a', WillTopic{false, q2, false, "w"});
    bench.hear('a', WillMessage{false, "gone"});
    bench.connack(1);
    bench.hush();
    bench.wait(90s);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH 1 w=gone q2"});
    bench.ack(1, PacketType::pubrec, 1);
    bench.ack(1, PacketType::pubcomp, 1);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBREL 1"});
}

TEST(SnAggregate, ALostConnectionIsMadeAgainWithAllSubscriptions) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.hear('a', filter(2, "t/#"));
    bench.suback(1, 1);
    bench.hush();
    bench.gateway.handle(bench.now, BrokerClosed{LinkId{1}});
    bench.hear('a', message(q1, bench.topic_id('a', "t/x"), 4, "x"));
    EXPECT_EQ(bench.said(), Lines{"a < PUBACK #1 m4 congestion"});
    bench.wait(1s);
    bench.connack(2);
    EXPECT_EQ(bench.said(),
              (Lines{"2 open", "2 > CONNECT mqtt-sn-gateway v5 clean", "2 > SUBSCRIBE 1 t/# q0"}));
    bench.publish(2, "t/x", "v");
    EXPECT_EQ(bench.said(), Lines{"a < PUBLISH #1 q0 v"});
}

TEST(SnAggregate, QosTwoOfTheBrokerIsHandedOutOnce) {
    Aggregated bench;
    bench.meet('a', "n1");
    bench.hear('a', filter(2, "t/x", q2));
    bench.suback(1, 1, Reason::granted_qos_2);
    bench.hush();
    bench.publish(1, "t/x", "v", 2, 70);
    bench.publish(1, "t/x", "v", 2, 70);
    bench.ack(1, PacketType::pubrel, 70);
    EXPECT_EQ(bench.said(), (Lines{"1 > PUBREC 70", "a < PUBLISH #1 q2 m1 v", "1 > PUBREC 70",
                                   "1 > PUBCOMP 70"}));
    bench.hear('a', Handshake{MessageType::pubrec, 1});
    EXPECT_EQ(bench.said(), Lines{"a < PUBREL m1"});
    bench.hear('a', Handshake{MessageType::pubcomp, 1});
    EXPECT_EQ(bench.stats().delivered, 1u);
}

}  // namespace
}  // namespace causeway::mqtt::sn::gateway_flow_test
