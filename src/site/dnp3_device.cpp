#include "site/dnp3_device.hpp"

#include "site/line_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace causeway::site {
namespace {

using scada::dnp3::CommandStatus;
using scada::dnp3::Crob;
using scada::dnp3::DoubleBit;
using scada::dnp3::EventClass;
using scada::dnp3::MeasuredValue;
using scada::dnp3::Measurement;
using scada::dnp3::Outstation;
using scada::dnp3::OutstationStation;
using scada::dnp3::PointPlan;
using scada::dnp3::PointType;

constexpr std::uint16_t breaker_output = 2;
constexpr std::uint16_t pulse_output = 3;
constexpr std::uint16_t bounded_output = 1;  // an analog one
constexpr double analog_bound = 100;
constexpr Duration breaker_moves = std::chrono::milliseconds(200);
constexpr int moves_of_the_slow = 5;  // moves to one of what moves slowly
constexpr double alarm_above = 238;

std::vector<PointPlan> device_points() {
    using enum PointType;
    using enum EventClass;
    std::vector<PointPlan> all;
    const auto add = [&all](PointType type, EventClass of, double deadband = 0) {
        std::uint16_t index = 0;
        for (const PointPlan& plan : all)
            if (plan.type == type) ++index;
        all.push_back({.type = type, .index = index, .event_class = of, .deadband = deadband});
    };
    for (const EventClass of : {one, two, one, one, one}) add(binary, of);
    add(double_bit, one);
    add(double_bit, three);
    for (int i = 0; i < 4; ++i) add(binary_output, two);
    add(counter, three, 10);
    add(counter, three, 100);
    add(counter, two);
    for (int i = 0; i < 3; ++i) add(frozen_counter, three);
    add(analog, two, 2);
    add(analog, two, 0.02);
    add(analog, three, 10);
    add(analog, one);
    add(analog, one);
    for (int i = 0; i < 2; ++i) add(analog_output, two);
    add(octet_string, none);
    add(octet_string, three);
    return all;
}

enum class CoilWant : std::uint8_t { off, on, nothing };

/// What a control relay output block amounts to.
CoilWant coil_want_of(const Crob& crob) {
    if (crob.trip_close == Crob::TripClose::close) return CoilWant::on;
    if (crob.trip_close == Crob::TripClose::trip) return CoilWant::off;
    switch (crob.operation) {
        case Crob::Operation::pulse_on:
        case Crob::Operation::latch_on:
            return CoilWant::on;
        case Crob::Operation::pulse_off:
        case Crob::Operation::latch_off:
            return CoilWant::off;
        default:
            return CoilWant::nothing;
    }
}

bool is_pulsed(const Crob& crob) {
    return crob.operation == Crob::Operation::pulse_on ||
           crob.operation == Crob::Operation::pulse_off;
}

std::string control_words(const scada::dnp3::Control& control) {
    if (const auto* analog = std::get_if<scada::dnp3::AnalogCommand>(&control.what))
        return fmt::format("analog output {} to {}", control.index, analog->value);
    const Crob& crob = std::get<Crob>(control.what);
    const CoilWant want = coil_want_of(crob);
    return fmt::format("binary output {} {}{}", control.index, is_pulsed(crob) ? "pulse " : "",
                       want == CoilWant::on    ? "on"
                       : want == CoilWant::off ? "off"
                                               : "nothing");
}

/// What stands behind one outstation: values that move, and outputs that have an effect.
class FieldProcess {
public:
    /// Something that ends by itself.
    struct Ending {
        Duration after{};
        std::uint16_t output = 0;
        unsigned turn = 0;  // of that output: what came later is not ended
    };

    FieldProcess(std::size_t number, std::string name)
        : phase_(static_cast<double>(number) * 0.7), name_(std::move(name)) {}

    void move() { ++moves_; }
    void restart() { *this = FieldProcess(std::move(*this), phase_); }
    void clear(std::uint16_t counter) {
        if (counter < cleared_.size()) cleared_[counter] = counted(counter) + cleared_[counter];
    }

    [[nodiscard]] CommandStatus judge(const scada::dnp3::Control& control) const {
        if (const auto* analog = std::get_if<scada::dnp3::AnalogCommand>(&control.what))
            return control.index == bounded_output && !(std::abs(analog->value) <= analog_bound)
                       ? CommandStatus::out_of_range
                       : CommandStatus::success;
        const Crob& crob = std::get<Crob>(control.what);
        const bool possible = coil_want_of(crob) != CoilWant::nothing &&
                              (control.index != pulse_output || is_pulsed(crob));
        return possible ? CommandStatus::success : CommandStatus::not_supported;
    }
    /// Judged before. What it sets off ends by itself, or stays.
    std::optional<Ending> operate(const scada::dnp3::Control& control) {
        last_ = control_words(control);
        if (const auto* analog = std::get_if<scada::dnp3::AnalogCommand>(&control.what)) {
            analog_outputs_[control.index] = analog->value;
            return std::nullopt;
        }
        const Crob& crob = std::get<Crob>(control.what);
        const bool on = coil_want_of(crob) == CoilWant::on;
        const unsigned turn = ++turns_[control.index];
        if (control.index == pulse_output) {
            pulses_ += crob.count;
            outputs_[pulse_output] = true;
            return Ending{std::chrono::milliseconds(crob.on_ms), pulse_output, turn};
        }
        outputs_[control.index] = on;
        if (control.index == breaker_output) {
            breaker_ = DoubleBit::intermediate;
            return Ending{breaker_moves, breaker_output, turn};
        }
        if (on && is_pulsed(crob) && crob.trip_close == Crob::TripClose::nul)
            return Ending{std::chrono::milliseconds(crob.on_ms), control.index, turn};
        return std::nullopt;
    }
    void end(const Ending& ending) {
        const std::uint16_t output = ending.output;
        if (ending.turn != turns_[output]) return;
        if (output == breaker_output)
            breaker_ = outputs_[breaker_output] ? DoubleBit::on : DoubleBit::off;
        else
            outputs_[output] = false;
    }

