#include "mqtt/text.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace causeway::mqtt {
namespace {

constexpr std::uint64_t each(std::uint8_t octet) noexcept {
    return 0x0101010101010101u * octet;
}

/// Not zero if and only if some octet is zero.
constexpr std::uint64_t zeros_in(std::uint64_t word) noexcept {
    return (word - each(0x01)) & ~word & each(0x80);
}

template <class Word>
Word load(const char* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// What was seen so far, a bit or more set in each where there was one.
struct Seen {
    std::uint64_t high = 0;
    std::uint64_t zero = 0;
    std::uint64_t wildcard = 0;

    void look_at(std::uint64_t word) noexcept {
        high |= word & each(0x80);
        zero |= zeros_in(word);
        // '#' (0x23) and '+' (0x2b) differ in one bit.
        static_assert(('#' | 0x08) == '+');
        wildcard |= zeros_in((word | each(0x08)) ^ each('+'));
    }
};

/// Up to seven octets, the others blanks; some octets may stand in it twice.
std::uint64_t short_word(std::string_view text) noexcept {
    const std::size_t size = text.size();
    if (size >= 4) {
        return load<std::uint32_t>(text.data()) |
               std::uint64_t{load<std::uint32_t>(text.data() + size - 4)} << 32;
    }
    if (size == 0) return each(' ');
    const auto at = [&](std::size_t i) {
        return std::uint64_t{static_cast<std::uint8_t>(text[i])};
    };
    return (each(' ') & ~std::uint64_t{0xffffff}) | at(0) | at(size / 2) << 8 | at(size - 1) << 16;
}

/// What a first octet asks of those behind it [RFC 3629 §4].
struct Lead {
    std::uint8_t more;         // octets that follow; 0: it cannot be first
    std::uint8_t second_low;   // the range of the second: no overlong forms, no surrogates,
    std::uint8_t second_high;  // nothing above U+10FFFF
};

constexpr Lead lead_of(std::uint8_t first) noexcept {
    if (first >= 0xc2 && first <= 0xdf) return {1, 0x80, 0xbf};
    if (first == 0xe0) return {2, 0xa0, 0xbf};
    if (first == 0xed) return {2, 0x80, 0x9f};  // [MQTT-1.5.4-1]: no U+D800 to U+DFFF
    if (first >= 0xe1 && first <= 0xef) return {2, 0x80, 0xbf};
    if (first == 0xf0) return {3, 0x90, 0xbf};
    if (first >= 0xf1 && first <= 0xf3) return {3, 0x80, 0xbf};
    if (first == 0xf4) return {3, 0x80, 0x8f};
    return {0, 0, 0};
}

bool is_well_formed(std::string_view text) noexcept {
    const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto* const end = at + text.size();
    while (at != end) {
        if (*at < 0x80) {
            if (*at == 0) return false;  // [MQTT-1.5.4-2]
            ++at;
            continue;
        }
        const Lead lead = lead_of(*at);
        if (lead.more == 0 || end - at <= lead.more) return false;
        if (at[1] < lead.second_low || at[1] > lead.second_high) return false;
        for (int i = 2; i <= lead.more; ++i) {
            if ((at[i] & 0xc0) != 0x80) return false;
        }
        at += lead.more + 1;
    }
    return true;
}

}  // namespace

TextTraits traits_of(std::string_view text) noexcept {
    Seen seen;
    const std::size_t size = text.size();
    if (size < 8) {
        seen.look_at(short_word(text));
    } else {
        for (std::size_t i = 0; i + 8 <= size; i += 8) {
            seen.look_at(load<std::uint64_t>(text.data() + i));
        }
        seen.look_at(load<std::uint64_t>(text.data() + size - 8));  // what is left, overlapping
    }
    return {.well_formed = seen.zero == 0 && (seen.high == 0 || is_well_formed(text)),
            .wildcard = seen.wildcard != 0};
}

}  // namespace causeway::mqtt
