#pragma once
// An outstation at the bench: requests in and responses out as hex, time moved by hand, a device
// behind it that does what it is asked and remembers it.
#include "base/hex.hpp"
#include "scada/dnp3/outstation.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::scada::dnp3 {

/// A fragment, taken apart for a test to look at.
struct ReadFragment {
    Address destination = 0;
    ApplicationControl control{};
    Function function = Function::confirm;
    Iins iin{};
    std::string objects;  // hex
    struct Object {
        std::uint8_t group = 0;
        std::uint8_t variation = 0;
        Qualifier qualifier = Qualifier::all;
        Measurement measurement{};
        friend bool operator==(const Object&, const Object&) = default;
    };
    std::vector<Object> measured;
    std::vector<Control> controls;
    std::size_t octets = 0;

    [[nodiscard]] bool null() const { return objects.empty(); }
    [[nodiscard]] bool errors() const {
        return iin.has(Iin::no_func_code_support) || iin.has(Iin::object_unknown) ||
               iin.has(Iin::parameter_error);
    }
    [[nodiscard]] std::vector<Measurement> of(std::uint8_t group) const {
        std::vector<Measurement> found;
        for (const Object& one : measured)
            if (one.group == group) found.push_back(one.measurement);
        return found;
    }
    [[nodiscard]] std::vector<int> indexes(std::uint8_t group) const {
        std::vector<int> found;
        for (const Measurement& one : of(group)) found.push_back(one.index);
        return found;
    }
    [[nodiscard]] std::vector<double> values(std::uint8_t group) const {
        std::vector<double> found;
        for (const Measurement& one : of(group)) found.push_back(number(one.value));
        return found;
    }
    [[nodiscard]] std::vector<CommandStatus> statuses() const {
        std::vector<CommandStatus> found;
        for (const Control& one : controls) found.push_back(one.status);
        return found;
    }
    static double number(const MeasuredValue& value) {
        if (const auto* bit = std::get_if<bool>(&value)) return *bit ? 1 : 0;
        if (const auto* count = std::get_if<std::uint32_t>(&value)) return *count;
        if (const auto* real = std::get_if<double>(&value)) return *real;
        if (const auto* pair = std::get_if<DoubleBit>(&value)) return std::to_underlying(*pair);
        return -1;
    }
};

inline ReadFragment read_fragment(const SendFragment& sent) {
    ReadFragment read{.destination = sent.destination, .octets = sent.octets.size()};
    const auto view = FragmentView::parse(sent.octets);
    EXPECT_TRUE(view);
    if (!view) return read;
    read.control = view->control;
    read.function = view->function;
    read.iin = view->iin;
    read.objects = to_hex(view->objects, " ");
    ObjectReader headers(view->objects, ObjectReader::Carry::objects);
    std::optional<Timestamp> common;
    while (const auto header = headers.next()) {
        if (header->group == 51) common = common_time_of(*header);
        MeasurementReader objects(*header, common);
        for (Measurement one; objects.next(one);)
            read.measured.push_back({header->group, header->variation, header->qualifier, one});
        for (const Control& one : controls_of(*header)) read.controls.push_back(one);
    }
    EXPECT_EQ(headers.trouble(), ObjectReader::Trouble::none) << read.objects;
    return read;
}

using Indexes = std::initializer_list<std::uint16_t>;

