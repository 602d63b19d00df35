#pragma once
// The MAC of a network without superframes: unslotted CSMA-CA, immediate acknowledgements, retries,
// duplicate rejection and address filtering. [IEEE 802.15.4-2015 §6.2.5.1, §6.7.2, §6.7.4]
//
// A host gives it SendData from above, FrameReceived and TransmitEnded from the radio. It sends
// data from its extended address with a compressed PAN id, one frame at a time in the order asked.
// Leaves out: association, indirect transmission (a coordinator that keeps frames for sleepers),
// guaranteed time slots, scanning, security. Secured frames are dropped.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "link/ieee802154/ack.hpp"
#include "link/ieee802154/duplicates.hpp"
#include "link/ieee802154/frame_queue.hpp"
#include "link/ieee802154/mac_stats.hpp"
#include "link/ieee802154/service.hpp"
#include "link/ieee802154/settings.hpp"

#include <algorithm>
#include <optional>
#include <variant>

namespace causeway::link::ieee802154 {

inline constexpr Duration unit_backoff_period = 20 * symbol;  // aUnitBackoffPeriod

/// macAckWaitDuration: a unit back-off period, the turnaround, and an acknowledgement's preamble,
/// delimiter, length and octets. [IEEE 802.15.4-2006 §7.4.2]
inline constexpr Duration ack_wait = 54 * symbol;

class Mac {
public:
    using Payload = ieee802154::Payload;
    using SendData = ieee802154::SendData;
    using SendOutcome = ieee802154::SendOutcome;
    using DataSent = ieee802154::DataSent;
    using DataReceived = ieee802154::DataReceived;
    using BeaconHeard = ieee802154::BeaconHeard;
    using BeaconRequestHeard = ieee802154::BeaconRequestHeard;
    using Stats = MacStats;

    struct Config {
        Address address = {};        // extended
        Address short_address = {};  // or none
        PanId pan = broadcast_pan;
        MacSettings settings = {};
        /// Delivers the data of any frame in reach; acknowledges only what is for us.
        bool promiscuous = false;
        bool pan_coordinator = false;
        bool association_permit = false;  // said in our beacons
        bool answers_beacon_requests = true;
    };

    using Input = std::variant<SendData, FrameReceived, TransmitEnded>;
    using Output =
        std::variant<TransmitFrame, DataReceived, DataSent, BeaconHeard, BeaconRequestHeard>;

    /// A radio that has not answered a TransmitFrame by now never will: the MAC goes on without.
    /// What answer comes later is taken for that of the next TransmitFrame.
    static constexpr Duration radio_answer_max = std::chrono::seconds(1);
    /// Whoever floods us with beacon requests gets no more beacons than this.
    static constexpr Duration beacon_spacing_min = std::chrono::milliseconds(100);

    /// Tells `teller`: mac.no_ack, mac.channel_busy, mac.queue_full and mac.too_long with the
    /// handle as the value; mac.radio_silent; mac.frame_malformed with the frame.
    Mac(Config config, Random random, Teller teller, Instant now);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return std::min(step_due_, radio_due_); }

    /// The same as handle(), without making a variant of the input first.
    void send(Instant now, const SendData& data);
    void received(Instant now, const FrameReceived& received);
    void transmit_ended(Instant now, TransmitEnded ended);

    /// What fits into one data frame to `destination`.
    [[nodiscard]] std::size_t payload_octets_max(const Address& destination) const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] const Config& config() const noexcept { return config_; }

private:
    /// Where the front of the queue stands.
    enum class Step : std::uint8_t {
        idle,          // nothing to send
        backing_off,   // until step_due_
        held_back,     // backed off, and the radio is sending our acknowledgement
        transmitting,  // the radio has it
        awaiting_ack,  // until step_due_
    };
    enum class Radio : std::uint8_t { idle, has_data, has_ack };
    enum class Reach : std::uint8_t { nobody_here, everybody, us };

    struct AckToSend {
        InplaceBytes<enhanced_ack_octets_max> frame;
        Instant useful_until;
    };

    // mac.cpp: sending
    void start_next(Instant now);
    void begin_csma(Instant now);
    void back_off(Instant now);
    void transmit_front(Instant now);
    void transmission_failed(Instant now);
    void finish(Instant now, SendOutcome outcome);
    void refuse(Instant now, const SendData& data, std::size_t frame_octets, SendOutcome outcome);
    void hand_over(Instant now, Radio what, Bytes frame);
    void radio_freed(Instant now);
    [[nodiscard]] FrameHeader data_header(const Address& destination) const noexcept;

    // mac_receive.cpp: receiving
    [[nodiscard]] Reach reach_of(const FrameHeader& header) const noexcept;
    [[nodiscard]] bool is_ours(const Address& address) const noexcept;
    void ack_received(Instant now, const FrameHeader& header);
    void data_received(Instant now, const FrameView& frame, const FrameReceived& received,
                       Reach reach);
    void beacon_received(const FrameView& frame, const FrameReceived& received);
    void command_received(Instant now, const FrameView& frame, const FrameReceived& received,
                          Reach reach);
    void acknowledge(Instant now, const FrameHeader& header);
    void answer_beacon_request(Instant now);

    Config config_;
    Random random_;
    Teller teller_;
    FrameQueue queue_;
    Duplicates duplicates_;
    Outbox<Output> outbox_;
    std::optional<AckToSend> ack_to_send_;
    Instant step_due_ = never;
    Instant radio_due_ = never;
    Instant spaced_until_;  // the end of the interframe space after the last frame
    Instant beacon_allowed_;
    Step step_ = Step::idle;
    Radio radio_ = Radio::idle;
    std::uint8_t backoffs_ = 0;  // NB
    std::uint8_t exponent_ = 0;  // BE
    std::uint8_t retries_ = 0;
    std::uint8_t attempts_ = 0;
    std::uint8_t data_sequence_;    // macDsn
    std::uint8_t beacon_sequence_;  // macBsn
    bool beacon_queued_ = false;
    Stats stats_;
};

static_assert(Engine<Mac>);

}  // namespace causeway::link::ieee802154
