// Points as Modbus registers: changes are written into the server's image, writes become commands.
#include "base/engine.hpp"
#include "site/line_host.hpp"
#include "site/scada_parts.hpp"
#include "site/scada_translate.hpp"

#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace causeway::site {
namespace {

using scada::modbus::Area;
using scada::modbus::Exception;
using scada::modbus::Server;
using scada::modbus::Unit;

/// What was written stands so long; then what the device says it is, though that never changed: a
/// coil that falls back by itself, a value that the device took for another.
constexpr auto believed_for = std::chrono::seconds(5);

std::vector<scada::modbus::UnitPlan> unit_plans(const ModbusServerSite& site) {
    std::vector<scada::modbus::UnitPlan> plans = site.units;
    for (const ModbusWindow& window : site.windows) {
        auto plan = std::ranges::find(plans, window.unit, &scada::modbus::UnitPlan::unit);
        CAUSEWAY_ASSERT(plan != plans.end());
        plan->extents.push_back({.area = window.place.area,
                                 .address = window.place.address,
                                 .count = window.place.registers(),
                                 .writable = window.writable,
                                 .asked = window.writable});
        if (window.quality_address)
            plan->extents.push_back(
                {.area = Area::input_register, .address = *window.quality_address, .count = 1});
        if (window.time_address)
            plan->extents.push_back(
                {.area = Area::input_register, .address = *window.time_address, .count = 4});
    }
    return plans;
}

class ModbusFace final : public ScadaPart {
public:
    ModbusFace(const ScadaContext& context, const ModbusServerSite& site)
        : context_(context),
          site_(site),
          server_(site.settings, unit_plans(site)),
          host_(context.io, context.clock, context.lines, server_,
                [this](Server::Output&& out) { std::visit(*this, std::move(out)); }),
          timer_(context.io) {
        PointHub& hub = context.hub;
        subscriber_ = hub.add_subscriber({}, [this] { take_changes(); });
        requester_ = hub.add_requester(
            [this](const points::Table::Completed& completed) { completed_one(completed); });
        for (std::size_t i = 0; i < site.windows.size(); ++i) {
            const ModbusWindow& window = site.windows[i];
            const points::PointId point = *hub.table().find(window.point);
            points_.push_back(point);
            windows_.emplace(point, i);
            hub.table().watch(subscriber_, point);
            show(window, hub.table().last(point));
        }
    }

    std::optional<net::Trouble> open() override {
        return host_.open(context_.site.lines[site_.line].spec);
    }
    std::string where() const override { return fmt::format("Modbus server on {}", host_.where()); }
    std::string_view group() const override { return "modbus_server"; }
    void visit(const Named& named) const override {
        server_.stats().visit(named);
        host_.visit_line(named);
    }

    // ---- what the engine says -------------------------------------------------------------------

    void operator()(Server::WriteRequested&& request) {
        Write write;
        const auto commands = commands_of(request);
        if (!commands)
            return host_.input(
                Server::WriteAnswered{.id = request.id, .exception = commands.error()});
        // The number of this write comes back with each outcome.
        const std::uint64_t tag = ++last_write_;
        write.id = request.id;
        write.waiting = commands->size();
        writes_.emplace(tag, write);
        for (points::Command command : *commands) {
            command.requester = requester_;
            command.session = static_cast<std::uint64_t>(request.peer);
            command.tag = tag;
            command.timeout = site_.settings.write_within;
            context_.hub.command(std::move(command));
        }
    }
    void operator()(Server::Written&&) {}
    void operator()(scada::Transmit&&) {}
    void operator()(scada::CloseLine&&) {}

private:
    struct Write {
        Server::WriteId id{};
        std::size_t waiting = 0;  // commands without an outcome
        std::optional<Exception> exception{};
    };

    void take_changes() {
        while (const auto change = context_.hub.table().take(subscriber_)) {
            const auto [from, to] = windows_.equal_range(change->point);
            for (auto at = from; at != to; ++at) show(site_.windows[at->second], change->sample);
        }
    }

