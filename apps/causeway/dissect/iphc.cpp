// LOWPAN_IPHC and LOWPAN_NHC bit by bit. Only for show: what a header stands for, and whether it is
// sound, is said by lowpan/. [RFC 6282 §3.1, §4]
#include "dissect/words.hpp"
#include "ip/udp.hpp"
#include "lowpan/dispatch.hpp"

#include <array>

namespace causeway::dissect {
namespace {

/// Compressed headers in one packet, at most as many as lowpan/ expands; ends a walk in any case.
constexpr unsigned headers_max = 16;

struct Form {
    std::string_view words;
    std::size_t octets;  // inline
};

std::string with_inline(const Form& form, Bytes octets) {
    if (octets.empty()) return std::string(form.words);
    return fmt::format("{}, {}", form.words, hex_of(octets));
}

Form source_form(bool stateful, unsigned mode) {
    constexpr std::array<Form, 4> stateless{{{"inline, 128 bits", 16},
                                             {"fe80::/64 and 64 bits inline", 8},
                                             {"fe80::ff:fe00:0/112 and 16 bits inline", 2},
                                             {"link-local, from the frame's address", 0}}};
    constexpr std::array<Form, 4> contextual{{{"unspecified", 0},
                                              {"context and 64 bits inline", 8},
                                              {"context and 16 bits inline", 2},
                                              {"context, and the frame's address", 0}}};
    return (stateful ? contextual : stateless)[mode];
}

Form destination_form(bool group, bool stateful, unsigned mode) {
    constexpr std::array<Form, 4> groups{{{"group, inline, 128 bits", 16},
                                          {"group, 48 bits inline", 6},
                                          {"group, 32 bits inline", 4},
                                          {"group ff02::XX, 8 bits inline", 1}}};
    if (!group) return mode == 0 && stateful ? Form{"reserved", 0} : source_form(stateful, mode);
    if (!stateful) return groups[mode];
    return mode == 0 ? Form{"group with a context's prefix, 48 bits inline", 6}
                     : Form{"reserved", 0};
}

/// The octet of the next header where it is inline; nothing where NHC follows.
void add_one_iphc(ByteReader& in, Layer& layer, bool& next_compressed) {
    const unsigned first = in.u8();
    const unsigned second = in.u8();
    if (!in.ok()) return;
    Field& iphc = layer.add("LOWPAN_IPHC", fmt::format("{:02x}{:02x}", first, second));
    unsigned contexts = 0;
    if ((second & 0x80) != 0) {
        contexts = in.u8();
        iphc.add("Contexts",
                 fmt::format("source {}, destination {}", contexts >> 4, contexts & 0x0f));
    }
    constexpr std::array<Form, 4> flows{{{"class and flow label inline", 4},
                                         {"ECN and flow label inline", 3},
                                         {"class inline", 1},
                                         {"elided", 0}}};
    const Form& flow = flows[first >> 3 & 3];
    iphc.add("Traffic class and flow", with_inline(flow, in.take(flow.octets)));
    next_compressed = (first & 0x04) != 0;
    iphc.add("Next header", next_compressed ? "compressed" : next_header_name(in.u8()));
    constexpr std::array<std::string_view, 4> hop_limits{"", "1", "64", "255"};
    const unsigned hop_limit = first & 3;
    iphc.add("Hop limit", hop_limit == 0 ? fmt::format("{}, inline", in.u8())
                                         : std::string(hop_limits[hop_limit]));
    const Form source = source_form((second & 0x40) != 0, second >> 4 & 3);
    iphc.add("Source", with_inline(source, in.take(source.octets)));
    const Form target = destination_form((second & 0x08) != 0, (second & 0x04) != 0, second & 3);
    iphc.add("Destination", with_inline(target, in.take(target.octets)));
}

void add_udp(ByteReader& in, unsigned nhc, Layer& layer) {
    constexpr std::array<Form, 4> ports{{{"inline", 4},
                                         {"source inline, destination 0xf0XX", 3},
                                         {"source 0xf0XX, destination inline", 3},
                                         {"0xf0bX both", 1}}};
    const Form& form = ports[nhc & 3];
    Field& udp = layer.add("LOWPAN_NHC UDP", fmt::format("{:02x}", nhc));
    udp.add("Ports", with_inline(form, in.take(form.octets)));
    if ((nhc & 0x04) != 0)
        udp.add("Checksum", "elided");
    else
        udp.add("Checksum", hex16(in.be16()));
}

/// True when another NHC header follows.
bool add_extension(ByteReader& in, unsigned nhc, Layer& layer) {
    constexpr std::array<std::string_view, 8> names{
        "Hop-by-Hop Options", "Routing",  "Fragment", "Destination Options",
        "Mobility",           "reserved", "reserved", "IPv6"};
    const unsigned eid = nhc >> 1 & 7;
    Field& extension =
        layer.add(fmt::format("LOWPAN_NHC {}", names[eid]), fmt::format("{:02x}", nhc));
    const bool compressed = (nhc & 1) != 0;
    extension.add("Next header", compressed ? "compressed" : next_header_name(in.u8()));
    const std::size_t length = in.u8();
    extension.add_hex("Data", in.take(eid == 2 ? 6 : length));
    return compressed;
}

}  // namespace

void add_iphc(Bytes octets, Layer& layer) {
    ByteReader in(octets);
    bool more = (in.peek() & 0xe0) == lowpan::dispatch::iphc;
    bool compressed = more;
    if (more) add_one_iphc(in, layer, compressed);
    for (unsigned i = 0; i < headers_max && compressed && in.ok() && in.more(); ++i) {
        const unsigned nhc = in.u8();
        if ((nhc & 0xf8) == 0xf0) return add_udp(in, nhc, layer);
        if ((nhc & 0xf0) != 0xe0) return;
        if ((nhc & 0x0e) == 0x0e) {
            if ((in.peek() & 0xe0) != lowpan::dispatch::iphc) return;
            add_one_iphc(in, layer, compressed);
        } else {
            compressed = add_extension(in, nhc, layer);
        }
    }
}

}  // namespace causeway::dissect
