#pragma once
// Credentials of EDHOC: who may be at the other end, and who we are [RFC 9528 §3.5]. A raw public
// key stands in a CWT claims set (CCS) as the COSE_Key of its `cnf` claim [RFC 9528 §3.5.2;
// RFC 8747 §3.1; RFC 9053 §7]; a certificate counts as a whole, and is trusted because it is in the
// list. Leaves out: paths of certificates up to a root, revocation, trust on first use.
#include "crypto/signature.hpp"
#include "secure/edhoc_message.hpp"

#include <map>

namespace causeway::secure {

/// CRED_x, and what is needed of it.
struct EdhocCredential {
    Octets cred{};     // the CBOR item both sides hash: the claims, or the certificate in a string
    Octets content{};  // the claims, or the certificate
    bool certificate = false;
    crypto::KeyType type = crypto::KeyType::p256;
    Octets key{};                 // as public_coordinate() and verify() take it
    std::optional<Octets> kid{};  // of the COSE_Key, or given by whoever set this up
    std::string name{};           // for those who are told who it was

    /// nullopt: no claims set with a usable public key. An empty name: the `sub` claim.
    [[nodiscard]] static std::optional<EdhocCredential> from_claims(Bytes ccs,
                                                                    std::string name = {});
    /// nullopt: no certificate, or a key of another kind.
    [[nodiscard]] static std::optional<EdhocCredential> from_certificate(
        Bytes der, std::string name = {}, std::optional<Octets> kid = {});

    /// Whether `id` speaks of this credential.
    [[nodiscard]] bool matches(const CredentialId& id) const;
};

struct RawPublicKey {
    std::string_view subject{};  // may be empty
    Bytes kid{};
    crypto::KeyType type = crypto::KeyType::p256;
    Bytes key{};  // 32 octets, or a point of 65
};
/// The claims set of a raw public key, deterministically encoded.
[[nodiscard]] Octets claims_of(const RawPublicKey& key);

/// Our side.
struct EdhocIdentity {
    EdhocCredential credential{};
    CredentialId id_cred{};  // as it is told to others
    crypto::Secret private_key{};

    /// nullopt: the private key is not the credential's, or the credential cannot be named so (a
    /// kid it does not have, a hash of claims, or with more than id_cred_octets_max).
    [[nodiscard]] static std::optional<EdhocIdentity> make(EdhocCredential credential,
                                                           CredentialId::Kind named_by,
                                                           Bytes private_key);
};

/// The credentials that are accepted; nobody else is.
class EdhocPeers {
public:
    static constexpr std::size_t peers_max = 65536;
    /// Credentials that are tried for one ID_CRED: a kid need not be unique [RFC 9052 §3.1], and
    /// each costs a computation that a stranger asked for.
    static constexpr std::size_t candidates_max = 4;
    using Candidates = InplaceVector<const EdhocCredential*, candidates_max>;

    /// False: there are peers_max already.
    bool add(EdhocCredential credential);
    /// Valid until add() is called.
    [[nodiscard]] Candidates find(const CredentialId& id) const;
    [[nodiscard]] std::size_t size() const noexcept { return credentials_.size(); }

private:
    std::vector<EdhocCredential> credentials_;
    /// By kid, and by the digest of the content, which an x5t is the beginning of.
    std::multimap<Octets, std::size_t> by_kid_;
    std::multimap<Octets, std::size_t> by_digest_;
};

}  // namespace causeway::secure
