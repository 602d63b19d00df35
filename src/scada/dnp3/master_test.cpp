#include "scada/dnp3/master_testing.hpp"

namespace causeway::scada::dnp3::master_test {
namespace {

using Fate = Master::Completed::Fate;
using Mode = Master::Operate::Mode;

const Control latch_one{.index = 1, .what = Crob{.on_ms = 100, .off_ms = 100}};
const std::string crob = "0c 01 28 01 00 01 00 03 01 64 00 00 00 64 00 00 00 ";

// ---- the startup sequence ----------------------------------------------------------------------

// [IEEE 1815 §5.1.1.1.2]
TEST(DnpMaster, StartsByDisablingClearingReadingAndEnabling) {
    MasterBench bench(usual());
    EXPECT_EQ(bench.master.next_deadline(), never);
    bench.up();
    EXPECT_EQ(bench.sent(), "c0 15 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("c0 81 80 00");  // it has restarted
    EXPECT_EQ(bench.sent(), "c1 02 50 01 00 07 07 00");
    EXPECT_EQ(bench.master.status().restarts_seen, 1u);
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "c2 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    EXPECT_FALSE(bench.master.status().started);
    bench.hears("c2 81 00 00 01 02 00 00 00 81");
    ASSERT_EQ(bench.measured.size(), 1u);
    EXPECT_EQ(bench.measured[0].measurement.value, MeasuredValue(true));
    EXPECT_FALSE(bench.measured[0].event);
    EXPECT_EQ(bench.sent(), "c3 14 3c 02 06 3c 03 06 3c 04 06");
    EXPECT_FALSE(bench.master.status().unsolicited_enabled);
    bench.hears("c3 81 00 00");
    EXPECT_TRUE(bench.master.status().up);
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_TRUE(bench.master.status().unsolicited_enabled);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.done.size(), 4u);
}

TEST(DnpMaster, SendsNothingAtTheStartWhereNothingIsWanted) {
    MasterBench bench(quiet());
    bench.up();
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_FALSE(bench.master.status().up);
    EXPECT_EQ(bench.master.next_deadline(), never);
}

TEST(DnpMaster, ARestartSeenWhereTheStartupIsEmptyLeavesNothingUndone) {
    MasterBench bench(quiet());
    bench.up();
    bench.hears("d9 82 80 08");
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_EQ(bench.sent(), "c0 02 50 01 00 07 07 00");
    bench.hears("c0 81 00 00");
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.master.next_deadline(), never);
}

TEST(DnpMaster, EnablesUnsolicitedAgainWhenTheChannelComesBack) {
    MasterBench bench(usual());
    bench.starts();
    const auto changes = bench.changes;
    bench.down();
    EXPECT_FALSE(bench.master.status().up);
    EXPECT_FALSE(bench.master.status().unsolicited_enabled);
    EXPECT_GT(bench.changes, changes);
    bench.up();
    EXPECT_EQ(bench.sent(), "c3 15 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("c3 81 00 00");
    EXPECT_EQ(bench.sent(), "c4 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("c4 81 00 00");
    EXPECT_EQ(bench.sent(), "c5 14 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("c5 81 00 00");
    EXPECT_TRUE(bench.master.status().unsolicited_enabled);
}

TEST(DnpMaster, BeginsAnewWhenTheOutstationSaysThatItHasRestarted) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("f0 82 80 00");
    EXPECT_EQ(bench.sent(), "d0 00");
    EXPECT_FALSE(bench.master.status().unsolicited_enabled);
    EXPECT_FALSE(bench.master.status().started);
    EXPECT_EQ(bench.sent(), "c3 15 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("c3 81 80 00");
    EXPECT_EQ(bench.sent(), "c4 02 50 01 00 07 07 00");
    bench.hears("c4 81 00 00");
    EXPECT_EQ(bench.sent(), "c5 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("c5 81 00 00");
    EXPECT_EQ(bench.sent(), "c6 14 3c 02 06 3c 03 06 3c 04 06");
    EXPECT_EQ(bench.master.status().restarts_seen, 1u);
}

TEST(DnpMaster, ARestartBitThatStaysIsClearedAtAPaceAndDoesNotHoldTheRestBack) {
    MasterBench bench(usual());
    bench.up();
    EXPECT_EQ(bench.sent().substr(3, 2), "15");
    bench.hears("c0 81 80 00");
    EXPECT_EQ(bench.sent().substr(3, 2), "02");
    bench.hears("c1 81 80 00");
    EXPECT_EQ(bench.sent().substr(3, 2), "01");
    bench.hears("c2 81 80 00");
    EXPECT_EQ(bench.sent().substr(3, 2), "14");
    bench.hears("c3 81 80 00");
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_EQ(bench.sent(), "");
    bench.passes(1s);
    EXPECT_EQ(bench.sent(), "c4 02 50 01 00 07 07 00");
    bench.hears("c4 81 80 01");
    bench.passes(1999ms);
    EXPECT_EQ(bench.sent(), "");
    bench.passes(1ms);
    EXPECT_EQ(bench.sent(), "c5 02 50 01 00 07 07 00");
    EXPECT_EQ(bench.master.status().restarts_seen, 1u);
}

// IIN2.0 [IEEE 1815 §4.2.2.6]
TEST(DnpMaster, UnsolicitedThatIsNotSupportedIsNotAskedForAgain) {
    MasterBench bench(usual());
    bench.up();
    bench.sent();
    bench.hears("c0 81 00 01");
    bench.sent();
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent().substr(3, 2), "14");
    bench.hears("c2 81 00 01");
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_FALSE(bench.master.status().unsolicited_enabled);
    bench.passes(24h);
    EXPECT_EQ(bench.sent(), "");
}

// ---- unsolicited responses ---------------------------------------------------------------------

const std::string event_on = "f1 82 00 00 02 01 28 01 00 05 00 81";

TEST(DnpMaster, UnsolicitedEventsAreDeliveredAndConfirmed) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears(event_on);
    EXPECT_EQ(bench.sent(), "d1 00");
    ASSERT_EQ(bench.measured.size(), 1u);
    EXPECT_TRUE(bench.measured[0].event);
    EXPECT_TRUE(bench.measured[0].unsolicited);
    EXPECT_EQ(bench.measured[0].measurement.index, 5u);
    EXPECT_TRUE(bench.done.back().unsolicited);
}

TEST(DnpMaster, ARepeatedUnsolicitedResponseIsConfirmedButNotDeliveredTwice) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears(event_on);
    bench.hears(event_on);
    EXPECT_EQ(bench.sent(), "d1 00");
    EXPECT_EQ(bench.sent(), "d1 00");
    EXPECT_EQ(bench.measured.size(), 1u);
    EXPECT_EQ(bench.master.stats().unsolicited_repeats, 1u);
    // The same number with more in it is news.
    bench.hears("f1 82 00 00 02 01 28 02 00 05 00 81 06 00 01");
    EXPECT_EQ(bench.measured.size(), 3u);
    bench.hears("f2 82 00 00 02 01 28 02 00 05 00 81 06 00 01");
    EXPECT_EQ(bench.measured.size(), 5u);
}

TEST(DnpMaster, ARepetitionAfterTheChannelWasAwayIsKnownAgain) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears(event_on);
    bench.down();
    bench.fragments.clear();
    bench.up();
    bench.sent();
    bench.hears("c3 81 00 00");
    bench.sent();
    bench.hears("c4 81 00 00");
    bench.sent();
    bench.hears(event_on);
    EXPECT_EQ(bench.measured.size(), 1u);
    EXPECT_EQ(bench.sent(), "d1 00");
}

// [IEEE 1815 §5.1.1.1.2]
TEST(DnpMaster, UnsolicitedDataBeforeTheIntegrityPollIsNeitherTakenNorConfirmed) {
    MasterBench bench(usual());
    bench.up();
    bench.sent();
    bench.hears(event_on);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.measured.empty());
    bench.hears("f0 82 00 00");  // the empty one is
    EXPECT_EQ(bench.sent(), "d0 00");
    bench.hears("c0 81 00 00");
    bench.sent();
    bench.hears("c1 81 00 00");
    bench.sent();
    bench.hears(event_on);  // sent again by an outstation that kept it
    EXPECT_EQ(bench.sent(), "d1 00");
    EXPECT_EQ(bench.measured.size(), 1u);
}

