#include "mqtt/sn/gateway.hpp"

#include "base/hex.hpp"
#include "mqtt/sn/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::sn::gateway_test {
namespace {

using namespace std::chrono_literals;
using testing::Bench;
using testing::Lines;

// ---- discovery ---------------------------------------------------------------------------------

TEST(SnGateway, AdvertisesItselfAgainAndAgain) {
    // [MQTT-SN 1.2 §6.1]
    GatewaySettings settings;
    settings.gateway_id = 7;
    settings.advertise_to = testing::peer('z');
    settings.advertise_interval = 900s;
    Bench bench(settings);
    bench.wait(0s);
    EXPECT_EQ(bench.said(), Lines{"z < ADVERTISE 7 900"});
    bench.wait(1800s);
    EXPECT_EQ(bench.said().size(), 2u);
    EXPECT_EQ(bench.stats().advertisements, 3u);
}

TEST(SnGateway, AnswersWhoSearchesAfterAWhileAndOnce) {
    // [MQTT-SN 1.2 §6.1]
    Bench bench;
    bench.hear('a', SearchGateway{1});
    bench.hear('a', SearchGateway{1});
    EXPECT_EQ(bench.said(), Lines{});
    bench.wait(5s);
    EXPECT_EQ(bench.said(), Lines{"a < GWINFO 1"});
}

TEST(SnGateway, DropsSearchesBeyondItsLimit) {
    GatewaySettings settings;
    settings.searches_max = 2;
    Bench bench(settings);
    for (const char who : {'a', 'b', 'c'}) bench.hear(who, SearchGateway{0});
    bench.wait(5s);
    EXPECT_EQ(bench.said().size(), 2u);
    EXPECT_EQ(bench.stats().searches_dropped, 1u);
    EXPECT_EQ(bench.stats().searches_answered, 2u);
}

// ---- connections -------------------------------------------------------------------------------

TEST(SnGateway, GivesEachClientABrokerConnectionUnderItsOwnId) {
    // [MQTT-SN 1.2 §4.1, §6.2]
    Bench bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"1 open", "1 > CONNECT n1 v5 clean"}));
    bench.connack(1);
    EXPECT_EQ(bench.said(), Lines{"a < CONNACK"});
    bench.hear('b', Connect{false, false, 60, "n2"});
    EXPECT_EQ(bench.said(), (Lines{"2 open", "2 > CONNECT n2 v5"}));
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, ShowsItsOwnUserNameForAllClients) {
    GatewaySettings settings;
    settings.user_name = "sensors";
    settings.password = "secret";
    Bench bench(settings);
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"1 open", "1 > CONNECT n1 v5 clean sensors"}));
}

TEST(SnGateway, SaysWhyTheBrokerRefused) {
    Bench bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    bench.hush();
    bench.connack(1, Reason::not_authorized);
    EXPECT_EQ(bench.said(), (Lines{"1 close", "a < CONNACK not supported"}));
    bench.hear('a', Connect{false, true, 60, "n1"});
    bench.hush();
    bench.connack(2, Reason::server_busy);
    EXPECT_EQ(bench.said(), (Lines{"2 close", "a < CONNACK congestion"}));
    EXPECT_EQ(bench.stats().connects_refused, 1u);
    EXPECT_EQ(bench.stats().connects_congested, 1u);
    EXPECT_EQ(bench.stats().clients, 0u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, ABrokerThatDoesNotAnswerIsCongestion) {
    Bench bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    bench.hush();
    bench.wait(30s);
    EXPECT_EQ(bench.said(), (Lines{"a < CONNACK congestion", "1 close"}));
    EXPECT_EQ(bench.stats().connects_abandoned, 1u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, ARepeatedConnectChangesNothing) {
    Bench bench;
    bench.hear('a', Connect{false, true, 60, "n1"});
    bench.hush();
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), Lines{});
    bench.connack(1);
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"a < CONNACK", "a < CONNACK"}));
    EXPECT_EQ(bench.stats().connects, 1u);
    EXPECT_EQ(bench.stats().connects_repeated, 2u);
}

TEST(SnGateway, AConnectAfterOtherMessagesBeginsAnew) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Pingreq{});
    bench.hush();
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"1 close", "2 open", "2 > CONNECT n1 v5 clean"}));
}

