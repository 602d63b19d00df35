#include "report_text.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <cmath>

namespace causeway::cli {
namespace {

namespace json = boost::json;

double rounded(double value, double steps) {
    return std::round(value * steps) / steps;
}
double seconds(Duration duration) {
    return rounded(std::chrono::duration<double>(duration).count(), 1e6);
}
double milliseconds(Duration duration) {
    return rounded(std::chrono::duration<double, std::milli>(duration).count(), 1e3);
}

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value();
}
json::value or_null(const std::optional<Instant>& at) {
    return at ? json::value(seconds(at->time_since_epoch())) : json::value();
}
json::value or_null(const std::optional<Duration>& span) {
    return span ? json::value(seconds(*span)) : json::value();
}

std::string_view name_of(sim::FaultPlan::Kind kind) {
    switch (kind) {
        case sim::FaultPlan::Kind::node_dies:
            return "node-dies";
        case sim::FaultPlan::Kind::node_reboots:
            return "node-reboots";
        case sim::FaultPlan::Kind::link_cut:
            return "link-cut";
    }
    return "?";
}

/// Every reason, those that did not happen too: a reader need not ask whether a key is there.
template <class Counts>
json::object by_reason(const Counts& counts) {
    json::object lost;
    for (std::size_t i = 0; i < counts.size(); ++i)
        lost[node::name_of(static_cast<node::LossReason>(i))] = counts[i];
    return lost;
}

json::object readings_of(const sim::ReadingCounts& readings) {
    json::object lost = by_reason(readings.lost);
    lost["unexplained"] = readings.lost_unexplained;
    return {{"sent", readings.sent},
            {"delivered", readings.delivered},
            {"in_flight", readings.in_flight},
            {"duplicates", readings.duplicates},
            {"lost", std::move(lost)}};
}

json::object latency_of(const sim::LatencySummary& latency) {
    json::object summary{{"count", latency.count}};
    const bool some = latency.count > 0;
    const auto put = [&](std::string_view name, Duration value) {
        summary[name] = some ? json::value(milliseconds(value)) : json::value();
    };
    put("mean", latency.mean);
    put("p50", latency.p50);
    put("p90", latency.p90);
    put("p99", latency.p99);
    put("max", latency.max);
    return summary;
}

json::object radio_of(const sim::RadioTimes& times) {
    const sim::DutyCycle duty = sim::duty_cycle(times);
    return {{"transmit", seconds(times.transmit)},
            {"receive", seconds(times.receive)},
            {"listen", seconds(times.listen)},
            {"off", seconds(times.off)},
            {"duty_cycle",
             {{"transmit", rounded(duty.transmit, 1e9)},
              {"receive", rounded(duty.receive, 1e9)},
              {"listen", rounded(duty.listen, 1e9)}}}};
}

json::object octets_of(const node::AirOctets& octets) {
    return {{"link", octets.link}, {"lowpan", octets.lowpan}, {"payload", octets.payload}};
}

/// What a node and all nodes together have alike.
void add_counters(json::object& to, const node::Counters& counters) {
    to["octets"] = {{"control", octets_of(counters[node::Plane::control])},
                    {"data", octets_of(counters[node::Plane::data])}};
    to["frames_sent"] = counters.frames_sent;
    to["frames_received"] = counters.frames_received;
    to["packets_originated"] = counters.packets_originated;
    to["packets_forwarded"] = counters.packets_forwarded;
    to["packets_delivered"] = counters.packets_delivered;
    to["packets_lost"] = by_reason(counters.lost);
    to["readings_received"] = counters.readings_received;
}

json::object node_to_json(const sim::NodeReport& node) {
    json::object result{{"name", node.name},
                        {"at", {node.at.x, node.at.y}},
                        {"root", node.root},
                        {"powered", node.powered},
                        {"joined", node.joined},
                        {"joined_s", or_null(node.joined_at)},
                        {"rank", node.rank == 0xffff ? json::value() : json::value(node.rank)},
                        {"parent", or_null(node.parent)},
                        {"hops", or_null(node.hops)},
                        {"etx", rounded(node.etx, 1e3)},
                        {"parent_changes", node.parent_changes},
                        {"readings", readings_of(node.readings)},
                        {"latency_ms", latency_of(node.latency)},
                        {"radio", radio_of(node.radio_times)},
                        {"joules", rounded(node.joules, 1e6)}};
    add_counters(result, node.counters);
    return result;
}

json::object all_to_json(const sim::Report& report) {
    sim::RadioTimes times;
    for (const sim::NodeReport& node : report.nodes) {
        times.transmit += node.radio_times.transmit;
        times.receive += node.radio_times.receive;
        times.listen += node.radio_times.listen;
        times.off += node.radio_times.off;
    }
    const auto into = [](json::object& object) {
        return [&object](std::string_view name, std::uint64_t value) { object[name] = value; };
    };
    json::object medium;
    report.medium.visit(into(medium));
    json::object host;
    report.host.visit(into(host));
    json::object all{{"nodes", report.nodes.size()},
                     {"joined", report.joined},
                     {"all_joined_s", or_null(report.all_joined_at)},
                     {"hops_max", report.hops_max},
                     {"hops_mean", rounded(report.hops_mean, 1e3)},
                     {"readings", readings_of(report.readings)},
                     {"latency_ms", latency_of(report.latency)},
                     {"radio", radio_of(times)},
                     {"joules", rounded(report.joules, 1e6)},
                     {"control_share", rounded(report.control_share(), 1e6)}};
    add_counters(all, report.counters);
    all["medium"] = std::move(medium);
    all["host"] = std::move(host);
    return all;
}

json::object recovery_to_json(const sim::RecoveryReport& recovery) {
    json::array affected;
    for (const auto& one : recovery.affected)
        affected.push_back({{"node", one.node}, {"healed_after_s", or_null(one.healed_after)}});
    json::object result{{"kind", name_of(recovery.kind)},
                        {"at_s", seconds(recovery.at.time_since_epoch())},
                        {"node", recovery.node}};
    if (!recovery.other.empty()) result["other"] = recovery.other;
    result["affected"] = std::move(affected);
    result["healed_after_s"] = or_null(recovery.healed_after);
    return result;
}

}  // namespace

json::object report_to_json(const sim::Report& report) {
    json::array nodes;
    for (const sim::NodeReport& node : report.nodes) nodes.push_back(node_to_json(node));
    json::array recoveries;
    for (const sim::RecoveryReport& recovery : report.recoveries)
        recoveries.push_back(recovery_to_json(recovery));
    return {{"name", report.name},
            {"seed", report.seed},
            {"scenario", fmt::format("{:016x}", report.scenario)},
            {"simulated_s", seconds(report.simulated)},
            {"nodes", std::move(nodes)},
            {"all", all_to_json(report)},
            {"recoveries", std::move(recoveries)}};
}

}  // namespace causeway::cli
