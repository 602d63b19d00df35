#pragma once
// One CoAP connection over a reliable transport, either end of it: frames, Capabilities and
// Settings, Ping and Pong with Custody, Release and Abort [RFC 8323 §3, §4, §5; RFC 8974 §2.2.1].
// Octets and messages go in and come out; sockets, TLS and WebSocket frames are the host's.
//
// Left out: what requests mean, and blocks (BERT): an Endpoint does those, told of the peer's
// limits by SettingsLearnt. A CSM carries no host: Uri-Host's default is the name of TLS or of the
// WebSocket handshake. [RFC 8323 §8.5]
//
// opening     SendOctets (our CSM) at once; SettingsLearnt for the peer's CSM, and for later ones
//             that change something. Messages may be sent before that. [RFC 8323 §3.3]
// open        SendOctets, MessageArrived, Pong
// releasing   our release(), or Released: answers still pass, requests of ours are refused; then
//             Close
// over        Close, once; nothing is said or heard after it, and the host closes the transport
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/tap.hpp"
#include "base/timers.hpp"
#include "coap/stream_frame.hpp"
#include "coap/stream_ledger.hpp"
#include "coap/stream_stats.hpp"

#include <string>
#include <variant>
#include <vector>

namespace causeway::coap {

struct StreamConfig {
    bool client = true;  // we opened the connection: the Connection Initiator
    Framing framing = Framing::tcp;

    // What our CSM says. Messages of more octets than that break the connection, so this also
    // bounds what is kept of one that is not whole. A multiple of 1024 and some is what BERT likes.
    std::uint32_t message_octets_max = 8 * 1024 + 256;
    bool blocks = true;
    std::uint32_t token_octets_max = 8;  // of requests from outside [RFC 8974 §2.2.1]

    Duration csm_within = std::chrono::seconds(10);
    /// Nothing was heard for so long: the peer is asked whether it is there. Zero: never.
    Duration ping_after{};
    Duration pong_within = std::chrono::seconds(20);
    /// No request, response or observation for so long: the connection is released. Zero: never.
    Duration idle_after{};
    /// From a Release, of either side, until we close what the peer has not closed; the time for
    /// answers that are still to come.
    Duration close_within = std::chrono::seconds(10);
    /// A Pong that is asked to tell that all requests before it are answered waits so long, and
    /// then does not tell.
    Duration custody_within = std::chrono::seconds(5);

    // Limits.
    std::uint16_t exchanges_tracked_max = 1024;  // each way; beyond it the oldest is forgotten
    std::uint16_t custodies_max = 8;             // pings that wait; more are answered without
};

enum class CloseReason : std::uint8_t {
    released,       // by us, and the peer had its time
    peer_released,  // by the peer, and its requests are answered
    idle,           // idle_after; begins as a Release
    aborted,        // abort()
    peer_aborted,   // diagnostic says why, if the peer did
    no_csm,         // csm_within, or something else came first
    bad_csm,        // an option that we cannot process
    bad_option,     // a critical one of another signal
    malformed,      // a message format error
    message_too_large,
    silent,  // no Pong
};
[[nodiscard]] std::string_view name_of(CloseReason reason) noexcept;

// ---- inputs, for those who handle connections as engines ---------------------------------------

/// A piece of the stream, however cut; or one WebSocket message. Borrowed for the call.
struct StreamOctets {
    Bytes octets{};
};
struct StreamMessage {
    Message message{};
};
struct StreamPing {
    bool custody = false;
};
struct StreamRelease {
    std::string alternative_address{};   // "host" or "host:port"; empty: none
    std::optional<Duration> hold_off{};  // whole seconds, up to 2^24 - 1
    std::string diagnostic{};
};
struct StreamAbort {
    std::string diagnostic{};
};
using StreamInput =
    std::variant<StreamOctets, StreamMessage, StreamPing, StreamRelease, StreamAbort>;

// ---- outputs -----------------------------------------------------------------------------------

/// One message, whole: over WebSocket it is the payload of one WebSocket message.
struct SendOctets {
    Octets octets{};

    friend bool operator==(const SendOctets&, const SendOctets&) = default;
};
/// A request or a response.
struct MessageArrived {
    Message message{};

    friend bool operator==(const MessageArrived&, const MessageArrived&) = default;
};
/// What the peer takes, from now on; feeds StreamSettings.
struct SettingsLearnt {
    std::uint32_t message_octets_max = 1152;
    bool blocks = false;
    std::uint32_t token_octets_max = 8;

