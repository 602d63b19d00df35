// Connections: opened, fed, closed; their deadlines.
#include "mqtt/broker/connection.hpp"

#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

using Phase = Connection::Phase;

void Broker::State::open(ConnectionOpened& in) {
    closed(in.id);
    const auto number = std::to_underlying(in.id);
    ++stats.connections_opened;
    ++stats.connections;
    ++stats.connections_unready;
    if (number >= connections.size()) connections.resize(number + 1);
    connections[number] = std::make_unique<Connection>();
    Connection& c = *connections[number];
    c.id = in.id;
    c.generation = ++generations;
    c.opened_at = c.heard_at = now;
    c.internal = in.internal;
    c.anonymous_allowed = in.anonymous_allowed;
    c.peer = ShortText<24>(std::string_view(in.peer).substr(0, 255));
    auto name = std::ranges::find(listeners, in.listener);
    if (name == listeners.end() && listeners.size() < UINT16_MAX)
        name = listeners.insert(name, std::move(in.listener));
    c.listener = static_cast<std::uint16_t>(name - listeners.begin());
    if (in.proven_user.has_value()) {
        c.proven = true;
        c.more().user_name = std::move(*in.proven_user);
    }
    if (!in.internal && (shut || stats.connections_unready > settings.connections_unready_max)) {
        ++stats.refused_unready;
        begin_closing(c, true);
        return;
    }
    arm(c);
}

void Broker::State::closed(ConnectionId id) {
    Connection* const c = connection(id);
    if (c == nullptr) return;
    c->flushing = true;
    resume_late(*c);
    if (c->phase != Phase::closing) {
        if (c->session != nullptr) {
            note(Note::Kind::disconnected, c->session, c, Reason::success, "connection lost");
            detach(*c, true);
        }
        begin_closing(*c, true);
    }
    drop_connection(*c);
}

void Broker::State::begin_closing(Connection& c, bool at_once) {
    CAUSEWAY_ASSERT(c.session == nullptr);
    if (c.phase < Phase::open) --stats.connections_unready;
    c.phase = Phase::closing;
    c.close_at_once = at_once;
    timers.disarm(c);
    // Its storage lives until Close is polled: the packet that ends it may lie there.
    if (c.framer != nullptr) stats.held_octets -= c.framer->held();
    if (c.extras != nullptr) {
        for (const Octets& late : std::exchange(c.extras->late, {}))
            stats.late_octets -= late.size();
    }
    mark(c);
}

void Broker::State::drop_connection(Connection& c) {
    timers.disarm(c);
    stats.unsent_octets -= c.unsent;
    --stats.connections;
    ++stats.connections_closed;
    connections[std::to_underlying(c.id)].reset();
    while (!connections.empty() && connections.back() == nullptr) connections.pop_back();
    if (connections.capacity() > 1024 && connections.size() * 4 < connections.capacity())
        connections.shrink_to_fit();
}

void Broker::State::mark(Connection& c) {
    if (c.dirty) return;
    c.dirty = true;
    dirty.push_back(c.id);
}

void Broker::State::received(const BytesReceived& in) {
    Connection* const c = connection(in.id);
    if (c == nullptr || c->phase == Phase::closing) return;
    stats.octets_received += in.octets.size();
    c->heard_at = now;
    const bool behind = c->extras != nullptr && !c->extras->late.empty();
    if (behind && keep_late(*c, in.octets, false)) return;
    if (behind) {
        c->flushing = true;
        resume_late(*c);
        c->flushing = false;
    }
    take(*c, in.octets);
}

void Broker::State::take(Connection& c, Bytes in) {
    if (c.phase == Phase::closing) return;
    Connection* const outer = std::exchange(publisher, &c);
    const std::uint64_t before = stats.publishes_received;
    feed(c, in);
    publisher = outer;
    if (!c.internal && c.phase == Phase::open)
        charge(c, in.size(), stats.publishes_received - before);
}

/// A host that was told to pause may have read more already: it waits here, in its order, rather
/// than to overflow the queue of the subscriber that cannot keep up. False beyond the limit.
bool Broker::State::keep_late(Connection& c, Bytes in, bool in_front) {
    if (stats.late_octets + in.size() > settings.late_octets_max_all) {
        ++stats.late_refused;
        return false;
    }
    stats.late_octets += in.size();
    std::vector<Octets>& late = c.more().late;
    late.insert(in_front ? late.begin() : late.end(), to_octets(in));
    return true;
}

void Broker::State::resume_late(Connection& c) {
    while (c.phase == Phase::open && !c.held_back() && c.extras != nullptr &&
           !c.extras->late.empty()) {
        const Octets next = std::move(c.extras->late.front());
        c.extras->late.erase(c.extras->late.begin());
        stats.late_octets -= next.size();
        take(c, next);
    }
}

