#pragma once
// Authenticated encryption with associated data, by COSE's numbers [RFC 9053 §4]. OpenSSL does it.
// Leaves out: the algorithms with longer messages or longer nonces that nothing here asks for.
#include "base/bytes.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace causeway::crypto {

/// The value is COSE's.
enum class AeadAlgorithm : std::int32_t {
    a128gcm = 1,
    a256gcm = 3,
    aes_ccm_16_64_128 = 10,
    aes_ccm_64_64_128 = 12,
    chacha20_poly1305 = 24,
    aes_ccm_16_128_128 = 30,
};

struct AeadSizes {
    std::size_t key = 0;
    std::size_t nonce = 0;
    std::size_t tag = 0;
    /// Octets of the longest message: below 2^16 where CCM's L is 2, and never more than an int.
    std::size_t message_max = 0;
};

inline constexpr std::size_t aead_key_octets_max = 32;
inline constexpr std::size_t aead_nonce_octets_max = 13;
inline constexpr std::size_t aead_tag_octets_max = 16;

/// nullopt for a number that is not in the enumeration above.
[[nodiscard]] std::optional<AeadAlgorithm> aead_algorithm(std::int64_t cose) noexcept;
[[nodiscard]] AeadSizes sizes_of(AeadAlgorithm algorithm) noexcept;
/// "AES-CCM-16-64-128": COSE's name.
[[nodiscard]] std::string_view name_of(AeadAlgorithm algorithm) noexcept;

/// One key, with OpenSSL's context for each direction that was used: making one costs more than a
/// message does. Moves; empty after default construction. Asserts sizes of keys and nonces, which
/// are ours to get right.
class Aead {
public:
    Aead() noexcept;
    Aead(AeadAlgorithm algorithm, Bytes key);
    Aead(Aead&& other) noexcept;
    Aead& operator=(Aead&& other) noexcept;
    ~Aead();

    /// Ciphertext and tag, text.size() + sizes.tag octets, into `out`, which is of that size. False
    /// (and nothing is in `out`) when the text is longer than sizes.message_max.
    [[nodiscard]] bool seal_into(MutableBytes out, Bytes nonce, Bytes associated, Bytes text);
    /// `out` is sealed.size() - sizes.tag octets, whose contents are wiped when it was forged or
    /// damaged: false.
    [[nodiscard]] bool open_into(MutableBytes out, Bytes nonce, Bytes associated, Bytes sealed);

    [[nodiscard]] std::optional<Octets> seal(Bytes nonce, Bytes associated, Bytes text);
    [[nodiscard]] std::optional<Octets> open(Bytes nonce, Bytes associated, Bytes sealed);

    [[nodiscard]] AeadAlgorithm algorithm() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return state_ == nullptr; }

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::crypto
