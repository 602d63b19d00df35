#pragma once
// Properties of MQTT 5.0 packets [MQTT 5.0 §2.2.2]. One struct holds those of every packet type;
// which of them a packet may carry is checked on parse and asserted on emit.
//
// Texts and octets are borrowed: from the packet that was parsed, or from whoever emits.
#include "base/bytes.hpp"
#include "mqtt/types.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

struct UserProperty {
    std::string_view name;
    std::string_view value;
    friend bool operator==(const UserProperty&, const UserProperty&) = default;
};

struct Properties {
    std::optional<bool> payload_is_text;                     // 0x01
    std::optional<std::uint32_t> message_expiry_seconds;     // 0x02
    std::optional<std::string_view> content_type;            // 0x03
    std::optional<std::string_view> response_topic;          // 0x08
    std::optional<std::string_view> correlation_data;        // 0x09, octets
    std::vector<std::uint32_t> subscription_identifiers;     // 0x0b
    std::optional<std::uint32_t> session_expiry_seconds;     // 0x11
    std::optional<std::string_view> assigned_client_id;      // 0x12
    std::optional<std::uint16_t> server_keep_alive_seconds;  // 0x13
    std::optional<std::string_view> authentication_method;   // 0x15
    std::optional<std::string_view> authentication_data;     // 0x16, octets
    std::optional<bool> request_problem_information;         // 0x17
    std::optional<std::uint32_t> will_delay_seconds;         // 0x18
    std::optional<bool> request_response_information;        // 0x19
    std::optional<std::string_view> response_information;    // 0x1a
    std::optional<std::string_view> server_reference;        // 0x1c
    std::optional<std::string_view> reason_string;           // 0x1f
    std::optional<std::uint16_t> receive_maximum;            // 0x21
    std::optional<std::uint16_t> topic_alias_maximum;        // 0x22
    std::optional<std::uint16_t> topic_alias;                // 0x23
    std::optional<std::uint8_t> maximum_qos;                 // 0x24
    std::optional<bool> retain_available;                    // 0x25
    std::vector<UserProperty> user;                          // 0x26, in order
    std::optional<std::uint32_t> maximum_packet_octets;      // 0x27
    std::optional<bool> wildcard_subscription_available;     // 0x28
    std::optional<bool> subscription_identifier_available;   // 0x29
    std::optional<bool> shared_subscription_available;       // 0x2a

    friend bool operator==(const Properties&, const Properties&) = default;
};

/// Where properties stand: each packet type has its own, and so has the will of a CONNECT.
enum class PropertyPlace : std::uint8_t {
    connect,
    connack,
    publish,
    puback,
    pubrec,
    pubrel,
    pubcomp,
    subscribe,
    suback,
    unsubscribe,
    unsuback,
    disconnect,
    auth,
    will,
};

struct Refused;  // packet.hpp
/// Of PUBACK, PUBREC, PUBREL and PUBCOMP.
[[nodiscard]] constexpr PropertyPlace acknowledgement_place(PacketType type) noexcept {
    switch (type) {
        case PacketType::puback:
            return PropertyPlace::puback;
        case PacketType::pubrec:
            return PropertyPlace::pubrec;
        case PacketType::pubrel:
            return PropertyPlace::pubrel;
        default:
            return PropertyPlace::pubcomp;
    }
}

/// Length and properties. What is said tells malformed (an unknown property, one that has no place
/// here, a bad text) from protocol error (one twice, or with a value that is forbidden) [MQTT 5.0
/// §2.2.2.2]; `in` is of no use any more then.
[[nodiscard]] std::optional<Refused> parse_properties(ByteReader& in, PropertyPlace place,
                                                      Properties& out);
/// Whether there is no property but those that a packet may carry there.
[[nodiscard]] bool fits(const Properties& properties, PropertyPlace place) noexcept;
/// Whether there is none at all.
[[nodiscard]] bool is_empty(const Properties& properties) noexcept;
/// Octets of the properties with their length field.
[[nodiscard]] std::size_t wire_size(const Properties& properties);
/// In the order of their identifiers.
void emit(const Properties& properties, ByteWriter& out);

}  // namespace causeway::mqtt
