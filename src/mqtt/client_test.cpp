#include "mqtt/client.hpp"
#include "base/hex.hpp"
#include "mqtt/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::mqtt::client_test {
namespace {

using namespace std::chrono_literals;
using client::Ticket;
using Cause = client::Disconnected::Cause;

Instant at(Duration since) {
    return Instant(since);
}

/// A client, and a server played by hand. What the client sends is parsed into `sent`.
class Talk {
public:
    explicit Talk(ClientSettings from)
        : version_(from.version), client(std::move(from), Random(7)) {}

    void step(client::Input in) {
        client.handle(now, std::move(in));
        drain();
    }
    void wait(Duration time) {
        const Instant end = now + time;
        for (int turns = 0; client.next_deadline() <= end; ++turns) {
            ASSERT_LT(turns, 1000) << "a deadline that does not move";
            now = std::max(now, client.next_deadline());
            client.handle_timeout(now);
            drain();
        }
        now = end;
    }
    void say(const Packet& packet) { step(client::BytesReceived{emitted(packet, version_)}); }
    void connect(Connack connack = {}) {
        step(client::DoConnect{});
        step(client::TransportOpened{});
        sent.clear();
        say(std::move(connack));
    }
    void publish(unsigned ticket, std::string_view topic, Qos qos, bool retain = false,
                 std::string_view payload = "x") {
        Publish message;
        message.topic = topic;
        message.qos = qos;
        message.retain = retain;
        message.payload = as_octets(payload);
        step(client::DoPublish{Ticket{ticket}, message});
    }
    void arrive(std::string_view topic, Qos qos, std::uint16_t id, bool dup = false) {
        Publish message;
        message.topic = topic;
        message.qos = qos;
        message.dup = dup;
        message.packet_id = id;
        say(message);
    }
    void ack(PacketType type, std::uint16_t id, Reason reason = Reason::success) {
        say(Ack{type, id, reason, {}});
    }

