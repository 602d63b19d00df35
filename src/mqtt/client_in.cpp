// What the server says to a client.
#include "mqtt/client_state.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

std::string text_of(const std::optional<std::string_view>& text) {
    return text ? std::string(*text) : std::string();
}

PacketType type_of(Bytes whole) {
    return static_cast<PacketType>(std::to_integer<std::uint8_t>(whole[0]) >> 4);
}

}  // namespace

void Client::State::receive(Instant now, Bytes octets) {
    const auto listening = [this] {
        return phase == Phase::connecting || phase == Phase::connected;
    };
    if (!listening()) return;
    last_heard = now;
    while (listening()) {
        const auto step = framer.next(octets);
        if (!step) break;
        if (step->refused) {
            fault(now, step->refused->reason, step->refused->what);
            break;
        }
        take(now, step->packet);
    }
}

void Client::State::take(Instant now, Bytes whole) {
    ++stats.packets_in;
    const PacketType type = type_of(whole);
    if (phase == Phase::connecting && type != PacketType::connack && type != PacketType::auth)
        // "the first packet it sends MUST be a CONNACK", AUTH apart [MQTT-3.2.0-1].
        return fault(now, Reason::protocol_error, "the first packet is no CONNACK");
    if (type == PacketType::publish) return take_publish(now, whole);
    if (type == PacketType::connack) return take_connack(now, whole);

    const auto packet = parse_packet(whole, settings.version);
    if (!packet) return fault(now, packet.error().reason, packet.error().what);
    std::visit(Overloaded{
                   [&](const Ack& ack) { take_ack(now, ack); },
                   [&](const Suback& said) {
                       take_answer(now, said.packet_id, true, said.reasons,
                                   said.properties.reason_string.value_or(""));
                   },
                   [&](const Unsuback& said) {
                       take_answer(now, said.packet_id, false, said.reasons,
                                   said.properties.reason_string.value_or(""));
                   },
                   [&](Pingresp) { timers.disarm(Timer::pong); },
                   [&](const Disconnect& said) { take_disconnect(now, said); },
                   [&](const Auth& auth) { take_auth(now, auth); },
                   [&](const auto&) {
                       fault(now, Reason::protocol_error, "a packet that no server may send");
                   },
               },
               *packet);
}

void Client::State::take_connack(Instant now, Bytes whole) {
    // "The Server MUST NOT send more than one CONNACK" [MQTT-3.2.0-2].
    if (phase != Phase::connecting) return fault(now, Reason::protocol_error, "a second CONNACK");
    Octets storage = to_octets(whole);
    auto packet = parse_packet(storage, settings.version);
    if (!packet) return fault(now, packet.error().reason, packet.error().what);
    Connack& connack = std::get<Connack>(*packet);
    const Properties& said = connack.properties;
    timers.disarm(Timer::answer);

    if (connack.reason != Reason::success) {
        // A server that sends anything but success "MUST then close the Network Connection"
        // [MQTT-3.2.2-7]; so do we, for those that do not.
        flush();
        outbox.push(client::CloseTransport{});
        let_go();
        const auto retry_in = rest(now, true);
        outbox.push(client::ConnectionRefused(std::move(storage), std::move(connack), retry_in));
        return;
    }
    const bool resumes =
        is_v5() && was_connected && settings.keep_session && settings.session_expiry_seconds != 0;
    if (connack.session_present && settings.clean_start && !resumes)
        // "If the Client does not have Session State and receives Session Present set to 1 it
        // MUST close the Network Connection" [MQTT-3.2.2-4]. A host that did not ask for a clean
        // start has a session by its client identifier.
        return fault(now, Reason::protocol_error, "a session is present that was to be clean");
    if (is_v5()) {
        // [MQTT-4.12.0-5]
        if (said.authentication_method &&
            *said.authentication_method != settings.authentication_method)
            return fault(now, Reason::protocol_error, "another authentication method");
        server_receive_maximum = said.receive_maximum.value_or(65535);
        server_packet_octets_max = said.maximum_packet_octets.value_or(0);
        server_alias_maximum = said.topic_alias_maximum.value_or(0);
        server_qos_max = static_cast<Qos>(said.maximum_qos.value_or(2));
        server_retains = said.retain_available.value_or(true);
        if (said.assigned_client_id) id = *said.assigned_client_id;
    }
    // "the Client MUST use this value instead" [MQTT-3.2.2-21]. A tenth less than the time allowed,
    // so that a host that wakes late is in time.
    keep_alive =
        std::chrono::seconds(said.server_keep_alive_seconds.value_or(settings.keep_alive_seconds));
    keep_alive -= keep_alive / 10;
    phase = Phase::connected;
    was_connected = true;
    since = now;
    ++stats.connections;
    touch_timer(now);
    const bool present = connack.session_present;
    outbox.push(client::Connected(std::move(storage), std::move(connack)));

    // "If the Client does have Session State and receives Session Present set to 0 it MUST discard
    // its Session State" [MQTT-3.2.2-5].
    flights.ground();
    if (!present) session_lost();
    for (const auto& released : flights.released()) {
        ++stats.retransmissions;
        send_ack(now, PacketType::pubrel, released.packet_id, Reason::success);  // [MQTT-4.4.0-1]
    }
    pump(now);
}