TEST(DnpMaster, AnUnsolicitedResponseWithoutCONIsNotConfirmed) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("d1 82 00 00 02 01 28 01 00 05 00 81");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.measured.size(), 1u);
}

TEST(DnpMaster, AnUnsolicitedResponseInPiecesIsRefused) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("b1 82 00 00 02 01 28 01 00 05 00 81");
    bench.hears("71 82 00 00 02 01 28 01 00 05 00 81");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.master.stats().bad_fragments, 2u);
    EXPECT_TRUE(bench.measured.empty());
}

// ---- answers -----------------------------------------------------------------------------------

TEST(DnpMaster, FragmentsAreDeliveredInOrderAndEachIsConfirmed) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = events});
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("a0 81 00 00 02 01 28 01 00 01 00 81");
    EXPECT_EQ(bench.sent(), "c0 00");
    ASSERT_EQ(bench.measured.size(), 1u);
    bench.passes(4900ms);  // each fragment has the whole time
    bench.hears("21 81 00 00 02 01 28 01 00 02 00 81");
    EXPECT_EQ(bench.sent(), "c1 00");
    bench.passes(4900ms);
    EXPECT_TRUE(bench.completed.empty());
    bench.hears("62 81 00 00 02 01 28 01 00 03 00 81");
    EXPECT_EQ(bench.sent(), "c2 00");
    ASSERT_EQ(bench.measured.size(), 3u);
    for (std::uint16_t i = 0; i < 3; ++i) EXPECT_EQ(bench.measured[i].measurement.index, i + 1);
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].tag, 7u);
    EXPECT_EQ(bench.completed[0].fate, Fate::answered);
    // The next request goes on behind the last fragment.
    bench.give(Master::Poll{.tag = 8, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c3 01 3c 02 06");
}

TEST(DnpMaster, SequenceNumbersGoRound) {
    MasterBench bench(quiet());
    bench.up();
    for (unsigned i = 0; i < 40; ++i) {
        bench.give(Master::Poll{.tag = i, .classes = {.one = true}});
        auto request = bench.sent();
        ASSERT_EQ(request.substr(0, 2), to_hex(Octets{static_cast<std::byte>(0xc0 + i % 16)}));
        // Fifteen: the fragments go round, too.
        bench.hears(request.substr(0, 2) + " 81 00 00");
    }
    EXPECT_EQ(bench.completed.size(), 40u);
    EXPECT_EQ(bench.master.stats().responses, 40u);
}

// A number that the outstation would take for a repetition of the last request.
TEST(DnpMaster, AfterSixteenFragmentsTheNextRequestDoesNotBearTheLastOnesNumber) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06");
    for (unsigned i = 0; i < 16; ++i) {
        const auto control = (i == 0 ? 0x80u : i == 15 ? 0x40u : 0u) | i;
        bench.hears(to_hex(Octets{static_cast<std::byte>(control)}) + " 81 00 00");
    }
    ASSERT_EQ(bench.completed.size(), 1u);
    bench.give(Master::Poll{.tag = 2, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06");
}

TEST(DnpMaster, WhatIsOutOfSequenceIsNeitherTakenNorConfirmed) {
    MasterBench bench(quiet());
    bench.up();
    bench.hears("e0 81 00 00 02 01 28 01 00 01 00 81");  // nobody asked
    bench.give(Master::Poll{.tag = 7, .classes = events});
    bench.sent();
    bench.hears("e1 81 00 00 02 01 28 01 00 01 00 81");  // wrong number
    bench.hears("60 81 00 00 02 01 28 01 00 01 00 81");  // not the first
    bench.hears("a0 81 00 00 02 01 28 01 00 01 00 81");
    EXPECT_EQ(bench.sent(), "c0 00");
    bench.hears("a0 81 00 00 02 01 28 01 00 01 00 81");  // again
    bench.hears("62 81 00 00 02 01 28 01 00 01 00 81");  // one is missing
    bench.hears("e1 81 00 00 02 01 28 01 00 01 00 81");  // a first one again
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.measured.size(), 1u);
    EXPECT_EQ(bench.master.stats().unexpected, 6u);
    EXPECT_TRUE(bench.completed.empty());
}

TEST(DnpMaster, AReadIsAskedAgainUnderANewNumberAndALateAnswerIsNotTakenForIt) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06");
    bench.passes(5s);
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06");
    bench.hears("e0 81 00 00 02 01 28 01 00 01 00 81");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.measured.empty());
    bench.hears("e1 81 00 00 02 01 28 01 00 01 00 81");
    EXPECT_EQ(bench.sent(), "c1 00");
    EXPECT_EQ(bench.measured.size(), 1u);
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].fate, Fate::answered);
    EXPECT_EQ(bench.master.stats().timeouts, 1u);
}

