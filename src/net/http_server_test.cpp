#include "net/http_server.hpp"

#include "net/stream_testing.hpp"
#include "net/tls_testing.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace causeway::net::http_server_test {
namespace {

using namespace std::chrono_literals;
using testing::Peer;
using testing::Side;
using testing::turn_until;

HttpResponse say_back(const HttpRequest& request) {
    std::string text = request.method + " " + request.target.path + " [";
    for (const std::string& segment : request.target.segments) text += segment + ",";
    text += "]";
    for (const auto& [name, value] : request.target.query) text += " " + name + "=" + value;
    if (const std::string* said = request.header("x-said")) text += " said " + *said;
    if (!request.body.empty()) text += " body " + std::to_string(request.body.size());
    return {.body = std::move(text), .type = "text/plain"};
}

class Http : public ::testing::Test {
protected:
    std::string start(HttpServer::Options options = {}, HttpServer::Handler handler = say_back) {
        auto listening = HttpServer::listen(io, "127.0.0.1:0", std::move(handler), options);
        EXPECT_TRUE(listening) << listening.error().line;
        server.emplace(std::move(*listening));
        return server->listening_on();
    }
    /// Says `text`, and hears until the server has closed or `enough` was heard.
    std::string exchange(Peer& peer, std::string_view text, std::string_view enough = {}) {
        if (!text.empty()) peer.say(text);
        std::string heard;
        EXPECT_TRUE(turn_until(io, [&] {
            heard += peer.hear();
            return peer.ended() || (!enough.empty() && heard.find(enough) != std::string::npos);
        }));
        return heard;
    }
    std::string exchange(const std::string& address, std::string_view text) {
        Peer peer(address);
        return exchange(peer, text);
    }

