// The receiving side of the MAC: filtering, acknowledging, delivering.
// [IEEE 802.15.4-2015 §6.7.2, §6.7.4]
#include "link/ieee802154/beacon.hpp"
#include "link/ieee802154/command.hpp"
#include "link/ieee802154/mac.hpp"

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint64_t short_addresses_end = 0xfffe;  // from here on they name no single device

// An acknowledgement may start as late as a unit back-off period after it should have: its last
// octet still falls into the sender's macAckWaitDuration.
constexpr Duration ack_slack = ack_wait - turnaround - air_time(ImmediateAck::octets);
static_assert(ack_slack == unit_backoff_period);

}  // namespace

bool Mac::is_ours(const Address& address) const noexcept {
    if (address.is_extended()) return address == config_.address;
    return address.is_short() && address == config_.short_address &&
           address.value() < short_addresses_end;
}

// The third level of filtering. [IEEE 802.15.4-2015 §6.7.2]
Mac::Reach Mac::reach_of(const FrameHeader& header) const noexcept {
    // A PAN id left out on both sides is understood to be ours. [IEEE 802.15.4-2015 Table 7-2]
    const auto reaches = [&](std::optional<PanId> pan) {
        return !pan || *pan == config_.pan || *pan == broadcast_pan;
    };
    if (!header.destination.is_none()) {
        if (!reaches(header.destination_pan)) return Reach::nobody_here;
        if (header.destination.is_broadcast()) return Reach::everybody;
        return is_ours(header.destination) ? Reach::us : Reach::nobody_here;
    }
    if (header.type == FrameType::beacon) {
        const bool wanted = config_.pan == broadcast_pan || reaches(header.source_pan);
        return wanted ? Reach::everybody : Reach::nobody_here;
    }
    // "the frame shall be accepted only if the device is the PAN coordinator and the source PAN
    // identifier matches macPANId". [IEEE 802.15.4-2006 §7.5.6.2]
    const bool ours = config_.pan_coordinator && header.pan_of_source() == config_.pan;
    return ours ? Reach::us : Reach::nobody_here;
}

void Mac::received(Instant now, const FrameReceived& received) {
    ++stats_.frames_received;
    const auto parsed = FrameView::parse(received.frame.bytes());
    if (!parsed) {
        const bool unknown = parsed.error().fault == Fault::unsupported ||
                             parsed.error().fault == Fault::bad_version;
        ++(unknown ? stats_.unsupported : stats_.malformed);
        if (!unknown) teller_.tell(now, "mac.frame_malformed", 0, received.frame.bytes());
        return;
    }
    const FrameHeader& header = parsed->header;
    if (header.type == FrameType::ack) return ack_received(now, header);

    if (is_ours(header.source)) {
        ++stats_.from_ourselves;
        return;
    }
    const Reach reach = reach_of(header);
    const bool overheard = config_.promiscuous && header.type == FrameType::data;
    if (reach == Reach::nobody_here && !overheard) {
        ++stats_.not_for_us;
        return;
    }
    // Deviates: the standard acknowledges before it looks at security. We cannot open the frame,
    // and to acknowledge it would tell the sender that it arrived. [IEEE 802.15.4-2015 §6.7.2]
    if (header.security_enabled) {
        ++stats_.secured;
        return;
    }
    switch (header.type) {
        case FrameType::data:
            return data_received(now, *parsed, received, reach);
        case FrameType::beacon:
            return beacon_received(*parsed, received);
        case FrameType::command:
            return command_received(now, *parsed, received, reach);
        case FrameType::ack:
            return;  // taken above
    }
}

void Mac::ack_received(Instant now, const FrameHeader& header) {
    if (step_ != Step::awaiting_ack ||
        !acknowledges(header, queue_.front().sequence, config_.address, config_.short_address)) {
        ++stats_.acks_unmatched;
        return;
    }
    ++stats_.acks_matched;
    finish(now, SendOutcome::delivered);
}

