#include "net/http_client.hpp"

#include "net/http_server.hpp"
#include "net/stream_testing.hpp"
#include "net/tls_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::net::http_client_test {
namespace {

using namespace std::chrono_literals;
using testing::Side;
using testing::turn_until;

class HttpGet : public ::testing::Test {
protected:
    /// A server that says `answer` to whoever connects, and closes if that is its end.
    std::string say(std::string answer, bool closes = true) {
        side.emplace(io, StreamHost::Options{});
        side->on_received = [this, answer, closes](StreamId id) {
            side->say(id, answer);
            if (closes) side->host.close(id);
        };
        const auto listener = side->host.listen({.name = "test", .address = "127.0.0.1:0"});
        EXPECT_TRUE(listener);
        return side->host.listening_on(*listener);
    }
    static HttpClientRequest to(const std::string& address) {
        const ConnectSpec spec = testing::to(address);
        return {.host = spec.host, .port = spec.port};
    }
    /// "200 body", or what went wrong.
    std::string get(HttpClient& client, HttpClientRequest request) {
        std::optional<std::string> said;
        client.fetch(std::move(request), [&](auto&& answer) { said = text(answer); });
        EXPECT_TRUE(turn_until(io, [&] { return said.has_value(); }));
        EXPECT_TRUE(client.stats().balanced());
        return said.value_or("nothing");
    }
    static std::string text(const std::expected<HttpClientResponse, HttpClientTrouble>& answer) {
        if (answer) return std::to_string(answer->status) + " " + answer->body;
        constexpr std::array<const char*, 6> names{"unreachable", "late", "malformed",
                                                   "too large",   "full", "invalid"};
        return names[static_cast<std::size_t>(answer.error().fault)];
    }

    Io io;
    std::optional<Side> side;
};

TEST_F(HttpGet, AsksAServerAndHearsItsAnswer) {
    std::optional<HttpRequest> asked;
    auto server = HttpServer::listen(io, "127.0.0.1:0", [&](const HttpRequest& request) {
        asked = request;
        return HttpResponse{.status = 201, .body = "made", .headers = {{"Location", "/x"}}};
    });
    ASSERT_TRUE(server);
    HttpClient client(io, {});
    HttpClientRequest request = to(server->listening_on());
    request.method = "POST";
    request.target = "/a?b=c";
    request.headers = {{"X-Said", "hello"}};
    request.body = "body";
    EXPECT_EQ(get(client, request), "201 made");
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->method, "POST");
    EXPECT_EQ(asked->target_text, "/a?b=c");
    EXPECT_EQ(*asked->header("x-said"), "hello");
    EXPECT_EQ(*asked->header("Host"), server->listening_on());
    EXPECT_EQ(asked->body, "body");
    request.method = "HEAD";
    request.body.clear();
    EXPECT_EQ(get(client, request), "201 ");
}

TEST_F(HttpGet, PutsChunksTogetherAndReadsToTheEnd) {
    HttpClient client(io, {});
    EXPECT_EQ(get(client, to(say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n",
                                 false))),
              "200 abcdefg");
    EXPECT_EQ(get(client, to(say("HTTP/1.0 200 OK\r\n\r\nuntil the end"))), "200 until the end");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                                 "Content-Length: 2\r\n\r\nok",
                                 false))),
              "200 ok");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", false))),
              "304 ");
}

TEST_F(HttpGet, WhatIsNoAnswerHasItsFault) {
    HttpClient client(io, {.body_octets_max = 10, .header_octets_max = 1000});
    EXPECT_EQ(get(client, to(say("\x16\x03\x01 hello\r\n\r\n"))), "malformed");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"))),
              "malformed");
    EXPECT_EQ(get(client, to(say(""))), "malformed");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"))), "too large");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "b\r\n01234567890\r\n"))),
              "too large");
    EXPECT_EQ(get(client, to(say("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"))),
              "too large");
    const std::string gone = say("x");
    side.reset();
    EXPECT_EQ(get(client, to(gone)), "unreachable");
    EXPECT_EQ(client.stats().malformed, 3u);
    EXPECT_EQ(client.stats().too_large, 3u);
}

