#pragma once
// UDP over IPv6. [RFC 768; RFC 8200 §8.1] Zero checksums for tunnels (RFC 6936) are left out.
#include "base/repr.hpp"
#include "ip/ipv6.hpp"

namespace causeway::ip {

/// The checksum is kept, not judged: judging it needs the IPv6 pseudo-header.
struct UdpHeader {
    static constexpr std::size_t octets = 8;

    std::uint16_t source_port = 0;
    std::uint16_t target_port = 0;
    std::uint16_t length = octets;  // header and payload, octets
    std::uint16_t checksum = 0;

    static Result<UdpHeader> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return octets; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const UdpHeader&, const UdpHeader&) = default;
};
static_assert(Repr<UdpHeader>);

inline constexpr std::size_t udp_payload_max = 0xffff - UdpHeader::octets;

struct UdpDatagram {
    Address source{};
    Address target{};
    std::uint16_t source_port = 0;
    std::uint16_t target_port = 0;
    Bytes payload{};  // borrowed
};

/// `udp` is what stands behind the last IPv6 header. Faults: truncated; bad_length, when the
/// length field is below 8 or above what is there; bad_checksum, a zero one included. Octets past
/// the length field's are left out.
[[nodiscard]] Result<UdpDatagram> parse_udp(const Address& source, const Address& target,
                                            Bytes udp);

/// A complete IPv6 packet; the payload is at most udp_payload_max octets.
[[nodiscard]] Octets make_udp_packet(const UdpDatagram& datagram, std::uint8_t hop_limit);

}  // namespace causeway::ip
