#include "scada/dnp3/master_testing.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace causeway::scada::dnp3::master_controls_test {
namespace {

using Fate = Master::Completed::Fate;
using Mode = Master::Operate::Mode;

const Control latch_one{.index = 1, .what = Crob{.on_ms = 100, .off_ms = 100}};
const std::string crob_one = "0c 01 17 01 01 03 01 64 00 00 00 64 00 00 00 ";

Master::Operate one(std::uint64_t tag, Mode mode) {
    return {.tag = tag, .mode = mode, .controls = {latch_one}};
}
MasterBench ready() {
    MasterBench bench(quiet());
    bench.up();
    return bench;
}

// [IEEE 1815 §4.4.3]
TEST(DnpMasterControls, SelectsThenOperatesUnderTheNextNumber) {
    auto bench = ready();
    bench.give(one(1, Mode::select_before_operate));
    EXPECT_EQ(bench.sent(), "c0 03 " + crob_one + "00");
    bench.hears("c0 81 00 00 " + crob_one + "00");
    EXPECT_EQ(bench.sent(), "c1 04 " + crob_one + "00");
    EXPECT_TRUE(bench.completed.empty());
    bench.hears("c1 81 00 00 " + crob_one + "00");
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].fate, Fate::answered);
    ASSERT_EQ(bench.completed[0].controls.size(), 1u);
    EXPECT_EQ(bench.completed[0].controls[0].status, CommandStatus::success);
}

TEST(DnpMasterControls, AnEchoThatDiffersIsNotOperated) {
    for (const auto* echo : {
             "0c 01 17 01 02 03 01 64 00 00 00 64 00 00 00 00",  // another index
             "0c 01 17 01 01 04 01 64 00 00 00 64 00 00 00 00",  // another code
             "0c 01 17 01 01 03 02 64 00 00 00 64 00 00 00 00",  // another count
             "0c 01 17 01 01 03 01 65 00 00 00 64 00 00 00 00",  // another time
             "0c 01 17 02 01 03 01 64 00 00 00 64 00 00 00 00 "
             "01 03 01 64 00 00 00 64 00 00 00 00",  // two
             "29 02 17 01 01 03 01 00",              // another thing
             "",                                     // nothing
         }) {
        auto bench = ready();
        bench.give(one(1, Mode::select_before_operate));
        bench.sent();
        bench.hears(std::string("c0 81 00 00 ") + echo);
        EXPECT_EQ(bench.sent(), "") << echo;
        ASSERT_EQ(bench.completed.size(), 1u) << echo;
        EXPECT_EQ(bench.completed[0].fate, Fate::nonsense) << echo;
        bench.passes(1h);
        EXPECT_EQ(bench.sent(), "") << echo;
    }
}

TEST(DnpMasterControls, AnEchoWithAWiderIndexIsTheSameEcho) {
    auto bench = ready();
    bench.give(one(1, Mode::select_before_operate));
    bench.sent();
    bench.hears("c0 81 00 00 0c 01 28 01 00 01 00 03 01 64 00 00 00 64 00 00 00 00");
    EXPECT_EQ(bench.sent(), "c1 04 " + crob_one + "00");
}

TEST(DnpMasterControls, ARefusedSelectIsNotOperatedAndTheStatusIsTold) {
    for (int status = 1; status < 128; ++status) {
        auto bench = ready();
        bench.give(one(1, Mode::select_before_operate));
        bench.sent();
        bench.hears("c0 81 00 00 " + crob_one + to_hex(Octets{static_cast<std::byte>(status)}));
        EXPECT_EQ(bench.sent(), "");
        ASSERT_EQ(bench.completed.size(), 1u);
        EXPECT_EQ(bench.completed[0].fate, Fate::answered);
        EXPECT_EQ(bench.completed[0].controls[0].status, static_cast<CommandStatus>(status));
    }
}

TEST(DnpMasterControls, OneRefusedControlOfManyKeepsAllFromBeingOperated) {
    auto bench = ready();
    auto command = one(1, Mode::select_before_operate);
    command.controls.push_back(latch_one);
    command.controls[1].index = 2;
    bench.give(std::move(command));
    const std::string two = "01 03 01 64 00 00 00 64 00 00 00 ";
    const std::string three = "02 03 01 64 00 00 00 64 00 00 00 ";
    EXPECT_EQ(bench.sent(), "c0 03 0c 01 17 02 " + two + "00 " + three + "00");
    bench.hears("c0 81 00 00 0c 01 17 02 " + two + "00 " + three + "07");
    EXPECT_EQ(bench.sent(), "");
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].controls[0].status, CommandStatus::success);
    EXPECT_EQ(bench.completed[0].controls[1].status, CommandStatus::local);
}

