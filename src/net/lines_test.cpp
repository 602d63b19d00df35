#include "net/lines.hpp"

#include "net/stream_testing.hpp"

#include <gtest/gtest.h>

#include <netinet/tcp.h>

#include <algorithm>
#include <map>

namespace causeway::net::lines_test {
namespace {

using namespace std::chrono_literals;
using testing::turn_for;
using testing::turn_until;

/// A line and all that it said.
struct Ear {
    explicit Ear(Lines& of) : lines(of) {}
    Lines::Events events() {
        return {.opened =
                    [this](Lines::Peer peer, const std::string& name) {
                        ++opened;
                        last = peer;
                        who = name;
                    },
                .received =
                    [this](Lines::Peer peer, Bytes octets) {
                        text[peer] += as_text(octets);
                        unbatched = true;
                        if (echo) lines.send(id, peer, octets);
                    },
                .closed =
                    [this](Lines::Peer, const Trouble* why) {
                        ++closed;
                        trouble = why != nullptr ? why->line : "";
                    },
                .drained = [this](Lines::Peer, std::size_t octets) { drained += octets; },
                .batch =
                    [this] {
                        ++batches;
                        unbatched = false;
                    },
                .failed = [this](const Trouble& why) { failures.push_back(why.line); }};
    }
    bool open(const LineSpec& spec) {
        auto line = lines.open(spec, events());
        EXPECT_TRUE(line) << line.error().line;
        if (line) id = *line;
        return line.has_value();
    }
    void say(Lines::Peer peer, std::string_view words) {
        EXPECT_TRUE(lines.send(id, peer, as_octets(words)));
    }

    Lines& lines;
    Lines::LineId id{};
    Lines::Peer last = 99;
    int opened = 0;
    int closed = 0;
    int batches = 0;
    bool echo = false;
    bool unbatched = false;
    std::size_t drained = 0;
    std::string who;
    std::string trouble;
    std::map<Lines::Peer, std::string> text;
    std::vector<std::string> failures;
};

TcpConnectSpec to(const std::string& address) {
    const ConnectSpec spec = testing::to(address);
    return {.host = spec.host, .port = spec.port, .reopen_first = 10ms, .reopen_most = 50ms};
}

class LinesTest : public ::testing::Test {
protected:
    std::string where(const Ear& ear) { return lines.where(ear.id); }
    Io io;
    Lines lines{io};
    Ear server{lines};
    Ear client{lines};
};

TEST_F(LinesTest, AConnectionAndAListenerCarryOctetsBothWays) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    ASSERT_TRUE(client.open(to(where(server))));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1 && server.opened == 1; }));
    EXPECT_EQ(client.last, 0u);
    EXPECT_EQ(client.who, where(server));
    client.say(0, "hello");
    ASSERT_TRUE(turn_until(io, [&] { return server.text[server.last] == "hello"; }));
    server.say(server.last, "good day");
    ASSERT_TRUE(turn_until(io, [&] { return client.text[0] == "good day"; }));
    ASSERT_TRUE(turn_until(io, [&] { return client.drained == 5 && server.drained == 8; }));
    EXPECT_EQ(lines.queued(client.id, 0), 0u);
    EXPECT_FALSE(client.unbatched);
    EXPECT_FALSE(server.unbatched);
    EXPECT_GE(server.batches, 2);
    EXPECT_EQ(lines.stats(server.id).octets_in, 5u);
    EXPECT_EQ(lines.stats(server.id).octets_out, 8u);
    EXPECT_TRUE(lines.stats(server.id).balanced());
}

