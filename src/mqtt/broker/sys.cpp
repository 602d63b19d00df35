// $SYS: the broker about itself, in the names that mosquitto made common. A value is published
// when it has changed.
#include "mqtt/broker/state.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace causeway::mqtt {

void Broker::State::tell(std::string_view name, std::string_view value) {
    std::string topic = "$SYS/broker/";
    topic += name;
    if (const RetainedTree::Entry* const old = retained.find(topic); old != nullptr) {
        if (as_text(old->message->payload()) == value) return;
    }
    ++stats.sys_published;
    const Publish publish{.retain = true, .topic = topic, .payload = as_octets(value)};
    Offer offer{.publish = publish, .counted = false, .here = true};
    (void)route(offer, nullptr);
    retain(offer);
}

void Broker::State::tell(std::string_view name, std::uint64_t value) {
    tell(name, std::to_string(value));
}

void Broker::State::publish_sys() {
    const Duration passed = now - sys.last;
    sys.last = now;
    sys.next = after(now, settings.sys_interval);
    if (!std::exchange(sys.told_constants, true)) tell("version", "causeway");
    const auto up = std::chrono::floor<std::chrono::seconds>(now - epoch).count();
    tell("uptime", std::to_string(up) + " seconds");

    const std::uint64_t absent_clients = stats.sessions - stats.clients_connected;
    tell("clients/total", stats.sessions);
    tell("clients/connected", stats.clients_connected);
    tell("clients/active", stats.clients_connected);
    tell("clients/disconnected", absent_clients);
    tell("clients/inactive", absent_clients);
    tell("clients/maximum", stats.clients_maximum);
    tell("clients/expired", stats.sessions_expired);
    tell("messages/received", stats.packets_received);
    tell("messages/sent", stats.packets_sent);
    const std::uint64_t kept = retained.size() + stats.messages_waiting;
    tell("messages/stored", kept);
    tell("store/messages/count", kept);
    tell("store/messages/bytes", retained.octets() + stats.queue_octets);
    tell("publish/messages/received", stats.publishes_received);
    tell("publish/messages/sent", stats.publishes_sent);
    tell("publish/messages/dropped", stats.dropped());
    tell("publish/bytes/received", stats.publish_octets_received);
    tell("publish/bytes/sent", stats.publish_octets_sent);
    tell("bytes/received", stats.octets_received);
    tell("bytes/sent", stats.octets_sent);
    tell("subscriptions/count", stats.subscriptions);
    tell("shared_subscriptions/count", stats.subscriptions_shared);
    tell("retained messages/count", retained.size());
    publish_loads(passed);
}

void Broker::State::publish_loads(Duration passed) {
    const std::array<std::pair<std::string_view, std::uint64_t>, SysReport::loads> counters{{
        {"messages/received", stats.packets_received},
        {"messages/sent", stats.packets_sent},
        {"publish/received", stats.publishes_received},
        {"publish/sent", stats.publishes_sent},
        {"publish/dropped", stats.dropped()},
        {"bytes/received", stats.octets_received},
        {"bytes/sent", stats.octets_sent},
        {"sockets", stats.connections_opened},
        {"connections", stats.connects_accepted},
    }};
    constexpr std::array<std::pair<std::string_view, double>, 3> spans{
        {{"1min", 1.0}, {"5min", 5.0}, {"15min", 15.0}}};
    const double minutes = std::chrono::duration<double>(passed).count() / 60.0;
    for (std::size_t i = 0; i < counters.size(); ++i) {
        SysReport::Load& load = sys.load[i];
        const auto grown = static_cast<double>(counters[i].second - load.before);
        load.before = counters[i].second;
        const double rate = minutes > 0 ? grown / minutes : 0;
        for (std::size_t k = 0; k < spans.size(); ++k) {
            double& average = load.averages[k];
            average = rate + std::exp(-minutes / spans[k].second) * (average - rate);
            std::array<char, 32> text{};
            const int size = std::snprintf(text.data(), text.size(), "%.2f", average);
            std::string name = "load/";
            name.append(counters[i].first).append("/").append(spans[k].first);
            tell(name, std::string_view(text.data(), static_cast<std::size_t>(size)));
        }
    }
}

}  // namespace causeway::mqtt
