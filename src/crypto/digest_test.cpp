#include "crypto/digest.hpp"
#include "base/hex.hpp"
#include "crypto/entropy.hpp"

#include <gtest/gtest.h>

namespace causeway::crypto::digest_test {
namespace {

TEST(Digest, AgreesWithTheStandardsVectors) {
    // [RFC 6234 §8.5] and [RFC 4231 §4.3]
    EXPECT_EQ(to_hex(sha256(as_octets("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha512(as_octets("a"), as_octets("bc"))),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    EXPECT_EQ(to_hex(sha256({})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(hmac_sha256(as_octets("Jefe"), as_octets("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, DerivesKeysAsTheStandardsVectorsSay) {
    // [RFC 7914 §11], the first half of each key
    EXPECT_EQ(to_hex(pbkdf2_sha256(as_octets("passwd"), as_octets("salt"), 1)),
              "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    EXPECT_EQ(to_hex(pbkdf2_sha256(as_octets("Password"), as_octets("NaCl"), 80000)),
              "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

TEST(Digest, ComparesAllOfTwoSecrets) {
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    EXPECT_TRUE(equal_in_constant_time(as_octets("abc"), as_octets("abc")));
    EXPECT_FALSE(equal_in_constant_time(as_octets("abc"), as_octets("abd")));
    EXPECT_FALSE(equal_in_constant_time(as_octets("abc"), as_octets("ab")));
}

TEST(Digest, WipesSecrets) {
    Octets secret = to_octets(as_octets("secret"));
    wipe(secret);
    EXPECT_EQ(secret, Octets(6));
}

TEST(Entropy, FillsAndNeverTheSameTwice) {
    Octets first(32);
    Octets second(32);
    ASSERT_TRUE(system_random(first));
    ASSERT_TRUE(system_random(second));
    EXPECT_NE(first, second);
    Octets much(65537);
    EXPECT_FALSE(system_random(much));
}

}  // namespace
}  // namespace causeway::crypto::digest_test
