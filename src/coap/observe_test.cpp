#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::observe_test {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);
const Peer server = peer_at(2);

Message registration(std::uint16_t id, std::string_view token = "4a",
                     std::string_view path = "temperature") {
    Message message;
    message.code = Code::get;
    message.id = id;
    message.token = Token(*from_hex(token));
    message.options.add_path(path);
    message.options.add_uint(OptionNumber::observe, 0);
    return message;
}

Response reading(std::string_view value) {
    Response response = content_of(ContentFormat::text_plain, value);
    response.observe = true;
    return response;
}

/// A server with one observer of /temperature, registered.
struct Observed : Bench {
    explicit Observed(const Settings& settings = {}) : Bench(settings) {
        receive(client, registration(1));
        const RequestArrived arrived = request();
        EXPECT_TRUE(arrived.observe);
        handle(Respond{arrived.exchange, reading("18.5 Cel")});
        const Message first = sent();
        EXPECT_EQ(first.type, Type::acknowledgement);
        sequence = *first.options.uint(OptionNumber::observe);
    }
    /// Says that the temperature changed; what the observer is sent.
    Message notify(std::string_view value, bool confirmable = false) {
        handle(ResourceChanged{"/temperature", confirmable});
        answer(value);
        return sent();
    }
    void answer(std::string_view value) {
        const RequestArrived asked = request();
        EXPECT_TRUE(asked.notification);
        EXPECT_TRUE(asked.options.path_is("temperature"));
        handle(Respond{asked.exchange, reading(value)});
    }
    std::uint32_t sequence = 0;
};

// ---- the server's side [RFC 7641 §4] -----------------------------------------------------------

TEST(ObserveServer, NotifiesUnderTheTokenWithARisingSequence) {  // [RFC 7641 A.1, figure 3]
    Observed bench;
    EXPECT_TRUE(bench.endpoint.observed_by(client, Token("4a"_hex)));
    const Message notification = bench.notify("19.2 Cel");
    EXPECT_EQ(notification.type, Type::non_confirmable);
    EXPECT_EQ(notification.token, Token("4a"_hex));
    EXPECT_EQ(notification.payload, text("19.2 Cel"));
    EXPECT_GT(*notification.options.uint(OptionNumber::observe), bench.sequence);
}

TEST(ObserveServer, AResourceThatCannotBeObservedSaysNothingOfIt) {
    Bench bench;
    bench.receive(client, registration(1));
    bench.handle(Respond{bench.request().exchange, content_of(ContentFormat::text_plain, "x")});
    EXPECT_FALSE(bench.sent().options.has(OptionNumber::observe));
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, AFullListFallsBackToAPlainGet) {
    Settings settings;
    settings.observers_max = 1;
    Observed bench(settings);
    bench.receive(peer_at(7), registration(1));
    bench.handle(Respond{bench.request().exchange, reading("x")});
    EXPECT_FALSE(bench.sent().options.has(OptionNumber::observe));
    EXPECT_EQ(bench.endpoint.stats().observers_refused, 1u);
    EXPECT_EQ(bench.endpoint.observers(), 1u);
}

TEST(ObserveServer, RegisteringAgainReplacesTheEntry) {
    Observed bench;
    bench.receive(client, registration(2));
    bench.handle(Respond{bench.request().exchange, reading("x")});
    EXPECT_EQ(bench.endpoint.observers(), 1u);
    bench.datagrams.clear();
    // The same client and resource under a new token: it restarted.
    bench.receive(client, registration(3, "4b"));
    bench.handle(Respond{bench.request().exchange, reading("x")});
    EXPECT_EQ(bench.endpoint.observers(), 1u);
    EXPECT_TRUE(bench.endpoint.observed_by(client, Token("4b"_hex)));
}

TEST(ObserveServer, DeregisteringIsAGetWithObserveOne) {
    Observed bench;
    Message goodbye = registration(2);
    goodbye.options.set_uint(OptionNumber::observe, 1);
    bench.receive(client, goodbye);
    EXPECT_EQ(bench.endpoint.observers(), 0u);
    bench.handle(Respond{bench.request().exchange, reading("x")});
    EXPECT_FALSE(bench.sent().options.has(OptionNumber::observe));
    bench.handle(ResourceChanged{"temperature"});
    EXPECT_TRUE(bench.silent());
}

