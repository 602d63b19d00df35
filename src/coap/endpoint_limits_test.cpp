// Every table has a limit with a name and a counter; and what many peers, sessions and tokens ask
// of them.
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_limits_test {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);

Peer session(std::uint32_t channel) {
    Peer peer = client;
    peer.transport = Transport::dtls;
    peer.channel = channel;
    return peer;
}

Message get(std::uint16_t id, std::string_view path = "a", std::string_view token = "4a") {
    Message message;
    message.code = Code::get;
    message.id = id;
    message.token = Token(*from_hex(token));
    message.options.add_path(path);
    return message;
}

Message registration(std::uint16_t id, std::string_view path, std::string_view token = "4a") {
    Message message = get(id, path, token);
    message.options.add_uint(OptionNumber::observe, 0);
    return message;
}

Response reading() {
    return {Code::content, {}, text("1"), true};
}

// ---- tokens [RFC 8974] -------------------------------------------------------------------------

TEST(Tokens, LongOnesAreFormatErrorsToWhoTakesNone) {  // [RFC 8974 §2.2.2]
    Bench bench;
    Message request = get(1);
    request.token = Token(body_of(9));
    bench.receive(client, request);
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 1));
    EXPECT_EQ(bench.endpoint.stats().malformed, 1u);
    EXPECT_EQ(bench.endpoint.stats().tokens_refused, 1u);
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

TEST(Tokens, LongerThanTheLimitAreAnsweredAndNotRejected) {  // [RFC 8974 §2.2.2]
    Settings settings;
    settings.token_octets_max = 100;
    Bench bench(settings);
    Message request = get(1);
    request.token = Token(body_of(100));
    bench.receive(client, request);
    EXPECT_EQ(bench.request().token, request.token);
    request.id = 2;
    request.token = Token(body_of(101));
    bench.receive(client, request);
    const Message reply = bench.sent();
    EXPECT_EQ(reply.code, Code::service_unavailable);
    EXPECT_EQ(reply.token, request.token);
    EXPECT_EQ(bench.endpoint.stats().tokens_refused, 1u);
}

TEST(Tokens, AClientMayUseLongOnes) {
    Bench bench;
    Request request;
    request.id = RequestId{1};
    request.peer = peer_at(2);
    request.token = Token(body_of(300));
    bench.handle(request);
    const Message sent = bench.sent();
    EXPECT_EQ(sent.token, request.token);
    Message reply;
    reply.type = Type::acknowledgement;
    reply.code = Code::content;
    reply.id = sent.id;
    reply.token = sent.token;
    bench.receive(peer_at(2), reply);
    EXPECT_EQ(bench.response().code, Code::content);
}

// ---- observers ---------------------------------------------------------------------------------

TEST(ObserverLimits, OneClientHasItsShareAndNoMore) {
    Settings settings;
    settings.observers_per_peer_max = 2;
    Bench bench(settings);
    const auto add = [&](const Peer& peer, std::uint16_t id, std::string_view path,
                         std::string_view token) {
        bench.receive(peer, registration(id, path, token));
        bench.handle(Respond{bench.request().exchange, reading()});
        return bench.sent().options.has(OptionNumber::observe);
    };
    EXPECT_TRUE(add(client, 1, "a", "01"));
    EXPECT_TRUE(add(client, 2, "b", "02"));
    EXPECT_FALSE(add(client, 3, "c", "03"));
    EXPECT_TRUE(add(client, 4, "b", "04"));  // instead of the other
    EXPECT_TRUE(add(peer_at(7), 1, "c", "03"));
    EXPECT_EQ(bench.endpoint.stats().observers_refused, 1u);
    ASSERT_EQ(bench.gone.size(), 1u);
    EXPECT_EQ(bench.gone[0].token, Token("02"_hex));
}

TEST(ObserverLimits, EveryDepartureIsTold) {
    Bench bench;
    const auto add = [&](std::uint16_t id, std::string_view token) {
        bench.receive(client, registration(id, "a", token));
        bench.handle(Respond{bench.request().exchange, reading()});
        bench.datagrams.clear();
    };
    const auto only_gone = [&] {
        CAUSEWAY_ASSERT(bench.gone.size() == 1);
        const Token token = bench.gone.front().token;
        bench.gone.clear();
        return token;
    };
    add(1, "01");
    Message goodbye = registration(2, "a", "01");  // cancelled
    goodbye.options.set_uint(OptionNumber::observe, 1);
    bench.receive(client, goodbye);
    bench.requests.clear();
    EXPECT_EQ(only_gone(), Token("01"_hex));
    add(3, "02");  // reset
    bench.handle(ResourceChanged{"a"});
    bench.handle(Respond{bench.request().exchange, reading()});
    bench.receive(client, empty_message(Type::reset, bench.sent().id));
    EXPECT_EQ(only_gone(), Token("02"_hex));
    add(4, "03");  // the resource is no more
    bench.handle(ResourceChanged{"a"});
    bench.handle(Respond{bench.request().exchange, {Code::not_found, {}, {}, false}});
    bench.datagrams.clear();
    EXPECT_EQ(only_gone(), Token("03"_hex));
    bench.pass(200s);
    bench.datagrams.clear();
    add(5, "04");  // silent
    bench.handle(ResourceChanged{"a", true});
    bench.handle(Respond{bench.request().exchange, reading()});
    bench.pass(200s);
    EXPECT_EQ(only_gone(), Token("04"_hex));
    add(6, "05");  // registering again under the same token is no departure
    add(7, "05");
    EXPECT_TRUE(bench.gone.empty());
    EXPECT_EQ(bench.endpoint.observers(), 1u);
}

