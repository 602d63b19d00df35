#include "net/stream_host.hpp"

#include "net/descriptor_limit.hpp"
#include "net/stream_testing.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <map>

namespace causeway::net::stream_host_test {
namespace {

using namespace std::chrono_literals;
using testing::Peer;
using testing::Side;
using testing::turn_until;

/// Everything that holds for both ways to run a host: on its loop alone, and with workers.
class StreamHosts : public ::testing::TestWithParam<unsigned> {
protected:
    [[nodiscard]] StreamHost::Options options() const { return {.workers = GetParam()}; }
    Io io;
};

INSTANTIATE_TEST_SUITE_P(Workers, StreamHosts, ::testing::Values(0u, 2u));

TEST_P(StreamHosts, CarriesOctetsBothWaysOverTcp) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener) << listener.error().line;
    Side client(io, options());
    const StreamId id = client.connect(server, *listener);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
    EXPECT_TRUE(server.facts.peer.starts_with("127.0.0.1:")) << server.facts.peer;
    client.say(id, "hello");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "hello"; }));
    server.say(server.last, "good day");
    ASSERT_TRUE(turn_until(io, [&] { return client.heard == "good day"; }));
    ASSERT_TRUE(turn_until(io, [&] { return client.drained == 5 && server.drained == 8; }));
    EXPECT_TRUE(server.host.stats().balanced());
    EXPECT_EQ(server.host.stats().octets_in, 5u);
    EXPECT_EQ(server.host.stats().octets_out, 8u);
    EXPECT_EQ(client.host.stats().connected, 1u);
}

TEST_P(StreamHosts, CarriesOctetsOverAUnixSocketAndRemovesItsFile) {
    const testing::Folder folder;
    const std::string path = folder / "socket";
    {
        Side server(io, options());
        const auto listener = server.host.listen({.name = "unix", .address = "unix:" + path});
        ASSERT_TRUE(listener) << listener.error().line;
        EXPECT_EQ(server.host.listening_on(*listener), "unix:" + path);
        Side client(io, options());
        const StreamId id = client.host.connect({.host = {}, .unix_path = path});
        ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
        EXPECT_EQ(server.facts.peer, "unix:" + path);
        client.say(id, "hello");
        ASSERT_TRUE(turn_until(io, [&] { return server.heard == "hello"; }));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_P(StreamHosts, AStaleUnixSocketIsReplacedAndALiveOneIsNot) {
    const testing::Folder folder;
    const std::string path = folder / "socket";
    {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const auto address = SocketAddress::unix_path(path);
        ASSERT_EQ(::bind(fd, address->get(), address->size), 0);
        ::close(fd);
    }
    Side first(io, options());
    EXPECT_TRUE(first.host.listen({.name = "unix", .address = "unix:" + path}));
    Side second(io, options());
    const auto refused = second.host.listen({.name = "unix", .address = "unix:" + path});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().line, "cannot listen on unix:" + path + ": address already in use");
}

TEST_P(StreamHosts, WhatIsInUseOrNoAddressIsSaidInOneLine) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    const std::string address = server.host.listening_on(*listener);
    const auto again = server.host.listen({.name = "tcp", .address = address});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().line, "cannot listen on " + address + ": address already in use");
    const auto bad = server.host.listen({.name = "tcp", .address = "nonsense"});
    ASSERT_FALSE(bad);
    EXPECT_TRUE(bad.error().line.starts_with("cannot listen: bad address")) << bad.error().line;
}

TEST_P(StreamHosts, AMegabyteArrivesWholeInBothDirections) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Side client(io, options());
    const StreamId id = client.connect(server, *listener);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
    const auto body = std::make_shared<std::string>(testing::noise(8 << 20));
    client.host.send(id, {to_octets(as_octets("head")), as_octets(*body), body});
    server.host.send(server.last, {to_octets(as_octets("HEAD")), as_octets(*body), body});
    const std::size_t all = 4 + body->size();
    ASSERT_TRUE(turn_until(io, [&] { return server.drained == all && client.drained == all; }));
    ASSERT_TRUE(
        turn_until(io, [&] { return server.heard.size() == all && client.heard.size() == all; }));
    EXPECT_TRUE(server.heard == "head" + *body);
    EXPECT_TRUE(client.heard == "HEAD" + *body);
    EXPECT_TRUE(turn_until(io, [&] { return body.use_count() == 1; }));
}

