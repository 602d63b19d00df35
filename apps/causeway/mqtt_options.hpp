#pragma once
// The command line of `causeway mqtt pub` and `causeway mqtt sub`: the options of mosquitto_pub and
// mosquitto_sub, so that scripts written for those go on working. They are read by a table of our
// own and not by CLI11, because -h is a host there, and -D takes three or four words.
#include "base/bytes.hpp"
#include "mqtt/client.hpp"
#include "net/stream_host.hpp"

#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

enum class MqttTool : std::uint8_t { pub, sub };

/// Properties with the texts that they borrow.
class OwnedProperties {
public:
    OwnedProperties() = default;
    OwnedProperties(OwnedProperties&&) = default;
    OwnedProperties& operator=(OwnedProperties&&) = default;
    OwnedProperties(const OwnedProperties&) = delete;
    OwnedProperties& operator=(const OwnedProperties&) = delete;
    ~OwnedProperties() = default;

    [[nodiscard]] std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }
    mqtt::Properties properties;

private:
    std::deque<std::string> texts_;  // whose elements stay where they are
};

struct MqttOptions {
    enum class Source : std::uint8_t { none, message, file, lines, whole_stdin, null };

    net::ConnectSpec where;
    mqtt::ClientSettings client;
    bool debug = false;
    bool quiet = false;
    bool help = false;
    mqtt::Qos qos = mqtt::Qos::at_most_once;
    std::vector<std::string> topics;
    std::optional<double> timeout_seconds;  // -W

    // ---- pub
    Source source = Source::none;
    std::string message;  // or the name of the file
    bool retain = false;
    std::uint64_t repeat = 1;
    double repeat_delay_seconds = 0;
    OwnedProperties publish;

    // ---- sub
    std::vector<std::string> filtered_out;  // -T
    std::vector<std::string> unsubscribe;   // -U
    std::optional<std::uint64_t> count;     // -C
    bool exit_when_subscribed = false;
    bool no_retained = false;
    bool retained_only = false;
    bool remove_retained = false;
    bool retain_as_published = false;
    bool no_end_of_line = false;
    bool verbose = false;
    bool pretty = false;
    double shown_percent = 100;
    std::optional<std::string> format;
    OwnedProperties subscribe;
    OwnedProperties unsubscribe_properties;

    OwnedProperties disconnect;
};

/// What the command line means, or the one line that says what is wrong with it.
[[nodiscard]] std::expected<MqttOptions, std::string> mqtt_options_from(
    MqttTool tool, const std::vector<std::string>& arguments);
[[nodiscard]] std::string mqtt_help(MqttTool tool);

/// -D: `words` are the command, the property's name and its value, or both its values.
[[nodiscard]] std::expected<void, std::string> set_property(MqttOptions& options, MqttTool tool,
                                                            const std::vector<std::string>& words);
/// -L: mqtt://user:password@host:port/topic; mqtts, ws and wss as well. The topic is what it gives.
[[nodiscard]] std::expected<std::string, std::string> set_url(MqttOptions& options,
                                                              std::string_view url);

}  // namespace causeway::cli
