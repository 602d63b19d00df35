// Any text: a URI that is read has one normal form, and survives the way through options.
#include "coap/uri.hpp"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto address = coap::address_from_literal(text)) {
        const std::string canonical = coap::address_to_text(*address);
        CAUSEWAY_ASSERT(coap::address_from_literal(canonical) == address);
    }
    const auto uri = coap::Uri::from_text(text);
    if (!uri) return 0;
    const std::string normal = uri->to_text();
    if (normal.size() > coap::Uri::octets_max) return 0;
    CAUSEWAY_ASSERT(coap::Uri::from_text(normal) == *uri);

    coap::Options options;
    uri->add_all_to(options);
    const auto back = coap::Uri::from_options(options, {{}, 1, uri->transport});
    if (back) CAUSEWAY_ASSERT(back->to_text() == normal);
    return 0;
}
