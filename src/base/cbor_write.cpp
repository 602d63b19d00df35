#include "base/cbor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace causeway {
namespace {

/// nullopt when a half has no room for it.
std::optional<std::uint16_t> to_half(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
    const int exponent = static_cast<int>(bits >> 23 & 0xff) - 127;
    const std::uint32_t mantissa = bits & 0x7f'ffffu;
    std::uint32_t half = 0;
    if (exponent == 128) {
        if ((mantissa & 0x1fffu) != 0) return std::nullopt;
        half = 0x7c00u | mantissa >> 13;
    } else if ((bits & 0x7fff'ffffu) == 0) {
        half = 0;
    } else if (exponent >= -14 && exponent <= 15) {
        if ((mantissa & 0x1fffu) != 0) return std::nullopt;
        half = static_cast<std::uint32_t>(exponent + 15) << 10 | mantissa >> 13;
    } else if (exponent >= -24 && exponent < -14) {  // a subnormal half
        const auto shift = static_cast<unsigned>(-exponent - 1);
        const std::uint32_t whole = mantissa | 0x80'0000u;
        if ((whole & ((1u << shift) - 1)) != 0) return std::nullopt;
        half = whole >> shift;
    } else {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(sign | half);
}

/// nullopt when a single has no room for it; a NaN is never asked about.
std::optional<float> to_single(double value) noexcept {
    if (std::isfinite(value) &&
        std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
        return std::nullopt;
    const auto narrow = static_cast<float>(value);
    return static_cast<double>(narrow) == value ? std::optional(narrow) : std::nullopt;
}

}  // namespace

CborWriter& CborWriter::head(std::uint8_t major, std::uint64_t argument) {
    const std::size_t octets = cbor_head_octets(argument);
    const auto info = octets == 1   ? static_cast<std::uint8_t>(argument)
                      : octets == 2 ? std::uint8_t{24}
                      : octets == 3 ? std::uint8_t{25}
                      : octets == 5 ? std::uint8_t{26}
                                    : std::uint8_t{27};
    out_.push_back(std::byte(major << 5 | info));
    for (std::size_t i = octets - 1; i-- > 0;)
        out_.push_back(std::byte(argument >> (8 * i) & 0xff));
    return *this;
}

CborWriter& CborWriter::integer(std::int64_t value) {
    return value < 0 ? negative(static_cast<std::uint64_t>(-1 - value))
                     : uint(static_cast<std::uint64_t>(value));
}

CborWriter& CborWriter::bytes(Bytes value) {
    head(2, value.size());
    return raw(value);
}

CborWriter& CborWriter::text(std::string_view value) {
    head(3, value.size());
    return raw(as_octets(value));
}

CborWriter& CborWriter::raw(Bytes items) {
    out_.insert(out_.end(), items.begin(), items.end());
    return *this;
}

CborWriter& CborWriter::simple(std::uint8_t number) {
    CAUSEWAY_ASSERT(number < 24 || number >= 32);
    return head(7, number);
}

CborWriter& CborWriter::floating(double value) {
    const auto put = [&](std::uint8_t initial, std::uint64_t bits, std::size_t octets) {
        out_.push_back(std::byte{initial});
        for (std::size_t i = octets; i-- > 0;) out_.push_back(std::byte(bits >> (8 * i) & 0xff));
    };
    if (std::isnan(value)) {  // one NaN for all [RFC 8949 §4.2.2]
        put(0xf9, 0x7e00, 2);
        return *this;
    }
    const auto narrow = to_single(value);
    if (!narrow)
        put(0xfb, std::bit_cast<std::uint64_t>(value), 8);
    else if (const auto half = to_half(*narrow))
        put(0xf9, *half, 2);
    else
        put(0xfa, std::bit_cast<std::uint32_t>(*narrow), 4);
    return *this;
}

std::size_t cbor_float_octets(double value) noexcept {
    if (std::isnan(value)) return 2;
    const auto narrow = to_single(value);
    return !narrow ? 8 : to_half(*narrow) ? 2 : 4;
}

void write_map(CborWriter& out, std::vector<CborPair> pairs) {
    std::ranges::sort(pairs, std::ranges::lexicographical_compare, &CborPair::key);
    out.map(pairs.size());
    for (const CborPair& pair : pairs) out.raw(pair.key).raw(pair.value);
}

}  // namespace causeway
