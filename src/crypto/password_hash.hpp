#pragma once
// Hashes of passwords, in the forms that password files have:
//
//     $scrypt$ln=15,r=8,p=1$SALT$HASH   ours: scrypt [RFC 7914], salt and hash in base64
//     $7$ITERATIONS$SALT$HASH           mosquitto 2's: PBKDF2 with HMAC-SHA-512
//     $6$SALT$HASH                      mosquitto 1's: SHA-512 of password and salt
//
// What a file may ask for is bounded: a verification takes at most 256 MiB and some seconds.
// Leaves out: argon2, which OpenSSL 3.0 does not have, and the hashes of crypt(3).
#include "base/bytes.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace causeway::crypto {

inline constexpr std::size_t salt_octets = 16;  // of ours

struct ScryptCost {
    std::uint32_t log2_n = 15;
    std::uint32_t r = 8;  // block size
    std::uint32_t p = 1;  // parallelism

    [[nodiscard]] bool is_bounded() const noexcept;
    friend bool operator==(const ScryptCost&, const ScryptCost&) = default;
};

/// scrypt as the standard has it. Asserts that the cost is bounded.
[[nodiscard]] Octets scrypt(Bytes password, Bytes salt, const ScryptCost& cost, std::size_t octets);

class PasswordHash {
public:
    /// Or what is wrong with it, in a static text.
    [[nodiscard]] static std::expected<PasswordHash, std::string_view> parse(std::string_view text);
    /// A new one. `salt` is salt_octets of chance.
    [[nodiscard]] static PasswordHash of(Bytes password, Bytes salt, const ScryptCost& cost = {});

    /// Slow on purpose.
    [[nodiscard]] bool verify(Bytes password) const;
    [[nodiscard]] std::string text() const;

private:
    enum class Kind : std::uint8_t { scrypt, pbkdf2_sha512, sha512 };

    Kind kind_ = Kind::scrypt;
    ScryptCost cost_;
    std::uint32_t iterations_ = 0;  // of PBKDF2
    Octets salt_;
    Octets hash_;
};

}  // namespace causeway::crypto
