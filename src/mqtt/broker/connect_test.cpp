#include "mqtt/broker/testing.hpp"

namespace causeway::mqtt::connect_test {
namespace {

using namespace testing;

TEST(BrokerConnect, WantsConnectFirstAndOnce) {
    // [MQTT-3.1.0-1] [MQTT-3.1.0-2]
    Bench bench;
    bench.open(1);
    bench.bytes(1, "c0 00"_hex);
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_TRUE(bench.silent(1));
    bench.join(2, "c");
    bench.say(2, Bench::hello("c"));
    EXPECT_EQ(bench.next<Disconnect>(2).reason, Reason::protocol_error);
    EXPECT_TRUE(bench.is_closed(2));
}

TEST(BrokerConnect, AnswersVersionsThatItDoesNotSpeak) {
    // [MQTT-3.1.2-2] [MQTT 3.1.1 MQTT-3.1.2-2]
    Bench bench;
    bench.open(1);
    bench.bytes(1, "10 0d 0004 4d515454 02 02 003c 0001 61"_hex);
    ASSERT_EQ(bench.heard[1].size(), 1u);
    EXPECT_EQ(bench.heard[1][0], "20 02 00 01"_hex);
    EXPECT_TRUE(bench.is_closed(1));
    bench.open(2);
    bench.versions[2] = Version::v5;
    bench.bytes(2, "10 0e 0004 4d515454 06 02 003c 00 0001 61"_hex);
    EXPECT_EQ(bench.next<Connack>(2).reason, Reason::unsupported_protocol_version);
    EXPECT_TRUE(bench.is_closed(2));
}

TEST(BrokerConnect, WelcomesTheOldestProtocolToo) {
    Bench bench;
    bench.open(1);
    bench.versions[1] = Version::v3_1;
    bench.bytes(1, "10 0f 0006 4d5149736470 03 02 003c 0001 61"_hex);
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::success);
}

TEST(BrokerConnect, NamesAClientThatHasNoName) {
    // [MQTT-3.1.3-6] [MQTT-3.1.3-7]
    Bench bench;
    const auto first = bench.join(1, "");
    ASSERT_TRUE(first.properties.assigned_client_id.has_value());
    const std::string id(*first.properties.assigned_client_id);
    EXPECT_NE(bench.join(2, "").properties.assigned_client_id, id);
    EXPECT_FALSE(bench.is_closed(1));
    bench.join(3, "", Version::v3_1_1);
}

TEST(BrokerConnect, WantsANameForA311Session) {
    // [MQTT 3.1.1 MQTT-3.1.3-7] [MQTT 3.1.1 MQTT-3.1.3-8]
    Bench bench;
    bench.connect(1, Bench::hello("", Version::v3_1_1, false));
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::client_identifier_not_valid);
    EXPECT_TRUE(bench.is_closed(1));
}

TEST(BrokerConnect, TakesASessionOver) {
    // [MQTT-3.1.4-3] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    Bench bench;
    EXPECT_FALSE(bench.join(1, Bench::lasting("c")).session_present);
    bench.subscribe(1, "t");
    EXPECT_TRUE(bench.join(2, Bench::lasting("c")).session_present);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::session_taken_over);
    EXPECT_TRUE(bench.is_closed(1));
    bench.publish(2, "t", "still");
    EXPECT_EQ(bench.next_payload(2), "still");
    EXPECT_EQ(bench.broker.stats().taken_over, 1u);
    EXPECT_TRUE(bench.noted(Note::Kind::taken_over));
}

TEST(BrokerConnect, StartsCleanWhenAskedTo) {
    // [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6]
    Bench bench;
    bench.join(1, Bench::lasting("c"));
    bench.subscribe(1, "t");
    bench.lose(1);
    Connect clean = Bench::lasting("c");
    clean.clean_start = true;
    EXPECT_FALSE(bench.join(1, clean).session_present);
    bench.publish(1, "t", "p");
    EXPECT_TRUE(bench.silent(1));
    EXPECT_EQ(bench.broker.stats().sessions, 1u);
}