TEST(ObserveServer, AResetEndsIt) {  // [RFC 7641 A.1, figure 6]
    for (const bool confirmable : {true, false}) {
        Observed bench;
        const Message notification = bench.notify("19.3 Cel", confirmable);
        EXPECT_EQ(notification.type == Type::confirmable, confirmable);
        bench.receive(client, empty_message(Type::reset, notification.id));
        EXPECT_EQ(bench.endpoint.observers(), 0u);
        EXPECT_EQ(bench.endpoint.stats().observers_removed, 1u);
        bench.pass(1h);
        EXPECT_TRUE(bench.silent());
    }
}

TEST(ObserveServer, AnUnacknowledgedNotificationEndsIt) {
    Observed bench;
    bench.notify("19.3 Cel", true);
    bench.pass(93s);
    EXPECT_EQ(bench.datagrams.size(), 4u);
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, NonConfirmableOnesAreSpacedAndTheLatestWins) {  // [RFC 7641 §4.5.1]
    Observed bench;
    bench.notify("1");
    for (int i = 0; i < 5; ++i) bench.handle(ResourceChanged{"temperature"});
    EXPECT_TRUE(bench.silent());
    bench.pass(2999ms);
    EXPECT_TRUE(bench.silent());
    bench.pass(1ms);
    bench.answer("latest");
    EXPECT_EQ(bench.sent().payload, text("latest"));
    bench.pass(10s);
    EXPECT_TRUE(bench.silent());
}

TEST(ObserveServer, ConfirmableOnesAreInterspersed) {  // [RFC 7641 §7]
    Settings settings;
    settings.unconfirmed_notifications_max = 2;
    Observed bench(settings);
    std::string types;
    for (int i = 0; i < 6; ++i) {
        const Message m = bench.notify("x");
        types += m.type == Type::confirmable ? 'C' : 'N';
        if (m.type == Type::confirmable)
            bench.receive(client, empty_message(Type::acknowledgement, m.id));
        bench.pass(5s);
    }
    EXPECT_EQ(types, "NNCNNC");
}

TEST(ObserveServer, TheLatestStateIsConfirmedWhenItStaysQuiet) {  // [RFC 7641 §4.5]
    Observed bench;
    bench.notify("19.7 Cel");  // lost, perhaps
    bench.pass(123s);
    bench.answer("19.7 Cel");
    const Message repeated = bench.sent();
    EXPECT_EQ(repeated.type, Type::confirmable);
    bench.receive(client, empty_message(Type::acknowledgement, repeated.id));
    bench.pass(23h);
    EXPECT_TRUE(bench.silent());
}

TEST(ObserveServer, EveryDayAnObserverMustShowItself) {  // "at least every 24 hours"
    Observed bench;
    bench.pass(24h);
    bench.answer("same");
    EXPECT_EQ(bench.sent().type, Type::confirmable);
    bench.pass(93s);
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, ANewerStateSupersedesARetransmission) {  // [RFC 7641 §4.5.2]
    Observed bench;
    const Message first = bench.notify("old", true);
    bench.handle(ResourceChanged{"temperature"});
    EXPECT_TRUE(bench.silent());  // one outstanding at a time
    bench.pass(3s);
    bench.answer("new");
    const Message second = bench.sent();
    EXPECT_EQ(second.payload, text("new"));
    EXPECT_EQ(second.type, Type::confirmable);
    EXPECT_NE(second.id, first.id);
    EXPECT_GT(*second.options.uint(OptionNumber::observe),
              *first.options.uint(OptionNumber::observe));
    // The effort goes on from where it was: four retransmissions in all, not four more.
    bench.pass(93s);
    EXPECT_EQ(bench.datagrams.size(), 3u);
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, AnErrorIsTheLastNotification) {  // [RFC 7641 §4.2]
    Observed bench;
    bench.handle(ResourceChanged{"temperature"});
    bench.handle(Respond{bench.request().exchange, response_of(Code::not_found)});
    const Message last = bench.sent();
    EXPECT_EQ(last.code, Code::not_found);
    EXPECT_EQ(last.type, Type::confirmable);
    EXPECT_FALSE(last.options.has(OptionNumber::observe));
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, AnotherContentFormatIsNotAcceptable) {  // [RFC 7641 §4.2]
    Observed bench;
    bench.handle(ResourceChanged{"temperature"});
    bench.handle(Respond{bench.request().exchange, content_of(ContentFormat::json, "{}")});
    EXPECT_EQ(bench.sent().code, Code::not_acceptable);
    EXPECT_EQ(bench.endpoint.observers(), 0u);
}

