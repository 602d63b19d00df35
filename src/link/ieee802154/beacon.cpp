#include "link/ieee802154/beacon.hpp"

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint16_t battery_life_extension_bit = 1u << 12;
constexpr std::uint16_t pan_coordinator_bit = 1u << 14;
constexpr std::uint16_t association_permit_bit = 1u << 15;
constexpr std::uint8_t gts_permit_bit = 0x80;
constexpr std::size_t guaranteed_slot_octets = 3;

Superframe take_superframe(ByteReader& in) noexcept {
    const unsigned bits = in.le16();
    Superframe s;
    s.beacon_order = bits & 0xf;
    s.superframe_order = bits >> 4 & 0xf;
    s.final_cap_slot = bits >> 8 & 0xf;
    s.battery_life_extension = (bits & battery_life_extension_bit) != 0;
    s.pan_coordinator = (bits & pan_coordinator_bit) != 0;
    s.association_permit = (bits & association_permit_bit) != 0;
    return s;
}

void put_superframe(ByteWriter& out, const Superframe& s) {
    CAUSEWAY_ASSERT(s.beacon_order <= 15 && s.superframe_order <= 15 && s.final_cap_slot <= 15);
    out.le16(static_cast<std::uint16_t>(
        s.beacon_order | s.superframe_order << 4 | s.final_cap_slot << 8 |
        (s.battery_life_extension ? battery_life_extension_bit : 0) |
        (s.pan_coordinator ? pan_coordinator_bit : 0) |
        (s.association_permit ? association_permit_bit : 0)));
}

}  // namespace

Result<Beacon> Beacon::parse(ByteReader& in) {
    Beacon beacon;
    beacon.superframe = take_superframe(in);

    const unsigned gts = in.u8();
    beacon.gts_permit = (gts & gts_permit_bit) != 0;
    if (const unsigned count = gts & 7; count != 0) {
        const unsigned directions = in.u8();
        for (unsigned i = 0; i < count && in.ok(); ++i) {
            GuaranteedSlot slot;
            slot.device = in.le16();
            const unsigned where = in.u8();
            slot.starting_slot = where & 0xf;
            slot.slots = static_cast<std::uint8_t>(where >> 4);
            slot.receive_only = (directions >> i & 1) != 0;
            beacon.guaranteed_slots.push_back(slot);
        }
    }

    const unsigned pending = in.u8();
    const unsigned short_count = pending & 7;
    const unsigned extended_count = pending >> 4 & 7;
    // "The maximum number of addresses pending shall be limited to seven". [§7.3.1.6]
    if (short_count + extended_count > pending_max) in.fail(Fault::bad_value);
    for (unsigned i = 0; i < short_count && in.ok(); ++i) beacon.pending_short.push_back(in.le16());
    for (unsigned i = 0; i < extended_count && in.ok(); ++i)
        beacon.pending_extended.push_back(in.le64());

    beacon.payload = to_octets(in.rest());
    if (!in.ok()) return std::unexpected(in.error());
    return beacon;
}

std::size_t Beacon::wire_size() const noexcept {
    const std::size_t gts =
        guaranteed_slots.empty() ? 1 : 2 + guaranteed_slot_octets * guaranteed_slots.size();
    return 2 + gts + 1 + 2 * pending_short.size() + 8 * pending_extended.size() + payload.size();
}

void Beacon::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(pending_short.size() + pending_extended.size() <= pending_max);
    put_superframe(out, superframe);

    out.u8(static_cast<std::uint8_t>(guaranteed_slots.size() | (gts_permit ? gts_permit_bit : 0u)));
    if (!guaranteed_slots.empty()) {
        unsigned directions = 0;
        for (std::size_t i = 0; i < guaranteed_slots.size(); ++i)
            directions |= guaranteed_slots[i].receive_only ? 1u << i : 0u;
        out.u8(static_cast<std::uint8_t>(directions));
        for (const GuaranteedSlot& slot : guaranteed_slots) {
            CAUSEWAY_ASSERT(slot.starting_slot <= 15 && slot.slots <= 15);
            out.le16(slot.device);
            out.u8(static_cast<std::uint8_t>(slot.starting_slot | slot.slots << 4));
        }
    }

    out.u8(static_cast<std::uint8_t>(pending_short.size() | pending_extended.size() << 4));
    for (const std::uint16_t address : pending_short) out.le16(address);
    for (const std::uint64_t address : pending_extended) out.le64(address);
    out.put(payload);
}

}  // namespace causeway::link::ieee802154
