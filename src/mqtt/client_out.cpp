// What the host asks of a client.
#include "mqtt/client_state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

/// Where the packet identifier of a PUBLISH lies: behind its length and its topic.
std::uint32_t id_at(Bytes packet, std::size_t topic_octets) {
    std::size_t at = 1;
    while ((packet[at] & std::byte{0x80}) != std::byte{}) ++at;
    return static_cast<std::uint32_t>(at + 1 + 2 + topic_octets);
}

bool good_options(const Subscribe::Entry& entry) {
    if (!is_topic_filter(entry.filter) || !is_utf8_text(entry.filter)) return false;
    // "It is a Protocol Error to set the No Local bit to 1 on a Shared Subscription"
    // [MQTT-3.8.3-4].
    return !(entry.options.no_local && shared_of(entry.filter));
}

}  // namespace

/// Everything pushed after this comes after what was sent before it.
void Client::State::flush() {
    if (!out.empty()) outbox.push(client::SendOctets{std::exchange(out, {})});
}

void Client::State::send(Instant now, const Packet& packet) {
    append(packet, settings.version, out);
    last_sent = now;
}

void Client::State::send_raw(Instant now, Bytes packet) {
    out.insert(out.end(), packet.begin(), packet.end());
    last_sent = now;
}

void Client::State::send_ack(Instant now, PacketType type, std::uint16_t packet_id, Reason reason) {
    send(now, Ack{type, packet_id, reason, {}});
}

void Client::State::refuse(client::Ticket ticket, Reason reason, std::string_view why) {
    ++stats.publishes_refused;
    outbox.push(client::Published{ticket, reason, false, std::string(why)});
}

std::optional<Reason> Client::State::unsendable(std::size_t octets, Qos qos, bool retain) const {
    if (octets > packet_octets_most) return Reason::packet_too_large;
    if (phase != Phase::connected) return std::nullopt;
    // [MQTT-3.2.2-15], [MQTT-3.2.2-11], [MQTT-3.2.2-14]
    if (server_packet_octets_max != 0 && octets > server_packet_octets_max)
        return Reason::packet_too_large;
    if (qos > server_qos_max) return Reason::qos_not_supported;
    if (retain && !server_retains) return Reason::retain_not_supported;
    return std::nullopt;
}

/// QoS 0 while connected: never kept. False: too large for the server, and said so.
bool Client::State::publish_directly(Instant now, const Publish& publish) {
    Publish aliased = publish;
    const auto known = aliases_out.find(publish.topic);
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
    const std::size_t allowed = std::min(settings.topic_aliases_out, server_alias_maximum);
    if (known != aliases_out.end()) {
        aliased.properties.topic_alias = known->second;
        aliased.topic = {};
    } else if (aliases_out.size() < allowed) {
        aliased.properties.topic_alias = static_cast<std::uint16_t>(aliases_out.size() + 1);
    }
    const std::size_t before = out.size();
    append_publish_head(aliased, settings.version, out);
    out.insert(out.end(), publish.payload.begin(), publish.payload.end());
    if (unsendable(out.size() - before, publish.qos, publish.retain)) {
        out.resize(before);
        return false;
    }
    if (aliased.properties.topic_alias && known == aliases_out.end())
        aliases_out.emplace(publish.topic, *aliased.properties.topic_alias);
    last_sent = now;
    return true;
}

