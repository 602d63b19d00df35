// Anything may be expanded. What can be must survive being compressed and expanded again, with
// all the room it wants and with little.
#include "lowpan/iphc.hpp"

namespace {

using namespace causeway;
using namespace causeway::lowpan;

using Link = link::ieee802154::Address;

Link link_from(unsigned kind) {
    switch (kind & 3) {
        case 0:
            return {};
        case 1:
            return Link::short_address(0x1234);
        default:
            return Link::extended(0x00124b0014b5d9c0 | kind);
    }
}

Contexts contexts_from(unsigned which) {
    Contexts contexts;
    constexpr std::uint8_t lengths[] = {64, 48, 112, 128, 0, 61, 96, 64};
    for (std::uint8_t id = 0; id < 8; ++id) {
        if ((which >> id & 1) == 0) continue;
        ip::Address address;
        for (std::size_t i = 0; i < 16; ++i) address.octets[i] = std::byte(0xf0u + id * i & 0xff);
        contexts.set(
            static_cast<std::uint8_t>(id * 2),
            {.prefix = ip::Prefix::of(address, lengths[id]), .compression_allowed = id != 7});
    }
    return contexts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const LinkEnds ends{link_from(data[0] & 0xfu), link_from(data[0] >> 4)};
    const Contexts contexts = contexts_from(data[1]);
    const Bytes lowpan = std::as_bytes(std::span(data, size)).subspan(3);
    const auto packet = decompress(lowpan, ends, contexts);
    const auto first = decompress(lowpan, ends, contexts, std::size_t{data[2]} * 8);
    if (first) CAUSEWAY_ASSERT(first->size() <= std::size_t{data[2]} * 8);
    if (!packet || packet->size() > datagram_octets_max) return 0;

    Octets out(packet->size() + 1);
    const auto done =
        compress(*packet, ends, contexts, out, {.elide_udp_checksum = (data[2] & 1) != 0});
    if (!done) {
        // The packet is IPv6 and there is room: only a wrong checksum that was to be elided.
        CAUSEWAY_ASSERT(done.error().fault == Fault::bad_checksum && (data[2] & 1) != 0);
        return 0;
    }
    CAUSEWAY_ASSERT(done->packet_octets % 8 == 0 && done->header_octets <= done->written);
    out.resize(done->written);
    const auto again = decompress(out, ends, contexts);
    CAUSEWAY_ASSERT(again.has_value() && *again == *packet);

    Octets tight(first_header_octets_max + data[2] % 64);
    const auto headers = compress_headers(*packet, ends, contexts, tight);
    CAUSEWAY_ASSERT(headers.has_value() && headers->header_octets <= tight.size());
    tight.resize(headers->header_octets);
    tight.insert(tight.end(), packet->begin() + std::ptrdiff_t(headers->packet_octets),
                 packet->end());
    const auto once_more = decompress(tight, ends, contexts);
    CAUSEWAY_ASSERT(once_more.has_value() && *once_more == *packet);
    return 0;
}