    /// Every packet sent since the last call, as words: "PUBLISH 1 dup", "PUBACK 3".
    std::vector<std::string> words() {
        std::vector<std::string> all;
        Bytes left = sent;
        Framer framer(1 << 28);
        while (auto one = framer.next(left)) {
            EXPECT_FALSE(one->refused);
            const auto packet = parse_packet(one->packet, version_);
            EXPECT_TRUE(packet) << packet.error().what;
            if (packet) all.push_back(word(*packet));
        }
        sent.clear();
        return all;
    }
    template <class T>
    std::vector<T> take() {
        std::vector<T> found;
        for (auto& output : outputs)
            if (auto* one = std::get_if<T>(&output)) found.push_back(std::move(*one));
        std::erase_if(outputs, [](const auto& one) { return std::holds_alternative<T>(one); });
        return found;
    }
    template <class T>
    T only() {
        auto found = take<T>();
        EXPECT_EQ(found.size(), 1u);
        if (found.empty()) throw std::runtime_error("nothing of the kind");
        return std::move(found.front());
    }

private:
    static std::string word(const Packet& packet) {
        const auto numbered = [](std::string name, std::uint16_t id, Reason reason) {
            name += " " + std::to_string(id);
            if (reason != Reason::success) name += " " + std::string(name_of(reason));
            return name;
        };
        return std::visit(
            Overloaded{
                [&](const Publish& p) {
                    std::string text = "PUBLISH " + std::string(p.topic);
                    if (p.qos != Qos::at_most_once) text += " " + std::to_string(p.packet_id);
                    if (p.dup) text += " dup";
                    if (p.properties.topic_alias)
                        text += " alias " + std::to_string(*p.properties.topic_alias);
                    return text;
                },
                [&](const Ack& a) {
                    return numbered(std::string(name_of(a.type)), a.packet_id, a.reason);
                },
                [&](const Connect& c) {
                    return std::string("CONNECT") + (c.clean_start ? " clean" : "");
                },
                [&](const Subscribe& s) { return numbered("SUBSCRIBE", s.packet_id, {}); },
                [&](const Unsubscribe& s) { return numbered("UNSUBSCRIBE", s.packet_id, {}); },
                [&](const Disconnect& d) { return "DISCONNECT " + std::string(name_of(d.reason)); },
                [&](const Auth& a) { return "AUTH " + std::string(name_of(a.reason)); },
                [&](Pingreq) { return std::string("PINGREQ"); },
                [&](const auto&) { return std::string("what no client may send"); },
            },
            packet);
    }
    void drain() {
        while (auto output = client.poll_output()) {
            if (auto* send = std::get_if<client::SendOctets>(&*output)) {
                EXPECT_FALSE(send->octets.empty());
                sent.insert(sent.end(), send->octets.begin(), send->octets.end());
            }
            outputs.push_back(std::move(*output));
        }
        EXPECT_TRUE(client.stats().balanced());
    }
    Version version_;

public:
    Instant now = at(1s);
    Client client;
    Octets sent;
    std::vector<client::Output> outputs;
};

ClientSettings v3() {
    return {.version = Version::v3_1_1, .client_id = "c"};
}
ClientSettings v5() {
    return {.version = Version::v5, .client_id = "c", .session_expiry_seconds = 60};
}
/// 5.0, a session to come back to.
ClientSettings returning() {
    ClientSettings settings = v5();
    settings.clean_start = false;
    return settings;
}
using Words = std::vector<std::string>;

TEST(Client, OpensSaysConnectAndIsConnected) {
    // [MQTT-3.1.0-1] [MQTT-3.2.2-5]
    Talk talk(v3());
    talk.step(client::DoConnect{});
    EXPECT_EQ(talk.take<client::OpenTransport>().size(), 1u);
    EXPECT_TRUE(talk.sent.empty());
    talk.step(client::TransportOpened{});
    EXPECT_EQ(to_hex(talk.sent), to_hex("10 0d 0004 4d515454 04 02 003c 0001 63"_hex));
    talk.say(Connack{});
    EXPECT_TRUE(talk.client.connected());
    EXPECT_FALSE(talk.only<client::Connected>().connack.session_present);
}

TEST(Client, SaysAllThatItsSettingsSay) {
    // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.3-1] [MQTT-3.1.2-22]
    ClientSettings settings = v5();
    settings.user_name = "u";
    settings.password = to_octets(as_octets("p"));
    settings.receive_maximum = 9;
    settings.topic_alias_maximum = 4;
    settings.packet_octets_max = 1000;
    settings.user_properties = {{"a", "b"}};
    settings.will = ClientWill{.topic = "gone",
                               .payload = "01"_hex,
                               .qos = Qos::at_least_once,
                               .retain = true,
                               .delay_seconds = 5};
    Talk talk(settings);
    talk.step(client::DoConnect{});
    talk.step(client::TransportOpened{});
    const auto packet = parse_packet(talk.sent, Version::v5);
    ASSERT_TRUE(packet);
    const Connect& connect = std::get<Connect>(*packet);
    EXPECT_EQ(connect.user_name, "u");
    EXPECT_EQ(as_text(*connect.password), "p");
    EXPECT_EQ(connect.properties.receive_maximum, 9);
    EXPECT_EQ(connect.properties.topic_alias_maximum, 4);
    EXPECT_EQ(connect.properties.maximum_packet_octets, 1000u);
    EXPECT_EQ(connect.properties.session_expiry_seconds, 60u);
    EXPECT_EQ(connect.properties.user.size(), 1u);
    ASSERT_TRUE(connect.will);
    EXPECT_EQ(connect.will->topic, "gone");
    EXPECT_EQ(connect.will->properties.will_delay_seconds, 5u);

    ClientSettings old = v3();
    old.password = to_octets(as_octets("p"));
    Talk without(old);
    without.step(client::DoConnect{});
    without.step(client::TransportOpened{});
    EXPECT_FALSE(std::get<Connect>(*parse_packet(without.sent, Version::v3_1_1)).password)
        << "3.1.1 has no password without a user name";
}

TEST(Client, ARefusalIsToldAndTheTransportClosed) {
    // [MQTT-3.2.2-7]
    Talk talk(v5());
    talk.connect({.reason = Reason::not_authorized, .properties = {.reason_string = "no"}});
    const auto refused = talk.only<client::ConnectionRefused>();
    EXPECT_EQ(refused.connack.reason, Reason::not_authorized);
    EXPECT_EQ(refused.connack.properties.reason_string, "no");
    EXPECT_FALSE(refused.retry_in);
    EXPECT_EQ(talk.take<client::CloseTransport>().size(), 1u);
    EXPECT_EQ(talk.client.next_deadline(), never);
}

TEST(Client, QosZeroIsPublishedAtOnceAndKeptNowhere) {
    // [MQTT-4.3.1-1] [MQTT-2.2.1-2]
    Talk talk(v3());
    talk.connect();
    talk.publish(5, "a/b", Qos::at_most_once);
    EXPECT_EQ(to_hex(talk.sent), to_hex("30 06 0003 612f62 78"_hex));
    EXPECT_EQ(talk.only<client::Published>().ticket, Ticket{5});
    EXPECT_EQ(talk.client.unfinished(), 0u);
}

TEST(Client, QosOneEndsWithItsAcknowledgement) {
    // [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-2.2.1-3]
    Talk talk(v5());
    talk.connect();
    talk.publish(5, "a", Qos::at_least_once);
    EXPECT_EQ(talk.words(), Words{"PUBLISH a 1"});
    EXPECT_TRUE(talk.take<client::Published>().empty());
    talk.ack(PacketType::puback, 2);
    EXPECT_TRUE(talk.take<client::Published>().empty()) << "an answer to nothing";
    EXPECT_EQ(talk.client.stats().strays, 1u);
    talk.ack(PacketType::puback, 1, Reason::no_matching_subscribers);
    EXPECT_EQ(talk.only<client::Published>().reason, Reason::no_matching_subscribers);
    EXPECT_EQ(talk.client.unfinished(), 0u);
}

TEST(Client, QosTwoEndsWithPubcompAndIsReleasedInBetween) {
    // [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5]
    Talk talk(v5());
    talk.connect();
    talk.publish(5, "a", Qos::exactly_once);
    EXPECT_EQ(talk.words(), Words{"PUBLISH a 1"});
    talk.ack(PacketType::pubrec, 1);
    EXPECT_EQ(talk.words(), Words{"PUBREL 1"});
    EXPECT_TRUE(talk.take<client::Published>().empty());
    talk.ack(PacketType::pubrec, 1);
    EXPECT_EQ(talk.words(), Words{"PUBREL 1"}) << "asked again, it answers again";
    talk.ack(PacketType::pubcomp, 1);
    EXPECT_EQ(talk.only<client::Published>().reason, Reason::success);
    talk.ack(PacketType::pubrec, 1);
    EXPECT_EQ(talk.words(), Words{"PUBREL 1 packet identifier not found"});
}

TEST(Client, ThatNobodyHasSubscribedIsKnownAtTheEndOfQosTwo) {  // [MQTT 5.0 §3.5.2.1]
    Talk talk(v5());
    talk.connect();
    talk.publish(5, "a", Qos::exactly_once);
    talk.ack(PacketType::pubrec, 1, Reason::no_matching_subscribers);
    talk.ack(PacketType::pubcomp, 1);
    EXPECT_EQ(talk.only<client::Published>().reason, Reason::no_matching_subscribers);
}

TEST(Client, APubrecWithAnErrorIsTheEnd) {
    // [MQTT-4.4.0-2]
    Talk talk(v5());
    talk.connect();
    talk.publish(5, "a", Qos::exactly_once);
    talk.words();
    talk.ack(PacketType::pubrec, 1, Reason::quota_exceeded);
    EXPECT_EQ(talk.only<client::Published>().reason, Reason::quota_exceeded);
    EXPECT_EQ(talk.words(), Words{});
    EXPECT_EQ(talk.client.stats().publishes_failed, 1u);
}

TEST(Client, HonoursTheServersReceiveMaximum) {
    // [MQTT-3.3.4-7] [MQTT-4.9.0-2] [MQTT-3.3.4-8] [MQTT-4.9.0-3]
    Talk talk(v5());
    talk.connect({.properties = {.receive_maximum = 2}});
    talk.publish(1, "a", Qos::at_least_once);
    talk.publish(2, "b", Qos::exactly_once);
    talk.publish(3, "c", Qos::at_least_once);
    EXPECT_EQ(talk.words(), (Words{"PUBLISH a 1", "PUBLISH b 2"}));
    talk.step(client::DoSubscribe{Ticket{9}, {.entries = {{"x", {}}}}});
    EXPECT_EQ(talk.words(), Words{"SUBSCRIBE 3"}) << "only publishes wait";
    talk.ack(PacketType::pubrec, 2);
    EXPECT_EQ(talk.words(), Words{"PUBREL 2"}) << "until PUBCOMP it counts";
    talk.ack(PacketType::pubcomp, 2);
    EXPECT_EQ(talk.words(), Words{"PUBLISH c 4"});
}

TEST(Client, RetransmitsInOrderWhenTheServerHasTheSession) {
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-6] [MQTT-4.6.0-4]
    Talk talk(returning());
    talk.connect();
    for (unsigned i = 1; i <= 4; ++i)
        talk.publish(i, "t" + std::to_string(i),
                     i % 2 == 0 ? Qos::exactly_once : Qos::at_least_once);
    talk.ack(PacketType::pubrec, 4);
    talk.ack(PacketType::pubrec, 2);
    talk.step(client::TransportClosed{});
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::lost);
    talk.connect({.session_present = true});
    EXPECT_EQ(talk.words(),
              (Words{"PUBREL 4", "PUBREL 2", "PUBLISH t1 1 dup", "PUBLISH t3 3 dup"}));
    EXPECT_EQ(talk.client.stats().retransmissions, 4u);
    talk.ack(PacketType::pubcomp, 4);
    talk.ack(PacketType::puback, 3);
    EXPECT_EQ(talk.take<client::Published>().size(), 2u);
}

