// Any octets: a message that is read is written as it was, and can be shown and walked.
#include "coap/text.hpp"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes in = std::as_bytes(std::span(data, size));
    (void)coap::peek_header(in);
    auto message = parse_as<coap::Message>(in);
    if (!message) return 0;
    const Octets again = emitted(*message);
    CAUSEWAY_ASSERT(same(again, in));  // the encoding of a message is unique
    CAUSEWAY_ASSERT(parse_as<coap::Message>(again) == *message);
    CAUSEWAY_ASSERT(!coap::to_text(*message).empty());
    (void)coap::first_unacceptable(message->options, true);
    CAUSEWAY_ASSERT(message->options.path_is(message->options.path()));

    // Taken apart and put together, it is the same list.
    coap::Options sorted;
    std::size_t count = 0;
    for (const coap::Option option : message->options) {
        sorted.add(option.number, option.value);
        ++count;
    }
    CAUSEWAY_ASSERT(sorted == message->options);
    for (const coap::Option option : message->options) count -= sorted.remove(option.number);
    CAUSEWAY_ASSERT(count == 0 && sorted.empty());
    return 0;
}
