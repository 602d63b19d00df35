#pragma once
// LOWPAN_NHC, the expanding side. [RFC 6282 §4] Internal to the room.
#include "lowpan/iphc_format.hpp"

#include <utility>

namespace causeway::lowpan::format {

/// The packet as far as it is restored.
struct Restored {
    MutableBytes buffer;
    std::size_t at = 0;

    /// Room for `n` more octets, or null and `in` failed: how much a few octets from outside grow
    /// to is theirs to say, so it is checked.
    [[nodiscard]] std::byte* extend(ByteReader& in, std::size_t n) noexcept {
        if (n > buffer.size() - at) return in.fail(Fault::bad_length), nullptr;
        return buffer.data() + std::exchange(at, at + n);
    }
};

/// An extension header behind its NHC octet. Gives the place of its Next Header octet, which is
/// filled in unless the NHC octet says that the next header is compressed; null on a fault.
[[nodiscard]] std::byte* read_extension(ByteReader& in, unsigned nhc, std::uint8_t protocol,
                                        Restored& out);

/// A UDP header behind its NHC octet; length, and the checksum if it is elided, are zero.
void read_udp(ByteReader& in, unsigned nhc, Restored& out);

}  // namespace causeway::lowpan::format
