#include "coap/options.hpp"

#include "base/hex.hpp"
#include "base/random.hpp"
#include "coap/block.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::coap::options_test {
namespace {

std::vector<std::uint16_t> numbers(const Options& options) {
    std::vector<std::uint16_t> result;
    for (const Option option : options) result.push_back(std::to_underlying(option.number));
    return result;
}

TEST(Options, StayInOrderHoweverTheyAreAdded) {
    Options options;
    options.add_uint(OptionNumber::size1, 1000);
    options.add_text(OptionNumber::uri_query, "a");
    options.add_text(OptionNumber::uri_path, "x");
    options.add_uint(OptionNumber{2048}, 1);
    options.add_text(OptionNumber::uri_path, "y");
    EXPECT_EQ(numbers(options), (std::vector<std::uint16_t>{11, 11, 15, 60, 2048}));
    EXPECT_EQ(options.path(), "/x/y");
}

TEST(Options, AnyOrderOfAddingReadsBackTheSame) {
    Random random(3);
    for (int round = 0; round < 200; ++round) {
        Options options;
        for (int i = 0; i < 8; ++i) {
            const auto number = static_cast<std::uint16_t>(random.below(i % 2 == 0 ? 40 : 65536));
            const auto size = random.below(i % 3 == 0 ? 600 : 20);
            options.add(OptionNumber{number}, Octets(size, std::byte{0xaa}));
        }
        const Octets wire = emitted(options);
        const auto parsed = parse_as<Options>(wire);
        ASSERT_TRUE(parsed.has_value());
        EXPECT_EQ(*parsed, options);
        EXPECT_TRUE(std::ranges::is_sorted(numbers(options)));
    }
}

// Delta and length in their three forms, at the edges. [RFC 7252 §3.1]
TEST(Options, DeltasAndLengthsTakeTheShortestForm) {
    const auto wire_of = [](std::uint16_t number, std::size_t length) {
        Options options;
        options.add(OptionNumber{number}, Octets(length));
        return to_hex(Bytes(emitted(options)).first(emitted(options).size() - length));
    };
    EXPECT_EQ(wire_of(12, 0), "c0");
    EXPECT_EQ(wire_of(13, 0), "d000");
    EXPECT_EQ(wire_of(268, 0), "d0ff");
    EXPECT_EQ(wire_of(269, 0), "e00000");
    EXPECT_EQ(wire_of(65535, 0), "e0fef2");
    EXPECT_EQ(wire_of(1, 12), "1c");
    EXPECT_EQ(wire_of(1, 13), "1d00");
    EXPECT_EQ(wire_of(1, 268), "1dff");
    EXPECT_EQ(wire_of(1, 269), "1e0000");
    EXPECT_EQ(wire_of(1, 65804), "1effff");
}

TEST(Options, UintsHaveNoLeadingZerosWhenSentAndMayWhenRead) {
    Options options;
    options.add_uint(OptionNumber::observe, 0);
    options.add_uint(OptionNumber::max_age, 0x10000);
    EXPECT_EQ(to_hex(emitted(options)), "6083010000");
    Options padded;
    padded.add(OptionNumber::max_age, "00 00 3c"_hex);
    EXPECT_EQ(padded.uint(OptionNumber::max_age), 60u);
    Options long_one;
    long_one.add(OptionNumber::max_age, "00 00 00 00 00 00 07"_hex);
    EXPECT_EQ(long_one.uint(OptionNumber::max_age), 7u);
    Options huge;
    huge.add(OptionNumber::max_age, "01 00 00 00 00"_hex);
    EXPECT_EQ(huge.uint(OptionNumber::max_age), std::nullopt);
}

TEST(Options, SettingReplacesAndRemovingCloses) {
    Options options;
    options.add_path("a/b/c");
    options.add_uint(OptionNumber::accept, 50);
    EXPECT_EQ(options.remove(OptionNumber::uri_path), 3u);
    EXPECT_EQ(options.remove(OptionNumber::uri_path), 0u);
    options.set_uint(OptionNumber::accept, 60);
    EXPECT_EQ(options.uint(OptionNumber::accept), 60u);
    EXPECT_EQ(to_hex(emitted(options)), "d1043c");
}

TEST(Options, PathsCompareWithAndWithoutTheirSlash) {
    Options options;
    options.add_path("/sensors/temp");
    EXPECT_TRUE(options.path_is("/sensors/temp"));
    EXPECT_TRUE(options.path_is("sensors/temp"));
    EXPECT_FALSE(options.path_is("sensors"));
    EXPECT_FALSE(options.path_is("sensors/temp/"));
    EXPECT_FALSE(options.path_is("sensors/temperature"));
    EXPECT_TRUE(Options{}.path_is("/"));
    EXPECT_EQ(Options{}.path(), "/");
}

// [RFC 7252 §5.4.6, table 4; RFC 7641 §2; RFC 7959 §2.1, §4; RFC 7967 §2]
TEST(OptionNumbers, SayThemselvesWhetherCriticalUnsafeOrNoCacheKey) {
    const auto properties = [](unsigned n) {
        const OptionNumber number{static_cast<std::uint16_t>(n)};
        return std::string(is_critical(number) ? "C" : "-") + (is_unsafe(number) ? "U" : "-") +
               (is_no_cache_key(number) ? "N" : "-");
    };
    EXPECT_EQ(properties(1), "C--");    // If-Match
    EXPECT_EQ(properties(3), "CU-");    // Uri-Host
    EXPECT_EQ(properties(4), "---");    // ETag
    EXPECT_EQ(properties(5), "C--");    // If-None-Match
    EXPECT_EQ(properties(6), "-U-");    // Observe
    EXPECT_EQ(properties(7), "CU-");    // Uri-Port
    EXPECT_EQ(properties(8), "---");    // Location-Path
    EXPECT_EQ(properties(11), "CU-");   // Uri-Path
    EXPECT_EQ(properties(12), "---");   // Content-Format
    EXPECT_EQ(properties(14), "-U-");   // Max-Age
    EXPECT_EQ(properties(15), "CU-");   // Uri-Query
    EXPECT_EQ(properties(17), "C--");   // Accept
    EXPECT_EQ(properties(20), "---");   // Location-Query
    EXPECT_EQ(properties(23), "CU-");   // Block2
    EXPECT_EQ(properties(27), "CU-");   // Block1
    EXPECT_EQ(properties(28), "--N");   // Size2
    EXPECT_EQ(properties(35), "CU-");   // Proxy-Uri
    EXPECT_EQ(properties(39), "CU-");   // Proxy-Scheme
    EXPECT_EQ(properties(60), "--N");   // Size1
    EXPECT_EQ(properties(258), "-U-");  // No-Response
}

TEST(OptionNumbers, EveryDefinitionIsFoundAndNoOther) {
    EXPECT_EQ(definition_of(OptionNumber::uri_path)->name, "Uri-Path");
    EXPECT_EQ(definition_of(OptionNumber::proxy_uri)->octets_max, 1034);
    EXPECT_EQ(definition_of(OptionNumber{2}), nullptr);
    EXPECT_EQ(definition_of(OptionNumber{65535}), nullptr);
}

TEST(FirstUnacceptable, IsWhateverIsCriticalAndNotUnderstood) {
    const auto check = [](unsigned number, Octets value, bool forwarding) {
        Options options;
        options.add(OptionNumber{static_cast<std::uint16_t>(number)}, value);
        return first_unacceptable(options, forwarding).has_value();
    };
    EXPECT_FALSE(check(11, "61"_hex, false));
    EXPECT_TRUE(check(9, {}, false));   // unknown, critical, safe
    EXPECT_FALSE(check(9, {}, true));   // ... a proxy passes it on [RFC 7252 §5.7.1]
    EXPECT_FALSE(check(2, {}, false));  // unknown, elective, unsafe
    EXPECT_TRUE(check(2, {}, true));    // ... a proxy may not
    EXPECT_FALSE(check(10, {}, false) && check(64, {}, true));
    EXPECT_TRUE(check(17, "00 01 02"_hex, false));   // Accept, too long [RFC 7252 §5.4.3]
    EXPECT_FALSE(check(12, "00 01 02"_hex, false));  // Content-Format is elective
}

TEST(FirstUnacceptable, ARepetitionThatMayNotBeIsLikeAnUnknownOption) {
    Options options;  // [RFC 7252 §5.4.5]
    options.add_uint(OptionNumber::accept, 50);
    EXPECT_EQ(first_unacceptable(options, false), std::nullopt);
    options.add_uint(OptionNumber::accept, 60);
    EXPECT_EQ(first_unacceptable(options, false), OptionNumber::accept);
    Options queries;
    queries.add_text(OptionNumber::uri_query, "a");
    queries.add_text(OptionNumber::uri_query, "b");
    EXPECT_EQ(first_unacceptable(queries, false), std::nullopt);
}

// [RFC 7959 §2.2, §3]
TEST(BlockOption, ReadsItsThreeFields) {
    Options options;
    options.add_uint(OptionNumber::block2, 33);
    options.add_uint(OptionNumber::block1, 59);
    const auto two = BlockOption::read(options, OptionNumber::block2);
    EXPECT_EQ(two.block, (Block{2, false, 1}));
    EXPECT_EQ(two.block.offset(), 64u);
    const auto one = BlockOption::read(options, OptionNumber::block1);
    EXPECT_EQ(one.block, (Block{3, true, 3}));
    EXPECT_EQ(one.block.to_uint(), 59u);
    EXPECT_FALSE(BlockOption::read({}, OptionNumber::block1).present);
}

TEST(BlockOption, SizeExponentSevenIsReserved) {
    Options options;
    options.add_uint(OptionNumber::block2, 7);
    EXPECT_TRUE(BlockOption::read(options, OptionNumber::block2).invalid);
    options.set(OptionNumber::block2, "00 00 00 16"_hex);
    EXPECT_TRUE(BlockOption::read(options, OptionNumber::block2).invalid);
}

}  // namespace
}  // namespace causeway::coap::options_test
