#include "net/websocket.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::net::websocket_test {
namespace {

using Phase = WebSocket::Phase;

constexpr std::string_view request =
    "GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: WebSocket\r\nConnection: keep-alive, "
    "Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n";

/// One side, fed by hand.
struct Fed {
    explicit Fed(std::unique_ptr<WebSocket> of) : socket(std::move(of)) {}

    void feed(Bytes octets) {
        Octets copy = to_octets(octets);
        socket->feed(copy);
        while (const auto piece = socket->next(wire)) heard += as_text(*piece);
    }
    void feed(std::string_view text) { feed(as_octets(text)); }
    std::string said() {
        const std::string text(as_text(wire));
        wire.clear();
        return text;
    }

    std::unique_ptr<WebSocket> socket;
    Octets wire;
    std::string heard;
};

Fed open_server() {
    Fed server(WebSocket::server("mqtt"));
    server.feed(request);
    EXPECT_EQ(server.socket->phase(), Phase::open);
    server.wire.clear();
    return server;
}

std::string framed(WebSocket& socket, std::string_view payload) {
    Octets buffer(WebSocket::frame_room);
    const Bytes octets = as_octets(payload);
    buffer.insert(buffer.end(), octets.begin(), octets.end());
    return std::string(as_text(socket.frame(buffer, payload.size())));
}

std::string with(std::string_view from, std::string_view what, std::string_view by) {
    std::string text(from);
    return text.replace(text.find(what), what.size(), by);
}

TEST(WebSocket, AnswersTheSampleKeyAndNamesTheSubprotocol) {
    // [MQTT-6.0.0-3] [MQTT-6.0.0-4] [RFC 6455 §1.3]
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    Fed server(WebSocket::server("mqtt"));
    server.feed(request);
    EXPECT_EQ(server.said(),
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    EXPECT_EQ(server.socket->phase(), Phase::open);
}

TEST(WebSocket, ARequestMayComeOctetByOctetAndWithFramesBehindIt) {
    Fed server(WebSocket::server("mqtt"));
    for (const char c : request.substr(0, request.size() - 1)) server.feed(std::string_view(&c, 1));
    EXPECT_EQ(server.socket->phase(), Phase::handshake);
    // [RFC 6455 §5.7]: a masked "Hello", as a binary message.
    server.feed("\n\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    EXPECT_EQ(server.socket->phase(), Phase::open);
    EXPECT_EQ(server.heard, "Hello");
}

TEST(WebSocket, RequestsThatAreNoneAreRefusedWithAStatus) {
    const auto refused = [](std::string_view text) {
        Fed server(WebSocket::server("mqtt"));
        server.feed(text);
        EXPECT_EQ(server.socket->phase(), Phase::failed);
        const std::string answer = server.said();
        return answer.substr(0, answer.find("\r\n"));
    };
    EXPECT_EQ(refused(with(request, "GET", "POST")), "HTTP/1.1 426 Upgrade Required");
    EXPECT_EQ(refused(with(request, "HTTP/1.1", "HTTP/1.0")), "HTTP/1.1 426 Upgrade Required");
    EXPECT_EQ(refused(with(request, "WebSocket\r", "h2c\r")), "HTTP/1.1 426 Upgrade Required");
    EXPECT_EQ(refused(with(request, ": 13", ": 8")), "HTTP/1.1 426 Upgrade Required");
    EXPECT_EQ(refused(with(request, "dGhl", "####")), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(refused(with(request, "dGhl", "")), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(refused(with(request, "v3.1, mqtt", "v3.1, MQTT")), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(refused("\x10\x0c\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    EXPECT_EQ(refused(std::string(9'000, 'x')), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(WebSocket, AClientAndAServerUnderstandEachOther) {
    Fed client(WebSocket::client("broker:8083", "mqtt", "mqtt"));
    Fed server(WebSocket::server("mqtt"));
    client.socket->start(client.wire);
    client.socket->start(client.wire);  // says it once
    const std::string asked = client.said();
    EXPECT_TRUE(asked.starts_with("GET /mqtt HTTP/1.1\r\nHost: broker:8083\r\n")) << asked;
    server.feed(asked);
    client.feed(server.said());
    ASSERT_EQ(client.socket->phase(), Phase::open) << client.socket->failure();
    for (const std::size_t size : {std::size_t{1}, std::size_t{125}, std::size_t{126},
                                   std::size_t{65'535}, std::size_t{65'536}}) {
        const std::string text(size, 'x');
        client.heard.clear();
        server.heard.clear();
        const std::string masked = framed(*client.socket, text);
        // The key stands before the payload, and any octet of it may be zero. [RFC 6455 §5.3]
        const char key = masked[masked.size() - size - 4 + (size - 1) % 4];
        EXPECT_NE(masked[1] & '\x80', 0) << size;
        EXPECT_EQ(masked.back(), static_cast<char>('x' ^ key)) << size;
        server.feed(masked);
        EXPECT_TRUE(server.heard == text) << size;
        client.feed(framed(*server.socket, text));
        EXPECT_TRUE(client.heard == text) << size;
    }
    client.socket->goodbye(client.wire);
    server.feed(client.said());
    EXPECT_EQ(server.socket->phase(), Phase::ended);
    client.feed(server.said());
    EXPECT_EQ(client.socket->phase(), Phase::ended);
    EXPECT_EQ(client.said(), "");  // one close each
}

TEST(WebSocket, AClientRefusesAnswersThatAreNone) {
    const auto failure = [](std::string_view what, std::string_view by) {
        Fed client(WebSocket::client("broker", "/mqtt", "mqtt"));
        client.socket->start(client.wire);
        const std::string asked = client.said();
        Fed server(WebSocket::server("mqtt"));
        server.feed(asked);
        client.feed(with(server.said(), what, by));
        EXPECT_EQ(client.socket->phase(), Phase::failed);
        return client.socket->failure();
    };
    EXPECT_EQ(failure("101 Switching Protocols", "404 Not Found"),
              "the server refused with status 404");
    EXPECT_EQ(failure("Accept: ", "Accept: x"), "the server's answer is no WebSocket's");
    EXPECT_EQ(failure("Protocol: mqtt", "Protocol: amqp"), "the server does not speak \"mqtt\"");
    EXPECT_EQ(failure("Sec-WebSocket-Protocol: mqtt\r\n", ""),
              "the server does not speak \"mqtt\"");
    EXPECT_EQ(failure("Upgrade: websocket", "Sec-WebSocket-Extensions: x\r\nUpgrade: websocket"),
              "the server uses an extension that was not offered");
    EXPECT_EQ(failure("HTTP/1.1", "SMTP/1.1"), "the answer is not HTTP");
}

TEST(WebSocket, MessagesAreAnyPiecesOfTheStream) {
    // [MQTT-6.0.0-2]
    Fed client(WebSocket::client("broker", "/mqtt", "mqtt"));
    client.socket->start(client.wire);
    Fed server(WebSocket::server("mqtt"));
    server.feed(client.said());
    client.feed(server.said());
    std::string all;
    std::string wire;
    for (int i = 0; i < 50; ++i) {
        const std::string text = std::to_string(i) + std::string(std::size_t(i) * 9, 'y');
        all += text;
        wire += framed(*client.socket, text);
    }
    for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1'000}}) {
        Fed fresh = open_server();
        for (std::size_t at = 0; at < wire.size(); at += step)
            fresh.feed(std::string_view(wire).substr(at, step));
        EXPECT_TRUE(fresh.heard == all) << step;
    }
}

TEST(WebSocket, FragmentsAreJoinedWithPingsBetweenThem) {
    Fed server = open_server();
    server.feed("02 81 00000000 61"_hex);    // first fragment: a
    server.feed("89 82 01020304 6968"_hex);  // ping, masked: "hj"
    server.feed("00 80 00000000"_hex);       // an empty one
    server.feed("80 81 00000000 62"_hex);    // the last: b
    EXPECT_EQ(server.heard, "ab");
    EXPECT_EQ(to_hex(server.wire), "8a02686a");  // pong, with the ping's payload
    server.feed("8a 80 00000000"_hex);           // a pong that nobody asked for
    EXPECT_EQ(server.socket->phase(), Phase::open);
}

TEST(WebSocket, WhatTheStandardForbidsEndsItWithItsCode) {
    const auto end = [](Bytes frame) {
        Fed server = open_server();
        server.feed(frame);
        EXPECT_EQ(server.socket->phase(), Phase::failed);
        EXPECT_FALSE(server.socket->failure().empty());
        server.feed("82 81 00000000 61"_hex);  // heard no more
        EXPECT_EQ(server.heard, "");
        return to_hex(server.wire);
    };
    // [MQTT-6.0.0-1]: text is not for MQTT.
    EXPECT_EQ(end("81 81 00000000 61"_hex), "880203eb");
    EXPECT_EQ(end("82 01 61"_hex), "880203ea");                       // not masked
    EXPECT_EQ(end("c2 81 00000000 61"_hex), "880203ea");              // a reserved bit
    EXPECT_EQ(end("83 81 00000000 61"_hex), "880203ea");              // an unknown kind
    EXPECT_EQ(end("80 81 00000000 61"_hex), "880203ea");              // a fragment of nothing
    EXPECT_EQ(end("02 80 00000000 82 80 00000000"_hex), "880203ea");  // a message in a message
    EXPECT_EQ(end("09 80 00000000"_hex), "880203ea");                 // a ping in pieces
    EXPECT_EQ(end("89 fe 0080 00000000"_hex), "880203ea");            // a ping too long
    EXPECT_EQ(end("82 fe 007d 00000000"_hex), "880203ea");  // a length that could be shorter
    EXPECT_EQ(end("82 ff 000000000000ffff 00000000"_hex), "880203ea");
    EXPECT_EQ(end("82 ff 8000000000000000 00000000"_hex), "880203ea");
    EXPECT_EQ(end("88 81 00000000 61"_hex), "880203ea");  // half a status code
}

TEST(WebSocket, ACloseIsAnsweredWithItsCode) {
    Fed server = open_server();
    server.feed("88 85 00000000 03e9 627965"_hex);
    EXPECT_EQ(server.socket->phase(), Phase::ended);
    EXPECT_EQ(to_hex(server.wire), "880203e9");
    server.socket->goodbye(server.wire);
    EXPECT_EQ(to_hex(server.wire), "880203e9");
    Fed other = open_server();
    other.feed("88 80 00000000"_hex);
    EXPECT_EQ(to_hex(other.wire), "8800");
}

TEST(WebSocket, AFrameOfAnyLengthIsPassedOnAsItComes) {
    Fed server = open_server();
    server.feed("82 ff 7fffffffffffffff 00000000"_hex);
    for (int i = 0; i < 10; ++i) server.feed(std::string(1'000, 'z'));
    EXPECT_EQ(server.heard.size(), 10'000u);
    EXPECT_EQ(server.socket->phase(), Phase::open);
}

// ---- whole messages ----------------------------------------------------------------------------

/// A side that hears messages; "|" stands behind each.
struct Whole : Fed {
    explicit Whole(std::size_t most) : Fed(WebSocket::server("mqtt", {}, most)) {
        Fed::feed(request);
        EXPECT_EQ(socket->phase(), Phase::open);
        wire.clear();
    }
    void feed(Bytes octets) {
        Octets copy = to_octets(octets);
        socket->feed(copy);
        while (const auto message = socket->next(wire))
            heard.append(as_text(*message)).push_back('|');
    }
};

TEST(WebSocket, FragmentsArePutTogether) {  // [RFC 6455 §5.4] [RFC 8323 §4.2]
    const Octets all =
        "82 83 00000000 616263  02 82 00000000 6465  00 80 00000000  89 80 00000000"
        "00 81 00000000 66  80 81 00000000 67  82 80 00000000  82 81 00000000 68"_hex;
    for (std::size_t step = 1; step <= all.size(); ++step) {
        Whole server(4);
        for (std::size_t at = 0; at < all.size(); at += step)
            server.feed(Bytes(all).subspan(at, std::min(step, all.size() - at)));
        EXPECT_EQ(server.heard, "abc|defg||h|") << step;
        EXPECT_EQ(to_hex(server.wire), "8a00");
    }
}

TEST(WebSocket, AMessageThatIsTooLongIsRefusedByItsHeader) {  // [RFC 6455 §7.4.1]
    const auto refused = [](Bytes octets) {
        Whole server(4);
        server.feed(octets);
        EXPECT_EQ(server.socket->phase(), Phase::failed);
        EXPECT_EQ(server.socket->failure(), "a message is too long");
        EXPECT_EQ(to_hex(server.wire), "880203f1");
        return server.heard;
    };
    EXPECT_EQ(refused("82 85 00000000"_hex), "");
    EXPECT_EQ(refused("82 ff 7fffffffffffffff 00000000"_hex), "");
    EXPECT_EQ(refused("82 84 00000000 61626364  02 82 00000000 6162  80 83 00000000"_hex), "abcd|");
    // What was before it does not count.
    Whole server(4);
    server.feed("02 82 00000000 6162 80 82 00000000 6364  82 84 00000000 65666768"_hex);
    EXPECT_EQ(server.heard, "abcd|efgh|");
}

TEST(WebSocket, AMessageMayLeaveInPieces) {
    const auto client = WebSocket::client("a", "/", "mqtt", 1000);
    Octets wire(WebSocket::frame_room);
    wire.resize(client->begin_message(wire, 300));
    EXPECT_EQ(wire.size(), 8u);
    for (const std::size_t size : {std::size_t{1}, std::size_t{13}, std::size_t{286}}) {
        Octets piece(size, std::byte{'x'});
        client->carry_on(piece);
        wire.insert(wire.end(), piece.begin(), piece.end());
    }
    Whole server(300);
    server.feed(wire);
    EXPECT_EQ(server.heard, std::string(300, 'x') + "|");
}

TEST(WebSocket, AServerMayBeAtOnePathOnly) {  // [RFC 8323 §8.3]
    Fed there(WebSocket::server("mqtt", "/mqtt"));
    there.feed(with(request, "/mqtt", "/mqtt?a=b"));
    EXPECT_EQ(there.socket->phase(), Phase::open);
    Fed elsewhere(WebSocket::server("mqtt", "/.well-known/coap"));
    elsewhere.feed(request);
    EXPECT_EQ(elsewhere.socket->phase(), Phase::failed);
    EXPECT_TRUE(elsewhere.said().starts_with("HTTP/1.1 404 Not Found\r\n"));
}

}  // namespace
}  // namespace causeway::net::websocket_test
