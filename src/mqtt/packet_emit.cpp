// The fixed header of every packet, and PINGREQ and PINGRESP, which are nothing else.
#include "mqtt/packet_writer.hpp"

namespace causeway::mqtt {
namespace wire {

std::uint8_t first_octet(const Pingreq&) noexcept {
    return first_octet(PacketType::pingreq);
}
std::uint8_t first_octet(const Pingresp&) noexcept {
    return first_octet(PacketType::pingresp);
}
std::size_t body_size(const Pingreq&, Version) {
    return 0;
}
std::size_t body_size(const Pingresp&, Version) {
    return 0;
}
void put_body(const Pingreq&, Version, ByteWriter&) {}
void put_body(const Pingresp&, Version, ByteWriter&) {}

}  // namespace wire

namespace {

std::uint32_t remaining_length(const Packet& packet, Version version) {
    const std::size_t size =
        std::visit([&](const auto& it) { return wire::body_size(it, version); }, packet);
    CAUSEWAY_ASSERT(size <= variable_int_max);
    return static_cast<std::uint32_t>(size);
}

void emit(const Packet& packet, Version version, std::uint32_t remaining, ByteWriter& out) {
    std::visit(
        [&](const auto& it) {
            out.u8(wire::first_octet(it));
            write_variable_int(out, remaining);
            wire::put_body(it, version, out);
        },
        packet);
}

/// Of the packets that say a reason; the others mean what they say in their properties.
Properties* properties_of_answer(Packet& packet) {
    return std::visit(
        [](auto& it) -> Properties* {
            if constexpr (requires { it.reason; } || requires { it.reasons; }) {
                return &it.properties;
            } else {
                return nullptr;
            }
        },
        packet);
}

}  // namespace

std::size_t wire_size(const Packet& packet, Version version) {
    const std::uint32_t remaining = remaining_length(packet, version);
    return 1 + variable_int_size(remaining) + remaining;
}

void emit(const Packet& packet, Version version, ByteWriter& out) {
    emit(packet, version, remaining_length(packet, version), out);
}

void append(const Packet& packet, Version version, Octets& out) {
    const std::uint32_t remaining = remaining_length(packet, version);
    const std::size_t before = out.size();
    out.resize(before + 1 + variable_int_size(remaining) + remaining);
    ByteWriter writer(MutableBytes(out).subspan(before));
    emit(packet, version, remaining, writer);
    CAUSEWAY_ASSERT(writer.room() == 0);
}

bool make_fit(Packet& packet, Version version, std::size_t packet_octets_max) {
    const auto fits_now = [&] { return wire_size(packet, version) <= packet_octets_max; };
    if (fits_now()) return true;
    Properties* const properties = properties_of_answer(packet);
    if (properties == nullptr) return false;
    // [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] [MQTT-3.9.2-1]
    // [MQTT-3.11.2-1] [MQTT-3.14.2-3] [MQTT-3.15.2-2]
    properties->reason_string.reset();
    if (fits_now()) return true;
    // [MQTT-3.2.2-20] [MQTT-3.4.2-3] [MQTT-3.5.2-3] [MQTT-3.6.2-3] [MQTT-3.7.2-3] [MQTT-3.9.2-2]
    // [MQTT-3.11.2-2] [MQTT-3.14.2-4] [MQTT-3.15.2-3]
    properties->user.clear();
    return fits_now();
}

Octets emitted(const Packet& packet, Version version) {
    Octets out;
    append(packet, version, out);
    return out;
}

}  // namespace causeway::mqtt
