#include "mqtt/sn/client.hpp"

#include "mqtt/sn/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::sn::client_test {
namespace {

using namespace std::chrono_literals;
using testing::Lines;

constexpr auto q0 = Quality::at_most_once;
constexpr auto q1 = Quality::at_least_once;
constexpr auto q2 = Quality::exactly_once;

ClientSettings known_gateway() {
    ClientSettings settings;
    settings.client_id = "n1";
    settings.gateway = testing::peer('g');
    settings.keep_alive_seconds = 60;
    return settings;
}

std::string text(const Client::Output& output) {
    constexpr std::array<std::string_view, 3> outcomes{"accepted", "refused", "dropped"};
    return std::visit(
        Overloaded{
            [](const SendDatagram& m) {
                const auto message = parse_as<Message>(m.octets);
                return std::string(1, static_cast<char>(m.peer.port)) + " < " +
                       (message ? testing::text(*message) : "unreadable");
            },
            [](const Client::StateChanged& m) { return "is " + std::string(name_of(m.state)); },
            [&](const Client::Published& m) {
                return "published " + std::to_string(m.id) + " " +
                       std::string(outcomes[std::to_underlying(m.outcome)]);
            },
            [&](const Client::Subscribed& m) {
                return "subscribed " + m.filter + " " +
                       std::string(outcomes[std::to_underlying(m.outcome)]);
            },
            [](const Client::Received& m) { return "received " + m.topic + "=" + m.payload; },
        },
        output);
}

struct Bench {
    explicit Bench(ClientSettings settings = known_gateway())
        : client(std::move(settings), Random(1), now) {}

