#include "site/modbus_device.hpp"

#include "base/random.hpp"
#include "scada/modbus/data.hpp"
#include "site/line_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <deque>
#include <numbers>
#include <utility>

namespace causeway::site {
namespace simulated_meter {
namespace {

using scada::modbus::Area;
using scada::modbus::Server;
using scada::modbus::Type;
using scada::modbus::Unit;

// Where things are: see the register map.
enum InputRegister : std::uint16_t {
    at_voltages = 0,
    at_current = 3,
    at_power = 4,
    at_energy = 6,
    at_frequency = 8,
    at_temperature = 10,
    at_sequence = 12,
    at_setpoint_shown = 13,
    at_real_setpoint_shown = 14,
    at_uptime = 16,
    at_commands = 20,
    input_registers_end = 21,
};
enum HoldingRegister : std::uint16_t {
    at_setpoint = 0,
    at_real_setpoint = 2,
    at_limit = 4,
    at_label = 8,
    label_registers = 8,
    holding_registers_end = 128,
};
enum Coil : std::uint16_t { breaker_coil, fan_coil, reset_coil, coils_end = 16 };
enum DiscreteInput : std::uint16_t {
    breaker_closed,
    fan_runs,
    door_open,
    alarm_on,
    energy_reset,
    discrete_inputs_end = 8,
};
constexpr std::uint16_t at_fifo = 200;
constexpr unsigned steps_of_the_door = 50;
constexpr unsigned steps_of_the_ramp = 200;
constexpr std::size_t feedbacks_max = 1'024;  // that wait; more show at once
constexpr std::size_t late_max = 1'024;       // answers of a slow device; more are lost

scada::modbus::UnitPlan meter_plan(Unit unit, const std::string& name) {
    using scada::modbus::Extent;
    return {.unit = unit,
            .extents = {Extent{.area = Area::coil, .count = coils_end, .writable = true},
                        Extent{.area = Area::discrete_input, .count = discrete_inputs_end},
                        Extent{.area = Area::input_register, .count = input_registers_end},
                        Extent{.count = holding_registers_end, .writable = true}},
            .identification = {"Causeway", "CW-METER", "1.0", "", "Simulated meter", "meter", name},
            .server_id = {unit, 0xff, 'C', 'a', 'u', 's', 'e', 'w', 'a', 'y'},
            .files_max = 1};
}

/// What one unit measures and does.
class SimulatedMeter {
public:
    SimulatedMeter(Server& server, Unit unit, Random random)
        : server_(&server), unit_(unit), random_(random) {
        phase_ = random_.unit() * 2 * std::numbers::pi;
        current_ = 8 + 4 * random_.unit();
        put(Area::coil, breaker_coil, 1);
        put(Area::discrete_input, breaker_closed, 1);
        put(Area::holding_register, at_setpoint, 100);
        put(Area::input_register, at_setpoint_shown, 100);
        put_number(Area::holding_register, at_real_setpoint, Type::f32, 20.5);
        put_number(Area::input_register, at_real_setpoint_shown, Type::f32, 20.5);
        put_number(Area::holding_register, at_limit, Type::u32, 5'000);
        server_->set(unit_, Area::holding_register, at_label,
                     *encode(std::string("meter"), Type::text, {}, label_registers));
        server_->set_fifo(unit_, at_fifo, {});
    }

    void step(Instant since_start, Duration step) {
        ++steps_;
        const bool closed = has(Area::discrete_input, breaker_closed);
        const bool fan = has(Area::discrete_input, fan_runs);
        const double turn = phase_ + 2 * std::numbers::pi * steps_ / 300;
        double voltage = 0;
        for (std::uint16_t line = 0; line < 3; ++line) {
            const double volts = 230 + 8 * std::sin(turn + line * 2 * std::numbers::pi / 3);
            if (line == 0) voltage = volts;
            put(Area::input_register, static_cast<std::uint16_t>(at_voltages + line),
                static_cast<std::uint16_t>(std::lround(volts * 10)));
        }
        current_ = std::clamp(current_ + random_.unit() - 0.5, 2.0, 25.0);
        const double amperes = closed ? current_ : 0;
        const double power = voltage * amperes;
        energy_ += power * std::chrono::duration<double, std::ratio<3'600>>(step).count();
        put(Area::input_register, at_current,
            static_cast<std::uint16_t>(std::lround(amperes * 100)));
        put_number(Area::input_register, at_power, Type::i32, power);
        put_number(Area::input_register, at_energy, Type::u32, std::fmod(energy_, 0x1p32 - 1));
        put_number(Area::input_register, at_frequency, Type::f32, 49.98 + 0.04 * random_.unit());
        const unsigned on_ramp = steps_ % steps_of_the_ramp;
        const double rise =
            20.0 * std::min(on_ramp, steps_of_the_ramp - on_ramp) / (steps_of_the_ramp / 2);
        put_number(Area::input_register, at_temperature, Type::f32, 20 + (fan ? rise / 2 : rise));
        put(Area::input_register, at_sequence, static_cast<std::uint16_t>(steps_));
        put_number(
            Area::input_register, at_uptime, Type::u64,
            std::chrono::duration<double, std::milli>(since_start.time_since_epoch()).count());
        if (steps_ % steps_of_the_door == 0)
            put(Area::discrete_input, door_open, !has(Area::discrete_input, door_open));
        judge(power);
    }

    void written() {
        ++commands_;
        put(Area::input_register, at_commands, commands_);
    }

    /// What was written shows.
    void show() {
        put(Area::discrete_input, breaker_closed, has(Area::coil, breaker_coil));
        put(Area::discrete_input, fan_runs, has(Area::coil, fan_coil));
        if (has(Area::coil, reset_coil)) {
            energy_ = 0;
            put(Area::coil, reset_coil, 0);
            put(Area::discrete_input, energy_reset, 1);
        }
        copy(at_setpoint, at_setpoint_shown);
        copy(at_real_setpoint, at_real_setpoint_shown);
        copy(at_real_setpoint + 1, at_real_setpoint_shown + 1);
    }

    [[nodiscard]] Unit unit() const noexcept { return unit_; }

private:
    void put(Area area, std::uint16_t address, std::uint16_t value) {
        server_->set(unit_, area, address, std::span(&value, 1));
    }
    void put_number(Area area, std::uint16_t address, Type type, double value) {
        if (const auto registers = encode(value, type, {}))
            server_->set(unit_, area, address, *registers);
    }
    [[nodiscard]] bool has(Area area, std::uint16_t address) const {
        return server_->at(unit_, area, address).value_or(0) != 0;
    }
    void copy(int from, int to) {
        put(Area::input_register, static_cast<std::uint16_t>(to),
            server_->at(unit_, Area::holding_register, static_cast<std::uint16_t>(from))
                .value_or(0));
    }

    void judge(double power) {
        const std::array<std::uint16_t, 2> limit{
            *server_->at(unit_, Area::holding_register, at_limit),
            *server_->at(unit_, Area::holding_register, at_limit + 1)};
        const bool alarm = power > static_cast<double>(limit[0] << 16u | limit[1]);
        if (alarm != has(Area::discrete_input, alarm_on)) {
            put(Area::discrete_input, alarm_on, alarm);
            alarms_.push_back(static_cast<std::uint16_t>(steps_));
            if (alarms_.size() > 31) alarms_.erase(alarms_.begin());
            server_->set_fifo(unit_, at_fifo, alarms_);
        }
        std::uint8_t status = 0;
        for (std::uint16_t i = 0; i < discrete_inputs_end; ++i)
            if (has(Area::discrete_input, i)) status = static_cast<std::uint8_t>(status | 1u << i);
        server_->set_exception_status(unit_, status);
    }

    Server* server_;
    Unit unit_;
    Random random_;
    double phase_ = 0;
    double current_ = 0;
    double energy_ = 0;  // Wh
    unsigned steps_ = 0;
    std::uint16_t commands_ = 0;
    std::vector<std::uint16_t> alarms_;
};

scada::modbus::ServerSettings device_settings(const ModbusDevicePlan& plan) {
    scada::modbus::ServerSettings settings{.framing = plan.framing, .character_time = {}};
    if (const auto* serial = std::get_if<net::SerialSpec>(&plan.line))
        settings.character_time = serial->format.character_time();
    if (const auto* tcp = std::get_if<net::TcpListenSpec>(&plan.line))
        settings.peers_max = tcp->peers_max;
    if (const auto* udp = std::get_if<net::UdpSpec>(&plan.line))
        settings.peers_max = udp->peers_max;
    return settings;
}

std::vector<scada::modbus::UnitPlan> device_units(const ModbusDevicePlan& plan) {
    std::vector<scada::modbus::UnitPlan> units;
    for (const Unit unit : plan.units) units.push_back(meter_plan(unit, plan.name));
    return units;
}

/// The server, what stands behind it, and what makes it slow or dead: an engine as well.
class MeterEngine {
public:
    struct Switched {
        bool off = false;
    };
    using Input =
        std::variant<scada::LineOpened, scada::LineClosed, scada::OctetsReceived, Switched>;
    using Output = std::variant<scada::Transmit, scada::CloseLine, Server::Written>;