TEST(ObserveServer, ALargeNotificationIsItsFirstBlock) {  // [RFC 7959 §2.6]
    Settings settings;
    settings.block_szx = 2;
    Bench bench(settings);
    Message request = registration(1);
    request.options.add_uint(OptionNumber::block2, Block{0, false, 1}.to_uint());
    bench.receive(client, request);
    Response large{Code::content, {}, body_of(100), true};
    bench.handle(Respond{bench.request().exchange, large});
    EXPECT_EQ(bench.sent().payload.size(), 32u);
    bench.handle(ResourceChanged{"temperature"});
    large.payload = body_of(100, 8);
    bench.handle(Respond{bench.request().exchange, large});
    const Message notification = bench.sent();
    EXPECT_EQ(notification.payload.size(), 32u);  // the client's size still holds
    Message rest = registration(2, "99");
    rest.options.remove(OptionNumber::observe);
    rest.options.add_uint(OptionNumber::block2, Block{1, false, 1}.to_uint());
    bench.receive(client, rest);
    const Message second = bench.sent();
    EXPECT_TRUE(same(second.payload, Bytes(large.payload).subspan(32, 32)));
    EXPECT_TRUE(same(*second.options.find(OptionNumber::etag),
                     *notification.options.find(OptionNumber::etag)));
}

TEST(ObserveServer, OneOutstandingNotificationAClient) {
    Settings settings;
    Bench bench(settings);
    for (const char* path : {"a", "b"}) {
        bench.receive(client, registration(static_cast<std::uint16_t>(path[0] - 'a' + 1),
                                           path[0] == 'a' ? "0a" : "0b", path));
        bench.handle(Respond{bench.request().exchange, reading("x")});
    }
    bench.datagrams.clear();
    bench.handle(ResourceChanged{"a"});
    bench.handle(ResourceChanged{"b"});
    EXPECT_EQ(bench.requests.size(), 1u);
    bench.handle(Respond{bench.request().exchange, reading("A")});
    EXPECT_EQ(bench.sent().payload, text("A"));
    bench.pass(3s);
    bench.handle(Respond{bench.request().exchange, reading("B")});
    EXPECT_EQ(bench.sent().payload, text("B"));
}

TEST(ObserveServer, AnApplicationThatDeclinesKeepsItsObserver) {
    Observed bench;
    bench.handle(ResourceChanged{"temperature"});
    bench.handle(Decline{bench.request().exchange});
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.observers(), 1u);
    EXPECT_EQ(bench.notify("again").payload, text("again"));
}

// ---- the client's side [RFC 7641 §3] -----------------------------------------------------------

struct Observing : Bench {
    Observing() : Bench() {
        Request observe;
        observe.id = RequestId{1};
        observe.peer = server;
        observe.options = path_options("temperature");
        observe.observe = true;
        handle(std::move(observe));
        registration = sent();
        EXPECT_EQ(registration.options.uint(OptionNumber::observe), 0u);
        Message first = notification(9, "18.5 Cel");
        first.type = Type::acknowledgement;
        first.id = registration.id;
        receive(server, first);
        const ResponseArrived arrived = response();
        EXPECT_TRUE(arrived.more_to_come);
        EXPECT_EQ(arrived.observe, 9u);
    }
    Message notification(std::uint32_t sequence, std::string_view value,
                         std::uint32_t max_age = 15) {
        Message message;
        message.type = Type::non_confirmable;
        message.code = Code::content;
        message.id = ++last_id;
        message.token = registration.token;
        message.options.add_uint(OptionNumber::observe, sequence);
        message.options.add_uint(OptionNumber::max_age, max_age);
        message.payload = text(value);
        return message;
    }
    Message registration;
    std::uint16_t last_id = 100;
};

TEST(ObserveClient, TakesNewerNotificationsAndDropsOlderOnes) {
    Observing bench;
    bench.receive(server, bench.notification(16, "19.2 Cel"));
    EXPECT_EQ(bench.response().payload, text("19.2 Cel"));
    bench.receive(server, bench.notification(12, "old"));
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().notifications_stale, 1u);
}

