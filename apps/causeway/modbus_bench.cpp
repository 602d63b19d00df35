// causeway modbus bench: how many requests a second a Modbus/TCP server answers. A closed loop:
// each connection has so many requests under way, and sends one for each that is answered.
#include "modbus.hpp"
#include "modbus_session.hpp"
#include "mqtt_bench_report.hpp"
#include "net/signals.hpp"
#include "net/stream_host.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <memory>

namespace causeway::cli {
namespace modbus_tool {
namespace {

using namespace scada::modbus;

struct LoadOptions : ModbusOptions {
    std::uint32_t connections = 1;
    std::uint32_t depth = 1;
    double seconds = 5;
    double warmup = 0.5;
    std::uint16_t address = 0;
    std::uint16_t count = 10;
    bool write = false;
    int pid = 0;
};

std::int64_t load_now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

class ModbusLoad {
public:
    ModbusLoad(const LoadOptions& options, const ModbusPlan& plan)
        : options_(options), plan_(plan), host_(io_, {}, events()), step_(io_) {
        Octets pdu = read_request(Area::holding_register, options.address, options.count);
        if (options.write)
            pdu = write_registers_request(options.address,
                                          std::vector<std::uint16_t>(options.count, 7));
        append_adu(request_, Framing::tcp, {0, plan.unit, pdu});
        connections_.resize(options.connections);
    }

    int run() {
        const net::Signals signals(io_, [this](int) { finish("interrupted"); });
        for (Connection& connection : connections_) {
            connection.sent.resize(options_.depth);
            connection.id = host_.connect({.host = plan_.host, .port = plan_.port});
            const auto at = std::to_underlying(connection.id);
            if (at >= by_stream_.size()) by_stream_.resize(at + std::size_t{1});
            by_stream_[at] = &connection;
        }
        after(10, [this] {
            if (open_ < connections_.size()) finish(fmt::format("{} does not answer", plan_.where));
        });
        io_.run();
        if (!trouble_.empty()) return say_why(failed, trouble_);
        report();
        return answers_ != 0 && exceptions_ == 0 && wrong_ == 0 ? done : failed;
    }

private:
    struct Connection {
        net::StreamId id{};
        TcpFrames frames{};
        std::vector<std::int64_t> sent{};  // when, of those under way: a ring
        std::uint16_t next = 0;            // transaction to send
        std::uint16_t expected = 0;        // transaction to be answered
    };

    net::StreamHost::Events events() {
        return {
            .opened =
                [this](net::StreamId, const net::StreamFacts&) {
                    if (++open_ == connections_.size()) begin();
                },
            .received = [this](
                            net::StreamId id,
                            Bytes octets) { heard(*by_stream_[std::to_underlying(id)], octets); },
            .drained = {},
            .closed =
                [this](net::StreamId, const net::Trouble* why) {
                    finish(why ? why->line : fmt::format("{} closed a connection", plan_.where));
                },
            .batch = {},
            .refused = {}};
    }

    template <class Then>
    void after(double seconds, Then then) {
        step_.expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>(seconds)));
        step_.async_wait([then](const boost::system::error_code& gone) {
            if (!gone) then();
        });
    }

    void begin() {
        for (Connection& connection : connections_) ask(connection, options_.depth);
        after(options_.warmup, [this] {
            answers_ = exceptions_ = wrong_ = 0;
            latency_.clear();
            began_ns_ = load_now_ns();
            own_before_ = own_cpu_s();
            if (options_.pid != 0) server_before_ = ProcessUse::of(options_.pid);
            after(options_.seconds, [this] { finish(""); });
        });
    }

    void ask(Connection& connection, std::size_t times) {
        Octets octets;
        octets.reserve(times * request_.size());
        const std::int64_t now = load_now_ns();
        for (std::size_t i = 0; i < times; ++i) {
            const std::uint16_t transaction = connection.next++;
            request_[0] = static_cast<std::byte>(transaction >> 8);
            request_[1] = static_cast<std::byte>(transaction);
            octets.insert(octets.end(), request_.begin(), request_.end());
            connection.sent[transaction % options_.depth] = now;
        }
        host_.send(connection.id, {.octets = std::move(octets)});
    }

    void heard(Connection& connection, Bytes octets) {
        std::size_t answered = 0;
        const std::int64_t now = load_now_ns();
        while (const auto adu = connection.frames.next(octets)) {
            ++answered;
            if (adu->transaction != connection.expected++) ++wrong_;
            if (exception_of(adu->pdu)) ++exceptions_;
            latency_.count(now - connection.sent[adu->transaction % options_.depth]);
        }
        if (connection.frames.broken()) return finish("the server answers nonsense");
        answers_ += answered;
        if (answered != 0 && !over_)
            ask(connection, std::min<std::size_t>(answered, options_.depth));
    }

