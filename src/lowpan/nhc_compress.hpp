#pragma once
// LOWPAN_NHC, the compressing side. [RFC 6282 §4] Internal to the room.
#include "lowpan/iphc_format.hpp"

namespace causeway::lowpan::format {

/// Whether and how large a header can be written in LOWPAN_NHC.
struct NhcPlan {
    std::size_t octets = 0;          // at most so many compressed; zero: not compressible
    std::size_t header_octets = 0;   // of the packet
    std::size_t carried_octets = 0;  // extension headers: of header_octets, without padding

    explicit operator bool() const noexcept { return octets != 0; }
};

/// `rest` starts with the header that `protocol` names and reaches to the packet's end.
[[nodiscard]] NhcPlan plan_nhc(std::uint8_t protocol, Bytes rest) noexcept;

/// An extension header; `next_compressed` says whether LOWPAN_NHC goes on behind it.
void write_extension(ByteWriter& out, std::uint8_t protocol, const NhcPlan& plan, Bytes rest,
                     bool next_compressed);

void write_udp(ByteWriter& out, Bytes rest, bool elide_checksum);

}  // namespace causeway::lowpan::format
