#include "link/ieee802154/mac.hpp"

namespace causeway::link::ieee802154 {
namespace {

// [IEEE 802.15.4-2006 §6.4.1]
constexpr std::size_t frame_octets_max = Frame::capacity;
constexpr std::size_t safe_payload_octets_max = 102;  // aMaxMacSafePayloadSize

// Interframe spaces: what a receiver needs to digest a frame. [IEEE 802.15.4-2015 §6.2.4]
constexpr Duration short_space = 12 * symbol;
constexpr Duration long_space = 40 * symbol;
constexpr std::size_t short_space_octets_max = 18;  // aMaxSifsFrameSize, FCS included

constexpr Duration space_after(std::size_t frame_octets) noexcept {
    return frame_octets + fcs_octets <= short_space_octets_max ? short_space : long_space;
}

MacSettings within_limits(MacSettings settings) noexcept {
    settings.max_be = std::min<std::uint8_t>(settings.max_be, 8);
    settings.min_be = std::min(settings.min_be, settings.max_be);
    settings.max_frame_retries = std::min<std::uint8_t>(settings.max_frame_retries, 7);
    settings.max_csma_backoffs = std::min<std::uint8_t>(settings.max_csma_backoffs, 5);
    return settings;
}

}  // namespace

Mac::Mac(Config config, Random random, Teller teller, Instant now)
    : config_(config),
      random_(random),
      teller_(teller),
      queue_(config.settings.queue_frames_max),
      duplicates_(config.settings.neighbours_max),
      spaced_until_(now),
      beacon_allowed_(now) {
    config_.settings = within_limits(config.settings);
    // macDsn and macBsn start at random: a node that restarts must not look like a repetition of
    // itself. [IEEE 802.15.4-2015 Table 8-81]
    data_sequence_ = static_cast<std::uint8_t>(random_.next() >> 56);
    beacon_sequence_ = static_cast<std::uint8_t>(random_.next() >> 56);
}

void Mac::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](const SendData& data) { send(now, data); },
                   [&](const FrameReceived& frame) { received(now, frame); },
                   [&](TransmitEnded ended) { transmit_ended(now, ended); },
               },
               in);
}

void Mac::handle_timeout(Instant now) {
    if (radio_due_ <= now) {
        ++stats_.radio_silences;
        teller_.tell(now, "mac.radio_silent");
        const Radio had = std::exchange(radio_, Radio::idle);
        radio_due_ = never;
        stats_.radio_under_way = 0;
        if (had == Radio::has_data) transmission_failed(now);
        radio_freed(now);
    }
    // A step may lead to another that is due at once, after a back-off of no periods.
    while (step_due_ <= now) {
        step_due_ = never;
        if (step_ == Step::backing_off) {
            transmit_front(now);
        } else if (step_ == Step::awaiting_ack) {
            if (retries_ >= config_.settings.max_frame_retries) {
                finish(now, SendOutcome::no_ack);
            } else {
                ++retries_;
                ++stats_.retries;
                begin_csma(now);
            }
        }
    }
}

FrameHeader Mac::data_header(const Address& destination) const noexcept {
    FrameHeader header;
    header.destination = destination;
    header.source = config_.address;
    // One PAN id serves both addresses; with no destination, the source needs it.
    (destination.is_none() ? header.source_pan : header.destination_pan) = config_.pan;
    return header;
}

std::size_t Mac::payload_octets_max(const Address& destination) const noexcept {
    return std::min(frame_octets_max - data_header(destination).wire_size(), Payload::capacity);
}

void Mac::send(Instant now, const SendData& data) {
    ++stats_.sends_requested;
    FrameView frame{data_header(data.destination), {}, {}, data.payload.bytes()};
    FrameHeader& header = frame.header;
    const std::size_t octets = frame.wire_size();
    if (octets > frame_octets_max) return refuse(now, data, octets, SendOutcome::too_long);
    if (queue_.full()) return refuse(now, data, octets, SendOutcome::queue_full);

    // What fits into a frame of 2003 is sent as one. [IEEE 802.15.4-2006 §7.2.3]
    if (data.payload.size() > safe_payload_octets_max) header.version = FrameVersion::v2006;
    header.ack_request = data.acknowledged && !data.destination.is_broadcast();
    header.sequence = data_sequence_++;

    QueuedFrame& queued = queue_.push();
    queued.destination = data.destination;
    queued.handle = data.handle;
    queued.sequence = *header.sequence;
    queued.ack_requested = header.ack_request;
    queued.is_data = true;
    queued.frame.resize(octets);
    ByteWriter out(queued.frame.mutable_bytes());
    frame.emit(out);
    ++stats_.sends_waiting;
    if (step_ == Step::idle) start_next(now);
}

void Mac::refuse(Instant now, const SendData& data, std::size_t frame_octets, SendOutcome outcome) {
    const bool full = outcome == SendOutcome::queue_full;
    ++(full ? stats_.sends_queue_full : stats_.sends_too_long);
    teller_.tell(now, full ? "mac.queue_full" : "mac.too_long", data.handle);
    outbox_.push(DataSent{data.handle, outcome, 0, static_cast<std::uint8_t>(frame_octets),
                          data.destination});
}

