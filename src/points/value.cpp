#include "points/value.hpp"

#include "base/ascii.hpp"
#include "base/hex.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace causeway::points {
namespace {

constexpr std::array<std::string_view, 6> kind_names{"boolean", "integer", "real",
                                                     "text",    "octets",  "enumeration"};
static_assert(std::variant_size_v<Value> == kind_names.size());

/// The whole of it, a leading plus sign allowed.
template <class T>
std::optional<T> number_from(std::string_view text) noexcept {
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return number;
}

template <class T>
std::string number_to(T number) {
    std::array<char, 32> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return {digits.data(), end};
}

std::optional<std::int64_t> nearest(double number) noexcept {
    number = std::round(number);
    // 2^63 is a double, the largest int64 is none; NaN fails both.
    if (!(number >= -0x1p63 && number < 0x1p63)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

std::optional<bool> boolean_from(std::string_view text) {
    const std::string word = lowered(text);
    if (word == "true" || word == "on" || word == "1") return true;
    if (word == "false" || word == "off" || word == "0") return false;
    return std::nullopt;
}

std::optional<std::int64_t> integer_from(std::string_view text) {
    if (const auto whole = number_from<std::int64_t>(text)) return whole;
    // "21.0" and "1e3" are whole numbers, too.
    const auto real = number_from<double>(text);
    if (!real || *real != std::round(*real)) return std::nullopt;
    return nearest(*real);
}

std::optional<Enumeration> enumeration_of(std::optional<std::int64_t> number) noexcept {
    if (!number || *number < 0 || *number > UINT32_MAX) return std::nullopt;
    return Enumeration{static_cast<std::uint32_t>(*number)};
}

}  // namespace

std::string_view name_of(Kind kind) noexcept {
    const std::size_t at = std::to_underlying(kind);
    return at < kind_names.size() ? kind_names[at] : "?";
}

std::optional<Kind> kind_from_text(std::string_view text) noexcept {
    for (std::size_t i = 0; i < kind_names.size(); ++i)
        if (kind_names[i] == text) return static_cast<Kind>(i);
    return std::nullopt;
}

Value zero_of(Kind kind) {
    switch (kind) {
        case Kind::boolean:
            return false;
        case Kind::integer:
            return std::int64_t{0};
        case Kind::real:
            return 0.0;
        case Kind::text:
            return std::string();
        case Kind::octets:
            return Octets();
        case Kind::enumeration:
            break;
    }
    return Enumeration{};
}

std::optional<double> as_real(const Value& value) noexcept {
    switch (kind_of(value)) {
        case Kind::boolean:
            return *std::get_if<bool>(&value) ? 1.0 : 0.0;
        case Kind::integer:
            return static_cast<double>(*std::get_if<std::int64_t>(&value));
        case Kind::real:
            return *std::get_if<double>(&value);
        case Kind::enumeration:
            return std::get_if<Enumeration>(&value)->number;
        case Kind::text:
        case Kind::octets:
            break;
    }
    return std::nullopt;
}

std::optional<std::int64_t> as_integer(const Value& value) noexcept {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
    const auto real = as_real(value);
    return real ? nearest(*real) : std::nullopt;
}

std::optional<Value> as_kind(const Value& value, Kind kind) {
    if (kind_of(value) == kind) return value;
    if (kind == Kind::text) return to_text(value);
    if (const auto* text = std::get_if<std::string>(&value)) return from_text(*text, kind);
    if (kind == Kind::octets) return std::nullopt;
    if (kind == Kind::real) {
        const auto real = as_real(value);
        return real ? std::optional<Value>(*real) : std::nullopt;
    }
    const auto whole = as_integer(value);
    if (!whole) return std::nullopt;
    if (kind == Kind::integer) return *whole;
    if (kind == Kind::boolean) {
        if (*whole != 0 && *whole != 1) return std::nullopt;
        return *whole == 1;
    }
    const auto state = enumeration_of(whole);
    return state ? std::optional<Value>(*state) : std::nullopt;
}

std::string to_text(const Value& value) {
    struct Texts {
        std::string operator()(bool on) const { return on ? "true" : "false"; }
        std::string operator()(std::int64_t whole) const { return number_to(whole); }
        // The shortest that reads back the same.
        std::string operator()(double real) const { return number_to(real); }
        std::string operator()(const std::string& text) const { return text; }
        std::string operator()(const Octets& octets) const { return "0x" + to_hex(octets); }
        std::string operator()(Enumeration state) const { return number_to(state.number); }
    };
    return std::visit(Texts{}, value);
}

std::optional<Value> from_text(std::string_view text, Kind kind) {
    const auto valued = [](const auto& found) {
        return found ? std::optional<Value>(*found) : std::nullopt;
    };
    if (kind == Kind::text) return std::string(text);
    text = trimmed(text);
    switch (kind) {
        case Kind::boolean:
            return valued(boolean_from(text));
        case Kind::integer:
            return valued(integer_from(text));
        case Kind::real:
            return valued(number_from<double>(text));
        case Kind::enumeration:
            return valued(enumeration_of(integer_from(text)));
        case Kind::octets:
            if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
            return valued(from_hex(text));
        case Kind::text:
            break;
    }
    return std::nullopt;
}

}  // namespace causeway::points
