// SUBSCRIBE, UNSUBSCRIBE and their answers.
#include "mqtt/packet_writer.hpp"
#include "mqtt/reasons.hpp"

namespace causeway::mqtt::wire {
namespace {

std::uint8_t options_octet(const SubscriptionOptions& options, Version version) noexcept {
    unsigned octet = static_cast<unsigned>(options.qos_max);
    if (version == Version::v5) {  // [MQTT-3.8.3-5]: 3.1.1 has QoS alone
        if (options.no_local) octet |= 0x04u;
        if (options.retain_as_published) octet |= 0x08u;
        octet |= static_cast<unsigned>(options.retain_handling) << 4;
    }
    return static_cast<std::uint8_t>(octet);
}

}  // namespace

std::uint8_t first_octet(const Subscribe&) noexcept {
    return first_octet(PacketType::subscribe, 2);  // [MQTT-3.8.1-1]
}
std::uint8_t first_octet(const Suback&) noexcept {
    return first_octet(PacketType::suback);
}
std::uint8_t first_octet(const Unsubscribe&) noexcept {
    return first_octet(PacketType::unsubscribe, 2);  // [MQTT-3.10.1-1]
}
std::uint8_t first_octet(const Unsuback&) noexcept {
    return first_octet(PacketType::unsuback);
}

std::size_t body_size(const Subscribe& packet, Version version) {
    std::size_t size = 2 + properties_size(packet.properties, version);
    for (const auto& entry : packet.entries) size += 2 + entry.filter.size() + 1;
    return size;
}

void put_body(const Subscribe& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(packet.packet_id != 0 && !packet.entries.empty());  // [MQTT-3.8.3-2]
    out.be16(packet.packet_id);
    CAUSEWAY_ASSERT(packet.properties.subscription_identifiers.size() <= 1);
    put_properties(packet.properties, PropertyPlace::subscribe, version, out);
    for (const auto& entry : packet.entries) {
        put_text(out, entry.filter);
        out.u8(options_octet(entry.options, version));
    }
}

std::size_t body_size(const Unsubscribe& packet, Version version) {
    std::size_t size = 2 + properties_size(packet.properties, version);
    for (const std::string_view filter : packet.filters) size += 2 + filter.size();
    return size;
}

void put_body(const Unsubscribe& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(packet.packet_id != 0 && !packet.filters.empty());  // [MQTT-3.10.3-2]
    out.be16(packet.packet_id);
    put_properties(packet.properties, PropertyPlace::unsubscribe, version, out);
    for (const std::string_view filter : packet.filters) put_text(out, filter);
}

std::size_t body_size(const Suback& packet, Version version) {
    return 2 + properties_size(packet.properties, version) + packet.reasons.size();
}

void put_body(const Suback& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(packet.packet_id != 0 && !packet.reasons.empty());
    out.be16(packet.packet_id);
    put_properties(packet.properties, PropertyPlace::suback, version, out);
    for (const Reason reason : packet.reasons) {
        CAUSEWAY_ASSERT(may_carry(PacketType::suback, reason));  // [MQTT-3.9.3-2]
        // [MQTT 3.1.1 MQTT-3.9.3-2]: failure is 0x80, whatever the reason.
        const bool plain = version != Version::v5 && is_error(reason);
        out.u8(static_cast<std::uint8_t>(plain ? Reason::unspecified_error : reason));
    }
}

std::size_t body_size(const Unsuback& packet, Version version) {
    if (version != Version::v5) return 2;
    return 2 + wire_size(packet.properties) + packet.reasons.size();
}

void put_body(const Unsuback& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(packet.packet_id != 0);
    out.be16(packet.packet_id);
    if (version != Version::v5) return;
    CAUSEWAY_ASSERT(!packet.reasons.empty());
    put_properties(packet.properties, PropertyPlace::unsuback, version, out);
    for (const Reason reason : packet.reasons) {
        CAUSEWAY_ASSERT(may_carry(PacketType::unsuback, reason));  // [MQTT-3.11.3-2]
        out.u8(static_cast<std::uint8_t>(reason));
    }
}

}  // namespace causeway::mqtt::wire
