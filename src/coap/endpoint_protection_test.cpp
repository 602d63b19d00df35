// An endpoint and the object security behind it. [RFC 8613 §8]
#include "coap/testing_protection.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_protection_test {
namespace {

using namespace testing;

Peer protected_peer(std::uint32_t context = 1) {
    Peer peer = peer_at(2);
    peer.context = context;
    return peer;
}

Request get(std::uint64_t id, std::string_view path) {
    Request request;
    request.id = RequestId{id};
    request.peer = protected_peer();
    request.options = path_options(path);
    return request;
}

/// A client and a server that share contexts, and a bad network.
struct Protected : Network {
    explicit Protected(const Badness& badness = {}, const Settings& settings = {},
                       std::uint64_t seed = 3)
        : Network(settings, settings, badness, seed, &near_, &far_) {
        context = 1;
        server.add({.path = "/store",
                    .methods = {Code::get, Code::put},
                    .handler =
                        [this](const RequestView& request) {
                            last_peer = request.peer;
                            ++handled;
                            if (request.method == Code::put) store = to_octets(request.payload);
                            return request.method == Code::put
                                       ? response_of(Code::changed)
                                       : content_of(ContentFormat::octet_stream, store);
                        },
                    .observable = true});
    }
    Request ask(Code code, Octets payload = {}) {
        Request request;
        request.id = RequestId{++last_id};
        request.code = code;
        request.options = path_options("store");
        request.payload = std::move(payload);
        return request;
    }
    ToyProtection near_;
    ToyProtection far_;
    Peer last_peer;
    Octets store;
    std::size_t handled = 0;
    std::uint64_t last_id = 0;
};

TEST(Protected, ARequestIsReadByTheServerAndItsContextTold) {
    Protected net;
    net.store = text("secret");
    net.request(net.ask(Code::get));
    net.run(1s);
    ASSERT_EQ(net.responses.size(), 1u);
    EXPECT_EQ(net.responses[0].payload, text("secret"));
    EXPECT_EQ(net.responses[0].peer.context, 1u);
    EXPECT_EQ(net.last_peer.context, 1u);
    EXPECT_FALSE(net.responses[0].options.has(OptionNumber::oscore));
}

TEST(Protected, NothingOfItIsSeenOnTheWay) {
    ToyProtection toy;
    Bench bench({}, 1, &toy);
    bench.handle(get(1, "secret"));
    const Message sent = bench.sent();
    EXPECT_EQ(sent.code, Code::post);
    EXPECT_TRUE(sent.options.has(OptionNumber::oscore));
    EXPECT_FALSE(sent.options.has(OptionNumber::uri_path));
}

TEST(Protected, ARetransmissionRepeatsTheSameOctets) {
    ToyProtection toy;
    Bench bench({}, 1, &toy);
    bench.handle(get(1, "secret"));
    const Octets first = bench.datagrams.at(0).datagram;
    bench.pass(10s);
    ASSERT_EQ(bench.datagrams.size(), 3u);
    EXPECT_EQ(bench.datagrams[1].datagram, first);
    EXPECT_EQ(bench.datagrams[2].datagram, first);
    EXPECT_EQ(bench.datagrams[2].peer, peer_at(2));  // the outer one
    EXPECT_EQ(toy.requests_protected, 1u);
}

TEST(Protected, ADuplicateIsAnsweredByTheMessageLayerAlone) {
    Protected net;
    net.store = text("x");
    ToyProtection toy;
    Bench client({}, 1, &toy);
    client.handle(get(1, "store"));
    const Octets request = client.datagrams.at(0).datagram;
    ToyProtection other;
    Bench server({}, 2, &other);
    server.receive(peer_at(1), request);
    server.handle(Respond{server.request().exchange, content_of(ContentFormat::text_plain, "x")});
    const Octets reply = server.datagrams.at(0).datagram;
    server.datagrams.clear();
    server.receive(peer_at(1), request);
    EXPECT_EQ(server.datagrams.at(0).datagram, reply);
    EXPECT_EQ(other.responses_protected, 1u);
    EXPECT_EQ(other.replays, 0u);
}

TEST(Protected, AReplayUnderAnotherMessageIdIsRefusedInClear) {  // [RFC 8613 §8.2]
    ToyProtection toy;
    Bench client({}, 1, &toy);
    client.handle(get(1, "store"));
    Message request = client.sent();
    ToyProtection other;
    Bench server({}, 2, &other);
    server.receive(peer_at(1), request);
    server.requests.clear();
    ++request.id;
    server.receive(peer_at(1), request);
    EXPECT_TRUE(server.requests.empty());
    const Message refusal = server.sent();
    EXPECT_EQ(refusal.code, Code::unauthorized);
    EXPECT_EQ(refusal.options.uint(OptionNumber::max_age), 0u);
    EXPECT_EQ(refusal.token, request.token);
    EXPECT_EQ(server.endpoint.stats().protection_refused, 1u);
    EXPECT_TRUE(server.endpoint.stats().balanced());
}

TEST(Protected, ARefusalMayBringItsOwnReply) {
    ToyProtection other;
    other.refuse_with.emplace().code = Code::unauthorized;
    other.refuse_with->options.add(OptionNumber::oscore, {});
    other.refuse_with->payload = text("echo");
    Bench server({}, 2, &other);
    Message request;
    request.code = Code::post;
    request.id = 77;
    request.token = Token("4a"_hex);
    request.options.add(OptionNumber::oscore, "01"_hex);
    server.receive(peer_at(1), request);
    const Message reply = server.sent();
    EXPECT_EQ(reply.type, Type::acknowledgement);
    EXPECT_EQ(reply.id, 77);
    EXPECT_EQ(reply.token, request.token);
    EXPECT_EQ(reply.payload, text("echo"));
}

TEST(Protected, WithoutProtectionTheOptionIsNotUnderstood) {
    Bench server;
    Message request;
    request.code = Code::post;
    request.options.add(OptionNumber::oscore, "01"_hex);
    server.receive(peer_at(1), request);
    EXPECT_EQ(server.sent().code, Code::bad_option);
}

TEST(Protected, AContextThatIsGoneFailsTheRequest) {
    ToyProtection toy;
    Bench bench({}, 1, &toy);
    Request request = get(1, "a");
    request.peer.context = 9;
    bench.handle(request);
    EXPECT_EQ(bench.failure().reason, Failure::protection);
    EXPECT_TRUE(bench.silent());
    Bench bare;
    bare.handle(get(1, "a"));
    EXPECT_EQ(bare.failure().reason, Failure::protection);
    EXPECT_EQ(bare.endpoint.stats().protection_failed, 1u);
}

TEST(Protected, ASuccessInClearIsNoAnswer) {
    ToyProtection toy;
    Bench bench({}, 1, &toy);
    bench.handle(get(1, "a"));
    const Message request = bench.sent();
    Message reply;
    reply.type = Type::acknowledgement;
    reply.id = request.id;
    reply.token = request.token;
    reply.code = Code::content;
    bench.receive(peer_at(2), reply);
    EXPECT_TRUE(bench.silent());
    // Nor is one that holds no water.
    reply.options.add(OptionNumber::oscore, {});
    reply.payload = body_of(20);
    bench.receive(peer_at(2), reply);
    reply.type = Type::confirmable;
    ++reply.id;
    bench.receive(peer_at(2), reply);
    EXPECT_TRUE(bench.silent());  // and whoever sent it is not told anything
    EXPECT_EQ(bench.endpoint.stats().forged, 3u);
    EXPECT_TRUE(bench.endpoint.stats().balanced());
    EXPECT_EQ(bench.endpoint.transactions(), 1u);
    bench.pass(3s);
    EXPECT_EQ(bench.datagrams.size(), 1u);  // it goes on asking
}

TEST(Protected, AnErrorInClearFailsTheRequestAndIsTold) {
    ToyProtection toy;
    Bench bench({}, 1, &toy);
    bench.handle(get(1, "a"));
    const Message request = bench.sent();
    Message reply;
    reply.type = Type::acknowledgement;
    reply.id = request.id;
    reply.token = request.token;
    reply.code = Code::unauthorized;
    bench.receive(peer_at(2), reply);
    EXPECT_EQ(bench.failure(),
              (RequestFailed{RequestId{1}, Failure::protection, Code::unauthorized}));
}

TEST(Protected, BodiesGoInBlocksInsideOverABadNetwork) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Settings settings;
        settings.block_szx = 2;
        Protected net({.loss_percent = 15, .duplicate_percent = 15, .delay_max = 900ms}, settings,
                      seed);
        const Octets body = body_of(900, seed);
        net.request(net.ask(Code::put, body));
        net.run(600s);
        if (net.responses.empty()) continue;  // lost too often
        EXPECT_EQ(net.store, body);
        net.responses.clear();
        net.request(net.ask(Code::get));
        net.run(600s);
        if (net.responses.empty()) continue;
        EXPECT_EQ(net.responses[0].payload, body);
        EXPECT_EQ(net.far_.replays, 0u);
        EXPECT_LE(net.largest, 64u + 64u);
    }
}

