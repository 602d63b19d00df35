// What a master does next, and how requests begin and end.
#include "scada/dnp3/master_state.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {
namespace {

bool write_classes(FragmentWriter& out, Classes classes) {
    return (!classes.one || out.header_all(60, 2)) && (!classes.two || out.header_all(60, 3)) &&
           (!classes.three || out.header_all(60, 4)) && (!classes.zero || out.header_all(60, 1));
}

constexpr bool wants_no_answer(Function function) noexcept {
    return function == Function::direct_operate_no_ack ||
           function == Function::immediate_freeze_no_ack ||
           function == Function::freeze_and_clear_no_ack ||
           function == Function::freeze_at_time_no_ack || function == Function::confirm;
}

}  // namespace

/// [IEEE 1815 §5.1.1.1.2]
void Master::State::want_startup() {
    disable_wanted = settings.disable_unsolicited_at_start;
    integrity_wanted = any(settings.startup_integrity);
    integrity_done = !integrity_wanted;
    enable_wanted = any(settings.unsolicited);
    status.started = status.unsolicited_enabled = false;
}

void Master::State::note_started(Instant now) {
    if (status.started || !channel || lost || disable_wanted || integrity_wanted || enable_wanted)
        return;
    status.started = true;
    probe_pause = settings.retry_first;
    for (auto& poll : polls) poll.due = after(now, poll.plan.every);
}

std::optional<Master::State::Work> Master::State::startup_work(Instant now) const {
    if (disable_wanted) return Work{.kind = Kind::disable_unsolicited, .classes = events};
    if (clear_wanted && now >= clear_at) return Work{.kind = Kind::clear_restart};
    if (integrity_wanted)
        return Work{.kind = Kind::integrity, .classes = settings.startup_integrity};
    if (time_wanted && clock && now >= time_due) return Work{.kind = first_time_step()};
    if (enable_wanted)
        return Work{.kind = Kind::enable_unsolicited, .classes = settings.unsolicited};
    return std::nullopt;
}

/// What does not come by itself is fetched.
Classes Master::State::events_wanted() const {
    auto wanted = events_there;
    if (!status.unsolicited_enabled) return wanted;
    wanted.one = wanted.one && !settings.unsolicited.one;
    wanted.two = wanted.two && !settings.unsolicited.two;
    wanted.three = wanted.three && !settings.unsolicited.three;
    return wanted;
}

/// The one that waits longest; so neither frequent polls nor endless events starve the rest.
std::optional<Master::State::Work> Master::State::poll_work(Instant now) const {
    if (!status.started) return std::nullopt;
    if (overflow_wanted && now >= overflow_again) {
        const auto classes =
            any(settings.startup_integrity) ? settings.startup_integrity : everything;
        return Work{.kind = Kind::integrity, .classes = classes};
    }
    std::optional<Work> first;
    Instant due = never;
    if (const auto wanted = events_wanted(); any(wanted) && events_at <= now) {
        first = Work{.kind = Kind::event_poll, .classes = wanted};
        due = events_at;
    }
    for (std::size_t i = 0; i < polls.size(); ++i) {
        if (polls[i].due > now || polls[i].due >= due) continue;
        due = polls[i].due;
        first = Work{.kind = Kind::poll, .classes = polls[i].plan.classes, .poll = i};
    }
    return first;
}

std::optional<Master::State::Work> Master::State::next_work(Instant now) {
    const auto taken = [](std::deque<Work>& queue) {
        std::optional<Work> work(std::move(queue.front()));
        queue.pop_front();
        return work;
    };
    if (!channel || active) return std::nullopt;
    while (!commands.empty() && commands.front().until <= now)
        complete(*taken(commands), Completed::Fate::unreachable);
    if (!commands.empty()) return taken(commands);
    if (lost) {
        if (now < probe_at) return std::nullopt;
        auto work = startup_work(now);
        return work ? work : Work{.kind = Kind::probe};
    }
    if (selected) return std::nullopt;
    if (auto work = startup_work(now)) return work;
    if (!requests.empty()) return taken(requests);
    return poll_work(now);
}

void Master::State::run(Instant now) {
    note_started(now);
    while (auto work = next_work(now)) begin(now, std::move(*work));
}

bool Master::State::write_request(FragmentWriter& to, const Work& work, Instant now) const {
    const auto open = [&](Function function) {
        to.request({.sequence = sequence}, function);
        return true;
    };
    switch (work.kind) {
        case Kind::disable_unsolicited:
            return open(Function::disable_unsolicited) && write_classes(to, work.classes);
        case Kind::enable_unsolicited:
            return open(Function::enable_unsolicited) && write_classes(to, work.classes);
        case Kind::clear_restart:
            return open(Function::write) && to.indication(7, false);
        case Kind::integrity:
        case Kind::event_poll:
        case Kind::poll:
        case Kind::asked_poll:
            return open(Function::read) && write_classes(to, work.classes);
        case Kind::record_time:
            return open(Function::record_current_time);
        case Kind::probe:
        case Kind::delay_measurement:
            return open(Function::delay_measurement);
        case Kind::write_time: {
            const bool lan = work.function == Function::record_current_time;
            const auto when = lan ? work.recorded : after(now, work.delay);
            return open(Function::write) && to.time(50, lan ? 3 : 1, time_at(when));
        }
        case Kind::control:
            return open(work.function) && to.controls(work.controls);
        case Kind::ask:
            return open(work.function) && to.raw(work.objects);
        case Kind::synchronise:
            break;
    }
    return false;
}

