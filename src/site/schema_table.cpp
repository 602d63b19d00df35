// The table itself. A preset equals what the engines' own Settings start from; a test holds the two
// together. A key's name is the engine's own field's name wherever there is one.
#include "site/schema_mesh.hpp"
#include "site/schema_points.hpp"
#include "site/schema_scada.hpp"
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
    TableRule{.path = "mesh.nodes.dnp3", .about = "the node is a DNP3 outstation, too"},
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
    TableRule{.path = "scada", .about = "field devices and control centres"},
    TableRule{
        .path = "scada.line", .many_max = 4096, .about = "a serial port, a connection, a socket"},
    TableRule{.path = "scada.modbus", .about = "Modbus"},
    TableRule{.path = "scada.modbus.client", .many_max = 4096, .about = "a line of devices"},
    TableRule{
        .path = "scada.modbus.client.device", .many_max = 4096, .about = "a device on the line"},
    TableRule{.path = "scada.modbus.client.device.point",
              .many_max = 65'536,
              .about = "something that it measures, or that can be commanded"},
    TableRule{.path = "scada.modbus.server",
              .many_max = 256,
              .about = "points as registers, for clients of ours"},
    TableRule{.path = "scada.modbus.server.unit", .many_max = 247, .about = "a unit that we are"},
    TableRule{.path = "scada.modbus.server.point", .many_max = 65'536, .about = "a point of it"},
    TableRule{.path = "scada.dnp3", .about = "DNP3"},
    TableRule{.path = "scada.dnp3.master", .many_max = 4096, .about = "a line of outstations"},
    TableRule{.path = "scada.dnp3.master.outstation",
              .many_max = 4096,
              .about = "an outstation on the line"},
    TableRule{.path = "scada.dnp3.master.outstation.point",
              .many_max = 65'536,
              .about = "something that it measures, or that can be commanded"},
    TableRule{.path = "scada.dnp3.outstation",
              .many_max = 256,
              .about = "points as an outstation, for a master"},
    TableRule{.path = "scada.dnp3.outstation.point", .many_max = 65'536, .about = "a point of it"},
    TableRule{.path = "scada.mqtt", .about = "points as topics, topics as points"},
    TableRule{.path = "scada.mqtt.device",
              .many_max = 65'536,
              .about = "a device that speaks MQTT to our broker"},
    TableRule{.path = "scada.mqtt.device.point", .many_max = 65'536, .about = "a point of it"},
    TableRule{.path = "scada.coap", .about = "points as resources, resources as points"},
    TableRule{.path = "scada.coap.device", .many_max = 65'536, .about = "a CoAP server"},
    TableRule{.path = "scada.coap.device.point", .many_max = 65'536, .about = "a point of it"},
    TableRule{.path = "scada.tunnel", .many_max = 1024, .about = "a serial line over IP"},
    TableRule{.path = "scada.device", .many_max = 1024, .about = "a simulated field device"},
    TableRule{.path = "management", .about = "the REST interface and metrics"},
};

template <std::size_t... Sizes>
constexpr auto joined(const std::array<Key, Sizes>&... parts) {
    std::array<Key, (Sizes + ...)> all{};
    auto* at = all.data();
    ((at = std::ranges::copy(parts, at).out), ...);
    return all;
}

constexpr std::array keys =
    joined(mesh_keys, mqtt_keys, coap_keys, scada_keys, points_keys, management_keys);

}  // namespace

std::span<const Key> schema_keys() noexcept {
    return keys;
}
std::span<const TableRule> schema_tables() noexcept {
    return tables;
}

}  // namespace causeway::site
