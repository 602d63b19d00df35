#include "lowpan/adaptation.hpp"

#include "lowpan/dispatch.hpp"

#include <algorithm>

namespace causeway::lowpan {
namespace {

/// A fragment header with eight octets behind it, or the first header uncompressed behind one.
constexpr std::size_t fragment_room_min = FragmentHeader::first_octets + first_header_octets_max;

bool is_multicast(Bytes packet) {
    constexpr std::size_t target_at = 24;
    return packet.size() > target_at && packet[target_at] == std::byte{0xff};
}

}  // namespace

std::string_view name_of(PacketFailure failure) noexcept {
    switch (failure) {
        case PacketFailure::none:
            return "none";
        case PacketFailure::malformed:
            return "malformed";
        case PacketFailure::too_big:
            return "too big";
        case PacketFailure::queue_full:
            return "queue full";
        case PacketFailure::no_ack:
            return "no acknowledgement";
        case PacketFailure::channel_busy:
            return "channel busy";
        case PacketFailure::disassociated:
            return "disassociated";
    }
    return "unknown failure";
}

Adaptation::Adaptation(link::ieee802154::Address own, const Settings& settings, Contexts contexts,
                       Random random, Instant, Teller teller)
    : own_(own),
      settings_(settings),
      contexts_(std::move(contexts)),
      reassembly_({.datagrams_max = settings.reassemblies_max,
                   .octets_max = settings.reassembly_octets_max,
                   .timeout = settings.reassembly_timeout,
                   .accept_elided_udp_checksum = settings.accept_elided_udp_checksum},
                  teller),
      teller_(teller),
      next_tag_(static_cast<std::uint16_t>(random.next())) {}

void Adaptation::handle(Instant now, Input in) {
    std::visit(Overloaded{[&](SendPacket& packet) { send(now, std::move(packet)); },
                          [&](const FrameArrived& frame) { frame_arrived(now, frame); },
                          [&](const FrameSent& sent) { frame_sent(now, sent); },
                          [&](const Disassociated&) { disassociated(now); }},
               in);
}

void Adaptation::handle_timeout(Instant now) {
    reassembly_.handle_timeout(now);
    contexts_.handle_timeout(now);
}

AdaptationStats Adaptation::stats() const noexcept {
    Stats stats = stats_;
    stats.reassembly = reassembly_.stats();
    stats.out_waiting = outgoing_.size();
    return stats;
}

// ---- out ----

void Adaptation::send(Instant, SendPacket&& send) {
    ++stats_.out_requests;
    if (send.packet.size() > packet_octets_max)
        return refuse(std::move(send), PacketFailure::too_big);
    if (outgoing_.size() >= settings_.outgoing_packets_max)
        return refuse(std::move(send), PacketFailure::queue_full);
    if (send.next_hop.is_none()) {
        if (!is_multicast(send.packet)) return refuse(std::move(send), PacketFailure::malformed);
        send.next_hop = link::ieee802154::Address::broadcast();
    }
    const std::size_t room = payload_octets_max(send.next_hop);
    if (room < fragment_room_min) return refuse(std::move(send), PacketFailure::too_big);

    SendFrame frame;
    frame.destination = send.next_hop;
    frame.payload.resize(room);
    const auto headers = compress_headers(send.packet, {own_, send.next_hop}, contexts_,
                                          frame.payload.mutable_bytes(),
                                          {.elide_udp_checksum = send.elide_udp_checksum});
    if (!headers) return refuse(std::move(send), PacketFailure::malformed);
    const bool plain = frame.payload[0] == std::byte{dispatch::ipv6};
    ++(plain ? stats_.out_uncompressed : stats_.out_compressed);
    const Bytes rest = Bytes(send.packet).subspan(headers->packet_octets);
    const bool fits = headers->header_octets + rest.size() <= room;

    Outgoing& outgoing = outgoing_.emplace_back();
    outgoing.packet = std::move(send.packet);
    outgoing.next_hop = send.next_hop;
    outgoing.handle = send.handle;
    outgoing.fragmented = !fits;
    outgoing.elide_udp_checksum = send.elide_udp_checksum;
    if (fits) {
        frame.payload.resize(headers->header_octets);
        frame.payload.append(rest);
        frame.header_octets = static_cast<std::uint8_t>(headers->header_octets);
        outgoing.next_offset = static_cast<std::uint16_t>(outgoing.packet.size());
        hand_over(outgoing, std::move(frame));
        return;
    }
    ++stats_.out_frag_reqds;
    start_fragments();
}

void Adaptation::refuse(SendPacket&& send, PacketFailure reason) {
    count(reason);
    outbox_.push(
        PacketSent{.handle = send.handle, .reason = reason, .packet = std::move(send.packet)});
}

void Adaptation::count(PacketFailure reason) {
    switch (reason) {
        case PacketFailure::none:
            ++stats_.out_delivered;
            break;
        case PacketFailure::malformed:
            ++stats_.out_malformed;
            break;
        case PacketFailure::too_big:
            ++stats_.out_too_big;
            break;
        case PacketFailure::queue_full:
            ++stats_.out_queue_full;
            break;
        case PacketFailure::no_ack:
            ++stats_.out_no_ack;
            break;
        case PacketFailure::channel_busy:
            ++stats_.out_channel_busy;
            break;
        case PacketFailure::disassociated:
            ++stats_.out_abandoned;
            break;
    }
}

void Adaptation::hand_over(Outgoing& outgoing, SendFrame&& frame) {
    frame.frame_handle = next_frame_handle_++;
    outgoing.frame_handle = frame.frame_handle;
    outgoing.frame_header_octets = frame.header_octets;
    outgoing.frame_payload_octets = static_cast<std::uint8_t>(frame.payload.size());
    outgoing.under_way = true;
    ++stats_.out_transmits;
    outbox_.push(std::move(frame));
}

/// Gives the next packet that needs fragments its turn, if nobody has it.
void Adaptation::start_fragments() {
    while (!fragmenting_) {
        const auto waiting = std::ranges::find_if(
            outgoing_, [](const Outgoing& o) { return o.fragmented && !o.under_way; });
        if (waiting == outgoing_.end()) return;
        // "The sender SHALL increment datagram_tag for successive, fragmented datagrams", and it
        // wraps. [RFC 4944 §5.3]
        waiting->tag = next_tag_++;
        send_fragment(*waiting);
    }
}

void Adaptation::send_fragment(Outgoing& outgoing) {
    SendFrame frame;
    frame.destination = outgoing.next_hop;
    frame.payload.resize(payload_octets_max(outgoing.next_hop));
    Fragment fragment;
    if (outgoing.next_offset == 0) {
        const auto first = first_fragment(outgoing.packet, {own_, outgoing.next_hop}, contexts_,
                                          outgoing.tag, frame.payload.mutable_bytes(),
                                          {.elide_udp_checksum = outgoing.elide_udp_checksum});
        if (!first) return finish(outgoing, PacketFailure::too_big);
        fragment = *first;
    } else {
        fragment = next_fragment(outgoing.packet, outgoing.next_offset, outgoing.tag,
                                 frame.payload.mutable_bytes());
    }
    frame.payload.resize(fragment.written);
    frame.header_octets = static_cast<std::uint8_t>(fragment.header_octets);
    outgoing.next_offset = static_cast<std::uint16_t>(fragment.next_offset);
    fragmenting_ = true;
    ++stats_.out_frag_creates;
    hand_over(outgoing, std::move(frame));
}

void Adaptation::frame_sent(Instant, const FrameSent& sent) {
    const auto found = std::ranges::find_if(outgoing_, [&](const Outgoing& o) {
        return o.under_way && o.frame_handle == sent.frame_handle;
    });
    if (found == outgoing_.end()) {
        ++stats_.frames_unasked;
        return;
    }
    const std::uint32_t attempts = sent.attempts;
    const std::uint32_t payload = found->frame_payload_octets;
    const std::uint32_t link = std::max<std::uint32_t>(sent.frame_octets, payload) - payload +
                               static_cast<std::uint32_t>(link::ieee802154::fcs_octets);
    found->link_octets += attempts * link;
    found->lowpan_octets += attempts * found->frame_header_octets;
    found->payload_octets += attempts * (payload - found->frame_header_octets);

    const bool fragmented = found->fragmented;
    if (sent.delivered && found->next_offset < found->packet.size()) {
        send_fragment(*found);
        return;
    }
    if (sent.delivered)
        finish(*found, PacketFailure::none);
    else
        finish(*found, sent.channel_busy ? PacketFailure::channel_busy : PacketFailure::no_ack);
    if (fragmented) start_fragments();
}

void Adaptation::finish(Outgoing& outgoing, PacketFailure reason) {
    count(reason);
    if (outgoing.fragmented) {
        ++(reason == PacketFailure::none ? stats_.out_frag_oks : stats_.out_frag_fails);
        if (outgoing.under_way) fragmenting_ = false;
    }
    PacketSent sent{.handle = outgoing.handle,
                    .delivered = reason == PacketFailure::none,
                    .reason = reason,
                    .link_octets = outgoing.link_octets,
                    .lowpan_octets = outgoing.lowpan_octets,
                    .payload_octets = outgoing.payload_octets};
    if (!sent.delivered) sent.packet = std::move(outgoing.packet);
    outgoing_.erase(outgoing_.begin() + (&outgoing - outgoing_.data()));
    outbox_.push(std::move(sent));
}

void Adaptation::disassociated(Instant now) {
    reassembly_.abandon_all(now);
    // Whole packets that the MAC has already are its own to finish.
    for (std::size_t i = 0; i < outgoing_.size();) {
        if (outgoing_[i].fragmented)
            finish(outgoing_[i], PacketFailure::disassociated);
        else
            ++i;
    }
}

// ---- in ----

void Adaptation::frame_arrived(Instant now, const FrameArrived& frame) {
    ++stats_.in_receives;
    if (frame.payload.empty()) {
        ++stats_.in_empty;
        return;
    }
    switch (header_type(std::to_integer<std::uint8_t>(frame.payload[0]))) {
        case HeaderType::ipv6:
        case HeaderType::iphc:
        case HeaderType::page:
            return packet_arrived(now, frame);
        case HeaderType::frag1:
        case HeaderType::fragn: {
            ++stats_.in_fragments;
            auto packet = reassembly_.add(now, {frame.source, frame.destination},
                                          frame.payload.bytes(), contexts_);
            if (packet)
                outbox_.push(PacketArrived{std::move(*packet), frame.source, frame.destination});
            return;
        }
        // "any LoWPAN node that encounters a dispatch value of 00xxxxxx shall discard the packet".
        // [RFC 4944 §5.1]
        case HeaderType::nalp:
            ++stats_.in_not_lowpan;
            break;
        case HeaderType::mesh:
            ++stats_.in_mesh_receives;
            break;
        case HeaderType::hc1:
            ++stats_.in_hc1;
            break;
        case HeaderType::escape:
        case HeaderType::bc0:
        case HeaderType::reserved:
            ++stats_.in_unknown_dispatch;
            break;
    }
    teller_.tell(now, "lowpan.frame_dropped", 0, frame.payload.bytes());
}

void Adaptation::packet_arrived(Instant now, const FrameArrived& frame) {
    ++stats_.in_packets;
    std::array<std::byte, datagram_octets_max> expanded;
    const auto done = decompress_into(frame.payload.bytes(), {frame.source, frame.destination},
                                      contexts_, std::nullopt, expanded);
    if (!done || (done->checksum_elided && !settings_.accept_elided_udp_checksum)) {
        ++stats_.in_packet_failures;
        teller_.tell(now, "lowpan.frame_dropped", 0, frame.payload.bytes());
        return;
    }
    ++stats_.in_packet_delivers;
    outbox_.push(PacketArrived{to_octets(Bytes(expanded).first(done->written)), frame.source,
                               frame.destination});
}

}  // namespace causeway::lowpan
