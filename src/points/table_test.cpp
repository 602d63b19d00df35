// The point table: subscribers, queues, commands, selections.
#include "points/table.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace causeway::points::table_test {
namespace {

using namespace std::chrono_literals;
using Keep = SubscriberSettings::Keep;

constexpr DriverId driver{7};
constexpr RequesterId face{3};

Sample sample(Value value, Quality quality = {}, Time time = {1000, Time::Source::arrival}) {
    return {std::move(value), time, quality};
}

struct Bench {
    explicit Bench(Table::Settings settings = {}) : table(settings) {}

    PointId point(const std::string& name, Kind kind = Kind::real) {
        return *table.define({.device = "feeder", .name = name, .kind = kind, .driver = driver});
    }
    PointId control(const std::string& name, bool selects = false) {
        return *table.define({.device = "feeder",
                              .name = name,
                              .kind = Kind::boolean,
                              .writable = true,
                              .driver = driver,
                              .selects = selects,
                              .select_timeout = 5s,
                              .command_timeout = 2s});
    }
    void say(PointId id, Value value, Quality quality = {}) {
        table.update(now, id, sample(std::move(value), quality));
    }
    CommandId ask(PointId id, Step step, Value value = true, std::uint64_t session = 0,
                  RequesterId requester = face) {
        return table.command(now, {.point = id,
                                   .step = step,
                                   .value = std::move(value),
                                   .requester = requester,
                                   .session = session});
    }
    /// All outputs, by kind.
    void drain() {
        executes.clear();
        completions.clear();
        ready = 0;
        while (auto out = table.poll_output()) {
            if (auto* execute = std::get_if<Table::Execute>(&*out))
                executes.push_back(*execute);
            else if (auto* completed = std::get_if<Table::Completed>(&*out))
                completions.push_back(*completed);
            else
                ++ready;
        }
    }
    /// What the only command that is over by now ended with.
    std::optional<Outcome> outcome() {
        drain();
        EXPECT_LE(completions.size(), 1u);
        if (completions.empty()) return std::nullopt;
        return completions.front().answer.outcome;
    }
    /// The only command that is handed over by now.
    Table::Execute executed() {
        drain();
        EXPECT_EQ(executes.size(), 1u);
        EXPECT_TRUE(completions.empty());
        return executes.empty() ? Table::Execute() : executes.front();
    }
    void pass(Duration time) {
        now += time;
        table.handle_timeout(now);
    }
    std::vector<double> taken(SubscriberId id) {
        std::vector<double> values;
        while (auto change = table.take(id)) values.push_back(*as_real(change->sample.value));
        return values;
    }
    ~Bench() { EXPECT_TRUE(table.stats().balanced()); }