void Client::State::publish(Instant now, const client::DoPublish& wanted) {
    ++stats.publishes;
    Publish message = wanted.publish;
    message.dup = false;  // [MQTT-3.3.1-2]
    message.properties.topic_alias.reset();
    // A client does not say subscription identifiers [MQTT-3.3.4-6].
    message.properties.subscription_identifiers.clear();
    message.packet_id = message.qos == Qos::at_most_once ? 0 : 1;
    // "The Topic Name in the PUBLISH packet MUST NOT contain wildcard characters" [MQTT-3.3.2-2].
    if (!is_topic_name(message.topic) || !is_utf8_text(message.topic))
        return refuse(wanted.ticket, Reason::topic_name_invalid, "not a topic name");
    if (phase != Phase::connected && !settings.waits_for_connection)
        return refuse(wanted.ticket, Reason::server_unavailable, {});
    if (message.payload.size() > packet_octets_most)
        return refuse(wanted.ticket, Reason::packet_too_large, {});
    if (const auto why = unsendable(0, message.qos, message.retain))
        return refuse(wanted.ticket, *why, {});

    if (phase == Phase::connected && message.qos == Qos::at_most_once && waiting.empty()) {
        if (!publish_directly(now, message))
            return refuse(wanted.ticket, Reason::packet_too_large, {});
        ++stats.published;
        outbox.push(client::Published{wanted.ticket});
        return;
    }

    client::Flight flight{.ticket = wanted.ticket, .packet = {}, .qos = message.qos};
    append_publish_head(message, settings.version, flight.packet);
    flight.id_at = id_at(flight.packet, message.topic.size());
    flight.packet.insert(flight.packet.end(), message.payload.begin(), message.payload.end());
    if (const auto why = unsendable(flight.packet.size(), message.qos, message.retain))
        return refuse(wanted.ticket, *why, {});
    if (waiting.size() >= settings.waiting_messages_max ||
        waiting_octets + flight.packet.size() > settings.waiting_octets_max)
        return refuse(wanted.ticket, Reason::quota_exceeded, "too much waits already");
    ++stats.publishes_open;
    waiting_octets += flight.packet.size();
    waiting.push_back(std::move(flight));
    if (phase == Phase::connected) pump(now);
}

void Client::State::launch(Instant now, client::Flight flight) {
    if (const auto why = unsendable(flight.packet.size(), flight.qos, flight.retain())) {
        --stats.publishes_open;
        return refuse(flight.ticket, *why, {});
    }
    if (flight.qos == Qos::at_most_once) {
        --stats.publishes_open;
        ++stats.published;
        send_raw(now, flight.packet);
        outbox.push(client::Published{flight.ticket});
        return;
    }
    flight.number(ids.take());
    send_raw(now, flights.launch(std::move(flight)).packet);
}

void Client::State::pump(Instant now) {
    const std::size_t window = std::min(settings.inflight_max, server_receive_maximum);
    // No more PUBLISH packets with QoS > 0 than this [MQTT-3.3.4-7] [MQTT-4.9.0-2]; those that were
    // sent before go first, in their order [MQTT-4.6.0-1].
    while (flights.on_wire() < window) {
        client::Flight* const again = flights.resend();
        if (again == nullptr) break;
        again->mark_duplicate(true);  // [MQTT-3.3.1-1]
        ++stats.retransmissions;
        send_raw(now, again->packet);
    }
    while (!waiting.empty()) {
        const bool counted = waiting.front().qos != Qos::at_most_once;
        // Identifiers run out only when requests and publishes have taken all 65,535 of them.
        if (counted && (flights.size() >= window || flights.size() + requests.size() >= 65535))
            break;
        client::Flight next = std::move(waiting.front());
        waiting.pop_front();
        waiting_octets -= next.packet.size();
        launch(now, std::move(next));
    }
}

void Client::State::subscribe(Instant now, const client::DoSubscribe& wanted) {
    Subscribe packet = wanted.subscribe;
    client::Subscribed answer{.ticket = wanted.ticket};
    const auto refused = [&](Reason reason) {
        // At least one, so that the host sees a refusal and no lost connection.
        answer.reasons.assign(std::max<std::size_t>(packet.entries.size(), 1), reason);
        outbox.push(std::move(answer));
    };
    // "The Payload MUST contain at least one Topic Filter" [MQTT-3.8.3-2].
    if (packet.entries.empty()) return refused(Reason::protocol_error);
    if (!std::ranges::all_of(packet.entries, good_options))
        return refused(Reason::topic_filter_invalid);
    if (phase != Phase::connected) return refused(Reason::server_unavailable);
    if (requests.size() >= settings.requests_max) {
        ++stats.requests_refused;
        return refused(Reason::quota_exceeded);
    }
    packet.packet_id = 1;
    if (const auto why = unsendable(wire_size(packet, settings.version), Qos{}, false))
        return refused(*why);
    packet.packet_id = ids.take();  // "a non-zero Packet Identifier" [MQTT-2.2.1-3]
    if (packet.packet_id == 0) return refused(Reason::quota_exceeded);
    requests.push_back({packet.packet_id, wanted.ticket, true, packet.entries.size()});
    send(now, packet);
}