TEST(BrokerConnect, KeepsA311SessionThatIsNotClean) {
    // [MQTT 3.1.1 MQTT-3.1.2-4] [MQTT 3.1.1 MQTT-3.1.2-5] [MQTT 3.1.1 MQTT-3.1.2-6]
    // [MQTT 3.1.1 MQTT-3.2.2-2]
    Bench bench;
    bench.join(1, Bench::hello("c", Version::v3_1_1, false));
    bench.subscribe(1, "t");
    bench.say(1, Disconnect{});
    bench.join(2, "sender");
    bench.publish(2, "t", "kept", Qos::at_least_once, 1);
    EXPECT_TRUE(bench.join(1, Bench::hello("c", Version::v3_1_1, false)).session_present);
    EXPECT_EQ(bench.next_payload(1), "kept");
    // A clean one ends it [MQTT 3.1.1 MQTT-3.2.2-1].
    EXPECT_FALSE(bench.join(3, "c", Version::v3_1_1).session_present);
    bench.lose(3);
    EXPECT_FALSE(bench.join(3, Bench::hello("c", Version::v3_1_1, false)).session_present);
}

TEST(BrokerConnect, EndsASessionInItsTime) {
    // [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.1.0-2]
    Bench bench;
    Connect hello = Bench::lasting("c");
    hello.properties.session_expiry_seconds = 60;
    bench.join(1, hello);
    bench.lose(1);
    bench.advance(59s);
    EXPECT_TRUE(bench.join(1, hello).session_present);
    bench.lose(1);
    bench.advance(61s);
    EXPECT_EQ(bench.broker.stats().sessions, 0u);
    EXPECT_EQ(bench.broker.stats().sessions_expired, 1u);
    EXPECT_FALSE(bench.join(1, hello).session_present);
}

TEST(BrokerConnect, ShortensASessionAtDisconnectButNeverRevivesOne) {
    // [MQTT-3.14.2-2]
    Bench bench;
    bench.join(1, Bench::lasting("c"));
    Disconnect bye;
    bye.properties.session_expiry_seconds = 0;
    bench.say(1, bye);
    EXPECT_EQ(bench.broker.stats().sessions, 0u);
    bench.join(2, "d");
    bye.properties.session_expiry_seconds = 10;
    bench.say(2, bye);
    EXPECT_EQ(bench.next<Disconnect>(2).reason, Reason::protocol_error);
}

TEST(BrokerConnect, CapsSessionsAndKeepAlives) {
    // [MQTT-3.2.2-21] [MQTT-3.1.2-21]
    BrokerSettings settings = Bench::quiet();
    settings.session_expiry_seconds_max = 100;
    settings.keep_alive_seconds_max = 30;
    Bench bench(settings);
    const auto connack = bench.join(1, Bench::lasting("c"));
    EXPECT_EQ(connack.properties.session_expiry_seconds, 100u);
    EXPECT_EQ(connack.properties.server_keep_alive_seconds, 30);
    bench.advance(44s);
    EXPECT_FALSE(bench.is_closed(1));
    bench.advance(2s);
    EXPECT_TRUE(bench.is_closed(1));
}

TEST(BrokerConnect, WaitsOneAndAHalfKeepAlives) {
    // [MQTT-3.1.2-22] [MQTT 3.1.1 MQTT-3.1.2-24]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.keep_alive_seconds = 10;
    bench.join(1, hello);
    for (int i = 0; i < 10; ++i) {
        bench.advance(14s);
        bench.say(1, Pingreq{});
        bench.next<Pingresp>(1);
    }
    bench.advance(14900ms);
    EXPECT_FALSE(bench.is_closed(1));
    bench.advance(200ms);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::keep_alive_timeout);
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().keep_alive_timeouts, 1u);
}

