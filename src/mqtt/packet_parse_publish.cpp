// PUBLISH and the four packets that acknowledge it.
#include "mqtt/packet_reader.hpp"
#include "mqtt/reasons.hpp"

namespace causeway::mqtt {
namespace wire {
namespace {

void check_topic(PacketReader& in, Version version, const Publish& publish, TextTraits traits) {
    // [MQTT-3.3.2-1]
    if (!traits.well_formed) in.refuse(Reason::malformed_packet, "the topic name is no UTF-8");
    // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
    if (traits.wildcard) in.refuse(Reason::topic_name_invalid, "the topic name has a wildcard");
    if (!publish.topic.empty() || publish.properties.topic_alias || !in.ok()) return;
    // [MQTT-4.7.3-1]. In 5.0 an alias may stand for it [MQTT 5.0 §3.3.2.1].
    if (version == Version::v5) in.refuse(Reason::protocol_error, "no topic name, and no alias");
    in.refuse(Reason::topic_name_invalid, "the topic name is empty");
}

}  // namespace

void parse(PacketReader& in, Version version, Publish& out) {
    const std::uint8_t flags = in.header().flags;
    const unsigned qos = flags >> 1 & 3u;
    out.dup = (flags & 0x08) != 0;
    out.retain = (flags & 0x01) != 0;
    out.qos = static_cast<Qos>(qos);
    // [MQTT-3.3.1-4]
    if (qos == 3) return in.refuse(Reason::malformed_packet, "QoS 3");
    // [MQTT-3.3.1-2]
    if (qos == 0 && out.dup) return in.refuse(Reason::malformed_packet, "DUP with QoS 0");
    out.topic = as_text(in.binary());
    const TextTraits traits = traits_of(out.topic);
    if (qos != 0) out.packet_id = in.packet_id();  // [MQTT-2.2.1-2]
    in.properties(version, PropertyPlace::publish, out.properties);
    if (!traits.well_formed || traits.wildcard || out.topic.empty()) {
        check_topic(in, version, out, traits);
    }
    out.payload = in.rest();
}

void parse(PacketReader& in, Version version, Ack& out) {
    out.type = in.header().type;
    in.check_flags(version, out.type == PacketType::pubrel ? 2 : 0);  // [MQTT-3.6.1-1]
    out.packet_id = in.packet_id();
    // [MQTT 5.0 §3.4.2.1]: success may be left out, and so may be the properties.
    if (version != Version::v5 || !in.more()) return;
    out.reason = static_cast<Reason>(in.u8());
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
    if (!may_carry(out.type, out.reason)) {
        in.refuse(Reason::malformed_packet, "no reason code of this acknowledgement");
    }
    if (in.more()) in.properties(version, acknowledgement_place(out.type), out.properties);
}

}  // namespace wire

Parsed<Publish> parse_publish(Bytes whole, Version version) {
    Parsed<Publish> out;  // built where it is returned: it is large
    wire::PacketReader in(whole);
    in.check_length(version);
    wire::parse(in, version, *out);
    if (const auto refused = in.finish()) out = std::unexpected(*refused);
    return out;
}

}  // namespace causeway::mqtt
