#pragma once
// The broker's counters and clients, for programs and for people.
#include "site/mqtt_service.hpp"

#include <string>

namespace boost::json {
class object;
}

namespace causeway::site {

[[nodiscard]] boost::json::object broker_to_json(const MqttService& mqtt);
[[nodiscard]] boost::json::object client_to_json(const mqtt::ClientReport& client);
/// A few lines: what `run` leaves on the screen.
[[nodiscard]] std::string broker_summary(const MqttService& mqtt);
/// Prometheus' text format, version 0.0.4: causeway_mqtt_publishes_received_total 12
[[nodiscard]] std::string broker_to_prometheus(const MqttService& mqtt);

}  // namespace causeway::site
