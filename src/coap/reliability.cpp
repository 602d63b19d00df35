#include "coap/reliability.hpp"

#include <algorithm>

namespace causeway::coap {

// ---- message ids -------------------------------------------------------------------------------

std::optional<std::uint16_t> MessageIds::next(const PeerHash& hash, Instant now, const Peer& peer,
                                              const Settings& settings, Random& random) {
    Line& line = line_of(hash, now, peer, settings, random);
    const Duration lifetime = settings.exchange_lifetime();
    if (now - line.since >= lifetime) {
        line.used_before = now - line.since >= 2 * lifetime ? 0 : line.used;
        line.used = 0;
        line.since = now;
    }
    // Two periods together cover any EXCHANGE_LIFETIME that ends now, so an id that comes round
    // again after 65536 others is old enough. [RFC 7252 §4.4]
    if (line.used + line.used_before >= 65536) return std::nullopt;
    ++line.used;
    line.last = now;
    return line.next++;
}

MessageIds::Line& MessageIds::line_of(const PeerHash& hash, Instant now, const Peer& peer,
                                      const Settings& settings, Random& random) {
    if (!table_) table_ = std::make_unique<Table>();
    Table& t = *table_;
    const std::uint64_t key = hash(peer);
    std::uint32_t at =
        t.index.find(key, [&](std::uint32_t n) { return same_endpoint(t.lines[n].peer, peer); });
    if (at == nowhere) {
        if (t.lines.size() >= std::max<std::size_t>(settings.peers_max, 1)) {
            const std::uint32_t oldest = t.order.oldest();
            if (now - t.lines[oldest].last < settings.exchange_lifetime()) ++evicted_;
            drop(oldest);
        }
        Line fresh;
        fresh.peer = peer;
        fresh.next = static_cast<std::uint16_t>(random.next());
        fresh.hash = key;
        fresh.since = now;
        at = t.lines.add(fresh);
        t.index.insert(key, at);
    }
    t.order.touch(at);
    return t.lines[at];
}

void MessageIds::drop(std::uint32_t at) {
    table_->index.erase(table_->lines[at].hash, at);
    table_->order.remove(at);
    table_->lines.take(at);
}

void MessageIds::closed(const PeerHash& hash, const ChannelClosed& gone) {
    if (!table_) return;
    const std::uint64_t key = hash.channel(gone.transport, gone.channel);
    for (;;) {
        const std::uint32_t at = table_->index.find(
            key, [&](std::uint32_t n) { return is_behind(table_->lines[n].peer, gone); });
        if (at == nowhere) return;
        drop(at);
    }
}

// ---- retransmissions ---------------------------------------------------------------------------

std::uint32_t Retransmissions::locate(const Peer& peer, std::uint16_t id) const {
    if (!table_) return nowhere;
    return table_->by_message.find(key_of(peer, id), [&](std::uint32_t n) {
        const Unacknowledged& message = table_->pending[n];
        return message.id == id && same_endpoint(message.peer, peer);
    });
}

void Retransmissions::insert(Unacknowledged message) {
    if (!table_) table_ = std::make_unique<Table>();
    const std::uint64_t of_message = key_of(message.peer, message.id);
    const Owner owner = message.owner;
    const Instant due = message.due;
    const std::uint32_t at = table_->pending.add(std::move(message));
    table_->by_message.insert(of_message, at);
    if (owner.kind != Owner::Kind::response) table_->by_owner.insert(key_of(owner), at);
    table_->due.set(at, due);
}

Unacknowledged Retransmissions::remove(std::uint32_t at) {
    Unacknowledged message = table_->pending.take(at);
    table_->by_message.erase(key_of(message.peer, message.id), at);
    if (message.owner.kind != Owner::Kind::response)
        table_->by_owner.erase(key_of(message.owner), at);
    table_->due.set(at, never);
    return message;
}

void Retransmissions::start(Instant now, Unacknowledged message, const Settings& settings,
                            Random& random) {
    // "a random duration ... between ACK_TIMEOUT and (ACK_TIMEOUT * ACK_RANDOM_FACTOR)"
    // [RFC 7252 §4.2]
    const std::int64_t extra = settings.ack_random_permille - 1000;
    const Duration spread = settings.ack_timeout * std::max<std::int64_t>(extra, 0) / 1000;
    const Duration timeout = settings.ack_timeout + random.within(spread);
    message.effort = {now, timeout, 0};
    message.due = after(now, timeout);
    insert(std::move(message));
}

void Retransmissions::resume(Instant now, Unacknowledged message, const Effort& effort) {
    message.effort = {effort.started, effort.timeout * 2, effort.attempts + 1};
    message.due = after(now, message.effort.timeout);
    insert(std::move(message));
}

const Unacknowledged* Retransmissions::find(const Peer& peer, std::uint16_t id) const {
    const std::uint32_t at = locate(peer, id);
    return at == nowhere ? nullptr : &table_->pending[at];
}

std::optional<Unacknowledged> Retransmissions::take(const Peer& peer, std::uint16_t id) {
    const std::uint32_t at = locate(peer, id);
    if (at == nowhere) return std::nullopt;
    return remove(at);
}

void Retransmissions::drop(const Owner& owner) {
    if (!table_) return;
    for (;;) {
        const std::uint32_t at = table_->by_owner.find(
            key_of(owner), [&](std::uint32_t n) { return table_->pending[n].owner == owner; });
        if (at == nowhere) return;
        remove(at);
    }
}

void Retransmissions::closed(const ChannelClosed& gone) {
    // No hash: there are few at any time, and sessions close seldom.
    for (std::uint32_t at = 0; table_ && at < table_->pending.bound(); ++at)
        if (is_behind(table_->pending[at].peer, gone)) remove(at);
}

std::optional<Unacknowledged> Retransmissions::take_due(Instant now) {
    if (next() > now) return std::nullopt;
    return remove(table_->due.first());
}

bool Retransmissions::may_repeat(Instant now, const Unacknowledged& message,
                                 const Settings& settings) noexcept {
    // "the entire sequence of (re-)transmissions MUST stay in the envelope of MAX_TRANSMIT_SPAN"
    // [RFC 7252 §4.2]
    return message.effort.attempts < settings.max_retransmit &&
           now - message.effort.started <= settings.max_transmit_span();
}

void Retransmissions::again(Instant now, Unacknowledged message, const Settings& settings) {
    message.effort.timeout *= 2;
    ++message.effort.attempts;
    // Counted from when it was due, so that waking late does not stretch the sequence; but "the
    // minimum spacing before another retransmission is ACK_TIMEOUT". [RFC 7252 §4.2]
    message.due =
        std::max(after(message.due, message.effort.timeout), after(now, settings.ack_timeout));
    insert(std::move(message));
}

}  // namespace causeway::coap