void Mac::data_received(Instant now, const FrameView& frame, const FrameReceived& received,
                        Reach reach) {
    const FrameHeader& header = frame.header;
    // "both source and destination addresses be included". [RFC 4944 §3]
    if (header.source.is_none()) {
        ++stats_.address_missing;
        return;
    }
    if (frame.payload.size() > Payload::capacity) {
        ++stats_.too_large;
        return;
    }
    if (reach == Reach::us && header.ack_request) {
        acknowledge(now, header);
        if (header.sequence && duplicates_.seen_before(now, header.source, *header.sequence)) {
            ++stats_.duplicates;
            return;
        }
    }
    ++stats_.delivered;
    outbox_.push(DataReceived{header.source, header.destination, Payload(frame.payload),
                              received.rssi_dbm, received.lqi});
}

void Mac::beacon_received(const FrameView& frame, const FrameReceived& received) {
    BeaconHeard heard{.source = frame.header.source,
                      .pan = frame.header.pan_of_source().value_or(config_.pan),
                      .rssi_dbm = received.rssi_dbm,
                      .lqi = received.lqi};
    // An enhanced beacon says nothing of this in a place that we know.
    if (frame.header.version != FrameVersion::v2015) {
        const auto beacon = parse_as<Beacon>(frame.payload);
        if (!beacon) {
            ++stats_.malformed;
            return;
        }
        heard.pan_coordinator = beacon->superframe.pan_coordinator;
        heard.association_permit = beacon->superframe.association_permit;
    }
    ++stats_.beacons_heard;
    outbox_.push(heard);
}

void Mac::command_received(Instant now, const FrameView& frame, const FrameReceived& received,
                           Reach reach) {
    const auto command = parse_as<Command>(frame.payload);
    if (!command) {
        ++stats_.malformed;
        return;
    }
    if (reach == Reach::us && frame.header.ack_request) acknowledge(now, frame.header);
    if (!std::holds_alternative<BeaconRequest>(command->body)) {
        ++stats_.commands_unhandled;
        return;
    }
    ++stats_.beacon_requests_heard;
    outbox_.push(BeaconRequestHeard{received.rssi_dbm, received.lqi});
    if (config_.answers_beacon_requests) answer_beacon_request(now);
}

void Mac::acknowledge(Instant now, const FrameHeader& header) {
    AckToSend ack;
    // A frame of 2015 is owed an enhanced acknowledgement. [IEEE 802.15.4-2015 §6.7.4.2]
    if (header.version == FrameVersion::v2015) {
        const FrameView enhanced = enhanced_ack(header, config_.pan);
        ack.frame.resize(enhanced.wire_size());
        ByteWriter out(ack.frame.mutable_bytes());
        enhanced.emit(out);
    } else {
        ack.frame.resize(ImmediateAck::octets);
        ByteWriter out(ack.frame.mutable_bytes());
        ImmediateAck{*header.sequence}.emit(out);
    }
    if (radio_ == Radio::idle) {
        ++stats_.acks_sent;
        hand_over(now, Radio::has_ack, ack.frame.bytes());
        return;
    }
    // The frame arrived in the moment in which we handed the radio one of ours. Of two that wait,
    // only the later can still be in time.
    ack.useful_until = after(now, ack_slack);
    if (ack_to_send_) ++stats_.acks_abandoned;
    ack_to_send_ = ack;
}

// A coordinator without superframes answers with one beacon, sent by CSMA-CA.
// [IEEE 802.15.4-2015 §6.3.1.2]
void Mac::answer_beacon_request(Instant now) {
    if (beacon_queued_ || queue_.full() || now < beacon_allowed_) {
        ++stats_.beacons_withheld;
        return;
    }
    Beacon beacon;
    beacon.superframe.pan_coordinator = config_.pan_coordinator;
    beacon.superframe.association_permit = config_.association_permit;
    FrameHeader header;
    header.type = FrameType::beacon;
    header.sequence = beacon_sequence_++;
    header.source_pan = config_.pan;
    header.source = config_.address;

    QueuedFrame& queued = queue_.push();
    queued.destination = Address::broadcast();
    queued.handle = 0;
    queued.sequence = *header.sequence;
    queued.ack_requested = false;
    queued.is_data = false;
    queued.frame.resize(header.wire_size() + beacon.wire_size());
    ByteWriter out(queued.frame.mutable_bytes());
    FrameView{header, {}, {}, {}}.emit(out);
    beacon.emit(out);

    beacon_queued_ = true;
    beacon_allowed_ = after(now, beacon_spacing_min);
    ++stats_.beacons_sent;
    if (step_ == Step::idle) start_next(now);
}

}  // namespace causeway::link::ieee802154
