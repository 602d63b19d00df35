// An endpoint over reliable transports. [RFC 8323]
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_stream_test {
namespace {

using namespace testing;

Peer stream_at(std::uint8_t host, std::uint32_t channel) {
    Peer peer = peer_at(host);
    peer.transport = Transport::tcp;
    peer.channel = channel;
    return peer;
}

const Peer near_end = stream_at(1, 7);
const Peer server = stream_at(2, 9);

Request get(std::uint64_t id, std::string_view path) {
    Request request;
    request.id = RequestId{id};
    request.peer = server;
    request.options = path_options(path);
    return request;
}

Message answer_to(const Message& request, std::string_view payload) {
    Message message;
    message.code = Code::content;
    message.token = request.token;
    message.payload = text(payload);
    return message;
}

Message registration(std::string_view token) {
    Message message;
    message.code = Code::get;
    message.token = Token(*from_hex(token));
    message.options = path_options("t");
    message.options.add_uint(OptionNumber::observe, 0);
    return message;
}

TEST(StreamClient, RequestsLeaveAtOnceAndAreNeverRepeated) {  // [RFC 8323 §2]
    Bench bench;
    for (std::uint64_t id = 1; id <= 5; ++id) bench.handle(get(id, "a"));
    ASSERT_EQ(bench.messages.size(), 5u);  // NSTART is one, and means nothing here
    EXPECT_TRUE(bench.datagrams.empty());
    EXPECT_EQ(bench.messages[0].peer, server);
    const Message first = bench.messages[0].message;
    bench.messages.clear();
    bench.pass(50s);
    EXPECT_TRUE(bench.silent());
    bench.receive_message(server, answer_to(first, "x"));
    EXPECT_EQ(bench.response().payload, text("x"));
    EXPECT_TRUE(bench.silent());  // no acknowledgement
    bench.pass(50s);
    EXPECT_EQ(bench.failures.size(), 4u);
    EXPECT_EQ(bench.failure().reason, Failure::timeout);
    EXPECT_TRUE(bench.endpoint.stats().balanced());
    EXPECT_EQ(bench.endpoint.stats().messages_sent, 5u);
}

TEST(StreamClient, PingsAreSignalsAndNotRequests) {  // [RFC 8323 §5.4]
    Bench bench;
    bench.handle(Request{.id = RequestId{1}, .peer = server, .code = Code::empty});
    EXPECT_EQ(bench.failure().reason, Failure::invalid);
}

TEST(StreamClient, NotificationsComeInOrderWhateverTheirNumber) {  // [RFC 8323 §7.1]
    Bench bench;
    Request request = get(1, "t");
    request.observe = true;
    bench.handle(request);
    const Message asked = bench.sent_message();
    for (const std::uint32_t number : {9u, 9u, 3u, 0u}) {
        Message message = answer_to(asked, "x");
        message.options.add_uint(OptionNumber::observe, number);  // zero is empty
        bench.receive_message(server, message);
        EXPECT_TRUE(bench.response().more_to_come);
    }
    EXPECT_EQ(bench.endpoint.next_deadline(), never);  // [RFC 8323 §7.3]
    bench.handle(Cancel{RequestId{1}});                // "MUST explicitly deregister" [§7.4]
    const Message goodbye = bench.sent_message();
    EXPECT_EQ(goodbye.token, asked.token);
    EXPECT_EQ(goodbye.options.uint(OptionNumber::observe), 1u);
    bench.receive_message(server, answer_to(goodbye, "x"));
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
    EXPECT_TRUE(bench.silent());
}

TEST(StreamClient, AClosedChannelFailsWhatWasBehindItAndNothingElse) {
    Bench bench;
    Request observing = get(1, "t");
    observing.observe = true;
    bench.handle(observing);
    Message note = answer_to(bench.sent_message(), "x");
    note.options.add_uint(OptionNumber::observe, 1);
    bench.receive_message(server, note);
    bench.responses.clear();
    bench.handle(get(2, "a"));
    Request other = get(3, "a");
    other.peer.channel = 10;
    bench.handle(other);
    bench.messages.clear();
    bench.handle(ChannelClosed{Transport::tcp, 9});
    ASSERT_EQ(bench.failures.size(), 2u);
    EXPECT_EQ(bench.failure().reason, Failure::closed);
    EXPECT_EQ(bench.failure().reason, Failure::closed);
    EXPECT_EQ(bench.endpoint.transactions(), 1u);
    EXPECT_TRUE(bench.silent());
}

TEST(StreamServer, AnswersInAMessageOfItsOwnHoweverLate) {
    Bench bench;
    Message request;
    request.code = Code::get;
    request.token = Token("4a"_hex);
    request.options = path_options("a");
    for (int i = 0; i < 3; ++i) bench.receive_message(near_end, request);  // no duplicates here
    ASSERT_EQ(bench.requests.size(), 3u);
    bench.pass(30s);
    EXPECT_TRUE(bench.datagrams.empty() && bench.messages.empty());
    bench.handle(Respond{bench.request().exchange, content_of(ContentFormat::text_plain, "x")});
    const Message reply = bench.sent_message();
    EXPECT_EQ(reply.code, Code::content);
    EXPECT_EQ(reply.token, request.token);
    bench.handle(Decline{bench.request().exchange});
    EXPECT_TRUE(bench.datagrams.empty() && bench.messages.empty());
    bench.handle(ChannelClosed{Transport::tcp, 7});
    bench.handle(Respond{bench.request().exchange, content_of(ContentFormat::text_plain, "x")});
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().responses_suppressed, 1u);
}

TEST(StreamServer, NotificationsAreNeitherSpacedNorConfirmed) {  // [RFC 8323 §7.2]
    Bench bench;
    bench.receive_message(near_end, registration("4a"));
    Response reading = content_of(ContentFormat::text_plain, "1");
    reading.observe = true;
    bench.handle(Respond{bench.request().exchange, reading});
    EXPECT_TRUE(bench.sent_message().options.has(OptionNumber::observe));
    for (int i = 0; i < 20; ++i) {
        bench.handle(ResourceChanged{"t"});
        bench.handle(Respond{bench.request().exchange, reading});
        EXPECT_EQ(bench.sent_message().token, Token("4a"_hex));
    }
    bench.pass(48h);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.observers(), 1u);
    bench.handle(ChannelClosed{Transport::tcp, 7});  // [RFC 8323 §7.4]
    EXPECT_EQ(bench.endpoint.observers(), 0u);
    ASSERT_EQ(bench.gone.size(), 1u);
    EXPECT_EQ(bench.gone[0], (ObserverGone{near_end, Token("4a"_hex)}));
}