TEST(DnpMaster, AFragmentThatEndsInTheMiddleOfAnObjectIsNotTakenAtAll) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = events});
    bench.sent();
    bench.hears("e0 81 00 00 02 01 28 02 00 01 00 81 02");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.measured.empty());
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].fate, Fate::nonsense);
    EXPECT_EQ(bench.master.stats().bad_objects, 1u);
}

// Else the outstation would send it for ever.
TEST(DnpMaster, WhatComesBeforeAnUnknownObjectIsTakenAndConfirmed) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = events});
    bench.sent();
    bench.hears("e0 81 00 00 02 01 28 01 00 01 00 81 c8 c8 07 01 ff");
    EXPECT_EQ(bench.sent(), "c0 00");
    EXPECT_EQ(bench.measured.size(), 1u);
    EXPECT_EQ(bench.completed.at(0).fate, Fate::answered);
    EXPECT_EQ(bench.master.stats().bad_objects, 1u);
}

TEST(DnpMaster, FragmentsThatAreNoAnswersAreCountedAndIgnored) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = events});
    bench.sent();
    for (const auto* hex : {"", "c0", "c0 81", "c0 81 00", "c0 01 3c 02 06", "f0 81 00 00",
                            "c0 82 00 00", "c0 ff 00 00"})
        bench.hears(hex);
    EXPECT_EQ(bench.master.stats().bad_fragments, 8u);
    const auto octets = "c0 81 00 00"_hex;
    bench.give(FragmentReceived{.source = 11, .destination = master_address, .octets = octets});
    bench.give(FragmentReceived{.source = outstation_address, .destination = 2, .octets = octets});
    EXPECT_EQ(bench.master.stats().unexpected, 2u);
    EXPECT_TRUE(bench.completed.empty());
    EXPECT_EQ(bench.sent(), "");
}

