// Messages that come in. [RFC 8613 §8.2, §8.4]
#include "crypto/digest.hpp"
#include "secure/oscore.hpp"
#include "secure/oscore_message.hpp"

#include <algorithm>

namespace causeway::secure {

using coap::Code;
using coap::Opened;
using coap::OptionNumber;

namespace {

/// The option, if the message is well-formed as far as can be seen from outside: it has one, once,
/// and a payload. [RFC 8613 §2, §6.1]
std::optional<OscoreOptionView> option_of(const coap::Message& message) {
    std::optional<OscoreOptionView> found;
    for (const coap::Option option : message.options) {
        if (option.number != OptionNumber::oscore) continue;
        ByteReader in(option.value);
        const auto view = OscoreOptionView::parse(in);
        if (found || !view) return std::nullopt;
        found = *view;
    }
    if (message.payload.empty()) return std::nullopt;
    return found;
}

}  // namespace

/// The plaintext is in plaintext_ then.
bool Oscore::open(OscoreContext& context, const Nonce& nonce, Bytes request_kid, Bytes request_piv,
                  Bytes sealed) {
    const std::size_t tag = sizes_of(context.algorithm).tag;
    if (sealed.size() <= tag) return false;
    context.associated(associated_, external_, request_kid, request_piv);
    plaintext_.resize(sealed.size() - tag);
    return context.recipient.open_into(plaintext_, nonce.bytes(), associated_, sealed);
}

// ---- requests ----------------------------------------------------------------------------------

/// An error of this layer's own: "sent as simple CoAP responses, without OSCORE processing"
/// [RFC 8613 §8.3], and not to be cached.
Opened Oscore::refusal(Code code, std::string_view words) const {
    coap::Message reply;
    reply.code = code;
    reply.options.add_uint(OptionNumber::max_age, 0);
    if (settings_.diagnostics) reply.payload = to_octets(as_octets(words));
    return {.verdict = Opened::Verdict::refused, .error = code, .reply = std::move(reply)};
}

Opened Oscore::open_request(Instant, const coap::Peer&, coap::Message& message) {
    if (!message.options.has(OptionNumber::oscore)) return {};
    // What names a proxy is for the proxy: it forwards the message as it is. [RFC 8613 §10]
    if (message.options.has(OptionNumber::proxy_uri) ||
        message.options.has(OptionNumber::proxy_scheme)) {
        ++stats_.passed_by;
        return {};
    }
    ++stats_.requests;
    const auto option = option_of(message);
    if (!option || option->partial_iv.empty() || !option->kid) {  // [RFC 8613 §5, §8.2 step 2]
        ++stats_.malformed;
        return refusal(Code::bad_option, "Failed to decode COSE");
    }
    if (message.payload.size() > settings_.unfragmented_octets_max) {
        ++stats_.too_large;
        return refusal(Code::request_entity_too_large, {});
    }
    const Slots slots = candidates(*option->kid, option->kid_context);
    if (slots.empty()) {
        ++stats_.context_unknown;
        return refusal(Code::unauthorized, "Security context not found");
    }
    // The option's value is borrowed from the message, which is about to change.
    const PartialIv partial_iv(option->partial_iv);
    const std::uint64_t sequence = sequence_of(partial_iv.bytes());
    bool replayed = false;
    for (const std::uint16_t slot : slots) {
        OscoreContext& context = *slots_[slot].context;
        if (context.window.verdict(sequence) == ReplayWindow::Verdict::replayed) {
            replayed = true;
            continue;
        }
        if (open(context, context.recipient_nonce(partial_iv.bytes()), context.facts.recipient_id,
                 partial_iv.bytes(), message.payload))
            return open_with(slot, partial_iv.bytes(), message);
    }
    if (replayed) {  // [RFC 8613 §7.4]
        ++stats_.replayed;
        return refusal(Code::unauthorized, "Replay detected");
    }
    ++stats_.undecryptable;
    return refusal(Code::bad_request, "Decryption failed");  // [RFC 8613 §8.2 step 6]
}

/// Its sender is genuine; whether it is fresh is known, or is for Echo to prove.
Opened Oscore::open_with(std::uint16_t slot, Bytes partial_iv, coap::Message& message) {
    OscoreContext& context = *slots_[slot].context;
    const std::uint64_t sequence = sequence_of(partial_iv);
    const bool proven = context.window.verdict(sequence) == ReplayWindow::Verdict::fresh;
    const bool readable = read_plaintext(plaintext_, message) && coap::is_request(message.code);
    if (!proven) {
        const auto echo = readable ? message.options.find(OptionNumber::echo) : std::nullopt;
        if (!echo || !context.echo || !crypto::equal_in_constant_time(*echo, *context.echo))
            return ask_for_echo(slot, partial_iv, echo.has_value());
        if (!context.window.synchronised()) ++stats_.windows_synchronised;
    }
    context.window.received(sequence);
    used(slot);
    if (!readable) {
        // An error of CoAP, not of this layer: the answer is protected. [RFC 8613 §8.3]
        ++stats_.inner_malformed;
        coap::Message reply;
        reply.code = Code::bad_request;
        auto sealed = seal_response(slot, std::move(reply), partial_iv, false);
        return {.verdict = sealed ? Opened::Verdict::refused : Opened::Verdict::dropped,
                .context = slots_[slot].number,
                .reply = std::move(sealed)};
    }
    ++stats_.requests_opened;
    return {.verdict = Opened::Verdict::opened,
            .context = slots_[slot].number,
            .binding = coap::Binding(partial_iv)};
}

/// "an OSCORE protected 4.01 (Unauthorized), containing only the Echo option [...] and no
/// diagnostic payload", with a Partial IV of its own. The value stays the same, so that requests
/// that cross each other are all heard at the second attempt.
/// [RFC 8613 Appendix B.1.2; RFC 9175 §2.3]
Opened Oscore::ask_for_echo(std::uint16_t slot, Bytes partial_iv, bool stale) {
    ++(stale ? stats_.echo_stale : stats_.echo_asked);
    OscoreContext& context = *slots_[slot].context;
    if (!context.echo) {
        context.echo.emplace();
        ByteWriter(*context.echo).be64(random_.next());
    }
    coap::Message reply;
    reply.code = Code::unauthorized;
    reply.options.add(OptionNumber::echo, *context.echo);
    auto sealed = seal_response(slot, std::move(reply), partial_iv, true);
    return {.verdict = sealed ? Opened::Verdict::refused : Opened::Verdict::dropped,
            .context = slots_[slot].number,
            .error = Code::unauthorized,
            .reply = std::move(sealed)};
}

// ---- responses ---------------------------------------------------------------------------------

bool Oscore::open_response(Instant, const coap::Peer& peer, coap::Message& message,
                           const coap::Binding& binding) {
    const auto refused = [](std::uint64_t& counter) {
        ++counter;
        return false;
    };
    ++stats_.responses;
    if (!message.options.has(OptionNumber::oscore)) {
        // "A successful response to a request with the OSCORE option SHALL contain the OSCORE
        // option." [RFC 8613 §2]
        const unsigned kind = class_of(message.code);
        if (kind != 4 && kind != 5) return refused(stats_.responses_unprotected);
        ++stats_.responses_plain;
        return true;
    }
    const std::uint16_t slot = slot_of(peer.context);
    if (slot == 0 || binding.empty() || binding.size() > PartialIv::capacity)
        return refused(stats_.responses_without_context);
    OscoreContext& context = *slots_[slot].context;
    const auto option = option_of(message);
    if (!option) return refused(stats_.responses_malformed);
    if (message.payload.size() > settings_.unfragmented_octets_max)
        return refused(stats_.responses_too_large);
    // A kid or kid context says nothing new here: the request says whose the answer is.
    const PartialIv partial_iv(option->partial_iv);
    const Nonce nonce = partial_iv.empty() ? context.sender_nonce(binding.bytes())
                                           : context.recipient_nonce(partial_iv.bytes());
    if (!open(context, nonce, context.facts.sender_id, binding.bytes(), message.payload))
        return refused(stats_.responses_undecryptable);

    coap::Message inner;
    inner.type = message.type;
    inner.id = message.id;
    inner.token = message.token;
    inner.options = std::move(message.options);
    const bool readable = read_plaintext(plaintext_, inner) && coap::is_response(inner.code);
    if (!readable) return refused(stats_.responses_malformed);
    const std::uint64_t request = sequence_of(binding.bytes());
    Observation* const observation = context.observation(request);
    if (inner.options.has(OptionNumber::observe)) {
        // "If the client receives a response to a non-Observe request with an Inner Observe option,
        // then it stops processing the message" [RFC 8613 §4.1.3.5.2]
        if (observation == nullptr) return refused(stats_.notifications_unasked);
        if (!take_notification(context, *observation, partial_iv.bytes(), inner.options))
            return refused(stats_.notifications_replayed);
    } else if (observation != nullptr) {  // not registered, or over
        std::erase_if(context.observations,
                      [&](const Observation& o) { return o.request == request; });
    }
    message = std::move(inner);
    used(slot);
    ++stats_.responses_opened;
    return true;
}

/// Only those that are newer than all before. They are numbered in the order in which they are
/// taken, for whoever reorders them by RFC 7641 §3.4: the Outer value is not to be trusted, and
/// that without a Partial IV has no place among the others. [RFC 8613 §4.1.3.5.2, §7.4.1, §8.4.2]
bool Oscore::take_notification(OscoreContext& context, Observation& observation, Bytes partial_iv,
                               coap::Options& options) {
    if (partial_iv.empty()) {
        // At most one, and the oldest.
        if (observation.bare || observation.any) return false;
        observation.bare = true;
    } else {
        const std::uint64_t sequence = sequence_of(partial_iv);
        if (observation.any && sequence <= observation.highest) return false;
        observation.any = true;
        observation.highest = sequence;
    }
    context.notifications = (context.notifications + 1) & 0xff'ffff;
    options.set_uint(OptionNumber::observe, context.notifications);
    const auto at = context.observations.begin() + (&observation - context.observations.data());
    std::rotate(at, at + 1, context.observations.end());  // used last, it goes last
    return true;
}

}  // namespace causeway::secure
