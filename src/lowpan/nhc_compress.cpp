#include "lowpan/nhc_compress.hpp"

namespace causeway::lowpan::format {
namespace {

constexpr unsigned length_octet_max = 255;

/// EID of an extension header, nullopt for anything else.
std::optional<unsigned> eid_of(std::uint8_t protocol) {
    switch (protocol) {
        case hop_by_hop:
            return 0;
        case routing:
            return 1;
        case fragment_header:
            return 2;
        case destination_options:
            return 3;
        case mobility:
            return 4;
        default:
            return std::nullopt;
    }
}

/// How many octets the trailing padding option takes that the decompressor will put back just so:
/// one Pad1, or one PadN of seven octets or less with nothing but zeros in it. [RFC 6282 §4.2]
std::size_t trailing_padding(Bytes header) {
    std::size_t at = 2;
    std::size_t last = at;
    while (at < header.size()) {
        last = at;
        if (header[at] == pad1) {
            ++at;
        } else {
            if (at + 1 == header.size()) return 0;
            at += 2 + octet(header, at + 1);
        }
    }
    const std::size_t size = header.size() - last;
    if (at != header.size() || size > 7) return 0;
    if (header[last] == pad1) return 1;
    if (header[last] != padn) return 0;
    for (std::size_t i = last + 2; i < header.size(); ++i)
        if (header[i] != std::byte{0}) return 0;
    return size;
}

NhcPlan plan_extension(std::uint8_t protocol, Bytes rest) {
    if (rest.size() < 8) return {};
    if (protocol == fragment_header) {
        // Where others have a length this header has a reserved octet, which is carried as it is:
        // zero. Whatever else stands there would not survive every decompressor.
        if (rest[1] != std::byte{0}) return {};
        return {.octets = 1 + fragment_octets,
                .header_octets = fragment_octets,
                .carried_octets = fragment_octets};
    }
    const std::size_t size = (octet(rest, 1) + 1) * std::size_t{8};
    if (size > rest.size()) return {};
    const std::size_t padding = has_options(protocol) ? trailing_padding(rest.first(size)) : 0;
    const std::size_t carried = size - padding;
    // "LOWPAN_NHC MUST NOT be used to encode IPv6 Extension Headers that have more than 255 octets
    // following the Length field after compression." [RFC 6282 §4.2]
    if (carried - 2 > length_octet_max) return {};
    return {.octets = 1 + carried, .header_octets = size, .carried_octets = carried};
}

NhcPlan plan_udp(Bytes rest) {
    // The length is elided, so it must be what the decompressor infers.
    if (rest.size() < udp_octets || be16(rest, 4) != rest.size()) return {};
    return {.octets = 7, .header_octets = udp_octets, .carried_octets = 0};
}

NhcPlan plan_ipv6(Bytes rest) {
    if (rest.size() < ipv6_octets || octet(rest, 0) >> 4 != 6) return {};
    if (be16(rest, 4) != rest.size() - ipv6_octets) return {};
    // The NHC octet and an IPHC header that has everything inline.
    return {.octets = 1 + ipv6_octets, .header_octets = ipv6_octets, .carried_octets = 0};
}

}  // namespace

NhcPlan plan_nhc(std::uint8_t protocol, Bytes rest) noexcept {
    if (protocol == udp) return plan_udp(rest);
    if (protocol == ipv6) return plan_ipv6(rest);
    return eid_of(protocol) ? plan_extension(protocol, rest) : NhcPlan{};
}

void write_extension(ByteWriter& out, std::uint8_t protocol, const NhcPlan& plan, Bytes rest,
                     bool next_compressed) {
    const unsigned eid = eid_of(protocol).value_or(0);
    out.u8(static_cast<std::uint8_t>(nhc_extension | eid << eid_shift |
                                     (next_compressed ? nhc_next_compressed : 0u)));
    if (!next_compressed) out.put(rest.first(1));
    if (protocol == fragment_header)
        out.put(rest.subspan(1, 1));
    else
        out.u8(static_cast<std::uint8_t>(plan.carried_octets - 2));
    out.put(rest.subspan(2, plan.carried_octets - 2));
}

void write_udp(ByteWriter& out, Bytes rest, bool elide_checksum) {
    const unsigned source = be16(rest, 0);
    const unsigned target = be16(rest, 2);
    const unsigned nhc = nhc_udp | (elide_checksum ? udp_checksum_elided : 0u);
    // The forms of RFC 6282 §4.3.3, shortest first.
    if (source >> 4 == 0xf0b && target >> 4 == 0xf0b) {
        out.u8(static_cast<std::uint8_t>(nhc | udp_ports_short));
        out.u8(static_cast<std::uint8_t>((source & 0xf) << 4 | (target & 0xf)));
    } else if (target >> 8 == 0xf0) {
        out.u8(static_cast<std::uint8_t>(nhc | udp_target_short));
        out.put(rest.first(2));
        out.put(rest.subspan(3, 1));
    } else if (source >> 8 == 0xf0) {
        out.u8(static_cast<std::uint8_t>(nhc | udp_source_short));
        out.put(rest.subspan(1, 3));
    } else {
        out.u8(static_cast<std::uint8_t>(nhc | udp_ports_inline));
        out.put(rest.first(4));
    }
    if (!elide_checksum) out.put(rest.subspan(6, 2));
}

}  // namespace causeway::lowpan::format
