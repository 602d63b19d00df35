#include "dnp3_session.hpp"

#include "net/host.hpp"
#include "net/lookup.hpp"
#include "net/signals.hpp"
#include "scada_place.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <optional>

namespace causeway::cli {
namespace {

namespace dnp3 = scada::dnp3;
using dnp3::MasterStation;

}  // namespace

void Dnp3Options::add_to(CLI::App& app, const std::string& takes) {
    app.add_option("PLACE", words, "The outstation: HOST, HOST:PORT, or a serial port; port 20000")
        ->option_text(takes.empty() ? "HOST[:PORT] | DEVICE" : takes);
    app.add_option("--serial", serial, "A serial port instead")->type_name("DEVICE");
    app.add_option("-b,--baud", baud, "How it is set: 9600, 19200-8E1")
        ->type_name("FORMAT")
        ->capture_default_str();
    app.add_flag("--udp", udp, "UDP instead of TCP");
    app.add_option("-o,--outstation", outstation, "The outstation's DNP3 address")
        ->capture_default_str()
        ->check(CLI::Range(0, 0xffef));
    app.add_option("-m,--master", master, "Our own DNP3 address")
        ->capture_default_str()
        ->check(CLI::Range(0, 0xffef));
    app.add_option("-w,--timeout", timeout, "How long an answer may take")
        ->type_name("TIME")
        ->capture_default_str();
    app.add_flag("--json", json, "Print JSON");
}

std::expected<Dnp3Plan, std::string> dnp3_plan_from(Dnp3Options& options, bool more) {
    if (options.serial.empty() && !options.words.empty() &&
        options.words.front().starts_with('/')) {
        options.serial = options.words.front();
        options.words.erase(options.words.begin());
    }
    const std::size_t words = options.serial.empty() ? 1 : 0;
    if (!more && options.words.size() > words)
        return std::unexpected(fmt::format("{}: not understood", options.words[words]));
    Dnp3Plan plan;
    const auto timeout = duration_from_text(options.timeout);
    if (!timeout || *timeout <= Duration{})
        return std::unexpected(
            fmt::format("--timeout {}: a time is wanted, such as 5s", options.timeout));
    plan.channel.master = true;
    plan.master.address = options.master;
    plan.master.outstation = options.outstation;
    plan.master.response_within = *timeout;
    plan.master.disable_unsolicited_at_start = false;
    plan.master.startup_integrity = {};
    plan.master.heed_indications = false;
    if (!options.serial.empty()) {
        const auto format = net::serial_format_from(options.baud);
        if (!format)
            return std::unexpected(
                fmt::format("--baud {}: 9600 or 19200-8E1 is wanted", options.baud));
        plan.line = net::SerialSpec{.device = options.serial, .format = *format};
        plan.where = options.serial;
        plan.master.time_sync = dnp3::TimeSync::serial;
        plan.channel.keep_alive = {};
        return plan;
    }
    if (options.words.empty())
        return std::unexpected("a place is wanted: HOST, HOST:PORT or a serial port");
    plan.where = options.words.front();
    options.words.erase(options.words.begin());
    const auto place = scada_place_from(plan.where, dnp3::default_port);
    if (!place) return std::unexpected(fmt::format("{}: HOST or HOST:PORT is wanted", plan.where));
    plan.master.time_sync = dnp3::TimeSync::lan;
    if (!options.udp) {
        plan.line = net::TcpConnectSpec{.host = place->host, .port = place->port};
        return plan;
    }
    const auto found = net::look_up(place->host, place->port);
    if (!found) return std::unexpected(found.error().line);
    plan.line = net::UdpSpec{
        .local = found->v6 ? "[::]:0" : "0.0.0.0:0", .remote = found->text(), .peers_max = 1};
    plan.channel.datagrams = true;
    plan.channel.keep_alive = {};
    return plan;
}

struct Dnp3Session::State {
    struct Carry {
        State* self;
        void operator()(MasterStation::Output&& out) const { self->carry(std::move(out)); }
    };

    State(Dnp3Plan given, Hooks given_hooks, bool given_stays)
        : plan(std::move(given)),
          hooks(std::move(given_hooks)),
          stays(given_stays),
          lines(io),
          station(plan.channel, {{.local = plan.master.address, .remote = plan.master.outstation}},
                  one_master(plan.master)),
          host(io, station, Carry{this}),
          clock_timer(io),
          end_timer(io) {}

    static std::vector<Master> one_master(const dnp3::MasterSettings& settings) {
        std::vector<Master> all;
        all.emplace_back(settings);
        return all;
    }

    void carry(MasterStation::Output&& out) {
        std::visit(Overloaded{
                       [&](scada::Transmit& transmit) {
                           if (line) lines.send(*line, 0, std::move(transmit.octets));
                       },
                       [&](const scada::CloseLine& close) {
                           if (line) lines.close(*line, 0);
                           host.input(scada::LineClosed{close.peer});
                           if (!stays) give_up(fmt::format("{} is silent", plan.where));
                       },
                       [&](MasterStation::Of<Master::Output>& said) { tell(said.what); },
                   },
                   out);
    }
    void tell(const Master::Output& said) {
        const auto call = [](const auto& hook, const auto&... what) {
            if (hook) hook(what...);
        };
        std::visit(Overloaded{
                       [&](const Master::Measured& one) { call(hooks.measured, one); },
                       [&](const Master::ResponseDone& one) { call(hooks.done, one); },
                       [&](const Master::Completed& one) { call(hooks.completed, one); },
                       [&](Master::StateChanged) { call(hooks.changed); },
                       [](const dnp3::SendFragment&) {},
                   },
                   said);
    }

