// The signals of a StreamConnection, both ways. [RFC 8323 §5]
#include "coap/stream.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {
namespace {

// Each signal numbers its options for itself. [RFC 8323 §5.2]
constexpr OptionNumber max_message_size{2};       // CSM
constexpr OptionNumber block_wise_transfer{4};    // CSM
constexpr OptionNumber extended_token_length{6};  // CSM [RFC 8974 §2.2.1]
constexpr OptionNumber custody_option{2};         // Ping, Pong
constexpr OptionNumber alternative_address{2};    // Release
constexpr OptionNumber hold_off_option{4};        // Release
constexpr OptionNumber bad_csm_option{2};         // Abort

constexpr std::size_t alternative_octets_max = 255;
constexpr std::int64_t hold_off_max = 0xff'ffff;  // three octets
constexpr std::size_t diagnostic_octets_max = 256;
/// The peer's words, short and on one line.
std::string diagnostic_of(const Message& message) {
    std::string_view words = as_text(message.payload);
    if (words.size() > diagnostic_octets_max) {
        std::size_t size = diagnostic_octets_max;
        while (size != 0 && (static_cast<unsigned char>(words[size]) & 0xc0u) == 0x80) --size;
        words = words.substr(0, size);
    }
    std::string line(words);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return line;
}

Message signal(Code code, const Token& token = {}) {
    Message message;
    message.code = code;
    message.token = token;
    return message;
}

}  // namespace

// ---- the peer's --------------------------------------------------------------------------------

void StreamConnection::on_signal(Instant now, const Message& message) {
    if (message.code == Code::abort) {
        ++stats_.aborts_received;
        return end(now, CloseReason::peer_aborted, false, diagnostic_of(message));
    }
    if (!understood(now, message)) return;
    switch (message.code) {
        case Code::csm:
            return on_csm(now, message);
        case Code::ping:
            return on_ping(now, message);
        case Code::pong:
            return on_pong(message);
        case Code::release:
            return on_release(now, message);
        default:
            return;  // a signal of a later day, with nothing critical in it
    }
}

/// "If a Signaling Option is critical and not understood by the receiver, it MUST abort the
/// connection". Every one that is defined is elective. [RFC 8323 §5.2]
bool StreamConnection::understood(Instant now, const Message& message) {
    for (const Option option : message.options) {
        if (!is_critical(option.number)) continue;
        const auto number = std::to_underlying(option.number);
        std::string words = "option " + std::to_string(number) + " is not understood";
        if (message.code == Code::csm)
            give_up(now, CloseReason::bad_csm, std::move(words), number);
        else
            give_up(now, CloseReason::bad_option, std::move(words));
        return false;
    }
    return true;
}

void StreamConnection::on_csm(Instant now, const Message& message) {
    const SettingsLearnt before = theirs_;
    std::optional<OptionNumber> previous;
    for (const Option option : message.options) {
        // A repetition counts as an option that is not known. [RFC 7252 §5.4.5]
        if (std::exchange(previous, option.number) == option.number) continue;
        const std::size_t octets = option.value.size();
        const bool known = option.number == max_message_size ||
                           option.number == block_wise_transfer ||
                           option.number == extended_token_length;
        const std::size_t octets_max = option.number == max_message_size        ? 4
                                       : option.number == extended_token_length ? 3
                                                                                : 0;
        // "a parameter problem with the value of an elective option" [RFC 8323 §5.6]
        if (known && octets > octets_max) {
            const auto number = std::to_underlying(option.number);
            return give_up(now, CloseReason::bad_csm,
                           "option " + std::to_string(number) + " is too long", number);
        }
        if (option.number == max_message_size) {
            theirs_.message_octets_max = option.as_uint().value_or(0);
        } else if (option.number == block_wise_transfer) {
            theirs_.blocks = true;
        } else if (option.number == extended_token_length) {
            // Below 8 "MUST be ignored", above 65804 "MUST be set to 65804". [RFC 8974 §2.2.1]
            const std::uint32_t length = option.as_uint().value_or(0);
            if (length >= 8)
                theirs_.token_octets_max =
                    std::min<std::uint32_t>(length, extended_token_octets_max);
        }
    }
    // Cumulative: what a later one does not name stays as it was. [RFC 8323 §5.3]
    const bool first = !std::exchange(settled_, true);
    timers_.disarm(Timer::csm);
    if (first || theirs_ != before) out_.push(theirs_);
}

void StreamConnection::on_ping(Instant now, const Message& message) {
    if (!message.options.has(custody_option)) return say_pong(message.token, false);
    // "SHOULD delay its Pong message until it finishes processing all the request/response
    // messages received prior to the Ping" [RFC 8323 §5.4.1]
    const std::uint64_t serial = asked_of_us_.next_serial();
    if (asked_of_us_.answered_before(serial) && custodies_.empty())
        return say_pong(message.token, true);
    if (custodies_.size() >= config_.custodies_max) {
        ++stats_.custodies_refused;
        return say_pong(message.token, false);
    }
    custodies_.push_back({message.token, serial, after(now, config_.custody_within)});
    timers_.arm(Timer::custody, custodies_.front().until);
}