TEST(StreamServer, DatagramsOfAStreamAndMessagesOfDatagramsAreIgnored) {
    Bench bench;
    Message request;
    request.code = Code::get;
    bench.receive(near_end, request);
    bench.receive_message(peer_at(1), request);
    request.code = Code::ping;
    bench.receive_message(near_end, request);
    request.code = Code::empty;
    bench.receive_message(near_end, request);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().ignored, 4u);
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

// ---- bodies [RFC 8323 §6] ----------------------------------------------------------------------

struct Pair : Network {
    Pair() : Network(settings(), settings(), {}, 5) {
        client_peer = near_end;
        server_peer = testing_server();
        server.add({.path = "/store",
                    .methods = {Code::get, Code::put},
                    .handler = [this](const RequestView& request) {
                        if (request.method == Code::put) store = to_octets(request.payload);
                        return request.method == Code::put
                                   ? response_of(Code::changed)
                                   : content_of(ContentFormat::octet_stream, store);
                    }});
    }
    static Peer testing_server() { return stream_at(2, 9); }
    static Settings settings() {
        Settings settings = Settings::for_host();
        settings.block_szx = 2;  // says nothing about streams
        return settings;
    }
    void limits(std::uint32_t octets, bool blocks) {
        client.handle(now, StreamSettings{server_peer, octets, blocks});
        endpoint.handle(now, StreamSettings{client_peer, octets, blocks});
    }
    /// Messages that storing `size` octets takes, and fetching them.
    std::pair<std::size_t, std::size_t> trips(std::size_t size) {
        const Octets body = body_of(size);
        messages = 0;
        Request put;
        put.id = RequestId{++last_id};
        put.code = Code::put;
        put.options = path_options("store");
        put.payload = body;
        request(put);
        run(1s);
        EXPECT_EQ(store, body);
        EXPECT_EQ(responses.size(), 1u);
        responses.clear();
        const std::size_t up = std::exchange(messages, 0);
        Request fetch;
        fetch.id = RequestId{++last_id};
        fetch.options = path_options("store");
        request(fetch);
        run(1s);
        EXPECT_EQ(responses.size(), 1u);
        if (!responses.empty()) {
            EXPECT_EQ(responses[0].payload, body);
        }
        responses.clear();
        EXPECT_EQ(datagrams, 0u);
        return {up, messages};
    }
    Octets store;
    std::uint64_t last_id = 0;
};

