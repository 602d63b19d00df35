#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_server_test {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);

Message request_of(Type type, std::uint16_t id, std::string_view path, Code code = Code::get) {
    Message message;
    message.type = type;
    message.code = code;
    message.id = id;
    message.token = Token("71"_hex);
    message.options.add_path(path);
    return message;
}

Response content(std::string_view payload) {
    return content_of(ContentFormat::text_plain, payload);
}

// ---- the three ways to respond [RFC 7252 §5.2] -------------------------------------------------

TEST(ServerRole, AnswersInTheAcknowledgementIfItCan) {
    Bench bench;
    bench.receive(client, request_of(Type::confirmable, 0xbc90, "temperature"));
    const RequestArrived request = bench.request();
    EXPECT_EQ(request.method, Code::get);
    EXPECT_TRUE(request.options.path_is("/temperature"));
    EXPECT_TRUE(request.confirmable);
    EXPECT_EQ(request.token, Token("71"_hex));
    bench.handle(Respond{request.exchange, content("22.5 C")});
    EXPECT_EQ(to_hex(bench.datagrams.front().datagram), "6145bc9071c0ff32322e352043");
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(ServerRole, AcknowledgesFirstWhereTheApplicationIsSlow) {
    Bench bench;
    bench.receive(client, request_of(Type::confirmable, 0x7a10, "temperature"));
    const RequestArrived request = bench.request();
    bench.pass(999ms);
    EXPECT_TRUE(bench.silent());
    bench.pass(1ms);
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 0x7a10));
    // "If a retransmitted request is received ... another Empty Acknowledgement is sent"
    bench.receive(client, request_of(Type::confirmable, 0x7a10, "temperature"));
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 0x7a10));
    EXPECT_TRUE(bench.requests.empty());

    bench.handle(Respond{request.exchange, content("22.5 C")});
    const Message response = bench.sent();
    EXPECT_EQ(response.type, Type::confirmable);
    EXPECT_NE(response.id, 0x7a10);
    EXPECT_EQ(response.token, Token("71"_hex));
    bench.pass(3s);
    EXPECT_EQ(bench.sent(), response);  // until it is acknowledged
    bench.receive(client, empty_message(Type::acknowledgement, response.id));
    bench.pass(300s);
    EXPECT_TRUE(bench.silent());
    // The request's acknowledgement stays an empty one, even now.
    EXPECT_EQ(bench.endpoint.stats().duplicates, 1u);
}

TEST(ServerRole, AResetStopsASeparateResponse) {
    Bench bench;
    bench.receive(client, request_of(Type::confirmable, 1, "x"));
    const RequestArrived request = bench.request();
    bench.pass(1s);
    bench.datagrams.clear();
    bench.handle(Respond{request.exchange, content("x")});
    bench.receive(client, empty_message(Type::reset, bench.sent().id));
    bench.pass(300s);
    EXPECT_TRUE(bench.silent());
}

TEST(ServerRole, AnswersNonConfirmablyWhatCameSo) {
    Bench bench;
    bench.receive(client, request_of(Type::non_confirmable, 0x7a11, "x"));
    bench.handle(Respond{bench.request().exchange, content("y")});
    const Message response = bench.sent();
    EXPECT_EQ(response.type, Type::non_confirmable);
    EXPECT_EQ(response.token, Token("71"_hex));
}

TEST(ServerRole, HeedsNoResponse) {  // [RFC 7967 §2]
    Bench bench;
    Message request = request_of(Type::non_confirmable, 1, "x", Code::post);
    request.options.add_uint(OptionNumber::no_response, 2);
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, response_of(Code::changed)});
    EXPECT_TRUE(bench.silent());
    request.id = 2;
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, response_of(Code::not_found)});
    EXPECT_EQ(bench.sent().code, Code::not_found);
    EXPECT_EQ(bench.endpoint.stats().responses_suppressed, 1u);
}

