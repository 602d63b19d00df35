#pragma once
// A TOML text as a plain tree that remembers where everything stood. The TOML library stays behind
// document.cpp: it is heavy to include and has its own idea of errors.
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::site {

/// A site file is written by hand; one that is larger was not meant as a site file.
inline constexpr std::size_t document_octets_max = 1 << 20;
/// Parts of a dotted key. The TOML library recurses once a part, so a bound has to stand before it.
inline constexpr std::size_t key_parts_max = 64;

struct Place {
    std::uint32_t line = 0;      // from 1
    std::uint32_t column = 0;    // characters, from 1
    std::uint32_t override = 0;  // n: the nth --set, and no line; 0: the file

    friend auto operator<=>(const Place&, const Place&) = default;
};

struct Value;
struct Item;
using Array = std::vector<Value>;
using Table = std::vector<Item>;  // in the order of the keys' names

/// A value that no key of a site file takes.
struct Moment {};  // a date, a time or both

struct Value {
    std::variant<bool, std::int64_t, double, std::string, Moment, Array, Table> is;
    Place at;
};

struct Item {
    std::string key;
    Place at;
    Value value;
};

struct SyntaxError {
    Place at;
    std::string what;
};

/// The first error ends the parse: what stands after it cannot be told.
[[nodiscard]] std::expected<Table, SyntaxError> parse_document(std::string_view text);

/// What may stand behind an equals sign, on one line.
[[nodiscard]] std::expected<Value, SyntaxError> parse_value(std::string_view text);

[[nodiscard]] const Item* find(const Table& table, std::string_view key) noexcept;
[[nodiscard]] Item* find(Table& table, std::string_view key) noexcept;

/// "a text", "a list": for people.
[[nodiscard]] std::string_view kind_of(const Value& value) noexcept;

}  // namespace causeway::site
