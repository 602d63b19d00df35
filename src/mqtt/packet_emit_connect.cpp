// CONNECT and its answer, AUTH and DISCONNECT: the packets that begin and end a connection.
#include "mqtt/packet_writer.hpp"
#include "mqtt/reasons.hpp"

namespace causeway::mqtt::wire {
namespace {

constexpr std::uint8_t server_unavailable_code = 3;

std::string_view protocol_name(Version version) noexcept {
    return version == Version::v3_1 ? "MQIsdp" : "MQTT";
}

/// What 3.1.1 cannot say is left out: a password without a user name [MQTT 3.1.1 MQTT-3.1.2-22].
bool says_password(const Connect& packet) noexcept {
    return packet.password && (packet.version == Version::v5 || packet.user_name);
}

std::uint8_t connect_flags(const Connect& packet) noexcept {
    unsigned flags = packet.clean_start ? 0x02u : 0u;  // [MQTT-3.1.2-3]: bit 0 stays clear
    if (packet.will) {  // [MQTT-3.1.2-11] [MQTT-3.1.2-13]: without a will all of them stay clear
        flags |= 0x04u | static_cast<unsigned>(packet.will->qos) << 3;
        if (packet.will->retain) flags |= 0x20u;
    }
    if (says_password(packet)) flags |= 0x40u;
    if (packet.user_name) flags |= 0x80u;
    return static_cast<std::uint8_t>(flags);
}

/// DISCONNECT and AUTH with nothing to say are empty.
template <class T>
bool is_bare(const T& packet, Version version) noexcept {
    return version != Version::v5 ||
           (packet.reason == Reason::success && is_empty(packet.properties));
}

template <class T>
std::size_t reasoned_size(const T& packet, Version version) {
    return is_bare(packet, version) ? 0 : 1 + wire_size(packet.properties);
}

template <class T>
void put_reasoned(const T& packet, PropertyPlace place, Version version, ByteWriter& out) {
    if (is_bare(packet, version)) return;
    out.u8(static_cast<std::uint8_t>(packet.reason));
    put_properties(packet.properties, place, version, out);
}

}  // namespace

std::uint8_t first_octet(const Connect&) noexcept {
    return first_octet(PacketType::connect);
}
std::uint8_t first_octet(const Connack&) noexcept {
    return first_octet(PacketType::connack);
}
std::uint8_t first_octet(const Disconnect&) noexcept {
    return first_octet(PacketType::disconnect);
}
std::uint8_t first_octet(const Auth&) noexcept {
    return first_octet(PacketType::auth);
}

std::size_t body_size(const Connect& packet, Version) {
    const Version version = packet.version;
    std::size_t size = 2 + protocol_name(version).size() + 4;  // level, flags, keep alive
    size += properties_size(packet.properties, version);
    size += 2 + packet.client_id.size();
    if (packet.will) {
        size += properties_size(packet.will->properties, version);
        size += 2 + packet.will->topic.size() + 2 + packet.will->payload.size();
    }
    if (packet.user_name) size += 2 + packet.user_name->size();
    if (says_password(packet)) size += 2 + packet.password->size();
    return size;
}

void put_body(const Connect& packet, Version, ByteWriter& out) {
    const Version version = packet.version;
    put_text(out, protocol_name(version));  // [MQTT-3.1.2-1]
    const auto level = static_cast<std::uint8_t>(version);
    out.u8(packet.bridge ? level | Connect::bridge_bit : level);
    out.u8(connect_flags(packet));
    out.be16(packet.keep_alive_seconds);
    put_properties(packet.properties, PropertyPlace::connect, version, out);
    put_text(out, packet.client_id);  // [MQTT-3.1.3-1]: this order
    if (packet.will) {
        put_properties(packet.will->properties, PropertyPlace::will, version, out);
        put_text(out, packet.will->topic);
        put_text(out, as_text(packet.will->payload));
    }
    if (packet.user_name) put_text(out, *packet.user_name);
    if (says_password(packet)) put_text(out, as_text(*packet.password));
}

std::size_t body_size(const Connack& packet, Version version) {
    return 2 + properties_size(packet.properties, version);
}

void put_body(const Connack& packet, Version version, ByteWriter& out) {
    // [MQTT-3.2.2-6]: a refusal has no session; [MQTT-3.2.2-1]: nor has 3.1 the flag.
    const bool present =
        packet.session_present && packet.reason == Reason::success && version != Version::v3_1;
    out.u8(present ? 1 : 0);
    if (version == Version::v5) {
        CAUSEWAY_ASSERT(may_carry(PacketType::connack, packet.reason));  // [MQTT-3.2.2-8]
        out.u8(static_cast<std::uint8_t>(packet.reason));
    } else {
        out.u8(return_code_of(packet.reason).value_or(server_unavailable_code));
    }
    put_properties(packet.properties, PropertyPlace::connack, version, out);
}

std::size_t body_size(const Disconnect& packet, Version version) {
    return reasoned_size(packet, version);
}

void put_body(const Disconnect& packet, Version version, ByteWriter& out) {
    // [MQTT-3.14.2-1]
    CAUSEWAY_ASSERT(version != Version::v5 || may_carry(PacketType::disconnect, packet.reason));
    put_reasoned(packet, PropertyPlace::disconnect, version, out);
}

std::size_t body_size(const Auth& packet, Version version) {
    return reasoned_size(packet, version);
}

void put_body(const Auth& packet, Version version, ByteWriter& out) {
    CAUSEWAY_ASSERT(version == Version::v5);
    CAUSEWAY_ASSERT(may_carry(PacketType::auth, packet.reason));  // [MQTT-3.15.2-1]
    put_reasoned(packet, PropertyPlace::auth, version, out);
}

}  // namespace causeway::mqtt::wire
