#include "scada/tunnel/tunnel.hpp"

#include "base/hex.hpp"
#include "scada/tunnel/flow_buffer.hpp"
#include "scada/tunnel/packetiser.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace causeway::scada::tunnel::tunnel_test {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{100s};
constexpr PeerId one{0};
constexpr PeerId two{1};

// ---- packets -----------------------------------------------------------------------------------

std::string texts(const std::vector<Octets>& packets) {
    std::string all;
    for (const Octets& packet : packets) all += std::string(as_text(packet)) + '|';
    return all;
}

TEST(Packetisers, WithoutRulesLetPassAtOnceWhatCame) {
    Packetiser packetiser({});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("a"))), "a|");
    EXPECT_EQ(texts(packetiser.put(start, as_octets("bc"))), "bc|");
    EXPECT_EQ(packetiser.next_deadline(), never);
    EXPECT_EQ(packetiser.stats().at_once, 2u);
}

TEST(Packetisers, EndAPacketAtItsLength) {
    Packetiser packetiser({.octets_max = 3});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("abcdefgh"))), "abc|def|");
    EXPECT_EQ(packetiser.waiting(), 2u);
    EXPECT_EQ(texts(packetiser.put(start, as_octets("i"))), "ghi|");
    EXPECT_EQ(packetiser.stats().by_length, 3u);
}

TEST(Packetisers, EndAPacketAfterAPause) {
    Packetiser packetiser({.idle = 4ms});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("ab"))), "");
    EXPECT_EQ(texts(packetiser.put(start + 3ms, as_octets("c"))), "");
    EXPECT_EQ(packetiser.next_deadline(), start + 7ms);
    EXPECT_EQ(texts(packetiser.handle_timeout(start + 6ms)), "") << "early";
    EXPECT_EQ(texts(packetiser.handle_timeout(start + 7ms)), "abc|");
    EXPECT_EQ(texts(packetiser.handle_timeout(start + 7ms)), "") << "twice";
    EXPECT_EQ(packetiser.stats().by_idle, 1u);
}

TEST(Packetisers, SeeAPauseAlthoughTheTimerWasLate) {
    Packetiser packetiser({.idle = 4ms});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("ab"))), "");
    EXPECT_EQ(texts(packetiser.put(start + 5ms, as_octets("cd"))), "ab|");
    EXPECT_EQ(texts(packetiser.handle_timeout(start + 9ms)), "cd|");
}

TEST(Packetisers, EndAPacketBehindItsMark) {
    const PacketRules rules{.mark = InplaceBytes<4>("0d 0a"_hex)};
    Packetiser packetiser(rules);
    EXPECT_EQ(texts(packetiser.put(start, as_octets("ab\rc\r\nd\r"))), "ab\rc\r\n|");
    EXPECT_EQ(texts(packetiser.put(start, as_octets("\ne"))), "d\r\n|") << "cut in the middle";
    EXPECT_EQ(packetiser.stats().by_mark, 2u);
    EXPECT_EQ(packetiser.waiting(), 1u);
}

TEST(Packetisers, TakeTheMarkAwayAndCountIt) {
    Packetiser packetiser({.mark = InplaceBytes<4>("0d"_hex), .mark_sent = false});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("ab\r\rcd\r"))), "ab|cd|");
    EXPECT_EQ(packetiser.stats().marks_octets, 3u);
    EXPECT_TRUE(packetiser.stats().balanced());
}

TEST(Packetisers, KeepTheChecksumWithItsMark) {
    Packetiser packetiser({.mark = InplaceBytes<4>("03"_hex), .octets_after_mark = 2});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("ab\x03x"))), "");
    EXPECT_EQ(texts(packetiser.put(start, as_octets("\x03"
                                                    "c\x03yz"))),
              "ab\x03x\x03|c\x03yz|")
        << "a checksum may look like a mark";
}

TEST(Packetisers, LetNoOctetWaitForEver) {
    Packetiser packetiser({.octets_max = 100, .wait_max = 50ms});
    EXPECT_EQ(texts(packetiser.put(start, as_octets("a"))), "");
    EXPECT_EQ(texts(packetiser.put(start + 40ms, as_octets("b"))), "");
    EXPECT_EQ(packetiser.next_deadline(), start + 50ms);
    EXPECT_EQ(texts(packetiser.handle_timeout(start + 50ms)), "ab|");
    EXPECT_EQ(packetiser.stats().by_wait, 1u);
}