void Mac::start_next(Instant now) {
    retries_ = 0;
    attempts_ = 0;
    if (queue_.empty()) {
        step_ = Step::idle;
        step_due_ = never;
        return;
    }
    begin_csma(std::max(now, spaced_until_));
}

// ---- unslotted CSMA-CA [IEEE 802.15.4-2015 §6.2.5.1] --------------------------------------------

void Mac::begin_csma(Instant now) {
    backoffs_ = 0;
    // Deviates: BE starts at macMinBe for the first attempt only, and one higher for each retry; in
    // the standard for all [IEEE 802.15.4 §6.2.5.1]. In a mesh many frames that are not
    // acknowledged met another from a sender out of hearing, and both would be back at once. 1000
    // nodes deliver 77 to 87 % without it and never settle, 99.9 % with it; waiting longer from the
    // start (macMinBe of 6) comes near, for 10 ms more at every hop.
    exponent_ = static_cast<std::uint8_t>(
        std::min<unsigned>(config_.settings.min_be + retries_, config_.settings.max_be));
    back_off(now);
}

void Mac::back_off(Instant now) {
    const auto periods = static_cast<std::int64_t>(random_.below(std::uint64_t{1} << exponent_));
    step_ = Step::backing_off;
    step_due_ = after(now, periods * unit_backoff_period);
}

void Mac::transmit_front(Instant now) {
    if (radio_ != Radio::idle) {
        step_ = Step::held_back;
        return;
    }
    step_ = Step::transmitting;
    hand_over(now, Radio::has_data, queue_.front().frame.bytes());
}

void Mac::transmission_failed(Instant now) {
    ++backoffs_;
    exponent_ =
        std::min<std::uint8_t>(static_cast<std::uint8_t>(exponent_ + 1), config_.settings.max_be);
    if (backoffs_ > config_.settings.max_csma_backoffs)
        finish(now, SendOutcome::channel_busy);
    else
        back_off(now);
}

void Mac::finish(Instant now, SendOutcome outcome) {
    const QueuedFrame& front = queue_.front();
    if (front.is_data) {
        --stats_.sends_waiting;
        switch (outcome) {
            case SendOutcome::delivered:
                ++stats_.sends_delivered;
                break;
            case SendOutcome::no_ack:
                ++stats_.sends_no_ack;
                teller_.tell(now, "mac.no_ack", front.handle);
                break;
            case SendOutcome::channel_busy:
                ++stats_.sends_channel_busy;
                teller_.tell(now, "mac.channel_busy", front.handle);
                break;
            case SendOutcome::queue_full:
            case SendOutcome::too_long:
                CAUSEWAY_ASSERT(false);  // refused before they got here
        }
        outbox_.push(DataSent{front.handle, outcome, attempts_,
                              static_cast<std::uint8_t>(front.frame.size()), front.destination});
    } else {
        beacon_queued_ = false;
    }
    if (outcome == SendOutcome::delivered)
        spaced_until_ = after(now, space_after(front.frame.size()));
    queue_.pop();
    start_next(now);
}

// ---- the radio, which does one thing at a time --------------------------------------------------

void Mac::hand_over(Instant now, Radio what, Bytes frame) {
    CAUSEWAY_ASSERT(radio_ == Radio::idle);
    radio_ = what;
    radio_due_ = after(now, radio_answer_max);
    ++stats_.transmissions;
    stats_.radio_under_way = 1;
    outbox_.push(TransmitFrame{Frame(frame), what == Radio::has_data});
}

void Mac::transmit_ended(Instant now, TransmitEnded ended) {
    if (radio_ == Radio::idle) {
        ++stats_.radio_answers_unasked;
        return;
    }
    const Radio had = std::exchange(radio_, Radio::idle);
    radio_due_ = never;
    stats_.radio_under_way = 0;
    ++(ended.channel_was_clear ? stats_.transmissions_ended : stats_.transmissions_busy);

    if (had == Radio::has_data) {
        if (!ended.channel_was_clear) {
            transmission_failed(now);
        } else {
            ++attempts_;
            if (queue_.front().ack_requested) {
                step_ = Step::awaiting_ack;
                step_due_ = after(now, ack_wait);
            } else {
                finish(now, SendOutcome::delivered);
            }
        }
    }
    radio_freed(now);
}

void Mac::radio_freed(Instant now) {
    if (ack_to_send_) {
        if (now <= ack_to_send_->useful_until) {
            ++stats_.acks_sent;
            hand_over(now, Radio::has_ack, ack_to_send_->frame.bytes());
        } else {
            ++stats_.acks_abandoned;
        }
        ack_to_send_.reset();
    }
    if (step_ == Step::held_back) transmit_front(now);
}

}  // namespace causeway::link::ieee802154
