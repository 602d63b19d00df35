#include "crypto/agreement.hpp"
#include "base/hex.hpp"
#include "crypto/signature.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::crypto::agreement_test {

// Keys, secrets and signatures of EDHOC runs over P-256 (the LAKE working group's vectors 4 and 6).
const Octets x =
    "36 8e c1 f6 9a eb 65 9b a3 7d 5a 8d 45 b2 1b dc 02 99 dc ea a8 ef 23 5f 3c a4 2c e3 "
    "53 0f 95 25"_hex;
const Octets g_x =
    "8a f6 f4 30 eb e1 8d 34 18 40 17 a9 a1 1b f5 11 c8 df f8 f8 34 73 0b 96 c1 b7 c8 db "
    "ca 2f c3 b6"_hex;
const Octets g_x_y =
    "51 e8 af 6c 6e db 78 16 01 ad 1d 9c 5f a8 bf 7a a1 57 16 c7 c0 6a 5d 03 85 03 c6 14 "
    "ff 80 c9 b3"_hex;
const Octets y =
    "e2 f4 12 67 77 20 5e 85 3b 43 7d 6e ac a1 e1 f7 53 cd cc 3e 2c 69 fa 88 4b 0a 1a 64 "
    "09 77 e4 18"_hex;
const Octets g_y =
    "41 97 01 d7 f0 0a 26 c2 dc 58 7a 36 dd 75 25 49 f3 37 63 c8 93 42 2c 8e a0 f9 55 a1 "
    "3a 4f f5 d5"_hex;
const Octets g_xy =
    "2f 0c b7 e8 60 ba 53 8f bf 5c 8b de d0 09 f6 25 9b 4b 62 8f e1 eb 7d be 93 78 e5 ec "
    "f7 a8 24 ba"_hex;
const Octets r =
    "72 cc 47 61 db d4 c7 8f 75 89 31 aa 58 9d 34 8d 1e f8 74 a7 e3 03 ed e2 f1 40 dc f3 "
    "e6 aa 4a ac"_hex;
const Octets g_r =
    "bb c3 49 60 52 6e a4 d3 2e 94 0c ad 2a 23 41 48 dd c2 17 91 a1 2a fb cb ac 93 62 20 "
    "46 dd 44 f0"_hex;
const Octets g_r_y =
    "45 19 e2 57 23 6b 2a 0c e2 02 3f 09 31 f1 f3 86 ca 7a fd a6 4f cd e0 10 8c 22 4c 51 "
    "ea bf 60 72"_hex;
const Octets g_rx =
    "f2 b6 ee a0 22 20 b9 5e ee 5a 0b c7 01 f0 74 e0 0a 84 3e a0 24 22 f6 08 25 fb 26 9b "
    "3e 16 14 23"_hex;
const Octets sk_r =
    "72 cc 47 61 db d4 c7 8f 75 89 31 aa 58 9d 34 8d 1e f8 74 a7 e3 03 ed e2 f1 40 dc f3 "
    "e6 aa 4a ac"_hex;
const Octets pk_r =
    "04 bb c3 49 60 52 6e a4 d3 2e 94 0c ad 2a 23 41 48 dd c2 17 91 a1 2a fb cb ac 93 62 "
    "20 46 dd 44 f0 45 19 e2 57 23 6b 2a 0c e2 02 3f 09 31 f1 f3 86 ca 7a fd a6 4f cd e0 "
    "10 8c 22 4c 51 ea bf 60 72"_hex;
