// WebSocket and the PROXY protocol as streams have them, over real sockets.
#include "base/hex.hpp"
#include "net/stream_host.hpp"
#include "net/stream_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::net::stream_layers_test {
namespace {

using namespace std::chrono_literals;
using testing::Peer;
using testing::Side;
using testing::turn_until;

constexpr std::string_view request =
    "GET /any/path HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
constexpr std::string_view close_1003("\x88\x02\x03\xeb", 4);

std::string proxy_header() {
    return std::string(
        as_text("0d0a0d0a000d0a515549540a 21 11 000c  c0000207 7f000001 c8e8 075b"_hex));
}

class StreamLayersTest : public ::testing::TestWithParam<unsigned> {
protected:
    StreamLayersTest() : server(io, options()), client(io, options()) {}
    [[nodiscard]] static StreamHost::Options options() { return {.workers = GetParam()}; }
    std::string listen(bool websocket, bool proxy) {
        ListenSpec spec{.name = "test", .address = "127.0.0.1:0"};
        spec.websocket = websocket;
        spec.proxy_protocol = proxy;
        listener = server.host.listen(spec).value();
        return server.host.listening_on(listener);
    }
    std::string heard_until_end(Peer& peer) {
        std::string text;
        EXPECT_TRUE(turn_until(io, [&] {
            text += peer.hear();
            return peer.ended();
        }));
        return text;
    }

    Io io;
    Side server;
    Side client;
    std::size_t listener = 0;
};

INSTANTIATE_TEST_SUITE_P(Workers, StreamLayersTest, ::testing::Values(0u, 2u));

TEST_P(StreamLayersTest, AWebSocketCarriesTheStreamBothWays) {
    ConnectSpec spec = testing::to(listen(true, false));
    spec.websocket = true;
    const StreamId id = client.host.connect(spec);
    client.say(id, "before it is open; ");
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
    EXPECT_TRUE(server.facts.peer.starts_with("127.0.0.1:"));
    const auto body = std::make_shared<std::string>(testing::noise(2 << 20));
    client.host.send(id, {to_octets(as_octets("head")), as_octets(*body), body});
    server.host.send(server.last, {to_octets(as_octets("HEAD")), as_octets(*body), body});
    const std::string expected = "before it is open; head" + *body;
    ASSERT_TRUE(turn_until(io, [&] {
        return server.heard.size() == expected.size() && client.heard.size() == body->size() + 4;
    }));
    EXPECT_TRUE(server.heard == expected);
    EXPECT_TRUE(client.heard == "HEAD" + *body);
    ASSERT_TRUE(turn_until(io, [&] { return client.drained == expected.size(); }));
    client.host.close(id);
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    EXPECT_FALSE(server.trouble) << server.trouble->line;
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamLayersTest, AWebSocketThatSpeaksTextIsClosedWithTheReason) {
    // [MQTT-6.0.0-1]
    Peer peer(listen(true, false));
    peer.say(request);
    peer.say(as_text("82 83 00000000 616263  81 81 00000000 61"_hex));
    const std::string text = heard_until_end(peer);
    EXPECT_TRUE(text.starts_with("HTTP/1.1 101 ")) << text;
    EXPECT_TRUE(text.ends_with(close_1003)) << text;
    EXPECT_EQ(server.heard, "abc");
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    EXPECT_EQ(server.trouble->line, "WebSocket: a text message, binary ones are wanted");
}

TEST_P(StreamLayersTest, AWebSocketAnswersPingAndClose) {
    Peer peer(listen(true, false));
    peer.say(request);
    peer.say(as_text("89 81 00000000 70"_hex));
    std::string text;
    ASSERT_TRUE(turn_until(io, [&] { return (text += peer.hear()).ends_with("\x8a\x01p"); }));
    server.say(server.last, "hi");
    ASSERT_TRUE(turn_until(io, [&] { return (text += peer.hear()).ends_with("\x82\x02hi"); }));
    peer.say(as_text("88 82 00000000 03e8"_hex));
    text = heard_until_end(peer);
    EXPECT_EQ(to_hex(as_octets(text)), "880203e8");
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    EXPECT_FALSE(server.trouble);
}

TEST_P(StreamLayersTest, WhatIsNoWebSocketIsToldSo) {
    Peer peer(listen(true, false));
    peer.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string text = heard_until_end(peer);
    EXPECT_TRUE(text.starts_with("HTTP/1.1 426 Upgrade Required\r\n")) << text;
    ASSERT_EQ(server.refusals.size(), 1u);
    EXPECT_EQ(server.refusals[0], "WebSocket: a WebSocket is wanted");
    EXPECT_EQ(server.opened, 0u);
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamLayersTest, APeerThatAsksForAnswersAndReadsNoneIsGivenUp) {
    Peer peer(listen(true, false));
    peer.say(request);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    std::string pings;
    const std::string ping(as_text("89 fd 00000000"_hex));
    for (int i = 0; i < 1'000; ++i) pings += ping + std::string(125, 'p');
    std::size_t sent = 0;
    ASSERT_TRUE(turn_until(io, [&] {
        const ssize_t n = ::send(peer.descriptor(), pings.data() + sent, pings.size() - sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent = (sent + static_cast<std::size_t>(n)) % pings.size();
        return server.closed == 1;
    }));
    EXPECT_EQ(server.trouble->line, "the peer reads no answers");
}

TEST_P(StreamLayersTest, AProxysHeaderSaysWhoThePeerIs) {
    Peer peer(listen(false, true));
    const std::string header = proxy_header();
    for (const char c : header.substr(0, 20)) {
        peer.say(std::string_view(&c, 1));
        testing::turn_for(io, 1ms);
    }
    EXPECT_EQ(server.opened, 0u);
    peer.say(header.substr(20) + "the stream");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "the stream"; }));
    EXPECT_EQ(server.facts.peer, "192.0.2.7:51432");
    server.say(server.last, "answer");
    std::string text;
    ASSERT_TRUE(turn_until(io, [&] { return (text += peer.hear()) == "answer"; }));
    peer.say(", on");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "the stream, on"; }));
    ASSERT_TRUE(turn_until(io, [&] { return server.drained == 6; }));
}

