// Master and outstation face to face: whole stations, with a line between them that takes time and
// does what lines do.
#include "base/random.hpp"
#include "scada/dnp3/stations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>

namespace causeway::scada::dnp3::master_outstation_test {
namespace {

using namespace std::chrono_literals;
using Point = std::pair<PointType, std::uint16_t>;
using Fate = Master::Completed::Fate;
using Mode = Master::Operate::Mode;

std::vector<PointPlan> some_points(std::uint16_t count) {
    std::vector<PointPlan> points;
    for (std::uint16_t i = 0; i < count; ++i) {
        points.push_back({.type = PointType::binary, .index = i});
        points.push_back({.type = PointType::analog, .index = i, .event_class = EventClass::two});
        points.push_back(
            {.type = PointType::counter, .index = i, .event_class = EventClass::three});
    }
    points.push_back({.type = PointType::binary_output, .index = 0});
    return points;
}

MasterSettings master_settings() {
    return {.address = 1, .outstation = 10, .unsolicited = events};
}
OutstationSettings outstation_settings() {
    return {.address = 10, .master = 1, .unsolicited = true};
}

struct Pair {
    explicit Pair(MasterSettings one = master_settings(),
                  OutstationSettings other = outstation_settings(), std::uint16_t points = 4)
        : plans(some_points(points)),
          master({.master = true}, {{.local = 1, .remote = 10}}, masters(one)),
          outstation({}, {{.local = 10, .remote = 1}}, outstations(other, plans)) {
        for (const auto& plan : plans) update(plan.type, plan.index, 0, false);
        master.handle(now, MasterStation::Of<Master::Input>{0, Master::ClockSet{.ms = 1'000'000}});
    }
    static std::vector<Master> masters(const MasterSettings& settings) {
        std::vector<Master> all;
        all.emplace_back(settings);
        return all;
    }
    static std::vector<Outstation> outstations(const OutstationSettings& settings,
                                               const std::vector<PointPlan>& plans) {
        std::vector<Outstation> all;
        all.emplace_back(settings, plans);
        return all;
    }

    void open() {
        is_open = true;
        master.handle(now, LineOpened{});
        outstation.handle(now, LineOpened{});
        drain();
    }
    void close() {
        is_open = false;
        line.clear();
        master.handle(now, LineClosed{});
        outstation.handle(now, LineClosed{});
        drain();
    }
    void ask(Master::Input in) {
        master.handle(now, MasterStation::Of<Master::Input>{0, std::move(in)});
        drain();
    }
    void device(Outstation::Input in) {
        outstation.handle(now, OutstationStation::Of<Outstation::Input>{0, std::move(in)});
        drain();
    }
    void update(PointType type, std::uint16_t index, unsigned value, bool event = true) {
        Outstation::Update update{.no_event = !event};
        update.measurement = {.type = type, .index = index};
        if (type == PointType::analog) {
            update.measurement.value = double(value);
        } else if (type == PointType::counter) {
            update.measurement.value = std::uint32_t(value);
        } else {
            update.measurement.value = value % 2 == 1;
        }
        device(std::move(update));
    }

