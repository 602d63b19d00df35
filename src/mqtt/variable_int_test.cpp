#include "mqtt/variable_int.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::mqtt::variable_int_test {
namespace {

struct Row {
    std::uint32_t value;
    std::string_view hex;
};
// [MQTT 5.0 §1.5.5 table 1-1]
constexpr Row rows[] = {{0, "00"},
                        {127, "7f"},
                        {128, "80 01"},
                        {321, "c1 02"},
                        {16'383, "ff 7f"},
                        {16'384, "80 80 01"},
                        {2'097'151, "ff ff 7f"},
                        {2'097'152, "80 80 80 01"},
                        {268'435'455, "ff ff ff 7f"}};

TEST(VariableInt, TakesAsFewOctetsAsItCan) {
    // [MQTT-1.5.5-1]
    for (const Row& row : rows) {
        Octets out(variable_int_size(row.value));
        ByteWriter writer(out);
        write_variable_int(writer, row.value);
        EXPECT_EQ(to_hex(out, " "), row.hex);
        EXPECT_EQ(writer.room(), 0u);
    }
}

TEST(VariableInt, IsReadAsItWasWritten) {
    for (const Row& row : rows) {
        const Octets octets = *from_hex(row.hex);
        ByteReader reader(octets);
        EXPECT_EQ(read_variable_int(reader), row.value);
        EXPECT_TRUE(reader.ok());
        EXPECT_FALSE(reader.more());
        const VariableInt decoded = decode_variable_int(octets);
        EXPECT_EQ(decoded.value, row.value);
        EXPECT_EQ(decoded.octets, octets.size());
        EXPECT_TRUE(is_shortest(decoded));
    }
}

TEST(VariableInt, IsNotReadWhenItIsLongerThanItNeedsToBe) {
    // [MQTT-1.5.5-1]
    for (const char* hex : {"80 00", "ff 00", "80 80 00", "ff ff 80 00"}) {
        const Octets octets = *from_hex(hex);
        ByteReader reader(octets);
        EXPECT_EQ(read_variable_int(reader), 0u);
        EXPECT_FALSE(reader.ok()) << hex;
        EXPECT_FALSE(is_shortest(decode_variable_int(octets)));
    }
}

TEST(VariableInt, HasNoFifthOctet) {
    const Octets octets = "ff ff ff ff 01"_hex;
    ByteReader reader(octets);
    EXPECT_EQ(read_variable_int(reader), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(decode_variable_int(octets).octets, 5);
    EXPECT_EQ(decode_variable_int("80 80 80 80"_hex).octets, 5);
}

TEST(VariableInt, AsksForMoreOctetsWhileItGoesOn) {
    EXPECT_EQ(decode_variable_int({}).octets, 0);
    EXPECT_EQ(decode_variable_int("80"_hex).octets, 0);
    EXPECT_EQ(decode_variable_int("ff ff ff"_hex).octets, 0);
    const Octets half = "80 80"_hex;
    ByteReader reader(half);
    (void)read_variable_int(reader);
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace causeway::mqtt::variable_int_test
