#include "mqtt/bridge.hpp"

#include "mqtt/bridge_rig_test.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace causeway::mqtt::bridge_test {
namespace {

using namespace std::chrono_literals;
using rig::Peer;
using rig::Rig;

using enum BridgeTopic::Direction;
constexpr Qos q0 = Qos::at_most_once;
constexpr Qos q1 = Qos::at_least_once;
constexpr Qos q2 = Qos::exactly_once;

BridgeSettings settings_of(std::vector<BridgeTopic> topics, Version version = Version::v5) {
    BridgeSettings settings;
    settings.name = "plant";
    settings.remote_version = version;
    settings.topics = std::move(topics);
    return settings;
}
BridgeSettings both_ways(Version version = Version::v5) {
    return settings_of({{.filter = "up/#", .direction = out, .qos = q2},
                        {.filter = "down/#", .direction = in, .qos = q2}},
                       version);
}
using Payloads = std::vector<std::string>;
Payloads payloads_of(const std::vector<rig::Seen>& messages) {
    Payloads payloads;
    for (const rig::Seen& one : messages) payloads.push_back(one.payload);
    return payloads;
}
/// All that a message may leave behind is gone, and every count adds up.
void expect_all_over(const Rig& rig) {
    EXPECT_EQ(rig.local.unfinished(), 0u);
    EXPECT_EQ(rig.remote.unfinished(), 0u);
    EXPECT_EQ(rig.local.receipts(), 0u);
    EXPECT_EQ(rig.remote.receipts(), 0u);
    EXPECT_TRUE(rig.bridge->stats().balanced());
}

// ---- joining -----------------------------------------------------------------------------------

TEST(Bridge, IntroducesItselfToBothAndSubscribesToWhatIsToCross) {
    BridgeSettings settings = settings_of({{.filter = "sensors/#",
                                            .direction = out,
                                            .qos = q1,
                                            .local_prefix = "site/",
                                            .remote_prefix = "plant/7/"},
                                           {.filter = "orders/+",
                                            .direction = in,
                                            .qos = q2,
                                            .local_prefix = "from/",
                                            .remote_prefix = "to/7/"},
                                           {.filter = "clock", .direction = both}});
    settings.user_name = "alice";
    settings.password = to_octets(as_octets("secret"));
    Rig rig(std::move(settings));
    rig.settle();
    ASSERT_TRUE(rig.bridge->connected());
    ASSERT_TRUE(rig.remote.connect);
    EXPECT_EQ(rig.remote.connect->client_id, "plant");
    EXPECT_EQ(rig.remote.connect->user_name, "alice");
    EXPECT_FALSE(rig.remote.connect->clean_start);
    EXPECT_EQ(rig.remote.connect->properties.session_expiry_seconds, 0xffffffffu);
    EXPECT_EQ(rig.remote.connect->keep_alive_seconds, 60);
    EXPECT_EQ(rig.local.connect->client_id, "bridge/plant");
    EXPECT_FALSE(rig.local.connect->clean_start);
    EXPECT_EQ(rig.remote.subscriptions, (Payloads{"to/7/orders/+", "clock"}));
    EXPECT_EQ(rig.local.subscriptions, (Payloads{"site/sensors/#", "clock"}));
    for (const Peer* peer : {&rig.local, &rig.remote})
        for (const SubscriptionOptions& options : peer->options) {
            EXPECT_TRUE(options.no_local);
            EXPECT_TRUE(options.retain_as_published);
        }
    EXPECT_EQ(rig.states, (std::vector<bool>{false, true}));
    rig.give(bridge::Stop{});
    EXPECT_EQ(rig.states, (std::vector<bool>{false, true, false}));
    EXPECT_TRUE(rig.remote.said_goodbye);
    EXPECT_TRUE(rig.local.said_goodbye);
    EXPECT_EQ(rig.bridge->next_deadline(), never);
}

TEST(Bridge, ManyFiltersAreAskedForInSeveralPackets) {
    std::vector<BridgeTopic> topics;
    for (int i = 0; i < 100; ++i)
        topics.push_back({.filter = "t" + std::to_string(i), .direction = both});
    Rig rig(settings_of(std::move(topics)));
    rig.settle();
    EXPECT_EQ(rig.remote.subscriptions.size(), 100u);
    EXPECT_EQ(rig.local.subscriptions.size(), 100u);
    EXPECT_EQ(std::ranges::count(rig.remote.packets, PacketType::subscribe), 4);
}

TEST(Bridge, TopicsChangeTheirPrefixOnTheWay) {
    Rig rig(settings_of(
        {{.filter = "sensors/#",
          .direction = out,
          .local_prefix = "site/",
          .remote_prefix = "plant/7/"},
         {.filter = "#", .direction = in, .local_prefix = "from/", .remote_prefix = "to/7/"},
         {.filter = "", .direction = out, .local_prefix = "a/b", .remote_prefix = "c/d/e"}}));
    rig.settle();
    rig.local.publish("site/sensors/x", "1", q0);
    rig.local.publish("a/b", "2", q0);
    rig.remote.publish("to/7/orders", "3", q0, true);
    rig.settle();
    ASSERT_EQ(rig.remote.accepted.size(), 2u);
    EXPECT_EQ(rig.remote.accepted[0].topic, "plant/7/sensors/x");
    EXPECT_EQ(rig.remote.accepted[1].topic, "c/d/e");
    ASSERT_EQ(rig.local.accepted.size(), 1u);
    EXPECT_EQ(rig.local.accepted[0].topic, "from/orders");
    EXPECT_TRUE(rig.local.accepted[0].retain);
}

TEST(Bridge, EveryQualityOfServiceArrivesInBothDirections) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.settle();
        for (const Qos qos : {q0, q1, q2}) {
            rig.local.publish("up/a", "u" + std::to_string(int(qos)), qos);
            rig.remote.publish("down/a", "d" + std::to_string(int(qos)), qos);
        }
        rig.settle();
        EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"u0", "u1", "u2"}));
        EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"d0", "d1", "d2"}));
        EXPECT_EQ(rig.remote.accepted[2].qos, q2);
        EXPECT_EQ(rig.bridge->stats().out.finished, 2u);
        EXPECT_EQ(rig.bridge->stats().in.finished, 2u);
        expect_all_over(rig);
    }
}

