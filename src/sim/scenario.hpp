#pragma once
// What is simulated, as plain data: made from a site file by site/, or by hand in a test.
#include "base/time.hpp"
#include "ip/address.hpp"
#include "link/ieee802154/address.hpp"
#include "link/ieee802154/settings.hpp"
#include "node/node.hpp"
#include "rpl/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::sim {

/// Metres on a plane.
struct Position {
    double x = 0;
    double y = 0;
    friend bool operator==(const Position&, const Position&) = default;
};

/// The radio channel between any two nodes. Received power is transmit power minus
/// reference_loss + 10 * exponent * log10(distance / 1 m), minus a shadowing drawn once a pair,
/// minus an asymmetry drawn once a direction.
struct ChannelPlan {
    double exponent = 3.0;
    double reference_loss_db = 40.0;  // at 1 m
    double shadowing_db = 2.0;        // standard deviation, one draw a pair
    double asymmetry_db = 1.0;        // standard deviation, one draw a direction
    double noise_floor_dbm = -100.0;
    double capture_db = 3.0;  // the stronger of two overlapping frames survives by this margin
    double cca_threshold_dbm = -90.0;
    /// CCA mode 3, energy or carrier: a frame that the radio could receive makes the channel busy
    /// too, however weak. Without it, mode 1. [IEEE 802.15.4 §10.2.8]
    bool carrier_sense = true;
    /// Loss of a frame on a link that is otherwise perfect, drawn once a direction, uniform.
    double loss_min = 0.10;
    double loss_max = 0.30;
};

/// A transmitter that is not ours, on our channel: on for `busy`, each `period`.
struct InterfererPlan {
    Position at;
    double power_dbm = 0.0;
    Duration period = std::chrono::milliseconds(100);
    Duration busy = std::chrono::milliseconds(1);
    Instant start{};
    Instant stop = never;
};

/// Supply current by radio state; energy is current times voltage times time in the state.
struct RadioPlan {
    double transmit_power_dbm = 0.0;
    double sensitivity_dbm = -94.0;
    double volts = 3.0;
    double transmit_milliamperes = 17.4;
    double receive_milliamperes = 18.8;  // listening too
    double off_milliamperes = 0.001;
};

struct NodePlan {
    std::string name;
    Position at;
    node::Config config;
    /// Powered up this long after the run starts.
    Duration boot{};
};

struct FaultPlan {
    enum class Kind : std::uint8_t { node_dies, node_reboots, link_cut };
    Kind kind = Kind::node_dies;
    Instant at{};
    std::size_t node = 0;   // index into Scenario::nodes
    std::size_t other = 0;  // link_cut: the far end
    Duration lasts{};       // link_cut: zero is for ever; node_reboots: time without power
};

/// A node that runs in another program and speaks ZEP over UDP.
struct ExternalPlan {
    std::string name;
    Position at;
    std::string local;   // "127.0.0.1:17754"
    std::string remote;  // "127.0.0.1:17755"
};

struct Scenario {
    std::string name;
    std::uint64_t seed = 1;
    std::uint8_t radio_channel = 26;  // 11 to 26
    double crystal_ppm = 20.0;        // each node's crystal is off by up to this, drawn once
    ChannelPlan channel;
    RadioPlan radio;
    std::vector<InterfererPlan> interferers;
    std::vector<NodePlan> nodes;  // nodes[0] is the border router
    std::vector<ExternalPlan> externals;
    std::vector<FaultPlan> faults;
};

/// Identifies all that a run depends on, the same on every machine: equal scenarios have equal
/// hashes.
[[nodiscard]] std::uint64_t scenario_hash(const Scenario& scenario);

}  // namespace causeway::sim
