// Messages that go out. [RFC 8613 §8.1, §8.3]
#include "secure/oscore.hpp"
#include "secure/oscore_message.hpp"

namespace causeway::secure {

using coap::Code;
using coap::OptionNumber;

namespace {

/// The option's value, at most octets_max, without a detour over the heap.
struct OptionValue {
    std::array<std::byte, OscoreOption::octets_max> octets;
    std::size_t size = 0;

    OptionValue(const OscoreContext& context, const PartialIv& partial_iv, bool request) {
        if (partial_iv.empty()) return;  // all flags are zero: empty [RFC 8613 §2]
        const bool with_context = request && context.send_id_context && context.facts.id_context;
        ByteWriter out(octets);
        out.u8(static_cast<std::uint8_t>(partial_iv.size() | (with_context ? 0x10u : 0u) |
                                         (request ? 0x08u : 0u)));
        out.put(partial_iv.bytes());
        if (with_context) {
            out.u8(static_cast<std::uint8_t>(context.facts.id_context->size()));
            out.put(*context.facts.id_context);
        }
        if (request) out.put(context.facts.sender_id);
        size = out.written();
    }
    [[nodiscard]] Bytes bytes() const noexcept { return Bytes(octets).first(size); }
};

}  // namespace

/// Whether plaintext_ can be sent as one message. [RFC 8613 §4.1.3.4.2]
bool Oscore::fits(const OscoreContext& context) const noexcept {
    const crypto::AeadSizes sizes = sizes_of(context.algorithm);
    return plaintext_.size() <= sizes.message_max &&
           plaintext_.size() + sizes.tag <= settings_.unfragmented_octets_max;
}

void Oscore::seal_into(coap::Message& outer, OscoreContext& context, const Nonce& nonce,
                       Bytes request_kid, Bytes request_piv) {
    context.associated(associated_, external_, request_kid, request_piv);
    outer.payload.resize(plaintext_.size() + sizes_of(context.algorithm).tag);
    const bool sealed =
        context.sender.seal_into(outer.payload, nonce.bytes(), associated_, plaintext_);
    CAUSEWAY_ASSERT(sealed);
}

std::optional<coap::Message> Oscore::protect_request(Instant, const coap::Peer& peer,
                                                     coap::Message message,
                                                     coap::Binding& binding) {
    ++stats_.to_protect;
    const std::uint16_t slot = slot_of(peer.context);
    if (slot == 0) {
        ++stats_.without_context;
        return std::nullopt;
    }
    OscoreContext& context = *slots_[slot].context;
    auto parted = coap::is_request(message.code) ? part(message) : std::nullopt;
    if (!parted) {
        ++stats_.not_protectable;
        return std::nullopt;
    }
    write_plaintext(plaintext_, message.code, parted->inner, message.payload);
    if (!fits(context)) {
        ++stats_.too_large_to_protect;
        return std::nullopt;
    }
    const auto sequence = take_sequence(slot);
    if (!sequence) {  // [RFC 8613 §7.2.1]
        ++stats_.exhausted;
        return std::nullopt;
    }
    const PartialIv partial_iv = partial_iv_of(*sequence);
    seal_into(message, context, context.sender_nonce(partial_iv.bytes()), context.facts.sender_id,
              partial_iv.bytes());
    // "Since POST with the Observe option is not defined" [RFC 8613 §4.1.3.5, §4.2]
    message.code = parted->observe ? Code::fetch : Code::post;
    parted->outer.add(OptionNumber::oscore, OptionValue(context, partial_iv, true).bytes());
    message.options = std::move(parted->outer);
    binding.assign(partial_iv.bytes());
    if (parted->inner.uint(OptionNumber::observe) == 0u) remember_observation(context, *sequence);
    used(slot);
    ++stats_.protected_;
    return message;
}

std::optional<coap::Message> Oscore::protect_response(Instant, const coap::Peer& peer,
                                                      coap::Message message,
                                                      const coap::Binding& binding,
                                                      bool notification) {
    const std::uint16_t slot = slot_of(peer.context);
    if (slot == 0) {
        ++stats_.to_protect;
        ++stats_.without_context;
        return std::nullopt;
    }
    return seal_response(slot, std::move(message), binding.bytes(), notification);
}

std::optional<coap::Message> Oscore::seal_response(std::uint16_t slot, coap::Message message,
                                                   Bytes request_piv, bool own_number) {
    ++stats_.to_protect;
    OscoreContext& context = *slots_[slot].context;
    const bool bound = !request_piv.empty() && request_piv.size() <= PartialIv::capacity;
    auto parted = bound && coap::is_response(message.code) ? part(message) : std::nullopt;
    if (!parted) {
        ++stats_.not_protectable;
        return std::nullopt;
    }
    write_plaintext(plaintext_, message.code, parted->inner, message.payload);
    if (!fits(context)) {
        ++stats_.too_large_to_protect;
        return std::nullopt;
    }
    // "the endpoint MUST NOT process any more messages with the given Sender Context", with its own
    // numbers or not. [RFC 8613 §7.2.1]
    if (context.exhausted()) {
        ++stats_.exhausted;
        return std::nullopt;
    }
    // The nonce of a request serves one response; the next ones, and notifications but the first,
    // have a number of their own. [RFC 8613 §8.3, §8.3.1]
    PartialIv partial_iv;
    if (own_number || !context.window.take_nonce(sequence_of(request_piv)))
        partial_iv = partial_iv_of(take_sequence(slot).value());
    const Nonce nonce = partial_iv.empty() ? context.recipient_nonce(request_piv)
                                           : context.sender_nonce(partial_iv.bytes());
    seal_into(message, context, nonce, context.facts.recipient_id, request_piv);
    message.code = parted->observe ? Code::content : Code::changed;
    parted->outer.add(OptionNumber::oscore, OptionValue(context, partial_iv, false).bytes());
    message.options = std::move(parted->outer);
    used(slot);
    ++stats_.protected_;
    return message;
}

/// A registration: its notifications will be compared with each other. [RFC 8613 §7.4.1]
void Oscore::remember_observation(OscoreContext& context, std::uint64_t request) {
    auto& observations = context.observations;
    if (observations.size() == settings_.observations_max) {
        observations.erase(observations.begin());
        ++stats_.observations_evicted;
    }
    observations.push_back({.request = request});
}

}  // namespace causeway::secure
