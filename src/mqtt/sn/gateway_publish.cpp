// What clients publish, on its way to the broker [MQTT-SN 1.2 §6.6, §6.8].
#include "mqtt/sn/gateway_state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {
namespace {

/// FNV-1a.
std::uint64_t digest_of(std::string_view payload) {
    std::uint64_t digest = 0xcbf29ce484222325u;
    for (const char c : payload) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return digest;
}

}  // namespace

Link* Gateway::State::link_of(const Guest& client) {
    if (aggregating()) {
        if (!own) return nullptr;
        Link& link = links.at(*own);
        return link.up ? &link : nullptr;
    }
    if (!client.link) return nullptr;
    Link& link = links.at(*client.link);
    return link.up ? &link : nullptr;
}

/// Transparent: the client's own, so that an exchange outlives a connection. On the shared link: a
/// free one.
std::optional<std::uint16_t> Gateway::State::packet_id_for(Link& link, const Guest& client,
                                                           std::uint16_t message_id) {
    if (link.client) return message_id;
    // [MQTT-3.3.4-7] The broker's window holds for all of them together.
    if (link.owners.size() >= link.receive_maximum) return std::nullopt;
    do {
        ++link.last_packet_id;
    } while (link.last_packet_id == 0 || link.owners.contains(link.last_packet_id));
    link.owners[link.last_packet_id] = {client.number, message_id};
    return link.last_packet_id;
}

/// A publish that is under way, or over: its answer is said again.
bool Gateway::State::known_already(Guest& client, const Publish& message) {
    const bool twice = message.qos == Quality::exactly_once;
    if (const auto known = client.upward.find(message.message_id); known != client.upward.end()) {
        if (known->second.recorded)
            send(client, Handshake{MessageType::pubrec, message.message_id});
        return true;
    }
    for (const Acknowledged& before : client.acknowledged) {
        if (before.message_id != message.message_id || before.topic_id != message.topic_id ||
            before.twice != twice)
            continue;
        // A client may use one id again and again: only what says DUP is known to be old. With QoS
        // 2 a copy that the network made has to be known, too.
        const bool copy = twice && before.digest == digest_of(message.payload) &&
                          now - before.at < settings.retry_after;
        if (!message.dup && !copy) continue;
        if (twice)
            send(client, Handshake{MessageType::pubrec, message.message_id});
        else
            send(client, Puback{before.topic_id, before.message_id, before.code});
        return true;
    }
    return false;
}

void Gateway::State::over(Guest& client, std::uint16_t message_id, const Upward& publish,
                          ReturnCode code) {
    client.acknowledged[client.next_acknowledged] = {
        .message_id = message_id,
        .topic_id = publish.topic_id,
        .code = code,
        .twice = publish.kind == Upward::Kind::publish_twice,
        .digest = publish.digest,
        .at = now};
    client.next_acknowledged =
        static_cast<std::uint8_t>((client.next_acknowledged + 1u) % client.acknowledged.size());
}

void Gateway::State::publish(Guest& client, const Publish& message) {
    if (message.qos == Quality::without_connection) return publish_minus_one(&client, message);
    ++stats.publishes_received;
    const bool wants_answer = message.qos != Quality::at_most_once;
    const auto refused = [&](std::uint64_t& counter, ReturnCode code) {
        ++counter;
        // [MQTT-SN 1.2 §5.4.13] An error is said for QoS 0, too.
        send(client, Puback{message.topic_id, message.message_id, code});
    };
    if (wants_answer) {
        if (message.message_id == 0)
            return refused(stats.publishes_congested, ReturnCode::not_supported);
        if (known_already(client, message)) return void(++stats.publishes_duplicate);
    }
    const std::string topic = topic_of(&client, message.kind, message.topic_id);
    if (!is_topic_name(topic) || !is_utf8_text(topic))
        return refused(stats.publishes_bad_topic, ReturnCode::invalid_topic_id);

    Link* link = link_of(client);
    mqtt::Publish publish;
    if (link == nullptr || (wants_answer && client.upward.size() >= settings.upward_max_each) ||
        (wants_answer && link->client && client.upward.size() >= link->receive_maximum))
        return refused(stats.publishes_congested, ReturnCode::congestion);
    if (wants_answer) {
        const auto packet_id = packet_id_for(*link, client, message.message_id);
        if (!packet_id) return refused(stats.publishes_congested, ReturnCode::congestion);
        publish.packet_id = *packet_id;
        client.upward[message.message_id] = {.kind = message.qos == Quality::exactly_once
                                                         ? Upward::Kind::publish_twice
                                                         : Upward::Kind::publish,
                                             .packet_id = *packet_id,
                                             .topic_kind = message.kind,
                                             .topic_id = message.topic_id,
                                             .digest = digest_of(message.payload)};
        // Within one connection what comes twice stops here; across two, the broker has to know.
        publish.dup = message.dup && link->client.has_value();
    }
    publish.qos = qos_of(message.qos);
    publish.retain = message.retain;
    publish.topic = topic;
    publish.payload = as_octets(message.payload);
    ++stats.publishes_forwarded;
    send(*link, publish);
}

