// Echo and Request-Tag in both roles [RFC 9175], and what a forged source is sent at most.
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_echo_test {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);

Settings guarded() {
    Settings settings = Settings::for_host();
    settings.echo_amplification = true;
    return settings;
}

Message request_of(Code method, std::uint16_t id, std::string_view path = "a") {
    Message message;
    message.code = method;
    message.id = id;
    message.token = Token("4a"_hex);
    message.options.add_path(path);
    return message;
}

Response body(std::size_t octets) {
    return {Code::content, {}, Octets(octets, std::byte{'x'}), true};
}

/// Asks, and echoes; the bench believes the source from then on.
void verify(Bench& bench, const Peer& peer) {
    bench.receive(peer, request_of(Code::put, 9000));
    const Message asked = bench.sent();
    ASSERT_EQ(asked.code, Code::unauthorized);
    Message again = request_of(Code::put, 9001);
    again.options.add(OptionNumber::echo, *asked.options.find(OptionNumber::echo));
    bench.receive(peer, again);
    bench.handle(Respond{bench.request().exchange, {Code::changed, {}, {}, false}});
    bench.datagrams.clear();
}

// ---- the server's side [RFC 9175 §2.4] ---------------------------------------------------------

TEST(EchoServer, ALargeAnswerIsWithheldUntilTheSourceEchoes) {
    Bench bench(guarded());
    bench.receive(client, request_of(Code::get, 1));
    bench.handle(Respond{bench.request().exchange, body(200)});
    const Message asked = bench.sent();
    EXPECT_EQ(asked.type, Type::acknowledgement);
    EXPECT_EQ(asked.code, Code::unauthorized);
    EXPECT_TRUE(asked.payload.empty());
    Message again = request_of(Code::get, 2);
    again.options.add(OptionNumber::echo, *asked.options.find(OptionNumber::echo));
    bench.receive(client, again);
    const RequestArrived arrived = bench.request();
    EXPECT_FALSE(arrived.options.has(OptionNumber::echo));
    bench.handle(Respond{arrived.exchange, body(200)});
    EXPECT_EQ(bench.sent().payload.size(), 200u);
    // And from now on without.
    bench.receive(client, request_of(Code::get, 3));
    bench.handle(Respond{bench.request().exchange, body(200)});
    EXPECT_EQ(bench.sent().payload.size(), 200u);
    EXPECT_EQ(bench.endpoint.stats().echoes_asked, 1u);
    EXPECT_EQ(bench.endpoint.stats().echoes_verified, 1u);
}

TEST(EchoServer, ASmallAnswerNeedsNoEcho) {
    Bench bench(guarded());
    bench.receive(client, request_of(Code::get, 1));
    bench.handle(Respond{bench.request().exchange, body(10)});
    EXPECT_EQ(bench.sent().payload.size(), 10u);
}

TEST(EchoServer, NothingIsChangedAndNobodyRegisteredForAForgedSource) {
    Bench bench(guarded());
    std::uint16_t id = 0;
    for (const Code method : {Code::put, Code::post, Code::delete_, Code::patch, Code::ipatch}) {
        bench.receive(client, request_of(method, ++id));
        EXPECT_EQ(bench.sent().code, Code::unauthorized);
    }
    Message observing = request_of(Code::get, ++id);
    observing.options.add_uint(OptionNumber::observe, 0);
    bench.receive(client, observing);
    EXPECT_EQ(bench.sent().code, Code::unauthorized);
    EXPECT_TRUE(bench.requests.empty());
}

TEST(EchoServer, AnEchoOfAnotherPeerOrOfLongAgoIsStale) {
    Bench bench(guarded());
    bench.receive(client, request_of(Code::put, 1));
    Message again = request_of(Code::put, 2);
    again.options.add(OptionNumber::echo, *bench.sent().options.find(OptionNumber::echo));
    bench.receive(peer_at(9), again);
    EXPECT_EQ(bench.sent().code, Code::unauthorized);
    bench.now += 10min;
    bench.receive(client, again);
    EXPECT_EQ(bench.sent().code, Code::unauthorized);
    Octets forged(8, std::byte{1});
    again.id = 3;
    again.options.set(OptionNumber::echo, forged);
    bench.receive(client, again);
    EXPECT_EQ(bench.sent().code, Code::unauthorized);
    EXPECT_EQ(bench.endpoint.stats().echoes_stale, 3u);
    EXPECT_TRUE(bench.requests.empty());
}

