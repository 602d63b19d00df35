#include "scada/dnp3/outstation_testing.hpp"

namespace causeway::scada::dnp3::outstation_test {
namespace {

using namespace std::chrono_literals;
using enum PointType;
using Step = OutstationBench::Step;
using Asked = OutstationBench::Asked;
using Ints = std::vector<int>;
using Values = std::vector<double>;
using Statuses = std::vector<CommandStatus>;
using Texts = std::vector<std::string>;

constexpr auto crob_0 = "0c 01 17 01 00 03 01 64 00 00 00 c8 00 00 00 00";
constexpr auto classes_123 = "3c 02 06 3c 03 06 3c 04 06";

class OutstationDialogue : public testing::Test {
protected:
    OutstationDialogue() { bench.settle(); }
    OutstationBench bench;
};

/// Unsolicited responses as soon as there is an event, and past the null one.
OutstationSettings telling() {
    return {.unsolicited = true, .unsolicited_after = 0ms, .confirm_within = 5s};
}
struct TellingBench : OutstationBench {
    explicit TellingBench(OutstationSettings settings = telling()) : OutstationBench(settings) {
        confirm(take());
        settle();
        request(Function::enable_unsolicited, classes_123);
        sent.clear();
    }
};

// ---- reads, octet for octet ---------------------------------------------------------------------

TEST_F(OutstationDialogue, AnEmptyClassIsANullResponseWithTheRequestsSequenceNumber) {
    EXPECT_EQ(bench.ask("c5 01 3c 02 06"), "c5 81 00 00");
}

TEST_F(OutstationDialogue, StaticDataComeInTheVariationsThatArePlannedOrAskedFor) {
    bench.binary(1, true);
    EXPECT_EQ(bench.ask("c1 01 01 00 06"), "c1 81 02 00 01 02 00 00 03 01 81 01 01");
    EXPECT_EQ(bench.ask("c2 01 01 01 06"), "c2 81 02 00 01 01 00 00 03 02");
    EXPECT_EQ(bench.ask("c3 01 03 01 06"), "c3 81 02 00 03 01 00 00 01 05");
    EXPECT_EQ(bench.ask("c4 01 1e 04 00 01 02"), "c4 81 02 00 1e 04 00 01 02 64 00 64 00");
    EXPECT_EQ(bench.ask("c5 01 14 06 00 00 00"), "c5 81 02 00 14 06 00 00 00 05 00");
}

TEST_F(OutstationDialogue, ACountNamesTheFirstPointsAndAListThoseInIt) {
    EXPECT_EQ(bench.ask("c1 01 01 02 07 02"), "c1 81 00 00 01 02 00 00 01 01 01");
    EXPECT_EQ(bench.ask("c2 01 01 02 17 02 03 00"),
              "c2 81 00 00 01 02 00 03 03 01 01 02 00 00 00 01");
    EXPECT_EQ(bench.ask("c3 01 01 02 28 02 00 01 00 02 00"), "c3 81 00 00 01 02 00 01 02 01 01");
    EXPECT_EQ(bench.ask("c4 01 01 02 17 02 01 63"), "c4 81 00 04 01 02 00 01 01 01");
}

// [IEEE 1815 §11.3.2.2]: packed states have no flags, so that a point whose flags say something is
// told apart from its neighbours.
TEST_F(OutstationDialogue, APointThatIsNotWellLeavesThePackedOnes) {
    bench.set(binary, 1, true, flag::comm_lost);
    EXPECT_EQ(bench.ask("c1 01 01 01 06"),
              "c1 81 02 00 01 01 00 00 00 00 01 02 00 01 01 84 01 01 00 02 03 00");
}

TEST_F(OutstationDialogue, OctetStringsHaveTheirLengthForAVariation) {
    bench.set(octet_string, 0, to_octets(as_octets("abc")));
    EXPECT_EQ(bench.ask("c1 01 6e 00 06"), "c1 81 08 00 6e 03 00 00 00 61 62 63");
    EXPECT_EQ(bench.ask("c2 01 6f 00 06"), "e2 81 00 00 6f 03 17 01 00 61 62 63");
}

TEST_F(OutstationDialogue, EventsHaveTheirTimes) {
    bench.passes(500ms);
    bench.binary(2, true);
    EXPECT_EQ(bench.ask("c1 01 3c 03 06"), "e1 81 00 00 02 02 17 01 02 81 34 44 0f 00 00 00");
    EXPECT_EQ(bench.ask("c1 00"), "");
    EXPECT_EQ(bench.ask("c2 01 3c 03 06"), "c2 81 00 00");
}

// [IEEE 1815 §A.18]
TEST_F(OutstationDialogue, DeadbandsAreReadAndWritten) {
    EXPECT_EQ(bench.ask("c1 01 22 01 06"), "c1 81 00 00 22 01 00 00 03 05 00 05 00 05 00 05 00");
    EXPECT_EQ(bench.ask("c2 02 22 01 17 01 01 f4 01"), "c2 81 00 00");
    EXPECT_EQ(bench.ask("c3 02 22 03 00 02 02 00 00 20 41"), "c3 81 00 00");
    EXPECT_EQ(bench.ask("c4 01 22 02 00 01 02"),
              "c4 81 00 00 22 02 00 01 02 f4 01 00 00 0a 00 00 00");
    EXPECT_EQ(bench.ask("c5 01 22 00 00 02 02"), "c5 81 00 00 22 03 00 02 02 00 00 20 41");
    bench.analog(1, 550);
    EXPECT_EQ(bench.ask("c6 01 3c 03 06"), "c6 81 00 00");
    // Not a number, a negative one, a point that is not there.
    EXPECT_EQ(bench.ask("c7 02 22 03 00 00 00 00 00 c0 7f"), "c7 81 00 04");
    EXPECT_EQ(bench.ask("c8 02 22 03 00 00 00 00 00 20 c1"), "c8 81 00 04");
    EXPECT_EQ(bench.ask("c9 02 22 01 17 01 63 f4 01"), "c9 81 00 04");
}

TEST_F(OutstationDialogue, TimeAndIndicationsAreRead) {
    EXPECT_EQ(bench.ask("c1 01 32 01 07 01"), "c1 81 00 00 32 01 07 01 40 42 0f 00 00 00");
    bench.give(Outstation::Indicate{.what = Iin::device_trouble});
    bench.give(Outstation::Indicate{.what = Iin::local_control});
    bench.give(Outstation::Indicate{.what = Iin::config_corrupt});
    EXPECT_EQ(bench.ask("c2 01 50 01 06"), "c2 81 60 20 50 01 00 00 0f 60 20");
    bench.give(Outstation::Indicate{.what = Iin::device_trouble, .on = false});
    EXPECT_EQ(bench.ask("c3 01 3c 02 06"), "c3 81 20 20");
    bench.give(Outstation::Indicate{.what = Iin::device_restart});  // not the device's to say
    EXPECT_EQ(bench.ask("c4 01 3c 02 06"), "c4 81 20 20");
}

// ---- what is wrong with a request [IEEE 1815 §4.2.2.6] ------------------------------------------

TEST_F(OutstationDialogue, WhatCannotBeUnderstoodIsAnsweredWithoutData) {
    bench.toggle(0);
    EXPECT_EQ(bench.ask("c1 01 3c 02 06 01 02 00 00"), "c1 81 02 04");     // cut off
    EXPECT_EQ(bench.ask("c2 01 3c 02 06 01 02 00 03 01"), "c2 81 02 04");  // backwards
    EXPECT_EQ(bench.ask("c3 01 01 02 0b 01"), "c3 81 02 04");              // no such qualifier
    EXPECT_EQ(bench.ask("c4 01 3c 05 06"), "c4 81 02 02");
    EXPECT_EQ(bench.ask("c5 01 3c 01 07 01"), "c5 81 02 04");
    EXPECT_EQ(bench.ask("c6 01 02 00 00 00 01"), "c6 81 02 04");  // events have no ranges
    EXPECT_EQ(bench.ask("c7 02 01 02 00 00 00 81"), "c7 81 02 02");
    EXPECT_EQ(bench.ask("c8 02 32 01 07 02 00 00 00 00 00 00 00 00 00 00 00 00"), "c8 81 02 04");
    EXPECT_EQ(bench.ask("c9 0b 32 02 07 01 00 00 00 00 00 00 00 00 00 00 14 00 06"), "c9 81 02 01");
    EXPECT_EQ(bench.ask("ca 20"), "ca 81 02 01");
    EXPECT_EQ(bench.ask("cb 04"), "cb 81 02 04");
    EXPECT_EQ(bench.ask("cc 05 01 00 06"), "cc 81 02 02");
    EXPECT_EQ(bench.ask("cd 07 1e 00 06"), "cd 81 02 02");  // no frozen analogs
    EXPECT_EQ(bench.ask("ce 01 3c 02 06").substr(0, 11), "ee 81 00 00");
}

TEST_F(OutstationDialogue, WhatIsUnknownBesideWhatIsKnownIsSaidWithTheData) {
    EXPECT_EQ(bench.ask("c1 01 00 f0 06 01 01 06"), "c1 81 00 02 01 01 00 00 03 00");
}

TEST_F(OutstationDialogue, OnlyTheRestartIndicationIsWrittenAndOnlyCleared) {
    EXPECT_EQ(bench.ask("c1 02 50 01 00 07 07 01"), "c1 81 00 04");
    EXPECT_EQ(bench.ask("c2 02 50 01 00 04 04 00"), "c2 81 00 04");
    EXPECT_EQ(bench.ask("c3 02 50 01 01 07 00 07 00 00"), "c3 81 00 00");
    EXPECT_EQ(bench.ask("c4 02 50 01 17 01 07 00"), "c4 81 00 04");
}

TEST_F(OutstationDialogue, FragmentsThatAreNoRequestsAreDropped) {
    const auto before = bench.outstation.stats();
    for (const auto* nothing : {"", "c0", "80 01 3c 02 06", "40 01 3c 02 06", "d0 01 3c 02 06",
                                "c0 81 00 00", "d0 82 00 00", "c0 83 00 00", "c0 00", "d0 00"})
        EXPECT_EQ(bench.ask(nothing), "") << nothing;
    EXPECT_EQ(bench.outstation.stats().requests, before.requests);
    EXPECT_EQ(bench.outstation.stats().bad_fragments, before.bad_fragments + 5);
    EXPECT_EQ(bench.outstation.stats().not_for_us, before.not_for_us + 5);
}

TEST_F(OutstationDialogue, ManyHeadersInOneRequestAreBounded) {
    std::string request = "c1 01";
    for (int i = 0; i < 600; ++i) request += " 3c 01 06";
    EXPECT_EQ(bench.ask(request).substr(3, 8), "81 00 04");
    bench.sent.clear();
    EXPECT_EQ(bench.outstation.stats().parameter_errors, 1u);
    for (const auto* header : {" 3c 02 07 01", " 02 02 07 01"}) {
        for (int i = 0; i < 50; ++i) bench.toggle(0);
        request = "c2 01";
        for (int i = 0; i < 33; ++i) request += header;
        bench.hears(request);
        const ReadFragment some = bench.take();
        EXPECT_EQ(some.of(2).size(), 32u);
        EXPECT_TRUE(some.iin.has(Iin::parameter_error));
        bench.confirm(some);
    }
}

// ---- repeats [IEEE 1815 §4.3] -------------------------------------------------------------------

TEST_F(OutstationDialogue, ARequestThatComesTwiceIsAnsweredTwiceAndDoneOnce) {
    bench.counter(0, 9);
    const std::string freeze = bench.ask("c1 09 14 00 06");
    bench.counter(0, 30);
    EXPECT_EQ(bench.ask("c1 09 14 00 06"), freeze);
    EXPECT_EQ(bench.read("15 00 00 00 00").values(21), Values{9});
    EXPECT_EQ(bench.outstation.stats().repeats, 1u);
}

TEST_F(OutstationDialogue, AReadThatComesTwiceIsAnsweredWithTheSameEvents) {
    bench.toggle(0);
    const std::string first = bench.ask("c1 01 3c 02 06");
    bench.toggle(0);
    EXPECT_EQ(bench.ask("c1 01 3c 02 06"), first);
    EXPECT_EQ(bench.ask("c1 00"), "");
    EXPECT_EQ(bench.read("3c 02 06").of(2).size(), 1u);
}

TEST_F(OutstationDialogue, AnotherMastersEqualRequestIsNoRepeat) {
    OutstationBench open({.any_master = true});
    open.settle();
    open.hears("c1 05 " + std::string(crob_0), 1);
    open.hears("c1 05 " + std::string(crob_0), 7);
    EXPECT_EQ(open.operated().size(), 2u);
    EXPECT_EQ(open.sent.back().destination, 7);
}

// ---- confirmations ------------------------------------------------------------------------------

TEST_F(OutstationDialogue, AnotherRequestEndsTheWaitForAConfirmation) {
    bench.toggle(0);
    EXPECT_EQ(bench.ask("c1 01 3c 02 06").substr(0, 5), "e1 81");
    EXPECT_EQ(bench.ask("c2 17"), "c2 81 02 00 34 02 07 01 00 00");
    EXPECT_EQ(bench.ask("c1 00"), "");  // too late
    EXPECT_EQ(bench.read("3c 02 06").of(2).size(), 1u);
}

TEST_F(OutstationDialogue, EventsOfALongReadComeOnceEachInOrder) {
    std::vector<int> expected;
    for (int i = 0; i < 900; ++i) {
        const auto index = static_cast<std::uint16_t>(i * 7 % 4);
        bench.toggle(index);
        expected.push_back(index);
    }
    ReadFragment fragment = bench.read(classes_123);
    std::vector<int> seen = fragment.indexes(2);
    bench.toggle(0);  // belongs to the next poll
    while (!fragment.control.final) {
        fragment = bench.confirm(fragment);
        for (const int index : fragment.indexes(2)) seen.push_back(index);
    }
    bench.confirm(fragment);
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(bench.outstation.stats().events_confirmed, 900u);
    EXPECT_EQ(bench.outstation.status().events_waiting, (std::array<std::size_t, 3>{1, 0, 0}));
}

TEST_F(OutstationDialogue, FragmentsNoMasterConfirmedAreSentAnewWithTheirEvents) {
    for (int i = 0; i < 900; ++i) bench.toggle(0);
    const ReadFragment second = bench.confirm(bench.read("3c 02 06"));
    EXPECT_FALSE(second.control.final);
    bench.passes(6s);
    EXPECT_EQ(bench.outstation.stats().confirm_timeouts, 1u);
    const ReadFragment again = bench.read("3c 02 06");
    EXPECT_EQ(again.measured.front(), second.measured.front());
}

// ---- overflow -----------------------------------------------------------------------------------

TEST(OutstationOverflow, KeepsTheNewestOfEachClassAndHarmsNoOther) {
    OutstationBench bench({.events_max = {3, 3, 3}});
    bench.settle();
    bench.toggle(2);
    for (int i = 1; i <= 5; ++i) bench.analog(0, 100 + 10 * i);
    const ReadFragment fragment = bench.read(classes_123);
    EXPECT_EQ(fragment.values(32), (Values{130, 140, 150}));
    EXPECT_EQ(fragment.indexes(2), Ints{2});
    EXPECT_TRUE(fragment.iin.has(Iin::event_buffer_overflow));
    EXPECT_TRUE(bench.outstation.status().overflow);
    bench.confirm(fragment);
    EXPECT_FALSE(bench.outstation.status().overflow);
    EXPECT_EQ(bench.outstation.stats().events_lost, 2u);
}

TEST(OutstationOverflow, ThatHappensWhileAResponseIsOnItsWayIsToldInTheNext) {
    OutstationBench bench({.events_max = {3, 3, 3}});
    bench.settle();
    for (int i = 0; i < 3; ++i) bench.toggle(0);
    const ReadFragment before = bench.read("3c 02 06");
    EXPECT_FALSE(before.iin.has(Iin::event_buffer_overflow));
    bench.toggle(1);
    bench.confirm(before);
    const ReadFragment after = bench.read("3c 02 06");
    EXPECT_EQ(after.indexes(2), Ints{1});  // the response that was confirmed took the others
    EXPECT_TRUE(after.iin.has(Iin::event_buffer_overflow));
    bench.confirm(after);
    EXPECT_FALSE(bench.read("3c 02 06").iin.has(Iin::event_buffer_overflow));
}

TEST(OutstationOverflow, IsNotOfClassesWithoutABuffer) {
    OutstationBench bench({.events_max = {0, 1, 1}});
    bench.settle();
    bench.toggle(0);
    EXPECT_EQ(bench.read(classes_123).objects, "");
    EXPECT_EQ(bench.outstation.stats().events, 0u);
}

// ---- controls and what goes wrong with them -----------------------------------------------------

TEST_F(OutstationDialogue, ADeviceThatAnswersLaterIsWaitedFor) {
    bench.answers = nullptr;
    EXPECT_EQ(bench.ask("c1 05 " + std::string(crob_0)), "");
    EXPECT_EQ(bench.ask("c1 05 " + std::string(crob_0)), "");  // impatient
    ASSERT_EQ(bench.ids.size(), 1u);
    bench.passes(3s);
    bench.give(Outstation::CommandAnswered{.id = bench.ids[0], .status = CommandStatus::local});
    EXPECT_EQ(bench.answer(), "c1 81 00 00 0c 01 17 01 00 03 01 64 00 00 00 c8 00 00 00 07");
    bench.give(Outstation::CommandAnswered{.id = bench.ids[0]});
    EXPECT_TRUE(bench.silent());
}

TEST_F(OutstationDialogue, ADeviceThatNeverAnswersIsAHardwareError) {
    bench.answers = nullptr;
    EXPECT_EQ(bench.request(Function::direct_operate, crob_0).destination, 0);
    bench.passes(10s);
    EXPECT_EQ(bench.take().statuses(), Statuses{CommandStatus::hardware_error});
    bench.give(Outstation::CommandAnswered{.id = bench.ids[0]});
    EXPECT_TRUE(bench.silent());
}

TEST_F(OutstationDialogue, AControlUnderWayIsForgottenForTheNextRequest) {
    bench.answers = nullptr;
    bench.request(Function::select, crob_0);
    EXPECT_EQ(bench.ask("ca 17"), "ca 81 00 00 34 02 07 01 00 00");
    EXPECT_EQ(bench.selections_gone, Ints{0});
    bench.give(Outstation::CommandAnswered{.id = bench.ids[0]});
    bench.passes(1min);
    EXPECT_TRUE(bench.silent());
}

TEST_F(OutstationDialogue, AMasterThatVanishesAfterItsSelectLeavesNothingSelected) {
    bench.request(Function::select, crob_0);
    bench.passes(10s);
    EXPECT_EQ(bench.selections_gone, Ints{0});
    EXPECT_TRUE(bench.operated().empty());

    bench.request(Function::select, crob_0);
    bench.give(ChannelDown{});
    EXPECT_EQ(bench.selections_gone, (Ints{0, 0}));
    bench.give(ChannelUp{});
    EXPECT_EQ(bench.request(Function::operate, crob_0).statuses(),
              Statuses{CommandStatus::no_select});
    EXPECT_TRUE(bench.operated().empty());
}

TEST_F(OutstationDialogue, AnyRequestInBetweenUndoesASelection) {
    bench.request(Function::select, crob_0);
    bench.read("3c 02 06");
    EXPECT_EQ(bench.selections_gone, Ints{0});
    bench.sequence = 1;
    EXPECT_EQ(bench.request(Function::operate, crob_0).statuses(),
              Statuses{CommandStatus::no_select});
    EXPECT_TRUE(bench.operated().empty());
}

TEST(OutstationControls, WhatOneMasterSelectedNoOtherOperates) {
    OutstationBench bench({.any_master = true});
    bench.settle();
    const std::string select = "c1 03 " + std::string(crob_0);
    const std::string operate = "c2 04 " + std::string(crob_0);
    bench.hears(select, 1);
    bench.hears(select, 7);
    bench.hears(operate, 7);
    EXPECT_TRUE(bench.operated().empty());
    EXPECT_EQ(read_fragment(bench.sent[bench.sent.size() - 2]).statuses(),
              Statuses{CommandStatus::already_active});
    EXPECT_EQ(read_fragment(bench.sent.back()).statuses(), Statuses{CommandStatus::no_select});
    bench.hears(operate, 1);
    EXPECT_EQ(bench.operated().size(), 1u);
}

TEST_F(OutstationDialogue, ARefusedSelectSelectsNothing) {
    bench.answers = [](const auto&) { return CommandStatus::automation_inhibit; };
    EXPECT_EQ(bench.request(Function::select, crob_0).statuses(),
              Statuses{CommandStatus::automation_inhibit});
    bench.answers = [](const auto&) { return CommandStatus::success; };
    EXPECT_EQ(bench.request(Function::operate, crob_0).statuses(),
              Statuses{CommandStatus::no_select});
    EXPECT_TRUE(bench.operated().empty());
}

TEST(OutstationControls, BeyondTheLimitAreTooManyOperations) {
    OutstationBench bench({.controls_max = 2});
    bench.settle();
    const ReadFragment fragment =
        bench.request(Function::direct_operate, "29 02 17 03 00 0a 00 00 01 14 00 00 00 1e 00 00");
    EXPECT_EQ(fragment.statuses(), (Statuses{CommandStatus::success, CommandStatus::success,
                                             CommandStatus::too_many_ops}));
    EXPECT_EQ(bench.operated().size(), 2u);
}

TEST_F(OutstationDialogue, ControlsOfTwoKindsStandInOneRequest) {
    const std::string both = std::string(crob_0) + " 29 03 17 01 01 00 00 20 41 00";
    EXPECT_EQ(bench.request(Function::direct_operate, both).objects, both);
    EXPECT_EQ(bench.operated(), (std::vector<Asked>{{Step::direct, binary_output, 0, 1},
                                                    {Step::direct, analog_output, 1, 10}}));
}

TEST_F(OutstationDialogue, ControlsThatAreNonsenseNeverReachTheDevice) {
    // A reserved code, the obsolete queue, reserved trip and close; not a number.
    for (const auto& [objects, status] :
         {std::pair{"0c 01 17 01 00 05 01 64 00 00 00 c8 00 00 00 00", CommandStatus::format_error},
          {"0c 01 17 01 00 13 01 64 00 00 00 c8 00 00 00 00", CommandStatus::not_supported},
          {"0c 01 17 01 00 c3 01 64 00 00 00 c8 00 00 00 00", CommandStatus::format_error},
          {"29 03 17 01 00 00 00 c0 7f 00", CommandStatus::out_of_range}})
        EXPECT_EQ(bench.request(Function::direct_operate, objects).statuses(), Statuses{status});
    // By a range, not by indexes; cut off; pattern masks.
    for (const auto* objects : {"29 02 00 00 00 0a 00 00", "29 02 17 01 00 0a 00", "0c 03 06"}) {
        const ReadFragment fragment = bench.request(Function::direct_operate, objects);
        EXPECT_TRUE(fragment.null() && fragment.errors()) << objects;
    }
    EXPECT_TRUE(bench.asked.empty());
}

TEST_F(OutstationDialogue, ACountOfZeroIsNothingToDo) {
    constexpr auto none = "0c 01 17 01 00 03 00 64 00 00 00 c8 00 00 00 00";
    EXPECT_EQ(bench.request(Function::direct_operate, none).objects, none);
    EXPECT_TRUE(bench.asked.empty());
}

TEST_F(OutstationDialogue, AnAnswerThatWouldNotFitIsNoReasonToOperate) {
    OutstationBench small({.fragment_octets_max = 300});
    small.settle();
    std::string objects = "29 02 17 64";
    for (int i = 0; i < 100; ++i) objects += " 00 0a 00 00";
    const ReadFragment fragment = small.request(Function::direct_operate, objects);
    EXPECT_TRUE(fragment.null() && fragment.iin.has(Iin::parameter_error));
    EXPECT_TRUE(small.asked.empty());
}

TEST_F(OutstationDialogue, ABroadcastControlIsDoneByEverybodyAndAnsweredByNobody) {
    bench.sent.clear();
    bench.broadcast(Function::direct_operate_no_ack, crob_0, broadcast_no_confirm);
    bench.broadcast(Function::direct_operate, crob_0, broadcast_no_confirm);
    bench.broadcast(Function::select, crob_0, broadcast_no_confirm);
    bench.broadcast(Function::cold_restart, "", broadcast_no_confirm);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.operated().size(), 1u);
    EXPECT_TRUE(bench.outputs_of_note.empty());
}

// ---- unsolicited responses ----------------------------------------------------------------------

TEST(OutstationUnsolicited, BeginWithANullResponseOctetForOctet) {
    OutstationBench bench(telling());
    EXPECT_EQ(bench.answer(), "f0 82 90 00");
    bench.passes(5s);
    EXPECT_EQ(bench.answer(), "f0 82 90 00");
    bench.hears("d0 00");
    EXPECT_EQ(bench.ask("c0 15 3c 02 06 3c 03 06 3c 04 06"), "c0 81 90 00");
    EXPECT_EQ(bench.ask("c1 02 50 01 00 07 07 00"), "c1 81 10 00");
    EXPECT_EQ(bench.ask("c2 14 3c 02 06"), "c2 81 10 00");
    bench.give(Outstation::ClockSet{.ms = 1});
    bench.set(binary, 0, true);
    EXPECT_EQ(bench.answer(), "f1 82 00 00 02 02 17 01 00 81 01 00 00 00 00 00");
    bench.hears("d1 00");
    EXPECT_EQ(bench.outstation.stats().events_waiting, 0u);
}

TEST(OutstationUnsolicited, GatherEventsForAWhileOrUntilThereAreEnough) {
    OutstationSettings settings = telling();
    settings.unsolicited_after = 500ms;
    settings.unsolicited_events = 3;
    TellingBench bench(settings);
    bench.toggle(0);
    bench.toggle(2);
    bench.passes(499ms);
    EXPECT_TRUE(bench.silent());
    bench.passes(1ms);
    const ReadFragment two = bench.take();
    EXPECT_EQ(two.indexes(2), (Ints{0, 2}));
    bench.confirm(two);
    for (const std::uint16_t index : Indexes{0, 1, 2}) bench.toggle(index);
    EXPECT_EQ(bench.take().indexes(2), (Ints{0, 1, 2}));
}

TEST(OutstationUnsolicited, CarryOnAfterAFullFragmentWithoutAPause) {
    OutstationSettings settings = telling();
    settings.unsolicited_after = 1s;
    settings.unsolicited_events = 400;
    TellingBench bench(settings);
    for (int i = 0; i < 400; ++i) bench.toggle(0);
    std::size_t seen = 0;
    int fragments = 0;
    for (ReadFragment fragment = bench.take(); fragment.destination != 0; ++fragments) {
        EXPECT_GT(fragment.octets, fragments == 0 ? fragment_octets_max - 8 : 0u);
        seen += fragment.measured.size();
        fragment = bench.confirm(fragment);
    }
    EXPECT_EQ(seen, 400u);
    EXPECT_EQ(fragments, 2);
}

TEST(OutstationUnsolicited, RetriesAreTheSameOctetsAndThenRestUntilLater) {
    OutstationSettings settings = telling();
    settings.unsolicited_retries = 2;
    settings.unsolicited_retry_later = 30s;
    TellingBench bench(settings);
    bench.toggle(0);
    const std::string first = bench.answer();
    bench.toggle(1);  // waits for the next series
    bench.passes(10s);
    EXPECT_EQ(bench.answer(), first);
    EXPECT_EQ(bench.answer(), first);
    bench.passes(34s);
    EXPECT_TRUE(bench.silent());
    bench.passes(1s);
    const ReadFragment later = bench.take();
    EXPECT_EQ(later.indexes(2), (Ints{0, 1}));
    bench.confirm(later);
    EXPECT_EQ(bench.outstation.stats().events_confirmed, 2u);
}

// [IEEE 1815 §4.6.6 rule 15]
TEST(OutstationUnsolicited, OfADisabledClassAreStillConfirmedButNotRepeated) {
    TellingBench bench;
    bench.toggle(0);
    const ReadFragment first = bench.take();
    bench.request(Function::disable_unsolicited, "3c 02 06");
    bench.confirm(first);
    EXPECT_EQ(bench.outstation.stats().events_waiting, 0u);

    bench.request(Function::enable_unsolicited, "3c 02 06");
    bench.toggle(0);
    bench.take();
    bench.request(Function::disable_unsolicited, "3c 02 06");
    bench.passes(1min);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.read("3c 02 06").indexes(2), Ints{0});
}

