// Any text: a document that is read means the same when it is written and read again.
#include "coap/link_format.hpp"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = parse_as<coap::LinkFormat>(std::as_bytes(std::span(data, size)));
    if (!document) return 0;
    CAUSEWAY_ASSERT(parse_as<coap::LinkFormat>(emitted(*document)) == *document);
    const std::string_view filter(reinterpret_cast<const char*>(data),
                                  std::min<std::size_t>(size, 9));
    for (const coap::Link& link : document->links) (void)link.matches(filter);
    return 0;
}