const Octets m_2 =
    "84 6a 53 69 67 6e 61 74 75 72 65 31 43 a1 04 32 59 01 47 58 20 e9 2b 4b 36 43 1e ff "
    "85 ba ed 58 8f 1b 72 6e 46 bc b4 4d 60 a9 d6 87 c1 3a b2 d9 2f 92 fb ab a6 59 01 22 "
    "30 82 01 1e 30 81 c5 a0 03 02 01 02 02 04 61 e9 98 1e 30 0a 06 08 2a 86 48 ce 3d 04 "
    "03 02 30 15 31 13 30 11 06 03 55 04 03 0c 0a 45 44 48 4f 43 20 52 6f 6f 74 30 1e 17 "
    "0d 32 32 30 31 32 30 31 37 31 33 30 32 5a 17 0d 32 39 31 32 33 31 32 33 30 30 30 30 "
    "5a 30 1a 31 18 30 16 06 03 55 04 03 0c 0f 45 44 48 4f 43 20 52 65 73 70 6f 6e 64 65 "
    "72 30 59 30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a 86 48 ce 3d 03 01 07 03 42 00 04 "
    "bb c3 49 60 52 6e a4 d3 2e 94 0c ad 2a 23 41 48 dd c2 17 91 a1 2a fb cb ac 93 62 20 "
    "46 dd 44 f0 45 19 e2 57 23 6b 2a 0c e2 02 3f 09 31 f1 f3 86 ca 7a fd a6 4f cd e0 10 "
    "8c 22 4c 51 ea bf 60 72 30 0a 06 08 2a 86 48 ce 3d 04 03 02 03 48 00 30 45 02 20 30 "
    "19 4e f5 fc 65 c8 b7 95 cd cd 0b b4 31 bf 83 ee 67 41 c1 37 0c 22 c8 eb 8e e9 ed d2 "
    "a7 05 19 02 21 00 b5 83 0e 9c 89 a6 2a c7 3c e1 eb ce 00 61 70 7d b8 a8 8e 23 70 9b "
    "4a cc 58 a1 31 3b 13 3d 05 58 58 20 7b e4 66 ec 96 fa 3b 51 4f f9 fb 22 db 7c 72 d5 "
    "01 95 82 19 25 f3 7e 54 53 2b 49 74 c3 f6 bf 13"_hex;
const Octets signature_2 =
    "52 99 41 a7 d5 fa 13 74 0a 3a f5 29 89 31 8e 59 a9 7c e9 49 0b 0d 31 82 7d 09 c7 5a "
    "b6 e7 88 f6 fe f1 3b 99 c2 a0 d6 cf 06 88 c9 81 1f 4f 6c 46 96 87 94 94 3d bf 44 d0 "
    "e4 dc 45 03 ee 07 b8 9f"_hex;
const Octets pk_i =
    "04 ac 75 e9 ec e3 e5 0b fc 8e d6 03 99 88 95 22 40 5c 47 bf 16 df 96 66 0a 41 29 8c "
    "b4 30 7f 7e b6 6e 5d e6 11 38 8a 4b 8a 82 11 33 4a c7 d3 7e cb 52 a3 87 d2 57 e6 db "
    "3c 2a 93 df 21 ff 3a ff c8"_hex;
const Octets m_3 =
    "84 6a 53 69 67 6e 61 74 75 72 65 31 43 a1 04 2b 59 01 47 58 20 bb c5 ee a1 0f 96 e9 "
    "64 ba 87 c7 af 03 6f a6 a7 c3 92 d6 61 99 85 37 51 65 b9 c1 6d 41 1b b8 92 59 01 22 "
    "30 82 01 1e 30 81 c5 a0 03 02 01 02 02 04 62 32 ef 6f 30 0a 06 08 2a 86 48 ce 3d 04 "
    "03 02 30 15 31 13 30 11 06 03 55 04 03 0c 0a 45 44 48 4f 43 20 52 6f 6f 74 30 1e 17 "
    "0d 32 32 30 33 31 37 30 38 32 31 30 33 5a 17 0d 32 39 31 32 33 31 32 33 30 30 30 30 "
    "5a 30 1a 31 18 30 16 06 03 55 04 03 0c 0f 45 44 48 4f 43 20 49 6e 69 74 69 61 74 6f "
    "72 30 59 30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a 86 48 ce 3d 03 01 07 03 42 00 04 "
    "ac 75 e9 ec e3 e5 0b fc 8e d6 03 99 88 95 22 40 5c 47 bf 16 df 96 66 0a 41 29 8c b4 "
    "30 7f 7e b6 6e 5d e6 11 38 8a 4b 8a 82 11 33 4a c7 d3 7e cb 52 a3 87 d2 57 e6 db 3c "
    "2a 93 df 21 ff 3a ff c8 30 0a 06 08 2a 86 48 ce 3d 04 03 02 03 48 00 30 45 02 21 00 "
    "8c 32 3a 1f 33 21 38 aa b9 d0 be af b8 5f 8d 5a 44 07 3c 58 0f 59 5b c5 21 ef 91 3f "
    "6e f4 8d 11 02 20 6c 0a f1 a1 85 a4 e4 de 06 35 36 99 23 1c 73 3a 6e 8d d2 df 65 13 "
    "96 6c 91 30 15 2a 07 a2 be de 58 20 62 42 38 1b bd 67 d3 74 ff a4 7b bf 54 ae 8e d1 "
    "78 33 6b 03 03 cb e0 d9 d2 70 7a 83 0d d5 bf bd"_hex;
