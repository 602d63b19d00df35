// Bodies in Q-Blocks between endpoints: who uses them, what becomes of them where datagrams are
// lost, and what is let in. [RFC 9177]
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_qblock_test {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);
const Peer server = peer_at(2);

Settings quick(bool on = true) {
    Settings settings;
    settings.qblock = on;
    settings.block_szx = 2;
    settings.body_octets_max = 20000;
    settings.assembly_octets_max = 40000;
    settings.probing_rate = 0;
    settings.peers_max = 8;
    return settings;
}

Request asking(std::uint64_t id, Code code, Octets body = {}, bool confirmable = false) {
    Request request;
    request.id = RequestId{id};
    request.peer = server;
    request.code = code;
    request.options = path_options("big");
    request.payload = std::move(body);
    request.confirmable = confirmable;
    return request;
}

/// Two endpoints, and a resource that keeps what was put.
struct World {
    World(const Settings& ours, const Settings& theirs, const Network::Badness& bad = {},
          std::uint64_t seed = 1)
        : net(ours, theirs, bad, seed) {
        net.server.add({.path = "/big",
                        .methods = {Code::get, Code::put, Code::fetch, Code::post},
                        .handler =
                            [this](const RequestView& request) {
                                ++calls;
                                if (request.method == Code::fetch)
                                    return content_of(ContentFormat::octet_stream, request.payload);
                                if (request.method == Code::get)
                                    return content_of(ContentFormat::octet_stream, store);
                                store = to_octets(request.payload);
                                return response_of(Code::changed);
                            },
                        .observable = true});
    }
    Network net;
    Octets store = body_of(5000);
    int calls = 0;
};

/// A block of a body of `size` octets of 64 each.
Message block_of(const Octets& body, std::uint32_t number, std::uint16_t id,
                 std::string_view tag = "77", Type type = Type::non_confirmable) {
    Message message;
    message.type = type;
    message.code = Code::put;
    message.id = id;
    message.token = Token(Octets{std::byte(0xa0), std::byte(number)});
    message.options.add_path("big");
    const Block block{number, (number + std::size_t{1}) * 64 < body.size(), 2};
    message.options.add_uint(OptionNumber::q_block1, block.to_uint());
    message.options.add_uint(OptionNumber::size1, static_cast<std::uint32_t>(body.size()));
    message.options.add(OptionNumber::request_tag, *from_hex(tag));
    const std::size_t size = std::min<std::size_t>(64, body.size() - block.offset());
    message.payload = to_octets(Bytes(body).subspan(block.offset(), size));
    return message;
}

Message get_of(std::uint16_t id, std::initializer_list<Block> blocks,
               Type type = Type::non_confirmable) {
    Message message;
    message.type = type;
    message.code = Code::get;
    message.id = id;
    message.token = Token(Octets{std::byte(0xb0), std::byte(id & 0xff)});
    message.options.add_path("big");
    for (const Block& block : blocks)
        message.options.add_uint(OptionNumber::q_block2, block.to_uint());
    return message;
}

Message answer_to(const Message& request, Code code, std::uint16_t id) {
    Message message;
    message.type =
        request.type == Type::confirmable ? Type::acknowledgement : Type::non_confirmable;
    message.code = code;
    message.id = request.type == Type::confirmable ? request.id : id;
    message.token = request.token;
    return message;
}

// ---- both ends ---------------------------------------------------------------------------------

TEST(QBlockEndpoint, IsOffUnlessAskedFor) {
    EXPECT_FALSE(Settings().qblock);
    EXPECT_FALSE(Settings::for_node().qblock);
    EXPECT_FALSE(Settings::for_host().qblock);
    EXPECT_EQ(Bench().endpoint.qblock(), nullptr);
}