/// [MQTT-SN 1.2 §6.8] From anybody, to topics that need no registration; nobody is told anything.
void Gateway::State::publish_minus_one(const Guest* client, const Publish& message) {
    ++stats.publishes_received;
    ++stats.publishes_minus_one;
    const std::string topic = message.kind == TopicKind::normal
                                  ? std::string()
                                  : topic_of(client, message.kind, message.topic_id);
    if (!settings.qos_minus_1 || !is_topic_name(topic) || !is_utf8_text(topic))
        return void(++stats.publishes_bad_topic);
    Link* link = client != nullptr ? link_of(*client) : nullptr;
    if (link == nullptr) {
        need_own_link();
        if (own && links.at(*own).up) link = &links.at(*own);
    }
    if (link == nullptr) {
        if (minus_one.size() >= settings.minus_one_waiting_max)
            return void(++stats.publishes_congested);
        ++stats.publishes_forwarded;
        minus_one.push_back({topic, std::string(message.payload), message.retain});
        return;
    }
    mqtt::Publish publish;
    publish.retain = message.retain;
    publish.topic = topic;
    publish.payload = as_octets(message.payload);
    ++stats.publishes_forwarded;
    send(*link, publish);
}

/// PUBREL of a client.
void Gateway::State::release(Guest& client, std::uint16_t message_id) {
    const auto known = client.upward.find(message_id);
    Link* link = link_of(client);
    if (known == client.upward.end()) {
        // Of an exchange that began before this connection, or one that is over: who answers is
        // whoever keeps the session.
        if (aggregating() || link == nullptr || message_id == 0 ||
            client.upward.size() >= settings.upward_max_each)
            return send(client, Handshake{MessageType::pubcomp, message_id});
        client.upward[message_id] = {.kind = Upward::Kind::publish_twice,
                                     .recorded = true,
                                     .released = true,
                                     .packet_id = message_id,
                                     .filter = {}};
    } else {
        Upward& upward = known->second;
        if (upward.kind != Upward::Kind::publish_twice || upward.released) return;
        upward.released = true;
        if (!upward.recorded) return;  // PUBREL follows when the broker has said PUBREC
    }
    if (link == nullptr) return;
    Ack ack;
    ack.type = PacketType::pubrel;
    ack.packet_id = client.upward[message_id].packet_id;
    send(*link, ack);
}

/// PUBACK, PUBREC and PUBCOMP of the broker to what a client published.
void Gateway::State::publish_acknowledged(Guest& client, std::uint16_t message_id, PacketType type,
                                          Reason reason) {
    const auto known = client.upward.find(message_id);
    if (known == client.upward.end()) return;
    Upward& upward = known->second;
    const bool twice = upward.kind == Upward::Kind::publish_twice;
    if (upward.kind != Upward::Kind::publish && !twice) return;
    if (type == PacketType::pubrec && twice && !is_error(reason)) {
        upward.recorded = true;
        if (!upward.released) return send(client, Handshake{MessageType::pubrec, message_id});
        if (Link* link = link_of(client)) {
            Ack ack;
            ack.type = PacketType::pubrel;
            ack.packet_id = upward.packet_id;
            send(*link, ack);
        }
        return;
    }
    if (type == PacketType::pubcomp && twice) {
        over(client, message_id, upward, ReturnCode::accepted);
        client.upward.erase(known);
        return send(client, Handshake{MessageType::pubcomp, message_id});
    }
    if ((type == PacketType::puback) == twice) return;
    if (is_error(reason)) ++stats.publishes_refused;
    const Upward publish = std::move(upward);
    client.upward.erase(known);
    const ReturnCode code = return_code_of(reason);
    if (!twice) over(client, message_id, publish, code);
    send(client, Puback{publish.topic_id, message_id, code});
}

/// On a link that a client has left, which is then closed; or on the gateway's own.
void Gateway::State::say_will(Guest& client, Link& link) {
    const WillData will = *std::exchange(client.will, std::nullopt);
    mqtt::Publish publish;
    publish.topic = will.topic;
    publish.payload = as_octets(will.message);
    publish.qos = will.qos;
    publish.retain = will.retain;
    const bool shared = own == link.id;
    if (will.qos != Qos::at_most_once) {
        do {
            ++link.last_packet_id;
        } while (link.last_packet_id == 0 || link.owners.contains(link.last_packet_id));
        publish.packet_id = link.last_packet_id;
        link.owners[publish.packet_id] = {};
    }
    ++stats.wills_published;
    send(link, publish);
    if (shared) return;
    if (will.qos == Qos::at_most_once) return close_link(link.id, true);
    link.leaving = true;
    link.deadline = after(now, settings.connect_within);
    watch(link);
}

}  // namespace causeway::mqtt::sn
