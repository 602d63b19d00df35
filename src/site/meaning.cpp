// From what TOML knows (texts, numbers, lists) to what a key means (durations, prefixes, places).
#include "base/assert.hpp"
#include "site/section.hpp"
#include "site/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ranges>

namespace causeway::site {
namespace {

using Understood = std::expected<Meaning, Complaint>;

constexpr std::size_t quoted_octets_max = 60;

/// A text from the file inside a sentence.
std::string in_quotes(std::string_view text) {
    const bool cut = text.size() > quoted_octets_max;
    return '"' + std::string(text.substr(0, quoted_octets_max)) + (cut ? "...\"" : "\"");
}

template <class Number>
Number number_in(std::string_view text) {
    Number number{};
    int base = 10;
    if constexpr (std::is_integral_v<Number>) {
        if (text.starts_with("0x")) {
            text.remove_prefix(2);
            base = 16;
        }
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), number, base);
        CAUSEWAY_ASSERT(error == std::errc{} && end == text.data() + text.size());
    } else {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        CAUSEWAY_ASSERT(error == std::errc{} && end == text.data() + text.size());
    }
    return number;
}

std::unexpected<Complaint> wrong(const Key& key, Place at, std::string_view what) {
    return std::unexpected(
        Complaint{at, std::string(key.path) + ": " + std::string(what), allowed(key)});
}

std::unexpected<Complaint> wrong_kind(const Key& key, const Value& value) {
    return std::unexpected(Complaint{
        value.at,
        fmt::format("{} has to be {}, not {}", key.path, name_of(key.type), kind_of(value)),
        allowed(key)});
}

std::optional<double> finite(const Value& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value.is)) {
        return static_cast<double>(*whole);
    }
    if (const auto* real = std::get_if<double>(&value.is); real && std::isfinite(*real)) {
        return *real;
    }
    return std::nullopt;
}

bool in_range(const Key& key, double number) {
    return number >= number_in<double>(key.least) && number <= number_in<double>(key.most);
}

Understood whole(const Key& key, const Value& value) {
    const auto* number = std::get_if<std::int64_t>(&value.is);
    if (!number) return wrong_kind(key, value);
    if (key.words.empty()) {
        if (*number >= number_in<std::int64_t>(key.least) &&
            *number <= number_in<std::int64_t>(key.most)) {
            return *number;
        }
        return wrong(key, value.at, fmt::format("{} is out of range", *number));
    }
    for (const auto word : std::views::split(key.words, ' ')) {
        if (*number == number_in<std::int64_t>({word.begin(), word.end()})) return *number;
    }
    return wrong(key, value.at, fmt::format("{} is none of its values", *number));
}

Understood real(const Key& key, const Value& value) {
    if (!std::holds_alternative<double>(value.is) &&
        !std::holds_alternative<std::int64_t>(value.is)) {
        return wrong_kind(key, value);
    }
    const auto number = finite(value);
    if (number && in_range(key, *number)) return *number;
    return wrong(key, value.at,
                 number ? fmt::format("{} is out of range", *number) : "no number at all");
}

Understood word(const Key& key, const Value& value, const std::string& text) {
    std::vector<std::string_view> words;
    for (const auto one : std::views::split(key.words, ' ')) {
        words.emplace_back(one.begin(), one.end());
    }
    if (std::ranges::find(words, text) != words.end()) return text;
    const std::string_view meant = nearest(text, words);
    return wrong(key, value.at,
                 meant.empty() ? fmt::format("{} is none of its words", in_quotes(text))
                               : fmt::format("{} is none of its words (did you mean \"{}\"?)",
                                             in_quotes(text), meant));
}

Understood duration(const Key& key, const Value& value, const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) {
        return wrong(key, value.at, fmt::format("{} is not a duration", in_quotes(text)));
    }
    if (*duration < *parse_duration(key.least) || *duration > *parse_duration(key.most)) {
        return wrong(key, value.at, fmt::format("{} is out of range", in_quotes(text)));
    }
    return *duration;
}