TEST(DnpMaster, RelativeTimesTakeTheCommonTimeBeforeThem) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Poll{.tag = 7, .classes = events});
    bench.sent();
    bench.hears(
        "c0 81 00 00 33 02 07 01 10 00 00 00 00 00 02 03 28 01 00 01 00 81 05 00 "
        "33 01 07 01 20 00 00 00 00 00 02 03 28 01 00 02 00 81 06 00");
    ASSERT_EQ(bench.measured.size(), 2u);
    EXPECT_EQ(bench.measured[0].measurement.time, (Timestamp{.ms = 21, .synchronised = false}));
    EXPECT_EQ(bench.measured[1].measurement.time, (Timestamp{.ms = 38, .synchronised = true}));
}

// ---- polls -------------------------------------------------------------------------------------

TEST(DnpMaster, PollsHaveTheirOwnPaces) {
    auto settings = quiet();
    settings.polls = {{.classes = events, .every = 10s}, {.classes = everything, .every = 25s}};
    MasterBench bench(settings);
    bench.up();
    const auto answered = [&] {
        const auto request = bench.sent();
        if (!request.empty()) bench.hears(request.substr(0, 2) + " 81 00 00");
        return request.empty() ? request : request.substr(2);
    };
    const std::string three = " 01 3c 02 06 3c 03 06 3c 04 06";
    bench.passes(9999ms);
    EXPECT_EQ(answered(), "");
    bench.passes(1ms);
    EXPECT_EQ(answered(), three);
    bench.passes(10s);
    EXPECT_EQ(answered(), three);
    bench.passes(5s);
    EXPECT_EQ(answered(), three + " 3c 01 06");
    bench.passes(5s);
    EXPECT_EQ(answered(), three);
    EXPECT_EQ(answered(), "");
}

