#pragma once
// The adaptation layer between IPv6 and 802.15.4: compresses and fragments what goes out,
// reassembles and expands what comes in. [RFC 4944; RFC 6282]
//
// Packets that fit one frame go to the MAC at once. Those that need fragments take turns: one
// datagram at a time, one fragment at a time, so that neither the MAC's queue nor the receivers'
// reassembly buffers fill, and a fragment that fails takes the rest of its datagram with it.
// Multicast packets go to the link's broadcast address, unless the caller names a neighbour.
// Leaves out: mesh-under (recognised and counted), HC1 (the same), fragment forwarding.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "lowpan/settings.hpp"

#include <algorithm>
#include <variant>

namespace causeway::lowpan {

/// A packet for a neighbour, or for all with the broadcast address or, if its target is multicast,
/// with none. At most packet_octets_max.
struct SendPacket {
    Octets packet;
    link::ieee802154::Address next_hop;
    std::uint32_t handle = 0;
    /// See CompressOptions.
    bool elide_udp_checksum = false;
};

/// A data frame's payload, from the MAC.
struct FrameArrived {
    link::ieee802154::Address source;
    link::ieee802154::Address destination;
    FramePayload payload;
};

/// What became of a SendFrame. One for each, in any order.
struct FrameSent {
    std::uint32_t frame_handle = 0;
    bool delivered = false;
    std::uint8_t attempts = 0;      // frames put on the air
    std::uint8_t frame_octets = 0;  // MAC header and payload, without FCS
    /// Why it was not delivered: the channel (or the MAC's queue) had no room for it.
    bool channel_busy = false;
};

/// We left the network: what is incomplete is discarded both ways. [RFC 4944 §5.3]
struct Disassociated {};

struct SendFrame {
    link::ieee802154::Address destination;
    FramePayload payload;
    std::uint32_t frame_handle = 0;
    std::uint8_t header_octets = 0;  // of the payload: dispatch, compressed and fragment headers
};

struct PacketArrived {
    Octets packet;
    link::ieee802154::Address source;  // of the frame
    link::ieee802154::Address destination;
};

enum class PacketFailure : std::uint8_t {
    none,
    malformed,  // no IPv6 packet, no next hop, or a wrong checksum that was to be elided
    too_big,    // for the MTU, or its headers for a frame
    queue_full,
    no_ack,
    channel_busy,
    disassociated,
};
[[nodiscard]] std::string_view name_of(PacketFailure failure) noexcept;

/// What became of a SendPacket. One for each. Octets are those on the air, all attempts counted.
struct PacketSent {
    std::uint32_t handle = 0;
    bool delivered = false;
    PacketFailure reason = PacketFailure::none;
    Octets packet{};                  // given back when it was not delivered
    std::uint32_t link_octets = 0;    // MAC headers and FCS
    std::uint32_t lowpan_octets = 0;  // SendFrame::header_octets
    std::uint32_t payload_octets = 0;
};

class Adaptation {
public:
    using Settings = lowpan::Settings;
    using Stats = AdaptationStats;
    using Input = std::variant<SendPacket, FrameArrived, FrameSent, Disassociated>;
    using Output = std::variant<SendFrame, PacketArrived, PacketSent>;

    /// `random` says where datagram tags start. Tells `teller` what Reassembly tells, and
    /// lowpan.frame_dropped with the payload of a frame that cannot be understood.
    Adaptation(link::ieee802154::Address own, const Settings& settings, Contexts contexts,
               Random random, Instant now, Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept {
        return std::min(reassembly_.next_deadline(), contexts_.next_deadline());
    }

    /// The same as handle(), without making a variant of the input first.
    void send(Instant now, SendPacket&& send);
    void frame_arrived(Instant now, const FrameArrived& frame);
    void frame_sent(Instant now, const FrameSent& sent);

    /// Contexts come and go with router advertisements.
    [[nodiscard]] Contexts& contexts() noexcept { return contexts_; }
    [[nodiscard]] const Contexts& contexts() const noexcept { return contexts_; }
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] Stats stats() const noexcept;
    /// Packets that wait or are under way.
    [[nodiscard]] std::size_t outgoing_packets() const noexcept { return outgoing_.size(); }
    /// What fits into one frame.
    [[nodiscard]] std::size_t payload_octets_max(
        const link::ieee802154::Address& destination) const noexcept {
        return settings_.payload_octets_max(own_, destination);
    }

private:
    struct Outgoing {
        Octets packet;
        link::ieee802154::Address next_hop;
        std::uint32_t handle = 0;
        std::uint32_t frame_handle = 0;  // of the frame with the MAC
        std::uint32_t link_octets = 0;
        std::uint32_t lowpan_octets = 0;
        std::uint32_t payload_octets = 0;
        std::uint16_t next_offset = 0;  // the next fragment's; packet.size() when none is left
        std::uint16_t tag = 0;
        std::uint8_t frame_header_octets = 0;
        std::uint8_t frame_payload_octets = 0;  // headers included
        bool fragmented = false;
        bool under_way = false;
        bool elide_udp_checksum = false;
    };

    void refuse(SendPacket&& send, PacketFailure reason);
    void send_fragment(Outgoing& outgoing);
    void start_fragments();
    void hand_over(Outgoing& outgoing, SendFrame&& frame);
    void finish(Outgoing& outgoing, PacketFailure reason);
    void packet_arrived(Instant now, const FrameArrived& frame);
    void disassociated(Instant now);
    void count(PacketFailure reason);

    link::ieee802154::Address own_;
    Settings settings_;
    Contexts contexts_;
    Reassembly reassembly_;
    Teller teller_;
    std::vector<Outgoing> outgoing_;  // in the order they came
    bool fragmenting_ = false;        // a fragmented packet has its turn
    std::uint16_t next_tag_;
    std::uint32_t next_frame_handle_ = 1;
    Outbox<Output> outbox_;
    Stats stats_;
};

static_assert(Engine<Adaptation>);

}  // namespace causeway::lowpan
