#include "net/pcapng.hpp"

#include "base/hex.hpp"
#include "net/capture_reader.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fstream>
#include <sstream>
#include <thread>

namespace causeway::net::pcapng_test {
namespace {

using testing::Folder;
using testing::output_of;

// An acknowledgement of sequence number 0x55 with its FCS, and an empty UDP datagram in IPv6.
const Octets ack_frame = "02 00 55 90 b0"_hex;
const Octets ipv6_packet =
    "60 00 00 00 00 08 11 40 fd 00 ca 5e 00 00 00 00 00 00 00 00 00 00 00 01"
    "fd 00 ca 5e 00 00 00 00 00 00 00 00 00 00 00 02 16 33 16 33 00 08 44 b6"_hex;

std::string written(auto&& by) {
    std::ostringstream out;
    {
        PcapngWriter writer(out);
        by(writer);
    }
    return out.str();
}

void write_sample(PcapngWriter& writer) {
    const auto air = writer.add_interface(LinkType::ieee802154_with_fcs, "node 7");
    const auto bare = writer.add_interface(LinkType::ieee802154_no_fcs, "");
    const auto tun = writer.add_interface(LinkType::raw_ip, "causeway0");
    writer.write(air, 1'000'000'001, ack_frame);
    writer.write(bare, 1'000'000'002, Bytes(ack_frame).first(3));
    writer.write(tun, 61'500'000'000, ipv6_packet, PcapngWriter::Direction::outbound, "why");
}

TEST(Pcapng, EveryOctetIsDetermined) {
    const std::string file = written([](PcapngWriter& writer) {
        const auto air = writer.add_interface(LinkType::ieee802154_with_fcs, "n7");
        writer.write(air, 0x0102030405060708, ack_frame, PcapngWriter::Direction::inbound, "c");
    });
    EXPECT_EQ(
        to_hex(as_octets(file)),
        to_hex(
            // section header: length 44, byte order, 1.0, length unknown, "causeway", end
            "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0800 6361757365776179"
            "00000000 2c000000"
            // interface: length 40, type 195, no limit, "n7", nanoseconds, end
            "01000000 28000000 c300 0000 00000000 0200 0200 6e370000 0900 0100 09000000 00000000"
            "28000000"
            // packet: length 60, interface 0, time, 5 of 5 octets, padding, comment, inbound, end
            "06000000 3c000000 00000000 04030201 08070605 05000000 05000000 02005590b0000000"
            "0100 0100 63000000 0200 0400 01000000 00000000 3c000000"_hex));
}

TEST(Pcapng, OurReaderReadsWhatWeWrite) {
    std::istringstream file(written(write_sample));
    CaptureReader reader(file);
    const auto first = reader.next().value().value();
    EXPECT_EQ(first.ns, 1'000'000'001u);
    EXPECT_EQ(first.link, LinkType::ieee802154_with_fcs);
    EXPECT_EQ(to_octets(first.octets), ack_frame);
    EXPECT_EQ(reader.interface_name(0), "node 7");
    EXPECT_EQ(reader.next().value().value().interface, 1u);
    const auto third = reader.next().value().value();
    EXPECT_EQ(third.ns, 61'500'000'000u);
    EXPECT_EQ(third.link, LinkType::raw_ip);
    EXPECT_EQ(to_octets(third.octets), ipv6_packet);
    EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(Pcapng, WiresharkReadsTimesLinksNamesAndComments) {
    const Folder folder;
    const std::string path = folder / "sample.pcapng";
    {
        PcapngWriter writer = PcapngWriter::create(path).value();
        write_sample(writer);
    }
    EXPECT_EQ(output_of("tshark -r " + path +
                        " -T fields -E separator='|' -e frame.time_epoch -e frame.interface_name "
                        "-e frame.encap_type -e frame.comment -e frame.packet_flags_direction "
                        "-e wpan.seq_no -e wpan.fcs_ok -e ipv6.src -e udp.dstport "
                        "-e _ws.malformed 2>/dev/null"),
              "1.000000001|node 7|104|||85|1|||\n"
              "1.000000002|unknown|127|||85|1|||\n"
              "61.500000000|causeway0|7|why|0x00000002|||fd00:ca5e::1|5683|\n");
    const std::string info = output_of("capinfos " + path + " 2>&1");
    EXPECT_NE(info.find("Capture application: causeway"), std::string::npos) << info;
    EXPECT_NE(info.find("Number of packets:   3"), std::string::npos) << info;
    EXPECT_NE(info.find("Number of interfaces in file: 3"), std::string::npos) << info;
    EXPECT_NE(info.find("Time precision = nanoseconds (9)"), std::string::npos) << info;
    EXPECT_EQ(info.find("exit"), std::string::npos) << info;
}

TEST(Pcapng, AnInterfaceMayJoinBetweenPackets) {
    const Folder folder;
    const std::string path = folder / "late.pcapng";
    {
        PcapngWriter writer = PcapngWriter::create(path).value();
        const auto a = writer.add_interface(LinkType::ieee802154_with_fcs, "a");
        writer.write(a, 1, ack_frame);
        const auto b = writer.add_interface(LinkType::raw_ip, "b");
        writer.write(b, 2, ipv6_packet);
    }
    EXPECT_EQ(output_of("tshark -r " + path + " -T fields -e frame.interface_name 2>/dev/null"),
              "a\nb\n");
}

TEST(Pcapng, FlushedEachPacketIsInTheFileAtOnce) {
    const Folder folder;
    const std::string path = folder / "live.pcapng";
    PcapngWriter writer = PcapngWriter::create(path, {.flush_each = true}).value();
    const auto air = writer.add_interface(LinkType::ieee802154_with_fcs, "");
    writer.write(air, 1, ack_frame);
    const auto size = std::filesystem::file_size(path);
    writer.write(air, 2, ack_frame);
    EXPECT_EQ(std::filesystem::file_size(path) - size, 40u);
}

TEST(Pcapng, APipeIsReadLive) {
    const Folder folder;
    const std::string path = folder / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    std::string seen;
    int kept_open = -1;
    std::thread reader([&] {
        seen = output_of("timeout 30 tshark -l -i " + path +
                         " -c 2 -T fields -e wpan.seq_no 2>/dev/null");
        // Had it never come, the writer would still be waiting.
        kept_open = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    });
    {
        PcapngWriter writer = PcapngWriter::create(path).value();  // waits for tshark
        const auto air = writer.add_interface(LinkType::ieee802154_with_fcs, "");
        writer.write(air, 1, ack_frame);
        writer.write(air, 2, ack_frame);
        reader.join();  // before the writer closes: it saw both live
        EXPECT_EQ(seen, "85\n85\n");
    }
    ::close(kept_open);
}

TEST(Pcapng, AReaderThatLeavesIsReportedOnceAndKillsNobody) {
    const Folder folder;
    const std::string path = folder / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    PcapngWriter writer = PcapngWriter::create(path).value();
    const auto air = writer.add_interface(LinkType::ieee802154_with_fcs, "");
    writer.write(air, 1, ack_frame);
    EXPECT_FALSE(writer.take_trouble());
    ::close(reader);
    for (int i = 0; i < 3; ++i) writer.write(air, 2, ack_frame);
    const auto found = writer.take_trouble();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->line, "cannot write the capture " + path + ": its reader went away");
    EXPECT_FALSE(writer.take_trouble());
    EXPECT_EQ(writer.stats().lost, 2u);
    EXPECT_TRUE(writer.stats().balanced());
}

TEST(Pcapng, ASlowReaderLosesWholePacketsButNeverHoldsUsUp) {
    const Folder folder;
    const std::string path = folder / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    Octets stored;
    std::array<std::byte, 65'536> buffer;
    const auto drain = [&] {
        for (;;) {
            const ssize_t n = ::read(reader, buffer.data(), buffer.size());
            if (n <= 0) return;
            stored.insert(stored.end(), buffer.begin(), buffer.begin() + n);
        }
    };
    PcapngWriter::Stats stats;
    {
        PcapngWriter writer = PcapngWriter::create(path, {.wait_for_reader = false}).value();
        const auto air = writer.add_interface(LinkType::raw_ip, "");
        const Octets packet(1000);
        for (std::uint64_t i = 0; i < 1000; ++i) writer.write(air, i, packet);
        drain();
        for (std::uint64_t i = 1000; i < 1010; ++i) {
            writer.write(air, i, packet);
            drain();
        }
        for (int i = 0; i < 10; ++i) {
            writer.flush();
            drain();
        }
        EXPECT_FALSE(writer.take_trouble());
        stats = writer.stats();
    }
    drain();
    ::close(reader);
    EXPECT_GT(stats.dropped, 500u);
    EXPECT_GT(stats.written, 200u);
    EXPECT_TRUE(stats.balanced());

    std::istringstream file{std::string(as_text(stored))};
    CaptureReader capture(file);
    std::uint64_t read = 0;
    std::uint64_t last = 0;
    for (;;) {
        const auto packet = capture.next();
        ASSERT_TRUE(packet) << name_of(packet.error().fault);
        if (!*packet) break;
        ++read;
        last = (*packet)->ns;
    }
    EXPECT_EQ(read, stats.written);
    EXPECT_EQ(last, 1009u);
}

TEST(Pcapng, WhyItCannotBeWrittenIsOneLine) {
    EXPECT_EQ(PcapngWriter::create("/nowhere/x.pcapng").error().line,
              "cannot write the capture /nowhere/x.pcapng: no such file or directory");
    PcapngWriter full = PcapngWriter::create("/dev/full", {.flush_each = true}).value();
    EXPECT_EQ(full.take_trouble().value().line,
              "cannot write the capture /dev/full: no space left on device");
    const auto air = full.add_interface(LinkType::raw_ip, "");
    full.write(air, 1, ack_frame);
    EXPECT_EQ(full.stats().lost, 1u);
}

}  // namespace
}  // namespace causeway::net::pcapng_test