void Client::State::unsubscribe(Instant now, const client::DoUnsubscribe& wanted) {
    Unsubscribe packet = wanted.unsubscribe;
    client::Unsubscribed answer{.ticket = wanted.ticket};
    const auto refused = [&](Reason reason) {
        answer.reasons.assign(std::max<std::size_t>(packet.filters.size(), 1), reason);
        outbox.push(std::move(answer));
    };
    // "The Payload of an UNSUBSCRIBE packet MUST contain at least one Topic Filter"
    // [MQTT-3.10.3-2].
    if (packet.filters.empty()) return refused(Reason::protocol_error);
    const auto good = [](std::string_view filter) {
        return is_topic_filter(filter) && is_utf8_text(filter);
    };
    if (!std::ranges::all_of(packet.filters, good)) return refused(Reason::topic_filter_invalid);
    if (phase != Phase::connected) return refused(Reason::server_unavailable);
    if (requests.size() >= settings.requests_max) {
        ++stats.requests_refused;
        return refused(Reason::quota_exceeded);
    }
    packet.packet_id = 1;
    if (const auto why = unsendable(wire_size(packet, settings.version), Qos{}, false))
        return refused(*why);
    packet.packet_id = ids.take();
    if (packet.packet_id == 0) return refused(Reason::quota_exceeded);
    requests.push_back({packet.packet_id, wanted.ticket, false, packet.filters.size()});
    send(now, packet);
}

void Client::State::acknowledge(Instant now, const client::Acknowledge& said) {
    if (!receipts.acknowledge(said.packet_id, said.reason)) {
        ++stats.strays;
        return;
    }
    send_due_acks(now);
}

void Client::State::send_due_acks(Instant now) {
    while (const auto due = receipts.next_due()) {
        const PacketType type =
            due->qos == Qos::exactly_once ? PacketType::pubrec : PacketType::puback;
        send_ack(now, type, due->packet_id, due->reason);
    }
}

void Client::State::disconnect(Instant now, const client::DoDisconnect& wanted) {
    if (phase == Phase::connecting || phase == Phase::connected) {
        Disconnect packet{.reason = wanted.reason, .properties = wanted.properties};
        // "If the Session Expiry Interval in the CONNECT packet was zero, then it is a Protocol
        // Error to set a non-zero" one here [MQTT 5.0 §3.14.2.2.2].
        if (settings.session_expiry_seconds == 0) packet.properties.session_expiry_seconds.reset();
        // In 3.1.1 only saying nothing leaves the will to be published.
        const bool silent = !is_v5() && wanted.reason == Reason::disconnect_with_will;
        if (!silent) send(now, packet);
    }
    close(now, client::Disconnected::Cause::asked, wanted.reason, {});
}

void Client::State::answer_challenge(Instant now, Reason reason, Bytes data) {
    // AUTH is for who has begun with a method [MQTT-4.12.0-7], and a re-authentication for who is
    // connected; it names the same method [MQTT-4.12.1-1].
    if (!is_v5() || settings.authentication_method.empty()) return;
    const bool again = reason == Reason::reauthenticate;
    if (phase != Phase::connected && (again || phase != Phase::connecting)) return;
    if (phase == Phase::connected && again == reauthenticating) return;
    reauthenticating = reauthenticating || again;
    Auth auth{.reason = reason, .properties = {}};
    auth.properties.authentication_method = settings.authentication_method;
    if (!data.empty()) auth.properties.authentication_data = as_text(data);
    send(now, auth);
    timers.arm(Timer::answer, after(now, settings.answer_within));
}

}  // namespace causeway::mqtt
