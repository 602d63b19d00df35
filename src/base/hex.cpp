#include "base/hex.hpp"

namespace causeway {
namespace {

std::optional<unsigned> digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

bool separates(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ':' || c == '-';
}

}  // namespace

std::string to_hex(Bytes octets, std::string_view separator) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(octets.size() * (2 + separator.size()));
    for (std::size_t i = 0; i < octets.size(); ++i) {
        if (i != 0) text += separator;
        const auto v = std::to_integer<unsigned>(octets[i]);
        text += digits[v >> 4];
        text += digits[v & 15];
    }
    return text;
}

std::optional<Octets> from_hex(std::string_view text) {
    Octets octets;
    octets.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size();) {
        if (separates(text[i])) {
            ++i;
            continue;
        }
        if (i + 1 == text.size()) return std::nullopt;
        const auto high = digit(text[i]);
        const auto low = digit(text[i + 1]);
        if (!high || !low) return std::nullopt;
        octets.push_back(static_cast<std::byte>(*high << 4 | *low));
        i += 2;
    }
    return octets;
}

inline namespace literals {

Octets operator""_hex(const char* text, std::size_t size) {
    auto octets = from_hex({text, size});
    CAUSEWAY_ASSERT(octets.has_value());
    return *std::move(octets);
}

}  // namespace literals
}  // namespace causeway
