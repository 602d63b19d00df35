// The DNP Users Group's "DNP3 Intelligent Electronic Device (IED) Certification Procedure", subset
// levels 1 and 2, section 8 (the application layer), and of level 3 what goes beyond it. Numbers
// are those of the procedure's public reports; each test's name says the intent. Sections 6 and 7
// (link and transport) are the channel's, section 9 (networks) the station's.
#include "scada/dnp3/outstation_testing.hpp"

namespace causeway::scada::dnp3::outstation_conformance_test {
namespace {

using namespace std::chrono_literals;
using enum PointType;
using Step = OutstationBench::Step;
using Asked = OutstationBench::Asked;
using Ints = std::vector<int>;
using Values = std::vector<double>;
using Statuses = std::vector<CommandStatus>;

// g12v1 to points 0 and 1 by 8-bit and 16-bit indexes: latch on, once, 100 ms, 200 ms.
constexpr auto crob_0 = "0c 01 17 01 00 03 01 64 00 00 00 c8 00 00 00 00";
constexpr auto crob_0_wide = "0c 01 28 01 00 00 00 03 01 64 00 00 00 c8 00 00 00 00";
constexpr auto crob_1 = "0c 01 17 01 01 03 01 64 00 00 00 c8 00 00 00 00";
constexpr auto crob_missing = "0c 01 28 01 00 09 00 03 01 64 00 00 00 c8 00 00 00 00";
constexpr auto analog_0 = "29 02 17 01 00 f4 01 00";
constexpr auto analog_missing = "29 02 28 01 00 09 00 f4 01 00";
constexpr auto classes_123 = "3c 02 06 3c 03 06 3c 04 06";
constexpr auto clear_restart = "50 01 00 07 07 00";

std::vector<PointPlan> without(PointType type) {
    std::vector<PointPlan> points = usual_points();
    std::erase_if(points, [&](const PointPlan& plan) { return plan.type == type; });
    return points;
}

class OutstationProcedure : public testing::Test {
protected:
    OutstationProcedure() { bench.settle(); }

    void expect_operated(std::vector<Asked> what) const { EXPECT_EQ(bench.operated(), what); }
    /// A select and then an operate; what the operate was answered.
    ReadFragment select_then_operate(std::string_view select, std::string_view operate) {
        const ReadFragment selected = bench.request(Function::select, select);
        EXPECT_EQ(selected.objects, select);
        EXPECT_FALSE(selected.errors());
        return bench.request(Function::operate, operate);
    }
    static void expect_sound_events(const ReadFragment& fragment) {
        EXPECT_TRUE(fragment.control.confirm);
        for (const auto& [group, variation, qualifier, measurement] : fragment.measured) {
            EXPECT_TRUE(qualifier == Qualifier::count8_index8 ||
                        qualifier == Qualifier::count16_index16);
            EXPECT_EQ(measurement.flags, flag::online);
        }
    }