/// Four binaries of classes 1, 1, 2, 3; two double bits of 3; four binary outputs; three counters
/// of class 3 and their frozen ones of none; four analogs of classes 1, 2, 3, 1 with a deadband of
/// 5; two analog outputs; an octet string of class 3. Variations of level 2, where it has any.
inline std::vector<PointPlan> usual_points() {
    using enum PointType;
    using enum EventClass;
    std::vector<PointPlan> all;
    std::uint16_t index = 0;
    for (const EventClass to : {one, one, two, three})
        all.push_back({.type = binary, .index = index++, .event_class = to});
    for (const std::uint16_t i : Indexes{0, 1})
        all.push_back({.type = double_bit, .index = i, .event_class = three});
    for (const std::uint16_t i : Indexes{0, 1, 2, 3})
        all.push_back({.type = binary_output, .index = i, .event_class = none});
    for (const std::uint16_t i : Indexes{0, 1, 2}) {
        all.push_back({.type = counter, .index = i, .event_class = three, .event_variation = 1});
        all.push_back(
            {.type = frozen_counter, .index = i, .event_class = none, .event_variation = 1});
    }
    index = 0;
    for (const EventClass to : {one, two, three, one})
        all.push_back({.type = analog,
                       .index = index++,
                       .event_class = to,
                       .deadband = 5,
                       .static_variation = 1,
                       .event_variation = 1});
    for (const std::uint16_t i : Indexes{0, 1})
        all.push_back(
            {.type = analog_output, .index = i, .event_class = none, .static_variation = 2});
    all.push_back({.type = octet_string, .index = 0, .event_class = three, .in_class_0 = false});
    return all;
}

struct OutstationBench {
    static constexpr Address master = 1;
    static constexpr Address address = 1024;

    explicit OutstationBench(OutstationSettings settings = {},
                             const std::vector<PointPlan>& points = usual_points())
        : outstation(settings, points) {
        give(ChannelUp{});
        changes = 0;
    }

    // ---- the device ----
    using Step = Outstation::CommandRequested::Step;
    struct Asked {
        Step step;
        PointType type;
        int index;
        double value;  // 1 on, 0 off
        friend bool operator==(const Asked&, const Asked&) = default;
    };
    void set(PointType type, std::uint16_t index, MeasuredValue value,
             std::uint8_t flags = flag::online) {
        give(Outstation::Update{
            .measurement = {.type = type, .index = index, .flags = flags, .value = value}});
    }
    void binary(std::uint16_t index, bool value) { set(PointType::binary, index, value); }
    void toggle(std::uint16_t index) {
        binary(index, !std::get<bool>(outstation.point(PointType::binary, index)->value));
    }
    void analog(std::uint16_t index, double value) { set(PointType::analog, index, value); }
    void counter(std::uint16_t index, std::uint32_t value) {
        set(PointType::counter, index, value);
    }
    /// Everything measured once, no events left of it, and IIN1.7 and IIN1.4 gone.
    void settle() {
        using enum PointType;
        for (const auto& [type, count, value] :
             {std::tuple{PointType::binary, 4, MeasuredValue(false)},
              {double_bit, 2, MeasuredValue(DoubleBit::off)},
              {binary_output, 4, MeasuredValue(false)},
              {PointType::counter, 3, MeasuredValue(std::uint32_t{5})},
              {PointType::analog, 4, MeasuredValue(100.0)},
              {analog_output, 2, MeasuredValue(0.0)}})
            for (std::uint16_t i = 0; i < count; ++i)
                give(Outstation::Update{.measurement = {.type = type, .index = i, .value = value},
                                        .no_event = true});
        give(Outstation::ClockSet{.ms = 1'000'000});
        ask("ce 02 50 01 00 07 07 00");
        outputs_of_note.clear();
    }

