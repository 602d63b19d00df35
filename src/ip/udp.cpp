#include "ip/udp.hpp"

#include "ip/checksum.hpp"

namespace causeway::ip {

Result<UdpHeader> UdpHeader::parse(ByteReader& in) {
    UdpHeader header;
    header.source_port = in.be16();
    header.target_port = in.be16();
    header.length = in.be16();
    header.checksum = in.be16();
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

void UdpHeader::emit(ByteWriter& out) const {
    out.be16(source_port);
    out.be16(target_port);
    out.be16(length);
    out.be16(checksum);
}

Result<UdpDatagram> parse_udp(const Address& source, const Address& target, Bytes udp) {
    const auto header = parse_as<UdpHeader>(udp);
    if (!header) return std::unexpected(header.error());
    if (header->length < UdpHeader::octets || header->length > udp.size())
        return std::unexpected(WireError{Fault::bad_length, 4});
    udp = udp.first(header->length);
    // "IPv6 receivers must discard UDP packets containing a zero checksum". [RFC 8200 §8.1]
    if (header->checksum == 0 ||
        upper_layer_checksum(source, target, std::to_underlying(NextHeader::udp), udp) != 0)
        return std::unexpected(WireError{Fault::bad_checksum, 6});
    return UdpDatagram{source, target, header->source_port, header->target_port,
                       udp.subspan(UdpHeader::octets)};
}

Octets make_udp_packet(const UdpDatagram& datagram, std::uint8_t hop_limit) {
    CAUSEWAY_ASSERT(datagram.payload.size() <= udp_payload_max);
    const auto length = static_cast<std::uint16_t>(UdpHeader::octets + datagram.payload.size());
    constexpr std::uint8_t udp = std::to_underlying(NextHeader::udp);
    Octets packet(Ipv6Header::octets + length);
    ByteWriter out(packet);
    Ipv6Header{.payload_length = length,
               .next_header = udp,
               .hop_limit = hop_limit,
               .source = datagram.source,
               .target = datagram.target}
        .emit(out);
    UdpHeader{datagram.source_port, datagram.target_port, length, 0}.emit(out);
    out.put(datagram.payload);

    const std::uint16_t checksum = upper_layer_checksum(datagram.source, datagram.target, udp,
                                                        Bytes(packet).subspan(Ipv6Header::octets));
    // A computed zero is sent as its other form: zero says "no checksum". [RFC 8200 §8.1]
    out.patch_be16(Ipv6Header::octets + 6, checksum != 0 ? checksum : std::uint16_t{0xffff});
    return packet;
}

}  // namespace causeway::ip