TEST(OutstationUnsolicited, AreEnabledAllOrNothing) {
    TellingBench bench;
    bench.request(Function::disable_unsolicited, classes_123);
    EXPECT_EQ(bench.ask("c5 14 3c 02 06 3c 01 06"), "c5 81 00 04");
    EXPECT_EQ(bench.ask("c6 14 3c 02 06 01 00 06"), "c6 81 00 02");
    EXPECT_EQ(bench.outstation.status().unsolicited_enabled, Classes{});
}

TEST(OutstationUnsolicited, AreSilentWhileTheChannelIsDownAndKeepTheirEvents) {
    TellingBench bench;
    bench.toggle(0);
    const ReadFragment lost = bench.take();
    bench.give(ChannelDown{});
    bench.toggle(1);
    bench.passes(10min);
    EXPECT_TRUE(bench.silent());
    bench.give(ChannelUp{});
    const ReadFragment again = bench.take();
    EXPECT_EQ(again.indexes(2), (Ints{0, 1}));
    EXPECT_NE(again.control.sequence, lost.control.sequence);
    bench.confirm(lost);  // of the connection before: confirms nothing
    EXPECT_EQ(bench.outstation.stats().events_waiting, 2u);
    bench.confirm(again);
    EXPECT_EQ(bench.outstation.stats().events_waiting, 0u);
}

