#include "rpl/registration.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

/// By the Rank, from which hops can be told well enough.
Duration patience_of(const Dodag& dodag) noexcept {
    const Settings& settings = dodag.settings();
    const unsigned step = settings.objective == ObjectiveCode::of0 ? of0::step_default : 1;
    const unsigned above = dag_rank(dodag.rank(), settings.min_hop_rank_increase);
    return dao_patience((std::max(above, 1u) - 1) / step);
}

/// Whether the router of this (global) address is still one of the parents.
bool stands_by(const Dodag& dodag, const ip::Address& parent) noexcept {
    return std::ranges::any_of(
        dodag.neighbours(), [&](const Neighbour& n) { return n.place != 0 && n.global == parent; });
}

}  // namespace

/// Those that can be named: by their global addresses.
Registration::Parents Registration::parents_of(const Dodag& dodag) {
    Parents parents;
    for (std::size_t place = 1; place <= parent_set_max && !parents.full(); ++place) {
        const Neighbour* parent = dodag.parent(place);
        if (parent != nullptr && !parent->global.is_unspecified())
            parents.push_back(parent->global);
    }
    return parents;
}

void Registration::request(Instant now, const Dodag& dodag) {
    const Parents parents = parents_of(dodag);
    if (parents == told_ && !told_.empty()) return;  // as it was
    const bool route_stands = !told_.empty() && stands_by(dodag, told_.front());
    const Duration patience = patience_of(dodag) * (std::int64_t{1} << hold_doublings_);
    postpone(now, route_stands ? std::max(patience, dao_delay_lazy) : patience);
    if (!route_stands) accepted_ = false;
}

void Registration::postpone(Instant now, Duration around) {
    const Instant at = after(now, around / 2 + random_.within(around));
    timers_.arm(Timer::send, std::min(at, timers_.due(Timer::send)));
}

void Registration::cancel() noexcept {
    timers_ = {};
    told_.clear();
    accepted_ = false;
}

bool Registration::due(Instant now, const Dodag& dodag) {
    const bool send = timers_.take_expired(Timer::send, now);
    const bool refresh = timers_.take_expired(Timer::refresh, now);
    const bool retry = timers_.take_expired(Timer::retry, now);
    gave_up_ = false;
    // What was news may be past: the parents are again those that the root knows.
    const bool news = send && (!accepted_ || parents_of(dodag) != told_);
    if (news || refresh) {
        fresh_ = true;
        retries_ = 0;
        timers_.disarm(Timer::retry);
        return true;
    }
    if (!retry) return false;
    if (retries_ < dao_retries_max) {
        ++retries_;
        return true;
    }
    gave_up_ = true;
    accepted_ = false;
    postpone(now, dao_pause);
    return false;
}

Dao Registration::compose(Instant now, const Dodag& dodag, const ip::Address& self) {
    const Settings& settings = dodag.settings();
    // "MUST increment the DAOSequence field" with newer information, and MAY otherwise: a root that
    // has answered the first may ignore a second one of the same number. [RFC 6550 §9.3]
    sequence_ = sequence_.next();
    const Parents parents = parents_of(dodag);
    const Duration patience = patience_of(dodag);
    if (parents != told_) {
        fresh_ = true;
        if (now >= calm_at_)
            hold_doublings_ = 0;
        else if (hold_doublings_ < dao_hold_doublings_max)
            ++hold_doublings_;
        calm_at_ =
            after(now, std::max(patience, dao_delay_lazy) * (std::int64_t{4} << hold_doublings_));
        timers_.disarm(Timer::send);
        told_ = parents;
    }
    // "MUST increment the Path Sequence counter" when lifetime or parents change. [§9.2.1]
    if (fresh_) path_sequence_ = path_sequence_.next();
    fresh_ = false;

    Dao dao;
    dao.instance = settings.instance;
    dao.ack_wanted = settings.dao_ack;
    dao.sequence = sequence_.value();
    // "This flag MUST be set when a local RPLInstanceID is used." [RFC 6550 §6.4.1]
    if ((settings.instance & 0x80) != 0) dao.dodag = dodag.id();
    dao.options.list.reserve(1 + parents.size());
    dao.options.add(Target{{self, 128}});
    // Two bits for each parent in the order of preference, as far as PCS lets bits be active.
    // "Bits greater than or equal to (PCS + 1) MUST be cleared", and "a node MUST NOT unicast a DAO
    // message that has no active bits". [RFC 6550 §9.9]
    const auto active = static_cast<std::uint8_t>(0xff00 >> (settings.path_control_size + 1));
    for (std::size_t i = 0; i < parents.size(); ++i) {
        const auto control = static_cast<std::uint8_t>((0xc0 >> 2 * i) & active);
        if (control == 0) continue;
        dao.options.add(Transit{.external = false,
                                .path_control = control,
                                .path_sequence = path_sequence_.value(),
                                .path_lifetime = settings.lifetime_default,
                                .parent = parents[i]});
    }
    if (settings.dao_ack) {
        const Duration wait =
            std::min<Duration>((dao_retry_first + patience - dao_delay) *
                                   (1 << std::min(retries_, dao_retry_doublings_max)),
                               dao_retry_max);
        timers_.arm(Timer::retry, after(now, wait + random_.within(wait / 2)));
    } else {
        arm_refresh(now, settings);
    }
    return dao;
}

bool Registration::answered(Instant now, const DaoAck& ack, const Settings& settings) {
    if (ack.sequence != sequence_.value() || !timers_.armed(Timer::retry)) return false;
    timers_.disarm(Timer::retry);
    retries_ = 0;
    if (ack.status >= 128) {  // rejection [RFC 6550 §6.5.1]
        accepted_ = false;
        postpone(now, dao_pause);
        return true;
    }
    accepted_ = true;
    arm_refresh(now, settings);
    return true;
}

/// The next DAO comes between one half and three quarters of the lifetime, so that a few may be
/// lost before the route is.
void Registration::arm_refresh(Instant now, const Settings& settings) {
    if (settings.lifetime_default == 0xff) return timers_.disarm(Timer::refresh);  // for ever
    const Duration lifetime = std::max<Duration>(
        std::chrono::seconds(settings.lifetime_unit_seconds) * settings.lifetime_default,
        std::chrono::seconds(10));
    timers_.arm(Timer::refresh, after(now, lifetime / 2 + random_.within(lifetime / 4)));
}

}  // namespace causeway::rpl
