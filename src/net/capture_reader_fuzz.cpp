#include "net/capture_reader.hpp"

#include <cstdint>
#include <spanstream>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    std::ispanstream in(std::span(reinterpret_cast<const char*>(data), size));
    net::CaptureReader reader(in);
    std::size_t octets = 0;
    while (const auto packet = reader.next()) {
        if (!*packet) break;
        octets += (*packet)->octets.size();
        CAUSEWAY_ASSERT(octets <= size);
    }
    return 0;
}
