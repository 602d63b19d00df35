#include "net/udp_socket.hpp"

#include "base/hex.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

namespace causeway::net {
namespace {

using testing::turn_until;

struct Heard {
    std::vector<Endpoint> from;
    std::vector<Octets> octets;
    auto taker() {
        return [this](const Endpoint& sender, Bytes bytes) {
            from.push_back(sender);
            octets.push_back(to_octets(bytes));
        };
    }
};

UdpSocket opened(Io& io, const char* local, UdpSocket::Options options = {}) {
    auto socket = UdpSocket::open(io, Endpoint::parse(local).value(), options);
    EXPECT_TRUE(socket) << socket.error().line;
    return std::move(socket).value();
}

class UdpSocketOf : public ::testing::TestWithParam<const char*> {};

TEST_P(UdpSocketOf, DatagramsCrossBothWaysWithTheirSenders) {
    Io io;
    UdpSocket a = opened(io, GetParam());
    UdpSocket b = opened(io, GetParam());
    Heard at_a;
    a.receive(at_a.taker());
    b.receive([&](const Endpoint& from, Bytes octets) { b.send(from, octets); });
    EXPECT_TRUE(a.send(b.local(), "01 02 03"_hex));
    EXPECT_TRUE(a.send(b.local(), {}));
    ASSERT_TRUE(turn_until(io, [&] { return at_a.octets.size() == 2; }));
    EXPECT_EQ(at_a.octets[0], "01 02 03"_hex);
    EXPECT_EQ(at_a.octets[1], Octets{});
    EXPECT_EQ(at_a.from[0], b.local());
    EXPECT_EQ(a.stats().sent, 2u);
    EXPECT_TRUE(a.stats().balanced());
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, UdpSocketOf, ::testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& family) { return family.index == 0 ? "V4" : "V6"; });

std::string error_of(Io& io, const char* local) {
    const auto socket = UdpSocket::open(io, local);
    return socket ? "opened " + socket->local().text() : socket.error().line;
}

TEST(UdpSocket, WhyItCannotListenIsOneLine) {
    Io io;
    const UdpSocket taken = opened(io, "127.0.0.1:0");
    const std::string here = taken.local().text();
    EXPECT_EQ(error_of(io, here.c_str()), "cannot listen on " + here + ": address already in use");
    EXPECT_EQ(error_of(io, "192.0.2.1:5683"),
              "cannot listen on 192.0.2.1:5683: no interface has that address");
    EXPECT_EQ(error_of(io, "[2001:db8::1]:5683"),
              "cannot listen on [2001:db8::1]:5683: no interface has that address");
    EXPECT_EQ(error_of(io, "nowhere"),
              "bad address \"nowhere\": \"nowhere\" is not an IP address; want ADDRESS:PORT, such "
              "as 127.0.0.1:5683 or [::1]:5683");
    EXPECT_EQ(UdpSocket::open(io, taken.local()).error().code, std::errc::address_in_use);
}

TEST(UdpSocket, APortThatAsksForPrivilegesSaysWhich) {
    // The kernel keeps privileges by thread, and a new network has its usual limit of 1024.
    testing::in_new_network([] {
        ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
        Io io;
        EXPECT_EQ(error_of(io, "0.0.0.0:81"),
                  "cannot listen on 0.0.0.0:81: permission denied (a port below 1024 needs "
                  "CAP_NET_BIND_SERVICE)");
    });
}

TEST(UdpSocket, ADatagramBeyondTheBufferIsDroppedWhole) {
    Io io;
    UdpSocket small = opened(io, "127.0.0.1:0", {.datagram_octets_max = 4});
    UdpSocket sender = opened(io, "127.0.0.1:0");
    Heard heard;
    small.receive(heard.taker());
    sender.send(small.local(), "01 02 03 04 05"_hex);
    sender.send(small.local(), "01 02 03 04"_hex);
    ASSERT_TRUE(turn_until(io, [&] { return heard.octets.size() == 1; }));
    EXPECT_EQ(heard.octets[0].size(), 4u);
    EXPECT_EQ(small.stats().too_long, 1u);
    EXPECT_TRUE(small.stats().balanced());
}

TEST(UdpSocket, AFloodLeavesTurnsForOthers) {
    Io io;
    UdpSocket flooded = opened(io, "127.0.0.1:0", {.batch_max = 4});
    UdpSocket sender = opened(io, "127.0.0.1:0");
    std::size_t heard = 0;
    flooded.receive([&](const Endpoint&, Bytes) { ++heard; });
    for (int i = 0; i < 20; ++i) sender.send(flooded.local(), "01"_hex);
    io.run_one_for(std::chrono::seconds(10));
    EXPECT_EQ(heard, 4u);
    EXPECT_TRUE(turn_until(io, [&] { return heard == 20; }));
}

TEST(UdpSocket, WhatCannotBeSentIsCountedAndNobodyWaits) {
    Io io;
    UdpSocket socket = opened(io, "127.0.0.1:0");
    EXPECT_FALSE(socket.send(socket.local(), Octets(65'508)));  // one octet too many for IPv4
    EXPECT_FALSE(socket.send(Endpoint::parse("[::1]:1").value(), "01"_hex));
    socket.close();
    EXPECT_FALSE(socket.send(socket.local(), "01"_hex));
    EXPECT_EQ(socket.stats().send_refused, 3u);
}

TEST(UdpSocket, MayBeClosedOrDestroyedFromItsOwnCallback) {
    Io io;
    UdpSocket sender = opened(io, "127.0.0.1:0");
    auto doomed = std::make_unique<UdpSocket>(opened(io, "127.0.0.1:0"));
    const Endpoint to = doomed->local();
    int calls = 0;
    doomed->receive([&](const Endpoint&, Bytes) {
        ++calls;
        doomed.reset();
    });
    sender.send(to, "01"_hex);
    sender.send(to, "02"_hex);
    ASSERT_TRUE(turn_until(io, [&] { return calls == 1; }));
    io.restart();
    io.poll();
    EXPECT_EQ(calls, 1);
}

TEST(UdpSocket, MovesWithAWaitUnderWay) {
    auto io = std::make_unique<Io>();
    UdpSocket kept = opened(*io, "127.0.0.1:0");
    kept.receive([](const Endpoint&, Bytes) {});
    {
        const UdpSocket gone = opened(*io, "127.0.0.1:0");
    }
    kept.close();
    io->poll();
    UdpSocket moved = std::move(kept);
    EXPECT_EQ(moved.stats().received, 0u);
    moved = opened(*io, "127.0.0.1:0");
    EXPECT_NE(moved.local().port, 0);
}

}  // namespace
}  // namespace causeway::net
