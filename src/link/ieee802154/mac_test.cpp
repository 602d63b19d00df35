// Sending, held to the standard's unslotted CSMA-CA and acknowledgement rules. The test is the
// radio: it answers each TransmitFrame when it likes, and moves time by hand.
#include "link/ieee802154/mac.hpp"

#include "base/hex.hpp"
#include "link/ieee802154/beacon.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::mac_test {
namespace {

using namespace std::chrono_literals;

constexpr Address us = Address::extended(0xc0ffee0000000001);
constexpr Address them = Address::extended(0xc0ffee0000000002);
constexpr PanId pan{0xabcd};
constexpr Instant start{1s};

Payload payload_of(std::size_t octets) {
    return Payload(Octets(octets, std::byte{0x5a}));
}

struct Dialogue {
    explicit Dialogue(Mac::Config config = {.address = us, .pan = pan}, std::uint64_t seed = 1)
        : mac(config, Random(seed), {}, start) {}

    template <class T>
    T expect() {
        auto out = mac.poll_output();
        if (!out || !std::holds_alternative<T>(*out)) {
            ADD_FAILURE() << "another output expected";
            return {};
        }
        return std::get<T>(*std::move(out));
    }
    void expect_nothing() { EXPECT_FALSE(mac.poll_output().has_value()); }

    void send(SendData data) { mac.handle(now, std::move(data)); }
    /// To the next deadline.
    void wake() {
        ASSERT_NE(mac.next_deadline(), never);
        now = std::max(now, mac.next_deadline());
        mac.handle_timeout(now);
    }
    /// The back-off ends, if it had not at once, and the radio is given the frame.
    TransmitFrame transmission() {
        if (mac.stats().radio_under_way == 0) wake();
        return expect<TransmitFrame>();
    }
    void radio_says(bool channel_was_clear, Duration later = 1ms) {
        now += later;
        mac.handle(now, TransmitEnded{channel_was_clear});
    }
    void hear(const Octets& frame, Duration later = 500us) {
        now += later;
        mac.handle(now, FrameReceived{Frame(frame), -70, 200});
    }
    void hear_ack(const TransmitFrame& sent, Duration later = 500us) {
        hear({std::byte{2}, std::byte{0}, sent.frame[2]}, later);
    }

    Mac mac;
    Instant now = start;
};

TEST(Mac, AnAcknowledgedFrameIsDelivered) {
    Dialogue d;
    d.send({.destination = them, .payload = Payload("41 42"_hex), .handle = 7});
    d.expect_nothing();
    const TransmitFrame sent = d.transmission();
    EXPECT_TRUE(sent.assess_channel);
    Octets wire = "61 cc 00 cd ab 02 00 00 00 00 ee ff c0 01 00 00 00 00 ee ff c0 41 42"_hex;
    wire[2] = sent.frame[2];  // the sequence number starts at random
    EXPECT_EQ(to_hex(sent.frame.bytes()), to_hex(wire));
    d.radio_says(true);
    d.expect_nothing();
    EXPECT_EQ(d.mac.next_deadline(), d.now + 54 * symbol);  // macAckWaitDuration
    d.hear_ack(sent);
    const DataSent done = d.expect<DataSent>();
    EXPECT_EQ(done.handle, 7u);
    EXPECT_EQ(done.outcome, SendOutcome::delivered);
    EXPECT_EQ(done.attempts, 1);
    EXPECT_EQ(done.frame_octets, 23);
    EXPECT_EQ(done.destination, them);
    EXPECT_EQ(d.mac.next_deadline(), never);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, TheFirstBackOffIsBelowTwoToTheMinBeUnitPeriods) {  // [IEEE 802.15.4-2015 §6.2.5.1]
    std::array<int, 8> seen{};
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        Dialogue d({.address = us, .pan = pan}, seed);
        d.send({.destination = them});
        const Duration wait = d.mac.next_deadline() - start;
        ASSERT_EQ(wait % (20 * symbol), Duration{});
        ASSERT_LT(wait, 8 * 20 * symbol);
        ++seen[static_cast<std::size_t>(wait / (20 * symbol))];
    }
    for (const int times : seen) EXPECT_GT(times, 20);
}

