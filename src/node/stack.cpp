#include "node/stack.hpp"

#include "ip/endpoint.hpp"
#include "ip/extension.hpp"
#include "ip/icmpv6.hpp"
#include "lowpan/interface_id.hpp"

namespace causeway::node {

namespace mac = link::ieee802154;

namespace {

// Each layer draws from a stream of its own, so that one more draw in one shifts no other.
enum Stream : std::uint64_t {
    for_mac = 1,
    for_adaptation,
    for_router,
    for_discovery,
    for_application
};

constexpr std::uint32_t control_bit = 0x8000'0000;  // of a packet's handle

/// Whether a packet keeps the network going rather than carries anybody's data: RPL and neighbour
/// discovery, in a tunnel or not.
bool is_control(Bytes packet) {
    ip::ExtensionWalk walk(packet);
    while (walk.next()) {
    }
    ip::UpperLayer upper = walk.upper_layer();
    if (upper.next_header == ip::NextHeader::ipv6 && packet.size() > upper.offset + 40)
        return is_control(packet.subspan(upper.offset));
    if (!(upper.next_header == ip::NextHeader::icmpv6) || packet.size() <= upper.offset)
        return false;
    const auto type = std::to_integer<std::uint8_t>(packet[upper.offset]);
    return type == ip::Icmpv6Type::rpl_control ||
           (type >= std::to_underlying(ip::Icmpv6Type::router_solicitation) &&
            type <= std::to_underlying(ip::Icmpv6Type::redirect));
}

LossReason reason_of(lowpan::PacketFailure failure) {
    switch (failure) {
        case lowpan::PacketFailure::no_ack:
            return LossReason::link_no_ack;
        case lowpan::PacketFailure::channel_busy:
            return LossReason::link_channel_busy;
        case lowpan::PacketFailure::queue_full:
            return LossReason::queue_full;
        default:
            return LossReason::malformed;
    }
}

rpl::Router::Config router_config(const Config& config, const ip::Address& link_local) {
    return {.root = config.root,
            .link_local = link_local,
            .interface_id = link_local.interface_id(),
            .prefix = config.root ? std::optional(config.prefix) : std::nullopt,
            .settings = config.rpl};
}

mac::Mac::Config mac_config(const Config& config) {
    mac::Mac::Config result;
    result.address = mac::Address::extended(config.eui64);
    result.pan = config.pan;
    result.settings = config.mac;
    result.pan_coordinator = config.root;
    return result;
}

}  // namespace

Node::Stack::Stack(Config node_config, Random random, Teller node_teller, Instant now, Flash* flash)
    : config(std::move(node_config)),
      teller(node_teller),
      mac_address(mac::Address::extended(config.eui64)),
      link_local(ip::link_local(lowpan::interface_id(mac_address))),
      mac(mac_config(config), random.fork(for_mac), teller, now),
      neighbours(config.mac.neighbours_max),
      adaptation(mac_address, {}, {}, random.fork(for_adaptation), now, teller),
      router(router_config(config, link_local), random.fork(for_router), teller, now),
      forwarding(config, link_local, router, now),
      discovery({.root = config.root,
                 .link_local = link_local,
                 .eui64 = config.eui64,
                 .prefix = config.prefix},
                random.fork(for_discovery), now),
      application(config, random.fork(for_application), teller, now, flash) {
    if (config.root) {
        configure(now, config.prefix.with(link_local.interface_id()));
        joined_at_ = now;
    }
    carry(now);
}

void Node::Stack::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](const mac::FrameReceived& frame) { mac.received(now, frame); },
                   [&](const mac::TransmitEnded& ended) { mac.transmit_ended(now, ended); },
                   [&](PacketFromHost& from_host) {
                       if (config.root) forwarding.from_host(now, std::move(from_host.packet));
                   },
                   [&](const DatagramFromHost& datagram) { from_host(now, datagram); },
               },
               in);
    carry(now);
}

void Node::Stack::handle_timeout(Instant now) {
    // What one layer does may be due in another at once: a back-off of no time at all. So that the
    // stack makes progress whenever it is woken, it goes on while anything is due.
    for (unsigned turn = 0; turn < turns_max && next_deadline() <= now; ++turn) {
        if (mac.next_deadline() <= now) mac.handle_timeout(now);
        if (adaptation.next_deadline() <= now) adaptation.handle_timeout(now);
        if (router.next_deadline() <= now) router.handle_timeout(now);
        if (forwarding.next_deadline() <= now) forwarding.handle_timeout(now);
        if (discovery.next_deadline() <= now) discovery.handle_timeout(now);
        if (application.next_deadline() <= now) application.handle_timeout(now);
        carry(now);
    }
}

