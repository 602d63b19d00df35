// Forged packets through every function of the data plane: none leaves its packet, none breaks the
// packet's own lengths, and a source route ends.
#include "ip/ipv6.hpp"
#include "rpl/data_plane.hpp"

#include <cstdlib>

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    Octets packet = to_octets(octets);
    // Most inputs should get past the first check.
    if (packet.size() >= ip::Ipv6Header::octets) {
        packet[0] = std::byte{0x60};
        const std::size_t length = packet.size() - ip::Ipv6Header::octets;
        packet[4] = static_cast<std::byte>(length >> 8);
        packet[5] = static_cast<std::byte>(length);
    }
    const auto consistent = [](Bytes made) {
        if (made.size() < ip::Ipv6Header::octets) return;
        const std::size_t length =
            std::to_integer<std::size_t>(made[4]) << 8 | std::to_integer<std::size_t>(made[5]);
        if (length != made.size() - ip::Ipv6Header::octets) std::abort();
    };

    const std::uint8_t rank_high = size > 7 ? data[7] : std::uint8_t{0};
    const rpl::HopContext here{
        .instance = 0,
        .rank = static_cast<std::uint16_t>(rank_high << 8),
        .min_hop_rank_increase = static_cast<std::uint16_t>(rank_high % 3 * 128)};
    Octets checked = packet;
    (void)rpl::check_option(checked, here);
    rpl::clear_sender_rank(checked);
    if (checked.size() != packet.size()) std::abort();

    const Octets labelled = rpl::with_rpl_option(packet, {.down = true, .instance = 3});
    consistent(labelled);
    if (const auto option = rpl::read_rpl_option(labelled);
        labelled.size() != packet.size() && (!option || option->instance != 3))
        std::abort();

    Octets routed = packet;
    for (int hop = 0;; ++hop) {
        if (hop > 256) std::abort();  // Segments Left is one octet
        if (routed.size() < ip::Ipv6Header::octets) break;
        ip::Address here_now;
        std::memcpy(here_now.octets.data(), routed.data() + 24, 16);
        const rpl::SourceRouteStep step =
            rpl::process_source_route(routed, std::span(&here_now, 1));
        if (step.outcome == rpl::SourceRouteStep::Outcome::parameter_problem &&
            step.pointer >= routed.size())
            std::abort();
        if (step.outcome != rpl::SourceRouteStep::Outcome::forward) break;
    }
    consistent(routed);
    (void)rpl::carries_source_route(packet);
    (void)rpl::decapsulate(packet);

    rpl::SourceRoute route;
    for (std::size_t at = 0; at + 16 <= packet.size() && !route.full(); at += 16) {
        ip::Address hop;
        std::memcpy(hop.octets.data(), packet.data() + at, 16);
        route.push_back(hop);
    }
    if (!route.empty()) consistent(rpl::with_source_route(packet, route, rpl::RplOption{}));
    const Octets tunnel = rpl::encapsulate(packet, {.source = {},
                                                    .target = {},
                                                    .option = rpl::RplOption{},
                                                    .route = route.empty() ? nullptr : &route});
    consistent(tunnel);
    if (!tunnel.empty()) {
        const Result<Bytes> inner = rpl::decapsulate(tunnel);
        if (!inner || inner->size() != packet.size()) std::abort();
    }
    return 0;
}