TEST(SnGateway, AClientMayComeBackFromAnotherAddress) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('b', Connect{false, true, 60, "n1"});
    bench.connack(2);
    EXPECT_EQ(bench.said(), (Lines{"1 close", "2 open", "2 > CONNECT n1 v5 clean", "b < CONNACK"}));
    EXPECT_EQ(bench.stats().clients_moved, 1u);
    bench.hear('a', Pingreq{});
    EXPECT_EQ(bench.said(), Lines{"a < DISCONNECT"});
    EXPECT_EQ(bench.stats().clients, 1u);
}

TEST(SnGateway, AnAddressBelongsToTheClientThatConnectedLast) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Connect{false, true, 60, "n2"});
    EXPECT_EQ(bench.said(), (Lines{"1 close", "2 open", "2 > CONNECT n2 v5 clean"}));
    EXPECT_EQ(bench.stats().clients, 1u);
    EXPECT_EQ(bench.stats().clients_lost, 1u);
}

TEST(SnGateway, RefusesMoreClientsThanItsLimit) {
    GatewaySettings settings;
    settings.clients_max = 2;
    Bench bench(settings);
    bench.join('a', "n1", 1);
    bench.join('b', "n2", 2);
    bench.hear('c', Connect{false, true, 60, "n3"});
    EXPECT_EQ(bench.said(), Lines{"c < CONNACK congestion"});
    EXPECT_EQ(bench.stats().connects_congested, 1u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, RefusesIdsThatAreNone) {
    Bench bench;
    bench.hear('a', Connect{false, true, 60, ""});
    bench.hear('a', Connect{false, true, 60, std::string(65, 'x')});
    bench.hear('a', Connect{false, true, 60, "\xff"});
    EXPECT_EQ(bench.said(), Lines(3, "a < CONNACK not supported"));
    EXPECT_EQ(bench.stats().connects_refused, 3u);
}

TEST(SnGateway, ASilentClientIsLostAndItsWillIsTheBrokers) {
    // [MQTT-SN 1.2 §6.11, §7.2]
    Bench bench;
    bench.join('a', "n1", 1, true, 60);
    bench.wait(89s);
    EXPECT_EQ(bench.said(), Lines{});
    bench.wait(1s);
    EXPECT_EQ(bench.said(), Lines{"1 close"});  // no DISCONNECT: the will is due
    EXPECT_EQ(bench.stats().clients_lost, 1u);
    EXPECT_EQ(bench.notes.back().kind, Note::Kind::lost);
}

TEST(SnGateway, PingsKeepAClientAlive) {
    // [MQTT-SN 1.2 §6.11]
    Bench bench;
    bench.join('a', "n1", 1, true, 60);
    for (int i = 0; i < 5; ++i) {
        bench.wait(60s);
        bench.hear('a', Pingreq{});
        EXPECT_EQ(bench.said(), Lines{"a < PINGRESP"});
    }
}

TEST(SnGateway, ADisconnectSaysGoodbyeToTheBrokerToo) {
    // [MQTT-SN 1.2 §6.12]
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', Disconnect{});
    EXPECT_EQ(bench.said(), (Lines{"a < DISCONNECT", "1 > DISCONNECT", "1 close"}));
    // The answer was lost: it is said once more.
    bench.hear('a', Disconnect{});
    EXPECT_EQ(bench.said(), Lines{"a < DISCONNECT"});
}

TEST(SnGateway, ABrokerThatHangsUpDisconnectsTheClient) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.gateway.handle(bench.now, BrokerClosed{LinkId{1}});
    EXPECT_EQ(bench.said(), Lines{"a < DISCONNECT"});
    EXPECT_EQ(bench.stats().links_lost, 1u);
    EXPECT_EQ(bench.stats().clients, 0u);
}

TEST(SnGateway, NonsenseOfTheBrokerClosesTheLink) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.gateway.handle(bench.now, BrokerReceived{LinkId{1}, "f0 ff ff ff ff 00"_hex});
    EXPECT_EQ(bench.said(), (Lines{"1 close", "a < DISCONNECT"}));
    EXPECT_EQ(bench.stats().broker_packets_malformed, 1u);
}

