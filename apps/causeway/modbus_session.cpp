#include "modbus_session.hpp"

#include "net/host.hpp"
#include "net/lookup.hpp"
#include "net/signals.hpp"
#include "scada_place.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <optional>

namespace causeway::cli {
namespace {

namespace modbus = scada::modbus;

std::optional<modbus::Framing> modbus_framing_from(std::string_view text) {
    if (text == "rtu") return modbus::Framing::rtu;
    if (text == "ascii") return modbus::Framing::ascii;
    if (text == "tcp") return modbus::Framing::tcp;
    return std::nullopt;
}

}  // namespace

void ModbusOptions::add_to(CLI::App& app, const std::string& takes) {
    app.add_option("PLACE", words, "The server: HOST, HOST:PORT, or a serial port; port 502")
        ->option_text(takes.empty() ? "HOST[:PORT] | DEVICE" : takes);
    app.add_option("--serial", serial, "A serial port instead")->type_name("DEVICE");
    app.add_option("-b,--baud", baud, "How it is set: 9600, 19200-8E1")
        ->type_name("FORMAT")
        ->capture_default_str();
    app.add_option("--framing", framing,
                   "rtu, ascii or tcp; rtu by default on a serial port, else tcp")
        ->type_name("FRAMING");
    app.add_flag("--udp", udp, "UDP instead of TCP");
    app.add_flag("--echo", echo, "The line gives back what is sent on it");
    app.add_option("-a,--unit", unit, "The unit; 0 on a serial line: all, and nobody answers")
        ->capture_default_str()
        ->check(CLI::Range(0, 255));
    app.add_option("-o,--timeout", timeout, "How long an answer may take")
        ->type_name("TIME")
        ->capture_default_str();
    app.add_option("--retries", retries, "How often what is only read is asked for again")
        ->capture_default_str()
        ->check(CLI::Range(0, 100));
    app.add_flag("--json", json, "Print JSON");
}

std::expected<ModbusPlan, std::string> modbus_plan_from(ModbusOptions& options) {
    ModbusPlan plan;
    const auto timeout = duration_from_text(options.timeout);
    if (!timeout || *timeout <= Duration{})
        return std::unexpected(
            fmt::format("--timeout {}: a time is wanted, such as 500ms", options.timeout));
    plan.timeout = *timeout;
    plan.retries = options.retries;
    plan.unit = static_cast<modbus::Unit>(options.unit);
    plan.settings.echo = options.echo;
    plan.settings.silent_timeouts_max = 0;  // of units that are looked for, most are silent
    std::optional<modbus::Framing> framing;
    if (!options.framing.empty()) {
        framing = modbus_framing_from(options.framing);
        if (!framing)
            return std::unexpected(
                fmt::format("--framing {}: allowed: rtu, ascii, tcp", options.framing));
    }
    if (options.serial.empty() && !options.words.empty() &&
        options.words.front().starts_with('/')) {
        options.serial = options.words.front();
        options.words.erase(options.words.begin());
    }
    if (!options.serial.empty()) {
        const auto format = net::serial_format_from(options.baud);
        if (!format)
            return std::unexpected(
                fmt::format("--baud {}: 9600 or 19200-8E1 is wanted", options.baud));
        plan.line = net::SerialSpec{.device = options.serial, .format = *format};
        plan.where = options.serial;
        plan.settings.framing = framing.value_or(modbus::Framing::rtu);
        plan.settings.character_time = format->character_time();
        plan.broadcast = plan.unit == 0 && plan.settings.framing != modbus::Framing::tcp;
        return plan;
    }
    if (options.words.empty())
        return std::unexpected("a place is wanted: HOST, HOST:PORT or a serial port");
    plan.where = options.words.front();
    options.words.erase(options.words.begin());
    const auto place = scada_place_from(plan.where, modbus::default_port);
    if (!place) return std::unexpected(fmt::format("{}: HOST or HOST:PORT is wanted", plan.where));
    plan.host = place->host;
    plan.port = place->port;
    plan.settings.framing = framing.value_or(modbus::Framing::tcp);
    plan.settings.character_time = {};
    plan.broadcast = plan.unit == 0 && plan.settings.framing != modbus::Framing::tcp;
    if (!options.udp) {
        plan.line = net::TcpConnectSpec{.host = place->host, .port = place->port};
        return plan;
    }
    const auto found = net::look_up(place->host, place->port);
    if (!found) return std::unexpected(found.error().line);
    plan.line = net::UdpSpec{
        .local = found->v6 ? "[::]:0" : "0.0.0.0:0", .remote = found->text(), .peers_max = 1};
    return plan;
}

std::optional<modbus::Area> modbus_area_from(std::string_view text) {
    struct Name {
        std::string_view name;
        modbus::Area area;
    };
    static constexpr Name names[] = {{"coil", modbus::Area::coil},
                                     {"coils", modbus::Area::coil},
                                     {"co", modbus::Area::coil},
                                     {"0", modbus::Area::coil},
                                     {"discrete", modbus::Area::discrete_input},
                                     {"discrete_input", modbus::Area::discrete_input},
                                     {"di", modbus::Area::discrete_input},
                                     {"1", modbus::Area::discrete_input},
                                     {"input", modbus::Area::input_register},
                                     {"input_register", modbus::Area::input_register},
                                     {"ir", modbus::Area::input_register},
                                     {"3", modbus::Area::input_register},
                                     {"holding", modbus::Area::holding_register},
                                     {"holding_register", modbus::Area::holding_register},
                                     {"hr", modbus::Area::holding_register},
                                     {"4", modbus::Area::holding_register}};
    for (const Name& known : names)
        if (known.name == text) return known.area;
    return std::nullopt;
}

std::string_view modbus_area_text(modbus::Area area) {
    switch (area) {
        case modbus::Area::coil:
            return "coil";
        case modbus::Area::discrete_input:
            return "discrete input";
        case modbus::Area::input_register:
            return "input register";
        case modbus::Area::holding_register:
            break;
    }
    return "holding register";
}

std::optional<std::int64_t> modbus_integer_from(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, wrong] =
        std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    if (wrong != std::errc{} || end != text.data() + text.size() || value > INT64_MAX)
        return std::nullopt;
    const auto whole = static_cast<std::int64_t>(value);
    return negative ? -whole : whole;
}