TEST(BrokerConnect, WaitsNotLongForConnect) {
    Bench bench;
    bench.open(1);
    bench.advance(11s);
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().refused_late, 1u);
    EXPECT_EQ(bench.broker.next_deadline(), never);
}

TEST(BrokerConnect, BoundsConnectionsThatSayNothing) {
    BrokerSettings settings = Bench::quiet();
    settings.connections_unready_max = 3;
    Bench bench(settings);
    for (std::uint32_t i = 0; i < 10; ++i) bench.open(i);
    EXPECT_EQ(bench.broker.stats().refused_unready, 7u);
    EXPECT_EQ(bench.broker.stats().connections, 3u);
}

TEST(BrokerConnect, BoundsClientsAndSessions) {
    BrokerSettings settings = Bench::quiet();
    settings.connections_max = 2;
    settings.sessions_max = 3;
    Bench bench(settings);
    bench.join(1, Bench::lasting("a"));
    bench.join(2, Bench::lasting("b"));
    bench.connect(3, Bench::hello("c"));
    EXPECT_EQ(bench.next<Connack>(3).reason, Reason::server_busy);
    EXPECT_EQ(bench.broker.stats().refused_connections, 1u);
    bench.lose(1);
    bench.join(3, Bench::lasting("c"));
    bench.lose(2);
    bench.connect(4, Bench::lasting("d"));
    EXPECT_EQ(bench.next<Connack>(4).reason, Reason::quota_exceeded);
    EXPECT_EQ(bench.broker.stats().refused_sessions, 1u);
    bench.join(4, Bench::lasting("a"));  // its session is there
}

TEST(BrokerConnect, BoundsConnectsPerSecond) {
    BrokerSettings settings = Bench::quiet();
    settings.connects_per_second_max = 2;
    Bench bench(settings);
    bench.join(1, "a");
    bench.join(2, "b");
    bench.connect(3, Bench::hello("c"));
    EXPECT_EQ(bench.next<Connack>(3).reason, Reason::connection_rate_exceeded);
    EXPECT_EQ(bench.broker.stats().refused_connect_rate, 1u);
    bench.advance(1s);
    bench.join(3, "c");
}

TEST(BrokerConnect, BoundsWhatComesBeforeTheAnswer) {
    BrokerSettings settings = Bench::quiet();
    settings.early_octets_max = 100;
    Bench bench(settings);
    Connect hello = Bench::hello("c");
    hello.user_name = "u";
    bench.connect(1, hello);
    bench.bytes(1, Octets(101));
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().refused_held_octets, 1u);
    bench.open(2);
    bench.bytes(2, "10 80 80 04"_hex);
    EXPECT_TRUE(bench.is_closed(2));
}

TEST(BrokerConnect, BoundsUnfinishedPackets) {
    BrokerSettings settings = Bench::quiet();
    settings.held_octets_max_all = 1000;
    Bench bench(settings);
    for (std::uint32_t i = 1; i <= 3; ++i) {
        bench.join(i, "c" + std::to_string(i));
        Octets begun = "30 80 80 01"_hex;
        begun.resize(400);
        bench.bytes(i, begun);
    }
    EXPECT_EQ(bench.next<Disconnect>(3).reason, Reason::quota_exceeded);
    EXPECT_LE(bench.broker.stats().held_octets, 1000u);
    bench.lose(1);
    bench.lose(2);
    EXPECT_EQ(bench.broker.stats().held_octets, 0u);
}