    void finish(std::string trouble) {
        if (std::exchange(over_, true)) return;
        trouble_ = std::move(trouble);
        seconds_ = static_cast<double>(load_now_ns() - began_ns_) / 1e9;
        own_cpu_ = own_cpu_s() - own_before_;
        if (server_before_)
            if (const auto use = ProcessUse::of(options_.pid))
                server_cpu_ = use->cpu_s - server_before_->cpu_s;
        io_.stop();
    }

    void report() const {
        const double rate = static_cast<double>(answers_) / seconds_;
        if (options_.json) {
            boost::json::object all{{"requests_per_s", rate},
                                    {"answers", answers_},
                                    {"exceptions", exceptions_},
                                    {"seconds", seconds_},
                                    {"connections", options_.connections},
                                    {"depth", options_.depth},
                                    {"p50_us", latency_.percentile_us(0.5)},
                                    {"p99_us", latency_.percentile_us(0.99)},
                                    {"max_us", latency_.max_us()},
                                    {"own_cpu_s", own_cpu_}};
            if (server_before_) all["server_cpu_s"] = server_cpu_;
            fmt::print("{}\n", boost::json::serialize(all));
            return;
        }
        fmt::print("{} answers in {:.2f} s: {:.0f} requests/s\n", answers_, seconds_, rate);
        fmt::print("  {} connections, {} under way on each; {} exceptions\n", options_.connections,
                   options_.depth, exceptions_);
        fmt::print("  answered within {:.0f} us (half), {:.0f} us (99 %), {:.0f} us (all)\n",
                   latency_.percentile_us(0.5), latency_.percentile_us(0.99), latency_.max_us());
        fmt::print("  {:.2f} s of CPU here", own_cpu_);
        if (server_before_) fmt::print(", {:.2f} s there", server_cpu_);
        fmt::print("\n");
    }

    const LoadOptions& options_;
    const ModbusPlan& plan_;
    boost::asio::io_context io_{1};
    net::StreamHost host_;
    boost::asio::steady_timer step_;
    Octets request_;
    std::vector<Connection> connections_;
    std::vector<Connection*> by_stream_;
    std::size_t open_ = 0;
    bool over_ = false;
    std::string trouble_;
    std::uint64_t answers_ = 0;
    std::uint64_t exceptions_ = 0;
    std::uint64_t wrong_ = 0;
    std::int64_t began_ns_ = 0;
    double seconds_ = 0;
    double own_before_ = 0;
    double own_cpu_ = 0;
    std::optional<ProcessUse> server_before_;
    double server_cpu_ = 0;
    LatencyHistogram latency_;
};

int measure_modbus(LoadOptions& options) {
    const auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    if (plan->port == 0 || options.udp || plan->settings.framing != Framing::tcp)
        return say_why(bad_usage, "a Modbus/TCP server is wanted");
    const std::uint16_t most = options.write ? write_registers_max : read_registers_max;
    if (options.count < 1 || options.count > most)
        return say_why(bad_usage, fmt::format("--count {}: 1 to {}", options.count, most));
    ModbusLoad load(options, *plan);
    return load.run();
}

}  // namespace
}  // namespace modbus_tool

void add_modbus_bench(CLI::App& modbus, Work& work) {
    using namespace modbus_tool;
    CLI::App* const app = modbus.add_subcommand("bench", "Measure a Modbus/TCP server under load");
    app->footer(R"(Examples:
  causeway modbus bench 127.0.0.1:1502 --connections 4
  causeway modbus bench 127.0.0.1:1502 --depth 16 --json --pid $(pidof server)

Exit status: 0 done, 1 exceptions or a lost connection, 2 bad usage.)");
    auto options = std::make_shared<LoadOptions>();
    options->add_to(*app);
    app->add_option("--connections", options->connections, "Connections at once")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    app->add_option("--depth", options->depth, "Requests under way on each")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    app->add_option("--seconds", options->seconds, "How long it is measured")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0));
    app->add_option("--warmup", options->warmup, "Seconds before that")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 3600.0));
    app->add_option("--address", options->address, "The first holding register")
        ->capture_default_str();
    app->add_option("-c,--count", options->count, "Registers of a request")->capture_default_str();
    app->add_flag("--write", options->write, "Write them instead of reading");
    app->add_option("--pid", options->pid, "Tell the CPU time of this process, too");
    app->callback([options, &work] { work = [options] { return measure_modbus(*options); }; });
}

}  // namespace causeway::cli
