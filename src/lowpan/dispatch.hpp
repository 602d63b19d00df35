#pragma once
// What follows, by the first octet of a 6LoWPAN header.
// [RFC 4944 §5.1; RFC 6282 §5; RFC 8025 §3]
// Page 0 only: in page 1 and above most patterns mean something else. [RFC 8025 §4]
#include <cstdint>

namespace causeway::lowpan {

/// Where a pattern fixes fewer than eight bits, the constant is its lowest value.
namespace dispatch {
inline constexpr std::uint8_t escape = 0x40;  // 01 000000, instead of 01 111111 [RFC 6282 §5]
inline constexpr std::uint8_t ipv6 = 0x41;
inline constexpr std::uint8_t hc1 = 0x42;
inline constexpr std::uint8_t bc0 = 0x50;
inline constexpr std::uint8_t iphc = 0x60;   // 011xxxxx
inline constexpr std::uint8_t mesh = 0x80;   // 10xxxxxx
inline constexpr std::uint8_t frag1 = 0xc0;  // 11000xxx
inline constexpr std::uint8_t fragn = 0xe0;  // 11100xxx
inline constexpr std::uint8_t page = 0xf0;   // 1111xxxx
}  // namespace dispatch

enum class HeaderType : std::uint8_t {
    nalp,  // not a LoWPAN frame: some other protocol that shares the link
    escape,
    ipv6,  // uncompressed
    hc1,
    bc0,
    iphc,
    mesh,
    frag1,
    fragn,
    page,
    reserved,
};

[[nodiscard]] constexpr HeaderType header_type(std::uint8_t first_octet) noexcept {
    switch (first_octet >> 6) {
        case 0:
            return HeaderType::nalp;
        case 1:
            if ((first_octet & 0xe0) == dispatch::iphc) return HeaderType::iphc;
            switch (first_octet) {
                case dispatch::escape:
                    return HeaderType::escape;
                case dispatch::ipv6:
                    return HeaderType::ipv6;
                case dispatch::hc1:
                    return HeaderType::hc1;
                case dispatch::bc0:
                    return HeaderType::bc0;
                default:
                    return HeaderType::reserved;
            }
        case 2:
            return HeaderType::mesh;
        default:
            if ((first_octet & 0xf8) == dispatch::frag1) return HeaderType::frag1;
            if ((first_octet & 0xf8) == dispatch::fragn) return HeaderType::fragn;
            if ((first_octet & 0xf0) == dispatch::page) return HeaderType::page;
            return HeaderType::reserved;
    }
}

}  // namespace causeway::lowpan
