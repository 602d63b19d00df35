#include "crypto/aead.hpp"

#include "crypto/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <limits>

namespace causeway::crypto {
namespace {

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

struct AeadKind {
    AeadAlgorithm algorithm;
    std::string_view name;
    AeadSizes sizes;
    const EVP_CIPHER* (*cipher)();
    bool ccm;
};

constexpr std::size_t aead_octets_max = std::numeric_limits<int>::max() - 64;

constexpr std::array<AeadKind, 6> aead_kinds{{
    {AeadAlgorithm::a128gcm, "A128GCM", {16, 12, 16, aead_octets_max}, EVP_aes_128_gcm, false},
    {AeadAlgorithm::a256gcm, "A256GCM", {32, 12, 16, aead_octets_max}, EVP_aes_256_gcm, false},
    // The 16 or 64 of the name is the bits of the length field: what a message can have of octets,
    // and what is left of 15 for the nonce. [RFC 9053 §4.2]
    {AeadAlgorithm::aes_ccm_16_64_128,
     "AES-CCM-16-64-128",
     {16, 13, 8, 65535},
     EVP_aes_128_ccm,
     true},
    {AeadAlgorithm::aes_ccm_64_64_128,
     "AES-CCM-64-64-128",
     {16, 7, 8, aead_octets_max},
     EVP_aes_128_ccm,
     true},
    {AeadAlgorithm::chacha20_poly1305,
     "ChaCha20/Poly1305",
     {32, 12, 16, aead_octets_max},
     EVP_chacha20_poly1305,
     false},
    {AeadAlgorithm::aes_ccm_16_128_128,
     "AES-CCM-16-128-128",
     {16, 13, 16, 65535},
     EVP_aes_128_ccm,
     true},
}};

const AeadKind& aead_kind(AeadAlgorithm algorithm) noexcept {
    for (const AeadKind& kind : aead_kinds)
        if (kind.algorithm == algorithm) return kind;
    CAUSEWAY_ASSERT(algorithm == aead_kinds[0].algorithm);
    return aead_kinds[0];
}

const unsigned char* aead_in(Bytes octets) noexcept {
    // OpenSSL takes a null pointer for another request than "no octets".
    static constexpr unsigned char nothing = 0;
    return octets.empty() ? &nothing : reinterpret_cast<const unsigned char*>(octets.data());
}
unsigned char* aead_out(MutableBytes octets) noexcept {
    static unsigned char nowhere;  // nothing is written there
    return octets.empty() ? &nowhere : reinterpret_cast<unsigned char*>(octets.data());
}
int aead_size(Bytes octets) noexcept {
    return static_cast<int>(octets.size());
}

}  // namespace

struct Aead::State {
    const AeadKind* kind = nullptr;
    std::array<std::byte, aead_key_octets_max> key{};
    Cipher sealing{};
    Cipher opening{};

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { wipe(key); }

    /// The context of a direction, keyed, made when it is first needed.
    EVP_CIPHER_CTX* context(bool sealed) {
        Cipher& place = sealed ? sealing : opening;
        if (place) return place.get();
        place.reset(EVP_CIPHER_CTX_new());
        EVP_CIPHER_CTX* const c = place.get();
        const int direction = sealed ? 1 : 0;
        CAUSEWAY_ASSERT(c != nullptr);
        CAUSEWAY_ASSERT(
            EVP_CipherInit_ex(c, kind->cipher(), nullptr, nullptr, nullptr, direction) == 1);
        CAUSEWAY_ASSERT(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN,
                                            static_cast<int>(kind->sizes.nonce), nullptr) == 1);
        // CCM's first block says how long the tag is.
        if (kind->ccm)
            CAUSEWAY_ASSERT(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG,
                                                static_cast<int>(kind->sizes.tag), nullptr) == 1);
        CAUSEWAY_ASSERT(
            EVP_CipherInit_ex(c, nullptr, nullptr, aead_in(Bytes(key)), nullptr, direction) == 1);
        return c;
    }

    /// Nonce, length (which CCM must know first) and associated data.
    bool begin(EVP_CIPHER_CTX* c, Bytes nonce, Bytes associated, std::size_t octets) const {
        CAUSEWAY_ASSERT(nonce.size() == kind->sizes.nonce);
        int done = 0;
        if (EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, aead_in(nonce), -1) != 1) return false;
        if (kind->ccm &&
            EVP_CipherUpdate(c, nullptr, &done, nullptr, static_cast<int>(octets)) != 1)
            return false;
        return associated.empty() ||
               EVP_CipherUpdate(c, nullptr, &done, aead_in(associated), aead_size(associated)) == 1;
    }
};

