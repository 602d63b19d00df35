// The medium, held to its radio contract and to its physics with two to four radios and a world
// moved by hand. Loss, shadowing and asymmetry are off unless a test is about them.
#include "sim/medium.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace causeway::sim::medium_test {
namespace {

using namespace std::chrono_literals;
using link::ieee802154::air_time;
using link::ieee802154::cca_time;
using link::ieee802154::Frame;
using link::ieee802154::FrameReceived;
using link::ieee802154::TransmitFrame;
using link::ieee802154::turnaround;

static_assert(causeway::Stats<Medium::Stats>);

struct Log final : Medium::Listener {
    struct Received {
        Instant at;
        std::uint32_t radio;
        FrameReceived frame;
    };
    struct Ended {
        Instant at;
        std::uint32_t radio;
        bool clear;
    };
    World* world = nullptr;
    std::vector<Received> received;
    std::vector<Ended> ended;

    void frame_received(std::uint32_t radio, const FrameReceived& frame) override {
        received.push_back({world->now(), radio, frame});
    }
    void transmit_ended(std::uint32_t radio, bool clear) override {
        ended.push_back({world->now(), radio, clear});
    }
    [[nodiscard]] std::size_t received_by(std::uint32_t radio) const {
        return static_cast<std::size_t>(std::ranges::count(received, radio, &Received::radio));
    }
};

struct AirTap final : Tap {
    struct Sight {
        Instant at;
        NodeId node;
        std::uint64_t channel;
        Octets octets;
    };
    std::vector<Sight> seen;
    void saw(const Happening& h) noexcept override {
        if (h.what == "air.frame") seen.push_back({h.at, h.node, h.value, to_octets(h.octets)});
    }
};

ChannelPlan plain() {
    ChannelPlan plan;
    plan.shadowing_db = plan.asymmetry_db = plan.loss_min = plan.loss_max = 0;
    return plan;
}

/// A broadcast data frame of `octets` octets.
Frame broadcast(std::size_t octets = 40) {
    Octets frame = "41 d8 01 cd ab ff ff 01 00 00 00 00 00 00 02"_hex;
    frame.resize(octets);
    return Frame(frame);
}

/// A data frame from `from` to `to`, both EUI-64, that asks for an acknowledgement.
Frame unicast(std::uint64_t to, std::uint64_t from, std::uint8_t sequence,
              std::size_t octets = 60) {
    Octets frame(octets);
    ByteWriter out(frame);
    out.le16(0xdc61);
    out.u8(sequence);
    out.le16(0xabcd);
    out.le64(to);
    out.le64(from);
    return Frame(frame);
}

Frame acknowledgement(std::uint8_t sequence) {
    Octets frame = "02 00 00"_hex;
    frame[2] = std::byte{sequence};
    return Frame(frame);
}

struct Air {
    explicit Air(std::vector<RadioSite> radios, ChannelPlan channel = plain(),
                 std::vector<InterfererPlan> interferers = {}, std::uint64_t seed = 1)
        : world(seed) {
        log.world = &world;
        medium = std::make_unique<Medium>(world,
                                          MediumPlan{.channel = channel,
                                                     .radio = {},
                                                     .interferers = std::move(interferers),
                                                     .radios = radios},
                                          log, &tap);
        for (std::uint32_t i = 0; i < radios.size(); ++i)
            if (!radios[i].external) medium->set_power(i, true);
    }
    /// At an instant still to come.
    void at(Duration when, auto what) {
        world.run_until(Instant(when));
        what();
    }
    [[nodiscard]] std::uint64_t fate(Fate f) const { return medium->stats()[f]; }

