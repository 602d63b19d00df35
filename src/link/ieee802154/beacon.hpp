#pragma once
// What a beacon frame of versions 2003 and 2006 carries after its MAC header: superframe,
// guaranteed time slots, who has frames waiting, and the next layer's octets.
// [IEEE 802.15.4-2015 §7.3.1]
// Enhanced beacons (version 2015) say the same in IEs, and are not this.
#include "base/inplace_vector.hpp"
#include "base/repr.hpp"

#include <cstdint>

namespace causeway::link::ieee802154 {

/// [IEEE 802.15.4-2015 §7.3.1.4]. As constructed: a network without superframes.
struct Superframe {
    std::uint8_t beacon_order = 15;      // BO, 0 to 15
    std::uint8_t superframe_order = 15;  // SO, 0 to 15
    std::uint8_t final_cap_slot = 15;    // 0 to 15
    bool battery_life_extension = false;
    bool pan_coordinator = false;
    bool association_permit = false;
    friend bool operator==(const Superframe&, const Superframe&) = default;
};

/// [IEEE 802.15.4-2015 §7.3.1.5]
struct GuaranteedSlot {
    std::uint16_t device = 0;        // short address
    std::uint8_t starting_slot = 0;  // 0 to 15
    std::uint8_t slots = 0;          // 0 to 15
    bool receive_only = false;       // the device's direction
    friend bool operator==(const GuaranteedSlot&, const GuaranteedSlot&) = default;
};

struct Beacon {
    /// Both are the standard's own limits: seven GTS descriptors, seven pending addresses in all.
    static constexpr std::size_t guaranteed_slots_max = 7;
    static constexpr std::size_t pending_max = 7;

    Superframe superframe = {};
    bool gts_permit = false;
    InplaceVector<GuaranteedSlot, guaranteed_slots_max> guaranteed_slots = {};
    InplaceVector<std::uint16_t, pending_max> pending_short = {};
    InplaceVector<std::uint64_t, pending_max> pending_extended = {};
    Octets payload = {};

    static Result<Beacon> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const Beacon&, const Beacon&) = default;
};

static_assert(Repr<Beacon>);

}  // namespace causeway::link::ieee802154
