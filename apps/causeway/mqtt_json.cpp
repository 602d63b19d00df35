#include "mqtt_json.hpp"

#include "mqtt/topic.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace causeway::cli {
namespace {

/// Octets of the well-formed UTF-8 character at the front; zero when there is none.
std::size_t character_octets(std::string_view text) {
    for (std::size_t n = 1; n <= std::min<std::size_t>(4, text.size()); ++n)
        if (mqtt::is_utf8_text(text.substr(0, n))) return n;
    return 0;
}

/// Calls `each` with every character that is not in a string, and `quoted` with those that are.
void scan(std::string_view json, const auto& each, const auto& quoted) {
    bool inside = false;
    bool escaped = false;
    for (const char c : json) {
        if (inside) {
            quoted(c);
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        inside = c == '"';
        if (inside)
            quoted(c);
        else
            each(c);
    }
}

std::string without_blanks(std::string_view json) {
    std::string out;
    const auto keep = [&](char c) { out += c; };
    scan(
        json,
        [&](char c) {
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += c;
        },
        keep);
    return out;
}

/// In mosquitto's order.
std::string properties_to_json(const mqtt::Properties& said) {
    std::string out;
    const auto add = [&](std::string_view name, std::string value) {
        out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", name, value);
    };
    if (said.topic_alias) add("topic-alias", std::to_string(*said.topic_alias));
    if (said.content_type) add("content-type", json_text(*said.content_type));
    if (said.correlation_data) add("correlation-data", json_text(*said.correlation_data));
    if (!said.user.empty()) {
        std::string users;
        for (const auto& [name, value] : said.user)
            users +=
                fmt::format("{}{}:{}", users.empty() ? "" : ",", json_text(name), json_text(value));
        add("user-properties", "{" + users + "}");
    }
    if (said.response_topic) add("response-topic", json_text(*said.response_topic));
    if (said.payload_is_text) add("payload-format-indicator", *said.payload_is_text ? "1" : "0");
    if (said.message_expiry_seconds)
        add("message-expiry-interval", std::to_string(*said.message_expiry_seconds));
    if (said.subscription_identifiers.size() == 1)
        add("subscription-identifier", std::to_string(said.subscription_identifiers[0]));
    else if (!said.subscription_identifiers.empty())
        add("subscription-identifier",
            fmt::format("[{}]", fmt::join(said.subscription_identifiers, ",")));
    return out;
}

}  // namespace

std::string json_text(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const unsigned char c = static_cast<unsigned char>(text[0]);
        std::size_t taken = 1;
        if (c == '"' || c == '\\')
            out += {'\\', static_cast<char>(c)};
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (c < 0x20)
            out += fmt::format("\\u{:04x}", c);
        else if (taken = character_octets(text); taken != 0)
            out += text.substr(0, taken);
        else {
            out += "\\ufffd";
            taken = 1;
        }
        text.remove_prefix(taken);
    }
    return out + '"';
}

std::expected<std::string, std::string> message_to_json(const mqtt::Publish& message,
                                                        std::string_view time,
                                                        bool payload_is_json) {
    std::string out =
        fmt::format(R"({{"tst":{},"topic":{},"qos":{},"retain":{},"payloadlen":{})",
                    json_text(time), json_text(message.topic), std::to_underlying(message.qos),
                    +message.retain, message.payload.size());
    if (message.qos != mqtt::Qos::at_most_once)
        out += fmt::format(",\"mid\":{}", message.packet_id);
    const std::string properties = properties_to_json(message.properties);
    if (!properties.empty()) out += ",\"properties\":{" + properties + "}";
    if (message.payload.empty()) {
        out += payload_is_json ? ",\"payload\":null" : ",\"payload\":\"\"";
    } else if (payload_is_json) {
        boost::json::error_code fault;
        (void)boost::json::parse(as_text(message.payload), fault);
        if (fault)
            return std::unexpected(fmt::format(
                "Error: Message payload is not valid JSON on topic {}.", message.topic));
        out += ",\"payload\":" + without_blanks(as_text(message.payload));
    } else {
        out += ",\"payload\":" + json_text(as_text(message.payload));
    }
    return out + "}";
}

std::string pretty_json(std::string_view json) {
    std::string out;
    std::size_t depth = 0;
    const auto new_line = [&] { out.append(1, '\n').append(depth, '\t'); };
    scan(
        json,
        [&](char c) {
            if (c == '}' || c == ']') {
                --depth;
                new_line();
            }
            out += c;
            if (c == '{' || c == '[') ++depth;
            if (c == ':') out += '\t';
            if (c == '{' || c == '[' || c == ',') new_line();
        },
        [&](char c) { out += c; });
    return out;
}

}  // namespace causeway::cli