TEST(BrokerAuth, AsksTheHostAboutAPassword) {
    // [MQTT-3.1.4-2] [MQTT-3.1.4-5] [MQTT-3.1.4-6]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.user_name = "alice";
    const Octets secret = to_octets(as_octets("secret"));
    hello.password = secret;
    bench.connect(1, hello);
    EXPECT_TRUE(bench.silent(1));
    ASSERT_EQ(bench.asked.size(), 1u);
    EXPECT_EQ(bench.asked[0].user_name, "alice");
    EXPECT_EQ(bench.asked[0].password, secret);
    EXPECT_TRUE(bench.paused[1]);
    bench.publish(1, "t", "ahead of the answer");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    EXPECT_TRUE(bench.silent(2));
    bench.handle(
        Authenticated{ConnectionId{1}, bench.asked[0].ticket + 1, Reason::success, "", {}});
    EXPECT_TRUE(bench.silent(1));
    bench.handle(
        Authenticated{ConnectionId{1}, bench.asked[0].ticket, Reason::success, "alice", {}});
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::success);
    EXPECT_EQ(bench.next_payload(2), "ahead of the answer");
    EXPECT_FALSE(bench.paused[1]);
    EXPECT_EQ(bench.broker.clients(bench.now, "", 10)[0].user_name, "alice");
}

TEST(BrokerAuth, TurnsAwayWhoCannotProveIt) {
    // [MQTT-3.2.2-7] [MQTT 3.1.1 MQTT-3.2.2-5]
    Bench bench;
    Connect hello = Bench::hello("c", Version::v3_1_1);
    hello.user_name = "alice";
    bench.connect(1, hello);
    bench.handle(Authenticated{
        ConnectionId{1}, bench.asked[0].ticket, Reason::bad_user_name_or_password, "", {}});
    EXPECT_EQ(bench.heard[1].back(), "20 02 00 04"_hex);
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().refused_credentials, 1u);
    EXPECT_TRUE(bench.noted(Note::Kind::refused));
}

TEST(BrokerAuth, LetsNobodyInWhereAnonymousIsNotAllowed) {
    Bench bench;
    bench.is_open[1] = true;
    bench.handle(ConnectionOpened{.id = ConnectionId{1}});
    bench.connect(1, Bench::hello("c"));
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::not_authorized);
    bench.is_open[2] = true;
    bench.handle(ConnectionOpened{.id = ConnectionId{2}, .proven_user = "sensor-7"});
    bench.connect(2, Bench::hello("d"));
    EXPECT_EQ(bench.next<Connack>(2).reason, Reason::success);
    EXPECT_EQ(bench.broker.clients(bench.now, "", 10)[0].user_name, "sensor-7");
}

Auth auth(Reason reason, std::string_view method, std::string_view data) {
    Auth packet{.reason = reason, .properties = {}};
    packet.properties.authentication_method = method;
    packet.properties.authentication_data = data;
    return packet;
}

TEST(BrokerAuth, DancesTheEnhancedDance) {
    // [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-4.12.1-2]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.properties.authentication_method = "SCRAM";
    hello.properties.authentication_data = "one";
    bench.connect(1, hello);
    ASSERT_EQ(bench.asked.size(), 1u);
    EXPECT_EQ(bench.asked[0].method, "SCRAM");
    EXPECT_EQ(bench.asked[0].data, to_octets(as_octets("one")));
    bench.handle(Authenticated{ConnectionId{1}, bench.asked[0].ticket,
                               Reason::continue_authentication, "", to_octets(as_octets("two"))});
    auto heard = bench.next<Auth>(1);
    EXPECT_EQ(heard.reason, Reason::continue_authentication);
    EXPECT_EQ(heard.properties.authentication_method, "SCRAM");
    EXPECT_EQ(heard.properties.authentication_data, "two");
    bench.say(1, auth(Reason::continue_authentication, "SCRAM", "three"));
    ASSERT_EQ(bench.asked.size(), 2u);
    EXPECT_EQ(bench.asked[1].client_id, "c");
    bench.handle(Authenticated{ConnectionId{1}, bench.asked[1].ticket, Reason::success, "alice",
                               to_octets(as_octets("four"))});
    const auto connack = bench.next<Connack>(1);
    EXPECT_EQ(connack.properties.authentication_method, "SCRAM");
    EXPECT_EQ(connack.properties.authentication_data, "four");

    bench.say(1, auth(Reason::reauthenticate, "SCRAM", "again"));
    ASSERT_EQ(bench.asked.size(), 3u);
    EXPECT_TRUE(bench.asked[2].again);
    bench.handle(
        Authenticated{ConnectionId{1}, bench.asked[2].ticket, Reason::success, "alice", {}});
    EXPECT_EQ(bench.next<Auth>(1).reason, Reason::success);
    // [MQTT-4.12.1-1]
    bench.say(1, auth(Reason::reauthenticate, "OTHER", "x"));
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::protocol_error);
}