TEST(ObserverLimits, ACloserOfOneSessionTakesItsObserversOnly) {
    Bench bench;
    for (const std::uint32_t channel : {1u, 2u}) {
        bench.receive(session(channel), registration(1, "a"));
        bench.handle(Respond{bench.request().exchange, reading()});
    }
    bench.datagrams.clear();
    bench.handle(ChannelClosed{Transport::dtls, 1});
    EXPECT_EQ(bench.endpoint.observers(), 1u);
    bench.handle(ResourceChanged{"a", true});
    bench.handle(Respond{bench.request().exchange, reading()});
    EXPECT_EQ(bench.datagrams.at(0).peer, session(2));
    bench.handle(ChannelClosed{Transport::dtls, 2});
    bench.datagrams.clear();
    bench.pass(300s);
    EXPECT_TRUE(bench.silent());  // nothing is retransmitted into a closed session
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(ObserverLimits, AFetchIsAskedForAgainWithItsPayload) {  // [RFC 8132 §2.4]
    Bench bench;
    Message request = registration(1, "a", "01");
    request.code = Code::fetch;
    request.payload = text("first");
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, reading()});
    request.id = 2;
    request.token = Token("02"_hex);
    request.payload = text("second");  // another question, another observation
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, reading()});
    EXPECT_EQ(bench.endpoint.observers(), 2u);
    bench.handle(ResourceChanged{"a"});
    EXPECT_EQ(bench.request().payload, text("first"));
}

// ---- messages ----------------------------------------------------------------------------------

TEST(Deduplication, ASessionThatEndsTakesItsMessagesAlong) {
    Bench bench;
    for (std::uint16_t id = 1; id <= 3; ++id) bench.receive(session(1), get(id));
    bench.receive(session(2), get(1));
    EXPECT_EQ(bench.requests.size(), 4u);
    bench.handle(ChannelClosed{Transport::dtls, 1});
    for (std::uint16_t id = 1; id <= 3; ++id) bench.receive(session(1), get(id));
    EXPECT_EQ(bench.requests.size(), 7u);
    bench.receive(session(2), get(1));
    EXPECT_EQ(bench.endpoint.stats().duplicates, 1u);
}

TEST(Deduplication, KeepsABoundedAmountOfReplies) {
    Settings settings;
    settings.deduplication_octets_max = 3000;
    Bench bench(settings);
    for (std::uint16_t id = 1; id <= 10; ++id) {
        bench.receive(client, get(id));
        bench.handle(Respond{bench.request().exchange, {Code::content, {}, Octets(1000), false}});
    }
    EXPECT_GE(bench.endpoint.stats().deduplications_evicted, 6u);
    bench.datagrams.clear();
    bench.receive(client, get(10));
    EXPECT_EQ(bench.sent().payload.size(), 1000u);
}

TEST(Deduplication, ManyPeersAreToldApart) {
    Settings settings = Settings::for_host();
    Bench bench(settings);
    for (int copy = 0; copy < 2; ++copy)
        for (std::uint32_t n = 0; n < 20000; ++n) {
            Peer peer = peer_at(1, static_cast<std::uint16_t>(n % 50 + 1));
            ByteWriter(MutableBytes(peer.address).subspan(8, 4)).be32(n / 50);
            bench.receive(peer, get(7));
        }
    EXPECT_EQ(bench.endpoint.stats().duplicates, 20000u);
    // 4096 stay open: the others were told that there are too many.
    EXPECT_EQ(bench.endpoint.stats().exchanges_refused, 20000u - settings.exchanges_max);
}

// ---- bodies ------------------------------------------------------------------------------------

Message block_of(std::uint16_t id, std::string_view path, std::uint32_t number, bool more) {
    Message message = get(id, path);
    message.code = Code::put;
    message.options.add_uint(OptionNumber::block1, Block{number, more, 6}.to_uint());
    message.payload = Octets(1024);
    return message;
}

