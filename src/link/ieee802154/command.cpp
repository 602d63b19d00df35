#include "link/ieee802154/command.hpp"

#include "base/engine.hpp"

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint8_t bit(bool set, unsigned at) noexcept {
    return static_cast<std::uint8_t>(set ? 1u << at : 0u);
}

AssociationRequest take_association_request(ByteReader& in) noexcept {
    const unsigned capability = in.u8();
    AssociationRequest request;
    request.alternate_pan_coordinator = (capability & 0x01) != 0;
    request.full_function = (capability & 0x02) != 0;
    request.mains_powered = (capability & 0x04) != 0;
    request.receiver_on_when_idle = (capability & 0x08) != 0;
    request.fast_association = (capability & 0x10) != 0;
    request.security_capable = (capability & 0x40) != 0;
    request.allocate_address = (capability & 0x80) != 0;
    return request;
}

AssociationResponse take_association_response(ByteReader& in) noexcept {
    AssociationResponse response;
    response.short_address = in.le16();
    response.status = static_cast<AssociationStatus>(in.u8());
    return response;
}

CoordinatorRealignment take_coordinator_realignment(ByteReader& in) noexcept {
    CoordinatorRealignment realignment;
    realignment.pan = PanId{in.le16()};
    realignment.coordinator = in.le16();
    realignment.channel = in.u8();
    realignment.short_address = in.le16();
    if (in.more()) realignment.channel_page = in.u8();
    return realignment;
}

GtsRequest take_gts_request(ByteReader& in) noexcept {
    const unsigned characteristics = in.u8();
    return {static_cast<std::uint8_t>(characteristics & 0xf), (characteristics & 0x10) != 0,
            (characteristics & 0x20) != 0};
}

Command::Body take_body(std::uint8_t id, ByteReader& in) {
    switch (static_cast<CommandId>(id)) {
        case CommandId::association_request:
            return take_association_request(in);
        case CommandId::association_response:
            return take_association_response(in);
        case CommandId::disassociation:
            return Disassociation{static_cast<DisassociationReason>(in.u8())};
        case CommandId::data_request:
            return DataRequest{};
        case CommandId::pan_id_conflict:
            return PanIdConflict{};
        case CommandId::orphan:
            return OrphanNotification{};
        case CommandId::beacon_request:
            return BeaconRequest{};
        case CommandId::coordinator_realignment:
            return take_coordinator_realignment(in);
        case CommandId::gts_request:
            return take_gts_request(in);
    }
    return OtherCommand{id, to_octets(in.rest())};
}

}  // namespace

std::uint8_t Command::id() const noexcept {
    const auto named = [](CommandId known) { return std::to_underlying(known); };
    return std::visit(
        Overloaded{
            [&](const BeaconRequest&) { return named(CommandId::beacon_request); },
            [&](const AssociationRequest&) { return named(CommandId::association_request); },
            [&](const AssociationResponse&) { return named(CommandId::association_response); },
            [&](const Disassociation&) { return named(CommandId::disassociation); },
            [&](const DataRequest&) { return named(CommandId::data_request); },
            [&](const PanIdConflict&) { return named(CommandId::pan_id_conflict); },
            [&](const OrphanNotification&) { return named(CommandId::orphan); },
            [&](const CoordinatorRealignment&) {
                return named(CommandId::coordinator_realignment);
            },
            [&](const GtsRequest&) { return named(CommandId::gts_request); },
            [](const OtherCommand& other) { return other.id; },
        },
        body);
}

Result<Command> Command::parse(ByteReader& in) {
    const std::uint8_t id = in.u8();
    if (!in.ok()) return std::unexpected(in.error());
    Command command{take_body(id, in)};
    if (!in.ok()) return std::unexpected(in.error());
    return command;
}

std::size_t Command::wire_size() const noexcept {
    const std::size_t fields = std::visit(
        Overloaded{
            [](const AssociationRequest&) { return std::size_t{1}; },
            [](const AssociationResponse&) { return std::size_t{3}; },
            [](const Disassociation&) { return std::size_t{1}; },
            [](const CoordinatorRealignment& r) { return r.channel_page ? std::size_t{8} : 7; },
            [](const GtsRequest&) { return std::size_t{1}; },
            [](const OtherCommand& other) { return other.content.size(); },
            [](const auto&) { return std::size_t{0}; },
        },
        body);
    return 1 + fields;
}

void Command::emit(ByteWriter& out) const {
    out.u8(id());
    std::visit(Overloaded{
                   [&](const AssociationRequest& r) {
                       out.u8(static_cast<std::uint8_t>(
                           bit(r.alternate_pan_coordinator, 0) | bit(r.full_function, 1) |
                           bit(r.mains_powered, 2) | bit(r.receiver_on_when_idle, 3) |
                           bit(r.fast_association, 4) | bit(r.security_capable, 6) |
                           bit(r.allocate_address, 7)));
                   },
                   [&](const AssociationResponse& r) {
                       out.le16(r.short_address);
                       out.u8(std::to_underlying(r.status));
                   },
                   [&](const Disassociation& d) { out.u8(std::to_underlying(d.reason)); },
                   [&](const CoordinatorRealignment& r) {
                       out.le16(std::to_underlying(r.pan));
                       out.le16(r.coordinator);
                       out.u8(r.channel);
                       out.le16(r.short_address);
                       if (r.channel_page) out.u8(*r.channel_page);
                   },
                   [&](const GtsRequest& r) {
                       CAUSEWAY_ASSERT(r.slots <= 15);
                       out.u8(static_cast<std::uint8_t>(r.slots | bit(r.receive_only, 4) |
                                                        bit(r.allocate, 5)));
                   },
                   [&](const OtherCommand& other) { out.put(other.content); },
                   [](const auto&) {},
               },
               body);
}

}  // namespace causeway::link::ieee802154
