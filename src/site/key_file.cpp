#include "site/key_file.hpp"

#include "base/hex.hpp"
#include "site/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace causeway::site {

std::expected<KeyFile, std::string> KeyFile::read(const std::string& path) {
    const auto text = read_text_file(path);
    if (!text) return std::unexpected(text.error());
    auto table = parse_document(*text);
    if (!table)
        return std::unexpected(fmt::format("{}:{}:{}: {}", path, table.error().at.line,
                                           table.error().at.column, table.error().what));
    return KeyFile(path, *std::move(table), {.line = 1, .column = 1},
                   std::make_shared<std::string>());
}

std::vector<KeyFile> KeyFile::parts(std::string_view name) {
    std::vector<KeyFile> parts;
    const Item* item = find(table_, name);
    if (item == nullptr) return parts;
    const auto* list = std::get_if<Array>(&item->value.is);
    if (list == nullptr) {
        complain(name, fmt::format("has to be [[{}]], once for each", name));
        return parts;
    }
    for (const Value& value : *list) {
        if (const auto* table = std::get_if<Table>(&value.is))
            parts.push_back(KeyFile(path_, *table, value.at, complaints_));
        else
            complain(name, "has to be a table");
    }
    return parts;
}

void KeyFile::known(std::initializer_list<std::string_view> keys) {
    for (const Item& item : table_) {
        if (std::ranges::find(keys, item.key) != keys.end()) continue;
        complain(item.key, fmt::format("is not a key here; allowed: {}", fmt::join(keys, ", ")));
    }
}

std::optional<std::string> KeyFile::text(std::string_view key) {
    const Item* item = find(table_, key);
    if (item == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&item->value.is)) return *text;
    complain(key, fmt::format("has to be a text, not {}", kind_of(item->value)));
    return std::nullopt;
}

std::optional<Octets> KeyFile::octets(std::string_view key) {
    const auto given = text(key);
    if (!given) return std::nullopt;
    auto octets = from_hex(*given);
    if (!octets) complain(key, "is not hexadecimal");
    return octets;
}

Octets KeyFile::secret(std::string_view key, std::size_t octets_min) {
    auto secret = octets(key);
    if (find(table_, key) == nullptr)
        complain(key, "is missing");
    else if (secret && secret->size() < octets_min)
        complain(key, fmt::format("has {} octets; at least {}", secret->size(), octets_min));
    return std::move(secret).value_or(Octets{});
}

std::size_t KeyFile::word(std::string_view key, std::span<const std::string_view> names) {
    const auto given = text(key);
    if (!given) return 0;
    const auto found = std::ranges::find(names, *given);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    complain(key, fmt::format("\"{}\" is not known; allowed: {}", *given, fmt::join(names, ", ")));
    return 0;
}

void KeyFile::complain(std::string_view key, const std::string& what) {
    const Item* item = find(table_, key);
    const Place at = item == nullptr ? at_ : item->at;
    *complaints_ += fmt::format("{}{}:{}:{}: {}: {}", complaints_->empty() ? "" : "\n", path_,
                                at.line, at.column, key, what);
}

}  // namespace causeway::site
