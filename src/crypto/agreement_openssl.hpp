#pragma once
// What agreement.cpp and signature.cpp share of OpenSSL's ways. For them alone: it brings OpenSSL's
// headers along.
#include "base/bytes.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>

namespace causeway::crypto {

struct ReleaseHeld {
    void operator()(BIGNUM* number) const noexcept { BN_clear_free(number); }
    void operator()(BN_CTX* context) const noexcept { BN_CTX_free(context); }
    void operator()(EC_POINT* point) const noexcept { EC_POINT_clear_free(point); }
    void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
    void operator()(OSSL_PARAM_BLD* builder) const noexcept { OSSL_PARAM_BLD_free(builder); }
    void operator()(OSSL_PARAM* parameters) const noexcept { OSSL_PARAM_free(parameters); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
template <class T>
using Held = std::unique_ptr<T, ReleaseHeld>;

/// Never null, not even of nothing.
[[nodiscard]] inline const unsigned char* read_from(Bytes octets) noexcept {
    static constexpr unsigned char nothing = 0;
    return octets.empty() ? &nothing : reinterpret_cast<const unsigned char*>(octets.data());
}
[[nodiscard]] inline unsigned char* write_to(MutableBytes octets) noexcept {
    return reinterpret_cast<unsigned char*>(octets.data());
}

}  // namespace causeway::crypto