/// What was in flight begins anew, or ends here.
void Client::State::session_lost() {
    receipts.forget();
    for (const auto& released : flights.take_released()) {
        // The server had it, for PUBREC says so [MQTT 5.0 §4.3.3].
        ids.give_back(released.packet_id);
        ended(released.ticket, released.reason, {});
    }
    auto lost = flights.take_published();
    for (auto flight = lost.rbegin(); flight != lost.rend(); ++flight) {
        ids.give_back(flight->packet_id);
        if (flight->qos == Qos::exactly_once && !settings.doubles_rather_than_loses) {
            --stats.publishes_open;
            ++stats.publishes_failed;
            outbox.push(client::Published{flight->ticket, Reason::unspecified_error, true});
            continue;
        }
        flight->mark_duplicate(false);
        waiting_octets += flight->packet.size();
        waiting.push_front(std::move(*flight));
    }
}

bool Client::State::resolve_alias(Instant now, Octets& storage, Publish& publish) {
    const std::uint16_t alias = *publish.properties.topic_alias;
    // All that we allowed are taken [MQTT-3.3.2-10]; zero [MQTT-3.3.2-8] and those above
    // [MQTT-3.3.2-11] are not.
    if (alias == 0 || alias > settings.topic_alias_maximum) {
        fault(now, Reason::topic_alias_invalid, "a topic alias that was not allowed");
        return false;
    }
    if (aliases_in.size() < alias) aliases_in.resize(alias);
    std::string& topic = aliases_in[alias - 1u];
    if (!publish.topic.empty()) {
        topic = publish.topic;
        return true;
    }
    if (topic.empty()) {
        fault(now, Reason::protocol_error, "a topic alias that was never given");
        return false;
    }
    Octets longer;
    longer.reserve(storage.size() + topic.size());
    longer.insert(longer.end(), storage.begin(), storage.end());
    const Bytes name = as_octets(topic);
    longer.insert(longer.end(), name.begin(), name.end());
    publish = *parse_publish(Bytes(longer).first(storage.size()), settings.version);
    publish.topic = as_text(Bytes(longer).subspan(storage.size()));
    storage = std::move(longer);
    return true;
}

void Client::State::take_publish(Instant now, Bytes whole) {
    ++stats.messages_in;
    // Counted as refused until it is known to be good.
    ++stats.refused;
    Octets storage = framer.take_storage();
    if (storage.empty()) storage = to_octets(whole);
    auto parsed = parse_publish(storage, settings.version);
    if (!parsed) return fault(now, parsed.error().reason, parsed.error().what);
    Publish publish = std::move(*parsed);
    if (publish.topic.empty() && !publish.properties.topic_alias)
        return fault(now, Reason::protocol_error, "neither a topic nor an alias");
    if (publish.properties.topic_alias && !resolve_alias(now, storage, publish)) return;

    const std::uint16_t packet_id = publish.packet_id;
    const Qos qos = publish.qos;
    bool fresh = true;
    if (qos != Qos::at_most_once) {
        // "If it receives more than Receive Maximum QoS 1 and QoS 2 PUBLISH packets where it has
        // not sent a PUBACK or PUBCOMP in response" [MQTT-3.3.4-9].
        if (receipts.open() >= settings.receive_maximum)
            return fault(now, Reason::receive_maximum_exceeded,
                         "more messages in flight than were allowed");
        fresh = receipts.arrived(packet_id, qos);
    }
    --stats.refused;
    ++(fresh ? stats.delivered : stats.duplicates);
    if (fresh) outbox.push(client::MessageArrived(std::move(storage), std::move(publish)));
    if (qos == Qos::at_most_once) return;
    // [MQTT-4.3.2-4] [MQTT-4.3.3-8]
    if (!settings.host_acknowledges) (void)receipts.acknowledge(packet_id, Reason::success);
    send_due_acks(now);
}