TEST(BrokerAuth, WantsNothingElseDuringTheDance) {
    // [MQTT-3.1.2-30]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.properties.authentication_method = "SCRAM";
    bench.connect(1, hello);
    bench.handle(Authenticated{
        ConnectionId{1}, bench.asked[0].ticket, Reason::continue_authentication, "", {}});
    bench.next<Auth>(1);
    bench.publish(1, "t", "p");
    EXPECT_TRUE(bench.is_closed(1));
}

TEST(BrokerAuth, EndsAConnectionWhoseReauthenticationFails) {
    // [MQTT-4.12.1-2]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.properties.authentication_method = "SCRAM";
    bench.connect(1, hello);
    bench.handle(Authenticated{ConnectionId{1}, bench.asked[0].ticket, Reason::success, "a", {}});
    bench.next<Connack>(1);
    bench.say(1, auth(Reason::reauthenticate, "SCRAM", "x"));
    bench.handle(
        Authenticated{ConnectionId{1}, bench.asked[1].ticket, Reason::not_authorized, "", {}});
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::not_authorized);
}

TEST(BrokerWill, IsSaidWhenAConnectionIsLost) {
    // [MQTT-3.1.2-8] [MQTT-3.1.2-14] [MQTT-3.1.2-15]
    for (const bool says_goodbye : {false, true}) {
        Bench bench;
        bench.join(2, "reader");
        bench.subscribe(2, "#");
        Connect hello = Bench::hello("c");
        hello.will = Will{.topic = "will/c",
                          .payload = as_octets("gone"),
                          .qos = Qos::at_least_once,
                          .retain = true};
        bench.join(1, hello);
        if (says_goodbye) {  // [MQTT-3.1.2-10] [MQTT-3.14.4-3]
            bench.say(1, Disconnect{});
            EXPECT_TRUE(bench.silent(2));
            continue;
        }
        bench.lose(1);
        EXPECT_EQ(bench.next_payload(2), "gone");
        bench.join(3, "late");
        bench.subscribe(3, "will/#");
        EXPECT_EQ(bench.next_payload(3), "gone");
    }
}

TEST(BrokerWill, IsSaidWhenTheClientAsksForIt) {
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    Connect hello = Bench::hello("c");
    hello.will = Will{.topic = "w", .payload = as_octets("gone")};
    bench.join(1, hello);
    bench.say(1, Disconnect{.reason = Reason::disconnect_with_will, .properties = {}});
    EXPECT_EQ(bench.next_payload(2), "gone");
}

Connect delayed(std::uint32_t delay, std::uint32_t expiry) {
    Connect hello = Bench::lasting("c");
    hello.properties.session_expiry_seconds = expiry;
    hello.will = Will{.topic = "w", .payload = as_octets("gone")};
    hello.will->properties.will_delay_seconds = delay;
    return hello;
}

TEST(BrokerWill, WaitsForItsDelay) {
    // [MQTT-3.1.3-9]
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    bench.join(1, delayed(10, 100));
    bench.lose(1);
    bench.advance(9s);
    EXPECT_TRUE(bench.silent(2));
    bench.advance(2s);
    EXPECT_EQ(bench.next_payload(2), "gone");
}

TEST(BrokerWill, IsForgottenWhenTheClientIsBackInTime) {
    // [MQTT-3.1.3-9]
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    bench.join(1, delayed(10, 100));
    bench.lose(1);
    bench.advance(9s);
    bench.join(1, Bench::lasting("c"));
    bench.advance(60s);
    EXPECT_TRUE(bench.silent(2));
}

