#include "ip/checksum.hpp"

#include "base/hex.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::checksum_test {
namespace {

/// The definition, word by word.
std::uint16_t slow_sum(Bytes octets) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < octets.size(); i += 2) {
        sum += std::to_integer<std::uint32_t>(octets[i]) << 8;
        if (i + 1 < octets.size()) sum += std::to_integer<std::uint32_t>(octets[i + 1]);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

Octets random_octets(Random& random, std::size_t size) {
    Octets octets(size);
    for (std::byte& octet : octets) octet = static_cast<std::byte>(random.below(256));
    return octets;
}

TEST(Checksum, AgreesWithTheStandardsExample) {  // [RFC 1071 §3]
    ChecksumSum sum;
    sum.add("00 01 f2 03 f4 f5 f6 f7"_hex);
    EXPECT_EQ(sum.sum(), 0xddf2);
    EXPECT_EQ(internet_checksum("00 01 f2 03 f4 f5 f6 f7"_hex), 0x220d);
}

TEST(Checksum, PiecesMayStartOnOddOctets) {  // [RFC 1071 §3], the sum broken in two
    ChecksumSum sum;
    sum.add("00 01 f2"_hex);
    sum.add("03 f4 f5 f6 f7"_hex);
    EXPECT_EQ(sum.sum(), 0xddf2);
}

TEST(Checksum, OfNothingAndOfOneOctet) {
    EXPECT_EQ(internet_checksum({}), 0xffff);
    EXPECT_EQ(internet_checksum("ab"_hex), 0x54ff);
}

TEST(Checksum, AgreesWithTheDefinitionOnAnything) {
    Random random(1);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t size = random.below(200);
        const Octets octets = random_octets(random, size);
        const std::size_t cut = random.below(size + 1);
        ChecksumSum sum;
        sum.add(Bytes(octets).first(cut));
        sum.add(Bytes(octets).subspan(cut));
        ASSERT_EQ(sum.sum(), slow_sum(octets)) << to_hex(octets) << " cut at " << cut;
    }
}

TEST(Checksum, CarriesOfLongOnesGoAround) {
    const Octets ones(65535, std::byte{0xff});
    EXPECT_EQ(internet_checksum(ones), static_cast<std::uint16_t>(~slow_sum(ones)));
}

TEST(Checksum, UpdatesInPlace) {  // [RFC 1624 §4], which RFC 1141 gets wrong
    EXPECT_EQ(updated_checksum(0xdd2f, std::uint16_t{0x5555}, std::uint16_t{0x3285}), 0x0000);
}

TEST(Checksum, UpdateAgreesWithComputingAgain) {
    Random random(2);
    for (int round = 0; round < 2000; ++round) {
        Octets octets = random_octets(random, 40);
        octets[0] = std::byte{0x60};  // never all zeros, as no packet is
        const std::uint16_t before = internet_checksum(octets);
        const std::size_t where = 2 + 2 * random.below(10);
        const std::size_t size = 2 + random.below(16);
        const Octets now = random_octets(random, size);
        const Octets was(octets.begin() + static_cast<std::ptrdiff_t>(where),
                         octets.begin() + static_cast<std::ptrdiff_t>(where + size));
        std::ranges::copy(now, octets.begin() + static_cast<std::ptrdiff_t>(where));
        ASSERT_EQ(updated_checksum(before, was, now), internet_checksum(octets));
    }
}

TEST(Checksum, PseudoHeaderCountsEveryField) {  // [RFC 8200 §8.1]
    const auto source = *Address::from_text("2001:db8::1");
    const auto target = *Address::from_text("2001:db8::2");
    const Octets pseudo =
        "20010db8000000000000000000000001 20010db8000000000000000000000002 00012345 0000003a"_hex;
    EXPECT_EQ(pseudo_header_sum(source, target, 0x12345, 58).sum(), slow_sum(pseudo));
}

}  // namespace
}  // namespace causeway::ip::checksum_test
