// Lost packets hold whatever a forger put into them.
#include "sim/audience.hpp"
#include "sim/reading_key.hpp"

#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const causeway::Bytes octets = std::as_bytes(std::span(data, size));
    (void)causeway::sim::reading_key(octets);
    (void)causeway::sim::audience_of(octets);
    return 0;
}