TEST(Client, RetransmitsNoMoreAtOnceThanTheServerNowAllows) {
    // [MQTT-4.9.0-2] [MQTT-4.6.0-1]
    Talk talk(returning());
    talk.connect();
    for (unsigned i = 1; i <= 3; ++i) talk.publish(i, "t" + std::to_string(i), Qos::at_least_once);
    talk.step(client::TransportClosed{});
    talk.connect({.session_present = true, .properties = {.receive_maximum = 1}});
    EXPECT_EQ(talk.words(), Words{"PUBLISH t1 1 dup"});
    talk.publish(4, "t4", Qos::at_least_once);
    EXPECT_EQ(talk.words(), Words{});
    for (std::uint16_t i = 1; i <= 3; ++i) talk.ack(PacketType::puback, i);
    EXPECT_EQ(talk.words(), (Words{"PUBLISH t2 2 dup", "PUBLISH t3 3 dup", "PUBLISH t4 4"}));
}

TEST(Client, BeginsAnewWhatALostSessionHadInFlight) {
    // [MQTT-3.2.2-5] [MQTT-3.3.1-3]
    Talk talk(returning());
    talk.connect();
    talk.publish(1, "a", Qos::at_least_once);
    talk.publish(2, "b", Qos::exactly_once);
    talk.publish(3, "c", Qos::exactly_once);
    talk.ack(PacketType::pubrec, 2);
    talk.step(client::TransportClosed{});
    talk.connect();
    const Words words = talk.words();
    EXPECT_EQ(words, (Words{"PUBLISH a 4", "PUBLISH c 5"})) << "new, so without DUP";
    EXPECT_EQ(talk.only<client::Published>().ticket, Ticket{2}) << "the server had that one";
}

