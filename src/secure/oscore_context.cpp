#include "secure/oscore_context.hpp"

#include "base/cbor.hpp"
#include "crypto/digest.hpp"
#include "secure/cose.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

constexpr std::uint64_t oscore_version = 1;  // [RFC 8613 §5.4]
constexpr std::uint64_t state_version = 1;

}  // namespace

std::string_view name_of(ContextFault fault) noexcept {
    switch (fault) {
        case ContextFault::no_secret:
            return "no_secret";
        case ContextFault::id_too_long:
            return "id_too_long";
        case ContextFault::same_ids:
            return "same_ids";
        case ContextFault::duplicate:
            return "duplicate";
        case ContextFault::bad_state:
            return "bad_state";
        case ContextFault::unusable_state:
            return "unusable_state";
        case ContextFault::table_full:
            return "table_full";
        case ContextFault::too_many_alike:
            return "too_many_alike";
    }
    return "unknown";
}

bool OscoreStats::balanced() const noexcept {
    return requests == requests_opened + malformed + context_unknown + replayed + undecryptable +
                           too_large + inner_malformed + echo_asked + echo_stale &&
           responses == responses_opened + responses_plain + responses_unprotected +
                            responses_malformed + responses_undecryptable + responses_too_large +
                            responses_without_context + notifications_replayed +
                            notifications_unasked &&
           to_protect ==
               protected_ + exhausted + without_context + not_protectable + too_large_to_protect;
}

// ---- keys and nonces ---------------------------------------------------------------------------

Octets oscore_info(const ContextConfig& config, Bytes id, std::string_view type,
                   std::size_t octets) {
    Octets info;
    CborWriter out(info);
    out.array(5).bytes(id);
    if (config.id_context)
        out.bytes(*config.id_context);
    else
        out.null();
    out.integer(std::to_underlying(config.aead)).text(type).uint(octets);
    return info;
}

OscoreKeys OscoreKeys::derive(const ContextConfig& config) {
    const crypto::AeadSizes sizes = sizes_of(config.aead);
    Octets prk = crypto::hkdf_extract(config.hash, config.master_salt, config.master_secret);
    const auto derived = [&](Bytes id, std::string_view type, std::size_t octets) {
        return crypto::hkdf_expand(config.hash, prk, oscore_info(config, id, type, octets), octets);
    };
    OscoreKeys keys{.sender_key = derived(config.sender_id, "Key", sizes.key),
                    .recipient_key = derived(config.recipient_id, "Key", sizes.key),
                    .common_iv = derived({}, "IV", sizes.nonce)};
    crypto::wipe(prk);
    return keys;
}

Nonce oscore_nonce(Bytes common_iv, Bytes id, Bytes partial_iv) {
    const std::size_t octets = common_iv.size();
    CAUSEWAY_ASSERT(id.size() + 6 <= octets && partial_iv.size() <= 5);
    Nonce nonce(common_iv);
    nonce[0] ^= std::byte(id.size());
    for (std::size_t i = 0; i < id.size(); ++i) nonce[octets - 5 - id.size() + i] ^= id[i];
    for (std::size_t i = 0; i < partial_iv.size(); ++i)
        nonce[octets - partial_iv.size() + i] ^= partial_iv[i];
    return nonce;
}

void OscoreContext::associated(Octets& out, Octets& scratch, Bytes request_kid,
                               Bytes request_piv) const {
    scratch.clear();
    CborWriter(scratch)
        .array(5)
        .uint(oscore_version)
        .array(1)
        .integer(std::to_underlying(algorithm))
        .bytes(request_kid)
        .bytes(request_piv)
        .bytes({});  // no option is of Class I [RFC 8613 §4.1.2]
    out.clear();
    write_enc_structure(out, {}, scratch);
}

// ---- the window --------------------------------------------------------------------------------

ReplayWindow::Verdict ReplayWindow::verdict(std::uint64_t sequence) const noexcept {
    if (!any_) return synchronised_ ? Verdict::fresh : Verdict::unknown;
    if (sequence > highest_) return Verdict::fresh;
    const std::uint64_t behind = highest_ - sequence;
    if (behind >= size_ || (seen_ >> behind & 1) != 0) return Verdict::replayed;
    return sequence < floor_ ? Verdict::unknown : Verdict::fresh;
}

