// PUBLISH and the four packets that acknowledge it.
#include "mqtt/packet_writer.hpp"
#include "mqtt/reasons.hpp"

namespace causeway::mqtt {
namespace wire {
namespace {

/// Between the fixed header and the payload.
std::size_t head_size(const Publish& packet, std::size_t properties) noexcept {
    return 2 + packet.topic.size() + (packet.qos == Qos::at_most_once ? 0 : 2) + properties;
}

void put_head(const Publish& packet, Version version, ByteWriter& out) {
    put_text(out, packet.topic);
    if (packet.qos != Qos::at_most_once) {       // [MQTT-2.2.1-2]
        CAUSEWAY_ASSERT(packet.packet_id != 0);  // [MQTT-2.2.1-4]
        out.be16(packet.packet_id);
    }
    put_properties(packet.properties, PropertyPlace::publish, version, out);
}

}  // namespace

std::uint8_t first_octet(const Publish& packet) noexcept {
    unsigned flags = static_cast<unsigned>(packet.qos) << 1;
    if (packet.retain) flags |= 0x01u;
    if (packet.dup && packet.qos != Qos::at_most_once) flags |= 0x08u;  // [MQTT-3.3.1-2]
    return first_octet(PacketType::publish, flags);
}

std::size_t body_size(const Publish& packet, Version version) {
    return head_size(packet, properties_size(packet.properties, version)) + packet.payload.size();
}

void put_body(const Publish& packet, Version version, ByteWriter& out) {
    put_head(packet, version, out);
    out.put(packet.payload);
}

std::uint8_t first_octet(const Ack& packet) noexcept {
    // [MQTT-3.6.1-1]
    return first_octet(packet.type, packet.type == PacketType::pubrel ? 2 : 0);
}

std::size_t body_size(const Ack& packet, Version version) {
    if (version != Version::v5) return 2;
    if (!is_empty(packet.properties)) return 3 + wire_size(packet.properties);
    return packet.reason == Reason::success ? 2 : 3;
}

void put_body(const Ack& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(packet.packet_id != 0);
    out.be16(packet.packet_id);
    if (version != Version::v5) return;
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
    CAUSEWAY_ASSERT(may_carry(packet.type, packet.reason));
    const bool bare = is_empty(packet.properties);
    if (bare && packet.reason == Reason::success) return;
    out.u8(static_cast<std::uint8_t>(packet.reason));
    if (!bare) put_properties(packet.properties, acknowledgement_place(packet.type), version, out);
}

}  // namespace wire

void append_publish_head(const Publish& publish, Version version, Octets& out) {
    const std::size_t head =
        wire::head_size(publish, wire::properties_size(publish.properties, version));
    const std::size_t remaining = head + publish.payload.size();
    CAUSEWAY_ASSERT(remaining <= variable_int_max);
    const auto length = static_cast<std::uint32_t>(remaining);
    const std::size_t before = out.size();
    out.resize(before + 1 + variable_int_size(length) + head);
    ByteWriter writer(MutableBytes(out).subspan(before));
    writer.u8(wire::first_octet(publish));
    write_variable_int(writer, length);
    wire::put_head(publish, version, writer);
    CAUSEWAY_ASSERT(writer.room() == 0);
}

}  // namespace causeway::mqtt