TEST(Assemblies, AllOfThemTogetherAreBounded) {
    Settings settings;
    settings.assembly_octets_max = 4096;
    Bench bench(settings);
    std::uint16_t id = 0;
    for (const std::string_view path : {"a", "b"})
        for (std::uint32_t number = 0; number < 2; ++number) {
            bench.receive(client, block_of(++id, path, number, true));
            EXPECT_EQ(bench.sent().code, Code::continue_);
        }
    bench.receive(client, block_of(++id, "b", 2, true));  // the older one has to go
    EXPECT_EQ(bench.sent().code, Code::continue_);
    EXPECT_EQ(bench.endpoint.stats().assemblies_evicted, 1u);
    bench.receive(client, block_of(++id, "a", 2, true));
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    bench.receive(client, block_of(++id, "b", 3, false));
    EXPECT_EQ(bench.request().payload.size(), 4096u);
}

TEST(Transfers, AllOfThemTogetherAreBounded) {
    Settings settings;
    settings.transfer_octets_max = 5000;
    Bench bench(settings);
    std::uint16_t id = 0;
    for (const std::string_view path : {"a", "b", "c"}) {
        bench.receive(client, get(++id, path));
        bench.handle(Respond{bench.request().exchange, {Code::content, {}, Octets(2400), false}});
        bench.datagrams.clear();
    }
    EXPECT_EQ(bench.endpoint.stats().transfers_evicted, 1u);
    for (const std::string_view path : {"a", "b", "c"}) {
        Message next = get(++id, path);
        next.options.add_uint(OptionNumber::block2, Block{1, false, 6}.to_uint());
        bench.receive(client, next);
    }
    EXPECT_EQ(bench.requests.size(), 1u);  // made once more, as a GET can be
    EXPECT_EQ(bench.datagrams.size(), 2u);
}

TEST(Transfers, AClientThatDoesItByHandGetsAnyBlock) {  // [RFC 7959 §2.4]
    Settings settings;
    settings.body_octets_max = 1000;  // less than the body: nobody puts it together
    Network net(settings, Settings{}, {}, 3);
    const Octets body = body_of(3000);
    net.server.add({.path = "/large", .handler = [&](const RequestView&) {
                        return content_of(ContentFormat::octet_stream, body);
                    }});
    for (const std::uint32_t number : {20u, 3u, 46u}) {
        Request request{.id = RequestId{number}, .options = path_options("large")};
        request.options.add_uint(OptionNumber::block2, Block{number, false, 2}.to_uint());
        net.request(request);
        net.run(10s);
        ASSERT_EQ(net.responses.size(), 1u);
        const auto block = BlockOption::read(net.responses[0].options, OptionNumber::block2).block;
        EXPECT_EQ(block, (Block{number, number != 46, 2}));
        const auto from = body.begin() + static_cast<std::ptrdiff_t>(block.offset());
        const std::size_t size = std::min<std::size_t>(64, body.size() - block.offset());
        EXPECT_EQ(net.responses[0].payload, Octets(from, from + static_cast<std::ptrdiff_t>(size)));
        net.responses.clear();
    }
}

// ---- requests ----------------------------------------------------------------------------------

TEST(Requests, OfOnePeerDoNotWaitForThoseOfOthers) {
    Settings settings = Settings::for_host();
    Bench bench(settings);
    for (std::uint32_t n = 0; n < 2000; ++n) {
        Request request;
        request.id = RequestId{n};
        request.peer = peer_at(1, static_cast<std::uint16_t>(n % 1000 + 1));
        bench.handle(request);
    }
    EXPECT_EQ(bench.datagrams.size(), 1000u);  // NSTART each
    bench.pass(93s);
    EXPECT_EQ(bench.failures.size(), 1000u);
    bench.pass(93s);
    EXPECT_EQ(bench.failures.size(), 2000u);
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(Requests, AnObservationIsRenewedWhenTheServerFallsSilent) {  // [RFC 7641 §3.3.1]
    Bench bench;
    Request request;
    request.id = RequestId{1};
    request.peer = peer_at(2);
    request.options = path_options("a");
    request.observe = true;
    bench.handle(request);
    const auto answer = [&](const Message& to) {
        Message reply;
        reply.type = Type::acknowledgement;
        reply.code = Code::content;
        reply.id = to.id;
        reply.token = to.token;
        reply.options.add_uint(OptionNumber::observe, 5);
        reply.options.add_uint(OptionNumber::max_age, 20);
        bench.receive(peer_at(2), reply);
        EXPECT_TRUE(bench.response().more_to_come);
    };
    const Message first = bench.sent();
    answer(first);
    // The server restarts, and knows nothing of us any more.
    bench.pass(36s);
    const Message again = bench.take_sent();
    bench.datagrams.clear();  // repeated by now, perhaps
    EXPECT_EQ(again.token, first.token);
    EXPECT_EQ(again.options.uint(OptionNumber::observe), 0u);
    answer(again);
}

}  // namespace
}  // namespace causeway::coap::endpoint_limits_test
