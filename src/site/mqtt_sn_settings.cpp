#include "site/mqtt_sn_settings.hpp"

#include <algorithm>

namespace causeway::site {

mqtt::sn::Peer peer_of(const net::Endpoint& endpoint) {
    mqtt::sn::Peer peer;
    const std::size_t first = endpoint.v6 ? 0 : 12;
    if (!endpoint.v6) peer.address[10] = peer.address[11] = std::byte{0xff};
    std::copy_n(endpoint.address.begin(), 16 - first, peer.address.begin() + first);
    peer.port = endpoint.port;
    return peer;
}

net::Endpoint endpoint_of(const mqtt::sn::Peer& peer) {
    const bool mapped = peer.address[10] == std::byte{0xff} &&
                        peer.address[11] == std::byte{0xff} &&
                        std::all_of(peer.address.begin(), peer.address.begin() + 10,
                                    [](std::byte octet) { return octet == std::byte{0}; });
    net::Endpoint endpoint;
    endpoint.v6 = !mapped;
    std::copy(peer.address.begin() + (mapped ? 12 : 0), peer.address.end(),
              endpoint.address.begin());
    endpoint.port = peer.port;
    return endpoint;
}

mqtt::sn::GatewaySettings settings_of(const MqttSn& site) {
    mqtt::sn::GatewaySettings settings;
    settings.gateway_id = site.gateway_id;
    settings.mode = site.aggregating ? mqtt::sn::GatewaySettings::Mode::aggregating
                                     : mqtt::sn::GatewaySettings::Mode::transparent;
    settings.advertise_interval = site.advertise;
    if (const auto group = net::Endpoint::parse(site.broadcast)) {
        settings.advertise_to = peer_of(*group);
    }
    settings.clients_max = site.clients_max;
    for (const MqttSn::Topic& topic : site.topics) {
        settings.predefined.push_back({topic.id, topic.name, {}});
    }
    return settings;
}

}  // namespace causeway::site
