#include "mqtt/topic.hpp"

#include "mqtt/text.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

constexpr std::string_view share = "$share/";

/// Wildcards where they may stand; of a filter without `$share/NAME/`.
bool has_well_placed_wildcards(std::string_view filter) noexcept {
    for (std::size_t i = 0; i < filter.size(); ++i) {
        if (filter[i] != '+' && filter[i] != '#') continue;
        const bool begins = i == 0 || filter[i - 1] == '/';
        const bool last = i + 1 == filter.size();
        // [MQTT-4.7.1-1]: `#` alone or behind a separator, and last. [MQTT-4.7.1-2]: `+` has its
        // level for itself.
        if (!begins || !(last || (filter[i] == '+' && filter[i + 1] == '/'))) return false;
    }
    return true;
}

/// Up to the next separator, which is taken too; `more` says that there was one.
std::string_view next_level(std::string_view& rest, bool& more) noexcept {
    const std::size_t end = rest.find('/');
    more = end != rest.npos;
    const std::string_view level = rest.substr(0, end);
    rest = more ? rest.substr(end + 1) : std::string_view{};
    return level;
}

}  // namespace

bool is_utf8_text(std::string_view text) noexcept {
    return traits_of(text).well_formed;
}

bool is_topic_name(std::string_view name) noexcept {
    // [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] [MQTT-4.7.0-1]
    return !name.empty() && name.size() <= topic_octets_max && name.find('\0') == name.npos &&
           name.find_first_of("+#") == name.npos;
}

bool is_topic_filter(std::string_view filter) noexcept {
    // [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
    if (filter.empty() || filter.size() > topic_octets_max) return false;
    if (filter.find('\0') != filter.npos) return false;
    if (filter.starts_with(share)) {
        const auto shared = shared_of(filter);
        return shared && has_well_placed_wildcards(shared->filter);
    }
    return has_well_placed_wildcards(filter);
}

std::size_t levels_of(std::string_view topic) noexcept {
    return 1 + static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/'));
}

std::optional<Shared> shared_of(std::string_view filter) noexcept {
    // [MQTT-4.8.2-1]: begins with `$share/`, and a name of at least one character;
    // [MQTT-4.8.2-2]: without `/`, `+` and `#`; then `/` and a filter.
    if (!filter.starts_with(share)) return std::nullopt;
    const std::string_view rest = filter.substr(share.size());
    const std::size_t end = rest.find('/');
    if (end == rest.npos || end == 0 || end + 1 == rest.size()) return std::nullopt;
    const Shared shared{.group = rest.substr(0, end), .filter = rest.substr(end + 1)};
    if (shared.group.find_first_of("+#") != shared.group.npos) return std::nullopt;
    return shared;
}

bool matches(std::string_view filter, std::string_view name) noexcept {
    if (const auto shared = shared_of(filter)) filter = shared->filter;
    // [MQTT-4.7.2-1]: a wildcard in front matches nothing that begins with `$`.
    if (name.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
    bool more_filter = true;
    bool more_name = true;
    while (more_filter && more_name) {
        const std::string_view wanted = next_level(filter, more_filter);
        if (wanted == "#" && !more_filter) return true;
        const std::string_view level = next_level(name, more_name);
        // [MQTT-4.7.3-4]: octet by octet, nothing is normalised.
        if (wanted != "+" && wanted != level) return false;
    }
    // `a/#` matches its parent `a`, too [MQTT 5.0 §4.7.1.2].
    return !more_name && (!more_filter || filter == "#");
}

}  // namespace causeway::mqtt
