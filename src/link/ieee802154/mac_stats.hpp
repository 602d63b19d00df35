#pragma once
#include "base/tap.hpp"

#include <cstdint>

namespace causeway::link::ieee802154 {

struct MacStats {
    // Every frame that the radio passed up ends in exactly one of these.
    std::uint64_t frames_received = 0;
    std::uint64_t delivered = 0;   // data, to the layer above
    std::uint64_t duplicates = 0;  // acknowledged again, not delivered
    std::uint64_t acks_matched = 0;
    std::uint64_t acks_unmatched = 0;  // for others, or too late
    std::uint64_t beacons_heard = 0;
    std::uint64_t beacon_requests_heard = 0;
    std::uint64_t commands_unhandled = 0;  // sound, for us, and not one we act on
    std::uint64_t not_for_us = 0;
    std::uint64_t from_ourselves = 0;   // our own address as the source
    std::uint64_t address_missing = 0;  // data with no source
    std::uint64_t secured = 0;          // security is not ours to open
    std::uint64_t too_large = 0;        // more payload than `Payload` holds
    std::uint64_t unsupported = 0;      // frame types we do not know
    std::uint64_t malformed = 0;

    // Every SendData ends in exactly one of these, or still waits.
    std::uint64_t sends_requested = 0;
    std::uint64_t sends_delivered = 0;
    std::uint64_t sends_no_ack = 0;
    std::uint64_t sends_channel_busy = 0;
    std::uint64_t sends_queue_full = 0;
    std::uint64_t sends_too_long = 0;
    std::uint64_t sends_waiting = 0;  // now

    // What the radio was asked for, and what came of it.
    std::uint64_t transmissions = 0;        // TransmitFrame, acknowledgements included
    std::uint64_t transmissions_ended = 0;  // really on the air
    std::uint64_t transmissions_busy = 0;   // channel not clear
    std::uint64_t radio_silences = 0;       // never answered
    std::uint64_t radio_under_way = 0;      // now: 0 or 1
    std::uint64_t radio_answers_unasked = 0;

    std::uint64_t retries = 0;           // fresh CSMA-CA for want of an acknowledgement
    std::uint64_t acks_sent = 0;         // handed to the radio
    std::uint64_t acks_abandoned = 0;    // radio busy for longer than the sender waits
    std::uint64_t beacons_sent = 0;      // queued
    std::uint64_t beacons_withheld = 0;  // one sent a moment ago, or no room

    void visit(auto&& named) const {
        named("frames_received", frames_received);
        named("delivered", delivered);
        named("duplicates", duplicates);
        named("acks_matched", acks_matched);
        named("acks_unmatched", acks_unmatched);
        named("beacons_heard", beacons_heard);
        named("beacon_requests_heard", beacon_requests_heard);
        named("commands_unhandled", commands_unhandled);
        named("not_for_us", not_for_us);
        named("from_ourselves", from_ourselves);
        named("address_missing", address_missing);
        named("secured", secured);
        named("too_large", too_large);
        named("unsupported", unsupported);
        named("malformed", malformed);
        named("sends_requested", sends_requested);
        named("sends_delivered", sends_delivered);
        named("sends_no_ack", sends_no_ack);
        named("sends_channel_busy", sends_channel_busy);
        named("sends_queue_full", sends_queue_full);
        named("sends_too_long", sends_too_long);
        named("sends_waiting", sends_waiting);
        named("transmissions", transmissions);
        named("transmissions_ended", transmissions_ended);
        named("transmissions_busy", transmissions_busy);
        named("radio_silences", radio_silences);
        named("radio_under_way", radio_under_way);
        named("radio_answers_unasked", radio_answers_unasked);
        named("retries", retries);
        named("acks_sent", acks_sent);
        named("acks_abandoned", acks_abandoned);
        named("beacons_sent", beacons_sent);
        named("beacons_withheld", beacons_withheld);
    }

    [[nodiscard]] bool balanced() const noexcept {
        const auto frames = delivered + duplicates + acks_matched + acks_unmatched + beacons_heard +
                            beacon_requests_heard + commands_unhandled + not_for_us +
                            from_ourselves + address_missing + secured + too_large + unsupported +
                            malformed;
        const auto sends = sends_delivered + sends_no_ack + sends_channel_busy + sends_queue_full +
                           sends_too_long + sends_waiting;
        const auto answers =
            transmissions_ended + transmissions_busy + radio_silences + radio_under_way;
        return frames_received == frames && sends_requested == sends && transmissions == answers;
    }
};

static_assert(Stats<MacStats>);

}  // namespace causeway::link::ieee802154