TEST(BrokerWill, IsSaidEarlyWhenTheSessionEnds) {
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    bench.join(1, delayed(1000, 5));
    bench.lose(1);
    bench.advance(6s);
    EXPECT_EQ(bench.next_payload(2), "gone");
    bench.join(1, delayed(1000, 100));
    bench.lose(1);
    Connect clean = Bench::hello("c");
    bench.join(1, clean);  // ends the old session, too
    EXPECT_EQ(bench.next_payload(2), "gone");
}

TEST(BrokerWill, IsSaidOnTakeoverUnlessDelayed) {
    Bench bench;
    bench.join(2, "reader");
    bench.subscribe(2, "#");
    bench.join(1, delayed(0, 100));
    bench.join(3, delayed(10, 100));
    EXPECT_EQ(bench.next_payload(2), "gone");
    bench.join(4, delayed(10, 100));
    EXPECT_TRUE(bench.silent(2));
}

TEST(BrokerWill, StaysUnsaidWhenTheServerShutsDown) {
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.will = Will{.topic = "w", .payload = as_octets("gone")};
    bench.join(1, hello);
    bench.handle(ShutDown{});
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::server_shutting_down);
    EXPECT_EQ(bench.broker.stats().wills_published, 0u);
    bench.open(2);
    EXPECT_TRUE(bench.is_closed(2));
}

TEST(BrokerConnect, SendsNothingThatIsTooLargeForAClient) {
    // [MQTT-3.1.2-24]
    Bench bench;
    Connect hello = Bench::hello("c");
    hello.properties.maximum_packet_octets = 6;
    bench.connect(1, hello);
    EXPECT_TRUE(bench.silent(1));
    EXPECT_TRUE(bench.is_closed(1));
    EXPECT_EQ(bench.broker.stats().sessions, 0u);
}

TEST(BrokerConnect, SurvivesASecondConnectOfAnotherVersion) {
    // [MQTT-3.1.0-2]
    Bench bench;
    bench.join(1, "c");
    bench.bytes(1, "10 0e 0004 4d515454 06 02 003c 00 0001 61"_hex);
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::protocol_error);
}

TEST(BrokerConnect, KicksAClient) {
    Bench bench;
    bench.join(1, Bench::lasting("c"));
    bench.handle(Kick{"c", false});
    EXPECT_EQ(bench.next<Disconnect>(1).reason, Reason::administrative_action);
    EXPECT_EQ(bench.broker.stats().sessions, 1u);
    bench.handle(Kick{"c", true});
    EXPECT_EQ(bench.broker.stats().sessions, 0u);
    EXPECT_TRUE(bench.noted(Note::Kind::kicked));
}

TEST(BrokerConnect, ListsItsClientsInOrder) {
    Bench bench;
    for (std::uint32_t i = 0; i < 5; ++i) bench.join(i, std::string(1, static_cast<char>('e' - i)));
    const auto first = bench.broker.clients(bench.now, "", 2);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].client_id, "a");
    EXPECT_EQ(first[1].client_id, "b");
    EXPECT_EQ(first[0].listener, "mqtt 1883");
    EXPECT_EQ(bench.broker.clients(bench.now, "b", 9).size(), 3u);
}

TEST(BrokerConnect, GivesANumberTwice) {
    Bench bench;
    bench.join(1, "a");
    bench.broker.handle(bench.now, ConnectionClosed{ConnectionId{1}});
    bench.broker.handle(bench.now,
                        ConnectionOpened{.id = ConnectionId{1}, .anonymous_allowed = true});
    bench.drain();
    EXPECT_FALSE(bench.is_closed(1));
    bench.say(1, Bench::hello("b"));
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::success);
}

}  // namespace
}  // namespace causeway::mqtt::connect_test
