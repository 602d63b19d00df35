#include "report_text.hpp"

#include "command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace causeway::cli {
namespace {

/// Columns as wide as their widest cell; the first one to the left, numbers to the right.
class Table {
public:
    explicit Table(std::vector<std::string> heads) { add(std::move(heads)); }

    void add(std::vector<std::string> row) {
        widths_.resize(std::max(widths_.size(), row.size()), 0);
        for (std::size_t i = 0; i < row.size(); ++i)
            widths_[i] = std::max(widths_[i], row[i].size());
        rows_.push_back(std::move(row));
    }
    [[nodiscard]] std::string text() const {
        std::string text;
        for (const auto& row : rows_) {
            for (std::size_t i = 0; i < row.size(); ++i)
                text += i == 0 ? fmt::format("{:<{}}", row[i], widths_[i])
                               : fmt::format("  {:>{}}", row[i], widths_[i]);
            text += '\n';
        }
        return text;
    }

private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<std::size_t> widths_;
};

std::string percent(double share, int digits = 2) {
    return fmt::format("{:.{}f}", share * 100, digits);
}
std::string share_of(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "none";
    return fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}
std::string grouped(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
    return digits;
}
std::string plural(std::size_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}
/// "5 no_route, 2 queue_full", the most frequent first; empty when there are none.
template <class Named>
std::string counts_text(Named each) {
    std::vector<std::pair<std::uint64_t, std::string>> counts;
    each([&](std::string_view name, std::uint64_t count) {
        if (count == 0) return;
        std::string spoken(name);
        std::ranges::replace(spoken, '_', ' ');
        counts.emplace_back(count, std::move(spoken));
    });
    std::ranges::sort(counts, std::ranges::greater{});
    std::string text;
    for (const auto& [count, name] : counts)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), name);
    return text;
}

std::string losses_text(const sim::ReadingCounts& readings) {
    return counts_text([&](auto&& named) {
        for (std::size_t i = 0; i < readings.lost.size(); ++i)
            named(node::name_of(static_cast<node::LossReason>(i)), readings.lost[i]);
        named(std::string_view("unexplained"), readings.lost_unexplained);
    });
}

std::vector<std::string> row_of(const sim::NodeReport& node) {
    const std::string none = "-";
    const bool measured = node.latency.count > 0;
    const bool sensor = node.readings.sent > 0;
    std::string joined = none;
    if (!node.powered)
        joined = "no power";
    else if (!node.joined)
        joined = "never";
    else if (node.joined_at)
        joined = duration_to_text(node.joined_at->time_since_epoch());
    return {node.name,
            joined,
            node.rank == 0xffff ? none : fmt::format("{}", node.rank),
            node.parent.value_or(none),
            node.hops ? fmt::format("{}", *node.hops) : none,
            sensor ? fmt::format("{}", node.readings.sent) : none,
            sensor ? fmt::format("{}", node.readings.delivered) : none,
            sensor ? fmt::format("{}", node.readings.lost_in_all()) : none,
            measured ? duration_to_text(node.latency.p50) : none,
            measured ? duration_to_text(node.latency.p99) : none,
            node.parent ? fmt::format("{:.2f}", node.etx) : none,
            percent(node.duty_cycle.transmit),
            percent(node.duty_cycle.receive),
            percent(node.duty_cycle.listen, 1),
            fmt::format("{:.1f}", node.joules),
            grouped(node.counters[node::Plane::control].total()),
            grouped(node.counters[node::Plane::data].total())};
}

std::string recovery_text(const sim::RecoveryReport& recovery) {
    const std::string at = duration_to_text(recovery.at.time_since_epoch());
    std::string text;
    switch (recovery.kind) {
        case sim::FaultPlan::Kind::node_dies:
            text = fmt::format("{} died at {}", recovery.node, at);
            break;
        case sim::FaultPlan::Kind::node_reboots:
            text = fmt::format("{} lost power at {}", recovery.node, at);
            break;
        case sim::FaultPlan::Kind::link_cut:
            text =
                fmt::format("the link {} to {} was cut at {}", recovery.node, recovery.other, at);
            break;
    }
    const std::size_t affected = recovery.affected.size();
    if (affected == 0) return text + ": no node sent through it\n";
    if (recovery.healed_after)
        return text + fmt::format(": {} rerouted in {}\n", plural(affected, "node"),
                                  duration_to_text(*recovery.healed_after));
    std::string lost;
    std::size_t healed = 0;
    for (const auto& one : recovery.affected) {
        if (one.healed_after)
            ++healed;
        else
            lost += (lost.empty() ? "" : ", ") + one.node;
    }
    return text + fmt::format(": {} of {} rerouted; not by the end: {}\n", healed,
                              plural(affected, "node"), lost);
}

/// A line of the totals: what it is about, and what there is to say.
std::string line(std::string_view about, std::string_view said) {
    return fmt::format("{:<11}{}\n", about, said);
}

