// IEEE 802.15.4 frames.
#include "dissect/words.hpp"
#include "link/ieee802154/beacon.hpp"
#include "link/ieee802154/command.hpp"
#include "link/ieee802154/frame.hpp"
#include "link/ieee802154/ie.hpp"

#include "base/engine.hpp"

namespace causeway::dissect {
namespace {

using namespace link::ieee802154;

constexpr std::string_view layer_name = "IEEE 802.15.4";

std::string_view name_of(FrameType type) {
    switch (type) {
        case FrameType::beacon:
            return "beacon";
        case FrameType::data:
            return "data";
        case FrameType::ack:
            return "ack";
        case FrameType::command:
            return "command";
    }
    return "?";
}

std::string_view name_of(FrameVersion version) {
    switch (version) {
        case FrameVersion::v2003:
            return "2003";
        case FrameVersion::v2006:
            return "2006";
        case FrameVersion::v2015:
            return "2015";
    }
    return "?";
}

void add_pan(std::string_view name, const std::optional<PanId>& pan, Field& to) {
    if (pan) to.add(name, hex16(std::to_underlying(*pan)));
}

void add_security(const FrameHeader& header, Field& to) {
    if (!header.has_auxiliary_security()) return;
    const AuxiliarySecurity& security = header.security;
    Field& field = to.add("Security", fmt::format("level {}, key id mode {}", security.level,
                                                  std::to_underlying(security.key_id_mode)));
    if (security.frame_counter) field.add("Frame counter", fmt::to_string(*security.frame_counter));
    if (security.key_id_mode == KeyIdMode::source_4 || security.key_id_mode == KeyIdMode::source_8)
        field.add("Key source", fmt::format("{:x}", security.key_source));
    if (security.key_id_mode != KeyIdMode::implicit)
        field.add("Key index", fmt::to_string(security.key_index));
}

void add_header(const FrameHeader& header, Field& to) {
    to.add("Frame type", std::string(name_of(header.type)));
    to.add("Version", std::string(name_of(header.version)));
    to.add("Flags", Flags()
                        .add(header.security_enabled, "security")
                        .add(header.frame_pending, "frame pending")
                        .add(header.ack_request, "ack request")
                        .text());
    if (header.sequence) to.add("Sequence number", fmt::to_string(*header.sequence));
    add_pan("Destination PAN", header.destination_pan, to);
    if (!header.destination.is_none()) to.add("Destination", header.destination.to_text());
    add_pan("Source PAN", header.source_pan, to);
    if (!header.source.is_none()) to.add("Source", header.source.to_text());
    add_security(header, to);
}

template <class Take>
void add_ies(std::string_view name, Bytes list, Take take, Field& to) {
    ByteReader in(list);
    while (in.more()) {
        const InformationElement element = take(in);
        if (!in.ok()) return;  // the frame's parser has gone through the list before
        to.add(name, fmt::format("id {}, {}", hex8(element.id), hex_of(element.content)));
    }
}

void add_beacon(const Beacon& beacon, Field& to) {
    const Superframe& s = beacon.superframe;
    to.add("Superframe", fmt::format("beacon order {}, superframe order {}, final CAP slot {}",
                                     s.beacon_order, s.superframe_order, s.final_cap_slot))
        .add("Flags", Flags()
                          .add(s.battery_life_extension, "battery life extension")
                          .add(s.pan_coordinator, "PAN coordinator")
                          .add(s.association_permit, "association permit")
                          .add(beacon.gts_permit, "GTS permit")
                          .text());
    for (const GuaranteedSlot& slot : beacon.guaranteed_slots)
        to.add("Guaranteed time slot", fmt::format("device {}, {} from slot {}", hex16(slot.device),
                                                   plural(slot.slots, "slot"), slot.starting_slot));
    for (const std::uint16_t address : beacon.pending_short)
        to.add("Pending", Address::short_address(address).to_text());
    for (const std::uint64_t address : beacon.pending_extended)
        to.add("Pending", Address::extended(address).to_text());
    if (!beacon.payload.empty()) to.add_hex("Beacon payload", beacon.payload);
}

/// The command's name; what it carries goes to `to`.
std::string add_command(const Command& command, Field& to) {
    return std::visit(
        Overloaded{
            [&](const AssociationRequest& request) -> std::string {
                to.add("Capabilities",
                       Flags()
                           .add(request.full_function, "full function")
                           .add(request.mains_powered, "mains powered")
                           .add(request.receiver_on_when_idle, "receiver on when idle")
                           .add(request.fast_association, "fast association")
                           .add(request.security_capable, "security")
                           .add(request.allocate_address, "allocate address")
                           .text());
                return "association request";
            },
            [&](const AssociationResponse& response) -> std::string {
                to.add("Short address", hex16(response.short_address));
                to.add("Status", hex8(std::to_underlying(response.status)));
                return "association response";
            },
            [&](const Disassociation& leaving) -> std::string {
                to.add("Reason", fmt::to_string(std::to_underlying(leaving.reason)));
                return "disassociation";
            },
            [](const DataRequest&) -> std::string { return "data request"; },
            [](const PanIdConflict&) -> std::string { return "PAN id conflict"; },
            [](const OrphanNotification&) -> std::string { return "orphan notification"; },
            [](const BeaconRequest&) -> std::string { return "beacon request"; },
            [&](const CoordinatorRealignment& realignment) -> std::string {
                to.add("PAN", hex16(std::to_underlying(realignment.pan)));
                to.add("Coordinator", hex16(realignment.coordinator));
                to.add("Channel", fmt::to_string(realignment.channel));
                to.add("Short address", hex16(realignment.short_address));
                return "coordinator realignment";
            },
            [&](const GtsRequest& request) -> std::string {
                to.add("Slots", fmt::to_string(request.slots));
                return request.allocate ? "GTS request" : "GTS release";
            },
            [&](const OtherCommand& other) -> std::string {
                to.add_hex("Content", other.content);
                return "command " + hex8(other.id);
            },
        },
        command.body);
}

}  // namespace

void Dissector::take_mac(Bytes octets, Dissection& out) {
    const auto frame = FrameView::parse(octets);
    if (!frame) return out.wrong(layer_name, frame.error());
    const FrameHeader& header = frame->header;
    Layer layer(layer_name);
    add_header(header, layer);
    add_ies("Header IE", frame->header_ies, take_header_ie, layer);
    add_ies("Payload IE", frame->payload_ies, take_payload_ie, layer);
    out.source = header.source.is_none() ? "" : header.source.to_text();
    out.target = header.destination.is_none() ? "" : header.destination.to_text();
    std::string what(name_of(header.type));
    if (header.sequence) what += fmt::format(" {}", *header.sequence);
    const std::size_t at = octets.size() - frame->payload.size();

    if (header.security_enabled) {
        what += ", secured";
        layer.add_hex("Secured payload", frame->payload);
    } else if (header.type == FrameType::beacon && header.version != FrameVersion::v2015) {
        if (const auto beacon = parse_as<Beacon>(frame->payload))
            add_beacon(*beacon, layer);
        else
            out.wrong(layer_name, beacon.error(), at);
    } else if (header.type == FrameType::command) {
        if (const auto command = parse_as<Command>(frame->payload))
            what = fmt::format("{}, {}", add_command(*command, layer), what);
        else
            out.wrong(layer_name, command.error(), at);
    } else if (header.type != FrameType::data && !frame->payload.empty()) {
        layer.add_hex("Payload", frame->payload);
    }
    layer.value = what;
    out.says(layer_name, what);
    out.layers.push_back(std::move(layer));
    if (header.type == FrameType::data && !header.security_enabled && !frame->payload.empty())
        take_lowpan({header.source, header.destination}, frame->payload, out);
}

}  // namespace causeway::dissect
