#include "node/forwarding.hpp"

#include "ip/extension.hpp"

namespace causeway::node {
namespace {

/// A packet may hold a packet, which may hold a packet: no honest one goes deeper.
constexpr unsigned nesting_max = 3;

constexpr bool is_rpl_option(std::uint8_t type) {
    return type == rpl::rpi_type || type == rpl::rpi_type_old;
}

}  // namespace

Forwarding::Forwarding(const Config& config, const ip::Address& link_local,
                       const rpl::Router& router, Instant now)
    : config_(config), router_(router), link_local_(link_local), errors_({}, now) {}

void Forwarding::originate(Instant now, Octets packet) {
    ++stats_.originated;
    const auto view = ip::Ipv6View::over(packet);
    CAUSEWAY_ASSERT(view.has_value());
    const ip::Address target = view->target();

    if (target.is_multicast() || target.is_link_local()) {
        ++stats_.forwarded;
        out_.push(Transmit{std::move(packet), target});
    } else if (is_ours(target)) {
        deliver(now, std::move(packet), {.origin = Origin::here});
    } else if (config_.root) {
        send_out_of_root(now, std::move(packet), Origin::here);
    } else if (!router_.preferred_parent()) {
        lose(std::move(packet), LossReason::no_route);
    } else {
        send_up(for_the_way_up(std::move(packet), target), false);
    }
}

/// Upward, whoever the target is, with the RPL option and no tunnel: those outside skip an option
/// of type 0x23. One of type 0x63 they would discard, so that one has to stay outside, in a tunnel
/// to the root. [RFC 9008 §8.1.1, §8.2.1, §8.3.1]
Octets Forwarding::for_the_way_up(Octets packet, const ip::Address& target) const {
    const std::uint8_t type = config_.rpl.rpi_option_type;
    const auto root = router_.dodag_id();
    if (type == rpl::rpi_type_old && root && target != *root)
        return rpl::encapsulate(packet, {.source = *global_,
                                         .target = *root,
                                         .option = own_option(false),
                                         .option_type = type});
    return rpl::with_rpl_option(std::move(packet), own_option(false), type);
}

void Forwarding::from_radio(Instant now, Octets packet, const ip::Address& sender) {
    arrived(now, std::move(packet), {.origin = Origin::radio, .sender = sender});
}

void Forwarding::from_host(Instant now, Octets packet) {
    const auto view = ip::Ipv6View::over(packet);
    // The kernel talks to the interface as if it were an Ethernet: groups of the link and
    // link-local targets stay with the host.
    if (view && (view->target().is_multicast() || view->target().is_link_local())) {
        ++stats_.arrived;
        ++stats_.ignored;
        return;
    }
    if (view && packet.size() > ip::mtu_min) {  // [RFC 4443 §3.2]
        ++stats_.arrived;
        error(now, packet, ip::IcmpError::too_big(ip::mtu_min));
        return lose(std::move(packet), LossReason::too_big);
    }
    arrived(now, std::move(packet), {.origin = Origin::host});
}

void Forwarding::arrived(Instant now, Octets packet, const Arrival& from) {
    ++stats_.arrived;
    const auto view = ip::Ipv6View::over(packet);
    if (!view || view->source().is_multicast() || view->source().is_loopback() ||
        view->target().is_unspecified() || view->target().is_loopback())
        return lose(std::move(packet), LossReason::malformed);
    packet.resize(view->packet().size());  // padding of the link is no part of the packet

    const ip::Address target = view->target();
    if (target.is_multicast()) {
        if (listens_to(target)) return deliver(now, std::move(packet), from);
        ++stats_.ignored;
    } else if (is_ours(target)) {
        deliver(now, std::move(packet), from);
    } else {
        forward(now, std::move(packet), from);
    }
}

/// Walks the headers of a packet that is addressed to this node.
void Forwarding::deliver(Instant now, Octets packet, const Arrival& from) {
    ip::ExtensionWalk walk(packet);
    while (const auto extension = walk.next()) {
        const Bytes header = Bytes(packet).subspan(extension->offset, extension->size);
        if (extension->type == ip::NextHeader::hop_by_hop ||
            extension->type == ip::NextHeader::destination_options) {
            auto options = ip::OptionReader::over_header(header);
            while (const auto option = options.next()) {
                if (option->is_padding() || is_rpl_option(option->type)) continue;
                const auto action = ip::action_for_unknown(option->type);
                if (action == ip::UnknownOption::skip) continue;
                if (action != ip::UnknownOption::discard)
                    error(now, packet,
                          ip::IcmpError::parameter_problem(
                              ip::ParameterProblemCode::unknown_option,
                              static_cast<std::uint32_t>(extension->offset + option->offset)));
                return lose(std::move(packet), LossReason::malformed);
            }
            if (!options.ok()) return lose(std::move(packet), LossReason::malformed);
        } else if (extension->type == ip::NextHeader::routing) {
            if (header[3] == std::byte{0}) continue;  // no segments left
            if (header[2] == std::byte{rpl::SourceRoutingHeader::routing_type})
                return follow_source_route(now, std::move(packet), from);
            error(now, packet,
                  ip::IcmpError::parameter_problem(
                      ip::ParameterProblemCode::erroneous_field,
                      static_cast<std::uint32_t>(extension->offset + 2)));
            return lose(std::move(packet), LossReason::source_route);
        } else if (extension->type == ip::NextHeader::fragment) {
            return collect(now, std::move(packet), extension->offset, extension->named_at, from);
        }
    }
    if (!walk.ok()) return lose(std::move(packet), LossReason::malformed);

    const ip::UpperLayer upper = walk.upper_layer();
    if (upper.next_header == ip::NextHeader::ipv6)
        return unwrap(now, std::move(packet), upper.offset, from);
    if (upper.next_header == ip::NextHeader::fragment)  // any but the first
        return collect(now, std::move(packet), upper.offset, upper.named_at, from);
    ++stats_.delivered;
    const auto header = ip::Ipv6View::over(packet)->header();
    out_.push(Deliver{std::move(packet), header, upper.next_header, upper.offset,
                      from.origin == Origin::radio ? std::optional(from.sender) : std::nullopt});
}

/// A fragment of a packet for this node. [RFC 8200 §4.5]
void Forwarding::collect(Instant now, Octets packet, std::size_t header_at, std::size_t named_at,
                         const Arrival& from) {
    if (from.nesting == nesting_max) return lose(std::move(packet), LossReason::malformed);
    auto outcome = reassembly_.add(now, packet, header_at, named_at);
    if (outcome.error) error(now, packet, *outcome.error);
    if (outcome.lost) return lose(std::move(packet), LossReason::reassembly);
    ++stats_.pieces;
    if (!outcome.whole) return;
    Arrival inner = from;
    ++inner.nesting;
    arrived(now, *std::move(outcome.whole), inner);
}

void Forwarding::handle_timeout(Instant now) {
    while (const auto first = reassembly_.expire(now)) {
        if (first->empty()) continue;  // [RFC 8200 §4.5]
        error(now, *first, ip::IcmpError::time_exceeded(ip::TimeExceededCode::reassembly));
    }
}

void Forwarding::unwrap(Instant now, Octets packet, std::size_t offset, const Arrival& from) {
    if (from.nesting == nesting_max) return lose(std::move(packet), LossReason::malformed);
    ++stats_.unwrapped;
    Arrival inner = from;
    ++inner.nesting;
    arrived(now, Octets(packet.begin() + static_cast<std::ptrdiff_t>(offset), packet.end()), inner);
}

void Forwarding::follow_source_route(Instant now, Octets packet, const Arrival& from) {
    // Source routes are followed inside the RPL domain only. [RFC 6554 §5.1]
    if (from.origin == Origin::host) return lose(std::move(packet), LossReason::source_route);
    if (!consistent(packet)) return;
    const std::array own{link_local_, global_.value_or(link_local_)};
    const auto step = rpl::process_source_route(packet, own);
    using Outcome = rpl::SourceRouteStep::Outcome;
    if (step.outcome != Outcome::forward) {
        if (step.outcome == Outcome::parameter_problem)
            error(now, packet,
                  ip::IcmpError::parameter_problem(ip::ParameterProblemCode::erroneous_field,
                                                   step.pointer));
        return lose(std::move(packet), LossReason::source_route);
    }
    if (!spend_hop(now, packet)) return;
    ++stats_.forwarded;
    out_.push(Transmit{std::move(packet), ip::link_local(step.next_hop.interface_id())});
}

/// Loop detection; false when the packet goes no further and was dealt with.
bool Forwarding::consistent(Octets& packet) {
    const rpl::HopContext here{.instance = config_.rpl.instance,
                               .rank = router_.rank(),
                               .min_hop_rank_increase = config_.rpl.min_hop_rank_increase};
    switch (rpl::check_option(packet, here)) {
        case rpl::OptionVerdict::absent:
        case rpl::OptionVerdict::consistent:
        case rpl::OptionVerdict::rank_error:
            return true;
        case rpl::OptionVerdict::loop:
            out_.push(LoopFound{});
            lose(std::move(packet), LossReason::loop);
            return false;
        case rpl::OptionVerdict::other_instance:
            lose(std::move(packet), LossReason::no_route);
            return false;
        case rpl::OptionVerdict::malformed:
            lose(std::move(packet), LossReason::malformed);
            return false;
    }
    return true;
}

void Forwarding::forward(Instant now, Octets packet, const Arrival& from) {
    const auto view = ip::Ipv6View::over(packet);
    // What is link-local or nobody's stays on its link. [RFC 4291 §2.5.2, §2.5.6]
    if (view->target().is_link_local() || view->source().is_link_local() ||
        view->source().is_unspecified())
        return lose(std::move(packet), LossReason::not_wanted);

    // What a tunnel held was checked outside; its own option tells of another stretch.
    const bool checked = from.origin == Origin::radio && from.nesting == 0;
    if (checked && !consistent(packet)) return;
    if (!spend_hop(now, packet)) return;
    if (config_.root) return send_out_of_root(now, std::move(packet), from.origin);
    if (!router_.preferred_parent()) {
        error(now, packet, ip::IcmpError::unreachable(ip::UnreachableCode::no_route));
        return lose(std::move(packet), LossReason::no_route);
    }
    send_up(std::move(packet), false);
}

void Forwarding::send_up(Octets packet, bool second_try) {
    ++stats_.forwarded;
    out_.push(Transmit{std::move(packet), *router_.preferred_parent(), second_try});
}

void Forwarding::send_out_of_root(Instant now, Octets packet, Origin origin) {
    const ip::Address target = ip::Ipv6View::over(packet)->target();
    if (!in_mesh(target)) {
        if (origin == Origin::host) {  // it came from there: the host has no other way either
            error(now, packet, ip::IcmpError::unreachable(ip::UnreachableCode::no_route));
            return lose(std::move(packet), LossReason::no_route);
        }
        ++stats_.forwarded;
        rpl::clear_sender_rank(packet);
        out_.push(PacketToHost{std::move(packet)});
        return;
    }
    const auto route = router_.source_route(target);
    if (!route) {
        if (origin != Origin::here)
            error(now, packet, ip::IcmpError::unreachable(ip::UnreachableCode::no_route));
        return lose(std::move(packet), LossReason::no_route);
    }
    const ip::Address first_hop = ip::link_local(route->front().interface_id());
    // Its own packets carry the route themselves; those of others travel inside one of its own.
    // [RFC 9008 §8.1.2, §8.2.2, §8.3.1]
    const std::uint8_t type = config_.rpl.rpi_option_type;
    packet = origin == Origin::here
                 ? rpl::with_source_route(std::move(packet), *route, own_option(true), type)
                 : rpl::encapsulate(packet, {.source = *global_,
                                             .target = target,
                                             .option = own_option(true),
                                             .option_type = type,
                                             .route = &*route});
    if (packet.empty()) return lose(std::move(packet), LossReason::malformed);  // grew too long
    ++stats_.forwarded;
    out_.push(Transmit{std::move(packet), first_hop});
}

void Forwarding::hop_failed(Instant now, Transmit failed, LossReason reason) {
    const auto view = ip::Ipv6View::over(failed.packet);
    if (!view) return;
    const bool upward = !config_.root && !view->target().is_multicast() &&
                        !view->target().is_link_local() &&
                        !rpl::carries_source_route(failed.packet);
    // Up, any parent is as good: the packet has been given back whole, so the present one gets it.
    if (upward && !failed.second_try && router_.preferred_parent()) {
        --stats_.forwarded;
        return send_up(std::move(failed.packet), true);
    }
    --stats_.forwarded;
    if (!upward && !config_.root && rpl::carries_source_route(failed.packet))
        // Tells the root which link of its route is broken. [RFC 6550 §11.2.2.3]
        error(now, failed.packet,
              ip::IcmpError::unreachable(ip::UnreachableCode::source_routing_header));
    lose(std::move(failed.packet), reason);
}

void Forwarding::refused(Instant now, const Deliver& delivered, ip::IcmpError why) {
    error(now, delivered.packet, why);
}

bool Forwarding::spend_hop(Instant now, Octets& packet) {
    auto view = ip::Ipv6View::over(packet);
    if (view->hop_limit() > 1) {
        view->set_hop_limit(static_cast<std::uint8_t>(view->hop_limit() - 1));
        return true;
    }
    // [RFC 4443 §3.3]
    error(now, packet, ip::IcmpError::time_exceeded(ip::TimeExceededCode::hop_limit));
    lose(std::move(packet), LossReason::hop_limit);
    return false;
}

void Forwarding::error(Instant now, Bytes offending, ip::IcmpError error) {
    if (!global_) return;
    if (auto packet = errors_.make(now, *global_, error, offending))
        originate(now, *std::move(packet));
}

void Forwarding::lose(Octets packet, LossReason reason) {
    ++stats_.lost;
    out_.push(Lost{std::move(packet), reason});
}

bool Forwarding::is_ours(const ip::Address& address) const noexcept {
    return address == link_local_ || (global_ && address == *global_);
}

bool Forwarding::listens_to(const ip::Address& group) const noexcept {
    return group == ip::all_nodes() || group == ip::all_routers() || group == ip::all_rpl_nodes();
}

bool Forwarding::in_mesh(const ip::Address& address) const noexcept {
    return config_.prefix.contains(address) &&
           std::ranges::find(config_.host_addresses, address) == config_.host_addresses.end();
}

rpl::RplOption Forwarding::own_option(bool down) const noexcept {
    return {.down = down, .instance = config_.rpl.instance, .sender_rank = router_.rank()};
}

}  // namespace causeway::node
