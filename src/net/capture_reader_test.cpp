#include "net/capture_reader.hpp"

#include "base/hex.hpp"
#include "net/capture_time.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <fstream>
#include <sstream>

namespace causeway::net::capture_reader_test {
namespace {

struct Read {
    std::vector<CapturedPacket> packets;
    std::vector<Octets> octets;
    std::optional<WireError> error;
};

Read read_all(std::istream& in) {
    Read result;
    CaptureReader reader(in);
    for (;;) {
        const auto packet = reader.next();
        if (!packet) {
            result.error = packet.error();
            EXPECT_EQ(reader.next().error(), packet.error());  // it stays so
            return result;
        }
        if (!*packet) return result;
        result.packets.push_back(**packet);
        result.octets.push_back(to_octets((*packet)->octets));
    }
}

Read read_all(Bytes file) {
    std::istringstream in{std::string(as_text(file))};
    return read_all(in);
}

Octets joined(std::initializer_list<Octets> parts) {
    Octets all;
    for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

const Octets pcap_big_micro =
    "a1b2c3d4 0002 0004 00000000 00000000 00040000 000000c3"
    "00000002 00000003 00000003 00000005 010203"_hex;
const Octets pcap_little_nano =
    "4d3cb2a1 0200 0400 00000000 00000000 00000400 e6000010"
    "02000000 03000000 01000000 01000000 ff"_hex;

const Octets section_big = "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c"_hex;
const Octets interface_big = "00000001 00000014 0065 0000 00000003 00000014"_hex;
const Octets simple_big = "00000003 00000014 00000009 01020300 00000014"_hex;
const Octets unknown_big = "00000bad 00000010 deadbeef 00000010"_hex;
const Octets section_little = "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"_hex;
// if_tsresol 2^-10, if_tsoffset 100 s, named "a"
const Octets interface_little =
    "01000000 34000000 c300 0000 00000000 0900 0100 8a000000 0e00 0800 6400000000000000"
    "0200 0100 61000000 00000000 34000000"_hex;
const Octets enhanced_little =
    "06000000 24000000 00000000 00000000 00060000 02000000 05000000 aabb0000 24000000"_hex;

TEST(CaptureReader, ClassicPcapInEitherByteOrderAndPrecision) {
    const Read big = read_all(pcap_big_micro);
    ASSERT_EQ(big.packets.size(), 1u);
    EXPECT_FALSE(big.error);
    EXPECT_EQ(big.packets[0].ns, 2'000'003'000u);
    EXPECT_EQ(big.packets[0].link, LinkType::ieee802154_with_fcs);
    EXPECT_EQ(big.packets[0].original_octets, 5u);
    EXPECT_EQ(big.octets[0], "010203"_hex);
    const Read little = read_all(pcap_little_nano);
    ASSERT_EQ(little.packets.size(), 1u);
    EXPECT_EQ(little.packets[0].ns, 2'000'000'003u);
    EXPECT_EQ(little.packets[0].link, LinkType::ieee802154_no_fcs);  // without what is above it
}

TEST(CaptureReader, SimplePacketsAreAsLongAsTheInterfaceLets) {
    const Read read = read_all(joined({section_big, unknown_big, interface_big, simple_big}));
    ASSERT_EQ(read.packets.size(), 1u);
    EXPECT_EQ(read.octets[0], "010203"_hex);
    EXPECT_EQ(read.packets[0].original_octets, 9u);
    EXPECT_EQ(read.packets[0].link, LinkType::raw_ip);
}

TEST(CaptureReader, ASecondSectionStartsAfreshInItsOwnByteOrder) {
    const Octets file = joined(
        {section_big, interface_big, simple_big, section_little, interface_little, unknown_big});
    std::istringstream in{
        std::string(as_text(joined({section_big, interface_big, simple_big, section_little,
                                    interface_little, enhanced_little})))};
    CaptureReader reader(in);
    EXPECT_TRUE(reader.next().value());
    const auto packet = reader.next().value().value();
    EXPECT_EQ(packet.ns, 101'500'000'000u);  // 0x600 / 1024 s, and 100 s
    EXPECT_EQ(to_octets(packet.octets), "aabb"_hex);
    EXPECT_EQ(packet.original_octets, 5u);
    EXPECT_EQ(reader.interface_name(0), "a");
    EXPECT_EQ(reader.interface_name(1), "");
    EXPECT_EQ(reader.next().value(), std::nullopt);
    EXPECT_EQ(read_all(file).error->fault, Fault::truncated);  // big-endian within a little one
}

TEST(CaptureReader, WhatWiresharkWroteIsReadAsWireshark) {
    const testing::Folder folder;
    {
        std::ofstream file(folder / "in.pcap", std::ios::binary);
        file << as_text(pcap_big_micro);
    }
    for (const char* format : {"pcapng", "pcap", "nsecpcap"}) {
        const std::string out = folder / format;
        EXPECT_EQ(testing::output_of("editcap -F " + std::string(format) + " " +
                                     (folder / "in.pcap") + " " + out + " 2>/dev/null"),
                  "");
        std::ifstream file(out, std::ios::binary);
        const Read read = read_all(file);
        ASSERT_EQ(read.packets.size(), 1u) << format;
        EXPECT_EQ(read.packets[0].ns, 2'000'003'000u);
        EXPECT_EQ(read.packets[0].original_octets, 5u);
        EXPECT_EQ(read.octets[0], "010203"_hex);
    }
}

TEST(CaptureReader, EveryTruncationIsAFaultExceptBetweenPackets) {
    for (const Octets& file :
         {pcap_big_micro, joined({section_big, unknown_big, interface_big, simple_big})}) {
        const std::vector<std::size_t> clean = file == pcap_big_micro
                                                   ? std::vector<std::size_t>{24}
                                                   : std::vector<std::size_t>{28, 44, 64};
        for (std::size_t n = 0; n < file.size(); ++n) {
            const Read read = read_all(Bytes(file).first(n));
            EXPECT_EQ(read.error.has_value(), std::ranges::find(clean, n) == clean.end()) << n;
            EXPECT_TRUE(read.packets.empty());
        }
    }
}

TEST(CaptureReader, WhatIsNoCaptureIsRefused) {
    EXPECT_EQ(read_all(Bytes()).error, (WireError{Fault::truncated, 0}));
    EXPECT_EQ(read_all(as_octets("hello, world")).error, (WireError{Fault::bad_value, 0}));
    Octets other_version = pcap_big_micro;
    other_version[5] = std::byte{9};
    EXPECT_EQ(read_all(other_version).error->fault, Fault::bad_version);
    Octets other_section = section_big;
    other_section[13] = std::byte{2};
    EXPECT_EQ(read_all(other_section).error->fault, Fault::bad_version);
}

TEST(CaptureReader, LengthsThatLieAreRefusedWhereTheyStand) {
    Octets record = pcap_big_micro;
    record[32] = std::byte{0xff};  // captured: 4 GiB
    EXPECT_EQ(read_all(record).error, (WireError{Fault::bad_length, 24}));
    const auto fault_of = [](const Octets& block) {
        return read_all(joined({section_big, interface_big, block})).error;
    };
    EXPECT_EQ(fault_of("00000003 00000008"_hex), (WireError{Fault::bad_length, 48}));
    EXPECT_EQ(fault_of("00000003 00000015"_hex), (WireError{Fault::bad_length, 48}));
    EXPECT_EQ(fault_of("00000003 fffffffc"_hex), (WireError{Fault::bad_length, 48}));
    EXPECT_EQ(fault_of("00000bad fffffffc"_hex), (WireError{Fault::truncated, 48}));
    // A packet longer than its block, and one from an interface that nobody described.
    EXPECT_EQ(
        fault_of("00000006 00000020 00000000 0000000000000000 00000001 00000001 00000020"_hex),
        (WireError{Fault::truncated, 48}));
    EXPECT_EQ(
        fault_of("00000006 00000020 00000001 0000000000000000 00000000 00000000 00000020"_hex),
        (WireError{Fault::bad_value, 48}));
    EXPECT_EQ(read_all(joined({section_big, simple_big})).error->fault, Fault::bad_value);
    // An option that runs past its block.
    EXPECT_EQ(fault_of("00000001 00000018 0065 0000 00000000 00020009 00000018"_hex)->fault,
              Fault::truncated);
}

TEST(CaptureReader, InterfacesAreBounded) {
    Octets file = section_big;
    for (std::size_t i = 0; i <= CaptureReader::interfaces_max; ++i)
        file.insert(file.end(), interface_big.begin(), interface_big.end());
    EXPECT_EQ(read_all(file).error->fault, Fault::unsupported);
}

TEST(CaptureTime, EveryResolutionComesOutInNanoseconds) {
    EXPECT_EQ(unix_ns(1'500'000, 6, 0), 1'500'000'000u);
    EXPECT_EQ(unix_ns(1'500'000'001, 9, 0), 1'500'000'001u);
    EXPECT_EQ(unix_ns(3, 0, 0), 3'000'000'000u);
    EXPECT_EQ(unix_ns(1'500'000'000'999, 12, 0), 1'500'000'000u);
    EXPECT_EQ(unix_ns(5'000'000'000'000'000'000, 18, 0), 5'000'000'000u);
    EXPECT_EQ(unix_ns(UINT64_MAX, 19, 0), 1'844'674'407u);
    EXPECT_EQ(unix_ns(UINT64_MAX, 127, 0), 0u);
    EXPECT_EQ(unix_ns(3, 0x81, 0), 1'500'000'000u);
    EXPECT_EQ(unix_ns(std::uint64_t{3} << 59, 0x80 + 60, 0), 1'500'000'000u);
    EXPECT_EQ(unix_ns(UINT64_MAX, 0x80 + 64, 0), 999'999'999u);
    EXPECT_EQ(unix_ns(UINT64_MAX, 0xff, 0), 0u);
}

TEST(CaptureTime, OffsetsShiftAndWhatDoesNotFitIsTheNearestThatDoes) {
    EXPECT_EQ(unix_ns(5, 0, -3), 2'000'000'000u);
    EXPECT_EQ(unix_ns(5, 0, -6), 0u);
    EXPECT_EQ(unix_ns(5, 0, INT64_MIN), 0u);
    EXPECT_EQ(unix_ns(5, 0, INT64_MAX), UINT64_MAX);
    EXPECT_EQ(unix_ns(UINT64_MAX, 0, 1), UINT64_MAX);
}

}  // namespace
}  // namespace causeway::net::capture_reader_test
