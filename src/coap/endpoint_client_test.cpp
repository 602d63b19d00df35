#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::endpoint_client_test {
namespace {

using namespace testing;

const Peer server = peer_at(2);

Request get(std::uint64_t id, std::string_view path, bool confirmable = true) {
    Request request;
    request.id = RequestId{id};
    request.peer = server;
    request.options = path_options(path);
    request.confirmable = confirmable;
    return request;
}

Message reply(const Message& request, Type type, Code code, std::string_view payload,
              std::uint16_t id) {
    Message message;
    message.type = type;
    message.code = code;
    message.id = type == Type::acknowledgement ? request.id : id;
    message.token = request.token;
    message.payload = text(payload);
    return message;
}

// ---- RFC 7252 Appendix A, as dialogues ---------------------------------------------------------

TEST(Client, Figure16PiggybackedResponse) {
    Bench bench;
    bench.handle(get(1, "temperature"));
    const Message request = bench.sent();
    EXPECT_EQ(request.type, Type::confirmable);
    EXPECT_EQ(request.token.size(), 4u);
    bench.receive(server, reply(request, Type::acknowledgement, Code::content, "22.3 C", 0));
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.id, RequestId{1});
    EXPECT_EQ(response.code, Code::content);
    EXPECT_EQ(response.payload, text("22.3 C"));
    EXPECT_FALSE(response.more_to_come);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
}

TEST(Client, Figure18RequestLostIsRetransmittedUnchanged) {
    Bench bench;
    bench.handle(get(1, "temperature"));
    const Message first = bench.sent();
    bench.pass(1999ms);
    EXPECT_TRUE(bench.silent());
    bench.pass(1001ms);  // ACK_TIMEOUT * ACK_RANDOM_FACTOR at most
    const Message second = bench.sent();
    EXPECT_EQ(second, first);
    bench.receive(server, reply(second, Type::acknowledgement, Code::content, "22.3 C", 0));
    EXPECT_EQ(bench.response().payload, text("22.3 C"));
    bench.pass(300s);
    EXPECT_TRUE(bench.silent());
}

TEST(Client, Figure20SeparateResponseIsAcknowledged) {
    Bench bench;
    bench.handle(get(1, "temperature"));
    const Message request = bench.sent();
    bench.receive(server, empty_message(Type::acknowledgement, request.id));
    bench.pass(30s);
    EXPECT_TRUE(bench.silent());  // acknowledged: no retransmission
    const Message response = reply(request, Type::confirmable, Code::content, "22.3 C", 0xad7b);
    bench.receive(server, response);
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 0xad7b));
    EXPECT_EQ(bench.response().payload, text("22.3 C"));
    bench.receive(server, response);  // our acknowledgement was lost
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 0xad7b));
    EXPECT_TRUE(bench.silent());
}

TEST(Client, TheResponseMayOvertakeTheAcknowledgement) {
    Bench bench;
    bench.handle(get(1, "temperature"));
    const Message request = bench.sent();
    bench.receive(server, reply(request, Type::confirmable, Code::content, "x", 7));
    EXPECT_EQ(bench.sent(), empty_message(Type::acknowledgement, 7));
    EXPECT_EQ(bench.response().payload, text("x"));
    bench.receive(server, empty_message(Type::acknowledgement, request.id));
    bench.pass(100s);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.stats().stray, 1u);
}

TEST(Client, Figure21UnexpectedResponseIsReset) {
    Bench bench;
    bench.receive(server, "60 00 7d 39"_hex);
    EXPECT_TRUE(bench.silent());  // "the unexpected ACK is silently ignored"
    bench.receive(server, "41 45 ad 7c 64 ff 32 32 2e 33 20 43"_hex);
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 0xad7c));
    EXPECT_EQ(bench.endpoint.stats().unexpected, 1u);
}

TEST(Client, Figure22NonConfirmableBothWays) {
    Bench bench;
    bench.handle(get(1, "temperature", false));
    const Message request = bench.sent();
    EXPECT_EQ(request.type, Type::non_confirmable);
    bench.receive(server, reply(request, Type::non_confirmable, Code::content, "22.3 C", 9));
    EXPECT_EQ(bench.response().payload, text("22.3 C"));
    EXPECT_TRUE(bench.silent());  // no acknowledgement
}

