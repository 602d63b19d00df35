#include "scada/dnp3/outstation.hpp"

#include "scada/dnp3/outstation_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::dnp3 {
namespace {

/// The largest object, an octet string with its index, and the headers before it have to fit.
constexpr std::size_t fragment_octets_min = 300;

/// What masters may ask of all outstations at once: nothing that wants an answer.
constexpr bool may_be_broadcast(Function function) noexcept {
    switch (function) {
        case Function::write:
        case Function::direct_operate_no_ack:
        case Function::immediate_freeze:
        case Function::immediate_freeze_no_ack:
        case Function::freeze_and_clear:
        case Function::freeze_and_clear_no_ack:
        case Function::enable_unsolicited:
        case Function::disable_unsolicited:
        case Function::assign_class:
        case Function::record_current_time:
            return true;
        default:
            return false;
    }
}

bool same_but_events(const Outstation::Status& a, const Outstation::Status& b) noexcept {
    return a.up == b.up && a.restarted == b.restarted && a.needs_time == b.needs_time &&
           a.overflow == b.overflow && a.unsolicited_enabled == b.unsolicited_enabled;
}

}  // namespace

Iins errors_of(ObjectReader::Trouble trouble) noexcept {
    switch (trouble) {
        case ObjectReader::Trouble::none:
            return {};
        case ObjectReader::Trouble::unknown_object:
            return Iin::object_unknown;
        case ObjectReader::Trouble::truncated:
        case ObjectReader::Trouble::unknown_qualifier:
            break;
    }
    return Iin::parameter_error;
}

Outstation::State::State(OutstationSettings with, std::span<const PointPlan> points)
    : settings(with),
      database(points, with.event_times),
      events(with.events_max),
      writer(std::max(with.fragment_octets_max, fragment_octets_min)),
      needs_time(with.needs_time),
      enabled(with.unsolicited ? with.unsolicited_at_start : Classes{}),
      null_due(with.unsolicited) {
    enabled.zero = false;
    shown = status();
}

// ---- inputs ----

void Outstation::State::on(Instant now, ChannelUp) {
    if (up) on(now, ChannelDown{});  // another connection in place of the one that was
    up = true;
    resting_until = {};
}

/// Whoever connects next is not the one who was asked to confirm, and does not repeat himself.
void Outstation::State::on(Instant, ChannelDown) {
    up = false;
    if (unsolicited) end_unsolicited();
    give_up_solicited();
    deferred.reset();
    last.reset();
    drop_commands();
    drop_selection();
}

void Outstation::State::on(Instant now, FragmentReceived received) {
    const auto parsed = FragmentView::parse(received.octets);
    if (!parsed || !parsed->control.first || !parsed->control.final) {
        ++stats.bad_fragments;  // requests are one fragment [IEEE 1815 §4.2.2.4.1]
        return;
    }
    const FragmentView& view = *parsed;
    constexpr std::uint8_t first_response = 128;
    if ((received.source != settings.master && !settings.any_master) ||
        view.function_code >= first_response) {
        ++stats.not_for_us;
        return;
    }
    const bool to_all = is_broadcast(received.destination);
    if (view.function == Function::confirm) {
        to_all ? void(++stats.bad_fragments) : confirmed(now, received.source, view.control);
        return;
    }
    if (view.control.unsolicited) {
        ++stats.bad_fragments;
        return;
    }
    ++stats.requests;
    if (received.source == settings.master) resting_until = {};
    to_all ? broadcast(now, received, view) : request(now, received, view);
}

void Outstation::State::on(Instant now, Update update) {
    Point* const point = database.find(update.measurement.type, update.measurement.index);
    if (point == nullptr) return;
    if (!update.measurement.time) update.measurement.time = time(now);
    if (Database::update(*point, std::move(update.measurement), update.force_event) &&
        !update.no_event)
        report(now, *point, point->plan.event_class);
}

