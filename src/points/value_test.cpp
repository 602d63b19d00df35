// Values, their texts, qualities and scalings.
#include "base/hex.hpp"
#include "points/command.hpp"
#include "points/scaling.hpp"
#include "points/table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace causeway::points::value_test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(PointQuality, IsGoodWithoutAnyFlagAndNamesThemInOrder) {
    EXPECT_EQ(to_text(Quality()), "good");
    EXPECT_EQ(to_text(Flag::comm_lost), "comm_lost");
    EXPECT_EQ(to_text(Quality(Flag::restart) | Flag::offline), "offline,restart");
    EXPECT_EQ(name_of(Flag::never_known), "never_known");
}

TEST(PointQuality, EveryCombinationReadsBack) {
    for (unsigned bits = 0; bits < 1u << 15; ++bits) {
        const Quality quality = Quality::from_bits(static_cast<std::uint16_t>(bits));
        ASSERT_EQ(quality_from_text(to_text(quality)), quality);
    }
    EXPECT_EQ(quality_from_text(" restart , blocked"), Quality(Flag::restart) | Flag::blocked);
    EXPECT_EQ(quality_from_text("bad"), std::nullopt);
    EXPECT_EQ(quality_from_text(""), std::nullopt);
}

TEST(PointCommand, NamesReadBack) {
    for (int i = 0; i <= std::to_underlying(Outcome::cancelled); ++i) {
        const auto outcome = static_cast<Outcome>(i);
        EXPECT_EQ(outcome_from_text(name_of(outcome)), outcome);
    }
    for (const Step step : {Step::select, Step::operate, Step::direct, Step::cancel})
        EXPECT_EQ(step_from_text(name_of(step)), step);
    for (int i = 0; i <= std::to_underlying(Kind::enumeration); ++i)
        EXPECT_EQ(kind_from_text(name_of(static_cast<Kind>(i))), static_cast<Kind>(i));
    EXPECT_EQ(outcome_from_text("fine"), std::nullopt);
    EXPECT_EQ(step_from_text("jump"), std::nullopt);
}

TEST(PointValue, RealNumbersAreAsShortAsReadsBackTheSame) {
    EXPECT_EQ(to_text(21.5), "21.5");
    EXPECT_EQ(to_text(0.1), "0.1");
    EXPECT_EQ(to_text(0.1 + 0.2), "0.30000000000000004");
    EXPECT_EQ(to_text(1e300), "1e+300");
    EXPECT_EQ(to_text(-0.0), "-0");
    for (const double real : {0.1 + 0.2, 1.0 / 3, 5e-324, 1.7976931348623157e308, -infinity})
        EXPECT_EQ(from_text(to_text(real), Kind::real), Value(real));
    EXPECT_TRUE(std::isnan(std::get<double>(*from_text("nan", Kind::real))));
}

TEST(PointValue, OtherKindsHaveTextsThatReadBack) {
    const Value values[] = {
        true, false, std::int64_t{INT64_MIN}, std::string("a b "), "1f 00"_hex, Enumeration{3}};
    const char* const texts[] = {"true", "false", "-9223372036854775808", "a b ", "0x1f00", "3"};
    for (std::size_t i = 0; i < std::size(values); ++i) {
        EXPECT_EQ(to_text(values[i]), texts[i]);
        EXPECT_EQ(from_text(texts[i], kind_of(values[i])), values[i]);
    }
}

TEST(PointValue, PeopleMayWriteThemAsTheyDo) {
    EXPECT_EQ(from_text("ON", Kind::boolean), Value(true));
    EXPECT_EQ(from_text(" 0 ", Kind::boolean), Value(false));
    EXPECT_EQ(from_text("+7", Kind::integer), Value(std::int64_t{7}));
    EXPECT_EQ(from_text("1e3", Kind::integer), Value(std::int64_t{1000}));
    EXPECT_EQ(from_text("+1.5", Kind::real), Value(1.5));
    EXPECT_EQ(from_text("1F:00", Kind::octets), Value("1f 00"_hex));
    for (const char* wrong : {"", "yes", "2"}) EXPECT_FALSE(from_text(wrong, Kind::boolean));
    for (const char* wrong : {"", "1.5", "x", "9223372036854775808", "+-1", "1 2"})
        EXPECT_FALSE(from_text(wrong, Kind::integer)) << wrong;
    EXPECT_FALSE(from_text("21,5", Kind::real));
    EXPECT_FALSE(from_text("4294967296", Kind::enumeration));
    EXPECT_FALSE(from_text("-1", Kind::enumeration));
    EXPECT_FALSE(from_text("0x123", Kind::octets));
}