TEST(DnpMasterControls, IndicationsOfAnAnswerWithoutObjectsBecomeTheStatus) {
    const std::pair<const char*, CommandStatus> cases[] = {
        {"c0 81 00 01", CommandStatus::not_supported},
        {"c0 81 00 02", CommandStatus::not_supported},
        {"c0 81 00 04", CommandStatus::format_error},
        {"c0 81 00 10", CommandStatus::already_active},
    };
    for (const auto& [answer, status] : cases) {
        auto bench = ready();
        bench.give(one(1, Mode::direct));
        EXPECT_EQ(bench.sent(), "c0 05 " + crob_one + "00");
        bench.hears(answer);
        ASSERT_EQ(bench.completed.size(), 1u);
        EXPECT_EQ(bench.completed[0].fate, Fate::answered);
        EXPECT_EQ(bench.completed[0].controls[0].status, status);
    }
}

TEST(DnpMasterControls, AnOutstationSilentAfterTheSelectIsNeverOperatedLater) {
    auto bench = ready();
    bench.give(one(1, Mode::select_before_operate));
    EXPECT_EQ(bench.sent(), "c0 03 " + crob_one + "00");
    bench.passes(5s);
    EXPECT_EQ(bench.sent(), "");
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].fate, Fate::unanswered);
    bench.hears("c0 81 00 00 " + crob_one + "00");  // late
    bench.passes(1h);
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.master.stats().unexpected, 1u);
}

TEST(DnpMasterControls, AnOutstationSilentAfterTheOperateIsNotOperatedAgain) {
    for (const auto mode : {Mode::select_before_operate, Mode::direct}) {
        auto bench = ready();
        bench.give(one(1, mode));
        if (mode == Mode::select_before_operate) {
            bench.sent();
            bench.hears("c0 81 00 00 " + crob_one + "00");
        }
        EXPECT_NE(bench.sent(), "");
        bench.passes(24h);
        EXPECT_EQ(bench.sent(), "");
        ASSERT_EQ(bench.completed.size(), 1u);
        EXPECT_EQ(bench.completed[0].fate, Fate::unanswered);
    }
}

// [IEEE 1815 §4.4.5]
TEST(DnpMasterControls, WithoutAcknowledgementTheCommandIsSentAndThatIsAll) {
    auto bench = ready();
    bench.give(one(1, Mode::direct_no_ack));
    bench.give(one(2, Mode::direct_no_ack));
    EXPECT_EQ(bench.sent(), "c0 06 " + crob_one + "00");
    EXPECT_EQ(bench.sent(), "c1 06 " + crob_one + "00");
    ASSERT_EQ(bench.completed.size(), 2u);
    EXPECT_EQ(bench.completed[0].fate, Fate::unanswered);
    EXPECT_FALSE(bench.master.busy());
    EXPECT_EQ(bench.master.next_deadline(), never);
}

TEST(DnpMasterControls, CommandsGoBeforePollsAndInTheirOwnOrder) {
    auto bench = ready();
    bench.give(Master::Poll{.tag = 1, .classes = {.one = true}});
    bench.give(Master::Poll{.tag = 2, .classes = {.two = true}});
    bench.give(one(3, Mode::direct));
    bench.give(one(4, Mode::select));
    EXPECT_EQ(bench.sent(), "c0 01 3c 02 06");
    bench.hears("c0 81 00 00");
    EXPECT_EQ(bench.sent(), "c1 05 " + crob_one + "00");
    bench.hears("c1 81 00 00 " + crob_one + "00");
    EXPECT_EQ(bench.sent(), "c2 03 " + crob_one + "00");
    bench.hears("c2 81 00 00 " + crob_one + "03");
    EXPECT_EQ(bench.sent(), "c3 01 3c 03 06");
}

