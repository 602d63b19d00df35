#pragma once
// What the MAC offers to the layer above: data to send, what became of it, data received. The
// standard's MCPS-DATA primitives, and what is heard of beacons. [IEEE 802.15.4-2015 §8.3]
#include "base/inplace_bytes.hpp"
#include "link/ieee802154/address.hpp"

#include <cstdint>

namespace causeway::link::ieee802154 {

/// The most a data frame can carry, between two short addresses. What fits beside our extended
/// address is less: ask Mac::payload_octets_max.
using Payload = InplaceBytes<116>;

/// MCPS-DATA.request. Broadcasts are never acknowledged, whatever is asked.
struct SendData {
    Address destination = {};
    Payload payload = {};
    bool acknowledged = true;
    std::uint32_t handle = 0;
};

enum class SendOutcome : std::uint8_t { delivered, no_ack, channel_busy, queue_full, too_long };

/// MCPS-DATA.confirm: one for every SendData. `delivered` means acknowledged, or sent where no
/// acknowledgement was asked for.
struct DataSent {
    std::uint32_t handle = 0;
    SendOutcome outcome = SendOutcome::delivered;
    std::uint8_t attempts = 0;      // frames really put on the air
    std::uint8_t frame_octets = 0;  // MAC header and payload, without FCS
    Address destination = {};
};

/// MCPS-DATA.indication. Both addresses are present.
struct DataReceived {
    Address source = {};
    Address destination = {};
    Payload payload = {};
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;
};

/// A beacon of our PAN, or of any while we have none.
struct BeaconHeard {
    Address source = {};
    PanId pan{};
    bool pan_coordinator = false;
    bool association_permit = false;
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;
};

/// Somebody looks for networks. The answer, if one is given, is on its way already.
struct BeaconRequestHeard {
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;
};

}  // namespace causeway::link::ieee802154