/// Each new request counts on [IEEE 1815 §4.3]; a number that the outstation would take for that of
/// the last request, repeated, is left out.
void Master::State::count_on() {
    sequence = static_cast<std::uint8_t>((sequence + 1) & 15);
    if (sequence == last_request) sequence = static_cast<std::uint8_t>((sequence + 1) & 15);
}

/// An operate on its own leaves only for what was selected by the request before it.
bool Master::State::may_operate(const Work& work, Bytes request) const {
    if (work.kind != Kind::control || work.mode != Operate::Mode::operate) return true;
    return selected && same(selected->objects, request.subspan(2));
}

void Master::State::begin(Instant now, Work work) {
    if (work.kind == Kind::synchronise) {
        if (!clock) {
            complete(work, Completed::Fate::unreachable);
            return;
        }
        work.kind = first_time_step();
    }
    const bool read = work.kind == Kind::ask
                          ? work.function == Function::read
                          : work.kind != Kind::control && work.kind != Kind::record_time &&
                                work.kind != Kind::delay_measurement &&
                                work.kind != Kind::write_time;
    // What was selected may be operated by the very next request alone.
    if (work.kind != Kind::control) selected.reset();
    if (work.kind == Kind::poll) {
        auto& [plan, due] = polls[work.poll];
        const auto every = std::max(plan.every, Duration(1));
        due = after(due, every);
        if (due <= now) due = after(now, every);  // turns that were missed are not made up for
    }
    if (work.kind == Kind::event_poll) events_there = {};

    const auto before = sequence;
    count_on();
    FragmentWriter writer(settings.fragment_octets_max);
    const bool fits = write_request(writer, work, now);
    if (!fits || !may_operate(work, writer.fragment())) {
        sequence = before;
        ++stats.refused;
        for (auto& control : work.controls)
            control.status = fits ? CommandStatus::no_select : CommandStatus::too_many_ops;
        complete(work, Completed::Fate::unreachable);
        return;
    }
    if (work.kind == Kind::control) selected.reset();
    const bool selecting = work.kind == Kind::control &&
                           work.mode == Operate::Mode::select_before_operate &&
                           work.function == Function::select;
    const bool answerless =
        (work.kind == Kind::control || work.kind == Kind::ask) && wants_no_answer(work.function);
    // A probe is not repeated: the next comes by itself, later.
    const unsigned tries = read && !lost ? settings.retries + 1 : 1;
    active = Active{
        .work = std::move(work), .request = writer.take(), .selecting = selecting, .tries = tries};
    send(now);
    if (!answerless) return;
    ++stats.not_answered;
    stats.under_way = 0;
    const auto done = std::move(active->work);
    active.reset();
    complete(done, Completed::Fate::unanswered);
}

/// `sequence` is the request's own.
void Master::State::send(Instant now) {
    last_request = sequence;
    active->expected = sequence;
    active->first = true;
    active->sent = now;
    active->deadline = after(now, settings.response_within);
    ++stats.requests;
    stats.under_way = 1;
    out.push(SendFragment{.destination = settings.outstation, .octets = active->request});
}

/// [IEEE 1815 §4.2.2.4.5]: a confirmation bears the number of what it confirms.
void Master::State::confirm(std::uint8_t number, bool of_unsolicited) {
    FragmentWriter writer(settings.fragment_octets_max);
    writer.request({.unsolicited = of_unsolicited, .sequence = number}, Function::confirm);
    ++stats.confirms;
    out.push(SendFragment{.destination = settings.outstation, .octets = writer.take()});
}

/// No answer, or no more of it. A read is asked again under a new number, so that a late answer to
/// the first is not taken for the second's, nor its confirmation for more than what was received.
void Master::State::expire(Instant now) {
    ++stats.timeouts;
    stats.under_way = 0;
    if (--active->tries == 0) {
        failed(now, Completed::Fate::unanswered);
        return;
    }
    count_on();
    const auto control = std::to_integer<std::uint8_t>(active->request.front());
    active->request.front() = static_cast<std::byte>((control & 0xf0) | sequence);
    send(now);
}

/// The request came to nothing. What the startup sequence wanted is still wanted.
void Master::State::failed(Instant now, Completed::Fate fate) {
    const auto work = std::move(active->work);
    active.reset();
    if (work.kind == Kind::clear_restart) {
        clear_at = after(now, clear_pause);
        clear_pause = std::min(clear_pause * 2, settings.retry_most);
    }
    if (work.kind == Kind::record_time || work.kind == Kind::delay_measurement ||
        work.kind == Kind::write_time)
        time_is_over(now, false);
    complete(work, fate);
    ++failures;
    if (lost || failures >= std::max(settings.failures_max, 1U)) lose(now);
}

void Master::State::lose(Instant now) {
    lost = true;
    probe_at = after(now, probe_pause);
    probe_pause = std::min(probe_pause * 2, settings.retry_most);
    status.up = false;
    if (!std::exchange(spoken_of, true)) out.push(StateChanged{});  // it never was
    want_startup();
    selected.reset();
    fail_queues();
}

void Master::State::complete(const Work& work, Completed::Fate fate, Iins iin, Octets objects) {
    if (!work.tag) return;
    out.push(Completed{.tag = *work.tag,
                       .fate = fate,
                       .iin = iin,
                       .controls = work.controls,
                       .objects = std::move(objects)});
}

void Master::State::fail_queues() {
    for (auto* queue : {&commands, &requests}) {
        for (const auto& work : *queue) complete(work, Completed::Fate::unreachable);
        queue->clear();
    }
}

}  // namespace causeway::scada::dnp3
