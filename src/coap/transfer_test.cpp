// The client role's half of block-wise transfers, and both roles over a network that loses, repeats
// and reorders.
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::transfer_test {
namespace {

using namespace testing;

const Peer server = peer_at(2);

Settings blocks(std::uint8_t szx) {
    Settings settings;
    settings.block_szx = szx;
    return settings;
}

Request put(const Octets& body) {
    Request request;
    request.id = RequestId{1};
    request.peer = server;
    request.code = Code::put;
    request.options = path_options("store");
    request.payload = body;
    return request;
}

Message ack(const Message& request, Code code) {
    Message message;
    message.type = Type::acknowledgement;
    message.code = code;
    message.id = request.id;
    message.token = request.token;
    return message;
}

Message block2_ack(const Message& request, const Octets& body, Block block, std::uint8_t tag) {
    Message message = ack(request, Code::content);
    message.options.add(OptionNumber::etag, Octets{std::byte{tag}});
    message.options.add_uint(OptionNumber::block2, block.to_uint());
    message.payload = to_octets(
        Bytes(body).subspan(block.offset(), std::min(block.size(), body.size() - block.offset())));
    return message;
}

Block block1_of(const Message& m) {
    return BlockOption::read(m.options, OptionNumber::block1).block;
}
Block block2_of(const Message& m) {
    return BlockOption::read(m.options, OptionNumber::block2).block;
}

// ---- Block1 [RFC 7959 §2.5] --------------------------------------------------------------------

TEST(Upload, GoesInBlocksOfOurSize) {
    Bench bench(blocks(3));
    const Octets body = body_of(300);
    bench.handle(put(body));
    Octets sent;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const Message request = bench.sent();
        EXPECT_EQ(block1_of(request), (Block{i, i < 2, 3}));
        EXPECT_EQ(request.options.uint(OptionNumber::size1),
                  i == 0 ? std::optional(300u) : std::nullopt);
        sent.insert(sent.end(), request.payload.begin(), request.payload.end());
        Message reply = ack(request, i < 2 ? Code::continue_ : Code::changed);
        reply.options.add_uint(OptionNumber::block1, Block{i, i < 2, 3}.to_uint());
        bench.receive(server, reply);
    }
    EXPECT_EQ(sent, body);
    EXPECT_EQ(bench.response().code, Code::changed);
    EXPECT_TRUE(bench.silent());
}

TEST(Upload, TurnsToTheServersSmallerSize) {  // [RFC 7959 §3.2, figure 9]
    Bench bench(blocks(3));
    bench.handle(put(body_of(300)));
    Message reply = ack(bench.sent(), Code::continue_);
    reply.options.add_uint(OptionNumber::block1, Block{0, true, 1}.to_uint());
    bench.receive(server, reply);
    EXPECT_EQ(block1_of(bench.sent()), (Block{4, true, 1}));  // 128 octets in blocks of 32
}

TEST(Upload, GoesOnWhereAServerActsOnEachBlock) {  // "stateless": [RFC 7959 §3.2, figure 8]
    Bench bench(blocks(3));
    bench.handle(put(body_of(200)));
    Message reply = ack(bench.sent(), Code::changed);
    reply.options.add_uint(OptionNumber::block1, Block{0, false, 3}.to_uint());
    bench.receive(server, reply);
    EXPECT_TRUE(bench.responses.empty());
    bench.receive(server, ack(bench.sent(), Code::changed));
    EXPECT_EQ(bench.response().code, Code::changed);
}

TEST(Upload, AHintToUseBlocksIsTaken) {
    Bench bench(blocks(6));
    bench.handle(put(body_of(300)));
    const Message whole = bench.sent();
    EXPECT_FALSE(whole.options.has(OptionNumber::block1));
    bench.receive(server, ack(whole, Code::request_entity_too_large));
    const Message first = bench.sent();
    EXPECT_EQ(block1_of(first), (Block{0, true, 4}));
    Message smaller = ack(first, Code::request_entity_too_large);
    smaller.options.add_uint(OptionNumber::block1, Block{0, true, 2}.to_uint());
    bench.receive(server, smaller);
    const Message again = bench.sent();
    EXPECT_EQ(block1_of(again), (Block{0, true, 2}));
    bench.receive(server, ack(again, Code::request_entity_too_large));
    EXPECT_EQ(bench.response().code, Code::request_entity_too_large);  // then it is the answer
}

TEST(Upload, AnErrorOnTheWayIsTheAnswer) {
    Bench bench(blocks(2));
    bench.handle(put(body_of(300)));
    bench.receive(server, ack(bench.sent(), Code::request_entity_incomplete));
    EXPECT_EQ(bench.response().code, Code::request_entity_incomplete);
}

TEST(Upload, AServerThatAsksForMoreThanThereIsFails) {
    Bench bench(blocks(6));
    Request request = put(body_of(1500));
    bench.handle(std::move(request));
    bench.receive(server, ack(bench.sent(), Code::continue_));
    bench.receive(server, ack(bench.sent(), Code::continue_));
    EXPECT_EQ(bench.failure().reason, Failure::bad_response);
}

// ---- Block2 [RFC 7959 §2.4] --------------------------------------------------------------------

TEST(Download, FollowsTheServersSize) {  // [RFC 7959 §3.1, figure 2]
    Bench bench;
    const Octets body = body_of(300);
    bench.handle(Request{RequestId{1}, server, Code::get, path_options("status")});
    Message request = bench.sent();
    EXPECT_FALSE(request.options.has(OptionNumber::block2));
    for (std::uint32_t i = 0; i < 3; ++i) {
        bench.receive(server, block2_ack(request, body, {i, i < 2, 3}, 1));
        if (i == 2) break;
        request = bench.sent();
        EXPECT_EQ(block2_of(request), (Block{i + 1, false, 3}));
        EXPECT_TRUE(request.options.path_is("status"));
    }
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.payload, body);
    EXPECT_FALSE(response.options.has(OptionNumber::block2));
}