TEST(QBlockEndpoint, LongBodiesGoBothWaysWithoutWaiting) {
    World world(quick(), quick());
    const Octets body = body_of(3000, 9);
    world.net.request(asking(1, Code::put, body));
    world.net.run(5s);
    ASSERT_EQ(world.net.responses.size(), 1u);
    EXPECT_EQ(world.net.responses[0].code, Code::changed);
    EXPECT_EQ(world.store, body);
    world.net.request(asking(2, Code::get));
    world.net.run(5s);
    ASSERT_EQ(world.net.responses.size(), 2u);
    EXPECT_EQ(world.net.responses[1].payload, body);
    EXPECT_FALSE(world.net.responses[1].options.has(OptionNumber::q_block2));
    world.net.request(asking(3, Code::fetch, body));
    world.net.run(5s);
    ASSERT_EQ(world.net.responses.size(), 3u);
    EXPECT_EQ(world.net.responses[2].payload, body);
    const QBlockUse& ours = *world.net.client.qblock();
    const QBlockUse& theirs = *world.net.endpoint.qblock();
    EXPECT_EQ(theirs.stats.bodies_received, 2u);
    EXPECT_EQ(ours.stats.bodies_received, 2u);
    EXPECT_EQ(ours.tables.probes, 1u);  // one is enough
    EXPECT_EQ(ours.stats.payloads_repeated + theirs.stats.payloads_repeated, 0u);
    EXPECT_TRUE(ours.stats.balanced() && theirs.stats.balanced());
    world.net.run(1000s);
    EXPECT_EQ(world.net.client.next_deadline(), never);
    EXPECT_EQ(world.net.endpoint.next_deadline(), never);
    EXPECT_EQ(world.net.client.transactions(), 0u);
}

TEST(QBlockEndpoint, ShortBodiesAndConfirmableOnesGoAsEver) {
    World world(quick(), quick());
    world.store = text("short");
    world.net.request(asking(1, Code::get));
    world.net.request(asking(2, Code::put, body_of(300), true));
    world.net.run(20s);
    ASSERT_EQ(world.net.responses.size(), 2u);
    EXPECT_EQ(world.store, body_of(300));
    EXPECT_EQ(world.net.client.qblock()->stats.payloads_sent, 0u);
    EXPECT_EQ(world.net.endpoint.qblock()->stats.payloads_sent, 0u);
}

TEST(QBlockEndpoint, WhatIsLostIsAskedForAndComes) {
    unsigned whole = 0;
    std::uint64_t repeated_up = 0;
    std::uint64_t repeated_down = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        World world(quick(), quick(), {8, 5, 5ms, 60ms}, seed);
        const Octets body = body_of(3000, seed);
        world.net.request(asking(1, Code::put, body));
        world.net.run(900s);
        world.net.request(asking(2, Code::get));
        world.net.run(900s);
        ASSERT_EQ(world.net.responses.size() + world.net.failures.size(), 2u) << seed;
        EXPECT_LE(world.calls, 2) << seed;
        for (const ResponseArrived& response : world.net.responses) {
            ++whole;
            const bool put = response.id == RequestId{1};
            EXPECT_EQ(put ? body : response.payload, world.store) << seed;
        }
        repeated_up += world.net.client.qblock()->stats.payloads_repeated;
        repeated_down += world.net.endpoint.qblock()->stats.payloads_repeated;
        EXPECT_EQ(world.net.client.next_deadline(), never);
        EXPECT_EQ(world.net.endpoint.next_deadline(), never);
        EXPECT_TRUE(world.net.client.stats().balanced());
        EXPECT_TRUE(world.net.endpoint.stats().balanced());
    }
    // The request that asks, and the response that is one message, are not confirmable: nobody
    // repeats these.
    EXPECT_GE(whole, 50u);
    EXPECT_GT(repeated_up, 20u);
    EXPECT_GT(repeated_down, 20u);
}