TEST(Mac, ALostAcknowledgementIsRetriedThenGivenUp) {
    Dialogue d;
    d.send({.destination = them, .payload = payload_of(10), .handle = 3});
    std::optional<std::byte> sequence;
    for (int i = 0; i < 8; ++i) {  // once, and macMaxFrameRetries times again
        const TransmitFrame sent = d.transmission();
        EXPECT_EQ(sent.frame[2], sequence.value_or(sent.frame[2]));
        sequence = sent.frame[2];
        d.radio_says(true);
        d.expect_nothing();
        d.wake();  // the wait for the acknowledgement ends
    }
    const DataSent done = d.expect<DataSent>();
    EXPECT_EQ(done.outcome, SendOutcome::no_ack);
    EXPECT_EQ(done.attempts, 8);
    EXPECT_EQ(d.mac.stats().retries, 7u);
    EXPECT_EQ(d.mac.next_deadline(), never);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, ARetryThatIsAcknowledgedIsDelivered) {
    Dialogue d;
    d.send({.destination = them});
    (void)d.transmission();
    d.radio_says(true);
    d.wake();
    const TransmitFrame again = d.transmission();
    d.radio_says(true);
    d.hear_ack(again);
    const DataSent done = d.expect<DataSent>();
    EXPECT_EQ(done.outcome, SendOutcome::delivered);
    EXPECT_EQ(done.attempts, 2);
}

TEST(Mac, AChannelThatStaysBusyIsGivenUpWithNothingSent) {
    Dialogue d;
    d.send({.destination = them});
    for (int i = 0; i < 6; ++i) {  // macMaxCsmaBackoffs of 5: NB goes from 0 to 5
        d.expect_nothing();
        (void)d.transmission();
        d.radio_says(false, cca_time);
    }
    const DataSent done = d.expect<DataSent>();
    EXPECT_EQ(done.outcome, SendOutcome::channel_busy);
    EXPECT_EQ(done.attempts, 0);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, ABusyChannelDoublesTheBackOffUpToMaxBe) {
    Duration longest[6] = {};
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        Dialogue d({.address = us, .pan = pan, .settings = {.max_be = 5}}, seed);
        d.send({.destination = them});
        for (Duration& l : longest) {
            l = std::max(l, d.mac.next_deadline() - d.now);
            (void)d.transmission();
            d.radio_says(false);
        }
    }
    const int exponents[6] = {3, 4, 5, 5, 5, 5};
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(longest[i], ((1 << exponents[i]) - 1) * unit_backoff_period) << i;
}

TEST(Mac, EachRetryBacksOffTwiceAsLong) {
    Duration longest[8] = {};
    for (std::uint64_t seed = 0; seed < 20000; ++seed) {
        Dialogue d({.address = us, .pan = pan}, seed);
        d.send({.destination = them});
        for (Duration& l : longest) {
            if (d.mac.stats().radio_under_way == 0) l = std::max(l, d.mac.next_deadline() - d.now);
            (void)d.transmission();
            d.radio_says(true);
            d.wake();  // no acknowledgement came
        }
    }
    const int exponents[8] = {3, 4, 5, 6, 7, 8, 8, 8};
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(longest[i], ((1 << exponents[i]) - 1) * unit_backoff_period) << i;
}

TEST(Mac, ABroadcastAsksForNoAcknowledgement) {
    Dialogue d;
    d.send({.destination = Address::broadcast(), .payload = Payload("41"_hex)});
    const TransmitFrame sent = d.transmission();
    EXPECT_EQ(sent.frame[0], std::byte{0x41});
    EXPECT_EQ(sent.frame.size(), 16u);
    d.radio_says(true);
    const DataSent done = d.expect<DataSent>();
    EXPECT_EQ(done.outcome, SendOutcome::delivered);
    EXPECT_EQ(done.attempts, 1);
}

TEST(Mac, AnUnacknowledgedUnicastIsDoneWhenItHasLeft) {
    Dialogue d;
    d.send({.destination = them, .acknowledged = false});
    EXPECT_EQ(d.transmission().frame[0], std::byte{0x41});
    d.radio_says(true);
    EXPECT_EQ(d.expect<DataSent>().outcome, SendOutcome::delivered);
}

TEST(Mac, FramesLeaveInTheOrderAskedFor) {
    Dialogue d;
    for (std::uint32_t i = 0; i < 5; ++i)
        d.send({.destination = Address::broadcast(), .handle = i});
    std::optional<unsigned> last;
    for (std::uint32_t i = 0; i < 5; ++i) {
        const auto sequence = std::to_integer<unsigned>(d.transmission().frame[2]);
        EXPECT_EQ(sequence, last ? (*last + 1) % 256 : sequence);
        last = sequence;
        d.radio_says(true);
        EXPECT_EQ(d.expect<DataSent>().handle, i);
    }
    d.expect_nothing();
}

