#include "lowpan/fragment.hpp"

#include "lowpan/packets_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::fragment_test {
namespace {

using namespace testing;

constexpr std::uint16_t tag = 0xfffe;

/// All fragments of `packet` in frames that carry `room` octets.
std::vector<Octets> fragments_of(Bytes packet, std::size_t room) {
    std::vector<Octets> fragments;
    Octets out(room);
    const auto first = first_fragment(packet, alice_to_bob, some_contexts(), tag, out);
    if (!first) return fragments;
    fragments.emplace_back(out.begin(), out.begin() + std::ptrdiff_t(first->written));
    for (std::size_t at = first->next_offset; at < packet.size();) {
        const Fragment next = next_fragment(packet, at, tag, out);
        fragments.emplace_back(out.begin(), out.begin() + std::ptrdiff_t(next.written));
        EXPECT_GT(next.next_offset, at);
        at = next.next_offset;
    }
    return fragments;
}

TEST(FragmentHeader, FirstFragmentsHaveFourOctets) {  // [RFC 4944 §5.3]
    const FragmentHeader header{.first = true, .datagram_size = 1280, .datagram_tag = 0x1234};
    EXPECT_EQ(to_hex(emitted(header), " "), "c5 00 12 34");
    EXPECT_EQ(parse_as<FragmentHeader>("c5 00 12 34"_hex), header);
}

TEST(FragmentHeader, LaterFragmentsHaveFive) {
    const FragmentHeader header{
        .first = false, .datagram_size = 2047, .datagram_tag = 0xffff, .datagram_offset = 255};
    EXPECT_EQ(to_hex(emitted(header), " "), "e7 ff ff ff ff");
    EXPECT_EQ(parse_as<FragmentHeader>("e7 ff ff ff ff"_hex), header);
}

TEST(FragmentHeader, AnythingElseIsRefused) {
    EXPECT_EQ(parse_as<FragmentHeader>("c8 00 00 00 00"_hex).error().fault, Fault::unsupported);
    EXPECT_EQ(parse_as<FragmentHeader>("e8 00 00 00 00"_hex).error().fault, Fault::unsupported);
    EXPECT_EQ(parse_as<FragmentHeader>("7a 33 3a 00 00"_hex).error().fault, Fault::unsupported);
    EXPECT_EQ(parse_as<FragmentHeader>("c5 00 12"_hex).error().fault, Fault::truncated);
    EXPECT_EQ(parse_as<FragmentHeader>("e5 00 12 34"_hex).error().fault, Fault::truncated);
}

TEST(Fragment, OffsetsCountOctetsBeforeCompression) {  // [RFC 6282 §2]
    const Octets packet = counted_udp(200);            // 248 octets
    const auto fragments = fragments_of(packet, 104);
    ASSERT_EQ(fragments.size(), 3u);
    // Four octets and eight of headers leave 92, of which 88 are a multiple of eight.
    EXPECT_EQ(
        to_hex(Bytes(fragments[0]).first(14), " "),
        "c0 f8 ff fe 7e 77 f1 16 33 b0 " + to_hex(Bytes(packet).subspan(46, 2), " ") + " 00 01");
    EXPECT_EQ(fragments[0].size(), 4u + 8 + 88);
    EXPECT_EQ(to_hex(Bytes(fragments[1]).first(6), " "), "e0 f8 ff fe 11 58");  // 48 + 88 = 17 * 8
    EXPECT_EQ(fragments[1].size(), 5u + 96);
    EXPECT_EQ(to_hex(Bytes(fragments[2]).first(6), " "), "e0 f8 ff fe 1d b8");
    EXPECT_EQ(fragments[2].size(), 5u + 16);
}

TEST(Fragment, AllButTheLastAreMultiplesOfEight) {
    for (std::size_t payload = 0; payload < 1999; payload += 37) {
        const Octets packet = counted_udp(payload);
        for (const std::size_t room : {45u, 53u, 80u, 101u, 104u, 110u, 116u}) {
            const auto fragments = fragments_of(packet, room);
            ASSERT_FALSE(fragments.empty());
            Octets whole;
            for (std::size_t i = 0; i < fragments.size(); ++i) {
                EXPECT_LE(fragments[i].size(), room);
                Octets piece;
                if (i == 0) {
                    piece = *decompress(Bytes(fragments[i]).subspan(4), alice_to_bob,
                                        some_contexts(), packet.size());
                } else {
                    EXPECT_EQ(std::to_integer<std::size_t>(fragments[i][4]) * 8, whole.size());
                    piece.assign(fragments[i].begin() + 5, fragments[i].end());
                }
                if (i + 1 < fragments.size()) {
                    EXPECT_EQ(piece.size() % 8, 0u);
                }
                whole.insert(whole.end(), piece.begin(), piece.end());
            }
            EXPECT_EQ(whole, packet);
        }
    }
}

TEST(Fragment, PacketsOfMoreThan2047OctetsHaveNoHeader) {
    Octets out(104);
    EXPECT_TRUE(first_fragment(counted_udp(1999), alice_to_bob, {}, tag, out).has_value());
    EXPECT_EQ(first_fragment(counted_udp(2000), alice_to_bob, {}, tag, out).error().fault,
              Fault::bad_length);
    EXPECT_EQ(first_fragment(counted_udp(100), alice_to_bob, {}, tag, MutableBytes(out).first(44))
                  .error()
                  .fault,
              Fault::bad_length);
}

TEST(Fragment, HeadersThatDoNotFitTheFirstAreNotCompressed) {  // [RFC 6282 §2]
    // A routing header of 96 octets, then UDP.
    Octets payload(96);
    payload[0] = std::byte{17};
    payload[1] = std::byte{11};
    payload[2] = std::byte{3};
    const Octets udp = counted_udp(100);
    payload.insert(payload.end(), udp.begin() + 40, udp.end());
    const std::string text = to_hex(payload);
    const Octets packet = Packet{.next_header = 43, .payload = text}.octets();
    Octets out(104);
    // 4 + 2 + 96 = 102: the routing header fits, the UDP header behind it does not.
    const auto first = first_fragment(packet, alice_to_bob, {}, tag, out);
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(to_hex(Bytes(out).subspan(4, 5), " "), "7e 33 e2 11 5e");
    EXPECT_EQ(first->header_octets, 4u + 2 + 97);
    EXPECT_EQ(first->next_offset, 136u);
    EXPECT_EQ(to_hex(Bytes(out).first(1)), "c0");
}

}  // namespace
}  // namespace causeway::lowpan::fragment_test
