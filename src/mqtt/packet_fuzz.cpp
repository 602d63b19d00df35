// What is accepted can be emitted, and comes back as it was; in each version. Input: how, and the
// packet, either whole or without its remaining length, which is put in then.
#include "mqtt/message.hpp"
#include "mqtt/packet_testing.hpp"

using namespace causeway;
using namespace causeway::mqtt;

namespace {

void check_message(Octets whole, Version version) {
    const auto publish = parse_publish(whole, version);
    CAUSEWAY_ASSERT(publish.has_value());
    const Message copied(*publish, never);
    const Message adopted(std::move(whole), *publish, never);
    CAUSEWAY_ASSERT(copied.publish() == adopted.publish());
    CAUSEWAY_ASSERT(same(copied.payload(), publish->payload));
    // It can be sent on in both versions, if it says its topic.
    if (copied.topic().empty()) return;
    Publish onward = copied.publish();
    onward.packet_id = 1;
    for (const Version other : {Version::v3_1_1, Version::v5}) {
        const Octets again = emitted(onward, other);
        CAUSEWAY_ASSERT(parse_publish(again, other).has_value());
        Octets head;
        append_publish_head(onward, other, head);
        CAUSEWAY_ASSERT(same(head, Bytes(again).first(again.size() - onward.payload.size())));
    }
}

void check(Bytes whole, Version version) {
    const auto parsed = parse_packet(whole, version);
    (void)version_to_answer(whole);
    if (!parsed) {
        CAUSEWAY_ASSERT(is_error(parsed.error().reason));
        CAUSEWAY_ASSERT(!parsed.error().what.empty());
        const bool connecting = (std::to_integer<unsigned>(whole[0]) >> 4) == 1;
        // It can be said to the peer: in a CONNACK, or in a DISCONNECT.
        const Packet answer = connecting ? Packet(Connack{.reason = parsed.error().reason})
                                         : Packet(Disconnect{.reason = parsed.error().reason});
        (void)emitted(answer, Version::v5);
        return;
    }
    const Octets out = emitted(*parsed, version);
    CAUSEWAY_ASSERT(out.size() == wire_size(*parsed, version));
    const auto again = parse_packet(out, version);
    CAUSEWAY_ASSERT(again.has_value());
    CAUSEWAY_ASSERT(*again == *parsed);
    CAUSEWAY_ASSERT(emitted(*again, version) == out);
    if (std::holds_alternative<Publish>(*parsed)) check_message(to_octets(whole), version);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    const std::uint8_t how = in.u8();
    constexpr Version versions[] = {Version::v3_1, Version::v3_1_1, Version::v5, Version::v5};
    const Version version = versions[how & 3u];
    if (!in.more()) return 0;
    if ((how & 0x80u) == 0) {
        check(in.rest(), version);
    } else {
        const std::uint8_t first = in.u8();
        check(mqtt::testing::packet(first, in.rest()), version);
    }
    return 0;
}
