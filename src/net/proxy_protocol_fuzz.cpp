#include "base/assert.hpp"
#include "net/proxy_protocol.hpp"

using namespace causeway;

/// The verdict does not change when more comes, and a whole header lies within what came.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    const net::ProxyParsed all = net::parse_proxy(octets);
    if (all.verdict == net::ProxyParsed::Verdict::whole) {
        CAUSEWAY_ASSERT(all.size <= size && all.size <= net::proxy_octets_max);
        const net::ProxyParsed exact = net::parse_proxy(octets.first(all.size));
        CAUSEWAY_ASSERT(exact.verdict == all.verdict && exact.peer == all.peer);
        CAUSEWAY_ASSERT(net::parse_proxy(octets.first(all.size - 1)).verdict ==
                        net::ProxyParsed::Verdict::more);
    }
    return 0;
}