TEST_F(LinesTest, AConnectionIsTriedUntilSomebodyListensAndAgainWhenItIsLost) {
    std::string address;
    {
        Lines others(io);
        Ear first(others);
        ASSERT_TRUE(first.open(TcpListenSpec{.address = "127.0.0.1:0"}));
        address = others.where(first.id);
    }
    ASSERT_TRUE(client.open(to(address)));
    ASSERT_TRUE(turn_until(io, [&] { return lines.stats(client.id).failed >= 3; }));
    ASSERT_EQ(client.failures.size(), 1u) << "a reason is said once";
    EXPECT_EQ(client.failures[0], "cannot connect to " + address + ": connection refused");
    EXPECT_FALSE(lines.send(client.id, 0, as_octets("nobody")));
    EXPECT_EQ(client.closed, 0);
    ASSERT_TRUE(server.open(TcpListenSpec{.address = address}));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1 && server.opened == 1; }));
    lines.close(server.id, server.last);
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_EQ(client.trouble, "");
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 2 && server.opened == 2; }));
    lines.close(client.id, 0);
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 3 && server.opened == 3; }));
    EXPECT_EQ(client.closed, 1) << "who closes knows it";
    EXPECT_EQ(lines.stats(client.id).octets_refused, 6u);
    EXPECT_TRUE(lines.stats(client.id).balanced());
    EXPECT_TRUE(lines.stats(server.id).balanced());
}

TEST_F(LinesTest, BeyondPeersMaxNewcomersAreRefused) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0", .peers_max = 1}));
    testing::Peer first(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    testing::Peer second(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return second.hear().empty() && second.ended(); }));
    EXPECT_EQ(lines.stats(server.id).refused, 1u);
    first.say("still here");
    ASSERT_TRUE(turn_until(io, [&] { return server.text[0] == "still here"; }));
}

TEST_F(LinesTest, TakeOverReplacesTheOneWhoWasSilentLongest) {
    ASSERT_TRUE(
        server.open(TcpListenSpec{.address = "127.0.0.1:0", .peers_max = 2, .take_over = true}));
    testing::Peer first(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    testing::Peer second(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 2; }));
    first.say("a word");
    ASSERT_TRUE(turn_until(io, [&] { return server.text[0] == "a word"; }));
    testing::Peer third(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 3; }));
    EXPECT_EQ(server.closed, 1);
    EXPECT_EQ(server.trouble, "another peer took its place");
    ASSERT_TRUE(turn_until(io, [&] { return second.hear().empty() && second.ended(); }));
    EXPECT_EQ(lines.stats(server.id).taken_over, 1u);
    EXPECT_NE(server.last, 1u) << "a number is not given again";
    EXPECT_FALSE(lines.send(server.id, 1, as_octets("to one who went")));
    server.say(server.last, "welcome");
    std::string text;
    ASSERT_TRUE(turn_until(io, [&] { return (text += third.hear()) == "welcome"; }));
    EXPECT_TRUE(lines.stats(server.id).balanced());
}

TEST_F(LinesTest, WhoIsNotAllowedIsRefused) {
    ASSERT_TRUE(server.open(
        TcpListenSpec{.address = "127.0.0.1:0", .allow = {"10.0.0.0/8", "fd00::/8", "127.0.0.2"}}));
    testing::Peer stranger(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return stranger.hear().empty() && stranger.ended(); }));
    EXPECT_EQ(server.opened, 0);
    Ear friendly(lines);
    ASSERT_TRUE(friendly.open([&] {
        TcpConnectSpec spec = to(where(server));
        spec.bind_address = "127.0.0.2";
        return spec;
    }()));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    EXPECT_EQ(lines.stats(server.id).refused, 1u);
    for (const char* wrong : {"10.0.0.0/33", "everybody", "fd00::/", "::/129"}) {
        const auto refused =
            lines.open(TcpListenSpec{.address = "127.0.0.1:0", .allow = {wrong}}, server.events());
        EXPECT_FALSE(refused) << wrong;
    }
}

TEST_F(LinesTest, WhatNoWaitingMendsIsTrouble) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    const auto again = lines.open(TcpListenSpec{.address = where(server)}, client.events());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().line, "cannot listen on " + where(server) + ": address already in use");
    EXPECT_FALSE(lines.open(TcpConnectSpec{.host = "", .port = 1}, client.events()));
    EXPECT_FALSE(lines.open(TcpConnectSpec{.host = "::1", .port = 0}, client.events()));
    EXPECT_FALSE(lines.open(UdpSpec{.local = "nonsense"}, client.events()));
    EXPECT_FALSE(lines.open(UdpSpec{.local = "127.0.0.1:0", .remote = "[::1"}, client.events()));
    EXPECT_FALSE(lines.open(SerialSpec{}, client.events()));
}

