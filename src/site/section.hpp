#pragma once
// One table of a site file, read key by key. Every take checks its value against the schema, notes
// what is wrong and goes on with what holds in its absence, so that one reading finds all mistakes.
#include "base/time.hpp"
#include "ip/address.hpp"
#include "net/endpoint.hpp"
#include "sim/scenario.hpp"
#include "site/document.hpp"
#include "site/schema.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::site {

/// A mistake with its place still to be turned into a file's name.
struct Complaint {
    Place at;
    std::string what;
    std::string allowed;
};
using Complaints = std::vector<Complaint>;

/// A key's value and how it came about.
template <class T>
struct Setting {
    T value{};
    Place at;            // of the value; of the table where the key is not there
    bool given = false;  // said in the file, or by --set
    bool sound = true;   // not already complained about: worth checking against others

    [[nodiscard]] bool usable() const noexcept { return given && sound; }
};

struct Fractions {
    double least = 0;
    double most = 0;
};

using Meaning = std::variant<std::string, std::int64_t, double, bool, Duration, ip::Prefix,
                             ip::Address, net::Endpoint, sim::Position, std::vector<sim::Position>,
                             std::vector<std::string>, Fractions>;

/// What `value` says as the value of `key`.
[[nodiscard]] std::expected<Meaning, Complaint> meaning_of(const Key& key, const Value& value);

class Section {
public:
    /// `table` and `complaints` are borrowed.
    Section(const Table& table, std::string path, Place at, Complaints& complaints)
        : table_(&table), path_(std::move(path)), at_(at), complaints_(&complaints) {}

    /// `T` is the one that goes with the key's type in the schema; anything else asserts.
    template <class T>
    [[nodiscard]] Setting<T> take(std::string_view leaf) const {
        return read<T>(leaf, false);
    }
    /// A key that has to be there.
    template <class T>
    [[nodiscard]] Setting<T> take_required(std::string_view leaf) const {
        return read<T>(leaf, true);
    }

    [[nodiscard]] bool has(std::string_view leaf) const noexcept {
        return find(*table_, leaf) != nullptr;
    }
    /// An empty one where the file has none.
    [[nodiscard]] Section section(std::string_view leaf) const;
    [[nodiscard]] std::vector<Section> sections(std::string_view leaf) const;

    void complain(Place at, std::string what, std::string allowed = {}) const {
        complaints_->push_back({at, std::move(what), std::move(allowed)});
    }
    [[nodiscard]] std::string path_of(std::string_view leaf) const {
        return path_.empty() ? std::string(leaf) : path_ + '.' + std::string(leaf);
    }
    [[nodiscard]] Place at() const noexcept { return at_; }

private:
    template <class T>
    [[nodiscard]] Setting<T> read(std::string_view leaf, bool required) const;
    [[nodiscard]] Setting<std::optional<Meaning>> look_up(std::string_view leaf,
                                                          bool required) const;

    const Table* table_;
    std::string path_;
    Place at_;
    Complaints* complaints_;
};

/// Complains of every key that the schema does not know, and of tables that are none, or too many.
void check_keys(const Table& document, Complaints& complaints);

/// The name among `names` that `word` was probably meant for; empty where none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& names);

/// " is not a key; did you mean ...", and what there is.
[[nodiscard]] Complaint no_such_key(Place at, std::string_view table, std::string_view leaf);

// ---- inline parts ------------------------------------------------------------------------------

template <class T>
Setting<T> Section::read(std::string_view leaf, bool required) const {
    Setting<std::optional<Meaning>> found = look_up(leaf, required);
    // Where nothing holds in the key's absence, T{} stands in, and `given` tells.
    if (!found.value) return {T{}, found.at, found.given, found.sound};
    CAUSEWAY_ASSERT(std::holds_alternative<T>(*found.value));
    return {std::get<T>(std::move(*found.value)), found.at, found.given, found.sound};
}

}  // namespace causeway::site
