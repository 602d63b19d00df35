#include "site/section.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <numeric>

namespace causeway::site {
namespace {

/// What the schema's presets mean, read once: index by index beside schema_keys().
const std::vector<std::optional<Meaning>>& presets() {
    static const std::vector<std::optional<Meaning>> all = [] {
        std::vector<std::optional<Meaning>> list;
        for (const Key& key : schema_keys()) {
            if (key.preset.empty()) {
                list.emplace_back();
                continue;
            }
            const auto value = parse_value(key.preset);
            CAUSEWAY_ASSERT(value.has_value());
            auto meaning = meaning_of(key, *value);
            CAUSEWAY_ASSERT(meaning.has_value());
            list.emplace_back(*std::move(meaning));
        }
        return list;
    }();
    return all;
}

std::optional<Meaning> preset_of(const Key& key) {
    return presets()[static_cast<std::size_t>(&key - schema_keys().data())];
}

/// Insertions, deletions, replacements and swaps of neighbours from one to the other.
std::size_t edits(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before(to.size() + 1);
    std::vector<std::size_t> above(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), 0u);
    for (std::size_t i = 1; i <= from.size(); ++i) {
        std::swap(before, above);
        std::swap(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row.back();
}

std::string join(std::string_view table, std::string_view leaf) {
    return table.empty() ? std::string(leaf) : std::string(table) + '.' + std::string(leaf);
}

void check_table(const Table& table, const std::string& path, Complaints& complaints);

void check_tables(const TableRule& rule, const Item& item, Complaints& complaints) {
    const std::string path(rule.path);
    const auto* list = std::get_if<Array>(&item.value.is);
    const bool all_tables = list && std::ranges::all_of(*list, [](const Value& one) {
                                return std::holds_alternative<Table>(one.is);
                            });
    if (!all_tables) {
        complaints.push_back(
            {item.at, path + " has to be a list of tables", "[[" + path + "]], once for each"});
        return;
    }
    if (list->size() > rule.many_max) {
        complaints.push_back({item.at,
                              "[[" + path + "]] stands " + std::to_string(list->size()) + " times",
                              "up to " + std::to_string(rule.many_max)});
    }
    for (const Value& one : *list) check_table(std::get<Table>(one.is), path, complaints);
}

void check_table(const Table& table, const std::string& path, Complaints& complaints) {
    for (const Item& item : table) {
        const std::string name = join(path, item.key);
        if (find_key(name)) continue;
        const TableRule* rule = find_table(name);
        if (!rule) {
            complaints.push_back(no_such_key(item.at, path, item.key));
        } else if (rule->many_max != 0) {
            check_tables(*rule, item, complaints);
        } else if (const auto* inner = std::get_if<Table>(&item.value.is)) {
            check_table(*inner, name, complaints);
        } else {
            complaints.push_back({item.at, name + " has to be a table", '[' + name + ']'});
        }
    }
}

const Table no_table;

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& names) {
    std::string_view best;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
    if (word.size() > 64) return best;
    for (const std::string_view name : names) {
        const std::size_t count = edits(word, name);
        if (count < fewest) {
            fewest = count;
            best = name;
        }
    }
    return best;
}

Complaint no_such_key(Place at, std::string_view table, std::string_view leaf) {
    const auto names = names_in(table);
    std::string what = join(table, leaf.substr(0, 64)) + " is not a key";
    if (const auto meant = nearest(leaf, names); !meant.empty()) {
        what += " (did you mean " + std::string(meant) + "?)";
    }
    std::string all;
    for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    return {at, std::move(what), std::move(all)};
}

void check_keys(const Table& document, Complaints& complaints) {
    check_table(document, "", complaints);
}

Setting<std::optional<Meaning>> Section::look_up(std::string_view leaf, bool required) const {
    const Key* key = find_key(path_of(leaf));
    CAUSEWAY_ASSERT(key != nullptr);
    const Item* item = find(*table_, leaf);
    if (!item) {
        if (!required) return {preset_of(*key), at_, false, true};
        complain(at_, std::string(key->path) + " is missing", allowed(*key));
        return {std::nullopt, at_, false, false};
    }
    auto meaning = meaning_of(*key, item->value);
    if (meaning) return {*std::move(meaning), item->value.at, true, true};
    complaints_->push_back(std::move(meaning.error()));
    return {preset_of(*key), item->value.at, true, false};
}

Section Section::section(std::string_view leaf) const {
    const Item* item = find(*table_, leaf);
    const auto* table = item ? std::get_if<Table>(&item->value.is) : nullptr;
    return {table ? *table : no_table, path_of(leaf), table ? item->at : at_, *complaints_};
}

std::vector<Section> Section::sections(std::string_view leaf) const {
    std::vector<Section> list;
    const Item* item = find(*table_, leaf);
    const auto* array = item ? std::get_if<Array>(&item->value.is) : nullptr;
    if (!array) return list;
    for (const Value& one : *array) {
        if (const auto* table = std::get_if<Table>(&one.is)) {
            list.emplace_back(*table, path_of(leaf), one.at, *complaints_);
        }
    }
    return list;
}

}  // namespace causeway::site
