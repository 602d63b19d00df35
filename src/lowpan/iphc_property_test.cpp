// What holds for packets of every shape, and for octets that nobody compressed.
#include "lowpan/fragment.hpp"
#include "lowpan/packets_for_test.hpp"
#include "lowpan/shapes_for_test.hpp"

#include <gtest/gtest.h>

namespace causeway::lowpan::iphc_property_test {
namespace {

TEST(IphcProperty, DecompressingWhatWasCompressedGivesThePacketBack) {
    Random random(1);
    for (int round = 0; round < 200; ++round) {
        const Contexts contexts = shapes::random_contexts(random);
        for (int i = 0; i < 100; ++i) {
            const LinkEnds ends = shapes::random_ends(random);
            const Octets packet = shapes::random_packet(random, ends, contexts);
            Octets out(packet.size() + 1);
            const auto done =
                compress(packet, ends, contexts, out, {.elide_udp_checksum = random.below(2) == 0});
            ASSERT_TRUE(done.has_value()) << to_hex(packet);
            ASSERT_EQ(done->packet_octets % 8, 0u);
            out.resize(done->written);
            const auto back = decompress(out, ends, contexts);
            ASSERT_TRUE(back.has_value()) << to_hex(packet) << "\n" << to_hex(out);
            ASSERT_EQ(to_hex(*back), to_hex(packet)) << to_hex(out);
        }
    }
}

TEST(IphcProperty, OneMoreOctetIsAlwaysRoomEnough) {
    Random random(2);
    std::size_t most = 0;
    for (int i = 0; i < 5000; ++i) {
        const LinkEnds ends = shapes::random_ends(random);
        const Octets packet = shapes::random_packet(random, ends, {});
        Octets out(packet.size() + 1);
        const auto done = compress(packet, ends, {}, out);
        ASSERT_TRUE(done.has_value());
        most = std::max(most, done->written + 100 - packet.size());
    }
    EXPECT_LE(most, 101u);
}

TEST(IphcProperty, AnyRoomGivesHeadersThatCanBeUndone) {
    Random random(3);
    for (int i = 0; i < 5000; ++i) {
        const Contexts contexts = shapes::random_contexts(random);
        const LinkEnds ends = shapes::random_ends(random);
        const Octets packet = shapes::random_packet(random, ends, contexts);
        Octets out(first_header_octets_max + random.below(120));
        const auto done = compress_headers(packet, ends, contexts, out);
        ASSERT_TRUE(done.has_value());
        out.resize(done->header_octets);
        out.insert(out.end(), packet.begin() + std::ptrdiff_t(done->packet_octets), packet.end());
        ASSERT_EQ(decompress(out, ends, contexts), packet);
    }
}

TEST(IphcProperty, NoiseIsExpandedOrRefusedAndWhatIsExpandedGoesBothWays) {
    Random random(4);
    int expanded = 0;
    for (int i = 0; i < 200'000; ++i) {
        const Contexts contexts = testing::some_contexts();
        const LinkEnds ends = shapes::random_ends(random);
        const std::size_t size = random.below(60);
        Octets noise = shapes::random_octets(random, size);
        if (!noise.empty()) noise[0] = std::byte{0x60} | (noise[0] & std::byte{0x1f});
        const auto packet = decompress(noise, ends, contexts);
        if (!packet) continue;
        ++expanded;
        Octets out(packet->size() + 1);
        const auto done = compress(*packet, ends, contexts, out);
        ASSERT_TRUE(done.has_value()) << to_hex(noise);
        out.resize(done->written);
        ASSERT_EQ(decompress(out, ends, contexts), *packet) << to_hex(noise);
    }
    EXPECT_GT(expanded, 1000);
}

}  // namespace
}  // namespace causeway::lowpan::iphc_property_test
