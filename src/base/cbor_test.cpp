#include "base/cbor.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace causeway::cbor_test::cbor_test::cbor_test {
namespace {

struct Example {
    std::string_view diagnostic;
    std::string_view hex;
};

// [RFC 8949 Appendix A]
constexpr Example examples[] = {
    {"0", "00"},
    {"1", "01"},
    {"10", "0a"},
    {"23", "17"},
    {"24", "1818"},
    {"25", "1819"},
    {"100", "1864"},
    {"1000", "1903e8"},
    {"1000000", "1a000f4240"},
    {"1000000000000", "1b000000e8d4a51000"},
    {"18446744073709551615", "1bffffffffffffffff"},
    {"18446744073709551616", "c249010000000000000000"},
    {"-18446744073709551616", "3bffffffffffffffff"},
    {"-18446744073709551617", "c349010000000000000000"},
    {"-1", "20"},
    {"-10", "29"},
    {"-100", "3863"},
    {"-1000", "3903e7"},
    {"0.0", "f90000"},
    {"-0.0", "f98000"},
    {"1.0", "f93c00"},
    {"1.1", "fb3ff199999999999a"},
    {"1.5", "f93e00"},
    {"65504.0", "f97bff"},
    {"100000.0", "fa47c35000"},
    {"3.4028234663852886e+38", "fa7f7fffff"},
    {"1.0e+300", "fb7e37e43c8800759c"},
    {"5.960464477539063e-8", "f90001"},
    {"0.00006103515625", "f90400"},
    {"-4.0", "f9c400"},
    {"-4.1", "fbc010666666666666"},
    {"Infinity", "f97c00"},
    {"NaN", "f97e00"},
    {"-Infinity", "f9fc00"},
    {"Infinity", "fa7f800000"},
    {"NaN", "fa7fc00000"},
    {"-Infinity", "faff800000"},
    {"Infinity", "fb7ff0000000000000"},
    {"NaN", "fb7ff8000000000000"},
    {"-Infinity", "fbfff0000000000000"},
    {"false", "f4"},
    {"true", "f5"},
    {"null", "f6"},
    {"undefined", "f7"},
    {"simple(16)", "f0"},
    {"simple(255)", "f8ff"},
    {"0(\"2013-03-21T20:04:00Z\")", "c074323031332d30332d32315432303a30343a30305a"},
    {"1(1363896240)", "c11a514b67b0"},
    {"1(1363896240.5)", "c1fb41d452d9ec200000"},
    {"23(h'01020304')", "d74401020304"},
    {"24(h'6449455446')", "d818456449455446"},
    {"32(\"http://www.example.com\")", "d82076687474703a2f2f7777772e6578616d706c652e636f6d"},
    {"h''", "40"},
    {"h'01020304'", "4401020304"},
    {"\"\"", "60"},
    {"\"a\"", "6161"},
    {"\"IETF\"", "6449455446"},
    {"\"\\\"\\\\\"", "62225c"},
    {"\"ü\"", "62c3bc"},
    {"\"水\"", "63e6b0b4"},
    {"\"𐅑\"", "64f0908591"},
    {"[]", "80"},
    {"[1, 2, 3]", "83010203"},
    {"[1, [2, 3], [4, 5]]", "8301820203820405"},
    {"[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]",
     "98190102030405060708090a0b0c0d0e0f101112131415161718181819"},
    {"{}", "a0"},
    {"{1: 2, 3: 4}", "a201020304"},
    {"{\"a\": 1, \"b\": [2, 3]}", "a26161016162820203"},
    {"[\"a\", {\"b\": \"c\"}]", "826161a161626163"},
    {"{\"a\": \"A\", \"b\": \"B\", \"c\": \"C\", \"d\": \"D\", \"e\": \"E\"}",
     "a56161614161626142616361436164614461656145"},
    {"(_ h'0102', h'030405')", "5f42010243030405ff"},
    {"(_ \"strea\", \"ming\")", "7f657374726561646d696e67ff"},
    {"[_ ]", "9fff"},
    {"[_ 1, [2, 3], [_ 4, 5]]", "9f018202039f0405ffff"},
    {"[_ 1, [2, 3], [4, 5]]", "9f01820203820405ff"},
    {"[1, [2, 3], [_ 4, 5]]", "83018202039f0405ff"},
    {"[1, [_ 2, 3], [4, 5]]", "83019f0203ff820405"},
    {"[_ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, "
     "25]",
     "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff"},
    {"{_ \"a\": 1, \"b\": [_ 2, 3]}", "bf61610161629f0203ffff"},
    {"[\"a\", {_ \"b\": \"c\"}]", "826161bf61626163ff"},
    {"{_ \"Fun\": true, \"Amt\": -2}", "bf6346756ef563416d7421ff"},
};

// [RFC 8949 Appendix F.1]
constexpr std::string_view malformed[] = {
    "18",
    "19",
    "1a",
    "1b",
    "1901",
    "1a0102",
    "1b01020304050607",
    "38",
    "58",
    "78",
    "98",
    "9a01ff00",
    "b8",
    "d8",
    "f8",
    "f900",
    "fa0000",
    "fb000000",
    "41",
    "61",
    "5affffffff00",
    "5bffffffffffffffff010203",
    "7affffffff00",
    "7b7fffffffffffffff010203",
    "81",
    "818181818181818181",
    "8200",
    "a1",
    "a20102",
    "a100",
    "a2000000",
    "c0",
    "5f4100",
    "7f6100",
    "9f",
    "9f0102",
    "bf",
    "bf01020102",
    "819f",
    "9f8000",
    "9f9f9f9f9fffffffff",
    "9f819f819f9fffffff",
    "1c",
    "1d",
    "1e",
    "3c",
    "3d",
    "3e",
    "5c",
    "5d",
    "5e",
    "7c",
    "7d",
    "7e",
    "9c",
    "9d",
    "9e",
    "bc",
    "bd",
    "be",
    "dc",
    "dd",
    "de",
    "fc",
    "fd",
    "fe",
    "f800",
    "f801",
    "f818",
    "f81f",
    "5f00ff",
    "5f21ff",
    "5f6100ff",
    "5f80ff",
    "5fa0ff",
    "5fc000ff",
    "5fe0ff",
    "7f4100ff",
    "5f5f4100ffff",
    "7f7f6100ffff",
    "ff",
    "81ff",
    "8200ff",
    "a1ff",
    "a1ff00",
    "a100ff",
    "a20000ff",
    "9f81ff",
    "9f829f819f9fffffffff",
    "bf00ff",
    "bf000000ff",
    "1f",
    "3f",
    "df",
};

template <class Write>
std::string written(Write&& write) {
    Octets out;
    CborWriter writer(out);
    write(writer);
    return to_hex(out);
}

std::string read_error(std::string_view hex) {
    const Octets octets = from_hex(hex).value();
    CborReader in(octets);
    while (in.more()) in.skip();
    return std::string(name_of(in.error().fault));
}

/// The item copied by reading and writing it, item by item.
void copy(CborReader& in, CborWriter& out) {
    switch (in.kind()) {
        case CborKind::uint:
            out.uint(in.uint());
            break;
        case CborKind::negative:
            out.negative(in.negative());
            break;
        case CborKind::bytes:
            out.bytes(in.bytes());
            break;
        case CborKind::text:
            out.text(in.text());
            break;
        case CborKind::array:
            out.array(in.enter_array().value());
            while (in.more()) copy(in, out);
            in.leave();
            break;
        case CborKind::map:
            out.map(in.enter_map().value());
            while (in.more()) copy(in, out);
            in.leave();
            break;
        case CborKind::tag:
            out.tag(in.tag());
            copy(in, out);
            break;
        case CborKind::boolean:
            out.boolean(in.boolean());
            break;
        case CborKind::null:
            in.null();
            out.null();
            break;
        case CborKind::undefined:
            in.undefined();
            out.undefined();
            break;
        case CborKind::simple:
            out.simple(in.simple());
            break;
        case CborKind::floating:
            out.floating(in.floating());
            break;
        case CborKind::end:
            FAIL();
    }
}

TEST(Cbor, EveryExampleReadsAsItsDiagnosticNotation) {  // [RFC 8949 §8, Appendix A]
    for (const auto& [diagnostic, hex] : examples) {
        EXPECT_EQ(cbor_diagnostic(from_hex(hex).value()).value(), diagnostic) << hex;
    }
}

TEST(Cbor, EveryExampleInPreferredFormIsWrittenTheSame) {  // [RFC 8949 §4.1, §4.2]
    std::size_t preferred = 0;
    for (const auto& [diagnostic, hex] : examples) {
        const Octets octets = from_hex(hex).value();
        CborReader whole(octets);
        EXPECT_TRUE(same(whole.item(), octets)) << hex;
        EXPECT_TRUE(whole.done()) << hex;
        if (!whole.was_preferred()) continue;
        ++preferred;
        CborReader in(octets);
        EXPECT_EQ(written([&](CborWriter& out) { copy(in, out); }), hex);
        EXPECT_TRUE(in.done()) << hex;
    }
    // All but those of indefinite length and the six wide infinities and NaNs.
    EXPECT_EQ(preferred, std::size(examples) - 11 - 6);
}

TEST(Cbor, WhatIsNotWellFormedIsRefused) {  // [RFC 8949 §3, Appendix F.1]
    for (const std::string_view hex : malformed) {
        EXPECT_NE(read_error(hex), "none") << hex;
        EXPECT_FALSE(cbor_diagnostic(from_hex(hex).value())) << hex;
    }
}

TEST(Cbor, FloatsTakeTheShortestFormThatKeepsThem) {  // [RFC 8949 §4.2.2]
    const auto hex = [](double value) {
        return written([&](CborWriter& out) { out.floating(value); });
    };
    EXPECT_EQ(hex(0x1p-24), "f90001");
    EXPECT_EQ(hex(0x1p-25), "fa33000000");
    EXPECT_EQ(hex(0x1.ff8p-15), "f903ff");
    EXPECT_EQ(hex(-0x1p-14), "f98400");
    EXPECT_EQ(hex(65504), "f97bff");
    EXPECT_EQ(hex(65505), "fa477fe100");
    EXPECT_EQ(hex(16777217), "fb4170000010000000");
    EXPECT_EQ(hex(1e300), "fb7e37e43c8800759c");
    EXPECT_EQ(hex(0x1p-149), "fa00000001");
    EXPECT_EQ(hex(-std::numeric_limits<double>::infinity()), "f9fc00");
    EXPECT_EQ(hex(-std::nan("7")), "f97e00");
    const Octets wide = "fb3ff0000000000000"_hex;
    CborReader in(wide);
    EXPECT_EQ(in.floating(), 1.0);
    EXPECT_FALSE(in.was_preferred());
}

TEST(Cbor, IntegersKeepTheirRange) {
    const Octets octets = "3b7fffffffffffffff 1b7fffffffffffffff 1b8000000000000000"_hex;
    CborReader in(octets);
    EXPECT_EQ(in.integer(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(in.integer(), std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.integer(), 0);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(written([](CborWriter& out) {
                  out.integer(std::numeric_limits<std::int64_t>::min()).integer(-24).integer(-25);
              }),
              "3b7fffffffffffffff373818");
}

TEST(Cbor, StringsInChunksAreJoined) {  // [RFC 8949 §3.2.3]
    const Octets octets = "5f 42 0102 40 43 030405 ff 7f 65 7374726561 64 6d696e67 ff"_hex;
    CborReader in(octets);
    const Bytes bytes = in.bytes();
    const std::string_view text = in.text();
    EXPECT_TRUE(in.done());
    EXPECT_EQ(to_hex(bytes), "0102030405");
    EXPECT_EQ(text, "streaming");
    EXPECT_FALSE(in.was_preferred());
}

TEST(Cbor, TextsAreUtf8AndNoCharacterIsCutByAChunk) {  // [RFC 8949 §3.1, §3.2.3]
    for (const std::string_view hex : {"61ff", "62c080", "63eda080", "64f4908080", "62c3", "61c3",
                                       "7f61c361bcff", "64f0808080", "63e08080"}) {
        const Octets octets = from_hex(hex).value();
        CborReader in(octets);
        EXPECT_TRUE(in.text().empty());
        EXPECT_FALSE(in.ok()) << hex;
        EXPECT_NE(read_error(hex), "none") << hex;
    }
}

TEST(Cbor, TheFirstFailureSticks) {
    const Octets octets = "01 41ff 02"_hex;
    CborReader in(octets);
    EXPECT_EQ(in.text(), "");
    EXPECT_EQ(in.uint(), 0u);
    EXPECT_EQ(in.kind(), CborKind::end);
    EXPECT_EQ(in.error(), (WireError{Fault::bad_value, 0}));
}

TEST(Cbor, NothingIsReadBeyondTheArrayThatWasEntered) {
    const Octets octets = "82 01 02 03"_hex;
    CborReader in(octets);
    EXPECT_EQ(in.enter_array(), 2u);
    in.uint();
    in.uint();
    EXPECT_FALSE(in.more());
    EXPECT_EQ(in.uint(), 0u);
    EXPECT_EQ(in.error().fault, Fault::bad_length);
}

TEST(Cbor, LeavingSkipsAndChecksWhatWasNotRead) {
    const Octets octets = "bf 01 9f 02 ff 03 a1 04 05 ff 06"_hex;
    CborReader in(octets);
    EXPECT_EQ(in.enter_map(), std::nullopt);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.uint(), 1u);
    in.leave();
    EXPECT_EQ(in.uint(), 6u);
    EXPECT_TRUE(in.done());
    const Octets odd = "bf 01 ff"_hex;
    CborReader broken(odd);
    broken.enter_map();
    broken.leave();
    EXPECT_EQ(broken.error().fault, Fault::bad_length);
}

TEST(Cbor, AnArrayOfAnotherSizeThanExpectedIsRefused) {
    for (const std::string_view hex : {"81 01", "83 010203", "9f 01 02 ff", "01"}) {
        const Octets octets = from_hex(hex).value();
        CborReader in(octets);
        in.expect_array(2);
        EXPECT_FALSE(in.ok()) << hex;
    }
}

TEST(Cbor, DepthIsBounded) {
    const auto nested = [](std::size_t depth, std::uint8_t with) {
        Octets octets(depth, std::byte{with});
        octets.push_back(std::byte{0});
        return octets;
    };
    for (const std::size_t depth : {CborReader::depth_max, CborReader::depth_max + 1}) {
        const bool fits = depth == CborReader::depth_max;
        const Octets octets = nested(depth, 0x81);
        CborReader skipping(octets);
        skipping.skip();
        EXPECT_EQ(skipping.ok(), fits);
        CborReader entering(octets);
        for (std::size_t i = 0; i < depth; ++i) entering.enter_array();
        EXPECT_EQ(entering.ok(), fits);
        EXPECT_EQ(cbor_diagnostic(octets).has_value(), fits);
        EXPECT_EQ(cbor_diagnostic(nested(depth, 0xc6)).has_value(), fits);
    }
}

TEST(Cbor, ACountThatCannotBeTrueIsRefusedAtOnce) {
    for (const std::string_view hex : {"9bffffffffffffffff00", "bb8000000000000000000000"})
        EXPECT_EQ(read_error(hex), name_of(Fault::truncated)) << hex;
}

TEST(Cbor, AMapIsWrittenInTheOrderOfItsKeys) {  // [RFC 8949 §4.2.1]
    std::vector<CborPair> pairs;
    for (const char* key : {"f4", "8120", "20", "626161", "617a", "1864", "0a", "811864"})
        pairs.push_back({from_hex(key).value(), "00"_hex});
    EXPECT_EQ(written([&](CborWriter& out) { write_map(out, pairs); }),
              "a80a001864002000617a0062616100811864008120"
              "00f400");
}

TEST(Cbor, ADiagnosticCanBeLaidOutOverLines) {
    EXPECT_EQ(cbor_diagnostic("82 81 01 a2 01 6161 02 80"_hex, CborLayout::indent).value(),
              "[\n  [1],\n  {\n    1: \"a\",\n    2: []\n  }\n]");
    EXPECT_EQ(cbor_diagnostic("01 6161 5fff 7fff"_hex).value(), "1, \"a\", ''_, \"\"_");
    EXPECT_EQ(cbor_diagnostic("65 0a0d09011f"_hex).value(), "\"\\n\\r\\t\\u0001\\u001f\"");
    EXPECT_EQ(cbor_diagnostic(""_hex).value(), "");
}

}  // namespace
}  // namespace causeway::cbor_test::cbor_test::cbor_test
