// IPv6, its extension headers with what RPL puts into them, UDP.
#include "dissect/words.hpp"
#include "ip/checksum.hpp"
#include "ip/extension.hpp"
#include "ip/udp.hpp"
#include "rpl/data_plane.hpp"
#include "scada/dnp3/types.hpp"

#include <algorithm>

namespace causeway::dissect {
namespace {

constexpr std::uint16_t coap_port = 5683;
/// Packets in packets: as deep as a router would follow, and then no further.
constexpr unsigned depth_max = 4;

void add_rpl_option(Bytes data, Field& to, Dissection& out) {
    const auto option = parse_as<rpl::RplOption>(data);
    if (!option) return out.wrong("RPL option", option.error());
    Field& field = to.add("RPL option", option->down ? "down" : "up");
    field.add("Flags", Flags()
                           .add(option->rank_error, "rank error")
                           .add(option->forwarding_error, "forwarding error")
                           .text());
    field.add("Instance", fmt::to_string(option->instance));
    field.add("Sender rank", fmt::to_string(option->sender_rank));
}

void add_options(Bytes header, Field& to, Dissection& out) {
    ip::OptionReader options = ip::OptionReader::over_header(header);
    while (const auto option = options.next()) {
        if (option->is_padding()) continue;
        if (option->type == rpl::rpi_type || option->type == rpl::rpi_type_old)
            add_rpl_option(option->data, to, out);
        else
            to.add_hex("Option " + hex8(option->type), option->data);
    }
    if (!options.ok()) out.wrong(to.name, options.error());
}

/// The octets that were left out are those of the packet's destination.
ip::Address filled(ip::Address address, const ip::Address& from, std::size_t elided) {
    std::copy_n(from.octets.begin(), elided, address.octets.begin());
    return address;
}

/// The final destination, if the header says one.
std::optional<ip::Address> add_routing(Bytes header, const ip::Address& target, Field& to,
                                       Dissection& out) {
    const unsigned type = std::to_integer<unsigned>(header[2]);
    to.value = fmt::format("type {}, {} left", type,
                           plural(std::to_integer<unsigned>(header[3]), "segment"));
    if (type != rpl::SourceRoutingHeader::routing_type) {
        to.add_hex("Data", header.subspan(4));
        return std::nullopt;
    }
    const auto route = parse_as<rpl::SourceRoutingHeader>(header);
    if (!route) {
        out.wrong("Routing", route.error());
        return std::nullopt;
    }
    to.name = "Source routing (RPL)";
    to.add("Octets elided",
           fmt::format("{} of each address, {} of the last", route->elided, route->elided_last));
    std::optional<ip::Address> last;
    for (std::size_t i = 0; i < route->addresses.size(); ++i) {
        const bool is_last = i + 1 == route->addresses.size();
        last = filled(route->addresses[i], target, is_last ? route->elided_last : route->elided);
        const bool next = i + route->segments_left == route->addresses.size();
        to.add("Address", last->to_text() + (next ? "  (next)" : ""));
    }
    return route->segments_left > 0 ? last : std::nullopt;
}

void add_fragment(Bytes header, Field& to, Dissection& out) {
    const auto fragment = parse_as<ip::FragmentHeader>(header);
    if (!fragment) return out.wrong("Fragment", fragment.error());
    to.value = fmt::format("offset {}, {}, identification {:#010x}", fragment->offset,
                           fragment->more ? "more follow" : "the last", fragment->identification);
}

Layer layer_of(const ip::Ipv6Header& header) {
    Layer layer("IPv6");
    layer.value = fmt::format("{} -> {}", header.source.to_text(), header.target.to_text());
    layer.add("Traffic class", hex8(header.traffic_class));
    layer.add("Flow label", fmt::format("{:#07x}", header.flow_label));
    layer.add("Payload length", fmt::to_string(header.payload_length));
    layer.add("Next header", next_header_name(header.next_header));
    layer.add("Hop limit", fmt::to_string(header.hop_limit));
    layer.add("Source", header.source.to_text());
    layer.add("Destination", header.target.to_text());
    return layer;
}

}  // namespace

void Dissector::take_ipv6(Bytes octets, Dissection& out, unsigned depth) {
    if (!octets.empty() && (octets[0] >> 4) == std::byte{4}) {
        out.layers.emplace_back("IPv4").value = "not dissected";
        return out.says("IPv4", plural(octets.size(), "octet"));
    }
    const auto whole = ip::parse_ipv6(octets);
    if (!whole) return out.wrong("IPv6", whole.error());
    const ip::Ipv6Header& header = whole->header;
    out.source = header.source.to_text();
    out.target = header.target.to_text();
    out.says("IPv6", "");
    Layer layer = layer_of(header);
    Envelope envelope{header.source, header.target, header.hop_limit};
    const Bytes packet = octets.first(ip::Ipv6Header::octets + whole->payload.size());

    ip::ExtensionWalk walk(packet);
    bool fragmented = false;
    while (const auto extension = walk.next()) {
        const Bytes body = packet.subspan(extension->offset, extension->size);
        Field& field = layer.add(next_header_name(extension->type));
        if (extension->type == ip::NextHeader::routing) {
            if (const auto last = add_routing(body, header.target, field, out))
                envelope.target = *last;
        } else if (extension->type == ip::NextHeader::fragment) {
            add_fragment(body, field, out);
            const auto part = parse_as<ip::FragmentHeader>(body);
            fragmented = fragmented || !part || !part->is_whole();
        } else {
            add_options(body, field, out);
        }
    }
    const bool sound = walk.ok();
    const ip::UpperLayer upper = walk.upper_layer();
    const Bytes rest = sound ? packet.subspan(upper.offset) : Bytes{};
    const bool known = !fragmented && (upper.next_header == ip::NextHeader::udp ||
                                       upper.next_header == ip::NextHeader::icmpv6 ||
                                       upper.next_header == ip::NextHeader::ipv6);
    if (sound && !known && !rest.empty())
        layer.add_hex(fragmented ? "Part of a packet" : next_header_name(upper.next_header), rest);
    out.layers.push_back(std::move(layer));
    if (!sound) return out.wrong("IPv6", walk.error());
    if (!known)
        return out.says(fragmented ? "IPv6 fragment" : next_header_name(upper.next_header), "");
    if (upper.next_header == ip::NextHeader::udp) return take_udp(envelope, rest, out);
    if (upper.next_header == ip::NextHeader::icmpv6) return take_icmpv6(envelope, rest, out);
    if (depth + 1 == depth_max)
        return out.wrong("IPv6", {Fault::unsupported, static_cast<std::uint32_t>(upper.offset)});
    take_ipv6(rest, out, depth + 1);
}

void Dissector::take_udp(const Envelope& envelope, Bytes octets, Dissection& out) {
    const auto header = parse_as<ip::UdpHeader>(octets);
    if (!header) return out.wrong("UDP", header.error());
    Layer layer("UDP");
    layer.value = fmt::format("{} -> {}", header->source_port, header->target_port);
    layer.add("Length", fmt::to_string(header->length));
    Field& checksum = layer.add("Checksum", hex16(header->checksum));
    out.says("UDP", layer.value);
    Bytes payload = octets.subspan(ip::UdpHeader::octets);
    const auto datagram = ip::parse_udp(envelope.source, envelope.target, octets);
    if (datagram) {
        checksum.value += ", right";
        payload = datagram->payload;
    } else {
        out.wrong("UDP", datagram.error());
        if (datagram.error().fault == Fault::bad_checksum) checksum.value += ", wrong";
    }
    const bool is_coap = header->source_port == coap_port || header->target_port == coap_port;
    const auto dnp3_port = scada::dnp3::default_port;
    const bool is_dnp3 = header->source_port == dnp3_port || header->target_port == dnp3_port;
    if (!is_coap && !is_dnp3 && !payload.empty()) layer.add_hex("Payload", payload);
    out.layers.push_back(std::move(layer));
    if (is_coap)
        add_coap_layer(payload, out);
    else if (is_dnp3)
        take_dnp3(payload, out);
}

}  // namespace causeway::dissect
