#pragma once
// What a channel knows. channel.cpp has lines, sending and turns; channel_link.cpp what the
// stations' link layers say to each other.
#include "scada/dnp3/channel.hpp"
#include "scada/dnp3/link.hpp"
#include "scada/dnp3/transport.hpp"

#include <deque>

namespace causeway::scada::dnp3 {

/// The side that was asked, of one session. [IEEE 1815 §9.2]
struct LinkSecondary {
    bool reset = false;
    Address by = 0;         // whoever reset it
    bool expected = false;  // FCB
};

/// The side that asks: confirmed user data, a frame at a time. [IEEE 1815 §9.2]
struct LinkPrimary {
    enum class Step : std::uint8_t { idle, resetting, sending, held_up };
    Step step = Step::idle;
    std::deque<SendFragment> queue{};  // the first is under way unless idle
    Segments segments{Bytes{}};        // of the first
    Segments::Segment segment{};       // the one under way
    bool ready = false;                // the other side is reset
    Address remote = 0;                // which one
    bool count_bit = false;            // FCB of the frame under way
    unsigned tries = 0;
    unsigned resets = 0;  // of one segment
    Instant due = never;
};

struct ChannelSession {
    explicit ChannelSession(const SessionPlan& wanted)
        : plan(wanted), assembly(wanted.fragment_octets_max), heard_of(wanted.remote) {}

    SessionPlan plan;
    FragmentAssembly assembly;
    LinkSecondary secondary{};
    LinkPrimary primary{};
    std::uint8_t sequence = 0;         // of the next segment
    PeerId peer{};                     // where its frames go
    Address heard_of{};                // its other side, where anybody may be that
    std::vector<SendFragment> held{};  // until it is its turn
};

struct Channel::State {
    State(ChannelSettings wanted, const std::vector<SessionPlan>& plans);

    // ---- channel.cpp
    void open(Instant now, PeerId peer);
    void close(PeerId peer);
    void receive(Instant now, const OctetsReceived& in);
    void send(Instant now, SessionIndex index, SendFragment fragment);
    void take_or_hold(Instant now, Send in);
    void turn_over(Instant now, SessionIndex index);
    void keep_alive(Instant now);
    void heard(Instant now);
    /// Where a frame of so many octets is to be put.
    Octets& transmit_to(PeerId peer, std::size_t octets);
    void put_frame(const ChannelSession& session, FrameHeader header,
                   std::optional<std::byte> head = {}, Bytes data = {});
    void flush();
    [[nodiscard]] std::optional<Output> poll();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] bool up() const noexcept { return !peers.empty(); }

    // ---- channel_link.cpp
    void take_frame(Instant now, PeerId peer, const Frame& frame);
    bool take_request(SessionIndex index, const Frame& frame);
    bool take_answer(Instant now, SessionIndex index, const FrameHeader& header);
    void take_segment(SessionIndex index, const Frame& frame);
    void answer(const ChannelSession& session, Address to, LinkAnswer what);
    void confirm_later(Instant now, SessionIndex index, SendFragment fragment);
    void begin_fragment(Instant now, SessionIndex index);
    void next_segment(Instant now, SessionIndex index);
    void send_segment(Instant now, SessionIndex index);
    void repeat(Instant now, SessionIndex index);
    void give_up(Instant now, SessionIndex index);
    void link_timeout(Instant now, SessionIndex index);

    ChannelSettings settings;
    std::vector<ChannelSession> sessions;
    std::vector<PeerId> peers;  // a stream has one at most
    Framer framer;
    Instant octets_at{};
    Instant alive_due = never;
    SessionIndex alive_session = 0;  // that was heard of last
    bool alive_asked = false;        // and nothing came since
    bool status_asked = false;       // and its answer has not come
    std::optional<SessionIndex> turn;
    std::deque<SessionIndex> waiting;  // for their turn
    Outbox<Output> out;
    Transmit going{};              // more may join it until it is polled
    std::vector<Octets> received;  // what outputs borrow; kept for the next ones
    std::size_t received_used = 0;
    Stats stats{};
};

}  // namespace causeway::scada::dnp3
