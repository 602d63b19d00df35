#include "site/document.hpp"

#include "base/assert.hpp"
#include "base/engine.hpp"

#include <algorithm>
#include <optional>

#include <toml++/toml.h>

namespace causeway::site {
namespace {

Place place_of(const toml::source_region& region) {
    return {region.begin.line, region.begin.column, 0};
}

Value plain(const toml::node& node);

Table plain(const toml::table& from) {
    Table table;
    table.reserve(from.size());
    for (const auto& [key, node] : from) {
        Item item{std::string(key.str()), place_of(key.source()), plain(node)};
        // A [[table]] opened by a header of one of its children has no place of its own.
        if (item.at.line == 0) item.at = item.value.at;
        table.push_back(std::move(item));
    }
    return table;
}

Value plain(const toml::node& node) {
    Value value{Moment{}, place_of(node.source())};
    if (const auto* table = node.as_table()) {
        value.is = plain(*table);
    } else if (const auto* array = node.as_array()) {
        Array list;
        list.reserve(array->size());
        for (const auto& one : *array) list.push_back(plain(one));
        value.is = std::move(list);
    } else if (const auto* text = node.as_string()) {
        value.is = text->get();
    } else if (const auto* whole = node.as_integer()) {
        value.is = whole->get();
    } else if (const auto* real = node.as_floating_point()) {
        value.is = real->get();
    } else if (const auto* flag = node.as_boolean()) {
        value.is = flag->get();
    }
    return value;
}

/// The library names the production it was in; what it expected is what helps.
std::string without_preamble(std::string_view description) {
    constexpr std::string_view opening = "Error while parsing ";
    if (description.starts_with(opening)) {
        description.remove_prefix(opening.size());
        return "not TOML: in a " + std::string(description);
    }
    return "not TOML: " + std::string(description);
}

/// Where a key, or anything that looks like one, has more parts than anybody writes.
std::optional<Place> too_deep(std::string_view text) {
    Place at{1, 0, 0};
    std::size_t dots = 0;
    for (const char c : text) {
        ++at.column;
        switch (c) {
            case '.':
                if (++dots >= key_parts_max) return at;
                break;
            case '\n':
                at = {at.line + 1, 0, 0};
                dots = 0;
                break;
            case '=':
            case ',':
            case '{':
            case '}':
            case '[':
            case ']':
                dots = 0;
                break;
            default:
                break;
        }
    }
    return std::nullopt;
}

}  // namespace

std::expected<Table, SyntaxError> parse_document(std::string_view text) {
    if (text.size() > document_octets_max) {
        return std::unexpected(
            SyntaxError{{}, "is larger than " + std::to_string(document_octets_max) + " octets"});
    }
    if (const auto deep = too_deep(text)) {
        return std::unexpected(SyntaxError{
            *deep, "not TOML: a key of more than " + std::to_string(key_parts_max) + " parts"});
    }
    try {
        return plain(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return std::unexpected(
            SyntaxError{place_of(error.source()), without_preamble(error.description())});
    }
}

std::expected<Value, SyntaxError> parse_value(std::string_view text) {
    if (text.find('\n') != std::string_view::npos) {
        return std::unexpected(SyntaxError{{}, "not TOML: more than one line"});
    }
    auto table = parse_document("v = " + std::string(text));
    if (!table) return std::unexpected(std::move(table.error()));
    CAUSEWAY_ASSERT(table->size() == 1);
    return std::move(table->front().value);
}

const Item* find(const Table& table, std::string_view key) noexcept {
    const auto at = std::ranges::find(table, key, &Item::key);
    return at == table.end() ? nullptr : &*at;
}

Item* find(Table& table, std::string_view key) noexcept {
    const auto at = std::ranges::find(table, key, &Item::key);
    return at == table.end() ? nullptr : &*at;
}

std::string_view kind_of(const Value& value) noexcept {
    return std::visit(Overloaded{
                          [](bool) -> std::string_view { return "true or false"; },
                          [](std::int64_t) -> std::string_view { return "a whole number"; },
                          [](double) -> std::string_view { return "a number"; },
                          [](const std::string&) -> std::string_view { return "a text"; },
                          [](Moment) -> std::string_view { return "a date or a time"; },
                          [](const Array&) -> std::string_view { return "a list"; },
                          [](const Table&) -> std::string_view { return "a table"; },
                      },
                      value.is);
}

}  // namespace causeway::site
