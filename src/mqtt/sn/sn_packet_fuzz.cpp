// Any octets: a message that is read comes back the same from what is written of it.
#include "mqtt/sn/packet.hpp"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes in = std::as_bytes(std::span(data, size));
    if (mqtt::sn::is_encapsulated(in)) {
        const auto outer = parse_as<mqtt::sn::Encapsulation>(in);
        if (!outer) return 0;
        const Octets again = emitted(*outer);
        CAUSEWAY_ASSERT(again.size() <= in.size());
        CAUSEWAY_ASSERT(parse_as<mqtt::sn::Encapsulation>(again) == *outer);
        in = in.subspan(again.size());
    }
    const auto message = parse_as<mqtt::sn::Message>(in);
    if (!message) {
        CAUSEWAY_ASSERT(message.error().offset <= in.size());
        return 0;
    }
    const Octets again = emitted(*message);
    CAUSEWAY_ASSERT(again.size() <= in.size());
    CAUSEWAY_ASSERT(parse_as<mqtt::sn::Message>(again) == *message);
    CAUSEWAY_ASSERT(!mqtt::sn::name_of(message->type()).empty());
    return 0;
}
