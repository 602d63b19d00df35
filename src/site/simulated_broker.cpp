#include "site/simulated_broker.hpp"

#include "site/mqtt_sn_settings.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

namespace sn = mqtt::sn;

// Streams of chance of their own, beside those of the nodes.
constexpr std::uint64_t broker_chance = 0x6d717474;   // "mqtt"
constexpr std::uint64_t gateway_chance = 0x6d717473;  // "mqts"

mqtt::BrokerSettings in_memory(mqtt::BrokerSettings settings) {
    settings.persistent = false;
    return settings;
}

}  // namespace

SimulatedBroker::SimulatedBroker(const Mqtt& site, sim::Network& mesh)
    : mesh_(mesh),
      broker_(in_memory(site.broker), Random(mesh.scenario().seed).fork(broker_chance), Instant{},
              mqtt::UnixMillis{0}),
      gateway_(settings_of(*site.sn), Random(mesh.scenario().seed).fork(gateway_chance),
               Instant{}) {}

void SimulatedBroker::run_until(Instant end) {
    while (mesh_.now() < end) {
        const Instant next = std::min({end, std::max(mesh_.next_event(), mesh_.now()),
                                       std::max(broker_.next_deadline(), mesh_.now()),
                                       std::max(gateway_.next_deadline(), mesh_.now())});
        mesh_.run_until(next);
        if (broker_.next_deadline() <= next) broker_.handle_timeout(next);
        if (gateway_.next_deadline() <= next) gateway_.handle_timeout(next);
        carry(next);
        if (next == end) break;
    }
}

void SimulatedBroker::carry(Instant now) {
    for (bool busy = true; busy;) {
        busy = false;
        while (const auto datagram = mesh_.poll_datagram_to_host()) {
            gateway_.handle(now,
                            sn::DatagramReceived{{datagram->source.octets, datagram->source_port},
                                                 datagram->payload});
            busy = true;
        }
        busy |= carry_gateway(now);
        busy |= carry_broker(now);
    }
}

bool SimulatedBroker::carry_gateway(Instant now) {
    bool any = false;
    while (auto output = gateway_.poll_output()) {
        any = true;
        std::visit(
            Overloaded{
                [&](sn::SendDatagram& out) {
                    mesh_.datagram_from_host({.target = ip::Address{out.peer.address},
                                              .target_port = out.peer.port,
                                              .source_port = sn::default_port,
                                              .payload = std::move(out.octets)});
                },
                [&](const sn::OpenBroker& out) {
                    const mqtt::ConnectionId id{next_connection_++};
                    links_[out.link] = id;
                    connections_[id] = out.link;
                    mqtt::ConnectionOpened opened{
                        .id = id, .peer = "mqtt-sn", .listener = "mqtt-sn", .proven_user = {}};
                    opened.anonymous_allowed = true;
                    opened.internal = true;
                    broker_.handle(now, std::move(opened));
                },
                [&](const sn::SendBroker& out) {
                    if (const auto found = links_.find(out.link); found != links_.end())
                        broker_.handle(now, mqtt::BytesReceived{found->second, out.octets});
                },
                [&](const sn::CloseBroker& out) {
                    const auto found = links_.find(out.link);
                    if (found == links_.end()) return;
                    broker_.handle(now, mqtt::ConnectionClosed{found->second});
                    connections_.erase(found->second);
                    links_.erase(found);
                },
                [](const sn::Note&) {},
            },
            *output);
    }
    return any;
}

bool SimulatedBroker::carry_broker(Instant now) {
    bool any = false;
    while (auto output = broker_.poll_output()) {
        any = true;
        if (const auto* const out = std::get_if<mqtt::Send>(&*output)) {
            const auto found = connections_.find(out->id);
            if (found == connections_.end()) continue;
            const Bytes body = out->body_of ? out->body_of->payload() : Bytes{};
            gateway_.handle(now, sn::BrokerReceived{found->second, out->octets});
            if (!body.empty()) gateway_.handle(now, sn::BrokerReceived{found->second, body});
            broker_.handle(now, mqtt::Drained{out->id, out->octets.size() + body.size()});
        } else if (const auto* const close = std::get_if<mqtt::Close>(&*output)) {
            const auto node = connections_.extract(close->id);
            if (!node) continue;
            links_.erase(node.mapped());
            gateway_.handle(now, sn::BrokerClosed{node.mapped()});
        }
    }
    return any;
}

}  // namespace causeway::site
