#pragma once
// What an operator may turn about the adaptation layer, and what it counts.
#include "link/ieee802154/radio.hpp"
#include "lowpan/reassembly.hpp"

#include <algorithm>

namespace causeway::lowpan {

/// What a frame can carry at most, whatever the addresses: as much as the MAC takes.
inline constexpr std::size_t frame_payload_capacity = 116;
using FramePayload = InplaceBytes<frame_payload_capacity>;

/// "The MTU size for IPv6 packets over IEEE 802.15.4 is 1280 octets" [RFC 4944 §4]: what the layers
/// above go by. A packet of that size in a tunnel of the root's is longer, and a
/// fragment header can describe it, so the limit here is what that can say.
inline constexpr std::size_t packet_octets_max = datagram_octets_max;

struct Settings {
    std::size_t reassemblies_max = 4;
    std::size_t reassembly_octets_max = ReassemblySettings{}.octets_max;
    Duration reassembly_timeout = ReassemblySettings{}.timeout;  // at most 60 s
    /// Packets that wait for their frames to be sent, those under way included. Each has at most
    /// one frame with the MAC, whose queue is therefore to hold as many. With half of these the
    /// three routers next to the root of 1000 nodes drop up to 4 % of the readings.
    std::size_t outgoing_packets_max = 16;
    std::size_t frame_octets_max = 125;  // MAC header and payload
    /// What the MAC adds besides frame control, sequence number and addresses: security,
    /// information elements.
    std::size_t frame_extra_octets = 0;
    /// Deviates: "If the decompressor cannot unambiguously determine the presence of an integrity
    /// check ... MUST drop the packet" [RFC 6282 §4.3.2]. No frame says whether a check was there;
    /// deployed stacks take such packets, and so do we until an operator says no.
    bool accept_elided_udp_checksum = true;

    /// What one data frame from `own` to `destination` carries: frame control 2, sequence number 1,
    /// one PAN identifier 2, and the addresses come off. [IEEE 802.15.4 §7.2]
    [[nodiscard]] std::size_t payload_octets_max(
        const link::ieee802154::Address& own,
        const link::ieee802154::Address& destination) const noexcept {
        const auto octets = [](const link::ieee802154::Address& address) {
            return address.is_extended() ? std::size_t{8}
                                         : std::size_t{address.is_short() ? 2u : 0u};
        };
        const std::size_t header = 5 + octets(own) + octets(destination) + frame_extra_octets;
        if (header >= frame_octets_max) return 0;
        return std::min(frame_octets_max - header, frame_payload_capacity);
    }

    friend bool operator==(const Settings&, const Settings&) = default;
};

/// The counters of RFC 7388 under their names without "lowpan", and the reasons behind them.
struct AdaptationStats {
    // Every frame in ends in exactly one of these.
    std::uint64_t in_receives = 0;
    std::uint64_t in_not_lowpan = 0;     // NALP
    std::uint64_t in_empty = 0;          // no octet at all
    std::uint64_t in_mesh_receives = 0;  // mesh-under is not spoken here
    std::uint64_t in_hc1 = 0;
    std::uint64_t in_unknown_dispatch = 0;
    std::uint64_t in_packets = 0;    // unfragmented
    std::uint64_t in_fragments = 0;  // see `reassembly`

    // Every unfragmented packet ends in exactly one of these.
    std::uint64_t in_packet_failures = 0;  // malformed, or its headers cannot be expanded
    std::uint64_t in_packet_delivers = 0;

    ReassemblyStats reassembly;

    // Every packet to send ends in exactly one of these, or still waits.
    std::uint64_t out_requests = 0;
    std::uint64_t out_delivered = 0;
    std::uint64_t out_malformed = 0;  // see PacketFailure
    std::uint64_t out_too_big = 0;
    std::uint64_t out_queue_full = 0;
    std::uint64_t out_no_ack = 0;
    std::uint64_t out_channel_busy = 0;
    std::uint64_t out_abandoned = 0;  // we left the network
    std::uint64_t out_waiting = 0;    // now

