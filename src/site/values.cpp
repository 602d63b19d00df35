#include "site/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

namespace causeway::site {
namespace {

using namespace std::chrono_literals;

struct DurationUnit {
    std::string_view symbol;
    Duration size;
};

constexpr std::array duration_units{
    DurationUnit{"us", 1us}, DurationUnit{"ms", 1ms}, DurationUnit{"s", 1s},
    DurationUnit{"m", 1min}, DurationUnit{"h", 1h},   DurationUnit{"d", 24h},
};
constexpr Duration duration_max = 10'000 * 24h;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <class Number>
std::optional<Number> parse_decimal(std::string_view digits) {
    Number number{};
    if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{}) return std::nullopt;
    return number;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    const auto letters =
        static_cast<std::size_t>(std::ranges::find_if(text, is_letter) - text.begin());
    const std::string_view symbol = text.substr(letters);
    const auto unit = std::ranges::find(duration_units, symbol, &DurationUnit::symbol);
    if (unit == duration_units.end()) return std::nullopt;

    const std::string_view number = text.substr(0, letters);
    const std::size_t point = std::min(number.find('.'), number.size());
    const auto whole = parse_decimal<std::int64_t>(number.substr(0, point));
    if (!whole || *whole > duration_max / unit->size) return std::nullopt;
    Duration duration = *whole * unit->size;
    if (point != number.size()) {
        const std::string_view decimals = number.substr(point + 1);
        Duration place = unit->size;
        if (decimals.empty() || !std::ranges::all_of(decimals, is_digit)) return std::nullopt;
        for (const char c : decimals) {
            const bool too_fine = place == Duration{} || place.count() % 10 != 0;
            if (too_fine && c != '0') return std::nullopt;
            place /= 10;
            duration += (c - '0') * place;
        }
    }
    if (duration > duration_max) return std::nullopt;
    return duration;
}

std::string to_text(Duration duration) {
    for (const DurationUnit& unit : std::views::reverse(duration_units)) {
        if (unit.symbol == "d" || duration == Duration{}) continue;
        if (duration % unit.size == Duration{}) {
            return std::to_string(duration / unit.size) + std::string(unit.symbol);
        }
    }
    return duration == Duration{} ? "0s" : std::to_string(duration.count()) + "ns";
}

std::optional<std::int64_t> parse_octets(std::string_view text) {
    const auto letters =
        static_cast<std::size_t>(std::ranges::find_if(text, is_letter) - text.begin());
    const std::string_view unit = text.substr(letters);
    int shift = 0;
    if (unit == "KiB") {
        shift = 10;
    } else if (unit == "MiB") {
        shift = 20;
    } else if (unit == "GiB") {
        shift = 30;
    } else if (!unit.empty()) {
        return std::nullopt;
    }
    const auto number = parse_decimal<std::int64_t>(text.substr(0, letters));
    if (!number || *number > INT64_MAX >> shift) return std::nullopt;
    return *number << shift;
}

std::optional<HostAndPort> parse_host(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool sound = std::ranges::all_of(host, [&](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' ||
               (bracketed && (c == ':' || c == '%'));
    });
    if (!port || *port == 0 || host.empty() || host.size() > 253 || !sound) return std::nullopt;
    return HostAndPort{std::string(host), *port};
}

bool is_name(std::string_view text, std::size_t characters_max) noexcept {
    if (text.empty() || text.size() > characters_max) return false;
    if (!is_letter(text[0]) && !is_digit(text[0])) return false;
    return std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

}  // namespace causeway::site
