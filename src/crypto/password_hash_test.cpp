#include "crypto/password_hash.hpp"
#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::crypto::password_hash_test {
namespace {

using namespace literals;

constexpr ScryptCost cheap{4, 8, 1};

TEST(Scrypt, AgreesWithTheStandardsVectors) {
    // [RFC 7914 §12]
    EXPECT_EQ(scrypt({}, {}, {4, 1, 1}, 64),
              "77 d6 57 62 38 65 7b 20 3b 19 ca 42 c1 8a 04 97 f1 6b 48 44 e3 07 4a e8 df df fa 3f"
              "ed e2 14 42 fc d0 06 9d ed 09 48 f8 32 6a 75 3a 0f c8 1f 17 e8 d3 e0 fb 2e 0d 36 28"
              "cf 35 e2 0c 38 d1 89 06"_hex);
    EXPECT_EQ(scrypt(as_octets("password"), as_octets("NaCl"), {10, 8, 16}, 64),
              "fd ba be 1c 9d 34 72 00 78 56 e7 19 0d 01 e9 fe 7c 6a d7 cb c8 23 78 30 e7 73 76 63"
              "4b 37 31 62 2e af 30 d9 2e 22 a3 88 6f f1 09 27 9d 98 30 da c7 27 af b9 4a 83 ee 6d"
              "83 60 cb df a2 cc 06 40"_hex);
    EXPECT_EQ(scrypt(as_octets("pleaseletmein"), as_octets("SodiumChloride"), {14, 8, 1}, 64),
              "70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb fd a8 fb ba 90 4f 8e 3e a9 b5 43 f6"
              "54 5d a1 f2 d5 43 29 55 61 3f 0f cf 62 d4 97 05 24 2a 9a f9 e6 1e 85 dc 0d 65 1e 40"
              "df cf 01 7b 45 57 58 87"_hex);
}

TEST(PasswordHash, VerifiesWhatItWrote) {
    const auto made = PasswordHash::of(as_octets("secret"), as_octets("0123456789abcdef"));
    EXPECT_TRUE(made.text().starts_with("$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"))
        << made.text();
    const auto read = PasswordHash::parse(made.text());
    ASSERT_TRUE(read.has_value()) << read.error();
    EXPECT_EQ(read->text(), made.text());
    EXPECT_TRUE(read->verify(as_octets("secret")));
    EXPECT_FALSE(read->verify(as_octets("Secret")));
    EXPECT_FALSE(read->verify({}));
}

TEST(PasswordHash, AnEmptyPasswordIsAPassword) {
    const auto made = PasswordHash::of({}, as_octets("0123456789abcdef"), cheap);
    EXPECT_TRUE(made.verify({}));
    EXPECT_FALSE(made.verify(as_octets("x")));
}

TEST(PasswordHash, VerifiesWhatMosquittoWrote) {
    // Lines of mosquitto_passwd 2.0, with and without -H sha512.
    const auto pbkdf2 = PasswordHash::parse(
        "$7$101$VnOTWgZSg0kQXWUf$35eaklB1Ry/ACfBmBlIf1KgB+8kSD6oTZN8RrRdohhoFZrMuLO7Zb75KXNIf6TY6"
        "uzRTCG7JS6Oj5a/+E6urlg==");
    ASSERT_TRUE(pbkdf2.has_value()) << pbkdf2.error();
    EXPECT_TRUE(pbkdf2->verify(as_octets("secret")));
    EXPECT_FALSE(pbkdf2->verify(as_octets("geheim")));
    const std::string old =
        "$6$6RhgJ9K7uNCHnm7b$Py0MJ7ZISqUW/8G5qox46JIc36EiB0KSrhLEn6QFYIOsqJdbW74/dskiIK9yjg9yAikz"
        "BBkKWqy7Y88m6rsZKg==";
    const auto sha512 = PasswordHash::parse(old);
    ASSERT_TRUE(sha512.has_value()) << sha512.error();
    EXPECT_TRUE(sha512->verify(as_octets("geheim")));
    EXPECT_FALSE(sha512->verify(as_octets("secret")));
    EXPECT_EQ(sha512->text(), old);
}

TEST(PasswordHash, AForgedFileCannotAskForEverything) {
    const auto scrypt_with = [](std::string cost) {
        return PasswordHash::parse("$scrypt$" + cost +
                                   "$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg");
    };
    EXPECT_TRUE(scrypt_with("ln=15,r=8,p=1").has_value());
    EXPECT_TRUE(scrypt_with("ln=18,r=8,p=1").has_value());
    for (const char* cost :
         {"ln=26,r=8,p=1", "ln=19,r=8,p=1", "ln=15,r=4294967295,p=1", "ln=15,r=8,p=4294967295",
          "ln=0,r=8,p=1", "ln=15,r=0,p=1", "ln=15,r=8,p=0", "ln=64,r=8,p=1", "ln=18,r=8,p=1024"})
        EXPECT_EQ(scrypt_with(cost).error(), "scrypt would take more than 256 MiB, or too long")
            << cost;
    const std::string tail = "$c2FsdA==$" + std::string(85, 'A') + "A==";
    EXPECT_TRUE(PasswordHash::parse("$7$10000000" + tail).has_value());
    EXPECT_FALSE(PasswordHash::parse("$7$10000001" + tail).has_value());
    EXPECT_FALSE(PasswordHash::parse("$7$0" + tail).has_value());
    EXPECT_FALSE(PasswordHash::parse("$7$-1" + tail).has_value());
}

TEST(PasswordHash, WhatIsNoHashSaysWhatIsWrong) {
    const auto why = [](std::string_view text) {
        const auto parsed = PasswordHash::parse(text);
        return parsed ? std::string_view("nothing") : parsed.error();
    };
    EXPECT_EQ(why("secret"), "not a password's hash: wanted $scrypt$, $7$ or $6$ in front");
    EXPECT_EQ(why("x$6$a$b"), "not a password's hash: wanted $scrypt$, $7$ or $6$ in front");
    EXPECT_EQ(why(""), "not a password's hash: wanted $scrypt$, $7$ or $6$ in front");
    EXPECT_EQ(why("$5$a$b"), "no such kind of hash: wanted $scrypt$, $7$ or $6$ in front");
    EXPECT_EQ(why("$scrypt$ln=15,p=1$c2FsdA$AAAA"), "the cost of scrypt is written ln=15,r=8,p=1");
    EXPECT_EQ(why("$scrypt$ln=15,r=8,p=1x$c2FsdA$AAAA"),
              "the cost of scrypt is written ln=15,r=8,p=1");
    EXPECT_EQ(why("$6$!$AAAA"), "the salt is not base64 of 1 to 256 octets");
    EXPECT_EQ(why("$6$$AAAA"), "the salt is not base64 of 1 to 256 octets");
    EXPECT_EQ(why("$6$c2FsdA=="), "the salt is not base64 of 1 to 256 octets");
    EXPECT_EQ(why("$6$c2FsdA==$!"), "the hash is not base64");
    EXPECT_EQ(why("$6$c2FsdA==$AAAA"), "the hash is not of the size that its kind has");
    EXPECT_EQ(why("$scrypt$ln=15,r=8,p=1$c2FsdA$AAAA"),
              "the hash is not of the size that its kind has");
}

}  // namespace
}  // namespace causeway::crypto::password_hash_test
