#include "site/mqtt_sn_settings.hpp"

#include <algorithm>

namespace causeway::site {

mqtt::sn::Peer peer_of(const net::Endpoint& endpoint) {
    return {.address = endpoint.octets16(), .port = endpoint.port};
}

net::Endpoint endpoint_of(const mqtt::sn::Peer& peer) {
    return net::Endpoint::from_octets16(peer.address, peer.port);
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
