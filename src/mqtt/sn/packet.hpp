#pragma once
// The messages of MQTT-SN 1.2 [MQTT-SN 1.2 §5], one to a datagram, and the frame that a forwarder
// puts before one [MQTT-SN 1.2 §5.5].
//
// Texts and payloads are borrowed: from the octets parsed, or from whoever emits. Whether a name
// is a legal one, and which way a message goes, are not judged here. Left out: what 2.0 drafts add.
#include "base/repr.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace causeway::mqtt::sn {

/// [MQTT-SN 1.2 §5.2.2]
enum class MessageType : std::uint8_t {
    advertise = 0x00,
    searchgw = 0x01,
    gwinfo = 0x02,
    connect = 0x04,
    connack = 0x05,
    willtopicreq = 0x06,
    willtopic = 0x07,
    willmsgreq = 0x08,
    willmsg = 0x09,
    register_ = 0x0a,
    regack = 0x0b,
    publish = 0x0c,
    puback = 0x0d,
    pubcomp = 0x0e,
    pubrec = 0x0f,
    pubrel = 0x10,
    subscribe = 0x12,
    suback = 0x13,
    unsubscribe = 0x14,
    unsuback = 0x15,
    pingreq = 0x16,
    pingresp = 0x17,
    disconnect = 0x18,
    willtopicupd = 0x1a,
    willtopicresp = 0x1b,
    willmsgupd = 0x1c,
    willmsgresp = 0x1d,
    encapsulated = 0xfe,
};
[[nodiscard]] std::string_view name_of(MessageType type) noexcept;  // "WILLTOPICREQ"

/// [MQTT-SN 1.2 §5.3.10] Others are reserved; whatever is not `accepted` is a refusal.
enum class ReturnCode : std::uint8_t {
    accepted = 0,
    congestion = 1,
    invalid_topic_id = 2,
    not_supported = 3,
};
[[nodiscard]] std::string_view name_of(ReturnCode code) noexcept;

/// [MQTT-SN 1.2 §5.3.4] Whom to ask what a topic id means.
enum class TopicKind : std::uint8_t {
    normal = 0,      // a registered id; in SUBSCRIBE and UNSUBSCRIBE: a name
    predefined = 1,  // an id that both sides know beforehand
    short_name = 2,  // the two octets of the name itself
};

/// MQTT's three and "-1", written as 3: without any connection [MQTT-SN 1.2 §6.8].
enum class Quality : std::uint8_t {
    at_most_once = 0,
    at_least_once = 1,
    exactly_once = 2,
    without_connection = 3,
};

/// Ids that name nothing [MQTT-SN 1.2 §5.3.11].
inline constexpr std::uint16_t topic_id_none = 0x0000;
inline constexpr std::uint16_t topic_id_reserved = 0xffff;
inline constexpr std::size_t message_octets_max = 65535;
/// What PUBLISH adds to its payload, at least; two more when the whole is over 255 octets.
inline constexpr std::size_t publish_overhead = 7;

