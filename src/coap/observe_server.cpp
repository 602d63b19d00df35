#include "coap/observe_server.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// "at least every 24 hours" [RFC 7641 §4.5]
constexpr Duration confirmation_interval = std::chrono::hours(24);
/// When that time came and the application had nothing to say.
constexpr Duration asked_again_after = std::chrono::minutes(1);

}  // namespace

// ---- finding -----------------------------------------------------------------------------------

std::uint32_t Observers::place_of(const Observer& observer) noexcept {
    return static_cast<std::uint32_t>(observer.serial & ((1u << place_bits) - 1));
}

std::uint64_t Observers::hash_of(const PeerHash& hash, const Peer& peer,
                                 const Token& token) noexcept {
    return hash.joined(hash(peer) ^ peer.context, hash.octets(token.bytes()));
}

std::uint64_t Observers::hash_of(const PeerHash& hash, const Observer& o) noexcept {
    return hash.joined(hash(o.peer) ^ o.peer.context, o.key ^ hash.octets(o.payload));
}

/// As Options::path() has it, or without the leading slash.
std::uint64_t Observers::hash_of_path(const PeerHash& hash, std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    return hash.octets(as_octets(path));
}

Observer* Observers::find(std::uint64_t serial) noexcept {
    const auto place = static_cast<std::uint32_t>(serial & ((1u << place_bits) - 1));
    if (serial == 0 || place >= all_.bound() || all_[place].serial != serial) return nullptr;
    return &all_[place];
}

Observer* Observers::find(const PeerHash& hash, const Peer& peer, const Token& token) {
    const std::uint32_t at = by_token_.find(hash_of(hash, peer, token), [&](std::uint32_t n) {
        return all_[n].token == token && all_[n].peer == peer;
    });
    return at == nowhere ? nullptr : &all_[at];
}

Observer* Observers::find_by_message(const PeerHash& hash, const Peer& peer, std::uint16_t id) {
    const std::uint32_t at = by_message_.find(hash.joined(hash(peer), id), [&](std::uint32_t n) {
        return all_[n].last_id == id && same_endpoint(all_[n].peer, peer);
    });
    return at == nowhere ? nullptr : &all_[at];
}

// ---- the list ----------------------------------------------------------------------------------

Observer* Observers::add(Core& core, Instant now, Observer observer) {
    // "MUST NOT add a new entry but MUST replace or update the existing one" [RFC 7641 §4.1]
    Observer* old = find(core.hash, observer.peer, observer.token);
    // A client that forgot its token, having restarted, asks for the same thing once more; it
    // "MUST NOT register more than once for the same target resource". [RFC 7641 §3.1]
    const std::uint64_t request = hash_of(core.hash, observer);
    if (old == nullptr) {
        const std::uint32_t at = by_request_.find(request, [&](std::uint32_t n) {
            const Observer& o = all_[n];
            return o.peer == observer.peer && o.key == observer.key &&
                   o.payload == observer.payload;
        });
        if (at != nowhere) old = &all_[at];
    }
    if (old != nullptr) {
        if (old->token != observer.token) core.out.push(ObserverGone{old->peer, old->token});
        unlist(core, *old);
    }
    const std::uint64_t of_peer = core.hash(observer.peer);
    const ByPeer::Group* others = by_peer_.find(of_peer, observer.peer.outer());
    if (all_.size() >= std::min<std::size_t>(core.settings.observers_max, 1u << place_bits) ||
        (others != nullptr && others->count >= core.settings.observers_per_peer_max)) {
        ++core.stats.observers_refused;
        return nullptr;
    }
    observer.confirmed_at = now;  // who registers is interested
    const std::uint32_t place = all_.add(std::move(observer));
    Observer& o = all_[place];
    o.serial = ++last_serial_ << place_bits | place;
    by_token_.insert(hash_of(core.hash, o.peer, o.token), place);
    by_request_.insert(request, place);
    by_peer_.join(of_peer, o.peer.outer(), place);
    const std::uint64_t of_path = hash_of_path(core.hash, o.options.path());
    by_path_.join(of_path, of_path, place);
    due_.set(place, o.peer.is_reliable() ? never : after(now, confirmation_interval));
    return &o;
}

