// Whole endpoints with OSCORE between them, over a network that loses, repeats and reorders.
#include "base/hex.hpp"
#include "coap/testing.hpp"
#include "secure/oscore.hpp"

#include <gtest/gtest.h>

namespace causeway::secure::oscore_endpoint_test::oscore_endpoint_test {
namespace {

using namespace std::chrono_literals;
using namespace coap::testing;
using coap::Code;
using coap::ContentFormat;
using coap::Message;
using coap::OptionNumber;
using coap::Request;
using coap::RequestId;

ContextConfig config_of(bool server, Octets state = {}) {
    ContextConfig config{.name = server ? "server" : "client",
                         .master_secret = "0102030405060708090a0b0c0d0e0f10"_hex,
                         .sender_id = "c1"_hex,
                         .recipient_id = "5e"_hex,
                         .state = std::move(state)};
    if (server) std::swap(config.sender_id, config.recipient_id);
    return config;
}

/// A client and a server that know each other.
struct Known {
    explicit Known(const Network::Badness& badness = {}, std::uint64_t seed = 1,
                   Octets server_state = {})
        : client_oscore({}, Random(seed)),
          server_oscore({}, Random(seed + 1000)),
          net({}, {}, badness, seed, &client_oscore, &server_oscore) {
        net.context = client_oscore.add(config_of(false)).value();
        server_context = server_oscore.add(config_of(true, std::move(server_state))).value();
        net.server.add({.path = "/value",
                        .methods = {Code::get, Code::put},
                        .handler =
                            [this](const coap::RequestView& request) {
                                secure += request.peer.context == server_context;
                                ++handled;
                                if (request.method == Code::put) {
                                    value = to_octets(request.payload);
                                    return coap::response_of(Code::changed);
                                }
                                return coap::content_of(ContentFormat::octet_stream, value);
                            },
                        .observable = true});
    }
    ~Known() {
        EXPECT_EQ(secure, handled) << "every request is of the context";
        EXPECT_TRUE(client_oscore.stats().balanced());
        EXPECT_TRUE(server_oscore.stats().balanced());
    }

    Oscore client_oscore;
    Oscore server_oscore;
    Network net;
    std::uint32_t server_context = 0;
    Octets value = text("20.5");
    std::size_t handled = 0;
    std::size_t secure = 0;
};

Request get_value(std::uint64_t id = 1, bool observe = false) {
    return {.id = RequestId{id},
            .code = Code::get,
            .options = path_options("/value"),
            .observe = observe};
}

TEST(OscoreEndpoint, ARequestIsAnsweredOverALossyNetwork) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Known k({.loss_percent = 20, .duplicate_percent = 20, .delay_max = 500ms}, seed);
        for (std::uint64_t i = 0; i < 10; ++i) k.net.request(get_value(i));
        k.net.run(300s);
        std::size_t good = 0;
        for (const auto& response : k.net.responses) good += response.payload == k.value;
        EXPECT_EQ(good + k.net.failures.size(), 10u);
        EXPECT_GE(good, 8u) << seed;
    }
}

TEST(OscoreEndpoint, BodiesOfManyBlocksGoBothWays) {  // [RFC 8613 §4.1.3.4.1]
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Known k({.loss_percent = 10, .duplicate_percent = 10, .delay_max = 200ms}, seed);
        const Octets body = body_of(4000);
        k.net.request({.id = RequestId{1},
                       .code = Code::put,
                       .options = path_options("/value"),
                       .payload = body});
        k.net.run(300s);
        ASSERT_EQ(k.net.responses.size(), 1u) << seed;
        EXPECT_EQ(k.net.responses[0].code, Code::changed);
        EXPECT_EQ(k.value, body);
        k.net.request(get_value(2));
        k.net.run(300s);
        ASSERT_EQ(k.net.responses.size(), 2u) << seed;
        EXPECT_EQ(k.net.responses[1].payload, body);
    }
}

TEST(OscoreEndpoint, NotificationsArriveInOrder) {  // [RFC 8613 §4.1.3.5]
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Known k({.loss_percent = 15, .duplicate_percent = 15, .delay_max = 1500ms}, seed);
        k.value = text("1000");
        k.net.request(get_value(1, true));
        k.net.run(30s);
        for (int i = 1001; i <= 1040; ++i) {
            k.value = text(std::to_string(i));
            k.net.changed("/value");
            k.net.run(3s);
        }
        k.net.run(200s);
        ASSERT_GT(k.net.responses.size(), 5u) << seed;
        for (std::size_t i = 1; i < k.net.responses.size(); ++i)
            EXPECT_LE(as_text(k.net.responses[i - 1].payload), as_text(k.net.responses[i].payload));
        EXPECT_EQ(k.net.responses.back().payload, text("1040")) << seed;
        EXPECT_TRUE(k.net.failures.empty());
    }
}

TEST(OscoreEndpoint, AServerThatRestartedIsHeardAfterOneQuestion) {  // [RFC 8613 B.1.2]
    Octets state;
    {
        Oscore before({}, Random(1));
        ASSERT_TRUE(before.add(config_of(true)));
        while (auto save = before.poll_output()) state = save->state;
    }
    Known k({}, 1, state);
    k.net.request(get_value(1));
    k.net.request(get_value(2));
    k.net.run(60s);
    ASSERT_EQ(k.net.responses.size(), 2u);
    for (const auto& response : k.net.responses) EXPECT_EQ(response.payload, k.value);
    EXPECT_EQ(k.server_oscore.stats().windows_synchronised, 1u);
    EXPECT_EQ(k.server_oscore.stats().requests_opened, 2u);
}

TEST(OscoreEndpoint, AWrongKeyIsAFailureThatSaysWhatCameBack) {  // [RFC 8613 §8.2]
    Known k;
    ContextConfig wrong = config_of(false);
    wrong.master_secret[0] ^= std::byte{1};
    k.net.context = k.client_oscore.add(wrong).value();
    k.net.request(get_value(1));
    k.net.run(60s);
    ASSERT_EQ(k.net.failures.size(), 1u);
    EXPECT_EQ(k.net.failures[0].reason, coap::Failure::protection);
    EXPECT_EQ(k.net.failures[0].code, Code::bad_request);
    EXPECT_EQ(k.handled, 0u);
}

TEST(OscoreEndpoint, AContextThatIsGoneFailsTheRequest) {
    Known k;
    EXPECT_TRUE(k.client_oscore.remove(k.net.context));
    k.net.request(get_value(1));
    k.net.run(1s);
    ASSERT_EQ(k.net.failures.size(), 1u);
    EXPECT_EQ(k.net.failures[0].reason, coap::Failure::protection);
}

TEST(OscoreEndpoint, ARequestRecordedAndSentAgainIsNotHeard) {  // [RFC 8613 §7.4]
    Oscore oscore({}, Random(1));
    const std::uint32_t context = oscore.add(config_of(false)).value();
    Known k;
    Message message;
    message.code = Code::get;
    message.options = path_options("/value");
    coap::Peer peer;
    peer.context = context;
    coap::Binding binding;
    Message recorded = oscore.protect_request({}, peer, message, binding).value();
    for (std::uint16_t id = 1; id <= 2; ++id) {
        recorded.id = id;
        k.net.endpoint.handle(k.net.now, coap::DatagramReceived{peer_at(9), emitted(recorded)});
    }
    k.net.run(1s);
    EXPECT_EQ(k.handled, 1u);
    EXPECT_EQ(k.server_oscore.stats().replayed, 1u);
}

}  // namespace
}  // namespace causeway::secure::oscore_endpoint_test::oscore_endpoint_test
