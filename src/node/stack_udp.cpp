// UDP in a Node: its own application's, and at the root what programs of the host say and hear
// through the root's address.
#include "node/stack.hpp"

#include <algorithm>

namespace causeway::node {
namespace {

/// The key of the reading that a PUBLISH of a node carries: whose it is, and its message id.
std::optional<std::uint32_t> reading_key(const ip::UdpDatagram& datagram) {
    if (datagram.target_port != mqtt::sn::default_port) return std::nullopt;
    const auto message = parse_as<mqtt::sn::Message>(datagram.payload);
    if (!message) return std::nullopt;
    const auto* publish = std::get_if<mqtt::sn::Publish>(&message->body);
    if (publish == nullptr || publish->message_id == 0) return std::nullopt;
    const auto& source = datagram.source.octets;
    return std::to_integer<std::uint32_t>(source[14]) << 24 |
           std::to_integer<std::uint32_t>(source[15]) << 16 | publish->message_id;
}

}  // namespace

void Node::Stack::deliver_udp(Instant now, const Forwarding::Deliver& delivered) {
    const auto datagram = ip::parse_udp(delivered.header.source, delivered.header.target,
                                        Bytes(delivered.packet).subspan(delivered.offset));
    if (!datagram) return lost(now, delivered.packet, LossReason::malformed);
    if (config.root &&
        std::ranges::find(config.host_ports, datagram->target_port) != config.host_ports.end())
        return to_host(now, *datagram);
    if (!application.listens_to(datagram->target_port)) {
        lost(now, delivered.packet, LossReason::not_wanted);
        return forwarding.refused(
            now, delivered, ip::IcmpError::unreachable(ip::UnreachableCode::port_unreachable));
    }
    application.handle(
        now, Application::DatagramReceived{.peer = datagram->source,
                                           .port = datagram->source_port,
                                           .payload = to_octets(datagram->payload),
                                           .multicast = delivered.header.target.is_multicast(),
                                           .target_port = datagram->target_port});
}

void Node::Stack::to_host(Instant now, const ip::UdpDatagram& datagram) {
    if (const auto key = reading_key(datagram)) {
        ++counters_.readings_received;
        teller.tell(now, "reading.received", *key, datagram.payload);
    }
    out.push(DatagramToHost{datagram.source, datagram.source_port, datagram.target_port,
                            to_octets(datagram.payload)});
}

void Node::Stack::from_host(Instant now, const DatagramFromHost& datagram) {
    if (!config.root || !global_) return;
    Octets packet = ip::make_udp_packet({.source = *global_,
                                         .target = datagram.target,
                                         .source_port = datagram.source_port,
                                         .target_port = datagram.target_port,
                                         .payload = datagram.payload},
                                        ip::hop_limit_default);
    if (packet.size() > ip::mtu_min) return lost(now, packet, LossReason::too_big);
    teller.tell(now, "packet.sent", 0, packet);
    forwarding.originate(now, std::move(packet));
}

bool Node::Stack::carry_application(Instant now) {
    bool any = false;
    while (auto output = application.poll_output()) {
        any = true;
        if (!global_) continue;
        Octets packet = ip::make_udp_packet({.source = *global_,
                                             .target = output->peer,
                                             .source_port = output->source_port,
                                             .target_port = output->port,
                                             .payload = output->payload},
                                            ip::hop_limit_default);
        teller.tell(now, "packet.sent", 0, packet);
        forwarding.originate(now, std::move(packet));
    }
    return any;
}

}  // namespace causeway::node
