#include "site/overrides.hpp"

#include "base/engine.hpp"

#include <charconv>
#include <optional>
#include <ranges>

namespace causeway::site {
namespace {

void stand_at(Value& value, Place at) {
    value.at = at;
    std::visit(Overloaded{[&](Array& list) {
                              for (Value& one : list) stand_at(one, at);
                          },
                          [&](Table& table) {
                              for (Item& item : table) stand_at(item.value, item.at = at);
                          },
                          [](auto&) {}},
               value.is);
}

bool takes_text(Type type) {
    switch (type) {
        case Type::whole:
        case Type::real:
        case Type::flag:
        case Type::point:
        case Type::points:
        case Type::names:
        case Type::fractions:
        case Type::listens:
        case Type::texts:
        case Type::octets:
            return false;
        default:
            return true;
    }
}

/// As TOML where it is TOML of a kind that the key takes, and as a bare text otherwise.
Value value_for(const Key& key, std::string_view text, Place at) {
    auto parsed = parse_value(text);
    Value value{std::string(text), at};
    if (parsed && (!takes_text(key.type) || std::holds_alternative<std::string>(parsed->is))) {
        value = *std::move(parsed);
    }
    stand_at(value, at);
    return value;
}

std::optional<std::size_t> index_in(std::string_view part) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
    return index;
}

class Override {
public:
    Override(Place at, Complaints& complaints) : at_(at), complaints_(complaints) {}

    void apply(Table& document, std::string_view set) {
        const std::size_t equals = set.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            complain("no key and value", "KEY=VALUE, as mesh.seed=7");
            return;
        }
        std::vector<std::string_view> parts;
        for (const auto part : std::views::split(set.substr(0, equals), '.')) {
            parts.emplace_back(part.begin(), part.end());
        }
        descend(document, parts, set.substr(equals + 1));
    }

private:
    void complain(std::string what, std::string allowed = {}) {
        complaints_.push_back({at_, std::move(what), std::move(allowed)});
    }

    void descend(Table& document, std::span<const std::string_view> parts, std::string_view text) {
        Table* table = &document;
        std::string path;
        while (true) {
            const std::string name =
                path.empty() ? std::string(parts.front()) : path + '.' + std::string(parts.front());
            if (const Key* key = find_key(name)) {
                if (parts.size() == 1) {
                    assign(*table, parts.front(), value_for(*key, text, at_));
                } else {
                    complain(name + " is not a table", name + "=VALUE");
                }
                return;
            }
            const TableRule* rule = find_table(name);
            if (!rule) {
                complaints_.push_back(no_such_key(at_, path, parts.front()));
                return;
            }
            const std::string_view leaf = parts.front();
            parts = parts.subspan(1);
            table = rule->many_max != 0 ? one_of(*table, leaf, name, parts) : the_one(*table, leaf);
            if (!table) return;
            if (parts.empty()) {
                complain(name + " is a table", name + ".KEY=VALUE");
                return;
            }
            path = name;
        }
    }

    void assign(Table& table, std::string_view leaf, Value value) {
        if (Item* item = find(table, leaf)) {
            *item = {std::string(leaf), at_, std::move(value)};
        } else {
            table.push_back({std::string(leaf), at_, std::move(value)});
        }
    }

    /// The table, made where the file has none; nullptr where the file has something else there,
    /// which is complained about elsewhere.
    Table* the_one(Table& table, std::string_view leaf) {
        Item* item = find(table, leaf);
        if (!item) {
            table.push_back({std::string(leaf), at_, {Table{}, at_}});
            item = &table.back();
        }
        return std::get_if<Table>(&item->value.is);
    }

    Table* one_of(Table& table, std::string_view leaf, const std::string& name,
                  std::span<const std::string_view>& parts) {
        Item* item = find(table, leaf);
        auto* list = item ? std::get_if<Array>(&item->value.is) : nullptr;
        if (!list || list->empty()) {
            complain("the file has no [[" + name + "]] to change");
            return nullptr;
        }
        std::optional<std::size_t> index;
        if (!parts.empty()) index = index_in(parts.front());
        if (index) {
            parts = parts.subspan(1);
        } else if (list->size() == 1) {
            index = 0;
        }
        if (!index || *index >= list->size()) {
            complain(index ? "the file has no [[" + name + "]] number " + std::to_string(*index)
                           : "the file has several [[" + name + "]]",
                     name + ".N.KEY, N from 0 to " + std::to_string(list->size() - 1));
            return nullptr;
        }
        return std::get_if<Table>(&(*list)[*index].is);
    }

    Place at_;
    Complaints& complaints_;
};

}  // namespace

void apply_overrides(Table& document, std::span<const std::string> sets, Complaints& complaints) {
    for (std::uint32_t i = 0; i < sets.size(); ++i) {
        Override({0, 0, i + 1}, complaints).apply(document, sets[i]);
    }
}

}  // namespace causeway::site
