#pragma once
// What is told to an Oscore, what it tells, and what it counts.
#include "base/bytes.hpp"
#include "crypto/aead.hpp"
#include "crypto/hkdf.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace causeway::secure {

struct OscoreSettings {
    /// At most 65,535. When it is full the evictable context that was used least recently goes.
    std::size_t contexts_max = 1024;
    /// Contexts that are tried for one request, because their kid (and kid context) are equal.
    /// At most 8. [RFC 8613 §3.3]
    std::size_t tries_max = 4;
    /// Sequence numbers that a request may be behind the highest: 1 to 64. [RFC 8613 §7.4]
    unsigned replay_window = 64;
    /// Sender sequence numbers that one Save reserves: K of RFC 8613 Appendix B.1.1.
    std::uint64_t reserve_step = 4096;
    /// Observations of ours that one context keeps a Notification Number for.
    std::size_t observations_max = 256;
    /// Of a payload on the wire, both ways: MAX_UNFRAGMENTED_SIZE. [RFC 8613 §4.1.3.4.2]
    std::size_t unfragmented_octets_max = 65'535;
    /// Unprotected errors say in words what was wrong. Who hides which contexts exist turns it off.
    /// [RFC 8613 Appendix D.5.3]
    bool diagnostics = true;
};

/// The input parameters of a security context. [RFC 8613 §3.2]
struct ContextConfig {
    std::string name = {};  // for authorisation and for Save; need not be unique
    Octets master_secret = {};
    Octets master_salt = {};
    std::optional<Octets> id_context = {};
    Octets sender_id = {};
    Octets recipient_id = {};
    crypto::AeadAlgorithm aead = crypto::AeadAlgorithm::aes_ccm_16_64_128;
    crypto::Hash hash = crypto::Hash::sha256;
    /// Requests carry the ID Context, if there is one, as kid context. [RFC 8613 §5.1]
    bool send_id_context = true;
    /// May be dropped for another when the table is full: those that EDHOC made.
    bool evictable = false;
    /// Its sequence numbers are to survive a restart. A context whose keys are gone with the
    /// process needs no such thing.
    bool saved = true;
    /// Of the last Save with this name. Empty: these keys were never used before, by anyone.
    Octets state = {};
    /// The first number, where there is no state. [RFC 8613 §3.2.2]
    std::uint64_t sender_sequence = 0;
};

enum class ContextFault : std::uint8_t {
    no_secret,
    id_too_long,  // an identifier over the nonce length less 6 [RFC 8613 §3.3], or an ID Context
                  // that no option can carry
    same_ids,     // sender and recipient would have one key
    duplicate,    // the sender key is in use: its nonces would be used twice
    /// The state is of other keys under that name. It may be dropped for theirs, if these keys were
    /// never used before: a return to keys of the past needs the state of the past.
    bad_state,
    /// The state cannot be read, or would not be kept: nothing is known of the numbers that these
    /// keys were used with, and they must not be used again. [RFC 8613 §7.5]
    unusable_state,
    table_full,      // contexts_max, and none that may go
    too_many_alike,  // tries_max of them have this kid and kid context
};
[[nodiscard]] std::string_view name_of(ContextFault fault) noexcept;

/// What can be known of a context by those who ask who speaks.
struct ContextFacts {
    std::string name;
    Octets sender_id;
    Octets recipient_id;
    std::optional<Octets> id_context;
    bool evictable = false;
    bool saved = false;
};

/// Output. `state` must be durable before any output that the endpoint made since is acted upon: it
/// reserves the sender sequence numbers that those messages may carry. The newest of a context
/// replaces the others. It holds no secret.
struct Save {
    std::uint32_t context = 0;
    std::string name{};
    Octets state{};

    friend bool operator==(const Save&, const Save&) = default;
};

struct OscoreStats {
    // Requests for another server, that name a proxy in the open: left as they are.
    std::uint64_t passed_by = 0;
    // Other requests with an OSCORE option, each counted in one of the rows below it.
    std::uint64_t requests = 0;
    std::uint64_t requests_opened = 0;
    std::uint64_t malformed = 0;
    std::uint64_t context_unknown = 0;
    std::uint64_t replayed = 0;
    std::uint64_t undecryptable = 0;
    std::uint64_t too_large = 0;
    std::uint64_t inner_malformed = 0;  // its sender is genuine
    std::uint64_t echo_asked = 0;       // not known to be fresh, and it brought no Echo
    std::uint64_t echo_stale = 0;       // the Echo it brought is not the one that was asked for

    // Responses to protected requests of ours, likewise.
    std::uint64_t responses = 0;
    std::uint64_t responses_opened = 0;
    std::uint64_t responses_plain = 0;        // unprotected errors, which anybody can say
    std::uint64_t responses_unprotected = 0;  // refused: a success that is not protected
    std::uint64_t responses_malformed = 0;
    std::uint64_t responses_undecryptable = 0;
    std::uint64_t responses_too_large = 0;
    std::uint64_t responses_without_context = 0;
    std::uint64_t notifications_replayed = 0;  // or older than one that came before
    std::uint64_t notifications_unasked = 0;   // no observation of that request is known

    // Messages to protect, likewise.
    std::uint64_t to_protect = 0;
    std::uint64_t protected_ = 0;
    std::uint64_t exhausted = 0;
    std::uint64_t without_context = 0;
    std::uint64_t not_protectable = 0;  // it is protected already, or no such message can be
    std::uint64_t too_large_to_protect = 0;

    // Contexts.
    std::uint64_t added = 0;
    std::uint64_t add_refused = 0;
    std::uint64_t removed = 0;
    std::uint64_t evicted = 0;
    std::uint64_t windows_synchronised = 0;  // by Echo
    std::uint64_t observations_evicted = 0;
    std::uint64_t saves = 0;

    template <class Named>
    void visit(Named&& named) const;
    [[nodiscard]] bool balanced() const noexcept;
};

template <class Named>
void OscoreStats::visit(Named&& named) const {
    named("passed_by", passed_by);
    named("requests", requests);
    named("requests_opened", requests_opened);
    named("malformed", malformed);
    named("context_unknown", context_unknown);
    named("replayed", replayed);
    named("undecryptable", undecryptable);
    named("too_large", too_large);
    named("inner_malformed", inner_malformed);
    named("echo_asked", echo_asked);
    named("echo_stale", echo_stale);
    named("responses", responses);
    named("responses_opened", responses_opened);
    named("responses_plain", responses_plain);
    named("responses_unprotected", responses_unprotected);
    named("responses_malformed", responses_malformed);
    named("responses_undecryptable", responses_undecryptable);
    named("responses_too_large", responses_too_large);
    named("responses_without_context", responses_without_context);
    named("notifications_replayed", notifications_replayed);
    named("notifications_unasked", notifications_unasked);
    named("to_protect", to_protect);
    named("protected", protected_);
    named("exhausted", exhausted);
    named("without_context", without_context);
    named("not_protectable", not_protectable);
    named("too_large_to_protect", too_large_to_protect);
    named("added", added);
    named("add_refused", add_refused);
    named("removed", removed);
    named("evicted", evicted);
    named("windows_synchronised", windows_synchronised);
    named("observations_evicted", observations_evicted);
    named("saves", saves);
}

}  // namespace causeway::secure
