#include "net/endpoint.hpp"

#include "base/hex.hpp"
#include "net/trouble.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace causeway::net::endpoint_test {
namespace {

std::string error_of(std::string_view text) {
    const auto endpoint = Endpoint::parse(text);
    return endpoint ? "parsed as " + endpoint->text() : endpoint.error();
}

TEST(Endpoint, TextComesBackAsItWas) {
    for (const char* text : {"127.0.0.1:5683", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:5683",
                             "[::]:17754", "[fd00:ca5e::1]:1", "[fe80::1%7]:5683"}) {
        const auto endpoint = Endpoint::parse(text);
        ASSERT_TRUE(endpoint) << endpoint.error();
        EXPECT_EQ(endpoint->text(), text);
    }
}

TEST(Endpoint, TheDefaultPortMakesThePortOptional) {
    for (const char* text : {"::1", "[::1]"})
        EXPECT_EQ(Endpoint::parse(text, 5683).value().text(), "[::1]:5683");
    EXPECT_EQ(Endpoint::parse("127.0.0.1", 5683).value().text(), "127.0.0.1:5683");
    EXPECT_EQ(Endpoint::parse("127.0.0.1:1", 5683).value().port, 1);
}

TEST(Endpoint, AnInterfaceNameIsAScope) {
    const auto endpoint = Endpoint::parse("[fe80::1%lo]:5683");
    ASSERT_TRUE(endpoint) << endpoint.error();
    EXPECT_NE(endpoint->scope, 0u);
    EXPECT_EQ(error_of("[fe80::1%no-such-if]:1"),
              "bad address \"[fe80::1%no-such-if]:1\": no interface is called \"no-such-if\"");
}

TEST(Endpoint, EveryMistakeIsNamed) {
    EXPECT_EQ(error_of("127.0.0.1"),
              "bad address \"127.0.0.1\": the port is missing; want ADDRESS:PORT, such as "
              "127.0.0.1:5683 or [::1]:5683");
    EXPECT_EQ(error_of("127.0.0.1:70000"),
              "bad address \"127.0.0.1:70000\": \"70000\" is not a port, 0 to 65535");
    EXPECT_EQ(error_of("127.0.0.1:"), "bad address \"127.0.0.1:\": \"\" is not a port, 0 to 65535");
    EXPECT_EQ(error_of("localhost:5683"),
              "bad address \"localhost:5683\": \"localhost\" is not an IP address; want "
              "ADDRESS:PORT, such as 127.0.0.1:5683 or [::1]:5683");
    EXPECT_EQ(error_of("::1:5683"),
              "bad address \"::1:5683\": an IPv6 address stands in brackets before its port: "
              "[::1]:5683");
    EXPECT_EQ(error_of("[::1:5683"), "bad address \"[::1:5683\": the bracket is not closed");
    EXPECT_EQ(error_of("[::g]:1"), "bad address \"[::g]:1\": \"::g\" is not an IPv6 address");
    EXPECT_EQ(error_of("[1.2.3.4]:1"),
              "bad address \"[1.2.3.4]:1\": \"1.2.3.4\" is not an IPv6 address");
    for (const char* text : {"", "1.2.3:4", "1.2.3.4:-1", "1.2.3.4:1x", "1.2.3.4: 1", "[::1]5683"})
        EXPECT_EQ(error_of(text).substr(0, 11), "bad address") << text;
    EXPECT_EQ(error_of(std::string_view("1.2.3.4\0:1", 10)).substr(0, 11), "bad address");
    EXPECT_LT(error_of(std::string(100'000, 'x')).size(), 300u);
}

TEST(Endpoint, KnowsLoopbackAndAny) {
    EXPECT_TRUE(Endpoint::parse("127.9.9.9:1")->is_loopback());
    EXPECT_TRUE(Endpoint::parse("[::1]:1")->is_loopback());
    EXPECT_FALSE(Endpoint::parse("[::2]:1")->is_loopback());
    EXPECT_FALSE(Endpoint::parse("10.0.0.1:1")->is_loopback());
    EXPECT_TRUE(Endpoint::parse("0.0.0.0:1")->is_any());
    EXPECT_TRUE(Endpoint::parse("[::]:1")->is_any());
    EXPECT_FALSE(Endpoint::parse("[::1]:1")->is_any());
}

TEST(Endpoint, KnowsGroups) {
    EXPECT_TRUE(Endpoint::parse("224.0.1.187:1")->is_multicast());
    EXPECT_TRUE(Endpoint::parse("239.255.255.255:1")->is_multicast());
    EXPECT_FALSE(Endpoint::parse("240.0.0.1:1")->is_multicast());
    EXPECT_TRUE(Endpoint::parse("[ff02::fd]:1")->is_multicast());
    EXPECT_FALSE(Endpoint::parse("[fe80::1]:1")->is_multicast());
}

TEST(Endpoint, IsSixteenOctetsForEnginesAndComesBack) {
    const Endpoint v4 = Endpoint::parse("192.0.2.1:5683").value();
    const auto mapped = v4.octets16();  // [RFC 4291 §2.5.5.2]
    EXPECT_TRUE(same(mapped, "00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 01"_hex));
    EXPECT_EQ(Endpoint::from_octets16(mapped, 5683), v4);
    EXPECT_EQ(Endpoint::from_octets16(mapped, 5683, 7), v4);  // IPv4 has no zones
    const Endpoint v6 = Endpoint::parse("[fe80::1%3]:5684").value();
    EXPECT_EQ(v6.octets16(), v6.address);
    EXPECT_EQ(Endpoint::from_octets16(v6.octets16(), 5684, 3), v6);
    EXPECT_TRUE(Endpoint::from_octets16({}, 1).is_any());
    EXPECT_TRUE(Endpoint::from_octets16({}, 1).v6);
}

TEST(Trouble, ReadsAsOneSentence) {
    EXPECT_EQ(trouble("cannot do it", EADDRINUSE).line, "cannot do it: address already in use");
    EXPECT_EQ(trouble("cannot do it", EPERM, "ask first").line, "cannot do it: ask first");
    EXPECT_EQ(reason_of(ENOENT), "no such file or directory");
}

}  // namespace
}  // namespace causeway::net::endpoint_test