TEST(DnpMaster, TurnsThatWereMissedAreNotMadeUpFor) {
    auto settings = quiet();
    settings.polls = {{.classes = events, .every = 10s}};
    settings.response_within = 100s;
    MasterBench bench(settings);
    bench.up();
    bench.passes(10s);
    EXPECT_NE(bench.sent(), "");
    bench.passes(95s);
    bench.hears("c0 81 00 00");
    EXPECT_NE(bench.sent(), "");  // one at once
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "");
    bench.passes(9999ms);
    EXPECT_EQ(bench.sent(), "");
}

// IIN1.1 to IIN1.3 [IEEE 1815 §4.2.2.6]
TEST(DnpMaster, EventsThatDoNotComeByThemselvesAreFetched) {
    auto settings = usual();
    settings.unsolicited = {.one = true};
    MasterBench bench(settings);
    bench.up();
    bench.sent();
    bench.hears("c0 81 00 00");
    bench.sent();
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "c2 14 3c 02 06");
    bench.hears("c2 81 06 00");  // events of classes 1 and 2
    EXPECT_EQ(bench.sent(), "c3 01 3c 03 06");
    bench.hears("e3 81 02 00 20 01 28 01 00 01 00 01 05 00 00 00");
    EXPECT_EQ(bench.sent(), "c3 00");
    EXPECT_EQ(bench.sent(), "");  // class 1 comes by itself
    EXPECT_EQ(bench.measured.size(), 1u);
}

TEST(DnpMaster, AnOutstationThatClaimsEventsAndHasNoneIsNotAskedWithoutPause) {
    MasterBench bench(quiet());
    bench.up();
    bench.hears("f0 82 02 00");
    EXPECT_EQ(bench.sent(), "d0 00");
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06");
    bench.hears("c0 81 02 00");
    EXPECT_EQ(bench.sent(), "");
    bench.passes(999ms);
    EXPECT_EQ(bench.sent(), "");
    bench.passes(1ms);
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06");
}

TEST(DnpMaster, EndlessEventsDoNotStarveAScheduledPoll) {
    auto settings = quiet();
    settings.polls = {{.classes = {.zero = true}, .every = 1s}};
    MasterBench bench(settings);
    bench.up();
    bench.hears("f0 82 02 00");
    bench.sent();
    int scheduled = 0;
    for (int i = 0; i < 40; ++i) {
        const auto request = bench.sent();
        ASSERT_FALSE(request.empty());
        scheduled += request.substr(3) == "01 3c 01 06";
        bench.passes(100ms);
        bench.hears(request.substr(0, 2) + " 81 02 00 02 01 28 01 00 01 00 81");
    }
    EXPECT_GE(scheduled, 3);
}

// IIN2.3 [IEEE 1815 §4.2.2.6]
TEST(DnpMaster, AnOverflowBringsOneIntegrityPoll) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("f1 82 00 08 02 01 28 01 00 05 00 81");
    EXPECT_EQ(bench.sent(), "d1 00");
    EXPECT_EQ(bench.sent(), "c3 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("c3 81 00 08");  // there is no room yet
    EXPECT_EQ(bench.sent(), "");
    bench.hears("f2 82 00 00 02 01 28 01 00 05 00 81");
    bench.sent();
    bench.hears("f3 82 00 08 02 01 28 01 00 05 00 81");  // again
    EXPECT_EQ(bench.sent(), "d3 00");
    EXPECT_EQ(bench.sent().substr(3), "01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    EXPECT_TRUE(bench.master.status().started);
}

TEST(DnpMaster, OverflowIsNoBusinessOfAMasterThatWasToldSo) {
    auto settings = quiet();
    settings.integrity_on_overflow = false;
    MasterBench bench(settings);
    bench.up();
    bench.hears("f0 82 00 08");
    bench.sent();
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.master.status().iin.has(Iin::event_buffer_overflow));
}

TEST(DnpMaster, AMasterThatHeedsNoIndicationsAsksForNothingByItself) {
    auto settings = quiet();
    settings.heed_indications = false;
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.give(Master::Poll{.tag = 1, .classes = {.zero = true}});
    bench.sent();
    bench.hears("c0 81 9e 08");
    EXPECT_EQ(bench.completed.size(), 1u);
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_TRUE(bench.master.status().iin.has(Iin::device_restart));
}