const Octets signature_3 =
    "3c 14 d0 8c d8 48 cd 11 43 40 a7 cb d4 8e 33 50 84 4b de e3 22 7c 09 91 35 2a 03 92 "
    "8f 32 d5 2a 49 12 3b 76 26 37 7f 07 9a ee fa 21 3b cd 90 f0 e5 bc c6 cb c3 ad 4e 77 "
    "c8 11 67 b3 9f a5 6b 99"_hex;
const Octets certificate_r =
    "30 82 01 1e 30 81 c5 a0 03 02 01 02 02 04 61 e9 98 1e 30 0a 06 08 2a 86 48 ce 3d 04 "
    "03 02 30 15 31 13 30 11 06 03 55 04 03 0c 0a 45 44 48 4f 43 20 52 6f 6f 74 30 1e 17 "
    "0d 32 32 30 31 32 30 31 37 31 33 30 32 5a 17 0d 32 39 31 32 33 31 32 33 30 30 30 30 "
    "5a 30 1a 31 18 30 16 06 03 55 04 03 0c 0f 45 44 48 4f 43 20 52 65 73 70 6f 6e 64 65 "
    "72 30 59 30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a 86 48 ce 3d 03 01 07 03 42 00 04 "
    "bb c3 49 60 52 6e a4 d3 2e 94 0c ad 2a 23 41 48 dd c2 17 91 a1 2a fb cb ac 93 62 20 "
    "46 dd 44 f0 45 19 e2 57 23 6b 2a 0c e2 02 3f 09 31 f1 f3 86 ca 7a fd a6 4f cd e0 10 "
    "8c 22 4c 51 ea bf 60 72 30 0a 06 08 2a 86 48 ce 3d 04 03 02 03 48 00 30 45 02 20 30 "
    "19 4e f5 fc 65 c8 b7 95 cd cd 0b b4 31 bf 83 ee 67 41 c1 37 0c 22 c8 eb 8e e9 ed d2 "
    "a7 05 19 02 21 00 b5 83 0e 9c 89 a6 2a c7 3c e1 eb ce 00 61 70 7d b8 a8 8e 23 70 9b "
    "4a cc 58 a1 31 3b 13 3d 05 58"_hex;

