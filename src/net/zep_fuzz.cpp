#include "net/zep.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    const auto packet = parse_as<net::zep::Packet>(std::as_bytes(std::span(data, size)));
    if (packet) CAUSEWAY_ASSERT(parse_as<net::zep::Packet>(emitted(*packet)) == *packet);
    return 0;
}
