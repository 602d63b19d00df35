#include "scada/dnp3/channel_state.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {
namespace {

Function function_of(const SendFragment& fragment) {
    return fragment.octets.size() < 2 ? Function::confirm
                                      : Function{std::to_integer<std::uint8_t>(fragment.octets[1])};
}

/// Whether the other side says something to a fragment of this function. [IEEE 1815 §4.2.2.5]
bool wants_answer(const SendFragment& fragment) {
    if (is_broadcast(fragment.destination)) return false;
    switch (function_of(fragment)) {
        case Function::confirm:
        case Function::direct_operate_no_ack:
        case Function::immediate_freeze_no_ack:
        case Function::freeze_and_clear_no_ack:
        case Function::freeze_at_time_no_ack:
            return false;
        default:
            return true;
    }
}

}  // namespace

Channel::State::State(ChannelSettings wanted, const std::vector<SessionPlan>& plans)
    : settings(wanted) {
    sessions.reserve(plans.size());
    for (const SessionPlan& plan : plans) sessions.emplace_back(plan);
    settings.datagram_octets_max = std::max(settings.datagram_octets_max, frame_octets_max);
}

// ---- lines --------------------------------------------------------------------------------------

void Channel::State::open(Instant now, PeerId peer) {
    if (std::ranges::find(peers, peer) != peers.end()) close(peer);  // anew, and nobody said so
    const bool full =
        settings.datagrams ? peers.size() >= peers_max : !peers.empty() && !settings.newest_wins;
    if (full) {
        ++stats.peers_refused;
        return out.push(CloseLine{peer});
    }
    if (!settings.datagrams && !peers.empty()) {
        const PeerId older = peers.front();
        ++stats.peers_refused;
        close(older);
        out.push(CloseLine{older});
    }
    peers.push_back(peer);
    if (peers.size() > 1) return;
    for (SessionIndex i = 0; i < sessions.size(); ++i) {
        sessions[i].peer = peer;
        out.push(Up{i});
    }
    heard(now);
}

void Channel::State::close(PeerId peer) {
    if (std::erase(peers, peer) == 0) return;
    flush();
    if (!peers.empty()) {  // of datagrams: whoever went there goes to another one
        for (ChannelSession& session : sessions)
            if (session.peer == peer) session.peer = peers.front();
        return;
    }
    framer.clear();
    alive_due = never;
    alive_asked = false;
    status_asked = false;
    turn.reset();
    waiting.clear();
    for (SessionIndex i = 0; i < sessions.size(); ++i) {
        ChannelSession& session = sessions[i];
        session.assembly.clear();
        session.secondary = {};
        session.primary = {};
        session.held.clear();
        session.heard_of = session.plan.remote;
        out.push(Down{i});
    }
}

void Channel::State::receive(Instant now, const OctetsReceived& in) {
    stats.octets += in.octets.size();
    if (std::ranges::find(peers, in.peer) == peers.end()) return;  // its line is closed already
    if (settings.datagrams)
        framer.clear();
    else if (framer.pending() != 0 && now - octets_at > settings.frame_gap)
        framer.abandon();
    octets_at = now;
    framer.feed(in.octets);
    while (const auto frame = framer.next()) take_frame(now, in.peer, *frame);
    if (settings.datagrams && framer.pending() != 0) {
        // A datagram holds whole frames only. [IEEE 1815 §13.2.3.5]
        ++stats.frames_across_datagrams;
        framer.clear();
    }
    stats.frames = framer.stats().frames;
    stats.bad_header_checksums = framer.stats().bad_header_checksums;
    stats.bad_body_checksums = framer.stats().bad_body_checksums;
    stats.bad_lengths = framer.stats().bad_lengths;
    stats.noise_octets = framer.stats().noise_octets;
}

/// Any sound frame counts, whatever it says and whomever it is for.
void Channel::State::heard(Instant now) {
    alive_asked = false;
    const bool wanted = !settings.datagrams && settings.keep_alive > Duration{};
    alive_due = wanted && !sessions.empty() ? after(now, settings.keep_alive) : never;
}

/// [IEEE 1815 §13]
void Channel::State::keep_alive(Instant now) {
    if (alive_due > now || !up()) return;
    if (alive_asked) {
        ++stats.keep_alive_failures;
        const PeerId peer = peers.front();
        close(peer);
        return out.push(CloseLine{peer});
    }
    const ChannelSession& session = sessions[alive_session];
    ++stats.keep_alives;
    put_frame(session, {.function = std::to_underlying(LinkRequest::request_link_status),
                        .destination = session.heard_of});
    alive_asked = true;
    status_asked = true;
    alive_due = after(now, settings.keep_alive_within);
}

// ---- sending ------------------------------------------------------------------------------------

Octets& Channel::State::transmit_to(PeerId peer, std::size_t octets) {
    const bool fits =
        !settings.datagrams || going.octets.size() + octets <= settings.datagram_octets_max;
    if (going.peer != peer || !fits) flush();
    going.peer = peer;
    return going.octets;
}

