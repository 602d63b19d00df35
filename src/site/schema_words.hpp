#pragma once
// How rows of the schema are written: one function for each type of key. For the tables alone.
#include "site/schema.hpp"

namespace causeway::site::words {

/// What holds where a key is not there: a value, or words for people.
struct Absent {
    std::string_view preset;
    std::string_view otherwise = {};
    constexpr Absent(const char* value) : preset(value) {}
    constexpr Absent(std::string_view value, std::string_view words)
        : preset(value), otherwise(words) {}
};
using Text = std::string_view;

constexpr Absent says(Text words) {
    return {{}, words};
}
constexpr Absent required = says("required");

constexpr Key key(Type type, Text path, Absent absent, Text about) {
    return {.path = path,
            .type = type,
            .preset = absent.preset,
            .otherwise = absent.otherwise,
            .about = about};
}
constexpr Key within(Key key, Text least, Text most) {
    key.least = least;
    key.most = most;
    return key;
}
constexpr Key in(Text unit, Key key) {
    key.unit = unit;
    return key;
}
constexpr Key among(Text words, Key key) {
    key.words = words;
    return key;
}

constexpr Key text(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::text, path, absent, about), "1", most);
}
constexpr Key name(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::name, path, absent, about), "1", most);
}
constexpr Key path(Text path, Absent absent, Text about) {
    return key(Type::path, path, absent, about);
}
constexpr Key word(Text path, Absent absent, Text words, Text about) {
    return among(words, key(Type::word, path, absent, about));
}
constexpr Key whole(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::whole, path, absent, about), least, most);
}
constexpr Key code(Text path, Absent absent, Text words, Text about) {
    return among(words, key(Type::whole, path, absent, about));
}
constexpr Key real(Text path, Text unit, Absent absent, Text least, Text most, Text about) {
    return in(unit, within(key(Type::real, path, absent, about), least, most));
}
constexpr Key flag(Text path, Absent absent, Text about) {
    return key(Type::flag, path, absent, about);
}
constexpr Key duration(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::duration, path, absent, about), least, most);
}
constexpr Key prefix(Text path, Absent absent, Text about) {
    return key(Type::prefix, path, absent, about);
}
constexpr Key address(Text path, Absent absent, Text about) {
    return key(Type::address, path, absent, about);
}
constexpr Key endpoint(Text path, Absent absent, Text least_port, Text about) {
    return within(key(Type::endpoint, path, absent, about), least_port, "65535");
}
constexpr Key file(Text path, Absent absent, Text about) {
    return key(Type::file, path, absent, about);
}
constexpr Key listen(Text path, Absent absent, Text about) {
    return key(Type::listen, path, absent, about);
}
constexpr Key listens(Text path, Absent absent, Text about) {
    return key(Type::listens, path, absent, about);
}
constexpr Key host(Text path, Absent absent, Text about) {
    return key(Type::host, path, absent, about);
}
constexpr Key octets(Text path, Absent absent, Text least, Text most, Text about) {
    return within(key(Type::octets, path, absent, about), least, most);
}
constexpr Key texts(Text path, Absent absent, Text most, Text about) {
    return within(key(Type::texts, path, absent, about), "1", most);
}
constexpr Key point(Text path, Absent absent, Text about) {
    return in("m", within(key(Type::point, path, absent, about), "-1000000", "1000000"));
}
constexpr Key points(Text path, Absent absent, Text about) {
    return in("m", within(key(Type::points, path, absent, about), "-1000000", "1000000"));
}
constexpr Key names(Text path, Absent absent, Text about) {
    return within(key(Type::names, path, absent, about), "1", "63");
}
constexpr Key fractions(Text path, Absent absent, Text about) {
    return within(key(Type::fractions, path, absent, about), "0", "1");
}

}  // namespace causeway::site::words