TEST(Client, TellsOfUnknownFatesInsteadWhenDoublingIsWorse) {
    // [MQTT-3.2.2-5]
    ClientSettings settings = returning();
    settings.doubles_rather_than_loses = false;
    Talk talk(settings);
    talk.connect();
    talk.publish(2, "b", Qos::exactly_once);
    talk.step(client::TransportClosed{});
    talk.connect();
    EXPECT_EQ(talk.words(), Words{});
    EXPECT_TRUE(talk.only<client::Published>().unknown);
}

TEST(Client, ASessionThatShouldNotBeThereIsAFault) {
    // [MQTT-3.2.2-4]
    Talk talk(v5());
    talk.connect({.session_present = true});
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::fault);
    EXPECT_EQ(talk.words(), Words{"DISCONNECT protocol error"});
    EXPECT_EQ(talk.take<client::CloseTransport>().size(), 1u);
}

TEST(Client, AnswersWhatArrivesByItsQuality) {
    // [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-4.5.0-2] [MQTT-3.3.4-1]
    Talk talk(v5());
    talk.connect();
    talk.arrive("a", Qos::at_most_once, 0);
    EXPECT_EQ(talk.words(), Words{});
    talk.arrive("a", Qos::at_least_once, 7);
    EXPECT_EQ(talk.words(), Words{"PUBACK 7"});
    talk.arrive("a", Qos::exactly_once, 8);
    EXPECT_EQ(talk.words(), Words{"PUBREC 8"});
    EXPECT_EQ(talk.take<client::MessageArrived>().size(), 3u);
    talk.ack(PacketType::pubrel, 8);
    EXPECT_EQ(talk.words(), Words{"PUBCOMP 8"});
    talk.ack(PacketType::pubrel, 8);
    EXPECT_EQ(talk.words(), Words{"PUBCOMP 8 packet identifier not found"});
}

TEST(Client, HandsOutAQosTwoMessageOnceEvenOverTwoConnections) {
    // [MQTT-4.3.3-10] [MQTT-4.3.3-12]
    Talk talk(returning());
    talk.connect();
    talk.arrive("a", Qos::exactly_once, 8);
    talk.step(client::TransportClosed{});
    talk.connect({.session_present = true});
    talk.arrive("a", Qos::exactly_once, 8, true);
    EXPECT_EQ(talk.words(), Words{"PUBREC 8"});
    EXPECT_EQ(talk.take<client::MessageArrived>().size(), 1u);
    EXPECT_EQ(talk.client.stats().duplicates, 1u);
    talk.ack(PacketType::pubrel, 8);
    talk.arrive("b", Qos::exactly_once, 8);
    EXPECT_EQ(talk.take<client::MessageArrived>().size(), 1u) << "after PUBCOMP it is a new one";
}

TEST(Client, AcknowledgesInTheOrderOfArrivalWhateverTheHostsOrder) {
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.3.3-9]
    ClientSettings settings = v5();
    settings.host_acknowledges = true;
    Talk talk(settings);
    talk.connect();
    talk.arrive("a", Qos::at_least_once, 1);
    talk.arrive("b", Qos::exactly_once, 2);
    talk.arrive("c", Qos::at_least_once, 3);
    EXPECT_EQ(talk.words(), Words{});
    talk.step(client::Acknowledge{3});
    talk.step(client::Acknowledge{2, Reason::quota_exceeded});
    EXPECT_EQ(talk.words(), Words{});
    talk.step(client::Acknowledge{1});
    EXPECT_EQ(talk.words(), (Words{"PUBACK 1", "PUBREC 2 quota exceeded", "PUBACK 3"}));
    talk.step(client::Acknowledge{1});
    EXPECT_EQ(talk.client.stats().strays, 1u);
    talk.arrive("b", Qos::exactly_once, 2);
    EXPECT_EQ(talk.take<client::MessageArrived>().size(), 4u) << "refused, so new";
}

TEST(Client, AHostThatIsSlowToAcknowledgeGetsNoSecondCopyAtQosTwo) {
    // [MQTT-4.3.3-10]
    ClientSettings settings = returning();
    settings.host_acknowledges = true;
    Talk talk(settings);
    talk.connect();
    talk.arrive("a", Qos::exactly_once, 5);
    talk.step(client::TransportClosed{});
    talk.step(client::Acknowledge{5});
    talk.connect({.session_present = true});
    talk.arrive("a", Qos::exactly_once, 5, true);
    EXPECT_EQ(talk.words(), Words{"PUBREC 5"});
    EXPECT_EQ(talk.take<client::MessageArrived>().size(), 1u);
}