    friend bool operator==(const SettingsLearnt&, const SettingsLearnt&) = default;
};
/// The answer to a ping, `token` being what ping() gave or the sent message had.
struct PongArrived {
    Token token{};
    bool custody = false;  // the peer has dealt with all that we sent before the ping

    friend bool operator==(const PongArrived&, const PongArrived&) = default;
};
/// The peer wants the connection closed. Close follows when it can be.
struct Released {
    std::vector<std::string> alternative_addresses{};  // any of them, the same scheme
    std::optional<Duration> hold_off{};                // not to be connected to again before
    std::string diagnostic{};

    friend bool operator==(const Released&, const Released&) = default;
};
/// The transport is to be closed, once what was sent has left.
struct Close {
    CloseReason reason = CloseReason::aborted;
    bool orderly = false;      // a Release came before
    std::string diagnostic{};  // what was wrong, ours or the peer's words

    friend bool operator==(const Close&, const Close&) = default;
};
using StreamOutput =
    std::variant<SendOctets, MessageArrived, SettingsLearnt, PongArrived, Released, Close>;

class StreamConnection {
public:
    using Input = StreamInput;
    using Output = StreamOutput;

    StreamConnection(StreamConfig config, Instant now, Teller teller = {});

    void received(Instant now, Bytes octets);
    /// A request, a response, an Empty message or a Ping. False: it was refused, and counted: it is
    /// longer than the peer takes, its token is, or it is a request on a connection that ends.
    bool send(Instant now, const Message& message);
    /// The token of the Ping.
    Token ping(Instant now, bool custody = false);
    void release(Instant now, const StreamRelease& why = {});
    void abort(Instant now, std::string diagnostic = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return timers_.next(); }

    [[nodiscard]] const StreamStats& stats() const noexcept { return stats_; }
    [[nodiscard]] const StreamConfig& config() const noexcept { return config_; }
    /// The peer's CSM came.
    [[nodiscard]] bool settled() const noexcept { return settled_; }
    /// Requests may be sent: neither side released or aborted.
    [[nodiscard]] bool usable() const noexcept { return phase_ == Phase::open; }
    [[nodiscard]] bool over() const noexcept { return phase_ == Phase::over; }
    [[nodiscard]] const SettingsLearnt& peer_settings() const noexcept { return theirs_; }
    /// Requests that wait for their answer, the peer's and ours; observations of either.
    [[nodiscard]] const StreamLedger& asked_of_us() const noexcept { return asked_of_us_; }
    [[nodiscard]] const StreamLedger& asked_by_us() const noexcept { return asked_by_us_; }
    /// Octets kept of a message that is not whole.
    [[nodiscard]] std::size_t buffered() const noexcept { return partial_.size(); }

private:
    enum class Phase : std::uint8_t { open, released, peer_released, over };
    enum class Timer : std::uint8_t { csm, ping, pong, idle, close, custody, count };
    struct Custody {
        Token token;
        std::uint64_t serial;  // of the first request that it does not wait for
        Instant until;
    };

    [[nodiscard]] Bytes fill(Instant now, Bytes octets);
    [[nodiscard]] bool fits(Instant now, const FrameHeader& header, std::uint64_t frame_octets);
    void on_frame(Instant now, const FrameHeader& header, Bytes frame);
    void on_message(Instant now, Message&& message);
    void on_signal(Instant now, const Message& message);
    void on_csm(Instant now, const Message& message);
    void on_ping(Instant now, const Message& message);
    void on_pong(const Message& message);
    void on_release(Instant now, const Message& message);
    [[nodiscard]] bool understood(Instant now, const Message& message);
    void format_error(Instant now, std::string_view what);
    void give_up(Instant now, CloseReason reason, std::string diagnostic,
                 std::optional<std::uint16_t> bad_csm_option = {});
    void end(Instant now, CloseReason reason, bool orderly, std::string diagnostic = {});

    void say_csm();
    void say_pong(const Token& token, bool custody);
    void settle_custody(Instant now, bool overdue);
    void close_when_answered(Instant now);
    void put_diagnostic(Message& message, std::string_view words) const;
    void put(const Message& message);
    void busy(Instant now);

    StreamConfig config_;
    Teller teller_;
    Phase phase_ = Phase::open;
    bool settled_ = false;
    bool idle_ = false;  // why it was released
    std::uint32_t pings_ = 0;
    SettingsLearnt theirs_;
    Octets partial_;
    StreamLedger asked_of_us_;
    StreamLedger asked_by_us_;
    std::vector<Custody> custodies_;
    Timers<Timer> timers_;
    Outbox<Output> out_;
    StreamStats stats_;
};

static_assert(Engine<StreamConnection>);

}  // namespace causeway::coap