TEST(ServerRole, DecliningResetsAConfirmableRequestOnly) {
    Bench bench;
    bench.receive(client, request_of(Type::confirmable, 1, "x"));
    bench.handle(Decline{bench.request().exchange});
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 1));
    bench.receive(client, request_of(Type::non_confirmable, 2, "x"));
    bench.handle(Decline{bench.request().exchange});
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

// ---- duplicates [RFC 7252 §4.5] ----------------------------------------------------------------

TEST(ServerRole, ADuplicateGetsTheSameAnswerAndIsNotHandledTwice) {
    Bench bench;
    const Message request = request_of(Type::confirmable, 5, "x", Code::post);
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, content("once")});
    const Message first = bench.sent();
    bench.receive(client, request);
    EXPECT_EQ(bench.sent(), first);
    EXPECT_TRUE(bench.requests.empty());
    Message other = request;
    bench.receive(peer_at(3), other);  // another client may use the same id
    EXPECT_EQ(bench.requests.size(), 1u);
}

TEST(ServerRole, ADuplicateOfANonConfirmableRequestIsIgnored) {
    Bench bench;
    const Message request = request_of(Type::non_confirmable, 5, "x");
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, content("once")});
    bench.datagrams.clear();
    bench.receive(client, request);
    EXPECT_TRUE(bench.silent());
}

TEST(ServerRole, AnIdMayComeAgainAfterExchangeLifetime) {
    Bench bench;
    const Message request = request_of(Type::confirmable, 5, "x");
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, content("1")});
    bench.datagrams.clear();
    bench.pass(Settings{}.exchange_lifetime() - 1ns);
    bench.receive(client, request);
    EXPECT_TRUE(bench.requests.empty());
    bench.pass(1ns);
    bench.receive(client, request);
    EXPECT_EQ(bench.requests.size(), 1u);
}

TEST(ServerRole, TheOldestDuplicateIsForgottenWhenTheTableIsFull) {
    Settings settings;
    settings.deduplications_max = 2;
    Bench bench(settings);
    for (std::uint16_t id = 1; id <= 3; ++id) {
        bench.receive(client, request_of(Type::confirmable, id, "x"));
        bench.handle(Respond{bench.request().exchange, content("x")});
    }
    EXPECT_EQ(bench.endpoint.stats().deduplications_evicted, 1u);
    bench.receive(client, request_of(Type::confirmable, 3, "x"));
    bench.receive(client, request_of(Type::confirmable, 2, "x"));
    EXPECT_TRUE(bench.requests.empty());
    bench.receive(client, request_of(Type::confirmable, 1, "x"));
    EXPECT_EQ(bench.requests.size(), 1u);
}

// ---- rejecting [RFC 7252 §3, §4.2, §4.3] -------------------------------------------------------

TEST(ServerRole, AFormatErrorInAConfirmableMessageIsReset) {
    Bench bench;
    bench.receive(client, "49 01 12 34 00 00 00 00 00 00 00 00 00"_hex);
    EXPECT_EQ(to_hex(bench.datagrams.front().datagram), "70001234");
    bench.datagrams.clear();
    bench.receive(client, "59 01 12 34 00 00 00 00 00 00 00 00 00"_hex);  // non-confirmable
    bench.receive(client, "6f 45 12 34 00 00 00 00 00 00 00 00 00"_hex);  // acknowledgement
    bench.receive(client, "70 00 12 34 ff"_hex);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().malformed, 4u);
}

TEST(ServerRole, AnotherVersionIsIgnoredInSilence) {
    Bench bench;
    bench.receive(client, "80 01 12 34"_hex);
    bench.receive(client, "00 01 12 34"_hex);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().ignored, 2u);
}

