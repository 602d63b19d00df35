#pragma once
// A constrained node: the engines of the rooms below stacked into one engine, radio to application.
// The border router is the same node as its DODAG's root, with a host behind it.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "ip/address.hpp"
#include "link/ieee802154/address.hpp"
#include "link/ieee802154/radio.hpp"
#include "link/ieee802154/settings.hpp"
#include "mqtt/sn/packet.hpp"
#include "mqtt/sn/peer.hpp"
#include "node/status.hpp"
#include "rpl/settings.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::node {

/// A sensor is a CoAP resource at /sensors/<name> (GET, observe), and its reading is posted to the
/// collector every `every`. The value swings around `mean` by `swing`, once a day.
struct Sensor {
    std::string name;
    std::string unit = "Cel";  // SenML's symbol [RFC 8428 §12.1]
    Duration every{};          // zero: readings are not pushed
    double mean = 20.0;
    double swing = 5.0;

    friend bool operator==(const Sensor&, const Sensor&) = default;
};

/// Readings are published over MQTT-SN instead of posted to the collector: to
/// `<topic_prefix>/<name>/<sensor>`, the plain value as text ("20.5"), so that any subscriber reads
/// it. They are traced one by one in reports if `qos` is 1 or 2: others carry no number.
struct MqttSn {
    std::optional<ip::Address> gateway{};         // none: the border router
    std::uint16_t port = mqtt::sn::default_port;  // of the gateway, and of the node
    std::string topic_prefix = "nodes";
    std::string name{};  // client id, and the node's level in topics; empty: the EUI-64 in hex
    mqtt::sn::Quality qos = mqtt::sn::Quality::at_least_once;  // not -1
    std::uint16_t keep_alive_seconds = 600;
    std::uint16_t sleep_seconds = 0;  // 0: the gateway may speak at any time

    friend bool operator==(const MqttSn&, const MqttSn&) = default;
};

/// The node is a DNP3 outstation, too, over UDP [IEEE 1815 §13]: a SCADA master asks it through the
/// mesh. Its points: analog inputs 0, 1 ... are its sensors in their order (class 2), binary output
/// 0 is its LED (class 1).
struct Dnp3 {
    std::uint16_t address = 1024;
    std::uint16_t master = 1;     // unsolicited responses are for it; anybody may ask
    std::uint16_t port = 20'000;  // UDP
    bool unsolicited = false;     // may be enabled, once somebody has spoken to the node
    double deadband = 0.5;        // of events, in the sensors' units

    friend bool operator==(const Dnp3&, const Dnp3&) = default;
};

/// OSCORE keys of a node. Its ID Context is its EUI-64, so that one secret serves many nodes, each
/// with keys of its own. There are two contexts, told apart by identifiers: clients 00 (a gateway)
/// and 02 (a tool); the node answers them as 01 and 03. [RFC 8613 §3]
struct ObjectSecurity {
    Octets master_secret;
    Octets master_salt;
    bool required = false;  // who comes without is answered 4.01

    friend bool operator==(const ObjectSecurity&, const ObjectSecurity&) = default;
};

/// What a node remembers without power. Kept by whoever keeps the node.
struct Flash {
    std::map<std::string, Octets> oscore;  // states of contexts, by name
    bool written = false;                  // since whoever it was reset this
};

/// A resource directory that the node registers with once it is in the mesh. [RFC 9176]
struct Directory {
    std::string name;       // of the node's endpoint there
    ip::Address address{};  // of the directory, port 5683

    friend bool operator==(const Directory&, const Directory&) = default;
};

struct Config {
    std::uint64_t eui64 = 0;
    link::ieee802154::PanId pan{0xabcd};
    link::ieee802154::MacSettings mac;
    rpl::Settings rpl;
    /// The DODAG's root: announces `prefix`, knows the way to every node, talks to a host.
    bool root = false;
    ip::Prefix prefix;  // root only, /64; the others learn it
    /// Root only: the host's own addresses out of `prefix`, which are not in the mesh.
    std::vector<ip::Address> host_addresses;
    std::vector<Sensor> sensors;
    bool confirmable_readings = false;  // CON instead of NON
    std::optional<MqttSn> mqtt_sn{};
    std::optional<Dnp3> dnp3{};  // not at the root
    std::optional<ObjectSecurity> oscore{};
    std::optional<Directory> directory{};
    /// Root only: UDP ports of its own address behind which a program of the host listens; not
    /// CoAP's, which the root answers itself.
    std::vector<std::uint16_t> host_ports{};
};

/// Root only. A packet that the host routed into the mesh.
struct PacketFromHost {
    Octets packet;
};
/// Root only. A packet for somebody outside the mesh.
struct PacketToHost {
    Octets packet;
};
/// Root only. What a program of the host says through a port of the root's own address.
struct DatagramFromHost {
    ip::Address target;
    std::uint16_t target_port = 0;
    std::uint16_t source_port = 0;
    Octets payload;
};
/// Root only. What came for one of Config::host_ports.
struct DatagramToHost {
    ip::Address source;
    std::uint16_t source_port = 0;
    std::uint16_t target_port = 0;
    Octets payload;
};

class Node {
public:
    using Input = std::variant<link::ieee802154::FrameReceived, link::ieee802154::TransmitEnded,
                               PacketFromHost, DatagramFromHost>;
    using Output = std::variant<link::ieee802154::TransmitFrame, PacketToHost, DatagramToHost>;

    /// What the node tells `teller`, besides what its layers tell:
    ///   reading.sent       value: the reading's key, unique in the run
    ///   reading.received   at the root; value: the same key. Published over MQTT-SN: it reached
    ///                      the gateway's port there
    ///   packet.lost        value: its LossReason; octets: the IPv6 packet, inner headers and all
    ///   packet.sent        octets: an IPv6 packet that starts here
    /// `flash` outlives the node; a node without one starts anew each time.
    Node(Config config, Random random, Teller teller, Instant now, Flash* flash = nullptr);
    Node(Node&&) noexcept;
    Node& operator=(Node&&) noexcept;
    ~Node();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;

    /// The power goes: tells what was inside and is lost with it. Nothing comes after it.
    void power_off(Instant now);

    /// How the node stands: for tables and reports, not for engines.
    [[nodiscard]] Status status() const;
    [[nodiscard]] Counters counters() const;

private:
    struct Stack;
    std::unique_ptr<Stack> stack_;
};

static_assert(Engine<Node>);

}  // namespace causeway::node