std::optional<AeadAlgorithm> aead_algorithm(std::int64_t cose) noexcept {
    for (const AeadKind& kind : aead_kinds)
        if (std::to_underlying(kind.algorithm) == cose) return kind.algorithm;
    return std::nullopt;
}

AeadSizes sizes_of(AeadAlgorithm algorithm) noexcept {
    return aead_kind(algorithm).sizes;
}

std::string_view name_of(AeadAlgorithm algorithm) noexcept {
    return aead_kind(algorithm).name;
}

Aead::Aead() noexcept = default;
Aead::Aead(Aead&& other) noexcept = default;
Aead& Aead::operator=(Aead&& other) noexcept = default;
Aead::~Aead() = default;

Aead::Aead(AeadAlgorithm algorithm, Bytes key) : state_(std::make_unique<State>()) {
    state_->kind = &aead_kind(algorithm);
    CAUSEWAY_ASSERT(key.size() == state_->kind->sizes.key);
    std::memcpy(state_->key.data(), key.data(), key.size());
}

AeadAlgorithm Aead::algorithm() const noexcept {
    CAUSEWAY_ASSERT(state_ != nullptr);
    return state_->kind->algorithm;
}

bool Aead::seal_into(MutableBytes out, Bytes nonce, Bytes associated, Bytes text) {
    CAUSEWAY_ASSERT(state_ != nullptr);
    const AeadSizes& sizes = state_->kind->sizes;
    if (text.size() > sizes.message_max || associated.size() > aead_octets_max) return false;
    CAUSEWAY_ASSERT(out.size() == text.size() + sizes.tag);
    EVP_CIPHER_CTX* const c = state_->context(true);
    int done = 0;
    int rest = 0;
    const bool good =
        state_->begin(c, nonce, associated, text.size()) &&
        EVP_CipherUpdate(c, aead_out(out), &done, aead_in(text), aead_size(text)) == 1 &&
        EVP_CipherFinal_ex(c, aead_out(out) + done, &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(sizes.tag),
                            aead_out(out.last(sizes.tag))) == 1;
    CAUSEWAY_ASSERT(good);
    return true;
}

bool Aead::open_into(MutableBytes out, Bytes nonce, Bytes associated, Bytes sealed) {
    CAUSEWAY_ASSERT(state_ != nullptr);
    const AeadSizes& sizes = state_->kind->sizes;
    if (sealed.size() < sizes.tag || sealed.size() - sizes.tag > sizes.message_max ||
        associated.size() > aead_octets_max)
        return false;
    const Bytes text = sealed.first(sealed.size() - sizes.tag);
    CAUSEWAY_ASSERT(out.size() == text.size());
    std::array<std::byte, aead_tag_octets_max> tag{};
    std::memcpy(tag.data(), sealed.data() + text.size(), sizes.tag);
    EVP_CIPHER_CTX* const c = state_->context(false);
    int done = 0;
    int rest = 0;
    bool good = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(sizes.tag),
                                    tag.data()) == 1 &&
                state_->begin(c, nonce, associated, text.size()) &&
                EVP_CipherUpdate(c, aead_out(out), &done, aead_in(text), aead_size(text)) == 1;
    // CCM has compared the tag by now, and has no last step.
    if (good && !state_->kind->ccm) good = EVP_CipherFinal_ex(c, aead_out(out) + done, &rest) == 1;
    if (!good) wipe(out);
    return good;
}

std::optional<Octets> Aead::seal(Bytes nonce, Bytes associated, Bytes text) {
    CAUSEWAY_ASSERT(state_ != nullptr);
    if (text.size() > state_->kind->sizes.message_max) return std::nullopt;
    Octets out(text.size() + state_->kind->sizes.tag);
    if (!seal_into(out, nonce, associated, text)) return std::nullopt;
    return out;
}

std::optional<Octets> Aead::open(Bytes nonce, Bytes associated, Bytes sealed) {
    CAUSEWAY_ASSERT(state_ != nullptr);
    if (sealed.size() < state_->kind->sizes.tag) return std::nullopt;
    Octets out(sealed.size() - state_->kind->sizes.tag);
    if (!open_into(out, nonce, associated, sealed)) return std::nullopt;
    return out;
}

}  // namespace causeway::crypto
