#include "scada/dnp3/outstation_state.hpp"

#include <utility>

// Unsolicited responses: the null one after a restart, until it is confirmed; then events of the
// enabled classes, one response at a time. [IEEE 1815 §4.6.6, §5.1.1.1]
namespace causeway::scada::dnp3 {
namespace {

constexpr bool within(Classes some, Classes all) noexcept {
    return (!some.one || all.one) && (!some.two || all.two) && (!some.three || all.three);
}

}  // namespace

void Outstation::State::consider_unsolicited(Instant now) {
    timers.disarm(Timer::unsolicited_due);
    // None while a solicited response waits for its confirmation. [IEEE 1815 §4.6.6]
    if (!up || !settings.unsolicited || unsolicited || solicited) return;
    const std::size_t waiting = null_due ? 0 : events.waiting(enabled);
    if (!null_due && waiting == 0) {
        gathered = never;
        return;
    }
    if (now < resting_until) return timers.arm(Timer::unsolicited_due, resting_until);
    if (null_due) return send_unsolicited(now, true);
    if (gathered == never) gathered = after(now, settings.unsolicited_after);
    if (waiting >= settings.unsolicited_events || gathered <= now)
        return send_unsolicited(now, false);
    timers.arm(Timer::unsolicited_due, gathered);
}

void Outstation::State::send_unsolicited(Instant now, bool null) {
    const ApplicationControl control{
        .confirm = true, .unsolicited = true, .sequence = unsolicited_sequence};
    writer.response(control, Function::unsolicited_response, {});
    const Classes classes = null ? Classes{} : events.write(enabled, writer);
    writer.set_iin(indications());
    unsolicited_sequence = (unsolicited_sequence + 1) & 0x0f;
    unsolicited = {.control = control,
                   .octets = writer.take(),
                   .classes = classes,
                   .retries = settings.unsolicited_retries,
                   .null = null,
                   .told_overflow = overflow,
                   .told_broadcast = heard.heard};
    if (!heard.confirm) heard = {};
    // What did not fit has waited long enough, too.
    if (!null) gathered = events.waiting(enabled) != 0 ? now : never;
    transmit_unsolicited(now);
}

void Outstation::State::transmit_unsolicited(Instant now) {
    ++stats.unsolicited;
    timers.arm(Timer::unsolicited_confirm, after(now, settings.confirm_within));
    out.push(SendFragment{.destination = settings.master, .octets = unsolicited->octets});
}

void Outstation::State::unsolicited_timeout(Instant now) {
    ++stats.confirm_timeouts;
    if (deferred) {
        // No retry: the series is over, and the read gets the events. [IEEE 1815 §4.6.6 rule 16]
        if (unsolicited->null) resting_until = after(now, settings.confirm_within);
        end_unsolicited();
        return answer_deferred(now);
    }
    if (solicited)
        unsolicited->overdue = true;
    else
        retry_unsolicited(now);
}

/// Octet for octet the same, so that a master whose confirmation was lost knows the events again.
/// The null response has nothing to be taken twice and says what is so now: where that differs, it
/// is another response with another sequence number. [IEEE 1815 §4.2.2.4.5]
void Outstation::State::retry_unsolicited(Instant now) {
    unsolicited->overdue = false;
    if (unsolicited->retries == 0) {
        resting_until = after(now, settings.unsolicited_retry_later);
        return end_unsolicited();
    }
    // Their reporting was disabled meanwhile. [IEEE 1815 §4.6.6 rule 15]
    if (!within(unsolicited->classes, enabled)) return end_unsolicited();
    const unsigned retries = unsolicited->retries - 1;
    if (unsolicited->null) {
        const Unsolicited was = std::move(*unsolicited);
        const std::uint8_t next = std::exchange(unsolicited_sequence, was.control.sequence);
        writer.response(was.control, Function::unsolicited_response, indications());
        if (!same(writer.fragment(), was.octets)) unsolicited_sequence = next;
        send_unsolicited(now, true);
    } else {
        transmit_unsolicited(now);
    }
    unsolicited->retries = retries;
}

/// Its events wait again, and are due.
void Outstation::State::end_unsolicited() {
    if (!unsolicited->null) {
        events.put_back();
        gathered = {};
    }
    unsolicited.reset();
    timers.disarm(Timer::unsolicited_confirm);
}

}  // namespace causeway::scada::dnp3
