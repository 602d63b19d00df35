#include "ip/address.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::address_test {
namespace {

Address at(std::string_view text) {
    const auto address = Address::from_text(text);
    EXPECT_TRUE(address) << text;
    return address.value_or(Address{});
}

TEST(Address, ReadsTheFormsOfTheStandard) {  // [RFC 4291 §2.2]
    struct Case {
        std::string_view text;
        std::string_view hex;
    };
    for (const auto& [text, hex] : {
             Case{"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcdef0123456789abcdef0123456789"},
             Case{"2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"},
             Case{"2001:DB8::8:800:200C:417A", "20010db80000000000080800200c417a"},
             Case{"FF01::101", "ff010000000000000000000000000101"},
             Case{"::1", "00000000000000000000000000000001"},
             Case{"::", "00000000000000000000000000000000"},
             Case{"0:0:0:0:0:0:13.1.68.3", "0000000000000000000000000d014403"},
             Case{"::13.1.68.3", "0000000000000000000000000d014403"},
             Case{"0:0:0:0:0:FFFF:129.144.52.38", "00000000000000000000ffff81903426"},
             Case{"::FFFF:129.144.52.38", "00000000000000000000ffff81903426"},
             Case{"64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"},
             Case{"1:2:3:4:5:6:7::", "00010002000300040005000600070000"},
             Case{"::2:3:4:5:6:7:8", "00000002000300040005000600070008"},
             Case{"1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"},
             Case{"1::1.2.3.4", "00010000000000000000000001020304"},
             Case{"fe80::0001", "fe800000000000000000000000000001"},
         })
        EXPECT_EQ(to_hex(at(text).bytes()), hex) << text;
}

TEST(Address, RefusesEverythingElse) {
    for (const std::string_view text : {"",
                                        ":",
                                        ":::",
                                        "1",
                                        "1:",
                                        ":1",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1:2:3:4:5:6:7:8:",
                                        ":1:2:3:4:5:6:7:8",
                                        "1:2:3:4::5:6:7:8",
                                        "::1:2:3:4:5:6:7:8",
                                        "1:2:3:4:5:6:7:8::",
                                        "1::2::3",
                                        "1:::2",
                                        "12345::",
                                        "g::",
                                        "::1 ",
                                        " ::1",
                                        "::1/64",
                                        "[::1]",
                                        "fe80::1%eth0",
                                        "1.2.3.4",
                                        "::1.2.3",
                                        "::1.2.3.4.5",
                                        "::256.1.1.1",
                                        "::01.2.3.4",
                                        "::1.2.3.4:5",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "::1.2.3.",
                                        "::.1.2.3",
                                        "::1..2.3",
                                        "::-1",
                                        "::0x1",
                                        "1:2:3:4:5:6:7:",
                                        "::1.2.3.1000",
                                        "::a.b.c.d"})
        EXPECT_FALSE(Address::from_text(text)) << text;
}

TEST(Address, WritesTheCanonicalText) {  // [RFC 5952 §4, §5]
    struct Case {
        std::string_view in;
        std::string_view out;
    };
    for (const auto& [in, out] : {
             Case{"2001:0db8::0001", "2001:db8::1"},                // §4.1
             Case{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},         // §4.2.1
             Case{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // §4.2.2
             Case{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // §4.2.3, the longest
             Case{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // §4.2.3, the first
             Case{"2001:DB8::ABCD", "2001:db8::abcd"},              // §4.3
             Case{"0:0:0:0:0:0:0:0", "::"}, Case{"0:0:0:0:0:0:0:1", "::1"},
             Case{"1:0:0:0:0:0:0:0", "1::"}, Case{"1:0:0:0:0:0:0:2", "1::2"},
             Case{"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"}, Case{"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
             Case{"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
             Case{"fd00:ca5e::ff:fe00:1", "fd00:ca5e::ff:fe00:1"},
             Case{"::ffff:c000:0201", "::ffff:192.0.2.1"},  // §5
             Case{"::ffff:0:0", "::ffff:0.0.0.0"},
             Case{"::1.2.3.4", "::102:304"},  // no well-known prefix: not told from others
         }) {
        EXPECT_EQ(at(in).to_text(), out) << in;
        EXPECT_EQ(at(out), at(in)) << in;
    }
}

TEST(Address, KnowsItsKind) {
    EXPECT_TRUE(at("::").is_unspecified());
    EXPECT_TRUE(at("::1").is_loopback());
    EXPECT_FALSE(at("::2").is_loopback());
    EXPECT_TRUE(at("febf::1").is_link_local());
    EXPECT_FALSE(at("fec0::1").is_link_local());
    EXPECT_TRUE(at("ff05::2").is_multicast());
    EXPECT_EQ(at("ff05::2").multicast_scope(), 5);
    EXPECT_TRUE(at("::ffff:1.2.3.4").is_ipv4_mapped());
    EXPECT_FALSE(at("::fffe:1.2.3.4").is_ipv4_mapped());
}

TEST(Address, ReadStopsWithItsReader) {
    const auto octets = "fe80000000000000000000000000000142"_hex;
    ByteReader in(octets);
    EXPECT_EQ(Address::read(in), at("fe80::1"));
    EXPECT_EQ(Address::read(in), Address{});
    EXPECT_FALSE(in.ok());
}

TEST(Address, WellKnownOnes) {
    EXPECT_EQ(all_nodes().to_text(), "ff02::1");
    EXPECT_EQ(all_routers().to_text(), "ff02::2");
    EXPECT_EQ(all_rpl_nodes().to_text(), "ff02::1a");
    // The example of the standard. [RFC 4291 §2.7.1]
    EXPECT_EQ(solicited_node(at("4037::01:800:200E:8C6C")), at("FF02::1:FF0E:8C6C"));
}

TEST(Address, InterfaceIdGoesBehindPrefixes) {
    const InterfaceId id = at("fd00::0212:4b00:0616:0001").interface_id();
    EXPECT_EQ(link_local(id).to_text(), "fe80::212:4b00:616:1");
    EXPECT_EQ(Prefix::from_text("fd00:ca5e::/64")->with(id).to_text(), "fd00:ca5e::212:4b00:616:1");
}

TEST(Prefix, ReadsAndWrites) {  // [RFC 4291 §2.3]
    for (const std::string_view text : {"2001:0DB8:0000:CD30:0000:0000:0000:0000/60",
                                        "2001:0DB8::CD30:0:0:0:0/60", "2001:0DB8:0:CD30::/60"})
        EXPECT_EQ(Prefix::from_text(text)->to_text(), "2001:db8:0:cd30::/60") << text;
    EXPECT_EQ(Prefix::from_text("::/0")->length, 0);
    EXPECT_EQ(Prefix::from_text("::1/128")->length, 128);
    for (const std::string_view text :
         {"2001:0DB8:0:CD3/60", "2001:0DB8::CD30/60", "::/129", "::/", "::", "/64", "::/-1",
          "::/1 ", "fd00::1/64", "::/064", "::/1000"})
        EXPECT_FALSE(Prefix::from_text(text)) << text;
}

TEST(Prefix, ContainsWhatSharesItsBits) {
    const auto contains = [](std::string_view prefix, std::string_view address) {
        return Prefix::from_text(prefix)->contains(at(address));
    };
    EXPECT_TRUE(contains("::/0", "ff02::1"));
    EXPECT_TRUE(contains("fd00:ca5e::/64", "fd00:ca5e::1"));
    EXPECT_FALSE(contains("fd00:ca5e::/64", "fd00:ca5e:0:1::1"));
    EXPECT_TRUE(contains("2001:db8:0:cd30::/60", "2001:db8:0:cd3f::1"));
    EXPECT_FALSE(contains("2001:db8:0:cd30::/60", "2001:db8:0:cd40::1"));
    EXPECT_TRUE(contains("::1/128", "::1"));
    EXPECT_FALSE(contains("::1/128", "::"));
}

TEST(Prefix, OfClearsWhatIsPastItsLength) {
    const Address ones = at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(Prefix::of(ones, 0).address, Address{});
    EXPECT_EQ(Prefix::of(ones, 61).address, at("ffff:ffff:ffff:fff8::"));
    EXPECT_EQ(Prefix::of(ones, 64).address, at("ffff:ffff:ffff:ffff::"));
    EXPECT_EQ(Prefix::of(ones, 127).address, at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"));
    EXPECT_EQ(Prefix::of(ones, 200), (Prefix{ones, 128}));
    // A length that no prefix has, made by hand, reads nothing past the address.
    EXPECT_TRUE((Prefix{ones, 255}.contains(ones)));
}

}  // namespace
}  // namespace causeway::ip::address_test
