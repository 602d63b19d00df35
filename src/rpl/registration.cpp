#include "rpl/registration.hpp"

#include <algorithm>

namespace causeway::rpl {

void Registration::request(Instant now, Duration around) {
    const Instant at = after(now, around / 2 + random_.within(around));
    timers_.arm(Timer::send, std::min(at, timers_.due(Timer::send)));
    if (around <= dao_delay) accepted_ = false;
}

void Registration::cancel() noexcept {
    timers_ = {};
    accepted_ = false;
}

bool Registration::due(Instant now) {
    const bool send = timers_.take_expired(Timer::send, now);
    const bool refresh = timers_.take_expired(Timer::refresh, now);
    const bool retry = timers_.take_expired(Timer::retry, now);
    gave_up_ = false;
    if (send || refresh) {
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
    request(now, dao_pause);
    return false;
}

Dao Registration::compose(Instant now, const Dodag& dodag, const ip::Address& self) {
    const Settings& settings = dodag.settings();
    // "MUST increment the DAOSequence field" with newer information, and MAY otherwise: a root that
    // has answered the first may ignore a second one of the same number. [RFC 6550 §9.3]
    sequence_ = sequence_.next();
    // "MUST increment the Path Sequence counter" when lifetime or parents change. [§9.2.1]
    if (fresh_) path_sequence_ = path_sequence_.next();
    fresh_ = false;

    Dao dao;
    dao.instance = settings.instance;
    dao.ack_wanted = settings.dao_ack;
    dao.sequence = sequence_.value();
    // "This flag MUST be set when a local RPLInstanceID is used." [RFC 6550 §6.4.1]
    if ((settings.instance & 0x80) != 0) dao.dodag = dodag.id();
    dao.options.list.reserve(1 + parent_set_max);
    dao.options.add(Target{{self, 128}});
    // Two bits for each parent in the order of preference, as far as PCS lets bits be active.
    // "Bits greater than or equal to (PCS + 1) MUST be cleared", and "a node MUST NOT unicast a DAO
    // message that has no active bits". [RFC 6550 §9.9]
    const auto active = static_cast<std::uint8_t>(0xff00 >> (settings.path_control_size + 1));
    for (std::size_t place = 1; place <= parent_set_max; ++place) {
        const Neighbour* parent = dodag.parent(place);
        const auto control = static_cast<std::uint8_t>((0xc0 >> 2 * (place - 1)) & active);
        if (parent == nullptr || control == 0 || parent->global.is_unspecified()) continue;
        dao.options.add(Transit{.external = false,
                                .path_control = control,
                                .path_sequence = path_sequence_.value(),
                                .path_lifetime = settings.lifetime_default,
                                .parent = parent->global});
    }
    if (settings.dao_ack) {
        const Duration wait = dao_retry_first * (1 << std::min(retries_, dao_retry_doublings_max));
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
        request(now, dao_pause);
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