TEST(Client, AServerBeyondOurReceiveMaximumIsToldSo) {
    // [MQTT-3.3.4-9]
    ClientSettings settings = v5();
    settings.receive_maximum = 2;
    Talk talk(settings);
    talk.connect();
    talk.arrive("a", Qos::exactly_once, 1);
    talk.arrive("a", Qos::exactly_once, 2);
    talk.ack(PacketType::pubrel, 1);
    talk.arrive("a", Qos::exactly_once, 3);
    EXPECT_TRUE(talk.client.connected());
    talk.words();
    talk.arrive("a", Qos::exactly_once, 4);
    EXPECT_EQ(talk.words(), Words{"DISCONNECT receive maximum exceeded"});
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::fault);
    EXPECT_EQ(talk.client.stats().refused, 1u);
}

TEST(Client, ResolvesTheServersTopicAliases) {
    // [MQTT-3.3.2-10] [MQTT-3.3.2-7] [MQTT-3.3.2-11] [MQTT-3.3.2-8]
    ClientSettings settings = v5();
    settings.topic_alias_maximum = 2;
    const auto aliased = [](std::string_view topic, std::uint16_t alias) {
        Publish message;
        message.topic = topic;
        message.properties.topic_alias = alias;
        message.payload = as_octets("pay");
        return message;
    };
    Talk talk(settings);
    talk.connect();
    talk.say(aliased("long/name", 2));
    talk.say(aliased("", 2));
    auto arrived = talk.take<client::MessageArrived>();
    ASSERT_EQ(arrived.size(), 2u);
    EXPECT_EQ(arrived[1].publish.topic, "long/name");
    EXPECT_EQ(as_text(arrived[1].publish.payload), "pay");
    talk.say(aliased("", 1));
    EXPECT_EQ(talk.only<client::Disconnected>().reason, Reason::protocol_error);
    talk.connect();
    talk.say(aliased("", 2));
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::fault) << "not of this connection";
    talk.connect();
    talk.say(aliased("x", 3));
    EXPECT_EQ(talk.only<client::Disconnected>().reason, Reason::topic_alias_invalid);
}

TEST(Client, UsesNoMoreAliasesThanTheServerAllows) {
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
    ClientSettings settings = v5();
    settings.topic_aliases_out = 10;
    Talk talk(settings);
    talk.connect({.properties = {.topic_alias_maximum = 1}});
    talk.publish(1, "a", Qos::at_most_once);
    talk.publish(2, "a", Qos::at_most_once);
    talk.publish(3, "b", Qos::at_most_once);
    EXPECT_EQ(talk.words(), (Words{"PUBLISH a alias 1", "PUBLISH  alias 1", "PUBLISH b"}));
    talk.step(client::TransportClosed{});
    talk.connect();
    talk.publish(4, "a", Qos::at_most_once);
    EXPECT_EQ(talk.words(), Words{"PUBLISH a"});
}

TEST(Client, NeverSendsWhatTheServerCannotTake) {
    // [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]
    Talk talk(v5());
    talk.connect(
        {.properties = {.maximum_qos = 1, .retain_available = false, .maximum_packet_octets = 20}});
    const auto verdict = [&] { return talk.only<client::Published>().reason; };
    talk.publish(1, "a", Qos::exactly_once);
    EXPECT_EQ(verdict(), Reason::qos_not_supported);
    talk.publish(2, "a", Qos::at_most_once, true);
    EXPECT_EQ(verdict(), Reason::retain_not_supported);
    for (const Qos qos : {Qos::at_most_once, Qos::at_least_once}) {
        talk.publish(3, "a", qos, false, std::string(30, 'x'));
        EXPECT_EQ(verdict(), Reason::packet_too_large);
    }
    const std::string longest(30, 'f');
    talk.step(client::DoSubscribe{Ticket{4}, {.entries = {{longest, {}}}}});
    EXPECT_EQ(talk.only<client::Subscribed>().reasons, std::vector{Reason::packet_too_large});
    EXPECT_EQ(talk.words(), Words{});
}

TEST(Client, ChecksWhatWaitedAgainstTheServerThatCame) {
    // [MQTT-3.2.2-11]
    Talk talk(v5());
    talk.publish(1, "a", Qos::exactly_once);
    talk.publish(2, "b", Qos::at_most_once);
    talk.publish(3, "c", Qos::at_least_once);
    EXPECT_EQ(talk.client.unfinished(), 3u);
    talk.connect({.properties = {.maximum_qos = 1}});
    EXPECT_EQ(talk.words(), (Words{"PUBLISH b", "PUBLISH c 1"}));
    const auto ends = talk.take<client::Published>();
    ASSERT_EQ(ends.size(), 2u);
    EXPECT_EQ(ends[0].reason, Reason::qos_not_supported);
}

