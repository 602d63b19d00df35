#include "base/bytes.hpp"

#include "base/hex.hpp"
#include "base/inplace_bytes.hpp"
#include "base/inplace_vector.hpp"

#include <gtest/gtest.h>

namespace causeway::bytes_test {
namespace {

TEST(ByteReader, ReadsEveryWidthInBothOrders) {
    const Octets octets =
        "01 0203 040506 0708090a 0b0c0d0e0f101112 0201 04030201 0807060504030201"_hex;
    ByteReader in(octets);
    EXPECT_EQ(in.u8(), 0x01);
    EXPECT_EQ(in.be16(), 0x0203);
    EXPECT_EQ(in.be24(), 0x040506u);
    EXPECT_EQ(in.be32(), 0x0708090au);
    EXPECT_EQ(in.be64(), 0x0b0c0d0e0f101112u);
    EXPECT_EQ(in.le16(), 0x0102);
    EXPECT_EQ(in.le32(), 0x01020304u);
    EXPECT_EQ(in.le64(), 0x0102030405060708u);
    EXPECT_TRUE(in.ok());
    EXPECT_FALSE(in.more());
}

TEST(ByteReader, TheFirstFailureSticksAndKeepsItsOffset) {
    const Octets octets = "01 02 03"_hex;
    ByteReader in(octets);
    in.u8();
    EXPECT_EQ(in.be32(), 0u);
    EXPECT_EQ(in.u8(), 0);
    EXPECT_TRUE(in.take(1).empty());
    in.fail(Fault::bad_value);
    EXPECT_EQ(in.error(), (WireError{Fault::truncated, 1}));
    EXPECT_FALSE(in.more());
}

TEST(ByteReader, PeekTakesNothing) {
    const Octets octets = "7f"_hex;
    ByteReader in(octets);
    EXPECT_EQ(in.peek(), 0x7f);
    EXPECT_EQ(in.u8(), 0x7f);
    EXPECT_EQ(in.peek(), 0);
    EXPECT_TRUE(in.ok());
}

TEST(ByteReader, AnEmptyTakeIsNoFailure) {
    ByteReader in{Bytes{}};
    EXPECT_TRUE(in.take(0).empty());
    EXPECT_TRUE(in.rest().empty());
    EXPECT_TRUE(in.ok());
}

TEST(ByteReader, ReadIntoLeavesItsTargetAloneWhenShort) {
    const Octets octets = "01 02"_hex;
    ByteReader in(octets);
    std::array<std::byte, 3> target{};
    in.read_into(target);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(target, (std::array<std::byte, 3>{}));
}

TEST(ByteWriter, WritesWhatTheReaderReads) {
    Octets octets(34);
    ByteWriter out(octets);
    out.u8(0x01);
    out.be16(0x0203);
    out.be24(0x040506);
    out.be32(0x0708090a);
    out.be64(0x0b0c0d0e0f101112);
    out.le16(0x0102);
    out.le32(0x01020304);
    out.le64(0x0102030405060708);
    out.zeros(2);
    EXPECT_EQ(out.room(), 0u);
    out.patch_u8(32, 0xaa);
    out.patch_be16(0, 0xbbcc);
    EXPECT_EQ(to_hex(octets),
              "bbcc03040506"
              "0708090a"
              "0b0c0d0e0f101112"
              "0201"
              "04030201"
              "0807060504030201"
              "aa00");
}

TEST(ByteWriterDeath, AnOverrunIsOurBug) {
    Octets octets(1);
    ByteWriter out(octets);
    EXPECT_DEATH(out.be16(1), "room");
    EXPECT_DEATH(out.put("0102"_hex), "room");
    EXPECT_DEATH(out.patch_be16(0, 1), "done_");
}

TEST(Hex, ReadsBlanksAndColonsAndRefusesTheRest) {
    EXPECT_EQ(from_hex("7a 33\n3A:00-ff"), "7a333a00ff"_hex);
    EXPECT_EQ(from_hex(""), Octets{});
    EXPECT_EQ(from_hex("7"), std::nullopt);
    EXPECT_EQ(from_hex("7 a"), std::nullopt);
    EXPECT_EQ(from_hex("0x7a"), std::nullopt);
    EXPECT_EQ(to_hex("7a333a"_hex, ":"), "7a:33:3a");
}

TEST(InplaceBytes, CopiesAndComparesOnlyWhatIsUsed) {
    InplaceBytes<8> a("010203"_hex);
    InplaceBytes<8> b("ffffffffffffffff"_hex);
    b = a;
    EXPECT_EQ(a, b);
    b.append("04"_hex);
    EXPECT_NE(a, b);
    EXPECT_EQ(to_hex(b.bytes()), "01020304");
    b.resize(2);
    EXPECT_EQ(to_hex(b.bytes()), "0102");
}

TEST(InplaceBytesDeath, GrowingPastTheCapacityIsOurBug) {
    InplaceBytes<2> a("0102"_hex);
    EXPECT_DEATH(a.append("03"_hex), "Capacity");
}

TEST(InplaceVector, KeepsOrderWhenErasing) {
    InplaceVector<int, 4> list;
    for (int i = 1; i <= 4; ++i) list.push_back(i);
    EXPECT_TRUE(list.full());
    list.erase_at(1);
    EXPECT_EQ(list.erase_if([](int v) { return v == 4; }), 1u);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0], 1);
    EXPECT_EQ(list[1], 3);
}

}  // namespace
}  // namespace causeway::bytes_test