    Io io;
    std::optional<HttpServer> server;
};

TEST_F(Http, AnswersWhatItIsAsked) {
    const std::string address = start();
    EXPECT_EQ(exchange(address,
                       "GET /clients/a%2Fb/?max=10&after=x+y%26 HTTP/1.1\r\nHost: a\r\n"
                       "X-Said: hello\r\nConnection: close\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 63\r\n"
              "Connection: close\r\n\r\n"
              "GET /clients/a%2Fb/ [clients,a/b,] max=10 after=x y& said hello");
}

TEST_F(Http, KeepsAConnectionForManyRequestsAndTakesThemInOneGo) {
    Peer peer(start());
    const std::string one = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_NE(exchange(peer, one, "/one [one,]").find("Connection: keep-alive"), std::string::npos);
    const std::string two = "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    const std::string chunked =
        "PUT /three HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    const std::string heard = exchange(peer, one + two + chunked, "body 7");
    EXPECT_NE(heard.find("GET /one [one,]"), std::string::npos);
    EXPECT_NE(heard.find("POST /two [two,] body 5"), std::string::npos);
    EXPECT_NE(heard.find("PUT /three [three,] body 7"), std::string::npos);
    EXPECT_EQ(server->stats().requests, 4u);
    EXPECT_EQ(server->stats().answered, 4u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(Http, ARequestMayComeOctetByOctet) {
    Peer peer(start());
    const std::string text = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
    for (const char c : text.substr(0, text.size() - 1)) {
        peer.say(std::string_view(&c, 1));
        testing::turn_for(io, 100us);
    }
    EXPECT_EQ(server->stats().pending, 1u);
    EXPECT_TRUE(server->stats().balanced());
    EXPECT_NE(exchange(peer, "k", "body 2").find("200 OK"), std::string::npos);
}

TEST_F(Http, AHeadHasNoBodyAndSaysHowLongItWouldBe) {
    const std::string heard =
        exchange(start(), "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_NE(heard.find("Content-Length: 8\r\n"), std::string::npos) << heard;
    EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
}

TEST_F(Http, ABodyIsAskedForWhereTheClientWaitsForThat) {
    Peer peer(start());
    const std::string head =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    EXPECT_EQ(exchange(peer, head, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_NE(exchange(peer, "ok", "body 2").find("200 OK"), std::string::npos);
}

TEST_F(Http, WhatIsTooLargeOrMalformedIsRefusedWithItsStatus) {
    HttpServer::Options options;
    options.body_octets_max = 10;
    options.header_octets_max = 1'000;
    const std::string address = start(options);
    const auto status = [&](std::string_view text) {
        return exchange(address, text).substr(0, 12);
    };
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), "HTTP/1.1 413");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n"),
              "HTTP/1.1 413");
    EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n"),
              "HTTP/1.1 431");
    EXPECT_EQ(status("\x16\x03\x01 hello\r\n\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(status("GET /%zz HTTP/1.1\r\n\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(status("GET http://a/ HTTP/1.1\r\n\r\n"), "HTTP/1.1 400");
    EXPECT_EQ(server->stats().too_large, 3u);
    EXPECT_EQ(server->stats().malformed, 3u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(Http, ABearerTokenIsWantedWhereOneIsSet) {
    HttpServer::Options options;
    options.bearer_token = "s3cret";
    const std::string address = start(options);
    const auto status = [&](const std::string& authorization) {
        return exchange(address, "GET / HTTP/1.1\r\n" + authorization + "Connection: close\r\n\r\n")
            .substr(0, 12);
    };
    EXPECT_EQ(status("Authorization: Bearer s3cret\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(status("authorization: bearer s3cret\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(status("Authorization: Bearer s3cre\r\n"), "HTTP/1.1 401");
    EXPECT_EQ(status("Authorization: Basic s3cret\r\n"), "HTTP/1.1 401");
    EXPECT_EQ(status(""), "HTTP/1.1 401");
    server->set_bearer_token("new");
    EXPECT_EQ(status("Authorization: Bearer s3cret\r\n"), "HTTP/1.1 401");
    EXPECT_EQ(status("Authorization: Bearer new\r\n"), "HTTP/1.1 200");
    EXPECT_EQ(server->stats().unauthorised, 4u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(Http, WhatAHandlerThrowsIsAFailureOfTheServer) {
    const std::string address = start({}, [](const HttpRequest&) -> HttpResponse {
        throw std::runtime_error("the database is away");
    });
    const std::string heard = exchange(address, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << heard;
    EXPECT_TRUE(heard.ends_with("the database is away\n")) << heard;
}

TEST_F(Http, AHeaderOfAnAnswerIsOneLine) {
    const std::string address = start({}, [](const HttpRequest&) -> HttpResponse {
        return {.status = 204,
                .body = "none",
                .headers = {{"X-Good", "1"}, {"X-Bad", "1\r\nSet-Cookie: a=b"}}};
    });
    const std::string heard = exchange(address, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_NE(heard.find("X-Good: 1"), std::string::npos);
    EXPECT_EQ(heard.find("Set-Cookie"), std::string::npos);
    EXPECT_TRUE(heard.ends_with("\r\n\r\n"));
}

TEST_F(Http, ConnectionsAreBoundedInNumberAndTime) {
    HttpServer::Options options;
    options.connections_max = 2;
    options.within = 200ms;
    const std::string address = start(options);
    Peer idle(address);
    Peer slow(address);
    Peer refused(address);
    EXPECT_EQ(exchange(refused, {}), "");
    EXPECT_EQ(exchange(slow, "GET / HT").substr(0, 12), "HTTP/1.1 408");
    EXPECT_EQ(exchange(idle, {}), "");
    EXPECT_EQ(server->stats().refused_full, 1u);
    EXPECT_EQ(server->stats().late, 1u);
    EXPECT_TRUE(server->stats().balanced());
    Peer broken(address);
    broken.say("GET / HT");
    ASSERT_TRUE(turn_until(io, [&] { return server->stats().pending == 1; }));
    broken.close();
    ASSERT_TRUE(turn_until(io, [&] { return server->stats().broken_off == 1; }));
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(Http, APeerThatReadsNoAnswersIsNotAnsweredForEver) {
    HttpServer::Options options;
    options.within = 300ms;
    const std::string address = start(options, [](const HttpRequest&) -> HttpResponse {
        return {.body = std::string(1 << 20, 'x')};
    });
    Peer peer(address);
    const std::string one = "GET / HTTP/1.1\r\n\r\n";
    std::string many;
    for (int i = 0; i < 500; ++i) many += one;
    peer.say(many);
    ASSERT_TRUE(turn_until(io, [&] { return server->stats().unread == 1; }));
    EXPECT_LT(server->stats().answered, 100u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(Http, SpeaksTls) {
    const testing::Folder folder;
    testing::Authority authority(folder, "site");
    const testing::Pair pair = authority.issue("server", "IP:127.0.0.1");
    HttpServer::Options options;
    options.tls = TlsServer{.certificate = pair.certificate, .key = pair.key};
    ConnectSpec spec = testing::to(start(options));
    spec.tls = TlsClient{.ca_file = authority.file()};
    Side client(io, {});
    const StreamId id = client.host.connect(spec);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id); }));
    client.say(id, "GET /secret HTTP/1.1\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_TRUE(client.heard.ends_with("GET /secret [secret,]")) << client.heard;
    EXPECT_FALSE(server->reload(*options.tls));
}

TEST_F(Http, WhereItCannotListenItSaysWhy) {
    const std::string address = start();
    const auto again = HttpServer::listen(io, address, say_back);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().line, "cannot listen on " + address + ": address already in use");
}

// ---- answers that come later -------------------------------------------------------------------

class HttpLater : public Http {
protected:
    /// Requests wait here until the test answers them.
    std::string start_later(HttpServer::Options options = {}) {
        auto listening = HttpServer::listen_later(
            io, "127.0.0.1:0",
            [this](const HttpRequest& request, HttpReply reply) {
                asked.push_back(request);
                replies.push_back(std::move(reply));
                if (on_asked) on_asked(replies.back());
            },
            options);
        EXPECT_TRUE(listening) << listening.error().line;
        server.emplace(std::move(*listening));
        return server->listening_on();
    }
    [[nodiscard]] bool wait_for(std::size_t requests) {
        return turn_until(io, [&] { return replies.size() == requests; });
    }

    std::vector<HttpRequest> asked;
    std::vector<HttpReply> replies;
    std::function<void(const HttpReply&)> on_asked;
};

TEST_F(HttpLater, AnAnswerMayTakeItsTimeAndTheNextRequestWaits) {
    Peer peer(start_later());
    peer.say("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    testing::turn_for(io, 20ms);
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_EQ(server->stats().pending, 1u);
    EXPECT_TRUE(server->stats().balanced());
    EXPECT_FALSE(replies[0].push("no stream was begun"));
    EXPECT_TRUE(replies[0].answer({.body = "one", .reason = "Fine"}));
    EXPECT_FALSE(replies[0].answer({.body = "again"}));
    ASSERT_TRUE(wait_for(2));
    EXPECT_EQ(asked[1].target_text, "/b");
    EXPECT_TRUE(replies[1].answer({.status = 202, .body = "two", .type = {}}));
    const std::string heard = exchange(peer, {});
    EXPECT_NE(heard.find("HTTP/1.1 200 Fine\r\n"), std::string::npos) << heard;
    EXPECT_NE(heard.find("one"), std::string::npos);
    EXPECT_TRUE(heard.ends_with("two")) << heard;
    EXPECT_EQ(heard.find("again"), std::string::npos);
    EXPECT_TRUE(replies[1].gone());
    EXPECT_EQ(server->stats().answered, 2u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(HttpLater, AnAnswerMayComeAtOnce) {
    on_asked = [](const HttpReply& reply) { reply.answer({.body = "now"}); };
    Peer peer(start_later());
    const std::string one = "GET / HTTP/1.1\r\n\r\n";
    const std::string heard =
        exchange(peer, one + one + "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(server->stats().answered, 3u);
    EXPECT_TRUE(heard.ends_with("now"));
}

TEST_F(HttpLater, WhoeverLeavesIsToldOff) {
    const std::string address = start_later();
    Peer peer(address);
    peer.say("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    int told = 0;
    replies[0].on_gone([&] { ++told; });
    peer.close();
    ASSERT_TRUE(turn_until(io, [&] { return told == 1; }));
    EXPECT_TRUE(replies[0].gone());
    EXPECT_FALSE(replies[0].answer({}));
    EXPECT_EQ(server->stats().broken_off, 1u);
    EXPECT_TRUE(server->stats().balanced());
    Peer other(address);
    other.say("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(2));
    server.reset();  // the reply outlives it
    EXPECT_FALSE(replies[1].answer({}));
    EXPECT_EQ(told, 1);
}

TEST_F(HttpLater, WhoNeverAnswersIsNotWaitedFor) {
    HttpServer::Options options;
    options.answer_within = 100ms;
    Peer peer(start_later(options));
    int told = 0;
    on_asked = [&](const HttpReply& reply) { reply.on_gone([&] { ++told; }); };
    EXPECT_EQ(exchange(peer, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").substr(0, 12),
              "HTTP/1.1 504");
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(replies[0].answer({}));
    EXPECT_EQ(server->stats().unanswered, 1u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(HttpLater, AStreamIsPushedUntilItEnds) {
    Peer peer(start_later());
    peer.say("GET /events HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    EXPECT_TRUE(replies[0].begin({.headers = {{"Cache-Control", "no-store"}}}));
    EXPECT_FALSE(replies[0].answer({}));
    EXPECT_TRUE(replies[0].push("data: 1\n\n"));
    std::string heard = exchange(peer, {}, "data: 1\n\n");
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
    EXPECT_EQ(heard.find("Content-Length"), std::string::npos);
    EXPECT_EQ(server->stats().streaming, 1u);
    EXPECT_TRUE(replies[0].push("data: 2\n\n"));
    replies[0].end();
    EXPECT_FALSE(replies[0].push("data: 3\n\n"));
    heard += exchange(peer, {});
    EXPECT_TRUE(heard.ends_with("data: 1\n\ndata: 2\n\n")) << heard;
    EXPECT_EQ(server->stats().streams, 1u);
    EXPECT_EQ(server->stats().streaming, 0u);
    EXPECT_EQ(server->stats().events, 2u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(HttpLater, AStreamThatNobodyReadsIsBoundedAndThenGivenUp) {
    HttpServer::Options options;
    options.stream_octets_max = 1 << 20;
    options.within = 200ms;
    Peer peer(start_later(options));
    peer.say("GET /events HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    int told = 0;
    replies[0].on_gone([&] { ++told; });
    ASSERT_TRUE(replies[0].begin({}));
    const std::string event(64 << 10, 'x');
    for (int i = 0; i < 1000; ++i) {
        replies[0].push(event);
        io.poll();
        io.restart();
    }
    EXPECT_GT(server->stats().events_dropped, 0u);
    ASSERT_TRUE(turn_until(io, [&] { return told == 1; }));
    EXPECT_EQ(server->stats().unread, 1u);
    EXPECT_TRUE(server->stats().balanced());
}

TEST_F(HttpLater, ASilentStreamIsKeptAlive) {
    HttpServer::Options options;
    options.stream_idle = 50ms;
    options.within = 100ms;
    Peer peer(start_later(options));
    peer.say("GET /events HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    ASSERT_TRUE(replies[0].begin({}));
    exchange(peer, {}, ":\n\n:\n\n:\n\n:\n\n");
    EXPECT_FALSE(replies[0].gone());
    int told = 0;
    replies[0].on_gone([&] { ++told; });
    peer.close();
    EXPECT_TRUE(turn_until(io, [&] { return told == 1; }));
}

TEST_F(HttpLater, AnyTargetComesWhereThatIsWanted) {
    HttpServer::Options options;
    options.any_target = true;
    Peer peer(start_later(options));
    peer.say("GET coap://h/a%00b HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    EXPECT_EQ(asked[0].target_text, "coap://h/a%00b");
    EXPECT_TRUE(asked[0].target.path.empty());
    EXPECT_FALSE(asked[0].secure);
}

TEST_F(HttpLater, ATokenIsWantedHereToo) {
    HttpServer::Options options;
    options.bearer_token = "s3cret";
    EXPECT_EQ(
        exchange(start_later(options), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").substr(0, 12),
        "HTTP/1.1 401");
    EXPECT_TRUE(replies.empty());
}

TEST_F(HttpLater, WhatComesAheadOfAnAnswerIsBounded) {
    Peer peer(start_later());
    peer.say("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(wait_for(1));
    const std::string flood(64 << 10, 'x');
    std::size_t taken = 0;
    for (int i = 0; i < 400; ++i) {
        const ssize_t n =
            ::send(peer.descriptor(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) taken += static_cast<std::size_t>(n);
        testing::turn_for(io, 100us);
    }
    EXPECT_LT(taken, 20u << 20);  // the kernel's own buffers, and a little more
    EXPECT_TRUE(replies[0].answer({.body = "ok"}));
}

TEST(HttpTarget, IsTakenApartAndDecoded) {
    const auto target = HttpTarget::parse("/a//b+c/%C3%A9?x&y=1=2&&%20z=+%2B#part");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/a//b+c/%C3%A9");
    EXPECT_EQ(target->segments, (std::vector<std::string>{"a", "b+c", "é"}));
    EXPECT_EQ(target->query, (std::vector<std::pair<std::string, std::string>>{
                                 {"x", ""}, {"y", "1=2"}, {" z", " +"}}));
    EXPECT_TRUE(HttpTarget::parse("/")->segments.empty());
    for (const std::string_view bad :
         {"", "a", "*", "/%", "/%4", "/%4x", "/%00", "/a%0ab", "/\x7f"})
        EXPECT_FALSE(HttpTarget::parse(bad)) << bad;
    std::string deep;
    for (int i = 0; i < 65; ++i) deep += "/x";
    EXPECT_FALSE(HttpTarget::parse(deep));
}

}  // namespace
}  // namespace causeway::net::http_server_test