    void hear(const Body& body, char from = 'g') {
        const Octets octets = causeway::emitted(Message{body});
        client.handle(now, DatagramReceived{testing::peer(from), octets});
    }
    void publish(std::uint16_t id, std::string_view topic, std::string_view payload, Quality qos) {
        client.handle(now, Client::DoPublish{id, std::string(topic), std::string(payload), qos});
    }
    void subscribe(std::string_view filter, Quality qos = q0) {
        client.handle(now, Client::DoSubscribe{std::string(filter), qos});
    }
    void start() { client.handle(now, Client::Start{}); }
    void connect() {
        start();
        hear(Connack{});
        (void)said();
    }
    void wait(Duration span) {
        const Instant end = now + span;
        for (int turns = 0; client.next_deadline() <= end; ++turns) {
            ASSERT_LT(turns, 10'000);
            now = std::max(now, client.next_deadline());
            client.handle_timeout(now);
        }
        now = end;
    }
    Lines said() {
        Lines lines;
        while (auto output = client.poll_output()) lines.push_back(text(*output));
        return lines;
    }

    Instant now{};
    Client client;
};

TEST(SnClient, ConnectsToTheGatewayThatItKnows) {
    Bench bench;
    bench.start();
    EXPECT_EQ(bench.said(), (Lines{"is connecting", "g < CONNECT n1 60s clean"}));
    bench.hear(Connack{});
    EXPECT_EQ(bench.said(), Lines{"is active"});
}

TEST(SnClient, SearchesForAGatewayWhenItKnowsNone) {
    // [MQTT-SN 1.2 §6.1]
    ClientSettings settings = known_gateway();
    settings.gateway.reset();
    settings.search_to = testing::peer('z');
    Bench bench(settings);
    bench.start();
    EXPECT_EQ(bench.said(), Lines{"is searching"});
    bench.wait(5s);
    EXPECT_EQ(bench.said(), Lines{"z < SEARCHGW 0"});
    bench.hear(GatewayInfo{1, {}}, 'h');
    EXPECT_EQ(bench.said(), (Lines{"is connecting", "h < CONNECT n1 60s clean"}));
}

TEST(SnClient, AnAdvertisementWillDoToo) {
    ClientSettings settings = known_gateway();
    settings.gateway.reset();
    Bench bench(settings);
    bench.start();
    bench.wait(1h);
    bench.hear(Advertise{1, 900}, 'h');
    EXPECT_EQ(bench.said().back(), "h < CONNECT n1 60s clean");
}

TEST(SnClient, GivesItsWillWhenAsked) {
    // [MQTT-SN 1.2 §6.2]
    ClientSettings settings = known_gateway();
    settings.will = ClientSettings::Will{"state/n1", "gone", q1, true};
    Bench bench(settings);
    bench.start();
    bench.hear(WillTopicRequest{});
    bench.hear(WillMessageRequest{});
    bench.hear(Connack{});
    EXPECT_EQ(bench.said(),
              (Lines{"is connecting", "g < CONNECT n1 60s clean will",
                     "g < WILLTOPIC state/n1 q1 retain", "g < WILLMSG gone", "is active"}));
}

TEST(SnClient, RegistersATopicOnceAndPublishes) {
    // [MQTT-SN 1.2 §6.5, §6.6]
    Bench bench;
    bench.connect();
    bench.publish(1, "t/x", "20.5", q1);
    EXPECT_EQ(bench.said(), Lines{"g < REGISTER #0 m65535 t/x"});
    bench.hear(Regack{5, 65535, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), Lines{"g < PUBLISH #5 q1 m1 20.5"});
    bench.hear(Puback{5, 1, ReturnCode::accepted});
    bench.publish(2, "t/x", "20.6", q0);
    EXPECT_EQ(bench.said(),
              (Lines{"published 1 accepted", "g < PUBLISH #5 q0 20.6", "published 2 accepted"}));
    EXPECT_TRUE(bench.client.stats().balanced());
}

TEST(SnClient, QosTwoTakesItsFourSteps) {
    Bench bench;
    bench.connect();
    bench.publish(1, "ab", "x", q2);
    EXPECT_EQ(bench.said(), Lines{"g < PUBLISH ab q2 m1 x"});
    bench.hear(Handshake{MessageType::pubrec, 1});
    bench.hear(Handshake{MessageType::pubrec, 1});
    EXPECT_EQ(bench.said(), (Lines{"g < PUBREL m1", "g < PUBREL m1"}));
    bench.hear(Handshake{MessageType::pubcomp, 1});
    EXPECT_EQ(bench.said(), Lines{"published 1 accepted"});
}

TEST(SnClient, PublishesWithoutAConnectionWhatNeedsNone) {
    // [MQTT-SN 1.2 §6.8]
    ClientSettings settings = known_gateway();
    settings.predefined = {{9, "t/nine", {}}};
    Bench bench(settings);
    bench.publish(1, "t/nine", "x", Quality::without_connection);
    bench.publish(2, "t/other", "x", Quality::without_connection);
    EXPECT_EQ(bench.said(),
              (Lines{"g < PUBLISH p9 q-1 x", "published 1 accepted", "published 2 dropped"}));
}

TEST(SnClient, RepeatsWhatIsNotAnsweredAndGivesTheGatewayUp) {
    // [MQTT-SN 1.2 §6.13]
    Bench bench;
    bench.connect();
    bench.publish(1, "ab", "x", q1);
    bench.wait(49s);
    EXPECT_EQ(bench.said(), (Lines{"g < PUBLISH ab q1 m1 x", "g < PUBLISH ab q1 m1 dup x",
                                   "g < PUBLISH ab q1 m1 dup x", "g < PUBLISH ab q1 m1 dup x",
                                   "g < PUBLISH ab q1 m1 dup x"}));
    bench.wait(1s);
    EXPECT_EQ(bench.said(), Lines{"is waiting"});
    bench.wait(5s);
    EXPECT_EQ(bench.said(), (Lines{"is connecting", "g < CONNECT n1 60s clean"}));
    bench.hear(Connack{});
    EXPECT_EQ(bench.said(), (Lines{"is active", "g < PUBLISH ab q1 m1 dup x"}));  // not forgotten
    EXPECT_EQ(bench.client.stats().gateways_lost, 1u);
}

TEST(SnClient, WaitsTwiceAsLongAfterEachFailure) {
    Bench bench;
    bench.start();
    Duration earlier{};
    for (int i = 0; i < 5; ++i) {
        while (bench.client.state() == Client::State::connecting)
            bench.wait(bench.client.next_deadline() - bench.now);
        const Duration waiting = bench.client.next_deadline() - bench.now;
        EXPECT_GE(waiting, 2500ms * (1 << i));
        EXPECT_GT(waiting, earlier / 2);
        earlier = waiting;
        bench.wait(waiting);
    }
    bench.wait(48h);
    EXPECT_LE(bench.client.stats().connects, 48u * 60u);
    EXPECT_GE(bench.client.stats().connects, 48u * 60u / 7u);
}

TEST(SnClient, PingsWhenItHasNothingToSay) {
    // [MQTT-SN 1.2 §6.11]
    Bench bench;
    bench.connect();
    bench.wait(60s);
    EXPECT_EQ(bench.said(), Lines{"g < PINGREQ"});
    bench.hear(Pingresp{});
    bench.wait(59s);
    EXPECT_EQ(bench.said(), Lines{});
    bench.wait(1s);
    EXPECT_EQ(bench.said(), Lines{"g < PINGREQ"});
}

TEST(SnClient, ConnectsAnewWhenTheGatewayForgotIt) {
    // [MQTT-SN 1.2 §6.12]
    Bench bench;
    bench.connect();
    bench.hear(Disconnect{});
    EXPECT_EQ(bench.said(), Lines{"is waiting"});
    bench.wait(5s);
    EXPECT_EQ(bench.said(), (Lines{"is connecting", "g < CONNECT n1 60s clean"}));
}

TEST(SnClient, SubscribesAndReceivesWhatItKnowsTheNameOf) {
    // [MQTT-SN 1.2 §6.9, §6.10]
    Bench bench;
    bench.connect();
    bench.subscribe("t/x", q1);
    EXPECT_EQ(bench.said(), Lines{"g < SUBSCRIBE m65535 t/x q1"});
    bench.hear(Suback{q1, 3, 65535, ReturnCode::accepted});
    bench.hear(Publish{.qos = q1, .topic_id = 3, .message_id = 7, .payload = "v"});
    EXPECT_EQ(bench.said(),
              (Lines{"subscribed t/x accepted", "g < PUBACK #3 m7", "received t/x=v"}));
    bench.hear(Publish{.topic_id = 4, .payload = "v"});
    EXPECT_EQ(bench.said(), Lines{"g < PUBACK #4 m0 invalid topic id"});
    bench.hear(Register{4, 9, "t/y"});
    bench.hear(Publish{.topic_id = 4, .payload = "w"});
    EXPECT_EQ(bench.said(), (Lines{"g < REGACK #4 m9", "received t/y=w"}));
    bench.client.handle(bench.now, Client::DoUnsubscribe{"t/x"});
    bench.hear(Unsuback{65534});
    EXPECT_EQ(bench.said(), (Lines{"g < UNSUBSCRIBE m65534 t/x", "subscribed t/x accepted"}));
}

TEST(SnClient, SubscribesAgainInANewConnection) {
    Bench bench;
    bench.connect();
    bench.subscribe("t/#");
    bench.hear(Suback{q0, 0, 65535, ReturnCode::accepted});
    bench.hear(Disconnect{});
    bench.wait(5s);
    bench.hear(Connack{});
    EXPECT_EQ(bench.said().back(), "g < SUBSCRIBE m65534 t/# q0");
}

TEST(SnClient, HandsOutQosTwoOnce) {
    Bench bench;
    bench.connect();
    const Publish twice{.qos = q2,
                        .kind = TopicKind::short_name,
                        .topic_id = 0x6162,
                        .message_id = 7,
                        .payload = "v"};
    bench.hear(twice);
    bench.hear(twice);
    bench.hear(Handshake{MessageType::pubrel, 7});
    EXPECT_EQ(bench.said(),
              (Lines{"g < PUBREC m7", "received ab=v", "g < PUBREC m7", "g < PUBCOMP m7"}));
    EXPECT_EQ(bench.client.stats().received_twice, 1u);
}

TEST(SnClient, CongestionMeansLater) {
    // [MQTT-SN 1.2 §7.2]
    Bench bench;
    bench.connect();
    bench.publish(1, "ab", "x", q1);
    bench.hear(Puback{0x6162, 1, ReturnCode::congestion});
    (void)bench.said();
    bench.wait(299s);
    for (const auto& line : bench.said()) EXPECT_NE(line.substr(0, 11), "g < PUBLISH") << line;
}

TEST(SnClient, ATopicThatTheGatewayForgotIsRegisteredOnceMore) {
    Bench bench;
    bench.connect();
    bench.publish(1, "t/x", "x", q1);
    bench.hear(Regack{5, 65535, ReturnCode::accepted});
    bench.hear(Puback{5, 1, ReturnCode::invalid_topic_id});
    EXPECT_EQ(bench.said().back(), "g < REGISTER #0 m65534 t/x");
    bench.hear(Regack{6, 65534, ReturnCode::accepted});
    EXPECT_EQ(bench.said(), Lines{"g < PUBLISH #6 q1 m1 x"});
    bench.hear(Puback{6, 1, ReturnCode::invalid_topic_id});
    EXPECT_EQ(bench.said(), Lines{"published 1 refused"});
}

TEST(SnClient, KeepsItsLimits) {
    ClientSettings settings = known_gateway();
    settings.queue_max = 2;
    settings.queue_octets_max = 10;
    settings.subscriptions_max = 1;
    settings.topics_max = 1;
    Bench bench(settings);
    bench.publish(1, "t/x", "12345678", q1);
    bench.publish(2, "t/x", "12345678", q1);  // octets
    bench.publish(3, "t/y", "1", q1);
    bench.publish(4, "t/y", "1", q1);  // messages
    bench.subscribe("t/a");
    bench.subscribe("t/b");
    EXPECT_EQ(bench.said(),
              (Lines{"published 2 dropped", "published 4 dropped", "subscribed t/b dropped"}));
    bench.connect();
    bench.hear(Suback{q0, 9, 65535, ReturnCode::accepted});
    bench.hear(Regack{5, 65534, ReturnCode::accepted});
    EXPECT_EQ(bench.said().back(), "g < REGISTER #0 m65533 t/y");
    EXPECT_EQ(bench.client.stats().publishes_refused, 1u);  // no room for the topic
    EXPECT_EQ(bench.client.stats().topics_refused, 1u);
    EXPECT_TRUE(bench.client.stats().balanced());
}

TEST(SnClient, ListensToItsGatewayOnly) {
    Bench bench;
    bench.start();
    bench.hear(Connack{}, 'x');
    EXPECT_EQ(bench.client.state(), Client::State::connecting);
    EXPECT_EQ(bench.client.stats().datagrams_ignored, 1u);
}

TEST(SnClient, SleepsBetweenExchangesAndAsksForWhatCame) {
    // [MQTT-SN 1.2 §6.14]
    ClientSettings settings = known_gateway();
    settings.sleep_seconds = 600;
    Bench bench(settings);
    bench.start();
    bench.hear(Connack{});
    bench.hear(Disconnect{});
    EXPECT_EQ(bench.said(), (Lines{"is connecting", "g < CONNECT n1 60s clean", "is active",
                                   "g < DISCONNECT 600s", "is asleep"}));
    bench.wait(600s);
    EXPECT_EQ(bench.said(), Lines{"g < PINGREQ n1"});
    bench.hear(Publish{.kind = TopicKind::short_name, .topic_id = 0x6162, .payload = "v"});
    bench.hear(Pingresp{});
    EXPECT_EQ(bench.said(), Lines{"received ab=v"});
    EXPECT_EQ(bench.client.state(), Client::State::asleep);
    bench.publish(1, "cd", "x", q1);
    bench.hear(Connack{});
    bench.hear(Puback{0x6364, 1, ReturnCode::accepted});
    bench.hear(Disconnect{});
    EXPECT_EQ(bench.said(),
              (Lines{"is connecting", "g < CONNECT n1 60s", "is active", "g < PUBLISH cd q1 m1 x",
                     "published 1 accepted", "g < DISCONNECT 600s", "is asleep"}));
}

TEST(SnClient, StoppingDropsWhatWaits) {
    Bench bench;
    bench.connect();
    bench.publish(1, "ab", "x", q1);
    bench.client.handle(bench.now, Client::Stop{});
    EXPECT_EQ(bench.said(), (Lines{"g < PUBLISH ab q1 m1 x", "g < DISCONNECT",
                                   "published 1 dropped", "is idle"}));
    EXPECT_EQ(bench.client.next_deadline(), never);
}

/// A client and a gateway over a wire that loses datagrams, with a broker that says yes.
struct Wire {
    Wire(ClientSettings settings, unsigned loss_percent)
        : client(std::move(settings), Random(2), now),
          gateway({}, Random(3), now),
          loss(loss_percent) {}

