#include "lowpan/fragment.hpp"

#include "lowpan/dispatch.hpp"

namespace causeway::lowpan {
namespace {

constexpr unsigned size_mask = 0x7ff;

/// How much of `left` goes into `room`: all of it, or a multiple of eight. [RFC 4944 §5.3]
std::size_t piece_octets(std::size_t left, std::size_t room) {
    return left <= room ? left : room / 8 * 8;
}

}  // namespace

Result<FragmentHeader> FragmentHeader::parse(ByteReader& in) {
    const std::uint16_t start = in.be16();
    FragmentHeader header;
    const HeaderType type = header_type(static_cast<std::uint8_t>(start >> 8));
    if (type != HeaderType::frag1 && type != HeaderType::fragn) in.fail(Fault::unsupported);
    header.first = type == HeaderType::frag1;
    header.datagram_size = static_cast<std::uint16_t>(start & size_mask);
    header.datagram_tag = in.be16();
    if (!header.first) header.datagram_offset = in.u8();
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

void FragmentHeader::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(datagram_size <= datagram_octets_max);
    const unsigned type = first ? dispatch::frag1 : dispatch::fragn;
    out.be16(static_cast<std::uint16_t>(type << 8 | datagram_size));
    out.be16(datagram_tag);
    if (!first) out.u8(datagram_offset);
}

Result<Fragment> first_fragment(Bytes packet, const LinkEnds& ends, const Contexts& contexts,
                                std::uint16_t tag, MutableBytes out,
                                const CompressOptions& options) {
    constexpr std::size_t start = FragmentHeader::first_octets;
    if (packet.size() > datagram_octets_max || out.size() < start + first_header_octets_max)
        return std::unexpected(WireError{Fault::bad_length, 0});
    const auto headers = compress_headers(packet, ends, contexts, out.subspan(start), options);
    if (!headers) return std::unexpected(headers.error());
    ByteWriter to(out);
    FragmentHeader{true, static_cast<std::uint16_t>(packet.size()), tag, 0}.emit(to);
    // Headers end on a multiple of eight, so the piece behind them is one too.
    const std::size_t used = start + headers->header_octets;
    const Bytes rest = packet.subspan(headers->packet_octets);
    const std::size_t piece = piece_octets(rest.size(), out.size() - used);
    if (piece != 0) std::memcpy(out.data() + used, rest.data(), piece);
    return Fragment{used, used + piece, headers->packet_octets + piece};
}

Fragment next_fragment(Bytes packet, std::size_t offset, std::uint16_t tag, MutableBytes out) {
    constexpr std::size_t start = FragmentHeader::next_octets;
    CAUSEWAY_ASSERT(offset % 8 == 0 && offset < packet.size() && out.size() >= start + 8);
    ByteWriter to(out);
    FragmentHeader{false, static_cast<std::uint16_t>(packet.size()), tag,
                   static_cast<std::uint8_t>(offset / 8)}
        .emit(to);
    const std::size_t piece = piece_octets(packet.size() - offset, out.size() - start);
    to.put(packet.subspan(offset, piece));
    return {start, start + piece, offset + piece};
}

}  // namespace causeway::lowpan
