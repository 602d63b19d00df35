#include "coap/stream.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {
namespace {

// What is put together of pieces keeps its memory where it is no more than this.
constexpr std::size_t partial_kept_max = 4096;

bool is_signal(Code code) noexcept {
    return class_of(code) == 7;
}

Instant due(Instant now, Duration wait) noexcept {
    return wait <= Duration{} ? never : after(now, wait);
}

}  // namespace

std::string_view name_of(CloseReason reason) noexcept {
    switch (reason) {
        case CloseReason::released:
            return "released";
        case CloseReason::peer_released:
            return "peer_released";
        case CloseReason::idle:
            return "idle";
        case CloseReason::aborted:
            return "aborted";
        case CloseReason::peer_aborted:
            return "peer_aborted";
        case CloseReason::no_csm:
            return "no_csm";
        case CloseReason::bad_csm:
            return "bad_csm";
        case CloseReason::bad_option:
            return "bad_option";
        case CloseReason::malformed:
            return "malformed";
        case CloseReason::message_too_large:
            return "message_too_large";
        case CloseReason::silent:
            return "silent";
    }
    return {};
}

StreamConnection::StreamConnection(StreamConfig config, Instant now, Teller teller)
    : config_(config),
      teller_(teller),
      asked_of_us_(config.exchanges_tracked_max),
      asked_by_us_(config.exchanges_tracked_max) {
    timers_.arm(Timer::csm, after(now, config_.csm_within));
    timers_.arm(Timer::ping, due(now, config_.ping_after));
    busy(now);
    // "MUST send a CSM as its first message"; an acceptor need not wait for the initiator's.
    // [RFC 8323 §3.3]
    say_csm();
}

// ---- what comes in -----------------------------------------------------------------------------

void StreamConnection::received(Instant now, Bytes octets) {
    if (over()) return;
    stats_.octets_received += octets.size();
    timers_.disarm(Timer::pong);
    if (phase_ == Phase::open) timers_.arm(Timer::ping, due(now, config_.ping_after));
    if (config_.framing == Framing::websocket) {
        const auto header = FrameHeader::parse(octets, config_.framing);
        if (!header) return format_error(now, "a WebSocket message is no CoAP message");
        if (fits(now, *header, octets.size())) on_frame(now, *header, octets);
        return;
    }
    if (!partial_.empty()) octets = fill(now, octets);
    while (!over() && !octets.empty()) {
        const auto header = FrameHeader::parse(octets, config_.framing);
        if (!header && header.error().fault == Fault::truncated) break;
        if (!header) return format_error(now, "a token's length is reserved");
        const std::uint64_t size = header->frame_octets();
        if (!fits(now, *header, size)) return;
        if (octets.size() < size) break;
        const auto whole = static_cast<std::size_t>(size);
        on_frame(now, *header, octets.first(whole));
        octets = octets.subspan(whole);
    }
    if (!over()) partial_.insert(partial_.end(), octets.begin(), octets.end());
}

/// Goes on with the message of which there is a part already; what is left of `octets`.
Bytes StreamConnection::fill(Instant now, Bytes octets) {
    std::array<std::byte, FrameHeader::octets_max> start;
    const std::size_t before = std::min(partial_.size(), start.size());
    const std::size_t more = std::min(octets.size(), start.size() - before);
    std::ranges::copy(Bytes(partial_).first(before), start.begin());
    std::ranges::copy(octets.first(more), start.begin() + static_cast<std::ptrdiff_t>(before));
    const auto header = FrameHeader::parse(Bytes(start).first(before + more), config_.framing);
    if (!header && header.error().fault != Fault::truncated) {
        format_error(now, "a token's length is reserved");
        return {};
    }
    if (header && !fits(now, *header, header->frame_octets())) return {};
    const std::uint64_t wanted = header ? header->frame_octets() - partial_.size() : octets.size();
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, octets.size()));
    partial_.insert(partial_.end(), octets.begin(),
                    octets.begin() + static_cast<std::ptrdiff_t>(some));
    if (header && some == wanted) {
        Octets whole = std::exchange(partial_, {});
        on_frame(now, *header, whole);
        whole.clear();
        if (whole.capacity() <= partial_kept_max) partial_ = std::move(whole);
    }
    return octets.subspan(some);
}

/// Known from the header alone: nothing of a message that does not fit is kept.
bool StreamConnection::fits(Instant now, const FrameHeader& header, std::uint64_t frame_octets) {
    if (frame_octets > config_.message_octets_max) {
        ++stats_.messages_received;
        ++stats_.malformed;
        give_up(now, CloseReason::message_too_large,
                "a message of " + std::to_string(frame_octets) + " octets, " +
                    std::to_string(config_.message_octets_max) + " are taken");
        return false;
    }
    // "MUST handle the request as a message-format error"; a response's token is one that we chose.
    // [RFC 8974 §2.2.1]
    if (header.token_octets > config_.token_octets_max && !is_response(header.code)) {
        format_error(now, "a token is too long");
        return false;
    }
    return true;
}

