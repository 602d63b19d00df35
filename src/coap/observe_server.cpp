#include "coap/observe_server.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// "at least every 24 hours" [RFC 7641 §4.5]
constexpr Duration confirmation_interval = std::chrono::hours(24);
/// When that time came and the application had nothing to say.
constexpr Duration asked_again_after = std::chrono::minutes(1);

}  // namespace

Observer* Observers::find(std::uint64_t serial) noexcept {
    for (Observer& o : observers_)
        if (o.serial == serial) return &o;
    return nullptr;
}

const Observer* Observers::find(const Peer& peer, const Token& token) const noexcept {
    for (const Observer& o : observers_)
        if (o.peer == peer && o.token == token) return &o;
    return nullptr;
}

Observer* Observers::find(const Peer& peer, const Token& token) noexcept {
    return const_cast<Observer*>(std::as_const(*this).find(peer, token));
}

Observer* Observers::find_by_message(const Peer& peer, std::uint16_t id) noexcept {
    for (Observer& o : observers_)
        if (o.unconfirmed != 0 && o.last_id == id && o.peer == peer) return &o;
    return nullptr;
}

// ---- the list ----------------------------------------------------------------------------------

Observer* Observers::add(Core& core, Instant now, Observer observer) {
    observer.confirmed_at = now;  // who registers is interested
    observer.due = after(now, confirmation_interval);
    const auto place = [&](Observer& old) {
        core.unacknowledged.drop({Owner::Kind::notification, old.serial});
        observer.serial = ++last_serial_;
        return &(old = std::move(observer));
    };
    // "MUST NOT add a new entry but MUST replace or update the existing one" [RFC 7641 §4.1]
    if (Observer* same = find(observer.peer, observer.token)) return place(*same);
    // A client that forgot its token, having restarted, asks for the same thing once more; it
    // "MUST NOT register more than once for the same target resource". [RFC 7641 §3.1]
    for (Observer& o : observers_)
        if (o.peer == observer.peer && o.key == observer.key && o.method == observer.method)
            return place(o);
    if (observers_.size() >= core.settings.observers_max) {
        ++core.stats.observers_refused;
        return nullptr;
    }
    observer.serial = ++last_serial_;
    return &observers_.emplace_back(std::move(observer));
}

bool Observers::remove(Core& core, std::uint64_t serial) {
    core.unacknowledged.drop({Owner::Kind::notification, serial});
    const auto gone =
        std::erase_if(observers_, [&](const Observer& o) { return o.serial == serial; });
    core.stats.observers_removed += gone;
    return gone != 0;
}

bool Observers::remove(Core& core, const Peer& peer, const Token& token) {
    const Observer* found = find(peer, token);
    return found != nullptr && remove(core, found->serial);
}

void Observers::remove_unacknowledged(Core& core, const Peer& peer) {
    std::vector<std::uint64_t> gone;
    for (const Observer& o : observers_)
        if (o.peer == peer && o.state == Observer::State::unacked) gone.push_back(o.serial);
    for (const std::uint64_t serial : gone) remove(core, serial);
}

// ---- changes -----------------------------------------------------------------------------------

void Observers::mark_changed(Observer& observer, bool confirmable) {
    observer.changed = true;
    observer.confirmable |= confirmable;
    asking_due_ = true;
}

void Observers::mark_changed(std::string_view path, bool confirmable) {
    for (Observer& o : observers_)
        if (o.options.path_is(path)) mark_changed(o, confirmable);
}

Observer* Observers::next_to_ask(const Settings& settings) noexcept {
    if (!asking_due_) return nullptr;
    for (Observer& o : observers_) {
        if (!o.changed || o.state != Observer::State::idle) continue;
        const auto outstanding = std::ranges::count_if(observers_, [&](const Observer& other) {
            return other.peer == o.peer && other.state != Observer::State::idle;
        });
        if (outstanding >= std::max<std::ptrdiff_t>(settings.nstart, 1)) continue;
        o.changed = false;
        o.state = Observer::State::asking;
        o.due = never;
        return &o;
    }
    asking_due_ = false;
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

void Observers::sent(Instant now, Observer& observer, bool confirmable, std::uint16_t id,
                     const Settings& settings) {
    observer.confirmable = false;
    observer.superseded.reset();
    if (confirmable) {
        observer.state = Observer::State::unacked;
        observer.due = never;
        return;
    }
    observer.last_id = id;
    ++observer.unconfirmed;
    observer.state = Observer::State::spacing;
    observer.due = after(now, settings.notification_spacing);
}

void Observers::rest(Instant now, Observer& observer) {
    observer.state = Observer::State::idle;
    const Instant latest = after(observer.confirmed_at, confirmation_interval);
    observer.due = latest > now ? latest : after(now, asked_again_after);
    if (observer.changed) asking_due_ = true;
    // Others of the same client may have waited for this one.
    asking_due_ |= std::ranges::any_of(observers_, &Observer::changed);
}

void Observers::acknowledged(Instant now, std::uint64_t serial) {
    Observer* o = find(serial);
    if (o == nullptr) return;
    o->confirmed_at = now;
    o->unconfirmed = 0;
    if (o->state == Observer::State::unacked) rest(now, *o);
}

void Observers::supersede(Observer& observer, const Effort& effort) {
    observer.superseded = effort;
    observer.state = Observer::State::idle;
    asking_due_ = true;
}

void Observers::unanswered(Instant now, std::uint64_t serial) {
    Observer* o = find(serial);
    if (o == nullptr || o->state != Observer::State::asking) return;
    o->superseded.reset();
    rest(now, *o);
}

void Observers::handle_timeout(Instant now, const Settings& settings) {
    for (Observer& o : observers_) {
        if (o.due > now) continue;
        if (o.state == Observer::State::spacing) {
            rest(now, o);
            if (!o.changed && settings.notification_confirmed_after > Duration{})
                o.due = std::min(o.due, after(now, settings.notification_confirmed_after));
        } else {
            // Quiet since a notification that may have been lost, or for a whole day.
            o.due = never;
            o.confirmable = true;
            o.changed = true;
            asking_due_ = true;
        }
    }
}

Instant Observers::next() const noexcept {
    Instant next = never;
    for (const Observer& o : observers_) next = std::min(next, o.due);
    return next;
}

}  // namespace causeway::coap