TEST(Bridge, AnAcknowledgementIsGivenOnlyWhenTheOtherSideHasGivenIt) {
    Rig rig(both_ways());
    rig.settle();
    rig.remote.silent = false;
    rig.local.publish("up/a", "1", q1);
    ASSERT_EQ(rig.local.unfinished(), 1u);
    // PUBLISH to the bridge, and on to the remote broker, which is slow to answer.
    while (rig.remote.accepted.empty()) ASSERT_TRUE(rig.step());
    EXPECT_EQ(rig.local.unfinished(), 1u);
    rig.settle();
    EXPECT_EQ(rig.local.unfinished(), 0u);
}

TEST(Bridge, AResponseTopicIsTranslatedWhereTheAnswerCanComeBack) {
    Rig rig(settings_of(
        {{.filter = "ask/#", .direction = in, .local_prefix = "l/", .remote_prefix = "r/"},
         {.filter = "reply/#", .direction = out, .local_prefix = "l/", .remote_prefix = "r/"}}));
    rig.settle();
    Publish question{.topic = "r/ask/1"};
    question.properties.response_topic = "r/reply/9";
    rig.remote.say(question);
    question.properties.response_topic = "elsewhere";
    rig.remote.say(question);
    rig.settle();
    ASSERT_EQ(rig.local.accepted.size(), 2u);
    EXPECT_EQ(rig.local.accepted[0].response_topic, "l/reply/9");
    EXPECT_EQ(rig.local.accepted[1].response_topic, "elsewhere");
}

// ---- what the other broker cannot --------------------------------------------------------------

TEST(Bridge, OurBrokerHasNoMoreUnderWayThanTheOtherTakes) {
    // [MQTT-3.3.4-9]
    Rig rig(both_ways());
    rig.remote.allows.receive_maximum = 2;
    rig.settle();
    EXPECT_EQ(rig.local.connect->properties.receive_maximum, 2);
    for (int i = 0; i < 20; ++i) rig.local.publish("up/a", std::to_string(i), q2);
    rig.settle();
    EXPECT_EQ(rig.local.under_way_most, 2u);
    EXPECT_EQ(rig.remote.accepted.size(), 20u);
    expect_all_over(rig);
}

