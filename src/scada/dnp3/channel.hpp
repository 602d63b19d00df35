#pragma once
// A DNP3 channel: the data link and transport layers of all sessions on one line. [IEEE 1815 §8,
// §9, §13]
//
// Octets of the line become frames (checked, resynchronised after noise), frames become fragments
// for the session they are for; fragments become segments, frames, octets. Sessions send
// unconfirmed user data unless they ask for confirmation (FCB, retries). Link status requests keep
// a connection alive: anything received counts; without an answer the connection is closed, and
// whoever opens lines opens it again.
//
// Over UDP a datagram holds whole frames, as many as fit. [IEEE 1815 §13.2.3.5]
// On a serial line of many outstations a master's requests take turns: the channel holds a fragment
// back while another session waits for its answer.
//
// Left out: an answer to DFC of our own (we always take data), and not_functioning.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/types.hpp"
#include "scada/line.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace causeway::scada::dnp3 {

struct SessionPlan {
    Address local = 1;
    Address remote = 1024;
    bool any_remote = false;      // outstations: whoever asks
    bool confirm_frames = false;  // confirmed user data
    unsigned frame_retries = 2;
    Duration frame_within = std::chrono::seconds(1);
    std::size_t fragment_octets_max = dnp3::fragment_octets_max;  // that we take
};

struct ChannelSettings {
    bool master = false;     // DIR of what we send
    bool datagrams = false;  // UDP
    std::size_t datagram_octets_max = 1'400;
    /// Silence so long brings a link status request; none within keep_alive_within: closed. Zero:
    /// never. For connections, not for datagrams and serial lines, where a dead session is the
    /// application's to find.
    Duration keep_alive = std::chrono::minutes(1);
    Duration keep_alive_within = std::chrono::seconds(5);
    bool take_turns = false;    // serial master: one session's request on the line at a time
    bool self_address = false;  // answer to 0xfffc [IEEE 1815 §9.2.4.1.4]
    /// Dual endpoints and listeners: the newest connection is the one that counts, the older is
    /// closed; or the older stays and the newer is closed.
    bool newest_wins = true;
    /// Octets of a frame that come later than so after those before begin another frame: the one
    /// that had begun was cut short.
    Duration frame_gap = std::chrono::seconds(2);
};

class Channel {
public:
    using SessionIndex = std::size_t;
    /// Fragments of one session that wait for their turn, or to be confirmed; more are refused.
    static constexpr std::size_t sends_max = 16;
    /// Addresses that datagrams come from.
    static constexpr std::size_t peers_max = 64;

    struct Send {
        SessionIndex session = 0;
        SendFragment fragment{};
    };
    /// The session's request is over (answered, or given up): another may have the line.
    struct TurnOver {
        SessionIndex session = 0;
    };
    using Input = std::variant<LineOpened, LineClosed, OctetsReceived, Send, TurnOver>;

    /// Octets are the channel's until the next call.
    struct Received {
        SessionIndex session = 0;
        FragmentReceived fragment{};
    };
    struct Up {
        SessionIndex session = 0;
    };
    struct Down {
        SessionIndex session = 0;
    };
    /// Confirmed user data that nobody confirmed.
    struct Lost {
        SessionIndex session = 0;
    };
    using Output = std::variant<Transmit, CloseLine, Received, Up, Down, Lost>;

    struct Stats {
        std::uint64_t octets = 0;
        std::uint64_t frames = 0;            // sound ones
        std::uint64_t frames_delivered = 0;  // to a session
        std::uint64_t not_for_us = 0;        // another address, another direction
        std::uint64_t not_expected = 0;      // wrong FCB, acks nobody waits for, unknown functions
        std::uint64_t bad_header_checksums = 0;
        std::uint64_t bad_body_checksums = 0;
        std::uint64_t bad_lengths = 0;
        std::uint64_t noise_octets = 0;  // thrown away while looking for 05 64
        std::uint64_t frames_sent = 0;
        std::uint64_t frames_repeated = 0;
        std::uint64_t fragments = 0;  // put together
        std::uint64_t segments_out_of_order = 0;
        std::uint64_t fragments_too_long = 0;
        std::uint64_t keep_alives = 0;
        std::uint64_t keep_alive_failures = 0;
        std::uint64_t frames_across_datagrams = 0;  // refused
        std::uint64_t sends_refused = 0;            // more than sends_max, or the line is not there
        std::uint64_t sends_lost = 0;               // that nobody confirmed
        std::uint64_t peers_refused = 0;            // the other one counts, or more than peers_max

        template <class Named>
        void visit(Named&& named) const {
            named("octets", octets);
            named("frames", frames);
            named("frames_delivered", frames_delivered);
            named("not_for_us", not_for_us);
            named("not_expected", not_expected);
            named("bad_header_checksums", bad_header_checksums);
            named("bad_body_checksums", bad_body_checksums);
            named("bad_lengths", bad_lengths);
            named("noise_octets", noise_octets);
            named("frames_sent", frames_sent);
            named("frames_repeated", frames_repeated);
            named("fragments", fragments);
            named("segments_out_of_order", segments_out_of_order);
            named("fragments_too_long", fragments_too_long);
            named("keep_alives", keep_alives);
            named("keep_alive_failures", keep_alive_failures);
            named("frames_across_datagrams", frames_across_datagrams);
            named("sends_refused", sends_refused);
            named("sends_lost", sends_lost);
            named("peers_refused", peers_refused);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return frames == frames_delivered + not_for_us + not_expected;
        }
    };

    Channel(ChannelSettings settings, std::vector<SessionPlan> sessions);
    Channel(Channel&&) noexcept;
    Channel& operator=(Channel&&) noexcept;
    ~Channel();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;
    [[nodiscard]] bool up() const noexcept;
    /// A request of the session waits for its turn on the line.
    [[nodiscard]] bool holds(SessionIndex session) const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Channel>);

}  // namespace causeway::scada::dnp3
