// What the broker has for clients: registered where they do not know the topic, retransmitted,
// buffered while they sleep [MQTT-SN 1.2 §6.10, §6.13, §6.14].
#include "mqtt/sn/gateway_state.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {

void Gateway::State::deliver(Guest& client, Delivery delivery) {
    ++stats.deliveries;
    const std::size_t octets = delivery.content ? delivery.content->payload.size() : 0;
    const std::size_t topic_octets = delivery.content ? delivery.content->topic.size() : 0;
    // [MQTT-SN 1.2 §5.2.1] Nothing is fragmented: neither PUBLISH nor the REGISTER before it.
    if (std::max(octets, topic_octets) + publish_overhead + 2 > settings.datagram_octets_max) {
        ++stats.deliveries_too_large;
        return settle(client, delivery, Reason::implementation_specific_error);
    }
    const auto full = [&] {
        return client.queue.size() >= settings.buffered_max_each ||
               client.queue_octets + octets > settings.buffered_octets_max_each;
    };
    while (full()) {
        // The oldest that nobody promised to deliver makes room, but not the one under way.
        const auto first =
            client.queue.begin() +
            (client.exchange.step == Exchange::Step::none || client.queue.empty() ? 0 : 1);
        const auto victim = std::find_if(first, client.queue.end(), [](const Delivery& other) {
            return other.qos == Qos::at_most_once && other.content;
        });
        if (delivery.qos == Qos::at_most_once || victim == client.queue.end()) {
            ++stats.deliveries_full;
            return settle(client, delivery, Reason::quota_exceeded);
        }
        client.queue_octets -= victim->content->payload.size();
        client.queue.erase(victim);
        --stats.deliveries_waiting;
        ++stats.deliveries_full;
    }
    client.queue_octets += octets;
    client.queue.push_back(std::move(delivery));
    ++stats.deliveries_waiting;
    pump(client);
    watch(client);
}

/// Sends what can be sent: all of QoS 0 up to something that has to be answered.
void Gateway::State::pump(Guest& client) {
    while (client.reachable() && client.exchange.step == Exchange::Step::none &&
           !client.queue.empty())
        if (!send_first(client)) break;
    if (client.stage == Guest::Stage::awake && client.queue.empty()) {
        // [MQTT-SN 1.2 §6.14] All is said: it may sleep again, as long as the last time.
        send(client, Pingresp{});
        client.stage = Guest::Stage::asleep;
        supervise(client, client.sleep_seconds);
    }
}

/// False when an answer has to come first.
bool Gateway::State::send_first(Guest& client) {
    Delivery& first = client.queue.front();
    Exchange& exchange = client.exchange;
    exchange = {};
    if (!first.content) {
        exchange.step = Exchange::Step::releasing;
        exchange.message_id = first.packet_id;
        transmit(client);
        return false;
    }
    if (!client.topics.alias_of(first.content->topic)) {
        // [MQTT-SN 1.2 §6.10] What came through a wildcard has no id that the client knows.
        if (!client.topics.assign(first.content->topic, settings.topics_max_each)) {
            done(client, stats.deliveries_no_topic, Reason::quota_exceeded);
            return true;
        }
        exchange.step = Exchange::Step::registering;
        exchange.message_id = next_message_id(client);
    } else if (first.qos == Qos::at_most_once) {
        transmit(client);
        done(client, stats.delivered);
        return true;
    } else {
        exchange.step = Exchange::Step::publishing;
        if (first.message_id == 0)
            first.message_id = first.packet_id != 0 ? first.packet_id : next_message_id(client);
        else
            first.dup = true;
        exchange.message_id = first.message_id;
    }
    transmit(client);
    return false;
}

/// What the exchange stands at, for the first time or once more.
void Gateway::State::transmit(Guest& client) {
    Exchange& exchange = client.exchange;
    if (exchange.step == Exchange::Step::recorded) return;
    const Delivery& first = client.queue.front();
    if (exchange.step == Exchange::Step::registering) {
        const auto id = client.topics.assign(first.content->topic, settings.topics_max_each);
        send(client,
             Register{id.value_or(topic_id_none), exchange.message_id, first.content->topic});
    } else if (exchange.step == Exchange::Step::releasing) {
        send(client, Handshake{MessageType::pubrel, exchange.message_id});
    } else {
        const auto alias = client.topics.alias_of(first.content->topic);
        if (!alias) {  // told otherwise since: begin again
            exchange = {};
            return pump(client);
        }
        send(client, Publish{.dup = first.dup,
                             .qos = quality_of(first.qos),
                             .retain = first.retain,
                             .kind = alias->kind,
                             .topic_id = alias->id,
                             .message_id = first.qos == Qos::at_most_once ? std::uint16_t{0}
                                                                          : exchange.message_id,
                             .payload = first.content->payload});
    }
    if (exchange.step != Exchange::Step::none) exchange.retry_at = after(now, settings.retry_after);
}

void Gateway::State::retry(Guest& client) {
    Exchange& exchange = client.exchange;
    if (++exchange.retries > settings.retries_max) {
        if (client.stage != Guest::Stage::awake) return lose(client, "no answer to what was sent");
        // It was awake and is gone again: the next time, then.
        client.stage = Guest::Stage::asleep;
        exchange.retry_at = never;
        return watch(client);
    }
    ++stats.retransmissions;
    if (exchange.step == Exchange::Step::publishing) client.queue.front().dup = true;
    transmit(client);
    watch(client);
}

void Gateway::State::interrupt(Guest& client) {
    client.exchange.retry_at = never;
    if (client.exchange.step != Exchange::Step::releasing &&
        client.exchange.step != Exchange::Step::recorded)
        client.exchange = {};
}

