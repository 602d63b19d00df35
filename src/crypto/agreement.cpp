#include "crypto/agreement.hpp"

#include "crypto/agreement_openssl.hpp"

#include <openssl/obj_mac.h>

#include <algorithm>

namespace causeway::crypto {
namespace {

/// Made once: it costs more than a multiplication does.
const EC_GROUP* p256_group() {
    static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    CAUSEWAY_ASSERT(group != nullptr);
    return group;
}

Held<EC_POINT> new_p256_point() {
    Held<EC_POINT> point(EC_POINT_new(p256_group()));
    CAUSEWAY_ASSERT(point != nullptr);
    return point;
}

/// The point of a key from outside, or null. OpenSSL decodes no point that is off the curve, and
/// no coordinate that is not below p.
Held<EC_POINT> p256_point_of(Bytes key, BN_CTX* context) {
    std::array<std::byte, 33> compressed;
    if (key.size() == 32) {  // either square root will do [RFC 9528 §B]
        compressed[0] = std::byte{2};
        std::ranges::copy(key, compressed.begin() + 1);
        key = compressed;
    } else if (key.size() != 33 && key.size() != 65) {
        return nullptr;
    }
    Held<EC_POINT> point = new_p256_point();
    if (EC_POINT_oct2point(p256_group(), point.get(), read_from(key), key.size(), context) != 1 ||
        EC_POINT_is_at_infinity(p256_group(), point.get()) == 1) {
        ERR_clear_error();  // what others send is no error of ours
        return nullptr;
    }
    return point;
}

void p256_x_of(const EC_POINT* point, BN_CTX* context, MutableBytes out) {
    const Held<BIGNUM> x(BN_new());
    CAUSEWAY_ASSERT(
        x && EC_POINT_get_affine_coordinates(p256_group(), point, x.get(), nullptr, context) == 1 &&
        BN_bn2binpad(x.get(), write_to(out), static_cast<int>(out.size())) ==
            static_cast<int>(out.size()));
}

/// Null where the octets are no private key.
Held<BIGNUM> p256_scalar_of(Bytes octets) {
    Held<BIGNUM> scalar(BN_bin2bn(read_from(octets), static_cast<int>(octets.size()), nullptr));
    CAUSEWAY_ASSERT(scalar != nullptr);
    BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
    if (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(p256_group())) >= 0)
        return nullptr;
    return scalar;
}

bool x25519_agree(Bytes secret, Bytes peer, MutableBytes out) {
    const Held<EVP_PKEY> own(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, read_from(secret), secret.size()));
    const Held<EVP_PKEY> other(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, read_from(peer), peer.size()));
    const Held<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(own.get(), nullptr));
    std::size_t size = out.size();
    CAUSEWAY_ASSERT(own && other && context && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1);
    if (EVP_PKEY_derive(context.get(), write_to(out), &size) != 1 || size != out.size()) {
        ERR_clear_error();
        return false;
    }
    // OpenSSL refuses zeros itself; that it does is not promised. [RFC 7748 §6.1]
    return !equal_in_constant_time(out, Coordinate{});
}

}  // namespace

Secret::Secret(Bytes octets) {
    CAUSEWAY_ASSERT(octets.size() == octets_.size());
    std::ranges::copy(octets, octets_.begin());
}

std::optional<Coordinate> public_coordinate(Curve curve, Bytes key) {
    Coordinate coordinate;
    if (curve == Curve::x25519) {
        if (key.size() != coordinate.size()) return std::nullopt;
        std::ranges::copy(key, coordinate.begin());
        return coordinate;
    }
    const Held<BN_CTX> context(BN_CTX_new());
    const Held<EC_POINT> point = p256_point_of(key, context.get());
    if (!point) return std::nullopt;
    p256_x_of(point.get(), context.get(), coordinate);
    return coordinate;
}

std::optional<AgreementKey> AgreementKey::from_private(Curve curve, Bytes octets) {
    if (octets.size() != 32) return std::nullopt;
    AgreementKey key;
    key.curve_ = curve;
    key.secret_ = Secret(octets);
    if (curve == Curve::x25519) {
        const Held<EVP_PKEY> own(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr,
                                                              read_from(octets), octets.size()));
        std::size_t size = key.coordinate_.size();
        CAUSEWAY_ASSERT(own && EVP_PKEY_get_raw_public_key(
                                   own.get(), write_to(MutableBytes(key.coordinate_)), &size) == 1);
        key.public_ = to_octets(key.coordinate_);
        return key;
    }
    const Held<BIGNUM> scalar = p256_scalar_of(octets);
    if (!scalar) return std::nullopt;
    const Held<BN_CTX> context(BN_CTX_new());
    const Held<EC_POINT> point = new_p256_point();
    key.public_.resize(65);
    CAUSEWAY_ASSERT(context &&
                    EC_POINT_mul(p256_group(), point.get(), scalar.get(), nullptr, nullptr,
                                 context.get()) == 1 &&
                    EC_POINT_point2oct(p256_group(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                       write_to(MutableBytes(key.public_)), key.public_.size(),
                                       context.get()) == key.public_.size());
    std::ranges::copy(Bytes(key.public_).subspan(1, 32), key.coordinate_.begin());
    return key;
}

AgreementKey AgreementKey::generate(Curve curve, Bytes randomness) {
    Secret candidate(randomness);
    for (;;) {
        if (auto key = from_private(curve, candidate.bytes())) return std::move(*key);
        Sha256 next = sha256(candidate.bytes());  // once in 2^32 times
        candidate = Secret(next);
        wipe(next);
    }
}

std::optional<Secret> AgreementKey::agree(Bytes peer) const {
    Secret shared;
    if (curve_ == Curve::x25519) {
        if (peer.size() != 32 || !x25519_agree(secret_.bytes(), peer, shared.mutable_bytes()))
            return std::nullopt;
        return shared;
    }
    const Held<BN_CTX> context(BN_CTX_new());
    const Held<EC_POINT> other = p256_point_of(peer, context.get());
    if (!other) return std::nullopt;
    const Held<BIGNUM> scalar = p256_scalar_of(secret_.bytes());
    const Held<EC_POINT> common = new_p256_point();
    // Neither is the scalar zero nor the other point at infinity, and the order is prime.
    CAUSEWAY_ASSERT(scalar && EC_POINT_mul(p256_group(), common.get(), nullptr, other.get(),
                                           scalar.get(), context.get()) == 1);
    p256_x_of(common.get(), context.get(), shared.mutable_bytes());
    return shared;
}

}  // namespace causeway::crypto