TEST(SnGateway, GivesTheSignsOfLifeThatTheBrokerInsistsOn) {
    Bench bench;
    bench.hear('a', Connect{false, true, 0, "n1"});
    mqtt::Connack connack;
    connack.properties.server_keep_alive_seconds = 30;
    bench.broker(1, connack);
    bench.hush();
    bench.wait(60s);
    EXPECT_EQ(bench.said(), (Lines{"1 > PINGREQ", "1 > PINGREQ"}));
}

TEST(SnGateway, TellsStrangersToConnectButNotGatewaysAndNotForEver) {
    Bench bench;
    bench.hear('a', Pingreq{});
    bench.hear('a', Publish{});
    bench.hear('a', Register{0, 1, "t"});
    EXPECT_EQ(bench.said(), Lines(3, "a < DISCONNECT"));
    bench.hear('a', Disconnect{});  // or two gateways could be set to talk to each other for ever
    bench.hear('a', Connack{});
    bench.hear('a', Advertise{});
    bench.hear('a', Pingresp{});
    EXPECT_EQ(bench.said(), Lines{});
    EXPECT_EQ(bench.stats().datagrams_of_strangers, 4u);
    EXPECT_EQ(bench.stats().datagrams_out_of_place, 3u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, CountsWhatIsMalformed) {
    Bench bench;
    bench.hear('a', "00"_hex);
    bench.hear('a', "05 fe 00"_hex);
    bench.hear('a', "04 fe 00 07 02"_hex);
    EXPECT_EQ(bench.stats().datagrams_malformed, 3u);
    EXPECT_EQ(bench.said(), Lines{});
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, NodesBehindAForwarderAreClientsOfTheirOwn) {
    // [MQTT-SN 1.2 §5.5]
    Bench bench;
    bench.hear('f', "04 fe 00 01  08 04 04 01 00 3c 6e 31"_hex);
    bench.hear('f', "04 fe 00 02  08 04 04 01 00 3c 6e 32"_hex);
    EXPECT_EQ(bench.said(),
              (Lines{"1 open", "1 > CONNECT n1 v5 clean", "2 open", "2 > CONNECT n2 v5 clean"}));
    bench.connack(2);
    std::optional<SendDatagram> answer;
    while (auto output = bench.gateway.poll_output())
        if (auto* datagram = std::get_if<SendDatagram>(&*output)) answer = std::move(*datagram);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->peer, testing::peer('f'));
    EXPECT_EQ(to_hex(answer->octets), "04fe0002030500");
}

TEST(SnGateway, ShuttingDownTellsEverybodyAndLeavesWillsUnsaid) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.gateway.handle(bench.now, ShutDown{});
    EXPECT_EQ(bench.said(), (Lines{"a < DISCONNECT", "1 > DISCONNECT", "1 close"}));
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), Lines{});
    EXPECT_EQ(bench.gateway.next_deadline(), never);
}

// ---- wills -------------------------------------------------------------------------------------

void join_with_will(Bench& bench, char who, std::string_view id, unsigned link,
                    Quality qos = Quality::at_least_once) {
    bench.hear(who, Connect{true, true, 60, id});
    bench.hear(who, WillTopic{false, qos, true, "state/n1"});
    bench.hear(who, WillMessage{false, "gone"});
    bench.connack(link);
}

TEST(SnGateway, AsksForTheWillAndGivesItToTheBroker) {
    // [MQTT-SN 1.2 §6.2]
    Bench bench;
    bench.hear('a', Connect{true, true, 60, "n1"});
    EXPECT_EQ(bench.said(), Lines{"a < WILLTOPICREQ"});
    bench.hear('a', WillTopic{false, Quality::at_least_once, true, "state/n1"});
    EXPECT_EQ(bench.said(), Lines{"a < WILLMSGREQ"});
    bench.hear('a', WillTopic{false, Quality::at_least_once, true, "state/n1"});
    EXPECT_EQ(bench.said(), Lines{"a < WILLMSGREQ"});  // lost, and repeated
    bench.hear('a', WillMessage{false, "gone"});
    EXPECT_EQ(bench.said(),
              (Lines{"1 open", "1 > CONNECT n1 v5 clean will state/n1=gone q1 retain"}));
}

TEST(SnGateway, AnEmptyWillTopicMeansNoWill) {
    // [MQTT-SN 1.2 §5.4.7]
    Bench bench;
    bench.hear('a', Connect{true, true, 60, "n1"});
    bench.hear('a', WillTopic{});
    EXPECT_EQ(bench.said(), (Lines{"a < WILLTOPICREQ", "1 open", "1 > CONNECT n1 v5 clean"}));
}

