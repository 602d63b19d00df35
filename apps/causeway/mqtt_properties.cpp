// -D, and -L.
#include "base/hex.hpp"
#include "mqtt_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace causeway::cli {
namespace {

using mqtt::Properties;

template <class T>
std::expected<T, std::string> number(std::string_view text, std::string_view name) {
    T value{};
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || stop != text.data() + text.size())
        return std::unexpected(
            fmt::format("Error: {}: {} is not a number in its range.", name, text));
    return value;
}

/// The commands that a property may stand with.
constexpr unsigned at_connect = 1, at_publish = 2, at_subscribe = 4, at_unsubscribe = 8,
                   at_disconnect = 16, at_will = 32;
struct Command {
    std::string_view name;
    unsigned bit;
};
constexpr std::array<Command, 6> commands{{{"connect", at_connect},
                                           {"publish", at_publish},
                                           {"subscribe", at_subscribe},
                                           {"unsubscribe", at_unsubscribe},
                                           {"disconnect", at_disconnect},
                                           {"will", at_will}}};
struct Known {
    std::string_view name;
    unsigned where;
};
constexpr std::array<Known, 17> known{{
    {"payload-format-indicator", at_publish | at_will},
    {"message-expiry-interval", at_publish | at_will},
    {"content-type", at_publish | at_will},
    {"response-topic", at_publish | at_will},
    {"correlation-data", at_publish | at_will},
    {"topic-alias", at_publish},
    {"will-delay-interval", at_will},
    {"session-expiry-interval", at_connect | at_disconnect},
    {"authentication-method", at_connect},
    {"authentication-data", at_connect},
    {"request-problem-information", at_connect},
    {"request-response-information", at_connect},
    {"receive-maximum", at_connect},
    {"topic-alias-maximum", at_connect},
    {"maximum-packet-size", at_connect},
    {"subscription-identifier", at_subscribe},
    {"user-property", 63},
}};

template <class T, class Into>
std::expected<void, std::string> set_number(std::string_view text, std::string_view name,
                                            Into&& into) {
    const auto value = number<T>(text, name);
    if (!value) return std::unexpected(value.error());
    into(*value);
    return {};
}

/// Those that a message and a will have in common.
template <class Keep, class Message>
std::expected<void, std::string> set_message(std::string_view name, std::string_view value,
                                             Message& message, Keep&& keep) {
    if (name == "payload-format-indicator")
        return set_number<std::uint8_t>(value, name,
                                        [&](auto v) { message.payload_is_text = v != 0; });
    if (name == "message-expiry-interval")
        return set_number<std::uint32_t>(value, name,
                                         [&](auto v) { message.message_expiry_seconds = v; });
    if (name == "content-type") message.content_type = keep(value);
    if (name == "response-topic") message.response_topic = keep(value);
    if (name == "correlation-data") message.correlation_data = keep(value);
    return {};
}

std::expected<void, std::string> set_connect(mqtt::ClientSettings& client, std::string_view name,
                                             std::string_view value) {
    if (name == "authentication-method") client.authentication_method = value;
    if (name == "authentication-data") client.authentication_data = to_octets(as_octets(value));
    if (name == "session-expiry-interval")
        return set_number<std::uint32_t>(value, name,
                                         [&](auto v) { client.session_expiry_seconds = v; });
    if (name == "maximum-packet-size")
        return set_number<std::uint32_t>(value, name,
                                         [&](auto v) { client.packet_octets_max = v; });
    if (name == "receive-maximum")
        return set_number<std::uint16_t>(value, name, [&](auto v) { client.receive_maximum = v; });
    if (name == "topic-alias-maximum")
        return set_number<std::uint16_t>(value, name,
                                         [&](auto v) { client.topic_alias_maximum = v; });
    if (name == "request-problem-information")
        return set_number<std::uint8_t>(
            value, name, [&](auto v) { client.request_problem_information = v != 0; });
    if (name == "request-response-information")
        return set_number<std::uint8_t>(
            value, name, [&](auto v) { client.request_response_information = v != 0; });
    return {};
}

std::expected<void, std::string> set_plain(OwnedProperties& into, std::string_view name,
                                           std::string_view value) {
    Properties& properties = into.properties;
    if (name == "session-expiry-interval")
        return set_number<std::uint32_t>(value, name,
                                         [&](auto v) { properties.session_expiry_seconds = v; });
    if (name == "subscription-identifier")
        return set_number<std::uint32_t>(
            value, name, [&](auto v) { properties.subscription_identifiers.assign(1, v); });
    // Which alias stands for which topic is the client's own affair: it is enough to allow them.
    if (name == "topic-alias") return set_number<std::uint16_t>(value, name, [](auto) {});
    return set_message(name, value, properties, [&](auto text) { return into.keep(text); });
}