    World world;
    Log log;
    AirTap tap;
    std::unique_ptr<Medium> medium;
};

std::vector<RadioSite> in_a_line(std::initializer_list<double> metres) {
    std::vector<RadioSite> radios;
    for (const double x : metres) radios.push_back({.at = {x, 0}, .eui64 = radios.size() + 1});
    return radios;
}

// ---- the contract ------------------------------------------------------------------------------

TEST(Medium, AFrameTakesAssessmentTurnaroundAndAirTime) {
    Air air(in_a_line({0, 30}));
    air.medium->transmit(0, {.frame = broadcast(40)});
    air.world.run_until(Instant(1s));
    const Instant start{cca_time + turnaround};
    ASSERT_EQ(air.log.received.size(), 1u);
    EXPECT_EQ(air.log.received[0].at, start + air_time(40));
    EXPECT_EQ(air.log.received[0].radio, 1u);
    EXPECT_EQ(air.log.received[0].frame.frame, broadcast(40));
    ASSERT_EQ(air.log.ended.size(), 1u);
    EXPECT_EQ(air.log.ended[0].at, start + air_time(40));
    EXPECT_TRUE(air.log.ended[0].clear);
    ASSERT_EQ(air.tap.seen.size(), 1u);
    EXPECT_EQ(air.tap.seen[0].at, start);
    EXPECT_EQ(air.tap.seen[0].channel, 26u);
    EXPECT_TRUE(same(air.tap.seen[0].octets, broadcast(40).bytes()));
}

TEST(Medium, AnAcknowledgementTurnsAroundWithoutAssessment) {
    Air air(in_a_line({0, 30}));
    air.medium->transmit(0, {.frame = acknowledgement(7), .assess_channel = false});
    air.world.run_until(Instant(1s));
    ASSERT_EQ(air.log.ended.size(), 1u);
    EXPECT_EQ(air.log.ended[0].at, Instant(turnaround + air_time(3)));
    EXPECT_EQ(air.medium->stats().assessments, 0u);
}

TEST(Medium, ABusyChannelIsReportedWhenTheAssessmentEndsAndNothingIsSent) {
    Air air(in_a_line({0, 30}));
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.at(1ms, [&] { air.medium->transmit(1, {.frame = broadcast(20)}); });
    air.world.run_until(Instant(1s));
    ASSERT_EQ(air.log.ended.size(), 2u);
    EXPECT_EQ(air.log.ended[0].radio, 1u);
    EXPECT_EQ(air.log.ended[0].at, Instant(1ms + cca_time));
    EXPECT_FALSE(air.log.ended[0].clear);
    EXPECT_EQ(air.medium->stats().frames_sent, 1u);
    EXPECT_EQ(air.medium->stats().assessments_busy, 1u);
    EXPECT_EQ(air.log.received_by(1), 1u);  // assessing does not keep it from receiving
}

TEST(Medium, AssessmentSeesWhatEndedOrBeganWithinItsWindow) {
    const Instant sent_until{cca_time + turnaround + air_time(20)};
    for (const auto& [begins, clear] : {std::pair{sent_until - 1ns, false}, {sent_until, true}}) {
        Air air(in_a_line({0, 30}));
        air.medium->transmit(0, {.frame = broadcast(20)});
        air.world.run_until(begins);
        air.medium->transmit(1, {.frame = broadcast(20)});
        air.world.run_until(Instant(1s));
        const auto mine = std::ranges::find(air.log.ended, 1u, &Log::Ended::radio);
        ASSERT_NE(mine, air.log.ended.end());
        EXPECT_EQ(mine->clear, clear);
    }
}

TEST(Medium, WithCarrierSenseAnyFrameThatCouldBeReceivedMakesTheChannelBusy) {
    // -92.9 dBm: under the threshold, above the sensitivity.
    for (const bool carrier_sense : {true, false}) {
        ChannelPlan channel = plain();
        channel.carrier_sense = carrier_sense;
        Air air(in_a_line({0, 58}), channel);
        air.medium->transmit(0, {.frame = broadcast(100)});
        air.at(1ms, [&] { air.medium->transmit(1, {.frame = broadcast(20)}); });
        air.world.run_until(Instant(1s));
        EXPECT_EQ(air.medium->stats().assessments_busy, carrier_sense ? 1u : 0u);
    }
}

TEST(Medium, SignalsUnderTheThresholdDoNotMakeTheChannelBusy) {
    ChannelPlan deaf = plain();
    deaf.cca_threshold_dbm = -60;
    deaf.carrier_sense = false;
    Air air(in_a_line({0, 30}), deaf);
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.at(1ms, [&] { air.medium->transmit(1, {.frame = broadcast(20)}); });
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.medium->stats().frames_sent, 2u);
    EXPECT_EQ(air.fate(Fate::radio_busy), 2u);  // each was sending while the other's arrived
}

