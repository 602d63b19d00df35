#include "link/ieee802154/beacon.hpp"

using namespace causeway;
using namespace causeway::link::ieee802154;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const auto beacon = parse_as<Beacon>(std::as_bytes(std::span(data, size))))
        CAUSEWAY_ASSERT(parse_as<Beacon>(emitted(*beacon)) == *beacon);
    return 0;
}