/// With every %XX the octet that it stands for; nothing when one is cut short.
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto octet = from_hex(text.substr(i + 1, 2));
        if (!octet || octet->size() != 1) return std::nullopt;
        out += as_text(*octet);
        i += 2;
    }
    return out;
}

OwnedProperties* place_of(MqttOptions& options, unsigned command) {
    switch (command) {
        case at_publish:
            return &options.publish;
        case at_subscribe:
            return &options.subscribe;
        case at_unsubscribe:
            return &options.unsubscribe_properties;
        case at_disconnect:
            return &options.disconnect;
        default:
            return nullptr;
    }
}

}  // namespace

std::expected<void, std::string> set_property(MqttOptions& options, MqttTool tool,
                                              const std::vector<std::string>& words) {
    const auto command = std::ranges::find(commands, words[0], &Command::name);
    if (command == commands.end())
        return std::unexpected(fmt::format(
            "Error: Invalid command given in --property argument: {}; allowed: connect, publish, "
            "subscribe, unsubscribe, disconnect, will.",
            words[0]));
    const auto name = std::ranges::find(known, words[1], &Known::name);
    if (name == known.end())
        return std::unexpected(fmt::format(
            "Error: Invalid property name given in --property argument: {}.", words[1]));
    const unsigned of_other_tool =
        tool == MqttTool::pub ? at_subscribe | at_unsubscribe : at_publish;
    if ((name->where & command->bit) == 0 || (command->bit & of_other_tool) != 0)
        return std::unexpected(fmt::format(
            "Error: {} property not allowed for {} in --property argument.", words[1], words[0]));
    const bool pair = words[1] == "user-property";
    OwnedProperties* const place = place_of(options, command->bit);
    if (command->bit == at_will && !options.client.will) options.client.will.emplace();
    if (pair) {
        if (place != nullptr)
            place->properties.user.push_back({place->keep(words[2]), place->keep(words[3])});
        else if (command->bit == at_will)
            options.client.will->user_properties.emplace_back(words[2], words[3]);
        else
            options.client.user_properties.emplace_back(words[2], words[3]);
        return {};
    }
    if (words[1] == "topic-alias") options.client.topic_aliases_out = 65535;
    if (place != nullptr) return set_plain(*place, words[1], words[2]);
    if (command->bit == at_connect) return set_connect(options.client, words[1], words[2]);
    if (words[1] == "will-delay-interval")
        return set_number<std::uint32_t>(words[2], words[1],
                                         [&](auto v) { options.client.will->delay_seconds = v; });
    return set_message(words[1], words[2], *options.client.will,
                       [](auto text) { return std::string(text); });
}

std::expected<std::string, std::string> set_url(MqttOptions& options, std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return std::unexpected(
            fmt::format("Error: {}: {}; as in mqtt://user:password@host:1883/topic.", text, why));
    };
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return bad("not a URL");
    const std::string_view scheme = text.substr(0, colon);
    const bool secure = scheme == "mqtts" || scheme == "wss";
    options.where.websocket = scheme == "ws" || scheme == "wss";
    if (!secure && !options.where.websocket && scheme != "mqtt")
        return bad("unsupported URL scheme (mqtt, mqtts, ws, wss)");
    if (secure && !options.where.tls) options.where.tls.emplace();

    // All behind the first slash is the topic, with `#` and `?` as they stand.
    std::string_view place = text.substr(colon + 3);
    const std::size_t slash = std::min(place.find('/'), place.size());
    const auto topic = decoded(place.substr(std::min(slash + 1, place.size())));
    place = place.substr(0, slash);
    if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
        const std::string_view who = place.substr(0, at);
        place.remove_prefix(at + 1);
        const std::size_t end = std::min(who.find(':'), who.size());
        const auto user = decoded(who.substr(0, end));
        const auto password = decoded(who.substr(std::min(end + 1, who.size())));
        if (!user || !password) return bad("% and no two digits");
        options.client.user_name = *user;
        if (end != who.size()) options.client.password = to_octets(as_octets(*password));
    }
    const bool bracketed = place.starts_with('[');
    const std::size_t host_end =
        bracketed ? place.find(']') : std::min(place.find(':'), place.size());
    if (host_end == std::string_view::npos) return bad("no end of the address");
    options.where.host = place.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0));
    if (options.where.host.empty()) return bad("no host");
    place.remove_prefix(host_end + (bracketed ? 1 : 0));
    if (!place.empty()) {
        const auto port = number<std::uint16_t>(place.substr(1), "port");
        if (place[0] != ':' || !port || *port == 0) return bad("not a port");
        options.where.port = *port;
    }
    if (!topic) return bad("% and no two digits");
    return *topic;
}

}  // namespace causeway::cli