TEST(Client, Figure23MulticastTakesResponsesFromAnybody) {
    Bench bench;
    Request request = get(1, "temperature");
    request.peer.address = *address_from_literal("ff02::1");
    bench.handle(std::move(request));
    const Message sent = bench.sent();
    EXPECT_EQ(sent.type, Type::non_confirmable);
    for (const std::uint8_t host : {std::uint8_t{10}, std::uint8_t{11}}) {
        bench.receive(peer_at(host), reply(sent, Type::non_confirmable, Code::content, "x", host));
        const ResponseArrived response = bench.response();
        EXPECT_EQ(response.peer, peer_at(host));
        EXPECT_TRUE(response.more_to_come);
    }
    bench.pass(10s);
    EXPECT_EQ(bench.failure().reason, Failure::ended);
    bench.receive(peer_at(12), reply(sent, Type::non_confirmable, Code::content, "x", 12));
    EXPECT_TRUE(bench.responses.empty());
}

// ---- retransmission [RFC 7252 §4.2] ------------------------------------------------------------

TEST(Client, BacksOffExponentiallyAndGivesUp) {
    Bench bench;
    bench.handle(get(1, "x"));
    std::vector<Instant> sent_at;
    for (int i = 0; i < 95000 && bench.failures.empty(); ++i) {
        if (!bench.datagrams.empty()) {
            sent_at.push_back(bench.now);
            bench.datagrams.clear();
        }
        bench.pass(1ms);
    }
    ASSERT_EQ(sent_at.size(), 5u);  // once and MAX_RETRANSMIT times
    const Duration first = sent_at[1] - sent_at[0];
    EXPECT_GE(first, 2s);
    EXPECT_LE(first, 3s);
    for (std::size_t i = 2; i < 5; ++i) {
        const Duration gap = sent_at[i] - sent_at[i - 1];
        EXPECT_NEAR(static_cast<double>(gap.count()),
                    static_cast<double>((first * (1 << (i - 1))).count()), 5e6);
    }
    EXPECT_EQ(bench.failure().reason, Failure::timeout);
    EXPECT_LE(bench.now - sent_at[0], 93s);  // MAX_TRANSMIT_WAIT
    EXPECT_EQ(bench.endpoint.stats().retransmissions, 4u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(Client, WakingLateStaysInTheEnvelope) {
    Bench bench;
    bench.handle(get(1, "x"));
    bench.datagrams.clear();
    bench.now += 20s;  // slept through three retransmissions
    bench.endpoint.handle_timeout(bench.now);
    EXPECT_GE(bench.endpoint.next_deadline(), bench.now + 2s);
    bench.now += 30s;  // MAX_TRANSMIT_SPAN is over: nothing may be sent any more
    bench.endpoint.handle_timeout(bench.now);
    bench.handle(Cancel{RequestId{99}});
    EXPECT_EQ(bench.datagrams.size(), 1u);
    EXPECT_EQ(bench.failure().reason, Failure::timeout);
}

TEST(Client, AResetEndsTheRequest) {
    for (const bool confirmable : {true, false}) {
        Bench bench;
        bench.handle(get(1, "x", confirmable));
        bench.receive(server, empty_message(Type::reset, bench.sent().id));
        EXPECT_EQ(bench.failure().reason, Failure::reset);
    }
}

TEST(Client, AnUnreachablePeerFailsWhatWaitsForIt) {
    Bench bench;
    bench.handle(get(1, "x"));
    bench.handle(PeerUnreachable{peer_at(9)});
    EXPECT_TRUE(bench.failures.empty());
    bench.handle(PeerUnreachable{server});
    EXPECT_EQ(bench.failure().reason, Failure::unreachable);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(Client, APromisedResponseThatNeverComesTimesOut) {
    Bench bench;
    bench.handle(get(1, "x"));
    bench.receive(server, empty_message(Type::acknowledgement, bench.sent().id));
    bench.pass(92s);
    EXPECT_TRUE(bench.silent());
    bench.pass(1s);
    EXPECT_EQ(bench.failure().reason, Failure::timeout);
}

TEST(Client, CancellingStopsEverything) {
    Bench bench;
    bench.handle(get(1, "x"));
    bench.datagrams.clear();
    bench.handle(Cancel{RequestId{1}});
    bench.pass(100s);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
}

// ---- matching [RFC 7252 §5.3.2] ----------------------------------------------------------------

TEST(Client, TokenPeerAndMessageIdMustMatch) {
    Bench bench;
    bench.handle(get(1, "x"));
    const Message request = bench.sent();
    Message wrong_token = reply(request, Type::acknowledgement, Code::content, "evil", 0);
    wrong_token.token = Token("00"_hex);
    bench.receive(server, wrong_token);
    Message wrong_id = reply(request, Type::acknowledgement, Code::content, "evil", 0);
    ++wrong_id.id;
    bench.receive(server, wrong_id);
    bench.receive(peer_at(3), reply(request, Type::acknowledgement, Code::content, "evil", 0));
    EXPECT_TRUE(bench.silent());
    bench.receive(peer_at(3), reply(request, Type::non_confirmable, Code::content, "evil", 5));
    bench.datagrams.clear();
    EXPECT_TRUE(bench.responses.empty());
    bench.receive(server, reply(request, Type::acknowledgement, Code::content, "good", 0));
    EXPECT_EQ(bench.response().payload, text("good"));
    EXPECT_TRUE(bench.endpoint.stats().balanced());
}

TEST(Client, AResponseWithACriticalUnknownIsRejected) {  // [RFC 7252 §5.4.1]
    Bench bench;
    bench.handle(get(1, "x"));
    Message response = reply(bench.sent(), Type::confirmable, Code::content, "x", 77);
    response.options.add(OptionNumber{9}, {});
    bench.receive(server, response);
    EXPECT_EQ(bench.failure().reason, Failure::bad_response);
    EXPECT_EQ(bench.sent(), empty_message(Type::reset, 77));
}

TEST(Client, ACallersTokenIsUsedUnlessItIsTaken) {
    Settings settings;
    settings.nstart = 2;
    Bench bench(settings);
    Request first = get(1, "x");
    first.token = Token("aa bb"_hex);
    Request second = first;
    second.id = RequestId{2};
    bench.handle(std::move(first));
    EXPECT_EQ(bench.sent().token, Token("aa bb"_hex));
    bench.handle(std::move(second));
    EXPECT_NE(bench.sent().token, Token("aa bb"_hex));
}

// ---- NSTART, limits [RFC 7252 §4.7] ------------------------------------------------------------

TEST(Client, OneInteractionWithAPeerAtATime) {
    Bench bench;
    bench.handle(get(1, "a"));
    bench.handle(get(2, "b"));
    bench.handle(get(3, "c"));
    Request elsewhere = get(4, "d");
    elsewhere.peer = peer_at(9);
    bench.handle(std::move(elsewhere));
    const Message a = bench.take_sent();
    const Message d = bench.sent();
    EXPECT_TRUE(a.options.path_is("a"));
    EXPECT_TRUE(d.options.path_is("d"));
    bench.receive(server, empty_message(Type::acknowledgement, a.id));
    const Message b = bench.sent();  // acknowledged is enough
    EXPECT_TRUE(b.options.path_is("b"));
    bench.receive(server, reply(b, Type::acknowledgement, Code::content, "B", 0));
    EXPECT_TRUE(bench.sent().options.path_is("c"));
    bench.receive(server, reply(a, Type::non_confirmable, Code::content, "A", 50));
    EXPECT_EQ(bench.response().id, RequestId{2});
    EXPECT_EQ(bench.response().id, RequestId{1});
}

TEST(Client, AnUnansweredNonConfirmableRequestHoldsBackTheNextForItsOctets) {
    Bench bench;
    bench.handle(get(1, "a", false));
    const std::size_t octets = bench.datagrams.front().datagram.size();
    bench.datagrams.clear();
    bench.handle(get(2, "b", false));
    bench.pass(std::chrono::seconds(octets) - 1ns);
    EXPECT_TRUE(bench.silent());
    bench.pass(1ns);  // PROBING_RATE: an octet a second
    EXPECT_TRUE(bench.sent().options.path_is("b"));
}

TEST(Client, ATableThatIsFullSaysSo) {
    Settings settings;
    settings.transactions_max = 2;
    Bench bench(settings);
    for (std::uint64_t i = 1; i <= 3; ++i) bench.handle(get(i, "x"));
    EXPECT_EQ(bench.failure(), (RequestFailed{RequestId{3}, Failure::queue_full, Code::empty}));
    EXPECT_EQ(bench.endpoint.stats().requests_refused, 1u);
    bench.handle(get(1, "x"));
    EXPECT_EQ(bench.failure().reason, Failure::invalid);  // the id is in use
}

TEST(Client, MessageIdsAreNotReusedWithinExchangeLifetime) {  // [RFC 7252 §4.4]
    Settings settings;
    settings.probing_rate = 0;
    Bench bench(settings);
    std::vector<bool> used(65536);
    for (std::uint64_t i = 0; i < 65536; ++i) {
        Request request = get(i, "x", false);
        request.options.add_uint(OptionNumber::no_response, 26);
        bench.handle(std::move(request));
        const std::uint16_t id = bench.sent().id;
        ASSERT_FALSE(used[id]);
        used[id] = true;
    }
    bench.handle(get(70000, "x", false));
    EXPECT_EQ(bench.failure().reason, Failure::queue_full);
    EXPECT_EQ(bench.endpoint.stats().message_ids_exhausted, 1u);
    bench.handle(Request{RequestId{70001}, peer_at(9), Code::get, {}, {}, false});
    bench.sent();  // another peer is another matter
    bench.pass(2 * settings.exchange_lifetime());
    bench.handle(get(70002, "x", false));
    bench.sent();
}

TEST(MessageIds, PeersBeyondTheLimitAreCounted) {
    Settings settings;
    settings.peers_max = 2;
    settings.transactions_max = 10;
    Bench bench(settings);
    for (std::uint8_t host = 1; host <= 3; ++host) {
        Request request = get(host, "x");
        request.peer = peer_at(host);
        bench.handle(std::move(request));
    }
    EXPECT_EQ(bench.endpoint.stats().peers_evicted, 1u);
}

// ---- oddities ----------------------------------------------------------------------------------

TEST(Client, APingIsAnsweredByItsReset) {
    Bench bench;
    bench.handle(Request{RequestId{1}, server, Code::empty});
    const Message ping = bench.sent();
    EXPECT_EQ(emitted(ping).size(), 4u);
    bench.receive(server, empty_message(Type::reset, ping.id));
    EXPECT_EQ(bench.response().code, Code::empty);
    EXPECT_TRUE(bench.failures.empty());
}

TEST(Client, NobodyWaitsForAResponseThatIsNotWanted) {  // [RFC 7967 §2.1]
    Bench bench;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        Request request = get(i, "x", false);
        request.options.add_uint(OptionNumber::no_response, 26);
        bench.handle(std::move(request));
        bench.sent();
    }
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.endpoint.transactions(), 0u);
    EXPECT_EQ(bench.endpoint.next_deadline(), never);
}

TEST(Client, SameSeedAndInputsGiveTheSameOctets) {
    const auto run = [] {
        Bench bench({}, 42);
        bench.handle(get(1, "a"));
        bench.pass(100s);
        Octets all;
        for (const SendDatagram& d : bench.datagrams)
            all.insert(all.end(), d.datagram.begin(), d.datagram.end());
        return all;
    };
    EXPECT_EQ(run(), run());
}

TEST(Client, EarlyAndDoubleTimeoutsDoNoHarm) {
    Bench bench;
    bench.handle(get(1, "a"));
    bench.datagrams.clear();
    for (int i = 0; i < 100; ++i) {
        bench.now += 10ms;
        bench.endpoint.handle_timeout(bench.now);
        bench.endpoint.handle_timeout(bench.now);
    }
    EXPECT_FALSE(bench.endpoint.poll_output().has_value());
}

// Counters apart: each is eight octets, and there are more than thirty.
TEST(Endpoint, IdleIsSmall) {
    EXPECT_LE(sizeof(Endpoint) - sizeof(Stats), 400u);
}

}  // namespace
}  // namespace causeway::coap::endpoint_client_test