TEST(Protected, NotificationsHaveNumbersOfTheirOwn) {  // [RFC 8613 §4.1.3.5.2]
    Protected net;
    Request observe = net.ask(Code::get);
    observe.observe = true;
    net.request(observe);
    net.run(1s);
    for (int i = 0; i < 20; ++i) {
        net.store = text(std::to_string(i));
        net.changed("/store");
        net.run(4s);
    }
    ASSERT_EQ(net.responses.size(), 21u);
    EXPECT_EQ(net.responses.back().payload, text("19"));
    EXPECT_EQ(net.client.stats().forged, 0u);
    EXPECT_GE(net.far_.notifications_protected, 21u);
}

TEST(Protected, ARenewedRegistrationBindsWhatFollows) {
    Protected net;
    Request observe = net.ask(Code::get);
    observe.observe = true;
    net.request(observe);
    net.run(10min);  // Max-Age is 60 s
    EXPECT_GE(net.near_.requests_protected, 5u);
    net.store = text("new");
    net.changed("/store");
    net.run(1s);
    EXPECT_EQ(net.responses.back().payload, text("new"));
    EXPECT_EQ(net.client.stats().forged, 0u);
}

TEST(Protected, ObserversOfTwoContextsAtOneAddressAreTwo) {
    Protected net;
    for (const std::uint32_t context : {1u, 2u}) {
        net.context = context;
        Request observe = net.ask(Code::get);
        observe.observe = true;
        net.request(observe);
        net.run(1s);
    }
    EXPECT_EQ(net.endpoint.observers(), 2u);
    net.responses.clear();
    net.changed("/store");
    net.run(10s);
    EXPECT_EQ(net.responses.size(), 2u);
}

TEST(Protected, AnObserverWhoseContextIsGoneIsGone) {
    Protected net;
    Request observe = net.ask(Code::get);
    observe.observe = true;
    net.request(observe);
    net.run(1s);
    net.far_.contexts.clear();
    net.changed("/store");
    net.run(1s);
    EXPECT_EQ(net.endpoint.observers(), 0u);
}

}  // namespace
}  // namespace causeway::coap::endpoint_protection_test