TEST(Packetisers, BoundAPacketThatNeverEnds) {
    Packetiser packetiser({.idle = 1s, .wait_max = 1h});
    const Octets babble(200'000);
    EXPECT_EQ(packetiser.put(start, babble).size(), 3u);
    EXPECT_LT(packetiser.waiting(), PacketRules::packet_octets_limit);
    EXPECT_TRUE(packetiser.stats().balanced());
}

// ---- octets under way --------------------------------------------------------------------------

TEST(FlowBuffers, TakeBackWhatHasNotLeftToTheOctet) {
    FlowBuffer buffer;
    buffer.put(as_octets("abcdef"));
    buffer.sent(2, 2);
    buffer.sent(3, 3);
    EXPECT_EQ(buffer.drained(3), 2u);
    EXPECT_EQ(buffer.in_flight(), 2u);
    EXPECT_EQ(buffer.take_back([](std::byte) { return std::size_t{1}; }), 1u);
    EXPECT_EQ(as_text(buffer.next(10)), "def");
    EXPECT_EQ(buffer.in_flight(), 0u);
    EXPECT_EQ(buffer.drained(100), 0u) << "of an earlier connection";
}

TEST(FlowBuffers, DoNotGrowWithWhatWentThrough) {
    FlowBuffer buffer;
    const Octets piece(1'000);
    buffer.put(piece);
    for (int i = 0; i < 1'000; ++i) {
        buffer.put(piece);
        buffer.sent(1'000, 2'000);
        ASSERT_EQ(buffer.drained(2'000), 1'000u);
        ASSERT_EQ(buffer.size(), 1'000u);
    }
}

// ---- the tunnel --------------------------------------------------------------------------------

struct Side {
    explicit Side(const TunnelSettings& settings = {}) : tunnel(settings) { input(PortOpened{}); }
    void input(Tunnel::Input in) {
        tunnel.handle(now, std::move(in));
        drain();
    }
    void hear(std::string_view text, PeerId from = one) {
        input(OctetsReceived{from, as_octets(text)});
    }
    void port_says(std::string_view text) { input(PortReceived{as_octets(text)}); }
    void open(PeerId peer) { input(LineOpened{peer}); }
    void timeout() {
        now = tunnel.next_deadline();
        tunnel.handle_timeout(now);
        drain();
    }
    void drain() {
        while (auto out = tunnel.poll_output())
            std::visit(Overloaded{[&](const ToPort& what) { port += as_text(what.octets); },
                                  [&](const Transmit& what) {
                                      said[what.peer] += as_text(what.octets);
                                      if (bars) said[what.peer] += '|';
                                  },
                                  [&](const CloseLine& what) { closed.push_back(what.peer); },
                                  [&](const PausePort& what) { port_paused = what.paused; },
                                  [&](const PausePeer& what) { paused[what.peer] = what.paused; },
                                  [](const auto&) { FAIL() << "of RFC 2217"; }},
                       *out);
        EXPECT_TRUE(tunnel.stats().balanced());
    }

    Instant now = start;
    Tunnel tunnel;
    bool bars = false;
    std::string port;
    std::map<PeerId, std::string> said;
    std::map<PeerId, bool> paused;
    std::vector<PeerId> closed;
    bool port_paused = false;
};

TEST(Tunnels, CarryOctetsBothWaysAsTheyAre) {
    Side side;
    side.open(one);
    side.port_says("\xff\r\n to the network");
    side.hear("\xff\xff to the port");
    EXPECT_EQ(side.said[one], "\xff\r\n to the network");
    EXPECT_EQ(side.port, "\xff\xff to the port");
    side.input(PortDrained{14});
    side.input(PeerDrained{one, 18});
    EXPECT_EQ(side.tunnel.stats().to_port, 14u);
    EXPECT_EQ(side.tunnel.stats().to_network, 18u);
    EXPECT_EQ(side.tunnel.next_deadline(), never);
}

TEST(Tunnels, LetAllHearThePortAndEverybodyWriteWhereItIsShared) {
    Side side;
    side.open(one);
    side.open(two);
    side.port_says("news");
    EXPECT_EQ(side.said[one], "news");
    EXPECT_EQ(side.said[two], "news");
    side.hear("a", one);
    side.hear("b", two);
    EXPECT_EQ(side.port, "ab");
}

TEST(Tunnels, LetTheFirstToWriteWriteUntilItLeavesOrSleeps) {
    Side side({.policy = TunnelPolicy::one_writes, .writer_idle = 10s});
    side.open(one);
    side.open(two);
    side.hear("a", two);
    side.hear("b", one);
    EXPECT_EQ(side.port, "a");
    EXPECT_EQ(side.tunnel.stats().unwelcome, 1u);
    side.now += 9s;
    side.hear("c", two);
    side.now += 9s;
    side.hear("d", one);
    EXPECT_EQ(side.port, "ac");
    side.now += 1s;
    side.hear("e", one);
    EXPECT_EQ(side.port, "ace") << "the writer was silent for its time";
    side.hear("f", two);
    side.input(LineClosed{one});
    side.hear("g", two);
    EXPECT_EQ(side.port, "aceg");
}

TEST(Tunnels, RefuseTheSecondWhereTheFirstIsAlone) {
    Side side({.policy = TunnelPolicy::first_come});
    side.open(one);
    side.open(two);
    EXPECT_EQ(side.closed, std::vector{two});
    side.hear("not heard", two);
    EXPECT_EQ(side.port, "");
    EXPECT_EQ(side.tunnel.stats().refused, 1u);
    side.input(LineClosed{one});
    side.open(two);
    EXPECT_EQ(side.closed.size(), 1u);
}

TEST(Tunnels, GiveThePlaceToTheNewestAndWhatTheOldOneDidNotTake) {
    Side side({.policy = TunnelPolicy::newest});
    side.open(one);
    side.port_says("taken");
    side.input(PeerDrained{one, 5});
    side.port_says("not taken");
    side.open(two);
    EXPECT_EQ(side.closed, std::vector{one});
    EXPECT_EQ(side.said[two], "not taken");
    EXPECT_EQ(side.tunnel.stats().displaced, 1u);
    EXPECT_EQ(side.tunnel.stats().to_network, 14u);
}

TEST(Tunnels, KeepWhatThePortSaysWhileNobodyIsThereAndPauseItWhenThatIsTooMuch) {
    Side side({.keep_octets = 10});
    side.port_says("12345");
    EXPECT_FALSE(side.port_paused);
    side.port_says("67890x");
    EXPECT_TRUE(side.port_paused);
    EXPECT_EQ(side.tunnel.stats().waiting_network, 11u);
    side.open(one);
    EXPECT_EQ(side.said[one], "1234567890x");
    EXPECT_FALSE(side.port_paused);
    EXPECT_EQ(side.tunnel.stats().lost_network, 0u);
}

TEST(Tunnels, BoundWhatIsKeptOfAPortThatHeedsNoPause) {
    Side side;
    const std::string babble(100'000, 'x');
    for (int i = 0; i < 30; ++i) side.port_says(babble);
    EXPECT_LE(side.tunnel.stats().waiting_network, Tunnel::waiting_octets_max);
    EXPECT_EQ(side.tunnel.stats().waiting_network + side.tunnel.stats().lost_network, 3'000'000u);
}

TEST(Tunnels, DropWhatThePortSaysToNobodyWhereNothingIsKept) {
    Side side({.keep_octets = 0});
    side.port_says("lost");
    side.open(one);
    side.port_says("heard");
    EXPECT_EQ(side.said[one], "heard");
    EXPECT_EQ(side.tunnel.stats().lost_network, 4u);
    EXPECT_FALSE(side.port_paused);
}

TEST(Tunnels, GiveTheNextConnectionWhatHadNotLeftWhenThisOneWasCut) {
    Side side;
    side.open(one);
    side.port_says("abc");
    side.port_says("def");
    side.input(PeerDrained{one, 4});
    side.input(LineClosed{one});
    side.port_says("ghi");
    side.said.clear();
    side.open(one);
    EXPECT_EQ(side.said[one], "efghi");
    EXPECT_EQ(side.tunnel.stats().to_network, 9u);
}

TEST(Tunnels, HandAPortAndAPeerNoMoreThanTheirWindow) {
    Side side;
    side.open(one);
    side.hear(std::string(10'000, 'p'));
    EXPECT_EQ(side.port.size(), Tunnel::port_window);
    side.input(PortDrained{1'000});
    EXPECT_EQ(side.port.size(), Tunnel::port_window + 1'000);
    side.input(PortDrained{Tunnel::port_window});
    EXPECT_EQ(side.port.size(), 2 * Tunnel::port_window + 1'000);
    for (int i = 0; i < 10; ++i) side.port_says(std::string(8'000, 'n'));
    EXPECT_GE(side.said[one].size(), Tunnel::peer_window);
    EXPECT_LT(side.said[one].size(), Tunnel::peer_window + 8'000);
    EXPECT_FALSE(side.port_paused);
    side.port_says(std::string(8'000, 'n'));
    EXPECT_TRUE(side.port_paused);
    side.input(PeerDrained{one, side.said[one].size()});
    EXPECT_FALSE(side.port_paused);
    EXPECT_EQ(side.said[one].size(), 88'000u);
}

TEST(Tunnels, PauseAPeerThatIsFasterThanThePort) {
    Side side;
    side.open(one);
    side.hear(std::string(Tunnel::port_window + Tunnel::pause_octets, 'x'));
    EXPECT_FALSE(side.paused[one]);
    side.hear("y");
    EXPECT_TRUE(side.paused[one]);
    while (side.paused[one]) side.input(PortDrained{Tunnel::port_window});
    EXPECT_LE(side.tunnel.stats().waiting_port, Tunnel::pause_octets / 2 + Tunnel::port_window);
    while (side.tunnel.stats().waiting_port != 0) side.input(PortDrained{Tunnel::port_window});
    EXPECT_EQ(side.port.size(), Tunnel::port_window + Tunnel::pause_octets + 1);
    EXPECT_EQ(side.tunnel.stats().peer_pauses, 1u);
}

TEST(Tunnels, KeepWhatTcpAcknowledgedWhileThePortIsAway) {
    Side side({.keep_octets = 10});
    side.open(one);
    side.hear("under way");
    EXPECT_EQ(side.port, "under way");
    side.input(PortDrained{6});
    side.input(PortClosed{});
    side.hear("12345678");
    EXPECT_TRUE(side.paused[one]);
    side.port.clear();
    side.input(PortOpened{});
    EXPECT_EQ(side.port, "way12345678");
    EXPECT_FALSE(side.paused[one]);
    side.input(PortDrained{11});
    EXPECT_EQ(side.tunnel.stats().to_port, 17u);
    EXPECT_EQ(side.tunnel.stats().lost_port, 0u);
}

TEST(Tunnels, DropWhatIsSaidToAPortThatIsAwayWhereNothingIsKept) {
    Side side({.keep_octets = 0});
    side.open(one);
    side.hear("sent");
    side.input(PortClosed{});
    side.hear("lost");
    EXPECT_FALSE(side.paused[one]);
    side.input(PortOpened{});
    EXPECT_EQ(side.port, "sent");
    EXPECT_EQ(side.tunnel.stats().lost_port, 8u);
}

TEST(Tunnels, CloseThePeerThatTakesNothingWhileOthersDo) {
    Side side;
    side.open(one);
    side.open(two);
    const std::string piece(8'000, 'x');
    for (int i = 0; i < 160 && side.closed.empty(); ++i) {
        side.port_says(piece);
        side.input(PeerDrained{two, piece.size()});
        EXPECT_FALSE(side.port_paused) << "one stuck client never blocks another";
    }
    EXPECT_EQ(side.closed, std::vector{one});
    EXPECT_EQ(side.tunnel.stats().stuck, 1u);
    EXPECT_EQ(side.tunnel.stats().lost_network, 0u);
}

TEST(Tunnels, SendEachPacketAsADatagramToWhoeverSpoke) {
    Side side({.packets = {.idle = 2ms}, .datagrams = true});
    side.bars = true;
    side.port_says("early");
    side.timeout();
    EXPECT_EQ(side.tunnel.stats().lost_network, 5u);
    side.open(one);
    side.open(two);
    side.port_says("a");
    side.now += 1ms;
    side.port_says("b");
    EXPECT_EQ(side.said[one], "");
    side.timeout();
    side.port_says("c");
    side.timeout();
    EXPECT_EQ(side.said[one], "ab|c|");
    EXPECT_EQ(side.said[two], "ab|c|");
    side.hear(std::string(100'000, 'x'));
    EXPECT_FALSE(side.paused[one]);
    EXPECT_FALSE(side.port_paused);
}

TEST(Tunnels, SendAPacketInOnePieceWhenThePortPauses) {
    Side side({.packets = {.octets_max = 6, .idle = 2ms}});
    side.bars = true;
    side.open(one);
    side.port_says("ab");
    side.port_says("cd");
    side.timeout();
    side.port_says("123456789");
    side.timeout();
    EXPECT_EQ(side.said[one], "abcd|123456|789|");
    EXPECT_EQ(side.tunnel.stats().packets, 3u);
}

TEST(Tunnels, RefusePeersBeyondTheirMost) {
    Side side({.peers_max = 2});
    for (std::uint32_t i = 0; i < 5; ++i) side.open(PeerId{i});
    EXPECT_EQ(side.closed.size(), 3u);
    EXPECT_EQ(side.tunnel.stats().peers, 2u);
    side.input(LineClosed{PeerId{4}});
    side.open(one);
    EXPECT_EQ(side.tunnel.stats().peers, 2u) << "opened again without a word";
}

TEST(Tunnels, StrangeOrdersOfEventsDoNoHarm) {
    Side side;
    side.input(PortClosed{});
    side.input(PortClosed{});
    side.input(PortDrained{100});
    side.input(PeerDrained{two, 100});
    side.input(LineClosed{two});
    side.hear("x", two);
    side.input(FormatApplied{});
    side.input(PortLines{});
    side.input(PortOpened{});
    side.input(PortOpened{});
    side.tunnel.handle_timeout(start);
    EXPECT_EQ(side.tunnel.stats().port_opened, 2u);
}

}  // namespace
}  // namespace causeway::scada::tunnel::tunnel_test
