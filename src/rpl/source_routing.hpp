#pragma once
// The source routing header of non-storing mode: its format, and what a hop does with it.
// [RFC 6554 §3, §4.2]
#include "base/inplace_vector.hpp"
#include "base/repr.hpp"
#include "ip/address.hpp"

#include <span>

namespace causeway::rpl {

/// Hops of one source route: as deep as IPv6's customary hop limit lets a packet go.
inline constexpr std::size_t source_route_hops_max = 64;

/// The addresses of a downward path, from the first hop to the last. Never empty.
using SourceRoute = InplaceVector<ip::Address, source_route_hops_max>;

/// Routing type 3. The addresses lack the octets they share with the packet's IPv6 destination:
/// those read as zero here.
struct SourceRoutingHeader {
    static constexpr std::uint8_t routing_type = 3;

    std::uint8_t next_header = 59;
    std::uint8_t segments_left = 0;
    std::uint8_t elided = 0;       // CmprI: octets missing from each address but the last, to 15
    std::uint8_t elided_last = 0;  // CmprE
    SourceRoute addresses;         // Address[1..n], the first hop not among them

    /// For a packet whose IPv6 destination will be `route`'s first hop: as short as the addresses
    /// let it be.
    [[nodiscard]] static SourceRoutingHeader along(const SourceRoute& route,
                                                   std::uint8_t next_header) noexcept;

    static Result<SourceRoutingHeader> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const SourceRoutingHeader&, const SourceRoutingHeader&) = default;
};
static_assert(Repr<SourceRoutingHeader>);

/// What became of a packet whose IPv6 destination is an address of ours.
struct SourceRouteStep {
    enum class Outcome : std::uint8_t {
        deliver,            // no segments left, or no routing header: the packet is for us
        forward,            // the packet now has `next_hop` as its destination
        discard,            // silently: broken header chain, or a multicast address in the route
        parameter_problem,  // code 0, pointing at `pointer`; the packet goes no further
    };
    Outcome outcome = Outcome::deliver;
    ip::Address next_hop;       // forward
    std::uint32_t pointer = 0;  // parameter_problem: octets from the start of the packet

    friend bool operator==(const SourceRouteStep&, const SourceRouteStep&) = default;
};

/// Takes a source-routed packet one hop on, in place and without allocating. `own` are all of this
/// node's addresses: a route that leaves it and comes back is a loop.
/// Left to the caller, as for every forwarded packet: the hop limit; and, where `next_hop` cannot
/// be reached over the link, "Destination Unreachable, code 7" to the source [RFC 6550 §11.2.2.3].
/// Routing headers of other types are "unrecognized". [RFC 8200 §4.4]
[[nodiscard]] SourceRouteStep process_source_route(MutableBytes packet,
                                                   std::span<const ip::Address> own) noexcept;

/// "RPL routers MUST drop datagrams entering or exiting a RPL routing domain that contain an SRH
/// in the IPv6 Extension headers." [RFC 6554 §5.1]
[[nodiscard]] bool carries_source_route(Bytes packet) noexcept;

}  // namespace causeway::rpl