    OutstationBench bench;
};

// ---- 8.1 to 8.4: outputs ------------------------------------------------------------------------

// 8.1.2
TEST_F(OutstationProcedure, BinaryOutputStatusIsReadWithFlagsOverARange) {
    const ReadFragment fragment = bench.read("0a 00 06");
    EXPECT_EQ(fragment.indexes(10), (Ints{0, 1, 2, 3}));
    for (const auto& object : fragment.measured) {
        EXPECT_EQ(object.variation, 2);
        EXPECT_EQ(object.qualifier, Qualifier::range8);
        EXPECT_EQ(object.measurement.flags, flag::online);
    }
    EXPECT_FALSE(fragment.errors());
}

// 8.1.2
TEST(OutstationProcedureWithout, BinaryOutputsTheirStatusIsAnUnknownObject) {
    OutstationBench bench({}, without(binary_output));
    const ReadFragment fragment = bench.read("0a 00 06");
    EXPECT_TRUE(fragment.null());
    EXPECT_TRUE(fragment.iin.has(Iin::object_unknown));
}

// 8.2.1.2.1, 8.2.1.2.2, 8.4.1.2.1
TEST_F(OutstationProcedure, SelectAndOperateAreEchoedExactlyWithEitherIndexSize) {
    EXPECT_EQ(select_then_operate(crob_0_wide, crob_0_wide).objects, crob_0_wide);
    EXPECT_EQ(select_then_operate(crob_1, crob_1).objects, crob_1);
    EXPECT_EQ(select_then_operate(analog_0, analog_0).objects, analog_0);
    expect_operated({{Step::operate, binary_output, 0, 1},
                     {Step::operate, binary_output, 1, 1},
                     {Step::operate, analog_output, 0, 500}});
}

// 8.2.1.2.3, 8.4.1.2.3
TEST_F(OutstationProcedure, ASelectOfAMissingPointIsNotSupportedAndAParameterError) {
    for (const auto* objects : {crob_missing, analog_missing}) {
        const ReadFragment fragment = bench.request(Function::select, objects);
        EXPECT_TRUE(fragment.iin.has(Iin::parameter_error));
        EXPECT_EQ(fragment.statuses(), Statuses{CommandStatus::not_supported});
    }
    EXPECT_TRUE(bench.asked.empty());
}

// 8.2.1.2.4, 8.4.1.2.4
TEST_F(OutstationProcedure, AnOperateAfterTheSelectHasTimedOutIsToldSo) {
    for (const auto* objects : {crob_0, analog_0}) {
        EXPECT_EQ(bench.request(Function::select, objects).objects, objects);
        bench.passes(11s);
        EXPECT_EQ(bench.request(Function::operate, objects).statuses(),
                  Statuses{CommandStatus::timeout});
    }
    expect_operated({});
    EXPECT_EQ(bench.selections_gone, (Ints{0, 0}));
}

// 8.2.1.2.5 to 8.2.1.2.9, 8.4.1.2.5, 8.4.1.2.6
TEST_F(OutstationProcedure, AnOperateThatDiffersInAnythingFromItsSelectIsNoSelect) {
    for (const auto* differing : {crob_1, "0c 01 17 01 00 03 01 65 00 00 00 c8 00 00 00 00",
                                  "0c 01 17 01 00 03 01 64 00 00 00 c9 00 00 00 00",
                                  "0c 01 17 01 00 04 01 64 00 00 00 c8 00 00 00 00", crob_0_wide})
        EXPECT_EQ(select_then_operate(crob_0, differing).statuses(),
                  Statuses{CommandStatus::no_select})
            << differing;
    for (const auto* differing : {"29 02 17 01 00 f5 01 00", "29 02 28 01 00 00 00 f4 01 00"})
        EXPECT_EQ(select_then_operate(analog_0, differing).statuses(),
                  Statuses{CommandStatus::no_select})
            << differing;
    expect_operated({});
}

// 8.2.1.1, 8.2.1.2.10, 8.2.2.2.1, 8.4.1.2.7, 8.4.2.2.1
TEST(OutstationProcedureWithout, OutputsControlsAreUnknownObjectsAndNoParameterErrors) {
    for (const auto function : {Function::select, Function::direct_operate})
        for (const auto& [type, objects] :
             {std::pair{binary_output, crob_0}, {analog_output, analog_0}}) {
            OutstationBench bench({}, without(type));
            const ReadFragment fragment = bench.request(function, objects);
            EXPECT_TRUE(fragment.iin.has(Iin::object_unknown));
            EXPECT_FALSE(fragment.iin.has(Iin::parameter_error));
            EXPECT_TRUE(fragment.null());
            EXPECT_TRUE(bench.asked.empty());
        }
}

// 8.2.1.2.11, 8.4.1.2.8
TEST_F(OutstationProcedure, ASelectRetriedUnderTheSameSequenceNumberIsAnsweredAgain) {
    EXPECT_EQ(bench.request(Function::select, crob_0).objects, crob_0);
    EXPECT_EQ(bench.request_again(Function::select, crob_0).objects, crob_0);
    EXPECT_EQ(bench.request(Function::operate, crob_0).objects, crob_0);
    expect_operated({{Step::operate, binary_output, 0, 1}});
}

// 8.2.1.1
TEST_F(OutstationProcedure, ASelectRetriedUnderTheSameSequenceNumberDoesNotRestartItsTimer) {
    bench.request(Function::select, crob_0);
    bench.passes(8s);
    bench.request_again(Function::select, crob_0);
    bench.passes(4s);
    EXPECT_EQ(bench.request(Function::operate, crob_0).statuses(),
              Statuses{CommandStatus::timeout});
    expect_operated({});
}

// 8.2.1.1, 8.2.1.2.12, 8.4.1.2.9
TEST_F(OutstationProcedure, ASelectRetriedUnderTheNextSequenceNumberRestartsItsTimer) {
    bench.request(Function::select, crob_0);
    bench.passes(8s);
    EXPECT_EQ(bench.request(Function::select, crob_0).objects, crob_0);
    bench.passes(4s);
    EXPECT_EQ(bench.request(Function::operate, crob_0).objects, crob_0);
    expect_operated({{Step::operate, binary_output, 0, 1}});
}

// 8.2.1.2.13, 8.4.1.2.10
TEST_F(OutstationProcedure, AnOperateRetriedUnderTheSameSequenceNumberIsEchoedAndDoneOnce) {
    for (const auto* objects : {crob_0, analog_0}) {
        bench.request(Function::select, objects);
        EXPECT_EQ(bench.request(Function::operate, objects).objects, objects);
        EXPECT_EQ(bench.request_again(Function::operate, objects).objects, objects);
    }
    EXPECT_EQ(bench.operated().size(), 2u);
}

// 8.2.1.2.14, 8.4.1.2.11
TEST_F(OutstationProcedure, AnOperateRetriedUnderTheNextSequenceNumberIsNoSelect) {
    for (const auto* objects : {crob_0, analog_0}) {
        bench.request(Function::select, objects);
        bench.request(Function::operate, objects);
        EXPECT_EQ(bench.request(Function::operate, objects).statuses(),
                  Statuses{CommandStatus::no_select});
    }
    EXPECT_EQ(bench.operated().size(), 2u);
}

// 8.2.1.2.15, 8.4.1.2.12
TEST_F(OutstationProcedure, AnOperateWhoseSequenceNumberDoesNotFollowItsSelectUndoesIt) {
    for (const auto* objects : {crob_0, analog_0}) {
        bench.request(Function::select, objects);
        const std::uint8_t selected = bench.sequence;
        bench.sequence = selected + 2;
        EXPECT_EQ(bench.request(Function::operate, objects).statuses(),
                  Statuses{CommandStatus::no_select});
        bench.sequence = selected;
        EXPECT_EQ(bench.request(Function::operate, objects).statuses(),
                  Statuses{CommandStatus::no_select});
    }
    expect_operated({});
}

// 8.4.1.2.13
TEST_F(OutstationProcedure, AThirtyTwoBitValueIsOperated) {
    constexpr auto wide = "29 01 28 01 00 01 00 70 11 01 00 00";
    EXPECT_EQ(select_then_operate(wide, wide).objects, wide);
    expect_operated({{Step::operate, analog_output, 1, 70'000}});
}

// 8.2.2.2.1, 8.4.2.2.1
TEST_F(OutstationProcedure, ADirectOperateIsEchoedExactly) {
    EXPECT_EQ(bench.request(Function::direct_operate, crob_1).objects, crob_1);
    EXPECT_EQ(bench.request(Function::direct_operate, analog_0).objects, analog_0);
    expect_operated({{Step::direct, binary_output, 1, 1}, {Step::direct, analog_output, 0, 500}});
}

// 8.2.2.2.2, 8.4.2.2.2
TEST_F(OutstationProcedure, ADirectOperateOfAMissingPointIsNotSupportedAndAParameterError) {
    for (const auto* objects : {crob_missing, analog_missing}) {
        const ReadFragment fragment = bench.request(Function::direct_operate, objects);
        EXPECT_TRUE(fragment.iin.has(Iin::parameter_error));
        EXPECT_EQ(fragment.statuses(), Statuses{CommandStatus::not_supported});
    }
    expect_operated({});
}

// 8.2.3.2.1, 8.2.3.2.2, 8.4.3.2.1, 8.4.3.2.2
TEST_F(OutstationProcedure, ADirectOperateWithoutAcknowledgementIsDoneAndNeverAnswered) {
    for (const auto* objects : {crob_1, crob_missing, analog_0, analog_missing}) {
        bench.request(Function::direct_operate_no_ack, objects);
        EXPECT_TRUE(bench.silent());
    }
    expect_operated({{Step::direct, binary_output, 1, 1}, {Step::direct, analog_output, 0, 500}});
}

// 8.2.3.2.3, 8.4.3.2.3
TEST(OutstationProcedureWithout, OutputsADirectOperateWithoutAcknowledgementIsSilent) {
    OutstationBench bench({}, without(binary_output));
    bench.request(Function::direct_operate_no_ack, crob_0);
    EXPECT_TRUE(bench.silent());
    EXPECT_TRUE(bench.asked.empty());
}

// 8.2.4.2, 8.4.4.2
TEST_F(OutstationProcedure, SeveralControlsOfOneRequestAreOperatedInOrder) {
    constexpr auto all =
        "0c 01 17 04 00 03 01 00 00 00 00 00 00 00 00 00"
        " 01 03 01 00 00 00 00 00 00 00 00 00"
        " 02 04 01 00 00 00 00 00 00 00 00 00"
        " 03 01 01 00 00 00 00 00 00 00 00 00";
    EXPECT_EQ(select_then_operate(all, all).objects, all);
    constexpr auto both = "29 02 17 02 00 0a 00 00 01 14 00 00";
    EXPECT_EQ(select_then_operate(both, both).objects, both);
    expect_operated({{Step::operate, binary_output, 0, 1},
                     {Step::operate, binary_output, 1, 1},
                     {Step::operate, binary_output, 2, 0},
                     {Step::operate, binary_output, 3, 1},
                     {Step::operate, analog_output, 0, 10},
                     {Step::operate, analog_output, 1, 20}});
}

// 8.2.4.2, 8.4.4.2
TEST_F(OutstationProcedure, AMissingPointAmongOthersIsToldByItsStatusAndTheOthersByTheirs) {
    const ReadFragment fragment =
        bench.request(Function::select, "29 02 17 02 00 0a 00 00 09 14 00 00");
    EXPECT_TRUE(fragment.iin.has(Iin::parameter_error));
    EXPECT_EQ(fragment.statuses(),
              (Statuses{CommandStatus::success, CommandStatus::not_supported}));
    EXPECT_EQ(bench.selections_gone, Ints{0});  // the request as a whole selects nothing
}

// 8.2.5.2.1, 8.2.5.2.2
TEST_F(OutstationProcedure, EachControlCodeIsHandedToTheDeviceAsItCame) {
    std::vector<Crob> seen;
    bench.answers = [&](const Outstation::CommandRequested& request) {
        seen.push_back(std::get<Crob>(request.control.what));
        return CommandStatus::success;
    };
    for (const auto* code : {"01", "02", "03", "04", "41", "81"}) {
        const std::string objects =
            std::string("0c 01 17 01 00 ") + code + " 02 64 00 00 00 c8 00 00 00 00";
        EXPECT_EQ(bench.request(Function::direct_operate, objects).objects, objects);
    }
    using enum Crob::Operation;
    constexpr auto unsaid = Crob::TripClose::nul;
    const auto crob = [](Crob::Operation operation, Crob::TripClose trip_close) {
        return Crob{.operation = operation,
                    .trip_close = trip_close,
                    .count = 2,
                    .on_ms = 100,
                    .off_ms = 200};
    };
    EXPECT_EQ(seen, (std::vector<Crob>{crob(pulse_on, unsaid), crob(pulse_off, unsaid),
                                       crob(latch_on, unsaid), crob(latch_off, unsaid),
                                       crob(pulse_on, Crob::TripClose::close),
                                       crob(pulse_on, Crob::TripClose::trip)}));
}

// 8.2.6.2
TEST_F(OutstationProcedure, AControlThatComesWithAStatusIsNotDone) {
    constexpr auto participating_not = "0c 01 17 01 00 03 01 64 00 00 00 c8 00 00 00 7e";
    const ReadFragment select = bench.request(Function::select, participating_not);
    EXPECT_EQ(select.objects, participating_not);
    EXPECT_NE(bench.request(Function::operate, participating_not).statuses(),
              Statuses{CommandStatus::success});
    constexpr auto failed = "0c 01 17 01 00 03 01 64 00 00 00 c8 00 00 00 01";
    EXPECT_EQ(bench.request(Function::direct_operate, failed).statuses(),
              Statuses{CommandStatus::format_error});
    EXPECT_TRUE(bench.asked.empty());
}

// 8.3.2
TEST_F(OutstationProcedure, AnalogOutputStatusReadsBackWhatWasWritten) {
    bench.set(analog_output, 1, 1'234.0);
    const ReadFragment fragment = bench.read("28 00 06");
    EXPECT_EQ(fragment.values(40), (Values{0, 1'234}));
    for (const auto& object : fragment.measured) EXPECT_EQ(object.variation, 2);
    OutstationBench none({}, without(analog_output));
    EXPECT_TRUE(none.read("28 00 06").iin.has(Iin::object_unknown));
}

// ---- 8.5: class data ----------------------------------------------------------------------------

// 8.5.1.2
TEST_F(OutstationProcedure, ClassZeroReportsEveryInputAsItIsNow) {
    bench.analog(2, 4'321);
    bench.passes(1s);
    const ReadFragment fragment = bench.read("3c 01 06");
    EXPECT_EQ(fragment.indexes(1), (Ints{0, 1, 2, 3}));
    EXPECT_EQ(fragment.indexes(20), (Ints{0, 1, 2}));
    EXPECT_EQ(fragment.values(30), (Values{100, 100, 4'321, 100}));
    for (const auto& object : fragment.measured) {
        EXPECT_EQ(object.qualifier, Qualifier::range8);
        EXPECT_TRUE(object.group == 21 || object.measurement.flags == flag::online);
    }
    EXPECT_FALSE(fragment.control.confirm);
    EXPECT_FALSE(fragment.errors());
    EXPECT_TRUE(fragment.of(110).empty());  // not planned for class 0
}

class OutstationProcedureOfClass : public OutstationProcedure,
                                   public testing::WithParamInterface<int> {
protected:
    [[nodiscard]] std::string with(std::string_view qualifier) const {
        return "3c 0" + std::to_string(GetParam() + 1) + " " + std::string(qualifier);
    }
    [[nodiscard]] Iin bit() const { return static_cast<Iin>(1 << GetParam()); }
    [[nodiscard]] std::uint16_t binary_of() const {
        return static_cast<std::uint16_t>(GetParam() == 1 ? 0 : GetParam());
    }
    [[nodiscard]] std::uint16_t analog_of() const {
        return static_cast<std::uint16_t>(GetParam() - 1);
    }
    /// An analog event and then binary ones.
    void generate(int count) {
        bench.analog(analog_of(), 1'000);
        for (int i = 1; i < count; ++i) bench.toggle(binary_of());
    }
};
INSTANTIATE_TEST_SUITE_P(Classes, OutstationProcedureOfClass, testing::Values(1, 2, 3));

// 8.5.2.2.1, 8.5.3.2.1, 8.5.4.2.1
TEST_P(OutstationProcedureOfClass, AllItsEventsAreReportedOldestFirstAndOnce) {
    EXPECT_TRUE(bench.read(with("06")).null());
    generate(3);
    const ReadFragment fragment = bench.read(with("06"));
    expect_sound_events(fragment);
    ASSERT_EQ(fragment.measured.size(), 3u);
    EXPECT_EQ(fragment.measured[0].group, 32);
    EXPECT_EQ(fragment.measured[1].group, 2);
    EXPECT_FALSE(fragment.iin.has(bit()));  // nothing more waits
    bench.confirm(fragment);
    const ReadFragment after = bench.read(with("06"));
    EXPECT_TRUE(after.null());
    EXPECT_FALSE(after.control.confirm);
}

// 8.5.2.2.2, 8.5.2.2.3 and those of classes 2 and 3
TEST_P(OutstationProcedureOfClass, ALimitedQuantityIsReportedAndTheRestIsSaidToWait) {
    generate(4);
    for (const auto* three : {"07 03", "08 03 00"}) {
        const ReadFragment some = bench.read(with(three));
        expect_sound_events(some);
        EXPECT_EQ(some.measured.size(), 3u);
        EXPECT_TRUE(some.iin.has(bit()));
    }
    bench.confirm(bench.read(with("07 03")));
    const ReadFragment rest = bench.read(with("08 0a 00"));
    EXPECT_EQ(rest.measured.size(), 1u);
    EXPECT_FALSE(rest.iin.has(bit()));
    bench.confirm(rest);
    EXPECT_TRUE(bench.read(with("06")).null());
}

// 8.5.2.2.4 and those of classes 2 and 3
TEST_P(OutstationProcedureOfClass, EventsThatNobodyConfirmedAreReportedAgain) {
    generate(2);
    const ReadFragment first = bench.read(with("06"));
    bench.passes(1min);
    EXPECT_TRUE(bench.silent());
    bench.toggle(binary_of());
    const ReadFragment again = bench.read(with("06"));
    ASSERT_EQ(again.measured.size(), 3u);
    EXPECT_EQ(again.measured[0], first.measured[0]);
    EXPECT_EQ(again.measured[1], first.measured[1]);
    bench.confirm(again);
    EXPECT_TRUE(bench.read(with("06")).null());
}

// 8.5.5.2.1
TEST_F(OutstationProcedure, EventsOfAllClassesComeOldestFirstAcrossTheClasses) {
    for (const std::uint16_t index : Indexes{3, 0, 2, 1, 3}) bench.toggle(index);
    const ReadFragment fragment = bench.read(classes_123);
    EXPECT_EQ(fragment.indexes(2), (Ints{3, 0, 2, 1, 3}));
    expect_sound_events(fragment);
    bench.confirm(fragment);
    EXPECT_TRUE(bench.read(classes_123).null());
}

// 8.5.5.2.2
TEST_F(OutstationProcedure, EventsComeBeforeStaticDataWhateverTheRequestsOrder) {
    bench.toggle(3);
    bench.analog(0, 500);
    for (const auto* objects :
         {"3c 02 06 3c 03 06 3c 04 06 3c 01 06", "3c 01 06 3c 02 06 3c 03 06 3c 04 06"}) {
        const ReadFragment fragment = bench.read(objects);
        EXPECT_EQ(fragment.control.sequence, bench.sequence);
        EXPECT_EQ(fragment.measured[0].group, 2);
        EXPECT_EQ(fragment.measured[1].group, 32);
        EXPECT_EQ(fragment.measured[2].group, 1);
        EXPECT_TRUE(fragment.control.confirm);
    }
}

// 8.5.6.2
TEST_F(OutstationProcedure, EachClassReturnsItsOwnEventsAndTheIndicationsFollowWhatIsLeft) {
    for (const std::uint16_t index : Indexes{0, 2, 3}) bench.toggle(index);
    const ReadFragment one = bench.read("3c 02 06");
    EXPECT_EQ(one.indexes(2), Ints{0});
    EXPECT_FALSE(one.iin.has(Iin::class_1_events));
    EXPECT_TRUE(one.iin.has(Iin::class_2_events) && one.iin.has(Iin::class_3_events));
    bench.confirm(one);
    const ReadFragment two = bench.read("3c 03 06");
    EXPECT_EQ(two.indexes(2), Ints{2});
    EXPECT_FALSE(two.iin.has(Iin::class_1_events) || two.iin.has(Iin::class_2_events));
    EXPECT_TRUE(two.iin.has(Iin::class_3_events));
}

// ---- 8.6: internal indications ------------------------------------------------------------------

// 8.6.1.2
TEST(OutstationProcedureAtStart, TheRestartIndicationStandsUntilTheMasterClearsIt) {
    OutstationBench bench;
    EXPECT_TRUE(bench.read("3c 02 06").iin.has(Iin::device_restart));
    EXPECT_TRUE(bench.read("3c 02 06").iin.has(Iin::device_restart));
    const ReadFragment cleared = bench.request(Function::write, clear_restart);
    EXPECT_TRUE(cleared.null());
    EXPECT_FALSE(cleared.iin.has(Iin::device_restart));
    EXPECT_FALSE(bench.read("3c 02 06").iin.has(Iin::device_restart));
}

// 8.6.2.2, 8.6.3.2
TEST_F(OutstationProcedure, UnknownFunctionsAndObjectsAreSaidOnceAndDoNotLinger) {
    EXPECT_TRUE(bench.request(Function{0x70}, "").iin.has(Iin::no_func_code_support));
    EXPECT_FALSE(bench.read("3c 01 06").errors());
    EXPECT_TRUE(bench.read("00 00 06").iin.has(Iin::object_unknown));
    EXPECT_FALSE(bench.read("3c 01 06").errors());
}

// 8.6.5.2
TEST_F(OutstationProcedure, ABroadcastIsDoneAndNotAnsweredAndToldInTheNextResponse) {
    bench.broadcast(Function::immediate_freeze, "14 00 06", broadcast_confirm_optional);
    EXPECT_TRUE(bench.silent());
    const ReadFragment first = bench.read("3c 02 06");
    EXPECT_TRUE(first.iin.has(Iin::broadcast));
    EXPECT_FALSE(first.errors());
    EXPECT_FALSE(bench.read("3c 02 06").iin.has(Iin::broadcast));
    EXPECT_EQ(bench.read("15 00 06").values(21), (Values{5, 5, 5}));
}

// 8.6.5.3
TEST_F(OutstationProcedure, ABroadcastToBeConfirmedIsToldUntilItIs) {
    bench.broadcast(Function::immediate_freeze_no_ack, "14 00 06", broadcast_confirm_required);
    for (int i = 0; i < 2; ++i) {
        const ReadFragment said = bench.read("3c 02 06");
        EXPECT_TRUE(said.null() && said.iin.has(Iin::broadcast) && said.control.confirm);
        if (i == 1) bench.confirm(said);
    }
    const ReadFragment after = bench.read("3c 02 06");
    EXPECT_FALSE(after.iin.has(Iin::broadcast) || after.control.confirm);
}

// 8.6.5.3
TEST_F(OutstationProcedure, ABroadcastWithoutConfirmationIsToldOnce) {
    bench.broadcast(Function::immediate_freeze_no_ack, "14 00 06", broadcast_no_confirm);
    const ReadFragment said = bench.read("3c 02 06");
    EXPECT_TRUE(said.iin.has(Iin::broadcast));
    EXPECT_FALSE(said.control.confirm);
    EXPECT_FALSE(bench.read("3c 02 06").iin.has(Iin::broadcast));
}

// 8.6.5.1, 8.10.2
TEST_F(OutstationProcedure, ABroadcastReadIsNotAnswered) {
    for (const Address to :
         {broadcast_no_confirm, broadcast_confirm_optional, broadcast_confirm_required}) {
        bench.sent.clear();
        bench.broadcast(Function::read, "3c 01 06", to);
        EXPECT_TRUE(bench.silent());
    }
}

// 8.6.6.2.1
TEST(OutstationProcedureOverflow, IsToldWhenAnEventWasLostAndClearedWhenThereIsRoom) {
    OutstationBench bench({.events_max = {5, 5, 5}});
    bench.settle();
    for (int i = 0; i < 5; ++i) bench.toggle(0);
    const ReadFragment full = bench.read("3c 02 06");
    EXPECT_EQ(full.of(2).size(), 5u);
    EXPECT_FALSE(full.iin.has(Iin::event_buffer_overflow));  // full, and nothing lost yet
    bench.toggle(0);
    const ReadFragment one = bench.read("3c 02 07 01");
    EXPECT_EQ(one.of(2).size(), 1u);
    EXPECT_TRUE(one.iin.has(Iin::event_buffer_overflow));
    bench.confirm(one);
    EXPECT_FALSE(bench.read("3c 02 07 01").iin.has(Iin::event_buffer_overflow));
    EXPECT_EQ(bench.outstation.stats().events_lost, 1u);
}

// ---- 8.7, 8.8: time and restarts ----------------------------------------------------------------

// 8.7.1.1.2
TEST_F(OutstationProcedure, TheDelayIsMeasuredInMilliseconds) {
    EXPECT_EQ(bench.request(Function::delay_measurement, "").objects, "34 02 07 01 00 00");
}

// 8.7.1.2.2
TEST(OutstationProcedureAtStart, TimeIsAskedForUntilItIsWrittenAndAgainAfterARestart) {
    OutstationBench bench;
    EXPECT_TRUE(bench.read("3c 03 06").iin.has(Iin::need_time));
    // 1,800,000,000,000
    const ReadFragment written = bench.request(Function::write, "32 01 07 01 00 50 5c 18 a3 01");
    EXPECT_TRUE(written.null());
    EXPECT_FALSE(written.iin.has(Iin::need_time));
    bench.passes(2'500ms);
    bench.toggle(2);
    const auto events = bench.read("3c 03 06").of(2);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].time->ms, 1'800'000'002'500u);
    bench.request(Function::cold_restart, "");
    EXPECT_TRUE(bench.read("3c 03 06").iin.has(Iin::need_time));
}

// 8.7.2
TEST(OutstationProcedureAtStart, TheLanProcedureWritesWhatTheTimeWasWhenItWasRecorded) {
    OutstationBench bench;
    bench.broadcast(Function::record_current_time, "", broadcast_confirm_optional);
    bench.passes(5s);
    const ReadFragment written = bench.request(Function::write, "32 03 07 01 00 50 5c 18 a3 01");
    EXPECT_FALSE(written.errors() || written.iin.has(Iin::need_time));
    EXPECT_TRUE(written.iin.has(Iin::broadcast));
    EXPECT_EQ(bench.times, std::vector<std::uint64_t>{1'800'000'005'000});
    EXPECT_EQ(bench.outstation.time_ms(bench.now), 1'800'000'005'000u);
}

// 8.7.2
TEST_F(OutstationProcedure, ARecordedTimeIsNeededAndUsedOnce) {
    constexpr auto written = "32 03 07 01 00 50 5c 18 a3 01";
    EXPECT_TRUE(bench.request(Function::write, written).iin.has(Iin::parameter_error));
    EXPECT_TRUE(bench.request(Function::record_current_time, "").null());
    EXPECT_FALSE(bench.request(Function::write, written).errors());
    EXPECT_TRUE(bench.request(Function::write, written).iin.has(Iin::parameter_error));
    EXPECT_TRUE(
        bench.request(Function::record_current_time, "32 01 06").iin.has(Iin::parameter_error));
}

// 8.8.2
TEST_F(OutstationProcedure, AColdRestartIsAnsweredWithADelayAndSetsTheIndication) {
    const ReadFragment fragment = bench.request(Function::cold_restart, "");
    EXPECT_EQ(fragment.objects, "34 02 07 01 e8 03");
    EXPECT_FALSE(fragment.iin.has(Iin::device_restart));
    EXPECT_EQ(bench.outputs_of_note, std::vector<std::string>{"cold restart"});
    bench.passes(2s);
    EXPECT_TRUE(bench.read("3c 01 06").iin.has(Iin::device_restart));
    EXPECT_FALSE(bench.request(Function::write, clear_restart).iin.has(Iin::device_restart));
}

// 8.8.2
TEST(OutstationProcedureWithout, RestartsAreAFunctionNotSupported) {
    OutstationBench bench({.restarts = false});
    EXPECT_TRUE(bench.request(Function::cold_restart, "").iin.has(Iin::no_func_code_support));
    EXPECT_TRUE(bench.request(Function::warm_restart, "").iin.has(Iin::no_func_code_support));
}

// ---- 8.9: fragments -----------------------------------------------------------------------------

class OutstationProcedureOfMany : public testing::Test {
protected:
    static constexpr int many = 1'500;
    static std::vector<PointPlan> points() {
        std::vector<PointPlan> all;
        for (std::uint16_t i = 0; i < many; ++i)
            all.push_back({.type = analog, .index = i, .static_variation = 1});
        return all;
    }
    OutstationBench bench{{}, points()};
};

// 8.9.1.2
TEST_F(OutstationProcedureOfMany, FragmentsAreMarkedAndNumberedOneAfterTheOther) {
    ReadFragment fragment = bench.read("3c 01 06");
    EXPECT_TRUE(fragment.control.first && !fragment.control.final);
    EXPECT_EQ(fragment.control.sequence, bench.sequence);
    std::size_t fragments = 1;
    int next = 0;
    for (;; ++fragments) {
        EXPECT_LE(fragment.octets, fragment_octets_max);
        for (const int index : fragment.indexes(30)) EXPECT_EQ(index, next++);
        if (fragment.control.final) break;
        const std::uint8_t before = fragment.control.sequence;
        EXPECT_TRUE(fragment.control.confirm);
        fragment = bench.confirm(fragment);
        EXPECT_FALSE(fragment.control.first);
        EXPECT_EQ(fragment.control.sequence, (before + 1) % 16);
    }
    EXPECT_EQ(next, many);  // every point, once, in order
    EXPECT_EQ(fragments, 4u);
    EXPECT_FALSE(fragment.control.confirm);
}

// 8.9.2.2
TEST_F(OutstationProcedureOfMany, WithoutAConfirmationNothingFollows) {
    const ReadFragment first = bench.read("3c 01 06");
    bench.passes(4s);
    EXPECT_TRUE(bench.silent());
    const ReadFragment second = bench.confirm(first);
    EXPECT_EQ(second.control.sequence, (first.control.sequence + 1) % 16);
    ApplicationControl wrong = second.control;
    wrong.sequence = (wrong.sequence + 5) & 15;
    EXPECT_EQ(bench.confirm(wrong).destination, 0);
    bench.passes(6s);
    EXPECT_EQ(bench.confirm(second).destination, 0);  // the right one, too late
    EXPECT_TRUE(bench.silent());
}

// 8.9.2.1
TEST_F(OutstationProcedureOfMany, ARequestAfterATimeoutStartsAtTheBeginning) {
    bench.confirm(bench.read("3c 01 06"));
    bench.passes(6s);
    const ReadFragment again = bench.read("3c 01 06");
    EXPECT_TRUE(again.control.first);
    EXPECT_EQ(again.indexes(30).front(), 0);
}

// 8.10.2
TEST_F(OutstationProcedure, ARequestOfAnotherMasterIsNotAnswered) {
    bench.sent.clear();
    bench.hears("c3 01 3c 02 06", 7);
    EXPECT_TRUE(bench.silent());
    EXPECT_EQ(bench.outstation.stats().not_for_us, 1u);
    EXPECT_EQ(bench.read("3c 02 06").destination, OutstationBench::master);
}

// ---- 8.11: unsolicited responses ----------------------------------------------------------------

class OutstationProcedureUnasked : public testing::Test {
protected:
    static OutstationSettings settings() {
        return {.unsolicited = true,
                .unsolicited_after = 0ms,
                .confirm_within = 5s,
                .unsolicited_retries = 1'000};
    }
    /// Past the start: the null response is confirmed, the restart is cleared.
    void ready() {
        bench.confirm(bench.take());
        bench.settle();
        bench.sent.clear();
    }
    void enable_all() {
        EXPECT_TRUE(bench.request(Function::enable_unsolicited, classes_123).null());
    }
    ReadFragment unsolicited() {
        const ReadFragment fragment = bench.take();
        EXPECT_EQ(fragment.function, Function::unsolicited_response);
        EXPECT_TRUE(fragment.control.unsolicited && fragment.control.confirm &&
                    fragment.control.first && fragment.control.final);
        return fragment;
    }
    OutstationBench bench{settings()};
};

// 8.11.2.1, steps 10 to 18
TEST_F(OutstationProcedureUnasked, TheNullResponseAfterARestartIsRepeatedUntilItIsConfirmed) {
    const ReadFragment first = unsolicited();
    EXPECT_TRUE(first.null() && first.iin.has(Iin::device_restart));
    bench.passes(4'900ms);
    EXPECT_TRUE(bench.silent());
    bench.passes(100ms);
    EXPECT_EQ(unsolicited().control.sequence, first.control.sequence);
    bench.passes(5s);
    const ReadFragment third = unsolicited();
    bench.confirm(third);
    bench.passes(1min);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.1, steps 19 to 22
TEST_F(OutstationProcedureUnasked, TheNullResponseSaysWhatIsSoNowUnderAnotherSequenceNumber) {
    const ReadFragment first = unsolicited();
    EXPECT_TRUE(bench.request(Function::write, clear_restart).null());
    bench.passes(5s);
    const ReadFragment second = unsolicited();
    EXPECT_FALSE(second.iin.has(Iin::device_restart));
    EXPECT_NE(second.control.sequence, first.control.sequence);
}

// 8.11.2.1, steps 23 to 27: a read is deferred until the null response's time is up
TEST_F(OutstationProcedureUnasked, AReadIsAnsweredWhileTheNullResponseIsNotConfirmed) {
    unsolicited();
    EXPECT_EQ(bench.read("3c 01 06").destination, 0);
    bench.passes(5s);
    EXPECT_EQ(bench.take().function, Function::response);
    bench.passes(5s);
    const ReadFragment again = unsolicited();
    ApplicationControl wrong = again.control;
    wrong.sequence = (wrong.sequence + 1) & 15;
    bench.confirm(wrong);
    bench.passes(5s);
    unsolicited();
}

// 8.11.2.1, steps 28 to 30
TEST_F(OutstationProcedureUnasked, NothingIsReportedBeforeAClassIsEnabled) {
    ready();
    bench.toggle(0);
    bench.toggle(2);
    bench.passes(6s);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.2 to 8.11.2.4
TEST_F(OutstationProcedureUnasked, OneEnabledClassIsReportedAndRepeatedAndTheOthersAreNot) {
    ready();
    for (const auto& [object, index, other] :
         {std::tuple{"3c 02 06", 0, 2}, {"3c 03 06", 2, 3}, {"3c 04 06", 3, 1}}) {
        bench.request(Function::disable_unsolicited, classes_123);
        bench.toggle(static_cast<std::uint16_t>(index));
        bench.passes(6s);
        EXPECT_TRUE(bench.silent());
        EXPECT_TRUE(bench.request(Function::enable_unsolicited, object).null());
        const ReadFragment first = unsolicited();
        EXPECT_EQ(first.indexes(2), Ints{index});
        bench.passes(5s);
        const ReadFragment retry = unsolicited();
        EXPECT_EQ(retry.measured, first.measured);
        ApplicationControl wrong = retry.control;
        wrong.sequence = (wrong.sequence + 1) & 15;
        bench.confirm(wrong);
        bench.passes(5s);
        bench.confirm(unsolicited());
        bench.toggle(static_cast<std::uint16_t>(other));
        bench.passes(6s);
        EXPECT_TRUE(bench.silent());
        bench.confirm(bench.read(classes_123));
    }
}

// 8.11.2.5.1, 8.11.2.5.2
TEST_F(OutstationProcedureUnasked, ReportedEventsAreGoneWhenTheyAreConfirmed) {
    ready();
    enable_all();
    bench.toggle(0);
    const ReadFragment fragment = unsolicited();
    EXPECT_EQ(fragment.indexes(2), Ints{0});
    bench.confirm(fragment);
    EXPECT_TRUE(bench.read(classes_123).null());
}

// 8.11.2.5.3
TEST_F(OutstationProcedureUnasked, RequestsOtherThanReadsAreAnsweredWhileAConfirmationIsAwaited) {
    ready();
    enable_all();
    bench.toggle(0);
    const ReadFragment first = unsolicited();
    const ReadFragment reply = bench.request(Function::write, clear_restart);
    EXPECT_EQ(reply.function, Function::response);
    EXPECT_FALSE(reply.errors());
    bench.passes(5s);
    EXPECT_EQ(unsolicited().measured, first.measured);
}

// 8.11.2.5.4
TEST_F(OutstationProcedureUnasked, AReadWaitsForTheConfirmation) {
    ready();
    enable_all();
    bench.toggle(0);
    const ReadFragment first = unsolicited();
    EXPECT_EQ(bench.read(classes_123).destination, 0);
    bench.passes(4'500ms);
    EXPECT_TRUE(bench.silent());
    const ReadFragment answer = bench.confirm(first);
    EXPECT_EQ(answer.function, Function::response);
    EXPECT_TRUE(answer.null());
}

// 8.11.2.5.5
TEST_F(OutstationProcedureUnasked, AReadWaitsForTheTimeoutAndGetsTheEventsInsteadOfARetry) {
    ready();
    enable_all();
    bench.toggle(0);
    unsolicited();
    EXPECT_EQ(bench.read(classes_123).destination, 0);
    bench.passes(5s);
    const ReadFragment answer = bench.take();
    EXPECT_EQ(answer.function, Function::response);
    EXPECT_EQ(answer.indexes(2), Ints{0});
    bench.confirm(answer);
    bench.passes(6s);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.5.6
TEST_F(OutstationProcedureUnasked, AReadThatWaitsIsAbandonedForAnyLaterRequest) {
    ready();
    enable_all();
    bench.toggle(0);
    const ReadFragment first = unsolicited();
    bench.read(classes_123);
    EXPECT_EQ(bench.request(Function::write, clear_restart).function, Function::response);
    bench.passes(5s);
    EXPECT_EQ(unsolicited().measured, first.measured);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.5.7
TEST_F(OutstationProcedureUnasked, AReadThatWaitsIsAbandonedForALaterRead) {
    ready();
    enable_all();
    bench.toggle(0);
    unsolicited();
    bench.read("3c 01 06");
    bench.read(classes_123);
    bench.passes(5s);
    const ReadFragment answer = bench.take();
    EXPECT_EQ(answer.control.sequence, bench.sequence);
    EXPECT_EQ(answer.measured.size(), 1u);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.5.8
TEST_F(OutstationProcedureUnasked, NothingIsReportedWhileAPolledResponseAwaitsItsConfirmation) {
    ready();
    bench.toggle(0);
    const ReadFragment polled = bench.read(classes_123);
    EXPECT_TRUE(polled.control.confirm);
    bench.confirm(polled);
    enable_all();
    bench.toggle(0);
    bench.confirm(unsolicited());
    bench.request(Function::disable_unsolicited, classes_123);
    bench.toggle(1);
    bench.request(Function::read, classes_123);
    EXPECT_TRUE(bench.silent());
    bench.hears("cf 14 3c 02 06");  // enabled again: that ends the wait, and is answered first
    EXPECT_EQ(bench.take().function, Function::response);
    EXPECT_EQ(unsolicited().indexes(2), Ints{1});
}

// 8.11.2.5.9
TEST(OutstationProcedureRetries, AreAsManyAsConfiguredAndEndWithAConfirmation) {
    OutstationBench bench({.unsolicited = true,
                           .unsolicited_after = 0ms,
                           .confirm_within = 5s,
                           .unsolicited_retries = 5,
                           .unsolicited_retry_later = 24h});
    bench.confirm(bench.take());
    bench.settle();
    bench.request(Function::enable_unsolicited, classes_123);
    bench.toggle(0);
    const Octets first = bench.sent.front().octets;
    bench.sent.clear();
    bench.passes(100s);
    EXPECT_EQ(bench.sent.size(), 5u);
    for (const SendFragment& retry : bench.sent) EXPECT_EQ(retry.octets, first);
    bench.sent.clear();
    bench.request(Function::delay_measurement, "");  // the master is there again
    bench.passes(5s);
    EXPECT_EQ(bench.sent.size(), 2u);
    bench.confirm(read_fragment(bench.sent.back()));
    bench.passes(10min);
    EXPECT_TRUE(bench.silent());
}

// 8.11.2.6
TEST(OutstationProcedureWithout, UnsolicitedResponsesNothingIsSentAndEnablingIsRefused) {
    OutstationBench bench;
    bench.settle();
    bench.toggle(0);
    bench.sent.clear();
    bench.passes(10s);
    EXPECT_TRUE(bench.silent());
    for (const auto function : {Function::enable_unsolicited, Function::disable_unsolicited}) {
        const ReadFragment fragment = bench.request(function, classes_123);
        EXPECT_TRUE(fragment.null() && fragment.iin.has(Iin::no_func_code_support));
    }
    EXPECT_EQ(bench.read(classes_123).indexes(2), Ints{0});
}

// ---- 8.13 to 8.26: objects ----------------------------------------------------------------------

// 8.13.2.2, 8.16.1.2.2, 8.16.2.2.2, 8.18.2.2, 8.21.1
TEST(OutstationProcedureWithout, APointTypeItsReadIsAnUnknownObject) {
    for (const auto& [type, group] : {std::pair{binary, "01"},
                                      {double_bit, "03"},
                                      {counter, "14"},
                                      {frozen_counter, "15"},
                                      {analog, "1e"}}) {
        OutstationBench bench({}, without(type));
        for (const auto* qualifier : {" 00 06", " 00 00 00 00", " 00 01 00 00 00 00"}) {
            const ReadFragment fragment = bench.read(std::string(group) + qualifier);
            EXPECT_TRUE(fragment.null() && fragment.iin.has(Iin::object_unknown)) << group;
        }
    }
}

// 8.13.2.3
TEST_F(OutstationProcedure, BinaryInputsReportThePatternThatIsApplied) {
    bench.toggle(1);
    bench.toggle(3);
    EXPECT_EQ(bench.read("01 00 06").values(1), (Values{0, 1, 0, 1}));
    bench.toggle(0);
    bench.toggle(1);
    EXPECT_EQ(bench.read("01 00 06").values(1), (Values{1, 0, 0, 1}));
}

// 8.14.2.3 to 8.14.2.6
TEST_F(OutstationProcedure, BinaryChangesAreReadByTypeAllOrALimitedQuantity) {
    for (const std::uint16_t index : Indexes{0, 2, 3, 0, 1}) bench.toggle(index);
    bench.analog(0, 700);
    for (const auto* three : {"02 00 07 03", "02 00 08 03 00"})
        EXPECT_EQ(bench.read(three).indexes(2), (Ints{0, 2, 3}));
    bench.confirm(bench.read("02 00 07 03"));
    const ReadFragment rest = bench.read("02 00 06");
    EXPECT_EQ(rest.indexes(2), (Ints{0, 1}));
    EXPECT_TRUE(rest.of(32).empty());
    bench.passes(30s);
    EXPECT_EQ(bench.read("02 00 06").objects, rest.objects);  // the same, not confirmed
}

// 8.14.2.7 to 8.14.2.12
TEST_F(OutstationProcedure, BinaryChangesAreReadInTheVariationAskedFor) {
    for (const std::uint16_t index : Indexes{0, 3, 2}) {
        bench.passes(1s);
        bench.toggle(index);
    }
    for (const auto* plain : {"02 01 06", "02 01 07 09", "02 01 08 09 00"}) {
        const ReadFragment fragment = bench.read(plain);
        EXPECT_EQ(fragment.indexes(2), (Ints{0, 3, 2}));
        for (const auto& object : fragment.measured) EXPECT_EQ(object.variation, 1);
    }
    const auto timed = bench.read("02 02 06").of(2);
    EXPECT_EQ(timed[1].time->ms - timed[0].time->ms, 1'000u);
    EXPECT_EQ(timed[2].time->ms - timed[1].time->ms, 1'000u);
}

// 8.14.2.13 to 8.14.2.15
TEST_F(OutstationProcedure, RelativeTimesStandBehindACommonTime) {
    bench.toggle(0);
    bench.passes(1'500ms);
    bench.toggle(1);
    const auto absolute = bench.read("02 02 06").of(2);
    for (const auto* relative : {"02 03 06", "02 03 07 02", "02 03 08 02 00"}) {
        const ReadFragment fragment = bench.read(relative);
        EXPECT_EQ(fragment.objects.substr(0, 11), "33 01 07 01");
        const auto events = fragment.of(2);
        ASSERT_EQ(events.size(), 2u);
        EXPECT_EQ(events[0].time, absolute[0].time);
        EXPECT_EQ(events[1].time, absolute[1].time);
    }
}

// 8.15.2
TEST(OutstationProcedureAtStart, BeforeTimeIsSetTheCommonTimeIsNotSynchronised) {
    OutstationBench bench;
    bench.binary(0, true);
    EXPECT_EQ(bench.read("02 03 06").objects.substr(0, 11), "33 02 07 01");
}

// 8.16.1.2.3
TEST_F(OutstationProcedure, RunningCountersReportWhatWasCounted) {
    for (const std::uint16_t index : Indexes{0, 1, 2}) bench.counter(index, 12);
    EXPECT_EQ(bench.read("14 00 06").values(20), (Values{12, 12, 12}));
}

// 8.16.2.2.3, 8.16.2.2.5
TEST_F(OutstationProcedure, AFreezeCopiesTheCountersAndTheyGoOn) {
    for (const auto function : {Function::immediate_freeze, Function::immediate_freeze_no_ack}) {
        bench.counter(0, 20);
        const bool answered = bench.request(function, "14 00 06").destination != 0;
        EXPECT_EQ(answered, function == Function::immediate_freeze);
        const Values recorded = bench.read("15 00 06").values(21);
        EXPECT_EQ(recorded, (Values{20, 5, 5}));
        bench.counter(0, 24);
        EXPECT_EQ(bench.read("15 00 06").values(21), recorded);
    }
}

// 8.16.2.2.4, 8.16.2.2.6
TEST_F(OutstationProcedure, AFreezeAndClearBeginsToCountAtZeroAgain) {
    for (const auto function : {Function::freeze_and_clear, Function::freeze_and_clear_no_ack}) {
        for (const std::uint16_t index : Indexes{0, 1, 2}) bench.counter(index, 11);
        bench.request(function, "14 00 06");
        EXPECT_EQ(bench.read("15 00 06").values(21), (Values{11, 11, 11}));
        EXPECT_EQ(bench.read("14 00 06").values(20), (Values{0, 0, 0}));
        bench.request(function, "14 00 06");
        EXPECT_EQ(bench.read("15 00 06").values(21), (Values{0, 0, 0}));
    }
}

// 8.16.2.1, 8.16.2.2.3
TEST(OutstationProcedureFrozenCounters, MakeEventsWithEveryFreezeWhereTheyAreOfAClass) {
    std::vector<PointPlan> points = usual_points();
    for (PointPlan& plan : points)
        if (plan.type == frozen_counter) plan.event_class = EventClass::two;
    OutstationBench bench({}, points);
    bench.settle();
    for (int i = 0; i < 2; ++i) {
        bench.request(Function::immediate_freeze, "14 00 06");
        const ReadFragment fragment = bench.read("17 00 06 15 00 06");
        EXPECT_EQ(fragment.values(23), fragment.values(21));
        EXPECT_EQ(fragment.measured.front().group, 23);
        bench.confirm(fragment);
    }
}

// 8.17.2.2
TEST_F(OutstationProcedure, CounterChangesAreEvents) {
    bench.counter(1, 6);
    const ReadFragment fragment = bench.read("16 00 06");
    EXPECT_EQ(fragment.indexes(22), Ints{1});
    expect_sound_events(fragment);
}

// 8.18.2.3
TEST_F(OutstationProcedure, AnalogInputsReportWhatIsApplied) {
    const Values values{250, -75, 31'000, 0};
    for (std::uint16_t i = 0; i < 4; ++i) bench.analog(i, values[i]);
    EXPECT_EQ(bench.read("1e 00 06").values(30), values);
}

// 8.19.1, 8.19.2.2
TEST_F(OutstationProcedure, AnAnalogEventIsAChangeBeyondTheDeadband) {
    bench.analog(0, 105);
    EXPECT_TRUE(bench.read("20 00 06").null());
    bench.analog(0, 106);
    const ReadFragment fragment = bench.read("20 00 06");
    EXPECT_EQ(fragment.values(32), Values{106});
    expect_sound_events(fragment);
    bench.confirm(fragment);
    EXPECT_TRUE(bench.read("20 00 06").null());
}

// 8.19.2.3, 8.19.2.4
TEST_F(OutstationProcedure, AnAnalogThatGoesAndComesBackIsTwoEventsUntilConfirmed) {
    bench.analog(0, 108);
    EXPECT_EQ(bench.read("20 00 06").values(32), Values{108});
    bench.passes(30s);
    bench.analog(0, 100);
    const ReadFragment both = bench.read("20 00 06");
    EXPECT_EQ(both.values(32), (Values{108, 100}));
    bench.confirm(both);
    EXPECT_TRUE(bench.read("20 00 06").null());
}

// 8.20.2.2
TEST_F(OutstationProcedure, OneOfEveryObjectInASingleRequestIsAnswered) {
    bench.toggle(0);
    bench.analog(1, 300);
    const ReadFragment fragment = bench.read(
        "02 00 06 16 00 06 17 00 06 20 00 06 01 00 06 0a 00 06 14 00 06 15 00 06"
        " 1e 00 06 28 00 06");
    EXPECT_FALSE(fragment.errors());
    for (const std::uint8_t group :
         std::initializer_list<std::uint8_t>{2, 32, 1, 10, 20, 21, 30, 40})
        EXPECT_FALSE(fragment.of(group).empty()) << int{group};
    EXPECT_TRUE(fragment.control.confirm);
}

// 8.23.2.x.2
TEST_F(OutstationProcedure, ARangeReturnsItsPointsAndNoOthers) {
    for (const auto* group : {"01", "0a", "14", "15", "1e"})
        for (const auto* range : {" 00 00 01 02", " 00 01 01 00 02 00"}) {
            const ReadFragment fragment = bench.read(std::string(group) + range);
            ASSERT_EQ(fragment.measured.size(), 2u);
            EXPECT_EQ(fragment.measured[0].measurement.index, 1);
            EXPECT_EQ(fragment.measured[1].measurement.index, 2);
            EXPECT_FALSE(fragment.errors());
        }
}

// 8.23.2.x.3
TEST_F(OutstationProcedure, ARangeBeyondTheLastPointIsAParameterErrorAndNoUnknownObject) {
    for (const auto* objects :
         {"01 00 00 03 04", "0a 00 00 03 04", "14 00 00 02 03", "1e 00 00 03 04", "28 00 00 01 02",
          "01 00 01 00 00 ff ff", "1e 00 00 20 30"}) {
        const ReadFragment fragment = bench.read(objects);
        EXPECT_TRUE(fragment.iin.has(Iin::parameter_error)) << objects;
        EXPECT_FALSE(fragment.iin.has(Iin::object_unknown)) << objects;
    }
}

// 8.24.2.1 to 8.24.2.7
TEST_F(OutstationProcedure, StaticVariationsAreAsAskedForAndFlagsAreNeverLost) {
    for (const auto& [group, type, plain, flagged] : {std::tuple{1, binary, 1, 2},
                                                      {3, double_bit, 1, 2},
                                                      {10, binary_output, 1, 2},
                                                      {20, counter, 5, 1},
                                                      {20, counter, 6, 2},
                                                      {30, analog, 3, 1},
                                                      {30, analog, 4, 2}}) {
        const auto hex = [&](int number) {
            return to_hex(std::array{std::byte(group), std::byte(number), std::byte{6}}, " ");
        };
        const MeasuredValue value = bench.outstation.point(type, 0)->value;
        for (const auto& object : bench.read(hex(plain)).measured)
            EXPECT_EQ(object.variation, plain);
        for (const auto& object : bench.read(hex(flagged)).measured)
            EXPECT_EQ(object.variation, flagged);
        bench.set(type, 0, value, flag::comm_lost);
        const auto objects = bench.read(hex(plain)).measured;
        EXPECT_EQ(objects[0].variation, flagged);
        EXPECT_EQ(objects[0].measurement.flags, flag::comm_lost);
        EXPECT_EQ(objects[1].variation, plain);
        bench.set(type, 0, value);
    }
    for (const auto* unknown : {"01 03 06", "14 03 06", "15 03 06", "1e 07 06", "28 05 06"})
        EXPECT_TRUE(bench.read(unknown).iin.has(Iin::object_unknown)) << unknown;
}

// 8.25.2.3 to 8.25.2.5
TEST_F(OutstationProcedure, EventVariationsAreAsAskedFor) {
    bench.analog(0, 40'000);
    bench.analog(1, -40'000);
    bench.counter(0, 70'000);
    for (const int variation : {1, 2, 3, 4, 5, 6, 7, 8}) {
        const auto events = bench.read("20 0" + std::to_string(variation) + " 06").measured;
        ASSERT_EQ(events.size(), 2u);
        EXPECT_EQ(events[0].variation, variation);
        const bool narrow = variation == 2 || variation == 4;
        EXPECT_EQ(ReadFragment::number(events[1].measurement.value), narrow ? -32'768 : -40'000);
        EXPECT_EQ(events[1].measurement.flags,
                  narrow ? flag::online | flag::over_range : flag::online);
    }
    for (const int variation : {1, 5}) {
        const auto events = bench.read("16 0" + std::to_string(variation) + " 06").measured;
        ASSERT_EQ(events.size(), 1u);
        EXPECT_EQ(events[0].variation, variation);
    }
}

// 8.26.2
TEST_F(OutstationProcedure, AssignedClassesHold) {
    EXPECT_TRUE(bench
                    .request(Function::assign_class,
                             "3c 03 06 01 00 00 00 00"
                             " 3c 01 06 01 00 00 03 03")
                    .null());
    for (const std::uint16_t index : Indexes{0, 2, 3}) bench.toggle(index);
    const ReadFragment three = bench.read("3c 04 06");
    EXPECT_TRUE(three.null());
    EXPECT_TRUE(three.iin.has(Iin::class_2_events));
    EXPECT_FALSE(three.iin.has(Iin::class_1_events) || three.iin.has(Iin::class_3_events));
    EXPECT_EQ(bench.read("3c 03 06").indexes(2), (Ints{0, 2}));
}

}  // namespace
}  // namespace causeway::scada::dnp3::outstation_conformance_test