// ---- a lost outstation -------------------------------------------------------------------------

TEST(DnpMaster, ALostOutstationIsProbedWithABackOff) {
    auto settings = usual();
    settings.retry_most = 4s;
    MasterBench bench(settings);
    bench.starts();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    bench.sent();
    bench.passes(5s);
    EXPECT_NE(bench.sent(), "");  // the retry
    bench.passes(5s);
    EXPECT_EQ(bench.completed.at(0).fate, Fate::unanswered);
    EXPECT_TRUE(bench.master.status().up);
    bench.give(Master::Poll{.tag = 2, .classes = {.one = true}});
    bench.give(Master::Poll{.tag = 3, .classes = {.one = true}});
    bench.passes(10s);
    EXPECT_FALSE(bench.master.status().up);
    EXPECT_EQ(bench.completed.at(1).fate, Fate::unanswered);
    EXPECT_EQ(bench.completed.at(2).fate, Fate::unreachable);
    bench.fragments.clear();
    bench.give(Master::Poll{.tag = 4});
    EXPECT_EQ(bench.completed.at(3).fate, Fate::unreachable);
    // After 1, 2, 4, 4 seconds, each probe waits 5 seconds for its answer.
    for (const auto pause : {1s, 2s, 4s, 4s}) {
        bench.passes(pause - 1ms);
        EXPECT_EQ(bench.sent(), "");
        bench.passes(1ms);
        EXPECT_EQ(bench.sent().substr(3), "15 3c 02 06 3c 03 06 3c 04 06");
        bench.passes(5s);
    }
    EXPECT_EQ(bench.sent(), "");
    // It speaks up: all of the startup sequence, at once.
    bench.hears("f0 82 80 00");
    EXPECT_EQ(bench.sent(), "d0 00");
    EXPECT_TRUE(bench.master.status().up);
    EXPECT_EQ(bench.sent().substr(3, 2), "15");
}

TEST(DnpMaster, AProbeIsSentEvenWhereTheStartupSequenceIsEmpty) {
    auto settings = quiet();
    settings.failures_max = 1;
    settings.retries = 0;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    bench.sent();
    bench.passes(5s);
    EXPECT_FALSE(bench.master.status().started);
    bench.passes(1s);
    EXPECT_EQ(bench.sent(), "c1 17");
    bench.hears("c1 81 00 01");
    EXPECT_TRUE(bench.master.status().up);
    EXPECT_TRUE(bench.master.status().started);
    EXPECT_EQ(bench.master.next_deadline(), never);
}

TEST(DnpMaster, AnOutstationThatAnswersNonsenseIsNotAskedWithoutPause) {
    MasterBench bench(usual());
    bench.up();
    for (int i = 0; i < 2; ++i) {
        const auto request = bench.sent();
        ASSERT_FALSE(request.empty());
        bench.hears(request.substr(0, 2) + " 81 00 00 01 02 00 00 05 81");
    }
    EXPECT_EQ(bench.sent(), "");
    EXPECT_GE(bench.master.next_deadline(), bench.now + 1s);
}

// ---- time --------------------------------------------------------------------------------------

// [IEEE 1815 §10.3]
TEST(DnpMaster, OnALanTheMomentOfTheRecordingIsWritten) {
    auto settings = quiet();
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0x0123'4567'0000});
    bench.passes(16ms);
    bench.hears("f0 82 10 00");
    bench.sent();
    EXPECT_EQ(bench.sent(), "c0 18");
    bench.passes(300ms);
    bench.hears("c0 81 10 00");
    EXPECT_EQ(bench.sent(), "c1 02 32 03 07 01 10 00 67 45 23 01");
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "");
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");
}

TEST(DnpMaster, OnASerialLineTheDelayIsMeasuredAndAdded) {
    auto settings = quiet();
    settings.time_sync = TimeSync::serial;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0x0123'4567'0000});
    bench.hears("f0 82 10 00");
    bench.sent();
    EXPECT_EQ(bench.sent(), "c0 17");
    bench.passes(1000ms);
    bench.hears("c0 81 10 00 34 02 07 01 c8 00");  // 200 ms of it are the outstation's own
    // 1,000 ms since the clock was told, and 400 ms on the line.
    EXPECT_EQ(bench.sent(), "c1 02 32 01 07 01 78 05 67 45 23 01");
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "");
}