TEST_F(LinesTest, NothingOfAShutLineIsHeardAndItsPortIsFree) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    const std::string address = where(server);
    testing::Peer peer(address);
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    lines.shut(server.id);
    ASSERT_TRUE(turn_until(io, [&] { return peer.hear().empty() && peer.ended(); }));
    EXPECT_EQ(server.closed, 0);
    EXPECT_EQ(lines.where(server.id), "");
    EXPECT_FALSE(lines.send(server.id, 0, as_octets("x")));
    ASSERT_TRUE(server.open(TcpListenSpec{.address = address}));
}

TEST_F(LinesTest, ALineMayBeShutInItsOwnEvents) {
    Lines::LineId id{};
    auto line = lines.open(TcpListenSpec{.address = "127.0.0.1:0"},
                           {.opened = {},
                            .received = [&](Lines::Peer, Bytes) { lines.shut(id); },
                            .closed = {},
                            .drained = {},
                            .batch = {}});
    ASSERT_TRUE(line);
    id = *line;
    testing::Peer peer(lines.where(id));
    peer.say("one");
    ASSERT_TRUE(turn_until(io, [&] { return lines.where(id).empty(); }));
    turn_for(io, 5ms);
}

TEST_F(LinesTest, APeerThatTakesNothingFillsItsOwnQueueAlone) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    testing::Peer stuck(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    const Octets piece(64 << 10);
    bool taken = true;
    for (int i = 0; taken && i < 2'000; ++i) {
        taken = lines.send(server.id, 0, Bytes(piece));
        turn_for(io, 0ms);
        io.poll();
    }
    EXPECT_FALSE(taken);
    EXPECT_GT(lines.queued(server.id, 0), Lines::queue_octets_max - piece.size());
    EXPECT_LE(lines.queued(server.id, 0), Lines::queue_octets_max);
    EXPECT_EQ(lines.stats(server.id).octets_refused, piece.size());
    testing::Peer other(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 2; }));
    server.say(server.last, "not stuck");
    std::string text;
    ASSERT_TRUE(turn_until(io, [&] { return (text += other.hear()) == "not stuck"; }));
}

TEST_F(LinesTest, WhatTcpAcknowledgedIsReadAlthoughThePeerResetWhileItWasPaused) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    testing::Peer peer(where(server));
    ASSERT_TRUE(turn_until(io, [&] { return server.opened == 1; }));
    lines.pause(server.id, 0, true);
    turn_for(io, 5ms);
    const std::string words = testing::noise(100'000);
    peer.say(words);
    turn_for(io, 20ms);
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(peer.descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    peer.close();
    turn_for(io, 50ms);
    EXPECT_EQ(server.closed, 0);
    EXPECT_TRUE(lines.send(server.id, 0, as_octets("to one who is gone")));
    turn_for(io, 20ms);
    EXPECT_EQ(server.closed, 0);
    lines.pause(server.id, 0, false);
    ASSERT_TRUE(turn_until(io, [&] { return server.closed == 1; }));
    EXPECT_TRUE(server.text[0] == words) << server.text[0].size();
}

TEST_F(LinesTest, UdpPeersAreToldApartByTheirAddress) {
    ASSERT_TRUE(server.open(UdpSpec{.local = "127.0.0.1:0"}));
    ASSERT_TRUE(client.open(UdpSpec{.local = "127.0.0.1:0", .remote = where(server)}));
    Ear second(lines);
    ASSERT_TRUE(second.open(UdpSpec{.local = "127.0.0.1:0", .remote = where(server)}));
    server.echo = true;
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1 && second.opened == 1; }));
    client.say(0, "one");
    second.say(0, "two");
    ASSERT_TRUE(turn_until(io, [&] { return client.text[0] == "one" && second.text[0] == "two"; }));
    EXPECT_EQ(server.opened, 2);
    EXPECT_EQ(server.text.size(), 2u);
    EXPECT_TRUE(turn_until(io, [&] { return client.drained == 3; }));
    EXPECT_FALSE(client.unbatched);
    EXPECT_EQ(lines.stats(server.id).peers, 2u);
}