TEST(QBlockEndpoint, LongNotificationsComeInQBlocks) {  // [RFC 9177 §4.5]
    World world(quick(), quick());
    Request request = asking(1, Code::get);
    request.observe = true;
    world.net.request(request);
    world.net.run(5s);
    ASSERT_EQ(world.net.responses.size(), 1u);
    EXPECT_TRUE(world.net.responses[0].more_to_come);
    for (std::uint64_t seed = 10; seed < 18; ++seed) {  // one of them is confirmable
        world.store = body_of(2000, seed);
        world.net.changed("/big");
        world.net.run(8s);
        ASSERT_EQ(world.net.responses.back().payload, world.store) << seed;
        ASSERT_TRUE(world.net.responses.back().more_to_come);
    }
    EXPECT_EQ(world.net.responses.size(), 9u);
    EXPECT_EQ(world.net.endpoint.observers(), 1u);
    EXPECT_EQ(world.net.client.qblock()->stats.bodies_received, 9u);
    world.store = text("short");
    world.net.changed("/big");
    world.net.run(8s);
    EXPECT_EQ(world.net.responses.back().payload, text("short"));
    world.net.client.handle(world.net.now, Cancel{RequestId{1}});
    world.net.run(100s);
    EXPECT_EQ(world.net.client.transactions(), 0u);
}

// ---- who does not take them --------------------------------------------------------------------

TEST(QBlockEndpoint, AServerThatDoesNotIsServedInBlocks) {  // [RFC 9177 §4.1]
    World world(quick(), quick(false));
    const Octets body = body_of(1000, 3);
    world.net.request(asking(1, Code::put, body));
    world.net.run(20s);
    world.net.request(asking(2, Code::get));
    world.net.run(20s);
    ASSERT_EQ(world.net.responses.size(), 2u);
    EXPECT_EQ(world.net.responses[0].code, Code::changed);
    EXPECT_EQ(world.net.responses[1].payload, body);
    EXPECT_EQ(world.net.client.qblock()->tables.probes, 1u);
    EXPECT_EQ(world.net.client.qblock()->tables.fallbacks, 1u);
}

TEST(QBlockEndpoint, AClientThatDoesNotIsServedInBlocks) {
    World world(quick(false), quick());
    world.net.request(asking(1, Code::get));
    world.net.run(20s);
    ASSERT_EQ(world.net.responses.size(), 1u);
    EXPECT_EQ(world.net.responses[0].payload, world.store);
    EXPECT_EQ(world.net.endpoint.qblock()->stats.payloads_sent, 0u);
}

TEST(QBlockEndpoint, ByDefaultTheOptionsAreRefused) {
    Bench bench(quick(false));
    bench.receive(client, get_of(1, {{0, true, 2}}));
    EXPECT_TRUE(bench.silent());
    bench.receive(client, get_of(2, {{0, true, 2}}, Type::confirmable));
    EXPECT_EQ(bench.sent().code, Code::bad_option);
    bench.receive(client, block_of(body_of(200), 0, 3, "77", Type::confirmable));
    EXPECT_EQ(bench.sent().code, Code::bad_option);
    EXPECT_EQ(bench.endpoint.stats().options_refused, 3u);
}

/// Which a server answers as one that takes Q-Blocks.
void probe(Bench& bench) {
    const Message message = bench.sent();
    EXPECT_EQ(message.type, Type::confirmable);
    EXPECT_EQ(message.code, Code::get);
    EXPECT_TRUE(message.options.has(OptionNumber::q_block2));
    bench.receive(server, answer_to(message, Code::not_found, 0));
}

