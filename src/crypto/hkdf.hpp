#pragma once
// HKDF [RFC 5869] over SHA-256, SHA-384 and SHA-512, and the digest and HMAC of the three by the
// same name.
#include "base/bytes.hpp"

#include <optional>
#include <string_view>

namespace causeway::crypto {

/// The value is COSE's number of the digest. [RFC 9054 §3.2]
enum class Hash : std::int32_t { sha256 = -16, sha384 = -43, sha512 = -44 };

[[nodiscard]] std::size_t size_of(Hash hash) noexcept;
[[nodiscard]] Octets digest(Hash hash, Bytes octets);
[[nodiscard]] Octets hmac(Hash hash, Bytes key, Bytes octets);

/// The pseudorandom key, size_of(hash) octets. An empty salt is a salt of zeros. [RFC 5869 §2.2]
[[nodiscard]] Octets hkdf_extract(Hash hash, Bytes salt, Bytes secret);
/// `octets` is at most 255 * size_of(hash), which is ours to see to. [RFC 5869 §2.3]
[[nodiscard]] Octets hkdf_expand(Hash hash, Bytes key, Bytes info, std::size_t octets);
[[nodiscard]] Octets hkdf(Hash hash, Bytes salt, Bytes secret, Bytes info, std::size_t octets);

}  // namespace causeway::crypto