void Gateway::State::resume(Guest& client) {
    client.exchange.retries = 0;
    if (client.exchange.step == Exchange::Step::publishing) client.queue.front().dup = true;
    if (client.exchange.step == Exchange::Step::none)
        pump(client);
    else
        transmit(client);
}

std::uint16_t Gateway::State::next_message_id(Guest& client) {
    if (++client.last_message_id == 0) ++client.last_message_id;
    return client.last_message_id;
}

/// The first of the queue is over, one way or another.
void Gateway::State::done(Guest& client, std::uint64_t& outcome, Reason reason) {
    const Delivery first = std::move(client.queue.front());
    client.queue.pop_front();
    if (first.content) client.queue_octets -= first.content->payload.size();
    client.exchange = {};
    --stats.deliveries_waiting;
    ++outcome;
    settle(client, first, reason);
}

/// Tells the broker, in transparent mode.
void Gateway::State::settle(Guest& client, const Delivery& delivery, Reason reason) {
    if (delivery.qos == Qos::at_most_once || !client.link) return;
    Link& link = links.at(*client.link);
    Ack ack;
    ack.packet_id = delivery.packet_id;
    if (delivery.qos == Qos::at_least_once) {
        ack.type = PacketType::puback;
        ack.reason = reason;
    } else if (is_error(reason)) {
        // 5.0 ends the exchange here; 3.1.1 goes on to PUBREL, which is answered for the client.
        ack.type = PacketType::pubrec;
        ack.reason = reason;
        if (link.version != Version::v5) link.received_twice.insert(delivery.packet_id);
    } else {
        ack.type = PacketType::pubcomp;
    }
    send(link, ack);
}

void Gateway::State::drop_queue(Guest& client) {
    stats.deliveries_waiting -= client.queue.size();
    stats.deliveries_given_up += client.queue.size();
    client.queue.clear();
    client.queue_octets = 0;
    client.exchange = {};
}

// ---- answers of the client ---------------------------------------------------------------------

bool Gateway::State::regack(Guest& client, const Regack& ack) {
    if (client.exchange.step != Exchange::Step::registering ||
        client.exchange.message_id != ack.message_id)
        return false;
    if (ack.code == ReturnCode::congestion) return true;  // asked again when the timer runs out
    client.exchange = {};
    if (ack.code == ReturnCode::accepted)
        client.topics.known(client.queue.front().content->topic);
    else
        done(client, stats.deliveries_no_topic, Reason::unspecified_error);
    pump(client);
    return true;
}

bool Gateway::State::puback(Guest& client, const Puback& ack) {
    if (ack.code == ReturnCode::invalid_topic_id) client.topics.unknown(ack.topic_id);
    if (client.exchange.step != Exchange::Step::publishing ||
        client.exchange.message_id != ack.message_id)
        return ack.code == ReturnCode::invalid_topic_id;  // of QoS 0: registered the next time
    Delivery& first = client.queue.front();
    if (ack.code == ReturnCode::congestion) return true;
    if (ack.code == ReturnCode::accepted) {
        if (first.qos != Qos::at_least_once) return false;
        done(client, stats.delivered);
    } else if (ack.code == ReturnCode::invalid_topic_id && !first.again &&
               !client.topics.alias_of(first.content->topic)) {
        first.again = true;
        client.exchange = {};
    } else {
        done(client, stats.deliveries_refused, Reason::unspecified_error);
    }
    pump(client);
    return true;
}

bool Gateway::State::handshake(Guest& client, const Handshake& step) {
    if (step.type == MessageType::pubrel) {
        release(client, step.message_id);
        return true;
    }
    Exchange& exchange = client.exchange;
    if (exchange.message_id != step.message_id || exchange.step == Exchange::Step::none)
        return false;
    if (step.type == MessageType::pubcomp) {
        if (exchange.step != Exchange::Step::releasing) return false;
        done(client, stats.delivered);
        pump(client);
        return true;
    }
    if (exchange.step == Exchange::Step::releasing) {  // our PUBREL was lost
        transmit(client);
        return true;
    }
    if (exchange.step != Exchange::Step::publishing ||
        client.queue.front().qos != Qos::exactly_once)
        return exchange.step == Exchange::Step::recorded;
    exchange.retries = 0;
    exchange.retry_at = never;
    if (!client.link) {  // aggregating: the broker's part is done
        exchange.step = Exchange::Step::releasing;
        transmit(client);
        return true;
    }
    exchange.step = Exchange::Step::recorded;
    Ack ack;
    ack.type = PacketType::pubrec;
    ack.packet_id = client.queue.front().packet_id;
    send(links.at(*client.link), ack);
    return true;
}

/// PUBREL of the broker.
void Gateway::State::broker_released(Guest& client, Link& link, std::uint16_t packet_id) {
    if (link.received_twice.erase(packet_id) != 0) {
        Ack ack;
        ack.type = PacketType::pubcomp;
        ack.packet_id = packet_id;
        return send(link, ack);
    }
    if (client.exchange.step == Exchange::Step::recorded &&
        client.queue.front().packet_id == packet_id) {
        client.exchange.step = Exchange::Step::releasing;
        if (client.reachable()) transmit(client);
        return watch(client);
    }
    // Of an exchange that a connection before this one began.
    const auto known = std::ranges::find(client.queue, packet_id, &Delivery::packet_id);
    if (known != client.queue.end()) return;
    deliver(client, {.content = {}, .qos = Qos::exactly_once, .packet_id = packet_id});
}

}  // namespace causeway::mqtt::sn