void Broker::State::feed(Connection& c, Bytes in) {
    Framer& framer = c.framer != nullptr ? *c.framer : shared_framer;
    const std::size_t held_before = framer.held();
    const auto limit = [&] {
        return c.phase < Phase::opening
                   ? std::min(settings.early_octets_max, settings.packet_octets_max)
                   : settings.packet_octets_max;
    };
    std::size_t held_known = held_before;
    while (c.phase != Phase::closing) {
        if (c.phase == Phase::authenticating || c.phase == Phase::opening) {
            stash(c, in);
            break;
        }
        if (c.held_back() && !in.empty() && keep_late(c, in, true)) break;
        framer.limit(limit());
        const auto step = framer.next(in);
        if (!step.has_value()) break;
        stats.held_octets -= std::exchange(held_known, 0);
        if (step->refused.has_value()) {
            refuse(c, *step->refused);
            break;
        }
        dispatch(c, step->packet, framer);
    }
    if (c.phase == Phase::closing) {
        if (c.framer == nullptr) shared_framer = Framer(settings.packet_octets_max);
        return;
    }
    const std::size_t held = framer.held();
    stats.held_octets += held - held_known;
    if (held == 0) {
        c.framer.reset();
    } else if (c.framer == nullptr) {
        c.framer = std::make_unique<Framer>(std::move(shared_framer));
        shared_framer = Framer(settings.packet_octets_max);
    }
    if (held > held_before && stats.held_octets > settings.held_octets_max_all) {
        ++stats.refused_held_octets;
        end_connection(c, Reason::quota_exceeded, "too many unfinished packets");
    }
}

/// Clients may go on before they have their CONNACK [MQTT 5.0 §3.1.4], but what they send is not
/// processed until CONNECT is accepted [MQTT-3.1.4-6].
void Broker::State::stash(Connection& c, Bytes in) {
    pause(c, Connection::by_judgement, true);
    if (in.empty()) return;
    Octets& early = c.more().early;
    if (early.size() + in.size() > settings.early_octets_max) {
        ++stats.refused_held_octets;
        end_connection(c, Reason::quota_exceeded, "too much was sent ahead of the CONNACK");
        return;
    }
    early.insert(early.end(), in.begin(), in.end());
}

void Broker::State::resume_early(Connection& c) {
    pause(c, Connection::by_judgement, false);
    if (c.extras == nullptr || c.extras->early.empty()) return;
    const Octets early = std::exchange(c.extras->early, {});
    Connection* const outer = std::exchange(publisher, &c);
    feed(c, early);
    publisher = outer;
}

void Broker::State::send_packet(Connection& c, const Packet& packet) {
    const std::size_t before = c.out.size();
    append(packet, c.version, c.out);
    const std::size_t size = c.out.size() - before;
    if (size > c.packet_octets_max)  // [MQTT-3.1.2-24]
        c.out.resize(before);
    else
        sent(c, size);
}

void Broker::State::sent(Connection& c, std::size_t octets) {
    ++stats.packets_sent;
    stats.octets_sent += octets;
    stats.unsent_octets += octets;
    c.unsent += octets;
    if (!c.blocked && c.unsent >= settings.unsent_octets_high) c.blocked = true;
    // Who asks and does not read answers is not asked further.
    if (c.blocked && c.unsent >= std::uint64_t{settings.unsent_octets_high} * 2)
        pause(c, Connection::by_itself, true);
    mark(c);
}

void Broker::State::pause(Connection& c, Connection::Pause why, bool paused) {
    const std::uint8_t before = c.paused;
    c.paused = static_cast<std::uint8_t>(paused ? before | why : before & ~why);
    if (c.paused == before) return;
    // The time in which nobody listened to it does not count against its keep-alive.
    if (c.paused == 0) c.heard_at = now;
    if ((before == 0) != (c.paused == 0)) mark(c);
}

Instant Broker::State::keep_alive_due(const Connection& c) const noexcept {
    if (c.keep_alive == 0) return never;
    // One and a half times the keep-alive [MQTT-3.1.2-22].
    const Duration patience = std::chrono::milliseconds(1500) * c.keep_alive;
    const bool deaf = (c.paused & ~Connection::by_itself) != 0;
    return after(deaf ? now : c.heard_at, patience);
}