TEST(Mac, AFullQueueRefuses) {
    Dialogue d({.address = us, .pan = pan, .settings = {.queue_frames_max = 3}});
    for (std::uint32_t i = 0; i < 4; ++i) d.send({.destination = them, .handle = i});
    const DataSent refused = d.expect<DataSent>();
    EXPECT_EQ(refused.handle, 3u);
    EXPECT_EQ(refused.outcome, SendOutcome::queue_full);
    EXPECT_EQ(refused.attempts, 0);
    d.expect_nothing();
    EXPECT_EQ(d.mac.stats().sends_queue_full, 1u);
    EXPECT_EQ(d.mac.stats().sends_waiting, 3u);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, AQueueOfNoneRefusesEverything) {
    Dialogue d({.address = us, .pan = pan, .settings = {.queue_frames_max = 0}});
    d.send({.destination = them});
    EXPECT_EQ(d.expect<DataSent>().outcome, SendOutcome::queue_full);
}

TEST(Mac, WhatDoesNotFitIsRefusedAndWhatJustFitsIsSent) {
    Dialogue d;
    const std::size_t to_one = d.mac.payload_octets_max(them);
    EXPECT_EQ(to_one, 125u - 21u);
    EXPECT_EQ(d.mac.payload_octets_max(Address::broadcast()), 125u - 15u);
    EXPECT_EQ(d.mac.payload_octets_max(Address::short_address(5)), 125u - 15u);
    d.send({.destination = them, .payload = payload_of(to_one + 1), .handle = 1});
    const DataSent refused = d.expect<DataSent>();
    EXPECT_EQ(refused.outcome, SendOutcome::too_long);
    EXPECT_EQ(refused.frame_octets, 126);
    d.send({.destination = them, .payload = payload_of(to_one), .handle = 2});
    EXPECT_EQ(d.transmission().frame.size(), 125u);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, OnlyWhat2003CouldNotCarryIsMarked2006) {  // [IEEE 802.15.4-2006 §7.2.3]
    for (const std::size_t octets : {102u, 103u}) {
        Dialogue d;
        d.send({.destination = them, .payload = payload_of(octets)});
        const auto frame = d.transmission();
        const auto parsed = FrameView::parse(frame.frame.bytes());
        ASSERT_TRUE(parsed.has_value());
        EXPECT_EQ(parsed->header.version,
                  octets == 102 ? FrameVersion::v2003 : FrameVersion::v2006);
    }
}

TEST(Mac, TheNextFrameKeepsTheInterframeSpace) {  // [IEEE 802.15.4-2015 §6.2.4]
    for (const auto& [octets, space] : {std::pair{1u, 12 * symbol}, std::pair{60u, 40 * symbol}}) {
        Duration shortest = 1h;
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            Dialogue d({.address = us, .pan = pan}, seed);
            for (int i = 0; i < 2; ++i)
                d.send({.destination = Address::broadcast(), .payload = payload_of(octets)});
            (void)d.transmission();
            d.radio_says(true);
            shortest = std::min(shortest, d.mac.next_deadline() - d.now);
        }
        EXPECT_EQ(shortest, space);
    }
}

TEST(Mac, OnlyAMatchingAcknowledgementWhileWaitingCounts) {
    Dialogue d;
    d.hear("02 00 01"_hex);  // nothing was sent
    d.send({.destination = them});
    const TransmitFrame sent = d.transmission();
    d.hear_ack(sent, 1us);  // the radio has not said that it has left
    d.radio_says(true);
    const auto other = std::byte(std::to_integer<unsigned>(sent.frame[2]) + 1);
    d.hear({std::byte{2}, std::byte{0}, other}, 1us);
    d.expect_nothing();
    EXPECT_EQ(d.mac.stats().acks_unmatched, 3u);
    d.hear({std::byte{0x12}, std::byte{0}, sent.frame[2]}, 1us);  // frame pending is all right
    EXPECT_EQ(d.expect<DataSent>().outcome, SendOutcome::delivered);
    d.hear_ack(sent);  // once more: too late
    d.expect_nothing();
    EXPECT_EQ(d.mac.stats().acks_matched, 1u);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, AnAcknowledgementForTheTryBeforeCountsOnlyWhileWaiting) {
    Dialogue d;
    d.send({.destination = them});
    const TransmitFrame sent = d.transmission();
    d.radio_says(true);
    d.wake();  // missed; backing off again
    d.hear_ack(sent, 0us);
    d.expect_nothing();
    (void)d.transmission();
}