TEST_P(StreamHosts, ManySmallPiecesLeaveInTheirOrder) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Side client(io, options());
    const StreamId id = client.connect(server, *listener);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id); }));
    std::string all;
    const auto shared = std::make_shared<std::string>(std::string(700, 'b'));
    for (int i = 0; i < 2'000; ++i) {
        const std::string piece = std::to_string(i) + " ";
        all += piece;
        if (i % 3 == 0) {
            all += *shared;
            client.host.send(id, {to_octets(as_octets(piece)), as_octets(*shared), shared});
        } else {
            client.say(id, piece);
        }
    }
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == all.size(); }));
    EXPECT_TRUE(server.heard == all);
    ASSERT_TRUE(turn_until(io, [&] { return client.drained == all.size(); }));
}

TEST_P(StreamHosts, ABatchComesAfterItsEventsAndWhenItIsAskedFor) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    EXPECT_EQ(server.batches, 0u);
    server.host.wake();
    EXPECT_EQ(server.batches, 0u);  // not within the call
    ASSERT_TRUE(turn_until(io, [&] { return server.batches == 1; }));
    Peer peer(server.host.listening_on(*listener));
    peer.say("x");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "x"; }));
    EXPECT_FALSE(server.unbatched);
}

TEST_P(StreamHosts, ClosingLetsWhatWasSentLeaveFirstAndNoEventFollows) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Peer peer(server.host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    const auto body = std::make_shared<std::string>(testing::noise(4 << 20));
    server.host.send(server.last, {{}, as_octets(*body), body});
    server.host.close(server.last);
    // What the peer says meanwhile must not make the kernel answer with a reset.
    peer.say(std::string(10'000, 'x'));
    std::string got;
    ASSERT_TRUE(turn_until(io, [&] {
        got += peer.hear();
        return peer.ended();
    }));
    EXPECT_TRUE(got == *body);
    EXPECT_EQ(server.heard, "");
    EXPECT_EQ(server.drained, 0u);
    EXPECT_EQ(server.closed, 0u);
}

TEST_P(StreamHosts, AClosedNumberIsGivenAgain) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    for (int i = 0; i < 5; ++i) {
        Peer peer(server.host.listening_on(*listener));
        ASSERT_TRUE(turn_until(io, [&] { return server.opened == std::size_t(i) + 1; }));
        EXPECT_EQ(server.last, StreamId{0});
        if (i % 2 == 0) {
            server.host.close(server.last, i == 2);
            ASSERT_TRUE(turn_until(io, [&] { return peer.hear().empty() && peer.ended(); }));
        } else {
            peer.close();
            ASSERT_TRUE(turn_until(io, [&] { return server.closed == std::size_t(i) / 2 + 1; }));
            EXPECT_FALSE(server.trouble);
        }
    }
}

TEST_P(StreamHosts, ClosedFromWithinItsOwnEventsItIsSilent) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    server.on_received = [&](StreamId id) { server.host.close(id, true); };
    Peer peer(server.host.listening_on(*listener));
    peer.say("one");
    ASSERT_TRUE(turn_until(io, [&] { return peer.hear().empty() && peer.ended(); }));
    server.on_opened = [&](StreamId id) { server.host.close(id, true); };
    server.on_received = {};
    Peer other(server.host.listening_on(*listener));
    other.say("two");
    ASSERT_TRUE(turn_until(io, [&] { return other.hear().empty() && other.ended(); }));
    EXPECT_EQ(server.heard, "one");
    EXPECT_EQ(server.closed, 0u);
}

TEST_P(StreamHosts, APausedStreamIsNotReadUntilItGoesOn) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Peer peer(server.host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    server.host.pause(server.last, true);
    testing::turn_for(io, 30ms);  // a worker has taken note
    peer.say("wait");
    testing::turn_for(io, 50ms);
    EXPECT_EQ(server.heard, "");
    server.host.pause(server.last, false);
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "wait"; }));
}

