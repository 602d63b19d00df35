#include "net/zep.hpp"

#include "base/hex.hpp"
#include "base/random.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::net::zep::zep_test {
namespace {

// An acknowledgement of sequence number 0x55, with its FCS.
const Octets frame = "02 00 55 90 b0"_hex;

Packet sample() {
    Packet packet;
    auto& data = std::get<Data>(packet.body);
    data.channel = 26;
    data.device = 0x0102;
    data.lqi = 200;
    data.time = ntp_time(1'500'000'000'250'000'000);
    data.sequence = 0x01020304;
    data.frame.assign(frame);
    return packet;
}

const Octets sample_wire =
    "45 58 02 01 1a 01 02 01 c8 dd 12 ad 80 40 00 00 00 01 02 03 04"
    "00 00 00 00 00 00 00 00 00 00 05 02 00 55 90 b0"_hex;

TEST(Zep, DataIsThirtyTwoOctetsAndTheFrame) {
    EXPECT_EQ(to_hex(emitted(sample())), to_hex(sample_wire));
    EXPECT_EQ(parse_as<Packet>(sample_wire), sample());
}

TEST(Zep, AnAckIsEightOctets) {
    const Octets wire = "45 58 02 02 00 00 01 00"_hex;
    EXPECT_EQ(parse_as<Packet>(wire), (Packet{Ack{256}}));
    EXPECT_EQ(emitted(Packet{Ack{256}}), wire);
    EXPECT_EQ(parse_as<Packet>("45 58 02 02 00 00 01 00 00"_hex).error().fault, Fault::bad_length);
}

TEST(Zep, VersionOneIsReadToo) {
    const Octets wire = "45 58 01 0b 00 07 00 33 00 00 00 00 00 00 00 03 aa bb cc"_hex;
    const auto packet = parse_as<Packet>(wire);
    ASSERT_TRUE(packet);
    const auto& data = std::get<Data>(packet->body);
    EXPECT_EQ(data.channel, 11);
    EXPECT_EQ(data.device, 7);
    EXPECT_EQ(data.trailer, Trailer::radio_status);
    EXPECT_EQ(data.lqi, 0x33);
    EXPECT_EQ(to_octets(data.frame.bytes()), "aa bb cc"_hex);
    EXPECT_EQ(emitted(*packet), wire);
}

TEST(Zep, OnlySevenBitsOfTheLengthCount) {
    Octets wire = sample_wire;
    wire[31] |= std::byte{0x80};
    EXPECT_EQ(parse_as<Packet>(wire), sample());
}

TEST(Zep, EveryTruncationIsAFault) {
    for (std::size_t n = 0; n < sample_wire.size(); ++n)
        EXPECT_EQ(parse_as<Packet>(Bytes(sample_wire).first(n)).error().fault, Fault::truncated)
            << n;
}

TEST(Zep, WhatIsNotZepIsRefusedByName) {
    const auto fault_of = [](std::size_t at, std::uint8_t value) {
        Octets wire = sample_wire;
        wire[at] = std::byte{value};
        return parse_as<Packet>(wire).error().fault;
    };
    EXPECT_EQ(fault_of(0, 'e'), Fault::bad_value);
    EXPECT_EQ(fault_of(2, 0), Fault::bad_version);
    EXPECT_EQ(fault_of(2, 3), Fault::bad_version);
    EXPECT_EQ(fault_of(3, 255), Fault::unsupported);  // a greeting
    EXPECT_EQ(fault_of(31, 4), Fault::bad_length);
    EXPECT_EQ(fault_of(31, 6), Fault::truncated);
}

TEST(Zep, RandomPacketsSurviveTheRoundTrip) {
    Random random(1);
    for (int i = 0; i < 1000; ++i) {
        Packet packet = sample();
        auto& data = std::get<Data>(packet.body);
        data.version = static_cast<std::uint8_t>(1 + random.below(2));
        if (data.version == 1) data.time = data.sequence = 0;
        data.trailer = random.below(2) == 0 ? Trailer::fcs : Trailer::radio_status;
        data.frame.resize(random.below(frame_octets_max + 1));
        for (std::byte& octet : data.frame.mutable_bytes())
            octet = static_cast<std::byte>(random.below(256));
        EXPECT_EQ(parse_as<Packet>(emitted(packet)), packet);
    }
}

TEST(Zep, NtpTimeCountsFrom1900) {  // [RFC 5905 §6]
    EXPECT_EQ(ntp_time(0), 2'208'988'800u * (std::uint64_t{1} << 32));
    EXPECT_EQ(ntp_time(500'000'000) & 0xffffffff, 0x80000000u);
}

std::string seen_by_tshark(const std::vector<Octets>& datagrams, const std::string& fields) {
    const testing::Folder folder;
    std::FILE* text = std::fopen((folder / "in.txt").c_str(), "w");
    for (const Octets& datagram : datagrams)
        std::fprintf(text, "0000 %s\n\n", to_hex(datagram, " ").c_str());
    std::fclose(text);
    return testing::output_of("text2pcap -q -u 17754,17754 " + (folder / "in.txt") + " " +
                              (folder / "in.pcap") + " >/dev/null 2>&1 && TZ=UTC tshark -r " +
                              (folder / "in.pcap") + " -T fields -E separator='|' " + fields +
                              " 2>/dev/null");
}

TEST(Zep, WiresharkReadsEveryFieldAsWeDo) {
    EXPECT_EQ(seen_by_tshark({sample_wire, emitted(Packet{Ack{77}})},
                             "-e zep.version -e zep.type -e zep.channel_id -e zep.device_id "
                             "-e zep.lqi_mode -e zep.seqno -e zep.length -e zep.time "
                             "-e wpan.frame_type -e wpan.fcs_ok"),
              "2|1|26|258|1|16909060|5|Jul 14, 2017 02:40:00.250000000 UTC|0x0002|1\n"
              "2|2||||77||||\n");
}

}  // namespace
}  // namespace causeway::net::zep::zep_test