void Outstation::State::on(Instant, Indicate indicate) {
    if (indicate.what == Iin::local_control || indicate.what == Iin::device_trouble ||
        indicate.what == Iin::config_corrupt)
        device.set(indicate.what, indicate.on);
}

void Outstation::State::on(Instant now, ClockSet set) {
    set_clock(now, set.ms);
}

// ---- requests ----

void Outstation::State::request(Instant now, const FragmentReceived& received,
                                const FragmentView& view) {
    if (repeated(now, received, view)) return;
    // A new request ends whatever the one before it was waiting for. [IEEE 1815 §5.1.1.1]
    if (solicited) give_up_solicited();
    drop_commands();
    if (selection && selection->source == received.source && view.function != Function::operate)
        drop_selection();
    deferred.reset();
    last = {.source = received.source, .octets = to_octets(received.octets)};
    // A read waits until the unsolicited response is confirmed or its time is up;
    // nothing else does. [IEEE 1815 §4.6.6 rule 16]
    if (view.function == Function::read && unsolicited)
        deferred = {.source = received.source, .octets = to_octets(received.octets)};
    else
        obey(now, received.source, view);
}

/// The same octets from the same master: his retry, which is not done again. [IEEE 1815 §4.3]
bool Outstation::State::repeated(Instant now, const FragmentReceived& received,
                                 const FragmentView& view) {
    if (!last || last->source != received.source || !same(last->octets, received.octets))
        return false;
    if (view.function == Function::read) {
        if (deferred) return ++stats.repeats, true;
        // A read is answered anew, unless its answer is still the first one that waits.
        if (!solicited || !solicited->control.first) return false;
        out.push(SendFragment{.destination = solicited->to, .octets = solicited->octets});
    } else {
        deferred.reset();
        if (commands || last->response.empty()) return ++stats.repeats, true;
        out.push(SendFragment{.destination = received.source, .octets = last->response});
    }
    ++stats.repeats;
    ++stats.responses;
    if (solicited) timers.arm(Timer::solicited_confirm, after(now, settings.confirm_within));
    return true;
}

/// Nobody is answered; the next response says that it was heard. [IEEE 1815 §4.2.2.6.1]
void Outstation::State::broadcast(Instant now, const FragmentReceived& received,
                                  const FragmentView& view) {
    deferred.reset();
    heard = {.heard = true, .confirm = received.destination == broadcast_confirm_required};
    if (solicited) solicited->told_broadcast = false;
    if (unsolicited) unsolicited->told_broadcast = false;
    if (!may_be_broadcast(view.function)) return;
    switch (view.function) {
        case Function::write:
            (void)write(now, view.objects);
            break;
        case Function::direct_operate_no_ack:
            control(now, received.source, view, true);
            break;
        case Function::enable_unsolicited:
        case Function::disable_unsolicited:
            (void)enable_unsolicited(view, view.function == Function::enable_unsolicited);
            break;
        case Function::assign_class:
            (void)assign_class(view);
            break;
        case Function::record_current_time:
            (void)record_time(now, view.objects);
            break;
        default:
            (void)freeze(now, view);
    }
}

void Outstation::State::obey(Instant now, Address source, const FragmentView& view) {
    const std::uint8_t sequence = view.control.sequence;
    switch (view.function) {
        case Function::read:
            return read(now, source, view);
        case Function::write:
            return respond(now, source, sequence, write(now, view.objects));
        case Function::select:
        case Function::operate:
        case Function::direct_operate:
        case Function::direct_operate_no_ack:
            return control(now, source, view, false);
        case Function::immediate_freeze:
        case Function::freeze_and_clear:
            return respond(now, source, sequence, freeze(now, view));
        case Function::immediate_freeze_no_ack:
        case Function::freeze_and_clear_no_ack:
            (void)freeze(now, view);
            return;
        case Function::cold_restart:
        case Function::warm_restart:
            return restart(now, source, view);
        case Function::enable_unsolicited:
            return respond(now, source, sequence, enable_unsolicited(view, true));
        case Function::disable_unsolicited:
            return respond(now, source, sequence, enable_unsolicited(view, false));
        case Function::assign_class:
            return respond(now, source, sequence, assign_class(view));
        case Function::delay_measurement:
            return measure_delay(now, source, view);
        case Function::record_current_time:
            return respond(now, source, sequence, record_time(now, view.objects));
        case Function::freeze_at_time_no_ack:
            ++stats.unknown_functions;
            return;
        default:
            ++stats.unknown_functions;
            return respond(now, source, sequence, Iin::no_func_code_support);
    }
}

