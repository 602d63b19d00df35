#pragma once
// The table of options of `causeway mqtt pub` and `sub`: what each is called, what it takes and
// what it does.
#include "mqtt_options.hpp"

#include <fmt/format.h>

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace causeway::cli {

using Verdict = std::expected<void, std::string>;

/// What is wrong with the command line, as mosquitto's tools begin to say it.
template <class... Parts>
std::unexpected<std::string> wrong(fmt::format_string<Parts...> text, Parts&&... parts) {
    return std::unexpected("Error: " + fmt::format(text, std::forward<Parts>(parts)...));
}

/// The command line while it is read: what has to be seen as a whole before it means something.
struct MqttReading {
    MqttTool tool;
    MqttOptions options;
    std::optional<std::string> url;
    std::optional<std::string> id_prefix;
    std::string will_topic;
    bool will_payload = false;
    bool will_details = false;
    bool persistent = false;
    std::optional<std::uint32_t> expiry;
    bool sources_clash = false;
};

inline constexpr unsigned mqtt_pub_only = 1, mqtt_sub_only = 2, mqtt_both = 3;

struct MqttOption {
    std::string_view name;
    std::string_view other;  // the same, spelt in another way
    std::string_view value;  // in the help; empty: it takes none
    std::string_view help;
    unsigned tools;
    Verdict (*take)(MqttReading&, const std::string&);
};

[[nodiscard]] std::span<const MqttOption> mqtt_option_table() noexcept;
/// What mosquitto's have and these have not, so that it can be said.
[[nodiscard]] std::span<const std::string_view> mqtt_options_unsupported() noexcept;

}  // namespace causeway::cli
