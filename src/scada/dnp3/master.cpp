#include "scada/dnp3/master_state.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {

Master::State::State(MasterSettings given) : settings(std::move(given)) {
    for (const auto& plan : settings.polls) polls.push_back({.plan = plan});
    clear_pause = time_pause = probe_pause = settings.retry_first;
}

void Master::State::channel_up() {
    if (channel) return;
    channel = true;
    lost = false;
    failures = 0;
    probe_pause = settings.retry_first;
    restart_known = overflow_known = overflow_wanted = clear_wanted = time_wanted = false;
    events_there = {};
    time_method = settings.time_sync;  // it may be another device by now
    time_pause = clear_pause = settings.retry_first;
    want_startup();
}

/// What was under way may have arrived; what waits never will. Nothing of it is sent later.
void Master::State::channel_down() {
    if (!channel) return;
    channel = false;
    if (active) {
        ++stats.broken;
        stats.under_way = 0;
        const auto broken = std::move(active->work);
        active.reset();
        complete(broken, Completed::Fate::unanswered);
    }
    selected.reset();
    status.up = status.started = status.unsolicited_enabled = false;
    fail_queues();
}

void Master::State::received(Instant now, const FragmentReceived& fragment) {
    ++stats.fragments;
    if (!channel || fragment.source != settings.outstation ||
        fragment.destination != settings.address) {
        ++stats.unexpected;
        return;
    }
    const auto view = FragmentView::parse(fragment.octets);
    const bool sound =
        view && view->is_response() &&
        view->control.unsolicited == (view->function == Function::unsolicited_response);
    if (!sound) {
        ++stats.bad_fragments;
        return;
    }
    if (view->function == Function::unsolicited_response)
        unsolicited(now, *view, fragment.octets);
    else
        response(now, *view);
}

/// A request of our own side, into its queue.
void Master::State::take(Work work) {
    const bool command = work.kind == Kind::control || work.kind == Kind::synchronise;
    const bool full = commands.size() + requests.size() >= settings.queue_max;
    if (full) ++stats.refused;
    if (full || !channel || lost) {
        complete(work, Completed::Fate::unreachable);
        return;
    }
    (command ? commands : requests).push_back(std::move(work));
}

void Master::State::timeout(Instant now) {
    if (active && now >= active->deadline) expire(now);
    if (selected && now >= selected->until) selected.reset();
    run(now);
}

Instant Master::State::next_deadline() const {
    if (!channel) return never;
    if (active) return active->deadline;
    if (lost) return probe_at;
    if (selected) return selected->until;
    Instant first = never;
    if (clear_wanted) first = std::min(first, clear_at);
    if (time_wanted && clock) first = std::min(first, time_due);
    if (!status.started) return first;
    if (overflow_wanted) first = std::min(first, overflow_again);
    if (any(events_wanted())) first = std::min(first, events_at);
    for (const auto& poll : polls) first = std::min(first, poll.due);
    return first;
}

void Master::State::tell_changes() {
    const bool same = told.up == status.up && told.started == status.started &&
                      told.unsolicited_enabled == status.unsolicited_enabled &&
                      told.iin == status.iin && told.restarts_seen == status.restarts_seen;
    if (same) return;
    told = status;
    spoken_of = true;
    out.push(StateChanged{});
}

Master::Master(MasterSettings settings) : state_(std::make_unique<State>(std::move(settings))) {}
Master::Master(Master&&) noexcept = default;
Master& Master::operator=(Master&&) noexcept = default;
Master::~Master() = default;

void Master::handle(Instant now, Input in) {
    State& s = *state_;
    std::visit(
        Overloaded{
            [&](ChannelUp) { s.channel_up(); },
            [&](ChannelDown) { s.channel_down(); },
            [&](const FragmentReceived& fragment) { s.received(now, fragment); },
            [&](Operate& command) { s.operate(std::move(command)); },
            [&](const Poll& poll) {
                s.take({.kind = State::Kind::asked_poll, .tag = poll.tag, .classes = poll.classes});
            },
            [&](Ask& ask) {
                s.take({.kind = State::Kind::ask,
                        .tag = ask.tag,
                        .function = ask.function,
                        .objects = std::move(ask.objects)});
            },
            [&](ForgetSelection) { s.selected.reset(); },
            [&](ClockSet set) { s.clock = State::Clock{.at = now, .ms = set.ms}; },
            [&](Synchronise sync) { s.take({.kind = State::Kind::synchronise, .tag = sync.tag}); },
        },
        in);
    s.run(now);
    s.tell_changes();
}

void Master::handle_timeout(Instant now) {
    state_->timeout(now);
    state_->tell_changes();
}

std::optional<Master::Output> Master::poll_output() {
    return state_->out.poll();
}

Instant Master::next_deadline() const {
    return state_->next_deadline();
}

const Master::Stats& Master::stats() const noexcept {
    return state_->stats;
}

const Master::Status& Master::status() const noexcept {
    return state_->status;
}

bool Master::busy() const noexcept {
    return state_->active.has_value();
}

}  // namespace causeway::scada::dnp3