struct Advertise {
    std::uint8_t gateway_id = 0;
    std::uint16_t duration_seconds = 0;  // until the next one
    friend bool operator==(const Advertise&, const Advertise&) = default;
};
struct SearchGateway {
    std::uint8_t radius = 0;  // hops; 0: the whole network
    friend bool operator==(const SearchGateway&, const SearchGateway&) = default;
};
struct GatewayInfo {
    std::uint8_t gateway_id = 0;
    std::string_view address{};  // octets; only when a client says it of a gateway
    friend bool operator==(const GatewayInfo&, const GatewayInfo&) = default;
};
struct Connect {
    bool will = false;
    bool clean_session = false;
    std::uint16_t keep_alive_seconds = 0;
    std::string_view client_id{};
    friend bool operator==(const Connect&, const Connect&) = default;
};
struct Connack {
    ReturnCode code = ReturnCode::accepted;
    friend bool operator==(const Connack&, const Connack&) = default;
};
struct WillTopicRequest {
    friend bool operator==(const WillTopicRequest&, const WillTopicRequest&) = default;
};
/// WILLTOPIC and WILLTOPICUPD. With no topic it deletes the will, and is two octets long.
struct WillTopic {
    bool update = false;
    Quality qos = Quality::at_most_once;
    bool retain = false;
    std::string_view topic{};
    friend bool operator==(const WillTopic&, const WillTopic&) = default;
};
struct WillMessageRequest {
    friend bool operator==(const WillMessageRequest&, const WillMessageRequest&) = default;
};
/// WILLMSG and WILLMSGUPD.
struct WillMessage {
    bool update = false;
    std::string_view message{};
    friend bool operator==(const WillMessage&, const WillMessage&) = default;
};
struct Register {
    std::uint16_t topic_id = topic_id_none;  // of a gateway to a client
    std::uint16_t message_id = 0;
    std::string_view topic{};
    friend bool operator==(const Register&, const Register&) = default;
};
struct Regack {
    std::uint16_t topic_id = topic_id_none;
    std::uint16_t message_id = 0;
    ReturnCode code = ReturnCode::accepted;
    friend bool operator==(const Regack&, const Regack&) = default;
};
struct Publish {
    bool dup = false;
    Quality qos = Quality::at_most_once;
    bool retain = false;
    TopicKind kind = TopicKind::normal;
    std::uint16_t topic_id = topic_id_none;
    std::uint16_t message_id = 0;  // 0 unless QoS is 1 or 2
    std::string_view payload{};    // octets
    friend bool operator==(const Publish&, const Publish&) = default;
};
struct Puback {
    std::uint16_t topic_id = topic_id_none;
    std::uint16_t message_id = 0;
    ReturnCode code = ReturnCode::accepted;
    friend bool operator==(const Puback&, const Puback&) = default;
};
/// PUBREC, PUBREL, PUBCOMP.
struct Handshake {
    MessageType type = MessageType::pubrec;
    std::uint16_t message_id = 0;
    friend bool operator==(const Handshake&, const Handshake&) = default;
};
/// SUBSCRIBE and UNSUBSCRIBE, which has neither DUP nor a quality.
struct Subscribe {
    bool undo = false;
    bool dup = false;
    Quality qos = Quality::at_most_once;
    TopicKind kind = TopicKind::normal;
    std::uint16_t message_id = 0;
    std::uint16_t topic_id = topic_id_none;  // unless `kind` is normal
    std::string_view topic{};                // if `kind` is normal: a name, wildcards allowed
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};
struct Suback {
    Quality qos = Quality::at_most_once;     // granted
    std::uint16_t topic_id = topic_id_none;  // 0 for a name with wildcards
    std::uint16_t message_id = 0;
    ReturnCode code = ReturnCode::accepted;
    friend bool operator==(const Suback&, const Suback&) = default;
};
struct Unsuback {
    std::uint16_t message_id = 0;
    friend bool operator==(const Unsuback&, const Unsuback&) = default;
};
struct Pingreq {
    std::string_view client_id{};  // of a sleeping client that wakes
    friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
    friend bool operator==(const Pingresp&, const Pingresp&) = default;
};
struct Disconnect {
    std::optional<std::uint16_t> duration_seconds{};  // of a client that goes to sleep
    friend bool operator==(const Disconnect&, const Disconnect&) = default;
};
/// WILLTOPICRESP and WILLMSGRESP.
struct WillResponse {
    bool of_topic = true;
    ReturnCode code = ReturnCode::accepted;
    friend bool operator==(const WillResponse&, const WillResponse&) = default;
};

using Body = std::variant<Advertise, SearchGateway, GatewayInfo, Connect, Connack, WillTopicRequest,
                          WillTopic, WillMessageRequest, WillMessage, Register, Regack, Publish,
                          Puback, Handshake, Subscribe, Suback, Unsuback, Pingreq, Pingresp,
                          Disconnect, WillResponse>;

/// Faults: truncated; bad_length, when the length does not suit the type; bad_version, of a
/// CONNECT; bad_value, for a reserved kind of topic or quality where it is forbidden; unsupported,
/// for a reserved type and for an encapsulated message. Octets behind the message's own length are
/// left unread: some radios pad.
struct Message {
    Body body;

    static Result<Message> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    [[nodiscard]] MessageType type() const noexcept;
    friend bool operator==(const Message&, const Message&) = default;
};
static_assert(Repr<Message>);

/// What a forwarder puts before a message, either way: the node that it is from or for, in whatever
/// addresses the network behind the forwarder has.
struct Encapsulation {
    /// As many as the longest radio addresses in use have, and some.
    static constexpr std::size_t node_octets_max = 16;

    std::uint8_t radius = 0;  // 0 to 3
    std::string_view node{};  // 1 to node_octets_max octets

    static Result<Encapsulation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 3 + node.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Encapsulation&, const Encapsulation&) = default;
};
static_assert(Repr<Encapsulation>);

/// True for the first octets of an encapsulated message.
[[nodiscard]] bool is_encapsulated(Bytes datagram) noexcept;

[[nodiscard]] constexpr std::uint16_t short_topic_id(std::string_view two_octets) noexcept {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(two_octets[0]) << 8 |
                                      static_cast<unsigned char>(two_octets[1]));
}

}  // namespace causeway::mqtt::sn
