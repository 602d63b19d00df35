#pragma once
// Diffie-Hellman with keys as the octets that protocols carry: X25519 [RFC 7748 §5, §6.1] and P-256
// in compact representation, which is the x-coordinate alone [RFC 9528 §B; RFC 9053 §7.1.1].
// OpenSSL does the arithmetic. Leaves out: every other curve, and private keys in files.
#include "crypto/digest.hpp"

#include <optional>

namespace causeway::crypto {

enum class Curve : std::uint8_t { x25519, p256 };

/// An X25519 public key, or the x-coordinate of a P-256 one, with its leading zeros.
using Coordinate = std::array<std::byte, 32>;

/// 32 secret octets, wiped when they go.
class Secret {
public:
    Secret() noexcept { octets_.fill(std::byte{0}); }
    /// 32 octets, which is ours to see to.
    explicit Secret(Bytes octets);
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    ~Secret() { wipe(octets_); }

    [[nodiscard]] Bytes bytes() const noexcept { return octets_; }
    [[nodiscard]] MutableBytes mutable_bytes() noexcept { return octets_; }

private:
    std::array<std::byte, 32> octets_;
};

/// The coordinate of a public key from outside; nullopt when it is none. X25519: 32 octets, all of
/// which are one. P-256: an x-coordinate of 32 octets or a point of 33 or 65 as SEC 1 has it, on
/// the curve and not at infinity, coordinates below p: full validation, the cofactor being 1.
/// [RFC 9528 §9.2]
[[nodiscard]] std::optional<Coordinate> public_coordinate(Curve curve, Bytes key);

class AgreementKey {
public:
    /// From 32 private octets. X25519 takes all of them; nullopt for P-256 where they are zero, or
    /// not below the order of the curve.
    [[nodiscard]] static std::optional<AgreementKey> from_private(Curve curve, Bytes octets);
    /// From 32 octets that nobody can guess. They become the private key; the few of them that are
    /// none for P-256 are hashed until they are.
    [[nodiscard]] static AgreementKey generate(Curve curve, Bytes randomness);

    [[nodiscard]] Curve curve() const noexcept { return curve_; }
    [[nodiscard]] const Coordinate& coordinate() const noexcept { return coordinate_; }
    /// 32 octets for X25519, the uncompressed point of 65 for P-256.
    [[nodiscard]] Bytes public_octets() const noexcept { return public_; }

    /// The shared secret: what X25519 gives, or the x-coordinate of the common point. nullopt when
    /// public_coordinate() has none for `peer`, or X25519 gives zeros. [RFC 7748 §6.1]
    [[nodiscard]] std::optional<Secret> agree(Bytes peer) const;

private:
    AgreementKey() = default;

    Curve curve_ = Curve::x25519;
    Secret secret_;
    Coordinate coordinate_{};
    Octets public_;
};

}  // namespace causeway::crypto
