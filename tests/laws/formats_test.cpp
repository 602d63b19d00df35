// What every wire format owes: what it parses it emits in as many octets as it said, and parses
// again to the same value; and it never reads past the end, whatever stands there.
#include "tests/laws/formats.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

namespace causeway::laws {
namespace {

template <class Format>
class FormatLaws : public testing::Test {};

template <class Tuple>
struct TestTypes;
template <class... Ts>
struct TestTypes<std::tuple<Ts...>> {
    using type = testing::Types<Ts...>;
};
TYPED_TEST_SUITE(FormatLaws, TestTypes<Formats>::type);

/// A value that can be emitted: the default one, unless it lacks something.
template <class Format>
Format example() {
    return {};
}
template <>
ip::nd::DuplicateAddress example() {
    return {.owner = InplaceBytes<32>(Octets(8))};
}

template <>
mqtt::sn::Encapsulation example() {
    return {.radius = 0, .node = "n"};
}

/// Something like an example, a few octets changed.
template <class Format>
Octets nearly_right(Random& random) {
    Octets octets = emitted(example<Format>());
    octets.resize(octets.size() + random.below(24));
    const std::uint64_t changes = random.below(6);
    for (std::uint64_t i = 0; i < changes && !octets.empty(); ++i) {
        const std::size_t at = random.below(octets.size());
        octets[at] = std::byte(random.next() & 0xff);
    }
    return octets;
}

/// Octets with some sense in them: small numbers, runs of zeros, and what chance brings.
Octets plausible(Random& random) {
    Octets octets(random.below(96));
    const std::uint64_t kind = random.below(3);
    for (std::byte& octet : octets) {
        const std::uint64_t draw = random.next();
        if (kind == 0)
            octet = std::byte(draw & 0xff);
        else if (kind == 1)
            octet = std::byte(draw >> 8 & 7);
        else
            octet = (draw & 0x300) == 0 ? std::byte(draw & 0xff) : std::byte{0};
    }
    return octets;
}

TYPED_TEST(FormatLaws, WhatIsParsedIsEmittedAndParsedAgain) {
    Random random(2026);
    std::size_t understood = 0;
    for (int i = 0; i < 20'000; ++i) {
        const Octets octets = i % 2 == 0 ? plausible(random) : nearly_right<TypeParam>(random);
        ByteReader in(octets);
        const auto value = TypeParam::parse(in);
        if (!value) {
            EXPECT_NE(value.error().fault, Fault::none);
            EXPECT_LE(value.error().offset, octets.size());
            continue;
        }
        ++understood;
        Octets again(value->wire_size());
        ByteWriter out(again);
        value->emit(out);
        ASSERT_EQ(out.written(), again.size());
        const auto back = parse_as<TypeParam>(again);
        ASSERT_TRUE(back.has_value()) << i;
        ASSERT_TRUE(*back == *value) << i;
    }
    EXPECT_GT(understood, 0u) << "nothing was parsed, so nothing was shown";
}

TYPED_TEST(FormatLaws, ADefaultValueComesBack) {
    const TypeParam value = example<TypeParam>();
    const Octets octets = emitted(value);  // some values borrow from it
    const auto back = parse_as<TypeParam>(octets);
    EXPECT_TRUE(!back || *back == value);
}

}  // namespace
}  // namespace causeway::laws