TEST(Bridge, AServerOf311CannotSayWhatItTakesAndIsGivenLittle) {
    Rig rig(both_ways(Version::v3_1_1));
    rig.local.window = 100;
    rig.settle();
    EXPECT_EQ(rig.local.connect->properties.receive_maximum, 20);
    for (int i = 0; i < 100; ++i) rig.local.publish("up/a", std::to_string(i), q2);
    rig.settle();
    EXPECT_EQ(rig.local.under_way_most, 20u);
    EXPECT_EQ(rig.remote.accepted.size(), 100u);
    expect_all_over(rig);
}

TEST(Bridge, MoreThanTheOtherTakesIsLeftAndComesAgainInOrder) {
    // Twenty are under way in the session from before; the other broker now takes one.
    Rig rig(both_ways());
    rig.settle();
    rig.local.window = 20;
    rig.local.rude = true;
    for (int i = 0; i < 20; ++i) rig.local.publish("up/a", std::to_string(i), q2);
    rig.remote.allows.receive_maximum = 1;
    rig.cut_remote(false);
    rig.settle(20);
    Payloads expected;
    for (int i = 0; i < 20; ++i) expected.push_back(std::to_string(i));
    EXPECT_EQ(payloads_of(rig.remote.accepted), expected);
    EXPECT_GT(rig.bridge->stats().out.deferred, 0u);
    expect_all_over(rig);
}

TEST(Bridge, QosIsLoweredToWhatTheOtherTakesAndStillEnds) {
    // [MQTT-3.2.2-11]
    for (const std::uint8_t most : {std::uint8_t{0}, std::uint8_t{1}}) {
        Rig rig(both_ways());
        rig.remote.allows.maximum_qos = most;
        rig.settle();
        ASSERT_EQ(rig.local.options.size(), 1u);
        EXPECT_EQ(rig.local.options[0].qos_max, static_cast<Qos>(most));
        // From before, when more was allowed.
        rig.local.publish("up/a", "2", q2);
        rig.local.publish("up/a", "1", q1);
        rig.settle();
        ASSERT_EQ(rig.remote.accepted.size(), 2u);
        for (const rig::Seen& one : rig.remote.accepted) EXPECT_EQ(one.qos, static_cast<Qos>(most));
        EXPECT_EQ(std::ranges::count(rig.remote.packets, PacketType::pubrel), 0);
        EXPECT_EQ(rig.bridge->stats().out.finished, 2u);
        expect_all_over(rig);
    }
}

TEST(Bridge, RetainIsLeftOutWhereTheOtherHasNone) {
    // [MQTT-3.2.2-14]
    Rig rig(both_ways());
    rig.remote.allows.retain_available = false;
    rig.settle();
    rig.local.publish("up/a", "1", q0, true);
    rig.settle();
    ASSERT_EQ(rig.remote.accepted.size(), 1u);
    EXPECT_FALSE(rig.remote.accepted[0].retain);
}

TEST(Bridge, WhatIsTooLargeForTheOtherIsAnsweredHere) {
    // [MQTT-3.2.2-15]
    Rig rig(both_ways());
    rig.remote.allows.maximum_packet_octets = 60;
    rig.settle();
    for (const Qos qos : {q0, q1, q2}) {
        rig.local.publish("up/a", std::string(100, 'x'), qos);
        rig.local.publish("up/a", "small", qos);
    }
    rig.settle();
    EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"small", "small", "small"}));
    EXPECT_EQ(rig.bridge->stats().out.too_large, 3u);
    expect_all_over(rig);
}

TEST(Bridge, AServerOf311IsNotToldOfOurLimitSoWhatIsTooLargeIsAnsweredHere) {
    BridgeSettings settings = both_ways(Version::v3_1_1);
    settings.packet_octets_max = 60;
    Rig rig(std::move(settings));
    rig.settle();
    rig.remote.publish("down/a", std::string(100, 'x'), q2);
    rig.remote.publish("down/a", "small", q2);
    rig.settle();
    EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"small"}));
    EXPECT_EQ(rig.bridge->stats().in.too_large, 1u);
    expect_all_over(rig);
}

