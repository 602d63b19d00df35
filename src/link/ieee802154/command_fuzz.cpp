#include "link/ieee802154/command.hpp"

using namespace causeway;
using namespace causeway::link::ieee802154;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const auto command = parse_as<Command>(std::as_bytes(std::span(data, size))))
        CAUSEWAY_ASSERT(parse_as<Command>(emitted(*command)) == *command);
    return 0;
}