    void drain() {
        for (bool more = true; more;) {
            more = false;
            while (auto output = master.poll_output()) {
                more = true;
                if (auto* transmit = std::get_if<Transmit>(&*output))
                    send(false, std::move(transmit->octets));
                else if (auto* said = std::get_if<MasterStation::Of<Master::Output>>(&*output))
                    heard(said->what);
            }
            while (auto output = outstation.poll_output()) {
                more = true;
                if (auto* transmit = std::get_if<Transmit>(&*output))
                    send(true, std::move(transmit->octets));
                else if (auto* said =
                             std::get_if<OutstationStation::Of<Outstation::Output>>(&*output))
                    asked(said->what);
            }
        }
        ASSERT_TRUE(master.session(0).stats().balanced());
        ASSERT_TRUE(outstation.session(0).stats().balanced());
    }
    void heard(Master::Output& output) {
        if (auto* one = std::get_if<Master::Measured>(&output)) {
            known[{one->measurement.type, one->measurement.index}] = one->measurement.value;
            if (one->event) ++event_count;
            if (on_event && one->event) on_event(one->measurement);
        } else if (auto* done = std::get_if<Master::Completed>(&output)) {
            completed.push_back(std::move(*done));
        }
    }
    void asked(Outstation::Output& output) {
        if (auto* command = std::get_if<Outstation::CommandRequested>(&output)) {
            if (command->step != Outstation::CommandRequested::Step::select) ++operations;
            outstation.handle(now, OutstationStation::Of<Outstation::Input>{
                                       0, Outstation::CommandAnswered{.id = command->id}});
        } else if (const auto* time = std::get_if<Outstation::TimeWritten>(&output)) {
            times.push_back(time->ms);
        } else if (std::holds_alternative<Outstation::RestartRequested>(output)) {
            ++restarts;
        }
    }
    void send(bool to_master, Octets octets) {
        if (!is_open || (spoil && spoil(octets))) return;
        line.push_back({now + 5ms, to_master, std::move(octets)});
    }
    void passes(Duration time) {
        const auto end = now + time;
        for (int steps = 0;; ++steps) {
            ASSERT_LT(steps, 1'000'000);
            Instant next = std::min(master.next_deadline(), outstation.next_deadline());
            if (!line.empty()) next = std::min(next, line.front().at);
            if (next > end) break;
            now = std::max(now, next);
            if (!line.empty() && line.front().at <= now) {
                const auto arrived = std::move(line.front());
                line.pop_front();
                if (arrived.to_master)
                    master.handle(now, OctetsReceived{.octets = arrived.octets});
                else
                    outstation.handle(now, OctetsReceived{.octets = arrived.octets});
            } else {
                master.handle_timeout(now);
                outstation.handle_timeout(now);
            }
            drain();
        }
        now = end;
    }
    [[nodiscard]] bool agree() const {
        for (const auto& plan : plans) {
            const auto found = known.find({plan.type, plan.index});
            const auto* truth = outstation.session(0).point(plan.type, plan.index);
            if (found == known.end() || truth == nullptr || found->second != truth->value)
                return false;
        }
        return true;
    }