void StreamConnection::on_frame(Instant now, const FrameHeader& header, Bytes frame) {
    const bool first = !settled_ && header.code != Code::empty && header.code != Code::abort;
    if (first && header.code != Code::csm) {
        ++stats_.messages_received;
        ++stats_.untimely;
        // "MUST treat a missing or invalid CSM as a connection error" [RFC 8323 §3.3]
        return give_up(now, CloseReason::no_csm, "no CSM came first");
    }
    if (header.token_octets > config_.token_octets_max && is_response(header.code)) {
        ++stats_.messages_received;
        ++stats_.ignored;
        return;
    }
    auto message = parse_frame(header, frame);
    if (!message) return format_error(now, "options or payload are malformed");
    ++stats_.messages_received;
    on_message(now, std::move(*message));
}

void StreamConnection::on_message(Instant now, Message&& message) {
    if (message.code == Code::empty) {
        ++stats_.empties;
        return;
    }
    if (is_signal(message.code)) {
        ++stats_.signals;
        return on_signal(now, message);
    }
    if (is_request(message.code)) {
        ++stats_.requests;
        if (!asked_of_us_.asked(message)) ++stats_.exchanges_forgotten;
    } else if (is_response(message.code)) {
        ++stats_.responses;
        asked_by_us_.answered(message);
    } else {
        ++stats_.ignored;  // a class that nobody has given a meaning [RFC 7252 §3]
        return;
    }
    busy(now);
    out_.push(MessageArrived{std::move(message)});
    close_when_answered(now);
}

// ---- what goes out -----------------------------------------------------------------------------

bool StreamConnection::send(Instant now, const Message& message) {
    const bool request = is_request(message.code);
    const bool response = is_response(message.code);
    const bool sendable =
        request || response || message.code == Code::empty || message.code == Code::ping;
    // "NOT RECOMMENDED for the sender of a Release message to continue sending requests"; and to
    // one who sent it there is no use. [RFC 8323 §5.5]
    const bool too_late = over() || (request && phase_ != Phase::open);
    const std::size_t token_max =
        response ? extended_token_octets_max : std::size_t{theirs_.token_octets_max};
    if (!sendable || too_late || message.token.size() > token_max ||
        frame_size(message, config_.framing) > theirs_.message_octets_max) {
        ++stats_.sends_refused;
        return false;
    }
    if (request && !asked_by_us_.asked(message)) ++stats_.exchanges_forgotten;
    if (message.code == Code::ping) ++stats_.pings_sent;
    put(message);
    if (request || response) busy(now);
    if (!response) return true;
    asked_of_us_.answered(message);
    if (!custodies_.empty()) settle_custody(now, false);
    close_when_answered(now);
    return true;
}

void StreamConnection::put(const Message& message) {
    Octets octets = framed(message, config_.framing);
    ++stats_.messages_sent;
    stats_.octets_sent += octets.size();
    out_.push(SendOctets{std::move(octets)});
}

// ---- time, and the end -------------------------------------------------------------------------

void StreamConnection::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](const StreamOctets& i) { received(now, i.octets); },
                   [&](const StreamMessage& i) { send(now, i.message); },
                   [&](const StreamPing& i) { ping(now, i.custody); },
                   [&](const StreamRelease& i) { release(now, i); },
                   [&](StreamAbort& i) { abort(now, std::move(i.diagnostic)); },
               },
               in);
}

void StreamConnection::handle_timeout(Instant now) {
    if (over()) return;
    if (timers_.take_expired(Timer::csm, now))
        return give_up(now, CloseReason::no_csm, "no CSM came in time");
    if (timers_.take_expired(Timer::pong, now))
        return give_up(now, CloseReason::silent, "no answer to a Ping");
    if (timers_.take_expired(Timer::close, now)) {
        const CloseReason reason = phase_ == Phase::peer_released ? CloseReason::peer_released
                                   : idle_                        ? CloseReason::idle
                                                                  : CloseReason::released;
        return end(now, reason, true);
    }
    if (timers_.take_expired(Timer::custody, now)) settle_custody(now, true);
    if (timers_.take_expired(Timer::ping, now)) {
        ping(now);
        timers_.arm(Timer::pong, after(now, config_.pong_within));
    }
    if (!timers_.take_expired(Timer::idle, now)) return;
    if (!asked_of_us_.quiet() || !asked_by_us_.quiet()) return busy(now);
    idle_ = true;
    release(now, {.diagnostic = "idle"});
}

/// "SHOULD delay the closing of the connection until it has responded to all requests", and "MAY
/// wait for the responses to its own". [RFC 8323 §5.5]
void StreamConnection::close_when_answered(Instant now) {
    if (phase_ != Phase::peer_released) return;
    if (asked_of_us_.unanswered() + asked_by_us_.unanswered() != 0) return;
    end(now, CloseReason::peer_released, true);
}

void StreamConnection::end(Instant now, CloseReason reason, bool orderly, std::string diagnostic) {
    phase_ = Phase::over;
    partial_ = {};
    custodies_.clear();
    timers_ = {};
    teller_.tell(now, "coap.stream_closed", std::to_underlying(reason));
    out_.push(Close{reason, orderly, std::move(diagnostic)});
}

void StreamConnection::busy(Instant now) {
    if (phase_ == Phase::open) timers_.arm(Timer::idle, due(now, config_.idle_after));
}

}  // namespace causeway::coap