TEST(QBlockEndpoint, WhoTookThemBeforeMayRefuseThemLater) {
    Bench bench(quick());
    bench.handle(asking(1, Code::put, body_of(200)));
    probe(bench);
    ASSERT_EQ(bench.datagrams.size(), 4u);
    const Message first = bench.take_sent();
    EXPECT_EQ(first.type, Type::non_confirmable);
    bench.datagrams.clear();
    bench.receive(server, empty_message(Type::reset, first.id));
    Message plain = bench.sent();
    EXPECT_TRUE(plain.options.has(OptionNumber::block1));
    EXPECT_FALSE(plain.options.has(OptionNumber::q_block1));
    EXPECT_EQ(bench.endpoint.qblock()->tables.fallbacks, 1u);
    bench.handle(Cancel{RequestId{1}});

    Bench other(quick());
    other.handle(asking(1, Code::get));
    probe(other);
    const Message ask = other.sent();
    EXPECT_EQ(ask.options.uint(OptionNumber::q_block2), (Block{0, true, 2}.to_uint()));
    other.receive(server, answer_to(ask, Code::bad_option, 5));
    EXPECT_FALSE(other.sent().options.has(OptionNumber::q_block2));
}

TEST(QBlockEndpoint, AProbeThatIsResetOrLostEndsWell) {
    Bench bench(quick());
    bench.handle(asking(1, Code::get));
    bench.receive(server, empty_message(Type::reset, bench.sent().id));
    EXPECT_EQ(bench.sent().type, Type::non_confirmable);
    bench.handle(Cancel{RequestId{1}});
    Bench lost(quick());
    lost.handle(asking(1, Code::get));
    lost.pass(200s);
    EXPECT_EQ(lost.failure().reason, Failure::timeout);
    EXPECT_EQ(lost.endpoint.transactions(), 0u);
}

// ---- missing blocks ----------------------------------------------------------------------------

TEST(QBlockEndpoint, AServerNamesWhatIsMissing) {  // [RFC 9177 §4.3, §5]
    Bench bench(quick());
    const Octets body = body_of(300);  // 5 blocks
    for (const std::uint32_t n : {0u, 2u, 4u})
        bench.receive(client, block_of(body, n, static_cast<std::uint16_t>(n)));
    EXPECT_TRUE(bench.silent());
    bench.pass(4s);
    const Message report = bench.sent();
    EXPECT_EQ(report.type, Type::non_confirmable);
    EXPECT_EQ(report.code, Code::request_entity_incomplete);
    EXPECT_EQ(report.options.uint(OptionNumber::content_format), 272u);
    EXPECT_EQ(report.payload, "01 03"_hex);
    EXPECT_EQ(report.token, block_of(body, 4, 0).token);
    bench.receive(client, block_of(body, 1, 11));
    bench.receive(client, block_of(body, 3, 13));
    const RequestArrived request = bench.request();
    EXPECT_EQ(request.payload, body);
    EXPECT_FALSE(request.options.has(OptionNumber::q_block1));
    EXPECT_FALSE(request.options.has(OptionNumber::size1));
    bench.handle(Respond{request.exchange, response_of(Code::changed)});
    EXPECT_EQ(bench.sent().token, block_of(body, 3, 0).token);
    bench.receive(client, block_of(body, 0, 14));  // the answer was lost: it comes once more
    EXPECT_EQ(bench.sent().code, Code::changed);
    EXPECT_TRUE(bench.silent());
    bench.pass(1000s);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(QBlockEndpoint, AResetOfTheReportEndsTheBody) {  // [RFC 9177 §4.3]
    Bench bench(quick());
    bench.receive(client, block_of(body_of(300), 1, 1));
    bench.pass(4s);
    bench.receive(client, empty_message(Type::reset, bench.sent().id));
    EXPECT_EQ(bench.endpoint.qblock()->tables.resets, 1u);
    EXPECT_EQ(bench.endpoint.stats().resets, 1u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(QBlockEndpoint, AClientSendsWhatIsNamed) {  // [RFC 9177 §4.3]
    Bench bench(quick());
    const Octets body = body_of(300);
    bench.handle(asking(1, Code::put, body));
    probe(bench);
    ASSERT_EQ(bench.datagrams.size(), 5u);
    const Message first = bench.take_sent();
    EXPECT_EQ(first.options.uint(OptionNumber::size1), 300u);
    EXPECT_TRUE(first.options.has(OptionNumber::request_tag));
    bench.datagrams.clear();
    Message report = answer_to(first, Code::request_entity_incomplete, 9);
    report.options.add_uint(OptionNumber::content_format, 272);
    report.payload = "01 03"_hex;
    bench.receive(peer_at(9), report);  // not from whom it was sent to
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 9));
    bench.receive(server, report);
    ASSERT_EQ(bench.datagrams.size(), 2u);
    EXPECT_EQ(bench.take_sent().options.uint(OptionNumber::q_block1),
              (Block{1, true, 2}.to_uint()));
    const Message last = bench.take_sent();
    EXPECT_EQ(last.options.uint(OptionNumber::q_block1), (Block{3, true, 2}.to_uint()));
    EXPECT_TRUE(same(*last.options.find(OptionNumber::request_tag),
                     *first.options.find(OptionNumber::request_tag)));
    bench.receive(server, answer_to(last, Code::changed, 10));
    EXPECT_EQ(bench.response().code, Code::changed);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(QBlockEndpoint, AServerGivesTheBlocksThatAreAskedFor) {  // [RFC 9177 §4.4]
    Bench bench(quick());
    bench.receive(client, get_of(1, {{0, true, 2}}));
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(300), false}});
    ASSERT_EQ(bench.datagrams.size(), 5u);
    const Message first = bench.take_sent();
    EXPECT_EQ(first.options.uint(OptionNumber::size2), 300u);
    EXPECT_TRUE(first.options.has(OptionNumber::etag));
    bench.datagrams.clear();
    bench.receive(client, get_of(2, {{1, false, 2}, {3, false, 2}}));
    ASSERT_EQ(bench.datagrams.size(), 2u);
    EXPECT_EQ(bench.take_sent().options.uint(OptionNumber::q_block2),
              (Block{1, true, 2}.to_uint()));
    EXPECT_EQ(bench.take_sent().options.uint(OptionNumber::q_block2),
              (Block{3, true, 2}.to_uint()));
    EXPECT_TRUE(bench.requests.empty());  // of the body that was kept
    // After it was forgotten: of the present one.
    bench.pass(1000s);
    bench.receive(client, get_of(3, {{2, false, 2}}));
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(300), false}});
    EXPECT_EQ(bench.sent().options.uint(OptionNumber::q_block2), (Block{2, true, 2}.to_uint()));
}