    struct OnTheWay {
        Instant at{};
        bool to_master = false;
        Octets octets;
    };
    std::vector<PointPlan> plans;
    MasterStation master;
    OutstationStation outstation;
    Instant now{1h};
    bool is_open = false;
    std::deque<OnTheWay> line;
    std::function<bool(Octets&)> spoil;  // true: lost
    std::function<void(const Measurement&)> on_event;
    std::map<Point, MeasuredValue> known;
    std::vector<Master::Completed> completed;
    std::vector<std::uint64_t> times;
    int event_count = 0;
    int operations = 0;
    int restarts = 0;
};

TEST(DnpFaceToFace, TheMasterStartsAndKnowsEverything) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    const auto& status = pair.master.session(0).status();
    EXPECT_TRUE(status.up);
    EXPECT_TRUE(status.started);
    EXPECT_TRUE(status.unsolicited_enabled);
    EXPECT_FALSE(pair.outstation.session(0).status().restarted);
    EXPECT_EQ(pair.outstation.session(0).status().unsolicited_enabled, events);
    EXPECT_TRUE(pair.agree());
    // LAN: the moment of the recording, 5 ms after it left the master, is said to be that moment.
    ASSERT_EQ(pair.times.size(), 1u);
    EXPECT_FALSE(pair.outstation.session(0).status().needs_time);
    const auto outstation_clock = pair.outstation.session(0).time_ms(pair.now);
    ASSERT_TRUE(outstation_clock);
    EXPECT_EQ(*outstation_clock, 1'000'000u + 3'000 - 5);
}

TEST(DnpFaceToFace, OnASerialLineTheClocksAgree) {
    auto settings = master_settings();
    settings.time_sync = TimeSync::serial;
    Pair pair(settings);
    pair.open();
    pair.passes(3s);
    EXPECT_EQ(pair.outstation.session(0).time_ms(pair.now), 1'000'000u + 3'000);
}

TEST(DnpFaceToFace, EventsComeUnsolicitedInTheirOrderAndOnce) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    std::vector<MeasuredValue> seen;
    pair.on_event = [&](const Measurement& one) {
        if (one.type == PointType::counter && one.index == 0) seen.push_back(one.value);
    };
    for (unsigned i = 1; i <= 300; ++i) {
        pair.update(PointType::counter, 0, i);
        pair.passes(20ms);
    }
    pair.passes(10s);
    ASSERT_EQ(seen.size(), 300u);
    for (unsigned i = 0; i < 300; ++i) EXPECT_EQ(seen[i], MeasuredValue(i + 1));
    EXPECT_EQ(pair.outstation.session(0).stats().events_waiting, 0u);
}

TEST(DnpFaceToFace, ClassPollsFetchWhatIsNotSentByItself) {
    auto settings = master_settings();
    settings.unsolicited = {};
    settings.polls = {{.classes = events, .every = 2s}};
    Pair pair(settings);
    pair.open();
    pair.passes(1s);
    pair.update(PointType::analog, 2, 77);
    pair.passes(5s);
    EXPECT_EQ(pair.event_count, 1);
    EXPECT_TRUE(pair.agree());
}

TEST(DnpFaceToFace, AStateOfManyFragmentsIsReadWhole) {
    auto other = outstation_settings();
    other.fragment_octets_max = 249;
    Pair pair(master_settings(), other, 300);
    pair.open();
    pair.passes(10s);
    EXPECT_TRUE(pair.master.session(0).status().started);
    EXPECT_TRUE(pair.agree());
    EXPECT_GT(pair.master.session(0).stats().fragments, 10u);
}

TEST(DnpFaceToFace, CommandsAreCarriedOutOnce) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    const std::vector<Control> latch{{.index = 0, .what = Crob{}}};
    pair.ask(Master::Operate{.tag = 1, .mode = Mode::select_before_operate, .controls = latch});
    pair.ask(Master::Operate{.tag = 2, .mode = Mode::direct, .controls = latch});
    pair.ask(Master::Operate{.tag = 3, .mode = Mode::select, .controls = latch});
    pair.passes(1s);
    pair.ask(Master::Operate{.tag = 4, .mode = Mode::operate, .controls = latch});
    pair.ask(Master::Operate{.tag = 5, .mode = Mode::direct_no_ack, .controls = latch});
    pair.passes(1s);
    ASSERT_EQ(pair.completed.size(), 5u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(pair.completed[i].tag, i + 1);
        EXPECT_EQ(pair.completed[i].fate, Fate::answered);
        EXPECT_EQ(pair.completed[i].controls.at(0).status, CommandStatus::success);
    }
    EXPECT_EQ(pair.operations, 4);
}

TEST(DnpFaceToFace, ACommandToNoPointIsRefused) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    pair.ask(Master::Operate{.tag = 1, .controls = {{.index = 99, .what = Crob{}}}});
    pair.passes(1s);
    ASSERT_EQ(pair.completed.size(), 1u);
    EXPECT_EQ(pair.completed[0].fate, Fate::answered);
    EXPECT_EQ(pair.completed[0].controls.at(0).status, CommandStatus::not_supported);
    EXPECT_EQ(pair.operations, 0);
}

TEST(DnpFaceToFace, AnOverflowIsHealedByAnIntegrityPoll) {
    auto other = outstation_settings();
    other.events_max = {5, 5, 5};
    Pair pair(master_settings(), other);
    pair.open();
    pair.passes(3s);
    pair.close();
    for (unsigned i = 0; i < 40; ++i)
        for (std::uint16_t p = 0; p < 4; ++p) pair.update(PointType::counter, p, i + 1);
    EXPECT_TRUE(pair.outstation.session(0).status().overflow);
    pair.passes(1s);
    pair.open();
    pair.passes(30s);
    EXPECT_TRUE(pair.agree());
    EXPECT_FALSE(pair.outstation.session(0).status().overflow);
    EXPECT_FALSE(pair.master.session(0).status().iin.has(Iin::event_buffer_overflow));
}

