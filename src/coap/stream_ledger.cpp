#include "coap/stream_ledger.hpp"

#include "base/text_hash.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

std::uint64_t fingerprint_of(const Token& token) noexcept {
    return TextHash(0)(as_text(token.bytes()));
}

/// Nobody waits for an answer, whatever it would be. [RFC 7967 §2]
bool wants_none(const Message& request) noexcept {
    constexpr std::uint32_t all_classes = 2 | 8 | 16;
    const auto unwanted = request.options.uint(OptionNumber::no_response);
    return unwanted && (*unwanted & all_classes) == all_classes;
}

}  // namespace

bool StreamLedger::asked(const Message& request) {
    const std::uint64_t fingerprint = fingerprint_of(request.token);
    const std::uint64_t serial = next_serial_++;
    // The same token again re-registers, or cancels. [RFC 7641 §3.6; RFC 8323 §7.4]
    std::erase(observations_, fingerprint);
    if (wants_none(request)) return true;
    const bool full = unanswered_.size() >= entries_max_;
    if (full && !unanswered_.empty()) unanswered_.erase(unanswered_.begin());
    if (entries_max_ != 0) unanswered_.push_back({fingerprint, serial});
    return !full;
}

void StreamLedger::answered(const Message& response) {
    const std::uint64_t fingerprint = fingerprint_of(response.token);
    const auto asked = std::ranges::find(unanswered_, fingerprint, &Entry::fingerprint);
    const bool expected = asked != unanswered_.end();
    if (expected) unanswered_.erase(asked);
    const bool goes_on =
        class_of(response.code) == 2 && response.options.has(OptionNumber::observe);
    if (!goes_on) {
        if (!observations_.empty()) std::erase(observations_, fingerprint);
    } else if (expected && observations_.size() < entries_max_) {
        observations_.push_back(fingerprint);
    }
}

}  // namespace causeway::coap