    void show(const ModbusWindow& window, const points::Sample& sample) {
        points::Quality quality = sample.quality;
        const auto image = value_to_modbus(sample.value, window.place, window.scaling);
        if (image)
            server_.set(window.unit, window.place.area, window.place.address, image->registers);
        if (!image)
            quality.set(points::Flag::invalid);
        else if (image->clamped)
            quality.set(points::Flag::over_range);
        if (window.quality_address)
            server_.set(window.unit, Area::input_register, *window.quality_address,
                        std::array{quality.bits()});
        if (window.time_address) {
            const auto ms = static_cast<std::uint64_t>(sample.time.ms);
            const auto part = [&](unsigned shift) {
                return static_cast<std::uint16_t>(ms >> shift & 0xffff);
            };
            server_.set(window.unit, Area::input_register, *window.time_address,
                        std::array{part(48), part(32), part(16), part(0)});
        }
        if (window.bad == ModbusWindow::Bad::exception)
            server_.fail(
                window.unit, window.place.area, window.place.address, window.place.registers(),
                quality.good() ? std::nullopt : std::optional(Exception::gateway_target_failed));
    }

    /// A write of many registers is a command for each point in it; half a point is none.
    std::expected<std::vector<points::Command>, Exception> commands_of(
        const Server::WriteRequested& request) const {
        std::vector<points::Command> commands;
        const std::uint32_t first = request.address;
        const std::uint32_t end = first + static_cast<std::uint32_t>(request.values.size());
        for (std::size_t i = 0; i < site_.windows.size(); ++i) {
            const ModbusWindow& window = site_.windows[i];
            const std::uint32_t from = window.place.address;
            const std::uint32_t to = from + window.place.registers();
            if (window.unit != request.unit || window.place.area != request.area || to <= first ||
                from >= end)
                continue;
            if (from < first || to > end) return std::unexpected(Exception::illegal_data_address);
            const auto values =
                std::span(request.values).subspan(from - first, window.place.registers());
            const points::Definition& definition = context_.hub.table().definition(points_[i]);
            auto value = value_from_modbus(values, window.place, window.scaling, definition.kind);
            if (!value) return std::unexpected(Exception::illegal_data_value);
            commands.push_back({.point = points_[i], .value = *std::move(value)});
        }
        if (commands.empty()) return std::unexpected(Exception::illegal_data_address);
        return commands;
    }

    void completed_one(const points::Table::Completed& completed) {
        const auto found = writes_.find(completed.command.tag);
        if (found == writes_.end()) return;
        Write& write = found->second;
        const auto exception = outcome_to_modbus(completed.answer.outcome);
        if (exception && !write.exception) write.exception = exception;
        believed_.insert_or_assign(completed.command.point,
                                   after(context_.hub.now(), believed_for));
        if (believed_.size() == 1) doubt_later();
        if (--write.waiting > 0) return;
        const Write over = write;
        writes_.erase(found);
        host_.input(Server::WriteAnswered{.id = over.id, .exception = over.exception});
    }

    void show_last(points::PointId point) {
        const auto [from, to] = windows_.equal_range(point);
        for (auto at = from; at != to; ++at)
            show(site_.windows[at->second], context_.hub.table().last(point));
    }
    void doubt_later() {
        timer_.expires_after(believed_for);
        timer_.async_wait([this, living = std::weak_ptr<const char>(alive_)](
                              const boost::system::error_code& gone) {
            if (gone || living.expired()) return;
            const Instant now = context_.hub.now();
            std::erase_if(believed_, [&](const auto& point) {
                if (point.second > now) return false;
                show_last(point.first);
                return true;
            });
            if (!believed_.empty()) doubt_later();
        });
    }

    const ScadaContext& context_;
    const ModbusServerSite& site_;
    Server server_;
    LineHost<Server> host_;
    points::SubscriberId subscriber_{};
    points::RequesterId requester_{};
    std::vector<points::PointId> points_;  // of the windows
    std::multimap<points::PointId, std::size_t> windows_;
    std::map<std::uint64_t, Write> writes_;  // as many as the engine's writes_max
    std::uint64_t last_write_ = 0;
    std::map<points::PointId, Instant> believed_;  // what was written, until then
    boost::asio::steady_timer timer_;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace

std::unique_ptr<ScadaPart> make_modbus_face(const ScadaContext& context,
                                            const ModbusServerSite& site) {
    return std::make_unique<ModbusFace>(context, site);
}

}  // namespace causeway::site