TEST(OutstationUnsolicited, AControlIsDoneAtOnceWhileAConfirmationIsAwaited) {
    TellingBench bench;
    bench.toggle(0);
    const ReadFragment waiting = bench.take();
    EXPECT_EQ(bench.request(Function::select, crob_0).objects, crob_0);
    EXPECT_EQ(bench.request(Function::operate, crob_0).objects, crob_0);
    EXPECT_EQ(bench.operated().size(), 1u);
    bench.confirm(waiting);
    EXPECT_EQ(bench.outstation.stats().events_waiting, 0u);
}

TEST(OutstationUnsolicited, ARetryWaitsForTheConfirmationOfAPolledResponse) {
    TellingBench bench;
    bench.toggle(0);
    const ReadFragment waiting = bench.take();
    bench.passes(3s);
    bench.broadcast(Function::immediate_freeze, "14 00 06", broadcast_confirm_required);
    const ReadFragment polled = bench.request(Function::delay_measurement, "");
    EXPECT_TRUE(polled.control.confirm);
    bench.passes(4s);
    EXPECT_TRUE(bench.silent());
    const ReadFragment retry = bench.confirm(polled);
    EXPECT_EQ(retry.measured, waiting.measured);
    EXPECT_EQ(retry.control.sequence, waiting.control.sequence);
}