TEST_P(StreamLayersTest, AProxysHeaderMayStandBeforeAWebSocket) {
    Peer peer(listen(true, true));
    peer.say(proxy_header() + std::string(request) +
             std::string(as_text("82 83 00000000 616263"_hex)));
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "abc"; }));
    EXPECT_EQ(server.facts.peer, "192.0.2.7:51432");
}

TEST_P(StreamLayersTest, WithoutAProxysHeaderThereIsNoStream) {
    Peer peer(listen(false, true));
    peer.say("\x10\x0c and so on");
    EXPECT_EQ(heard_until_end(peer), "");
    ASSERT_EQ(server.refusals.size(), 1u);
    EXPECT_EQ(server.refusals[0], "PROXY protocol: no header");
    EXPECT_EQ(server.host.stats().handshake_failed, 1u);
}

TEST_P(StreamLayersTest, AServerThatIsNoWebSocketIsSaidToBeSo) {
    ConnectSpec spec = testing::to(listen(false, false));
    spec.websocket = true;
    server.on_received = [&](StreamId id) {
        server.say(id, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        server.on_received = {};
    };
    client.host.connect(spec);
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_EQ(client.trouble->line, "cannot connect to " + server.host.listening_on(listener) +
                                        ": WebSocket: the server refused with status 404");
}

// ---- whole messages ----------------------------------------------------------------------------

class WholeMessages : public StreamLayersTest {
protected:
    std::string listen(std::size_t most) {
        ListenSpec spec{.name = "coap+ws", .address = "127.0.0.1:0"};
        spec.websocket = true;
        spec.subprotocol = "coap";
        spec.path = "/.well-known/coap";
        spec.whole_messages = true;
        spec.message_octets_max = most;
        listener = server.host.listen(spec).value();
        return server.host.listening_on(listener);
    }
    StreamId connect(const std::string& address, const std::string& path = {}) {
        ConnectSpec spec = testing::to(address);
        spec.websocket = true;
        spec.subprotocol = "coap";
        spec.path = path;
        spec.whole_messages = true;
        return client.host.connect(spec);
    }
    /// What was heard, a size for each message.
    static void note(Side& side, std::vector<std::size_t>& sizes) {
        side.on_received = [&](StreamId) {
            sizes.push_back(side.heard.size());
            side.heard.clear();
        };
    }
};

INSTANTIATE_TEST_SUITE_P(Workers, WholeMessages, ::testing::Values(0u, 2u));

TEST_P(WholeMessages, EachSendIsOneReceived) {     // [RFC 8323 §4.2]
    const StreamId id = connect(listen(1 << 20));  // at the well-known path [RFC 8323 §8.3]
    std::vector<std::size_t> at_server;
    std::vector<std::size_t> at_client;
    note(server, at_server);
    note(client, at_client);
    const std::vector<std::size_t> sizes{1, 2, 200, 3, 100'000, 700, 65'536, 5};
    const std::string text = testing::noise(100'000);
    std::size_t all = 0;
    for (const std::size_t size : sizes) {
        client.say(id, std::string_view(text).substr(0, size));
        all += size;
    }
    ASSERT_TRUE(turn_until(io, [&] { return at_server.size() == sizes.size(); }));
    EXPECT_EQ(at_server, sizes);
    const auto body = std::make_shared<std::string>(text);
    server.host.send(server.last, {to_octets(as_octets("head")), as_octets(*body), body});
    server.say(server.last, "tail");
    ASSERT_TRUE(turn_until(io, [&] { return at_client.size() == 2 && client.drained == all; }));
    EXPECT_EQ(at_client, (std::vector<std::size_t>{100'004, 4}));
    ASSERT_TRUE(turn_until(io, [&] { return server.drained == 100'008; }));
}

TEST_P(WholeMessages, ALongerOneThanAllowedClosesTheStream) {
    const StreamId id = connect(listen(100));
    client.say(id, std::string(100, 'x'));
    client.say(id, std::string(101, 'y'));
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1 && client.closed == 1; }));
    EXPECT_EQ(server.heard, std::string(100, 'x'));
    EXPECT_EQ(server.trouble->line, "WebSocket: a message is too long");
}

TEST_P(WholeMessages, AnotherPathIsNotFound) {
    connect(listen(100), "/mqtt");
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_TRUE(client.trouble->line.ends_with("the server refused with status 404"));
    EXPECT_EQ(server.refusals.at(0), "WebSocket: there is no WebSocket at this path");
}

}  // namespace
}  // namespace causeway::net::stream_layers_test
