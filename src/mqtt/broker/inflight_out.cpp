// PUBLISH to clients, and what they say to it [MQTT 5.0 §4.3] [MQTT 5.0 §4.4].
#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

/// Payloads from here on are sent from where they lie.
constexpr std::size_t by_reference_from = 4096;
/// A topic that is shorter than an alias is long gets none.
constexpr std::size_t aliased_from = 4;

}  // namespace

/// `encoder` has begun with the offer.
bool Broker::State::transmit(Connection& c, Offer& offer, const PublishEncoder::Shape& shape) {
    PublishEncoder::Shape said = shape;
    std::size_t size = encoder.size_of(said);
    if (c.alias_out_max > 0 && offer.publish.topic.size() >= aliased_from &&
        size + 3 <= c.packet_octets_max) {
        const auto use =
            c.more().aliases_out.use(offer.publish.topic, encoder.topic_hash(), c.alias_out_max);
        said.alias = use.alias;  // [MQTT-3.3.2-10] [MQTT-3.1.2-26]
        said.alias_known = use.known;
        if (use.alias != 0) size = encoder.size_of(said);
    }
    // As if it had been sent [MQTT-3.1.2-24] [MQTT-3.1.2-25].
    if (size > c.packet_octets_max) return false;
    if (c.out.capacity() == 0)
        c.out.reserve(std::max(std::min<std::size_t>(size, by_reference_from),
                               std::size_t{1} << std::min<unsigned>(c.out_hint, 16)));
    const std::size_t payload = offer.publish.payload.size();
    if (payload < by_reference_from) {
        encoder.append(said, true, c.out);
    } else {
        encoder.append(said, false, c.out);
        if (c.parts == nullptr) c.parts = std::make_unique<std::vector<Connection::Part>>();
        c.parts->push_back({std::exchange(c.out, {}), offer.kept()});
    }
    sent(c, size);
    ++stats.publishes_sent;
    stats.publish_octets_sent += payload;
    if (c.session != nullptr) ++c.session->messages_out;
    if (!stats.prefixes.empty()) count_prefix(offer.publish.topic, payload, true);
    return true;
}

/// Gives it an identifier, and sends it. `encoder` has begun with the offer; the connection is
/// writable, and its window is open.
void Broker::State::start_flight(Session& s, Offer& offer, Delivery d) {
    Connection& c = *s.connection;
    Outbound& out = s.outbound();
    d.packet_id = next_packet_id(s);
    PublishEncoder::Shape shape{
        .version = c.version, .qos = d.qos, .retain = d.retain, .packet_id = d.packet_id};
    if (d.identifiers != nullptr) shape.identifiers = *d.identifiers;
    if (encoder.size_of(shape) > c.packet_octets_max) {
        ++stats.dropped_too_large;
        ++s.dropped;
        forget_delivery(s, d);
        return;
    }
    ++stats.deliveries_sent;
    ++stats.messages_waiting;
    ++out.in_flight;
    d.state = StoredDelivery::State::published;
    d.message = offer.kept();
    if (d.order == 0) d.order = out.next_order++;
    if (s.stored()) {
        name_message(offer);
        d.key = offer.key;
        if (!std::exchange(d.stored, true)) use_key(d.key);
        journal_delivery(s, d);
        // Sent before its identifier is safe, it could arrive twice [MQTT-4.3.3-1].
        d.gated = d.qos == Qos::exactly_once && gate() != 0;
    }
    if (d.gated) {
        wait({.sequence = gate(),
              .number = std::to_underlying(s.id),
              .generation = s.generation,
              .kind = Waiting::Kind::flight,
              .packet_id = d.packet_id});
    } else {
        (void)transmit(c, offer, shape);
        d.sent = true;
    }
    out.flight.push_back(std::move(d));
}

/// The first time or again, as its state is.
void Broker::State::send_flight(Session& s, Delivery& d) {
    Connection& c = *s.connection;
    if (d.state == StoredDelivery::State::released) {
        send_ack(c, PacketType::pubrel, d.packet_id, Reason::success);
        return;
    }
    const Publish publish = d.message->publish();
    Offer offer{.publish = publish, .expires_at = d.message->expires_at(), .message = d.message};
    encoder.begin(publish, offer.expires_at, now);
    PublishEncoder::Shape shape{.version = c.version,
                                .qos = d.qos,
                                .retain = d.retain,
                                .dup = d.sent,  // [MQTT-3.3.1-1]
                                .packet_id = d.packet_id};
    if (d.identifiers != nullptr) shape.identifiers = *d.identifiers;
    if (d.sent) ++stats.publishes_resent;
    d.sent = true;
    if (transmit(c, offer, shape)) return;
    ++s.dropped;
    end_flight(s, d);
}

