// CONNECT and its answer, AUTH and DISCONNECT: the packets that begin and end a connection.
#include "mqtt/packet_reader.hpp"
#include "mqtt/reasons.hpp"

namespace causeway::mqtt {
namespace {

using wire::PacketReader;

/// Bits of the connect flags [MQTT 5.0 §3.1.2.3].
struct ConnectFlags {
    std::uint8_t octet;

    [[nodiscard]] bool reserved() const noexcept { return (octet & 0x01) != 0; }
    [[nodiscard]] bool clean_start() const noexcept { return (octet & 0x02) != 0; }
    [[nodiscard]] bool will() const noexcept { return (octet & 0x04) != 0; }
    [[nodiscard]] unsigned will_qos() const noexcept { return octet >> 3 & 3u; }
    [[nodiscard]] bool will_retain() const noexcept { return (octet & 0x20) != 0; }
    [[nodiscard]] bool password() const noexcept { return (octet & 0x40) != 0; }
    [[nodiscard]] bool user_name() const noexcept { return (octet & 0x80) != 0; }
};

std::optional<Version> known_version(std::string_view name, std::uint8_t level) noexcept {
    if (name == "MQTT" && level == 4) return Version::v3_1_1;
    if (name == "MQTT" && level == 5) return Version::v5;
    if (name == "MQIsdp" && level == 3) return Version::v3_1;
    return std::nullopt;
}

void parse_version(PacketReader& in, Connect& out) {
    const std::string_view name = as_text(in.binary());
    const std::uint8_t level = in.u8();
    if (!in.ok()) return;
    // [MQTT-3.1.2-1] [MQTT-3.1.2-2]: what stands behind is another protocol's.
    if (name != "MQTT" && name != "MQIsdp") {
        return in.refuse(Reason::unsupported_protocol_version, "the protocol's name is not MQTT");
    }
    const auto version =
        known_version(name, level & static_cast<std::uint8_t>(~Connect::bridge_bit));
    if (!version) {
        return in.refuse(Reason::unsupported_protocol_version, "an unknown protocol version");
    }
    out.version = *version;
    out.bridge = (level & Connect::bridge_bit) != 0;
}

void check(ConnectFlags flags, PacketReader& in, Version version) {
    constexpr auto bad = Reason::malformed_packet;
    // [MQTT-3.1.2-3]; 3.1 does not use the bit.
    if (flags.reserved() && version != Version::v3_1) {
        in.refuse(bad, "the reserved connect flag is set");
    }
    // [MQTT-3.1.2-12] [MQTT 3.1.1 MQTT-3.1.2-14]
    if (flags.will_qos() == 3) in.refuse(bad, "the will's QoS is 3");
    // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT 3.1.1 MQTT-3.1.2-11]
    if (!flags.will() && (flags.will_qos() != 0 || flags.will_retain())) {
        in.refuse(bad, "QoS or retain of a will, and no will");
    }
    // [MQTT 3.1.1 MQTT-3.1.2-22]; 5.0 allows a password alone [MQTT 5.0 §3.1.2.9].
    if (version != Version::v5 && flags.password() && !flags.user_name()) {
        in.refuse(bad, "a password without a user name");
    }
}

void parse_will(PacketReader& in, Version version, ConnectFlags flags, Will& out) {
    out.qos = static_cast<Qos>(flags.will_qos());
    out.retain = flags.will_retain();
    in.properties(version, PropertyPlace::will, out.properties);
    out.topic = in.text("the will's topic is no UTF-8");  // [MQTT-3.1.3-11]
    if (in.ok() && out.topic.empty()) {                   // [MQTT-4.7.3-1]
        in.refuse(Reason::topic_name_invalid, "the will's topic is empty");
    }
    if (traits_of(out.topic).wildcard) {  // [MQTT-4.7.0-1]
        in.refuse(Reason::topic_name_invalid, "the will's topic has a wildcard");
    }
    out.payload = in.binary();
}

bool names_method(const Properties& properties) noexcept {
    return properties.authentication_method.has_value();
}

}  // namespace

namespace wire {

void parse(PacketReader& in, Connect& out) {
    parse_version(in, out);
    if (!in.ok()) return;
    const Version version = out.version;
    in.check_length(version);
    in.check_flags(version, 0);
    const ConnectFlags flags{in.u8()};
    check(flags, in, version);
    out.clean_start = flags.clean_start();
    out.keep_alive_seconds = in.be16();
    in.properties(version, PropertyPlace::connect, out.properties);
    if (out.properties.authentication_data && !names_method(out.properties)) {
        in.refuse(Reason::protocol_error, "authentication data without a method");
    }
    // [MQTT-3.1.3-1]: the order; [MQTT-3.1.3-3]: the client identifier always.
    out.client_id = in.text("the client identifier is no UTF-8");  // [MQTT-3.1.3-4]
    // [MQTT 3.1.1 MQTT-3.1.3-7] [MQTT 3.1.1 MQTT-3.1.3-8]
    if (version != Version::v5 && !out.clean_start && in.ok() && out.client_id.empty()) {
        in.refuse(Reason::client_identifier_not_valid,
                  "no client identifier, and a session to be kept");
    }
    // [MQTT-3.1.2-9]: topic and payload are there if and only if the flag is set.
    if (flags.will()) parse_will(in, version, flags, out.will.emplace());
    // 3.1 lets both be missing although they were announced.
    const auto there = [&] { return version != Version::v3_1 || in.more(); };
    // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.3-12]
    if (flags.user_name() && there()) out.user_name = in.text("the user name is no UTF-8");
    // [MQTT-3.1.2-18] [MQTT-3.1.2-19]
    if (flags.password() && there()) out.password = in.binary();
}

void parse(PacketReader& in, Version version, Connack& out) {
    in.check_flags(version, 0);
    const std::uint8_t flags = in.u8();
    const std::uint8_t code = in.u8();
    if (!in.ok()) return;
    if (version == Version::v3_1) {
        out.session_present = false;  // reserved
    } else {
        // [MQTT-3.2.2-1]
        if (flags > 1) in.refuse(Reason::malformed_packet, "reserved acknowledge flags are set");
        out.session_present = flags == 1;
    }
    if (version == Version::v5) {
        out.reason = static_cast<Reason>(code);
        if (!may_carry(PacketType::connack, out.reason)) {  // [MQTT-3.2.2-8]
            in.refuse(Reason::malformed_packet, "no reason code of a CONNACK");
        }
    } else if (const auto reason = reason_of(code)) {
        out.reason = *reason;
    } else {
        in.refuse(Reason::malformed_packet, "a reserved return code");
    }
    // [MQTT-3.2.2-6] [MQTT 3.1.1 MQTT-3.2.2-4]
    if (out.session_present && out.reason != Reason::success) {
        in.refuse(Reason::protocol_error, "a session is present, and the connection refused");
    }
    in.properties(version, PropertyPlace::connack, out.properties);
}

void parse(PacketReader& in, Version version, Disconnect& out) {
    in.check_flags(version, 0);  // [MQTT-3.14.1-1]
    if (version != Version::v5 || !in.more()) return;
    out.reason = static_cast<Reason>(in.u8());
    if (!may_carry(PacketType::disconnect, out.reason)) {  // [MQTT-3.14.2-1]
        in.refuse(Reason::malformed_packet, "no reason code of a DISCONNECT");
    }
    // "If the Remaining Length is less than 2, a value of 0 is used."
    if (in.more()) in.properties(version, PropertyPlace::disconnect, out.properties);
}

void parse(PacketReader& in, Version version, Auth& out) {
    if (version != Version::v5) {  // the type is reserved
        return in.refuse(Reason::malformed_packet, "AUTH is a packet of MQTT 5.0");
    }
    in.check_flags(version, 0);  // [MQTT-3.15.1-1]
    if (!in.more()) return;      // success, no properties
    out.reason = static_cast<Reason>(in.u8());
    if (!may_carry(PacketType::auth, out.reason)) {  // [MQTT-3.15.2-1]
        in.refuse(Reason::malformed_packet, "no reason code of an AUTH");
    }
    in.properties(version, PropertyPlace::auth, out.properties);
    // "It is a Protocol Error to omit the Authentication Method" [MQTT 5.0 §3.15.2.2.2]; yet a
    // success without properties may be an AUTH of no octets [MQTT 5.0 §3.15.2.2.1].
    const bool bare = out.reason == Reason::success && is_empty(out.properties);
    if (in.ok() && !bare && !names_method(out.properties)) {
        in.refuse(Reason::protocol_error, "an AUTH without its method");
    }
}

}  // namespace wire

Version version_to_answer(Bytes connect) noexcept {
    PacketReader in(connect);
    const std::string_view name = as_text(in.binary());
    const std::uint8_t level = in.u8() & static_cast<std::uint8_t>(~Connect::bridge_bit);
    if (!in.ok()) return Version::v3_1_1;
    if (name == "MQIsdp") return Version::v3_1;
    return level >= 5 ? Version::v5 : Version::v3_1_1;
}

}  // namespace causeway::mqtt