// ---- physics -----------------------------------------------------------------------------------

TEST(Medium, ASendingRadioReceivesNothingAndNeitherDoesOneThatTurnsAround) {
    Air air(in_a_line({0, 30}));
    air.medium->transmit(0, {.frame = broadcast(20), .assess_channel = false});
    const Instant ends{turnaround + air_time(20)};
    air.world.run_until(ends - 10us);
    air.medium->transmit(1, {.frame = broadcast(20), .assess_channel = false});
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 0u);  // was turning around when it ended
    EXPECT_EQ(air.log.received_by(0), 1u);
    EXPECT_EQ(air.fate(Fate::radio_busy), 1u);
}

TEST(Medium, HiddenTerminalsCollideAtTheOneBetweenThem) {
    // 0 and 2 do not hear each other; 1 hears both equally well.
    Air air(in_a_line({0, 45, 90}));
    EXPECT_EQ(air.medium->links().find(0, 2), nullptr);
    air.medium->transmit(0, {.frame = broadcast(60)});
    air.at(500us, [&] { air.medium->transmit(2, {.frame = broadcast(60)}); });
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.medium->stats().assessments_busy, 0u);
    EXPECT_EQ(air.log.received_by(1), 0u);
    EXPECT_EQ(air.fate(Fate::collision), 2u);
    EXPECT_TRUE(air.medium->stats().balanced());
}

TEST(Medium, TheStrongerOfTwoFramesIsCapturedByTheMargin) {
    // 30 dB a decade: from 40 m and 50.4 m the powers differ by 3.01 dB, from 50.2 m by 2.96 dB.
    for (const auto& [far, captured] : {std::pair{50.4, true}, {50.2, false}}) {
        Air air(in_a_line({0, 40, 40 + far}));
        air.medium->transmit(0, {.frame = broadcast(60)});
        air.at(300us, [&] { air.medium->transmit(2, {.frame = broadcast(61)}); });
        air.world.run_until(Instant(1s));
        EXPECT_EQ(air.log.received_by(1), captured ? 1u : 0u) << far;
        EXPECT_EQ(air.fate(Fate::collision), captured ? 1u : 2u);
    }
}

TEST(Medium, FramesThatMeetOnlyEndToStartDoNotCollide) {
    Air air(in_a_line({0, 45, 90}));
    air.medium->transmit(0, {.frame = broadcast(60), .assess_channel = false});
    air.world.run_until(Instant(air_time(60)));
    air.medium->transmit(2, {.frame = broadcast(60), .assess_channel = false});
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 2u);
}

TEST(Medium, AFrameTooWeakForTheReceiverStillDisturbsAnother) {
    // Radio 3 reaches 1 with -95.4 dBm: too weak to be received, 2.2 dB under what 0 brings there.
    Air air(in_a_line({0, 60, 200, 130.5}));
    air.medium->transmit(0, {.frame = broadcast(60)});
    air.at(400us, [&] { air.medium->transmit(3, {.frame = broadcast(60)}); });
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 0u);
    EXPECT_GE(air.fate(Fate::collision), 1u);
    EXPECT_GE(air.fate(Fate::too_weak), 1u);
}

TEST(Medium, LossIsWhatThePlanSaysForEachDirection) {
    ChannelPlan lossy = plain();
    lossy.loss_min = 0.10;
    lossy.loss_max = 0.30;
    Air air(in_a_line({0, 20}), lossy);
    constexpr int frames = 20'000;
    std::array<double, 2> planned{};
    std::array<std::size_t, 2> arrived{};
    for (std::uint32_t from : {0u, 1u}) {
        planned[from] = double{air.medium->links().find(from, 1 - from)->frame_loss};
        EXPECT_GE(planned[from], 0.10);
        EXPECT_LE(planned[from], 0.30);
        for (int i = 0; i < frames; ++i) {
            air.medium->transmit(from, {.frame = broadcast(20), .assess_channel = false});
            air.world.run_until(air.world.now() + 5ms);
        }
        arrived[from] = air.log.received_by(1 - from);
    }
    EXPECT_NE(planned[0], planned[1]);
    for (std::size_t way = 0; way < 2; ++way)
        EXPECT_NEAR(1.0 - static_cast<double>(arrived[way]) / frames, planned[way], 0.012);
    EXPECT_EQ(air.fate(Fate::fading), 2u * frames - arrived[0] - arrived[1]);
    EXPECT_TRUE(air.medium->stats().balanced());
}