TEST_P(StreamHosts, ASlowReaderHoldsUpNobodyElse) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Peer slow(server.host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    const StreamId first = server.last;
    const auto body = std::make_shared<std::string>(std::string(32 << 20, 's'));
    server.host.send(first, {{}, as_octets(*body), body});
    Peer quick(server.host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 2; }));
    server.say(server.last, "quick");
    std::string got;
    ASSERT_TRUE(turn_until(io, [&] { return (got += quick.hear()) == "quick"; }));
    EXPECT_LT(server.drained, body->size());
    server.host.close(first, true);
    EXPECT_TRUE(turn_until(io, [&] { return body.use_count() == 1; }));
}

TEST_P(StreamHosts, WhileTheHostTakesNothingNoMoreThanABoundIsRead) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Peer peer(server.host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    const std::string some = testing::noise(1 << 16);
    std::size_t sent = 0;
    // Until it has been stuck for a while; what the kernel takes on top is its own affair.
    for (int stuck = 0; stuck < 20 && sent < (128u << 20);) {
        const ssize_t n =
            ::send(peer.descriptor(), some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += static_cast<std::size_t>(n);
            stuck = 0;
        } else {
            ++stuck;
            std::this_thread::sleep_for(5ms);
        }
    }
    EXPECT_LT(sent, 48u << 20);
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == sent; }));
    peer.say("and on");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.ends_with("and on"); }));
}

TEST_P(StreamHosts, WhatAPeerSaidBeforeItWentIsHeardAlthoughWritingFails) {
    Side server(io, options());
    const auto listener = server.host.listen({.name = "tcp", .address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    {
        Peer peer(server.host.listening_on(*listener));
        ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
        server.say(server.last, "unread: so the peer's close is a reset");
        ASSERT_TRUE(turn_until(io, [&] { return server.drained != 0; }));
        peer.say("goodbye");
    }
    server.say(server.last, "more");
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    EXPECT_EQ(server.heard, "goodbye");
}

TEST_P(StreamHosts, ConnectionsBeyondAListenersLimitAreRefusedAndCounted) {
    Side server(io, options());
    ListenSpec spec{.name = "tcp", .address = "127.0.0.1:0"};
    spec.streams_max = 2;
    const auto listener = server.host.listen(spec);
    ASSERT_TRUE(listener);
    const std::string address = server.host.listening_on(*listener);
    Peer a(address), b(address), c(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.host.stats().refused_full == 1; }));
    EXPECT_EQ(server.opened, 2u);
    a.close();
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    testing::turn_for(io, 20ms);
    Peer d(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 3; }));
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamHosts, WhatCannotBeReachedEndsInATroubleThatNamesIt) {
    Side client(io, options());
    std::string address;
    {
        Side server(io, options());
        address = server.host.listening_on(*server.host.listen({.address = "127.0.0.1:0"}));
    }
    const StreamId id = client.host.connect(testing::to(address));
    EXPECT_EQ(client.closed, 0u);  // not within the call
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_EQ(client.trouble->line, "cannot connect to " + address + ": connection refused");
    EXPECT_FALSE(client.open(id));

    client.host.connect({.host = {}, .unix_path = "/nowhere/at/all"});
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 2; }));
    EXPECT_EQ(client.trouble->line,
              "cannot connect to unix:/nowhere/at/all: no such file or directory");

    client.host.connect({.host = "no-such-host.invalid", .port = 1883});
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 3; }));
    EXPECT_EQ(client.trouble->line, "cannot connect to no-such-host.invalid:1883: no such host");

    client.host.connect({.host = "127.0.0.1"});
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 4; }));
    EXPECT_EQ(client.host.stats().connected, 0u);
}

TEST_P(StreamHosts, ANameIsLookedUp) {
    Side server(io, options());
    const auto listener = server.host.listen({.address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    ConnectSpec spec = testing::to(server.host.listening_on(*listener));
    spec.host = "localhost";
    Side client(io, options());
    const StreamId id = client.host.connect(spec);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id); }));
    // Closed while its name is looked up, it is forgotten.
    client.host.close(client.host.connect(spec));
    testing::turn_for(io, 50ms);
    EXPECT_EQ(client.opened, 1u);
}

