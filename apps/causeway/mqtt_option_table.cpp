#include "mqtt_option_table.hpp"

#include "base/hex.hpp"
#include "mqtt/topic.hpp"

#include <fmt/format.h>

#include <charconv>

namespace causeway::cli {
namespace {

using Reading = MqttReading;
using Option = MqttOption;

std::optional<std::int64_t> whole_of(std::string_view text) {
    std::int64_t value = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

Verdict within(std::string_view text, std::int64_t least, std::int64_t most, std::string_view what,
               const auto& into) {
    const auto value = whole_of(text);
    if (!value || *value < least || *value > most)
        return wrong("Invalid {} given: {}; allowed: {} to {}.", what, text, least, most);
    into(*value);
    return {};
}

Verdict seconds_of(std::string_view text, std::string_view what, const auto& into) {
    double value = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || stop != text.data() + text.size() || !(value >= 0) || value > 1e9)
        return wrong("Invalid {} given: {}; wanted seconds.", what, text);
    into(value);
    return {};
}

Verdict set_source(Reading& r, MqttOptions::Source source, std::string text = {}) {
    if (r.options.source != MqttOptions::Source::none)
        return wrong("Only one type of message can be sent at once.");
    r.options.source = source;
    r.options.message = std::move(text);
    return {};
}

net::TlsClient& tls(Reading& r) {
    if (!r.options.where.tls) r.options.where.tls.emplace();
    return *r.options.where.tls;
}

mqtt::ClientWill& will(Reading& r) {
    if (!r.options.client.will) r.options.client.will.emplace();
    return *r.options.client.will;
}

Verdict set_version(Reading& r, std::string_view text) {
    if (text == "mqttv5" || text == "5")
        r.options.client.version = mqtt::Version::v5;
    else if (text == "mqttv311" || text == "311" || text == "3.1.1")
        r.options.client.version = mqtt::Version::v3_1_1;
    else if (text == "mqttv31" || text == "31" || text == "3.1")
        r.options.client.version = mqtt::Version::v3_1;
    else
        return wrong("Invalid protocol version {}; allowed: mqttv5, mqttv311, mqttv31.", text);
    return {};
}

constexpr unsigned pub = mqtt_pub_only, sub = mqtt_sub_only, both = mqtt_both;

const Option mqtt_options_table[] = {
    {"-A", "", "ADDRESS", "bind to this address of ours", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.where.bind_address = v;
         return {};
     }},
    {"-c", "--disable-clean-session", "", "come back to a session that lasts; needs -i", both,
     [](Reading& r, const std::string&) -> Verdict {
         r.persistent = true;
         return {};
     }},
    {"-C", "", "COUNT", "end after so many messages", sub,
     [](Reading& r, const std::string& v) -> Verdict {
         return within(v, 1, INT32_MAX, "message count",
                       [&](auto n) { r.options.count = static_cast<std::uint64_t>(n); });
     }},
    {"-d", "--debug", "", "say every packet", both,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.debug = true;
         return {};
     }},
    {"-E", "", "", "end when all subscriptions are acknowledged", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.exit_when_subscribed = true;
         return {};
     }},
    {"-f", "--file", "FILE", "send a file's contents", pub,
     [](Reading& r, const std::string& v) {
         return set_source(r, MqttOptions::Source::file, v);
     }},
    {"-F", "", "FORMAT", "print by a format: %t topic, %p payload, %j JSON ... (see below)", sub,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.format = v;
         return {};
     }},
    {"-h", "--host", "HOST", "the broker; localhost by default", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.where.host = v;
         return {};
     }},
    {"--help", "", "", "print this help", both,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.help = true;
         return {};
     }},
    {"-i", "--id", "ID", "client identifier", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.client.client_id = v;
         return {};
     }},
    {"-I", "--id-prefix", "PREFIX", "client identifier: this and the process id", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.id_prefix = v;
         return {};
     }},
    {"-k", "--keepalive", "SECONDS", "keep alive, 60 by default; 0: none", both,
     [](Reading& r, const std::string& v) -> Verdict {
         if (v != "0" && whole_of(v).value_or(0) < 5)
             return wrong("Invalid keepalive given, it must be between 5 and 65535 inclusive.");
         return within(v, 0, 65535, "keepalive", [&](auto n) {
             r.options.client.keep_alive_seconds = static_cast<std::uint16_t>(n);
         });
     }},
    {"-l", "--stdin-line", "", "send each line of standard input", pub,
     [](Reading& r, const std::string&) { return set_source(r, MqttOptions::Source::lines); }},
    {"-L", "--url", "URL", "mqtt[s]://user:password@host:port/topic, or ws[s]://", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.url = v;
         return {};
     }},
    {"-m", "--message", "TEXT", "send this", pub,
     [](Reading& r, const std::string& v) {
         return set_source(r, MqttOptions::Source::message, v);
     }},
    {"-M", "", "COUNT", "at most so many QoS 1 and 2 messages in flight, 20 by default", pub,
     [](Reading& r, const std::string& v) -> Verdict {
         return within(v, 1, 65535, "inflight maximum", [&](auto n) {
             r.options.client.inflight_max = static_cast<std::uint16_t>(n);
         });
     }},
    {"-n", "--null-message", "", "send an empty message", pub,
     [](Reading& r, const std::string&) { return set_source(r, MqttOptions::Source::null); }},
    {"-N", "", "", "print no end of line after a payload", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.no_end_of_line = true;
         return {};
     }},
    {"-p", "--port", "PORT", "1883 by default, 8883 with TLS", both,
     [](Reading& r, const std::string& v) -> Verdict {
         return within(v, 1, 65535, "port", [&](auto n) {
             r.options.where.port = static_cast<std::uint16_t>(n);
         });
     }},
    {"-P", "--pw", "PASSWORD", "password, for -u", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.client.password = to_octets(as_octets(v));
         return {};
     }},
    {"-q", "--qos", "QOS", "quality of service, 0 by default", both,
     [](Reading& r, const std::string& v) -> Verdict {
         return within(v, 0, 2, "QoS",
                       [&](auto n) { r.options.qos = static_cast<mqtt::Qos>(n); });
     }},
    {"--quiet", "", "", "print no errors", both,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.quiet = true;
         return {};
     }},
    {"-r", "--retain", "", "have the broker retain the message", pub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.retain = true;
         return {};
     }},
    {"-R", "", "", "print no retained messages", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.no_retained = true;
         return {};
     }},
    {"--random-filter", "", "PERCENT", "print so much of what arrives", sub,
     [](Reading& r, const std::string& v) -> Verdict {
         return seconds_of(v, "percentage", [&](double p) { r.options.shown_percent = p; });
     }},
    {"--remove-retained", "", "", "clear the retained messages that arrive", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.remove_retained = true;
         return {};
     }},
    {"--repeat", "", "COUNT", "send it so many times", pub,
     [](Reading& r, const std::string& v) -> Verdict {
         return within(v, 0, INT32_MAX, "repeat count",
                       [&](auto n) { r.options.repeat = static_cast<std::uint64_t>(n); });
     }},
    {"--repeat-delay", "", "SECONDS", "between repeats", pub,
     [](Reading& r, const std::string& v) -> Verdict {
         return seconds_of(v, "repeat delay",
                           [&](double s) { r.options.repeat_delay_seconds = s; });
     }},
    {"--retain-as-published", "", "", "keep the retain flag that a message was sent with", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.retain_as_published = true;
         return {};
     }},
    {"--retained-only", "", "", "print retained messages and end at the first that is not", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.retained_only = true;
         return {};
     }},
    {"-s", "--stdin-file", "", "send standard input as one message", pub,
     [](Reading& r, const std::string&) {
         return set_source(r, MqttOptions::Source::whole_stdin);
     }},
    {"-t", "--topic", "TOPIC", "to publish or subscribe to; several with sub", both,
     [](Reading& r, const std::string& v) -> Verdict {
         const bool good = r.tool == MqttTool::pub ? mqtt::is_topic_name(v)
                                                   : mqtt::is_topic_filter(v);
         if (!good || !mqtt::is_utf8_text(v))
             return r.tool == MqttTool::pub
                        ? wrong("Invalid publish topic '{}', does it contain '+' or '#'?", v)
                        : wrong("Invalid subscription topic '{}', are all '+' and '#' wildcards "
                                "correct?", v);
         if (r.tool == MqttTool::pub) r.options.topics.clear();
         r.options.topics.push_back(v);
         return {};
     }},
    {"-T", "--filter-out", "FILTER", "print nothing of these topics; repeatable", sub,
     [](Reading& r, const std::string& v) -> Verdict {
         if (!mqtt::is_topic_filter(v) || !mqtt::is_utf8_text(v))
             return wrong("Invalid filter topic '{}', are all '+' and '#' wildcards correct?", v);
         r.options.filtered_out.push_back(v);
         return {};
     }},
    {"-u", "--username", "NAME", "user name", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.client.user_name = v;
         return {};
     }},
    {"-U", "--unsubscribe", "FILTER", "unsubscribe from it; repeatable", sub,
     [](Reading& r, const std::string& v) -> Verdict {
         if (!mqtt::is_topic_filter(v) || !mqtt::is_utf8_text(v))
             return wrong("Invalid unsubscribe topic '{}', are all '+' and '#' wildcards correct?",
                          v);
         r.options.unsubscribe.push_back(v);
         return {};
     }},
    {"--unix", "", "PATH", "connect to a Unix socket", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.where.unix_path = v;
         return {};
     }},
    {"-v", "--verbose", "", "print the topic before the payload", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.verbose = true;
         return {};
     }},
    {"-V", "--protocol-version", "VERSION", "mqttv311 (by default), mqttv5 or mqttv31", both,
     [](Reading& r, const std::string& v) { return set_version(r, v); }},
    {"-W", "", "SECONDS", "end after so long, with status 27", both,
     [](Reading& r, const std::string& v) -> Verdict {
         return seconds_of(v, "timeout", [&](double s) { r.options.timeout_seconds = s; });
     }},
    {"-x", "--session-expiry-interval", "SECONDS", "how long the session lasts (5.0); -1: for ever",
     both,
     [](Reading& r, const std::string& v) -> Verdict {
         if (v == "-1" || v == "∞") {
             r.expiry = UINT32_MAX;
             return {};
         }
         return within(v, 0, UINT32_MAX, "session expiry interval",
                       [&](auto n) { r.expiry = static_cast<std::uint32_t>(n); });
     }},
    {"--pretty", "", "", "print JSON over several lines", sub,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.pretty = true;
         return {};
     }},
    {"--nodelay", "", "", "accepted: small packets are never held back", both,
     [](Reading&, const std::string&) -> Verdict { return {}; }},
    {"--will-topic", "", "TOPIC", "leave a will there", both,
     [](Reading& r, const std::string& v) -> Verdict {
         if (!mqtt::is_topic_name(v) || !mqtt::is_utf8_text(v))
             return wrong("Invalid will topic '{}', does it contain '+' or '#'?", v);
         r.will_topic = v;
         will(r).topic = v;
         return {};
     }},
    {"--will-payload", "", "TEXT", "what the will says", both,
     [](Reading& r, const std::string& v) -> Verdict {
         will(r).payload = to_octets(as_octets(v));
         r.will_payload = true;
         return {};
     }},
    {"--will-qos", "", "QOS", "its quality of service", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.will_details = true;
         return within(v, 0, 2, "will QoS",
                       [&](auto n) { will(r).qos = static_cast<mqtt::Qos>(n); });
     }},
    {"--will-retain", "", "", "have it retained", both,
     [](Reading& r, const std::string&) -> Verdict {
         will(r).retain = r.will_details = true;
         return {};
     }},
    {"--ws", "", "", "speak MQTT over WebSocket", both,
     [](Reading& r, const std::string&) -> Verdict {
         r.options.where.websocket = true;
         return {};
     }},
    {"--ws-path", "", "PATH", "of the WebSocket, /mqtt by default", both,
     [](Reading& r, const std::string& v) -> Verdict {
         r.options.where.path = v;
         return {};
     }},
    {"--cafile", "", "FILE", "certificates that are trusted; turns TLS on", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).ca_file = v;
         return {};
     }},
    {"--capath", "", "FOLDER", "a folder of them", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).ca_folder = v;
         return {};
     }},
    {"--tls-use-os-certs", "", "", "trust the system's certificates; turns TLS on", both,
     [](Reading& r, const std::string&) -> Verdict {
         (void)tls(r);
         return {};
     }},
    {"--cert", "", "FILE", "certificate of ours", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).certificate = v;
         return {};
     }},
    {"--key", "", "FILE", "its key", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).key = v;
         return {};
     }},
    {"--insecure", "", "", "do not check the broker's name", both,
     [](Reading& r, const std::string&) -> Verdict {
         tls(r).insecure = true;
         return {};
     }},
    {"--tls-alpn", "", "PROTOCOL", "application protocol to ask for", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).alpn.push_back(v);
         return {};
     }},
    {"--tls-version", "", "VERSION", "tlsv1.2 or tlsv1.3: accepted, the newest of both is used",
     both,
     [](Reading&, const std::string& v) -> Verdict {
         if (v == "tlsv1.2" || v == "tlsv1.3") return {};
         return wrong("--tls-version {}: allowed: tlsv1.2, tlsv1.3.", v);
     }},
    {"--psk", "", "HEX", "pre-shared key; turns TLS on", both,
     [](Reading& r, const std::string& v) -> Verdict {
         auto key = from_hex(v);
         if (!key || key->empty()) return wrong("--psk: not a key in hexadecimal.");
         tls(r).psk = *std::move(key);
         return {};
     }},
    {"--psk-identity", "", "NAME", "its identity", both,
     [](Reading& r, const std::string& v) -> Verdict {
         tls(r).psk_identity = v;
         return {};
     }},
};

constexpr std::string_view unsupported[] = {"--ciphers", "--proxy", "--keyform", "--tls-engine",
                                            "--tls-engine-kpass-sha1"};

}  // namespace

std::span<const MqttOption> mqtt_option_table() noexcept {
    return mqtt_options_table;
}
std::span<const std::string_view> mqtt_options_unsupported() noexcept {
    return unsupported;
}

}  // namespace causeway::cli