struct ModbusSession::State {
    struct Carry {
        State* self;
        void operator()(modbus::Client::Output&& out) const { self->carry(std::move(out)); }
    };

    State(ModbusPlan given, const std::vector<modbus::Unit>& units)
        : plan(std::move(given)),
          lines(io),
          client(plan.settings, devices(plan, units)),
          host(io, client, Carry{this}),
          timer(io),
          signals(io, [this](int) { stopped = true; }) {}

    static std::vector<modbus::DevicePlan> devices(const ModbusPlan& plan,
                                                   const std::vector<modbus::Unit>& units) {
        std::vector<modbus::DevicePlan> all;
        for (const modbus::Unit unit : units)
            all.push_back({.name = std::to_string(unit),
                           .unit = unit,
                           .timeout = plan.timeout,
                           .retries = plan.retries,
                           .failures_max = UINT32_MAX});  // whoever asks decides
        return all;
    }

    void carry(modbus::Client::Output&& out) {
        if (auto* sent = std::get_if<scada::Transmit>(&out)) {
            if (line) lines.send(*line, 0, std::move(sent->octets));
        } else if (std::holds_alternative<scada::CloseLine>(out)) {
            if (line) lines.close(*line, 0);
            open = false;
            host.input(scada::LineClosed{});
        } else if (auto* got = std::get_if<modbus::Client::Answered>(&out)) {
            answer = std::move(*got);
        }
    }

    net::Lines::Events events() {
        return {.opened =
                    [this](net::Lines::Peer, const std::string&) {
                        open = true;
                        host.input(scada::LineOpened{});
                    },
                .received =
                    [this](net::Lines::Peer, Bytes octets) {
                        Octets keep = to_octets(octets);
                        const Bytes kept = keep;
                        host.input(scada::OctetsReceived{.octets = kept}, std::move(keep));
                    },
                .closed =
                    [this](net::Lines::Peer, const net::Trouble* why) {
                        open = false;
                        trouble =
                            why ? why->line : fmt::format("{} closed the connection", plan.where);
                        host.input(scada::LineClosed{});
                    },
                .drained = {},
                .batch = {},
                .failed = [this](const net::Trouble& why) { trouble = why.line; }};
    }