TEST_P(StreamHosts, AStormOfConnectsIsTakenWhole) {
    raise_descriptor_limit();
    constexpr std::size_t many = 1'000;
    Side server(io, options());
    const auto listener = server.host.listen({.address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Side client(io, options());
    std::vector<StreamId> ids;
    for (std::size_t i = 0; i < many; ++i) ids.push_back(client.connect(server, *listener));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == many && client.opened == many; }));
    for (const StreamId id : ids) client.say(id, "x");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == many; }));
    for (const StreamId id : ids) client.host.close(id, true);
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == many; }));
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamHosts, ClosedStreamsWaitForTheirPeersInBoundedNumberAndTakeNobodysPlace) {
    StreamHost::Options tight = options();
    tight.lingering_max = 5;
    Side server(io, tight);
    ListenSpec spec{.name = "tcp", .address = "127.0.0.1:0"};
    spec.streams_max = 1;
    const auto listener = server.host.listen(spec);
    ASSERT_TRUE(listener);
    std::vector<std::unique_ptr<Peer>> peers;
    for (std::size_t i = 0; i < 30; ++i) {
        peers.push_back(std::make_unique<Peer>(server.host.listening_on(*listener)));
        ASSERT_TRUE(turn_until(io, [&] { return server.opened == i + 1; }));
        server.say(server.last, "bye");
        server.host.close(server.last);
        ASSERT_TRUE(turn_until(io, [&] { return peers.back()->hear() == "bye"; }));
    }
    // Each is told at once, and holds its own side open.
    for (const auto& peer : peers)
        ASSERT_TRUE(turn_until(io, [&] { return peer->hear().empty() && peer->ended(); }));
    EXPECT_GE(server.host.stats().cut_short, 30u - 2 * 5u);
    EXPECT_EQ(server.host.stats().refused_full, 0u);
    // In the end nothing is left of them: what is said gets a reset.
    ASSERT_TRUE(turn_until(io, [&] {
        std::size_t reset = 0;
        for (const auto& peer : peers)
            if (::send(peer->descriptor(), "x", 1, MSG_NOSIGNAL) < 0) ++reset;
        return reset == peers.size();
    }));
}

TEST_P(StreamHosts, WithNoDescriptorsLeftItHangsUpRestsAndGoesOn) {
    Side server(io, options());
    const auto listener = server.host.listen({.address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    const std::string address = server.host.listening_on(*listener);
    Peer before(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    auto peer = std::make_unique<Peer>(address);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit none = limit;
    none.rlim_cur = 3;  // any new one is beyond
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool hung_up =
        turn_until(io, [&] { return server.host.stats().refused_descriptors != 0; });
    const auto counted = server.host.stats().refused_descriptors;
    const std::size_t batches = server.batches;
    testing::turn_for(io, 50ms);
    const std::size_t batches_after = server.batches;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_TRUE(hung_up);
    EXPECT_LT(counted, 10u);
    EXPECT_LT(batches_after - batches, 10u);  // it does not spin
    Peer after(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened >= 2; }));
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamHosts, NoLongerListeningItKeepsWhatItHas) {
    Side server(io, options());
    const auto listener = server.host.listen({.address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    const std::string address = server.host.listening_on(*listener);
    Peer peer(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    server.host.stop_listening();
    Side client(io, options());
    client.host.connect(testing::to(address));
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    peer.say("still here");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "still here"; }));
}

TEST_P(StreamHosts, DestroyedWithStreamsAndSendsUnderWayItLeavesNothingBehind) {
    auto server = std::make_unique<Side>(io, options());
    const auto listener = server->host.listen({.address = "127.0.0.1:0"});
    ASSERT_TRUE(listener);
    Peer peer(server->host.listening_on(*listener));
    ASSERT_TRUE(turn_until(io, [&] { return server->opened == 1; }));
    server->say(server->last, std::string(1 << 20, 'x'));
    server->host.wake();
    server.reset();
    ASSERT_TRUE(turn_until(io, [&] { return peer.hear().empty() && peer.ended(); }));
}

TEST(DescriptorLimit, IsRaisedToTheHardOne) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(raise_descriptor_limit(), limit.rlim_max);
}

}  // namespace
}  // namespace causeway::net::stream_host_test
