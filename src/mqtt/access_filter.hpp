#pragma once
// What access rules ask of topic filters beyond whether one matches a name: what two of them have
// in common, whether one holds all of another, and patterns with %u and %c in them.
// Filters here are well formed, and no shared subscriptions' [MQTT 5.0 §4.7].
#include <optional>
#include <string>
#include <string_view>

namespace causeway::mqtt::access {

/// The filter of exactly those names that both match; nothing when there are none.
[[nodiscard]] std::optional<std::string> intersection(std::string_view a, std::string_view b);
/// Whether `wide` matches every name that `narrow` does.
[[nodiscard]] bool covers(std::string_view wide, std::string_view narrow);

/// A client's names, as far as they may fill a pattern: empty where they may not.
struct Fillings {
    std::string_view user;
    std::string_view client_id;
    /// What cannot be filled matches every level, instead of none.
    bool unfilled_matches = false;
};
/// `pattern`, filled, against a name; without building anything.
[[nodiscard]] bool matches_filled(std::string_view pattern, const Fillings& names,
                                  std::string_view name);
/// `pattern`, filled; nothing when it cannot be.
[[nodiscard]] std::optional<std::string> filled(std::string_view pattern, const Fillings& names);

}  // namespace causeway::mqtt::access
