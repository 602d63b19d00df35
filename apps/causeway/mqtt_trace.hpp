#pragma once
// -d: every packet in a line, in mosquitto's words.
#include "mqtt/framer.hpp"

#include <string>

namespace causeway::cli {

class MqttTrace {
public:
    MqttTrace(std::string client_id, mqtt::Version version)
        : client_id_(client_id.empty() ? "(null)" : std::move(client_id)), version_(version) {}

    void sent(Bytes octets) { show("sending", octets, out_); }
    void received(Bytes octets) { show("received", octets, in_); }
    /// A new connection: what came of the old one is not finished any more.
    void begin();

private:
    void show(std::string_view way, Bytes octets, mqtt::Framer& framer) const;

    static constexpr std::uint32_t packet_octets_max = 268'435'460;
    std::string client_id_;
    mqtt::Version version_;
    mqtt::Framer out_{packet_octets_max};
    mqtt::Framer in_{packet_octets_max};
};

}  // namespace causeway::cli
