#pragma once
// Reads captures, packet after packet, from any stream: classic pcap of both byte orders in micro-
// and nanoseconds, and pcapng with its section header, interface description, enhanced and simple
// packet blocks. Blocks of other kinds are skipped.
//
// Every octet may be forged: memory is bounded whatever the lengths say, and the first fault ends
// the reading. Leaves out: compressed files, the obsolete packet block, names and statistics.
#include "base/bytes.hpp"
#include "net/link_type.hpp"

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace causeway::net {

struct CapturedPacket {
    std::uint64_t ns = 0;  // since 1970; zero where the file does not say (simple packet blocks)
    LinkType link = {};
    std::uint32_t interface = 0;        // in the order of the section
    std::uint32_t original_octets = 0;  // on the wire; `octets` may be fewer
    Bytes octets;                       // borrowed until the next call
};

class CaptureReader {
public:
    static constexpr std::size_t packet_octets_max = 1u << 18;
    static constexpr std::size_t block_octets_max = packet_octets_max + 65'536;
    static constexpr std::size_t interfaces_max = 65'536;

    explicit CaptureReader(std::istream& in) : in_(in) {}

    /// The next packet; nothing at a clean end. A fault's offset is that of the block or record in
    /// the file (4 GiB - 1 for all beyond that).
    [[nodiscard]] Result<std::optional<CapturedPacket>> next();

    /// What the section calls an interface; empty when it does not.
    [[nodiscard]] std::string_view interface_name(std::uint32_t interface) const noexcept;

private:
    enum class Format : std::uint8_t { unknown, pcap, pcapng, ended };
    struct Interface {
        LinkType link{};
        std::uint32_t snap_octets = 0;  // zero: no limit
        std::uint8_t resolution = 6;    // if_tsresol
        std::int64_t offset_seconds = 0;
        std::string name;
    };

    bool begin();
    std::optional<CapturedPacket> next_record();
    std::optional<CapturedPacket> next_block();
    void read_section();
    void read_interface(ByteReader& body);
    std::optional<CapturedPacket> read_enhanced(ByteReader& body);
    std::optional<CapturedPacket> read_simple(ByteReader& body);

    [[nodiscard]] std::uint16_t u16(ByteReader& in) const { return big_ ? in.be16() : in.le16(); }
    [[nodiscard]] std::uint32_t u32(ByteReader& in) const { return big_ ? in.be32() : in.le32(); }
    /// Fills buffer_ with exactly `n` octets; false at the end of the stream.
    bool fetch(std::size_t n);
    void fail(Fault why) noexcept;

    std::istream& in_;
    Octets buffer_;
    std::uint64_t consumed_ = 0;
    std::uint64_t unit_at_ = 0;  // where the block or record in hand starts
    std::optional<WireError> error_;
    Format format_ = Format::unknown;
    bool big_ = false;
    bool nanoseconds_ = false;  // classic pcap
    std::vector<Interface> interfaces_;
};

}  // namespace causeway::net
