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
#include "node/status.hpp"
#include "rpl/settings.hpp"

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
};

/// Root only. A packet that the host routed into the mesh.
struct PacketFromHost {
    Octets packet;
};
/// Root only. A packet for somebody outside the mesh.
struct PacketToHost {
    Octets packet;
};

class Node {
public:
    using Input = std::variant<link::ieee802154::FrameReceived, link::ieee802154::TransmitEnded,
                               PacketFromHost>;
    using Output = std::variant<link::ieee802154::TransmitFrame, PacketToHost>;

    /// What the node tells `teller`, besides what its layers tell:
    ///   reading.sent       value: the reading's key, unique in the run
    ///   reading.received   at the root; value: the same key
    ///   packet.lost        value: its LossReason; octets: the IPv6 packet, inner headers and all
    ///   packet.sent        octets: an IPv6 packet that starts here
    Node(Config config, Random random, Teller teller, Instant now);
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
