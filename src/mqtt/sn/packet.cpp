#include "mqtt/sn/packet.hpp"

#include "base/engine.hpp"

namespace causeway::mqtt::sn {
namespace {

constexpr std::uint8_t protocol_id = 0x01;  // [MQTT-SN 1.2 §5.3.8]
constexpr std::uint8_t long_length = 0x01;  // two more octets of length follow

constexpr std::uint8_t dup_flag = 0x80;
constexpr unsigned qos_shift = 5;
constexpr std::uint8_t retain_flag = 0x10;
constexpr std::uint8_t will_flag = 0x08;
constexpr std::uint8_t clean_flag = 0x04;
constexpr std::uint8_t kind_bits = 0x03;

constexpr std::uint8_t flag(bool set, std::uint8_t bit) {
    return set ? bit : std::uint8_t{0};
}
constexpr std::uint8_t flag(Quality qos) {
    return static_cast<std::uint8_t>(std::to_underlying(qos) << qos_shift);
}
constexpr Quality quality_of(std::uint8_t flags) {
    return static_cast<Quality>(flags >> qos_shift & 3);
}

TopicKind kind_of(ByteReader& in, std::uint8_t flags) {
    if ((flags & kind_bits) == kind_bits) in.fail(Fault::bad_value);
    return static_cast<TopicKind>(flags & kind_bits);
}

std::string_view text(ByteReader& in) {
    return as_text(in.rest());
}

ReturnCode code(ByteReader& in) {
    return static_cast<ReturnCode>(in.u8());
}

void refuse_minus_one(ByteReader& in, Quality qos) {
    if (qos == Quality::without_connection) in.fail(Fault::bad_value);
}

Connect parse_connect(ByteReader& in) {
    Connect connect;
    const std::uint8_t flags = in.u8();
    connect.will = (flags & will_flag) != 0;
    connect.clean_session = (flags & clean_flag) != 0;
    if (in.u8() != protocol_id) in.fail(Fault::bad_version);
    connect.keep_alive_seconds = in.be16();
    connect.client_id = text(in);
    return connect;
}

WillTopic parse_will_topic(ByteReader& in, bool update) {
    WillTopic will;
    will.update = update;
    if (!in.more()) return will;
    const std::uint8_t flags = in.u8();
    if (!in.more()) return will;  // flags of no topic say nothing
    will.qos = quality_of(flags);
    refuse_minus_one(in, will.qos);
    will.retain = (flags & retain_flag) != 0;
    will.topic = text(in);
    return will;
}

Publish parse_publish(ByteReader& in) {
    Publish publish;
    const std::uint8_t flags = in.u8();
    publish.dup = (flags & dup_flag) != 0;
    publish.qos = quality_of(flags);
    publish.retain = (flags & retain_flag) != 0;
    publish.kind = kind_of(in, flags);
    publish.topic_id = in.be16();
    publish.message_id = in.be16();
    publish.payload = text(in);
    return publish;
}

Subscribe parse_subscribe(ByteReader& in, bool undo) {
    Subscribe subscribe;
    subscribe.undo = undo;
    const std::uint8_t flags = in.u8();
    subscribe.kind = kind_of(in, flags);
    if (!undo) {
        subscribe.dup = (flags & dup_flag) != 0;
        subscribe.qos = quality_of(flags);
        refuse_minus_one(in, subscribe.qos);
    }
    subscribe.message_id = in.be16();
    if (subscribe.kind == TopicKind::normal)
        subscribe.topic = text(in);
    else
        subscribe.topic_id = in.be16();
    return subscribe;
}

Suback parse_suback(ByteReader& in) {
    Suback suback;
    suback.qos = quality_of(in.u8());
    suback.topic_id = in.be16();
    suback.message_id = in.be16();
    suback.code = code(in);
    return suback;
}

Disconnect parse_disconnect(ByteReader& in) {
    if (!in.more()) return {};
    return {.duration_seconds = in.be16()};
}

template <class M, class... Fields>
bool made(Body& body, Fields... fields) {
    body.emplace<M>(M{fields...});
    return true;
}

bool parse_topic_ack(MessageType type, ByteReader& in, Body& body) {
    const std::uint16_t first = in.be16();
    const std::uint16_t message_id = in.be16();
    if (type == MessageType::register_) return made<Register>(body, first, message_id, text(in));
    if (type == MessageType::regack) return made<Regack>(body, first, message_id, code(in));
    return made<Puback>(body, first, message_id, code(in));
}

/// False for a type that there is not.
bool parse_body(MessageType type, ByteReader& in, Body& body) {
    switch (type) {
        case MessageType::advertise: {
            const std::uint8_t id = in.u8();
            return made<Advertise>(body, id, in.be16());
        }
        case MessageType::searchgw:
            return made<SearchGateway>(body, in.u8());
        case MessageType::gwinfo: {
            const std::uint8_t id = in.u8();
            return made<GatewayInfo>(body, id, text(in));
        }
        case MessageType::connect:
            body.emplace<Connect>(parse_connect(in));
            return true;
        case MessageType::connack:
            return made<Connack>(body, code(in));
        case MessageType::willtopicreq:
            return made<WillTopicRequest>(body);
        case MessageType::willtopic:
        case MessageType::willtopicupd:
            body.emplace<WillTopic>(parse_will_topic(in, type == MessageType::willtopicupd));
            return true;
        case MessageType::willmsgreq:
            return made<WillMessageRequest>(body);
        case MessageType::willmsg:
        case MessageType::willmsgupd:
            return made<WillMessage>(body, type == MessageType::willmsgupd, text(in));
        case MessageType::register_:
        case MessageType::regack:
        case MessageType::puback:
            return parse_topic_ack(type, in, body);
        case MessageType::publish:
            body.emplace<Publish>(parse_publish(in));
            return true;
        case MessageType::pubcomp:
        case MessageType::pubrec:
        case MessageType::pubrel:
            return made<Handshake>(body, type, in.be16());
        case MessageType::subscribe:
        case MessageType::unsubscribe:
            body.emplace<Subscribe>(parse_subscribe(in, type == MessageType::unsubscribe));
            return true;
        case MessageType::suback:
            body.emplace<Suback>(parse_suback(in));
            return true;
        case MessageType::unsuback:
            return made<Unsuback>(body, in.be16());
        case MessageType::pingreq:
            return made<Pingreq>(body, text(in));
        case MessageType::pingresp:
            return made<Pingresp>(body);
        case MessageType::disconnect:
            body.emplace<Disconnect>(parse_disconnect(in));
            return true;
        case MessageType::willtopicresp:
        case MessageType::willmsgresp:
            return made<WillResponse>(body, type == MessageType::willtopicresp, code(in));
        case MessageType::encapsulated:
            break;
    }
    return false;
}

std::size_t will_topic_size(const WillTopic& will) {
    return will.topic.empty() ? 0 : 1 + will.topic.size();
}

std::size_t body_size(const Body& body) noexcept {
    return std::visit(
        Overloaded{
            [](const Advertise&) { return std::size_t{3}; },
            [](const SearchGateway&) { return std::size_t{1}; },
            [](const GatewayInfo& info) { return 1 + info.address.size(); },
            [](const Connect& connect) { return 4 + connect.client_id.size(); },
            [](const Connack&) { return std::size_t{1}; },
            [](const WillTopicRequest&) { return std::size_t{0}; },
            [](const WillTopic& will) { return will_topic_size(will); },
            [](const WillMessageRequest&) { return std::size_t{0}; },
            [](const WillMessage& will) { return will.message.size(); },
            [](const Register& registration) { return 4 + registration.topic.size(); },
            [](const Regack&) { return std::size_t{5}; },
            [](const Publish& publish) { return 5 + publish.payload.size(); },
            [](const Puback&) { return std::size_t{5}; },
            [](const Handshake&) { return std::size_t{2}; },
            [](const Subscribe& subscribe) {
                return subscribe.kind == TopicKind::normal ? 3 + subscribe.topic.size()
                                                           : std::size_t{5};
            },
            [](const Suback&) { return std::size_t{6}; },
            [](const Unsuback&) { return std::size_t{2}; },
            [](const Pingreq& ping) { return ping.client_id.size(); },
            [](const Pingresp&) { return std::size_t{0}; },
            [](const Disconnect& disconnect) {
                return disconnect.duration_seconds ? std::size_t{2} : std::size_t{0};
            },
            [](const WillResponse&) { return std::size_t{1}; },
        },
        body);
}

void emit_topic_ack(ByteWriter& out, std::uint16_t topic, std::uint16_t message, ReturnCode code) {
    out.be16(topic);
    out.be16(message);
    out.u8(std::to_underlying(code));
}

void emit_body(const Body& body, ByteWriter& out) {
    std::visit(
        Overloaded{
            [&](const Advertise& advertise) {
                out.u8(advertise.gateway_id);
                out.be16(advertise.duration_seconds);
            },
            [&](const SearchGateway& search) { out.u8(search.radius); },
            [&](const GatewayInfo& info) {
                out.u8(info.gateway_id);
                out.put(as_octets(info.address));
            },
            [&](const Connect& connect) {
                out.u8(static_cast<std::uint8_t>(flag(connect.will, will_flag) |
                                                 flag(connect.clean_session, clean_flag)));
                out.u8(protocol_id);
                out.be16(connect.keep_alive_seconds);
                out.put(as_octets(connect.client_id));
            },
            [&](const Connack& connack) { out.u8(std::to_underlying(connack.code)); },
            [](const WillTopicRequest&) {},
            [&](const WillTopic& will) {
                if (will.topic.empty()) return;
                out.u8(static_cast<std::uint8_t>(flag(will.qos) | flag(will.retain, retain_flag)));
                out.put(as_octets(will.topic));
            },
            [](const WillMessageRequest&) {},
            [&](const WillMessage& will) { out.put(as_octets(will.message)); },
            [&](const Register& registration) {
                out.be16(registration.topic_id);
                out.be16(registration.message_id);
                out.put(as_octets(registration.topic));
            },
            [&](const Regack& ack) { emit_topic_ack(out, ack.topic_id, ack.message_id, ack.code); },
            [&](const Publish& publish) {
                out.u8(static_cast<std::uint8_t>(flag(publish.dup, dup_flag) | flag(publish.qos) |
                                                 flag(publish.retain, retain_flag) |
                                                 std::to_underlying(publish.kind)));
                out.be16(publish.topic_id);
                out.be16(publish.message_id);
                out.put(as_octets(publish.payload));
            },
            [&](const Puback& ack) { emit_topic_ack(out, ack.topic_id, ack.message_id, ack.code); },
            [&](const Handshake& handshake) { out.be16(handshake.message_id); },
            [&](const Subscribe& subscribe) {
                out.u8(static_cast<std::uint8_t>(flag(subscribe.dup, dup_flag) |
                                                 flag(subscribe.qos) |
                                                 std::to_underlying(subscribe.kind)));
                out.be16(subscribe.message_id);
                if (subscribe.kind == TopicKind::normal)
                    out.put(as_octets(subscribe.topic));
                else
                    out.be16(subscribe.topic_id);
            },
            [&](const Suback& ack) {
                out.u8(flag(ack.qos));
                emit_topic_ack(out, ack.topic_id, ack.message_id, ack.code);
            },
            [&](const Unsuback& ack) { out.be16(ack.message_id); },
            [&](const Pingreq& ping) { out.put(as_octets(ping.client_id)); },
            [](const Pingresp&) {},
            [&](const Disconnect& disconnect) {
                if (disconnect.duration_seconds) out.be16(*disconnect.duration_seconds);
            },
            [&](const WillResponse& response) { out.u8(std::to_underlying(response.code)); },
        },
        body);
}

struct Header {
    std::size_t body_octets;
    std::uint8_t type;
};

/// [MQTT-SN 1.2 §5.2.1] The length counts itself, in one octet or in three.
Header parse_header(ByteReader& in) {
    std::size_t length = in.u8();
    std::size_t own = 2;
    if (length == long_length) {
        length = in.be16();
        own = 4;
    }
    const std::uint8_t type = in.u8();
    if (in.ok() && length < own) in.fail(Fault::bad_length);
    if (in.ok() && length - own > in.remaining()) in.fail(Fault::truncated);
    return {in.ok() ? length - own : 0, type};
}

}  // namespace

Result<Message> Message::parse(ByteReader& in) {
    const Header header = parse_header(in);
    if (!in.ok()) return std::unexpected(in.error());
    const auto start = static_cast<std::uint32_t>(in.consumed());
    ByteReader inside(in.take(header.body_octets));
    Message message;
    if (!parse_body(static_cast<MessageType>(header.type), inside, message.body))
        return std::unexpected(WireError{Fault::unsupported, start - 1});
    // Fixed fields that are cut short, or something behind the last of them: the length is wrong,
    // since the datagram is whole.
    if (!inside.ok()) {
        WireError error = inside.error();
        if (error.fault == Fault::truncated) error.fault = Fault::bad_length;
        error.offset += start;
        return std::unexpected(error);
    }
    if (inside.more())
        return std::unexpected(
            WireError{Fault::bad_length, start + static_cast<std::uint32_t>(inside.consumed())});
    return message;
}

std::size_t Message::wire_size() const noexcept {
    const std::size_t octets = body_size(body) + 2;
    return octets < 256 ? octets : octets + 2;
}

void Message::emit(ByteWriter& out) const {
    const std::size_t octets = wire_size();
    CAUSEWAY_ASSERT(octets <= message_octets_max);
    if (octets < 256) {
        out.u8(static_cast<std::uint8_t>(octets));
    } else {
        out.u8(long_length);
        out.be16(static_cast<std::uint16_t>(octets));
    }
    out.u8(std::to_underlying(type()));
    emit_body(body, out);
}

MessageType Message::type() const noexcept {
    return std::visit(
        Overloaded{
            [](const Advertise&) { return MessageType::advertise; },
            [](const SearchGateway&) { return MessageType::searchgw; },
            [](const GatewayInfo&) { return MessageType::gwinfo; },
            [](const Connect&) { return MessageType::connect; },
            [](const Connack&) { return MessageType::connack; },
            [](const WillTopicRequest&) { return MessageType::willtopicreq; },
            [](const WillTopic& will) {
                return will.update ? MessageType::willtopicupd : MessageType::willtopic;
            },
            [](const WillMessageRequest&) { return MessageType::willmsgreq; },
            [](const WillMessage& will) {
                return will.update ? MessageType::willmsgupd : MessageType::willmsg;
            },
            [](const Register&) { return MessageType::register_; },
            [](const Regack&) { return MessageType::regack; },
            [](const Publish&) { return MessageType::publish; },
            [](const Puback&) { return MessageType::puback; },
            [](const Handshake& handshake) { return handshake.type; },
            [](const Subscribe& subscribe) {
                return subscribe.undo ? MessageType::unsubscribe : MessageType::subscribe;
            },
            [](const Suback&) { return MessageType::suback; },
            [](const Unsuback&) { return MessageType::unsuback; },
            [](const Pingreq&) { return MessageType::pingreq; },
            [](const Pingresp&) { return MessageType::pingresp; },
            [](const Disconnect&) { return MessageType::disconnect; },
            [](const WillResponse& response) {
                return response.of_topic ? MessageType::willtopicresp : MessageType::willmsgresp;
            },
        },
        body);
}

// ---- forwarders --------------------------------------------------------------------------------

Result<Encapsulation> Encapsulation::parse(ByteReader& in) {
    const std::uint8_t length = in.u8();
    if (in.u8() != std::to_underlying(MessageType::encapsulated)) in.fail(Fault::bad_value);
    const std::uint8_t control = in.u8();
    if (in.ok() && (length < 4 || length - 3u > node_octets_max)) in.fail(Fault::bad_length);
    const std::string_view node = as_text(in.take(in.ok() ? length - 3u : 0u));
    if (!in.ok()) return std::unexpected(in.error());
    return Encapsulation{static_cast<std::uint8_t>(control & 3), node};
}

void Encapsulation::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(node.size() <= node_octets_max && radius <= 3);
    out.u8(static_cast<std::uint8_t>(wire_size()));
    out.u8(std::to_underlying(MessageType::encapsulated));
    out.u8(radius);
    out.put(as_octets(node));
}

bool is_encapsulated(Bytes datagram) noexcept {
    return datagram.size() >= 2 && datagram[0] != std::byte{long_length} &&
           datagram[1] == std::byte{std::to_underlying(MessageType::encapsulated)};
}

}  // namespace causeway::mqtt::sn