TEST(ServerRole, ReservedCodeClassesAreRejected) {
    Bench bench;
    for (const unsigned reserved : {1u, 3u, 6u, 7u}) {
        Octets wire = "40 00 00 01"_hex;
        wire[1] = std::byte(reserved << 5 | 1);
        bench.receive(client, wire);
        EXPECT_EQ(bench.sent(), empty_message(Type::reset, 1)) << reserved;
        wire[0] = std::byte{0x50};
        bench.receive(client, wire);
        wire[0] = std::byte{0x60};
        bench.receive(client, wire);
        EXPECT_TRUE(bench.silent());
    }
    bench.receive(client, "60 01 00 01"_hex);  // an acknowledgement that carries a request
    bench.receive(client, "70 01 00 01"_hex);  // a reset that carries one
    EXPECT_TRUE(bench.silent());
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

TEST(ServerRole, APingIsAnsweredByAReset) {
    Bench bench;
    bench.receive(client, "40 00 ab cd"_hex);
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 0xabcd));
    bench.receive(client, "50 00 ab cd"_hex);  // an Empty non-confirmable one is nothing
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().pings, 1u);
}

TEST(ServerRole, ACriticalOptionNobodyKnowsIsBad) {  // [RFC 7252 §5.4.1]
    Bench bench;
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add(OptionNumber{9}, {});
    bench.receive(client, request);
    const Message response = bench.sent();
    EXPECT_EQ(response.code, Code::bad_option);
    EXPECT_EQ(response.type, Type::acknowledgement);
    EXPECT_EQ(response.payload, text("option 9"));
    request.type = Type::non_confirmable;
    request.id = 2;
    bench.receive(client, request);
    EXPECT_TRUE(bench.silent());
    Message elective = request_of(Type::confirmable, 3, "x");
    elective.options.add(OptionNumber{10}, {});
    bench.receive(client, elective);
    EXPECT_EQ(bench.requests.size(), 1u);
}

// ---- limits ------------------------------------------------------------------------------------

TEST(ServerRole, TooManyUnansweredRequestsAreRefused) {
    Settings settings;
    settings.exchanges_max = 2;
    Bench bench(settings);
    for (std::uint16_t id = 1; id <= 2; ++id)
        bench.receive(client, request_of(Type::confirmable, id, "x"));
    bench.receive(client, request_of(Type::confirmable, 3, "x"));
    EXPECT_EQ(bench.sent().code, Code::service_unavailable);
    bench.receive(client, request_of(Type::non_confirmable, 4, "x"));
    EXPECT_TRUE(bench.datagrams.empty());
    EXPECT_EQ(bench.endpoint.stats().exchanges_refused, 2u);
    EXPECT_EQ(bench.requests.size(), 2u);
}

