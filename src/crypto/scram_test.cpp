#include "crypto/scram.hpp"
#include "crypto/base64.hpp"

#include <gtest/gtest.h>

namespace causeway::crypto::scram_test {
namespace {

// [RFC 7677 §3]
constexpr std::string_view client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view client_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramVerifier pencil() {
    return ScramVerifier::of(as_octets("pencil"), *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
}
ScramServer server() {
    return ScramServer(std::string(server_nonce));
}
ScramClient client(std::string_view user = "user", std::string_view password = "pencil") {
    return ScramClient(user, as_octets(password), std::string(client_nonce));
}

TEST(Scram, ServerAgreesWithTheStandardsExample) {
    // [RFC 7677 §3]
    ScramServer one = server();
    EXPECT_EQ(one.start(client_first), "user");
    EXPECT_EQ(one.challenge(pencil()), server_first);
    EXPECT_EQ(one.finish(client_final), server_final);
}

TEST(Scram, ClientAgreesWithTheStandardsExample) {
    // [RFC 7677 §3]
    ScramClient one = client();
    EXPECT_EQ(one.first(), client_first);
    EXPECT_FALSE(one.trusts(server_final));
    EXPECT_EQ(one.answer(server_first), client_final);
    EXPECT_TRUE(one.trusts(server_final));
    EXPECT_FALSE(one.trusts("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    EXPECT_FALSE(one.trusts("e=other-error"));
    EXPECT_FALSE(one.trusts(""));
}

TEST(Scram, NamesMayHaveCommasAndEqualsSigns) {
    ScramServer one = server();
    ScramClient other = client("a=b,c");
    EXPECT_EQ(other.first(), "n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO");
    EXPECT_EQ(one.start(other.first()), "a=b,c");
    const auto last = other.answer(one.challenge(pencil()));
    ASSERT_TRUE(last.has_value());
    const auto proof = one.finish(*last);
    ASSERT_TRUE(proof.has_value());
    EXPECT_TRUE(other.trusts(*proof));
}

TEST(Scram, AWrongPasswordProvesNothing) {
    ScramServer one = server();
    ScramClient other = client("user", "Pencil");
    ASSERT_TRUE(one.start(other.first()).has_value());
    const auto last = other.answer(one.challenge(pencil()));
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(one.finish(*last).error(), ScramFault::wrong_proof);
}

TEST(Scram, AClientThatKnowsOfNoChannelBindingHereIsServed) {
    // [RFC 5802 §6]: "y" is for a server that did not offer it.
    ScramServer one = server();
    EXPECT_EQ(one.start("y,,n=user,r=abc"), "user");
    ScramServer own_identity = server();
    EXPECT_EQ(own_identity.start("n,a=user,n=user,r=abc"), "user");
}

TEST(Scram, TheFirstMessageMayBeRefused) {
    const auto fault = [](std::string_view message) {
        ScramServer one = server();
        const auto user = one.start(message);
        return user ? ScramFault::out_of_order : user.error();
    };
    EXPECT_EQ(fault("p=tls-unique,,n=user,r=abc"), ScramFault::channel_binding);
    EXPECT_EQ(fault("n,a=root,n=user,r=abc"), ScramFault::other_identity);
    for (const std::string_view wrong :
         {"", "n", "n,", "n,,", "n,,n=user", "n,,n=user,r=", "n,,n=,r=abc", "n,,r=abc,n=user",
          "n,,m=ext,n=user,r=abc", "n,,n=a=b,r=abc", "n,,n=a=2,r=abc", "x,,n=user,r=abc",
          "n,,n=user,r=a\x7f", "n,,n=user,r=a b"})
        EXPECT_EQ(fault(wrong), ScramFault::malformed) << wrong;
    EXPECT_EQ(fault("n,,n=" + std::string(5000, 'u') + ",r=abc"), ScramFault::malformed);
}

TEST(Scram, TheLastMessageMayBeRefused) {
    const auto fault = [](std::string_view message) {
        ScramServer one = server();
        EXPECT_TRUE(one.start(client_first).has_value());
        (void)one.challenge(pencil());
        const auto last = one.finish(message);
        return last ? ScramFault::out_of_order : last.error();
    };
    const std::string r = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const std::string p = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    EXPECT_EQ(fault("c=eSws," + r + "," + p), ScramFault::channel_binding);
    EXPECT_EQ(fault("c=biws,r=rOprNGfwEbeRWgbNEkqO," + p), ScramFault::wrong_nonce);
    EXPECT_EQ(fault("c=biws," + r + ",x=1," + p), ScramFault::wrong_proof);  // not what was proved
    for (const std::string& wrong :
         {std::string(), "c=biws," + r, "c=biws," + r + ",p=AAAA", "c=biws," + r + ",p=",
          r + ",c=biws," + p, "c=biws," + r + "," + p + ",x=1", "c=biws," + p, "c=biws," + r + ","})
        EXPECT_EQ(fault(wrong), ScramFault::malformed) << wrong;
}

TEST(Scram, StepsOutOfOrderAndSecondTriesAreRefused) {
    ScramServer one = server();
    EXPECT_EQ(one.finish(client_final).error(), ScramFault::out_of_order);
    ASSERT_TRUE(one.start(client_first).has_value());
    EXPECT_EQ(one.start(client_first).error(), ScramFault::out_of_order);
    ScramServer other = server();
    ASSERT_TRUE(other.start(client_first).has_value());
    (void)other.challenge(pencil());
    EXPECT_FALSE(other.finish("c=biws").has_value());
    EXPECT_EQ(other.finish(client_final).error(), ScramFault::out_of_order);
}

TEST(Scram, AServerCannotMakeAClientWorkForEver) {
    const auto fault = [](std::string_view message) {
        ScramClient one = client();
        const auto last = one.answer(message);
        return last ? ScramFault::out_of_order : last.error();
    };
    EXPECT_EQ(fault("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=5000001"),
              ScramFault::too_costly);
    EXPECT_EQ(fault("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
              ScramFault::wrong_nonce);
    EXPECT_EQ(fault("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), ScramFault::wrong_nonce);
    for (const std::string_view wrong :
         {"", "r=rOprNGfwEbeRWgbNEkqOx", "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
          "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0",
          "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=-1", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4294967296"})
        EXPECT_EQ(fault(wrong), ScramFault::malformed) << wrong;
}

TEST(ScramVerifier, ReadsWhatItWrote) {
    const ScramVerifier made = pencil();
    EXPECT_TRUE(made.text().starts_with("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$"));
    EXPECT_EQ(ScramVerifier::parse(made.text()), made);
    EXPECT_TRUE(made.verify(as_octets("pencil")));
    EXPECT_FALSE(made.verify(as_octets("pen")));
}

TEST(ScramVerifier, RefusesWhatIsNone) {
    const std::string keys = "$" + std::string(43, 'A') + "=$" + std::string(43, 'A') + "=";
    EXPECT_TRUE(ScramVerifier::parse("$scram-sha-256$4096$AAAA" + keys).has_value());
    for (const std::string& wrong :
         {std::string("pencil"), "$scram-sha-256$4095$AAAA" + keys,
          "$scram-sha-256$5000001$AAAA" + keys, "$scram-sha-256$4096$" + keys,
          "$scram-sha-256$4096$!" + keys, "$scram-sha-256$4096$AAAA" + keys + "$",
          std::string("$scram-sha-256$4096$AAAA$AAAA$AAAA"), std::string("$scram-sha-256$4096"),
          std::string("$scram-sha-256$")})
        EXPECT_FALSE(ScramVerifier::parse(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace causeway::crypto::scram_test
