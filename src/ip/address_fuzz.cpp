// Texts: what is read as an address or a prefix is written canonically, and reads back the same.
// Octets: every address has a text that reads back as that address.
#include "ip/address.hpp"

using namespace causeway;

namespace {

template <class Value>
void round_trips(const Value& value) {
    const std::string text = value.to_text();
    const auto again = Value::from_text(text);
    CAUSEWAY_ASSERT(again && *again == value && again->to_text() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    if (const auto address = ip::Address::from_text(as_text(octets))) round_trips(*address);
    if (const auto prefix = ip::Prefix::from_text(as_text(octets))) {
        round_trips(*prefix);
        CAUSEWAY_ASSERT(prefix->contains(prefix->address));
    }
    ByteReader in(octets);
    const ip::Address address = ip::Address::read(in);
    const std::uint8_t length = in.u8();
    if (!in.ok()) return 0;
    round_trips(address);
    const ip::Prefix prefix = ip::Prefix::of(address, length);
    round_trips(prefix);
    CAUSEWAY_ASSERT(prefix.contains(address));
    return 0;
}