TEST(ServerRole, ARequestNobodyAnswersIsForgotten) {
    Bench bench;
    bench.receive(client, request_of(Type::confirmable, 1, "x"));
    const RequestArrived request = bench.request();
    bench.pass(300s);
    EXPECT_EQ(bench.endpoint.stats().exchanges_abandoned, 1u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
    bench.datagrams.clear();
    bench.handle(Respond{request.exchange, content("late")});
    EXPECT_TRUE(bench.silent());
}

// ---- multicast [RFC 7252 §8] -------------------------------------------------------------------

TEST(Multicast, AResponseComesAtALeisurelyMoment) {
    Bench bench;
    bench.receive(client, request_of(Type::non_confirmable, 1, "x"), true);
    const RequestArrived request = bench.request();
    EXPECT_TRUE(request.multicast);
    bench.handle(Respond{request.exchange, content("here")});
    EXPECT_TRUE(bench.silent());
    bench.pass(5s);
    const Message response = bench.sent();
    EXPECT_EQ(response.type, Type::non_confirmable);
    EXPECT_EQ(response.payload, text("here"));
}

TEST(Multicast, ErrorsResetsAndEmptyAnswersAreKeptBack) {
    Bench bench;
    bench.receive(client, request_of(Type::non_confirmable, 1, "x"), true);
    bench.handle(Respond{bench.request().exchange, response_of(Code::not_found)});
    bench.receive(client, request_of(Type::non_confirmable, 2, "x"), true);
    bench.handle(Respond{bench.request().exchange, response_of(Code::content)});
    bench.receive(client, request_of(Type::confirmable, 3, "x"),
                  true);  // "MUST be Non-confirmable"
    bench.receive(client, "40 00 ab cd"_hex, true);
    bench.receive(client, "49 01 12 34 00 00 00 00 00 00 00 00 00"_hex, true);
    Message bad = request_of(Type::non_confirmable, 4, "x");
    bad.options.add(OptionNumber{9}, {});
    bench.receive(client, bad, true);
    bench.pass(100s);
    EXPECT_TRUE(bench.silent());
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

// ---- bodies in blocks [RFC 7959] ---------------------------------------------------------------

Settings blocks(std::uint8_t szx) {
    Settings settings;
    settings.block_szx = szx;
    return settings;
}

TEST(Block2, AServerCutsItsBodyAndTagsIt) {
    Bench bench(blocks(2));
    const Octets body = body_of(150);
    bench.receive(client, request_of(Type::confirmable, 1, "x"));
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body, false}});
    Octets got;
    for (std::uint32_t number = 0; number < 3; ++number) {
        const Message response = bench.sent();
        const auto block = BlockOption::read(response.options, OptionNumber::block2).block;
        EXPECT_EQ(block, (Block{number, number < 2, 2}));
        EXPECT_TRUE(response.options.has(OptionNumber::etag));
        EXPECT_EQ(response.options.uint(OptionNumber::size2),
                  number == 0 ? std::optional(150u) : std::nullopt);
        got.insert(got.end(), response.payload.begin(), response.payload.end());
        if (number == 2) break;
        Message next = request_of(Type::confirmable, static_cast<std::uint16_t>(2 + number), "x");
        next.options.add_uint(OptionNumber::block2, Block{number + 1, false, 2}.to_uint());
        bench.receive(client, next);
        EXPECT_TRUE(bench.requests.empty());  // from what was kept
    }
    EXPECT_EQ(got, body);
}

TEST(Block2, TheClientsSmallerSizeIsHeeded) {
    Bench bench(blocks(6));
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add_uint(OptionNumber::block2, Block{0, false, 0}.to_uint());
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(40), false}});
    EXPECT_EQ(bench.sent().payload.size(), 16u);
}

TEST(Block2, AnyBlockOfARepresentationCanBeHad) {
    Bench bench(blocks(2));
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add_uint(OptionNumber::block2, Block{1, false, 2}.to_uint());
    bench.receive(client, request);
    const Octets body = body_of(100);
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body, false}});
    const Message response = bench.sent();
    EXPECT_EQ(BlockOption::read(response.options, OptionNumber::block2).block,
              (Block{1, false, 2}));
    EXPECT_TRUE(same(response.payload, Bytes(body).subspan(64)));
}

TEST(Block2, ABlockCountedInLargerOnesIsFound) {
    Bench bench(blocks(2));
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add_uint(OptionNumber::block2, Block{1, false, 4}.to_uint());  // octet 256
    bench.receive(client, request);
    const Octets body = body_of(400);
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body, false}});
    const Message response = bench.sent();
    EXPECT_EQ(BlockOption::read(response.options, OptionNumber::block2).block, (Block{4, true, 2}));
    EXPECT_TRUE(same(response.payload, Bytes(body).subspan(256, 64)));
}

TEST(Block2, ABlockPastTheEndIsABadRequest) {
    Bench bench(blocks(2));
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add_uint(OptionNumber::block2, Block{9, false, 2}.to_uint());
    bench.receive(client, request);
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(100), false}});
    EXPECT_EQ(bench.sent().code, Code::bad_request);
}

TEST(Block2, SizeExponentSevenIsABadRequest) {
    Bench bench;
    Message request = request_of(Type::confirmable, 1, "x");
    request.options.add_uint(OptionNumber::block2, 7);
    bench.receive(client, request);
    EXPECT_EQ(bench.sent().code, Code::bad_request);
    request.id = 2;
    request.options.remove(OptionNumber::block2);
    request.options.add_uint(OptionNumber::block1, 7);
    bench.receive(client, request);
    EXPECT_EQ(bench.sent().code, Code::bad_request);
}