    Table table;
    Instant now = Instant{} + 1h;
    std::vector<Table::Execute> executes;
    std::vector<Table::Completed> completions;
    int ready = 0;
};

// ---- definitions --------------------------------------------------------------------------------

TEST(PointTable, FindsPointsByDeviceAndNameAndByPath) {
    Bench bench;
    const PointId id = bench.point("voltage/l1");
    EXPECT_EQ(bench.table.find("feeder", "voltage/l1"), id);
    EXPECT_EQ(bench.table.find("feeder/voltage/l1"), id);
    EXPECT_EQ(bench.table.find("feeder/voltage", "l1"), std::nullopt);
    EXPECT_EQ(bench.table.find("feeder", "voltage"), std::nullopt);
    EXPECT_EQ(bench.table.path(id), "feeder/voltage/l1");
    EXPECT_EQ(bench.table.points_of("feeder"), std::vector{id});
    EXPECT_EQ(bench.table.devices(), std::vector<std::string>{"feeder"});
}

TEST(PointTable, APathIsOnePointOnly) {
    Bench bench;
    bench.point("voltage/l1");
    EXPECT_FALSE(bench.table.define({.device = "feeder", .name = "voltage/l1"}));
    EXPECT_FALSE(bench.table.define({.device = "feeder/voltage", .name = "l1"}));
    EXPECT_FALSE(bench.table.define({.device = "d", .name = std::string(70'000, 'x')}));
    EXPECT_EQ(bench.table.size(), 1u);
}

TEST(PointTable, APointIsUnknownUntilSomebodySaysSomething) {
    Bench bench;
    const PointId id = bench.point("a", Kind::integer);
    EXPECT_EQ(bench.table.last(id), (Sample{std::int64_t{0}, {}, Flag::never_known}));
    bench.say(id, std::int64_t{7});
    EXPECT_EQ(bench.table.last(id), sample(std::int64_t{7}));
}

TEST(PointTable, AValueOfAnotherKindIsTurnedIntoThePointsOrIsInvalid) {
    Bench bench;
    const PointId id = bench.point("a", Kind::integer);
    bench.say(id, 20.6);
    EXPECT_EQ(bench.table.last(id).value, Value(std::int64_t{21}));
    bench.say(id, std::string("no number"));
    EXPECT_EQ(bench.table.last(id).value, Value(std::int64_t{21}));
    EXPECT_TRUE(bench.table.last(id).quality.has(Flag::invalid));
    EXPECT_EQ(bench.table.stats().mismatched, 1u);
}

// ---- subscribers --------------------------------------------------------------------------------

TEST(PointTable, ReadyComesOnceUntilTheQueueWasEmpty) {
    Bench bench;
    const PointId a = bench.point("a");
    const PointId b = bench.point("b");
    const SubscriberId id = bench.table.subscribe({});
    bench.table.watch(id, a);
    bench.table.watch(id, b);
    bench.say(a, 1.0);
    bench.say(b, 2.0);
    bench.drain();
    EXPECT_EQ(bench.ready, 1);
    ASSERT_TRUE(bench.table.take(id));
    bench.say(a, 3.0);
    bench.drain();
    EXPECT_EQ(bench.ready, 0) << "it was not empty";
    EXPECT_EQ(bench.taken(id), (std::vector{2.0, 3.0}));
    EXPECT_FALSE(bench.table.take(id));
    bench.say(a, 4.0);
    bench.drain();
    EXPECT_EQ(bench.ready, 1);
}

TEST(PointTable, WhatIsKnownAlreadyIsTheFirstThatASubscriberHears) {
    Bench bench;
    const PointId known = bench.point("known");
    const PointId unknown = bench.point("unknown");
    bench.say(known, 5.0);
    const SubscriberId id = bench.table.subscribe({});
    bench.table.watch(id, known, 100);
    bench.table.watch(id, unknown, 100);
    EXPECT_EQ(bench.taken(id), std::vector{5.0});
    bench.say(unknown, 0.0);
    EXPECT_EQ(bench.taken(id), std::vector{0.0}) << "the first value is no matter of deadbands";
}

TEST(PointTable, OfEachPointTheNewestAloneWaits) {
    Bench bench;
    const PointId a = bench.point("a");
    const PointId b = bench.point("b");
    const SubscriberId id = bench.table.subscribe({});
    bench.table.watch(id, a);
    bench.table.watch(id, b);
    for (int i = 0; i < 100; ++i) {
        bench.say(a, double(i));
        bench.say(b, double(-i));
    }
    EXPECT_EQ(bench.taken(id), (std::vector{99.0, -99.0}));
    EXPECT_EQ(bench.table.stats().merged, 198u);
    EXPECT_EQ(bench.table.take_lost(id), 0u) << "nobody wanted more";
}

TEST(PointTable, WhoKeepsAllSeesEveryChangeInOrder) {
    Bench bench;
    const PointId a = bench.point("a");
    const PointId b = bench.point("b");
    const SubscriberId id = bench.table.subscribe({.keep = Keep::all});
    bench.table.watch(id, a);
    bench.table.watch(id, b);
    bench.say(a, 1.0);
    bench.say(b, 2.0);
    bench.say(a, 3.0);
    bench.say(a, 3.0);
    EXPECT_EQ(bench.taken(id), (std::vector{1.0, 2.0, 3.0}));
}

TEST(PointTable, AFullQueueLosesTheOldestButOfNoPointTheNewest) {
    Bench bench;
    const PointId rare = bench.point("rare");
    const PointId busy = bench.point("busy");
    const SubscriberId id = bench.table.subscribe({.keep = Keep::all, .queue_max = 4});
    bench.table.watch(id, rare);
    bench.table.watch(id, busy);
    bench.say(rare, 1000.0);
    for (int i = 1; i <= 10; ++i) bench.say(busy, double(i));
    EXPECT_EQ(bench.table.take_lost(id), 7u);
    EXPECT_EQ(bench.table.take_lost(id), 0u) << "since it last asked";
    EXPECT_EQ(bench.taken(id), (std::vector{1000.0, 8.0, 9.0, 10.0}));
    EXPECT_EQ(bench.table.stats().dropped, 7u);
}

TEST(PointTable, AQueueShorterThanItsPointsHoldsTheNewestOfEach) {
    Bench bench;
    const SubscriberId id = bench.table.subscribe({.keep = Keep::all, .queue_max = 1});
    std::vector<PointId> ids;
    for (int i = 0; i < 20; ++i) {
        ids.push_back(bench.point(std::to_string(i)));
        bench.table.watch(id, ids.back());
    }
    for (int round = 0; round < 5; ++round)
        for (std::size_t i = 0; i < ids.size(); ++i) bench.say(ids[i], double(round));
    EXPECT_EQ(bench.table.stats().waiting, 20u);
    EXPECT_EQ(bench.taken(id), std::vector<double>(20, 4.0));
    EXPECT_EQ(bench.table.take_lost(id), 80u);
}

TEST(PointTable, ADeadbandCountsFromWhatWasHeardLast) {
    Bench bench;
    const PointId id = bench.point("a");
    const SubscriberId coarse = bench.table.subscribe({.keep = Keep::all});
    const SubscriberId fine = bench.table.subscribe({.keep = Keep::all});
    bench.table.watch(coarse, id, 1.0);
    bench.table.watch(fine, id);
    for (const double value : {10.0, 10.6, 11.0, 11.1, 10.2, 10.0}) bench.say(id, value);
    EXPECT_EQ(bench.taken(coarse), (std::vector{10.0, 11.1, 10.0})) << "creeping adds up";
    EXPECT_EQ(bench.taken(fine).size(), 6u);
    EXPECT_EQ(bench.table.stats().within_deadband, 3u);
}

TEST(PointTable, ADeadbandOfIntegersIsExactAtBothEnds) {
    Bench bench;
    const PointId id = bench.point("a", Kind::integer);
    const SubscriberId all = bench.table.subscribe({.keep = Keep::all});
    bench.table.watch(all, id);
    bench.say(id, INT64_MAX);
    bench.say(id, std::int64_t{INT64_MAX - 1});
    bench.say(id, INT64_MIN);
    EXPECT_EQ(bench.taken(all).size(), 3u);
}

TEST(PointTable, QualityIsToldWhateverTheDeadband) {
    Bench bench;
    const PointId id = bench.point("a");
    const SubscriberId one = bench.table.subscribe({});
    bench.table.watch(one, id, 1000.0);
    bench.say(id, 1.0);
    (void)bench.table.take(one);
    bench.say(id, 1.0, Flag::over_range);
    const auto change = bench.table.take(one);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->sample.quality, Quality(Flag::over_range));
}

TEST(PointTable, NotANumberIsOneChangeAndNotOneForEver) {
    Bench bench;
    const PointId id = bench.point("a");
    const SubscriberId all = bench.table.subscribe({.keep = Keep::all});
    bench.table.watch(all, id);
    bench.say(id, 1.0);
    for (int i = 0; i < 3; ++i) bench.say(id, std::nan(""));
    bench.say(id, 1.0);
    EXPECT_EQ(bench.taken(all).size(), 3u);
}

TEST(PointTable, ADevicesNewStampOnTheSameStateIsAnEventForWhoKeepsAll) {
    Bench bench;
    const PointId id = bench.point("a", Kind::boolean);
    const SubscriberId all = bench.table.subscribe({.keep = Keep::all});
    const SubscriberId newest = bench.table.subscribe({});
    bench.table.watch(all, id);
    bench.table.watch(newest, id);
    const auto stamped = [](std::int64_t ms) {
        return sample(true, {}, {ms, Time::Source::device});
    };
    bench.table.update(bench.now, id, stamped(1));
    (void)bench.table.take(newest);
    bench.table.update(bench.now, id, stamped(1));
    bench.table.update(bench.now, id, stamped(2));
    bench.say(id, true);
    EXPECT_EQ(bench.taken(all).size(), 2u);
    EXPECT_FALSE(bench.table.take(newest));
    EXPECT_EQ(bench.table.stats().changes, 1u);
}

TEST(PointTable, ADeviceThatIsLostMarksItsOwnPointsOnly) {
    Bench bench;
    const PointId a = bench.point("a");
    const PointId b = bench.point("b");
    const PointId other = *bench.table.define({.device = "other", .name = "a", .driver = driver});
    const PointId foreign =
        *bench.table.define({.device = "feeder", .name = "f", .driver = DriverId{8}});
    const SubscriberId id = bench.table.subscribe({});
    bench.table.watch(id, a);
    bench.say(a, 1.0);
    (void)bench.table.take(id);
    const auto lost = [&](bool on) {
        bench.table.handle(bench.now, Table::Flagged{.driver = driver,
                                                     .device = "feeder",
                                                     .flag = Flag::comm_lost,
                                                     .on = on,
                                                     .ms = 5000});
    };
    lost(true);
    lost(true);
    const auto change = bench.table.take(id);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->sample, sample(1.0, Flag::comm_lost, {5000, Time::Source::arrival}));
    EXPECT_FALSE(bench.table.take(id)) << "the second time says nothing new";
    EXPECT_EQ(bench.table.last(b).quality, Quality(Flag::comm_lost) | Flag::never_known);
    EXPECT_FALSE(bench.table.last(other).quality.has(Flag::comm_lost));
    EXPECT_FALSE(bench.table.last(foreign).quality.has(Flag::comm_lost));
    lost(false);
    EXPECT_TRUE(bench.table.last(a).quality.good());
}

// ---- commands -----------------------------------------------------------------------------------

TEST(PointTable, ADirectCommandGoesToItsDriverAndItsAnswerBack) {
    Bench bench;
    const PointId id = bench.control("breaker");
    const Pulse pulse{.form = Pulse::Form::pulse, .on_ms = 500};
    const CommandId asked = bench.table.command(bench.now, {.point = id,
                                                            .value = std::int64_t{1},
                                                            .pulse = pulse,
                                                            .requester = face,
                                                            .session = 5,
                                                            .tag = 6});
    const Table::Execute execute = bench.executed();
    EXPECT_EQ(execute.id, asked);
    EXPECT_EQ(execute.driver, driver);
    EXPECT_EQ(execute.command.value, Value(true)) << "as the point's kind";
    EXPECT_EQ(execute.command.pulse, pulse);
    bench.table.answer(bench.now, asked, {Outcome::local, 7});
    bench.drain();
    ASSERT_EQ(bench.completions.size(), 1u);
    const Table::Completed& over = bench.completions.front();
    EXPECT_EQ(over.id, asked);
    EXPECT_EQ(over.answer, (Answer{Outcome::local, 7}));
    EXPECT_EQ(over.command.requester, face);
    EXPECT_EQ(over.command.session, 5u);
    EXPECT_EQ(over.command.tag, 6u);
    EXPECT_EQ(bench.table.next_deadline(), never);
    EXPECT_EQ(bench.table.stats().commands_failed, 1u);
}

TEST(PointTable, SilenceIsAnOutcomeAndALateAnswerIsOnlyCounted) {
    Bench bench;
    const CommandId asked = bench.ask(bench.control("breaker"), Step::direct);
    (void)bench.executed();
    bench.pass(2s - 1ns);
    EXPECT_EQ(bench.outcome(), std::nullopt);
    bench.pass(1ns);
    EXPECT_EQ(bench.outcome(), Outcome::unanswered);
    bench.table.answer(bench.now, asked, {});
    bench.table.answer(bench.now, CommandId{0}, {});
    bench.table.answer(bench.now, CommandId{UINT64_MAX}, {});
    EXPECT_EQ(bench.outcome(), std::nullopt);
    EXPECT_EQ(bench.table.stats().answers_late, 3u);
    EXPECT_EQ(bench.table.stats().commands_timed_out, 1u);
}

TEST(PointTable, ALateAnswerIsNotTakenForTheNextCommands) {
    Bench bench;
    const PointId id = bench.control("breaker");
    const CommandId first = bench.ask(id, Step::direct);
    bench.pass(2s);
    bench.drain();
    const CommandId second = bench.ask(id, Step::direct);
    (void)bench.executed();
    bench.table.answer(bench.now, first, {});
    EXPECT_EQ(bench.outcome(), std::nullopt);
    bench.table.answer(bench.now, second, {});
    bench.table.answer(bench.now, second, {});
    EXPECT_EQ(bench.outcome(), Outcome::success);
    EXPECT_EQ(bench.table.stats().answers_late, 2u);
}

TEST(PointTable, WhatCannotBeCommandedIsRefusedWithTheReason) {
    Bench bench;
    EXPECT_EQ((bench.ask(bench.point("measured"), Step::direct, 1.0), bench.outcome()),
              Outcome::not_supported);
    EXPECT_EQ((bench.ask(PointId{99}, Step::direct), bench.outcome()), Outcome::not_supported);
    const PointId setpoint = *bench.table.define({.device = "feeder",
                                                  .name = "setpoint",
                                                  .writable = true,
                                                  .least = -1.0,
                                                  .most = 1.0,
                                                  .driver = driver});
    for (const double value : {-1.1, 1.1, std::nan("")})
        EXPECT_EQ((bench.ask(setpoint, Step::direct, value), bench.outcome()),
                  Outcome::out_of_range);
    EXPECT_EQ((bench.ask(setpoint, Step::direct, std::string("up")), bench.outcome()),
              Outcome::format_error);
    const PointId mode = *bench.table.define({.device = "feeder",
                                              .name = "mode",
                                              .kind = Kind::enumeration,
                                              .states = {"off", "on"},
                                              .writable = true});
    EXPECT_EQ((bench.ask(mode, Step::direct, Enumeration{2}), bench.outcome()),
              Outcome::out_of_range);
    EXPECT_EQ((bench.ask(mode, Step::direct, true), bench.outcome()), Outcome::format_error)
        << "of a double-bit input, 1 is off";
    EXPECT_EQ(bench.table.stats().commands_refused, 8u);
}

TEST(PointTable, MoreCommandsAtOnceThanAllowedAreRefusedByName) {
    Bench bench({.commands_max = 2});
    const PointId id = bench.control("breaker");
    const CommandId first = bench.ask(id, Step::direct);
    bench.ask(id, Step::direct);
    bench.drain();
    EXPECT_EQ((bench.ask(id, Step::direct), bench.outcome()), Outcome::too_many);
    bench.table.answer(bench.now, first, {});
    EXPECT_EQ(bench.outcome(), Outcome::success);
    bench.ask(id, Step::direct);
    (void)bench.executed();
    EXPECT_EQ(bench.table.stats().commands_under_way, 2u);
}

// ---- selections [IEEE 1815 §4.4.3] --------------------------------------------------------------

TEST(PointTable, TheTableSelectsForDevicesThatCannotAndHandsThemADirectCommand) {
    Bench bench;
    const PointId id = bench.control("breaker");
    EXPECT_EQ((bench.ask(id, Step::select), bench.outcome()), Outcome::success);
    EXPECT_TRUE(bench.executes.empty());
    const CommandId operate = bench.ask(id, Step::operate);
    const Table::Execute execute = bench.executed();
    EXPECT_EQ(execute.command.step, Step::direct);
    bench.table.answer(bench.now, operate, {});
    EXPECT_EQ(bench.outcome(), Outcome::success);
    EXPECT_EQ(bench.completions.front().command.step, Step::operate) << "as it was asked for";
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select) << "used up";
}

TEST(PointTable, ASelectionExpires) {
    Bench bench;
    const PointId id = bench.control("breaker");
    bench.ask(id, Step::select);
    EXPECT_EQ(bench.table.next_deadline(), bench.now + 5s);
    bench.pass(5s);
    bench.drain();
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::timeout);
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select);
    EXPECT_EQ(bench.table.stats().selections_expired, 1u);
}

