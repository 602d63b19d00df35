#pragma once
// IPv6 header compression: LOWPAN_IPHC and LOWPAN_NHC, both ways. [RFC 6282 §3, §4]
// Every address form with and without contexts, extension headers, IPv6 in IPv6, UDP. Left out:
// LOWPAN_HC1 (recognised, refused), GHC (RFC 7400), 6LoRH (RFC 8138), and the home address option's
// part in the checksum of a UDP header whose checksum was elided.
#include "link/ieee802154/address.hpp"
#include "lowpan/contexts.hpp"

#include <limits>

namespace causeway::lowpan {

/// 802.15.4 addresses of the frame that a compressed header travels in: what elided interface
/// identifiers are made from. With mesh-under these are originator and final destination.
struct LinkEnds {
    link::ieee802154::Address source;
    link::ieee802154::Address destination;

    friend bool operator==(const LinkEnds&, const LinkEnds&) = default;
};

/// The largest packet that a fragment header can describe. [RFC 4944 §5.3]
inline constexpr std::size_t datagram_octets_max = 2047;
/// IPv6 headers that are compressed, or expanded, in one packet; more are carried as they are, or
/// refused.
inline constexpr std::size_t compressed_ipv6_headers_max = 4;
/// A buffer that is smaller than this may be too small for the first header.
inline constexpr std::size_t first_header_octets_max = 41;

// ---- compression ----

struct CompressOptions {
    /// The upper layer has authorised it, and an integrity check covers the frame: both are the
    /// caller's to know. A wrong checksum then refuses the packet. [RFC 6282 §4.3.2]
    bool elide_udp_checksum = false;
};

struct Compressed {
    std::size_t header_octets = 0;  // written: dispatch, compressed headers, inline fields
    std::size_t packet_octets = 0;  // of the packet that these stand for; a multiple of eight
    std::size_t written = 0;        // header_octets and what follows them

    friend bool operator==(const Compressed&, const Compressed&) = default;
};

/// Headers only: written == header_octets, and packet.subspan(packet_octets) follows them
/// unchanged. "Any header that cannot fit within the first fragment MUST NOT be compressed", so the
/// room in `out` says how many are. [RFC 6282 §2] A packet that IPHC cannot express (its payload
/// length disagrees with its size) gets the uncompressed dispatch.
/// Faults: truncated, bad_version for no IPv6 packet; bad_length for an `out` that is too small;
/// bad_checksum where an elided one would hide the damage.
[[nodiscard]] Result<Compressed> compress_headers(Bytes packet, const LinkEnds& ends,
                                                  const Contexts& contexts, MutableBytes out,
                                                  const CompressOptions& options = {});

/// The whole packet. `out` of packet.size() + 1 octets is always enough.
[[nodiscard]] Result<Compressed> compress(Bytes packet, const LinkEnds& ends,
                                          const Contexts& contexts, MutableBytes out,
                                          const CompressOptions& options = {});

// ---- decompression ----

/// Where a UDP checksum is still to be restored, since that needs the whole datagram.
struct ElidedChecksum {
    std::uint16_t ip_at = 0;   // of the IPv6 header next above it
    std::uint16_t udp_at = 0;  // zero: none was elided

    friend bool operator==(const ElidedChecksum&, const ElidedChecksum&) = default;
};

struct Decompressed {
    std::size_t header_octets = 0;    // of the input: dispatch and compressed headers
    std::size_t packet_octets = 0;    // of the packet that these stand for
    std::size_t written = 0;          // packet octets written in all
    std::size_t datagram_octets = 0;  // of the whole packet; more than written in a first fragment
    bool checksum_elided = false;     // a UDP checksum was, whoever vouched for it
    ElidedChecksum elided;            // where, until it is restored

    friend bool operator==(const Decompressed&, const Decompressed&) = default;
};

/// `lowpan` starts with an IPv6 or IPHC dispatch, a page 0 or page 1 dispatch [RFC 8025] before it
/// or not. `datagram_size` is the fragment header's, without which `lowpan` is the whole datagram.
/// Writes the packet, or the start of it that a first fragment holds; an elided checksum is
/// restored when the whole datagram is there, else by restore_udp_checksum().
/// Faults: truncated; bad_version; bad_length (of an extension header, of the whole, or more than
/// `out` holds); bad_value (no address to derive an identifier from, reserved forms); unsupported
/// (another dispatch or NHC, an unknown context).
[[nodiscard]] Result<Decompressed> decompress_into(Bytes lowpan, const LinkEnds& ends,
                                                   const Contexts& contexts,
                                                   std::optional<std::size_t> datagram_size,
                                                   MutableBytes out);

/// The same into memory of its own; datagrams of datagram_octets_max at most.
[[nodiscard]] Result<Octets> decompress(Bytes lowpan, const LinkEnds& ends,
                                        const Contexts& contexts,
                                        std::optional<std::size_t> datagram_size = {});

/// Puts the checksum of a complete packet in place. False where a routing header that nobody here
/// knows hides the final destination, which the checksum covers. [RFC 8200 §8.1]
[[nodiscard]] bool restore_udp_checksum(MutableBytes packet, const ElidedChecksum& elided);

}  // namespace causeway::lowpan