TEST(Mac, EarlyLateAndDoubleTimeoutsDoNoHarm) {
    Dialogue d;
    d.mac.handle_timeout(d.now);
    d.expect_nothing();
    d.send({.destination = them});
    if (d.mac.next_deadline() > d.now) {
        d.mac.handle_timeout(d.mac.next_deadline() - 1ns);
        d.expect_nothing();
    }
    d.now = d.mac.next_deadline() + 300ms;  // late
    d.mac.handle_timeout(d.now);
    d.mac.handle_timeout(d.now);
    const TransmitFrame sent = d.expect<TransmitFrame>();
    d.expect_nothing();
    d.radio_says(true);
    d.mac.handle_timeout(d.now);
    d.expect_nothing();
    d.hear_ack(sent);
    EXPECT_EQ(d.expect<DataSent>().attempts, 1);
    d.mac.handle_timeout(d.now + 1h);
    d.expect_nothing();
}

TEST(Mac, AWaitThatEndsAlwaysMakesProgress) {  // even into a back-off of no periods
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Dialogue d({.address = us, .pan = pan}, seed);
        d.send({.destination = them});
        (void)d.transmission();
        d.radio_says(true);
        const Instant due = d.mac.next_deadline();
        d.wake();
        EXPECT_TRUE(d.mac.poll_output().has_value() || d.mac.next_deadline() > due);
    }
}

TEST(Mac, ARadioThatNeverAnswersIsGivenUpAndCounted) {
    Dialogue d;
    d.send({.destination = them});
    int transmissions = 0;
    std::optional<DataSent> done;
    while (!done) {
        d.wake();
        while (auto out = d.mac.poll_output()) {
            if (std::holds_alternative<TransmitFrame>(*out)) ++transmissions;
            if (const auto* sent = std::get_if<DataSent>(&*out)) done = *sent;
        }
        ASSERT_LT(d.now, start + 10s);
    }
    EXPECT_EQ(transmissions, 6);
    EXPECT_GE(d.now, start + 6 * Mac::radio_answer_max);
    EXPECT_EQ(done->outcome, SendOutcome::channel_busy);
    EXPECT_EQ(done->attempts, 0);
    EXPECT_EQ(d.mac.stats().radio_silences, 6u);
    EXPECT_EQ(d.mac.next_deadline(), never);
    EXPECT_TRUE(d.mac.stats().balanced());
}

TEST(Mac, AnAnswerNobodyAskedForIsCountedAndIgnored) {
    Dialogue d;
    d.mac.handle(d.now, TransmitEnded{});
    d.expect_nothing();
    EXPECT_EQ(d.mac.stats().radio_answers_unasked, 1u);
    EXPECT_EQ(d.mac.next_deadline(), never);
}

TEST(Mac, SettingsBeyondTheStandardAreBroughtBack) {
    Dialogue d(
        {.address = us,
         .pan = pan,
         .settings = {
             .min_be = 200, .max_be = 255, .max_csma_backoffs = 255, .max_frame_retries = 255}});
    EXPECT_EQ(d.mac.config().settings.max_be, 8);
    EXPECT_EQ(d.mac.config().settings.min_be, 8);
    EXPECT_EQ(d.mac.config().settings.max_csma_backoffs, 5);
    EXPECT_EQ(d.mac.config().settings.max_frame_retries, 7);
}

TEST(Mac, TheSameSeedGivesTheSameOctetsAtTheSameInstants) {
    const auto run = [] {
        Dialogue d({.address = us, .pan = pan}, 42);
        std::vector<std::pair<Instant, std::string>> log;
        for (int i = 0; i < 20; ++i) {
            d.send({.destination = them, .payload = payload_of(5)});
            const TransmitFrame sent = d.transmission();
            log.emplace_back(d.now, to_hex(sent.frame.bytes()));
            d.radio_says(true);
            d.hear_ack(sent);
            (void)d.expect<DataSent>();
        }
        return log;
    };
    EXPECT_EQ(run(), run());
}

// ---- the one radio, shared by data and acknowledgements ----------------------------------------

// Data for us, from them, that asks for an acknowledgement.
Octets data_for_us(std::uint8_t sequence) {
    Octets wire = "61 cc 00 cd ab 01 00 00 00 00 ee ff c0 02 00 00 00 00 ee ff c0 41"_hex;
    wire[2] = std::byte{sequence};
    return wire;
}

TEST(Mac, AFrameThatArrivesWhileWaitingForAnAcknowledgementIsAcknowledged) {
    Dialogue d;
    d.send({.destination = them});
    const TransmitFrame sent = d.transmission();
    d.radio_says(true);
    d.hear(data_for_us(9), 100us);
    const TransmitFrame ack = d.expect<TransmitFrame>();
    EXPECT_FALSE(ack.assess_channel);
    EXPECT_EQ(to_hex(ack.frame.bytes()), "020009");
    (void)d.expect<DataReceived>();
    d.radio_says(true, 500us);
    d.hear_ack(sent, 100us);
    EXPECT_EQ(d.expect<DataSent>().outcome, SendOutcome::delivered);
}