TEST(EchoServer, BelievesASourceForAWhile) {
    Bench bench(guarded());
    verify(bench, client);
    bench.receive(client, request_of(Code::put, 5));
    EXPECT_EQ(bench.requests.size(), 1u);
    bench.requests.clear();
    bench.pass(guarded().verified_for);
    bench.datagrams.clear();
    bench.receive(client, request_of(Code::put, 6));
    EXPECT_EQ(bench.sent().code, Code::unauthorized);
}

TEST(EchoServer, RemembersABoundedNumberOfSources) {
    Settings settings = guarded();
    settings.verified_max = 2;
    Bench bench(settings);
    for (std::uint8_t host = 1; host <= 3; ++host) verify(bench, peer_at(host));
    EXPECT_EQ(bench.endpoint.stats().verified_evicted, 1u);
    bench.receive(peer_at(3), request_of(Code::put, 1));
    EXPECT_EQ(bench.requests.size(), 1u);
    bench.receive(peer_at(1), request_of(Code::put, 1));
    EXPECT_EQ(bench.requests.size(), 1u);
}

TEST(EchoServer, WhoeverProvedWhoTheyAreIsNotAsked) {
    Bench bench(guarded());
    Peer secure = client;
    secure.transport = Transport::dtls;
    secure.channel = 1;
    bench.receive(secure, request_of(Code::put, 1));
    Peer stream = client;
    stream.transport = Transport::tcp;
    bench.receive_message(stream, request_of(Code::put, 1));
    EXPECT_EQ(bench.requests.size(), 2u);
}

/// Octets sent for each octet received, over everything that one source was sent for a request.
TEST(EchoServer, AForgedSourceIsSentLessThanThreeTimesWhatItSent) {
    Random random(11);
    for (int run = 0; run < 3000; ++run) {
        Settings settings = guarded();
        settings.block_szx = static_cast<std::uint8_t>(random.below(7));
        Bench bench(settings);
        Message message;
        message.type = random.below(2) == 0 ? Type::confirmable : Type::non_confirmable;
        message.code = Code{static_cast<std::uint8_t>(1 + random.below(7))};
        message.id = 1;
        message.token = Token(body_of(random.below(9)));
        const auto draw = [&](std::uint64_t one_in) { return random.below(one_in) == 0; };
        if (!draw(4)) message.options.add_path(std::string(random.below(12), 'p'));
        if (draw(4)) message.options.add_uint(OptionNumber::observe, draw(2) ? 0 : 1);
        if (draw(4))
            message.options.add_uint(OptionNumber::block2,
                                     static_cast<std::uint32_t>(random.below(64)));
        if (draw(4))
            message.options.add_uint(OptionNumber::block1,
                                     static_cast<std::uint32_t>(random.below(64)));
        if (draw(8)) message.options.add(OptionNumber{9}, body_of(3));
        if (draw(8)) message.options.add(OptionNumber::echo, body_of(8));
        if (draw(3)) message.payload = body_of(random.below(40));
        const std::size_t received = emitted(message).size();
        bench.receive(client, message);
        if (draw(3)) bench.pass(5s);  // the answer comes on its own
        if (!bench.requests.empty())
            bench.handle(Respond{bench.request().exchange, body(random.below(2000))});
        bench.handle(ResourceChanged{bench.requests.empty() ? "p" : "a"});
        bench.pass(300s);
        std::size_t sent = 0;
        for (const SendDatagram& out : bench.datagrams) sent += out.datagram.size();
        ASSERT_LE(sent, 3 * received) << "run " << run;
    }
}

// ---- the client's side [RFC 9175 §2.3] ---------------------------------------------------------

TEST(EchoClient, RepeatsTheRequestWithWhatItIsToEchoOnce) {
    Bench bench;
    Request request;
    request.id = RequestId{1};
    request.peer = peer_at(2);
    request.code = Code::put;
    request.options = path_options("a");
    request.payload = text("on");
    bench.handle(request);
    Message first = bench.sent();
    Message asked;
    asked.type = Type::acknowledgement;
    asked.code = Code::unauthorized;
    asked.id = first.id;
    asked.token = first.token;
    asked.options.add(OptionNumber::echo, "0102030405"_hex);
    bench.receive(peer_at(2), asked);
    EXPECT_TRUE(bench.responses.empty());
    const Message second = bench.sent();
    EXPECT_NE(second.id, first.id);
    EXPECT_EQ(to_octets(*second.options.find(OptionNumber::echo)), "0102030405"_hex);
    EXPECT_EQ(second.payload, first.payload);
    asked.id = second.id;
    asked.token = second.token;
    bench.receive(peer_at(2), asked);  // still not believed: that is the answer then
    EXPECT_EQ(bench.response().code, Code::unauthorized);
    EXPECT_EQ(bench.endpoint.stats().echoes_sent, 1u);
}

