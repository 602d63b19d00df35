// The checksum of a UDP header inside a packet, whose pseudo-header has the final destination in
// it: with a routing header before the UDP header that is not the IPv6 header's. [RFC 8200 §8.1]
#include "ip/checksum.hpp"
#include "lowpan/iphc_format.hpp"

namespace causeway::lowpan {
namespace format {
namespace {

/// Where a routing header will lead in the end; `target` where it has led already.
/// nullopt for a type that nobody here knows and for a malformed one.
std::optional<ip::Address> final_target(Bytes header, const ip::Address& target) {
    if (octet(header, 3) == 0) return target;  // no segments left
    constexpr std::size_t list_at = 8;
    ip::Address last = target;
    std::size_t from = list_at;
    std::size_t elided_octets = 0;
    switch (octet(header, 2)) {
        case 0:  // source route, the last address is the final one [RFC 2460 §4.4]
            if (header.size() < list_at + 16) return std::nullopt;
            from = header.size() - 16;
            break;
        case 2:  // one home address [RFC 6275 §6.4]
        case 4:  // segment routing, the list runs backwards [RFC 8754 §2]
            break;
        case 3: {  // RPL [RFC 6554 §3]
            elided_octets = octet(header, 4) & 0x0f;
            const std::size_t behind = (octet(header, 5) >> 4) + 16 - elided_octets;
            if (header.size() < list_at + behind) return std::nullopt;
            from = header.size() - behind;
            break;
        }
        default:
            return std::nullopt;
    }
    if (from + 16 - elided_octets > header.size()) return std::nullopt;
    std::memcpy(last.octets.data() + elided_octets, header.data() + from, 16 - elided_octets);
    return last;
}

}  // namespace

std::optional<std::uint16_t> udp_checksum(Bytes packet, std::size_t ip_at, std::size_t udp_at) {
    if (udp_at < ip_at + ipv6_octets || udp_at + udp_octets > packet.size()) return std::nullopt;
    ip::Address source;
    ip::Address target;
    std::memcpy(source.octets.data(), packet.data() + ip_at + 8, 16);
    std::memcpy(target.octets.data(), packet.data() + ip_at + 24, 16);
    std::uint8_t next = static_cast<std::uint8_t>(octet(packet, ip_at + 6));
    for (std::size_t at = ip_at + ipv6_octets; at < udp_at;) {
        const std::size_t size = next == fragment_header
                                     ? fragment_octets
                                     : (octet(packet, at + 1) + 1) * std::size_t{8};
        if (size > udp_at - at) return std::nullopt;
        if (next == routing) {
            const auto found = final_target(packet.subspan(at, size), target);
            if (!found) return std::nullopt;
            target = *found;
        }
        next = static_cast<std::uint8_t>(octet(packet, at));
        at += size;
    }
    const Bytes header = packet.subspan(udp_at, udp_octets);
    const Bytes payload = packet.subspan(udp_at + udp_octets);
    ip::ChecksumSum sum = ip::pseudo_header_sum(
        source, target, static_cast<std::uint32_t>(packet.size() - udp_at), udp);
    sum.add(header.first(6));
    sum.add(payload);
    // "if that computation yields a result of zero, it must be changed to hex FFFF".
    // [RFC 8200 §8.1]
    const std::uint16_t checksum = sum.checksum();
    return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

}  // namespace format

bool restore_udp_checksum(MutableBytes packet, const ElidedChecksum& elided) {
    const auto checksum = format::udp_checksum(packet, elided.ip_at, elided.udp_at);
    if (!checksum) return false;
    format::put_be16(packet, elided.udp_at + 6u, *checksum);
    return true;
}

}  // namespace causeway::lowpan