TEST(PointValue, ConversionLosesNoMoreThanAFraction) {
    EXPECT_EQ(as_kind(std::int64_t{1}, Kind::boolean), Value(true));
    EXPECT_EQ(as_kind(2.0, Kind::integer), Value(std::int64_t{2}));
    EXPECT_EQ(as_kind(2.6, Kind::integer), Value(std::int64_t{3}));
    EXPECT_EQ(as_kind(true, Kind::real), Value(1.0));
    EXPECT_EQ(as_kind(3.0, Kind::enumeration), Value(Enumeration{3}));
    EXPECT_EQ(as_kind(Enumeration{1}, Kind::integer), Value(std::int64_t{1}));
    EXPECT_EQ(as_kind(21.5, Kind::text), Value(std::string("21.5")));
    EXPECT_EQ(as_kind(std::string("21.5"), Kind::real), Value(21.5));
    EXPECT_FALSE(as_kind(std::int64_t{2}, Kind::boolean));
    EXPECT_FALSE(as_kind(std::int64_t{-1}, Kind::enumeration));
    EXPECT_FALSE(as_kind("00"_hex, Kind::integer));
    EXPECT_FALSE(as_kind(1.0, Kind::octets));
    EXPECT_FALSE(as_kind(std::string("x"), Kind::real));
}

TEST(PointValue, NoIntegerIsMadeOfWhatNoneHolds) {
    EXPECT_EQ(as_integer(9.2e18), 9'200'000'000'000'000'000);
    EXPECT_EQ(as_integer(-0x1p63), INT64_MIN);
    for (const double real : {0x1p63, 1e19, infinity, -infinity, std::nan("")})
        EXPECT_EQ(as_integer(real), std::nullopt);
    EXPECT_EQ(as_integer(std::string("7")), std::nullopt);
}

TEST(PointScaling, PlainOnesLeaveEveryKindAsItIs) {
    const Scaling plain;
    EXPECT_EQ(plain.to_point(std::int64_t{7}), Value(std::int64_t{7}));
    EXPECT_EQ(plain.to_raw(std::string("x")), Value(std::string("x")));
}

TEST(PointScaling, TenthsAreWhatAPersonMeans) {
    const Scaling tenths{.factor = 0.1};
    for (std::int64_t raw = -100'000; raw <= 100'000; ++raw) {
        const Value value = tenths.to_point(raw);
        ASSERT_LE(to_text(value).size(), 8u) << raw;
        ASSERT_EQ(as_integer(*tenths.to_raw(value)), raw);
    }
    EXPECT_EQ(to_text(tenths.to_point(std::int64_t{3})), "0.3");
}

TEST(PointScaling, GoesBothWaysWithAnOffset) {
    const Scaling scaling{.factor = 0.01, .offset = -40};
    EXPECT_EQ(scaling.to_point(std::int64_t{6150}), Value(21.5));
    EXPECT_EQ(as_integer(*scaling.to_raw(21.5)), 6150);
    const Scaling inverted{.factor = -1, .offset = 1};
    EXPECT_EQ(as_kind(inverted.to_point(true), Kind::boolean), Value(false));
    EXPECT_EQ(as_kind(*inverted.to_raw(false), Kind::boolean), Value(true));
}

TEST(PointScaling, WhatIsNoNumberIsLeftAloneAndHasNoRawOne) {
    const Scaling scaling{.factor = 2};
    EXPECT_EQ(scaling.to_point(std::string("x")), Value(std::string("x")));
    EXPECT_FALSE(scaling.to_raw(std::string("x")));
    EXPECT_FALSE((Scaling{.factor = 0, .offset = 1}.to_raw(1.0)));
}

TEST(PointStates, NamesAreSaidAndUnderstood) {
    const Definition breaker{
        .device = "d", .name = "breaker", .kind = Kind::boolean, .states = {"open", "closed"}};
    EXPECT_EQ(text_of(breaker, true), "closed");
    EXPECT_EQ(value_from_text(breaker, " Open "), Value(false));
    EXPECT_EQ(value_from_text(breaker, "1"), Value(true));
    EXPECT_EQ(value_from_text(breaker, "ajar"), std::nullopt);
    const Definition mode{
        .device = "d", .name = "mode", .kind = Kind::enumeration, .states = {"off", "", "auto"}};
    EXPECT_EQ(text_of(mode, Enumeration{2}), "auto");
    EXPECT_EQ(text_of(mode, Enumeration{1}), "1");
    EXPECT_EQ(text_of(mode, Enumeration{9}), "9");
    EXPECT_EQ(value_from_text(mode, "AUTO"), Value(Enumeration{2}));
    EXPECT_EQ(state_of(mode, Enumeration{1}), std::nullopt);
}

}  // namespace
}  // namespace causeway::points::value_test