TEST(Client, WhatWaitsIsBounded) {
    ClientSettings settings = v5();
    settings.waiting_messages_max = 2;
    Talk talk(settings);
    for (unsigned i = 1; i <= 3; ++i) talk.publish(i, "a", Qos::at_least_once);
    EXPECT_EQ(talk.only<client::Published>().reason, Reason::quota_exceeded);
    settings.waiting_messages_max = 100;
    settings.waiting_octets_max = 100;
    Talk by_octets(settings);
    by_octets.publish(1, "a", Qos::at_least_once, false, std::string(101, 'x'));
    EXPECT_EQ(by_octets.only<client::Published>().reason, Reason::quota_exceeded);
    settings.waits_for_connection = false;
    Talk impatient(settings);
    impatient.publish(1, "a", Qos::at_least_once);
    EXPECT_EQ(impatient.only<client::Published>().reason, Reason::server_unavailable);
    EXPECT_EQ(impatient.client.stats().publishes_refused, 1u);
}

TEST(Client, RefusesTopicsAndFiltersThatAreNone) {
    // [MQTT-3.3.2-2] [MQTT-3.8.3-2] [MQTT-3.10.3-2] [MQTT-3.8.3-4] [MQTT-4.7.1-1]
    Talk talk(v5());
    talk.connect();
    for (const std::string_view topic : {"", "a/#", "+"}) {
        talk.publish(1, topic, Qos::at_most_once);
        EXPECT_EQ(talk.only<client::Published>().reason, Reason::topic_name_invalid) << topic;
    }
    talk.step(client::DoSubscribe{Ticket{1}, {}});
    EXPECT_EQ(talk.only<client::Subscribed>().reasons, std::vector{Reason::protocol_error});
    talk.step(client::DoSubscribe{Ticket{1}, {.entries = {{"a/#/b", {}}}}});
    EXPECT_EQ(talk.only<client::Subscribed>().reasons, std::vector{Reason::topic_filter_invalid});
    talk.step(client::DoSubscribe{Ticket{1}, {.entries = {{"$share/g/a", {.no_local = true}}}}});
    EXPECT_EQ(talk.only<client::Subscribed>().reasons, std::vector{Reason::topic_filter_invalid});
    talk.step(client::DoUnsubscribe{Ticket{1}, {}});
    EXPECT_EQ(talk.only<client::Unsubscribed>().reasons, std::vector{Reason::protocol_error});
    EXPECT_EQ(talk.words(), Words{});
}

TEST(Client, SubscribesAndUnsubscribesWithItsTickets) {
    // [MQTT-3.8.4-6] [MQTT-2.2.1-3]
    for (const auto& settings : {v3(), v5()}) {
        Talk talk(settings);
        talk.connect();
        talk.step(client::DoSubscribe{Ticket{1}, {.entries = {{"a", {}}, {"b", {}}}}});
        talk.step(client::DoUnsubscribe{Ticket{2}, {.filters = {"c"}}});
        EXPECT_EQ(talk.words(), (Words{"SUBSCRIBE 1", "UNSUBSCRIBE 2"}));
        talk.say(Unsuback{
            2,
            settings.version == Version::v5 ? std::vector{Reason::success} : std::vector<Reason>{},
            {}});
        talk.say(Suback{1, {Reason::granted_qos_1, Reason::unspecified_error}, {}});
        EXPECT_EQ(talk.only<client::Unsubscribed>().reasons, std::vector{Reason::success});
        const auto done = talk.only<client::Subscribed>();
        EXPECT_EQ(done.ticket, Ticket{1});
        EXPECT_EQ(done.reasons.size(), 2u);
        talk.step(client::DoSubscribe{Ticket{3}, {.entries = {{"a", {}}}}});
        talk.step(client::TransportClosed{});
        EXPECT_TRUE(talk.only<client::Subscribed>().reasons.empty()) << "lost before the answer";
    }
}

TEST(Client, RequestsUnderWayAreBounded) {
    ClientSettings settings = v5();
    settings.requests_max = 1;
    Talk talk(settings);
    talk.connect();
    talk.step(client::DoSubscribe{Ticket{1}, {.entries = {{"a", {}}}}});
    talk.step(client::DoSubscribe{Ticket{2}, {.entries = {{"a", {}}}}});
    EXPECT_EQ(talk.only<client::Subscribed>().reasons, std::vector{Reason::quota_exceeded});
    EXPECT_EQ(talk.client.stats().requests_refused, 1u);
}

TEST(Client, KeepsAliveAndGivesUpOnSilence) {
    // [MQTT-3.1.2-20]
    Talk talk(v3());
    talk.connect();
    talk.wait(53s);
    EXPECT_EQ(talk.words(), Words{});
    talk.wait(2s);
    EXPECT_EQ(talk.words(), Words{"PINGREQ"});
    talk.say(Pingresp{});
    talk.wait(52s);
    EXPECT_EQ(talk.words(), Words{});
    talk.wait(3s);
    EXPECT_EQ(talk.words(), Words{"PINGREQ"});
    talk.wait(21s);
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::silent);
    EXPECT_EQ(talk.take<client::CloseTransport>().size(), 1u);
}