Instant Node::Stack::next_deadline() const {
    return std::min({mac.next_deadline(), adaptation.next_deadline(), router.next_deadline(),
                     forwarding.next_deadline(), discovery.next_deadline(),
                     application.next_deadline()});
}

/// Until every layer is silent. It ends: each turn carries what was there to the layer where it
/// goes, no layer answers its own output, and a radio has to speak before more comes of it.
void Node::Stack::carry(Instant now) {
    bool more = true;
    while (more) {
        more = carry_mac(now);
        more |= carry_adaptation(now);
        more |= carry_forwarding(now);
        more |= carry_router(now);
        more |= carry_discovery(now);
        more |= carry_application(now);
    }
    if (joined_at_ == never && router.reachable()) {
        joined_at_ = now;
        teller.tell(now, "node.joined");
        tell_collector(now);
    }
}

bool Node::Stack::carry_mac(Instant now) {
    bool any = false;
    while (auto output = mac.poll_output()) {
        any = true;
        std::visit(Overloaded{
                       [&](mac::TransmitFrame& transmit) { out.push(std::move(transmit)); },
                       [&](mac::DataReceived& data) {
                           neighbours.heard(now, data.source, data.rssi_dbm, data.lqi);
                           adaptation.frame_arrived(now,
                                                    {data.source, data.destination, data.payload});
                       },
                       [&](const mac::DataSent& sent) { frame_sent(now, sent); },
                       // Networks are found by RPL's messages here, not by beacons.
                       [](const auto&) {},
                   },
                   *output);
    }
    return any;
}

void Node::Stack::frame_sent(Instant now, const mac::DataSent& sent) {
    adaptation.frame_sent(now, {.frame_handle = sent.handle,
                                .delivered = sent.outcome == mac::SendOutcome::delivered,
                                .attempts = sent.attempts,
                                .frame_octets = sent.frame_octets,
                                .channel_busy = sent.outcome == mac::SendOutcome::channel_busy ||
                                                sent.outcome == mac::SendOutcome::queue_full});
    if (sent.destination.is_broadcast() || sent.attempts == 0) return;
    neighbours.sent(now, sent.destination, sent.outcome, sent.attempts);
    const auto link = neighbours.find(sent.destination);
    if (!link) return;
    const ip::Address neighbour = ip::link_local(lowpan::interface_id(sent.destination));
    router.handle(now,
                  rpl::Router::LinkMeasured{
                      .neighbour = neighbour, .etx_128 = link->etx, .fresh = link->fresh(now)});

    const auto failing = std::ranges::find(failures_, sent.destination, &Failures::neighbour);
    if (sent.outcome == mac::SendOutcome::channel_busy) return;  // says nothing about the neighbour
    if (sent.outcome == mac::SendOutcome::delivered) {
        if (failing != failures_.end()) failures_.erase(failing);
    } else if (failing == failures_.end()) {
        if (failures_.size() < config.mac.neighbours_max)
            failures_.push_back({sent.destination, 1});
    } else if (++failing->in_a_row >= failures_max) {
        failures_.erase(failing);
        router.handle(now, rpl::Router::NeighbourUnreachable{neighbour});
    }
}

bool Node::Stack::carry_adaptation(Instant now) {
    bool any = false;
    while (auto output = adaptation.poll_output()) {
        any = true;
        std::visit(Overloaded{
                       [&](const lowpan::SendFrame& frame) {
                           mac.send(now, {.destination = frame.destination,
                                          .payload = frame.payload,
                                          .acknowledged = !frame.destination.is_broadcast(),
                                          .handle = frame.frame_handle});
                       },
                       [&](lowpan::PacketArrived& arrived) {
                           forwarding.from_radio(
                               now, std::move(arrived.packet),
                               ip::link_local(lowpan::interface_id(arrived.source)));
                       },
                       [&](lowpan::PacketSent& sent) { packet_sent(now, std::move(sent)); },
                   },
                   *output);
    }
    return any;
}

void Node::Stack::transmit(Instant now, Forwarding::Transmit&& transmit) {
    mac::Address next_hop = mac::Address::broadcast();
    if (!transmit.next_hop.is_multicast()) {
        const auto known = lowpan::link_address(transmit.next_hop.interface_id());
        if (!known) return lost(now, transmit.packet, LossReason::no_route);
        next_hop = *known;
    }
    const std::uint32_t handle =
        (++next_handle_ & ~control_bit) | (is_control(transmit.packet) ? control_bit : 0);
    under_way_.push_back({handle, transmit.next_hop, transmit.second_try});
    adaptation.send(now, {std::move(transmit.packet), next_hop, handle});
}

