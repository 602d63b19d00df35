// Modbus devices as points: what polls read is written to the table, commands become writes.
#include "base/engine.hpp"
#include "site/line_host.hpp"
#include "site/scada_parts.hpp"
#include "site/scada_translate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace causeway::site {
namespace {

using scada::modbus::Area;
using scada::modbus::Client;

std::vector<scada::modbus::DevicePlan> device_plans(const ModbusClientSite& site) {
    std::vector<scada::modbus::DevicePlan> plans;
    for (const ModbusClientDevice& device : site.devices) {
        plans.push_back(device.plan);
        for (const ModbusSource& source : device.points)
            plans.back().items.push_back({.area = source.place.area,
                                          .address = source.place.address,
                                          .count = source.place.registers(),
                                          .every = source.every});
    }
    return plans;
}

/// Function 22 sets one bit and leaves its neighbours, whoever else writes them.
Octets write_bit(std::uint16_t address, unsigned bit, bool on) {
    Octets pdu(7);
    ByteWriter out(pdu);
    out.u8(std::to_underlying(scada::modbus::Function::mask_write_register));
    out.be16(address);
    out.be16(static_cast<std::uint16_t>(~(1u << bit)));
    out.be16(static_cast<std::uint16_t>(on ? 1u << bit : 0));
    return pdu;
}

class ModbusDriver final : public ScadaPart {
public:
    ModbusDriver(const ScadaContext& context, const ModbusClientSite& site)
        : context_(context),
          site_(site),
          client_(site.settings, device_plans(site)),
          host_(
              context.io, context.clock, context.lines, client_,
              [this](Client::Output&& out) { std::visit(*this, std::move(out)); },
              [this](bool there, const std::string& who) { line_changed(there, who); }),
          up_(site.devices.size(), false) {
        driver_ = context.hub.add_driver(
            [this](points::CommandId id, const points::Command& command) { execute(id, command); });
        for (std::size_t d = 0; d < site.devices.size(); ++d) {
            auto& points = points_.emplace_back();
            for (std::size_t i = 0; i < site.devices[d].points.size(); ++i) {
                points::Definition definition = site.devices[d].points[i].definition;
                definition.driver = driver_;
                points.push_back(*context.hub.table().define(std::move(definition)));
                places_.emplace(points.back(), Place{d, i});
            }
        }
    }

    std::optional<net::Trouble> open() override {
        return host_.open(context_.site.lines[site_.line].spec);
    }
    std::string where() const override {
        return fmt::format("Modbus client of {} on {}", names(), host_.where());
    }
    std::string_view group() const override { return "modbus_client"; }
    void visit(const Named& named) const override {
        client_.stats().visit(named);
        host_.visit_line(named);
    }
    Devices devices() const override {
        return {.all = up_.size(),
                .up = static_cast<std::size_t>(std::count(up_.begin(), up_.end(), true))};
    }

    // ---- what the engine says -------------------------------------------------------------------

    void operator()(Client::ItemRead&& read) {
        const ModbusSource& source = site_.devices[read.device].points[read.item];
        const points::PointId point = points_[read.device][read.item];
        auto value =
            value_from_modbus(read.registers, source.place, source.scaling, source.definition.kind);
        if (!value) return fail(point, points::Flag::invalid, true);
        context_.hub.update(point, {.value = *std::move(value), .time = context_.hub.arrival()});
    }
    void operator()(Client::ItemFailed&& failed) {
        // Silence is said of the device as a whole, below.
        const bool spoke = failed.exception.has_value();
        fail(points_[failed.device][failed.item],
             spoke ? points::Flag::invalid : points::Flag::not_topical, spoke);
    }
    void operator()(Client::Answered&& answered) {
        if ((answered.tag & read_back) != 0) return read_again(answered);
        const auto id = points::CommandId(answered.tag);
        const auto done = commanded_.extract(id);
        using Fate = Client::Answered::Fate;
        if (answered.fate != Fate::answered)
            return context_.hub.answer(
                id, {.outcome = answered.fate == Fate::unreachable ? points::Outcome::unreachable
                                                                   : points::Outcome::unanswered});
        const auto exception = scada::modbus::exception_of(answered.pdu);
        context_.hub.answer(id, exception
                                    ? points::Answer{.outcome = outcome_from_modbus(*exception),
                                                     .detail = std::to_underlying(*exception)}
                                    : points::Answer{});
        if (!exception && !done.empty()) ask_again(done.mapped());
    }
    void operator()(Client::DeviceState&& state) {
        const std::string& name = site_.devices[state.device].plan.name;
        if (up_[state.device] != state.up || !state.up)
            context_.log(
                fmt::format("Modbus device {} {}", name, state.up ? "answers" : "does not answer"));
        up_[state.device] = state.up;
        // That it answers again makes none of the values new: each is lost until it is read.
        if (!state.up) context_.hub.flag(driver_, name, points::Flag::comm_lost, true);
    }
    void operator()(scada::Transmit&&) {}
    void operator()(scada::CloseLine&&) {}

private:
    struct Place {
        std::size_t device = 0;
        std::size_t item = 0;
    };
    /// In the tag of a request of our own: the point follows.
    static constexpr std::uint64_t read_back = std::uint64_t{1} << 63;

