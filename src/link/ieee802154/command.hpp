#pragma once
// MAC commands: what a command frame carries after its MAC header and payload IEs.
// [IEEE 802.15.4-2015 §7.5]
// Octets after a command's fields are left unread: editions since have added some. Commands of
// TSCH, DSME and the other extensions are kept whole as OtherCommand.
#include "base/repr.hpp"
#include "link/ieee802154/address.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace causeway::link::ieee802154 {

enum class CommandId : std::uint8_t {
    association_request = 1,
    association_response = 2,
    disassociation = 3,
    data_request = 4,
    pan_id_conflict = 5,
    orphan = 6,
    beacon_request = 7,
    coordinator_realignment = 8,
    gts_request = 9,
};

/// The capability information of a device that asks to join. [IEEE 802.15.4-2015 §7.5.2]
struct AssociationRequest {
    bool alternate_pan_coordinator = false;  // reserved since 2015
    bool full_function = false;
    bool mains_powered = false;
    bool receiver_on_when_idle = false;
    bool fast_association = false;  // reserved before 2015
    bool security_capable = false;
    bool allocate_address = false;
    friend bool operator==(const AssociationRequest&, const AssociationRequest&) = default;
};

/// Values that are not named here are kept. [IEEE 802.15.4-2015 §7.5.3]
enum class AssociationStatus : std::uint8_t {
    successful = 0,
    pan_at_capacity = 1,
    access_denied = 2,
    hopping_offset_duplicated = 3,
    fast_association_successful = 0x80,
};

struct AssociationResponse {
    std::uint16_t short_address = 0xffff;  // 0xfffe: use the extended one
    AssociationStatus status = AssociationStatus::successful;
    friend bool operator==(const AssociationResponse&, const AssociationResponse&) = default;
};

/// Values that are not named here are kept. [IEEE 802.15.4-2015 §7.5.4]
enum class DisassociationReason : std::uint8_t { coordinator_wishes = 1, device_wishes = 2 };

struct Disassociation {
    DisassociationReason reason = DisassociationReason::device_wishes;
    friend bool operator==(const Disassociation&, const Disassociation&) = default;
};

struct DataRequest {
    friend bool operator==(const DataRequest&, const DataRequest&) = default;
};
struct PanIdConflict {
    friend bool operator==(const PanIdConflict&, const PanIdConflict&) = default;
};
struct OrphanNotification {
    friend bool operator==(const OrphanNotification&, const OrphanNotification&) = default;
};
struct BeaconRequest {
    friend bool operator==(const BeaconRequest&, const BeaconRequest&) = default;
};

/// [IEEE 802.15.4-2015 §7.5.10]
struct CoordinatorRealignment {
    PanId pan{};
    std::uint16_t coordinator = 0;  // its short address
    std::uint8_t channel = 0;
    std::uint16_t short_address = 0xffff;           // the orphan's; 0xffff when sent to everybody
    std::optional<std::uint8_t> channel_page = {};  // since 2006
    friend bool operator==(const CoordinatorRealignment&, const CoordinatorRealignment&) = default;
};

/// [IEEE 802.15.4-2015 §7.5.11]
struct GtsRequest {
    std::uint8_t slots = 0;  // 0 to 15
    bool receive_only = false;
    bool allocate = false;  // false: deallocate
    friend bool operator==(const GtsRequest&, const GtsRequest&) = default;
};

/// Any identifier that CommandId does not name.
struct OtherCommand {
    std::uint8_t id = 0;
    Octets content = {};
    friend bool operator==(const OtherCommand&, const OtherCommand&) = default;
};

struct Command {
    using Body = std::variant<BeaconRequest, AssociationRequest, AssociationResponse,
                              Disassociation, DataRequest, PanIdConflict, OrphanNotification,
                              CoordinatorRealignment, GtsRequest, OtherCommand>;

    Body body;

    [[nodiscard]] std::uint8_t id() const noexcept;
    static Result<Command> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const Command&, const Command&) = default;
};

static_assert(Repr<Command>);

}  // namespace causeway::link::ieee802154
