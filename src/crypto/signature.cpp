#include "crypto/signature.hpp"

#include "crypto/agreement_openssl.hpp"

#include <openssl/core_names.h>

#include <algorithm>

namespace causeway::crypto {
namespace {

/// Null where the point is none; a secret of no octets makes a public key.
Held<EVP_PKEY> p256_key(Bytes point, Bytes secret) {
    const Held<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    CAUSEWAY_ASSERT(builder &&
                    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                                    "prime256v1", 0) == 1 &&
                    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                     read_from(point), point.size()) == 1);
    Held<BIGNUM> scalar;
    if (!secret.empty()) {
        scalar.reset(BN_secure_new());
        CAUSEWAY_ASSERT(
            scalar &&
            BN_bin2bn(read_from(secret), static_cast<int>(secret.size()), scalar.get()) !=
                nullptr &&
            OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) == 1);
    }
    const Held<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const Held<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    CAUSEWAY_ASSERT(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1);
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata(context.get(), &key,
                          secret.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                          parameters.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return Held<EVP_PKEY>(key);
}

const EVP_MD* digest_for(SignatureScheme scheme) {
    return scheme == SignatureScheme::ed25519 ? nullptr : EVP_sha256();  // Ed25519 has its own
}

/// DER from r and s side by side.
Octets signature_der(Bytes signature) {
    Held<BIGNUM> r(BN_bin2bn(read_from(signature.first(32)), 32, nullptr));
    Held<BIGNUM> s(BN_bin2bn(read_from(signature.last(32)), 32, nullptr));
    const Held<ECDSA_SIG> pair(ECDSA_SIG_new());
    CAUSEWAY_ASSERT(r && s && pair);
    CAUSEWAY_ASSERT(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);
    const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
    CAUSEWAY_ASSERT(size > 0);
    Octets der(static_cast<std::size_t>(size));
    unsigned char* out = write_to(MutableBytes(der));
    CAUSEWAY_ASSERT(i2d_ECDSA_SIG(pair.get(), &out) == size);
    return der;
}

}  // namespace

std::optional<SigningKey> SigningKey::from_private(SignatureScheme scheme, Bytes octets) {
    if (octets.size() != 32) return std::nullopt;
    SigningKey key;
    key.scheme_ = scheme;
    key.secret_ = Secret(octets);
    if (scheme == SignatureScheme::es256) {
        const auto pair = AgreementKey::from_private(Curve::p256, octets);
        if (!pair) return std::nullopt;
        key.public_ = to_octets(pair->public_octets());
        return key;
    }
    const Held<EVP_PKEY> own(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, read_from(octets), octets.size()));
    key.public_.resize(32);
    std::size_t size = key.public_.size();
    CAUSEWAY_ASSERT(own && EVP_PKEY_get_raw_public_key(
                               own.get(), write_to(MutableBytes(key.public_)), &size) == 1);
    return key;
}

SigningKey SigningKey::generate(SignatureScheme scheme, Bytes randomness) {
    Secret candidate(randomness);
    for (;;) {
        if (auto key = from_private(scheme, candidate.bytes())) return std::move(*key);
        Sha256 next = sha256(candidate.bytes());
        candidate = Secret(next);
        wipe(next);
    }
}

Signature SigningKey::sign(Bytes message) const {
    const Held<EVP_PKEY> key =
        scheme_ == SignatureScheme::es256
            ? p256_key(public_, secret_.bytes())
            : Held<EVP_PKEY>(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                          read_from(secret_.bytes()), 32));
    const Held<EVP_MD_CTX> context(EVP_MD_CTX_new());
    std::array<std::byte, 80> buffer;  // the longest DER is 72
    std::size_t size = buffer.size();
    CAUSEWAY_ASSERT(
        key && context &&
        EVP_DigestSignInit(context.get(), nullptr, digest_for(scheme_), nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), write_to(MutableBytes(buffer)), &size, read_from(message),
                       message.size()) == 1);
    Signature signature;
    if (scheme_ == SignatureScheme::ed25519) {
        CAUSEWAY_ASSERT(size == signature.size());
        std::ranges::copy(Bytes(buffer).first(size), signature.begin());
        return signature;
    }
    const unsigned char* der = read_from(Bytes(buffer));
    const Held<ECDSA_SIG> pair(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size)));
    CAUSEWAY_ASSERT(pair != nullptr);
    unsigned char* out = write_to(MutableBytes(signature));
    CAUSEWAY_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, 32) == 32 &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + 32, 32) == 32);
    return signature;
}

bool verify(SignatureScheme scheme, Bytes public_key, Bytes message, Bytes signature) {
    if (signature.size() != Signature{}.size()) return false;
    Held<EVP_PKEY> key;
    Octets der;
    if (scheme == SignatureScheme::es256) {
        if (public_key.size() != 33 && public_key.size() != 65) return false;
        key = p256_key(public_key, {});
        der = signature_der(signature);
        signature = der;
    } else if (public_key.size() == 32) {
        key.reset(
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, read_from(public_key), 32));
    }
    if (!key) return false;
    const Held<EVP_MD_CTX> context(EVP_MD_CTX_new());
    CAUSEWAY_ASSERT(context && EVP_DigestVerifyInit(context.get(), nullptr, digest_for(scheme),
                                                    nullptr, key.get()) == 1);
    const bool good = EVP_DigestVerify(context.get(), read_from(signature), signature.size(),
                                       read_from(message), message.size()) == 1;
    ERR_clear_error();
    return good;
}

std::optional<CertificateKey> key_of_certificate(Bytes der) {
    const unsigned char* next = read_from(der);
    const Held<X509> certificate(d2i_X509(nullptr, &next, static_cast<long>(der.size())));
    EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    std::optional<CertificateKey> found;
    if (key != nullptr && next == read_from(der) + der.size()) {
        std::array<std::byte, 65> buffer;
        std::size_t size = buffer.size();
        unsigned char* const out = write_to(MutableBytes(buffer));
        const int type = EVP_PKEY_get_base_id(key);
        if (type == EVP_PKEY_ED25519 || type == EVP_PKEY_X25519) {
            if (EVP_PKEY_get_raw_public_key(key, out, &size) == 1)
                found = {type == EVP_PKEY_ED25519 ? KeyType::ed25519 : KeyType::x25519,
                         to_octets(Bytes(buffer).first(size))};
        } else if (type == EVP_PKEY_EC) {
            std::array<char, 32> group{};
            std::size_t length = 0;
            if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                               group.size(), &length) == 1 &&
                std::string_view(group.data(), length) == "prime256v1" &&
                EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, size, &size) ==
                    1)
                if (public_coordinate(Curve::p256, Bytes(buffer).first(size)))
                    found = {KeyType::p256, to_octets(Bytes(buffer).first(size))};
        }
    }
    ERR_clear_error();
    return found;
}

}  // namespace causeway::crypto
