#include "link/ieee802154/fcs.hpp"

#include <array>

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint16_t polynomial = 0x8408;  // 0x1021 with its bits the other way round
constexpr std::size_t slices = 8;
using Table = std::array<std::uint16_t, 256>;

// tables[k][v]: what octet v, followed by k zero octets, leaves in the register.
constexpr std::array<Table, slices> tables = [] {
    std::array<Table, slices> t{};
    for (std::size_t v = 0; v < 256; ++v) {
        auto rest = static_cast<std::uint16_t>(v);
        for (int bit = 0; bit < 8; ++bit)
            rest = static_cast<std::uint16_t>((rest & 1) != 0 ? rest >> 1 ^ polynomial : rest >> 1);
        t[0][v] = rest;
    }
    for (std::size_t k = 1; k < slices; ++k)
        for (std::size_t v = 0; v < 256; ++v)
            t[k][v] = static_cast<std::uint16_t>(t[k - 1][v] >> 8 ^ t[0][t[k - 1][v] & 0xff]);
    return t;
}();

}  // namespace

std::uint16_t fcs(Bytes frame) noexcept {
    const std::byte* at = frame.data();
    std::size_t left = frame.size();
    const auto octet = [&](std::size_t i) { return std::to_integer<unsigned>(at[i]); };
    unsigned crc = 0;
    for (; left >= slices; at += slices, left -= slices)
        crc = tables[7][(octet(0) ^ crc) & 0xff] ^ tables[6][octet(1) ^ crc >> 8] ^
              tables[5][octet(2)] ^ tables[4][octet(3)] ^ tables[3][octet(4)] ^
              tables[2][octet(5)] ^ tables[1][octet(6)] ^ tables[0][octet(7)];
    for (; left != 0; ++at, --left) crc = crc >> 8 ^ tables[0][(octet(0) ^ crc) & 0xff];
    return static_cast<std::uint16_t>(crc);
}

std::optional<Bytes> without_fcs(Bytes frame_and_fcs) noexcept {
    if (frame_and_fcs.size() < 2) return std::nullopt;
    const Bytes frame = frame_and_fcs.first(frame_and_fcs.size() - 2);
    ByteReader tail(frame_and_fcs.last(2));
    if (tail.le16() != fcs(frame)) return std::nullopt;
    return frame;
}

void append_fcs(Octets& frame) {
    const std::uint16_t sum = fcs(frame);
    frame.push_back(std::byte(sum & 0xff));
    frame.push_back(std::byte(sum >> 8));
}

}  // namespace causeway::link::ieee802154