TEST(SnGateway, RefusesWillsThatAreNone) {
    GatewaySettings settings;
    settings.will_octets_max = 4;
    Bench bench(settings);
    bench.hear('a', Connect{true, true, 60, "n1"});
    bench.hear('a', WillTopic{false, {}, false, "state/#"});
    EXPECT_EQ(bench.said(), (Lines{"a < WILLTOPICREQ", "a < CONNACK not supported"}));
    bench.hear('a', Connect{true, true, 60, "n1"});
    bench.hear('a', WillTopic{false, {}, false, "state"});
    bench.hear('a', WillMessage{false, "gone!"});
    EXPECT_EQ(bench.said(),
              (Lines{"a < WILLTOPICREQ", "a < WILLMSGREQ", "a < CONNACK not supported"}));
    EXPECT_EQ(bench.stats().connects_refused, 2u);
    EXPECT_TRUE(bench.stats().balanced());
}

TEST(SnGateway, AWillThatNeverComesAbandonsTheConnection) {
    Bench bench;
    bench.hear('a', Connect{true, true, 60, "n1"});
    bench.hush();
    bench.wait(30s);
    EXPECT_EQ(bench.said(), Lines{"a < CONNACK congestion"});
    EXPECT_EQ(bench.stats().connects_abandoned, 1u);
    EXPECT_EQ(bench.stats().clients, 0u);
}

TEST(SnGateway, AnUpdatedWillIsSaidByTheGateway) {
    // [MQTT-SN 1.2 §6.4]
    Bench bench;
    join_with_will(bench, 'a', "n1", 1);
    bench.hush();
    bench.hear('a', WillMessage{true, "gone early"});
    bench.hear('a', WillTopic{true, Quality::exactly_once, false, "other/n1"});
    EXPECT_EQ(bench.said(), (Lines{"a < WILLMSGRESP", "a < WILLTOPICRESP"}));
    bench.wait(90s);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBLISH 1 other/n1=gone early q2"});
    bench.ack(1, PacketType::pubrec, 1);
    EXPECT_EQ(bench.said(), Lines{"1 > PUBREL 1"});
    bench.ack(1, PacketType::pubcomp, 1);
    EXPECT_EQ(bench.said(), (Lines{"1 > DISCONNECT", "1 close"}));
    EXPECT_EQ(bench.stats().wills_published, 1u);
}

TEST(SnGateway, AWillThatWasDeletedIsNotSaidByTheBrokerEither) {
    // [MQTT-SN 1.2 §6.4]
    Bench bench;
    join_with_will(bench, 'a', "n1", 1);
    bench.hush();
    bench.hear('a', WillTopic{true, {}, false, {}});
    EXPECT_EQ(bench.said(), Lines{"a < WILLTOPICRESP"});
    bench.wait(90s);
    EXPECT_EQ(bench.said(), (Lines{"1 > DISCONNECT", "1 close"}));
}

TEST(SnGateway, RefusesUpdatesOfNoWill) {
    Bench bench;
    bench.join('a', "n1", 1);
    bench.hear('a', WillMessage{true, "x"});
    bench.hear('a', WillTopic{true, {}, false, "+"});
    EXPECT_EQ(bench.said(),
              (Lines{"a < WILLMSGRESP not supported", "a < WILLTOPICRESP not supported"}));
}

TEST(SnGateway, AWillOutlivesTheConnectionOfASessionThatIsNotClean) {
    // [MQTT-SN 1.2 §6.3]
    Bench bench;
    bench.hear('a', Connect{true, false, 60, "n1"});
    bench.hear('a', WillTopic{false, {}, false, "w"});
    bench.hear('a', WillMessage{false, "gone"});
    bench.connack(1);
    bench.hear('a', Disconnect{});
    bench.hush();
    bench.hear('a', Connect{false, false, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"2 open", "2 > CONNECT n1 v5 will w=gone q0"}));
    bench.connack(2);
    bench.hear('a', Disconnect{});
    bench.hush();
    bench.hear('a', Connect{false, true, 60, "n1"});
    EXPECT_EQ(bench.said(), (Lines{"3 open", "3 > CONNECT n1 v5 clean"}));
}

}  // namespace
}  // namespace causeway::mqtt::sn::gateway_test
