#include "coap/uri.hpp"

#include "coap/client.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::uri_test {
namespace {

Peer peer(std::string_view address, std::uint16_t port = default_port) {
    return {*address_from_literal(address), port};
}

std::string round_trip(std::string_view text) {
    const auto uri = Uri::from_text(text);
    return uri ? uri->to_text() : "?";
}

// ---- addresses ---------------------------------------------------------------------------------

TEST(AddressText, IsCanonical) {
    const auto canonical = [](std::string_view text) {
        const auto address = address_from_literal(text);
        return address ? address_to_text(*address) : "?";
    };
    EXPECT_EQ(canonical("2001:DB8:0:0:0:0:2:1"), "2001:db8::2:1");  // [RFC 5952 §4]
    EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
    EXPECT_EQ(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
    EXPECT_EQ(canonical("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
    EXPECT_EQ(canonical("::"), "::");
    EXPECT_EQ(canonical("fe80::"), "fe80::");
    EXPECT_EQ(canonical("[::1]"), "::1");
    EXPECT_EQ(canonical("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(canonical("::ffff:192.0.2.1"), "192.0.2.1");
    for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", ":::", "1:2",
                            "1:2:3:4:5:6:7:8:9", "12345::", "::1%eth0", "1::2::3", "g::", ":1",
                            "1:", "::1.2.3.4.5", "1:2:3:4:5:6:7::8", "node7"})
        EXPECT_EQ(canonical(bad), "?") << bad;
    EXPECT_EQ(to_text(peer("fd00::1", 61616)), "[fd00::1]:61616");
    EXPECT_EQ(to_text(peer("192.0.2.1")), "192.0.2.1:5683");
}

TEST(Peer, KnowsGroups) {
    EXPECT_TRUE(peer("ff02::fd").is_multicast());
    EXPECT_TRUE(peer("224.0.1.187").is_multicast());
    EXPECT_FALSE(peer("fd00::1").is_multicast());
    EXPECT_FALSE(peer("192.0.2.1").is_multicast());
}

// ---- RFC 7252 Appendix B -----------------------------------------------------------------------

TEST(Uri, AppendixBComposes) {
    const Peer destination = peer("2001:db8::2:1");
    Options options;
    EXPECT_EQ(Uri::from_options(options, destination)->to_text(), "coap://[2001:db8::2:1]/");
    options.add_text(OptionNumber::uri_host, "example.net");
    EXPECT_EQ(Uri::from_options(options, destination)->to_text(), "coap://example.net/");
    options.add_text(OptionNumber::uri_path, ".well-known");
    options.add_text(OptionNumber::uri_path, "core");
    EXPECT_EQ(Uri::from_options(options, destination)->to_text(),
              "coap://example.net/.well-known/core");

    Options japanese;
    japanese.add_text(OptionNumber::uri_host, "xn--18j4d.example");
    japanese.add_text(OptionNumber::uri_path,
                      "\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF");
    EXPECT_EQ(Uri::from_options(japanese, destination)->to_text(),
              "coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF");

    Options odd;
    for (const char* segment : {"", "/", "", ""}) odd.add_text(OptionNumber::uri_path, segment);
    odd.add_text(OptionNumber::uri_query, "//");
    odd.add_text(OptionNumber::uri_query, "?&");
    const std::string text = "coap://198.51.100.1:61616//%2F//?//&?%26";
    EXPECT_EQ(Uri::from_options(odd, peer("198.51.100.1", 61616))->to_text(), text);
    Options again;
    Uri::from_text(text)->add_to(again, peer("198.51.100.1", 61616));
    EXPECT_EQ(again, odd);
}

// The appendix encodes the slashes of the query too ("%2F%2F"), though §6.5 step 8 lets them stand;
// either form is taken apart to the same options.
TEST(Uri, SlashesInAQueryMayBeEncoded) {
    EXPECT_EQ(*Uri::from_text("coap://198.51.100.1:61616//%2F//?%2F%2F&?%26"),
              *Uri::from_text("coap://198.51.100.1:61616//%2F//?//&?%26"));
}

TEST(Uri, EquivalentFormsAreOne) {  // [RFC 7252 §6.3]
    const std::string normal = "coap://example.com/~sensors/temp.xml";
    EXPECT_EQ(round_trip("coap://example.com:5683/~sensors/temp.xml"), normal);
    EXPECT_EQ(round_trip("coap://EXAMPLE.com/%7Esensors/temp.xml"), normal);
    EXPECT_EQ(round_trip("COAP://EXAMPLE.com:/%7esensors/temp.xml"), normal);
    EXPECT_EQ(round_trip("coap://host"), "coap://host/");
    EXPECT_EQ(round_trip("coaps://host:5684/"), "coaps://host/");
    EXPECT_EQ(round_trip("coap://[FD00::A]:61616/x"), "coap://[fd00::a]:61616/x");
}

TEST(Uri, DotSegmentsAreResolved) {
    EXPECT_EQ(round_trip("coap://h/a/./b/../c"), "coap://h/a/c");
    EXPECT_EQ(round_trip("coap://h/a/b/.."), "coap://h/a/");
    EXPECT_EQ(round_trip("coap://h/../../a"), "coap://h/a");
    EXPECT_EQ(round_trip("coap://h/%2e%2E/a"), "coap://h/a");
}

TEST(Uri, OptionsOfADestinationByAddressLeaveTheHostOut) {  // [RFC 7252 §6.4]
    const Peer destination = peer("fd00::1", 61616);
    Options options;
    Uri::from_text("coap://[fd00::1]:61616/a?b=1&c")->add_to(options, destination);
    EXPECT_FALSE(options.has(OptionNumber::uri_host));
    EXPECT_FALSE(options.has(OptionNumber::uri_port));
    EXPECT_EQ(options.path(), "/a");
    Options named;
    Uri::from_text("coap://node.example/a")->add_to(named, destination);
    EXPECT_EQ(named.text(OptionNumber::uri_host), "node.example");
    EXPECT_EQ(named.uint(OptionNumber::uri_port), 5683u);
}

TEST(Uri, EveryTransportHasItsSchemeAndPort) {  // [RFC 8323 §8]
    struct Case {
        const char* scheme;
        Transport transport;
        std::uint16_t port;
        bool secure;
    };
    for (const Case& c :
         {Case{"coap", Transport::udp, 5683, false}, Case{"coaps", Transport::dtls, 5684, true},
          Case{"coap+tcp", Transport::tcp, 5683, false},
          Case{"CoAPs+TCP", Transport::tls, 5684, true}, Case{"coap+ws", Transport::ws, 80, false},
          Case{"coaps+ws", Transport::wss, 443, true}}) {
        const std::string scheme = c.scheme;
        const auto uri = Uri::from_text(scheme + "://[fd00::1]/a");
        ASSERT_TRUE(uri) << scheme;
        EXPECT_EQ(uri->transport, c.transport);
        EXPECT_EQ(uri->port, c.port);
        EXPECT_EQ(uri->secure(), c.secure);
        EXPECT_EQ(uri->peer()->transport, c.transport);
        EXPECT_EQ(uri->to_text(), std::string(scheme_of(c.transport)) + "://[fd00::1]/a");
        // And back, from a request over that transport. [RFC 8323 §8.7]
        Options options;
        uri->add_to(options, *uri->peer());
        EXPECT_EQ(Uri::from_options(options, *uri->peer()), *uri);
    }
    EXPECT_EQ(round_trip("coap+ws://h:80/"), "coap+ws://h/");
    EXPECT_EQ(round_trip("coap+ws://h:5683/"), "coap+ws://h:5683/");
}

TEST(Uri, WhatIsNoCoapUriIsRefused) {
    for (const char* bad : {"",
                            "coap",
                            "coap:",
                            "coap:/",
                            "coap://",
                            "coap:///x",
                            "coap://h:70000/",
                            "coap://h:0/",
                            "coap://h:x/",
                            "coap://h/#f",
                            "coap://u@h/",
                            "coap://[fd00::1/",
                            "coap://[fd00::zz]/",
                            "coap://[fd00::1]x/",
                            "coap://[1.2.3.4]/",
                            "coap://h/%",
                            "coap://h/%4",
                            "coap://h/%zz",
                            "coap://h/a b",
                            "coap://h\x01/",
                            "/relative",
                            "://h/",
                            "1coap://h/",
                            "coap://h/\xc3\xa9"}) {
        const auto uri = Uri::from_text(bad);
        ASSERT_FALSE(uri.has_value()) << bad;
        EXPECT_EQ(uri.error(), UriFault::malformed) << bad;
    }
    EXPECT_EQ(Uri::from_text("http://h/").error(), UriFault::scheme);
    EXPECT_EQ(Uri::from_text("coap+sctp://h/").error(), UriFault::scheme);
    EXPECT_FALSE(Uri::from_text("coap://h/" + std::string(256, 'a')).has_value());
    EXPECT_TRUE(Uri::from_text("coap://h/" + std::string(255, 'a')).has_value());
    EXPECT_FALSE(Uri::from_text("coap://h/" + std::string(1100, '/')).has_value());
}

TEST(Uri, AHostOptionThatIsNoHostIsRefused) {
    for (const char* bad : {"a/b", "a:b", "[x]", "[]", "a@b"}) {
        Options options;
        options.add_text(OptionNumber::uri_host, bad);
        EXPECT_FALSE(Uri::from_options(options, peer("fd00::1")).has_value()) << bad;
    }
    for (const char* good : {"fd00::7", "[fd00::7]"}) {
        Options options;
        options.add_text(OptionNumber::uri_host, good);
        EXPECT_EQ(Uri::from_options(options, peer("fd00::1"))->to_text(), "coap://[fd00::7]/");
    }
}

// ---- calls -------------------------------------------------------------------------------------

TEST(Call, GoesStraightToALiteralAddress) {
    Call call;
    call.uri = "coap://[fd00::5]:61616/sensors/temp?u=k";
    call.accept = ContentFormat::senml_json;
    call.block_szx = 2;
    const auto request = request_for(RequestId{1}, call);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->peer, peer("fd00::5", 61616));
    EXPECT_TRUE(request->options.path_is("/sensors/temp"));
    EXPECT_EQ(request->options.uint(OptionNumber::accept), 110u);
    EXPECT_EQ(request->options.uint(OptionNumber::block2), 2u);
}

TEST(Call, GoesToItsProxyWithTheWholeUri) {
    Call call;
    call.uri = "coap://[fd00::5]/x";
    call.proxy = peer("127.0.0.1");
    const auto request = request_for(RequestId{1}, call);
    EXPECT_EQ(request->peer, *call.proxy);
    EXPECT_EQ(request->options.text(OptionNumber::proxy_uri), "coap://[fd00::5]/x");
    EXPECT_FALSE(request->options.has(OptionNumber::uri_path));
}

TEST(Call, GoesOverAChannelThatTheResolverOpened) {
    Call call;
    call.uri = "coaps+tcp://[fd00::5]/x";
    Peer opened = peer("fd00::5", default_secure_port);
    const auto resolve = [&](std::string_view, std::uint16_t) { return std::optional(opened); };
    EXPECT_EQ(request_for(RequestId{1}, call, resolve).error(), CallFault::needs_dtls);
    opened.transport = Transport::tls;
    opened.channel = 7;
    const auto request = request_for(RequestId{1}, call, resolve);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->peer, opened);
    EXPECT_FALSE(request->options.has(OptionNumber::uri_host));
}

TEST(Call, SaysWhatIsWrong) {
    Call call;
    const auto fault = [&](std::string uri) {
        call.uri = std::move(uri);
        return name_of(request_for(RequestId{1}, call).error());
    };
    EXPECT_EQ(fault("nonsense"), "not a URI");
    EXPECT_EQ(fault("http://x/"), "not a coap URI");
    EXPECT_EQ(fault("coaps://[::1]/"), "needs a session or connection of its own");
    EXPECT_EQ(fault("coap://nowhere/"), "unknown host");
}

}  // namespace
}  // namespace causeway::coap::uri_test