TEST(Bridge, WhatFitsNoTopicIsAnsweredAndGoesNowhere) {
    // A session there may still have subscriptions of older settings.
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.settle();
        for (const Qos qos : {q0, q1, q2}) rig.remote.publish("other/a", "x", qos);
        rig.settle();
        EXPECT_TRUE(rig.local.accepted.empty());
        EXPECT_EQ(rig.bridge->stats().in.unrouted, 3u);
        expect_all_over(rig);
    }
}

// ---- refusals ----------------------------------------------------------------------------------

TEST(Bridge, WhatTheOtherRefusesIsAnsweredCountedAndNotSentAgain) {
    // [MQTT-4.4.0-1]
    Rig rig(both_ways());
    rig.settle();
    rig.remote.unwelcome = "no";
    rig.local.publish("up/a", "no", q1);
    rig.local.publish("up/a", "no", q2);
    rig.local.publish("up/a", "yes", q2);
    rig.settle();
    rig.cut_remote();
    rig.settle();
    EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"yes"}));
    EXPECT_EQ(rig.bridge->stats().out.refused, 2u);
    EXPECT_TRUE(rig.noted("the remote broker refuses a message"));
    expect_all_over(rig);
}

TEST(Bridge, WhatOurBrokerRefusesIsAnsweredToAServerOf311ToTheEnd) {
    Rig rig(both_ways(Version::v3_1_1));
    rig.settle();
    rig.local.unwelcome = "no";
    rig.remote.publish("down/a", "no", q1);
    rig.remote.publish("down/a", "no", q2);
    rig.remote.publish("down/a", "yes", q2);
    rig.settle();
    EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"yes"}));
    EXPECT_EQ(rig.bridge->stats().in.refused, 2u);
    expect_all_over(rig);
}

TEST(Bridge, WhileOurOwnDiskIsFullTheOtherBrokerKeepsItsMessages) {
    Rig rig(both_ways());
    rig.settle();
    rig.local.unwelcome = "1";
    rig.local.refusal = Reason::quota_exceeded;
    rig.remote.publish("down/a", "1", q2);
    rig.settle();
    EXPECT_TRUE(rig.local.accepted.empty());
    EXPECT_EQ(rig.remote.unfinished(), 1u);
    rig.local.unwelcome.clear();
    rig.wait();
    rig.settle();
    EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"1"}));
    expect_all_over(rig);
}

TEST(Bridge, AMessageThatMakesTheOtherCloseIsGivenUpAndAllOthersArrive) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        for (const Qos qos : {q1, q2}) {
            Rig rig(both_ways(version));
            rig.settle();
            rig.remote.poison = "5";
            rig.remote.closes_with_disconnect = version == Version::v5;
            for (int i = 0; i < 9; ++i) rig.local.publish("up/a", std::to_string(i), qos);
            rig.settle(30);
            Payloads arrived = payloads_of(rig.remote.accepted);
            arrived.erase(std::ranges::unique(arrived).begin(), arrived.end());
            std::set<std::string> all(arrived.begin(), arrived.end());
            EXPECT_EQ(all, (std::set<std::string>{"0", "1", "2", "3", "4", "6", "7", "8"}));
            if (qos == q2) {
                EXPECT_EQ(rig.remote.accepted.size(), 8u);
            }
            EXPECT_EQ(rig.bridge->stats().out.given_up, 1u);
            EXPECT_TRUE(rig.noted("given up: the other broker closes whenever it gets this"));
            expect_all_over(rig);
            // And then it is quick again.
            rig.settle();
            EXPECT_GT(*rig.local.connect->properties.receive_maximum, 1);
        }
    }
}

TEST(Bridge, AMessageThatMakesOurBrokerCloseIsGivenUpToo) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.settle();
        rig.local.poison = "5";
        rig.local.closes_with_disconnect = true;
        for (int i = 0; i < 9; ++i) rig.remote.publish("down/a", std::to_string(i), q2);
        rig.settle(30);
        EXPECT_EQ(payloads_of(rig.local.accepted),
                  (Payloads{"0", "1", "2", "3", "4", "6", "7", "8"}));
        EXPECT_EQ(rig.bridge->stats().in.given_up, 1u);
        expect_all_over(rig);
    }
}

