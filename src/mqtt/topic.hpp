#pragma once
// Topic names and topic filters [MQTT 5.0 §4.7] and shared subscriptions' names [MQTT 5.0 §4.8].
#include <cstddef>
#include <optional>
#include <string_view>

namespace causeway::mqtt {

/// What the length before a text can say.
inline constexpr std::size_t topic_octets_max = 65'535;

/// UTF-8 as MQTT wants it [MQTT 5.0 §1.5.4]: well-formed, no surrogates, no U+0000.
[[nodiscard]] bool is_utf8_text(std::string_view text) noexcept;

/// Not empty, no wildcard, no U+0000, at most 65,535 octets; UTF-8 is checked by the codec.
[[nodiscard]] bool is_topic_name(std::string_view name) noexcept;
/// `+` and `#` stand alone in their level, `#` last; `$share/NAME/FILTER` well formed.
[[nodiscard]] bool is_topic_filter(std::string_view filter) noexcept;
[[nodiscard]] std::size_t levels_of(std::string_view topic) noexcept;

/// `$share/NAME/FILTER`, taken apart; nothing when it is no shared subscription.
struct Shared {
    std::string_view group;
    std::string_view filter;
};
[[nodiscard]] std::optional<Shared> shared_of(std::string_view filter) noexcept;

/// One filter against one name, `$` rule included: for ACLs, clients and tests; the broker walks a
/// tree (subscription_tree.hpp).
[[nodiscard]] bool matches(std::string_view filter, std::string_view name) noexcept;

}  // namespace causeway::mqtt
