#include "site/schema.hpp"

#include <algorithm>
#include <ranges>

namespace causeway::site {
namespace {

std::vector<std::string_view> split(std::string_view words) {
    std::vector<std::string_view> list;
    for (const auto word : std::views::split(words, ' ')) {
        list.emplace_back(word.begin(), word.end());
    }
    return list;
}

/// "a", "a or b", "a, b or c"
std::string alternatives(std::string_view words, std::string_view quote) {
    const auto list = split(words);
    std::string text;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i != 0) text += i + 1 == list.size() ? " or " : ", ";
        text.append(quote).append(list[i]).append(quote);
    }
    return text;
}

std::string range(const Key& key) {
    std::string text;
    if (key.most.empty()) {
        if (!key.least.empty()) text = std::string(key.least) + " and more";
    } else {
        text = std::string(key.least) + " to " + std::string(key.most);
    }
    // A duration's ends carry their unit already.
    if (!key.unit.empty() && !text.empty()) text += ' ' + std::string(key.unit);
    return text;
}

}  // namespace

std::string_view name_of(Type type) noexcept {
    switch (type) {
        case Type::text:
            return "a text";
        case Type::name:
            return "a name";
        case Type::path:
            return "a folder";
        case Type::file:
            return "a file";
        case Type::word:
            return "a word";
        case Type::whole:
            return "a whole number";
        case Type::real:
            return "a number";
        case Type::flag:
            return "true or false";
        case Type::duration:
            return "a duration";
        case Type::prefix:
            return "a prefix";
        case Type::address:
            return "an IPv6 address";
        case Type::endpoint:
            return "an address and port";
        case Type::listen:
            return "an address and port, or a socket's path";
        case Type::listens:
            return "a list of addresses and ports";
        case Type::host:
            return "a host and port";
        case Type::octets:
            return "a size";
        case Type::point:
            return "a point";
        case Type::points:
            return "a list of points";
        case Type::names:
            return "a list of names";
        case Type::texts:
            return "a list of texts";
        case Type::fractions:
            return "two fractions";
    }
    return "?";
}

std::string_view Key::table() const noexcept {
    const std::size_t dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view Key::leaf() const noexcept {
    const std::size_t dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

const Key* find_key(std::string_view path) noexcept {
    const auto keys = schema_keys();
    const auto at = std::ranges::find(keys, path, &Key::path);
    return at == keys.end() ? nullptr : &*at;
}

const TableRule* find_table(std::string_view path) noexcept {
    const auto tables = schema_tables();
    const auto at = std::ranges::find(tables, path, &TableRule::path);
    return at == tables.end() ? nullptr : &*at;
}

std::vector<std::string_view> names_in(std::string_view table) {
    std::vector<std::string_view> names;
    const auto take = [&](std::string_view path) {
        const std::size_t dot = path.rfind('.');
        const bool top = dot == std::string_view::npos;
        if ((top ? std::string_view{} : path.substr(0, dot)) == table) {
            names.push_back(top ? path : path.substr(dot + 1));
        }
    };
    for (const Key& key : schema_keys()) take(key.path);
    for (const TableRule& rule : schema_tables()) take(rule.path);
    return names;
}

std::string allowed(const Key& key) {
    switch (key.type) {
        case Type::text:
            return "1 to " + std::string(key.most) + " printable characters";
        case Type::name:
            return "1 to " + std::string(key.most) +
                   " letters, digits, '-', '_' and '.', a letter or digit first";
        case Type::path:
            return "the path of a folder";
        case Type::file:
            return "the path of a file";
        case Type::word:
            return alternatives(key.words, "\"");
        case Type::whole:
            return key.words.empty() ? range(key) : alternatives(key.words, "");
        case Type::real:
            return range(key);
        case Type::flag:
            return "true or false";
        case Type::duration:
            return range(key) + ", in us, ms, s, m, h or d";
        case Type::prefix:
            return "64 bits that are not multicast or link-local";
        case Type::address:
            return "one that is not multicast, link-local or loopback";
        case Type::endpoint:
            return "numbers, as \"127.0.0.1:5683\" or \"[::1]:5683\", port " +
                   std::string(key.least) + " to 65535";
        case Type::listen:
            return "numbers, as \"127.0.0.1:1883\" or \"[::1]:1883\", or \"unix:PATH\"";
        case Type::listens:
            return "a list of numbers, as \"127.0.0.1:1883\" or \"[::1]:1883\", or \"unix:PATH\"";
        case Type::host:
            return "a name or an address, and a port, as \"broker.example:1883\"";
        case Type::octets:
            return std::string(key.least) + " to " + std::string(key.most) +
                   ", a whole number of octets or one with KiB, MiB or GiB";
        case Type::point:
            return "[x, y], each " + std::string(key.least) + " to " + std::string(key.most) + " m";
        case Type::points:
            return "[[x, y], ...], as for `at`";
        case Type::names:
            return "a list of texts, each as for a name";
        case Type::texts:
            return "a list of texts, each of 1 to " + std::string(key.most) +
                   " printable characters";
        case Type::fractions:
            return "[least, most], both from 0 to 1";
    }
    return {};
}

std::string document_row(const Key& key) {
    std::string row =
        "| `" + std::string(key.leaf()) + "` | " + std::string(name_of(key.type)) + " | ";
    row += key.preset.empty() ? std::string(key.otherwise) : '`' + std::string(key.preset) + '`';
    row += " | " + allowed(key) + " | " + std::string(key.about) + " |";
    return row;
}

}  // namespace causeway::site