TEST(QBlockEndpoint, AConfirmableRequestIsAcknowledgedFirst) {
    Bench bench(quick());
    bench.receive(client, get_of(1, {{0, true, 2}}, Type::confirmable));
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(100), false}});
    EXPECT_EQ(bench.take_sent(), empty_message(Type::acknowledgement, 1));
    EXPECT_EQ(bench.take_sent().type, Type::non_confirmable);
    bench.datagrams.clear();
    const Octets body = body_of(100);
    bench.receive(client, block_of(body, 0, 2, "01", Type::confirmable));
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 2));
    bench.receive(client, block_of(body, 1, 3, "01", Type::confirmable));
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 3));
    EXPECT_EQ(bench.request().payload, body);
}

// ---- limits ------------------------------------------------------------------------------------

TEST(QBlockEndpoint, RequestBodiesAreBounded) {
    Settings settings = quick();
    settings.assemblies_max = 2;
    settings.assembly_octets_max = 600;
    Bench bench(settings);
    std::uint16_t id = 1;
    for (const std::string_view tag : {"01", "02", "03"})
        bench.receive(client, block_of(body_of(200), 0, id++, tag));
    EXPECT_EQ(bench.endpoint.qblock()->tables.uploads_evicted, 1u);
    bench.receive(client, block_of(body_of(500), 0, id++, "04"));  // and by octets
    EXPECT_EQ(bench.endpoint.qblock()->tables.uploads_evicted, 3u);
    bench.receive(client, block_of(body_of(601), 0, id++, "05"));
    const Message refusal = bench.sent();
    EXPECT_EQ(refusal.code, Code::request_entity_too_large);
    EXPECT_EQ(refusal.options.uint(OptionNumber::size1), 600u);
    EXPECT_EQ(bench.endpoint.stats().bodies_refused, 1u);
}

