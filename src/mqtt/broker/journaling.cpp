// The journal: what must outlive this run is said as facts, and promises leave after the commit
// that makes them true.
#include "mqtt/broker/state.hpp"

namespace causeway::mqtt {
namespace {

/// Answers of one connection that wait for a commit: beyond it nothing more is read from it.
constexpr std::uint32_t waiting_high = 8192;
constexpr std::uint32_t waiting_low = 2048;

}  // namespace

void Broker::State::journal(JournalFact fact) {
    if (settings.persistent && !recovering) facts.push_back(std::move(fact));
}

void Broker::State::journal_session(const Session& s) {
    StoredSession stored{.key = s.key,
                         .client_id = std::string(s.name()),
                         .user_name = std::string(s.user_name.view()),
                         .ends_at = UnixMillis::forever,
                         .expiry_seconds = s.expiry_seconds,
                         .will = std::nullopt};
    if (s.connection == nullptr) stored.ends_at = to_unix(s.ends_at);
    if (s.will != nullptr) {
        // While its client is connected it has no time yet, only a delay: that is kept as a time
        // before the epoch (recovery.cpp).
        const auto delay = std::int64_t{s.will->delay_seconds} * 1000;
        stored.will = StoredWill{
            s.will->message, s.connection != nullptr ? UnixMillis{-delay} : to_unix(s.will->due)};
    }
    journal(journal::SaveSession{std::move(stored)});
}

void Broker::State::journal_delivery(const Session& s, const Delivery& d) {
    StoredDelivery stored{.session = s.key,
                          .order = d.order,
                          .message = d.key,
                          .state = d.state,
                          .packet_id = d.packet_id,
                          .qos = d.qos,
                          .retain = d.retain,
                          .subscription_identifiers = {}};
    if (d.identifiers != nullptr) stored.subscription_identifiers = *d.identifiers;
    journal(journal::SaveDelivery{std::move(stored)});
}

/// Gives it a key, so that facts can name it.
void Broker::State::name_message(Offer& offer) {
    if (offer.key != MessageKey{} || !settings.persistent) return;
    offer.key = MessageKey{++keys_used};
    journal(journal::SaveMessage{{offer.key, offer.kept(), to_unix(offer.expires_at)}});
}

void Broker::State::use_key(MessageKey key) {
    keys.add(key);
}

void Broker::State::drop_key(MessageKey key) {
    if (keys.take(key)) journal(journal::ForgetMessage{key});
}

std::uint64_t Broker::State::gate() const noexcept {
    if (!facts.empty()) return emitted + 1;
    return emitted > safe ? emitted : 0;
}

void Broker::State::wait(Waiting one) {
    if (one.kind != Waiting::Kind::flight) {
        Connection& c = *connection(ConnectionId{one.number});
        if (++c.waiting >= waiting_high) pause(c, Connection::by_store, true);
    }
    waiting.push_back(std::move(one));
}

Connection* Broker::State::waiting_connection(const Waiting& one) {
    Connection* const c = connection(ConnectionId{one.number});
    if (c == nullptr || c->generation != one.generation) return nullptr;
    if (c->phase == Connection::Phase::closing) return nullptr;
    return c;
}

void Broker::State::committed(std::uint64_t sequence) {
    ++stats.commits;
    safe = std::max(safe, std::min(sequence, emitted));
    if (std::exchange(failing, false)) {
        stats.journal_failing = 0;
        note(Note::Kind::journal_well, nullptr, nullptr, Reason::success, {});
    }
    while (!waiting.empty() && waiting.front().sequence <= safe) {
        Waiting one = waiting.pop_front();
        release(one);
    }
}

void Broker::State::release(Waiting& one) {
    if (one.kind == Waiting::Kind::flight) {
        if (one.number >= sessions.size() || sessions[one.number] == nullptr) return;
        Session& s = *sessions[one.number];
        if (s.generation == one.generation) ungate(s, one.packet_id);
        return;
    }
    Connection* const c = waiting_connection(one);
    if (c == nullptr) return;
    if (--c->waiting <= waiting_low) pause(*c, Connection::by_store, false);
    switch (one.kind) {
        case Waiting::Kind::connack:
            send_connack(*c);
            if (c->phase == Connection::Phase::open) resume_early(*c);
            break;
        case Waiting::Kind::answer:
            send_octets(*c, one.answer->packet);
            break;
        default:
            send_ack(*c, one.type, one.packet_id, one.reason);
            break;
    }
}

/// What was promised to nobody yet is refused; deliveries wait on.
void Broker::State::commit_failed(std::uint64_t sequence) {
    ++stats.commit_failures;
    if (!std::exchange(failing, true)) {
        stats.journal_failing = 1;
        note(Note::Kind::journal_failing, nullptr, nullptr, Reason::quota_exceeded,
             "what would have to be stored is refused");
    }
    Ring<Waiting> kept;
    for (std::size_t left = waiting.size(); left > 0; --left) {
        Waiting one = waiting.pop_front();
        if (one.sequence <= sequence && refuse_waiting(one)) continue;
        kept.push_back(std::move(one));
    }
    // A refusal ends connections, and that makes nobody wait.
    CAUSEWAY_ASSERT(waiting.empty());
    waiting = std::move(kept);
}

bool Broker::State::refuse_waiting(Waiting& one) {
    if (one.kind == Waiting::Kind::flight) return false;
    const bool release_or_unsubscribe = one.type == PacketType::pubcomp ||
                                        one.type == PacketType::unsuback ||
                                        one.type == PacketType::pubrel;
    if (one.kind != Waiting::Kind::connack && release_or_unsubscribe) return false;
    Connection* const found = waiting_connection(one);
    if (found == nullptr) return true;
    Connection& c = *found;
    if (--c.waiting <= waiting_low) pause(c, Connection::by_store, false);
    if (one.kind == Waiting::Kind::connack) {
        ++stats.refused_store;
        Session& s = *std::exchange(c.session, nullptr);
        s.connection = nullptr;
        s.will.reset();
        const Version version = c.version;
        refuse_connect(c, version, Reason::quota_exceeded, "the session cannot be stored");
        end_session(s);
        return true;
    }
    if (one.kind == Waiting::Kind::answer) {
        ++stats.refused_store;
        for (const std::string& filter : one.answer->added) remove_filter(*c.session, filter);
        Suback suback{.packet_id = one.packet_id,
                      .reasons = std::vector<Reason>(one.answer->reasons, Reason::quota_exceeded),
                      .properties = {}};
        Octets packet;
        append(suback, c.version, packet);
        send_octets(c, packet);
        return true;
    }
    if (is_error(one.reason)) {  // it was a refusal before
        send_ack(c, one.type, one.packet_id, one.reason);
        return true;
    }
    // 3.1.1 has no word for it. And a QoS 2 message is on its way already: told of a refusal, its
    // sender would send it anew, and double it. Without an acknowledgement it repeats what it said.
    if (!c.v5() || one.type == PacketType::pubrec) {
        end_connection(c, Reason::quota_exceeded, "the store fails");
        return true;
    }
    send_ack(c, one.type, one.packet_id, Reason::quota_exceeded);
    return true;
}

void Broker::State::send_ack(Connection& c, PacketType type, std::uint16_t packet_id,
                             Reason reason) {
    const bool ends =
        type == PacketType::puback || (type == PacketType::pubrec && is_error(reason));
    if (ends && c.received > 0) --c.received;
    if (reason == Reason::success || !c.v5()) {
        const unsigned first = static_cast<unsigned>(type) << 4 |
                               (type == PacketType::pubrel ? 2u : 0u);  // [MQTT-3.6.1-1]
        const std::byte packet[] = {std::byte(first), std::byte{2}, std::byte(packet_id >> 8),
                                    std::byte(packet_id & 0xff)};
        send_octets(c, packet);
        return;
    }
    send_packet(c, Ack{.type = type, .packet_id = packet_id, .reason = reason, .properties = {}});
}

void Broker::State::send_octets(Connection& c, Bytes packet) {
    // No client can read less than this; an answer that is longer is left out [MQTT-3.1.2-24].
    if (packet.size() > c.packet_octets_max) return;
    c.out.insert(c.out.end(), packet.begin(), packet.end());
    sent(c, packet.size());
}

}  // namespace causeway::mqtt
