#include "net/proxy_protocol.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::net::proxy_protocol_test {
namespace {

using Verdict = ProxyParsed::Verdict;

const Octets signature = "0d0a0d0a000d0a515549540a"_hex;

Octets header(Bytes rest) {
    Octets all = signature;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
}

TEST(ProxyProtocol, SaysWhoTheClientIs) {
    const Octets v4 = header("21 11 000c  c0000207 7f000001 c8e8 075b"_hex);
    const ProxyParsed parsed = parse_proxy(v4);
    EXPECT_EQ(parsed.verdict, Verdict::whole);
    EXPECT_EQ(parsed.size, v4.size());
    EXPECT_EQ(parsed.peer, "192.0.2.7:51432");

    const Octets v6 = header(
        "21 21 0024  20010db8000000000000000000000001"
        "00000000000000000000000000000001 c8e8 075b"_hex);
    EXPECT_EQ(parse_proxy(v6).peer, "[2001:db8::1]:51432");
}

TEST(ProxyProtocol, AUnixPathIsFitForALog) {
    Octets all = header("21 31 00d8"_hex);
    Octets paths(216);
    const auto path = as_octets("/run/\n.sock");
    std::ranges::copy(path, paths.begin());
    all.insert(all.end(), paths.begin(), paths.end());
    EXPECT_EQ(parse_proxy(all).peer, "unix:/run/?.sock");
}

TEST(ProxyProtocol, LocalAndUnknownLeaveThePeerAsItIs) {
    for (const Octets& all : {header("20 11 000c 000000000000000000000000"_hex),
                              header("20 00 0000"_hex), header("21 00 0003 010203"_hex)}) {
        const ProxyParsed parsed = parse_proxy(all);
        EXPECT_EQ(parsed.verdict, Verdict::whole);
        EXPECT_EQ(parsed.size, all.size());
        EXPECT_EQ(parsed.peer, "");
    }
}

TEST(ProxyProtocol, FieldsBehindTheAddressesArePassedOver) {
    const Octets all = header("21 11 0010  c0000207 7f000001 c8e8 075b  04 00 01 aa  ff"_hex);
    const ProxyParsed parsed = parse_proxy(all);
    EXPECT_EQ(parsed.verdict, Verdict::whole);
    EXPECT_EQ(parsed.size, all.size() - 1);  // what follows is the stream's
    EXPECT_EQ(parsed.peer, "192.0.2.7:51432");
}

TEST(ProxyProtocol, APartOfItWantsMore) {
    const Octets all = header("21 11 000c  c0000207 7f000001 c8e8 075b"_hex);
    for (std::size_t n = 0; n < all.size(); ++n)
        EXPECT_EQ(parse_proxy(Bytes(all).first(n)).verdict, Verdict::more) << n;
}

TEST(ProxyProtocol, WhatIsWrongIsSeenAtOnce) {
    const auto why = [](Bytes octets) {
        const ProxyParsed parsed = parse_proxy(octets);
        EXPECT_EQ(parsed.verdict, Verdict::bad);
        return parsed.why;
    };
    EXPECT_EQ(why(as_octets("PROXY TCP4 192.0.2.7")), "no header");
    EXPECT_EQ(why("10"_hex), "no header");
    EXPECT_EQ(why(header("11 11 000c"_hex)), "not version 2");
    EXPECT_EQ(why(header("22 11 000c"_hex)), "unknown command");
    EXPECT_EQ(why(header("21 11 ffff"_hex)), "the header is too long");
    EXPECT_EQ(why(header("21 12 000c  c0000207 7f000001 c8e8 075b"_hex)),
              "not a stream's address family");
    EXPECT_EQ(why(header("21 11 0008  c0000207 7f000001"_hex)),
              "the header is too short for its addresses");
}

}  // namespace
}  // namespace causeway::net::proxy_protocol_test
