// 6LoWPAN: mesh header, fragments, compressed and uncompressed packets.
#include "dissect/words.hpp"
#include "lowpan/dispatch.hpp"

namespace causeway::dissect {
namespace {

using link::ieee802154::Address;
using lowpan::HeaderType;

constexpr std::string_view layer_name = "6LoWPAN";

/// Mesh addressing; originator and final destination then count as the ends. [RFC 4944 §5.2]
lowpan::LinkEnds take_mesh(ByteReader& in, Layer& layer) {
    const unsigned first = in.u8();
    unsigned hops_left = first & 0x0f;
    if (hops_left == 0x0f) hops_left = in.u8();
    const auto address = [&](bool is_short) {
        return is_short ? Address::short_address(in.be16()) : Address::extended(in.be64());
    };
    lowpan::LinkEnds ends;
    ends.source = address((first & 0x20) != 0);
    ends.destination = address((first & 0x10) != 0);
    Field& mesh = layer.add("Mesh header", plural(hops_left, "hop") + " left");
    mesh.add("Originator", ends.source.to_text());
    mesh.add("Final destination", ends.destination.to_text());
    return ends;
}

std::string_view name_of(HeaderType type) {
    switch (type) {
        case HeaderType::nalp:
            return "not a LoWPAN frame";
        case HeaderType::escape:
            return "escape dispatch";
        case HeaderType::ipv6:
            return "uncompressed IPv6";
        case HeaderType::hc1:
            return "LOWPAN_HC1";
        case HeaderType::bc0:
            return "LOWPAN_BC0";
        case HeaderType::iphc:
            return "LOWPAN_IPHC";
        case HeaderType::mesh:
            return "mesh header";
        case HeaderType::frag1:
            return "first fragment";
        case HeaderType::fragn:
            return "fragment";
        case HeaderType::page:
            return "page switch";
        case HeaderType::reserved:
            return "reserved dispatch";
    }
    return "?";
}

/// Of the octets behind the page dispatches: in pages 0 and 1, IPHC looks the same.
Bytes without_pages(Bytes octets) {
    while (!octets.empty() && (octets[0] & std::byte{0xfe}) == std::byte{lowpan::dispatch::page})
        octets = octets.subspan(1);
    return octets;
}

void add_expansion(const lowpan::Decompressed& done, Layer& layer) {
    Field& field = layer.add(
        "Headers",
        fmt::format("{} for {} of IPv6", plural(done.header_octets, "octet"), done.packet_octets));
    if (done.checksum_elided) field.add("UDP checksum", "elided");
}

/// The contexts that an address needs and nobody has announced so far. [RFC 6282 §3.1.1]
void add_unknown_contexts(Bytes octets, const lowpan::Contexts& contexts, Layer& layer) {
    ByteReader in(octets);
    const unsigned first = in.u8();
    const unsigned second = in.u8();
    const unsigned pair = (second & 0x80) != 0 ? in.u8() : 0;
    if (!in.ok() || (first & 0xe0) != lowpan::dispatch::iphc) return;
    const auto add = [&](bool needed, unsigned id) {
        if (needed && !contexts.find(static_cast<std::uint8_t>(id)))
            layer.add(fmt::format("Context {}", id), "not announced so far; --context gives it");
    };
    const bool source = (second & 0x40) != 0 && (second & 0x30) != 0;  // else unspecified
    const bool destination = (second & 0x04) != 0;
    add(source, pair >> 4);
    add(destination && !(source && pair >> 4 == (pair & 0x0f)), pair & 0x0f);
}

/// What has become of the fragment that was added between two looks at the counters.
std::string fate(const lowpan::ReassemblyStats& before, const lowpan::ReassemblyStats& after) {
    if (after.datagrams_reassembled != before.datagrams_reassembled)
        return "complete with this fragment";
    if (after.datagrams_unfinished != before.datagrams_unfinished)
        return "complete, but its UDP checksum cannot be restored";
    if (after.fragments_duplicate != before.fragments_duplicate) return "here before";
    if (after.fragments_refused != before.fragments_refused) return "no room";
    if (after.fragments_malformed != before.fragments_malformed) return "contradicts itself";
    if (after.fragments_not_expanded != before.fragments_not_expanded)
        return "its headers cannot be expanded";
    if (after.datagrams_overlapped != before.datagrams_overlapped)
        return "overlaps another: started over";
    return "pieces are missing yet";
}

}  // namespace

void Dissector::take_lowpan(const lowpan::LinkEnds& frame_ends, Bytes octets, Dissection& out) {
    Layer layer(layer_name);
    lowpan::LinkEnds ends = frame_ends;
    ByteReader in(octets);
    if (lowpan::header_type(in.peek()) == HeaderType::mesh) {
        ends = take_mesh(in, layer);
        if (!in.ok()) return out.wrong(layer_name, in.error());
    }
    if (in.more() && lowpan::header_type(in.peek()) == HeaderType::bc0) {
        in.u8();
        layer.add("Broadcast", fmt::format("sequence {}", in.u8()));
    }
    if (!in.more()) return out.wrong(layer_name, {Fault::truncated, in.error().offset});
    const std::size_t at = in.consumed();
    const Bytes rest = in.rest();
    const Bytes inner = without_pages(rest);
    const HeaderType type = lowpan::header_type(
        inner.empty() ? lowpan::dispatch::page : std::to_integer<std::uint8_t>(inner[0]));
    const std::size_t flaws = out.flaws.size();
    layer.value = name_of(type);
    out.says(layer_name, layer.value);
    switch (type) {
        case HeaderType::iphc:
        case HeaderType::ipv6:
            take_whole(ends, rest, std::move(layer), out);
            break;
        case HeaderType::frag1:
        case HeaderType::fragn:
            take_fragment(ends, rest, std::move(layer), out);
            break;
        default:
            layer.add_hex("Octets", rest);
            out.layers.push_back(std::move(layer));
            if (type != HeaderType::nalp) out.wrong(layer_name, {Fault::unsupported, 0}, at);
            return;
    }
    for (std::size_t i = flaws; i < out.flaws.size(); ++i)
        if (out.flaws[i].layer == layer_name)
            out.flaws[i].error.offset += static_cast<std::uint32_t>(at);
}

void Dissector::take_whole(const lowpan::LinkEnds& ends, Bytes octets, Layer layer,
                           Dissection& out) {
    add_iphc(without_pages(octets), layer);
    std::array<std::byte, lowpan::datagram_octets_max> packet;
    const auto done = lowpan::decompress_into(octets, ends, contexts_, std::nullopt, packet);
    if (done)
        add_expansion(*done, layer);
    else
        add_unknown_contexts(without_pages(octets), contexts_, layer);
    out.layers.push_back(std::move(layer));
    if (!done) return out.wrong(layer_name, done.error());
    take_ipv6(Bytes(packet).first(done->written), out);
}

void Dissector::take_fragment(const lowpan::LinkEnds& ends, Bytes octets, Layer layer,
                              Dissection& out) {
    ByteReader in(octets);
    const auto header = lowpan::FragmentHeader::parse(in);
    if (!header) return out.wrong(layer_name, header.error());
    layer.value = fmt::format("fragment of datagram {}, octets {} on, of {}", header->datagram_tag,
                              header->datagram_offset * 8, header->datagram_size);
    out.says(layer_name, layer.value);
    layer.add("Datagram size", fmt::to_string(header->datagram_size));
    layer.add("Datagram tag", fmt::to_string(header->datagram_tag));
    layer.add("Datagram offset", fmt::to_string(header->datagram_offset * 8));
    const std::size_t at = in.consumed();
    const Bytes piece = in.rest();
    layer.add("Piece", plural(piece.size(), "octet"));
    if (header->first) {
        add_iphc(without_pages(piece), layer);
        std::array<std::byte, lowpan::datagram_octets_max> start;
        const auto done = lowpan::decompress_into(piece, ends, contexts_,
                                                  std::size_t{header->datagram_size}, start);
        if (done) {
            add_expansion(*done, layer);
        } else {
            add_unknown_contexts(without_pages(piece), contexts_, layer);
            out.wrong(layer_name, done.error(), at);
        }
    }
    const lowpan::ReassemblyStats before = reassembly_.stats();
    const auto packet = reassembly_.add(now_, ends, octets, contexts_);
    layer.add("Reassembly", fate(before, reassembly_.stats()));
    out.layers.push_back(std::move(layer));
    if (packet) take_ipv6(*packet, out);
}

}  // namespace causeway::dissect
