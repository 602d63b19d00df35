// The slower half of the data plane: packets that gain or lose whole headers.
#include "ip/extension.hpp"
#include "rpl/data_plane.hpp"

namespace causeway::rpl {

namespace {

void set_payload_length(Octets& packet) noexcept {
    const std::size_t length = packet.size() - ip::Ipv6Header::octets;
    packet[4] = static_cast<std::byte>(length >> 8);
    packet[5] = static_cast<std::byte>(length);
}

}  // namespace

Octets with_source_route(Octets packet, const SourceRoute& route,
                         const std::optional<RplOption>& option, std::uint8_t option_type) {
    if (option) packet = with_rpl_option(std::move(packet), *option, option_type);
    if (packet.size() < ip::Ipv6Header::octets || route.size() < 2) return packet;
    // Behind the hop-by-hop header, which alone may stand before it here. [RFC 8200 §4.1]
    std::size_t named_at = 6;
    std::size_t place = ip::Ipv6Header::octets;
    ip::ExtensionWalk walk(packet);
    if (const std::optional<ip::Extension> first = walk.next();
        first && first->type == ip::NextHeader::hop_by_hop) {
        named_at = first->offset;
        place = first->offset + first->size;
    }
    const SourceRoutingHeader header =
        SourceRoutingHeader::along(route, std::to_integer<std::uint8_t>(packet[named_at]));
    const std::size_t grown = header.wire_size();
    if (packet.size() - ip::Ipv6Header::octets + grown > 65535) return packet;
    packet[named_at] = std::byte{std::to_underlying(ip::NextHeader::routing)};
    packet.insert(packet.begin() + static_cast<std::ptrdiff_t>(place), grown, std::byte{});
    ByteWriter out(MutableBytes(packet).subspan(place, grown));
    header.emit(out);
    std::memcpy(&packet[24], route.front().octets.data(), 16);
    set_payload_length(packet);
    return packet;
}

Octets encapsulate(Bytes inner, const Tunnel& tunnel) {
    if (inner.size() < ip::Ipv6Header::octets || (inner[0] >> 4) != std::byte{6}) return {};
    auto inner_hop_limit = std::to_integer<std::uint8_t>(inner[7]);
    std::size_t hops = 0;
    if (tunnel.route != nullptr) {
        // "Segments Left ... less than the original datagram's IPv6 Hop Limit value"
        hops =
            std::min<std::size_t>(tunnel.route->size(), std::max<std::size_t>(inner_hop_limit, 1));
        inner_hop_limit = static_cast<std::uint8_t>(inner_hop_limit - (hops > 1 ? hops - 1 : 0));
    }

    std::array<std::byte, 8> hop_by_hop{};
    if (tunnel.option) {
        ByteWriter out(hop_by_hop);
        out.u8(std::to_underlying(hops > 1 ? ip::NextHeader::routing : ip::NextHeader::ipv6));
        out.u8(0);
        out.u8(tunnel.option_type);
        out.u8(4);
        tunnel.option->emit(out);
    }
    SourceRoutingHeader routing;
    if (hops > 1) {
        SourceRoute route;
        for (std::size_t i = 0; i < hops; ++i) route.push_back((*tunnel.route)[i]);
        routing = SourceRoutingHeader::along(route, std::to_underlying(ip::NextHeader::ipv6));
    }
    const std::size_t option_size = tunnel.option ? hop_by_hop.size() : 0;
    const std::size_t routing_size = hops > 1 ? routing.wire_size() : 0;
    const std::size_t payload = option_size + routing_size + inner.size();
    if (payload > 65535) return {};

    ip::Ipv6Header outer;
    // Congestion marks and class of service are the inner packet's. [RFC 2473 §6.4, RFC 6040]
    outer.traffic_class = static_cast<std::uint8_t>(std::to_integer<unsigned>(inner[0]) << 4 |
                                                    std::to_integer<unsigned>(inner[1]) >> 4);
    outer.payload_length = static_cast<std::uint16_t>(payload);
    outer.next_header = std::to_underlying(tunnel.option ? ip::NextHeader::hop_by_hop
                                           : hops > 1    ? ip::NextHeader::routing
                                                         : ip::NextHeader::ipv6);
    outer.hop_limit = tunnel.hop_limit;
    outer.source = tunnel.source;
    outer.target = hops > 0 ? tunnel.route->front() : tunnel.target;

    Octets packet(ip::Ipv6Header::octets + payload);
    ByteWriter out(packet);
    outer.emit(out);
    if (tunnel.option) out.put(hop_by_hop);
    if (hops > 1) routing.emit(out);
    out.put(inner.first(7));
    out.u8(inner_hop_limit);
    out.put(inner.subspan(8));
    return packet;
}

Result<Bytes> decapsulate(Bytes packet) noexcept {
    const Result<ip::UpperLayer> upper = ip::find_upper_layer(packet);
    if (!upper) return std::unexpected(upper.error());
    if (!(upper->next_header == ip::NextHeader::ipv6))
        return std::unexpected(
            WireError{Fault::unsupported, static_cast<std::uint32_t>(upper->named_at)});
    // What the outer header promises, and no link padding behind it.
    const std::size_t end = ip::Ipv6Header::octets + (std::to_integer<std::size_t>(packet[4]) << 8 |
                                                      std::to_integer<std::size_t>(packet[5]));
    if (end > packet.size() || upper->offset > end)
        return std::unexpected(WireError{Fault::truncated, 4});
    const Bytes inner = packet.first(end).subspan(upper->offset);
    if (inner.size() < ip::Ipv6Header::octets)
        return std::unexpected(
            WireError{Fault::truncated, static_cast<std::uint32_t>(packet.size())});
    return inner;
}

}  // namespace causeway::rpl
