#pragma once
// What the compressor and the decompressor share about the encoding. [RFC 6282 §3.1, §4]
// Internal to the room.
#include "lowpan/interface_id.hpp"
#include "lowpan/iphc.hpp"

namespace causeway::lowpan::format {

// First octet, behind 011. [RFC 6282 §3.1.1]
inline constexpr unsigned tf_shift = 3;
inline constexpr unsigned tf_all_inline = 0;
inline constexpr unsigned tf_flow_inline = 1;   // ECN and flow label
inline constexpr unsigned tf_class_inline = 2;  // ECN and DSCP
inline constexpr unsigned tf_elided = 3;
inline constexpr unsigned nh_compressed = 0x04;
inline constexpr unsigned hlim_mask = 0x03;  // inline, 1, 64, 255

// Second octet.
inline constexpr unsigned cid = 0x80;
inline constexpr unsigned sac = 0x40;
inline constexpr unsigned sam_shift = 4;
inline constexpr unsigned multicast = 0x08;
inline constexpr unsigned dac = 0x04;

/// SAM and DAM of unicast addresses.
enum Mode : unsigned { full = 0, bits_64 = 1, bits_16 = 2, elided = 3 };
/// DAM where M=1 and DAC=0; `full` as above.
inline constexpr unsigned group_48 = 1;
inline constexpr unsigned group_32 = 2;
inline constexpr unsigned group_8 = 3;

// LOWPAN_NHC. [RFC 6282 §4.2, §4.3.3]
inline constexpr unsigned nhc_extension = 0xe0;  // 1110 EID NH
inline constexpr unsigned nhc_extension_mask = 0xf0;
inline constexpr unsigned nhc_udp = 0xf0;  // 11110 C P
inline constexpr unsigned nhc_udp_mask = 0xf8;
inline constexpr unsigned nhc_next_compressed = 0x01;
inline constexpr unsigned eid_shift = 1;
inline constexpr unsigned eid_ipv6 = 7;
inline constexpr unsigned udp_checksum_elided = 0x04;
inline constexpr unsigned udp_ports_inline = 0;
inline constexpr unsigned udp_target_short = 1;  // 0xf0XX
inline constexpr unsigned udp_source_short = 2;  // 0xf0XX
inline constexpr unsigned udp_ports_short = 3;   // 0xf0bX both

// IPv6 next header values.
inline constexpr std::uint8_t hop_by_hop = 0;
inline constexpr std::uint8_t udp = 17;
inline constexpr std::uint8_t ipv6 = 41;
inline constexpr std::uint8_t routing = 43;
inline constexpr std::uint8_t fragment_header = 44;
inline constexpr std::uint8_t destination_options = 60;
inline constexpr std::uint8_t mobility = 135;

inline std::unexpected<WireError> refused(Fault fault, std::size_t at) {
    return std::unexpected(WireError{fault, static_cast<std::uint32_t>(at)});
}

inline constexpr std::size_t ipv6_octets = 40;
inline constexpr std::size_t udp_octets = 8;
inline constexpr std::size_t fragment_octets = 8;

/// By EID; 5 and 6 are reserved.
inline constexpr std::uint8_t no_protocol = 255;
inline constexpr std::uint8_t eid_protocols[8] = {hop_by_hop,          routing,  fragment_header,
                                                  destination_options, mobility, no_protocol,
                                                  no_protocol,         ipv6};

/// Options of both kinds end in padding that may be elided. [RFC 6282 §4.2]
[[nodiscard]] constexpr bool has_options(std::uint8_t protocol) noexcept {
    return protocol == hop_by_hop || protocol == destination_options;
}
inline constexpr std::byte pad1{0};
inline constexpr std::byte padn{1};

/// fe80::/64
inline constexpr std::uint64_t link_local_high = 0xfe80'0000'0000'0000;

/// What the header around an IPv6 header offers for elided interface identifiers: the frame's
/// addresses, or the outer IPv6 header's. [RFC 6282 §3.2.2]
struct Encapsulation {
    std::uint64_t source = 0;
    std::uint64_t destination = 0;
    bool has_source = false;  // an address is there to derive one from
    bool has_destination = false;

    static Encapsulation of(const LinkEnds& ends) noexcept {
        return {interface_id_value(ends.source), interface_id_value(ends.destination),
                !ends.source.is_none(), !ends.destination.is_none()};
    }
};

[[nodiscard]] inline unsigned octet(Bytes from, std::size_t at) noexcept {
    return std::to_integer<unsigned>(from[at]);
}
[[nodiscard]] inline std::uint16_t be16(Bytes from, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(octet(from, at) << 8 | octet(from, at + 1));
}
inline void put_be16(MutableBytes to, std::size_t at, std::size_t value) noexcept {
    to[at] = std::byte(value >> 8 & 0xff);
    to[at + 1] = std::byte(value & 0xff);
}

/// The checksum of the UDP header at `udp_at`, which reaches to the packet's end, its own field
/// taken for zero; never zero. nullopt as for restore_udp_checksum().
[[nodiscard]] std::optional<std::uint16_t> udp_checksum(Bytes packet, std::size_t ip_at,
                                                        std::size_t udp_at);

}  // namespace causeway::lowpan::format