void Client::State::ended(client::Ticket ticket, Reason reason, std::string_view why) {
    --stats.publishes_open;
    ++(is_error(reason) ? stats.publishes_failed : stats.published);
    outbox.push(client::Published{ticket, reason, false, std::string(why)});
}

void Client::State::take_ack(Instant now, const Ack& ack) {
    const std::string_view why = ack.properties.reason_string.value_or("");
    const Reason unknown = is_v5() ? Reason::packet_identifier_not_found : Reason::success;
    switch (ack.type) {
        case PacketType::puback:
            if (const auto flight = flights.land(ack.packet_id, Qos::at_least_once)) {
                ids.give_back(ack.packet_id);
                ended(flight->ticket, ack.reason, why);
                return pump(now);
            }
            break;
        case PacketType::pubrec:
            if (auto flight = flights.land(ack.packet_id, Qos::exactly_once)) {
                if (is_error(ack.reason)) {
                    // An end without PUBREL [MQTT-4.3.3-4] [MQTT-4.4.0-2].
                    ids.give_back(ack.packet_id);
                    ended(flight->ticket, ack.reason, why);
                    return pump(now);
                }
                flights.release(*flight, ack.reason);
                return send_ack(now, PacketType::pubrel, ack.packet_id, Reason::success);
            }
            if (is_error(ack.reason)) break;
            // Once more, or of nothing: PUBREL is the answer either way [MQTT-4.3.3-4].
            return send_ack(now, PacketType::pubrel, ack.packet_id,
                            flights.is_released(ack.packet_id) ? Reason::success : unknown);
        case PacketType::pubrel: {
            const bool known = receipts.release(ack.packet_id);
            if (!known) ++stats.strays;
            // [MQTT-4.3.3-11]
            return send_ack(now, PacketType::pubcomp, ack.packet_id,
                            known ? Reason::success : unknown);
        }
        default:
            if (const auto done = flights.complete(ack.packet_id)) {
                ids.give_back(ack.packet_id);
                // "not found" here says that the server is done with it, too.
                ended(done->ticket, done->reason, why);
                return pump(now);
            }
            break;
    }
    ++stats.strays;
}

void Client::State::take_answer(Instant now, std::uint16_t packet_id, bool subscribes,
                                std::vector<Reason> reasons, std::string_view reason_string) {
    const auto found = std::ranges::find_if(requests, [&](const Request& request) {
        return request.packet_id == packet_id && request.subscribes == subscribes;
    });
    if (found == requests.end()) {
        ++stats.strays;
        return;
    }
    const Request request = *found;
    requests.erase(found);
    ids.give_back(packet_id);
    if (!subscribes && !is_v5()) reasons.assign(request.filters, Reason::success);
    const bool fits = reasons.size() == request.filters;
    if (subscribes)
        outbox.push(client::Subscribed{request.ticket, packet_id, std::move(reasons),
                                       std::string(reason_string)});
    else
        outbox.push(client::Unsubscribed{request.ticket, packet_id, std::move(reasons),
                                         std::string(reason_string)});
    // "a Reason Code for each Topic Filter" [MQTT-3.8.4-6] [MQTT-3.11.3-1].
    if (!fits) return fault(now, Reason::protocol_error, "not one reason for each filter");
    pump(now);
}

void Client::State::take_auth(Instant now, const Auth& auth) {
    // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
    if (settings.authentication_method.empty() ||
        auth.properties.authentication_method != settings.authentication_method)
        return fault(now, Reason::protocol_error, "an AUTH that nobody asked for");
    timers.disarm(Timer::answer);
    Octets data = to_octets(as_octets(auth.properties.authentication_data.value_or("")));
    if (auth.reason == Reason::continue_authentication &&
        (phase == Phase::connecting || reauthenticating)) {
        outbox.push(client::Challenge{std::move(data)});
        return;
    }
    if (auth.reason != Reason::success || !reauthenticating)
        return fault(now, Reason::protocol_error, "an AUTH out of turn");
    reauthenticating = false;
    outbox.push(client::Reauthenticated{std::move(data)});
}

void Client::State::take_disconnect(Instant now, const Disconnect& said) {
    // 3.1.1 knows it from clients only [MQTT 3.1.1 §3.14], and the property is a client's
    // [MQTT-3.14.2-2].
    if (!is_v5() || said.properties.session_expiry_seconds)
        return fault(now, Reason::protocol_error, "a DISCONNECT that no server may send");
    close(now, client::Disconnected::Cause::by_server, said.reason,
          text_of(said.properties.reason_string), text_of(said.properties.server_reference));
}

}  // namespace causeway::mqtt
