#include "coap_bench_report.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>

namespace causeway::cli {
namespace {

double rate(const CoapBenchReport& report) {
    return report.seconds > 0 ? static_cast<double>(report.answered) / report.seconds : 0;
}

double share(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

std::optional<double> octets_each(const CoapBenchReport& report) {
    if (!report.server_resident_before || !report.server_resident_after || report.met == 0)
        return std::nullopt;
    return (static_cast<double>(*report.server_resident_after) -
            static_cast<double>(*report.server_resident_before)) /
           report.met;
}

std::string latency_text(const LatencyHistogram& latency) {
    return fmt::format(
        "  latency    p50 {:.0f}  p90 {:.0f}  p99 {:.0f}  p99.9 {:.0f}  max {:.0f} µs\n",
        latency.percentile_us(0.5), latency.percentile_us(0.9), latency.percentile_us(0.99),
        latency.percentile_us(0.999), latency.max_us());
}

}  // namespace

std::string coap_bench_to_json(const CoapBenchReport& report) {
    boost::json::object out{{"mode", report.mode},
                            {"endpoints", report.endpoints},
                            {"window", report.window},
                            {"seconds", report.seconds},
                            {"answered", report.answered},
                            {"answered_per_s", rate(report)},
                            {"refused", report.refused},
                            {"lost", report.lost},
                            {"unsent", report.unsent},
                            {"met", report.met},
                            {"meeting_s", report.meeting_seconds},
                            {"missed", report.missed},
                            {"generator_cpu_s", report.generator_cpu_s}};
    if (report.latency.total() > 0)
        out["latency_us"] = {{"p50", report.latency.percentile_us(0.5)},
                             {"p90", report.latency.percentile_us(0.9)},
                             {"p99", report.latency.percentile_us(0.99)},
                             {"p999", report.latency.percentile_us(0.999)},
                             {"max", report.latency.max_us()}};
    if (!report.rounds_ms.empty()) {
        out["rounds_ms"] = boost::json::value_from(report.rounds_ms);
        out["median_ms"] = median(report.rounds_ms);
        out["most_ms"] = std::ranges::max(report.rounds_ms);
    }
    if (report.server_cpu_s) out["server_cpu_s"] = *report.server_cpu_s;
    if (report.server_resident_before)
        out["server_resident_before"] = *report.server_resident_before;
    if (report.server_resident_after) out["server_resident_after"] = *report.server_resident_after;
    if (const auto each = octets_each(report)) out["server_octets_each"] = *each;
    return boost::json::serialize(out);
}

std::string coap_bench_to_text(const CoapBenchReport& report) {
    std::string out;
    if (report.mode == "observers") {
        out += fmt::format("{} observers of {} registered in {:.2f} s\n", report.met,
                           report.endpoints, report.meeting_seconds);
        if (!report.rounds_ms.empty())
            out += fmt::format(
                "  told all   least {:.1f}  median {:.1f}  most {:.1f} ms, {} changes\n",
                std::ranges::min(report.rounds_ms), median(report.rounds_ms),
                std::ranges::max(report.rounds_ms), report.rounds_ms.size());
        if (report.missed > 0) out += fmt::format("  missed     {} notifications\n", report.missed);
    } else {
        if (report.mode == "sessions")
            out += fmt::format("{} DTLS sessions of {} in {:.2f} s, {:.0f} a second\n", report.met,
                               report.endpoints, report.meeting_seconds,
                               report.met / std::max(report.meeting_seconds, 1e-9));
        else
            out +=
                fmt::format("{}: {} endpoints, met in {:.2f} s; {} requests under way\n",
                            report.mode, report.endpoints, report.meeting_seconds, report.window);
        out += fmt::format("  answered   {:.0f} a second, {} in {:.2f} s\n", rate(report),
                           report.answered, report.seconds);
        out += fmt::format("  lost {}, refused {}, not sent {}\n", report.lost, report.refused,
                           report.unsent);
        if (report.mode == "sessions" && report.missed > 0)
            out += fmt::format("  {} sessions are not open any more\n", report.missed);
    }
    if (report.latency.total() > 0) out += latency_text(report.latency);
    out += fmt::format("  generator  {:.1f} % of a core\n",
                       share(report.generator_cpu_s, report.seconds));
    if (report.server_cpu_s)
        out += fmt::format("  server     {:.1f} % of a core\n",
                           share(*report.server_cpu_s, report.seconds));
    if (report.server_resident_after)
        out += fmt::format("  server     {:.1f} MB resident\n",
                           static_cast<double>(*report.server_resident_after) / 1e6);
    if (const auto each = octets_each(report))
        out += fmt::format("  server     {:.0f} octets {}\n", *each,
                           report.mode == "sessions" ? "a session" : "an endpoint");
    return out;
}

}  // namespace causeway::cli
