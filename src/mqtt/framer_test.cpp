#include "mqtt/framer.hpp"

#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace causeway::mqtt::framer_test {
namespace {

using testing::packet;

constexpr std::uint32_t no_limit = 268'435'460;

/// A PUBLISH of so many octets.
Octets large_packet(std::size_t payload) {
    Octets body = testing::octets_of("<t>");
    body.resize(3 + payload, std::byte{0x5a});
    return packet(0x30, body);
}

struct Framed {
    std::vector<Octets> packets;
    std::optional<Refused> refused;
};

/// What comes of a stream that arrives in pieces of `step` octets.
Framed framed(Framer& framer, Bytes stream, std::size_t step) {
    Framed out;
    while (!stream.empty()) {
        Bytes in = stream.first(std::min(step, stream.size()));
        stream = stream.subspan(in.size());
        while (const auto next = framer.next(in)) {
            if (next->refused) out.refused = next->refused;
            if (!next->refused) out.packets.push_back(to_octets(next->packet));
        }
        EXPECT_TRUE(in.empty());
    }
    return out;
}

TEST(Framer, HandsOutPacketsWhereTheyLie) {
    Framer framer(no_limit);
    const Octets stream = "c0 00 d0 00 30 03 00 01 61"_hex;
    Bytes in = stream;
    auto step = framer.next(in);
    ASSERT_TRUE(step && !step->refused);
    EXPECT_EQ(step->packet.data(), stream.data());
    EXPECT_EQ(step->packet.size(), 2u);
    EXPECT_TRUE(framer.take_storage().empty());
    EXPECT_EQ(framer.next(in)->packet.data(), stream.data() + 2);
    EXPECT_EQ(framer.next(in)->packet.size(), 5u);
    EXPECT_FALSE(framer.next(in));
    EXPECT_EQ(framer.footprint(), 0u);
}

TEST(Framer, GivesTheSamePacketsHoweverTheStreamIsCut) {
    Octets stream;
    std::vector<Octets> sent;
    for (const std::size_t payload : {0u, 1u, 122u, 124u, 125u, 300u, 17'000u}) {
        sent.push_back(large_packet(payload));
        sent.push_back("c0 00"_hex);
    }
    for (const Octets& one : sent) stream.insert(stream.end(), one.begin(), one.end());
    for (const std::size_t step : {1u, 2u, 3u, 5u, 7u, 64u, 127u, 128u, 1'000u, 100'000u}) {
        Framer framer(no_limit);
        const Framed got = framed(framer, stream, step);
        EXPECT_FALSE(got.refused);
        EXPECT_EQ(got.packets, sent) << step;
        EXPECT_EQ(framer.held(), 0u);
    }
}

TEST(Framer, KeepsALargePacketInOnePiece) {
    Framer framer(no_limit);
    const Octets sent = large_packet(1'000'000);
    Bytes rest = sent;
    Octets storage;
    while (!rest.empty()) {
        Bytes in = rest.first(std::min<std::size_t>(65'536, rest.size()));
        rest = rest.subspan(in.size());
        if (const auto step = framer.next(in)) {
            const std::byte* const where = step->packet.data();
            storage = framer.take_storage();
            EXPECT_EQ(storage.data(), where);  // kept, not copied
        }
    }
    EXPECT_EQ(storage, sent);
    EXPECT_EQ(storage.capacity(), sent.size());
    EXPECT_EQ(framer.footprint(), 0u);
}

TEST(Framer, ReservesNoMoreThanWhatHasComeAsksFor) {
    // 256 MB are announced and ten octets sent.
    Framer framer(no_limit);
    Octets start = "30 ff ff ff 7f 00 01 61 00 00"_hex;
    Bytes in = start;
    EXPECT_FALSE(framer.next(in));
    EXPECT_EQ(framer.held(), 10u);
    EXPECT_LE(framer.footprint(), 4096u);
    std::size_t sent = start.size();
    const Octets more(50'000);
    for (int i = 0; i < 40; ++i) {
        in = more;
        EXPECT_FALSE(framer.next(in));
        sent += more.size();
        EXPECT_EQ(framer.held(), sent);
        EXPECT_LE(framer.footprint(), 2 * sent);
    }
}

TEST(Framer, IsSmallAndOwnsNothingWhenIdle) {
    static_assert(sizeof(Framer) <= 40);
    Framer framer(no_limit);
    EXPECT_EQ(framer.footprint(), 0u);
    const Octets sent = large_packet(200'000);
    EXPECT_EQ(framed(framer, sent, 1'000).packets.size(), 1u);
    EXPECT_EQ(framer.footprint(), 0u);
}

TEST(Framer, RefusesARemainingLengthOfFiveOctets) {
    // [MQTT 5.0 §1.5.5]
    for (const std::size_t step : {1u, 2u, 16u}) {
        Framer framer(no_limit);
        const Framed got = framed(framer, "c0 00 30 80 80 80 80 01 c0 00"_hex, step);
        EXPECT_EQ(got.packets.size(), 1u);
        ASSERT_TRUE(got.refused);
        EXPECT_EQ(got.refused->reason, Reason::malformed_packet);
    }
}

TEST(Framer, RefusesAPacketThatIsLargerThanAllowedBeforeItComes) {
    // [MQTT 5.0 §3.2.2.3.6]: the size is that of the whole packet.
    for (const std::size_t step : {1u, 16u}) {
        Framer framer(10);
        const Framed fits = framed(framer, "30 08 00 01 61 00 00 00 00 00"_hex, step);
        EXPECT_EQ(fits.packets.size(), 1u);
        const Framed over = framed(framer, "30 09"_hex, step);
        ASSERT_TRUE(over.refused);
        EXPECT_EQ(over.refused->reason, Reason::packet_too_large);
        EXPECT_EQ(framer.footprint(), 0u);
    }
}

TEST(Framer, SwallowsEverythingAfterARefusal) {
    Framer framer(2);
    EXPECT_TRUE(framed(framer, "30 01 c0 00"_hex, 16).refused);
    const Framed after = framed(framer, "c0 00 c0 00"_hex, 1);
    EXPECT_TRUE(after.packets.empty());
    EXPECT_FALSE(after.refused);
}

TEST(Framer, AllowsMoreWhenItsLimitIsRaised) {
    Framer framer(4);
    framer.limit(100);
    EXPECT_EQ(framed(framer, large_packet(90), 7).packets.size(), 1u);
}

TEST(Framer, TakesARemainingLengthThatIsLongerThanItNeedsToBe) {
    // As devices send it that leave room for it; the parser knows the version.
    Framer framer(no_limit);
    const Framed got = framed(framer, "c0 80 00 30 83 80 00 00 01 61"_hex, 1);
    ASSERT_EQ(got.packets.size(), 2u);
    EXPECT_EQ(to_hex(got.packets[1]),
              "308380000001"
              "61");
}

}  // namespace
}  // namespace causeway::mqtt::framer_test
