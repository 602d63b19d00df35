// Fragments of any kind from a handful of senders, at any time. Bounds hold, counters balance, and
// a packet that comes out is as long as its fragments said.
#include "lowpan/reassembly.hpp"

namespace {

using namespace causeway;
using namespace causeway::lowpan;

using Link = link::ieee802154::Address;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    const ReassemblySettings settings{.datagrams_max = 3, .octets_max = 3000};
    Reassembly reassembly(settings);
    Contexts contexts;
    contexts.set(0, {.prefix = ip::Prefix::of({}, 64)});
    Instant now{};
    while (in.more()) {
        const unsigned control = in.u8();
        now += std::chrono::milliseconds((control & 0xf0) * 8);
        const LinkEnds ends{Link::extended(1 + (control & 3)), Link::short_address(7)};
        const Bytes fragment = in.take(std::min<std::size_t>(in.u8(), in.remaining()));
        const auto packet = reassembly.add(now, ends, fragment, contexts);
        if (packet) {
            ByteReader header(fragment);
            CAUSEWAY_ASSERT(packet->size() == FragmentHeader::parse(header)->datagram_size);
        }
        const ReassemblyStats& stats = reassembly.stats();
        CAUSEWAY_ASSERT(stats.balanced() && stats.datagrams_pending <= settings.datagrams_max);
        CAUSEWAY_ASSERT(reassembly.octets_held() <= settings.octets_max);
        CAUSEWAY_ASSERT((reassembly.next_deadline() == never) == (stats.datagrams_pending == 0));
        CAUSEWAY_ASSERT(reassembly.next_deadline() > now);
    }
    reassembly.handle_timeout(now + reassembly_timeout_max);
    CAUSEWAY_ASSERT(reassembly.stats().datagrams_pending == 0 && reassembly.octets_held() == 0);
    return 0;
}