TEST(PointTable, ASelectionExpiresThoughNobodyWokeTheTable) {
    Bench bench;
    const PointId id = bench.control("breaker");
    bench.ask(id, Step::select);
    bench.drain();
    bench.now += 6s;
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::timeout);
    EXPECT_EQ((bench.ask(id, Step::select, true, 2), bench.outcome()), Outcome::success);
}

TEST(PointTable, OnlyWhoSelectedMayOperateAndOnlyWhatWasSelected) {
    Bench bench;
    const PointId id = bench.control("breaker");
    bench.ask(id, Step::select, true, 1);
    bench.drain();
    EXPECT_EQ((bench.ask(id, Step::select, true, 2), bench.outcome()), Outcome::already_active);
    EXPECT_EQ((bench.ask(id, Step::direct, true, 2), bench.outcome()), Outcome::already_active);
    EXPECT_EQ((bench.ask(id, Step::operate, true, 2), bench.outcome()), Outcome::no_select);
    EXPECT_EQ((bench.ask(id, Step::operate, true, 1, RequesterId{4}), bench.outcome()),
              Outcome::no_select);
    EXPECT_EQ((bench.ask(id, Step::cancel, true, 2), bench.outcome()), Outcome::no_select);
    EXPECT_EQ((bench.ask(id, Step::operate, false, 1), bench.outcome()), Outcome::no_select);
    EXPECT_EQ((bench.ask(id, Step::operate, true, 1), bench.outcome()), Outcome::no_select)
        << "what did not fit has ended it";
    EXPECT_TRUE(bench.executes.empty()) << "nothing was operated";
}

