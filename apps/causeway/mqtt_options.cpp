#include "mqtt_option_table.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>

namespace causeway::cli {
namespace {

using Reading = MqttReading;
using Option = MqttOption;

bool is_for(const Option& option, MqttTool tool) {
    return (option.tools & (tool == MqttTool::pub ? mqtt_pub_only : mqtt_sub_only)) != 0;
}

/// -D: three words, four for a pair.
Verdict take_property(Reading& r, const std::vector<std::string>& words, std::size_t& at) {
    if (words.size() - at < 3)
        return wrong("--property argument given but not enough arguments specified.");
    const std::size_t count = words[at + 1] == "user-property" ? 4 : 3;
    if (words.size() - at < count)
        return wrong("--property argument given but not enough arguments specified.");
    const auto from = words.begin() + static_cast<std::ptrdiff_t>(at);
    at += count;
    return set_property(r.options, r.tool,
                        std::vector(from, from + static_cast<std::ptrdiff_t>(count)));
}

Verdict read_all(Reading& r, const std::vector<std::string>& words) {
    for (std::size_t at = 0; at < words.size();) {
        const std::string& word = words[at++];
        if (word == "-D" || word == "--property") {
            if (auto taken = take_property(r, words, at); !taken) return taken;
            continue;
        }
        const auto found = std::ranges::find_if(mqtt_option_table(), [&](const Option& option) {
            return is_for(option, r.tool) &&
                   (option.name == word || (!option.other.empty() && option.other == word));
        });
        if (found == mqtt_option_table().end()) {
            if (std::ranges::find(mqtt_options_unsupported(), word) !=
                mqtt_options_unsupported().end())
                return wrong("Option '{}' is not supported.", word);
            return wrong("Unknown option '{}'.", word);
        }
        if (found->value.empty()) {
            if (auto taken = found->take(r, {}); !taken) return taken;
            continue;
        }
        if (at == words.size()) return wrong("{} argument given but no value specified.", word);
        if (auto taken = found->take(r, words[at++]); !taken) return taken;
    }
    return {};
}

Verdict use_url(Reading& r) {
    if (!r.url) return {};
    auto topic = set_url(r.options, *r.url);
    if (!topic) return std::unexpected(topic.error());
    if (topic->empty()) return {};
    const auto option = std::ranges::find(mqtt_option_table(), "-t", &Option::name);
    return option->take(r, *topic);
}

/// What can only be said once everything has been read.
Verdict use_connection(Reading& r) {
    MqttOptions& options = r.options;
    net::ConnectSpec& where = options.where;
    if (where.host.empty() && where.unix_path.empty()) where.host = "localhost";
    if (where.port == 0) where.port = where.tls ? 8883 : 1883;
    if (where.tls && where.tls->psk.empty() != where.tls->psk_identity.empty())
        return wrong("Both --psk and --psk-identity must be given, or neither.");
    if (where.tls && where.tls->certificate.empty() != where.tls->key.empty())
        return wrong("Both --cert and --key must be given, or neither.");

    mqtt::ClientSettings& client = options.client;
    const bool v5 = client.version == mqtt::Version::v5;
    if (client.password && !client.user_name && !v5)
        return wrong("A password needs a user name (-u), but for protocol version mqttv5.");
    if (r.id_prefix) {
        if (!client.client_id.empty()) return wrong("-i and -I argument cannot be used together.");
        client.client_id = *r.id_prefix + std::to_string(getpid());
    }
    if (client.client_id.empty()) {
        if (r.persistent)
            return wrong("You must provide a client id if you are using the -c option.");
        // Only 3.1 has no empty identifier.
        if (client.version == mqtt::Version::v3_1)
            client.client_id = "causeway-" + std::to_string(getpid());
    }
    client.clean_start = !r.persistent;
    if (r.expiry) {
        if (!v5) return wrong("-x needs protocol version mqttv5.");
        client.session_expiry_seconds = *r.expiry;
    } else if (v5 && r.persistent && client.session_expiry_seconds == 0) {
        client.session_expiry_seconds = UINT32_MAX;
    }
    return {};
}

Verdict use_will(Reading& r) {
    if (!r.options.client.will || !r.will_topic.empty()) return {};
    if (r.will_payload) return wrong("Will payload given, but no will topic given.");
    if (r.will_details) return wrong("Will QoS or retain given, but no will topic given.");
    return wrong("Will properties given, but no will topic given.");
}

Verdict use_work(Reading& r) {
    const MqttOptions& options = r.options;
    if (r.tool == MqttTool::pub) {
        if (options.topics.empty() || options.source == MqttOptions::Source::none)
            return wrong("Both topic and message must be supplied.");
        return {};
    }
    if (options.topics.empty() && options.unsubscribe.empty())
        return wrong("You must specify a topic to subscribe to.");
    if (options.no_retained && options.retained_only)
        return wrong("You cannot use -R and --retained-only together.");
    return {};
}

}  // namespace

std::expected<MqttOptions, std::string> mqtt_options_from(
    MqttTool tool, const std::vector<std::string>& arguments) {
    Reading r{.tool = tool};
    r.options.client.inflight_max = 20;
    if (auto read = read_all(r, arguments); !read) return std::unexpected(read.error());
    if (r.options.help) return std::move(r.options);
    for (const auto& step : {use_url, use_connection, use_will, use_work})
        if (auto used = step(r); !used) return std::unexpected(used.error());
    return std::move(r.options);
}

std::string mqtt_help(MqttTool tool) {
    const bool publishes = tool == MqttTool::pub;
    std::string text = publishes ? "Publish messages to an MQTT broker\n"
                                   "Usage: causeway mqtt pub [OPTIONS] -t TOPIC -m TEXT\n\n"
                                 : "Subscribe to topics of an MQTT broker and print what arrives\n"
                                   "Usage: causeway mqtt sub [OPTIONS] -t TOPIC\n\n";
    for (const Option& option : mqtt_option_table()) {
        if (!is_for(option, tool)) continue;
        std::string names(option.name);
        if (!option.other.empty()) names += fmt::format(", {}", option.other);
        if (!option.value.empty()) names += fmt::format(" {}", option.value);
        text += fmt::format("  {:<38} {}\n", names, option.help);
    }
    text += fmt::format("  {:<38} {}\n", "-D, --property COMMAND NAME VALUE",
                        "an MQTT 5.0 property, as in -D publish content-type text/plain");
    if (!publishes)
        text += R"(
Format: %t topic, %p payload, %x %X in hexadecimal, %l its length, %q QoS, %r retained, %m packet
  identifier, %j %J JSON, %I ISO 8601 time, %U Unix time, @Y @m ... as strftime's, %A topic alias,
  %C content type, %D correlation data, %E expiry, %F payload format, %P user properties, %R
  response topic, %S subscription identifier; widths as in %10t, %-10t, %010l, %10.10t; \n \t \0 ...
)";
    text += publishes ? R"(
Examples:
  causeway mqtt pub -t home/lamp -m on
  causeway mqtt pub -L mqtt://alice:secret@broker.example/lamp -q 1 -r -m on
  sensors | causeway mqtt pub -V 5 -t home/log -l -D publish content-type text/plain
)"
                      : R"(
Examples:
  causeway mqtt sub -t 'home/#' -v
  causeway mqtt sub -t '$SYS/broker/uptime' -C 1 -W 5
  causeway mqtt sub -t home/lamp -F '%I %t %p'
)";
    text += R"(
Exit status: 0 done, 1 an error or bad usage, 27 timed out (-W), otherwise the reason for which the
broker refused the connection: 1 to 5 with 3.1.1, 128 and above with 5.0.
)";
    return text;
}

}  // namespace causeway::cli