/// What is in flight from an earlier connection, as far as the window of this one lets it
/// [MQTT-3.3.4-9].
void Broker::State::wake_flights(Session& s) {
    Outbound& out = *s.out;
    for (std::size_t i = 0; i < out.flight.size() && out.asleep > 0; ++i) {
        Delivery& d = out.flight[i];
        if (d.vacant() || !d.asleep || d.gated) continue;
        if (!s.connection->writable()) return;
        if (d.state == StoredDelivery::State::published &&
            out.in_flight - out.asleep >= s.connection->window)
            return;
        d.asleep = false;
        --out.asleep;
        const std::size_t before = out.flight.size();
        send_flight(s, d);
        if (out.flight.size() != before) i = SIZE_MAX;  // it was too large: from the front again
    }
}

/// The commit that it waited for is done.
void Broker::State::ungate(Session& s, std::uint16_t packet_id) {
    Delivery* const d = flight_of(s, packet_id);
    if (d == nullptr || !d->gated) return;
    d->gated = false;
    if (s.connection == nullptr || !s.connection->ready()) return;
    if (d->asleep)
        wake_flights(s);
    else
        send_flight(s, *d);
}

Delivery* Broker::State::flight_of(Session& s, std::uint16_t packet_id) {
    if (s.out == nullptr || s.out->flight.empty()) return nullptr;
    Ring<Delivery>& flight = s.out->flight;
    // Identifiers are given in turn, so that its place is nearly always known.
    const auto guess = static_cast<std::uint16_t>(packet_id - flight.front().packet_id);
    if (guess < flight.size() && flight[guess].packet_id == packet_id)
        return flight[guess].vacant() ? nullptr : &flight[guess];
    for (std::size_t i = 0; i < flight.size(); ++i) {
        if (flight[i].packet_id == packet_id && !flight[i].vacant()) return &flight[i];
    }
    return nullptr;
}

/// One that is not in use [MQTT-2.2.1-3] [MQTT-2.2.1-4].
std::uint16_t Broker::State::next_packet_id(Session& s) {
    Ring<Delivery>& flight = s.out->flight;
    while (true) {
        if (++s.last_packet_id == 0) ++s.last_packet_id;
        const std::uint16_t id = s.last_packet_id;
        if (flight.empty()) return id;
        // Beyond those in use, which lie between the first and the last.
        const auto ahead = static_cast<std::uint16_t>(id - flight.front().packet_id);
        const auto span =
            static_cast<std::uint16_t>(flight.back().packet_id - flight.front().packet_id);
        if (ahead > span || flight_of(s, id) == nullptr) return id;
    }
}

void Broker::State::on_ack(Connection& c, PacketType type, std::uint16_t packet_id, Reason reason) {
    Session& s = *c.session;
    Delivery* const d = flight_of(s, packet_id);
    // One that never left cannot have been answered.
    const bool known = d != nullptr && !d->gated;
    progress(c);
    using Stage = StoredDelivery::State;
    switch (type) {
        case PacketType::puback:
            if (known && d->qos == Qos::at_least_once) end_flight(s, *d);
            break;
        case PacketType::pubrec:
            if (!known || d->qos != Qos::exactly_once) {
                if (d != nullptr && d->gated) break;
                const Reason unknown =
                    c.v5() ? Reason::packet_identifier_not_found : Reason::success;
                if (!is_error(reason)) send_ack(c, PacketType::pubrel, packet_id, unknown);
            } else if (is_error(reason)) {  // [MQTT-4.3.3-4] [MQTT-4.8.2-6]
                end_flight(s, *d);
            } else if (d->state == Stage::published) {
                d->state = Stage::released;
                d->message.reset();  // never a PUBLISH after a PUBREL [MQTT-4.3.3-5]
                if (d->stored) journal_delivery(s, *d);
                if (d->stored && gate() != 0) {
                    d->gated = true;
                    wait({.sequence = gate(),
                          .number = std::to_underlying(s.id),
                          .generation = s.generation,
                          .kind = Waiting::Kind::flight,
                          .packet_id = packet_id});
                } else {
                    send_ack(c, PacketType::pubrel, packet_id, Reason::success);
                }
            } else {
                send_ack(c, PacketType::pubrel, packet_id, Reason::success);
            }
            break;
        default:  // PUBCOMP
            if (known && d->state == Stage::released) end_flight(s, *d);
            break;
    }
    if (s.out != nullptr && c.ready()) pump(s);
}

void Broker::State::end_flight(Session& s, Delivery& d) {
    Outbound& out = *s.out;
    if (d.asleep) --out.asleep;
    --out.in_flight;
    --stats.messages_waiting;
    forget_delivery(s, d);
    const std::uint16_t id = d.packet_id;
    d = Delivery{};
    d.packet_id = id;
    while (!out.flight.empty() && out.flight.front().vacant()) (void)out.flight.pop_front();
    if (out.flight.size() <= 64 + 2 * std::size_t{out.in_flight}) return;
    Ring<Delivery> dense;  // the first hangs, those behind it come and go
    while (!out.flight.empty()) {
        Delivery moved = out.flight.pop_front();
        if (!moved.vacant()) dense.push_back(std::move(moved));
    }
    out.flight = std::move(dense);
}

void Broker::State::forget_delivery(Session& s, Delivery& d) {
    if (!std::exchange(d.stored, false)) return;
    journal(journal::ForgetDelivery{s.key, d.order});
    drop_key(d.key);
}

}  // namespace causeway::mqtt