TEST(Download, NegotiatesEarlyWhenTold) {
    Settings settings = blocks(2);
    settings.early_negotiation = true;
    Bench bench(settings);
    bench.handle(Request{RequestId{1}, server});
    EXPECT_EQ(block2_of(bench.sent()), (Block{0, false, 2}));
}

TEST(Download, StartsAgainWhenTheEntityTagChanges) {
    Bench bench;
    const Octets old_body = body_of(200, 1);
    const Octets new_body = body_of(200, 2);
    bench.handle(Request{RequestId{1}, server});
    bench.receive(server, block2_ack(bench.sent(), old_body, {0, true, 3}, 1));
    bench.receive(server, block2_ack(bench.sent(), new_body, {1, false, 3}, 2));
    const Message again = bench.sent();
    EXPECT_EQ(block2_of(again), (Block{0, false, 3}));
    bench.receive(server, block2_ack(again, new_body, {0, true, 3}, 2));
    bench.receive(server, block2_ack(bench.sent(), new_body, {1, false, 3}, 2));
    EXPECT_EQ(bench.response().payload, new_body);
    EXPECT_EQ(bench.endpoint.stats().block_restarts, 1u);
}

TEST(Download, GivesUpOnAResourceThatNeverHoldsStill) {
    Bench bench;
    const Octets body = body_of(200);
    bench.handle(Request{RequestId{1}, server});
    std::uint8_t tag = 0;
    while (bench.failures.empty()) {
        const Message request = bench.sent();
        const std::uint32_t number = block2_of(request).number;
        bench.receive(server, block2_ack(request, body, {number, number == 0, 3}, ++tag));
        ASSERT_LT(tag, 50);
    }
    EXPECT_EQ(bench.failure().reason, Failure::incomplete);
}

TEST(Download, TooLargeABodyFails) {
    Settings settings;
    settings.body_octets_max = 200;
    Bench bench(settings);
    const Octets body = body_of(400);
    bench.handle(Request{RequestId{1}, server});
    bench.receive(server, block2_ack(bench.sent(), body, {0, true, 3}, 1));
    bench.receive(server, block2_ack(bench.sent(), body, {1, true, 3}, 1));
    EXPECT_EQ(bench.failure().reason, Failure::too_large);
    bench.handle(Request{RequestId{2}, server});
    Message announced = block2_ack(bench.sent(), body, {0, true, 3}, 1);
    announced.options.add_uint(OptionNumber::size2, 201);
    bench.receive(server, announced);
    EXPECT_EQ(bench.failure().reason, Failure::too_large);
}

