#include "sim/report.hpp"

#include "sim/counters.hpp"

#include <algorithm>

namespace causeway::sim {

namespace {

using Parents = std::vector<std::optional<std::uint32_t>>;

std::optional<std::uint32_t> hops_from(std::uint32_t node, const Parents& parents) {
    std::uint32_t hops = 0;
    while (node != 0) {
        if (!parents[node] || hops > parents.size()) return std::nullopt;  // none, or a loop
        node = *parents[node];
        ++hops;
    }
    return hops;
}

NodeReport report_of_node(const Network& network, const Recorder& recorder, const Parents& parents,
                          std::uint32_t index) {
    const NodePlan& plan = network.scenario().nodes[index];
    const node::Status status = network.status(index);
    NodeReport report;
    report.name = plan.name;
    report.at = plan.at;
    report.root = plan.config.root;
    report.powered = network.node(index) != nullptr;
    report.joined = status.joined;
    if (status.joined_at != never) report.joined_at = status.joined_at;
    report.rank = status.rank;
    if (parents[index]) report.parent = network.scenario().nodes[*parents[index]].name;
    if (report.powered) report.hops = hops_from(index, parents);
    report.etx = status.etx;
    report.parent_changes = status.parent_changes;
    report.readings = recorder.readings(index);
    report.latency = summary_of(recorder.latencies(index));
    report.counters = network.counters(index);
    report.radio_times = network.radio_times(index);
    report.duty_cycle = duty_cycle(report.radio_times);
    report.joules = joules(report.radio_times, network.scenario().radio);
    return report;
}

void add_up(Report& report) {
    std::uint64_t hops_sum = 0;
    std::uint64_t with_way = 0;
    std::size_t powered = 0;
    Instant last_joined{};
    for (const NodeReport& node : report.nodes) {
        powered += node.powered ? 1 : 0;
        report.joined += node.joined ? 1 : 0;
        if (node.joined && node.joined_at) last_joined = std::max(last_joined, *node.joined_at);
        if (node.hops && !node.root) {
            hops_sum += *node.hops;
            ++with_way;
            report.hops_max = std::max(report.hops_max, *node.hops);
        }
        report.readings.add(node.readings);
        add(report.counters, node.counters);
        report.joules += node.joules;
    }
    if (powered > 0 && report.joined == powered) report.all_joined_at = last_joined;
    if (with_way > 0)
        report.hops_mean = static_cast<double>(hops_sum) / static_cast<double>(with_way);
}

RecoveryReport recovery_of(const Scenario& scenario, const Recorder::Fault& fault) {
    const FaultPlan& plan = scenario.faults[fault.index];
    RecoveryReport report{.kind = plan.kind,
                          .at = fault.at,
                          .node = scenario.nodes[plan.node].name,
                          .other = {},
                          .affected = {},
                          .healed_after = fault.healed_after()};
    if (plan.kind == FaultPlan::Kind::link_cut) report.other = scenario.nodes[plan.other].name;
    for (const Recorder::Affected& one : fault.affected) {
        std::optional<Duration> healed;
        if (one.healed_at != never) healed = one.healed_at - fault.at;
        report.affected.push_back({scenario.nodes[one.node].name, healed});
    }
    return report;
}

}  // namespace

LatencySummary summary_of(const Latencies& latencies) {
    return {.count = latencies.count(),
            .mean = latencies.mean(),
            .p50 = latencies.quantile(500),
            .p90 = latencies.quantile(900),
            .p99 = latencies.quantile(990),
            .max = latencies.max()};
}

double Report::control_share() const noexcept {
    const auto control = static_cast<double>(counters[node::Plane::control].total());
    const auto data = static_cast<double>(counters[node::Plane::data].total());
    return control + data > 0 ? control / (control + data) : 0;
}

bool Report::balanced() const noexcept {
    return readings.balanced() && medium.balanced() && host.balanced() &&
           std::ranges::all_of(nodes, [&](const NodeReport& node) {
               return node.readings.balanced() && node.radio_times.total() == simulated;
           });
}

Report report_of(const Network& network, const Recorder& recorder) {
    const Scenario& scenario = network.scenario();
    Report report;
    report.name = scenario.name;
    report.seed = scenario.seed;
    report.scenario = scenario_hash(scenario);
    report.simulated = network.now() - Instant{};
    report.medium = network.medium().stats();
    report.host = network.stats();
    const Parents parents = network.parents();
    Latencies latencies;
    report.nodes.reserve(network.size());
    for (std::uint32_t i = 0; i < network.size(); ++i) {
        report.nodes.push_back(report_of_node(network, recorder, parents, i));
        latencies.add(recorder.latencies(i));
    }
    add_up(report);
    report.latency = summary_of(latencies);
    for (const Recorder::Fault& fault : recorder.faults())
        report.recoveries.push_back(recovery_of(scenario, fault));
    return report;
}

}  // namespace causeway::sim
