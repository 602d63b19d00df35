#include "site/mqtt_users.hpp"

#include <gtest/gtest.h>

namespace causeway::site::mqtt_users_test {
namespace {

constexpr crypto::ScryptCost cheap{4, 8, 1};

std::string scrypt_line(std::string user, std::string_view password) {
    return user + ":" +
           crypto::PasswordHash::of(as_octets(password), as_octets("0123456789abcdef"), cheap)
               .text() +
           "\n";
}
std::string scram_line(std::string user, std::string_view password) {
    return user + ":" +
           crypto::ScramVerifier::of(as_octets(password), as_octets("0123456789abcdef"), 4096)
               .text() +
           "\n";
}
const std::string mosquitto_line =
    "carol:$7$101$VnOTWgZSg0kQXWUf$35eaklB1Ry/ACfBmBlIf1KgB+8kSD6oTZN8RrRdohhoFZrMuLO7Zb75KXNIf6TY6"
    "uzRTCG7JS6Oj5a/+E6urlg==\r\n";

MqttUsers loaded(const std::string& text) {
    auto users = MqttUsers::load(text);
    if (users) return *std::move(users);
    for (const auto& mistake : users.error())
        ADD_FAILURE() << mistake.line << ':' << mistake.column << ": " << mistake.what;
    return {};
}

TEST(MqttUsers, EachKindOfHashLetsItsUserIn) {
    const MqttUsers users =
        loaded("# users\n\n" + scrypt_line("alice", "a") + scram_line("bob", "b") + mosquitto_line);
    EXPECT_EQ(users.size(), 3u);
    EXPECT_TRUE(users.verify("alice", as_octets("a")));
    EXPECT_TRUE(users.verify("bob", as_octets("b")));
    EXPECT_TRUE(users.verify("carol", as_octets("secret")));
    for (const std::string_view user : {"alice", "bob", "carol"})
        EXPECT_FALSE(users.verify(user, as_octets("wrong"))) << user;
}

TEST(MqttUsers, AnUnknownUserGetsNowhereEvenWithSomebodysPassword) {
    const MqttUsers users = loaded(scrypt_line("alice", "a"));
    EXPECT_FALSE(users.verify("mallory", as_octets("a")));
    EXPECT_FALSE(users.verify("", as_octets("a")));
    EXPECT_FALSE(users.contains("mallory"));
    EXPECT_FALSE(loaded("").verify("alice", as_octets("a")));
}

TEST(MqttUsers, NamesMayHaveBlanksButNoColon) {
    const MqttUsers users = loaded(scrypt_line("two words", "a"));
    EXPECT_TRUE(users.verify("two words", as_octets("a")));
}

TEST(MqttUsers, AllMistakesAreToldAtOnceWithTheirPlaces) {
    const auto users = MqttUsers::load("alice\n" + scrypt_line("bob", "b") + "j\xc3\xb6rg:plain\n" +
                                       scrypt_line("", "x") + scrypt_line("bob", "c") +
                                       "dave:$scram-sha-256$1$AAAA$A$A\n");
    ASSERT_FALSE(users.has_value());
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const auto& mistake : users.error()) places.emplace_back(mistake.line, mistake.column);
    const decltype(places) wanted{{1, 6}, {3, 6}, {4, 1}, {5, 1}, {6, 6}};
    EXPECT_EQ(places, wanted);
    EXPECT_EQ(users.error()[0].what, "the colon is missing: a line is USER:HASH");
    EXPECT_EQ(users.error()[1].what,
              "not a password's hash: wanted $scrypt$, $7$ or $6$ in front; `causeway mqtt passwd` "
              "writes such lines");
    EXPECT_EQ(users.error()[3].what, "this user stands in line 2 already");
}

TEST(MqttUsers, ScramLetsAUserInWhoHasAVerifier) {
    const MqttUsers users = loaded(scram_line("bob", "b"));
    crypto::ScramClient client("bob", as_octets("b"), "clientnonce");
    auto scram = users.scram_start(client.first(), "servernonce");
    ASSERT_TRUE(scram.has_value());
    EXPECT_EQ(scram->user, "bob");
    const auto last = client.answer(scram->challenge);
    ASSERT_TRUE(last.has_value());
    const auto proof = MqttUsers::scram_finish(*scram, *last);
    ASSERT_TRUE(proof.has_value());
    EXPECT_TRUE(client.trusts(*proof));
}

TEST(MqttUsers, ScramTellsNobodyWhetherAUserExists) {
    const MqttUsers users = loaded(scram_line("bob", "b") + scrypt_line("alice", "a"));
    for (const std::string name : {"mallory", "alice"}) {
        crypto::ScramClient client(name, as_octets("a"), "clientnonce");
        auto scram = users.scram_start(client.first(), "servernonce");
        ASSERT_TRUE(scram.has_value());
        EXPECT_FALSE(scram->known);
        EXPECT_NE(scram->challenge.find(",i=4096"), std::string::npos);  // as bob's
        const auto again = users.scram_start(client.first(), "servernonce");
        EXPECT_EQ(again->challenge, scram->challenge);
        const auto last = client.answer(scram->challenge);
        ASSERT_TRUE(last.has_value());
        EXPECT_EQ(MqttUsers::scram_finish(*scram, *last).error(), crypto::ScramFault::wrong_proof);
    }
    EXPECT_NE(users.scram_start("n,,n=x,r=c", "s")->challenge,
              users.scram_start("n,,n=y,r=c", "s")->challenge);
}

}  // namespace
}  // namespace causeway::site::mqtt_users_test