void Node::Stack::packet_sent(Instant now, lowpan::PacketSent&& sent) {
    auto& air = counters_[(sent.handle & control_bit) != 0 ? Plane::control : Plane::data];
    air.link += sent.link_octets;
    air.lowpan += sent.lowpan_octets;
    air.payload += sent.payload_octets;

    const auto found = std::ranges::find(under_way_, sent.handle, &UnderWay::handle);
    if (found == under_way_.end()) return;
    const UnderWay under_way = *found;
    under_way_.erase(found);
    if (sent.delivered) return;
    forwarding.hop_failed(now,
                          {.packet = std::move(sent.packet),
                           .next_hop = under_way.next_hop,
                           .second_try = under_way.second_try},
                          reason_of(sent.reason));
}

bool Node::Stack::carry_forwarding(Instant now) {
    bool any = false;
    while (auto output = forwarding.poll_output()) {
        any = true;
        std::visit(
            Overloaded{
                [&](Forwarding::Transmit& packet) { transmit(now, std::move(packet)); },
                [&](Forwarding::Deliver& packet) { deliver(now, std::move(packet)); },
                [&](PacketToHost& packet) { out.push(std::move(packet)); },
                [&](const Forwarding::Lost& loss) { lost(now, loss.packet, loss.reason); },
                [&](Forwarding::LoopFound) { router.handle(now, rpl::Router::RankErrorSeen{}); },
            },
            *output);
    }
    return any;
}

void Node::Stack::lost(Instant now, Bytes packet, LossReason reason) {
    ++counters_.lost[std::to_underlying(reason)];
    teller.tell(now, "packet.lost", std::to_underlying(reason), packet);
}

void Node::Stack::deliver(Instant now, Forwarding::Deliver&& delivered) {
    if (delivered.protocol == ip::NextHeader::icmpv6) return deliver_icmpv6(now, delivered);
    if (delivered.protocol == ip::NextHeader::none) return;
    if (delivered.protocol != ip::NextHeader::udp) {
        lost(now, delivered.packet, LossReason::not_wanted);
        return forwarding.refused(
            now, delivered,
            ip::IcmpError::parameter_problem(ip::ParameterProblemCode::unknown_next_header, 6));
    }
    deliver_udp(now, delivered);
}

void Node::Stack::deliver_icmpv6(Instant now, const Forwarding::Deliver& delivered) {
    const ip::Ipv6Header& header = delivered.header;
    const Bytes message = Bytes(delivered.packet).subspan(delivered.offset);
    const auto view = ip::parse_icmpv6(header.source, header.target, message);
    if (!view) return lost(now, delivered.packet, LossReason::malformed);

    if (view->type == ip::Icmpv6Type::echo_request) {
        if (auto reply = ip::answer_echo(header, message, global_))
            forwarding.originate(now, *std::move(reply));
    } else if (view->type == ip::Icmpv6Type::rpl_control) {
        // The strength it was heard with is the first thing known about a link.
        std::int8_t rssi = 0;
        if (delivered.sender)
            if (const auto sender = lowpan::link_address(delivered.sender->interface_id()))
                if (const auto link = neighbours.find(*sender)) {
                    rssi = link->rssi_dbm;
                    if (link->samples == 0)
                        router.handle(now, rpl::Router::LinkMeasured{.neighbour = *delivered.sender,
                                                                     .etx_128 = link->etx,
                                                                     .fresh = false});
                }
        router.handle(now, rpl::Router::MessageReceived{.source = header.source,
                                                        .target = header.target,
                                                        .code = view->code,
                                                        .body = to_octets(view->body),
                                                        .rssi_dbm = rssi});
    } else if (ip::is_icmpv6_error(view->type)) {
        deliver_error(now, *view, header.source);
    } else {
        discovery.handle(
            now, Discovery::MessageReceived{{header.source, header.target, header.hop_limit},
                                            to_octets(message)});
    }
}

/// Somebody on the way could not pass on a packet of ours: it came back with the message.
void Node::Stack::deliver_error(Instant now, const ip::Icmpv6View& error,
                                const ip::Address& reporter) {
    if (error.type != ip::Icmpv6Type::destination_unreachable) return;
    const auto unreachable = parse_as<ip::DestinationUnreachable>(error.message);
    if (!unreachable) return;
    ByteReader in(unreachable->invoking);
    const auto invoking = ip::Ipv6Header::parse(in);
    if (!invoking || !forwarding.is_ours(invoking->source)) return;
    if (unreachable->code == ip::UnreachableCode::source_routing_header) {
        if (config.root)
            router.handle(now, rpl::Router::SourceRouteFailed{invoking->target, reporter});
        return;
    }
    if (invoking->next_header != ip::NextHeader::udp) return;
    const auto udp = ip::UdpHeader::parse(in);
    if (udp && udp->source_port == coap::default_port)
        application.handle(now, Application::PeerUnreachable{invoking->target, udp->target_port});
}