    /// Everything as it is now.
    template <class Say>
    void say(Say&& say) const {
        using enum PointType;
        const double voltage = 230 + 10 * wave(30);
        const int slow = moves_ / moves_of_the_slow;
        say(binary, 0, moves_ % 2 != 0);
        say(binary, 1, slow % 2 != 0);
        say(binary, 2, bool(outputs_[0]));
        say(binary, 3, bool(outputs_[1]));
        say(binary, 4, voltage > alarm_above);
        say(double_bit, 0, breaker_);
        say(double_bit, 1, static_cast<DoubleBit>(slow % 4));
        for (std::uint16_t i = 0; i < outputs_.size(); ++i)
            say(binary_output, i, bool(outputs_[i]));
        for (std::uint16_t i = 0; i < cleared_.size(); ++i) say(counter, i, counted(i));
        say(analog, 0, voltage);
        say(analog, 1, 50 + 0.05 * wave(20));
        say(analog, 2, static_cast<double>(moves_ % 101));
        for (std::uint16_t i = 0; i < analog_outputs_.size(); ++i) {
            say(analog, static_cast<std::uint16_t>(3 + i), analog_outputs_[i]);
            say(analog_output, i, analog_outputs_[i]);
        }
        say(octet_string, 0, to_octets(as_octets(name_)));
        say(octet_string, 1, to_octets(as_octets(last_)));
    }
    [[nodiscard]] const std::string& last() const noexcept { return last_; }

private:
    FieldProcess(FieldProcess&& before, double phase)
        : phase_(phase), name_(std::move(before.name_)), turns_(before.turns_) {
        for (unsigned& turn : turns_) ++turn;  // what was under way is over
    }

    /// Between -1 and 1, once round in so many moves.
    [[nodiscard]] double wave(double round) const {
        return std::sin(phase_ + 2 * std::numbers::pi * moves_ / round);
    }
    [[nodiscard]] std::uint32_t counted(std::uint16_t counter) const {
        const auto moves = static_cast<std::uint32_t>(moves_);
        const std::uint32_t total = counter == 0 ? moves : counter == 1 ? moves * 10 : pulses_;
        return total - cleared_[counter];
    }

    double phase_;
    std::string name_;
    int moves_ = 0;
    std::array<bool, 4> outputs_{};
    std::array<unsigned, 4> turns_{};
    std::array<double, 2> analog_outputs_{};
    std::array<std::uint32_t, 3> cleared_{};
    std::uint32_t pulses_ = 0;
    DoubleBit breaker_ = DoubleBit::off;
    std::string last_ = "none";
};

std::vector<scada::dnp3::SessionPlan> device_sessions(const Dnp3DevicePlan& plan) {
    std::vector<scada::dnp3::SessionPlan> sessions;
    for (const scada::dnp3::Address address : plan.addresses)
        sessions.push_back({.local = address, .remote = plan.master, .any_remote = true});
    return sessions;
}

std::vector<Outstation> device_outstations(const Dnp3DevicePlan& plan) {
    const std::vector<PointPlan> points = device_points();
    std::vector<Outstation> all;
    for (const scada::dnp3::Address address : plan.addresses)
        all.emplace_back(
            scada::dnp3::OutstationSettings{
                .address = address,
                .master = plan.master,
                .any_master = true,
                .events_max = {plan.events_max, plan.events_max, plan.events_max},
                .unsolicited = plan.unsolicited,
                // A port that was just opened may have lost the first word.
                .confirm_within = std::chrono::seconds(2),
                .select_within = plan.select_within},
            points);
    return all;
}

scada::dnp3::ChannelSettings device_channel(const Dnp3DevicePlan& plan) {
    const bool connection = std::holds_alternative<net::TcpListenSpec>(plan.line) ||
                            std::holds_alternative<net::TcpConnectSpec>(plan.line);
    return {.datagrams = std::holds_alternative<net::UdpSpec>(plan.line),
            .keep_alive = connection ? plan.keep_alive : Duration{}};
}

}  // namespace