TEST(QBlockEndpoint, ABodyThatIsWholeGivesWayBeforeOneThatComes) {
    Settings settings = quick();
    settings.assemblies_max = 2;
    Bench bench(settings);
    const Octets body = body_of(128);
    bench.receive(client, block_of(body, 0, 1, "01"));
    bench.receive(client, block_of(body, 0, 2, "02"));
    bench.receive(client, block_of(body, 1, 3, "02"));
    const RequestArrived done = bench.request();
    bench.receive(client, block_of(body, 0, 4, "03"));
    bench.receive(client, block_of(body, 1, 5, "01"));
    EXPECT_EQ(bench.request().payload, body);
    bench.handle(Respond{done.exchange, response_of(Code::changed)});  // all the same
    EXPECT_EQ(bench.sent().code, Code::changed);
}

TEST(QBlockEndpoint, ResponseBodiesAreBounded) {
    Settings settings = quick();
    settings.transfers_max = 2;
    Bench bench(settings);
    for (std::uint8_t host = 10; host < 14; ++host) {
        bench.receive(peer_at(host), get_of(1, {{0, true, 2}}));
        bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(200), false}});
    }
    EXPECT_EQ(bench.endpoint.qblock()->tables.transfers_evicted, 2u);
}

TEST(QBlockEndpoint, WhoIsKnownIsBounded) {
    Settings settings = quick();
    settings.peers_max = 2;
    Bench bench(settings);
    for (std::uint8_t host = 10; host < 14; ++host) {
        Request request = asking(host, Code::get);
        request.peer = peer_at(host);
        bench.handle(std::move(request));
        const Message message = bench.sent();
        bench.receive(peer_at(host), answer_to(message, Code::not_found, 0));
        bench.datagrams.clear();
    }
    EXPECT_EQ(bench.endpoint.qblock()->tables.known_evicted, 2u);
}

TEST(QBlockEndpoint, AFullTableOfExchangesRefusesTheBody) {
    Settings settings = quick();
    settings.exchanges_max = 1;
    Bench bench(settings);
    bench.receive(client, get_of(1, {}));
    EXPECT_EQ(bench.requests.size(), 1u);
    bench.receive(client, block_of(body_of(60), 0, 2));
    EXPECT_EQ(bench.sent().code, Code::service_unavailable);
    EXPECT_EQ(bench.endpoint.stats().exchanges_refused, 1u);
}

