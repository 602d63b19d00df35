#include "coap/reliability.hpp"

#include <algorithm>

namespace causeway::coap {

// ---- message ids -------------------------------------------------------------------------------

std::optional<std::uint16_t> MessageIds::next(Instant now, const Peer& peer,
                                              const Settings& settings, Random& random) {
    Line& line = line_of(now, peer, settings, random);
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

MessageIds::Line& MessageIds::line_of(Instant now, const Peer& peer, const Settings& settings,
                                      Random& random) {
    const auto place = [&] { return std::ranges::lower_bound(lines_, peer, {}, &Line::peer); };
    if (const auto at = place(); at != lines_.end() && at->peer == peer) return *at;
    const auto start = static_cast<std::uint16_t>(random.next());
    const Line fresh{peer, start, 0, 0, now, now};
    if (lines_.size() >= std::max<std::size_t>(settings.peers_max, 1)) {
        const auto oldest = std::ranges::min_element(lines_, {}, &Line::last);
        if (now - oldest->last < settings.exchange_lifetime()) ++evicted_;
        lines_.erase(oldest);
    }
    return *lines_.insert(place(), fresh);
}

// ---- retransmissions ---------------------------------------------------------------------------

void Retransmissions::insert(Unacknowledged message) {
    next_ = std::min(next_, message.due);
    pending_.push_back(std::move(message));
}

Unacknowledged Retransmissions::remove_at(std::size_t at) {
    Unacknowledged message = std::move(pending_[at]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(at));
    if (message.due == next_) {
        next_ = never;
        for (const Unacknowledged& other : pending_) next_ = std::min(next_, other.due);
    }
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

const Unacknowledged* Retransmissions::find(const Peer& peer, std::uint16_t id) const noexcept {
    for (const Unacknowledged& message : pending_)
        if (message.id == id && message.peer == peer) return &message;
    return nullptr;
}

std::optional<Unacknowledged> Retransmissions::take(const Peer& peer, std::uint16_t id) {
    for (std::size_t i = 0; i < pending_.size(); ++i)
        if (pending_[i].id == id && pending_[i].peer == peer) return remove_at(i);
    return std::nullopt;
}

void Retransmissions::drop(const Owner& owner) {
    for (std::size_t i = 0; i < pending_.size();) {
        if (pending_[i].owner == owner)
            remove_at(i);
        else
            ++i;
    }
}

std::optional<Unacknowledged> Retransmissions::take_due(Instant now) {
    if (next_ > now) return std::nullopt;
    for (std::size_t i = 0; i < pending_.size(); ++i)
        if (pending_[i].due <= now) return remove_at(i);
    return std::nullopt;
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