TEST(Medium, LongFramesNearTheNoiseFloorFailMoreOftenThanShortOnes) {
    ChannelPlan noisy = plain();
    noisy.noise_floor_dbm = -88.6;  // the signal from 45 m is 1 dB under it
    noisy.capture_db = 0;
    std::array<std::size_t, 2> arrived{};
    constexpr int frames = 2'000;
    for (const std::size_t longer : {0u, 1u}) {
        Air air(in_a_line({0, 45}), noisy);
        for (int i = 0; i < frames; ++i) {
            air.medium->transmit(
                0, {.frame = broadcast(longer != 0 ? 120 : 15), .assess_channel = false});
            air.world.run_until(air.world.now() + 5ms);
        }
        arrived[longer] = air.log.received_by(1);
        const double bit = 1 - bit_error_rate(milliwatts(-89.6 + 88.6));
        const double expected = std::pow(bit, 8.0 * (8 + (longer != 0 ? 120 : 15)));
        EXPECT_NEAR(static_cast<double>(arrived[longer]) / frames, expected, 0.06);
        EXPECT_EQ(air.fate(Fate::noise), frames - arrived[longer]);
    }
    EXPECT_GT(arrived[0], arrived[1]);
}

TEST(Medium, InterferenceDefersSendersAndRuinsFramesWhileItIsOn) {
    const InterfererPlan oven{.at = {30, 5},
                              .power_dbm = 0,
                              .period = 10ms,
                              .busy = 2ms,
                              .start = Instant(100ms),
                              .stop = Instant(200ms)};
    Air air(in_a_line({0, 30}), plain(), {oven});
    const auto attempt = [&](Instant when) {
        air.world.run_until(when);
        const std::size_t before = air.log.received_by(1);
        air.medium->transmit(0, {.frame = broadcast(20)});
        air.world.run_until(when + 5ms);
        return std::pair{air.log.ended.back().clear, air.log.received_by(1) > before};
    };
    EXPECT_EQ(attempt(Instant(90ms)), (std::pair{true, true}));     // not yet on
    EXPECT_EQ(attempt(Instant(111ms)), (std::pair{false, false}));  // on: busy
    EXPECT_EQ(attempt(Instant(125ms)), (std::pair{true, true}));    // between two bursts
    EXPECT_EQ(attempt(Instant(139ms)), (std::pair{true, false}));   // comes on meanwhile
    EXPECT_EQ(attempt(Instant(200ms)), (std::pair{true, true}));    // over
    EXPECT_EQ(air.fate(Fate::collision), 1u);
}

TEST(Medium, AReceiverThatWasOffForPartOfAFrameMissesIt) {
    Air air(in_a_line({0, 30}));
    air.medium->set_power(1, false);
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.at(2ms, [&] { air.medium->set_power(1, true); });
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 0u);
    EXPECT_EQ(air.fate(Fate::radio_off), 1u);
}

TEST(Medium, ASenderThatLosesPowerCutsItsFrameShort) {
    Air air(in_a_line({0, 30}));
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.at(2ms, [&] {
        air.medium->set_power(0, false);
        air.medium->set_power(0, true);
    });
    air.world.run_until(Instant(2ms + 1us));
    air.medium->transmit(1, {.frame = broadcast(20)});  // the channel is clear again
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 0u);
    EXPECT_EQ(air.log.received_by(0), 1u);
    ASSERT_EQ(air.log.ended.size(), 1u);
    EXPECT_EQ(air.medium->stats().frames_cut_short, 1u);
}

