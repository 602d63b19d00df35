#pragma once
// For tests: packets written down so that one can read them, and what is said of them.
#include "base/hex.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/variable_int.hpp"

#include <string>
#include <string_view>

namespace causeway::mqtt::testing {

/// Hex digits; 'abc' stands for the octets of a text, <abc> for a text with its length in front.
[[nodiscard]] inline Octets octets_of(std::string_view sketch) {
    Octets out;
    std::string hex;
    const auto flush = [&] {
        const auto octets = from_hex(hex);
        CAUSEWAY_ASSERT(octets.has_value());
        out.insert(out.end(), octets->begin(), octets->end());
        hex.clear();
    };
    for (std::size_t i = 0; i < sketch.size(); ++i) {
        if (sketch[i] != '\'' && sketch[i] != '<') {
            hex += sketch[i];
            continue;
        }
        flush();
        const std::size_t end = sketch.find(sketch[i] == '<' ? '>' : '\'', i + 1);
        CAUSEWAY_ASSERT(end != sketch.npos);
        const std::string_view text = sketch.substr(i + 1, end - i - 1);
        if (sketch[i] == '<') {
            out.push_back(static_cast<std::byte>(text.size() >> 8));
            out.push_back(static_cast<std::byte>(text.size() & 0xff));
        }
        for (const char c : text) out.push_back(static_cast<std::byte>(c));
        i = end;
    }
    flush();
    return out;
}

/// A packet with a remaining length that is right.
[[nodiscard]] inline Octets packet(unsigned first, Bytes body) {
    Octets out(1 + variable_int_size(static_cast<std::uint32_t>(body.size())) + body.size());
    ByteWriter writer(out);
    writer.u8(static_cast<std::uint8_t>(first));
    write_variable_int(writer, static_cast<std::uint32_t>(body.size()));
    writer.put(body);
    return out;
}
[[nodiscard]] inline Octets packet(unsigned first, std::string_view body) {
    return packet(first, octets_of(body));
}

/// Why it is refused; {success, "accepted"} when it is not.
[[nodiscard]] inline Refused refusal(Bytes whole, Version version) {
    const auto parsed = parse_packet(whole, version);
    return parsed ? Refused{Reason::success, "accepted"} : parsed.error();
}

constexpr auto v3 = Version::v3_1_1;
constexpr auto v5 = Version::v5;

/// One packet that is no packet.
struct Bad {
    Version version;
    unsigned first;
    std::string_view body;
    Reason reason;
    std::string_view what;
};

}  // namespace causeway::mqtt::testing

#define EXPECT_REFUSED(bad)                                                              \
    do {                                                                                 \
        const auto refused_ = causeway::mqtt::testing::refusal(                          \
            causeway::mqtt::testing::packet((bad).first, (bad).body), (bad).version);    \
        EXPECT_EQ(refused_.reason, (bad).reason) << (bad).body << ": " << refused_.what; \
        EXPECT_EQ(refused_.what, (bad).what) << (bad).body;                              \
    } while (false)

/// What stands in the packet is what is read, and what is emitted.
#define EXPECT_SAYS(hex, version, expected)                                         \
    do {                                                                            \
        const auto octets_ = causeway::mqtt::testing::octets_of(hex);               \
        const causeway::mqtt::Packet expected_ = (expected);                        \
        const auto parsed_ = causeway::mqtt::parse_packet(octets_, version);        \
        ASSERT_TRUE(parsed_.has_value()) << (hex) << ": " << parsed_.error().what;  \
        EXPECT_TRUE(*parsed_ == expected_) << (hex);                                \
        const auto emitted_ = causeway::mqtt::emitted(expected_, version);          \
        EXPECT_EQ(causeway::to_hex(emitted_, " "), causeway::to_hex(octets_, " ")); \
        EXPECT_EQ(causeway::mqtt::wire_size(expected_, version), octets_.size());   \
    } while (false)
