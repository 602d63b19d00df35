#include "crypto/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>

namespace causeway::crypto {
namespace {

const unsigned char* raw(Bytes octets) {
    // OpenSSL takes a null pointer for "no key given yet".
    static constexpr unsigned char nothing = 0;
    return octets.empty() ? &nothing : reinterpret_cast<const unsigned char*>(octets.data());
}
unsigned char* raw(MutableBytes octets) {
    return reinterpret_cast<unsigned char*>(octets.data());
}

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

void pbkdf2(Bytes password, Bytes salt, std::uint32_t iterations, const EVP_MD* digest,
            MutableBytes out) {
    CAUSEWAY_ASSERT(iterations > 0);
    CAUSEWAY_ASSERT(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(raw(password)),
                                      static_cast<int>(password.size()), raw(salt),
                                      static_cast<int>(salt.size()), static_cast<int>(iterations),
                                      digest, static_cast<int>(out.size()), raw(out)) == 1);
}

}  // namespace

Sha256 sha256(Bytes octets) {
    Sha256 digest;
    CAUSEWAY_ASSERT(EVP_Digest(raw(octets), octets.size(), raw(MutableBytes(digest)), nullptr,
                               EVP_sha256(), nullptr) == 1);
    return digest;
}

Sha512 sha512(Bytes first, Bytes second) {
    Sha512 digest;
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    CAUSEWAY_ASSERT(context && EVP_DigestInit_ex(context.get(), EVP_sha512(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), raw(first), first.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), raw(second), second.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), raw(MutableBytes(digest)), nullptr) == 1);
    return digest;
}

Sha256 hmac_sha256(Bytes key, Bytes octets) {
    Sha256 code;
    CAUSEWAY_ASSERT(HMAC(EVP_sha256(), raw(key), static_cast<int>(key.size()), raw(octets),
                         octets.size(), raw(MutableBytes(code)), nullptr) != nullptr);
    return code;
}

Sha256 pbkdf2_sha256(Bytes password, Bytes salt, std::uint32_t iterations) {
    Sha256 key;
    pbkdf2(password, salt, iterations, EVP_sha256(), key);
    return key;
}

Sha512 pbkdf2_sha512(Bytes password, Bytes salt, std::uint32_t iterations) {
    Sha512 key;
    pbkdf2(password, salt, iterations, EVP_sha512(), key);
    return key;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && CRYPTO_memcmp(raw(a), raw(b), a.size()) == 0;
}

void wipe(MutableBytes secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace causeway::crypto
