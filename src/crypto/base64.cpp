#include "crypto/base64.hpp"

namespace causeway::crypto {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> digits = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(no_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return table;
}();

}  // namespace

std::string to_base64(Bytes octets, Padding padding) {
    std::string text;
    text.reserve((octets.size() + 2) / 3 * 4);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const std::byte octet : octets) {
        held = held << 8 | std::to_integer<std::uint32_t>(octet);
        for (bits += 8; bits >= 6; bits -= 6) text += alphabet[held >> (bits - 6) & 63];
    }
    if (bits > 0) text += alphabet[held << (6 - bits) & 63];
    while (padding == Padding::with && text.size() % 4 != 0) text += '=';
    return text;
}

std::optional<Octets> from_base64(std::string_view text) {
    if (text.ends_with('=')) {
        if (text.size() % 4 != 0) return std::nullopt;
        text.remove_suffix(text.ends_with("==") ? 2 : 1);
    }
    if (text.size() % 4 == 1) return std::nullopt;
    Octets octets;
    octets.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char character : text) {
        const std::uint8_t digit = digits[static_cast<unsigned char>(character)];
        if (digit == no_digit) return std::nullopt;
        held = held << 6 | digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        octets.push_back(static_cast<std::byte>(held >> bits & 0xff));
    }
    // Else two texts would mean the same octets.
    if ((held & ((1u << bits) - 1)) != 0) return std::nullopt;
    return octets;
}

}  // namespace causeway::crypto
