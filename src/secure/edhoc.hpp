#pragma once
// Ephemeral Diffie-Hellman over COSE: both roles, one object a run [RFC 9528 §5, §6]. Methods 0 to
// 3, cipher suites 0 to 6 [RFC 9528 §3.2, §3.6], message_4, errors 1, 2 and 3. No transport:
// edhoc_resource.hpp and edhoc_client.hpp carry the messages over CoAP.
//
//   EdhocInitiator i(config, {.method = 3, .c_i = ..., .randomness = ...});
//   send(i.message_1());
//   auto answer = i.on_message_2(received);   // message_3, or why not and the error to send
//   i.result()->session.oscore("name");       // what Oscore::add() takes
//
// A run that failed stays failed. Whatever a stranger sends costs it at most one error message, and
// nothing is said after the last message or to an error. [RFC 9528 §5.1, §6]
// Leaves out: plaintexts above 8160 octets [RFC 9528 §G], the reverse flow over CoAP
// [RFC 9528 §A.2.2], trust on first use.
#include "secure/edhoc_keys.hpp"

#include <expected>
#include <string_view>

namespace causeway::secure {

/// What both roles are told beforehand: the application profile. [RFC 9528 §3.9]
struct EdhocConfig {
    /// Ours, at most one of a type of key (the first counts).
    std::vector<EdhocIdentity> identities{};
    EdhocPeers peers{};
    /// That we support, the most preferred first. Those that no identity fits, or that are not
    /// known here, do not count.
    SuiteNumbers suites{};
    /// That a Responder takes.
    std::array<bool, 4> methods{true, true, true, true};
    /// The Responder sends message_4, and the Initiator is not done without it.
    bool message_4 = false;
    /// Labels (without sign) of external authorization data that the application will look at. A
    /// critical item with another is refused. [RFC 9528 §3.8]
    std::vector<std::int64_t> ead_labels{};

    /// nullptr: no identity for that use.
    [[nodiscard]] const EdhocIdentity* identity_for(const EdhocSuite& suite, bool signs) const;
    /// Of `suites`, those that can be used.
    [[nodiscard]] SuiteNumbers usable_suites(bool signs) const;
};

enum class EdhocFault : std::uint8_t {
    malformed,           // not the message that the standard describes
    too_large,           // edhoc_message_octets_max
    out_of_turn,         // not the message that comes next
    method,              // not one of ours
    suite,               // not the one to select, or none in common
    ephemeral_key,       // of a wrong length, not on the curve, of low order
    connection_id,       // too long for OSCORE, or equal to the other one
    critical_ead,        // not known
    decryption,          // forged or damaged
    credential_kind,     // of a kind that nothing here looks up
    unknown_credential,  // nobody in the list
    authentication,      // the signature or MAC is wrong
    no_identity,         // none of ours fits method and suites
    peer_error,          // the other end gave up
    count,
};
/// Words for a log, and for the other end.
[[nodiscard]] std::string_view name_of(EdhocFault fault) noexcept;

struct EdhocFailure {
    EdhocFault fault = EdhocFault::malformed;
    /// The error message to send; empty where nothing may be said.
    Octets reply{};
    /// What the other end said. Anybody can say that.
    std::optional<EdhocErrorMessage> said{};
};

/// A run that came to its end.
struct EdhocResult {
    std::string peer{};      // the credential's name
    CredentialId id_cred{};  // as the other end told it
    std::int64_t method = 0;
    std::int64_t suite = 0;
    ConnectionId c_i{};
    ConnectionId c_r{};
    /// The other end has the keys. False at an Initiator without message_4, until a message that
    /// OSCORE protects comes: do not store the keys before. [RFC 9528 §5.4.2]
    bool confirmed = false;
    EdhocSession session{};
};

class EdhocInitiator {
public:
    struct Start {
        std::int64_t method = 3;
        ConnectionId c_i{};
        crypto::Secret randomness{};  // 32 octets that nobody can guess, for this run alone
        /// Of an error with code 2 that came before.
        SuiteNumbers suites_r{};
        std::vector<EadItem> ead_1{};
        std::vector<EadItem> ead_3{};
    };
    /// `config` outlives this.
    EdhocInitiator(const EdhocConfig& config, Start start);