TEST(Client, TheServersKeepAliveGoesBeforeItsOwn) {
    // [MQTT-3.2.2-21]
    Talk talk(v5());
    talk.connect({.properties = {.server_keep_alive_seconds = 10}});
    talk.wait(10s);
    EXPECT_EQ(talk.words(), Words{"PINGREQ"});
    Talk unasked(v5());
    unasked.connect({.properties = {.server_keep_alive_seconds = 0}});
    EXPECT_EQ(unasked.client.next_deadline(), never);
}

TEST(Client, PingsAServerThatIsSilentWhileWePublish) {
    Talk talk(v3());
    talk.connect();
    for (unsigned i = 0; i < 60; ++i) {
        talk.publish(i, "a", Qos::at_most_once);
        talk.wait(1s);
    }
    EXPECT_EQ(talk.client.stats().pings, 1u);
}

TEST(Client, AConnackThatDoesNotComeEndsTheTry) {
    Talk talk(v3());
    talk.step(client::DoConnect{});
    talk.step(client::TransportOpened{});
    talk.wait(21s);
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::silent);
}

TEST(Client, TriesAgainAfterLongerAndLongerRests) {
    ClientSettings settings = v5();
    settings.reconnect = ClientSettings::Reconnect{.first = 1s, .most = 8s};
    Talk talk(settings);
    talk.step(client::DoConnect{});
    Duration longest{};
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(talk.take<client::OpenTransport>().size(), 1u);
        talk.step(client::TransportClosed{});
        const auto said = talk.only<client::Disconnected>();
        EXPECT_EQ(said.cause, Cause::not_opened);
        ASSERT_TRUE(said.retry_in);
        EXPECT_LE(*said.retry_in, 8s);
        longest = std::max(longest, *said.retry_in);
        talk.wait(*said.retry_in);
    }
    EXPECT_GT(longest, 3s);
    talk.step(client::TransportOpened{});
    talk.say(Connack{});
    talk.wait(30s);
    talk.step(client::TransportClosed{});
    EXPECT_LE(*talk.only<client::Disconnected>().retry_in, 1s) << "it was well in between";
    talk.step(client::DoDisconnect{});
    EXPECT_EQ(talk.client.next_deadline(), never);
}

TEST(Client, ComesBackWithTheClientIdThatTheServerAssigned) {
    // [MQTT-3.2.2-16]
    ClientSettings settings = v5();
    settings.client_id = "";
    Talk talk(settings);
    talk.connect({.properties = {.assigned_client_id = "auto-1"}});
    EXPECT_EQ(talk.client.client_id(), "auto-1");
    talk.step(client::TransportClosed{});
    talk.step(client::DoConnect{});
    talk.sent.clear();
    talk.step(client::TransportOpened{});
    const auto packet = parse_packet(talk.sent, Version::v5);
    const Connect& connect = std::get<Connect>(*packet);
    EXPECT_EQ(connect.client_id, "auto-1");
    EXPECT_FALSE(connect.clean_start) << "the session goes on";
}

TEST(Client, DisconnectsPolitelyAndDropsWhatItMayNotSay) {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
    ClientSettings settings = v5();
    settings.session_expiry_seconds = 0;
    Talk talk(settings);
    talk.connect();
    talk.step(client::DoDisconnect{Reason::success, {.session_expiry_seconds = 5}});
    EXPECT_EQ(to_hex(talk.sent), to_hex("e000"_hex));
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::asked);
    EXPECT_TRUE(std::holds_alternative<client::SendOctets>(talk.outputs[talk.outputs.size() - 2]));
    EXPECT_TRUE(std::holds_alternative<client::CloseTransport>(talk.outputs.back()));

    Talk old(v3());
    old.connect();
    old.step(client::DoDisconnect{Reason::disconnect_with_will, {}});
    EXPECT_EQ(old.words(), Words{}) << "3.1.1 keeps its will by saying nothing";
}

TEST(Client, TellsWhyTheServerLeft) {
    Talk talk(v5());
    talk.connect();
    talk.say(Disconnect{Reason::use_another_server,
                        {.server_reference = "other:1883", .reason_string = "full"}});
    const auto said = talk.only<client::Disconnected>();
    EXPECT_EQ(said.cause, Cause::by_server);
    EXPECT_EQ(said.reason, Reason::use_another_server);
    EXPECT_EQ(said.what, "full");
    EXPECT_EQ(said.server_reference, "other:1883");
}

