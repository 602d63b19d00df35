#pragma once
// What RPL puts into data packets, and what each hop does with it: the RPL option [RFC 6553],
// source routes [RFC 6554], loop detection [RFC 6550 §11.2] and tunnels [RFC 9008].
// Pure functions over whole IPv6 packets; those a forwarder calls work in place.
//
// Non-storing mode, by flow [RFC 9008 §8]; the form with the fewest octets of those allowed:
//
//   RAL -> root      source: with_rpl_option(up); between and at the root: check_option.
//   RAL -> Internet  the same, and the root: clear_sender_rank before the packet leaves. No tunnel.
//   root -> RAL      source: with_source_route(down); at every hop and at the end: check_option,
//                    then process_source_route. No tunnel.
//   Internet -> RAL  the root: encapsulate(route, down), to the RAL itself; at every hop: as above;
//                    the RAL: the same, then decapsulate, then what is inside.
//   RAL -> RAL       up as RAL -> Internet; the root, after check_option: as Internet -> RAL. The
//                    option of the way up stays inside to no avail.
//
// A direct neighbour of the root gets no routing header: a route of one hop needs none. A packet
// towards the Internet carries the option to its destination, so it must be of type 0x23, "skip if
// unknown"; where the DODAG uses 0x63 the root has to be sent a tunnel instead: encapsulate() to
// its address with the option outside. RPL-unaware leaves are reached through their router: the
// route ends there and so does the tunnel [RFC 9008 §8.2.4].
#include "rpl/source_routing.hpp"

#include <optional>

namespace causeway::rpl {

inline constexpr std::uint8_t rpi_type = 0x23;      // [RFC 9008 §4.2]
inline constexpr std::uint8_t rpi_type_old = 0x63;  // [RFC 6553 §3]

/// RPL Packet Information, the data of the RPL option. [RFC 6550 §11.2, RFC 6553 §3]
struct RplOption {
    bool down = false;              // O
    bool rank_error = false;        // R
    bool forwarding_error = false;  // F: storing mode's
    std::uint8_t instance = 0;
    /// DAGRank of the last router; zero from the source.
    std::uint16_t sender_rank = 0;

    static Result<RplOption> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 4; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const RplOption&, const RplOption&) = default;
};
static_assert(Repr<RplOption>);

/// Where the option's type octet stands, of either type; nullopt without one, or in a broken
/// header. Only the hop-by-hop header right behind the IPv6 header is looked at.
[[nodiscard]] std::optional<std::size_t> find_rpl_option(Bytes packet) noexcept;
/// The option itself.
[[nodiscard]] std::optional<RplOption> read_rpl_option(Bytes packet) noexcept;

/// What a node brings to loop detection: its place in its instance.
struct HopContext {
    std::uint8_t instance = 0;
    std::uint16_t rank = 0xffff;
    std::uint16_t min_hop_rank_increase = 256;
};

enum class OptionVerdict : std::uint8_t {
    absent,          // no RPL option: nothing was checked
    consistent,      // go on
    rank_error,      // the first one: marked in the packet, which goes on
    loop,            // the second: drop the packet and reset Trickle [RFC 6550 §11.2.2.2]
    other_instance,  // drop: not a DODAG of ours
    malformed,       // drop
};

/// A router's part, once for every packet it got from another router: checks that packet and rank
/// agree on the direction, and leaves this node's rank for the next.
[[nodiscard]] OptionVerdict check_option(MutableBytes packet, const HopContext& here) noexcept;

/// "The DODAG root MUST force it to zero when passing the packet out to the Internet."
/// [RFC 9008 §6]
void clear_sender_rank(MutableBytes packet) noexcept;

/// The packet with the option in its hop-by-hop header, which is made if it is not there. For a
/// packet that starts here: nobody may add headers to another's. [RFC 9008 §6]
[[nodiscard]] Octets with_rpl_option(Octets packet, const RplOption& option,
                                     std::uint8_t option_type = rpi_type);

/// The root's own packet, addressed to `route`'s last hop, sent along `route`.
[[nodiscard]] Octets with_source_route(Octets packet, const SourceRoute& route,
                                       const std::optional<RplOption>& option,
                                       std::uint8_t option_type = rpi_type);

/// The outer header of a tunnel.
struct Tunnel {
    ip::Address source;
    /// Where the tunnel ends; with a route, its last hop counts instead.
    ip::Address target;
    std::uint8_t hop_limit = 64;
    std::optional<RplOption> option;
    std::uint8_t option_type = rpi_type;
    const SourceRoute* route = nullptr;  // borrowed for the call
};

/// `inner` in a tunnel, its traffic class copied out. With a route, the inner packet's hop limit
/// goes down by the segments, and a route longer than the hop limit is cut short, so that the
/// limit runs out where it would have without a tunnel [RFC 6554 §4.1]. Empty when `inner` is no
/// IPv6 packet, or too long to be carried in another.
[[nodiscard]] Octets encapsulate(Bytes inner, const Tunnel& tunnel);

/// The packet inside a tunnel that ends here, borrowed. Fault: unsupported when it holds none.
[[nodiscard]] Result<Bytes> decapsulate(Bytes packet) noexcept;

}  // namespace causeway::rpl
