#pragma once
// Signatures as COSE carries them: Ed25519 [RFC 8032 §5.1; RFC 9053 §2.2] and ES256, which is ECDSA
// on P-256 with SHA-256, r and s side by side [RFC 9053 §2.1]. OpenSSL does the arithmetic. Leaves
// out: the verification of certificates, of which only the key is read.
//
// Deviates: ES256 draws its number from OpenSSL, so that the signature, and nothing else, differs
// from run to run; a deterministic one is only a "SHOULD" [RFC 9053 §2.1] and not in OpenSSL 3.0.
#include "crypto/agreement.hpp"

namespace causeway::crypto {

enum class SignatureScheme : std::uint8_t { ed25519, es256 };

using Signature = std::array<std::byte, 64>;

class SigningKey {
public:
    /// From 32 private octets: Ed25519's seed, which is any, or the number for ES256; nullopt where
    /// that is zero, or not below the order of the curve.
    [[nodiscard]] static std::optional<SigningKey> from_private(SignatureScheme scheme,
                                                                Bytes octets);
    /// From 32 octets that nobody can guess, as AgreementKey::generate does.
    [[nodiscard]] static SigningKey generate(SignatureScheme scheme, Bytes randomness);

    [[nodiscard]] SignatureScheme scheme() const noexcept { return scheme_; }
    /// 32 octets for Ed25519, the uncompressed point of 65 for ES256.
    [[nodiscard]] Bytes public_octets() const noexcept { return public_; }
    [[nodiscard]] Signature sign(Bytes message) const;

private:
    SigningKey() = default;

    SignatureScheme scheme_ = SignatureScheme::ed25519;
    Secret secret_;
    Octets public_;
};

/// False as well when the key or the signature is not one. The key of ES256 is a point of 33 or 65
/// octets.
[[nodiscard]] bool verify(SignatureScheme scheme, Bytes public_key, Bytes message, Bytes signature);

enum class KeyType : std::uint8_t { x25519, ed25519, p256 };

struct CertificateKey {
    KeyType type = KeyType::ed25519;
    Octets octets{};  // 32 of them, or a point of 33 or 65
};

/// The key of an X.509 certificate in DER, all octets of it; nullopt for one that is no certificate
/// or has a key of another type. Nothing is verified.
[[nodiscard]] std::optional<CertificateKey> key_of_certificate(Bytes der);

}  // namespace causeway::crypto
