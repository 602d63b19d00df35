#include "crypto/aead.hpp"

#include "base/hex.hpp"
#include "crypto/hkdf.hpp"

#include <gtest/gtest.h>

namespace causeway::crypto::aead_test::aead_test {
namespace {

constexpr AeadAlgorithm all[] = {
    AeadAlgorithm::a128gcm,           AeadAlgorithm::a256gcm,
    AeadAlgorithm::aes_ccm_16_64_128, AeadAlgorithm::aes_ccm_64_64_128,
    AeadAlgorithm::chacha20_poly1305, AeadAlgorithm::aes_ccm_16_128_128,
};

Octets counted(std::size_t octets) {
    Octets out(octets);
    for (std::size_t i = 0; i < octets; ++i) out[i] = std::byte(i & 0xff);
    return out;
}

struct Sealed {
    Octets nonce, associated, text, sealed;
};
Sealed sealed_by(Aead& aead, std::size_t associated, std::size_t text) {
    Sealed s{.nonce = counted(sizes_of(aead.algorithm()).nonce),
             .associated = counted(associated),
             .text = counted(text),
             .sealed = {}};
    s.sealed = aead.seal(s.nonce, s.associated, s.text).value();
    return s;
}

TEST(Aead, CcmSealsAsPublished) {  // [RFC 3610 §8], packet vector #1: M = 8, L = 2
    Aead aead(AeadAlgorithm::aes_ccm_16_64_128, "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"_hex);
    EXPECT_EQ(to_hex(aead.seal("00000003020100a0a1a2a3a4a5"_hex, "0001020304050607"_hex,
                               "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e"_hex)
                         .value()),
              "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0");
}

TEST(Aead, ChaChaSealsAsPublished) {  // [RFC 8439 §2.8.2]
    Aead aead(AeadAlgorithm::chacha20_poly1305,
              "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"_hex);
    const auto sealed = aead.seal(
        "070000004041424344454647"_hex, "50515253c0c1c2c3c4c5c6c7"_hex,
        as_octets("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
                  "the future, sunscreen would be it."));
    EXPECT_EQ(
        to_hex(sealed.value()),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69"
        "da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594"
        "5585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
}

TEST(Aead, EveryAlgorithmOpensWhatItSealed) {  // [RFC 9053 §4]
    for (const AeadAlgorithm algorithm : all) {
        Aead here(algorithm, counted(sizes_of(algorithm).key));
        Aead there(algorithm, counted(sizes_of(algorithm).key));
        for (const std::size_t text : {0u, 1u, 15u, 16u, 17u, 1000u, 65535u}) {
            for (const std::size_t associated : {0u, 1u, 20u, 300u}) {
                const Sealed s = sealed_by(here, associated, text);
                EXPECT_EQ(s.sealed.size(), text + sizes_of(algorithm).tag);
                EXPECT_EQ(there.open(s.nonce, s.associated, s.sealed), s.text)
                    << name_of(algorithm) << ' ' << text << ' ' << associated;
            }
        }
    }
}

TEST(Aead, WhatWasTouchedDoesNotOpenAndTheNextMessageDoes) {
    for (const AeadAlgorithm algorithm : all) {
        Aead aead(algorithm, counted(sizes_of(algorithm).key));
        const Sealed s = sealed_by(aead, 20, 40);
        const auto opens = [&](Bytes nonce, Bytes associated, Bytes sealed) {
            return aead.open(nonce, associated, sealed).has_value();
        };
        for (std::size_t i = 0; i < s.sealed.size(); ++i) {
            Octets forged = s.sealed;
            forged[i] ^= std::byte{1};
            EXPECT_FALSE(opens(s.nonce, s.associated, forged)) << name_of(algorithm) << ' ' << i;
        }
        Octets other = s.associated;
        other[19] ^= std::byte{0x80};
        EXPECT_FALSE(opens(s.nonce, other, s.sealed));
        other = s.nonce;
        other[0] ^= std::byte{1};
        EXPECT_FALSE(opens(other, s.associated, s.sealed));
        EXPECT_FALSE(opens(s.nonce, s.associated, Bytes(s.sealed).first(s.sealed.size() - 1)));
        EXPECT_FALSE(opens(s.nonce, s.associated, Bytes(s.sealed).first(3)));
        EXPECT_FALSE(opens(s.nonce, s.associated, {}));
        Octets forged = s.sealed;
        forged.back() ^= std::byte{1};
        Octets out(s.text.size(), std::byte{0xaa});
        EXPECT_FALSE(aead.open_into(out, s.nonce, s.associated, forged));
        EXPECT_EQ(out, Octets(out.size())) << "nothing unverified is left behind";
        EXPECT_TRUE(opens(s.nonce, s.associated, s.sealed)) << name_of(algorithm);
    }
}

TEST(Aead, AMessageLongerThanItsLengthFieldIsRefused) {  // [RFC 9053 §4.2]
    Aead aead(AeadAlgorithm::aes_ccm_16_64_128, counted(16));
    EXPECT_FALSE(aead.seal(counted(13), {}, counted(65536)));
    EXPECT_FALSE(aead.open(counted(13), {}, counted(65536 + 8)));
    Aead longer(AeadAlgorithm::aes_ccm_64_64_128, counted(16));
    EXPECT_TRUE(longer.seal(counted(7), {}, counted(65536)));
}

TEST(Aead, AlgorithmsAreKnownByTheirCoseNumbers) {
    for (const AeadAlgorithm algorithm : all)
        EXPECT_EQ(aead_algorithm(std::to_underlying(algorithm)), algorithm);
    for (const std::int64_t other : {0, 2, 11, 31, -10, 1 << 20})
        EXPECT_FALSE(aead_algorithm(other));
}

TEST(Hkdf, DerivesAsPublished) {  // [RFC 5869 Appendix A.1, A.2, A.3]
    const Octets secret(22, std::byte{0x0b});
    const Octets salt = "000102030405060708090a0b0c"_hex;
    EXPECT_EQ(to_hex(hkdf_extract(Hash::sha256, salt, secret)),
              "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    EXPECT_EQ(
        to_hex(hkdf(Hash::sha256, salt, secret, "f0f1f2f3f4f5f6f7f8f9"_hex, 42)),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    EXPECT_EQ(
        to_hex(hkdf(Hash::sha256, {}, secret, {}, 42)),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    Octets ikm(80), long_salt(80), info(80);
    for (unsigned i = 0; i < 80; ++i) {
        ikm[i] = std::byte(i);
        long_salt[i] = std::byte(0x60 + i);
        info[i] = std::byte(0xb0 + i);
    }
    EXPECT_EQ(
        to_hex(hkdf(Hash::sha256, long_salt, ikm, info, 82)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
        "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

TEST(Hkdf, HmacsAsPublished) {  // [RFC 4231 §4.3]
    const Bytes key = as_octets("Jefe");
    const Bytes text = as_octets("what do ya want for nothing?");
    EXPECT_EQ(to_hex(hmac(Hash::sha256, key, text)),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(
        to_hex(hmac(Hash::sha384, key, text)),
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ec"
        "fab21649");
    EXPECT_EQ(
        to_hex(hmac(Hash::sha512, key, text)),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65"
        "f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    EXPECT_EQ(to_hex(digest(Hash::sha256, as_octets("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512})
        EXPECT_EQ(hkdf(hash, {}, key, text, 255 * size_of(hash)).size(), 255 * size_of(hash));
}

}  // namespace
}  // namespace causeway::crypto::aead_test::aead_test