void Observers::forget_message(const PeerHash& hash, Observer& o) {
    if (!std::exchange(o.noted, false)) return;
    by_message_.erase(hash.joined(hash(o.peer), o.last_id), place_of(o));
}

void Observers::unlist(Core& core, Observer& o) {
    core.unacknowledged.drop({Owner::Kind::notification, o.serial});
    const std::uint32_t place = place_of(o);
    forget_message(core.hash, o);
    o.changed = false;
    set_state(o, Observer::State::idle);
    waiting_.leave(place);
    by_peer_.leave(place);
    by_path_.leave(place);
    by_token_.erase(hash_of(core.hash, o.peer, o.token), place);
    by_request_.erase(hash_of(core.hash, o), place);
    due_.set(place, never);
    all_.take(place);
}

bool Observers::remove(Core& core, std::uint64_t serial) {
    Observer* o = find(serial);
    if (o == nullptr) return false;
    ++core.stats.observers_removed;
    core.out.push(ObserverGone{o->peer, o->token});
    unlist(core, *o);
    return true;
}

bool Observers::remove(Core& core, const Peer& peer, const Token& token) {
    const Observer* found = find(core.hash, peer, token);
    return found != nullptr && remove(core, found->serial);
}

void Observers::remove_unacknowledged(Core& core, const Peer& peer) {
    const ByPeer::Group* group = by_peer_.find(core.hash(peer), peer.outer());
    if (group == nullptr) return;
    std::vector<std::uint64_t> gone;
    for (std::uint32_t n = group->first; n != nowhere; n = by_peer_.next(n))
        if (all_[n].state == Observer::State::unacked) gone.push_back(all_[n].serial);
    for (const std::uint64_t serial : gone) remove(core, serial);
}

void Observers::closed(Core& core, const ChannelClosed& gone) {
    // "MUST remove all entries associated with the client endpoint from the lists of observers when
    // the connection either times out or is closed" [RFC 8323 §7.4]
    const std::uint64_t hash = core.hash.channel(gone.transport, gone.channel);
    const auto behind = [&](const Peer& peer) { return is_behind(peer, gone); };
    while (const ByPeer::Group* group = by_peer_.find_if(hash, behind))
        remove(core, all_[group->first].serial);
}

// ---- changes -----------------------------------------------------------------------------------

void Observers::mark_changed(Observer& observer, bool confirmable) {
    observer.changed = true;
    observer.confirmable |= confirmable;
    wake(observer);
}

void Observers::mark_changed(const PeerHash& hash, std::string_view path, bool confirmable) {
    const std::uint64_t of_path = hash_of_path(hash, path);
    const auto* group = by_path_.find(of_path, of_path);
    if (group == nullptr) return;
    for (std::uint32_t n = group->first; n != nowhere; n = by_path_.next(n))
        if (all_[n].options.path_is(path)) mark_changed(all_[n], confirmable);
}

/// Puts one that is to be told of something in the queue.
void Observers::wake(Observer& o) {
    if (!o.changed || o.queued || o.state != Observer::State::idle) return;
    o.queued = true;
    ready_.push_back(o.serial);
}

void Observers::set_state(Observer& o, Observer::State state) {
    const bool was_busy = o.state != Observer::State::idle;
    const bool is_busy = state != Observer::State::idle;
    o.state = state;
    if (was_busy != is_busy) {
        ByPeer::Group& group = by_peer_.of(place_of(o));
        is_busy ? ++group.busy : --group.busy;
        // Another of the same client may have waited for this one.
        const ByPeer::Group* others = is_busy ? nullptr : waiting_.find(group.hash, group.key);
        if (others != nullptr) {
            Observer& other = all_[others->first];
            waiting_.leave(place_of(other));
            ready_.push_back(other.serial);
        }
    }
    wake(o);
}

