#include "scada/dnp3/channel_state.hpp"

namespace causeway::scada::dnp3 {

// ---- what comes ---------------------------------------------------------------------------------

void Channel::State::take_frame(Instant now, PeerId peer, const Frame& frame) {
    heard(now);
    const FrameHeader& header = frame.header;
    // What stations of our own kind send is never for us; nor is our own echo on two wires.
    if (header.from_master == settings.master || !is_individual(header.source)) {
        ++stats.not_for_us;
        return;
    }
    const auto from = [&](const ChannelSession& session) {
        return session.plan.any_remote || session.plan.remote == header.source;
    };
    const auto here = [&](ChannelSession& session) {
        // A master knows where its outstation is; an outstation answers where it was asked from.
        if (!settings.master) session.peer = peer;
    };
    if (is_broadcast(header.destination)) {
        const bool data = header.is(LinkRequest::unconfirmed_user_data);
        bool taken = false;
        for (SessionIndex i = 0; !settings.master && i < sessions.size(); ++i) {
            if (!from(sessions[i])) continue;
            taken = true;
            if (!data) continue;  // it asks for an answer, and nobody may give one
            here(sessions[i]);
            take_segment(i, frame);
        }
        ++(!taken ? stats.not_for_us : data ? stats.frames_delivered : stats.not_expected);
        return;
    }
    const bool to_whoever = settings.self_address && header.destination == self_address;
    for (SessionIndex i = 0; i < sessions.size(); ++i) {
        ChannelSession& session = sessions[i];
        if (!from(session) || !(session.plan.local == header.destination || to_whoever)) continue;
        here(session);
        session.heard_of = header.source;
        alive_session = i;
        const bool taken = header.primary ? take_request(i, frame) : take_answer(now, i, header);
        ++(taken ? stats.frames_delivered : stats.not_expected);
        return;
    }
    ++stats.not_for_us;
}

void Channel::State::answer(const ChannelSession& session, Address to, LinkAnswer what) {
    put_frame(session, {.primary = false, .function = std::to_underlying(what), .destination = to});
}

/// [IEEE 1815 §9.2]
bool Channel::State::take_request(SessionIndex index, const Frame& frame) {
    const FrameHeader& header = frame.header;
    const ChannelSession& session = sessions[index];
    LinkSecondary& secondary = sessions[index].secondary;
    const bool reset = secondary.reset && secondary.by == header.source;
    switch (LinkRequest{header.function}) {
        case LinkRequest::reset_link_states:
            secondary = {.reset = true, .by = header.source, .expected = true};
            answer(session, header.source, LinkAnswer::ack);
            return true;
        case LinkRequest::test_link_states:
            if (!header.count_valid) return false;
            answer(session, header.source, reset ? LinkAnswer::ack : LinkAnswer::nack);
            if (!reset || header.count_bit != secondary.expected) return false;
            secondary.expected = !secondary.expected;
            return true;
        case LinkRequest::confirmed_user_data:
            if (!header.count_valid || frame.data.empty()) return false;
            answer(session, header.source, reset ? LinkAnswer::ack : LinkAnswer::nack);
            // The same bit again is the same frame again: our answer to it was lost.
            if (!reset || header.count_bit != secondary.expected) return false;
            secondary.expected = !secondary.expected;
            take_segment(index, frame);
            return true;
        case LinkRequest::unconfirmed_user_data:
            if (frame.data.empty()) return false;
            take_segment(index, frame);
            return true;
        case LinkRequest::request_link_status:
            answer(session, header.source, LinkAnswer::link_status);
            return true;
    }
    answer(session, header.source, LinkAnswer::not_supported);
    return false;
}

void Channel::State::take_segment(SessionIndex index, const Frame& frame) {
    ChannelSession& session = sessions[index];
    const FrameHeader& header = frame.header;
    switch (session.assembly.take(header.source, header.destination, frame.data)) {
        case FragmentAssembly::Outcome::more:
            return;
        case FragmentAssembly::Outcome::out_of_order:
            ++stats.segments_out_of_order;
            return;
        case FragmentAssembly::Outcome::too_long:
            ++stats.fragments_too_long;
            return;
        case FragmentAssembly::Outcome::whole:
            break;
    }
    ++stats.fragments;
    if (received_used == received.size()) received.emplace_back();
    Octets& octets = received[received_used++];
    const Bytes whole = session.assembly.octets();
    octets.assign(whole.begin(), whole.end());
    const bool individual = !is_broadcast(header.destination);
    out.push(Received{index,
                      {.source = header.source,
                       .destination = individual ? session.plan.local : header.destination,
                       .octets = octets}});
}

/// [IEEE 1815 §9.2]
bool Channel::State::take_answer(Instant now, SessionIndex index, const FrameHeader& header) {
    using Step = LinkPrimary::Step;
    LinkPrimary& primary = sessions[index].primary;
    const bool full = header.count_valid;  // DFC: no more data, please
    const bool waits = primary.step != Step::idle && header.source == primary.remote;
    switch (LinkAnswer{header.function}) {
        case LinkAnswer::link_status:
            if (waits && primary.step == Step::held_up) {
                if (!full) next_segment(now, index);
                return true;
            }
            return std::exchange(status_asked, false);
        case LinkAnswer::ack:
            if (waits && primary.step == Step::resetting) {
                primary.ready = true;
                primary.count_bit = true;
                send_segment(now, index);
                return true;
            }
            if (!waits || primary.step != Step::sending) return false;
            primary.count_bit = !primary.count_bit;
            primary.resets = 0;
            if (!full) {
                next_segment(now, index);
                return true;
            }
            primary.step = Step::held_up;
            primary.tries = 0;
            primary.due = after(now, sessions[index].plan.frame_within);
            return true;
        case LinkAnswer::nack:
            if (!waits || primary.step != Step::sending) return false;
            // It knows nothing of our count: we begin anew, with the frame that it refused.
            primary.ready = false;
            if (primary.resets++ < sessions[index].plan.frame_retries)
                send_segment(now, index);
            else
                give_up(now, index);
            return true;
        case LinkAnswer::not_supported:
            if (!waits) return std::exchange(status_asked, false);
            give_up(now, index);
            return true;
        case LinkAnswer::not_functioning:
            break;
    }
    return false;
}

// ---- confirmed user data ------------------------------------------------------------------------

void Channel::State::confirm_later(Instant now, SessionIndex index, SendFragment fragment) {
    LinkPrimary& primary = sessions[index].primary;
    if (fragment.octets.empty()) return;
    if (primary.queue.size() >= sends_max) {
        ++stats.sends_refused;
        return out.push(Lost{index});
    }
    primary.queue.push_back(std::move(fragment));
    if (primary.step == LinkPrimary::Step::idle) begin_fragment(now, index);
}

void Channel::State::begin_fragment(Instant now, SessionIndex index) {
    LinkPrimary& primary = sessions[index].primary;
    if (primary.queue.empty()) {
        primary.step = LinkPrimary::Step::idle;
        primary.due = never;
        return;
    }
    const SendFragment& fragment = primary.queue.front();
    if (primary.remote != fragment.destination) primary.ready = false;
    primary.remote = fragment.destination;
    primary.segments = Segments(fragment.octets);
    primary.segment = primary.segments.next(sessions[index].sequence);
    primary.resets = 0;
    send_segment(now, index);
}

void Channel::State::next_segment(Instant now, SessionIndex index) {
    LinkPrimary& primary = sessions[index].primary;
    if (primary.segments.empty()) {
        primary.queue.pop_front();
        return begin_fragment(now, index);
    }
    primary.segment = primary.segments.next(sessions[index].sequence);
    send_segment(now, index);
}

/// Confirmed data is for stations whose link is reset.
void Channel::State::send_segment(Instant now, SessionIndex index) {
    LinkPrimary& primary = sessions[index].primary;
    primary.step = primary.ready ? LinkPrimary::Step::sending : LinkPrimary::Step::resetting;
    primary.tries = 0;
    repeat(now, index);
}

void Channel::State::repeat(Instant now, SessionIndex index) {
    const ChannelSession& session = sessions[index];
    LinkPrimary& primary = sessions[index].primary;
    FrameHeader header{.destination = primary.remote};
    switch (primary.step) {
        case LinkPrimary::Step::idle:
            return;
        case LinkPrimary::Step::resetting:
            header.function = std::to_underlying(LinkRequest::reset_link_states);
            put_frame(session, header);
            break;
        case LinkPrimary::Step::sending:
            header.function = std::to_underlying(LinkRequest::confirmed_user_data);
            header.count_valid = true;
            header.count_bit = primary.count_bit;
            put_frame(session, header, primary.segment.header.octet(), primary.segment.octets);
            break;
        case LinkPrimary::Step::held_up:
            header.function = std::to_underlying(LinkRequest::request_link_status);
            put_frame(session, header);
            break;
    }
    primary.due = after(now, session.plan.frame_within);
}

void Channel::State::link_timeout(Instant now, SessionIndex index) {
    LinkPrimary& primary = sessions[index].primary;
    if (primary.tries++ >= sessions[index].plan.frame_retries) return give_up(now, index);
    if (primary.step != LinkPrimary::Step::held_up) ++stats.frames_repeated;
    repeat(now, index);
}

void Channel::State::give_up(Instant now, SessionIndex index) {
    LinkPrimary& primary = sessions[index].primary;
    ++stats.sends_lost;
    out.push(Lost{index});
    primary.ready = false;
    primary.queue.pop_front();
    begin_fragment(now, index);
}

}  // namespace causeway::scada::dnp3
