#include "printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace causeway::cli {
namespace {

/// Octets of the well-formed UTF-8 sequence that `text` starts with; zero when none does.
/// [RFC 3629 §4]
std::size_t sequence_octets(std::string_view text) noexcept {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = octet(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const std::size_t octets = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (octets > text.size()) return 0;
    const unsigned second = octet(1);
    // Overlong forms, surrogates, and what lies beyond Unicode.
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
        return 0;
    for (std::size_t i = 1; i < octets; ++i)
        if ((octet(i) & 0xc0) != 0x80) return 0;
    return octets;
}

bool is_control(std::string_view sequence) noexcept {
    const auto lead = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
    return lead == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // C1
}

}  // namespace

bool is_plain_text(Bytes octets) noexcept {
    for (std::string_view text = as_text(octets); !text.empty();) {
        const std::size_t n = sequence_octets(text);
        if (n == 0) return false;
        const bool white = text[0] == '\n' || text[0] == '\t' || text[0] == '\r';
        if (!white && is_control(text.substr(0, n))) return false;
        text.remove_prefix(n);
    }
    return true;
}

std::string printable(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const std::size_t n = sequence_octets(text);
        if (n != 0 && !is_control(text.substr(0, n)))
            shown += text.substr(0, n);
        else
            for (const char c : text.substr(0, std::max<std::size_t>(n, 1)))
                shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        text.remove_prefix(std::max<std::size_t>(n, 1));
    }
    return shown;
}

}  // namespace causeway::cli
