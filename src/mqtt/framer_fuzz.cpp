// Arbitrary octets, cut at arbitrary places, give the same packets as they give in one piece to a
// reader that is too simple to be wrong. Input: limit, seed of the cuts, the stream.
#include "base/assert.hpp"
#include "mqtt/framer.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace causeway;
using namespace causeway::mqtt;

namespace {

struct Framed {
    std::vector<Octets> packets;
    std::optional<Reason> refused;
    friend bool operator==(const Framed&, const Framed&) = default;
};

Framed reference(Bytes stream, std::uint32_t octets_max) {
    Framed out;
    std::size_t at = 0;
    for (;;) {
        std::size_t length = 0;
        std::size_t digits = 0;
        for (bool more = true; more; ++digits) {
            if (digits == 4) {
                out.refused = Reason::malformed_packet;
                return out;
            }
            if (at + 1 + digits >= stream.size()) return out;
            const auto octet = std::to_integer<std::size_t>(stream[at + 1 + digits]);
            length += (octet % 128) << (7 * digits);
            more = octet >= 128;
        }
        const std::size_t whole = 1 + digits + length;
        if (whole > octets_max) {
            out.refused = Reason::packet_too_large;
            return out;
        }
        if (at + whole > stream.size()) return out;
        out.packets.push_back(to_octets(stream.subspan(at, whole)));
        at += whole;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    constexpr std::uint32_t limits[] = {268'435'460, 2, 10, 200, 20'000, 5'000'000};
    const std::uint32_t octets_max = limits[in.u8() % std::size(limits)];
    std::uint32_t seed = in.u8();
    const Bytes stream = in.rest();

    Framer framer(octets_max);
    Framed got;
    std::size_t fed = 0;
    while (fed < stream.size()) {
        seed = seed * 1'103'515'245u + 12'345u;
        // Mostly small pieces, some large ones.
        const std::size_t piece = 1 + (seed >> 16) % ((seed >> 8) % 8 == 0 ? 4'096 : 9);
        Bytes part = stream.subspan(fed, std::min(piece, stream.size() - fed));
        fed += part.size();
        while (const auto step = framer.next(part)) {
            CAUSEWAY_ASSERT(!got.refused);  // nothing comes after it
            if (step->refused) {
                got.refused = step->refused->reason;
                continue;
            }
            got.packets.push_back(to_octets(step->packet));
            if ((seed & 0x10000u) == 0) continue;
            const Octets kept = framer.take_storage();
            CAUSEWAY_ASSERT(kept.empty() || kept == got.packets.back());
        }
        CAUSEWAY_ASSERT(part.empty());
        // Of a header whose length goes on, nobody knows yet that it is too large.
        CAUSEWAY_ASSERT(framer.held() <= std::max(octets_max, 4u));
        CAUSEWAY_ASSERT(framer.footprint() <= std::max<std::size_t>(4'096, 2 * fed));
        CAUSEWAY_ASSERT(framer.held() != 0 || framer.footprint() == 0);
    }
    CAUSEWAY_ASSERT(got == reference(stream, octets_max));
    return 0;
}