void Broker::State::arm(Connection& c) {
    timers.at_latest(c, [&] {
        if (c.phase == Phase::closing) return never;
        if (c.phase < Phase::opening)
            return c.internal ? never : after(c.opened_at, settings.connect_within);
        Instant due = c.phase == Phase::open ? keep_alive_due(c) : never;
        if ((c.paused & Connection::by_rate) != 0) {
            const ConnectionExtras& more = c.more();
            due = std::min(
                due, std::max(more.publishes_paid, more.octets_paid) - std::chrono::seconds(1));
        }
        const Outbound* const out = c.session == nullptr ? nullptr : c.session->out.get();
        if (out != nullptr && out->congested && !out->stalled)
            due = std::min(due, after(out->progress_at, settings.stalled_after));
        return due;
    }());
}

void Broker::State::connection_due(Connection& c) {
    timers.disarm(c);
    if (c.phase < Phase::opening) {
        if (!c.internal && now >= after(c.opened_at, settings.connect_within)) {
            ++stats.refused_late;
            note(Note::Kind::refused, nullptr, &c, Reason::maximum_connect_time,
                 "no CONNECT in time");
            begin_closing(c, true);
            return;
        }
    } else if (c.phase == Phase::open) {
        if (now >= keep_alive_due(c)) {
            ++stats.keep_alive_timeouts;
            end_connection(c, Reason::keep_alive_timeout, "nothing was heard in time");
            return;
        }
        const Outbound* const out = c.session->out.get();
        if (out != nullptr && out->congested && !out->stalled &&
            now >= after(out->progress_at, settings.stalled_after))
            stall(c);
    }
    if ((c.paused & Connection::by_rate) != 0) charge(c, 0, 0);
    arm(c);
}

/// [MQTT-3.1.4-3] [MQTT-3.1.2-8] [MQTT-3.14.2-1]
void Broker::State::end_connection(Connection& c, Reason reason, std::string_view what) {
    if (c.phase == Phase::closing) return;
    if (c.phase == Phase::open && c.v5()) {  // not before a CONNACK [MQTT-3.14.0-1]
        // A host's verdict may be one that only a CONNACK has a word for [MQTT-3.14.2-1].
        const Reason sayable =
            may_carry(PacketType::disconnect, reason) ? reason : Reason::unspecified_error;
        Disconnect packet{.reason = sayable, .properties = {}};
        packet.properties.reason_string = what;
        if (wire_size(packet, c.version) > c.packet_octets_max)  // [MQTT-3.14.2-3]
            packet.properties.reason_string.reset();
        if (wire_size(packet, c.version) <= c.packet_octets_max) send_packet(c, packet);
    }
    note(Note::Kind::disconnected, c.session, &c, reason, what);
    if (c.session != nullptr) detach(c, !c.will_stays_unsaid);
    begin_closing(c, false);
}

/// A malformed packet or a protocol error closes the connection [MQTT-4.13.1-1]
/// [MQTT 3.1.1 MQTT-4.8.0-1].
void Broker::State::refuse(Connection& c, const Refused& why) {
    if (why.reason == Reason::packet_too_large) ++stats.refused_packet_octets;
    if (why.reason == Reason::malformed_packet)
        ++stats.malformed_packets;
    else
        ++stats.protocol_errors;
    if (c.phase == Phase::awaiting_connect)
        note(Note::Kind::refused, nullptr, &c, why.reason, why.what);
    end_connection(c, why.reason, why.what);
}

void Broker::State::detach(Connection& c, bool will_too) {
    Session& s = *std::exchange(c.session, nullptr);
    s.connection = nullptr;
    if (c.phase == Phase::open) --stats.clients_connected;
    let_go(s);
    if (s.will != nullptr) {
        if (will_too)
            will_due(s);
        else
            forget_will(s);
    }
    absent(s);
}

AliasesOut::Use AliasesOut::use(std::string_view topic, std::uint64_t hash, std::uint16_t max) {
    const auto search = [&] {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = static_cast<std::size_t>(hash >> 7) & mask;
        while (slots_[at] != 0) {
            const Given& given = given_[slots_[at] - 1u];
            if (given.hash == hash && given.topic.view() == topic) break;
            at = (at + 1) & mask;
        }
        return at;
    };
    if (!slots_.empty()) {
        if (const std::uint16_t alias = slots_[search()]; alias != 0) return {alias, true};
    }
    if (given_.size() >= max) return {};
    if (slots_.size() < (given_.size() + 1) * 2) {
        slots_.assign(std::max<std::size_t>(8, slots_.size() * 2), 0);
        for (std::size_t i = 0; i < given_.size(); ++i) {
            std::size_t at = static_cast<std::size_t>(given_[i].hash >> 7) & (slots_.size() - 1);
            while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = static_cast<std::uint16_t>(i + 1);
        }
    }
    const std::size_t at = search();
    given_.push_back({hash, ShortText<40>(topic)});
    slots_[at] = static_cast<std::uint16_t>(given_.size());
    return {slots_[at], false};
}

}  // namespace causeway::mqtt
