#include "crypto/hkdf.hpp"

#include "crypto/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace causeway::crypto {
namespace {

const EVP_MD* hash_method(Hash hash) noexcept {
    switch (hash) {
        case Hash::sha256:
            return EVP_sha256();
        case Hash::sha384:
            return EVP_sha384();
        case Hash::sha512:
            return EVP_sha512();
    }
    CAUSEWAY_ASSERT(hash == Hash::sha256);
    return EVP_sha256();
}

const unsigned char* hash_in(Bytes octets) noexcept {
    static constexpr unsigned char nothing = 0;
    return octets.empty() ? &nothing : reinterpret_cast<const unsigned char*>(octets.data());
}

}  // namespace

std::size_t size_of(Hash hash) noexcept {
    return hash == Hash::sha256 ? 32 : hash == Hash::sha384 ? 48 : 64;
}

Octets digest(Hash hash, Bytes octets) {
    Octets out(size_of(hash));
    CAUSEWAY_ASSERT(EVP_Digest(hash_in(octets), octets.size(),
                               reinterpret_cast<unsigned char*>(out.data()), nullptr,
                               hash_method(hash), nullptr) == 1);
    return out;
}

Octets hmac(Hash hash, Bytes key, Bytes octets) {
    Octets out(size_of(hash));
    CAUSEWAY_ASSERT(HMAC(hash_method(hash), hash_in(key), static_cast<int>(key.size()),
                         hash_in(octets), octets.size(),
                         reinterpret_cast<unsigned char*>(out.data()), nullptr) != nullptr);
    return out;
}

Octets hkdf_extract(Hash hash, Bytes salt, Bytes secret) {
    return hmac(hash, salt, secret);  // HMAC fills a short key up with zeros
}

Octets hkdf_expand(Hash hash, Bytes key, Bytes info, std::size_t octets) {
    CAUSEWAY_ASSERT(octets <= 255 * size_of(hash));
    Octets out;
    Octets last;
    for (std::uint8_t step = 1; out.size() < octets; ++step) {
        last.insert(last.end(), info.begin(), info.end());
        last.push_back(std::byte{step});
        Octets next = hmac(hash, key, last);
        wipe(last);
        last = std::move(next);
        const std::size_t wanted = std::min(last.size(), octets - out.size());
        out.insert(out.end(), last.begin(), last.begin() + static_cast<std::ptrdiff_t>(wanted));
    }
    wipe(last);
    return out;
}

Octets hkdf(Hash hash, Bytes salt, Bytes secret, Bytes info, std::size_t octets) {
    Octets key = hkdf_extract(hash, salt, secret);
    Octets out = hkdf_expand(hash, key, info, octets);
    wipe(key);
    return out;
}

}  // namespace causeway::crypto