Understood prefix(const Key& key, const Value& value, const std::string& text) {
    const auto prefix = ip::Prefix::from_text(text);
    if (!prefix) {
        return wrong(key, value.at, fmt::format("{} is not an IPv6 prefix", in_quotes(text)));
    }
    if (prefix->length != 64 || prefix->address.is_multicast() || prefix->address.is_link_local() ||
        prefix->address.is_unspecified()) {
        return wrong(key, value.at, fmt::format("{} is no prefix for a mesh", in_quotes(text)));
    }
    return *prefix;
}

Understood address(const Key& key, const Value& value, const std::string& text) {
    const auto address = ip::Address::from_text(text);
    if (!address) {
        return wrong(key, value.at, fmt::format("{} is not an IPv6 address", in_quotes(text)));
    }
    if (address->is_multicast() || address->is_link_local() || address->is_loopback() ||
        address->is_unspecified()) {
        return wrong(key, value.at, fmt::format("{} is no address for a host", in_quotes(text)));
    }
    return *address;
}

Understood endpoint(const Key& key, const Value& value, const std::string& text) {
    const auto endpoint = net::Endpoint::parse(text);
    if (!endpoint || endpoint->port < number_in<std::uint16_t>(key.least)) {
        return wrong(key, value.at, fmt::format("{} is not an address and port", in_quotes(text)));
    }
    return *endpoint;
}

/// Where something listens: numbers and a port, or the path of a Unix socket.
bool is_listen(std::string_view text) {
    constexpr std::string_view unix_socket = "unix:";
    constexpr std::size_t path_octets_max = 107;  // what the kernel takes
    if (text.starts_with(unix_socket)) {
        text.remove_prefix(unix_socket.size());
        return !text.empty() && text.size() <= path_octets_max;
    }
    return net::Endpoint::parse(text).has_value();
}

Understood listen(const Key& key, const Value& value, const std::string& text) {
    if (is_listen(text)) return text;
    return wrong(key, value.at, fmt::format("{} is no place to listen", in_quotes(text)));
}

Understood host(const Key& key, const Value& value, const std::string& text) {
    if (parse_host(text)) return text;
    return wrong(key, value.at, fmt::format("{} is not a host and port", in_quotes(text)));
}

Understood octets(const Key& key, const Value& value) {
    std::optional<std::int64_t> count;
    if (const auto* number = std::get_if<std::int64_t>(&value.is)) {
        count = *number;
    } else if (const auto* text = std::get_if<std::string>(&value.is)) {
        count = parse_octets(*text);
        if (!count) return wrong(key, value.at, fmt::format("{} is not a size", in_quotes(*text)));
    } else {
        return wrong_kind(key, value);
    }
    if (*count < *parse_octets(key.least) || *count > *parse_octets(key.most)) {
        return wrong(key, value.at, fmt::format("{} is out of range", *count));
    }
    return *count;
}

Understood plain_text(const Key& key, const Value& value, const std::string& text) {
    const bool printable =
        std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= ' '; });
    if (text.empty() || text.size() > number_in<std::size_t>(key.most) || !printable) {
        return wrong(key, value.at, fmt::format("{} will not do", in_quotes(text)));
    }
    return text;
}

Understood point(const Key& key, const Value& value) {
    const auto* list = std::get_if<Array>(&value.is);
    if (!list) return wrong_kind(key, value);
    if (list->size() != 2) {
        return wrong(key, value.at, fmt::format("a point has two numbers, not {}", list->size()));
    }
    const auto x = finite((*list)[0]);
    const auto y = finite((*list)[1]);
    if (!x || !y) return wrong(key, value.at, "a point that is not two numbers");
    if (!in_range(key, *x) || !in_range(key, *y)) {
        return wrong(key, value.at, "a point out of range");
    }
    return sim::Position{*x, *y};
}

Understood points(const Key& key, const Value& value) {
    const auto* list = std::get_if<Array>(&value.is);
    if (!list) return wrong_kind(key, value);
    if (list->empty() || list->size() > nodes_max) {
        return wrong(key, value.at, fmt::format("a list of {} points", list->size()));
    }
    std::vector<sim::Position> positions;
    for (const Value& one : *list) {
        auto position = point(key, one);
        if (!position) return position;
        positions.push_back(std::get<sim::Position>(*position));
    }
    return positions;
}