// Another request between them would undo the selection. [IEEE 1815 §4.4.3]
TEST(DnpMasterControls, BetweenASelectAndItsOperateNothingElseIsAsked) {
    auto settings = quiet();
    settings.polls = {{.classes = events, .every = 1s}};
    MasterBench bench(settings);
    bench.up();
    bench.give(one(1, Mode::select));
    EXPECT_EQ(bench.sent(), "c0 03 " + crob_one + "00");
    bench.hears("c0 81 00 00 " + crob_one + "00");
    EXPECT_EQ(bench.completed.size(), 1u);
    bench.give(Master::Poll{.tag = 9});
    bench.passes(9s);
    EXPECT_EQ(bench.sent(), "");
    bench.give(one(2, Mode::operate));
    EXPECT_EQ(bench.sent(), "c1 04 " + crob_one + "00");
    bench.hears("c1 81 00 00 " + crob_one + "00");
    EXPECT_EQ(bench.completed.size(), 2u);
    EXPECT_NE(bench.sent(), "");
}

TEST(DnpMasterControls, ASelectionIsForgottenInTime) {
    auto settings = quiet();
    settings.polls = {{.classes = {.one = true}, .every = 1s}};
    MasterBench bench(settings);
    bench.up();
    bench.give(one(1, Mode::select));
    bench.sent();
    bench.hears("c0 81 00 00 " + crob_one + "00");
    bench.passes(10s);
    EXPECT_EQ(bench.sent(), "c1 01 3c 02 06");
    bench.hears("c1 81 00 00");
    bench.give(one(2, Mode::operate));
    EXPECT_EQ(bench.sent(), "");
    ASSERT_EQ(bench.completed.size(), 2u);
    EXPECT_EQ(bench.completed[1].fate, Fate::unreachable);
    EXPECT_EQ(bench.completed[1].controls[0].status, CommandStatus::no_select);
}

TEST(DnpMasterControls, WhatWasNotSelectedIsNotOperated) {
    auto bench = ready();
    bench.give(one(1, Mode::operate));
    EXPECT_EQ(bench.completed.at(0).controls[0].status, CommandStatus::no_select);
    bench.give(one(2, Mode::select));
    bench.sent();
    bench.hears("c0 81 00 00 " + crob_one + "00");
    auto other = one(3, Mode::operate);
    other.controls[0].index = 2;
    bench.give(std::move(other));
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(2).controls[0].status, CommandStatus::no_select);
    // A select that failed leaves nothing to be operated.
    bench.give(one(4, Mode::select));
    EXPECT_EQ(bench.sent(), "c1 03 " + crob_one + "00");
    bench.hears("c1 81 00 00 " + crob_one + "04");
    bench.give(one(5, Mode::operate));
    EXPECT_EQ(bench.sent(), "");
}

TEST(DnpMasterControls, ARestartBetweenSelectAndOperateAbandonsTheOperate) {
    auto bench = ready();
    bench.give(one(1, Mode::select));
    bench.sent();
    bench.hears("c0 81 00 00 " + crob_one + "00");
    bench.hears("f0 82 80 00");
    bench.fragments.clear();
    bench.give(one(2, Mode::operate));
    bench.hears("c1 81 00 00");
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(1).controls[0].status, CommandStatus::no_select);
}

TEST(DnpMasterControls, AnalogCommandsBearTheirVariation) {
    const std::pair<AnalogCommand, const char*> cases[] = {
        {{.variation = 1, .value = -2}, "29 01 17 01 07 fe ff ff ff 00"},
        {{.variation = 2, .value = 300}, "29 02 17 01 07 2c 01 00"},
        {{.variation = 3, .value = 1.5}, "29 03 17 01 07 00 00 c0 3f 00"},
        {{.variation = 4, .value = 1.5}, "29 04 17 01 07 00 00 00 00 00 00 f8 3f 00"},
    };
    for (const auto& [command, octets] : cases) {
        auto bench = ready();
        bench.give(Master::Operate{.tag = 1,
                                   .mode = Mode::select_before_operate,
                                   .controls = {{.index = 7, .what = command}}});
        EXPECT_EQ(bench.sent(), std::string("c0 03 ") + octets);
        bench.hears(std::string("c0 81 00 00 ") + octets);
        EXPECT_EQ(bench.sent(), std::string("c1 04 ") + octets);
        bench.hears(std::string("c1 81 00 00 ") + octets);
        EXPECT_EQ(bench.completed.at(0).controls[0].status, CommandStatus::success);
    }
}

TEST(DnpMasterControls, CommandsOfTwoKindsAreNotOneRequest) {
    auto bench = ready();
    auto command = one(1, Mode::direct);
    command.controls.push_back({.index = 1, .what = AnalogCommand{}});
    bench.give(std::move(command));
    bench.give(Master::Operate{.tag = 2, .mode = Mode::direct});
    bench.give(Master::Operate{
        .tag = 3, .mode = Mode::direct, .controls = {{.what = AnalogCommand{.variation = 9}}}});
    EXPECT_EQ(bench.sent(), "");
    ASSERT_EQ(bench.completed.size(), 3u);
    for (const auto& done : bench.completed) EXPECT_EQ(done.fate, Fate::unreachable);
}

