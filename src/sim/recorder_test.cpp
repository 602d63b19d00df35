// Every reading has one fate, whatever order the news come in. Also: what a lost packet says.
#include "sim/recorder.hpp"

#include "base/hex.hpp"
#include "sim/reading_key.hpp"

#include <gtest/gtest.h>

namespace causeway::sim::recorder_test {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using node::LossReason;

constexpr std::uint32_t key_of(std::uint32_t node, std::uint32_t sequence) {
    return node << 16 | (sequence & 0xffff);
}

Octets ipv6(std::uint8_t next, const Octets& rest) {
    Octets packet = "60 00 00 00 00 00 00 40"_hex;
    packet[6] = std::byte{next};
    packet.resize(40);
    packet.insert(packet.end(), rest.begin(), rest.end());
    return packet;
}

Octets udp_coap(std::uint32_t key, std::uint8_t first = 0x54, std::uint8_t code = 0x02) {
    Octets octets(16);
    ByteWriter out(octets);
    out.zeros(8);
    out.u8(first);
    out.u8(code);
    out.be16(1);
    out.be32(key);
    return octets;
}

struct RecorderTest : testing::Test {
    Recorder recorder{4};

    void tell(Duration at, std::uint32_t node, std::string_view what, std::uint64_t value,
              Bytes octets = {}) {
        recorder.saw({Instant(at), NodeId{node}, what, value, octets});
        for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(recorder.readings(i).balanced());
    }
    void sent(Duration at, std::uint32_t node, std::uint32_t sequence) {
        tell(at, node, "reading.sent", key_of(node, sequence));
    }
    void received(Duration at, std::uint32_t node, std::uint32_t sequence) {
        tell(at, 0, "reading.received", key_of(node, sequence));
    }
    void lost(Duration at, std::uint32_t node, std::uint32_t sequence, LossReason reason) {
        const Octets packet = ipv6(17, udp_coap(key_of(node, sequence)));
        tell(at, 2, "packet.lost", std::to_underlying(reason), packet);
    }
    [[nodiscard]] std::uint64_t lost_by(std::uint32_t node, LossReason reason) const {
        return recorder.readings(node).lost[std::to_underlying(reason)];
    }
};

TEST_F(RecorderTest, AReadingIsInFlightUntilItArrives) {
    sent(1s, 1, 0);
    EXPECT_EQ(recorder.readings(1).in_flight, 1u);
    received(1250ms, 1, 0);
    EXPECT_EQ(recorder.readings(1).in_flight, 0u);
    EXPECT_EQ(recorder.readings(1).delivered, 1u);
    EXPECT_EQ(recorder.latencies(1).max(), 250ms);
}

TEST_F(RecorderTest, ASecondArrivalIsADuplicate) {
    sent(1s, 1, 0);
    received(2s, 1, 0);
    received(3s, 1, 0);
    EXPECT_EQ(recorder.readings(1).delivered, 1u);
    EXPECT_EQ(recorder.readings(1).duplicates, 1u);
    EXPECT_EQ(recorder.latencies(1).max(), 1s);
}

TEST_F(RecorderTest, ALossIsPutDownToTheReadingsSender) {
    sent(1s, 3, 7);
    lost(2s, 3, 7, LossReason::link_no_ack);
    lost(3s, 3, 7, LossReason::queue_full);  // another copy: the first news stands
    EXPECT_EQ(lost_by(3, LossReason::link_no_ack), 1u);
    EXPECT_EQ(lost_by(3, LossReason::queue_full), 0u);
    EXPECT_EQ(recorder.readings(3).in_flight, 0u);
}

TEST_F(RecorderTest, AReadingThatArrivesAfterAllWasNotLost) {
    sent(1s, 3, 7);
    lost(2s, 3, 7, LossReason::link_no_ack);
    received(2100ms, 3, 7);
    EXPECT_EQ(recorder.readings(3).lost_in_all(), 0u);
    EXPECT_EQ(recorder.readings(3).delivered, 1u);
    lost(3s, 3, 7, LossReason::loop);
    EXPECT_EQ(recorder.readings(3).delivered, 1u);
}

TEST_F(RecorderTest, OldReadingsThatNobodyExplainsAreCountedOnce) {
    for (std::uint32_t i = 0; i < 500; ++i) sent(1min * static_cast<int>(i), 1, i);
    const ReadingCounts& counts = recorder.readings(1);
    EXPECT_EQ(counts.sent, 500u);
    EXPECT_GT(counts.lost_unexplained, 400u);
    EXPECT_GE(counts.in_flight, 10u);  // the last ten minutes may still arrive
    received(500min, 1, 499);
    received(500min, 1, 491);
    EXPECT_EQ(recorder.readings(1).delivered, 2u);
}

TEST_F(RecorderTest, ABurstOfReadingsIsRemembered) {
    for (std::uint32_t i = 0; i < 5'000; ++i) sent(1s + 10us * static_cast<int>(i), 1, i);
    for (std::uint32_t i = 0; i < 5'000; ++i) received(2s, 1, i);
    EXPECT_EQ(recorder.readings(1).delivered, 5'000u);
    EXPECT_EQ(recorder.readings(1).lost_unexplained, 0u);
}

TEST_F(RecorderTest, SequenceNumbersWrap) {
    for (std::uint32_t i = 65'500; i < 65'600; ++i) {
        sent(1s * static_cast<int>(i), 1, i);
        received(1s * static_cast<int>(i) + 1ms, 1, i);
    }
    EXPECT_EQ(recorder.readings(1).delivered, 100u);
    EXPECT_EQ(recorder.strangers(), 0u);
}

TEST_F(RecorderTest, ForgedNewsAreNotBelieved) {
    received(1s, 9, 9);
    tell(1s, 99, "reading.sent", 5);
    sent(1s, 1, 0);
    tell(2s, 1, "packet.lost", 250, ipv6(17, udp_coap(key_of(1, 0))));  // no such reason
    tell(2s, 1, "packet.lost", 0, "60 00"_hex);
    EXPECT_EQ(recorder.strangers(), 1u);
    EXPECT_EQ(recorder.readings(1).in_flight, 1u);
}

TEST_F(RecorderTest, AFaultIsHealedWhenEveryAffectedNodeIsHeardAgain) {
    sent(9s, 2, 0);
    tell(10s, 1, "fault.happened", 0);
    tell(10s, 2, "fault.route_affected", 0);
    tell(10s, 3, "fault.route_affected", 0);
    ASSERT_EQ(recorder.faults().size(), 1u);
    received(11s, 2, 0);  // was past the fault already: proves nothing
    EXPECT_EQ(recorder.faults()[0].affected[0].healed_at, never);
    sent(12s, 2, 1);
    received(13s, 2, 1);
    EXPECT_EQ(recorder.faults()[0].healed_after(), std::nullopt);
    sent(14s, 3, 0);
    received(17s, 3, 0);
    EXPECT_EQ(recorder.faults()[0].healed_after(), 7s);
}

TEST_F(RecorderTest, AFaultThatAffectsNobodyIsHealedAtOnce) {
    tell(10s, 1, "fault.happened", 0);
    EXPECT_EQ(recorder.faults()[0].healed_after(), 0s);
}

// ---- octets ------------------------------------------------------------------------------------

TEST(ReadingKey, IsFoundBehindTunnelsAndExtensionHeaders) {  // [RFC 2473 §3, RFC 8200 §4]
    const Octets plain = ipv6(17, udp_coap(0x00050007));
    EXPECT_EQ(reading_key(plain), 0x00050007u);

    Octets with_options = "11 00 63 04 00 1e 01 00"_hex;  // hop-by-hop, then UDP
    const Octets udp = udp_coap(0x00050008);
    with_options.insert(with_options.end(), udp.begin(), udp.end());
    EXPECT_EQ(reading_key(ipv6(0, with_options)), 0x00050008u);

    Octets tunnel = "29 00 63 04 00 1e 01 00"_hex;
    tunnel.insert(tunnel.end(), plain.begin(), plain.end());
    EXPECT_EQ(reading_key(ipv6(0, tunnel)), 0x00050007u);

    Octets routed = "29 01 03 01 99 00 00 00 01 02 03 04 05 06 07 08"_hex;
    routed.insert(routed.end(), plain.begin(), plain.end());
    EXPECT_EQ(reading_key(ipv6(43, routed)), 0x00050007u);
}

TEST(ReadingKey, OnlyPostsCarryReadings) {
    EXPECT_EQ(reading_key(ipv6(17, udp_coap(5, 0x64, 0x44))), std::nullopt);  // a response
    EXPECT_EQ(reading_key(ipv6(17, udp_coap(5, 0x54, 0x01))), std::nullopt);  // a GET
    EXPECT_EQ(reading_key(ipv6(17, udp_coap(5, 0x52, 0x02))), std::nullopt);  // another token
    EXPECT_EQ(reading_key(ipv6(17, udp_coap(5, 0x94, 0x02))), std::nullopt);  // not version 1
    EXPECT_EQ(reading_key(ipv6(58, "80 00"_hex)), std::nullopt);              // ICMPv6
    EXPECT_EQ(reading_key({}), std::nullopt);
}

TEST(ReadingKey, EndlessTunnelsEnd) {
    Octets packet = ipv6(17, udp_coap(5));
    for (int i = 0; i < 20; ++i) packet = ipv6(41, packet);
    EXPECT_EQ(reading_key(packet), std::nullopt);
}

}  // namespace
}  // namespace causeway::sim::recorder_test
