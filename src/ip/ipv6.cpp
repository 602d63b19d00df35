#include "ip/ipv6.hpp"

namespace causeway::ip {

Result<Ipv6Header> Ipv6Header::parse(ByteReader& in) {
    const std::uint32_t first = in.be32();
    if (in.ok() && first >> 28 != 6) in.fail(Fault::bad_version);
    Ipv6Header header;
    header.traffic_class = static_cast<std::uint8_t>(first >> 20 & 0xff);
    header.flow_label = first & 0xf'ffff;
    header.payload_length = in.be16();
    header.next_header = in.u8();
    header.hop_limit = in.u8();
    header.source = Address::read(in);
    header.target = Address::read(in);
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

void Ipv6Header::emit(ByteWriter& out) const {
    out.be32(6u << 28 | std::uint32_t{traffic_class} << 20 | (flow_label & 0xf'ffff));
    out.be16(payload_length);
    out.u8(next_header);
    out.u8(hop_limit);
    out.put(source.octets);
    out.put(target.octets);
}

Result<Ipv6Packet> parse_ipv6(Bytes packet) {
    ByteReader in(packet);
    const auto header = Ipv6Header::parse(in);
    if (!header) return std::unexpected(header.error());
    const Bytes payload = in.take(header->payload_length);
    if (!in.ok()) return std::unexpected(WireError{Fault::truncated, 4});
    return Ipv6Packet{*header, payload};
}

Octets make_ipv6_packet(Ipv6Header header, Bytes payload) {
    CAUSEWAY_ASSERT(payload.size() <= 0xffff);
    header.payload_length = static_cast<std::uint16_t>(payload.size());
    Octets packet(Ipv6Header::octets + payload.size());
    ByteWriter out(packet);
    header.emit(out);
    out.put(payload);
    return packet;
}

Ipv6Header Ipv6View::header() const noexcept {
    return {.traffic_class = traffic_class(),
            .flow_label = flow_label(),
            .payload_length = payload_length(),
            .next_header = next_header(),
            .hop_limit = hop_limit(),
            .source = source(),
            .target = target()};
}

}  // namespace causeway::ip