void StreamConnection::on_pong(const Message& message) {
    ++stats_.pongs;
    out_.push(PongArrived{message.token, message.options.has(custody_option)});
}

void StreamConnection::on_release(Instant now, const Message& message) {
    ++stats_.releases;
    Released said;
    for (const Option option : message.options) {
        const std::size_t octets = option.value.size();
        if (option.number == alternative_address && octets >= 1 && octets <= alternative_octets_max)
            said.alternative_addresses.emplace_back(option.as_text());
        if (option.number == hold_off_option && octets <= 3 && !said.hold_off)
            said.hold_off = std::chrono::seconds(option.as_uint().value_or(0));
    }
    said.diagnostic = diagnostic_of(message);
    out_.push(std::move(said));
    if (phase_ == Phase::open) timers_.arm(Timer::close, after(now, config_.close_within));
    phase_ = Phase::peer_released;
    timers_.disarm(Timer::ping);
    timers_.disarm(Timer::pong);
    timers_.disarm(Timer::idle);
    close_when_answered(now);
}

// ---- ours --------------------------------------------------------------------------------------

Token StreamConnection::ping(Instant now, bool custody) {
    std::array<std::byte, 4> number;
    ByteWriter(number).be32(++pings_);
    Message message = signal(Code::ping, Token(number));
    if (custody) message.options.add(custody_option, {});
    send(now, message);
    return message.token;
}

void StreamConnection::release(Instant now, const StreamRelease& why) {
    if (phase_ != Phase::open) return;
    Message message = signal(Code::release);
    const std::size_t octets = why.alternative_address.size();
    if (octets >= 1 && octets <= alternative_octets_max)
        message.options.add_text(alternative_address, why.alternative_address);
    if (why.hold_off) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*why.hold_off).count();
        message.options.add_uint(
            hold_off_option,
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, hold_off_max)));
    }
    put_diagnostic(message, why.diagnostic);
    ++stats_.releases;
    put(message);
    phase_ = Phase::released;
    timers_.disarm(Timer::ping);
    timers_.disarm(Timer::pong);
    timers_.disarm(Timer::idle);
    timers_.arm(Timer::close, after(now, config_.close_within));
}

void StreamConnection::abort(Instant now, std::string diagnostic) {
    if (!over()) give_up(now, CloseReason::aborted, std::move(diagnostic));
}

void StreamConnection::say_csm() {
    Message message = signal(Code::csm);
    message.options.add_uint(max_message_size, config_.message_octets_max);
    if (config_.blocks) message.options.add(block_wise_transfer, {});
    // "MUST NOT be less than 8 or greater than 65804"; 8 is what holds unsaid. [RFC 8974 §2.2.1]
    config_.token_octets_max =
        std::clamp<std::uint32_t>(config_.token_octets_max, 8, extended_token_octets_max);
    if (config_.token_octets_max > 8)
        message.options.add_uint(extended_token_length, config_.token_octets_max);
    put(message);
}

void StreamConnection::say_pong(const Token& token, bool custody) {
    Message message = signal(Code::pong, token);
    if (custody) message.options.add(custody_option, {});
    put(message);
}

/// Answers the pings that wait for custody and need no longer; `overdue`: the first one too.
void StreamConnection::settle_custody(Instant now, bool overdue) {
    std::size_t done = 0;
    for (; done < custodies_.size(); ++done) {
        const Custody& waiting = custodies_[done];
        const bool answered = asked_of_us_.answered_before(waiting.serial);
        if (!answered && !(overdue && waiting.until <= now)) break;
        say_pong(waiting.token, answered);
    }
    custodies_.erase(custodies_.begin(), custodies_.begin() + static_cast<std::ptrdiff_t>(done));
    timers_.arm(Timer::custody, custodies_.empty() ? never : custodies_.front().until);
}

void StreamConnection::format_error(Instant now, std::string_view what) {
    ++stats_.messages_received;
    ++stats_.malformed;
    // "rejects such messages by sending an Abort message and otherwise ignoring" [RFC 8323 §5.6]
    give_up(now, CloseReason::malformed, std::string(what));
}

void StreamConnection::give_up(Instant now, CloseReason reason, std::string diagnostic,
                               std::optional<std::uint16_t> bad) {
    Message message = signal(Code::abort);
    if (bad) message.options.add_uint(bad_csm_option, *bad);
    put_diagnostic(message, diagnostic);
    ++stats_.aborts_sent;
    put(message);
    end(now, reason, false, std::move(diagnostic));
}

/// Where the peer takes it: a reason is worth less than the signal.
void StreamConnection::put_diagnostic(Message& message, std::string_view words) const {
    message.payload = to_octets(as_octets(words));
    if (frame_size(message, config_.framing) > theirs_.message_octets_max) message.payload.clear();
}

}  // namespace causeway::coap