    // ---- the master ----
    void hears(std::string_view hex, Address source = master, Address destination = address) {
        const auto octets = from_hex(hex);
        ASSERT_TRUE(octets) << hex;
        hears_octets(*octets, source, destination);
    }
    void hears_octets(Bytes octets, Address source = master, Address destination = address) {
        give(FragmentReceived{.source = source, .destination = destination, .octets = octets});
    }
    /// What is answered; empty: nothing.
    std::string ask(std::string_view hex) {
        sent.clear();
        hears(hex);
        return answer();
    }
    std::string answer() {
        if (sent.empty()) return {};
        auto hex = to_hex(sent.front().octets, " ");
        sent.pop_front();
        return hex;
    }
    /// With the next sequence number of a master that counts.
    ReadFragment request(Function function, std::string_view objects) {
        sequence = (sequence + 1) & 0x0f;
        return request_again(function, objects);
    }
    /// With the same as the last.
    ReadFragment request_again(Function function, std::string_view objects) {
        sent.clear();
        hears_octets(octets_of_request(function, objects));
        return take();
    }
    Octets octets_of_request(Function function, std::string_view objects) const {
        Octets octets{std::byte(0xc0 | sequence), std::byte{std::to_underlying(function)}};
        const auto rest = from_hex(objects);
        EXPECT_TRUE(rest) << objects;
        if (rest) octets.insert(octets.end(), rest->begin(), rest->end());
        return octets;
    }
    void broadcast(Function function, std::string_view objects, Address to) {
        sequence = (sequence + 1) & 0x0f;
        hears_octets(octets_of_request(function, objects), master, to);
    }
    ReadFragment read(std::string_view objects) { return request(Function::read, objects); }
    /// Confirms it, and returns what follows.
    ReadFragment confirm(const ReadFragment& what) { return confirm(what.control); }
    ReadFragment confirm(ApplicationControl what) {
        sent.clear();
        const Octets octets{std::byte(0xc0 | (what.unsolicited ? 0x10 : 0) | what.sequence),
                            std::byte{0}};
        hears_octets(octets);
        return take();
    }
    /// The next fragment that was sent; with destination 0 where there is none.
    ReadFragment take() {
        if (sent.empty()) return {};
        const ReadFragment read = read_fragment(sent.front());
        sent.pop_front();
        return read;
    }
    [[nodiscard]] bool silent() const { return sent.empty(); }

    // ---- time ----
    void passes(Duration time) {
        const Instant end = now + time;
        for (int steps = 0; outstation.next_deadline() <= end; ++steps) {
            ASSERT_LT(steps, 100'000) << "the deadline does not move on";
            now = std::max(now, outstation.next_deadline());
            outstation.handle_timeout(now);
            drain();
        }
        now = end;
    }

    void give(Outstation::Input in) {
        outstation.handle(now, std::move(in));
        drain();
    }
    void drain() {
        while (auto output = outstation.poll_output())
            std::visit([this](auto& one) { on(one); }, *output);
        EXPECT_TRUE(outstation.stats().balanced());
    }
    void on(SendFragment& fragment) { sent.push_back(std::move(fragment)); }
    void on(Outstation::CommandRequested& request) {
        const auto* crob = std::get_if<Crob>(&request.control.what);
        const bool on = crob != nullptr &&
                        (crob->operation == Crob::Operation::latch_on ||
                         crob->operation == Crob::Operation::pulse_on) &&
                        crob->trip_close != Crob::TripClose::trip;
        asked.push_back(
            {request.step, crob != nullptr ? PointType::binary_output : PointType::analog_output,
             request.control.index,
             crob != nullptr ? (on ? 1 : 0) : std::get<AnalogCommand>(request.control.what).value});
        ids.push_back(request.id);
        if (answers)
            give(Outstation::CommandAnswered{.id = request.id, .status = answers(request)});
    }
    void on(Outstation::SelectionGone& gone) { selections_gone.push_back(gone.index); }
    void on(Outstation::TimeWritten& written) { times.push_back(written.ms); }
    void on(Outstation::RestartRequested& restart) {
        outputs_of_note.push_back(restart.cold ? "cold restart" : "warm restart");
    }
    void on(Outstation::CounterFrozen& frozen) {
        outputs_of_note.push_back((frozen.cleared ? "cleared " : "frozen ") +
                                  std::to_string(frozen.index));
    }
    void on(Outstation::StateChanged&) { ++changes; }
    [[nodiscard]] std::vector<Asked> operated() const {
        std::vector<Asked> done;
        for (const Asked& one : asked)
            if (one.step != Step::select) done.push_back(one);
        return done;
    }

    Instant now = Instant{} + std::chrono::hours(1);
    Outstation outstation;
    std::deque<SendFragment> sent;
    std::vector<Asked> asked;
    std::vector<Outstation::RequestId> ids;
    std::vector<int> selections_gone;
    std::vector<std::uint64_t> times;
    std::vector<std::string> outputs_of_note;
    int changes = 0;
    std::uint8_t sequence = 0;
    /// Empty: the test answers by itself.
    std::function<CommandStatus(const Outstation::CommandRequested&)> answers =
        [](const Outstation::CommandRequested&) { return CommandStatus::success; };
};

}  // namespace causeway::scada::dnp3
