// Whole stations: the recorded conversation held by either role, and many outstations on one line.
#include "scada/dnp3/stations.hpp"
#include "base/hex.hpp"
#include "scada/dnp3/link.hpp"
#include "scada/dnp3/recorded_testing.hpp"
#include "scada/dnp3/transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace causeway::scada::dnp3::stations_test {
namespace {

using namespace std::chrono_literals;

using ToMaster = MasterStation::Of<Master::Input>;
using OfMaster = MasterStation::Of<Master::Output>;
using ToOutstation = OutstationStation::Of<Outstation::Input>;
using OfOutstation = OutstationStation::Of<Outstation::Output>;

template <class Application>
std::vector<Application> several(std::vector<Application> all, Application&& one) {
    all.push_back(std::move(one));
    return all;
}

/// The fragments in a stream of frames.
class Listener {
public:
    std::vector<Octets> hears(Bytes octets) {
        std::vector<Octets> all;
        framer_.feed(octets);
        while (const auto frame = framer_.next())
            if (assembly_.take(frame->header.source, frame->header.destination, frame->data) ==
                FragmentAssembly::Outcome::whole)
                all.push_back(to_octets(assembly_.octets()));
        return all;
    }

private:
    Framer framer_;
    FragmentAssembly assembly_{fragment_octets_max};
};

/// What a fragment says, whatever the order and the qualifiers in which it does.
struct Said {
    ApplicationControl control;
    std::uint8_t function = 0;
    std::uint16_t iin = 0;
    std::map<std::string, std::string> measurements;
    std::vector<Control> controls;
    friend bool operator==(const Said&, const Said&) = default;
};
Said said_in(Bytes fragment) {
    const auto view = FragmentView::parse(fragment);
    EXPECT_TRUE(view);
    Said said{.control = view->control, .function = view->function_code, .iin = view->iin.bits()};
    ObjectReader reader(view->objects, ObjectReader::carry_of(*view));
    while (const auto header = reader.next()) {
        for (const Control& control : controls_of(*header)) said.controls.push_back(control);
        MeasurementReader measurements(*header, {});
        Measurement one;
        while (view->is_response() && measurements.next(one)) {
            FragmentWriter writer;
            writer.response({}, Function::response, {});
            const bool event = measured_group(header->group)->event;
            event ? writer.events(header->variation, std::span(&one, 1))
                  : writer.statics(header->variation, std::span(&one, 1));
            said.measurements[std::to_string(header->group) + "/" + std::to_string(one.index)] =
                to_hex(writer.fragment());
        }
    }
    EXPECT_EQ(reader.trouble(), ObjectReader::Trouble::none);
    return said;
}

// ---- the recorded conversation ------------------------------------------------------------------

/// The recorded outstation's points: ten of each kind, and none of its values known yet.
std::vector<PointPlan> recorded_points() {
    std::vector<PointPlan> points;
    for (std::uint8_t type = 0; type < point_types; ++type) {
        for (std::uint16_t index = 0; index < 10; ++index) {
            PointPlan plan{.type = PointType{type}, .index = index, .event_variation = 1};
            if (plan.type == PointType::analog) {
                plan.static_variation = index == 0 ? 5 : 1;
                plan.event_variation = 7;
            }
            if (plan.type == PointType::analog_output) plan.static_variation = 1;
            points.push_back(plan);
        }
    }
    return points;
}

TEST(Dnp3Stations, OurOutstationAnswersTheRecordedMasterInKind) {
    const Instant start{1h};
    Instant now = start;
    OutstationStation station({}, {{.local = recorded::outstation, .remote = recorded::master}},
                              several<Outstation>({}, Outstation({.address = recorded::outstation,
                                                                  .master = recorded::master,
                                                                  .unsolicited = true,
                                                                  .unsolicited_after = 1ms,
                                                                  .restarts = false},
                                                                 recorded_points())));
    Listener ours;
    std::vector<Octets> answers;
    std::vector<std::string> commands;
    const auto drain = [&] {
        while (auto out = station.poll_output()) {
            if (const auto* transmit = std::get_if<Transmit>(&*out)) {
                for (Octets& fragment : ours.hears(transmit->octets))
                    answers.push_back(std::move(fragment));
            } else if (const auto* of = std::get_if<OfOutstation>(&*out)) {
                const auto* command = std::get_if<Outstation::CommandRequested>(&of->what);
                if (command == nullptr) continue;
                commands.push_back(std::to_string(std::to_underlying(command->step)) + " " +
                                   std::to_string(command->control.index));
                station.handle(now,
                               ToOutstation{0, Outstation::CommandAnswered{.id = command->id}});
            }
        }
    };
    const auto passes_to = [&](Instant at) {
        for (int steps = 0; station.next_deadline() <= at; ++steps) {
            ASSERT_LT(steps, 1'000);
            now = std::max(now, station.next_deadline());
            station.handle_timeout(now);
            drain();
        }
        now = at;
    };
    const auto update = [&](PointType type, MeasuredValue value) {
        station.handle(now,
                       ToOutstation{0, Outstation::Update{.measurement = {.type = type,
                                                                          .index = 0,
                                                                          .value = std::move(value),
                                                                          .time = Timestamp{}},
                                                          .force_event = true}});
    };
    for (std::uint16_t index = 0; index < 10; ++index)
        station.handle(now, ToOutstation{0, Outstation::Update{
                                                .measurement = {.type = PointType::double_bit,
                                                                .index = index,
                                                                .flags = flag::restart,
                                                                .value = DoubleBit::intermediate},
                                                .no_event = true}});
    station.handle(now, LineOpened{});
    drain();
    Listener theirs;
    std::vector<Octets> recorded_answers;
    for (const recorded::Frame& frame : recorded::frames()) {
        if (frame.from_master) {
            passes_to(start + frame.at);
            station.handle(now, OctetsReceived{.octets = frame.octets});
            drain();
            continue;
        }
        for (Octets& fragment : theirs.hears(frame.octets))
            recorded_answers.push_back(std::move(fragment));
        // What had happened at the recorded outstation before it spoke the next time.
        if (recorded_answers.size() == 7 && answers.size() == 7) {
            passes_to(start + 2'990ms);
            update(PointType::counter, std::uint32_t{0});
            update(PointType::binary, false);
            update(PointType::double_bit, DoubleBit::off);
            update(PointType::analog, 0.0);
            update(PointType::octet_string, "01"_hex);
            drain();
        } else if (recorded_answers.size() == 17) {
            update(PointType::counter, std::uint32_t{1});
            update(PointType::binary, true);
            drain();
        }
    }
    ASSERT_EQ(answers.size(), recorded_answers.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        SCOPED_TRACE(std::to_string(i) + ": " + to_hex(answers[i]) + "\ninstead of " +
                     to_hex(recorded_answers[i]));
        const Said ours_said = said_in(answers[i]);
        const Said theirs_said = said_in(recorded_answers[i]);
        EXPECT_EQ(ours_said.control, theirs_said.control);
        EXPECT_EQ(ours_said.function, theirs_said.function);
        EXPECT_EQ(ours_said.iin, theirs_said.iin);
        EXPECT_EQ(ours_said.measurements, theirs_said.measurements);
        EXPECT_EQ(ours_said.controls, theirs_said.controls);
    }
    EXPECT_EQ(commands, (std::vector<std::string>{"0 0", "1 0"}));
    EXPECT_EQ(station.session(0).stats().events_confirmed, 7u);
    EXPECT_EQ(station.session(0).stats().bad_fragments, 0u);
    EXPECT_EQ(station.channel().stats().noise_octets, 0u);
}

/// What a user of ours has to ask for, so that it says what the recorded master said.
Master::Input asked_for(Bytes fragment) {
    const auto view = FragmentView::parse(fragment);
    if (view->function != Function::select)
        return Master::Ask{
            .tag = 1, .function = view->function, .objects = to_octets(view->objects)};
    ObjectReader reader(view->objects, ObjectReader::Carry::objects);
    return Master::Operate{.tag = 1, .controls = controls_of(*reader.next())};
}

TEST(Dnp3Stations, OurMasterUnderstandsTheRecordedOutstationAndSaysWhatTheRecordedOneDid) {
    const Instant start{1h};
    Instant now = start;
    MasterStation station({.master = true},
                          {{.local = recorded::master, .remote = recorded::outstation}},
                          several<Master>({}, Master({.address = recorded::master,
                                                      .outstation = recorded::outstation,
                                                      .unsolicited = events,
                                                      .time_sync = TimeSync::none})));
    std::deque<Octets> sent;
    std::size_t measured = 0;
    std::map<PointType, std::set<std::uint16_t>> points;
    std::vector<CommandStatus> statuses;
    const auto drain = [&] {
        while (auto out = station.poll_output()) {
            if (auto* transmit = std::get_if<Transmit>(&*out)) {
                Framer framer;  // a request a frame
                framer.feed(transmit->octets);
                while (const auto frame = framer.next()) {
                    sent.emplace_back();
                    append_frame(frame->header, {}, frame->data, sent.back());
                }
            } else if (const auto* of = std::get_if<OfMaster>(&*out)) {
                if (const auto* one = std::get_if<Master::Measured>(&of->what)) {
                    ++measured;
                    points[one->measurement.type].insert(one->measurement.index);
                } else if (const auto* done = std::get_if<Master::Completed>(&of->what)) {
                    EXPECT_EQ(done->fate, Master::Completed::Fate::answered);
                    for (const Control& control : done->controls)
                        statuses.push_back(control.status);
                }
            }
        }
    };
    station.handle(now, LineOpened{});
    drain();
    Listener ours;
    Listener theirs;
    for (const recorded::Frame& frame : recorded::frames()) {
        now = start + frame.at;
        ASSERT_GT(station.next_deadline(), now);
        if (!frame.from_master) {
            station.handle(now, OctetsReceived{.octets = frame.octets});
            drain();
            continue;
        }
        const auto fragments = theirs.hears(frame.octets);
        ASSERT_EQ(fragments.size(), 1u);
        if (sent.empty()) {
            station.handle(now, ToMaster{0, asked_for(fragments[0])});
            drain();
        }
        ASSERT_FALSE(sent.empty()) << to_hex(frame.octets);
        const Said said = said_in(fragments[0]);
        if (said.controls.empty()) {
            EXPECT_EQ(to_hex(sent.front()), to_hex(frame.octets));
            ours.hears(sent.front());
        } else {  // which has an index of 16 bits where ours has one of 8
            EXPECT_EQ(said_in(ours.hears(sent.front()).at(0)), said);
        }
        sent.pop_front();
    }
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(measured, 251u);
    EXPECT_EQ(points.size(), point_types);
    for (const auto& [type, indexes] : points) EXPECT_EQ(indexes.size(), 10u) << name_of(type);
    EXPECT_EQ(statuses, std::vector{CommandStatus::success});
    const Master::Stats& stats = station.session(0).stats();
    EXPECT_EQ(stats.bad_fragments + stats.bad_objects + stats.unexpected + stats.timeouts, 0u);
    EXPECT_TRUE(station.session(0).status().started);
    EXPECT_TRUE(station.channel().stats().balanced());
}

// ---- one line, many outstations -----------------------------------------------------------------

/// A line that all share, where octets take their time; whoever is `dead` says nothing.
struct SharedLine {
    static constexpr Address first = 10;

    SharedLine(std::size_t count, ChannelSettings settings, MasterSettings wanted,
               bool confirm = false)
        : master(settings, plans(count, confirm), masters(count, wanted)) {
        for (std::size_t i = 0; i < count; ++i) {
            const Address address = static_cast<Address>(first + i);
            const std::vector<PointPlan> points{{.type = PointType::analog, .index = 0}};
            outstations.push_back(std::make_unique<OutstationStation>(
                ChannelSettings{.datagrams = settings.datagrams, .keep_alive = {}},
                std::vector<SessionPlan>{
                    {.local = address, .remote = 1, .confirm_frames = confirm}},
                several<Outstation>({}, Outstation({.address = address}, points))));
        }
    }
    static std::vector<SessionPlan> plans(std::size_t count, bool confirm) {
        std::vector<SessionPlan> all;
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(
                {.local = 1, .remote = static_cast<Address>(first + i), .confirm_frames = confirm});
        return all;
    }
    static std::vector<Master> masters(std::size_t count, MasterSettings wanted) {
        std::vector<Master> all;
        for (std::size_t i = 0; i < count; ++i) {
            wanted.outstation = static_cast<Address>(first + i);
            all.emplace_back(wanted);
        }
        return all;
    }

    void open() {
        master.handle(now, LineOpened{});
        for (const auto& one : outstations) one->handle(now, LineOpened{});
        drain();
    }
    void ask(std::size_t session, Master::Input in) {
        master.handle(now, ToMaster{session, std::move(in)});
        drain();
    }
    void drain() {
        while (auto out = master.poll_output()) {
            if (auto* transmit = std::get_if<Transmit>(&*out)) {
                Framer framer;
                framer.feed(transmit->octets);
                while (const auto frame = framer.next()) {
                    asked.push_back(frame->header.destination);
                    // Nobody is asked while another has not answered yet.
                    if (frame->data.size() > 2 && frame->data[2] != std::byte{0}) {
                        overlapped = overlapped || (waiting && !dead.contains(*waiting));
                        waiting = frame->header.destination;
                    }
                }
                under_way.push_back({now + 20ms, {}, std::move(transmit->octets)});
            } else if (auto* of = std::get_if<OfMaster>(&*out)) {
                if (std::holds_alternative<Master::ResponseDone>(of->what)) ++answered[of->session];
                if (auto* done = std::get_if<Master::Completed>(&of->what))
                    completed.push_back({of->session, std::move(*done)});
            }
        }
        for (std::size_t i = 0; i < outstations.size(); ++i) {
            while (auto out = outstations[i]->poll_output()) {
                if (auto* transmit = std::get_if<Transmit>(&*out)) {
                    if (!dead.contains(static_cast<Address>(first + i)))
                        under_way.push_back({now + 20ms, i, std::move(transmit->octets)});
                } else if (const auto* of = std::get_if<OfOutstation>(&*out)) {
                    if (const auto* time = std::get_if<Outstation::TimeWritten>(&of->what))
                        times.push_back(time->ms);
                }
            }
        }
    }
    void passes(Duration time) {
        const Instant end = now + time;
        for (int steps = 0;; ++steps) {
            ASSERT_LT(steps, 100'000);
            Instant next = master.next_deadline();
            for (const auto& one : outstations) next = std::min(next, one->next_deadline());
            if (!under_way.empty()) next = std::min(next, under_way.front().at);
            if (next > end) break;
            now = std::max(now, next);
            if (!under_way.empty() && under_way.front().at <= now) {
                const OnTheLine here = std::move(under_way.front());
                under_way.pop_front();
                if (here.from) {
                    if (waiting == static_cast<Address>(first + *here.from)) waiting.reset();
                    master.handle(now, OctetsReceived{.octets = here.octets});
                }
                for (std::size_t i = 0; i < outstations.size(); ++i)  // the others hear it as well
                    if (here.from != i)
                        outstations[i]->handle(now, OctetsReceived{.octets = here.octets});
            } else {
                master.handle_timeout(now);
                for (const auto& one : outstations) one->handle_timeout(now);
            }
            drain();
        }
        now = end;
    }

    struct OnTheLine {
        Instant at{};
        std::optional<std::size_t> from;
        Octets octets;
    };
    struct Done {
        std::size_t session;
        Master::Completed what;
    };
    Instant now{1h};
    MasterStation master;
    std::vector<std::unique_ptr<OutstationStation>> outstations;
    std::deque<OnTheLine> under_way;
    std::set<Address> dead;
    std::vector<Address> asked;
    std::optional<Address> waiting;
    bool overlapped = false;
    std::map<std::size_t, int> answered;
    std::vector<Done> completed;
    std::vector<std::uint64_t> times;
};

constexpr ChannelSettings serial{.master = true, .keep_alive = {}, .take_turns = true};

TEST(Dnp3Stations, OutstationsOfOneLineAreAskedOneAfterTheOther) {
    SharedLine shared(5, serial,
                      {.polls = {{.classes = events, .every = 1s}}, .time_sync = TimeSync::none});
    shared.open();
    shared.passes(60s);
    EXPECT_FALSE(shared.overlapped);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(shared.master.session(i).status().started) << i;
        EXPECT_EQ(shared.master.session(i).stats().timeouts, 0u) << i;
        EXPECT_GE(shared.answered[i], 55) << i;
    }
}

TEST(Dnp3Stations, ADeadOutstationDelaysTheOthersButNeverCountsAgainstThem) {
    SharedLine shared(4, serial,
                      {.response_within = 5s,
                       .polls = {{.classes = events, .every = 1s}},
                       .time_sync = TimeSync::none});
    shared.dead = {SharedLine::first, SharedLine::first + 2};
    shared.open();
    shared.passes(5min);
    EXPECT_FALSE(shared.overlapped);
    for (const std::size_t i : {1u, 3u}) {
        EXPECT_TRUE(shared.master.session(i).status().up) << i;
        EXPECT_EQ(shared.master.session(i).stats().timeouts, 0u) << i;
        EXPECT_GE(shared.answered[i], 150) << i;  // the dead ones are asked ever more seldom
    }
    for (const std::size_t i : {0u, 2u}) {
        EXPECT_FALSE(shared.master.session(i).status().up) << i;
        EXPECT_GT(shared.master.session(i).stats().timeouts, 2u) << i;
    }
    shared.dead.clear();
    shared.passes(2min);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(shared.master.session(i).status().up) << i;
}

TEST(Dnp3Stations, WhoeverWaitsForItsTurnWritesTheRightTime) {
    // The wall clock says one second after 1970 at the beginning. Three dead ones keep the line.
    SharedLine shared(4, serial,
                      {.response_within = 5s,
                       .disable_unsolicited_at_start = false,
                       .startup_integrity = {},
                       .time_sync = TimeSync::lan});
    shared.dead = {SharedLine::first, SharedLine::first + 1, SharedLine::first + 2};
    for (std::size_t i = 0; i < 4; ++i) shared.ask(i, Master::ClockSet{.ms = 1'000});
    const Instant start = shared.now;
    shared.open();
    for (std::size_t i = 0; i < 4; ++i) shared.ask(i, Master::Poll{.tag = i});
    shared.passes(2min);
    ASSERT_EQ(shared.times.size(), 1u);
    const auto ours = shared.outstations[3]->session(0).time_ms(shared.now);
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(shared.now - start);
    ASSERT_TRUE(ours);
    // What the line itself takes is what is missing at most.
    EXPECT_NEAR(static_cast<double>(*ours), static_cast<double>(passed.count() + 1'000), 21);
}

TEST(Dnp3Stations, SeveralOutstationsBehindOneConnectionNeedNoTurns) {
    SharedLine shared(3, {.master = true}, {.polls = {{.classes = events, .every = 1s}}});
    shared.open();
    shared.passes(30s);
    EXPECT_TRUE(shared.overlapped);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(shared.master.session(i).status().started) << i;
        EXPECT_GE(shared.answered[i], 25) << i;
    }
}

TEST(Dnp3Stations, DatagramsCarryTheSameDialogue) {
    SharedLine shared(1, {.master = true, .datagrams = true},
                      {.polls = {{.classes = everything, .every = 1s}}});
    shared.open();
    shared.passes(30s);
    EXPECT_TRUE(shared.master.session(0).status().started);
    EXPECT_GE(shared.answered[0], 25);
    EXPECT_EQ(shared.master.channel().stats().frames_across_datagrams, 0u);
}

TEST(Dnp3Stations, ConfirmedFramesCarryTheSameDialogue) {
    SharedLine shared(1, {.master = true}, {.polls = {{.classes = everything, .every = 1s}}}, true);
    shared.open();
    shared.passes(30s);
    EXPECT_TRUE(shared.master.session(0).status().started);
    EXPECT_GE(shared.answered[0], 25);
    const Channel::Stats& stats = shared.master.channel().stats();
    EXPECT_EQ(stats.frames_repeated, 0u);
    EXPECT_EQ(stats.not_expected, 0u);
    EXPECT_GT(stats.frames_delivered, 2 * stats.fragments);  // each was confirmed, both ways
    shared.dead = {SharedLine::first};
    shared.passes(10s);
    EXPECT_GT(stats.sends_lost, 0u);
    shared.dead.clear();
    shared.passes(90s);
    EXPECT_TRUE(shared.master.session(0).status().up);
}

TEST(Dnp3Stations, SessionsThatAreNoneAreLeftAlone) {
    SharedLine shared(1, serial, {});
    shared.open();
    shared.ask(1, Master::Poll{});
    shared.ask(77, Master::Poll{});
    shared.passes(1s);
    EXPECT_TRUE(shared.completed.empty());
}

}  // namespace
}  // namespace causeway::scada::dnp3::stations_test