Observer* Observers::next_to_ask(const Core& core) {
    while (asked_ < ready_.size()) {
        Observer* o = find(ready_[asked_++]);
        if (asked_ == ready_.size()) {
            ready_.clear();
            asked_ = 0;
        }
        if (o == nullptr) continue;
        o->queued = false;
        if (!o->changed || o->state != Observer::State::idle) continue;
        const ByPeer::Group& client = by_peer_.of(place_of(*o));
        if (!o->peer.is_reliable() &&
            client.busy >= std::max<std::uint32_t>(core.settings.nstart, 1)) {
            o->queued = true;
            waiting_.join(client.hash, client.key, place_of(*o));
            continue;
        }
        o->changed = false;
        set_state(*o, Observer::State::asking);
        due_.set(place_of(*o), never);
        return o;
    }
    return nullptr;
}

std::uint32_t Observers::next_sequence(Instant now) noexcept {
    // At least the seconds of the clock, so that a server which starts anew goes on above what its
    // clients saw; at least one more, so that it strictly increases. [RFC 7641 §4.4]
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    constexpr std::uint32_t mask = 0xffffff;
    const auto clock = static_cast<std::uint32_t>(static_cast<std::uint64_t>(seconds) & mask);
    const std::uint32_t ahead = (clock - sequence_) & mask;
    sequence_ = ahead != 0 && ahead < mask / 2 ? clock : (sequence_ + 1) & mask;
    return sequence_;
}

bool Observers::must_confirm(Instant now, const Observer& observer,
                             const Settings& settings) noexcept {
    return observer.confirmable || observer.superseded.has_value() ||
           observer.unconfirmed >= settings.unconfirmed_notifications_max ||
           now - observer.confirmed_at >= confirmation_interval;
}

// ---- the life of a notification ----------------------------------------------------------------

void Observers::sent(const Core& core, Instant now, Observer& o, bool confirmable,
                     std::uint16_t id) {
    o.confirmable = false;
    o.superseded.reset();
    // "All notifications are delivered reliably": nothing to confirm, nothing to space.
    // [RFC 8323 §7.2]
    if (o.peer.is_reliable()) return rest(now, o);
    forget_message(core.hash, o);
    if (confirmable) {
        due_.set(place_of(o), never);
        return set_state(o, Observer::State::unacked);
    }
    o.last_id = id;
    o.noted = true;
    by_message_.insert(core.hash.joined(core.hash(o.peer), id), place_of(o));
    ++o.unconfirmed;
    due_.set(place_of(o), after(now, core.settings.notification_spacing));
    set_state(o, Observer::State::spacing);
}

void Observers::rest(Instant now, Observer& o) {
    const Instant latest = after(o.confirmed_at, confirmation_interval);
    due_.set(place_of(o), o.peer.is_reliable() ? never
                          : latest > now       ? latest
                                               : after(now, asked_again_after));
    set_state(o, Observer::State::idle);
}

void Observers::acknowledged(Instant now, std::uint64_t serial) {
    Observer* o = find(serial);
    if (o == nullptr) return;
    o->confirmed_at = now;
    o->unconfirmed = 0;
    if (o->state == Observer::State::unacked) rest(now, *o);
}

void Observers::supersede(Observer& o, const Effort& effort) {
    o.superseded = effort;
    // It goes on at once, before others of the client.
    if (!o.queued) ready_.insert(ready_.begin() + static_cast<std::ptrdiff_t>(asked_), o.serial);
    o.queued = true;
    set_state(o, Observer::State::idle);
}

void Observers::unanswered(Instant now, std::uint64_t serial) {
    Observer* o = find(serial);
    if (o == nullptr || o->state != Observer::State::asking) return;
    o->superseded.reset();
    rest(now, *o);
}

void Observers::handle_timeout(Instant now, const Settings& settings) {
    while (due_.next() <= now) {
        const std::uint32_t place = due_.first();
        Observer& o = all_[place];
        if (o.state == Observer::State::spacing) {
            rest(now, o);
            if (!o.changed && settings.notification_confirmed_after > Duration{}) {
                const Instant latest = after(o.confirmed_at, confirmation_interval);
                due_.set(place, std::min(latest > now ? latest : after(now, asked_again_after),
                                         after(now, settings.notification_confirmed_after)));
            }
        } else {
            // Quiet since a notification that may have been lost, or for a whole day.
            due_.set(place, never);
            mark_changed(o, true);
        }
    }
}

}  // namespace causeway::coap
