#pragma once
// The key schedule of EDHOC: cipher suites [RFC 9528 §3.6], EDHOC_Extract, EDHOC_Expand and
// EDHOC_KDF [RFC 9528 §4.1], transcript hashes, and what a completed session gives: EDHOC_Exporter
// [RFC 9528 §4.2.1], EDHOC_KeyUpdate [RFC 9528 §H] and the OSCORE security context [RFC 9528 §A.1].
// Leaves out: suites 24 and 25, and every hash but SHA-256.
#include "crypto/aead.hpp"
#include "secure/edhoc_credentials.hpp"
#include "secure/oscore_settings.hpp"

namespace causeway::secure {

struct EdhocSuite {
    std::int64_t number;
    crypto::AeadAlgorithm aead;
    std::size_t mac_octets;  // of static Diffie-Hellman
    crypto::Curve curve;
    crypto::SignatureScheme scheme;
    crypto::AeadAlgorithm application_aead;

    /// What an authentication key has to be.
    [[nodiscard]] crypto::KeyType key_type(bool signs) const noexcept;
    /// Of a Sender ID in the OSCORE context that comes of it. [RFC 8613 §3.3]
    [[nodiscard]] std::size_t sender_id_octets_max() const noexcept;
};

/// nullptr for a number that is not of 0 to 6.
[[nodiscard]] const EdhocSuite* edhoc_suite(std::int64_t number) noexcept;

/// OKM = HKDF-Expand(PRK, (label, context, length), length). [RFC 9528 §4.1.2]
[[nodiscard]] Octets edhoc_kdf(Bytes key, std::int64_t label, Bytes context, std::size_t octets);
[[nodiscard]] crypto::Secret edhoc_secret(Bytes key, std::int64_t label, Bytes context);
/// HKDF-Extract. [RFC 9528 §4.1.1]
[[nodiscard]] crypto::Secret edhoc_extract(Bytes salt, Bytes secret);

/// PRK_out, and what is derived from it.
class EdhocSession {
public:
    EdhocSession() = default;
    EdhocSession(const EdhocSuite& suite, crypto::Secret prk_out, ConnectionId sender_id,
                 ConnectionId recipient_id);

    /// Labels 0 and 1 are OSCORE's. At most 8160 octets. [RFC 9528 §4.2.1]
    [[nodiscard]] Octets exporter(std::uint64_t label, Bytes context, std::size_t octets) const;
    /// Both sides, with the same context; then oscore() gives new keys. [RFC 9528 §H]
    void key_update(Bytes context);
    /// A security context whose keys go with the process: evictable, and not saved.
    /// [RFC 9528 §A.1]
    [[nodiscard]] ContextConfig oscore(std::string name = {}, std::size_t salt_octets = 8) const;

private:
    const EdhocSuite* suite_ = nullptr;
    crypto::Secret prk_out_;
    crypto::Secret prk_exporter_;
    ConnectionId sender_id_{};
    ConnectionId recipient_id_{};
};

/// The side that authenticates itself: what goes into MAC_2 or MAC_3 and into the signature over
/// it. [RFC 9528 §5.3.2, §5.4.2]
struct EdhocProof {
    int message;  // 2 or 3
    const EdhocSuite& suite;
    bool signs;
    Bytes prk;  // PRK_3e2m or PRK_4e3m
    Bytes th;   // TH_2 or TH_3
    Bytes c_r;  // message 2, as an identifier
    const CredentialId& id_cred;
    Bytes cred;
    Bytes ead;

    /// Signature_or_MAC_x.
    [[nodiscard]] Octets make(const EdhocIdentity& identity) const;
    [[nodiscard]] bool holds(Bytes key, Bytes signature_or_mac) const;

private:
    [[nodiscard]] Octets mac() const;
    [[nodiscard]] Octets to_be_signed(Bytes mac) const;
};

/// What a run knows by the end of message_1; each step of both sides fills in more.
struct EdhocTranscript {
    const EdhocSuite* suite = nullptr;
    std::int64_t method = 0;
    ConnectionId c_i{};
    ConnectionId c_r{};
    crypto::Sha256 message_1{};  // H(message_1)
    crypto::Sha256 th_2{};
    crypto::Sha256 th_3{};
    crypto::Sha256 th_4{};
    crypto::Secret prk_2e{};
    crypto::Secret prk_3e2m{};
    crypto::Secret prk_4e3m{};

    [[nodiscard]] bool initiator_signs() const noexcept { return method == 0 || method == 1; }
    [[nodiscard]] bool responder_signs() const noexcept { return method == 0 || method == 2; }

    /// TH_2 and PRK_2e.
    void exchanged(Bytes g_y, const crypto::Secret& g_xy);
    /// PRK_3e2m of G_RX; of nothing where the Responder signs.
    [[nodiscard]] crypto::Secret prk_of_responder(const std::optional<crypto::Secret>& g_rx) const;
    /// PRK_4e3m of G_IY; of nothing where the Initiator signs.
    [[nodiscard]] crypto::Secret prk_of_initiator(const std::optional<crypto::Secret>& g_iy) const;
    /// In place; its own inverse.
    void cipher_2(MutableBytes text) const;
    /// TH_3.
    void said_2(Bytes plaintext, Bytes cred_r);
    /// TH_4.
    void said_3(Bytes plaintext, Bytes cred_i);
    // message_3 and message_4: COSE_Encrypt0 with K_3 and IV_3, or K_4 and IV_4.
    [[nodiscard]] Octets seal(int message, Bytes plaintext) const;
    [[nodiscard]] std::optional<Octets> open(int message, Bytes ciphertext) const;
    [[nodiscard]] crypto::Secret prk_out() const;
};

}  // namespace causeway::secure
