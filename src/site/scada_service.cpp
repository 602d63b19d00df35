#include "site/scada_service.hpp"

#include "site/scada_parts.hpp"

#include <boost/asio/steady_timer.hpp>

#include <filesystem>
#include <map>

namespace causeway::site {
namespace {

using namespace std::chrono_literals;

/// How often engines are told what the wall clock says: it may be set while we run.
constexpr auto time_every = 1min;

}  // namespace

struct ScadaService::State {
    State(net::Io& service_io, std::shared_ptr<const Scada> scada, Options service_options)
        : io(service_io),
          site(std::move(scada)),
          options(std::move(service_options)),
          lines(io),
          hub(io, clock),
          context{.io = io,
                  .clock = clock,
                  .lines = lines,
                  .hub = hub,
                  .site = *site,
                  .log = options.log},
          time_tick(io) {}

    std::optional<net::Trouble> open() {
        if (auto trouble = make_folders()) return trouble;
        // Ports of simulated devices have to be there before anybody opens them.
        if (auto trouble = open_devices()) return trouble;
        make_parts();
        for (const auto& part : parts)
            if (auto trouble = part->open()) return trouble;
        for (const TunnelSite& tunnel : site->tunnels) {
            TunnelPlan plan = tunnel.plan;
            plan.port = site->lines[tunnel.port].spec;
            plan.network = site->lines[tunnel.network].spec;
            auto opened = TunnelService::open(io, lines, std::move(plan), options.log);
            if (!opened) return std::move(opened.error());
            tunnels.push_back(*std::move(opened));
        }
        if (mqtt) mqtt->start();
        if (coap) coap->start();
        tell_time();
        return std::nullopt;
    }

    /// That the names of our own ports stand in: the state folder, as a rule.
    std::optional<net::Trouble> make_folders() const {
        for (const ScadaLine& line : site->lines) {
            const auto* serial = std::get_if<net::SerialSpec>(&line.spec);
            if (serial == nullptr || !serial->make_pty) continue;
            const auto folder = std::filesystem::path(serial->device).parent_path();
            std::error_code error;
            if (!folder.empty()) std::filesystem::create_directories(folder, error);
            if (error) return net::trouble("cannot make " + folder.string(), error.value());
        }
        return std::nullopt;
    }

    std::optional<net::Trouble> open_devices() {
        for (const SimulatedDeviceSite& device : site->devices) {
            const net::LineSpec& line = site->lines[device.line].spec;
            std::optional<net::Trouble> trouble;
            if (const auto* modbus = std::get_if<ModbusDevicePlan>(&device.plan)) {
                ModbusDevicePlan plan = *modbus;
                plan.line = line;
                trouble = keep(ModbusDevice::open(io, lines, std::move(plan), options.log),
                               modbus_devices);
            } else {
                Dnp3DevicePlan plan = std::get<Dnp3DevicePlan>(device.plan);
                plan.line = line;
                trouble =
                    keep(Dnp3Device::open(io, lines, std::move(plan), options.log), dnp3_devices);
            }
            if (trouble) return trouble;
        }
        return std::nullopt;
    }
    template <class Device>
    static std::optional<net::Trouble> keep(net::Opened<Device> opened,
                                            std::vector<Device>& devices) {
        if (!opened) return std::move(opened.error());
        devices.push_back(*std::move(opened));
        return std::nullopt;
    }

    /// Who has points comes before who shows them.
    void make_parts() {
        for (const auto& client : site->modbus_clients)
            parts.push_back(make_modbus_driver(context, client));
        for (const auto& master : site->dnp3_masters)
            parts.push_back(make_dnp3_driver(context, master));
        if (site->mqtt && options.mqtt != nullptr)
            mqtt.emplace(io, *site->mqtt, hub, *options.mqtt, options.log);
        if (site->coap && options.coap != nullptr)
            coap.emplace(io, *site->coap, hub, *options.coap, options.log);
        for (const auto& server : site->modbus_servers)
            parts.push_back(make_modbus_face(context, server));
        for (const auto& outstation : site->dnp3_outstations)
            parts.push_back(make_dnp3_face(context, outstation));
    }

    void tell_time() {
        for (const auto& part : parts) part->tell_time(hub.wall_ms());
        time_tick.expires_after(time_every);
        time_tick.async_wait([this, living = std::weak_ptr<const char>(alive)](
                                 const boost::system::error_code& gone) {
            if (!gone && !living.expired()) tell_time();
        });
    }

    net::Io& io;
    std::shared_ptr<const Scada> site;
    Options options;
    net::Clock clock;
    net::Lines lines;
    PointHub hub;
    ScadaContext context;
    std::vector<ModbusDevice> modbus_devices;
    std::vector<Dnp3Device> dnp3_devices;
    std::vector<std::unique_ptr<ScadaPart>> parts;
    std::vector<TunnelService> tunnels;
    std::optional<PointsMqtt> mqtt;
    std::optional<PointsCoap> coap;
    boost::asio::steady_timer time_tick;
    std::shared_ptr<const char> alive = std::make_shared<const char>();
};

net::Opened<ScadaService> ScadaService::open(net::Io& io, const Site& site, Options options) {
    if (!options.log) options.log = [](std::string_view) {};
    auto state = std::make_unique<State>(io, site.scada, std::move(options));
    if (auto trouble = state->open()) return std::unexpected(*std::move(trouble));
    return ScadaService(std::move(state));
}

ScadaService::ScadaService(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ScadaService::ScadaService(ScadaService&&) noexcept = default;
ScadaService& ScadaService::operator=(ScadaService&&) noexcept = default;
ScadaService::~ScadaService() = default;

std::vector<std::string> ScadaService::listening() const {
    std::vector<std::string> all;
    for (const ModbusDevice& device : state_->modbus_devices)
        all.push_back("simulated Modbus device on " + device.where());
    for (const Dnp3Device& device : state_->dnp3_devices)
        all.push_back("simulated DNP3 device on " + device.where());
    for (const auto& part : state_->parts) all.push_back(part->where());
    for (const TunnelService& tunnel : state_->tunnels) all.push_back(tunnel.where());
    return all;
}

const points::Table& ScadaService::points() const noexcept {
    return state_->hub.table();
}

ScadaService::Devices ScadaService::devices() const {
    Devices sum;
    for (const auto& part : state_->parts) {
        const ScadaPart::Devices some = part->devices();
        sum.all += some.all;
        sum.up += some.up;
    }
    return sum;
}

void ScadaService::visit(
    const std::function<void(std::string_view, std::string_view, std::uint64_t)>& named) const {
    std::map<std::pair<std::string, std::string>, std::uint64_t, std::less<>> sums;
    const auto into = [&](std::string_view group) {
        return [&sums, group](std::string_view name, std::uint64_t value) {
            sums[{std::string(group), std::string(name)}] += value;
        };
    };
    points().stats().visit(into("points"));
    for (const auto& part : state_->parts) part->visit(into(part->group()));
    for (const TunnelService& tunnel : state_->tunnels) tunnel.visit(into("tunnel"));
    if (state_->mqtt) state_->mqtt->stats().visit(into("points_mqtt"));
    if (state_->coap) state_->coap->stats().visit(into("points_coap"));
    for (const auto& [who, value] : sums) named(who.first, who.second, value);
}

}  // namespace causeway::site