TEST(Freshness, IsSerialNumberArithmetic) {  // [RFC 7641 §3.4]
    Observation o;
    o.freshest_at = start;
    const auto newer = [&](std::uint32_t v1, std::uint32_t v2, Duration later) {
        o.freshest = v1;
        return o.is_newer(v2, start + later);
    };
    EXPECT_TRUE(newer(1, 2, 0s));
    EXPECT_FALSE(newer(2, 1, 0s));
    EXPECT_FALSE(newer(2, 2, 0s));
    EXPECT_TRUE(newer(0xffffff, 0, 0s));
    EXPECT_TRUE(newer(0, (1u << 23) - 1, 0s));
    EXPECT_FALSE(newer(0, 1u << 23, 0s));
    EXPECT_FALSE(newer(1u << 23, 0, 0s));
    EXPECT_TRUE(newer((1u << 23) + 1, 0, 0s));
    EXPECT_FALSE(newer(5, 4, 128s));
    EXPECT_TRUE(newer(5, 4, 128s + 1ns));
}

TEST(ObserveClient, AcknowledgesConfirmableNotificationsOldOnesToo) {
    Observing bench;
    for (const std::uint32_t sequence : {20u, 11u}) {
        Message m = bench.notification(sequence, "x");
        m.type = Type::confirmable;
        bench.receive(server, m);
        EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, m.id));
    }
    EXPECT_EQ(bench.responses.size(), 1u);
}

TEST(ObserveClient, RegistersAgainWhenTheStateIsStale) {  // [RFC 7641 A.1, figure 4]
    Observing bench;
    bench.pass(20s - 1ns);  // Max-Age 15, and at least 5 seconds
    EXPECT_TRUE(bench.silent());
    bench.pass(10s);
    const Message again = bench.take_sent();
    bench.datagrams.clear();
    EXPECT_EQ(again.token, bench.registration.token);
    EXPECT_EQ(again.options, bench.registration.options);
    EXPECT_NE(again.id, bench.registration.id);
    Message reply = bench.notification(3, "19.7 Cel");  // counts anew: the server restarted
    reply.type = Type::acknowledgement;
    reply.id = again.id;
    bench.receive(server, reply);
    EXPECT_EQ(bench.response().payload, text("19.7 Cel"));
    bench.receive(server, bench.notification(4, "next"));
    EXPECT_EQ(bench.response().payload, text("next"));
}

TEST(ObserveClient, ARenewalThatWaitedForLostBlocksGoesOutWithTheirFailure) {
    Observing bench;
    Message first = bench.notification(20, "");
    first.payload = body_of(64);
    first.options.add_uint(OptionNumber::block2, Block{0, true, 2}.to_uint());
    bench.receive(server, first);
    bench.pass(61s);  // the rest is asked for five times; the state is stale long before
    bench.datagrams.clear();
    while (bench.datagrams.empty()) {
        bench.now = bench.endpoint.next_deadline();
        bench.endpoint.handle_timeout(bench.now);
        bench.handle(Cancel{RequestId{99}});  // nothing, but for what is collected
    }
    const Message renewal = bench.take_sent();
    EXPECT_EQ(renewal.token, bench.registration.token);
    EXPECT_TRUE(bench.failures.empty());
    EXPECT_GT(bench.endpoint.next_deadline(), bench.now);
}

TEST(ObserveClient, TwoRenewalsAtOnceTakeTurns) {
    Bench bench;
    Message last;
    for (const std::uint64_t id : {1u, 2u}) {
        bench.handle(Request{.id = RequestId{id}, .peer = server, .observe = true});
        Message reply = bench.sent();
        reply.type = Type::acknowledgement;
        reply.code = Code::content;
        reply.options.clear();
        reply.options.add_uint(OptionNumber::observe, 1);
        bench.receive(server, reply);
    }
    EXPECT_EQ(bench.responses.size(), 2u);
    bench.pass(75s);  // both are due by now, and only one may go
    while (!bench.datagrams.empty()) last = bench.take_sent();
    Message reply = last;
    reply.type = Type::acknowledgement;
    reply.code = Code::content;
    bench.receive(server, reply);
    EXPECT_NE(bench.take_sent().token, last.token);
}