TEST(Bridge, AMessageThatWasGivenUpLeavesNothingThatAnotherIsTakenFor) {
    // The other broker takes it, and closes before it says so: it holds the identifier.
    Rig rig(both_ways());
    rig.settle();
    rig.local.publish("up/a", "1", q2);
    for (int strikes = 0; strikes < 3; ++strikes) {
        while (rig.bridge->connected() &&
               std::ranges::count(rig.remote.packets, PacketType::publish) == 0)
            ASSERT_TRUE(rig.step());
        rig.cut_remote(true);
        rig.wait();
        while (!rig.bridge->connected()) ASSERT_TRUE(rig.step());
    }
    rig.settle();
    EXPECT_EQ(rig.bridge->stats().out.given_up, 1u);
    EXPECT_EQ(rig.remote.receipts(), 1u);
    rig.local.lose_session();  // so that it begins to number at 1 again
    rig.local.publish("up/a", "2", q2);
    rig.settle();
    EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"1", "2"}));
    expect_all_over(rig);
}

TEST(Bridge, ANetworkThatFailsBlamesNoMessage) {
    Rig rig(both_ways());
    for (int round = 0; round < 20; ++round) {
        rig.settle();
        rig.local.publish("up/a", "1", q2);
        for (int i = 0; i < 2; ++i) ASSERT_TRUE(rig.step());
        rig.cut_remote(false);
    }
    rig.settle();
    EXPECT_EQ(rig.remote.accepted.size(), 20u);
    EXPECT_EQ(rig.bridge->stats().out.given_up, 0u);
    expect_all_over(rig);
}

// ---- lost sessions -----------------------------------------------------------------------------

TEST(Bridge, APubrelForASessionThatTheOtherHasLostIsStillAnswered) {
    // [MQTT 5.0 §4.3.3]: ours sends PUBREL again; a server that knows nothing of it may be silent.
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.settle();
        rig.local.publish("up/a", "1", q2);
        while (rig.remote.receipts() == 0) ASSERT_TRUE(rig.step());
        for (int i = 0; i < 2; ++i) rig.step();
        rig.cut_remote(false);
        rig.remote.lose_session();
        rig.settle();
        expect_all_over(rig);
    }
}

TEST(Bridge, ASessionThatOursHasLostMakesNoNewMessageLookLikeAnOldOne) {
    // The other broker holds identifier 1 of a QoS 2 message that was never released; ours has
    // forgotten all, and numbers its next message 1.
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.settle();
        rig.local.publish("up/a", "old", q2);
        while (rig.remote.receipts() == 0) ASSERT_TRUE(rig.step());
        rig.cut_local();
        rig.local.lose_session();
        rig.settle();
        rig.local.publish("up/a", "new", q2);
        rig.settle();
        EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"old", "new"}));
        expect_all_over(rig);
    }
}

TEST(Bridge, ASessionThatTheOtherHasLostMakesNoNewMessageLookLikeAnOldOne) {
    Rig rig(both_ways());
    rig.settle();
    rig.remote.publish("down/a", "old", q2);
    while (rig.local.receipts() == 0) ASSERT_TRUE(rig.step());
    rig.cut_remote(false);
    rig.remote.lose_session();
    rig.settle();
    rig.remote.publish("down/a", "new", q2);
    rig.settle();
    EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"old", "new"}));
    expect_all_over(rig);
}

TEST(Bridge, SubscribesAgainWhereASessionWasLostAndAsksForWhatIsRetained) {
    Rig rig(both_ways());
    rig.settle();
    EXPECT_EQ(rig.remote.options.back().retain_handling, RetainHandling::send);
    rig.cut_remote();
    rig.settle();
    EXPECT_EQ(rig.remote.subscriptions.size(), 1u);
    EXPECT_EQ(rig.local.subscriptions.size(), 1u);
    rig.cut_remote();
    rig.remote.lose_session();
    rig.settle();
    ASSERT_EQ(rig.remote.subscriptions.size(), 2u);
    // What ours still has, it was given before.
    EXPECT_EQ(rig.remote.options.back().retain_handling, RetainHandling::send_if_new);
    EXPECT_EQ(rig.local.subscriptions.size(), 1u);
}