TEST(Mac, ABackOffThatEndsWhileOurAcknowledgementIsOnTheAirWaitsForIt) {
    Dialogue d;
    d.send({.destination = them});
    d.now = d.mac.next_deadline() - 1us;
    d.hear(data_for_us(9), 0us);
    (void)d.expect<TransmitFrame>();
    (void)d.expect<DataReceived>();
    d.now += 1us;
    d.mac.handle_timeout(d.now);
    d.expect_nothing();  // one transmission at a time
    d.radio_says(true);
    EXPECT_TRUE(d.expect<TransmitFrame>().assess_channel);
    d.expect_nothing();
}

TEST(Mac, AnAcknowledgementWaitsForABusyRadioAsLongAsItIsOfUse) {
    for (const auto& [answer, useful] : {std::pair{320us, true}, std::pair{321us, false}}) {
        Dialogue d;
        d.send({.destination = them});
        (void)d.transmission();
        d.hear(data_for_us(9), 0us);  // its last octet arrived in the same moment
        (void)d.expect<DataReceived>();
        d.expect_nothing();
        d.radio_says(false, answer);
        if (useful) {
            EXPECT_FALSE(d.expect<TransmitFrame>().assess_channel);
        } else {
            EXPECT_EQ(d.mac.stats().acks_abandoned, 1u);
        }
        d.expect_nothing();
        EXPECT_TRUE(d.mac.stats().balanced());
    }
}

TEST(Mac, OfTwoAcknowledgementsThatWaitTheLaterIsSent) {
    Dialogue d;
    d.send({.destination = them});
    (void)d.transmission();
    d.hear(data_for_us(9), 0us);
    d.hear(data_for_us(10), 0us);
    (void)d.expect<DataReceived>();
    (void)d.expect<DataReceived>();
    d.radio_says(false, 128us);
    EXPECT_EQ(to_hex(d.expect<TransmitFrame>().frame.bytes()), "02000a");
    d.expect_nothing();
    EXPECT_EQ(d.mac.stats().acks_abandoned, 1u);
}

TEST(Mac, ASilentRadioThatHadOurAcknowledgementDoesNotHoldUpData) {
    Dialogue d;
    d.hear(data_for_us(9), 0us);
    (void)d.expect<TransmitFrame>();
    (void)d.expect<DataReceived>();
    d.send({.destination = them});
    d.wake();  // the back-off, held back
    d.expect_nothing();
    d.wake();  // the watchdog
    EXPECT_TRUE(d.expect<TransmitFrame>().assess_channel);
    EXPECT_EQ(d.mac.stats().radio_silences, 1u);
}

TEST(Mac, WhatGoesWrongIsToldWithItsHandle) {
    struct Log : Tap {
        std::vector<std::pair<std::string_view, std::uint64_t>> said;
        void saw(const Happening& happening) noexcept override {
            said.emplace_back(happening.what, happening.value);
        }
    } log;
    Mac mac({.address = us,
             .pan = pan,
             .settings = {.max_csma_backoffs = 0, .max_frame_retries = 0, .queue_frames_max = 1}},
            Random(1), Teller(&log, NodeId{1}), start);
    mac.handle(start, SendData{.destination = them, .payload = payload_of(116), .handle = 5});
    mac.handle(start, SendData{.destination = them, .handle = 6});
    mac.handle(start, SendData{.destination = them, .handle = 7});
    Instant now = mac.next_deadline();
    mac.handle_timeout(now);
    mac.handle(now, TransmitEnded{.channel_was_clear = false});
    mac.handle(now, SendData{.destination = them, .handle = 8});
    mac.handle_timeout(now = mac.next_deadline());
    mac.handle(now, TransmitEnded{});
    mac.handle_timeout(mac.next_deadline());
    const std::vector<std::pair<std::string_view, std::uint64_t>> expected = {
        {"mac.too_long", 5}, {"mac.queue_full", 7}, {"mac.channel_busy", 6}, {"mac.no_ack", 8}};
    EXPECT_EQ(log.said, expected);
    std::size_t counters = 0;
    mac.stats().visit([&](std::string_view, std::uint64_t) { ++counters; });
    EXPECT_EQ(counters * sizeof(std::uint64_t), sizeof(MacStats));  // none left unnamed
}

TEST(Mac, AnIdleMacIsSmall) {
    EXPECT_LE(sizeof(Mac), 768u);
}

}  // namespace
}  // namespace causeway::link::ieee802154::mac_test