    // [RFC 9528 §5.2.2]
    [[nodiscard]] std::expected<Octets, EdhocFailure> message_1();
    /// message_3. [RFC 9528 §5.3.3, §5.4.2]
    [[nodiscard]] std::expected<Octets, EdhocFailure> on_message_2(Bytes message);
    /// Also where message_4 is not asked for, and comes. [RFC 9528 §5.5.3]
    [[nodiscard]] std::expected<void, EdhocFailure> on_message_4(Bytes message);

    /// nullptr until there is one, and after a failure.
    [[nodiscard]] const EdhocResult* result() const noexcept {
        return state_ == State::done ? &result_ : nullptr;
    }
    /// What came in EAD_2 and EAD_4, as far as it was read.
    [[nodiscard]] const std::vector<EadItem>& ead_2() const noexcept { return ead_2_; }
    [[nodiscard]] const std::vector<EadItem>& ead_4() const noexcept { return ead_4_; }
    /// As message_2 told it; nullptr before.
    [[nodiscard]] const ConnectionId* c_r() const noexcept {
        return c_r_known_ ? &run_.c_r : nullptr;
    }
    [[nodiscard]] std::int64_t selected_suite() const noexcept {
        return run_.suite != nullptr ? run_.suite->number : -1;
    }

private:
    enum class State : std::uint8_t { start, wait_2, wait_4, done, failed };
    using Step = std::expected<Octets, EdhocFailure>;

    Step process_2(Bytes message);
    Octets compose_3();
    std::expected<void, EdhocFailure> process_4(Bytes message);

    const EdhocConfig* config_;
    Start start_;
    State state_ = State::start;
    EdhocTranscript run_;
    std::optional<crypto::AgreementKey> x_;
    Octets g_y_;
    bool c_r_known_ = false;
    EdhocResult result_;
    std::vector<EadItem> ead_2_;
    std::vector<EadItem> ead_4_;
};

class EdhocResponder {
public:
    struct Start {
        ConnectionId c_r{};           // not the C_I of message_1
        crypto::Secret randomness{};  // 32 octets that nobody can guess, for this run alone
        std::vector<EadItem> ead_2{};
        std::vector<EadItem> ead_4{};
    };
    /// `config` outlives this.
    EdhocResponder(const EdhocConfig& config, Start start);

    /// message_2. [RFC 9528 §5.2.3, §5.3.2]
    [[nodiscard]] std::expected<Octets, EdhocFailure> on_message_1(Bytes message);
    /// message_4, or nothing where the profile has none. [RFC 9528 §5.4.3, §5.5.2]
    [[nodiscard]] std::expected<Octets, EdhocFailure> on_message_3(Bytes message);

    [[nodiscard]] const EdhocResult* result() const noexcept {
        return state_ == State::done ? &result_ : nullptr;
    }
    [[nodiscard]] const std::vector<EadItem>& ead_1() const noexcept { return ead_1_; }
    [[nodiscard]] const std::vector<EadItem>& ead_3() const noexcept { return ead_3_; }
    [[nodiscard]] const ConnectionId& c_r() const noexcept { return start_.c_r; }
    /// H(message_1), by which a repeated one is known.
    [[nodiscard]] const crypto::Sha256& message_1_hash() const noexcept { return run_.message_1; }

private:
    enum class State : std::uint8_t { start, wait_3, done, failed };
    using Step = std::expected<Octets, EdhocFailure>;

    Step process_1(Bytes message);
    Octets compose_2();
    Step process_3(Bytes message);

    const EdhocConfig* config_;
    Start start_;
    State state_ = State::start;
    EdhocTranscript run_;
    std::optional<crypto::AgreementKey> y_;
    Octets g_x_;
    EdhocResult result_;
    std::vector<EadItem> ead_1_;
    std::vector<EadItem> ead_3_;
};

}  // namespace causeway::secure