Octets joined(Octets a, Bytes b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
Octets point(std::byte form, Bytes first, Bytes second = {}) {
    return joined(joined({form}, first), second);
}
AgreementKey agreement(Curve curve, Bytes octets) {
    return AgreementKey::from_private(curve, octets).value();
}
SigningKey signing(SignatureScheme scheme, Bytes octets) {
    return SigningKey::from_private(scheme, octets).value();
}

TEST(Agreement, X25519AgreesWithTheStandardsVector) {
    // [RFC 7748 §6.1]
    const AgreementKey alice = agreement(
        Curve::x25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"_hex);
    const AgreementKey bob = agreement(
        Curve::x25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"_hex);
    EXPECT_EQ(to_hex(alice.coordinate()),
              "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    EXPECT_EQ(to_hex(bob.public_octets()),
              "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const std::string shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    EXPECT_EQ(to_hex(alice.agree(bob.coordinate())->bytes()), shared);
    EXPECT_EQ(to_hex(bob.agree(alice.coordinate())->bytes()), shared);
}

TEST(Agreement, X25519RefusesPointsOfLowOrder) {
    // The check for zeros. [RFC 7748 §6.1; RFC 9528 §9.2]
    const AgreementKey key = AgreementKey::generate(Curve::x25519, Octets(32, std::byte{7}));
    for (const Octets& low :
         {"0000000000000000000000000000000000000000000000000000000000000000"_hex,
          "0100000000000000000000000000000000000000000000000000000000000000"_hex,
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"_hex,
          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"_hex,
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"_hex})
        EXPECT_FALSE(key.agree(low)) << to_hex(low);
    EXPECT_FALSE(key.agree(Octets(31, std::byte{9})));
    EXPECT_FALSE(key.agree({}));
}

TEST(Agreement, P256AgreesByXCoordinatesAlone) {
    // [RFC 9528 §B]
    const AgreementKey own_x = agreement(Curve::p256, x);
    const AgreementKey own_y = agreement(Curve::p256, y);
    EXPECT_EQ(to_hex(own_x.coordinate()), to_hex(g_x));
    EXPECT_EQ(to_hex(own_y.coordinate()), to_hex(g_y));
    EXPECT_EQ(to_hex(own_x.agree(g_y)->bytes()), to_hex(g_xy));
    EXPECT_EQ(to_hex(own_y.agree(g_x)->bytes()), to_hex(g_xy));
    EXPECT_EQ(to_hex(agreement(Curve::p256, r).agree(g_x)->bytes()), to_hex(g_rx));
    EXPECT_EQ(to_hex(own_x.agree(g_r)->bytes()), to_hex(g_rx));
}

TEST(Agreement, P256TakesPointsInEveryForm) {
    const AgreementKey own = agreement(Curve::p256, x);
    for (const Octets& form : {g_r, point(std::byte{2}, g_r), point(std::byte{3}, g_r),
                               point(std::byte{4}, g_r, g_r_y)}) {
        ASSERT_TRUE(own.agree(form)) << to_hex(form);
        EXPECT_EQ(to_hex(own.agree(form)->bytes()), to_hex(g_rx));
        EXPECT_TRUE(same(*public_coordinate(Curve::p256, form), g_r));
    }
    // The vector names one of the two y that go with x.
    EXPECT_TRUE(public_coordinate(Curve::p256, point(std::byte{4}, g_x, g_x_y)));
}

TEST(Agreement, P256RefusesWhatIsNotOnTheCurve) {
    // [RFC 9529 §4.2; RFC 9528 §9.2]
    const AgreementKey own = agreement(Curve::p256, x);
    const Octets above_p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"_hex;
    const Octets off = "a04e73601df544a70ba7ea1e57030f7d4b4eb7f673924e58d54ca77a5e7d4d4a"_hex;
    Octets wrong_y = g_r_y;
    wrong_y[31] ^= std::byte{1};
    for (const Octets& bad :
         {above_p, off, point(std::byte{4}, g_r, wrong_y), point(std::byte{2}, off),
          point(std::byte{5}, g_r), Octets{std::byte{0}}, Octets{}, Octets(33, std::byte{0}),
          Octets(65, std::byte{0}), Octets(31, std::byte{1}), Octets(64, std::byte{1})}) {
        EXPECT_FALSE(public_coordinate(Curve::p256, bad)) << to_hex(bad);
        EXPECT_FALSE(own.agree(bad)) << to_hex(bad);
    }
}

TEST(Agreement, P256RefusesPrivateKeysOutsideTheGroup) {
    const Octets order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"_hex;
    for (const Octets& bad :
         {order, Octets(32, std::byte{0}), Octets(32, std::byte{0xff}), Octets(31, std::byte{1})}) {
        EXPECT_FALSE(AgreementKey::from_private(Curve::p256, bad));
        EXPECT_FALSE(SigningKey::from_private(SignatureScheme::es256, bad));
    }
    EXPECT_FALSE(AgreementKey::from_private(Curve::x25519, Octets(33, std::byte{1})));
    // Randomness that is no key is hashed until it is one.
    const AgreementKey made = AgreementKey::generate(Curve::p256, Octets(32, std::byte{0xff}));
    EXPECT_EQ(made.coordinate(),
              agreement(Curve::p256, sha256(Octets(32, std::byte{0xff}))).coordinate());
    EXPECT_TRUE(same(AgreementKey::generate(Curve::p256, x).coordinate(), g_x));
    EXPECT_TRUE(same(SigningKey::generate(SignatureScheme::es256, sk_r).public_octets(), pk_r));
}

TEST(Signature, Ed25519AgreesWithTheStandardsVectors) {
    // [RFC 8032 §7.1], tests 1 and 3
    const SigningKey first =
        signing(SignatureScheme::ed25519,
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"_hex);
    EXPECT_EQ(to_hex(first.public_octets()),
              "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    EXPECT_EQ(to_hex(first.sign({})),
              "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
              "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    const SigningKey third =
        signing(SignatureScheme::ed25519,
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"_hex);
    EXPECT_EQ(to_hex(third.sign("af82"_hex)),
              "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
              "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
}

TEST(Signature, Es256VerifiesWhatOthersSigned) {
    EXPECT_TRUE(same(signing(SignatureScheme::es256, sk_r).public_octets(), pk_r));
    EXPECT_TRUE(verify(SignatureScheme::es256, pk_r, m_2, signature_2));
    EXPECT_TRUE(verify(SignatureScheme::es256, pk_i, m_3, signature_3));
    EXPECT_FALSE(verify(SignatureScheme::es256, pk_i, m_2, signature_2));
    EXPECT_FALSE(verify(SignatureScheme::es256, pk_r, m_3, signature_2));
}

TEST(Signature, HoldsForItsKeyMessageAndOctetsOnly) {
    for (const SignatureScheme scheme : {SignatureScheme::ed25519, SignatureScheme::es256}) {
        const SigningKey key = SigningKey::generate(scheme, Octets(32, std::byte{3}));
        const SigningKey other = SigningKey::generate(scheme, Octets(32, std::byte{4}));
        const Bytes message = as_octets("valve 7 open");
        for (int i = 0; i < 8; ++i) {  // r and s with leading zeros among them, sooner or later
            const Signature signature = key.sign(message);
            EXPECT_TRUE(verify(scheme, key.public_octets(), message, signature));
        }
        const Signature signature = key.sign(message);
        EXPECT_FALSE(verify(scheme, other.public_octets(), message, signature));
        EXPECT_FALSE(verify(scheme, key.public_octets(), as_octets("valve 7 shut"), signature));
        for (std::size_t at = 0; at < signature.size(); at += 9) {
            Signature bad = signature;
            bad[at] ^= std::byte{0x10};
            EXPECT_FALSE(verify(scheme, key.public_octets(), message, bad)) << at;
        }
        EXPECT_FALSE(verify(scheme, key.public_octets(), message, Bytes(signature).first(63)));
        EXPECT_FALSE(verify(scheme, key.public_octets(), message, {}));
        EXPECT_FALSE(verify(scheme, key.public_octets(), message, Signature{}));
        EXPECT_FALSE(verify(scheme, {}, message, signature));
        EXPECT_FALSE(verify(scheme, key.public_octets().first(31), message, signature));
        EXPECT_FALSE(verify(scheme, Octets(65, std::byte{4}), message, signature));
        EXPECT_FALSE(verify(scheme, Octets(33, std::byte{2}), message, signature));
    }
}

TEST(Certificate, GivesItsKey) {
    const auto key = key_of_certificate(certificate_r);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->type, KeyType::p256);
    EXPECT_EQ(to_hex(key->octets), to_hex(pk_r));
}

TEST(Certificate, HasToBeWholeAndAlone) {
    EXPECT_FALSE(key_of_certificate({}));
    EXPECT_FALSE(key_of_certificate(joined(certificate_r, Octets(1, std::byte{0}))));
    for (std::size_t size = 0; size < certificate_r.size(); size += 7)
        EXPECT_FALSE(key_of_certificate(Bytes(certificate_r).first(size)));
}

}  // namespace causeway::crypto::agreement_test