TEST(DnpMaster, ACoarseDelayWithAWideCountIsUnderstood) {
    auto settings = quiet();
    settings.time_sync = TimeSync::serial;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.hears("f0 82 10 00");
    bench.sent();
    bench.sent();
    bench.passes(3000ms);
    bench.hears("c0 81 10 00 34 01 08 01 00 01 00");
    EXPECT_EQ(bench.sent(), "c1 02 32 01 07 01 a0 0f 00 00 00 00");
}

TEST(DnpMaster, ADelayThatCannotBeAddsNothing) {
    auto settings = quiet();
    settings.time_sync = TimeSync::serial;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.hears("f0 82 10 00");
    bench.sent();
    bench.sent();
    bench.passes(10ms);
    bench.hears("c0 81 10 00 34 02 07 01 ff ff");
    EXPECT_EQ(bench.sent(), "c1 02 32 01 07 01 0a 00 00 00 00 00");
}

TEST(DnpMaster, ATimeIsNeverRepeatedTheProcedureIs) {
    auto settings = quiet();
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.hears("f0 82 10 00");
    bench.sent();
    EXPECT_EQ(bench.sent(), "c0 18");
    bench.passes(100ms);
    bench.hears("c0 81 10 00");
    EXPECT_EQ(bench.sent(), "c1 02 32 03 07 01 00 00 00 00 00 00");
    bench.passes(5s);  // nobody answers
    EXPECT_EQ(bench.sent(), "");
    bench.passes(1s);
    EXPECT_EQ(bench.sent(), "c2 18");  // from the first step
    bench.passes(100ms);
    bench.hears("c2 81 10 00");
    EXPECT_EQ(bench.sent(), "c3 02 32 03 07 01 d4 17 00 00 00 00");
}

TEST(DnpMaster, WithoutAClockNoTimeIsWritten) {
    auto settings = quiet();
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.up();
    bench.hears("f0 82 10 00");
    bench.sent();
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");
    bench.give(Master::Synchronise{.tag = 5});
    EXPECT_EQ(bench.completed.at(0).fate, Fate::unreachable);
    bench.give(Master::ClockSet{.ms = 0});
    EXPECT_EQ(bench.sent(), "c0 18");
}

TEST(DnpMaster, AnOutstationWithoutTheLansWayIsAskedTheOther) {
    auto settings = quiet();
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.hears("f0 82 10 00");
    bench.sent();
    bench.sent();
    bench.hears("c0 81 10 01");
    EXPECT_EQ(bench.sent(), "c1 17");
    bench.hears("c1 81 10 01");  // neither
    EXPECT_EQ(bench.sent(), "");
    bench.hears("f1 82 10 00");
    EXPECT_EQ(bench.sent(), "d1 00");
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");  // not asked for ever
}

TEST(DnpMaster, AnOutstationThatGoesOnNeedingTimeGetsItAtAPace) {
    auto settings = quiet();
    settings.time_sync = TimeSync::serial;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.hears("f0 82 10 00");
    bench.sent();
    int requests = 0;
    for (int i = 0; i < 600; ++i) {
        for (auto request = bench.sent(); !request.empty(); request = bench.sent()) {
            ++requests;
            const bool measures = request.substr(3) == "17";
            bench.hears(request.substr(0, 2) +
                        (measures ? " 81 10 00 34 02 07 01 00 00" : " 81 10 00"));
        }
        bench.passes(1s);
    }
    EXPECT_LE(requests, 40);
    EXPECT_GE(requests, 10);
}

TEST(DnpMaster, StepsOfTheWallClockMoveNoTimer) {
    auto settings = usual();
    settings.polls = {{.classes = events, .every = 10s}};
    MasterBench bench(settings);
    bench.give(Master::ClockSet{.ms = 1'800'000'000'000});
    bench.starts();
    const auto before = bench.master.next_deadline();
    for (const std::uint64_t ms : {0ULL, 0xffff'ffff'ffffULL, ~0ULL, 5ULL}) {
        bench.give(Master::ClockSet{.ms = ms});
        EXPECT_EQ(bench.master.next_deadline(), before);
    }
    EXPECT_EQ(bench.sent(), "");
}