    net::Lines::Events events() {
        return {
            .opened =
                [this](net::Lines::Peer, const std::string&) {
                    host.input(scada::LineOpened{});
                    if (hooks.opened) hooks.opened();
                },
            .received =
                [this](net::Lines::Peer, Bytes octets) {
                    if (!host.busy()) return host.input(scada::OctetsReceived{.octets = octets});
                    Octets keep = to_octets(octets);
                    const Bytes kept = keep;
                    host.input(scada::OctetsReceived{.octets = kept}, std::move(keep));
                },
            .closed =
                [this](net::Lines::Peer, const net::Trouble* why) {
                    const auto line_text =
                        why ? why->line : fmt::format("{} closed the connection", plan.where);
                    host.input(scada::LineClosed{});
                    trouble(line_text);
                },
            .drained = {},
            .batch = {},
            .failed = [this](const net::Trouble& why) { trouble(why.line); },
        };
    }
    void trouble(const std::string& text) {
        if (stays)
            fmt::print(stderr, "causeway: {}\n", text);
        else
            give_up(text);
    }
    void give_up(const std::string& text) {
        if (!status) end(say_why(failed, text));
    }
    void end(int with) {
        if (!status) status = with;
        leave(100);
    }
    /// What was sent last, a confirmation, a command that wants no answer, goes before we do.
    void leave(int patience) {
        if (!line || patience == 0 || lines.queued(*line, 0) == 0) return io.stop();
        end_timer.expires_after(std::chrono::milliseconds(10));
        end_timer.async_wait([this, patience](const boost::system::error_code& gone) {
            if (!gone) leave(patience - 1);
        });
    }
    /// Wall clocks are set now and then: ours is told each minute.
    void tell_clock() {
        host.input(MasterStation::Of<Master::Input>{
            0, Master::ClockSet{.ms = net::Clock::wall_now_ns() / 1'000'000}});
        clock_timer.expires_after(std::chrono::minutes(1));
        clock_timer.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) tell_clock();
        });
    }

    Dnp3Plan plan;
    Hooks hooks;
    bool stays;
    boost::asio::io_context io{1};
    net::Lines lines;
    MasterStation station;
    net::Host<MasterStation, Carry> host;
    boost::asio::steady_timer clock_timer;
    boost::asio::steady_timer end_timer;
    std::optional<net::Lines::LineId> line;
    std::optional<int> status;
};

Dnp3Session::Dnp3Session(Dnp3Plan plan, Hooks hooks, bool stays)
    : state_(std::make_unique<State>(std::move(plan), std::move(hooks), stays)) {}
Dnp3Session::~Dnp3Session() = default;

int Dnp3Session::run() {
    State& s = *state_;
    s.tell_clock();
    auto line = s.lines.open(s.plan.line, s.events());
    if (!line) return say_why(failed, line.error().line);
    s.line = *line;
    const net::Signals signals(s.io, [&s](int) { s.end(s.stays ? done : failed); });
    if (!s.status) s.io.run();
    std::fflush(stdout);
    return s.status.value_or(failed);
}

void Dnp3Session::input(Master::Input in) {
    state_->host.input(MasterStation::Of<Master::Input>{0, std::move(in)});
}

void Dnp3Session::end(int status) {
    state_->end(status);
}

void Dnp3Session::end_after(Duration time, int status, std::string line) {
    state_->end_timer.expires_after(time);
    state_->end_timer.async_wait(
        [s = state_.get(), status, line = std::move(line)](const boost::system::error_code& gone) {
            if (!gone) s->end(line.empty() ? status : say_why(status, line));
        });
}

const scada::dnp3::Master& Dnp3Session::master() const {
    return state_->station.session(0);
}

const scada::dnp3::Channel& Dnp3Session::channel() const {
    return state_->station.channel();
}

int ask_dnp3(const Dnp3Plan& plan, scada::dnp3::Master::Input request,
             std::function<int(const scada::dnp3::Master::Completed&)> completed,
             std::function<void(const scada::dnp3::Master::Measured&)> measured) {
    using Fate = scada::dnp3::Master::Completed::Fate;
    std::optional<scada::dnp3::Master::Input> waiting(std::move(request));
    Dnp3Session* running = nullptr;
    Dnp3Session session(
        plan,
        {.opened =
             [&] {
                 if (!waiting) return;
                 running->input(std::move(*waiting));
                 waiting.reset();
             },
         .measured = std::move(measured),
         .done = {},
         .completed =
             [&](const scada::dnp3::Master::Completed& one) {
                 // Of a command nobody wants an answer to, `unanswered` is what is wanted.
                 if (one.fate == Fate::unreachable && one.controls.empty())
                     return running->end(say_why(
                         failed, fmt::format("the request did not leave for {}", plan.where)));
                 if (one.fate == Fate::nonsense)
                     return running->end(
                         say_why(failed, fmt::format("outstation {} at {} answers nonsense",
                                                     plan.master.outstation, plan.where)));
                 running->end(completed(one));
             },
         .changed = {}},
        false);
    running = &session;
    // A connection that nobody accepts and nobody refuses.
    if (std::holds_alternative<net::TcpConnectSpec>(plan.line))
        session.end_after(plan.master.response_within * (plan.master.retries + 3), failed,
                          fmt::format("{} does not answer", plan.where));
    return session.run();
}

}  // namespace causeway::cli