void Node::Stack::send_rpl(Instant now, const rpl::Router::SendMessage& message) {
    const ip::Address& source = message.from_global && global_ ? *global_ : link_local;
    const std::uint8_t hop_limit =
        message.target.is_link_local() || message.target.is_multicast() ? 255 : 64;
    forwarding.originate(
        now, ip::make_icmpv6_packet(source, message.target, hop_limit,
                                    std::to_underlying(ip::Icmpv6Type::rpl_control), message.code,
                                    message.body));
}

bool Node::Stack::carry_router(Instant now) {
    bool any = false;
    if (held_dao_ && discovery.settled()) send_rpl(now, *std::exchange(held_dao_, std::nullopt));
    while (auto output = router.poll_output()) {
        any = true;
        std::visit(
            Overloaded{
                [&](rpl::Router::SendMessage& message) {
                    // The answer to a DAO comes compressed with the mesh's contexts, so a node
                    // has them before it asks; unless its parent does not know of any.
                    if (message.code == std::to_underlying(rpl::Code::dao) && !discovery.settled())
                        held_dao_ = std::move(message);
                    else
                        send_rpl(now, message);
                },
                [&](const rpl::Router::PrefixAnnounced& announced) {
                    configure(now, announced.prefix.with(link_local.interface_id()));
                },
                [&](const rpl::Router::ParentChanged& change) {
                    ++parent_changes_;
                    discovery.handle(now, Discovery::ParentChanged{change.parent});
                    tell_collector(now);
                },
            },
            *output);
    }
    return any;
}

/// Readings wait until the root knows this node: what a mesh that is starting up has to carry first
/// is its registrations. From then on they go up whenever there is a parent.
void Node::Stack::tell_collector(Instant now) {
    const bool up = joined_at_ != never && router.preferred_parent();
    application.handle(now, Application::CollectorKnown{up ? router.dodag_id() : std::nullopt});
}

void Node::Stack::configure(Instant now, const ip::Address& address) {
    if (global_ == address) return;
    global_ = address;
    forwarding.set_global(address);
    discovery.handle(now, Discovery::AddressConfigured{address});
}

bool Node::Stack::carry_discovery(Instant now) {
    bool any = false;
    while (auto output = discovery.poll_output()) {
        any = true;
        std::visit(Overloaded{
                       [&](const Discovery::SendMessage& message) {
                           ByteReader in(message.message);
                           const std::uint8_t type = in.u8();
                           in.u8();
                           in.be16();
                           forwarding.originate(
                               now, ip::make_icmpv6_packet(link_local, message.target,
                                                           ip::nd::hop_limit, type, 0, in.rest()));
                       },
                       [&](const Discovery::ContextLearned& learned) {
                           adaptation.contexts().set(learned.id, learned.context);
                       },
                   },
                   *output);
    }
    return any;
}

void Node::Stack::power_off(Instant now) {
    adaptation.handle(now, lowpan::Disassociated{});
    while (auto output = adaptation.poll_output())
        if (const auto* sent = std::get_if<lowpan::PacketSent>(&*output);
            sent != nullptr && !sent->delivered)
            lost(now, sent->packet, LossReason::node_down);
}

Status Node::Stack::status() const {
    Status status;
    status.link_local = link_local;
    status.global = global_;
    status.joined = router.reachable();
    status.joined_at = joined_at_;
    status.rank = router.rank();
    status.parent = router.preferred_parent();
    if (status.parent)
        if (const auto parent = lowpan::link_address(status.parent->interface_id()))
            status.etx = static_cast<double>(neighbours.etx(*parent)) / mac::etx_divisor;
    status.parent_changes = parent_changes_;
    return status;
}

Counters Node::Stack::counters() const {
    Counters counters = counters_;
    const auto& link = mac.stats();
    counters.frames_sent = link.transmissions_ended;
    counters.frames_received = link.frames_received;
    counters.packets_originated = forwarding.stats().originated;
    counters.packets_forwarded = forwarding.stats().forwarded;
    counters.packets_delivered = forwarding.stats().delivered;
    counters.readings_sent = application.stats().readings_sent;
    counters.readings_received += application.stats().readings_received;
    constexpr std::uint64_t ack_octets = 3 + mac::fcs_octets;
    counters[Plane::control].link += link.acks_sent * ack_octets;
    return counters;
}

}  // namespace causeway::node