TEST(DnpMasterControls, MoreThanAFragmentHoldsIsRefusedNotSplit) {
    auto settings = quiet();
    settings.fragment_octets_max = 249;
    MasterBench bench(settings);
    bench.up();
    Master::Operate command{.tag = 1, .mode = Mode::direct, .controls = {}};
    command.controls.assign(40, latch_one);
    bench.give(std::move(command));
    EXPECT_EQ(bench.sent(), "");
    EXPECT_EQ(bench.completed.at(0).controls[0].status, CommandStatus::too_many_ops);
}

// ---- faults at every step ----------------------------------------------------------------------

/// An outstation that answers everything as it should.
std::string well_answered(const Octets& request) {
    const auto view = FragmentView::parse(request);
    const auto head = to_hex(Bytes(request).first(1)) + "81";
    switch (view->function) {
        case Function::confirm:
        case Function::direct_operate_no_ack:
            return {};
        case Function::read:
            return head + "0000" + "01020000018101";
        case Function::select:
        case Function::operate:
        case Function::direct_operate:
            return head + "0000" + to_hex(view->objects);
        case Function::delay_measurement:
            return head + "0000" + "340207010000";
        default:
            return head + "0000";
    }
}

/// The life of a master with everything in it, `fault` done to the answer number `at`.
struct Life {
    explicit Life(MasterSettings settings) : bench(std::move(settings)) {}

    MasterBench bench;
    std::map<std::string, int> operated;  // by what was operated
    int steps = 0;

    void live(int at, const std::function<void(MasterBench&, std::string answer)>& fault) {
        bench.give(Master::ClockSet{.ms = 1'700'000'000'000});
        bench.up();
        for (std::uint64_t turn = 0; turn < 4; ++turn) {
            if (turn == 1) {
                bench.give(one(1, Mode::select_before_operate));
                bench.give(
                    Master::Operate{.tag = 2,
                                    .mode = Mode::direct,
                                    .controls = {{.index = 3, .what = AnalogCommand{.value = 2}}}});
                bench.give(Master::Poll{.tag = 3});
                bench.give(Master::Ask{.tag = 4, .function = Function::delay_measurement});
            }
            if (turn == 2) bench.hears("f3 82 10 00 02 01 28 01 00 05 00 81");
            for (int i = 0; i < 300; ++i) {
                serve(at, fault);
                bench.passes(100ms);
            }
        }
    }

private:
    void serve(int at, const std::function<void(MasterBench&, std::string answer)>& fault) {
        for (int guard = 0; !bench.fragments.empty() && guard < 200; ++guard) {
            const auto request = std::move(bench.fragments.front());
            bench.fragments.pop_front();
            const auto function = std::to_integer<int>(request.at(1));
            if (function == 4 || function == 5) ++operated[to_hex(Bytes(request).subspan(2))];
            auto answer = well_answered(request);
            if (answer.empty()) continue;
            if (steps++ == at)
                fault(bench, std::move(answer));
            else
                bench.hears(answer);
        }
    }
};

void expect_sane(Life& life, int step) {
    auto& bench = life.bench;
    for (const auto& [what, times] : life.operated) EXPECT_EQ(times, 1) << what << " " << step;
    std::map<std::uint64_t, int> completions;
    for (const auto& done : bench.completed) ++completions[done.tag];
    EXPECT_EQ(completions.size(), 4u) << step;
    for (const auto& [tag, times] : completions) EXPECT_EQ(times, 1) << tag << " " << step;
    EXPECT_TRUE(bench.master.stats().balanced());
    EXPECT_TRUE(bench.master.status().started) << step;
    EXPECT_TRUE(bench.master.status().unsolicited_enabled) << step;
}

void at_every_step(const std::function<void(MasterBench&, std::string answer)>& fault) {
    auto settings = usual();
    settings.polls = {{.classes = events, .every = 10s}};
    int steps = 1;
    for (int at = 0; at < steps; ++at) {
        Life life(settings);
        life.live(at, fault);
        expect_sane(life, at);
        if (at == 0) steps = std::max(life.steps, 15);
    }
}

TEST(DnpMasterFaults, AChannelCutAtAnyStepIsHealedAndNothingIsOperatedTwice) {
    at_every_step([](MasterBench& bench, const std::string&) {
        bench.down();
        bench.fragments.clear();
        bench.passes(1s);
        bench.up();
    });
}

