// IPHC in ns a packet, beside a memcpy of the same packet in the same run: what header compression
// costs a forwarder, and what the floor is.
#include "lowpan/iphc.hpp"
#include "base/hex.hpp"
#include "ip/udp.hpp"
#include "rpl/data_plane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace causeway;
using link::ieee802154::Address;

constexpr int rounds = 7;
constexpr int repeats = 200'000;

/// The best of several rounds: what the code costs when nothing disturbs it.
template <class Work>
double nanoseconds(Work&& work) {
    double best = 1e9;
    for (int round = 0; round < rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < repeats; ++i) {
            work();
            asm volatile("" ::: "memory");
        }
        const std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - begin;
        best = std::min(best, took.count() / repeats);
    }
    return best;
}

struct Case {
    std::string name;
    Octets packet;
    lowpan::Contexts contexts;
};

}  // namespace

int main() {
    const lowpan::LinkEnds ends{Address::extended(0x0200'0000'0000'0012),
                                Address::extended(0x0200'0000'0000'0001)};
    const auto node = *ip::Address::from_text("fd00:ca5e::12");
    const auto root = *ip::Address::from_text("fd00:ca5e::1");
    const auto node_local = *ip::Address::from_text("fe80::12");
    const auto root_local = *ip::Address::from_text("fe80::1");
    const Octets reading(58, std::byte{0x2a});

    lowpan::Contexts contexts;
    contexts.set(0, {.prefix = *ip::Prefix::from_text("fd00:ca5e::/64")});
    const auto udp = [&](const ip::Address& source, const ip::Address& target) {
        return ip::make_udp_packet({source, target, 5683, 5683, reading}, 64);
    };
    const std::vector<Case> cases{
        {"UDP, link-local", udp(node_local, root_local), {}},
        {"UDP, global, no context", udp(node, root), {}},
        {"UDP, global, context", udp(node, root), contexts},
        {"UDP with RPL option, context",
         rpl::with_rpl_option(udp(node, root), {.instance = 0, .sender_rank = 512}), contexts},
    };

    fmt::print("{:30} {:>6} {:>6} {:>8} {:>10} {:>12} {:>10} {:>12}\n", "packet", "octets", "frame",
               "memcpy", "compress", "(x memcpy)", "expand", "(x memcpy)");
    for (const Case& c : cases) {
        Octets frame(c.packet.size() + 1);
        Octets packet(1280);
        const auto compressed = lowpan::compress(c.packet, ends, c.contexts, frame);
        if (!compressed) {
            fmt::print("{}: does not compress\n", c.name);
            return 1;
        }
        frame.resize(compressed->written);
        Octets room(c.packet.size() + 1);
        const double copy =
            nanoseconds([&] { std::memcpy(packet.data(), c.packet.data(), c.packet.size()); });
        const double in =
            nanoseconds([&] { (void)lowpan::compress(c.packet, ends, c.contexts, room); });
        const double out = nanoseconds(
            [&] { (void)lowpan::decompress_into(frame, ends, c.contexts, std::nullopt, packet); });
        const auto back = lowpan::decompress(frame, ends, c.contexts);
        if (!back || *back != c.packet) {
            fmt::print("{}: does not come back as it was\n", c.name);
            return 1;
        }
        fmt::print("{:30} {:6} {:6} {:5.1f} ns {:7.1f} ns {:12.1f} {:7.1f} ns {:12.1f}\n", c.name,
                   c.packet.size(), frame.size(), copy, in, in / copy, out, out / copy);
    }
}
