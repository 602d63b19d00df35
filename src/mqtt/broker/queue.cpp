// The queue of a session: messages for a client that is absent, slow, or has its window full.
#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

void Broker::State::enqueue(Session& s, Offer& offer, const Terms& terms) {
    const Publish& publish = offer.publish;
    // A retained message is in memory anyhow.
    const std::size_t octets =
        sizeof(Delivery) + terms.identifiers.size() * 4 +
        (terms.burst ? 0 : sizeof(Message) + publish.topic.size() + publish.payload.size());
    if (!make_room(s, octets, terms)) {
        ++s.dropped;
        Outbound& full = s.outbound();
        if (std::exchange(full.dropping, true)) return;
        note(Note::Kind::dropping, &s, s.connection, Reason::quota_exceeded, "the queue is full");
        return;
    }
    Outbound& out = s.outbound();
    Delivery d;
    d.message = offer.kept();
    d.octets = static_cast<std::uint32_t>(std::min<std::size_t>(octets, UINT32_MAX));
    d.qos = terms.qos;
    d.retain = terms.retain;
    d.shared = terms.shared;
    d.burst = terms.burst;
    if (!terms.identifiers.empty())
        d.identifiers = std::make_unique<std::vector<std::uint32_t>>(terms.identifiers.begin(),
                                                                     terms.identifiers.end());
    if (terms.qos != Qos::at_most_once) {
        d.order = out.next_order++;
        if (s.stored()) {
            name_message(offer);
            d.key = offer.key;
            d.stored = true;
            use_key(d.key);
            journal_delivery(s, d);
        }
    } else {
        ++out.queued_qos_0;
    }
    ++out.queued;
    if (terms.burst)
        ++out.queued_bursts;
    else
        out.queued_octets += d.octets;
    stats.queue_octets += d.octets;
    ++stats.deliveries_waiting;
    ++stats.messages_waiting;
    out.queue.push_back(std::move(d));
    congestion(s);
}

/// For QoS 1 and 2, QoS 0 gives way, the oldest first; else the newcomer is turned away.
bool Broker::State::make_room(Session& s, std::size_t octets, const Terms& terms) {
    if (stats.queue_octets + octets > settings.queue_octets_max_all) {
        ++stats.dropped_all_full;
        return false;
    }
    if (s.out == nullptr) {
        if (octets <= settings.queue_octets_max || terms.burst) return true;
        ++stats.dropped_queue_full;
        return false;
    }
    Outbound& out = *s.out;
    if (terms.burst) {
        // All that is retained fits, but not all of it over and over.
        const std::uint64_t bursts_max =
            std::uint64_t{retained.size()} + settings.queue_messages_max;
        if (out.queued_bursts < bursts_max) return true;
        ++stats.dropped_queue_full;
        return false;
    }
    while (out.queued - out.queued_bursts >= settings.queue_messages_max ||
           out.queued_octets + octets > settings.queue_octets_max) {
        if (out.queued > 0 && out.queue[0].message->expires_at() <= now) {  // [MQTT-3.3.2-5]
            Delivery over = take_queued(s, 0);
            ++stats.dropped_expired;
            ++s.dropped;
            forget_delivery(s, over);
            continue;
        }
        const bool gives_way = terms.qos != Qos::at_most_once && out.queued_qos_0 > 0;
        const std::size_t at = gives_way ? oldest_qos_0(s) : 0;
        if (!gives_way || out.queue[at].burst) {
            ++stats.dropped_queue_full;
            return false;
        }
        (void)take_queued(s, at);
        ++stats.dropped_queue_full;
        ++s.dropped;
    }
    return true;
}

/// There is one.
std::size_t Broker::State::oldest_qos_0(Session& s) {
    Outbound& out = *s.out;
    std::size_t at = out.qos_0_from > out.popped ? std::size_t(out.qos_0_from - out.popped) : 0;
    while (out.queue[at].vacant() || out.queue[at].qos != Qos::at_most_once) ++at;
    out.qos_0_from = out.popped + at;
    return at;
}

void Broker::State::trim_queue(Outbound& out) {
    while (!out.queue.empty() && out.queue.front().vacant()) {
        (void)out.queue.pop_front();
        ++out.popped;
    }
}

Delivery Broker::State::take_queued(Session& s, std::size_t at) {
    Outbound& out = *s.out;
    Delivery d = std::exchange(out.queue[at], Delivery{});
    --out.queued;
    if (d.qos == Qos::at_most_once) --out.queued_qos_0;
    if (d.burst)
        --out.queued_bursts;
    else
        out.queued_octets -= d.octets;
    stats.queue_octets -= d.octets;
    --stats.deliveries_waiting;
    --stats.messages_waiting;
    trim_queue(out);
    return d;
}

/// Sends what may be sent.
void Broker::State::pump(Session& s) {
    if (s.out == nullptr || s.connection == nullptr) return;
    Outbound& out = *s.out;
    Connection& c = *s.connection;
    if (out.asleep > 0 && c.writable()) wake_flights(s);
    while (out.queued > 0 && c.writable()) {
        std::size_t at = 0;
        if (out.queue[0].qos != Qos::at_most_once &&
            (out.asleep > 0 || out.in_flight >= c.window)) {
            // QoS 0 needs no window, and does not wait for one.
            if (out.queued_qos_0 == 0) break;
            at = oldest_qos_0(s);
        }
        Delivery d = take_queued(s, at);
        const Publish publish = d.message->publish();
        if (d.message->expires_at() <= now) {  // [MQTT-3.3.2-5]
            ++stats.dropped_expired;
            ++s.dropped;
            forget_delivery(s, d);
            continue;
        }
        if (!may_read(s, publish.topic)) {
            ++stats.dropped_access;
            ++s.dropped;
            forget_delivery(s, d);
            continue;
        }
        Offer offer{.publish = publish,
                    .expires_at = d.message->expires_at(),
                    .message = d.message,
                    .key = d.stored ? d.key : MessageKey{}};
        encoder.begin(publish, offer.expires_at, now);
        if (d.qos != Qos::at_most_once) {
            start_flight(s, offer, std::move(d));
            continue;
        }
        PublishEncoder::Shape shape{.version = c.version, .qos = d.qos, .retain = d.retain};
        if (d.identifiers != nullptr) shape.identifiers = *d.identifiers;
        if (transmit(c, offer, shape)) {
            ++stats.deliveries_sent;
        } else {
            ++stats.dropped_too_large;
            ++s.dropped;
        }
    }
    congestion(s);
}

}  // namespace causeway::mqtt