TEST(DnpMaster, TheClockIsSetOnRequestAsWell) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::ClockSet{.ms = 0});
    bench.give(Master::Synchronise{.tag = 5});
    EXPECT_EQ(bench.sent(), "c0 18");
    bench.hears("c0 81 00 01");
    EXPECT_EQ(bench.sent(), "c1 17");
    bench.hears("c1 81 00 00 34 02 07 01 00 00");
    EXPECT_EQ(bench.sent(), "c2 02 32 01 07 01 00 00 00 00 00 00");
    bench.hears("c2 81 00 00");
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].tag, 5u);
    EXPECT_EQ(bench.completed[0].fate, Fate::answered);
}

// ---- anything else -----------------------------------------------------------------------------

TEST(DnpMaster, AnythingCanBeAsked) {
    MasterBench bench(quiet());
    bench.up();
    bench.give(Master::Ask{.tag = 1, .function = Function::cold_restart});
    EXPECT_EQ(bench.sent(), "c0 0d");
    bench.hears("c0 81 00 00 34 01 07 01 1e 00");
    EXPECT_EQ(to_hex(bench.completed.at(0).objects),
              "34010701"
              "1e00");
    bench.give(Master::Ask{
        .tag = 2, .function = Function::assign_class, .objects = "3c 02 06 01 00 06"_hex});
    EXPECT_EQ(bench.sent(), "c1 16 3c 02 06 01 00 06");
    bench.hears("c1 81 00 04");
    EXPECT_TRUE(bench.completed.at(1).iin.has(Iin::parameter_error));
    bench.give(Master::Ask{
        .tag = 3, .function = Function::immediate_freeze_no_ack, .objects = "14 00 06"_hex});
    EXPECT_EQ(bench.sent(), "c2 08 14 00 06");
    EXPECT_EQ(bench.completed.at(2).fate, Fate::unanswered);
    EXPECT_FALSE(bench.master.busy());
    EXPECT_EQ(bench.master.stats().not_answered, 1u);
    // Not repeated: it is no read.
    bench.give(
        Master::Ask{.tag = 4, .function = Function::write, .objects = "22 01 00 00 00 05 00"_hex});
    EXPECT_EQ(bench.sent(), "c3 02 22 01 00 00 00 05 00");
    bench.passes(5s);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(3).fate, Fate::unanswered);
    bench.give(Master::Ask{.tag = 5, .objects = "00 fe 00 00 00"_hex});
    EXPECT_EQ(bench.sent(), "c4 01 00 fe 00 00 00");
}

TEST(DnpMaster, AFullQueueRefuses) {
    auto settings = quiet();
    settings.queue_max = 3;
    MasterBench bench(settings);
    bench.up();
    for (std::uint64_t i = 0; i < 6; ++i) bench.give(Master::Poll{.tag = i});
    EXPECT_EQ(bench.master.stats().refused, 2u);  // one is under way
    ASSERT_EQ(bench.completed.size(), 2u);
    EXPECT_EQ(bench.completed[0].tag, 4u);
    EXPECT_EQ(bench.completed[0].fate, Fate::unreachable);
}

TEST(DnpMaster, ARequestThatFitsNoFragmentIsNotSent) {
    auto settings = quiet();
    settings.fragment_octets_max = 249;
    MasterBench bench(settings);
    bench.up();
    bench.give(Master::Ask{.tag = 1, .objects = Octets(248)});
    EXPECT_EQ(bench.completed.at(0).fate, Fate::unreachable);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_FALSE(bench.master.busy());
}

TEST(DnpMaster, WithoutAChannelNothingIsReachable) {
    MasterBench bench(usual());
    bench.give(Master::Poll{.tag = 1});
    bench.give(Master::Operate{.tag = 2, .controls = {latch_one}});
    ASSERT_EQ(bench.completed.size(), 2u);
    EXPECT_EQ(bench.completed[0].fate, Fate::unreachable);
    EXPECT_EQ(bench.completed[1].fate, Fate::unreachable);
}

}  // namespace
}  // namespace causeway::scada::dnp3::master_test