Understood names(const Key& key, const Value& value) {
    const auto* list = std::get_if<Array>(&value.is);
    if (!list) return wrong_kind(key, value);
    if (list->empty() || list->size() > nodes_max) {
        return wrong(key, value.at, fmt::format("a list of {} names", list->size()));
    }
    std::vector<std::string> names;
    for (const Value& one : *list) {
        const auto* name = std::get_if<std::string>(&one.is);
        if (!name || !is_name(*name)) {
            return wrong(key, one.at,
                         name ? fmt::format("{} is not a name", in_quotes(*name))
                              : fmt::format("{} is not a name", kind_of(one)));
        }
        names.push_back(*name);
    }
    return names;
}

/// A list of texts that `good` accepts, each.
template <class Good>
Understood texts(const Key& key, const Value& value, Good&& good, std::string_view what) {
    constexpr std::size_t texts_max = 256;
    const auto* list = std::get_if<Array>(&value.is);
    if (!list) return wrong_kind(key, value);
    if (list->size() > texts_max) {
        return wrong(key, value.at, fmt::format("a list of {}", list->size()));
    }
    std::vector<std::string> all;
    for (const Value& one : *list) {
        const auto* text = std::get_if<std::string>(&one.is);
        if (!text || !good(*text)) {
            return wrong(key, one.at,
                         fmt::format("{} is {}", text ? in_quotes(*text) : kind_of(one), what));
        }
        all.push_back(*text);
    }
    return all;
}

Understood fractions(const Key& key, const Value& value) {
    const auto* list = std::get_if<Array>(&value.is);
    if (!list) return wrong_kind(key, value);
    if (list->size() != 2) return wrong(key, value.at, "not two numbers");
    const auto least = finite((*list)[0]);
    const auto most = finite((*list)[1]);
    if (!least || !most) return wrong(key, value.at, "not two numbers");
    if (!in_range(key, *least) || !in_range(key, *most)) {
        return wrong(key, value.at, "a fraction out of range");
    }
    if (*least > *most) return wrong(key, value.at, "the first is more than the second");
    return Fractions{*least, *most};
}

}  // namespace

std::expected<Meaning, Complaint> meaning_of(const Key& key, const Value& value) {
    switch (key.type) {
        case Type::whole:
            return whole(key, value);
        case Type::real:
            return real(key, value);
        case Type::point:
            return point(key, value);
        case Type::points:
            return points(key, value);
        case Type::names:
            return names(key, value);
        case Type::fractions:
            return fractions(key, value);
        case Type::octets:
            return octets(key, value);
        case Type::listens:
            return texts(key, value, is_listen, "no place to listen");
        case Type::texts:
            return texts(
                key, value,
                [&](const std::string& text) { return plain_text(key, value, text).has_value(); },
                "no text that will do");
        case Type::flag:
            if (const auto* flag = std::get_if<bool>(&value.is)) return *flag;
            return wrong_kind(key, value);
        default:
            break;
    }
    const auto* text = std::get_if<std::string>(&value.is);
    if (!text) return wrong_kind(key, value);
    switch (key.type) {
        case Type::name:
            if (is_name(*text, number_in<std::size_t>(key.most))) return *text;
            return wrong(key, value.at, fmt::format("{} is not a name", in_quotes(*text)));
        case Type::path:
            if (!text->empty() && text->find('\0') == std::string::npos) return *text;
            return wrong(key, value.at, "no folder at all");
        case Type::file:
            if (!text->empty() && text->find('\0') == std::string::npos) return *text;
            return wrong(key, value.at, "no file at all");
        case Type::listen:
            return listen(key, value, *text);
        case Type::host:
            return host(key, value, *text);
        case Type::word:
            return word(key, value, *text);
        case Type::duration:
            return duration(key, value, *text);
        case Type::prefix:
            return prefix(key, value, *text);
        case Type::address:
            return address(key, value, *text);
        case Type::endpoint:
            return endpoint(key, value, *text);
        default:
            return plain_text(key, value, *text);
    }
}

}  // namespace causeway::site