TEST(Block2, WhatAPostAnsweredCannotBeMadeAgain) {
    Bench bench(blocks(2));
    Message request = request_of(Type::confirmable, 1, "x", Code::post);
    request.options.add_uint(OptionNumber::block2, Block{1, false, 2}.to_uint());
    bench.receive(client, request);
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    EXPECT_TRUE(bench.requests.empty());
}

Message put_block_of(std::uint16_t id, const Octets& body, Block block) {
    Message message = request_of(Type::confirmable, id, "store", Code::put);
    const std::size_t size = std::min(block.size(), body.size() - block.offset());
    const Bytes part = Bytes(body).subspan(block.offset(), size);
    message.payload = to_octets(part);
    message.options.add_uint(OptionNumber::block1, block.to_uint());
    return message;
}

TEST(Block1, ABodyIsPutTogetherAndHandedOverOnce) {
    Bench bench(blocks(2));
    const Octets body = body_of(150);
    for (std::uint16_t i = 0; i < 3; ++i) {
        bench.receive(client, put_block_of(i, body, {i, i < 2, 2}));
        if (i == 2) break;
        const Message response = bench.sent();
        EXPECT_EQ(response.code, Code::continue_);
        EXPECT_EQ(BlockOption::read(response.options, OptionNumber::block1).block,
                  (Block{i, true, 2}));
        EXPECT_TRUE(bench.requests.empty());
    }
    const RequestArrived request = bench.request();
    EXPECT_EQ(request.payload, body);
    EXPECT_FALSE(request.options.has(OptionNumber::block1));
    bench.handle(Respond{request.exchange, response_of(Code::changed)});
    const Message response = bench.sent();
    EXPECT_EQ(response.code, Code::changed);
    EXPECT_EQ(BlockOption::read(response.options, OptionNumber::block1).block,
              (Block{2, false, 2}));
}

TEST(Block1, TheServersSmallerSizeIsSaidAtOnce) {  // [RFC 7959 §3.2, figure 9]
    Bench bench(blocks(2));
    const Octets body = body_of(300);
    bench.receive(client, put_block_of(1, body, {0, true, 3}));
    const Message response = bench.sent();
    EXPECT_EQ(BlockOption::read(response.options, OptionNumber::block1).block, (Block{0, true, 2}));
    bench.receive(client, put_block_of(2, body, {2, true, 2}));  // 128 octets further
    EXPECT_EQ(bench.sent().code, Code::continue_);
}

TEST(Block1, ABlockOutOfSequenceIsIncomplete) {
    Bench bench(blocks(2));
    const Octets body = body_of(300);
    bench.receive(client, put_block_of(1, body, {0, true, 2}));
    bench.datagrams.clear();
    bench.receive(client, put_block_of(2, body, {2, true, 2}));
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    bench.receive(client, put_block_of(3, body, {1, true, 2}));  // it was forgotten altogether
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    EXPECT_EQ(bench.endpoint.stats().bodies_incomplete, 2u);
}

TEST(Block1, AnotherContentFormatIsIncomplete) {  // [RFC 7959 §2.3]
    Bench bench(blocks(2));
    const Octets body = body_of(128);
    bench.receive(client, put_block_of(1, body, {0, true, 2}));
    bench.datagrams.clear();
    Message second = put_block_of(2, body, {1, false, 2});
    second.options.add_uint(OptionNumber::content_format, 50);
    bench.receive(client, second);
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
}

TEST(Block1, ABodyIsForgottenAfterExchangeLifetime) {
    Bench bench(blocks(2));
    const Octets body = body_of(128);
    bench.receive(client, put_block_of(1, body, {0, true, 2}));
    bench.datagrams.clear();
    bench.pass(Settings{}.exchange_lifetime());
    bench.receive(client, put_block_of(2, body, {1, false, 2}));
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
}