// ---- connections -------------------------------------------------------------------------------

TEST(Bridge, WhatIsPublishedWhileTheOtherIsAwayArrivesLater) {
    Rig rig(both_ways());
    rig.settle();
    rig.cut_remote();
    EXPECT_FALSE(rig.local.connected);
    for (int i = 0; i < 30; ++i) rig.local.publish("up/a", std::to_string(i), q1);
    rig.settle();
    EXPECT_EQ(rig.remote.accepted.size(), 30u);
    EXPECT_EQ(rig.states, (std::vector<bool>{false, true, false, true}));
}

TEST(Bridge, WaitsLongerAfterEachFailureUpToALimitAndNeverTheSame) {
    BridgeSettings settings = both_ways();
    settings.reconnect = {.first = 1s, .most = 60s};
    Rig rig(std::move(settings));
    rig.cut_remote();
    rig.answers = false;
    rig.cut_remote();
    rig.give(bridge::RemoteClosed{});
    std::vector<Duration> waits;
    for (int i = 0; i < 12; ++i) {
        waits.push_back(rig.bridge->next_deadline() - rig.now);
        ASSERT_TRUE(rig.wait());
        rig.give(bridge::RemoteClosed{});
    }
    for (std::size_t i = 0; i < waits.size(); ++i) {
        const Duration whole = std::min<Duration>(60s, 1s * (1 << std::min<std::size_t>(i, 10)));
        EXPECT_GE(waits[i], whole / 2) << i;
        EXPECT_LE(waits[i], whole) << i;
    }
    EXPECT_NE(waits[9], waits[10]);
    EXPECT_TRUE(rig.noted("the remote broker cannot be reached"));
    EXPECT_TRUE(rig.bridge->stats().balanced());
}

TEST(Bridge, GivesUpWaitingForAnAnswerInTime) {
    BridgeSettings settings = both_ways();
    settings.answer_within = 20s;
    Rig rig(std::move(settings));
    rig.remote.silent = true;
    rig.settle(0);
    EXPECT_EQ(rig.bridge->next_deadline() - rig.now, 20s);
    rig.wait();
    EXPECT_TRUE(rig.noted("no answer"));
    rig.remote.silent = false;
    rig.local.silent = true;
    rig.settle(1);
    rig.wait();
    EXPECT_TRUE(rig.noted("our broker does not answer"));
    rig.local.silent = false;
    rig.settle();
    EXPECT_TRUE(rig.bridge->connected());
    EXPECT_EQ(rig.bridge->stats().failed, 2u);
    EXPECT_TRUE(rig.bridge->stats().balanced());
}

TEST(Bridge, PingsWhenThereIsNothingToSayAndMissesTheAnswer) {
    // [MQTT-3.1.2-20]
    BridgeSettings settings = both_ways();
    settings.keep_alive_seconds = 10;
    Rig rig(std::move(settings));
    rig.settle();
    ASSERT_EQ(rig.bridge->next_deadline() - rig.now, 10s);
    rig.wait();
    rig.settle();
    EXPECT_EQ(std::ranges::count(rig.remote.packets, PacketType::pingreq), 1);
    EXPECT_TRUE(rig.bridge->connected());
    rig.wait();  // PINGREQ, and nobody answers
    for (int i = 0; i < 3 && rig.bridge->connected(); ++i) rig.wait();
    EXPECT_FALSE(rig.bridge->connected());
    EXPECT_TRUE(rig.noted("no answer"));
}

TEST(Bridge, TheServersKeepAliveHolds) {
    // [MQTT-3.1.2-21]
    Rig rig(both_ways());
    rig.remote.allows.server_keep_alive_seconds = 7;
    rig.settle();
    EXPECT_EQ(rig.bridge->next_deadline() - rig.now, 7s);
}

