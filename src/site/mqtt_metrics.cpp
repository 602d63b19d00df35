#include "site/mqtt_metrics.hpp"

#include "site/metrics.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

namespace json = boost::json;

/// In quotes, as Prometheus reads label values.
std::string label(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '\n') {
            quoted += "\\n";
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

struct PrefixMetric {
    std::string_view name;
    std::uint64_t mqtt::BrokerStats::Prefix::* field;
};
constexpr std::array prefix_metrics{
    PrefixMetric{"messages_in", &mqtt::BrokerStats::Prefix::messages_in},
    PrefixMetric{"messages_out", &mqtt::BrokerStats::Prefix::messages_out},
    PrefixMetric{"octets_in", &mqtt::BrokerStats::Prefix::octets_in},
    PrefixMetric{"octets_out", &mqtt::BrokerStats::Prefix::octets_out},
};

std::string_view name_of(mqtt::Version version) {
    switch (version) {
        case mqtt::Version::v3_1:
            return "3.1";
        case mqtt::Version::v3_1_1:
            return "3.1.1";
        case mqtt::Version::v5:
            return "5.0";
    }
    return "?";
}

}  // namespace

json::object client_to_json(const mqtt::ClientReport& client) {
    json::object object;
    object["client_id"] = client.client_id;
    object["user_name"] = client.user_name;
    object["connected"] = client.connected;
    object["peer"] = client.connected ? json::value(client.peer) : json::value();
    object["listener"] = client.connected ? json::value(client.listener) : json::value();
    object["version"] = name_of(client.version);
    object["subscriptions"] = client.subscriptions;
    object["queued"] = client.queued;
    object["queued_octets"] = client.queued_octets;
    object["inflight"] = client.inflight;
    object["messages_in"] = client.messages_in;
    object["messages_out"] = client.messages_out;
    object["dropped"] = client.dropped;
    object["connected_seconds"] = std::chrono::duration<double>(client.connected_for).count();
    return object;
}

json::object broker_to_json(const MqttService& mqtt) {
    const mqtt::BrokerStats& stats = mqtt.broker().stats();
    json::object object;
    stats.visit([&](std::string_view name, std::uint64_t value) { object[name] = value; });
    json::object streams;
    mqtt.streams().visit(
        [&](std::string_view name, std::uint64_t value) { streams[name] = value; });
    object["streams"] = std::move(streams);
    json::array prefixes;
    for (const auto& prefix : stats.prefixes) {
        json::object one{{"prefix", prefix.prefix}};
        for (const auto& [name, field] : prefix_metrics) one[name] = prefix.*field;
        prefixes.push_back(std::move(one));
    }
    object["prefixes"] = std::move(prefixes);
    return object;
}

std::string broker_summary(const MqttService& mqtt) {
    const mqtt::BrokerStats& stats = mqtt.broker().stats();
    return fmt::format(
        "clients    {} connects accepted, {} refused; {} at once at most\n"
        "messages   {} received, {} sent; {} dropped, {} wait\n"
        "retained   {}; {} sessions with {} subscriptions\n",
        stats.connects_accepted, stats.connects_refused, stats.clients_maximum,
        stats.publishes_received, stats.publishes_sent, stats.dropped(), stats.deliveries_waiting,
        stats.retained, stats.sessions, stats.subscriptions);
}

std::string broker_to_prometheus(const MqttService& mqtt) {
    const mqtt::BrokerStats& stats = mqtt.broker().stats();
    std::string text;
    stats.visit([&](std::string_view name, std::uint64_t value) {
        append_metric(text, "mqtt", name, value);
    });
    mqtt.streams().visit([&](std::string_view name, std::uint64_t value) {
        append_metric(text, "mqtt_streams", name, value);
    });
    if (stats.prefixes.empty()) return text;
    for (const auto& [name, field] : prefix_metrics) {
        text += fmt::format("# TYPE causeway_mqtt_prefix_{}_total counter\n", name);
        for (const auto& prefix : stats.prefixes) {
            text += fmt::format("causeway_mqtt_prefix_{}_total{{prefix={}}} {}\n", name,
                                label(prefix.prefix), prefix.*field);
        }
    }
    return text;
}

}  // namespace causeway::site