struct Dnp3Device::State : std::enable_shared_from_this<Dnp3Device::State> {
    State(net::Io& on, net::Lines& lines, Dnp3DevicePlan with, Log to)
        : io(on),
          plan(std::move(with)),
          log(std::move(to)),
          station(device_channel(plan), device_sessions(plan), device_outstations(plan)),
          host(
              on, {}, lines, station,
              [this](OutstationStation::Output&& out) {
                  if (auto* of = std::get_if<OutstationStation::Of<Outstation::Output>>(&out))
                      std::visit([&](const auto& what) { heard(of->session, what); }, of->what);
              },
              [this](bool there, const std::string& who) {
                  say(fmt::format("{} {}", there ? "connected:" : "gone:", who));
              }),
          mover(on) {
        for (std::size_t i = 0; i < plan.addresses.size(); ++i) {
            processes.emplace_back(i, plan.name);
            show(i, true);
        }
    }

    void say(std::string_view line) const {
        if (log) log(line);
    }
    void tell(std::size_t session, Outstation::Input what) {
        host.input(
            OutstationStation::Of<Outstation::Input>{.session = session, .what = std::move(what)});
    }
    /// The outstation finds out what of it is new.
    void show(std::size_t session, bool first = false) {
        processes[session].say([&](PointType type, std::uint16_t index, MeasuredValue value) {
            tell(session,
                 Outstation::Update{
                     .measurement = {.type = type, .index = index, .value = std::move(value)},
                     .no_event = first});
        });
    }

    void move_on() {
        if (plan.move_every <= Duration{}) return;
        mover.expires_after(
            std::chrono::duration_cast<net::Clock::Steady::duration>(plan.move_every));
        mover.async_wait([weak = weak_from_this()](const boost::system::error_code& stopped) {
            const auto self = weak.lock();
            if (stopped || !self) return;
            for (std::size_t i = 0; i < self->processes.size(); ++i) {
                self->processes[i].move();
                self->show(i);
            }
            self->move_on();
        });
    }
    void end_later(std::size_t session, FieldProcess::Ending ending) {
        auto timer = std::make_shared<boost::asio::steady_timer>(io);
        timer->expires_after(
            std::chrono::duration_cast<net::Clock::Steady::duration>(ending.after));
        timer->async_wait([weak = weak_from_this(), timer, session,
                           ending](const boost::system::error_code& stopped) {
            const auto self = weak.lock();
            if (stopped || !self) return;
            self->processes[session].end(ending);
            self->show(session);
        });
    }

    void heard(std::size_t session, const Outstation::CommandRequested& request) {
        using Step = Outstation::CommandRequested::Step;
        FieldProcess& process = processes[session];
        const CommandStatus status = process.judge(request.control);
        tell(session, Outstation::CommandAnswered{.id = request.id, .status = status});
        if (request.step == Step::select) return;
        say(fmt::format("outstation {}: {} by {}: {}", plan.addresses[session],
                        control_words(request.control), request.master, name_of(status)));
        if (status != CommandStatus::success) return;
        if (const auto ending = process.operate(request.control)) end_later(session, *ending);
        show(session);
    }
    void heard(std::size_t session, const Outstation::TimeWritten& time) {
        say(fmt::format("outstation {}: time is {} ms", plan.addresses[session], time.ms));
    }
    void heard(std::size_t session, const Outstation::RestartRequested& restart) {
        say(fmt::format("outstation {}: {} restart", plan.addresses[session],
                        restart.cold ? "cold" : "warm"));
        processes[session].restart();
        show(session);
    }
    void heard(std::size_t session, const Outstation::CounterFrozen& frozen) {
        if (frozen.cleared) processes[session].clear(frozen.index);
    }
    void heard(std::size_t, const Outstation::SelectionGone&) {}
    void heard(std::size_t, const Outstation::StateChanged&) {}
    void heard(std::size_t, const scada::dnp3::SendFragment&) {}  // the station keeps those

    net::Io& io;
    Dnp3DevicePlan plan;
    Log log;
    OutstationStation station;
    std::vector<FieldProcess> processes;
    LineHost<OutstationStation> host;
    boost::asio::steady_timer mover;
};

net::Opened<Dnp3Device> Dnp3Device::open(net::Io& io, net::Lines& lines, Dnp3DevicePlan plan,
                                         Log log) {
    auto state = std::make_shared<State>(io, lines, std::move(plan), std::move(log));
    if (auto trouble = state->host.open(state->plan.line))
        return std::unexpected(std::move(*trouble));
    state->move_on();
    return Dnp3Device(std::move(state));
}

Dnp3Device::Dnp3Device(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Dnp3Device::Dnp3Device(Dnp3Device&&) noexcept = default;
Dnp3Device& Dnp3Device::operator=(Dnp3Device&&) noexcept = default;
Dnp3Device::~Dnp3Device() = default;

std::string Dnp3Device::where() const {
    return state_->host.where();
}

const OutstationStation& Dnp3Device::station() const noexcept {
    return state_->station;
}

void Dnp3Device::update(std::size_t outstation, Measurement measurement) {
    state_->tell(outstation, Outstation::Update{.measurement = std::move(measurement)});
}

}  // namespace causeway::site