TEST(ObserveClient, AServerThatIsGoneEndsIt) {
    Observing bench;
    bench.pass(30s + 93s);
    EXPECT_EQ(bench.failure().reason, Failure::timeout);
    bench.datagrams.clear();
    bench.receive(server, bench.notification(50, "late"));
    EXPECT_EQ(bench.sent().type, Type::reset);  // nobody knows it any more
}

TEST(ObserveClient, CancellingDeregisters) {  // [RFC 7641 §3.6]
    Observing bench;
    bench.handle(Cancel{RequestId{1}});
    const Message goodbye = bench.sent();
    EXPECT_EQ(goodbye.options.uint(OptionNumber::observe), 1u);
    EXPECT_EQ(goodbye.token, bench.registration.token);
    Message reply = bench.notification(0, "x");
    reply.options.remove(OptionNumber::observe);
    reply.type = Type::acknowledgement;
    reply.id = goodbye.id;
    bench.receive(server, reply);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(ObserveClient, AResponseWithoutTheOptionIsTheOnlyOne) {
    Bench bench;
    Request observe;
    observe.peer = server;
    observe.observe = true;
    bench.handle(std::move(observe));
    Message reply = bench.sent();
    reply.type = Type::acknowledgement;
    reply.code = Code::content;
    reply.options.clear();
    bench.receive(server, reply);
    EXPECT_FALSE(bench.response().more_to_come);
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
}

TEST(ObserveClient, AnErrorEndsIt) {
    Observing bench;
    Message gone = bench.notification(0, "");
    gone.options.clear();
    gone.code = Code::not_found;
    bench.receive(server, gone);
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.code, Code::not_found);
    EXPECT_FALSE(response.more_to_come);
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
}

TEST(ObserveClient, FetchesTheRestOfALargeNotification) {  // [RFC 7959 §3.4, figure 12]
    Observing bench;
    const Octets body = body_of(100);
    Message first = bench.notification(20, "");
    first.payload = to_octets(Bytes(body).first(64));
    first.options.add(OptionNumber::etag, "6f 00 f3 92"_hex);
    first.options.add_uint(OptionNumber::block2, Block{0, true, 2}.to_uint());
    bench.receive(server, first);
    const Message rest = bench.sent();
    EXPECT_NE(rest.token, bench.registration.token);
    EXPECT_FALSE(rest.options.has(OptionNumber::observe));
    EXPECT_EQ(BlockOption::read(rest.options, OptionNumber::block2).block, (Block{1, false, 2}));
    Message second;
    second.type = Type::acknowledgement;
    second.code = Code::content;
    second.id = rest.id;
    second.token = rest.token;
    second.options.add(OptionNumber::etag, "6f 00 f3 92"_hex);
    second.options.add_uint(OptionNumber::block2, Block{1, false, 2}.to_uint());
    second.payload = to_octets(Bytes(body).subspan(64));
    bench.receive(server, second);
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.payload, body);
    EXPECT_EQ(response.observe, 20u);
    EXPECT_TRUE(response.more_to_come);
}

// ---- both, over a bad network ------------------------------------------------------------------

TEST(Observe, TheClientSeesTheLatestStateInTheEnd) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Settings server_settings = Settings::for_node();
        Network network({}, server_settings, {25, 10, 10ms, 800ms}, seed);
        int value = 0;
        network.server.add({.path = "/count",
                            .handler =
                                [&](const RequestView&) {
                                    return content_of(ContentFormat::text_plain,
                                                      std::to_string(value));
                                },
                            .observable = true});
        std::vector<int> seen;
        network.on_response = [&](const ResponseArrived& r) {
            seen.push_back(std::stoi(std::string(as_text(r.payload))));
        };
        Request request;
        request.id = RequestId{1};
        request.options = path_options("count");
        request.observe = true;
        network.request(std::move(request));
        network.run(60s);
        for (int i = 0; i < 40; ++i) {
            ++value;
            network.changed("/count");
            network.run(7s);
        }
        network.run(10min);
        if (!network.failures.empty()) continue;  // the registration itself was lost, five times
        ASSERT_FALSE(seen.empty()) << seed;
        EXPECT_EQ(seen.back(), 40) << seed;
        EXPECT_TRUE(std::ranges::is_sorted(seen)) << seed;
        EXPECT_TRUE(network.client.stats().balanced());
        EXPECT_TRUE(network.endpoint.stats().balanced());
    }
}

}  // namespace
}  // namespace causeway::coap::observe_test