TEST(DnpFaceToFace, AMasterThatVanishesBetweenSelectAndOperateOperatesNothing) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    pair.ask(Master::Operate{.tag = 1, .controls = {{.index = 0, .what = Crob{}}}});
    pair.passes(7ms);  // the select has arrived, its answer has not
    pair.close();
    pair.passes(1s);
    pair.open();
    pair.passes(60s);
    EXPECT_EQ(pair.operations, 0);
    ASSERT_EQ(pair.completed.size(), 1u);
    EXPECT_EQ(pair.completed[0].fate, Fate::unanswered);
    EXPECT_TRUE(pair.master.session(0).status().unsolicited_enabled);
}

TEST(DnpFaceToFace, ABadLineLosesTimeButNoEventAndRepeatsNoCommand) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        Random chance(seed);
        auto settings = master_settings();
        settings.response_within = 2s;
        auto other = outstation_settings();
        other.confirm_within = 2s;
        other.unsolicited_retry_later = 5s;
        Pair pair(settings, other);
        pair.open();
        pair.passes(3s);
        pair.spoil = [&](Octets& octets) {
            const auto dice = chance.below(10);
            if (dice == 0) return true;
            if (dice == 1) octets[chance.below(octets.size())] ^= std::byte{0x10};
            if (dice == 2) octets.resize(octets.size() / 2);
            return false;
        };
        std::vector<MeasuredValue> seen;
        pair.on_event = [&](const Measurement& one) {
            if (one.type != PointType::counter || one.index != 0) return;
            // A repetition under a new number may bring one again, never one out of order.
            if (std::ranges::find(seen, one.value) == seen.end()) seen.push_back(one.value);
        };
        for (unsigned i = 1; i <= 60; ++i) {
            pair.update(PointType::counter, 0, i);
            pair.passes(1s);
            if (i % 20 == 0)
                pair.ask(Master::Operate{.tag = i, .controls = {{.index = 0, .what = Crob{}}}});
            if (i % 25 == 0) {
                pair.close();
                pair.passes(500ms);
                pair.open();
            }
        }
        pair.spoil = {};
        pair.passes(3min);
        const auto& line = pair.master.channel().stats();
        EXPECT_GT(line.bad_header_checksums + line.bad_body_checksums, 0u) << seed;
        EXPECT_TRUE(pair.agree()) << seed;
        ASSERT_EQ(seen.size(), 60u) << seed;
        EXPECT_TRUE(std::ranges::is_sorted(seen)) << seed;
        EXPECT_LE(pair.operations, 3) << seed;
        EXPECT_EQ(pair.completed.size(), 3u) << seed;
        EXPECT_TRUE(pair.master.session(0).status().unsolicited_enabled) << seed;
    }
}

TEST(DnpFaceToFace, ARestartedOutstationIsBroughtBack) {
    Pair pair;
    pair.open();
    pair.passes(3s);
    pair.ask(Master::Ask{.tag = 1, .function = Function::cold_restart});
    pair.passes(1s);
    EXPECT_EQ(pair.restarts, 1);
    // What runs the device starts another one.
    pair.close();
    Pair fresh;
    pair.outstation = std::move(fresh.outstation);
    pair.open();
    pair.passes(5s);
    EXPECT_EQ(pair.master.session(0).status().restarts_seen, 2u);
    EXPECT_TRUE(pair.master.session(0).status().unsolicited_enabled);
    EXPECT_TRUE(pair.agree());
}

}  // namespace
}  // namespace causeway::scada::dnp3::master_outstation_test
