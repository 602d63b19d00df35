#include "net/http_target.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::net {
namespace {

constexpr std::size_t parts_max = 64;  // segments, and fields of the query

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// A plus is a blank in a query, and a plus in a path.
std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size()) return {};
            unsigned value = 0;
            const char* const at = text.data() + i + 1;
            const auto [end, error] = std::from_chars(at, at + 2, value, 16);
            if (error != std::errc{} || end != at + 2) return {};
            c = static_cast<char>(value);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (is_control(c)) return {};
        plain += c;
    }
    return plain;
}

/// The part before `mark`, which is taken off `rest`.
std::string_view cut(std::string_view& rest, char mark) {
    const std::size_t at = std::min(rest.find(mark), rest.size());
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return part;
}

}  // namespace

std::optional<HttpTarget> HttpTarget::parse(std::string_view text) {
    if (!text.starts_with('/') || std::ranges::any_of(text, is_control)) return {};
    HttpTarget target;
    std::string_view query = text.substr(0, text.find('#'));
    std::string_view path = cut(query, '?');
    target.path = path;
    while (!path.empty()) {
        const std::string_view segment = cut(path, '/');
        if (segment.empty()) continue;
        auto plain = decode(segment, false);
        if (!plain || target.segments.size() == parts_max) return {};
        target.segments.push_back(std::move(*plain));
    }
    while (!query.empty()) {
        std::string_view value = cut(query, '&');
        if (value.empty()) continue;
        auto name = decode(cut(value, '='), true);
        auto plain = decode(value, true);
        if (!name || !plain || target.query.size() == parts_max) return {};
        target.query.emplace_back(std::move(*name), std::move(*plain));
    }
    return target;
}

}  // namespace causeway::net
