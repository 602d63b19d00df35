#pragma once
// What the emitters of packets share. Of each packet: its first octet, the octets of what stands
// behind the fixed header, and that itself. Only packet_emit*.cpp include this.
#include "mqtt/packet.hpp"
#include "mqtt/variable_int.hpp"

namespace causeway::mqtt::wire {

[[nodiscard]] constexpr std::uint8_t first_octet(PacketType type, unsigned flags = 0) noexcept {
    return static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags);
}

inline void put_text(ByteWriter& out, std::string_view text) {
    CAUSEWAY_ASSERT(text.size() <= 0xffff);  // [MQTT-4.7.3-3], and every other text
    out.be16(static_cast<std::uint16_t>(text.size()));
    out.put(as_octets(text));
}

/// None in 3.1.1, which is not even a length.
[[nodiscard]] inline std::size_t properties_size(const Properties& properties, Version version) {
    return version == Version::v5 ? wire_size(properties) : 0;
}
inline void put_properties(const Properties& properties, PropertyPlace place, Version version,
                           ByteWriter& out) {
    if (version != Version::v5) return;
    CAUSEWAY_ASSERT(fits(properties, place));
    emit(properties, out);
}

std::uint8_t first_octet(const Connect& packet) noexcept;
std::uint8_t first_octet(const Connack& packet) noexcept;
std::uint8_t first_octet(const Publish& packet) noexcept;
std::uint8_t first_octet(const Ack& packet) noexcept;
std::uint8_t first_octet(const Subscribe& packet) noexcept;
std::uint8_t first_octet(const Suback& packet) noexcept;
std::uint8_t first_octet(const Unsubscribe& packet) noexcept;
std::uint8_t first_octet(const Unsuback& packet) noexcept;
std::uint8_t first_octet(const Pingreq& packet) noexcept;
std::uint8_t first_octet(const Pingresp& packet) noexcept;
std::uint8_t first_octet(const Disconnect& packet) noexcept;
std::uint8_t first_octet(const Auth& packet) noexcept;

// `version` is that of the connection; a CONNECT has its own.
std::size_t body_size(const Connect& packet, Version version);
std::size_t body_size(const Connack& packet, Version version);
std::size_t body_size(const Publish& packet, Version version);
std::size_t body_size(const Ack& packet, Version version);
std::size_t body_size(const Subscribe& packet, Version version);
std::size_t body_size(const Suback& packet, Version version);
std::size_t body_size(const Unsubscribe& packet, Version version);
std::size_t body_size(const Unsuback& packet, Version version);
std::size_t body_size(const Pingreq& packet, Version version);
std::size_t body_size(const Pingresp& packet, Version version);
std::size_t body_size(const Disconnect& packet, Version version);
std::size_t body_size(const Auth& packet, Version version);

void put_body(const Connect& packet, Version version, ByteWriter& out);
void put_body(const Connack& packet, Version version, ByteWriter& out);
void put_body(const Publish& packet, Version version, ByteWriter& out);
void put_body(const Ack& packet, Version version, ByteWriter& out);
void put_body(const Subscribe& packet, Version version, ByteWriter& out);
void put_body(const Suback& packet, Version version, ByteWriter& out);
void put_body(const Unsubscribe& packet, Version version, ByteWriter& out);
void put_body(const Unsuback& packet, Version version, ByteWriter& out);
void put_body(const Pingreq& packet, Version version, ByteWriter& out);
void put_body(const Pingresp& packet, Version version, ByteWriter& out);
void put_body(const Disconnect& packet, Version version, ByteWriter& out);
void put_body(const Auth& packet, Version version, ByteWriter& out);

}  // namespace causeway::mqtt::wire
