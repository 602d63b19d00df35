// The DNP Users Group publishes certification procedures for outstations only; for masters it asks
// what the harness of those procedures does. So each test here holds the harness's half of one: the
// requests it sends, and what it has to make of the answer. Numbers are those of the IED
// Certification Procedure, subset level 2, version 2.6; of level 3 as far as they are known.
// Technical bulletins (TB) and IEEE 1815 stand where a rule is a master's own.
#include "scada/dnp3/master_testing.hpp"

namespace causeway::scada::dnp3::master_conformance_test {
namespace {

using Fate = Master::Completed::Fate;
using Mode = Master::Operate::Mode;

MasterBench harness() {
    MasterBench bench(quiet());
    bench.up();
    return bench;
}
Master::Operate crob(Mode mode, std::uint16_t index, Crob what) {
    return {.tag = 1, .mode = mode, .controls = {{.index = index, .what = what}}};
}
const Crob pulse{.operation = Crob::Operation::pulse_on, .on_ms = 1'000, .off_ms = 0};
const std::string pulsed = "0c 01 17 01 05 01 01 e8 03 00 00 00 00 00 00 ";

// ---- 7.2 binary output controls ----------------------------------------------------------------

// 7.2.1.2.1 Select before operate
TEST(DnpMasterConformance, SelectIsFollowedByAMatchingOperateUnderTheNextNumber) {
    auto bench = harness();
    bench.give(crob(Mode::select_before_operate, 5, pulse));
    EXPECT_EQ(bench.sent(), "c0 03 " + pulsed + "00");
    bench.hears("c0 81 00 00 " + pulsed + "00");
    EXPECT_EQ(bench.sent(), "c1 04 " + pulsed + "00");
    bench.hears("c1 81 00 00 " + pulsed + "00");
    EXPECT_EQ(bench.completed.at(0).controls.at(0).status, CommandStatus::success);
}

// 7.2.1.2.1, the same with qualifier 0x28
TEST(DnpMasterConformance, IndexesBeyondAnOctetAreSentInTwo) {
    auto bench = harness();
    bench.give(crob(Mode::select_before_operate, 0x105, pulse));
    const std::string wide = "0c 01 28 01 00 05 01 01 01 e8 03 00 00 00 00 00 00 ";
    EXPECT_EQ(bench.sent(), "c0 03 " + wide + "00");
    bench.hears("c0 81 00 00 " + wide + "00");
    EXPECT_EQ(bench.sent(), "c1 04 " + wide + "00");
}

// 7.2.1.2.4 SBO, operate issued after timeout: status 1
TEST(DnpMasterConformance, AnOperateThatCameTooLateIsToldAsATimeout) {
    auto bench = harness();
    bench.give(crob(Mode::select_before_operate, 5, pulse));
    bench.sent();
    bench.hears("c0 81 00 00 " + pulsed + "00");
    bench.sent();
    bench.hears("c1 81 00 00 " + pulsed + "01");
    EXPECT_EQ(bench.completed.at(0).controls.at(0).status, CommandStatus::timeout);
}

// 7.2.1.2.5 to 7.2.1.2.12 SBO, select/operate mismatch: a master never makes one
TEST(DnpMasterConformance, AnOperateThatDoesNotMatchItsSelectIsNeverSent) {
    auto with = [](auto change) {
        Crob other = pulse;
        change(other);
        return other;
    };
    const Crob others[] = {
        with([](Crob& c) { c.operation = Crob::Operation::latch_on; }),
        with([](Crob& c) { c.trip_close = Crob::TripClose::trip; }),
        with([](Crob& c) { c.clear = true; }),
        with([](Crob& c) { ++c.count; }),
        with([](Crob& c) { ++c.on_ms; }),
        with([](Crob& c) { ++c.off_ms; }),
    };
    for (const auto& other : others) {
        auto bench = harness();
        bench.give(crob(Mode::select, 5, pulse));
        bench.sent();
        bench.hears("c0 81 00 00 " + pulsed + "00");
        bench.give(crob(Mode::operate, 5, other));
        EXPECT_EQ(bench.sent(), "");
        EXPECT_EQ(bench.completed.at(1).controls.at(0).status, CommandStatus::no_select);
    }
    auto bench = harness();
    bench.give(crob(Mode::select, 5, pulse));
    bench.sent();
    bench.hears("c0 81 00 00 " + pulsed + "00");
    bench.give(crob(Mode::operate, 6, pulse));
    EXPECT_EQ(bench.sent(), "");
}

// 7.2.1.2.13 to 7.2.1.2.17 SBO, sequence: the operate bears the next number whatever comes between,
// and confirmations do not count [IEEE 1815 §4.3]
TEST(DnpMasterConformance, AnUnsolicitedResponseBetweenSelectAndOperateDoesNotDisturbThem) {
    auto bench = harness();
    bench.give(crob(Mode::select_before_operate, 5, pulse));
    bench.sent();
    bench.hears("f7 82 00 00 02 01 28 01 00 05 00 81");
    EXPECT_EQ(bench.sent(), "d7 00");
    bench.hears("e0 81 00 00 " + pulsed + "00");  // and it wants its answer confirmed
    EXPECT_EQ(bench.sent(), "c0 00");
    EXPECT_EQ(bench.sent(), "c1 04 " + pulsed + "00");
}

// 7.2.2.2.1 Direct operate
TEST(DnpMasterConformance, DirectOperateIsOneRequest) {
    auto bench = harness();
    bench.give(crob(Mode::direct, 5, pulse));
    EXPECT_EQ(bench.sent(), "c0 05 " + pulsed + "00");
    bench.hears("c0 81 00 00 " + pulsed + "00");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(0).controls.at(0).status, CommandStatus::success);
}

// 7.2.2.2.2, 7.2.2.2.3 points that are not installed, codes that are not supported: status 4, or an
// error response
TEST(DnpMasterConformance, WhatIsNotSupportedIsTold) {
    for (const auto& answer : {"c0 81 00 00 " + pulsed + "04", std::string("c0 81 00 02"),
                               "c0 81 00 04 " + pulsed + "04"}) {
        auto bench = harness();
        bench.give(crob(Mode::direct, 5, pulse));
        bench.sent();
        bench.hears(answer);
        EXPECT_EQ(bench.completed.at(0).fate, Fate::answered) << answer;
        EXPECT_EQ(bench.completed.at(0).controls.at(0).status, CommandStatus::not_supported)
            << answer;
    }
}

// 7.2.3 Direct operate without acknowledgement
TEST(DnpMasterConformance, WithoutAcknowledgementNoAnswerIsAwaited) {
    auto bench = harness();
    bench.give(crob(Mode::direct_no_ack, 5, pulse));
    EXPECT_EQ(bench.sent(), "c0 06 " + pulsed + "00");
    EXPECT_FALSE(bench.master.busy());
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.master.stats().timeouts, 0u);
}

// 7.2.4 Multiple objects
TEST(DnpMasterConformance, ManyControlsAreOneRequestInTheirOrder) {
    auto bench = harness();
    auto command = crob(Mode::select_before_operate, 5, pulse);
    command.controls.push_back({.index = 2, .what = Crob{}});
    bench.give(std::move(command));
    const std::string both =
        "0c 01 17 02 05 01 01 e8 03 00 00 00 00 00 00 00 "
        "02 03 01 64 00 00 00 64 00 00 00 00";
    EXPECT_EQ(bench.sent(), "c0 03 " + both);
    bench.hears("c0 81 00 00 " + both);
    EXPECT_EQ(bench.sent(), "c1 04 " + both);
}

// 7.2.5 Control code support [IEEE 1815 §A.8.1]
TEST(DnpMasterConformance, EachControlCodeHasItsOctet) {
    using enum Crob::Operation;
    using Way = Crob::TripClose;
    const std::pair<Crob, const char*> codes[] = {
        {{.operation = pulse_on}, "01"},
        {{.operation = pulse_off}, "02"},
        {{.operation = latch_on}, "03"},
        {{.operation = latch_off}, "04"},
        {{.operation = pulse_on, .trip_close = Way::close}, "41"},
        {{.operation = pulse_on, .trip_close = Way::trip}, "81"},
        {{.operation = latch_on, .clear = true}, "23"},
    };
    for (const auto& [what, octet] : codes) {
        auto bench = harness();
        bench.give(crob(Mode::direct, 5, what));
        EXPECT_EQ(bench.sent().substr(21, 2), octet);
    }
}

// ---- 7.4 analog outputs ------------------------------------------------------------------------

// 7.4.1.2.1 and 7.4.2.2.1 Select before operate, direct operate of object 41
TEST(DnpMasterConformance, AnalogOutputsAreSelectedOperatedAndOperatedDirectly) {
    auto bench = harness();
    const Control set{.index = 3, .what = AnalogCommand{.variation = 2, .value = 1'000}};
    const std::string octets = "29 02 17 01 03 e8 03 00";
    bench.give(Master::Operate{.tag = 1, .mode = Mode::select_before_operate, .controls = {set}});
    EXPECT_EQ(bench.sent(), "c0 03 " + octets);
    bench.hears("c0 81 00 00 " + octets);
    EXPECT_EQ(bench.sent(), "c1 04 " + octets);
    bench.hears("c1 81 00 00 " + octets);
    bench.give(Master::Operate{.tag = 2, .mode = Mode::direct, .controls = {set}});
    EXPECT_EQ(bench.sent(), "c2 05 " + octets);
    bench.hears("c2 81 00 00 29 02 17 01 03 e8 03 0c");
    EXPECT_EQ(bench.completed.at(0).controls.at(0).status, CommandStatus::success);
    EXPECT_EQ(bench.completed.at(1).controls.at(0).status, CommandStatus::out_of_range);
}

// 7.4.1.2.x a select/operate mismatch of the value: the echo is compared octet by octet
TEST(DnpMasterConformance, AnAnalogEchoWithAnotherValueIsNotOperated) {
    auto bench = harness();
    const Control set{.index = 3, .what = AnalogCommand{.variation = 3, .value = 0.1}};
    bench.give(Master::Operate{.tag = 1, .mode = Mode::select_before_operate, .controls = {set}});
    EXPECT_EQ(bench.sent(), "c0 03 29 03 17 01 03 cd cc cc 3d 00");
    bench.hears("c0 81 00 00 29 03 17 01 03 ce cc cc 3d 00");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(0).fate, Fate::nonsense);
}

// ---- 8.5 class data ----------------------------------------------------------------------------

// 8.5.5.2.2 Multiple object request, class 1, 2, 3 and 0
TEST(DnpMasterConformance, TheIntegrityPollAsksForEventsBeforeStaticData) {
    auto bench = harness();
    bench.give(Master::Poll{.tag = 1, .classes = everything});
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("e0 81 00 00 02 01 17 01 00 81 01 02 00 00 00 01");
    EXPECT_EQ(bench.sent(), "c0 00");
    ASSERT_EQ(bench.measured.size(), 2u);
    EXPECT_TRUE(bench.measured[0].event);
    EXPECT_FALSE(bench.measured[1].event);
    EXPECT_EQ(bench.measured[1].measurement.value, MeasuredValue(false));
}

// 8.5.6.2 Class assignment verification: one class at a time
TEST(DnpMasterConformance, EachClassCanBeReadAlone) {
    auto bench = harness();
    const std::pair<Classes, const char*> each[] = {
        {{.zero = true}, "c0 01 3c 01 06"},
        {{.one = true}, "c1 01 3c 02 06"},
        {{.two = true}, "c2 01 3c 03 06"},
        {{.three = true}, "c3 01 3c 04 06"},
    };
    for (const auto& [classes, request] : each) {
        bench.give(Master::Poll{.tag = 1, .classes = classes});
        EXPECT_EQ(bench.sent(), request);
        bench.hears(std::string(request).substr(0, 2) + " 81 00 00");
    }
    EXPECT_EQ(bench.completed.size(), 4u);
}

// 8.5.5 and others, qualifiers 0x07 and 0x08: so many events and no more
TEST(DnpMasterConformance, AReadCanBeLimited) {
    auto bench = harness();
    bench.give(Master::Ask{.tag = 1, .objects = "3c 02 07 01"_hex});
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 07 01");
    bench.hears("e0 81 02 00 02 01 17 01 00 81");
    EXPECT_EQ(bench.sent(), "c0 00");
    EXPECT_EQ(bench.measured.size(), 1u);
    // IIN1.1 says that there are more.
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06");
}

// ---- 8.6 internal indications ------------------------------------------------------------------

// 8.6.1.2 Restart
TEST(DnpMasterConformance, TheRestartBitIsClearedByAWriteOfObject80) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("f0 82 80 00");
    bench.sent();
    bench.sent();  // unsolicited responses are disabled
    bench.hears("c3 81 80 00");
    EXPECT_EQ(bench.sent(), "c4 02 50 01 00 07 07 00");
    bench.hears("c4 81 00 00");
    EXPECT_FALSE(bench.master.status().iin.has(Iin::device_restart));
    EXPECT_EQ(bench.sent(), "c5 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
}

// 8.6.2.2 Bad function, 8.6.3.2 Object unknown, 8.6.4.2 Parameter error
TEST(DnpMasterConformance, ErrorIndicationsAreToldAndTheNextRequestIsMade) {
    const std::pair<const char*, Iin> errors[] = {{" 81 00 01", Iin::no_func_code_support},
                                                  {" 81 00 02", Iin::object_unknown},
                                                  {" 81 00 04", Iin::parameter_error},
                                                  {" 81 00 10", Iin::already_executing},
                                                  {" 81 00 20", Iin::config_corrupt}};
    auto bench = harness();
    for (std::size_t i = 0; i < std::size(errors); ++i) {
        bench.give(Master::Ask{.tag = i, .objects = "00 00 06"_hex});
        bench.hears(bench.sent().substr(0, 2) + errors[i].first);
        ASSERT_EQ(bench.completed.size(), i + 1);
        EXPECT_EQ(bench.completed[i].fate, Fate::answered);
        EXPECT_TRUE(bench.completed[i].iin.has(errors[i].second));
    }
}

// 8.6.6.2.1 Buffer overflow [IEEE 1815 §4.2.2.6]
TEST(DnpMasterConformance, AfterAnOverflowTheWholeStateIsRead) {
    MasterBench bench(usual());
    bench.starts();
    bench.give(Master::Poll{.tag = 1, .classes = events});
    bench.sent();
    bench.hears("e3 81 00 08 02 01 17 01 00 81");
    EXPECT_EQ(bench.sent(), "c3 00");
    EXPECT_EQ(bench.sent(), "c4 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
    bench.hears("c4 81 00 00");
    EXPECT_FALSE(bench.master.status().iin.has(Iin::event_buffer_overflow));
    EXPECT_EQ(bench.sent(), "");
}

// ---- 8.7 time ----------------------------------------------------------------------------------

// 8.7.1.2 Delay measurement, 8.7.2.2 Synchronization
TEST(DnpMasterConformance, TimeIsWrittenWithTheDelayThatWasMeasured) {
    auto settings = quiet();
    settings.time_sync = TimeSync::serial;
    MasterBench bench(settings);
    bench.give(Master::ClockSet{.ms = 1'000'000});
    bench.up();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    bench.sent();
    bench.hears("c0 81 10 00");  // IIN1.4
    EXPECT_EQ(bench.sent(), "c1 17");
    bench.passes(100ms);
    bench.hears("c1 81 10 00 34 02 07 01 14 00");
    EXPECT_EQ(bench.sent(), "c2 02 32 01 07 01 cc 42 0f 00 00 00");  // 100 + (100 - 20) / 2
    bench.hears("c2 81 00 00");
    EXPECT_EQ(bench.sent(), "");
}

// 8.7.2 of level 3: the LAN's procedure
TEST(DnpMasterConformance, OnALanTheTimeOfTheRecordingIsWritten) {
    auto settings = quiet();
    settings.time_sync = TimeSync::lan;
    MasterBench bench(settings);
    bench.give(Master::ClockSet{.ms = 1'000'000});
    bench.up();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    bench.sent();
    bench.hears("c0 81 10 00");
    EXPECT_EQ(bench.sent(), "c1 18");
    bench.passes(100ms);
    bench.hears("c1 81 10 00");
    EXPECT_EQ(bench.sent(), "c2 02 32 03 07 01 40 42 0f 00 00 00");
}

// ---- 8.9 fragmentation -------------------------------------------------------------------------

// 8.9.1.2 Use of FIR, FIN and sequence in fragmentation
TEST(DnpMasterConformance, FragmentsAreTakenInTheirOrderOnly) {
    auto bench = harness();
    bench.give(Master::Poll{.tag = 1, .classes = {.zero = true}});
    bench.sent();
    bench.hears("80 81 00 00 01 02 00 00 00 81");
    bench.hears("03 81 00 00 01 02 00 03 03 81");
    bench.hears("01 81 00 00 01 02 00 01 01 81");
    bench.hears("42 81 00 00 01 02 00 02 02 81");
    ASSERT_EQ(bench.measured.size(), 3u);
    for (std::uint16_t i = 0; i < 3; ++i) EXPECT_EQ(bench.measured[i].measurement.index, i);
    EXPECT_EQ(bench.completed.at(0).fate, Fate::answered);
}

// 8.9.2.2 Use of confirmation in fragmentation
TEST(DnpMasterConformance, EachFragmentThatAsksIsConfirmedUnderItsOwnNumberAtOnce) {
    auto bench = harness();
    bench.give(Master::Poll{.tag = 1, .classes = {.zero = true}});
    bench.sent();
    bench.hears("a0 81 00 00");
    EXPECT_EQ(bench.sent(), "c0 00");
    bench.hears("21 81 00 00");
    EXPECT_EQ(bench.sent(), "c1 00");
    bench.hears("42 81 00 00");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.size(), 1u);
}

// Level 3: an answer that breaks off is given up, and read again from its first fragment.
TEST(DnpMasterConformance, AnAnswerThatBreaksOffIsReadAgain) {
    auto bench = harness();
    bench.give(Master::Poll{.tag = 1, .classes = {.zero = true}});
    bench.sent();
    bench.hears("a0 81 00 00");
    bench.sent();
    bench.passes(5s);
    EXPECT_EQ(bench.sent(), "c1 01 3c 01 06");
    bench.hears("41 81 00 00");  // what was still to come
    EXPECT_TRUE(bench.completed.empty());
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.completed.at(0).fate, Fate::answered);
}

// ---- 8.11 unsolicited responses ----------------------------------------------------------------

// 8.11.2.1 Configuration and startup
TEST(DnpMasterConformance, TheInitialNullResponseIsConfirmedEachTimeItComes) {
    MasterBench bench(usual());
    bench.up();
    bench.sent();
    for (int i = 0; i < 3; ++i) {
        bench.hears("f0 82 80 00");
        EXPECT_EQ(bench.sent(), "d0 00");
    }
    EXPECT_EQ(bench.master.status().restarts_seen, 1u);
}

// 8.11.2.2 to 8.11.2.4 Enabling one class
TEST(DnpMasterConformance, OnlyTheClassesThatAreWantedAreEnabled) {
    const std::pair<Classes, const char*> each[] = {
        {{.one = true}, "c0 14 3c 02 06"},
        {{.two = true}, "c0 14 3c 03 06"},
        {{.three = true}, "c0 14 3c 04 06"},
        {{.one = true, .three = true}, "c0 14 3c 02 06 3c 04 06"},
    };
    for (const auto& [classes, request] : each) {
        auto settings = quiet();
        settings.unsolicited = classes;
        MasterBench bench(settings);
        bench.up();
        EXPECT_EQ(bench.sent(), request);
        bench.hears("c0 81 00 00");
        EXPECT_TRUE(bench.master.status().unsolicited_enabled);
    }
}

// 8.11.2.5.2 Confirmation clears what was transmitted: it bears UNS and the response's number
TEST(DnpMasterConformance, UnsolicitedResponsesHaveNumbersOfTheirOwn) {
    MasterBench bench(usual());
    bench.starts();
    for (unsigned i = 0; i < 20; ++i) {
        const auto number = std::byte(i & 15);
        bench.hears(to_hex(Octets{std::byte{0xf0} | number}) + "82 00 00 02 01 17 01 00 81");
        EXPECT_EQ(bench.sent(), to_hex(Octets{std::byte{0xd0} | number}) + " 00");
    }
    EXPECT_EQ(bench.measured.size(), 20u);
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c3 01 3c 02 06");  // requests' numbers did not move
}

// 8.11.2.5.4 A read that is deferred until the confirmation
TEST(DnpMasterConformance, AnUnsolicitedResponseWhileAReadIsUnderWayIsConfirmedAtOnce) {
    MasterBench bench(usual());
    bench.starts();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c3 01 3c 02 06");
    bench.hears("f1 82 00 00 02 01 17 01 00 81");
    EXPECT_EQ(bench.sent(), "d1 00");
    bench.hears("c3 81 00 00");
    EXPECT_EQ(bench.completed.at(0).fate, Fate::answered);
    EXPECT_EQ(bench.measured.size(), 1u);
}

// 8.11.2.6 Unsolicited responses configured off: IIN2.0
TEST(DnpMasterConformance, AnOutstationWithoutUnsolicitedResponsesIsPolledForItsEvents) {
    MasterBench bench(usual());
    bench.up();
    bench.sent();
    bench.hears("c0 81 00 01");
    bench.sent();
    bench.hears("c1 81 00 00");
    bench.sent();
    bench.hears("c2 81 02 01");
    EXPECT_FALSE(bench.master.status().unsolicited_enabled);
    EXPECT_EQ(bench.sent(), "c3 01 3c 02 06");
}

// TB2015-002: before the integrity poll a master takes no unsolicited data
TEST(DnpMasterConformance, UnsolicitedDataIsLeftWithTheOutstationUntilTheStateIsKnown) {
    MasterBench bench(usual());
    bench.starts();
    bench.hears("f1 82 80 00 02 01 17 01 00 81");  // it restarted, and says more than it may
    EXPECT_TRUE(bench.measured.empty());
    EXPECT_EQ(bench.sent(), "c3 15 3c 02 06 3c 03 06 3c 04 06");
}

// ---- a recorded conversation -------------------------------------------------------------------

// Another maker's outstation, as it was recorded with another maker's master: ours says the same,
// octet for octet, and takes what it is told.
TEST(DnpMasterConformance, HoldsARecordedConversation) {
    auto settings = usual();
    settings.time_sync = TimeSync::none;
    MasterBench bench(settings);
    bench.up();
    EXPECT_EQ(bench.sent(), "c0 15 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("f0 82 90 00");
    EXPECT_EQ(bench.sent(), "d0 00");
    bench.hears("c0 81 90 00");
    EXPECT_EQ(bench.sent(), "c1 02 50 01 00 07 07 00");
    bench.hears("c1 81 10 00");
    const std::string integrity = " 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06";
    EXPECT_EQ(bench.sent(), "c2" + integrity);
    // Ten each of binaries, double bits, analogs, counters, frozen counters, output states, analog
    // output states; then g50v4 in a range, as nobody else sends it, and ten octet strings.
    const std::string zeros(20, '0');
    std::string answer =
        "c2 81 10 00 01 02 00 00 09 02020202020202020202"
        "03 02 00 00 09 02020202020202020202 1e 05 00 00 09";
    for (int i = 0; i < 10; ++i) answer += "0200000000";
    for (const auto* group : {"14 01 00 00 09", "15 01 00 00 09"}) {
        answer += group;
        for (int i = 0; i < 10; ++i) answer += "0200000000";
    }
    answer += "0a 02 00 00 09 02020202020202020202 28 01 00 00 09";
    for (int i = 0; i < 10; ++i) answer += "0200000000";
    answer += "32 04 00 00 09";
    for (int i = 0; i < 11; ++i) answer += zeros;
    answer += "6e 01 00 00 09" + zeros;
    bench.hears(answer);
    EXPECT_EQ(bench.measured.size(), 80u);
    EXPECT_EQ(bench.master.stats().bad_objects, 0u);
    EXPECT_EQ(bench.sent(), "c3 14 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("c3 81 10 00");
    bench.give(Master::Poll{.tag = 1, .classes = everything});
    EXPECT_EQ(bench.sent(), "c4" + integrity);
    bench.hears("c4 81 10 00");
    bench.give(Master::Poll{.tag = 2, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "c5 01 3c 02 06");
    bench.hears("c5 81 10 00");
    bench.hears(
        "f1 82 10 00 16 01 28 01 00 00 00 01 00 00 00 00 02 01 28 01 00 00 00 01 04 01 28 "
        "01 00 00 00 41 20 07 28 01 00 00 00 01 00 00 00 00 00 00 00 00 00 00 6f 01 28 01 "
        "00 00 00 01");
    EXPECT_EQ(bench.sent(), "d1 00");
    EXPECT_EQ(bench.measured.size(), 85u);
    bench.give(Master::Ask{.tag = 3, .objects = "01 02 01 00 00 03 00"_hex});
    EXPECT_EQ(bench.sent(), "c6 01 01 02 01 00 00 03 00");
    bench.hears("c6 81 10 00 01 02 00 00 03 01 02 02 02");
    EXPECT_EQ(bench.measured.size(), 89u);
    for (int i = 0; i < 3; ++i) {
        bench.give(Master::Poll{.tag = 4, .classes = {.one = true}});
        bench.hears(bench.sent().substr(0, 2) + " 81 10 00");
    }
    bench.give(crob(Mode::select_before_operate, 3, {.off_ms = 100}));
    EXPECT_EQ(bench.sent(), "ca 03 0c 01 17 01 03 03 01 64 00 00 00 64 00 00 00 00");
    bench.hears("ca 81 10 00 0c 01 28 01 00 03 00 03 01 64 00 00 00 64 00 00 00 00");
    EXPECT_EQ(bench.sent(), "cb 04 0c 01 17 01 03 03 01 64 00 00 00 64 00 00 00 00");
    bench.hears("cb 81 10 00 0c 01 28 01 00 03 00 03 01 64 00 00 00 64 00 00 00 00");
    EXPECT_EQ(bench.completed.back().controls.at(0).status, CommandStatus::success);
    bench.give(Master::Ask{.tag = 5,
                           .function = Function::disable_unsolicited,
                           .objects = "3c 02 06 3c 03 06 3c 04 06"_hex});
    EXPECT_EQ(bench.sent(), "cc 15 3c 02 06 3c 03 06 3c 04 06");
    bench.hears("cc 81 10 00");
    bench.give(Master::Ask{.tag = 6, .function = Function::cold_restart});
    EXPECT_EQ(bench.sent(), "cd 0d");
    bench.hears("cd 81 10 01");  // it has no such function
    EXPECT_TRUE(bench.completed.back().iin.has(Iin::no_func_code_support));
    bench.give(Master::Poll{.tag = 7, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "ce 01 3c 02 06");
    bench.hears("ce 81 10 00");
    bench.give(Master::Poll{.tag = 8, .classes = {.one = true}});
    EXPECT_EQ(bench.sent(), "cf 01 3c 02 06");
    bench.hears("ef 81 10 00 16 01 28 01 00 00 00 01 01 00 00 00 02 01 28 01 00 00 00 81");
    EXPECT_EQ(bench.sent(), "cf 00");
    EXPECT_EQ(bench.measured.size(), 91u);
}

}  // namespace
}  // namespace causeway::scada::dnp3::master_conformance_test
