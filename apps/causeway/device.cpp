// causeway device modbus, dnp3: simulated field devices on a pty, a serial port, TCP or UDP.
#include "device.hpp"
#include "net/endpoint.hpp"
#include "net/signals.hpp"
#include "site/dnp3_device.hpp"
#include "site/modbus_device.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <expected>
#include <memory>

namespace causeway::cli {
namespace device_tool {
namespace {

using scada::modbus::Framing;

/// Where a device is, and how long.
struct DeviceOptions {
    std::string pty;
    std::string serial;
    std::string baud;
    std::string listen;
    std::string udp;
    std::string name;
    std::string time;
    std::uint32_t peers = 64;
    bool quiet = false;
    bool json = false;

    void add_to(CLI::App& app, const char* listen_example) {
        app.add_option("--pty", pty, "A pseudo-terminal whose other end has this name")
            ->type_name("LINK");
        app.add_option("--serial", serial, "A serial port")->type_name("DEVICE");
        app.add_option("-b,--baud", baud, "How the port is set: 9600, 19200-8E1")
            ->type_name("FORMAT")
            ->capture_default_str();
        app.add_option("--listen", listen, fmt::format("TCP, as in {}", listen_example))
            ->type_name("ADDRESS:PORT");
        app.add_option("--udp", udp, "UDP")->type_name("ADDRESS:PORT");
        app.add_option("--peers", peers, "Connections, or senders of datagrams, at once")
            ->capture_default_str()
            ->check(CLI::Range(1, 50'000));
        app.add_option("--name", name, "What it calls itself")->type_name("NAME");
        app.add_option("--for", time, "End after this time: 30s, 5m, 1h")->type_name("TIME");
        app.add_flag("-q,--quiet", quiet, "Do not say what happens");
        app.add_flag("--json", json, "Print what was counted as JSON, at the end");
    }
};

struct DevicePlace {
    net::LineSpec line{};
    std::optional<Duration> time{};
    bool serial = false;
};

std::expected<DevicePlace, std::string> device_place_from(const DeviceOptions& options) {
    DevicePlace place;
    int places = 0;
    const auto format = net::serial_format_from(options.baud);
    if (!format)
        return std::unexpected(fmt::format("--baud {}: 9600 or 19200-8E1 is wanted", options.baud));
    for (const std::string* device : {&options.pty, &options.serial}) {
        if (device->empty()) continue;
        ++places;
        place.serial = true;
        place.line = net::SerialSpec{
            .device = *device, .make_pty = device == &options.pty, .format = *format};
    }
    if (!options.listen.empty()) {
        ++places;
        place.line = net::TcpListenSpec{.address = options.listen, .peers_max = options.peers};
    }
    if (!options.udp.empty()) {
        ++places;
        place.line = net::UdpSpec{.local = options.udp, .peers_max = options.peers};
    }
    for (const std::string* address : {&options.listen, &options.udp})
        if (const auto local = net::Endpoint::parse(*address); !address->empty() && !local)
            return std::unexpected(local.error());
    if (places != 1) return std::unexpected("one of --pty, --serial, --listen and --udp is wanted");
    if (!options.time.empty()) {
        place.time = duration_from_text(options.time);
        if (!place.time || *place.time <= Duration{})
            return std::unexpected(fmt::format("--for {}: not a duration", options.time));
    }
    return place;
}

/// Until a signal, or the time is over.
void run_for(boost::asio::io_context& io, const std::optional<Duration>& time) {
    const net::Signals signals(io, [&io](int) { io.stop(); });
    boost::asio::steady_timer end(io);
    if (time) {
        end.expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(*time));
        end.async_wait([&io](const boost::system::error_code& gone) {
            if (!gone) io.stop();
        });
    }
    io.run();
}

std::function<void(std::string_view)> device_log(bool quiet) {
    if (quiet) return {};
    return [](std::string_view line) {
        fmt::print("{}\n", line);
        std::fflush(stdout);
    };
}

template <class Stats>
void print_counts(const Stats& stats, bool json) {
    boost::json::object all;
    stats.visit([&](std::string_view name, std::uint64_t count) { all[name] = count; });
    if (json) fmt::print("{}\n", boost::json::serialize(all));
}

// ---- Modbus

struct ModbusDeviceOptions : DeviceOptions {
    ModbusDeviceOptions() { baud = "19200-8E1"; }