TEST(Bridge, SaysThatItIsABridgeAndGoesOnWithoutWhenThatIsRefused) {
    Rig rig(both_ways(Version::v3_1_1));
    rig.settle();
    EXPECT_TRUE(rig.remote.connect->bridge);

    Rig other(both_ways(Version::v3_1_1));
    other.remote.greeting_of_private = Reason::unsupported_protocol_version;
    other.settle();
    EXPECT_TRUE(other.bridge->connected());
    EXPECT_FALSE(other.remote.connect->bridge);
    EXPECT_EQ(other.now, Instant{});  // at once
    other.cut_remote();
    other.settle();
    EXPECT_EQ(other.opened, 3u);  // and it has learnt that

    BridgeSettings settings = both_ways(Version::v3_1_1);
    settings.try_private = false;
    Rig third(std::move(settings));
    third.settle();
    EXPECT_FALSE(third.remote.connect->bridge);
}

TEST(Bridge, AServerThatClosesWithoutAWordIsTriedAsNoBridge) {
    Rig rig(both_ways(Version::v3_1_1));
    rig.remote.silent = true;
    rig.settle(0);
    EXPECT_TRUE(rig.remote.connect->bridge);
    rig.cut_remote();
    rig.remote.silent = false;
    rig.settle(1);
    EXPECT_FALSE(rig.remote.connect->bridge);
    EXPECT_TRUE(rig.bridge->connected());
}

TEST(Bridge, ARefusedConnectionIsTriedAgainLater) {
    Rig rig(both_ways());
    rig.remote.greeting = Reason::bad_user_name_or_password;
    rig.settle(0);
    EXPECT_TRUE(rig.noted("the remote broker refuses the connection"));
    EXPECT_FALSE(rig.bridge->connected());
    rig.remote.greeting = Reason::success;
    rig.settle(1);
    EXPECT_TRUE(rig.bridge->connected());
    EXPECT_TRUE(rig.bridge->stats().balanced());
}

TEST(Bridge, CleanLeavesNothingBehindOnEitherSide) {
    BridgeSettings settings = both_ways();
    settings.clean = true;
    Rig rig(std::move(settings));
    rig.settle();
    EXPECT_TRUE(rig.remote.connect->clean_start);
    EXPECT_TRUE(rig.local.connect->clean_start);
    EXPECT_FALSE(rig.remote.connect->properties.session_expiry_seconds);
    rig.cut_remote();
    rig.settle();
    EXPECT_TRUE(rig.bridge->connected());
    EXPECT_EQ(rig.remote.subscriptions.size(), 2u);
}

// ---- limits ------------------------------------------------------------------------------------

TEST(Bridge, WhatTheOtherSaysBeforeOursIsReadyWaitsWithinALimit) {
    Rig rig(both_ways());
    rig.settle();
    rig.remote.publish("down/a", "before", q1);
    rig.cut_remote();
    rig.local.silent = true;
    rig.settle(1);
    EXPECT_TRUE(rig.remote_paused);
    rig.remote.publish("down/a", "while", q1);
    rig.cut_local();
    rig.local.silent = false;
    rig.settle(1);
    EXPECT_EQ(payloads_of(rig.local.accepted), (Payloads{"before", "while"}));

    rig.cut_remote();
    rig.local.silent = true;
    rig.settle(1);
    const Octets flood(1 << 20);
    for (int i = 0; i < 5; ++i) rig.give(bridge::RemoteReceived{flood});
    EXPECT_TRUE(rig.noted("the remote broker says more than is kept before our broker is ready"));
    EXPECT_FALSE(rig.remote.connected);
}

TEST(Bridge, OurBrokerLearnsThatTheOtherReadsSlowly) {
    BridgeSettings settings = both_ways();
    settings.unsent_octets_high = 4000;
    settings.unsent_octets_low = 1000;
    Rig rig(std::move(settings));
    rig.settle();
    rig.drains = false;
    const std::size_t before = rig.taken;
    for (int i = 0; i < 3; ++i) rig.local.publish("up/a", std::string(2000, 'x'), q0);
    rig.settle();
    const std::size_t then = rig.taken;
    EXPECT_GT(then, before);
    rig.local.publish("up/a", std::string(2000, 'x'), q0);
    rig.settle();
    EXPECT_EQ(rig.taken, then);
    rig.give(bridge::RemoteDrained{rig.undrained - 2000});
    EXPECT_EQ(rig.taken, then);
    rig.give(bridge::RemoteDrained{1500});
    EXPECT_GT(rig.taken, then + 2000);
}

