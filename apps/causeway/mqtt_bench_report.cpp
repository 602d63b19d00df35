#include "mqtt_bench_report.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <sys/resource.h>
#include <unistd.h>
#include <fstream>
#include <sstream>

namespace causeway::cli {
namespace {

bool counts_connections(const BenchReport& report) {
    return report.mode == "connect" || report.mode == "connections";
}

double rate(std::uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::optional<double> per_delivery_us(const BenchReport& report) {
    const std::uint64_t count = counts_connections(report) ? report.connects : report.delivered;
    if (!report.broker_cpu_s || count == 0) return std::nullopt;
    return *report.broker_cpu_s * 1e6 / static_cast<double>(count);
}

std::optional<double> per_connection_octets(const BenchReport& report) {
    if (!report.broker_resident_before || !report.broker_resident_after || report.connects == 0)
        return std::nullopt;
    return (static_cast<double>(*report.broker_resident_after) -
            static_cast<double>(*report.broker_resident_before)) /
           static_cast<double>(report.connects);
}

}  // namespace

double LatencyHistogram::percentile_us(double part) const noexcept {
    const double wanted = part * static_cast<double>(total_);
    double seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += static_cast<double>(buckets_[i]);
        if (buckets_[i] == 0 || seen < wanted) continue;
        if (i < per_power) return static_cast<double>(i) / 1e3;
        const std::size_t power = i / per_power + 4;
        const std::uint64_t width = std::uint64_t{1} << (power - 5);
        const std::uint64_t end = (std::uint64_t{1} << power) + (i % per_power + 1) * width;
        return static_cast<double>(end < most_ ? end : most_) / 1e3;
    }
    return max_us();
}

double own_cpu_s() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
}

std::optional<ProcessUse> ProcessUse::of(int pid) {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(stat, line)) return std::nullopt;
    // Behind the name, which may hold anything, ')' included.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    fields >> user >> system;
    ProcessUse use;
    use.cpu_s = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    while (std::getline(status, line))
        if (line.starts_with("VmRSS:")) use.resident_octets = std::stoull(line.substr(6)) * 1024;
    return use;
}

std::string bench_to_json(const BenchReport& report) {
    boost::json::object json{
        {"mode", report.mode},
        {"version", report.version},
        {"qos", report.qos},
        {"publishers", report.publishers},
        {"subscribers", report.subscribers},
        {"size", report.size},
        {"seconds", report.seconds},
        {"published", report.published},
        {"delivered", report.delivered},
        {"published_per_s", rate(report.published, report.seconds)},
        {"delivered_per_s", rate(report.delivered, report.seconds)},
        {"lost", report.lost},
        {"duplicated", report.duplicated},
        {"connects", report.connects},
        {"connects_per_s", rate(report.connects, report.seconds)},
        {"failures", report.failures},
        {"latency_us",
         {{"p50", report.latency.percentile_us(0.5)},
          {"p90", report.latency.percentile_us(0.9)},
          {"p99", report.latency.percentile_us(0.99)},
          {"p99.9", report.latency.percentile_us(0.999)},
          {"max", report.latency.max_us()}}},
        {"generator_cpu_s", report.generator_cpu_s},
    };
    if (report.broker_cpu_s) json["broker_cpu_s"] = *report.broker_cpu_s;
    if (const auto each = per_delivery_us(report)) json["broker_us_each"] = *each;
    if (report.broker_resident_before)
        json["broker_resident_before"] = *report.broker_resident_before;
    if (report.broker_resident_after) json["broker_resident_after"] = *report.broker_resident_after;
    if (const auto each = per_connection_octets(report)) json["broker_octets_each"] = *each;
    return boost::json::serialize(json);
}

std::string bench_to_text(const BenchReport& report) {
    std::string out;
    if (counts_connections(report)) {
        out += fmt::format("{}: {} connections in {:.2f} s, {:.0f} a second, {} failed\n",
                           report.mode, report.connects, report.seconds,
                           rate(report.connects, report.seconds), report.failures);
    } else {
        out += fmt::format("{}: {} publishers, {} subscribers, QoS {}, {} octets, MQTT {}\n",
                           report.mode, report.publishers, report.subscribers, report.qos,
                           report.size, report.version);
        out += fmt::format("  published  {:>12.0f} messages a second\n",
                           rate(report.published, report.seconds));
        out += fmt::format("  delivered  {:>12.0f} messages a second\n",
                           rate(report.delivered, report.seconds));
        out += fmt::format("  lost {}, duplicated {}, connections failed {}\n", report.lost,
                           report.duplicated, report.failures);
    }
    if (report.latency.total() > 0)
        out += fmt::format(
            "  latency    p50 {:.0f}  p90 {:.0f}  p99 {:.0f}  p99.9 {:.0f}  max {:.0f} µs\n",
            report.latency.percentile_us(0.5), report.latency.percentile_us(0.9),
            report.latency.percentile_us(0.99), report.latency.percentile_us(0.999),
            report.latency.max_us());
    out += fmt::format("  generator  {:>12.1f} % of a core\n",
                       report.seconds > 0 ? 100 * report.generator_cpu_s / report.seconds : 0);
    if (report.broker_cpu_s)
        out += fmt::format("  broker     {:>12.1f} % of a core\n",
                           report.seconds > 0 ? 100 * *report.broker_cpu_s / report.seconds : 0);
    if (const auto each = per_delivery_us(report))
        out += fmt::format("  broker     {:>12.3f} µs CPU {}\n", *each,
                           counts_connections(report) ? "a connection" : "a delivery");
    if (const auto each = per_connection_octets(report))
        out += fmt::format("  broker     {:>12.0f} octets resident a connection\n", *each);
    return out;
}

}  // namespace causeway::cli
