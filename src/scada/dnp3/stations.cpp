#include "scada/dnp3/stations.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {
namespace {

template <class Application>
concept TakesTurns = requires(const Application& application) {
    { application.busy() } -> std::same_as<bool>;
};

}  // namespace

template <class Application>
Stations<Application>::Stations(ChannelSettings settings, std::vector<SessionPlan> plans,
                                std::vector<Application> sessions)
    : channel_(settings, plans),
      sessions_(std::move(sessions)),
      clocks_(sessions_.size()),
      turns_(settings.take_turns) {
    CAUSEWAY_ASSERT(plans.size() == sessions_.size());
}

template <class Application>
void Stations<Application>::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](Of<typename Application::Input>& of) {
                       if (of.session >= sessions_.size()) return;
                       give(now, of.session, std::move(of.what));
                   },
                   [&](auto& line) { channel_.handle(now, Channel::Input(line)); },
               },
               in);
    carry(now);
}

template <class Application>
void Stations<Application>::handle_timeout(Instant now) {
    channel_.handle_timeout(now);
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (due_of(i) > now) continue;
        sessions_[i].handle_timeout(own_time(now, i));
        carry_session(i);
    }
    carry(now);
}

template <class Application>
Instant Stations<Application>::next_deadline() const {
    Instant next = channel_.next_deadline();
    for (std::size_t i = 0; i < sessions_.size(); ++i) next = std::min(next, due_of(i));
    return next;
}

/// One input of a session's, and what it wants done of it.
template <class Application>
void Stations<Application>::give(Instant now, std::size_t index, typename Application::Input in) {
    if constexpr (TakesTurns<Application>) {
        if (const auto* set = std::get_if<typename Application::ClockSet>(&in))
            clocks_[index].told = Told{set->ms, now};
    }
    sessions_[index].handle(own_time(now, index), std::move(in));
    carry_session(index);
}

template <class Application>
void Stations<Application>::carry_session(std::size_t index) {
    while (auto wanted = sessions_[index].poll_output()) {
        if (auto* fragment = std::get_if<SendFragment>(&*wanted)) {
            sends_.push_back({index, std::move(*fragment)});
            continue;
        }
        out_.push(Of<typename Application::Output>{index, std::move(*wanted)});
    }
    if constexpr (TakesTurns<Application>) {
        // What it sent before its request ended goes before that is told.
        if (std::exchange(clocks_[index].busy, sessions_[index].busy()) && !clocks_[index].busy)
            sends_.push_back({index, std::nullopt});
    }
}

/// Until neither the channel nor a session wants anything of the other. What the channel hands over
/// is borrowed until its next input: sessions' fragments wait until it has handed over all.
template <class Application>
void Stations<Application>::carry(Instant now) {
    for (;;) {
        while (auto wanted = channel_.poll_output()) {
            std::visit(
                Overloaded{
                    [&](Transmit& transmit) { out_.push(std::move(transmit)); },
                    [&](CloseLine& close) { out_.push(close); },
                    [&](const Channel::Received& received) {
                        give(now, received.session, received.fragment);
                    },
                    [&](const Channel::Up& up) { give(now, up.session, ChannelUp{}); },
                    [&](const Channel::Down& down) { give(now, down.session, ChannelDown{}); },
                    [](const Channel::Lost&) {},  // the session waits in vain, and knows
                },
                *wanted);
        }
        mind_clocks(now);
        if (sends_.empty()) return;
        sending_.swap(sends_);
        for (Sending& sending : sending_) {
            if (sending.fragment)
                channel_.handle(now, Channel::Send{sending.session, std::move(*sending.fragment)});
            else
                channel_.handle(now, Channel::TurnOver{sending.session});
        }
        sending_.clear();
    }
}

// ---- time that stands still ---------------------------------------------------------------------

template <class Application>
Instant Stations<Application>::own_time(Instant now, std::size_t index) const {
    const Clock& clock = clocks_[index];
    return (clock.held ? clock.since : now) - clock.behind;
}

template <class Application>
Instant Stations<Application>::due_of(std::size_t index) const {
    const Clock& clock = clocks_[index];
    return clock.held ? never : after(sessions_[index].next_deadline(), clock.behind);
}

/// A session whose request waits for its turn must not count that as the silence of its outstation:
/// its clock stands until the request is on the line.
template <class Application>
void Stations<Application>::mind_clocks(Instant now) {
    if constexpr (TakesTurns<Application>) {
        if (!turns_) return;
        for (std::size_t i = 0; i < sessions_.size(); ++i) {
            Clock& clock = clocks_[i];
            if (clock.held == channel_.holds(i)) continue;
            if (!clock.held) {
                clock.held = true;
                clock.since = now;
                continue;
            }
            clock.behind += now - clock.since;
            clock.held = false;
            if (!clock.told) continue;
            const auto passed =
                std::chrono::duration_cast<std::chrono::milliseconds>(now - clock.told->at);
            sessions_[i].handle(own_time(now, i),
                                typename Application::ClockSet{
                                    clock.told->ms + static_cast<std::uint64_t>(passed.count())});
            carry_session(i);
        }
    }
}

template class Stations<Master>;
template class Stations<Outstation>;

}  // namespace causeway::scada::dnp3
