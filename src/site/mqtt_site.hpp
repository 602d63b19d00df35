#pragma once
// What a site file says of the broker, its bridges, its MQTT-SN gateway and the management
// interface. Files are named, not read: what is in them may change while the site runs.
#include "mqtt/broker/settings.hpp"
#include "mqtt/packet.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

struct MqttListener {
    std::string name;
    std::string listen;  // "127.0.0.1:1883" or "unix:PATH"
    bool websocket = false;
    bool proxy_protocol = false;
    bool anonymous = false;
    std::string certificate;  // empty, and no psk_file: no TLS
    std::string key;
    std::string client_ca;
    bool client_certificate_required = false;
    std::string psk_file;
};

struct MqttBridge {
    enum class Direction : std::uint8_t { out, in, both };
    struct Topic {
        std::string filter;
        Direction direction = Direction::out;
        mqtt::Qos qos = mqtt::Qos::at_least_once;
        std::string local_prefix;
        std::string remote_prefix;
    };
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    mqtt::Version version = mqtt::Version::v5;
    std::string client_id;
    std::string user_name;
    std::string password_file;
    Duration keep_alive{};
    bool tls = false;
    std::string ca_file;
    std::string certificate;
    std::string key;
    std::vector<Topic> topics;
};

struct MqttSn {
    struct Topic {
        std::uint16_t id = 0;
        std::string name;
    };
    std::string listen;
    bool aggregating = false;
    std::uint8_t gateway_id = 1;
    Duration advertise{};
    std::string broadcast;  // empty: nowhere
    std::uint16_t clients_max = 1000;
    std::vector<Topic> topics;
};

struct Mqtt {
    std::vector<MqttListener> listeners;
    mqtt::BrokerSettings broker;
    bool sync = true;
    std::string passwords;  // files; empty: none
    std::string access;
    std::optional<unsigned> workers;
    std::vector<MqttBridge> bridges;
    std::optional<MqttSn> sn;
};

struct Management {
    std::string listen;
    std::string token_file;
};

}  // namespace causeway::site
