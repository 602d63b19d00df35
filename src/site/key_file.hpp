#pragma once
// What files of keys have in common: a small TOML table of texts, most of them in hexadecimal.
#include "base/bytes.hpp"
#include "site/document.hpp"

#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class KeyFile {
public:
    /// The error is a line for a person.
    [[nodiscard]] static std::expected<KeyFile, std::string> read(const std::string& path);
    /// One [[NAME]] of the file; complaints of all are one text.
    [[nodiscard]] std::vector<KeyFile> parts(std::string_view name);

    /// Complains of every other key.
    void known(std::initializer_list<std::string_view> keys);
    [[nodiscard]] std::optional<std::string> text(std::string_view key);
    [[nodiscard]] std::optional<Octets> octets(std::string_view key);
    /// Complains where it is missing, or shorter.
    [[nodiscard]] Octets secret(std::string_view key, std::size_t octets_min);
    /// Which of `names` the key says; the first where it says nothing.
    [[nodiscard]] std::size_t word(std::string_view key, std::span<const std::string_view> names);
    void complain(std::string_view key, const std::string& what);

    /// "keys.toml:1:17: ...", each mistake a line; empty when there is none.
    [[nodiscard]] const std::string& complaints() const noexcept { return *complaints_; }

private:
    KeyFile(std::string path, Table table, Place at, std::shared_ptr<std::string> complaints)
        : path_(std::move(path)),
          table_(std::move(table)),
          at_(at),
          complaints_(std::move(complaints)) {}

    std::string path_;
    Table table_;
    Place at_;
    std::shared_ptr<std::string> complaints_;  // of the file, whichever part found them
};

}  // namespace causeway::site