    std::string names() const {
        std::string all;
        for (const ModbusClientDevice& device : site_.devices)
            all += (all.empty() ? "" : ", ") + device.plan.name;
        return all.empty() ? "nobody" : all;
    }
    /// A line that is closed after each answer is not away.
    void line_changed(bool there, const std::string& who) {
        if (there ? there_ : who == LineHost<Client>::by_us && closes()) return;
        there_ = there;
        context_.log(fmt::format("Modbus line {} {}", context_.site.lines[site_.line].name,
                                 there ? "is open" : "is away: " + who));
        // Also those who never answered.
        for (const ModbusClientDevice& device : site_.devices)
            if (!there) context_.hub.flag(driver_, device.plan.name, points::Flag::comm_lost, true);
    }
    bool closes() const {
        return std::ranges::any_of(site_.devices,
                                   [](const auto& device) { return device.plan.close_after_poll; });
    }
    /// `spoke`: it said that there is no value, so neither the device nor the answer is missing.
    void fail(points::PointId point, points::Flag flag, bool spoke) {
        points::Sample sample = context_.hub.table().last(point);
        sample.quality.set(flag);
        if (spoke) sample.quality.set(points::Flag::comm_lost, false);
        if (spoke) sample.quality.set(points::Flag::not_topical, false);
        sample.time = context_.hub.arrival();
        context_.hub.update(point, std::move(sample));
    }

    void execute(points::CommandId id, const points::Command& command) {
        const auto found = places_.find(command.point);
        CAUSEWAY_ASSERT(found != places_.end());
        const auto [device, item] = found->second;
        const ModbusSource& source = site_.devices[device].points[item];
        // A coil has no pulses; "trip" and "close" are what it does.
        using points::Pulse;
        if (command.pulse && command.pulse->form == Pulse::Form::pulse &&
            command.pulse->way == Pulse::Way::unsaid)
            return context_.hub.answer(id, {.outcome = points::Outcome::not_supported});
        Octets pdu = write_of(source, command.value, site_.devices[device].plan.write_single);
        if (pdu.empty()) return context_.hub.answer(id, {.outcome = points::Outcome::out_of_range});
        commanded_.emplace(id, command.point);
        host_.input(Client::Request{.tag = static_cast<std::uint64_t>(id),
                                    .device = device,
                                    .pdu = std::move(pdu),
                                    .write = true,
                                    .broadcast = false,
                                    .until = context_.hub.given_up(command)});
    }

    /// What a command did is read at once: its point may have a long pace.
    void ask_again(points::PointId point) {
        const auto [device, item] = places_.at(point);
        const ModbusPlace& place = site_.devices[device].points[item].place;
        if (place.registers() > site_.devices[device].plan.registers_max) return;
        host_.input(Client::Request{
            .tag = read_back | std::to_underlying(point),
            .device = device,
            .pdu = scada::modbus::read_request(place.area, place.address, place.registers()),
            .write = false,
            .broadcast = false});
    }
    void read_again(const Client::Answered& answered) {
        using Fate = Client::Answered::Fate;
        // The next poll will say.
        if (answered.fate != Fate::answered || scada::modbus::exception_of(answered.pdu)) return;
        const auto point = points::PointId(static_cast<std::uint32_t>(answered.tag & ~read_back));
        const auto [device, item] = places_.at(point);
        const ModbusPlace& place = site_.devices[device].points[item].place;
        ByteReader in(answered.pdu);
        (void)in.take(2);
        Client::ItemRead read{.device = device, .item = item};
        if (place.is_bit_area()) read.registers = {static_cast<std::uint16_t>(in.u8() & 1)};
        while (!place.is_bit_area() && in.remaining() >= 2) read.registers.push_back(in.be16());
        (*this)(std::move(read));
    }

    /// Empty where the value cannot be said there.
    static Octets write_of(const ModbusSource& source, const points::Value& value, bool single) {
        using namespace scada::modbus;
        const std::uint16_t address = source.place.address;
        if (source.place.bit || source.place.area == Area::coil) {
            const auto state = points::as_real(value);
            if (!state) return {};
            if (source.place.bit) return write_bit(address, *source.place.bit, *state != 0);
            const std::array<bool, 1> one{*state != 0};
            return single ? write_coil_request(address, one[0]) : write_coils_request(address, one);
        }
        const auto image = value_to_modbus(value, source.place, source.scaling);
        if (!image || image->clamped) return {};
        if (image->registers.size() == 1 && single)
            return write_register_request(address, image->registers[0]);
        return write_registers_request(address, image->registers);
    }

    const ScadaContext& context_;
    const ModbusClientSite& site_;
    Client client_;
    LineHost<Client> host_;
    std::vector<bool> up_;
    bool there_ = false;
    points::DriverId driver_{};
    std::map<points::CommandId, points::PointId> commanded_;  // writes under way
    std::vector<std::vector<points::PointId>> points_;        // by device and item
    std::map<points::PointId, Place> places_;
};

}  // namespace

std::unique_ptr<ScadaPart> make_modbus_driver(const ScadaContext& context,
                                              const ModbusClientSite& site) {
    return std::make_unique<ModbusDriver>(context, site);
}

}  // namespace causeway::site