TEST(PointTable, ACancelledSelectionIsNoMore) {
    Bench bench;
    const PointId id = bench.control("breaker");
    bench.ask(id, Step::select);
    bench.drain();
    EXPECT_EQ((bench.ask(id, Step::cancel), bench.outcome()), Outcome::success);
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select);
    EXPECT_EQ(bench.table.next_deadline(), never);
}

TEST(PointTable, WhereTheDeviceSelectsBothStepsGoToIt) {
    Bench bench;
    const PointId id = bench.control("breaker", true);
    const CommandId select = bench.ask(id, Step::select);
    EXPECT_EQ(bench.executed().command.step, Step::select);
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select)
        << "the device has not said yes yet";
    EXPECT_EQ((bench.ask(id, Step::select, true, 9), bench.outcome()), Outcome::already_active);
    bench.pass(1s);
    bench.table.answer(bench.now, select, {});
    EXPECT_EQ(bench.outcome(), Outcome::success);
    EXPECT_EQ(bench.table.next_deadline(), bench.now + 5s) << "from the device's yes";
    bench.ask(id, Step::operate);
    EXPECT_EQ(bench.executed().command.step, Step::operate);
}

TEST(PointTable, ADevicesNoOrSilenceLeavesNothingSelected) {
    Bench bench;
    const PointId id = bench.control("breaker", true);
    const CommandId first = bench.ask(id, Step::select);
    bench.drain();
    bench.table.answer(bench.now, first, {Outcome::inhibited, 0});
    EXPECT_EQ(bench.outcome(), Outcome::inhibited);
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select);
    bench.ask(id, Step::select);
    bench.drain();
    bench.pass(2s);
    EXPECT_EQ(bench.outcome(), Outcome::unanswered);
    EXPECT_EQ((bench.ask(id, Step::operate), bench.outcome()), Outcome::no_select);
    bench.ask(id, Step::select, true, 9);
    EXPECT_EQ(bench.executed().command.step, Step::select) << "free for others";
    bench.ask(id, Step::cancel, true, 9);
    EXPECT_EQ(bench.executed().command.step, Step::cancel) << "the device hears of that, too";
}

