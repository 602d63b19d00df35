#include "rpl/source_routing.hpp"

#include "ip/extension.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

constexpr std::size_t fixed_octets = 8;

std::uint8_t shared_octets(const ip::Address& a, const ip::Address& b) noexcept {
    const auto [at, ignored] = std::ranges::mismatch(a.octets, b.octets);
    return static_cast<std::uint8_t>(at - a.octets.begin());
}

/// Where the addresses of a routing header stand. [RFC 6554 §3]
struct Layout {
    std::size_t count = 0;  // n
    std::size_t elided = 0;
    std::size_t elided_last = 0;

    [[nodiscard]] std::size_t kept(std::size_t index) const noexcept {  // index from 0
        return 16 - (index + 1 == count ? elided_last : elided);
    }
    [[nodiscard]] std::size_t offset(std::size_t index) const noexcept {
        return fixed_octets + index * (16 - elided);
    }
};

/// `body_octets` are those after the eight fixed ones; nullopt when no n fits them.
std::optional<Layout> layout_of(std::size_t body_octets, std::uint8_t compression,
                                std::uint8_t padding) noexcept {
    Layout layout;
    layout.elided = compression >> 4;
    layout.elided_last = compression & 0x0f;
    const std::size_t pad = padding >> 4;
    if (pad > body_octets) return std::nullopt;
    const std::size_t addresses = body_octets - pad;
    if (addresses == 0) return layout;
    const std::size_t last = 16 - layout.elided_last;
    const std::size_t each = 16 - layout.elided;
    if (addresses < last || (addresses - last) % each != 0) return std::nullopt;
    layout.count = (addresses - last) / each + 1;
    return layout;
}

std::uint8_t octet(MutableBytes packet, std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(packet[at]);
}

/// One hop on, for a header that starts at `start` and whose length was checked.
SourceRouteStep advance(MutableBytes packet, std::size_t start, std::size_t size,
                        std::span<const ip::Address> own) noexcept {
    using Outcome = SourceRouteStep::Outcome;
    const auto problem_at = [&](std::size_t at) {
        return SourceRouteStep{.outcome = Outcome::parameter_problem,
                               .next_hop = {},
                               .pointer = static_cast<std::uint32_t>(start + at)};
    };
    const std::optional<Layout> layout =
        layout_of(size - fixed_octets, octet(packet, start + 4), octet(packet, start + 5));
    if (!layout) return problem_at(1);
    const std::size_t left = octet(packet, start + 3);
    if (left > layout->count) return problem_at(3);

    ip::Address target;
    std::memcpy(target.octets.data(), packet.data() + 24, 16);
    const auto address_at = [&](std::size_t index) {
        ip::Address address = target;  // what is elided is what it shares with the destination
        const std::size_t kept = layout->kept(index);
        std::memcpy(address.octets.data() + 16 - kept,
                    packet.data() + start + layout->offset(index), kept);
        return address;
    };
    const std::size_t next = layout->count - left;  // i, from 0
    const ip::Address next_hop = address_at(next);
    if (next_hop.is_multicast() || target.is_multicast())
        return {.outcome = Outcome::discard, .next_hop = {}, .pointer = 0};

    // The hops in the order the packet visits them: those behind it stand in the slots before
    // `next`, then this node, then those to come. Ours, another's, ours again: a loop. The
    // destination counts too, so that the first return is caught. [RFC 6554 §4.2]
    bool ours_before = false;
    bool others_since = false;
    for (std::size_t step = 0; step <= layout->count; ++step) {
        const bool here = step == next;
        const std::size_t index = step < next ? step : step - 1;
        if (here || std::ranges::find(own, address_at(index)) != own.end()) {
            if (ours_before && others_since) return problem_at(layout->offset(here ? next : index));
            ours_before = true;
        } else {
            others_since = ours_before;
        }
    }

    // "swap the IPv6 Destination Address and Address[i]" [RFC 6554 §4.2]
    const std::size_t kept = layout->kept(next);
    std::memcpy(packet.data() + start + layout->offset(next), target.octets.data() + 16 - kept,
                kept);
    std::memcpy(packet.data() + 24, next_hop.octets.data(), 16);
    packet[start + 3] = static_cast<std::byte>(left - 1);
    return {.outcome = Outcome::forward, .next_hop = next_hop, .pointer = 0};
}

}  // namespace