    explicit MeterEngine(const ModbusDevicePlan& plan)
        : step_(plan.step),
          feedback_(plan.feedback),
          answer_delay_(plan.answer_delay),
          server_(device_settings(plan), device_units(plan)) {
        const Random random(plan.seed);
        for (const Unit unit : plan.units) meters_.emplace_back(server_, unit, random.fork(unit));
        if (step_ > Duration{}) move({});
    }

    void handle(Instant now, Input in) {
        std::visit(Overloaded{[&](Switched how) { off_ = how.off; },
                              [&](scada::OctetsReceived& octets) {
                                  if (!off_) server_.handle(now, octets);
                              },
                              [&](auto& what) { server_.handle(now, what); }},
                   in);
        collect(now);
    }
    void handle_timeout(Instant now) {
        server_.handle_timeout(now);
        collect(now);
        if (next_step_ <= now) move(now);
        while (!feedbacks_.empty() && feedbacks_.front().at <= now) {
            meters_[feedbacks_.front().meter].show();
            feedbacks_.pop_front();
        }
        while (!late_.empty() && late_.front().at <= now) {
            outbox_.push(std::move(late_.front().sent));
            late_.pop_front();
        }
    }
    [[nodiscard]] std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const {
        Instant next = std::min(server_.next_deadline(), next_step_);
        if (!feedbacks_.empty()) next = std::min(next, feedbacks_.front().at);
        if (!late_.empty()) next = std::min(next, late_.front().at);
        return next;
    }
    [[nodiscard]] const Server& server() const noexcept { return server_; }

private:
    struct Feedback {
        Instant at{};
        std::size_t meter = 0;
    };
    struct Late {
        Instant at{};
        scada::Transmit sent{};
    };

