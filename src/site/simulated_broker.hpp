#pragma once
// The broker and the MQTT-SN gateway of a site in virtual time: the same engines that `run` puts
// between sockets stand at the simulated border router, and everything keeps one clock. What nodes
// publish arrives, and is counted; nobody else subscribes.
#include "mqtt/broker/broker.hpp"
#include "mqtt/sn/gateway.hpp"
#include "sim/network.hpp"
#include "site/mqtt_site.hpp"

#include <map>

namespace causeway::site {

class SimulatedBroker {
public:
    /// `mesh` is borrowed, and driven by nobody else. `site` has an MQTT-SN gateway.
    SimulatedBroker(const Mqtt& site, sim::Network& mesh);

    void run_until(Instant end);
    [[nodiscard]] const mqtt::BrokerStats& broker() const noexcept { return broker_.stats(); }
    [[nodiscard]] const mqtt::sn::GatewayStats& gateway() const noexcept {
        return gateway_.stats();
    }

private:
    void carry(Instant now);
    bool carry_gateway(Instant now);
    bool carry_broker(Instant now);

    sim::Network& mesh_;
    mqtt::Broker broker_;
    mqtt::sn::Gateway gateway_;
    // A link is a connection of the same number, which is never used again: a simulation ends.
    std::map<mqtt::sn::LinkId, mqtt::ConnectionId> links_;
    std::map<mqtt::ConnectionId, mqtt::sn::LinkId> connections_;
    std::uint32_t next_connection_ = 0;
};

}  // namespace causeway::site