using Trips = std::pair<std::size_t, std::size_t>;

TEST(StreamBodies, GoWholeUpToTheMessageSizeOfTheOtherEnd) {  // [RFC 8323 §5.3.1]
    Pair pair;
    EXPECT_EQ(pair.trips(1000), (Trips{2, 2}));
    EXPECT_EQ(pair.trips(1200), (Trips{4, 4}));  // two blocks of at most 1024
    pair.limits(70000, false);
    EXPECT_EQ(pair.trips(69000), (Trips{2, 2}));
}

TEST(StreamBodies, GoInBertBlocksWhereBothAreAllowed) {  // [RFC 8323 §6, figures 13 and 14]
    Pair pair;
    pair.limits(8192 + 200, true);
    EXPECT_EQ(pair.trips(8192 * 3 - 1), (Trips{6, 6}));
    EXPECT_EQ(pair.trips(8192 * 3), (Trips{6, 6}));
    EXPECT_EQ(pair.trips(8192 * 3 + 1), (Trips{8, 8}));
    pair.limits(1152, true);  // "BERT support is no longer indicated" [RFC 8323 §5.3.2]
    EXPECT_EQ(pair.trips(2048), (Trips{4, 4}));
}

TEST(StreamBodies, ABertBlockSaysItsPlaceInUnitsOf1024) {
    Bench bench;
    bench.handle(StreamSettings{near_end, 4 * 1024 + 200, true});
    Message request;
    request.code = Code::get;
    request.token = Token("4a"_hex);
    request.options = path_options("a");
    request.options.add_uint(OptionNumber::block2, Block{3, false, Block::bert}.to_uint());
    bench.receive_message(near_end, request);
    const Octets body = body_of(10000);
    bench.handle(Respond{bench.request().exchange, {Code::content, {}, body, false}});
    const Message reply = bench.sent_message();
    const Block expected{3, true, Block::bert};
    EXPECT_EQ(reply.options.uint(OptionNumber::block2), expected.to_uint());
    EXPECT_EQ(reply.payload, Octets(body.begin() + 3072, body.begin() + 3072 + 4096));
}

TEST(StreamBodies, TheExponentSevenStaysReservedOverDatagrams) {  // [RFC 7959 §2.2]
    Bench bench;
    Message request;
    request.code = Code::get;
    request.id = 7;
    request.options.add_uint(OptionNumber::block2, 7);
    bench.receive(peer_at(1), request);
    EXPECT_EQ(bench.sent().code, Code::bad_request);
}

TEST(StreamBodies, ABertBlockThatIsNotWholeBlocksIsRefused) {
    for (const std::size_t octets : {0u, 1023u, 1025u}) {
        Bench bench;
        Message request;
        request.code = Code::put;
        request.token = Token("4a"_hex);
        request.options.add_uint(OptionNumber::block1, Block{0, true, Block::bert}.to_uint());
        request.payload = Octets(octets);
        bench.receive_message(near_end, request);
        EXPECT_EQ(bench.sent_message().code, Code::request_entity_incomplete);
    }
}

TEST(StreamSettingsTable, IsBoundedAndTheRestTakeTheDefaults) {
    Settings settings;
    settings.streams_max = 1;
    Bench bench(settings);
    bench.handle(StreamSettings{stream_at(1, 1), 9000, true});
    bench.handle(StreamSettings{stream_at(1, 2), 9000, true});
    EXPECT_EQ(bench.endpoint.stats().streams_refused, 1u);
    bench.handle(ChannelClosed{Transport::tcp, 1});
    bench.handle(StreamSettings{stream_at(1, 2), 9000, true});
    EXPECT_EQ(bench.endpoint.stats().streams_refused, 1u);
}

}  // namespace
}  // namespace causeway::coap::endpoint_stream_test
