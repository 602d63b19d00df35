#pragma once
// Variable byte integers [MQTT 5.0 §1.5.5], and Remaining Length of 3.1.1, which is one.
#include "base/bytes.hpp"

#include <cstdint>

namespace causeway::mqtt {

inline constexpr std::uint32_t variable_int_max = 268'435'455;

struct VariableInt {
    std::uint32_t value = 0;
    /// That it took. 0: more octets are needed. 5: it goes on behind the fourth, so it is none.
    std::uint8_t octets = 0;
};

[[nodiscard]] constexpr std::size_t variable_int_size(std::uint32_t value) noexcept {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

[[nodiscard]] inline VariableInt decode_variable_int(Bytes in) noexcept {
    VariableInt out;
    for (unsigned i = 0; i < 4 && i < in.size(); ++i) {
        const auto octet = std::to_integer<std::uint32_t>(in[i]);
        out.value |= (octet & 0x7f) << (7 * i);
        if (octet < 0x80) {
            out.octets = static_cast<std::uint8_t>(i + 1);
            return out;
        }
    }
    if (in.size() >= 4) out.octets = 5;
    return out;
}

/// [MQTT-1.5.5-1]: written in no more octets than it needs.
[[nodiscard]] inline bool is_shortest(VariableInt integer) noexcept {
    return variable_int_size(integer.value) == integer.octets;
}

/// Fails on what is none, and on what is longer than it needs to be [MQTT-1.5.5-1].
[[nodiscard]] inline std::uint32_t read_variable_int(ByteReader& in) noexcept {
    VariableInt out;
    for (unsigned i = 0; i < 4; ++i) {
        const std::uint32_t octet = in.u8();
        out.value |= (octet & 0x7f) << (7 * i);
        if (octet >= 0x80) continue;
        out.octets = static_cast<std::uint8_t>(i + 1);
        if (is_shortest(out)) return out.value;
        break;
    }
    in.fail(Fault::bad_value);
    return 0;
}

inline void write_variable_int(ByteWriter& out, std::uint32_t value) {
    CAUSEWAY_ASSERT(value <= variable_int_max);
    for (; value >= 0x80; value >>= 7) out.u8(static_cast<std::uint8_t>(value | 0x80));
    out.u8(static_cast<std::uint8_t>(value));
}

}  // namespace causeway::mqtt
