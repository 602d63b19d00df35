#include "rpl/trickle.hpp"

#include <algorithm>

namespace causeway::rpl {

Trickle::Trickle(Config config, Random random, Instant now) : config_(config), random_(random) {
    // "I ... is set to a value in the range of [Imin, Imax]": the least, so that a node that has
    // just learned something says so soon. [RFC 6206 §4.2, step 1]
    begin_interval(now, config_.interval_min);
}

void Trickle::handle(Instant now, Input in) {
    if (std::holds_alternative<HeardConsistent>(in)) {
        ++heard_;  // [RFC 6206 §4.2, step 3]
        return;
    }
    // "If I is equal to Imin ... Trickle does nothing." [RFC 6206 §4.2, step 6]
    if (interval_ > config_.interval_min) begin_interval(now, config_.interval_min);
}

void Trickle::handle_timeout(Instant now) {
    // Time t comes before the interval's end, and both may be due when the host wakes late.
    if (timers_.take_expired(Timer::transmit, now) &&
        (config_.redundancy == 0 || heard_ < config_.redundancy))
        pending_ = Transmit{now};

    if (timers_.take_expired(Timer::interval_end, now)) {
        const Duration longest = config_.interval_min * (std::int64_t{1} << config_.doublings);
        begin_interval(now, std::min(interval_ * 2, longest));
    }
}

void Trickle::begin_interval(Instant now, Duration length) {
    interval_ = length;
    heard_ = 0;
    // t is drawn from [I/2, I). [RFC 6206 §4.2, step 2]
    const Duration half = length / 2;
    timers_.arm(Timer::transmit, after(now, half + random_.within(length - half)));
    timers_.arm(Timer::interval_end, after(now, length));
}

}  // namespace causeway::rpl
