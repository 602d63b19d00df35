#include "net/udp_socket.hpp"

#include "base/hex.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

namespace causeway::net::udp_socket_test {
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

TEST(UdpSocket, WhatIsSentInABatchLeavesAtItsEndInOrder) {
    Io io;
    UdpSocket server = opened(io, "127.0.0.1:0");
    UdpSocket client = opened(io, "127.0.0.1:0");
    std::uint64_t sent_inside = 0;
    std::uint64_t sent_at_end = 0;
    server.receive([&](const Endpoint& from, Bytes octets) {
        EXPECT_TRUE(server.send(from, octets));
        sent_inside = server.stats().sent;
    });
    int batches = 0;
    server.on_batch_end([&] {
        ++batches;
        sent_at_end = server.stats().sent;
        server.send(client.local(), "ff"_hex);
    });
    Heard heard;
    client.receive(heard.taker());
    for (int i = 0; i < 100; ++i) client.send(server.local(), Octets(1, std::byte(i)));
    ASSERT_TRUE(turn_until(io, [&] { return heard.octets.size() >= 102; }));
    EXPECT_EQ(batches, 2);
    EXPECT_EQ(sent_inside, 65u);  // the first batch, and its end
    EXPECT_EQ(sent_at_end, 65u);
    for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(heard.octets[i], Octets(1, std::byte(i)));
    EXPECT_EQ(heard.octets[64], "ff"_hex);
    for (std::size_t i = 64; i < 100; ++i) EXPECT_EQ(heard.octets[i + 1], Octets(1, std::byte(i)));
    EXPECT_EQ(server.stats().sent, 102u);
}

TEST(UdpSocket, AHeldSocketSendsOnRelease) {
    Io io;
    UdpSocket a = opened(io, "127.0.0.1:0");
    UdpSocket b = opened(io, "127.0.0.1:0");
    Heard heard;
    b.receive(heard.taker());
    a.hold();
    for (int i = 0; i < 2'000; ++i) a.send(b.local(), "01"_hex);  // more than leaves at once
    a.send(Endpoint::parse("[::1]:1").value(), "02"_hex);
    a.send(b.local(), "03"_hex);
    EXPECT_EQ(a.stats().send_refused, 0u);
    a.release();
    EXPECT_EQ(a.stats().send_refused, 1u);  // and it took no other with it
    EXPECT_EQ(a.stats().sent, 2'001u);
    a.hold();
    a.send(b.local(), "04"_hex);
    a.close();  // what waits leaves before
    a.release();
    EXPECT_EQ(a.stats().sent, 2'002u);
}

TEST(UdpSocket, AnswersFromTheAddressThatWasWrittenTo) {
    Io io;
    UdpSocket server = opened(io, "0.0.0.0:0");
    const Endpoint second =
        Endpoint::from_octets16(Endpoint::parse("127.0.0.7:0")->octets16(), server.local().port);
    std::vector<Endpoint> locals;
    server.receive([&](const UdpSocket::Arrival& arrival) {
        EXPECT_FALSE(arrival.multicast);
        locals.push_back(arrival.local);
        server.send(arrival.from, arrival.octets, &arrival.local);
        server.send(arrival.from, arrival.octets);
    });
    UdpSocket client = opened(io, "127.0.0.1:0");
    Heard heard;
    client.receive(heard.taker());
    client.send(second, "01"_hex);
    ASSERT_TRUE(turn_until(io, [&] { return heard.from.size() == 2; }));
    EXPECT_EQ(locals.at(0), second);
    EXPECT_EQ(heard.from[0], second);
    EXPECT_EQ(heard.from[1].text(), "127.0.0.1:" + std::to_string(second.port));  // the kernel's
}

TEST(UdpSocket, OfBothFamiliesAnswersFromTheAddressThatWasWrittenTo) {
    Io io;
    UdpSocket server = opened(io, "[::]:0", {.dual_stack = true});
    std::vector<Endpoint> locals;
    server.receive([&](const UdpSocket::Arrival& arrival) {
        locals.push_back(arrival.local);
        server.send(arrival.from, arrival.octets, &arrival.local);
        // The same as engines have it.
        const Endpoint from = Endpoint::from_octets16(arrival.from.octets16(), arrival.from.port);
        const Endpoint local = Endpoint::from_octets16(arrival.local.octets16(), 0);
        server.send(from, arrival.octets, &local);
    });
    UdpSocket v4 = opened(io, "127.0.0.1:0");
    UdpSocket v6 = opened(io, "[::1]:0");
    Heard at_v4;
    Heard at_v6;
    v4.receive(at_v4.taker());
    v6.receive(at_v6.taker());
    const std::string port = std::to_string(server.local().port);
    v4.send(Endpoint::parse("127.0.0.9:" + port).value(), "01"_hex);
    v6.send(Endpoint::parse("[::1]:" + port).value(), "01"_hex);
    ASSERT_TRUE(turn_until(io, [&] { return at_v4.from.size() == 2 && at_v6.from.size() == 2; }));
    for (const Endpoint& from : at_v4.from) EXPECT_EQ(from.text(), "127.0.0.9:" + port);
    for (const Endpoint& from : at_v6.from) EXPECT_EQ(from.text(), "[::1]:" + port);
}

TEST(UdpSocket, HearsTheGroupsItJoinedAndNoOthers) {
    testing::in_new_network([] {
        ASSERT_EQ(
            testing::output_of("ip link set lo up && ip link add here type veth peer name there && "
                               "ip link set there up && "
                               "ip link set here up && ip -6 addr add fd00::1/64 dev here nodad && "
                               "ip addr add 192.0.2.1/24 dev here"),
            "");
        Io io;
        for (const bool v6 : {false, true}) {
            const std::string group = v6 ? "ff02::fd" : "224.0.1.187";
            UdpSocket member = opened(io, v6 ? "[::]:0" : "0.0.0.0:0");
            UdpSocket other = opened(io, v6 ? "[::]:0" : "0.0.0.0:0");
            UdpSocket sender = opened(io, v6 ? "[fd00::1]:0" : "192.0.2.1:0");
            EXPECT_FALSE(member.join(group + "%here"));
            EXPECT_FALSE(member.join(group + "%here"));  // twice does no harm
            std::vector<Endpoint> to;
            member.receive([&](const UdpSocket::Arrival& arrival) {
                EXPECT_TRUE(arrival.multicast);
                to.push_back(arrival.local);
                member.send(arrival.from, "02"_hex, &arrival.local);  // of the same interface
            });
            bool other_heard = false;
            other.receive([&](const UdpSocket::Arrival&) { other_heard = true; });
            Heard answers;
            sender.receive(answers.taker());
            const auto at = [&](const UdpSocket& socket) {
                const std::string port = ":" + std::to_string(socket.local().port);
                return Endpoint::parse((v6 ? "[" + group + "%here]" : group) + port).value();
            };
            EXPECT_TRUE(sender.send(at(other), "01"_hex));
            EXPECT_TRUE(sender.send(at(member), "01"_hex));
            ASSERT_TRUE(turn_until(io, [&] { return answers.from.size() == 1; })) << group;
            EXPECT_EQ(to.at(0).octets16(), at(member).octets16());
            EXPECT_NE(to.at(0).scope, 0u);
            EXPECT_FALSE(answers.from[0].is_multicast());
            EXPECT_FALSE(other_heard);
        }
    });
}

TEST(UdpSocket, WhyItCannotJoinIsOneLine) {
    Io io;
    UdpSocket socket = opened(io, "[::1]:0");
    const auto line = [&](const char* group) {
        const auto trouble = socket.join(group);
        return trouble ? trouble->line : "joined";
    };
    EXPECT_EQ(line("fe80::1"), "cannot join the group fe80::1: it is not a multicast address");
    EXPECT_EQ(line("ff02::1%nowhere"),
              "cannot join the group ff02::1%nowhere: no interface is called \"nowhere\"");
    EXPECT_EQ(line("everyone"), "cannot join the group everyone: want ADDRESS%INTERFACE");
}

TEST(UdpSocket, SaysWhenAPortIsClosedAndLosesNothingByIt) {
    Io io;
    for (const char* here : {"127.0.0.1:0", "[::1]:0"}) {
        UdpSocket client = opened(io, here);
        UdpSocket server = opened(io, here);
        Endpoint nobody;
        {
            const UdpSocket gone = opened(io, here);
            nobody = gone.local();
        }
        Heard heard;
        server.receive(heard.taker());
        std::vector<Endpoint> unreachable;
        client.on_unreachable([&](const Endpoint& to) { unreachable.push_back(to); });
        client.receive([](const Endpoint&, Bytes) {});
        for (int i = 0; i < 3; ++i) {
            client.send(nobody, "01"_hex);
            // The kernel would tell it of the datagram before, and drop this one.
            EXPECT_TRUE(client.send(server.local(), "02"_hex));
        }
        ASSERT_TRUE(
            turn_until(io, [&] { return unreachable.size() == 3 && heard.octets.size() == 3; }));
        for (const Endpoint& to : unreachable) EXPECT_EQ(to, nobody);
        EXPECT_EQ(client.stats().unreachable, 3u);
        EXPECT_EQ(client.stats().send_refused, 0u);
    }
}

}  // namespace
}  // namespace causeway::net::udp_socket_test