TEST(Medium, NothingCrossesACutLinkUntilItIsMended) {
    Air air(in_a_line({0, 30}));
    const auto attempt = [&] {
        air.medium->transmit(0, {.frame = unicast(2, 1, 9)});
        air.world.run_until(air.world.now() + 10ms);
        return air.log.received_by(1);
    };
    air.medium->set_cut(0, 1, true);
    EXPECT_EQ(attempt(), 0u);
    EXPECT_EQ(air.fate(Fate::too_weak), 1u);
    air.medium->set_cut(1, 0, false);
    EXPECT_EQ(attempt(), 1u);
}

TEST(Medium, SignalStrengthAndQualityAreReported) {
    Air air(in_a_line({0, 10, 62}));
    air.medium->transmit(0, {.frame = broadcast(20)});
    air.world.run_until(Instant(1s));
    ASSERT_EQ(air.log.received.size(), 2u);
    EXPECT_EQ(air.log.received[0].frame.rssi_dbm, -70);  // 40 + 30 * log10(10)
    EXPECT_EQ(air.log.received[0].frame.lqi, 153);       // 24 of 40 dB above sensitivity
    EXPECT_EQ(air.log.received[1].frame.rssi_dbm, -94);
    EXPECT_LT(air.log.received[1].frame.lqi, 3);
}

// ---- the address filter ------------------------------------------------------------------------

TEST(Medium, AUnicastFrameConcernsItsAddresseeAlone) {
    Air air(in_a_line({0, 20, 30}));
    air.medium->transmit(0, {.frame = unicast(3, 1, 9)});
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 0u);
    EXPECT_EQ(air.log.received_by(2), 1u);
    EXPECT_EQ(air.medium->stats().copies, 1u);
}

TEST(Medium, AnAcknowledgementReachesTheOneWhoseFrameItAnswers) {
    Air air(in_a_line({0, 20, 30}));
    air.medium->transmit(0, {.frame = unicast(3, 1, 9)});
    air.world.run_until(Instant(10ms));
    air.medium->transmit(2, {.frame = acknowledgement(9), .assess_channel = false});
    air.world.run_until(Instant(20ms));
    EXPECT_EQ(air.log.received_by(0), 1u);
    EXPECT_EQ(air.log.received_by(1), 0u);
    // One that answers nothing goes to everyone: what it is worth is for the MACs to say.
    air.medium->transmit(2, {.frame = acknowledgement(9), .assess_channel = false});
    air.world.run_until(Instant(30ms));
    EXPECT_EQ(air.log.received_by(0), 2u);
    EXPECT_EQ(air.log.received_by(1), 1u);
}

TEST(Medium, AFrameForAnAddressThatNobodyHasIsCounted) {
    Air air(in_a_line({0, 20}));
    air.medium->transmit(0, {.frame = unicast(77, 1, 9)});
    air.world.run_until(Instant(1s));
    EXPECT_TRUE(air.log.received.empty());
    EXPECT_EQ(air.medium->stats().unaddressed, 1u);
}

// ---- external radios ---------------------------------------------------------------------------

std::vector<RadioSite> node_and_external() {
    return {{.at = {0, 0}, .eui64 = 1}, {.at = {20, 0}, .external = true}};
}

TEST(MediumExternal, AFrameIsHandedOverAsSoonAsItIsCertainToBeSent) {
    Air air(node_and_external());
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.world.run_until(Instant(cca_time));
    EXPECT_EQ(air.log.received_by(1), 1u);
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.log.received_by(1), 1u);  // and once only
}

TEST(MediumExternal, AnAcknowledgementIsHandedOverWithoutTimePassing) {
    Air air(node_and_external());
    air.world.run_until(Instant(1s));
    air.medium->transmit_external(1, unicast(1, 99, 5));
    ASSERT_EQ(air.log.received_by(0), 1u);
    air.medium->transmit(0, {.frame = acknowledgement(5), .assess_channel = false});
    EXPECT_EQ(air.log.received_by(1), 1u);
    EXPECT_EQ(air.world.now(), Instant(1s));
    air.world.run_until(Instant(2s));
    EXPECT_EQ(air.log.received_by(1), 1u);
}

