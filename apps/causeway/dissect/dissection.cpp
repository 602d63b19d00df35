#include "dissect/dissection.hpp"

#include "base/hex.hpp"
#include "dissect/words.hpp"
#include "ip/ipv6.hpp"
#include "link/ieee802154/fcs.hpp"

namespace causeway::dissect {
namespace {

constexpr std::size_t shown_octets_max = 96;

/// A capture of a large mesh has many datagrams under way at once, and memory is cheap here.
constexpr lowpan::ReassemblySettings reassembly_settings{.datagrams_max = 256,
                                                         .octets_max = std::size_t{1} << 18,
                                                         .timeout = lowpan::reassembly_timeout_max,
                                                         .accept_elided_udp_checksum = true};

void add_lines(const std::vector<Field>& fields, std::size_t indent, std::string& text) {
    for (const Field& field : fields) {
        text.append(indent, ' ');
        text += field.name;
        if (!field.value.empty()) text += ": " + field.value;
        text += '\n';
        add_lines(field.fields, indent + 4, text);
    }
}

std::string flaw_text(const Flaw& flaw) {
    const std::string where = fmt::format("{}, octet {}", flaw.layer, flaw.error.offset);
    if (!flaw.malformed()) return "not dissected: " + where;
    return fmt::format("malformed: {}: {}", where, name_of(flaw.error.fault));
}

}  // namespace

Field& Field::add(std::string_view field, std::string said) {
    return fields.emplace_back(Field{std::string(field), std::move(said), {}});
}

Field& Field::add_hex(std::string_view field, Bytes octets) {
    return add(field, octets.empty() ? std::string("none") : hex_of(octets));
}

std::string hex_of(Bytes octets) {
    const std::string text = to_hex(octets.first(std::min(octets.size(), shown_octets_max)));
    if (octets.size() <= shown_octets_max) return text;
    return fmt::format("{}... ({} octets)", text, octets.size());
}

std::string plural(std::size_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string next_header_name(std::uint8_t next_header) {
    switch (ip::NextHeader{next_header}) {
        case ip::NextHeader::hop_by_hop:
            return "Hop-by-Hop Options";
        case ip::NextHeader::tcp:
            return "TCP";
        case ip::NextHeader::udp:
            return "UDP";
        case ip::NextHeader::ipv6:
            return "IPv6";
        case ip::NextHeader::routing:
            return "Routing";
        case ip::NextHeader::fragment:
            return "Fragment";
        case ip::NextHeader::esp:
            return "ESP";
        case ip::NextHeader::authentication:
            return "Authentication";
        case ip::NextHeader::icmpv6:
            return "ICMPv6";
        case ip::NextHeader::none:
            return "none";
        case ip::NextHeader::destination_options:
            return "Destination Options";
    }
    return fmt::format("protocol {}", next_header);
}

std::string seconds_text(std::uint32_t seconds) {
    return seconds == 0xffff'ffff ? "for ever" : fmt::format("{} s", seconds);
}

Link guess(Bytes octets) {
    if (scada::dnp3::begins_frame(octets)) return Link::dnp3;
    if (octets.size() >= ip::Ipv6Header::octets && (octets[0] >> 4) == std::byte{6}) {
        const std::size_t length =
            std::to_integer<std::size_t>(octets[4]) << 8 | std::to_integer<std::size_t>(octets[5]);
        if (length + ip::Ipv6Header::octets == octets.size()) return Link::ip;
    }
    return link::ieee802154::without_fcs(octets) ? Link::ieee802154 : Link::ieee802154_no_fcs;
}

Dissector::Dissector(lowpan::Contexts contexts)
    : contexts_(std::move(contexts)), reassembly_(reassembly_settings) {}

Dissection Dissector::dissect(Instant at, Link link, Bytes octets) {
    now_ = std::max(now_, at);
    reassembly_.handle_timeout(now_);
    Dissection out;
    if (link == Link::ip) {
        take_ipv6(octets, out);
        return out;
    }
    if (link == Link::dnp3) {
        take_dnp3(octets, out);
        return out;
    }
    if (link == Link::ieee802154_no_fcs) {
        take_mac(octets, out);
        return out;
    }
    constexpr std::size_t fcs_octets = 2;
    if (octets.size() < fcs_octets) {
        out.wrong("IEEE 802.15.4", {Fault::truncated, static_cast<std::uint32_t>(octets.size())});
        return out;
    }
    // A wrong FCS is told, and the frame shown all the same: that is what one is looking for.
    const Bytes frame = octets.first(octets.size() - fcs_octets);
    take_mac(frame, out);
    if (!link::ieee802154::without_fcs(octets))
        out.wrong("IEEE 802.15.4 FCS",
                  {Fault::bad_checksum, static_cast<std::uint32_t>(frame.size())});
    return out;
}

std::string summary(const Dissection& dissection, std::size_t octets) {
    std::string text = fmt::format(
        "{} -> {}  {}  {}", dissection.source.empty() ? "?" : dissection.source,
        dissection.target.empty() ? "?" : dissection.target,
        dissection.protocol.empty() ? "data" : dissection.protocol, plural(octets, "octet"));
    if (!dissection.info.empty()) text += "  " + dissection.info;
    for (const Flaw& flaw : dissection.flaws) text += "  [" + flaw_text(flaw) + "]";
    return text;
}

std::string details(const Dissection& dissection) {
    std::string text;
    for (const Layer& layer : dissection.layers) {
        text +=
            fmt::format("    {}{}{}\n", layer.name, layer.value.empty() ? "" : ": ", layer.value);
        add_lines(layer.fields, 8, text);
    }
    for (const Flaw& flaw : dissection.flaws) {
        std::string line = flaw_text(flaw);
        line.front() = flaw.malformed() ? 'M' : 'N';
        text += "    " + line + "\n";
    }
    return text;
}

}  // namespace causeway::dissect