TEST_F(HttpGet, NothingThatWouldBeAnotherRequestIsSaid) {
    HttpClient client(io, {});
    const HttpClientRequest good = to(say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    const auto with = [&](auto change) {
        HttpClientRequest request = good;
        change(request);
        return get(client, std::move(request));
    };
    EXPECT_EQ(with([](auto&) {}), "200 ");
    EXPECT_EQ(with([](auto& r) { r.target = "/ HTTP/1.1\r\nX: y"; }), "invalid");
    EXPECT_EQ(with([](auto& r) { r.target = "relative"; }), "invalid");
    EXPECT_EQ(with([](auto& r) { r.method = "GET /"; }), "invalid");
    EXPECT_EQ(with([](auto& r) { r.host = "h\r\n"; }), "invalid");
    EXPECT_EQ(with([](auto& r) { r.headers = {{"X", "a\r\nY: b"}}; }), "invalid");
    EXPECT_EQ(with([](auto& r) { r.headers = {{"X: y\r\nZ", "a"}}; }), "invalid");
    EXPECT_EQ(client.stats().refused, 6u);
}

TEST_F(HttpGet, IsBoundedInNumberAndTime) {
    const HttpClientRequest silent = to(say("HTTP/1.1 200 OK\r\n", false));
    HttpClient client(io, {.connections_max = 1, .requests_max = 2, .within = 200ms});
    std::vector<std::string> said;
    const auto hear = [&](auto&& answer) { said.push_back(text(answer)); };
    client.fetch(silent, hear);
    client.fetch(silent, hear);
    client.fetch(silent, hear);
    EXPECT_TRUE(said.empty());  // never before fetch() returns
    ASSERT_TRUE(turn_until(io, [&] { return said.size() == 3; }));
    EXPECT_EQ(said, (std::vector<std::string>{"full", "late", "late"}));
    EXPECT_LE(side->opened, 2u);
    const auto id = client.fetch(silent, hear);
    client.cancel(id);
    client.cancel(id);
    testing::turn_for(io, 20ms);
    EXPECT_EQ(said.size(), 3u);
    EXPECT_EQ(client.stats().cancelled, 1u);
    EXPECT_TRUE(client.stats().balanced());
}

TEST_F(HttpGet, WaitsItsTurn) {
    HttpClient client(io, {.connections_max = 2});
    const HttpClientRequest request =
        to(say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false));
    int answered = 0;
    for (int i = 0; i < 10; ++i)
        client.fetch(request, [&](auto&& answer) { answered += text(answer) == "200 ok"; });
    ASSERT_TRUE(turn_until(io, [&] { return answered == 10; }));
    EXPECT_EQ(client.stats().answered, 10u);
}

TEST_F(HttpGet, SpeaksTlsAndChecksWhoItIs) {
    const testing::Folder folder;
    testing::Authority authority(folder, "site");
    const testing::Pair pair = authority.issue("server", "IP:127.0.0.1");
    HttpServer::Options options;
    options.tls = TlsServer{.certificate = pair.certificate, .key = pair.key};
    auto server = HttpServer::listen(
        io, "127.0.0.1:0",
        [](const HttpRequest& request) {
            return HttpResponse{.body = request.secure ? "secret" : "plain"};
        },
        options);
    ASSERT_TRUE(server);
    HttpClientRequest request = to(server->listening_on());
    request.secure = true;
    HttpClient trusting(io, {.tls = {.ca_file = authority.file()}});
    EXPECT_EQ(get(trusting, request), "200 secret");
    HttpClient doubting(io, {});
    EXPECT_EQ(get(doubting, request), "unreachable");
}

}  // namespace
}  // namespace causeway::net::http_client_test