    std::uint64_t out_compressed = 0;    // packets
    std::uint64_t out_uncompressed = 0;  // packets whose header IPHC cannot express
    std::uint64_t out_frag_reqds = 0;    // packets that needed fragments
    std::uint64_t out_frag_oks = 0;      // of these: the last one left
    std::uint64_t out_frag_fails = 0;
    std::uint64_t out_frag_creates = 0;  // fragments
    std::uint64_t out_transmits = 0;     // frames handed to the MAC
    std::uint64_t frames_unasked = 0;    // outcomes of frames that nobody waits for

    [[nodiscard]] std::uint64_t in_hdr_errors() const noexcept {
        return in_not_lowpan + in_empty + in_mesh_receives + in_hc1 + in_unknown_dispatch +
               reassembly.fragments_malformed;
    }
    /// Packets and first fragments, those that came uncompressed included.
    [[nodiscard]] std::uint64_t in_comp_reqds() const noexcept {
        return in_packets + reassembly.first_fragments;
    }
    [[nodiscard]] std::uint64_t in_comp_fails() const noexcept {
        return in_packet_failures + reassembly.fragments_not_expanded;
    }
    [[nodiscard]] std::uint64_t in_delivers() const noexcept {
        return in_packet_delivers + reassembly.datagrams_reassembled;
    }

    void visit(auto&& named) const {
        named("in_receives", in_receives);
        named("in_hdr_errors", in_hdr_errors());
        named("in_not_lowpan", in_not_lowpan);
        named("in_empty", in_empty);
        named("in_mesh_receives", in_mesh_receives);
        named("in_hc1", in_hc1);
        named("in_unknown_dispatch", in_unknown_dispatch);
        named("in_packets", in_packets);
        named("in_packet_failures", in_packet_failures);
        named("in_packet_delivers", in_packet_delivers);
        named("in_reasm_reqds", in_fragments);
        named("in_reasm_fails", reassembly.failures());
        named("in_reasm_oks", reassembly.datagrams_reassembled);
        named("in_comp_reqds", in_comp_reqds());
        named("in_comp_fails", in_comp_fails());
        named("in_comp_oks", in_comp_reqds() - in_comp_fails());
        named("in_discards", reassembly.fragments_refused);
        named("in_delivers", in_delivers());
        reassembly.visit(named);
        named("out_requests", out_requests);
        named("out_delivered", out_delivered);
        named("out_malformed", out_malformed);
        named("out_too_big", out_too_big);
        named("out_queue_full", out_queue_full);
        named("out_no_ack", out_no_ack);
        named("out_channel_busy", out_channel_busy);
        named("out_abandoned", out_abandoned);
        named("out_waiting", out_waiting);
        named("out_comp_reqds", out_compressed + out_uncompressed);
        named("out_comp_fails", out_uncompressed);
        named("out_comp_oks", out_compressed);
        named("out_frag_reqds", out_frag_reqds);
        named("out_frag_oks", out_frag_oks);
        named("out_frag_fails", out_frag_fails);
        named("out_frag_creates", out_frag_creates);
        named("out_discards", out_queue_full);
        named("out_transmits", out_transmits);
        named("frames_unasked", frames_unasked);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return in_receives == in_not_lowpan + in_empty + in_mesh_receives + in_hc1 +
                                  in_unknown_dispatch + in_packets + in_fragments &&
               in_packets == in_packet_failures + in_packet_delivers &&
               in_fragments == reassembly.fragments_received && reassembly.balanced() &&
               out_requests == out_delivered + out_malformed + out_too_big + out_queue_full +
                                   out_no_ack + out_channel_busy + out_abandoned + out_waiting;
    }
    friend bool operator==(const AdaptationStats&, const AdaptationStats&) = default;
};
static_assert(Stats<AdaptationStats>);

}  // namespace causeway::lowpan