    void move(Instant now) {
        for (SimulatedMeter& meter : meters_) meter.step(now, step_);
        next_step_ = after(now, step_);
    }

    void collect(Instant now) {
        while (auto out = server_.poll_output())
            std::visit(
                Overloaded{[&](scada::Transmit& sent) {
                               if (off_) return;
                               if (answer_delay_ <= Duration{})
                                   outbox_.push(std::move(sent));
                               else if (late_.size() < late_max)
                                   late_.push_back({after(now, answer_delay_), std::move(sent)});
                           },
                           [&](scada::CloseLine& close) { outbox_.push(close); },
                           [&](Server::Written& written) { changed(now, written); },
                           [](Server::WriteRequested&) {}},  // none is asked
                *out);
    }

    void changed(Instant now, Server::Written& written) {
        const auto meter = std::ranges::find(meters_, written.unit, &SimulatedMeter::unit);
        meter->written();
        if (feedbacks_.size() < feedbacks_max)
            feedbacks_.push_back(
                {after(now, feedback_), static_cast<std::size_t>(meter - meters_.begin())});
        else
            meter->show();
        outbox_.push(std::move(written));
    }

    Duration step_;
    Duration feedback_;
    Duration answer_delay_;
    Server server_;
    std::vector<SimulatedMeter> meters_;
    Instant next_step_ = never;
    std::deque<Feedback> feedbacks_;
    std::deque<Late> late_;
    bool off_ = false;
    Outbox<Output> outbox_;
};

static_assert(Engine<MeterEngine>);

}  // namespace
}  // namespace simulated_meter

struct ModbusDevice::State {
    State(net::Io& io, net::Lines& lines, ModbusDevicePlan with, Log to)
        : plan(std::move(with)),
          log(std::move(to)),
          engine(plan),
          host(
              io, {}, lines, engine,
              [this](simulated_meter::MeterEngine::Output&& out) {
                  if (const auto* written = std::get_if<scada::modbus::Server::Written>(&out))
                      note(*written);
              },
              [this](bool there, const std::string& who) {
                  if (log) log(fmt::format("{} {}", there ? "connected:" : "gone:", who));
              }) {}

    void note(const scada::modbus::Server::Written& written) const {
        if (!log) return;
        log(fmt::format("unit {}: {} {} set to {}", written.unit, name_of(written.area),
                        written.address, fmt::join(written.values, " ")));
    }

    ModbusDevicePlan plan;
    Log log;
    simulated_meter::MeterEngine engine;
    LineHost<simulated_meter::MeterEngine> host;
};

net::Opened<ModbusDevice> ModbusDevice::open(net::Io& io, net::Lines& lines, ModbusDevicePlan plan,
                                             Log log) {
    auto state = std::make_unique<State>(io, lines, std::move(plan), std::move(log));
    if (auto trouble = state->host.open(state->plan.line))
        return std::unexpected(std::move(*trouble));
    return ModbusDevice(std::move(state));
}

ModbusDevice::ModbusDevice(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ModbusDevice::ModbusDevice(ModbusDevice&&) noexcept = default;
ModbusDevice& ModbusDevice::operator=(ModbusDevice&&) noexcept = default;
ModbusDevice::~ModbusDevice() = default;

std::string ModbusDevice::where() const {
    return state_->host.where();
}

void ModbusDevice::switch_off(bool off) {
    state_->host.input(simulated_meter::MeterEngine::Switched{off});
}

const scada::modbus::Server& ModbusDevice::server() const noexcept {
    return state_->engine.server();
}

const scada::modbus::Server::Stats& ModbusDevice::stats() const noexcept {
    return state_->engine.server().stats();
}

}  // namespace causeway::site