TEST_F(LinesTest, UdpSendersBeyondPeersMaxAreRefused) {
    ASSERT_TRUE(server.open(UdpSpec{.local = "127.0.0.1:0", .peers_max = 1}));
    ASSERT_TRUE(client.open(UdpSpec{.local = "127.0.0.1:0", .remote = where(server)}));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1; }));
    client.say(0, "first");
    ASSERT_TRUE(turn_until(io, [&] { return server.text[0] == "first"; }));
    Ear second(lines);
    ASSERT_TRUE(second.open(UdpSpec{.local = "127.0.0.1:0", .remote = where(server)}));
    ASSERT_TRUE(turn_until(io, [&] { return second.opened == 1; }));
    second.say(0, "second");
    ASSERT_TRUE(turn_until(io, [&] { return lines.stats(server.id).refused == 1; }));
    EXPECT_EQ(server.text.size(), 1u);
}

TEST_F(LinesTest, AUdpRemoteMayHaveAName) {
    ASSERT_TRUE(server.open(UdpSpec{.local = "127.0.0.1:0"}));
    const std::string port = where(server).substr(where(server).rfind(':'));
    ASSERT_TRUE(client.open(UdpSpec{.local = "127.0.0.1:0", .remote = "localhost" + port}));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1; }));
    client.say(0, "by name");
    ASSERT_TRUE(turn_until(io, [&] { return server.text[0] == "by name"; }));
}

TEST_F(LinesTest, AClosedUdpRemoteComesBack) {
    ASSERT_TRUE(client.open(UdpSpec{.local = "127.0.0.1:0", .remote = "127.0.0.1:9"}));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1; }));
    lines.close(client.id, 0);
    EXPECT_FALSE(lines.send(client.id, 0, as_octets("x")));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 2; }));
    EXPECT_TRUE(lines.stats(client.id).balanced());
}

TEST_F(LinesTest, ASerialPortAndAPtyAreLinesLikeOthers) {
    const testing::Folder folder;
    ASSERT_TRUE(server.open(SerialSpec{.device = folder / "port", .make_pty = true}));
    ASSERT_TRUE(client.open(SerialSpec{.device = folder / "port", .reopen_first = 10ms}));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1 && server.opened == 1; }));
    EXPECT_EQ(where(server), folder / "port");
    EXPECT_NE(lines.serial(server.id), nullptr);
    server.echo = true;
    client.say(0, "over a pty");
    ASSERT_TRUE(turn_until(io, [&] { return client.text[0] == "over a pty"; }));
    ASSERT_TRUE(turn_until(io, [&] { return client.drained == 10; }));
    lines.close(client.id, 0);
    EXPECT_FALSE(lines.send(client.id, 0, as_octets("x")));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 2; }));
    lines.shut(server.id);
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_TRUE(lines.stats(client.id).balanced());
}

TEST_F(LinesTest, TcpAsksSilentPeersWhetherTheyAreThere) {
    ASSERT_TRUE(server.open(TcpListenSpec{.address = "127.0.0.1:0"}));
    ASSERT_TRUE(client.open(to(where(server))));
    ASSERT_TRUE(turn_until(io, [&] { return client.opened == 1 && server.opened == 1; }));
    // The kernel lists both ends with their keep-alive timers.
    const std::string port = where(server).substr(where(server).rfind(':') + 1);
    const std::string shown = testing::output_of("ss -tnoH state established '( sport = :" + port +
                                                 " or dport = :" + port + " )'");
    EXPECT_EQ(std::ranges::count(shown, '\n'), 2) << shown;
    const auto first = shown.find("timer:(keepalive,");
    ASSERT_NE(first, std::string::npos) << shown;
    EXPECT_NE(shown.find("timer:(keepalive,", first + 1), std::string::npos) << shown;
}

}  // namespace
}  // namespace causeway::net::lines_test