void ReplayWindow::received(std::uint64_t sequence) noexcept {
    if (!any_) {
        // "the Partial IV of the second request is set as the lower limit of the Replay Window"
        // [RFC 8613 Appendix B.1.2]
        floor_ = synchronised_ ? 0 : sequence;
        synchronised_ = any_ = true;
        highest_ = sequence;
        seen_ = nonces_ = 0;
    } else if (sequence > highest_) {
        const std::uint64_t ahead = sequence - highest_;
        seen_ = ahead < 64 ? seen_ << ahead : 0;
        nonces_ = ahead < 64 ? nonces_ << ahead : 0;
        highest_ = sequence;
    }
    const std::uint64_t bit = std::uint64_t{1} << (highest_ - sequence);
    seen_ |= bit;
    nonces_ |= bit;
}

bool ReplayWindow::take_nonce(std::uint64_t sequence) noexcept {
    if (!any_ || sequence > highest_ || highest_ - sequence >= 64) return false;
    const std::uint64_t bit = std::uint64_t{1} << (highest_ - sequence);
    if ((nonces_ & bit) == 0) return false;
    nonces_ &= ~bit;
    return true;
}

void ReplayWindow::lose() noexcept {
    synchronised_ = any_ = false;
    seen_ = nonces_ = 0;
}

std::uint64_t ReplayWindow::mask() const noexcept {
    std::uint64_t mask = seen_;
    for (unsigned n = 0; n < 64; ++n)
        if (n > highest_ || highest_ - n < floor_) mask |= std::uint64_t{1} << n;
    return mask;
}

void ReplayWindow::restore(std::uint64_t highest, std::uint64_t mask) noexcept {
    synchronised_ = any_ = true;
    highest_ = highest;
    floor_ = 0;
    seen_ = mask | 1;
    nonces_ = 0;
}

// ---- the context -------------------------------------------------------------------------------

OscoreContext::OscoreContext(ContextConfig config, const OscoreKeys& keys, unsigned window_size)
    : facts{.name = std::move(config.name),
            .sender_id = std::move(config.sender_id),
            .recipient_id = std::move(config.recipient_id),
            .id_context = std::move(config.id_context),
            .evictable = config.evictable,
            .saved = config.saved},
      algorithm(config.aead),
      send_id_context(config.send_id_context),
      common_iv(keys.common_iv),
      sender(config.aead, keys.sender_key),
      recipient(config.aead, keys.recipient_key),
      sequence(config.sender_sequence),
      reserved(config.sender_sequence),
      window(window_size) {
    const crypto::Sha256 code = crypto::hmac_sha256(keys.sender_key, as_octets("state"));
    std::copy_n(code.begin(), fingerprint.size(), fingerprint.begin());
}

std::optional<std::uint64_t> OscoreContext::next_sequence() noexcept {
    if (exhausted()) return std::nullopt;
    return sequence++;
}

Octets OscoreContext::state(bool closing) const {
    Octets octets;
    CborWriter out(octets);
    out.array(4).uint(state_version).bytes(fingerprint).uint(closing ? sequence : reserved);
    if (!closing || !window.synchronised())
        out.null();
    else if (!window.any())
        out.array(0);
    else
        out.array(2).uint(window.highest()).uint(window.mask());
    return octets;
}

std::optional<ContextFault> OscoreContext::restore(Bytes state) {
    CborReader in(state);
    in.expect_array(4);
    const bool version_known = in.uint() == state_version;
    const bool own = same(in.bytes(), fingerprint);
    const std::uint64_t next = in.uint();
    std::optional<std::uint64_t> highest;
    std::uint64_t mask = 0;
    const bool known = in.kind() == CborKind::array;
    if (known) {
        if (in.enter_array() == 2u) {
            highest = in.uint();
            mask = in.uint();
        }
        in.leave();
    } else {
        in.null();
    }
    in.leave();
    if (!in.done() || !version_known || next > sequence_max + 1 ||
        highest.value_or(0) > sequence_max)
        return ContextFault::unusable_state;
    if (!own) return ContextFault::bad_state;
    sequence = reserved = next;
    if (highest)
        window.restore(*highest, mask);
    else if (!known)
        window.lose();
    return std::nullopt;
}

Observation* OscoreContext::observation(std::uint64_t request) noexcept {
    const auto found = std::ranges::find(observations, request, &Observation::request);
    return found == observations.end() ? nullptr : &*found;
}

}  // namespace causeway::secure