TEST(EchoBoth, BodiesAndObservationsPassTheGuardUnnoticed) {
    Network net(Settings{}, guarded(), {.loss_percent = 10, .delay_max = 300ms}, 4);
    Octets store;
    net.server.add({.path = "/store",
                    .methods = {Code::get, Code::put},
                    .handler =
                        [&](const RequestView& request) {
                            if (request.method == Code::put) store = to_octets(request.payload);
                            return content_of(ContentFormat::octet_stream, store);
                        },
                    .observable = true});
    const Octets large = body_of(3000);
    net.request({.id = RequestId{1},
                 .code = Code::put,
                 .options = path_options("store"),
                 .payload = large});
    net.run(200s);
    EXPECT_EQ(store, large);
    net.request({.id = RequestId{2}, .options = path_options("store"), .observe = true});
    net.run(20min);
    net.responses.clear();
    store = text("new");
    net.changed("/store");
    net.run(300s);
    ASSERT_FALSE(net.responses.empty());
    EXPECT_EQ(net.responses.back().payload, text("new"));
    EXPECT_GE(net.client.stats().echoes_sent, 1u);
    EXPECT_TRUE(net.failures.empty());
}

// ---- several bodies at once [RFC 9175 §3.5.2] --------------------------------------------------

TEST(RequestTag, TellsUploadsToOneResourceApart) {
    Settings settings = Settings::for_host();
    settings.nstart = 8;
    settings.block_szx = 2;
    Network net(settings, settings, {.loss_percent = 5, .delay_max = 100ms}, 3);
    std::vector<Octets> stored;
    net.server.add(
        {.path = "/store", .methods = {Code::post}, .handler = [&](const RequestView& request) {
             stored.push_back(to_octets(request.payload));
             return response_of(Code::changed);
         }});
    std::vector<Octets> bodies;
    for (std::uint64_t n = 0; n < 8; ++n) {
        bodies.push_back(body_of(400 + n, n));
        net.request({.id = RequestId{n},
                     .code = Code::post,
                     .options = path_options("store"),
                     .payload = bodies.back()});
    }
    net.run(300s);
    ASSERT_EQ(net.responses.size(), 8u);
    std::ranges::sort(stored);
    std::ranges::sort(bodies);
    EXPECT_EQ(stored, bodies);
    EXPECT_EQ(net.endpoint.stats().bodies_incomplete, 0u);
}

TEST(RequestTag, IsNotSpentOnABodyThatIsAlone) {
    Bench bench;
    Request request;
    request.id = RequestId{1};
    request.peer = peer_at(2);
    request.code = Code::post;
    request.options = path_options("a");
    request.payload = body_of(3000);
    bench.handle(request);
    EXPECT_FALSE(bench.sent().options.has(OptionNumber::request_tag));
}

TEST(RequestTag, EightDownloadsFromOneServerRunAtOnce) {
    Settings settings = Settings::for_host();
    settings.nstart = 8;
    settings.block_szx = 2;
    Network net(settings, settings, {.loss_percent = 5, .delay_max = 100ms}, 3);
    for (std::uint64_t n = 0; n < 8; ++n)
        net.server.add({.path = "/" + std::to_string(n), .handler = [n](const RequestView&) {
                            return content_of(ContentFormat::octet_stream, body_of(500, n));
                        }});
    for (std::uint64_t n = 0; n < 8; ++n)
        net.request({.id = RequestId{n}, .options = path_options(std::to_string(n))});
    net.run(300s);
    ASSERT_EQ(net.responses.size(), 8u);
    for (const ResponseArrived& response : net.responses)
        EXPECT_EQ(response.payload, body_of(500, std::to_underlying(response.id)));
}

}  // namespace
}  // namespace causeway::coap::endpoint_echo_test