SourceRoutingHeader SourceRoutingHeader::along(const SourceRoute& route,
                                               std::uint8_t next_header) noexcept {
    SourceRoutingHeader header;
    header.next_header = next_header;
    header.elided = 15;
    for (std::size_t i = 1; i < route.size(); ++i) {
        const std::uint8_t shared = shared_octets(route.front(), route[i]);
        if (i + 1 < route.size()) header.elided = std::min(header.elided, shared);
        // Behind the last swap a slot of the last one's size holds the hop before it.
        header.elided_last = std::min(header.elided, shared);
        header.addresses.push_back(route[i]);
    }
    if (header.addresses.size() < 2) header.elided = header.elided_last;
    for (std::size_t i = 0; i < header.addresses.size(); ++i) {
        const bool last = i + 1 == header.addresses.size();
        std::fill_n(header.addresses[i].octets.begin(), last ? header.elided_last : header.elided,
                    std::byte{0});
    }
    header.segments_left = static_cast<std::uint8_t>(header.addresses.size());
    return header;
}

Result<SourceRoutingHeader> SourceRoutingHeader::parse(ByteReader& in) {
    SourceRoutingHeader header;
    header.next_header = in.u8();
    const std::size_t body_octets = in.u8() * 8u;
    if (in.u8() != routing_type) in.fail(Fault::unsupported);
    header.segments_left = in.u8();
    const std::uint8_t compression = in.u8();
    const std::uint8_t padding = in.u8();
    (void)in.be16();  // reserved, and the low half of the padding's octet with it
    if (!in.ok()) return std::unexpected(in.error());
    const std::optional<Layout> layout = layout_of(body_octets, compression, padding);
    if (!layout || header.segments_left > layout->count) in.fail(Fault::bad_length);
    if (layout && layout->count > source_route_hops_max) in.fail(Fault::unsupported);
    if (!in.ok()) return std::unexpected(in.error());
    header.elided = static_cast<std::uint8_t>(layout->elided);
    header.elided_last = static_cast<std::uint8_t>(layout->elided_last);
    for (std::size_t i = 0; i < layout->count; ++i) {
        ip::Address address;
        in.read_into(MutableBytes(address.octets).last(layout->kept(i)));
        header.addresses.push_back(address);
    }
    (void)in.take(padding >> 4);
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

std::size_t SourceRoutingHeader::wire_size() const noexcept {
    if (addresses.empty()) return fixed_octets;
    const std::size_t octets =
        (addresses.size() - 1) * (16u - elided) + (16u - elided_last) + fixed_octets;
    return (octets + 7) / 8 * 8;
}

void SourceRoutingHeader::emit(ByteWriter& out) const {
    const std::size_t size = wire_size();
    std::size_t used = fixed_octets;
    for (std::size_t i = 0; i < addresses.size(); ++i)
        used += 16u - (i + 1 == addresses.size() ? elided_last : elided);
    const std::size_t pad = size - used;
    out.u8(next_header);
    out.u8(static_cast<std::uint8_t>(size / 8 - 1));
    out.u8(routing_type);
    out.u8(segments_left);
    out.u8(static_cast<std::uint8_t>(elided << 4 | elided_last));
    out.u8(static_cast<std::uint8_t>(pad << 4));
    out.be16(0);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const std::size_t gone = i + 1 == addresses.size() ? elided_last : elided;
        out.put(addresses[i].bytes().subspan(gone));
    }
    out.zeros(pad);
}

SourceRouteStep process_source_route(MutableBytes packet,
                                     std::span<const ip::Address> own) noexcept {
    using Outcome = SourceRouteStep::Outcome;
    const Result<ip::Ipv6View> checked = ip::Ipv6View::over(packet);
    if (!checked) return {.outcome = Outcome::discard, .next_hop = {}, .pointer = 0};
    ip::ExtensionWalk walk(packet);
    while (const std::optional<ip::Extension> header = walk.next()) {
        if (!(header->type == ip::NextHeader::routing)) continue;
        if (octet(packet, header->offset + 3) == 0) continue;  // consumed: not looked at
        if (octet(packet, header->offset + 2) != SourceRoutingHeader::routing_type)
            return {.outcome = Outcome::parameter_problem,
                    .next_hop = {},
                    .pointer = static_cast<std::uint32_t>(header->offset + 2)};
        return advance(packet, header->offset, header->size, own);
    }
    return {
        .outcome = walk.ok() ? Outcome::deliver : Outcome::discard, .next_hop = {}, .pointer = 0};
}

bool carries_source_route(Bytes packet) noexcept {
    if (packet.size() < ip::Ipv6Header::octets) return false;
    ip::ExtensionWalk walk(packet);
    while (const std::optional<ip::Extension> header = walk.next())
        if (header->type == ip::NextHeader::routing &&
            std::to_integer<std::uint8_t>(packet[header->offset + 2]) ==
                SourceRoutingHeader::routing_type)
            return true;
    return false;
}

}  // namespace causeway::rpl