TEST(DnpMasterFaults, AnAnswerLostAtAnyStepIsSurvived) {
    at_every_step([](MasterBench&, const std::string&) {});
}

TEST(DnpMasterFaults, AnAnswerThatComesLateAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, const std::string& answer) {
        bench.passes(6s);
        bench.hears(answer);
    });
}

TEST(DnpMasterFaults, AnAnswerCutShortAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, std::string answer) {
        answer.resize(answer.size() - 2);
        bench.hears(answer);
    });
}

TEST(DnpMasterFaults, AWrongSequenceNumberAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, std::string answer) {
        answer[1] = answer[1] == '0' ? 'f' : '0';
        bench.hears(answer);
    });
}

TEST(DnpMasterFaults, ARestartAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, std::string answer) {
        answer.replace(4, 2, "80");
        bench.hears(answer);
    });
}

TEST(DnpMasterFaults, AnAnswerTwiceAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, const std::string& answer) {
        bench.hears(answer);
        bench.hears(answer);
    });
}

TEST(DnpMasterFaults, AWallClockThatJumpsAtAnyStepIsSurvived) {
    at_every_step([](MasterBench& bench, const std::string& answer) {
        bench.give(Master::ClockSet{.ms = 5});
        bench.hears(answer);
    });
}

// The laws of engines (base/engine.hpp).
TEST(DnpMasterFaults, TimeoutsThatComeEarlyOrTwiceDoNoHarm) {
    auto settings = usual();
    settings.polls = {{.classes = events, .every = 10s}};
    MasterBench plain(settings);
    MasterBench bothered(settings);
    for (auto* bench : {&plain, &bothered}) {
        bench->up();
        for (int i = 0; i < 200; ++i) {
            bench->passes(700ms);
            if (bench == &bothered)
                for (int twice = 0; twice < 2; ++twice) bench->master.handle_timeout(bench->now);
            bench->drain();
            if (i % 3 == 0 && !bench->fragments.empty())
                bench->hears(well_answered(bench->fragments.back()));
        }
    }
    EXPECT_EQ(plain.fragments, bothered.fragments);
}

TEST(DnpMasterControls, WhatNobodyWaitsForAnyMoreIsNeverOperated) {
    MasterBench bench(usual());
    bench.starts();
    const Control latch{.index = 5, .what = Crob{}};
    bench.give(Master::Operate{.tag = 1, .controls = {latch}, .until = bench.now + 2s});
    const std::string select = bench.sent();
    ASSERT_EQ(select.substr(0, 5), "c3 03");
    bench.passes(3s);  // the outstation is slow, and whoever asked has gone
    bench.hears("c3 81 00 00" + select.substr(5));
    EXPECT_EQ(bench.sent(), "") << "no operate follows its select";
    ASSERT_EQ(bench.completed.size(), 1u);
    EXPECT_EQ(bench.completed[0].fate, Master::Completed::Fate::unanswered);

    bench.give(Master::Poll{.tag = 2});  // under way while the next command waits
    bench.give(Master::Operate{.tag = 3, .controls = {latch}, .until = bench.now + 1s});
    bench.fragments.clear();
    bench.passes(20s);
    for (const Octets& fragment : bench.fragments)
        EXPECT_NE(std::to_integer<int>(fragment.at(1)), std::to_underlying(Function::select));
    const auto late = std::ranges::find(bench.completed, 3u, &Master::Completed::tag);
    ASSERT_NE(late, bench.completed.end());
    EXPECT_EQ(late->fate, Master::Completed::Fate::unreachable);
}

TEST(DnpMasterControls, AForgottenSelectionLetsPollsGoOn) {
    auto settings = usual();
    settings.polls = {{.classes = events, .every = 1s}};
    MasterBench bench(settings);
    bench.starts();
    bench.give(Master::Operate{.tag = 1,
                               .mode = Master::Operate::Mode::select,
                               .controls = {{.index = 5, .what = Crob{}}}});
    const std::string select = bench.sent();
    bench.hears("c3 81 00 00" + select.substr(5));
    bench.passes(2s);
    EXPECT_EQ(bench.sent(), "") << "the operate has the line";
    bench.give(Master::ForgetSelection{});
    EXPECT_EQ(bench.sent().substr(3, 2), "01");
}

}  // namespace
}  // namespace causeway::scada::dnp3::master_controls_test