TEST(MediumExternal, WhatItSendsCollidesWithWhatWasOnTheAirMeanwhile) {
    std::vector<RadioSite> radios = in_a_line({0, 30, 60});
    radios[2].external = true;
    Air air(radios);
    air.medium->set_cut(0, 2, true);  // hidden from each other
    air.medium->transmit(0, {.frame = broadcast(100)});
    air.world.run_until(Instant(2ms));
    air.medium->transmit_external(2, broadcast(20));
    EXPECT_EQ(air.fate(Fate::collision), 1u);
    air.world.run_until(Instant(1s));
    EXPECT_EQ(air.fate(Fate::collision), 2u);  // and the other way round
    EXPECT_EQ(air.log.received_by(1), 0u);
}

TEST(MediumExternal, AnAnswerWaitsForTheEndOfWhatItAnswers) {
    Air air(node_and_external());
    air.medium->transmit(0, {.frame = unicast(99, 1, 5, 100)});
    air.world.run_until(Instant(cca_time));
    ASSERT_EQ(air.log.received_by(1), 1u);
    air.medium->transmit_external(1, acknowledgement(5));  // the frame is not even on the air yet
    air.world.run_until(Instant(1s));
    ASSERT_EQ(air.log.received_by(0), 1u);
    const Instant frame_ends{cca_time + turnaround + air_time(100)};
    EXPECT_EQ(air.log.received.back().at, frame_ends + turnaround + air_time(3));
    EXPECT_EQ(air.medium->stats().answers_held, 1u);
}

TEST(MediumExternal, TwoOfThemHearEachOther) {
    Air air({{.at = {0, 0}, .external = true}, {.at = {20, 0}, .external = true}});
    air.world.run_until(Instant(1s));
    air.medium->transmit_external(0, unicast(98, 99, 5));
    EXPECT_EQ(air.log.received_by(1), 1u);
    EXPECT_EQ(air.log.received_by(0), 0u);
}

// ---- time ------------------------------------------------------------------------------------

TEST(Medium, RadioTimesAddUpToAllTime) {
    Air air(in_a_line({0, 30}));
    air.at(100ms, [&] { air.medium->set_power(1, false); });
    air.at(150ms, [&] { air.medium->set_power(1, true); });
    air.at(200ms, [&] { air.medium->transmit(0, {.frame = unicast(2, 1, 9, 100)}); });
    air.world.run_until(Instant(203ms));  // half-way through it
    for (const std::uint32_t radio : {0u, 1u}) EXPECT_EQ(air.medium->times(radio).total(), 203ms);
    EXPECT_EQ(air.medium->times(0).transmit, 3ms - cca_time - turnaround);
    air.world.run_until(Instant(1s));
    const RadioTimes sender = air.medium->times(0);
    const RadioTimes receiver = air.medium->times(1);
    EXPECT_EQ(sender.transmit, air_time(100));
    EXPECT_EQ(sender.receive, 0ms);
    EXPECT_EQ(receiver.receive, air_time(100));
    EXPECT_EQ(receiver.off, 50ms);
    EXPECT_EQ(sender.total(), 1s);
    EXPECT_EQ(receiver.total(), 1s);
}

TEST(Medium, SameSeedSameFates) {
    ChannelPlan lossy;
    std::array<std::vector<Instant>, 2> arrivals;
    for (auto& run : arrivals) {
        Air air(in_a_line({0, 20, 40, 60}), lossy, {}, 9);
        Random random(4);
        for (int i = 0; i < 500; ++i) {
            const auto from = static_cast<std::uint32_t>(random.below(4));
            air.medium->transmit(from, {.frame = broadcast(30)});
            air.world.run_until(air.world.now() + 4ms);
        }
        for (const auto& r : air.log.received) run.push_back(r.at);
    }
    EXPECT_EQ(arrivals[0], arrivals[1]);
    EXPECT_GT(arrivals[0].size(), 100u);
}

}  // namespace
}  // namespace causeway::sim::medium_test