TEST(Client, ServersThatBreakRulesAreLeft) {
    // [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-4.13.1-1] [MQTT-3.14.2-2]
    const auto cause_of = [](const ClientSettings& settings, bool connected, const Packet& packet) {
        Talk talk(settings);
        if (connected)
            talk.connect();
        else {
            talk.step(client::DoConnect{});
            talk.step(client::TransportOpened{});
        }
        talk.say(packet);
        EXPECT_EQ(talk.client.stats().faults, 1u);
        return talk.only<client::Disconnected>().cause;
    };
    EXPECT_EQ(cause_of(v3(), false, Pingresp{}), Cause::fault);
    EXPECT_EQ(cause_of(v5(), true, Connack{}), Cause::fault);
    EXPECT_EQ(cause_of(v5(), true, Pingreq{}), Cause::fault);
    EXPECT_EQ(cause_of(v3(), true, Disconnect{}), Cause::fault);
    EXPECT_EQ(cause_of(v5(), true, Disconnect{{}, {.session_expiry_seconds = 1}}), Cause::fault);
    EXPECT_EQ(cause_of(v5(), true, Subscribe{1, {{"a", {}}}, {}}), Cause::fault);
    EXPECT_EQ(
        cause_of(v5(), true, Auth{Reason::continue_authentication, {.authentication_method = "x"}}),
        Cause::fault);
    Talk talk(v5());
    talk.connect();
    talk.step(client::BytesReceived{"00 00"_hex});
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::fault);
}

TEST(Client, APacketAboveItsLimitIsRefused) {
    // [MQTT-3.1.2-24]
    ClientSettings settings = v5();
    settings.packet_octets_max = 50;
    Talk talk(settings);
    talk.connect();
    talk.arrive(std::string(60, 'a'), Qos::at_most_once, 0);
    EXPECT_EQ(talk.only<client::Disconnected>().reason, Reason::packet_too_large);
}

TEST(Client, TakesPacketsInPiecesOfAnySize) {
    // [MQTT-4.2.0-1]
    Talk talk(v5());
    talk.connect();
    Publish message;
    message.topic = "a/b";
    const std::string payload(300, 'p');
    message.payload = as_octets(payload);
    const Octets octets = emitted(message, Version::v5);
    for (std::size_t i = 0; i < octets.size(); ++i)
        talk.step(client::BytesReceived{Bytes(octets).subspan(i, 1)});
    auto arrived = talk.only<client::MessageArrived>();
    EXPECT_EQ(arrived.publish.topic, "a/b");
    EXPECT_EQ(as_text(arrived.publish.payload), payload);
    const Octets storage = arrived.take_storage();
    EXPECT_EQ(arrived.publish.payload.data() + payload.size(), storage.data() + storage.size());
}

TEST(Client, AuthenticatesInStepsAndAgain) {
    // [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-4.12.1-1] [MQTT-4.12.0-7]
    ClientSettings settings = v5();
    settings.authentication_method = "SCRAM-SHA-256";
    settings.authentication_data = "01"_hex;
    Talk talk(settings);
    talk.step(client::DoConnect{});
    talk.step(client::TransportOpened{});
    talk.sent.clear();
    talk.say(Auth{Reason::continue_authentication,
                  {.authentication_method = "SCRAM-SHA-256", .authentication_data = "r"}});
    EXPECT_EQ(as_text(talk.only<client::Challenge>().data), "r");
    talk.step(client::AuthenticationData{"02"_hex});
    EXPECT_EQ(talk.words(), Words{"AUTH continue authentication"});
    talk.say(Connack{.properties = {.authentication_method = "SCRAM-SHA-256"}});
    EXPECT_TRUE(talk.client.connected());
    talk.words();
    talk.step(client::AuthenticationData{"02"_hex});
    EXPECT_EQ(talk.words(), Words{}) << "nobody asked";
    talk.step(client::DoReauthenticate{"03"_hex});
    EXPECT_EQ(talk.words(), Words{"AUTH re-authenticate"});
    talk.say(Auth{Reason::success, {.authentication_method = "SCRAM-SHA-256"}});
    EXPECT_EQ(talk.take<client::Reauthenticated>().size(), 1u);
    talk.say(Auth{Reason::continue_authentication, {.authentication_method = "PLAIN"}});
    EXPECT_EQ(talk.only<client::Disconnected>().cause, Cause::fault);

    Talk other(settings);
    other.connect({.properties = {.authentication_method = "PLAIN"}});
    EXPECT_EQ(other.only<client::Disconnected>().cause, Cause::fault);
}

TEST(Client, SixtyFiveThousandInFlightAreAllNumberedApart) {
    // [MQTT-2.2.1-3]
    ClientSettings settings = v5();
    settings.inflight_max = 65535;
    settings.waiting_messages_max = 70'000;
    Talk talk(settings);
    talk.connect();
    for (unsigned i = 0; i < 65'600; ++i) {
        Publish message;
        message.topic = "a";
        message.qos = Qos::at_least_once;
        talk.client.handle(talk.now, client::DoPublish{Ticket{i}, message});
    }
    std::size_t octets = 0;
    while (auto output = talk.client.poll_output())
        if (auto* send = std::get_if<client::SendOctets>(&*output)) octets += send->octets.size();
    EXPECT_EQ(octets, 65535u * 8);
    EXPECT_EQ(talk.client.unfinished(), 65'600u);
    talk.ack(PacketType::puback, 40'000);
    EXPECT_EQ(talk.words(), Words{"PUBLISH a 40000"});
}

}  // namespace
}  // namespace causeway::mqtt::client_test
