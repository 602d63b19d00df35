#pragma once
// Digests and what is built on them, as far as passwords need it: SHA-2, HMAC, PBKDF2 [RFC 8018
// §5.2], and a comparison whose time does not tell where two secrets differ. OpenSSL does it all.
#include "base/bytes.hpp"

#include <array>

namespace causeway::crypto {

using Sha256 = std::array<std::byte, 32>;
using Sha512 = std::array<std::byte, 64>;

[[nodiscard]] Sha256 sha256(Bytes octets);
/// Of two pieces, one behind the other.
[[nodiscard]] Sha512 sha512(Bytes first, Bytes second);
[[nodiscard]] Sha256 hmac_sha256(Bytes key, Bytes octets);
[[nodiscard]] Sha256 pbkdf2_sha256(Bytes password, Bytes salt, std::uint32_t iterations);
[[nodiscard]] Sha512 pbkdf2_sha512(Bytes password, Bytes salt, std::uint32_t iterations);

/// False at once when the sizes differ; else in a time that depends on the size alone.
[[nodiscard]] bool equal_in_constant_time(Bytes a, Bytes b);
/// Overwrites a secret in a way that no optimisation takes out.
void wipe(MutableBytes secret);

}  // namespace causeway::crypto
