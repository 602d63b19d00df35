// Real interfaces, each test in a network namespace of its own. Without the right to make one these
// tests fail: an interface that nobody could open was not tested.
#include "net/tun.hpp"

#include "base/hex.hpp"
#include "net/netlink.hpp"
#include "net/testing.hpp"
#include "net/udp_socket.hpp"

#include <gtest/gtest.h>

#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

namespace causeway::net::tun_test {
namespace {

using testing::in_new_network;
using testing::output_of;
using testing::turn_until;

Ipv6Octets address(const char* text) {
    const auto endpoint = Endpoint::parse(text, std::uint16_t{0});
    EXPECT_TRUE(endpoint) << text;
    return endpoint.value_or(Endpoint{}).address;
}

Tun::Settings settings() {
    return {.name = "causeway0",
            .address = address("fd00:ca5e::ffff"),
            .prefix = address("fd00:ca5e::"),
            .prefix_length = 64};
}

std::string why_not(Io& io, const Tun::Settings& wanted) {
    const auto tun = Tun::open(io, wanted);
    return tun ? "opened" : tun.error().line;
}

std::string ip(const std::string& arguments) {
    return output_of("ip " + arguments + " 2>&1");
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A UDP packet turned back to where it came from; its checksum stays right.
Octets reflected(Bytes packet) {
    Octets back = to_octets(packet);
    std::swap_ranges(back.begin() + 8, back.begin() + 24, back.begin() + 24);
    std::swap_ranges(back.begin() + 40, back.begin() + 42, back.begin() + 42);
    return back;
}

TEST(Tun, ComesUpWithItsMtuAddressAndRouteAndVanishesOnClose) {
    in_new_network([] {
        Io io;
        {
            const auto tun = Tun::open(io, settings());
            ASSERT_TRUE(tun) << tun.error().line;
            EXPECT_EQ(tun->warning(), std::nullopt);
            EXPECT_EQ(tun->name(), "causeway0");
            EXPECT_EQ(tun->index(), ::if_nametoindex("causeway0"));
            const std::string link = ip("link show causeway0");
            EXPECT_TRUE(has(link, "mtu 1280")) << link;
            EXPECT_TRUE(has(link, "UP,LOWER_UP")) << link;
            const std::string addresses = ip("-6 -o address show dev causeway0");
            EXPECT_TRUE(has(addresses, "fd00:ca5e::ffff/128")) << addresses;
            EXPECT_FALSE(has(addresses, "tentative")) << addresses;
            EXPECT_FALSE(has(addresses, "fe80")) << addresses;
            EXPECT_TRUE(has(ip("-6 route"), "fd00:ca5e::/64 dev causeway0")) << ip("-6 route");
            EXPECT_TRUE(has(ip("-6 route show table local"), "local fd00:ca5e::ffff"));
        }
        EXPECT_EQ(::if_nametoindex("causeway0"), 0u);
        EXPECT_FALSE(has(ip("-6 route"), "fd00:ca5e"));
    });
}

TEST(Tun, APacketGoesFromASocketIntoTheMeshAndBack) {
    in_new_network([] {
        Io io;
        Tun tun = Tun::open(io, settings()).value();
        std::vector<Octets> packets;
        tun.receive([&](Bytes packet) {
            packets.push_back(to_octets(packet));
            EXPECT_TRUE(tun.send(reflected(packet)));
        });
        UdpSocket socket = UdpSocket::open(io, "[fd00:ca5e::ffff]:4000").value();
        std::vector<Octets> answers;
        socket.receive([&](const Endpoint& from, Bytes octets) {
            EXPECT_EQ(from.text(), "[fd00:ca5e::2]:5683");
            answers.push_back(to_octets(octets));
        });
        const Endpoint node = Endpoint::parse("[fd00:ca5e::2]:5683").value();
        ASSERT_TRUE(socket.send(node, "40 00 12 34"_hex));  // at once: no detection delays it
        ASSERT_TRUE(turn_until(io, [&] { return answers.size() == 1; }));
        EXPECT_EQ(answers[0], "40 00 12 34"_hex);
        ASSERT_EQ(packets.size(), 1u);
        EXPECT_EQ(packets[0].size(), 40u + 8 + 4);
        EXPECT_EQ(to_hex(Bytes(packets[0]).subspan(24, 16)), "fd00ca5e000000000000000000000002");
        EXPECT_TRUE(tun.stats().balanced());
        EXPECT_EQ(tun.stats().sent, 1u);
    });
}

TEST(Tun, TheLargestPacketIsTheMtuAndABurstIsReadInBatches) {
    in_new_network([] {
        Io io;
        Tun::Settings wanted = settings();
        wanted.batch_max = 4;
        Tun tun = Tun::open(io, wanted).value();
        std::vector<std::size_t> sizes;
        tun.receive([&](Bytes packet) { sizes.push_back(packet.size()); });
        UdpSocket socket = UdpSocket::open(io, "[fd00:ca5e::ffff]:4000").value();
        const Endpoint node = Endpoint::parse("[fd00:ca5e::2]:5683").value();
        for (int i = 0; i < 10; ++i) ASSERT_TRUE(socket.send(node, Octets(1280 - 48)));
        io.run_one_for(std::chrono::seconds(10));
        EXPECT_LE(sizes.size(), 4u);
        ASSERT_TRUE(turn_until(io, [&] { return sizes.size() == 10; }));
        EXPECT_EQ(sizes.front(), 1280u);
    });
}

TEST(Tun, TheKernelsChatterStaysOutside) {
    in_new_network([] {
        Io io;
        Tun tun = Tun::open(io, settings()).value();
        std::vector<Octets> packets;
        tun.receive([&](Bytes packet) { packets.push_back(to_octets(packet)); });
        io.run_for(std::chrono::milliseconds(300));
        EXPECT_TRUE(packets.empty());
        UdpSocket socket = UdpSocket::open(io, "[fd00:ca5e::ffff]:0").value();
        const std::string scope = "%" + std::to_string(tun.index());
        const auto before = tun.stats().noise;
        ASSERT_TRUE(socket.send(Endpoint::parse("[ff02::1" + scope + "]:1").value(), "01"_hex));
        ASSERT_TRUE(socket.send(Endpoint::parse("[ff05::fd" + scope + "]:1").value(), "01"_hex));
        ASSERT_TRUE(turn_until(io, [&] { return packets.size() == 1; }));
        EXPECT_GE(tun.stats().noise, before + 1);
        EXPECT_EQ(packets[0][25], std::byte{0x05});  // wider than one link
        EXPECT_TRUE(tun.stats().balanced());
    });
}

TEST(Tun, WhatIsNoIpv6PacketIsNotSent) {
    in_new_network([] {
        Io io;
        Tun tun = Tun::open(io, settings()).value();
        EXPECT_FALSE(tun.send({}));
        EXPECT_FALSE(tun.send(Octets(40)));
        EXPECT_FALSE(tun.send(Octets(100, std::byte{0x60})));
        EXPECT_EQ(tun.stats().send_refused, 3u);
    });
}

TEST(Tun, ANameInUseIsRefused) {
    in_new_network([] {
        Io io;
        const Tun first = Tun::open(io, settings()).value();
        EXPECT_EQ(why_not(io, settings()),
                  "cannot open the TUN interface causeway0: an interface of that name exists");
        Tun::Settings loopback = settings();
        loopback.name = "lo";
        EXPECT_EQ(why_not(io, loopback),
                  "cannot open the TUN interface lo: an interface of that name exists");
    });
}

TEST(Tun, AnAddressOrPrefixInUseIsRefusedAndNothingStaysBehind) {
    in_new_network([] {
        Io io;
        const Tun first = Tun::open(io, settings()).value();
        Tun::Settings second = settings();
        second.name = "causeway1";
        EXPECT_EQ(why_not(io, second),
                  "cannot open the TUN interface causeway1: fd00:ca5e::ffff is already an address "
                  "of causeway0");
        second.address = address("fd00:ca5e::fffe");
        EXPECT_EQ(why_not(io, second),
                  "cannot open the TUN interface causeway1: fd00:ca5e::/64 is already in use: "
                  "causeway0 has fd00:ca5e::ffff");
        second.prefix = address("fd00:ca5e:0:0:8000::");
        second.prefix_length = 65;
        EXPECT_EQ(why_not(io, second), "opened");  // a part of the first's, and nobody's address
        EXPECT_EQ(::if_nametoindex("causeway1"), 0u);
    });
}

TEST(Tun, ARouteToAPartOfThePrefixIsAUseOfItAndOneToMoreIsNone) {
    in_new_network([] {
        Io io;
        EXPECT_EQ(ip("link set lo up"), "");
        EXPECT_EQ(ip("-6 route add fd00::/8 dev lo"), "");
        EXPECT_EQ(why_not(io, settings()), "opened");
        EXPECT_EQ(ip("-6 route add fd00:ca5e::8000/113 dev lo"), "");
        EXPECT_EQ(why_not(io, settings()),
                  "cannot open the TUN interface causeway0: fd00:ca5e::/64 is already in use: "
                  "fd00:ca5e::8000/113 goes to lo");
        EXPECT_EQ(::if_nametoindex("causeway0"), 0u);
    });
}

TEST(Tun, IPv6SwitchedOffForNewInterfacesIsSwitchedOnForThisOne) {
    in_new_network([] {
        const char* off = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        std::ofstream(off) << "1" << std::flush;
        Io io;
        EXPECT_EQ(why_not(io, settings()), "opened");
    });
}

/// As in a container: nobody may write there.
void make_sysctl_read_only() {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << reason_of(errno);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr), 0) << reason_of(errno);
    ASSERT_EQ(::mount(nullptr, "/proc/sys", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
}

TEST(Tun, WhereIPv6CannotBeSwitchedOnItSaysHowTo) {
    in_new_network([] {
        std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1" << std::flush;
        make_sysctl_read_only();
        Io io;
        EXPECT_EQ(
            why_not(io, settings()),
            "cannot open the TUN interface causeway0: IPv6 is disabled on new interfaces, and "
            "/proc/sys/net/ipv6/conf/causeway0/disable_ipv6 cannot be written; allow IPv6 "
            "with \"sudo sysctl net.ipv6.conf.default.disable_ipv6=0\"");
    });
}

TEST(Tun, WhereOnlyTheChatterCannotBeSwitchedOffItWarnsAndStillKeepsItOutside) {
    in_new_network([] {
        make_sysctl_read_only();
        Io io;
        Tun tun = Tun::open(io, settings()).value();
        EXPECT_TRUE(has(tun.warning().value_or(""), "causeway0: cannot write /proc/sys/net/ipv6/"));
        std::size_t packets = 0;
        tun.receive([&](Bytes) { ++packets; });
        ASSERT_TRUE(turn_until(io, [&] { return tun.stats().noise > 0; }));
        EXPECT_EQ(packets, 0u);
    });
}

TEST(Tun, WithoutPermissionItSaysHowToAllowIt) {
    in_new_network([] {
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        std::array<__user_cap_data_struct, 2> data{};
        ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
        data[CAP_NET_ADMIN / 32].effective &= ~(1u << (CAP_NET_ADMIN % 32));
        ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
        Io io;
        const std::string why = why_not(io, settings());
        EXPECT_TRUE(has(why,
                        "cannot open the TUN interface causeway0: permission denied: it takes "
                        "CAP_NET_ADMIN; allow it with \"sudo setcap cap_net_admin+ep /"))
            << why;
        EXPECT_TRUE(has(why, "net_test\", or run with sudo")) << why;
        EXPECT_EQ(std::ranges::count(why, '\n'), 0);
    });
}

TEST(Tun, DeletedUnderUsItIsReportedOnce) {
    in_new_network([] {
        Io io;
        Tun tun = Tun::open(io, settings()).value();
        std::vector<std::string> lost;
        tun.receive([](Bytes) {}, [&](const Trouble& why) { lost.push_back(why.line); });
        EXPECT_EQ(ip("link delete causeway0"), "");
        ASSERT_TRUE(turn_until(io, [&] { return !lost.empty(); }));
        io.restart();
        io.run();
        EXPECT_EQ(lost,
                  std::vector<std::string>{"lost the interface causeway0: somebody deleted it"});
    });
}

TEST(Tun, MayBeDestroyedFromItsOwnCallback) {
    in_new_network([] {
        Io io;
        auto tun = std::make_unique<Tun>(Tun::open(io, settings()).value());
        int calls = 0;
        tun->receive([&](Bytes) {
            ++calls;
            tun.reset();
        });
        UdpSocket socket = UdpSocket::open(io, "[fd00:ca5e::ffff]:0").value();
        const Endpoint node = Endpoint::parse("[fd00:ca5e::2]:5683").value();
        socket.send(node, "01"_hex);
        socket.send(node, "02"_hex);
        ASSERT_TRUE(turn_until(io, [&] { return calls == 1; }));
        io.restart();
        io.run_for(std::chrono::milliseconds(20));
        EXPECT_EQ(calls, 1);
        EXPECT_EQ(::if_nametoindex("causeway0"), 0u);
    });
}

TEST(Tun, SettingsThatMakeNoSenseAreRefusedBeforeAnythingIsOpened) {
    Io io;
    const auto refused = [&](auto change) {
        Tun::Settings wanted = settings();
        change(wanted);
        return why_not(io, wanted);
    };
    for (const char* name : {"", "sixteen-letters-", "a b", "a/b", "..", "tun%d", "a:1"}) {
        EXPECT_EQ(refused([&](Tun::Settings& s) { s.name = name; }),
                  "cannot open the TUN interface " + std::string(name) +
                      ": an interface's name has 1 to 15 letters, digits, '-', '_' or '.'");
    }
    EXPECT_TRUE(has(refused([](Tun::Settings& s) { s.mtu = 1279; }), "the MTU is 1280 to 65535"));
    EXPECT_TRUE(has(refused([](Tun::Settings& s) { s.prefix_length = 129; }), "1 to 128"));
    EXPECT_TRUE(has(refused([](Tun::Settings& s) { s.address = {}; }), "not one that a host"));
}

TEST(Netlink, PrefixesAreComparedByTheBit) {
    const Ipv6Octets a = address("fd00:ca5e::");
    EXPECT_TRUE(same_prefix(a, address("fd00:ca5e::1"), 127));
    EXPECT_FALSE(same_prefix(a, address("fd00:ca5e::1"), 128));
    EXPECT_TRUE(same_prefix(a, address("fd00:ca5f::"), 31));
    EXPECT_FALSE(same_prefix(a, address("fd00:ca5f::"), 32));
    EXPECT_TRUE(same_prefix(a, address("::"), 0));
}

}  // namespace
}  // namespace causeway::net::tun_test