TEST(Download, BlocksThatContradictThemselvesFail) {
    Bench bench;
    bench.handle(Request{RequestId{1}, server});
    Message response = block2_ack(bench.sent(), body_of(300), {0, true, 3}, 1);
    response.payload.pop_back();  // more to come, but not a whole block
    bench.receive(server, response);
    EXPECT_EQ(bench.failure().reason, Failure::bad_response);
}

TEST(Download, WhoAsksForOneBlockGetsOneBlock) {
    Bench bench;
    Request request{RequestId{1}, server};
    request.options.add_uint(OptionNumber::block2, Block{1, false, 3}.to_uint());
    bench.handle(std::move(request));
    const Message sent = bench.sent();
    EXPECT_EQ(block2_of(sent), (Block{1, false, 3}));
    bench.receive(server, block2_ack(sent, body_of(400), {1, true, 3}, 1));
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.payload.size(), 128u);
    EXPECT_TRUE(response.options.has(OptionNumber::block2));
}

// ---- a bad network -----------------------------------------------------------------------------

// 2 KB there and 2 KB back through a network that loses a fifth of everything: it either arrives as
// it is, after its handler ran exactly once, or fails by name.
TEST(BadNetwork, BodiesBothWaysAndHandlersOnce) {
    int completed = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const Settings client_settings = seed % 2 == 0 ? Settings{} : blocks(2);
        Network network(client_settings, Settings::for_node(), {20, 15, 5ms, 900ms}, seed);
        int handled = 0;
        const Octets there = body_of(2048, seed);
        const Octets back = body_of(2048, seed + 1000);
        network.server.add(
            {.path = "/echo", .methods = {Code::post}, .handler = [&](const RequestView& request) {
                 ++handled;
                 EXPECT_TRUE(same(request.payload, there));
                 return Response{Code::changed, {}, back, false};
             }});
        Request request;
        request.id = RequestId{1};
        request.code = Code::post;
        request.options = path_options("echo");
        request.payload = there;
        network.request(std::move(request));
        network.run(3h);
        EXPECT_LE(handled, 1) << seed;
        ASSERT_EQ(network.responses.size() + network.failures.size(), 1u) << seed;
        EXPECT_TRUE(network.client.stats().balanced());
        EXPECT_TRUE(network.endpoint.stats().balanced());
        EXPECT_EQ(network.client.transactions(), 0u);
        if (network.responses.empty()) continue;
        ++completed;
        EXPECT_EQ(handled, 1) << seed;
        EXPECT_EQ(network.responses.front().code, Code::changed);
        EXPECT_EQ(network.responses.front().payload, back) << seed;
    }
    EXPECT_GE(completed, 50);
}

TEST(BadNetwork, ManyRequestsAreEachAnsweredOnce) {
    Network network({}, {}, {30, 30, 1ms, 3s}, 5);
    std::vector<int> handled(16);
    network.server.add(
        {.path = "/n", .methods = {Code::post}, .handler = [&](const RequestView& request) {
             ++handled[std::to_integer<std::size_t>(request.payload[0])];
             return Response{Code::changed, {}, to_octets(request.payload), false};
         }});
    for (std::uint64_t i = 0; i < 16; ++i) {
        Request request;
        request.id = RequestId{i};
        request.code = Code::post;
        request.options = path_options("n");
        request.payload = Octets{std::byte(i)};
        network.request(std::move(request));
    }
    network.run(1h);
    EXPECT_EQ(network.responses.size() + network.failures.size(), 16u);
    EXPECT_GE(network.responses.size(), 12u);
    for (const ResponseArrived& r : network.responses) {
        EXPECT_EQ(r.payload, Octets{std::byte(std::to_underlying(r.id))});
        EXPECT_EQ(handled[std::to_underlying(r.id)], 1);
    }
}

TEST(GoodNetwork, BlocksOfANodeFitAFrame) {
    Network network({}, Settings::for_node(), {}, 1);
    network.server.add({.path = "/big", .handler = [](const RequestView&) {
                            return Response{Code::content, {}, body_of(1000), false};
                        }});
    Request request;
    request.options = path_options("big");
    network.request(std::move(request));
    network.run(1min);
    ASSERT_EQ(network.responses.size(), 1u);
    EXPECT_EQ(network.responses.front().payload, body_of(1000));
    EXPECT_LE(network.largest, 90u);
    EXPECT_EQ(network.datagrams, 2u * 16u);
}

}  // namespace
}  // namespace causeway::coap::transfer_test