    std::vector<unsigned> units{1};
    std::string framing;
    std::uint64_t seed = 1;
    std::string delay;
};

int run_modbus_device(const ModbusDeviceOptions& options) {
    auto place = device_place_from(options);
    if (!place) return say_why(bad_usage, place.error());
    site::ModbusDevicePlan plan;
    plan.line = place->line;
    plan.seed = options.seed;
    if (!options.name.empty()) plan.name = options.name;
    plan.framing = place->serial ? Framing::rtu : Framing::tcp;
    if (options.framing == "rtu")
        plan.framing = Framing::rtu;
    else if (options.framing == "ascii")
        plan.framing = Framing::ascii;
    else if (options.framing == "tcp")
        plan.framing = Framing::tcp;
    else if (!options.framing.empty())
        return say_why(bad_usage,
                       fmt::format("--framing {}: allowed: rtu, ascii, tcp", options.framing));
    plan.units.clear();
    for (const unsigned unit : options.units)
        if (std::ranges::find(plan.units, unit) == plan.units.end())
            plan.units.push_back(static_cast<scada::modbus::Unit>(unit));
    if (!options.delay.empty()) {
        const auto delay = duration_from_text(options.delay);
        if (!delay) return say_why(bad_usage, fmt::format("--delay {}: not a time", options.delay));
        plan.answer_delay = *delay;
    }
    boost::asio::io_context io{1};
    net::Lines lines(io);
    auto device = site::ModbusDevice::open(io, lines, std::move(plan), device_log(options.quiet));
    if (!device) return say_why(failed, device.error().line);
    fmt::print("Modbus device on {}\n", device->where());
    std::fflush(stdout);
    run_for(io, place->time);
    print_counts(device->stats(), options.json);
    return done;
}

void add_modbus_device(CLI::App& device, Work& work) {
    CLI::App* const app = device.add_subcommand("modbus", "An energy meter with a breaker");
    app->footer(R"(What is where (addresses from 0):
  input registers    0, 1, 2 voltages, 0.1 V; 3 current, 0.01 A; 4 power, W, i32;
                     6 energy, Wh, u32; 8 frequency, f32; 10 temperature, f32;
                     12 sequence; 13 setpoint; 14 setpoint, f32; 16 uptime, ms, u64; 20 commands
  holding registers  0 setpoint; 1 mode; 2 setpoint, f32; 4 power limit, u32; 8 label, text of 8
  coils              0 breaker; 1 fan; 2 reset energy
  discrete inputs    0 breaker; 1 fan; 2 door; 3 alarm; 4 energy was reset
Examples:
  causeway device modbus --listen 127.0.0.1:1502
  causeway device modbus --pty /tmp/rtu1 --baud 19200-8E1 --unit 1 --unit 2 --for 10m)");
    auto options = std::make_shared<ModbusDeviceOptions>();
    options->add_to(*app, "127.0.0.1:1502");
    app->add_option("-a,--unit", options->units, "Its unit; may repeat")
        ->capture_default_str()
        ->check(CLI::Range(0, 255))
        ->allow_extra_args(false);
    app->add_option("--framing", options->framing,
                    "rtu, ascii or tcp; rtu by default on a pty or serial port, else tcp")
        ->type_name("FRAMING");
    app->add_option("--seed", options->seed, "How its values move")->capture_default_str();
    app->add_option("--delay", options->delay, "Before each answer: a slow device")
        ->type_name("TIME");
    app->callback([options, &work] { work = [options] { return run_modbus_device(*options); }; });
}

// ---- DNP3

struct Dnp3DeviceOptions : DeviceOptions {
    Dnp3DeviceOptions() { baud = "9600-8N1"; }

    std::vector<unsigned> addresses{1024};
    unsigned master = 1;
    std::string move_every = "1s";
    std::size_t events = 1'000;
    bool no_unsolicited = false;
};

int run_dnp3_device(const Dnp3DeviceOptions& options) {
    auto place = device_place_from(options);
    if (!place) return say_why(bad_usage, place.error());
    const auto move_every = duration_from_text(options.move_every);
    if (!move_every)
        return say_why(bad_usage, fmt::format("--move {}: not a duration", options.move_every));
    site::Dnp3DevicePlan plan;
    plan.line = place->line;
    if (!options.name.empty()) plan.name = options.name;
    plan.addresses.clear();
    for (const unsigned address : options.addresses)
        if (std::ranges::find(plan.addresses, address) == plan.addresses.end())
            plan.addresses.push_back(static_cast<scada::dnp3::Address>(address));
    plan.master = static_cast<scada::dnp3::Address>(options.master);
    plan.move_every = *move_every;
    plan.events_max = options.events;
    plan.unsolicited = !options.no_unsolicited;
    boost::asio::io_context io{1};
    net::Lines lines(io);
    auto device = site::Dnp3Device::open(io, lines, std::move(plan), device_log(options.quiet));
    if (!device) return say_why(failed, device.error().line);
    fmt::print("DNP3 device on {}\n", device->where());
    std::fflush(stdout);
    run_for(io, place->time);
    print_counts(device->station().session(0).stats(), options.json);
    return done;
}

void add_dnp3_device(CLI::App& device, Work& work) {
    CLI::App* const app = device.add_subcommand("dnp3", "An outstation with points of every type");
    app->footer(R"(Examples:
  causeway device dnp3 --listen 127.0.0.1:20000 --address 10
  causeway device dnp3 --pty /tmp/rtu1 --address 3 --address 4)");
    auto options = std::make_shared<Dnp3DeviceOptions>();
    options->add_to(*app, "127.0.0.1:20000");
    app->add_option("-o,--address", options->addresses, "Its DNP3 address; may repeat")
        ->capture_default_str()
        ->check(CLI::Range(0, 0xffef))
        ->allow_extra_args(false);
    app->add_option("-m,--master", options->master, "Where unsolicited responses go")
        ->capture_default_str()
        ->check(CLI::Range(0, 0xffef));
    app->add_option("--move", options->move_every, "How often values move; 0: never")
        ->type_name("TIME")
        ->capture_default_str();
    app->add_option("--events", options->events, "Events of a class that it keeps")
        ->capture_default_str();
    app->add_flag("--no-unsolicited", options->no_unsolicited, "It speaks only when asked");
    app->callback([options, &work] { work = [options] { return run_dnp3_device(*options); }; });
}

}  // namespace
}  // namespace device_tool

void add_device(CLI::App& app, Work& work) {
    CLI::App* const device = app.add_subcommand("device", "Simulate a field device");
    device->require_subcommand(1);
    device->footer(R"(Examples:
  causeway device modbus --pty /tmp/rtu1
  causeway device dnp3 --listen 127.0.0.1:20000)");
    device_tool::add_modbus_device(*device, work);
    device_tool::add_dnp3_device(*device, work);
}

}  // namespace causeway::cli