TEST(Block1, TooLargeABodyIsRefusedWithTheLimit) {
    Settings settings = blocks(2);
    settings.body_octets_max = 200;
    Bench bench(settings);
    const Octets body = body_of(300);
    Message first = put_block_of(1, body, {0, true, 2});
    first.options.add_uint(OptionNumber::size1, 300);
    bench.receive(client, first);
    const Message refused = bench.sent();
    EXPECT_EQ(refused.code, Code::request_entity_too_large);
    EXPECT_EQ(refused.options.uint(OptionNumber::size1), 200u);
    for (std::uint16_t i = 0; i < 4; ++i)
        bench.receive(client, put_block_of(static_cast<std::uint16_t>(10 + i), body, {i, true, 2}));
    Message last = bench.take_sent();
    while (!bench.datagrams.empty()) last = bench.take_sent();
    EXPECT_EQ(last.code, Code::request_entity_too_large);
    Message whole = request_of(Type::confirmable, 20, "store", Code::put);
    whole.payload = body;
    bench.receive(client, whole);
    EXPECT_EQ(bench.sent().code, Code::request_entity_too_large);
    EXPECT_EQ(bench.endpoint.stats().bodies_refused, 3u);
}

TEST(Block1, BodiesBeyondTheLimitDisplaceTheOldest) {
    Settings settings = blocks(2);
    settings.assemblies_max = 1;
    Bench bench(settings);
    const Octets body = body_of(128);
    bench.receive(client, put_block_of(1, body, {0, true, 2}));
    bench.receive(peer_at(7), put_block_of(1, body, {0, true, 2}));
    EXPECT_EQ(bench.endpoint.stats().assemblies_evicted, 1u);
    bench.datagrams.clear();
    bench.receive(client, put_block_of(2, body, {1, false, 2}));
    EXPECT_EQ(bench.sent().code, Code::request_entity_incomplete);
    bench.receive(peer_at(7), put_block_of(2, body, {1, false, 2}));
    EXPECT_EQ(bench.requests.size(), 1u);
}

TEST(Block2, TransfersBeyondTheLimitDisplaceTheOldest) {
    Settings settings = blocks(2);
    settings.transfers_max = 1;
    Bench bench(settings);
    for (const std::uint8_t host : {std::uint8_t{1}, std::uint8_t{2}}) {
        bench.receive(peer_at(host), request_of(Type::confirmable, 1, "x"));
        bench.handle(Respond{bench.request().exchange, {Code::content, {}, body_of(100), false}});
    }
    EXPECT_EQ(bench.endpoint.stats().transfers_evicted, 1u);
}

// [RFC 7959 §2.7, §3.3 figure 11]
TEST(Blocks, ABodyEachWayInOneRequest) {
    Bench bench(blocks(2));
    const Octets body = body_of(128);
    Message first = put_block_of(1, body, {0, true, 2});
    first.code = Code::post;
    bench.receive(client, first);
    bench.datagrams.clear();
    Message last = put_block_of(2, body, {1, false, 2});
    last.code = Code::post;
    last.options.add_uint(OptionNumber::block2, Block{0, false, 1}.to_uint());
    bench.receive(client, last);
    bench.handle(Respond{bench.request().exchange, {Code::changed, {}, body_of(50), false}});
    Message response = bench.sent();
    EXPECT_EQ(response.payload.size(), 32u);
    EXPECT_TRUE(response.options.has(OptionNumber::block1));
    Message more = request_of(Type::confirmable, 3, "store", Code::post);
    more.options.add_uint(OptionNumber::block2, Block{1, false, 1}.to_uint());
    bench.receive(client, more);
    response = bench.sent();
    EXPECT_EQ(response.payload.size(), 18u);
    EXPECT_EQ(response.code, Code::changed);
}

}  // namespace
}  // namespace causeway::coap::endpoint_server_test