std::string mesh_line(const sim::Report& report) {
    const std::size_t nodes = report.nodes.empty() ? 0 : report.nodes.size() - 1;
    const auto is_in = [](const sim::NodeReport& node) { return node.joined && !node.root; };
    const auto joined = static_cast<std::size_t>(std::ranges::count_if(report.nodes, is_in));
    std::string said = fmt::format("{} of {} joined", joined, plural(nodes, "node"));
    if (report.all_joined_at)
        said +=
            fmt::format(", all by {}", duration_to_text(report.all_joined_at->time_since_epoch()));
    if (report.hops_max > 0)
        said += fmt::format("; {} deep, {:.1f} on average", plural(report.hops_max, "hop"),
                            report.hops_mean);
    return line("mesh", said);
}

std::string readings_lines(const sim::Report& report) {
    const sim::ReadingCounts& readings = report.readings;
    std::string said =
        fmt::format("{} sent, {} delivered ({})", grouped(readings.sent),
                    grouped(readings.delivered), share_of(readings.delivered, readings.sent));
    said += fmt::format(", {} lost, {} under way", grouped(readings.lost_in_all()),
                        grouped(readings.in_flight));
    if (readings.duplicates > 0)
        said += fmt::format("; {} arrived twice", grouped(readings.duplicates));
    std::string lines = line("readings", said);
    if (const std::string lost = losses_text(readings); !lost.empty())
        lines += line("lost to", lost);
    const sim::LatencySummary& latency = report.latency;
    if (latency.count > 0)
        lines += line("latency",
                      fmt::format("p50 {}, p90 {}, p99 {}, longest {}; mean {}",
                                  duration_to_text(latency.p50), duration_to_text(latency.p90),
                                  duration_to_text(latency.p99), duration_to_text(latency.max),
                                  duration_to_text(latency.mean)));
    return lines;
}

std::string packets_lines(const sim::Report& report) {
    const node::Counters& counters = report.counters;
    std::string lines = line("packets", fmt::format("{} originated, {} forwarded, {} delivered",
                                                    grouped(counters.packets_originated),
                                                    grouped(counters.packets_forwarded),
                                                    grouped(counters.packets_delivered)));
    const std::string lost = counts_text([&](auto&& named) {
        for (std::size_t i = 0; i < counters.lost.size(); ++i)
            named(node::name_of(static_cast<node::LossReason>(i)), counters.lost[i]);
    });
    if (!lost.empty()) lines += line("", "lost: " + lost);
    return lines;
}

std::string air_lines(const sim::Report& report) {
    const auto plane = [](const node::AirOctets& octets) {
        return fmt::format("{} octets (link {}, 6LoWPAN {}, payload {})", grouped(octets.total()),
                           grouped(octets.link), grouped(octets.lowpan), grouped(octets.payload));
    };
    std::string lines =
        line("control", plane(report.counters[node::Plane::control]) +
                            fmt::format(", {} % of all", percent(report.control_share(), 1)));
    lines += line("data", plane(report.counters[node::Plane::data]));
    const sim::Medium::Stats& medium = report.medium;
    lines += line("air", fmt::format("{} frames; channel busy at {} of {} assessments",
                                     grouped(medium.frames_sent), grouped(medium.assessments_busy),
                                     grouped(medium.assessments)));
    const std::string fates = counts_text([&](auto&& named) {
        for (std::size_t i = 0; i < medium.fates.size(); ++i)
            named(sim::name_of(static_cast<sim::Fate>(i)), medium.fates[i]);
    });
    if (!fates.empty())
        lines += line("", fmt::format("of {} copies: {}", grouped(medium.copies), fates));
    return lines;
}

std::string heading(const sim::Report& report) {
    return fmt::format("{}: {}, seed {}, scenario {:016x}\n", report.name,
                       duration_to_text(report.simulated), report.seed, report.scenario);
}

std::string totals(const sim::Report& report) {
    std::string text =
        mesh_line(report) + readings_lines(report) + packets_lines(report) + air_lines(report);
    const sim::Network::Stats& host = report.host;
    if (host.packets_from_host + host.packets_to_host > 0)
        text += line("host",
                     fmt::format("{} packets into the mesh, {} out of it",
                                 grouped(host.packets_from_host), grouped(host.packets_to_host)));
    text += line("energy", fmt::format("{:.1f} J", report.joules));
    for (const sim::RecoveryReport& recovery : report.recoveries) text += recovery_text(recovery);
    return text;
}

}  // namespace

std::string report_table(const sim::Report& report) {
    Table table({"node", "joined", "rank", "parent", "hops", "sent", "arrived", "lost", "p50",
                 "p99", "ETX", "tx %", "rx %", "listen %", "J", "control", "data"});
    for (const sim::NodeReport& node : report.nodes) table.add(row_of(node));
    return heading(report) + "\n" + table.text() + "\n" + totals(report);
}

std::string report_summary(const sim::Report& report) {
    return heading(report) + totals(report);
}

}  // namespace causeway::cli