// ---- time ----

void Outstation::State::set_clock(Instant now, std::uint64_t ms) {
    clock_set = true;
    clock_at = now;
    clock_ms = ms;
    needs_time = false;
    if (settings.needs_time) timers.arm(Timer::need_time, after(now, settings.need_time_every));
}

Timestamp Outstation::State::time(Instant now) const {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - clock_at);
    return {.ms = clock_ms + static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0)),
            .synchronised = clock_set && !needs_time};
}

void Outstation::State::timeout(Instant now) {
    if (timers.take_expired(Timer::need_time, now)) needs_time = true;
    if (timers.take_expired(Timer::selection, now)) expire_selection();
    if (timers.take_expired(Timer::command, now)) expire_commands(now);
    if (timers.take_expired(Timer::solicited_confirm, now)) {
        ++stats.confirm_timeouts;
        give_up_solicited();
    }
    if (timers.take_expired(Timer::unsolicited_confirm, now)) unsolicited_timeout(now);
    (void)timers.take_expired(Timer::unsolicited_due, now);
}

void Outstation::State::settle(Instant now) {
    if (unsolicited && unsolicited->overdue && !solicited) retry_unsolicited(now);
    consider_unsolicited(now);
    stats.events_waiting = events.size();
    if (const Status is = status(); !same_but_events(is, shown)) {
        shown = is;
        out.push(StateChanged{});
    }
}

// ---- events ----

void Outstation::State::report(Instant now, const Point& point, EventClass event_class) {
    if (!events.takes(event_class)) return;
    ++stats.events;
    if (!events.add(point.current, event_class, point.plan.event_variation)) {
        ++stats.events_lost;
        overflow = true;
        if (solicited) solicited->told_overflow = false;
        if (unsolicited) unsolicited->told_overflow = false;
    }
    if (gathered == never) gathered = after(now, settings.unsolicited_after);
}

Outstation::Status Outstation::State::status() const {
    return {.up = up,
            .restarted = restarted,
            .needs_time = needs_time,
            .overflow = overflow,
            .unsolicited_enabled = enabled,
            .events_waiting = events.sizes()};
}

// ---- the engine ----

Outstation::Outstation(OutstationSettings settings, std::span<const PointPlan> points)
    : state_(std::make_unique<State>(settings, points)) {}
Outstation::Outstation(Outstation&&) noexcept = default;
Outstation& Outstation::operator=(Outstation&&) noexcept = default;
Outstation::~Outstation() = default;

void Outstation::handle(Instant now, Input in) {
    std::visit([&](auto&& input) { state_->on(now, std::forward<decltype(input)>(input)); },
               std::move(in));
    state_->settle(now);
}

void Outstation::handle_timeout(Instant now) {
    state_->timeout(now);
    state_->settle(now);
}

std::optional<Outstation::Output> Outstation::poll_output() {
    return state_->out.poll();
}

Instant Outstation::next_deadline() const {
    return state_->timers.next();
}

const Outstation::Stats& Outstation::stats() const noexcept {
    return state_->stats;
}

Outstation::Status Outstation::status() const {
    return state_->status();
}

const Measurement* Outstation::point(PointType type, std::uint16_t index) const {
    const Point* const found = std::as_const(state_->database).find(type, index);
    return found == nullptr ? nullptr : &found->current;
}

std::optional<std::uint64_t> Outstation::time_ms(Instant now) const {
    if (!state_->clock_set) return std::nullopt;
    return state_->time(now).ms;
}

}  // namespace causeway::scada::dnp3