TEST(Bridge, TheOtherIsNotReadWhileOurBrokerIsBusy) {
    Rig rig(both_ways());
    rig.settle();
    rig.give(bridge::LocalPaused{true});
    EXPECT_TRUE(rig.remote_paused);
    rig.give(bridge::LocalPaused{false});
    EXPECT_FALSE(rig.remote_paused);
}

TEST(Bridge, NonsenseFromTheOtherClosesBothAndIsCounted) {
    for (const std::string_view nonsense :
         {std::string_view("\xf0\x00", 2), std::string_view("\x10\x00", 2),
          std::string_view("\x30\xff\xff\xff\xff", 5), std::string_view("\x20\x02\x00\x00", 4),
          std::string_view("\x36\x00", 2), std::string_view("\x82\x00", 2),
          std::string_view("\x10\x0c\x00\x04MQTT\x09\x02\x00\x3c\x00\x00", 14)}) {
        Rig rig(both_ways());
        rig.settle();
        rig.give(bridge::RemoteReceived{as_octets(nonsense)});
        EXPECT_FALSE(rig.bridge->connected());
        EXPECT_FALSE(rig.local.connected);
        EXPECT_EQ(rig.bridge->stats().faults, 1u);
        rig.settle();
        EXPECT_TRUE(rig.bridge->connected());
    }
}

TEST(Bridge, ATopicAliasThatWasNotAllowedIsAFault) {
    // [MQTT-3.1.2-27]
    Rig rig(both_ways());
    rig.settle();
    Publish publish{.topic = "down/a"};
    publish.properties.topic_alias = 1;
    rig.remote.say(publish);
    rig.settle(0);
    EXPECT_EQ(rig.bridge->stats().faults, 1u);
}

TEST(Bridge, StrayAcknowledgementsDoNoHarm) {
    Rig rig(both_ways());
    rig.settle();
    for (const PacketType type : {PacketType::puback, PacketType::pubrec, PacketType::pubcomp})
        for (const std::uint16_t id : std::initializer_list<std::uint16_t>{1, 7, 1024, 65535})
            rig.remote.say(Ack{.type = type, .packet_id = id});
    rig.remote.say(Ack{.type = PacketType::pubrel, .packet_id = 3});
    rig.settle();
    EXPECT_TRUE(rig.bridge->connected());
    EXPECT_EQ(rig.bridge->stats().out.strays, 8u);
    rig.local.publish("up/a", "1", q2);
    rig.settle();
    EXPECT_EQ(payloads_of(rig.remote.accepted), (Payloads{"1"}));
    expect_all_over(rig);
}

// ---- settings ----------------------------------------------------------------------------------

TEST(BridgeSettings, MistakesAreSaidInWords) {
    EXPECT_FALSE(mistake_in(both_ways()));
    const auto wrong = [](BridgeTopic topic) {
        return mistake_in(settings_of({topic})).has_value();
    };
    EXPECT_TRUE(wrong({.filter = "a/#/b"}));
    EXPECT_TRUE(wrong({.filter = "a+"}));
    EXPECT_TRUE(wrong({.filter = ""}));
    EXPECT_TRUE(wrong({.filter = "#", .local_prefix = "site"}));
    EXPECT_TRUE(wrong({.filter = "a", .remote_prefix = "+/"}));
    EXPECT_TRUE(wrong({.filter = "$share/g/a"}));
    EXPECT_TRUE(wrong({.filter = "a", .local_prefix = "$share/g/"}));
    EXPECT_FALSE(wrong({.filter = "", .local_prefix = "a", .remote_prefix = "b"}));
    BridgeSettings settings = both_ways();
    settings.name = "a/b";
    EXPECT_TRUE(mistake_in(settings));
    settings = both_ways();
    settings.receive_maximum = 0;
    EXPECT_TRUE(mistake_in(settings));
}

}  // namespace
}  // namespace causeway::mqtt::bridge_test
