// Frames as they stand on the air, payload only, and what they mean. The meaning was confirmed by
// an independent dissector (tshark 4.0, contexts set as here).
#include "ip/ipv6.hpp"
#include "lowpan/packets_for_test.hpp"
#include "lowpan/reassembly.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::golden_test {
namespace {

using namespace testing;

constexpr LinkEnds to_all{alice, Link::broadcast()};

/// Expands `lowpan`, holds the packet against `expected`, and compresses it to the same octets.
void expect_meaning(std::string_view lowpan, const LinkEnds& ends, const Packet& expected) {
    const Octets octets = *from_hex(lowpan);
    const auto packet = decompress(octets, ends, some_contexts());
    ASSERT_TRUE(packet.has_value()) << lowpan;
    EXPECT_EQ(to_hex(*packet, " "), to_hex(expected.octets(), " "));
    EXPECT_EQ(to_hex(compressed(*packet, ends, some_contexts())), to_hex(octets));
}

TEST(Golden, DodagInformationSolicitationToAllRplNodes) {
    expect_meaning("7b 3b 3a 1a 9b 00 00 00 00 00", to_all,
                   {.hop_limit = 255, .target = "ff02::1a", .payload = "9b 00 00 00 00 00"});
}

TEST(Golden, CoapRequestUpADodagWithRplsOption) {
    // CON GET /temp, message 42, from 5683 to 5683; sender rank 256 in instance 30.
    expect_meaning(
        "7c 75 3f 00 00 00 00 00 00 00 01 e1 06 63 04 00 1e 01 00 f0 16 33 16 33 12 34 "
        "40 01 00 2a b4 74 65 6d 70",
        alice_to_bob,
        {.next_header = 0,
         .hop_limit = 63,
         .source = "fd00:ca5e::212:4b00:14b5:d9c1",
         .target = "fd00:ca5e::1",
         .payload = "11 00 63 04 00 1e 01 00 16 33 16 33 00 11 12 34 40 01 00 2a b4 74 65 6d 70"});
}

TEST(Golden, SourceRoutedTunnelFromTheRoot) {
    // Outer: to the next hop, one more segment behind it. Inner: UDP from 61617 to 61618.
    const std::string inner = to_hex(Packet{.next_header = 17,
                                            .hop_limit = 63,
                                            .source = "fd00:ca5e::212:4b00:14b5:d9c1",
                                            .target = "fd00:ca5e::ff:fe00:9",
                                            .payload = "f0 b1 f0 b2 00 0a be ef 01 02"}
                                         .octets());
    const std::string payload = "29 01 03 01 ff 70 00 00 42 00 00 00 00 00 00 00 " + inner;
    expect_meaning(
        "7e 77 e3 0e 03 01 ff 70 00 00 42 00 00 00 00 00 00 00 ee 7c 76 3f 00 09 f3 12 be ef 01 02",
        alice_to_bob,
        {.next_header = 43,
         .source = "fd00:ca5e::212:4b00:14b5:d9c1",
         .target = "fd00:ca5e::212:4b00:615:8a2e",
         .payload = payload});
}

TEST(Golden, EchoRequestWithTrafficClassAndFlowLabel) {
    expect_meaning("60 33 6e 0f ed cb 3a 3f 80 00 00 00 00 01 00 01", alice_to_bob,
                   {.traffic_class = 0xb9,
                    .flow_label = 0xfedcb,
                    .hop_limit = 63,
                    .payload = "80 00 00 00 00 01 00 01"});
}

TEST(Golden, EchoRequestToAUnicastPrefixBasedGroup) {
    expect_meaning("79 3c 3a 3e 00 12 34 56 78 80 00 00 00 00 01 00 01", to_all,
                   {.hop_limit = 1,
                    .target = "ff3e:40:fd00:ca5e::1234:5678",
                    .payload = "80 00 00 00 00 01 00 01"});
}

TEST(Golden, TwoHundredOctetsOfUdpInThreeFragments) {
    Octets payload(200);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i);
    const auto frame = [&](std::string_view header, std::size_t from, std::size_t to) {
        Octets octets = *from_hex(header);
        octets.insert(octets.end(), payload.begin() + std::ptrdiff_t(from),
                      payload.begin() + std::ptrdiff_t(to));
        return octets;
    };
    const std::string udp = "16 33 16 33 00 d0 be ef" + to_hex(payload);
    const Octets packet = Packet{.next_header = 17,
                                 .source = "fd00:ca5e::212:4b00:14b5:d9c1",
                                 .target = "fd00:ca5e::212:4b00:615:8a2e",
                                 .payload = udp}
                              .octets();
    const Octets frames[] = {frame("c0 f8 01 02 7e 77 f0 16 33 16 33 be ef", 0, 88),
                             frame("e0 f8 01 02 11", 88, 184), frame("e0 f8 01 02 1d", 184, 200)};

    Reassembly reassembly({});
    EXPECT_EQ(reassembly.add({}, alice_to_bob, frames[0], some_contexts()), std::nullopt);
    EXPECT_EQ(reassembly.add({}, alice_to_bob, frames[1], some_contexts()), std::nullopt);
    EXPECT_EQ(reassembly.add({}, alice_to_bob, frames[2], some_contexts()), packet);

    Octets out(104);
    const auto first = first_fragment(packet, alice_to_bob, some_contexts(), 0x0102, out);
    EXPECT_EQ(Octets(out.begin(), out.begin() + std::ptrdiff_t(first->written)), frames[0]);
    const Fragment second = next_fragment(packet, first->next_offset, 0x0102, out);
    EXPECT_EQ(Octets(out.begin(), out.begin() + std::ptrdiff_t(second.written)), frames[1]);
    const Fragment third = next_fragment(packet, second.next_offset, 0x0102, out);
    EXPECT_EQ(Octets(out.begin(), out.begin() + std::ptrdiff_t(third.written)), frames[2]);
    EXPECT_EQ(third.next_offset, packet.size());
}

}  // namespace
}  // namespace causeway::lowpan::golden_test
