#pragma once
// From what a site file says of the MQTT-SN gateway to what its engine needs to know.
#include "mqtt/sn/gateway_settings.hpp"
#include "net/endpoint.hpp"
#include "site/mqtt_site.hpp"

namespace causeway::site {

[[nodiscard]] mqtt::sn::GatewaySettings settings_of(const MqttSn& site);

/// IPv4 addresses are mapped ones there.
[[nodiscard]] mqtt::sn::Peer peer_of(const net::Endpoint& endpoint);
[[nodiscard]] net::Endpoint endpoint_of(const mqtt::sn::Peer& peer);

}  // namespace causeway::site
