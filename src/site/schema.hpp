#pragma once
// Every key of a site file, in one table: the checker, --set and docs/site-file.md all read it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

enum class Type : std::uint8_t {
    text,       // "most" characters, printable
    name,       // letters, digits, '-', '_', '.'
    path,       // a folder
    file,       // a file that is read
    word,       // one of "words"
    whole,      // an integer; one of "words" where there are any
    real,       // a whole number is taken too
    flag,       // true or false
    duration,   // "60s"
    prefix,     // "fd00:ca5e::/64"
    address,    // "fd00:ca5e::1"
    endpoint,   // "127.0.0.1:5683"
    listen,     // an endpoint, or "unix:/run/broker.sock"
    listens,    // a list of them
    host,       // "broker.example:1883", "[::1]:1883"
    octets,     // "64MiB", 65536
    point,      // [x, y] in metres
    points,     // [[x, y], ...]
    names,      // ["a", "b"]
    texts,      // the same, of any printable characters
    fractions,  // [0.1, 0.3]
};

/// "a whole number": for people.
[[nodiscard]] std::string_view name_of(Type type) noexcept;

struct Key {
    std::string_view path;  // "mesh.nodes.count": tables that repeat are named once
    Type type = Type::text;
    std::string_view unit = {};
    std::string_view preset = {};     // what holds when the key is not there, as TOML ...
    std::string_view otherwise = {};  // ... or, where that is not one value, said in words
    std::string_view least = {};      // both ends included
    std::string_view most = {};
    std::string_view words = {};  // separated by blanks
    std::string_view about = {};

    [[nodiscard]] std::string_view table() const noexcept;  // "mesh.nodes"
    [[nodiscard]] std::string_view leaf() const noexcept;   // "count"
};

struct TableRule {
    std::string_view path;
    std::size_t many_max = 0;  // 0: one [table]; otherwise so many [[tables]]
    std::string_view about = {};
};

inline constexpr std::size_t nodes_max = 10'000;  // of one mesh, the border router not counted
inline constexpr std::size_t sensors_max = 8;     // of one node

[[nodiscard]] std::span<const Key> schema_keys() noexcept;
[[nodiscard]] std::span<const TableRule> schema_tables() noexcept;
/// nullptr where there is no such thing.
[[nodiscard]] const Key* find_key(std::string_view path) noexcept;
[[nodiscard]] const TableRule* find_table(std::string_view path) noexcept;

/// The names of the keys and tables right inside `table` ("" is the file), in the schema's order.
[[nodiscard]] std::vector<std::string_view> names_in(std::string_view table);

/// What a key takes, for people: "11 to 26", "\"grid\" or \"line\"".
[[nodiscard]] std::string allowed(const Key& key);

/// The key's row in the reference of docs/site-file.md.
[[nodiscard]] std::string document_row(const Key& key);

}  // namespace causeway::site
