// The table itself. A preset equals what the engines' own Settings start from; a test holds the two
// together. A key's name is the engine's own field's name wherever there is one.
#include "site/schema_mesh.hpp"
#include "site/schema_services.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

constexpr std::array tables{
    TableRule{.path = "mesh", .about = "the simulated mesh"},
    TableRule{.path = "mesh.root", .about = "the border router"},
    TableRule{.path = "mesh.nodes", .many_max = 256, .about = "a group of nodes alike"},
    TableRule{.path = "mesh.nodes.sensors",
              .many_max = sensors_max,
              .about = "a sensor of every node of the group"},
    TableRule{.path = "mesh.nodes.mqtt_sn", .about = "readings go to an MQTT-SN gateway"},
    TableRule{.path = "mesh.channel", .about = "how radio waves travel"},
    TableRule{.path = "mesh.channel.interference",
              .many_max = 64,
              .about = "a transmitter that is not ours"},
    TableRule{.path = "mesh.radio", .about = "what every radio can do and what it costs"},
    TableRule{.path = "mesh.mac", .about = "unslotted CSMA-CA"},
    TableRule{.path = "mesh.rpl", .about = "routing"},
    TableRule{.path = "mesh.faults", .many_max = 1024, .about = "what goes wrong, and when"},
    TableRule{.path = "external", .many_max = 64, .about = "a node in another program"},
    TableRule{.path = "uplink", .about = "the mesh's way to this host"},
    TableRule{.path = "proxy", .about = "the CoAP forward proxy"},
    TableRule{.path = "mqtt", .about = "the MQTT broker"},
    TableRule{.path = "mqtt.listener", .many_max = 32, .about = "a place where clients connect"},
    TableRule{.path = "mqtt.bridge", .many_max = 32, .about = "a connection to another broker"},
    TableRule{.path = "mqtt.bridge.topic", .many_max = 64, .about = "what crosses the bridge"},
    TableRule{.path = "mqtt.sn", .about = "the MQTT-SN gateway"},
    TableRule{.path = "mqtt.sn.topic", .many_max = 1024, .about = "a topic known in advance"},
    TableRule{.path = "coap", .about = "the gateway's CoAP endpoint"},
    TableRule{.path = "coap.listener", .many_max = 32, .about = "a place where clients connect"},
    TableRule{.path = "coap.oscore", .many_max = 1024, .about = "a security context"},
    TableRule{.path = "coap.edhoc", .about = "key exchange for security contexts"},
    TableRule{.path = "coap.reverse", .many_max = 256, .about = "resources that are elsewhere"},
    TableRule{.path = "coap.http", .about = "the proxy between HTTP and CoAP"},
    TableRule{.path = "management", .about = "the REST interface and metrics"},
};

template <std::size_t... Sizes>
constexpr auto joined(const std::array<Key, Sizes>&... parts) {
    std::array<Key, (Sizes + ...)> all{};
    auto* at = all.data();
    ((at = std::ranges::copy(parts, at).out), ...);
    return all;
}

constexpr std::array keys = joined(mesh_keys, mqtt_keys, coap_keys, management_keys);

}  // namespace

std::span<const Key> schema_keys() noexcept {
    return keys;
}
std::span<const TableRule> schema_tables() noexcept {
    return tables;
}

}  // namespace causeway::site
