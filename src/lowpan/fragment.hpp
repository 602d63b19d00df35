#pragma once
// Fragmentation below IP. [RFC 4944 §5.3] Sizes and offsets are those of the datagram before
// compression [RFC 6282 §2]; the first fragment has all compressed headers in it.
// Fragment forwarding and recovery (RFC 8930, 8931) are left out.
#include "base/repr.hpp"
#include "lowpan/iphc.hpp"

namespace causeway::lowpan {

/// FRAG1 and FRAGN.
struct FragmentHeader {
    static constexpr std::size_t first_octets = 4;
    static constexpr std::size_t next_octets = 5;

    bool first = true;
    std::uint16_t datagram_size = 0;  // octets, 11 bits
    std::uint16_t datagram_tag = 0;
    std::uint8_t datagram_offset = 0;  // in units of eight octets; none in a first fragment

    static Result<FragmentHeader> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept {
        return first ? first_octets : next_octets;
    }
    void emit(ByteWriter& out) const;
    friend bool operator==(const FragmentHeader&, const FragmentHeader&) = default;
};
static_assert(Repr<FragmentHeader>);

/// A frame's payload with a piece of a datagram in it.
struct Fragment {
    std::size_t header_octets = 0;  // fragment header, compressed headers
    std::size_t written = 0;        // header_octets and the piece
    std::size_t next_offset = 0;    // octets of the datagram sent with it; its size after the last

    friend bool operator==(const Fragment&, const Fragment&) = default;
};

/// The first fragment of a packet that compressed does not fit into `out`. Faults are
/// compress_headers()'s, and bad_length for a packet of more than datagram_octets_max octets or an
/// `out` of less than 45 octets.
[[nodiscard]] Result<Fragment> first_fragment(Bytes packet, const LinkEnds& ends,
                                              const Contexts& contexts, std::uint16_t tag,
                                              MutableBytes out,
                                              const CompressOptions& options = {});

/// The one that starts at `offset`, a multiple of eight below packet.size(); `out` holds 13 octets
/// or more.
[[nodiscard]] Fragment next_fragment(Bytes packet, std::size_t offset, std::uint16_t tag,
                                     MutableBytes out);

}  // namespace causeway::lowpan