    bool lost() { return chance.below(100) < loss; }

    void broker(LinkId link, Bytes octets) {
        const auto packet = parse_packet(octets, Version::v5);
        ASSERT_TRUE(packet);
        const auto say = [&](const Packet& answer) {
            const Octets out = mqtt::emitted(answer, Version::v5);
            gateway.handle(now, BrokerReceived{link, out});
        };
        if (std::holds_alternative<mqtt::Connect>(*packet)) return say(mqtt::Connack{});
        if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
            const bool twice = publish->qos == Qos::exactly_once;
            if (!twice || taken.insert(publish->packet_id).second)
                arrived.emplace_back(as_text(publish->payload));
            Ack ack;
            ack.type = twice ? PacketType::pubrec : PacketType::puback;
            ack.packet_id = publish->packet_id;
            if (publish->qos != Qos::at_most_once) say(ack);
        } else if (const auto* ack = std::get_if<Ack>(&*packet);
                   ack != nullptr && ack->type == PacketType::pubrel) {
            taken.erase(ack->packet_id);
            Ack complete;
            complete.type = PacketType::pubcomp;
            complete.packet_id = ack->packet_id;
            say(complete);
        }
    }

    void carry() {
        for (bool more = true; more;) {
            more = false;
            while (auto output = client.poll_output()) {
                more = true;
                if (const auto* m = std::get_if<SendDatagram>(&*output); m != nullptr && !lost())
                    gateway.handle(now, DatagramReceived{testing::peer('c'), m->octets});
            }
            while (auto output = gateway.poll_output()) {
                more = true;
                if (const auto* m = std::get_if<SendDatagram>(&*output); m != nullptr && !lost())
                    client.handle(now, DatagramReceived{testing::peer('g'), m->octets});
                if (const auto* m = std::get_if<SendBroker>(&*output)) broker(m->link, m->octets);
            }
        }
    }
    void wait(Duration span) {
        const Instant end = now + span;
        for (;;) {
            carry();
            const Instant next = std::min(client.next_deadline(), gateway.next_deadline());
            if (next > end) break;
            now = std::max(now, next);
            if (client.next_deadline() <= now) client.handle_timeout(now);
            if (gateway.next_deadline() <= now) gateway.handle_timeout(now);
        }
        now = end;
    }

    Instant now{};
    Client client;
    Gateway gateway;
    unsigned loss;
    Random chance{4};
    std::set<std::uint16_t> taken;
    std::vector<std::string> arrived;
};

TEST(SnClientAndGateway, WhatIsPublishedTwiceSafelyArrivesOnceOverALossyWire) {
    for (const std::uint16_t sleep : {std::uint16_t{0}, std::uint16_t{120}}) {
        ClientSettings settings = known_gateway();
        settings.sleep_seconds = sleep;
        settings.clean_session = false;
        Wire wire(settings, 30);
        wire.client.handle(wire.now, Client::Start{});
        std::vector<std::string> expected;
        for (std::uint16_t i = 1; i <= 200; ++i) {
            expected.push_back(std::to_string(i));
            wire.client.handle(wire.now, Client::DoPublish{i, "t/x", expected.back(), q2});
            wire.wait(20min);
        }
        EXPECT_EQ(wire.arrived, expected) << sleep;
        EXPECT_EQ(wire.client.stats().published, 200u);
        EXPECT_TRUE(wire.client.stats().balanced());
        EXPECT_TRUE(wire.gateway.stats().balanced());
    }
}

}  // namespace
}  // namespace causeway::mqtt::sn::client_test