    /// Lets things happen until one of them is what we wait for, or nothing may any more.
    template <class Done>
    bool until(Done&& over, Duration time) {
        late = false;
        timer.expires_after(std::chrono::duration_cast<net::Clock::Steady::duration>(time));
        timer.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) late = true;
        });
        while (!over() && !late && !stopped) io.run_one();
        timer.cancel();
        return over();
    }

    ModbusPlan plan;
    boost::asio::io_context io{1};
    net::Lines lines;
    modbus::Client client;
    net::Host<modbus::Client, Carry> host;
    std::optional<net::Lines::LineId> line;
    boost::asio::steady_timer timer;
    net::Signals signals;
    std::optional<modbus::Client::Answered> answer;
    std::uint64_t tag = 0;
    std::string trouble;
    bool open = false;
    bool late = false;
    bool stopped = false;
};

ModbusSession::ModbusSession(ModbusPlan plan, std::vector<modbus::Unit> units)
    : state_(std::make_unique<State>(std::move(plan), units)) {}
ModbusSession::~ModbusSession() = default;

std::expected<void, std::string> ModbusSession::open() {
    State& s = *state_;
    const auto line = s.lines.open(s.plan.line, s.events());
    if (!line) return std::unexpected(line.error().line);
    s.line = *line;
    const Duration patience = std::max<Duration>(s.plan.timeout, std::chrono::seconds(3));
    if (s.until([&] { return s.open || !s.trouble.empty(); }, patience) && s.open) return {};
    if (s.stopped) return std::unexpected("interrupted");
    return std::unexpected(s.trouble.empty() ? fmt::format("{} does not answer", s.plan.where)
                                             : s.trouble);
}

std::expected<Octets, std::string> ModbusSession::ask(std::size_t device, Octets pdu, bool write) {
    State& s = *state_;
    s.answer.reset();
    s.trouble.clear();
    // A line that was lost comes back by itself.
    s.until([&] { return s.open; }, std::max<Duration>(s.plan.timeout, std::chrono::seconds(1)));
    const std::uint64_t tag = ++s.tag;
    s.host.input(modbus::Client::Request{.tag = tag,
                                         .device = device,
                                         .pdu = std::move(pdu),
                                         .write = write,
                                         .broadcast = s.plan.broadcast});
    s.until([&] { return s.answer && s.answer->tag == tag; }, std::chrono::hours(1));
    if (s.stopped) return std::unexpected("interrupted");
    const modbus::Unit unit = s.client.device(device).unit;
    if (!s.answer) return std::unexpected("no answer");
    switch (s.answer->fate) {
        case modbus::Client::Answered::Fate::answered:
            return std::move(s.answer->pdu);
        case modbus::Client::Answered::Fate::unanswered:
            break;
        case modbus::Client::Answered::Fate::unreachable:
            return std::unexpected(
                s.trouble.empty() ? fmt::format("the request did not leave for {}", s.plan.where)
                                  : s.trouble);
    }
    return std::unexpected(fmt::format("unit {} at {} does not answer", unit, s.plan.where));
}

std::expected<Octets, std::string> ModbusSession::get(std::size_t device, Octets pdu, bool write) {
    auto answer = ask(device, std::move(pdu), write);
    if (!answer) return answer;
    if (const auto exception = modbus::exception_of(*answer))
        return std::unexpected(fmt::format("unit {} at {}: exception {}, {}",
                                           state_->client.device(device).unit, state_->plan.where,
                                           static_cast<unsigned>(*exception), name_of(*exception)));
    return answer;
}

bool ModbusSession::wait(Duration time) {
    state_->until([] { return false; }, time);
    return !state_->stopped;
}

bool ModbusSession::interrupted() const {
    return state_->stopped;
}

const ModbusPlan& ModbusSession::plan() const {
    return state_->plan;
}

}  // namespace causeway::cli