TEST(QBlockEndpoint, AResponseLongerThanAllowedIsRefused) {
    Bench bench(quick());
    bench.handle(asking(1, Code::get));
    probe(bench);
    Message block = answer_to(bench.sent(), Code::content, 7);
    block.options.add_uint(OptionNumber::q_block2, Block{0, true, 2}.to_uint());
    block.options.add_uint(OptionNumber::size2, 20001);
    block.payload = body_of(64);
    bench.receive(server, block);
    EXPECT_EQ(bench.failure().reason, Failure::too_large);
    EXPECT_EQ(bench.endpoint.stats().bodies_refused, 1u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(QBlockEndpoint, AResponseThatStopsIsGivenUp) {  // [RFC 9177 §7.2]
    Bench bench(quick());
    bench.handle(asking(1, Code::get));
    probe(bench);
    Message block = answer_to(bench.sent(), Code::content, 7);
    block.options.add_uint(OptionNumber::q_block2, Block{0, true, 2}.to_uint());
    block.options.add_uint(OptionNumber::size2, 300);
    block.payload = body_of(64);
    bench.receive(server, block);
    bench.pass(1000s);
    EXPECT_EQ(bench.datagrams.size(), 4u);  // NON_MAX_RETRANSMIT
    EXPECT_EQ(bench.failure().reason, Failure::incomplete);
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

// ---- hostile input -----------------------------------------------------------------------------

TEST(QBlockEndpoint, MalformedRequestsAreAnswered) {
    Bench bench(quick());
    Message bad = block_of(body_of(200), 0, 1);
    bad.options.remove(OptionNumber::request_tag);
    bench.receive(client, bad);
    EXPECT_EQ(bench.sent().code, Code::bad_request);  // [RFC 9177 §4.3]
    bad = block_of(body_of(200), 0, 2);
    bad.options.remove(OptionNumber::size1);
    bench.receive(client, bad);
    EXPECT_EQ(bench.sent().code, Code::bad_request);
    bad = block_of(body_of(200), 0, 3);
    bad.options.add_uint(OptionNumber::block1, 8);
    bench.receive(client, bad);
    EXPECT_EQ(bench.sent().code, Code::bad_option);  // [RFC 9177 §4.1]
    bench.receive(client, get_of(4, {{3, false, 2}, {1, false, 2}}));
    EXPECT_EQ(bench.sent().code, Code::bad_request);  // [RFC 9177 §4.4]
    bench.receive(client, get_of(5, {{0, true, 2}}), true);
    EXPECT_TRUE(bench.silent());  // [RFC 9177 §4.8]
    bad = block_of(body_of(200), 0, 6);
    bad.options.set_uint(OptionNumber::q_block1, Block{7, true, 2}.to_uint());  // past the end
    bench.receive(client, bad);
    EXPECT_EQ(bench.sent().code, Code::bad_request);
    bad = get_of(8, {{1, false, 2}});
    bad.code = Code::post;  // it is not done twice for a block of what it answered
    bench.receive(client, bad);
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    EXPECT_TRUE(bench.requests.empty());
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

TEST(QBlockEndpoint, StreamsAndObjectSecurityHaveNone) {
    Bench bench(quick());
    Peer stream = client;
    stream.transport = Transport::tcp;
    bench.receive_message(stream, get_of(0, {{0, true, 2}}));
    EXPECT_EQ(bench.sent_message().code, Code::bad_option);
    Request request = asking(1, Code::put, body_of(3000));
    request.peer.transport = Transport::tcp;
    bench.handle(std::move(request));
    EXPECT_FALSE(bench.sent_message().options.has(OptionNumber::q_block1));
}

TEST(QBlockEndpoint, AForgedSourceIsAskedToEchoFirst) {  // [RFC 9175 §2.4]
    Settings settings = quick();
    settings.echo_amplification = true;
    Bench bench(settings);
    bench.receive(client, get_of(1, {{0, true, 2}}));
    const Message question = bench.sent();
    EXPECT_EQ(question.code, Code::unauthorized);
    EXPECT_TRUE(bench.requests.empty());
    World world(quick(), settings);
    const Octets body = body_of(1000, 4);
    world.net.request(asking(1, Code::put, body));
    world.net.run(20s);
    ASSERT_EQ(world.net.responses.size(), 1u);
    EXPECT_EQ(world.store, body);
}

TEST(QBlockEndpoint, APingIsNotAnsweredByBlocks) {
    Bench bench(quick());
    bench.handle(asking(1, Code::empty, {}, true));
    Message block = answer_to(bench.sent(), Code::content, 0);
    block.options.add_uint(OptionNumber::block2, Block{0, true, 2}.to_uint());
    block.payload = body_of(64);
    bench.receive(server, block);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().unexpected, 1u);
}

TEST(QBlockEndpoint, AClosedSessionTakesItsBodies) {
    Bench bench(quick());
    Peer session = client;
    session.transport = Transport::dtls;
    session.channel = 4;
    bench.receive(session, block_of(body_of(300), 0, 1));
    bench.receive(session, get_of(2, {{0, true, 2}}));
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(200), false}});
    EXPECT_NE(bench.endpoint.next_deadline(), never);
    bench.handle(ChannelClosed{Transport::dtls, 4});
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

}  // namespace
}  // namespace causeway::coap::endpoint_qblock_test