void Channel::State::flush() {
    if (going.octets.empty()) return;
    out.push(std::move(going));
    going = {};
}

void Channel::State::put_frame(const ChannelSession& session, FrameHeader header,
                               std::optional<std::byte> head, Bytes data) {
    header.from_master = settings.master;
    header.source = session.plan.local;
    const std::size_t octets = frame_octets(data.size() + (head ? 1 : 0));
    append_frame(header, head, data, transmit_to(session.peer, octets));
    ++stats.frames_sent;
}

void Channel::State::send(Instant now, SessionIndex index, SendFragment fragment) {
    ChannelSession& session = sessions[index];
    // Nobody confirms what everybody gets. [IEEE 1815 §9.2]
    if (session.plan.confirm_frames && !is_broadcast(fragment.destination))
        return confirm_later(now, index, std::move(fragment));
    Segments segments(fragment.octets);
    while (!segments.empty()) {
        const auto segment = segments.next(session.sequence);
        put_frame(session,
                  {.function = std::to_underlying(LinkRequest::unconfirmed_user_data),
                   .destination = fragment.destination},
                  segment.header.octet(), segment.octets);
    }
}

// ---- turns --------------------------------------------------------------------------------------

void Channel::State::take_or_hold(Instant now, Send in) {
    if (!up() || in.session >= sessions.size()) {
        ++stats.sends_refused;
        return;
    }
    if (!settings.take_turns) return send(now, in.session, std::move(in.fragment));
    const bool asks = wants_answer(in.fragment);
    // One request after the other is a turn each, or whoever has many would have the line for ever.
    // But nobody may come between a selection and its operation.
    const bool again = turn == in.session && asks && !waiting.empty() &&
                       function_of(in.fragment) != Function::operate;
    if (!again && (!turn || turn == in.session)) {
        if (asks) turn = in.session;
        return send(now, in.session, std::move(in.fragment));
    }
    std::vector<SendFragment>& held = sessions[in.session].held;
    if (asks) std::erase_if(held, wants_answer);  // nobody waits for those before
    if (held.size() >= sends_max) {
        ++stats.sends_refused;
        return;
    }
    held.push_back(std::move(in.fragment));
    if (std::ranges::find(waiting, in.session) == waiting.end()) waiting.push_back(in.session);
    if (again) turn_over(now, in.session);
}

void Channel::State::turn_over(Instant now, SessionIndex index) {
    if (index >= sessions.size()) return;
    if (turn != index) {  // it gave up before it had its turn
        std::erase_if(sessions[index].held, wants_answer);
        return;
    }
    turn.reset();
    while (!turn && !waiting.empty()) {
        const SessionIndex next = waiting.front();
        waiting.pop_front();
        for (SendFragment& fragment : std::exchange(sessions[next].held, {})) {
            if (wants_answer(fragment)) turn = next;
            send(now, next, std::move(fragment));
        }
    }
}

// ---- the engine ---------------------------------------------------------------------------------

std::optional<Channel::Output> Channel::State::poll() {
    if (out.empty()) flush();
    return out.poll();
}

Instant Channel::State::next_deadline() const {
    Instant next = alive_due;
    for (const ChannelSession& session : sessions) next = std::min(next, session.primary.due);
    return next;
}

Channel::Channel(ChannelSettings settings, std::vector<SessionPlan> sessions)
    : state_(std::make_unique<State>(settings, sessions)) {}
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;
Channel::~Channel() = default;

void Channel::handle(Instant now, Input in) {
    State& state = *state_;
    if (state.out.empty()) state.received_used = 0;
    std::visit(Overloaded{
                   [&](const LineOpened& opened) { state.open(now, opened.peer); },
                   [&](const LineClosed& closed) { state.close(closed.peer); },
                   [&](const OctetsReceived& received) { state.receive(now, received); },
                   [&](Send& send) { state.take_or_hold(now, std::move(send)); },
                   [&](const TurnOver& over) { state.turn_over(now, over.session); },
               },
               in);
}

void Channel::handle_timeout(Instant now) {
    state_->keep_alive(now);
    for (SessionIndex i = 0; i < state_->sessions.size(); ++i)
        if (state_->sessions[i].primary.due <= now) state_->link_timeout(now, i);
}

std::optional<Channel::Output> Channel::poll_output() {
    return state_->poll();
}
Instant Channel::next_deadline() const {
    return state_->next_deadline();
}
const Channel::Stats& Channel::stats() const noexcept {
    return state_->stats;
}
bool Channel::up() const noexcept {
    return state_->up();
}
bool Channel::holds(SessionIndex session) const noexcept {
    return session < state_->sessions.size() &&
           std::ranges::any_of(state_->sessions[session].held, wants_answer);
}

}  // namespace causeway::scada::dnp3
