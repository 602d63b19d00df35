// causeway sim: a site in virtual time, as fast as the machine goes.
#include "command.hpp"
#include "net/signals.hpp"
#include "net/terminal.hpp"
#include "report_text.hpp"
#include "sim/network.hpp"
#include "sim/report.hpp"
#include "site/capture.hpp"
#include "site/simulated_broker.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <unistd.h>
#include <chrono>
#include <memory>

namespace causeway::cli {
namespace {

using namespace std::chrono_literals;

struct SimOptions {
    SiteOptions site;
    std::string span = "1h";
    std::string pcap;
};

int simulate(const SimOptions& options) {
    const auto span = duration_from_text(options.span);
    if (!span) {
        fmt::print(stderr, "--for {}: not a duration; allowed: 250ms, 30s, 5m, 1h, 1d\n",
                   options.span);
        return bad_usage;
    }
    auto site = options.site.read();
    if (!site) return bad_usage;
    if (!site->has_mesh) {
        fmt::print(stderr, "{}: there is no mesh to simulate; causeway run starts the rest\n",
                   options.site.file);
        return bad_usage;
    }

    std::optional<site::Capture> capture;
    if (!options.pcap.empty()) {
        auto created = site::Capture::create(options.pcap, false);
        if (!created) {
            fmt::print(stderr, "causeway: {}\n", created.error().line);
            return failed;
        }
        capture = *std::move(created);
    }
    sim::Recorder recorder(site->mesh.nodes.size());
    site::Taps taps;
    taps.add(&recorder);
    if (capture) taps.add(&*capture);
    sim::Network mesh(site->mesh, &taps);
    // With an MQTT-SN gateway in the site, the broker that it feeds is simulated as well.
    std::optional<site::SimulatedBroker> broker;
    if (site->mqtt && site->mqtt->sn) broker.emplace(*site->mqtt, mesh);

    // In slices, so that progress can be shown and Ctrl-C be heard; they change nothing else.
    const net::Signals signals;
    const bool to_stdout = options.pcap == "-";
    net::LiveRegion live(net::Terminal::of(STDERR_FILENO));
    const Instant end(*span);
    const auto began = std::chrono::steady_clock::now();
    auto drawn = began;
    while (mesh.now() < end && net::Signals::raised() == 0) {
        const Instant until = std::min<Instant>(end, mesh.now() + 10s);
        if (broker)
            broker->run_until(until);
        else
            mesh.run_until(until);
        while (const auto packet = mesh.poll_packet_to_host())
            if (capture) capture->packet(mesh.now(), *packet, false);
        const auto now = std::chrono::steady_clock::now();
        if (now - drawn < 200ms) continue;
        drawn = now;
        const std::chrono::duration<double> wall = now - began;
        const std::chrono::duration<double> simulated = mesh.now().time_since_epoch();
        live.draw(fmt::format("{} of {}  {:.0f} x real time",
                              duration_to_text(mesh.now().time_since_epoch()),
                              duration_to_text(*span), simulated / wall));
    }
    live.clear();
    if (capture) {
        capture->flush();
        if (const auto trouble = capture->take_trouble()) {
            fmt::print(stderr, "causeway: {}\n", trouble->line);
            return failed;
        }
    }
    const sim::Report report = sim::report_of(mesh, recorder);
    std::FILE* const to = to_stdout ? stderr : stdout;
    boost::json::object all = report_to_json(report);
    if (broker) {
        boost::json::object counters;
        broker->broker().visit(
            [&](std::string_view name, std::uint64_t value) { counters[name] = value; });
        all["mqtt"] = std::move(counters);
    }
    if (options.site.json) {
        fmt::print(to, "{}\n", boost::json::serialize(all));
    } else {
        fmt::print(to, "{}", report_table(report));
        if (broker) {
            fmt::print(to, "broker     {} messages of {} clients\n",
                       broker->broker().publishes_routed, broker->broker().clients_connected);
        }
    }
    return done;
}

}  // namespace

void add_sim(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("sim", "Simulate a site in virtual time, and report");
    command->footer(
        "Examples:\n"
        "  causeway sim examples/first-light.toml --for 1h --seed 7 --pcap out.pcapng --json\n"
        "  causeway sim site.toml --for 1d --set mesh.rpl.objective=of0");
    auto options = std::make_shared<SimOptions>();
    options->site.add_to(*command);
    command->add_option("--for", options->span, "How much virtual time: 30s, 5m, 1h, 1d")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_option("--pcap", options->pcap, "Capture to this file (pcapng); - is stdout")
        ->type_name("FILE");
    command->callback([options, &work] { work = [options] { return simulate(*options); }; });
}

}  // namespace causeway::cli
