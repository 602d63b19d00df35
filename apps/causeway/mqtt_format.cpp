#include "mqtt_format.hpp"

#include "base/hex.hpp"
#include "mqtt_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace causeway::cli {
namespace {

constexpr std::string_view values = "ACDEFIJPRSUXjlmpqrtx";
constexpr std::size_t width_most = 10'000;

/// A decimal number at the front of `text`, taken from it.
std::size_t take_number(std::string_view& text) {
    std::size_t value = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        value = std::min(width_most, value * 10 + static_cast<std::size_t>(text[0] - '0'));
        text.remove_prefix(1);
    }
    return value;
}

std::expected<char, std::string> escaped(char c) {
    switch (c) {
        case '\\':
            return '\\';
        case '0':
            return '\0';
        case 'a':
            return '\a';
        case 'e':
            return '\033';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        default:
            return std::unexpected(fmt::format("Error: Invalid escape specifier '{}'.", c));
    }
}

std::string strftime_text(std::string_view format, const std::tm& at) {
    std::array<char, 512> buffer{};
    const std::size_t size =
        std::strftime(buffer.data(), buffer.size(), std::string(format).c_str(), &at);
    return {buffer.data(), size};
}

std::string number_or_nothing(const auto& value) {
    return value ? fmt::format("{}", *value) : std::string();
}

std::string user_properties_of(const mqtt::Publish& message) {
    std::string text;
    for (const auto& [name, value] : message.properties.user) {
        if (!text.empty()) text += ' ';
        text += fmt::format("{}:{}", name, value);
    }
    return text;
}

}  // namespace

MqttFormat::Moment MqttFormat::Moment::now() {
    std::timespec at{};
    std::timespec_get(&at, TIME_UTC);
    Moment moment{.local = {}, .nanoseconds = at.tv_nsec, .unix_seconds = at.tv_sec};
    localtime_r(&at.tv_sec, &moment.local);
    return moment;
}

std::expected<MqttFormat, std::string> MqttFormat::parse(std::string_view text, bool pretty) {
    MqttFormat format;
    format.pretty_ = pretty;
    std::string plain;
    const auto end_plain = [&] {
        if (!plain.empty())
            format.pieces_.push_back({Piece::Kind::text, 0, std::exchange(plain, {})});
    };
    while (!text.empty()) {
        const char c = text[0];
        text.remove_prefix(1);
        if (c != '%' && c != '@' && c != '\\') {
            plain += c;
            continue;
        }
        if (text.empty())
            return std::unexpected(std::string("Error: Incomplete format specifier."));
        if (text[0] == c) {
            plain += c;
            text.remove_prefix(1);
            continue;
        }
        if (c == '\\') {
            const auto one = escaped(text[0]);
            if (!one) return std::unexpected(one.error());
            plain += *one;
            text.remove_prefix(1);
            continue;
        }
        end_plain();
        Piece piece{c == '@' ? Piece::Kind::time : Piece::Kind::value, 0, {}};
        if (c == '%') {
            for (; !text.empty() && (text[0] == '-' || text[0] == '0'); text.remove_prefix(1))
                (text[0] == '-' ? piece.left : piece.zero) = true;
            piece.width = take_number(text);
            if (text.starts_with('.')) {
                text.remove_prefix(1);
                piece.width_max = take_number(text);
            }
            if (text.empty())
                return std::unexpected(std::string("Error: Incomplete format specifier."));
            if (values.find(text[0]) == std::string_view::npos)
                return std::unexpected(
                    fmt::format("Error: Invalid format specifier '{}'.", text[0]));
        }
        piece.what = text[0];
        text.remove_prefix(1);
        format.pieces_.push_back(std::move(piece));
    }
    end_plain();
    return format;
}

void MqttFormat::put(const Piece& piece, std::string_view value, bool number, std::string& out) {
    if (!number) value = value.substr(0, piece.width_max);
    const std::size_t padding = piece.width - std::min(piece.width, value.size());
    if (!piece.left) out.append(padding, number && piece.zero ? '0' : ' ');
    out += value;
    if (piece.left) out.append(padding, ' ');
}

std::expected<void, std::string> MqttFormat::put_value(const Piece& piece,
                                                       const mqtt::Publish& message,
                                                       const Moment& moment, bool pretty,
                                                       std::string& out) {
    const mqtt::Properties& said = message.properties;
    const auto text = [&](std::string_view value) { put(piece, value, false, out); };
    const auto number = [&](const std::string& value) { put(piece, value, true, out); };
    switch (piece.what) {
        case 'A':
            number(number_or_nothing(said.topic_alias));
            break;
        case 'C':
            text(said.content_type.value_or(""));
            break;
        case 'D':
            out += said.correlation_data.value_or("");
            break;
        case 'E':
            number(number_or_nothing(said.message_expiry_seconds));
            break;
        case 'F':
            number(said.payload_is_text ? (*said.payload_is_text ? "1" : "0") : std::string());
            break;
        case 'I':
            text(strftime_text("%Y-%m-%dT%H:%M:%S%z", moment.local));
            break;
        case 'P':
            out += user_properties_of(message);
            break;
        case 'R':
            if (said.response_topic) text(*said.response_topic);
            break;
        case 'S':
            number(fmt::format("{}", fmt::join(said.subscription_identifiers, " ")));
            break;
        case 'U':
            out += fmt::format("{}.{:09}", moment.unix_seconds, moment.nanoseconds);
            break;
        case 'l':
            number(std::to_string(message.payload.size()));
            break;
        case 'm':
            number(std::to_string(message.packet_id));
            break;
        case 'p':
            out += as_text(message.payload);
            break;
        case 'q':
            out += static_cast<char>('0' + std::to_underlying(message.qos));
            break;
        case 'r':
            out += message.retain ? '1' : '0';
            break;
        case 't':
            text(message.topic);
            break;
        case 'x':
            number(to_hex(message.payload));
            break;
        case 'X': {
            std::string digits = to_hex(message.payload);
            std::ranges::transform(digits, digits.begin(), [](char c) {
                return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            number(digits);
            break;
        }
        default: {  // j, J
            const std::string when = strftime_text("%Y-%m-%dT%H:%M:%S", moment.local) +
                                     fmt::format(".{:06}", moment.nanoseconds / 1000) +
                                     strftime_text("%z", moment.local);
            auto json = message_to_json(message, when, piece.what == 'J');
            if (!json) return std::unexpected(json.error());
            out += pretty ? pretty_json(*json) : *json;
        }
    }
    return {};
}

std::expected<std::string, std::string> MqttFormat::apply(const mqtt::Publish& message,
                                                          const Moment& moment) const {
    std::string out;
    for (const Piece& piece : pieces_) {
        switch (piece.kind) {
            case Piece::Kind::text:
                out += piece.text;
                break;
            case Piece::Kind::time:
                out += piece.what == 'N'
                           ? fmt::format("{:09}", moment.nanoseconds)
                           : strftime_text(std::string{'%', piece.what}, moment.local);
                break;
            case Piece::Kind::value:
                if (auto put = put_value(piece, message, moment, pretty_, out); !put)
                    return std::unexpected(put.error());
        }
    }
    return out;
}

}  // namespace causeway::cli
