// How fast the simulator is: node-seconds of virtual time per second of wall time on one core, with
// one reading a minute from each node over the whole stack, and what a node takes of memory.
#include "base/hex.hpp"
#include "sim/layout.hpp"
#include "sim/network.hpp"
#include "sim/report.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

using namespace causeway;
using namespace std::chrono_literals;

std::size_t resident_octets() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

sim::Scenario scenario_of(std::size_t nodes) {
    sim::Scenario scenario;
    scenario.name = "bench";
    scenario.seed = 1;
    const double spacing = sim::solid_distance(scenario.channel, scenario.radio) * 0.7;
    const auto columns = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(nodes))));
    const auto places = sim::grid({}, nodes + 1, spacing, columns);
    for (std::size_t i = 0; i <= nodes; ++i) {
        sim::NodePlan plan;
        plan.name = i == 0 ? "border-router" : "node-" + std::to_string(i);
        plan.at = places[i];
        plan.config.eui64 = 0x0200'0000'0000'1000 + i;
        plan.config.root = i == 0;
        plan.config.prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
        if (i != 0) plan.config.sensors.push_back({.name = "temperature", .every = 60s});
        scenario.nodes.push_back(plan);
    }
    return scenario;
}

void measure(std::size_t nodes, Duration settle, Duration span) {
    const std::size_t before = resident_octets();
    sim::Recorder recorder(nodes + 1);
    sim::Network network(scenario_of(nodes), &recorder);
    network.run_until(Instant(settle));

    const std::uint64_t acts = network.acts_done();
    const auto begin = std::chrono::steady_clock::now();
    network.run_until(Instant(settle + span));
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    const std::size_t after = resident_octets();

    const auto report = sim::report_of(network, recorder);
    const double node_seconds =
        static_cast<double>(nodes) * std::chrono::duration<double>(span).count();
    fmt::print("{:6} {:6.1f} h {:8.2f} s {:15.0f} {:12.2f} M {:7.1f} {:10.2f} % {:10.1f} KB\n",
               nodes, std::chrono::duration<double>(span).count() / 3600, wall.count(),
               node_seconds / wall.count(),
               static_cast<double>(network.acts_done() - acts) / wall.count() / 1e6,
               report.hops_mean,
               100.0 * static_cast<double>(report.readings.delivered) /
                   static_cast<double>(report.readings.sent),
               static_cast<double>(after - before) / 1024.0 / static_cast<double>(nodes));
}

}  // namespace

/// Without arguments the table; with them (nodes, minutes to settle, minutes) one row of it.
int main(int argc, char** argv) {
    fmt::print("{:>6} {:>8} {:>10} {:>15} {:>14} {:>7} {:>12} {:>13}\n", "nodes", "span", "wall",
               "node-seconds/s", "acts/s", "hops", "delivered", "memory/node");
    std::fflush(stdout);
    if (argc == 4) {
        measure(std::strtoul(argv[1], nullptr, 10), std::chrono::minutes(std::atoi(argv[2])),
                std::chrono::minutes(std::atoi(argv[3])));
        return 0;
    }
    measure(24, 10min, 24h * 4);
    measure(100, 10min, 24h);
    measure(1000, 20min, 1h);
}