TEST(PointTable, SelectingAgainStartsAnew) {
    Bench bench;
    const PointId id = bench.control("breaker");
    bench.ask(id, Step::select, false);
    bench.pass(4s);
    bench.ask(id, Step::select, true);
    bench.pass(4s);
    bench.drain();
    bench.ask(id, Step::operate, true);
    EXPECT_EQ(bench.executed().command.value, Value(true));
}

TEST(PointTable, MoreSelectionsAtOnceThanAllowedAreRefusedByName) {
    Bench bench({.selections_max = 2});
    const PointId a = bench.control("a");
    const PointId b = bench.control("b");
    const PointId c = bench.control("c");
    bench.ask(a, Step::select);
    bench.ask(b, Step::select);
    bench.drain();
    EXPECT_EQ((bench.ask(c, Step::select), bench.outcome()), Outcome::too_many);
    bench.pass(5s);
    EXPECT_EQ((bench.ask(c, Step::select), bench.outcome()), Outcome::success);
}

TEST(PointTable, ACommandMayBringItsOwnTimeout) {
    Bench bench;
    const PointId id = bench.control("breaker");
    (void)bench.table.command(bench.now, {.point = id, .value = true, .timeout = 100ms});
    (void)bench.table.command(bench.now, {.point = id, .value = true, .timeout = -1s});
    bench.drain();
    bench.pass(100ms);
    EXPECT_EQ(bench.outcome(), Outcome::unanswered);
    EXPECT_EQ(bench.table.next_deadline(), bench.now + 1900ms) << "the definition's";
}

}  // namespace
}  // namespace causeway::points::table_test
