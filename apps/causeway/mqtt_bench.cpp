// causeway mqtt bench: a load generator for MQTT brokers.
#include "command.hpp"
#include "mqtt.hpp"
#include "mqtt_bench_load.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <memory>

namespace causeway::cli {
namespace {

struct Wanted {
    BenchPlan plan;
    std::string name;
    std::string version = "311";
    int qos = 0;
    bool tls = false;
    std::string ca_file;
    bool insecure = false;
    bool json = false;
};

int measure(Wanted& wanted) {
    BenchPlan& plan = wanted.plan;
    static const std::map<std::string, mqtt::Version> versions{
        {"mqttv5", mqtt::Version::v5},       {"5", mqtt::Version::v5},
        {"mqttv311", mqtt::Version::v3_1_1}, {"311", mqtt::Version::v3_1_1},
        {"mqttv31", mqtt::Version::v3_1},    {"31", mqtt::Version::v3_1}};
    const auto version = versions.find(wanted.version);
    if (version == versions.end())
        return say_why(bad_usage,
                       fmt::format("-V {}: allowed: mqttv5, mqttv311, mqttv31", wanted.version));
    plan.version = version->second;
    plan.qos = static_cast<mqtt::Qos>(wanted.qos);
    if (wanted.tls || !wanted.ca_file.empty()) {
        plan.where.tls.emplace();
        plan.where.tls->ca_file = wanted.ca_file;
        plan.where.tls->insecure = wanted.insecure;
    }
    if (plan.where.port == 0) plan.where.port = plan.where.tls ? 8883 : 1883;
    auto report = run_bench(plan);
    if (!report) return say_why(failed, report.error());
    report->mode = wanted.name;
    fmt::print("{}", wanted.json ? bench_to_json(*report) + "\n" : bench_to_text(*report));
    return report->lost == 0 && report->failures == 0 ? done : failed;
}

struct Mode {
    const char* name;
    const char* what;
    BenchMode mode;
    std::uint32_t publishers;
    std::uint32_t subscribers;
};
constexpr Mode modes[] = {
    {"fan-out", "One publisher, many subscribers", BenchMode::fan_out, 1, 10},
    {"fan-in", "Many publishers, one subscriber", BenchMode::fan_in, 10, 1},
    {"pair", "As many subscribers as publishers, each with a topic of its own", BenchMode::pair, 20,
     20},
    {"shared", "Many publishers, a group that shares one subscription", BenchMode::shared, 10, 10},
    {"connect", "Connects and disconnects as fast as it goes", BenchMode::connect, 0, 0},
    {"connections", "Holds connections that do nothing", BenchMode::connections, 0, 0},
};

void add_connection(CLI::App& app, Wanted& wanted) {
    BenchPlan& plan = wanted.plan;
    app.add_option("-h,--host", plan.where.host, "The broker")->capture_default_str();
    app.add_option("-p,--port", plan.where.port, "1883 by default, 8883 with TLS");
    app.add_option("--unix", plan.where.unix_path, "A Unix socket instead");
    app.add_flag("--ws", plan.where.websocket, "MQTT over WebSocket");
    app.add_flag("--tls", wanted.tls, "TLS, trusting the system's certificates");
    app.add_option("--cafile", wanted.ca_file, "TLS, trusting these certificates");
    app.add_flag("--insecure", wanted.insecure, "Do not check the broker's name");
    app.add_option("-V,--protocol-version", wanted.version, "mqttv311, mqttv5 or mqttv31")
        ->capture_default_str();
    app.add_option("-u,--username", plan.user_name, "User name");
    app.add_option("-P,--pw", plan.password, "Password");
    app.add_option("-k,--keepalive", plan.keep_alive_seconds, "Keep alive, seconds");
    app.add_option("--pid", plan.broker_pid, "Tell the CPU time and memory of this process, too");
    app.add_flag("--json", wanted.json, "Print one JSON object");
}

void add_messages(CLI::App& app, BenchPlan& plan, Wanted& wanted, BenchMode mode) {
    if (mode != BenchMode::fan_out)
        app.add_option("--publishers", plan.publishers, "Publishers; pairs, with pair")
            ->check(CLI::Range(1, 50'000));
    if (mode == BenchMode::fan_out || mode == BenchMode::fan_in || mode == BenchMode::shared)
        app.add_option("--subscribers", plan.subscribers, "Subscribers")
            ->check(CLI::Range(1, 50'000));
    app.add_option("-q,--qos", wanted.qos, "Quality of service")->check(CLI::Range(0, 2));
    app.add_option("--size", plan.size, "Octets of a payload")
        ->check(CLI::Range(bench_size_min, std::uint32_t{64} << 20));
    app.add_option("--rate", plan.rate, "Messages a second, all together; 0: as fast as it goes");
    app.add_option("--count", plan.count, "So many messages instead of a time");
    app.add_option("--warmup", plan.warmup_seconds, "Seconds before it is measured");
    app.add_option("--window", plan.window, "QoS 1 and 2 messages in flight, each publisher")
        ->check(CLI::Range(1, 65'535));
    app.add_option("--pipeline", plan.pipeline, "Messages in one write")
        ->check(CLI::Range(1, 100'000));
    app.add_option("--ahead", plan.ahead, "Deliveries that may be outstanding")
        ->check(CLI::Range(1, 100'000'000));
    app.add_flag("--persistent", plan.persistent, "Sessions that the broker keeps");
}

void add_mode(CLI::App& bench, Work& work, const Mode& mode) {
    CLI::App* const app = bench.add_subcommand(mode.name, mode.what);
    app->set_help_flag("--help", "Print this help message and exit");
    app->footer(
        fmt::format("Example:\n  causeway mqtt bench {} -h 127.0.0.1 --seconds 10", mode.name));
    auto wanted = std::make_shared<Wanted>();
    wanted->name = mode.name;
    wanted->plan.mode = mode.mode;
    wanted->plan.where.host = "127.0.0.1";
    wanted->plan.publishers = mode.publishers;
    wanted->plan.subscribers = mode.subscribers;
    add_connection(*app, *wanted);
    app->add_option("--seconds", wanted->plan.seconds, "How long it is measured")
        ->capture_default_str();
    if (mode.mode == BenchMode::connect || mode.mode == BenchMode::connections)
        app->add_option("--clients", wanted->plan.clients,
                        mode.mode == BenchMode::connect ? "At once" : "Connections")
            ->capture_default_str()
            ->check(CLI::Range(1, 200'000));
    else
        add_messages(*app, wanted->plan, *wanted, mode.mode);
    app->callback([wanted, &work] {
        if (wanted->plan.mode == BenchMode::pair)
            wanted->plan.subscribers = wanted->plan.publishers;
        work = [wanted] { return measure(*wanted); };
    });
}

}  // namespace

void add_mqtt_bench(CLI::App& mqtt, Work& work) {
    CLI::App* const bench = mqtt.add_subcommand("bench", "Measure a broker under load");
    bench->require_subcommand(1);
    bench->footer(R"(Examples:
  causeway mqtt bench fan-out --subscribers 10 --seconds 5
  causeway mqtt bench pair --publishers 20 -q 1 --window 100 --json
  causeway mqtt bench connections --clients 10000 --pid $(pidof mosquitto)

Exit status: 0 done, 1 messages were lost or connections failed, 2 bad usage.)");
    for (const Mode& mode : modes) add_mode(*bench, work, mode);
}

}  // namespace causeway::cli
