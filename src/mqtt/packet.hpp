#pragma once
// The fifteen control packets of MQTT 3.1.1 and 5.0 [MQTT 3.1.1 §3] [MQTT 5.0 §3], one codec for
// both: the version is an argument. Framing is elsewhere (framer.hpp): a parser here is given one
// whole packet.
//
// Everything textual is borrowed: from the octets parsed, which outlive the packet, or from
// whoever emits. A server that refuses is told the reason code to answer with.
#include "base/bytes.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/types.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::mqtt {

/// Why a packet is no packet, for the answer and for the counters.
struct Refused {
    Reason reason;          // malformed_packet, protocol_error, topic_name_invalid, ...
    std::string_view what;  // "the topic name has a wildcard"; static text
    friend bool operator==(const Refused&, const Refused&) = default;
};
template <class T>
using Parsed = std::expected<T, Refused>;

/// A packet with more filters, reason codes, user properties or subscription identifiers than this
/// is refused (quota exceeded): what is kept of a small entry is ten times what was sent.
inline constexpr std::size_t entries_max = 65'536;

struct Will {
    std::string_view topic;
    Bytes payload;
    Qos qos = Qos::at_most_once;
    bool retain = false;
    Properties properties;
    friend bool operator==(const Will& a, const Will& b);
};

struct Connect {
    Version version = Version::v3_1_1;
    static constexpr std::uint8_t bridge_bit = 0x80;  // of the protocol level
    bool bridge = false;                              // that bit, which bridges of some brokers set
    bool clean_start = true;                          // 3.1.1: clean session
    std::uint16_t keep_alive_seconds = 0;
    std::string_view client_id;
    std::optional<Will> will;
    std::optional<std::string_view> user_name;
    std::optional<Bytes> password;
    Properties properties;
    friend bool operator==(const Connect& a, const Connect& b);
};

struct Connack {
    bool session_present = false;
    Reason reason = Reason::success;  // 3.1.1: the nearest return code [MQTT 3.1.1 §3.2.2.3]
    Properties properties;
    friend bool operator==(const Connack&, const Connack&) = default;
};

struct Publish {
    bool dup = false;
    Qos qos = Qos::at_most_once;
    bool retain = false;
    std::string_view topic;       // may be empty in 5.0, with an alias
    std::uint16_t packet_id = 0;  // 0 with QoS 0
    Properties properties;
    Bytes payload;
    friend bool operator==(const Publish& a, const Publish& b);
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP.
struct Ack {
    PacketType type = PacketType::puback;
    std::uint16_t packet_id = 0;
    Reason reason = Reason::success;
    Properties properties;
    friend bool operator==(const Ack&, const Ack&) = default;
};

/// How retained messages are sent on a subscribe [MQTT 5.0 §3.8.3.1].
enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

struct SubscriptionOptions {
    Qos qos_max = Qos::at_most_once;
    bool no_local = false;
    bool retain_as_published = false;
    RetainHandling retain_handling = RetainHandling::send;
    friend bool operator==(const SubscriptionOptions&, const SubscriptionOptions&) = default;
};

struct Subscribe {
    struct Entry {
        std::string_view filter;
        SubscriptionOptions options;
        friend bool operator==(const Entry&, const Entry&) = default;
    };
    std::uint16_t packet_id = 0;
    std::vector<Entry> entries;
    Properties properties;
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Suback {
    std::uint16_t packet_id = 0;
    std::vector<Reason> reasons;  // 3.1.1: errors become 0x80
    Properties properties;
    friend bool operator==(const Suback&, const Suback&) = default;
};

struct Unsubscribe {
    std::uint16_t packet_id = 0;
    std::vector<std::string_view> filters;
    Properties properties;
    friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Unsuback {
    std::uint16_t packet_id = 0;
    std::vector<Reason> reasons;  // 5.0 only
    Properties properties;
    friend bool operator==(const Unsuback&, const Unsuback&) = default;
};

struct Pingreq {
    friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
    friend bool operator==(const Pingresp&, const Pingresp&) = default;
};

struct Disconnect {
    Reason reason = Reason::success;
    Properties properties;
    friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

struct Auth {
    Reason reason = Reason::success;
    Properties properties;
    friend bool operator==(const Auth&, const Auth&) = default;
};

using Packet = std::variant<Connect, Connack, Publish, Ack, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

/// One whole packet, fixed header included. CONNECT carries its own version, and ignores this one.
/// Topic names and filters are checked too (topic.hpp), the direction of a packet is not.
[[nodiscard]] Parsed<Packet> parse_packet(Bytes whole, Version version);

/// In which version to answer a CONNECT that was refused: the one that it names, or the nearest.
[[nodiscard]] Version version_to_answer(Bytes connect) noexcept;

/// The hot path apart: `whole` is known to be a PUBLISH.
[[nodiscard]] Parsed<Publish> parse_publish(Bytes whole, Version version);

/// Octets of the whole packet. In 3.1.1, what it cannot say (properties, reasons, a password
/// without a user name) is left out. What no version can say is our mistake and asserts: a text of
/// more than 65,535 octets, a packet identifier 0, a property or a reason that has no place there.
[[nodiscard]] std::size_t wire_size(const Packet& packet, Version version);
void emit(const Packet& packet, Version version, ByteWriter& out);
/// Appends to `out`.
void append(const Packet& packet, Version version, Octets& out);
[[nodiscard]] Octets emitted(const Packet& packet, Version version);

/// Drops the reason string, and if need be the user properties too, of an answer (a packet with a
/// reason) that is larger than its receiver accepts. Whether the packet fits now.
[[nodiscard]] bool make_fit(Packet& packet, Version version, std::size_t packet_octets_max);

/// The fixed header and all of a PUBLISH before its payload, which the caller sends itself, by
/// reference if it is large.
void append_publish_head(const Publish& publish, Version version, Octets& out);

}  // namespace causeway::mqtt