TEST(OutstationUnsolicited, BeginAnewAfterARestart) {
    TellingBench bench;
    bench.request(Function::warm_restart, "");
    EXPECT_EQ(bench.outstation.status().unsolicited_enabled, Classes{});
    bench.toggle(0);
    EXPECT_TRUE(bench.silent());
    bench.passes(1s);
    const ReadFragment null = bench.take();
    EXPECT_TRUE(null.null() && null.iin.has(Iin::device_restart));
    EXPECT_EQ(bench.outputs_of_note, Texts{"warm restart"});
}

// ---- time, state, points ------------------------------------------------------------------------

TEST_F(OutstationDialogue, AClockThatJumpsMovesNoTimerAndLosesNoEvent) {
    bench.toggle(0);
    bench.request(Function::select, crob_0);
    bench.give(Outstation::ClockSet{.ms = 5'000'000'000'000});
    bench.toggle(0);
    bench.give(Outstation::ClockSet{.ms = 1'000});
    bench.toggle(0);
    EXPECT_EQ(bench.request(Function::operate, crob_0).statuses(),
              Statuses{CommandStatus::success});
    const auto events = bench.read("02 02 06").of(2);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].time->ms, 1'000'000u);
    EXPECT_EQ(events[1].time->ms, 5'000'000'000'000u);
    EXPECT_EQ(events[2].time->ms, 1'000u);
    // Relative times begin anew behind a common time of their own.
    const auto relative = bench.read("02 03 06").of(2);
    ASSERT_EQ(relative.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(relative[i].time->ms, events[i].time->ms);
}

TEST(OutstationTime, IsNeededAgainAfterADay) {
    OutstationBench bench({.need_time_every = 24h});
    EXPECT_EQ(bench.outstation.time_ms(bench.now), std::nullopt);
    bench.settle();
    EXPECT_FALSE(bench.outstation.status().needs_time);
    const int changes = bench.changes;
    bench.passes(24h);
    EXPECT_TRUE(bench.outstation.status().needs_time);
    EXPECT_EQ(bench.changes, changes + 1);
    EXPECT_TRUE(bench.read("3c 02 06").iin.has(Iin::need_time));
}

TEST(OutstationTime, OfAnUpdateIsKeptWhereItHasOne) {
    OutstationBench bench;
    bench.settle();
    bench.give(Outstation::Update{
        .measurement = {.type = binary, .index = 0, .value = true, .time = Timestamp{.ms = 77}}});
    EXPECT_EQ(bench.read("02 02 06").of(2).at(0).time->ms, 77u);
}

TEST_F(OutstationDialogue, UpdatesMakeEventsAsTheySay) {
    const Measurement same{.type = binary, .index = 0, .value = false};
    bench.give(Outstation::Update{.measurement = same});
    bench.give(Outstation::Update{.measurement = same, .force_event = true});
    bench.give(Outstation::Update{.measurement = {.type = binary, .index = 1, .value = true},
                                  .no_event = true});
    bench.give(Outstation::Update{.measurement = {.type = binary, .index = 99, .value = true}});
    EXPECT_EQ(bench.read(classes_123).indexes(2), Ints{0});
    EXPECT_EQ(bench.outstation.point(binary, 1)->value, MeasuredValue(true));
    EXPECT_EQ(bench.outstation.point(binary, 99), nullptr);
}

TEST_F(OutstationDialogue, NotANumberIsOneEventAndNoFlood) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    for (int i = 0; i < 5; ++i) bench.analog(0, none);
    EXPECT_EQ(bench.read("20 00 06").of(32).size(), 1u);
    bench.analog(0, 100);
    EXPECT_EQ(bench.read("20 00 06").of(32).size(), 2u);
}

TEST_F(OutstationDialogue, ACounterThatRollsOverHasMovedByALittle) {
    OutstationBench counters({},
                             {{.type = counter, .index = 0, .deadband = 10, .event_variation = 1}});
    counters.counter(0, 0xffff'fffe);
    counters.confirm(counters.read("16 00 06"));
    counters.counter(0, 3);
    EXPECT_TRUE(counters.read("16 00 06").null());
    counters.counter(0, 9);
    EXPECT_EQ(counters.read("16 00 06").values(22), Values{9});
}

TEST(OutstationPoints, WithGapsAreReadAsRangesOfTheirOwn) {
    OutstationBench bench({}, {{.type = counter, .index = 9, .static_variation = 6},
                               {.type = counter, .index = 3, .static_variation = 6},
                               {.type = counter, .index = 4, .static_variation = 6},
                               {.type = counter, .index = 4, .static_variation = 1}});
    bench.settle();
    for (const std::uint16_t index : Indexes{3, 4, 9}) bench.counter(index, index);
    bench.confirm(bench.read(classes_123));
    EXPECT_EQ(bench.ask("c1 01 14 00 06"),
              "c1 81 00 00 14 06 00 03 04 03 00 04 00 14 06 00 09 09 09 00");
    EXPECT_EQ(bench.ask("c2 01 14 00 00 04 09"),
              "c2 81 00 00 14 06 00 04 04 04 00 14 06 00 09 09 09 00");
    EXPECT_EQ(bench.ask("c3 01 14 00 00 05 08"), "c3 81 00 04");
}

TEST(OutstationPoints, HaveDefaultVariationsWithOrWithoutTimes) {
    std::vector<PointPlan> points;
    for (const PointType type : {binary, double_bit, binary_output, counter, analog, analog_output})
        points.push_back({.type = type});
    for (const bool times : {true, false}) {
        OutstationBench bench({.event_times = times}, points);
        for (const PointType type : {binary, binary_output}) bench.set(type, 0, true);
        bench.set(double_bit, 0, DoubleBit::on);
        bench.counter(0, 1);
        for (const PointType type : {analog, analog_output}) bench.set(type, 0, 1.5);
        std::vector<std::pair<int, int>> seen;
        const ReadFragment all = bench.read("3c 02 06 3c 01 06");
        for (const auto& object : all.measured) seen.emplace_back(object.group, object.variation);
        const int timed = times ? 2 : 1;
        EXPECT_EQ(seen, (std::vector<std::pair<int, int>>{{2, timed},
                                                          {11, timed},
                                                          {4, timed},
                                                          {22, times ? 5 : 1},
                                                          {32, times ? 7 : 5},
                                                          {42, times ? 7 : 5},  // events
                                                          {1, 2},
                                                          {3, 2},
                                                          {10, 2},
                                                          {20, 1},
                                                          {30, 5},
                                                          {40, 3}}));
    }
}

TEST_F(OutstationDialogue, FreezesNameTheirCounters) {
    bench.counter(1, 50);
    EXPECT_EQ(bench.ask("c1 09 14 00 00 01 02"), "c1 81 08 00");
    EXPECT_EQ(bench.outputs_of_note, (Texts{"cleared 1", "cleared 2"}));
    EXPECT_EQ(bench.ask("c2 07 14 00 17 02 00 63"), "c2 81 08 04");
    EXPECT_EQ(bench.outputs_of_note.back(), "frozen 0");
    EXPECT_EQ(bench.read("15 00 06").values(21), (Values{5, 50, 5}));
}

TEST_F(OutstationDialogue, ClassesAreAssignedWhereRequestsMakeSense) {
    EXPECT_EQ(bench.ask("c1 16 01 00 06"), "c1 81 00 04");           // to which class?
    EXPECT_EQ(bench.ask("c2 16 3c 02 06 02 00 06"), "c2 81 00 02");  // events have none
    EXPECT_EQ(bench.ask("c3 16 3c 02 06 1e 00 00 03 05"), "c3 81 00 04");
    EXPECT_EQ(bench.ask("c4 16 3c 05 06 1e 00 06"), "c4 81 00 04");
    EXPECT_EQ(bench.ask("c5 16 3c 01 06 01 00 06 3c 03 06 14 00 17 01 00"), "c5 81 00 00");
    bench.toggle(0);
    bench.counter(0, 100);
    EXPECT_EQ(bench.read(classes_123).indexes(2), Ints{});
    EXPECT_EQ(bench.read("3c 03 06").indexes(22), Ints{0});
}

TEST(OutstationLaws, TheSameInputsGiveTheSameOctets) {
    const auto run = [] {
        TellingBench bench;
        std::string all;
        for (int i = 0; i < 50; ++i) {
            bench.analog(static_cast<std::uint16_t>(i % 4), i * 13 % 97);
            bench.passes(700ms);
            if (i % 7 == 0) bench.request(Function::read, "3c 02 06 3c 01 06");
        }
        for (const SendFragment& sent : bench.sent) all += to_hex(sent.octets) + "\n";
        return all;
    };
    EXPECT_EQ(run(), run());
}

TEST(OutstationLaws, ATimeoutAtAnyTimeDoesNoHarm) {
    TellingBench bench;
    bench.toggle(0);
    bench.sent.clear();
    for (int i = 0; i < 3; ++i) bench.outstation.handle_timeout(bench.now);
    bench.drain();
    EXPECT_TRUE(bench.silent());
    const Instant due = bench.outstation.next_deadline();
    EXPECT_EQ(due, bench.now + 5s);
    bench.now = due + 1h;  // late
    bench.outstation.handle_timeout(bench.now);
    bench.outstation.handle_timeout(bench.now);
    bench.drain();
    EXPECT_EQ(bench.sent.size(), 1u);
}

}  // namespace
}  // namespace causeway::scada::dnp3::outstation_test
