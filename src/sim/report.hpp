#pragma once
// What a run came to, as plain data: each node and all of them together. Tables and JSON are made
// of it elsewhere.
#include "node/status.hpp"
#include "sim/network.hpp"
#include "sim/recorder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::sim {

struct LatencySummary {
    std::uint64_t count = 0;
    Duration mean{};
    Duration p50{};
    Duration p90{};
    Duration p99{};
    Duration max{};
};
[[nodiscard]] LatencySummary summary_of(const Latencies& latencies);

struct NodeReport {
    std::string name;
    Position at;
    bool root = false;
    bool powered = false;  // at the end
    bool joined = false;
    std::optional<Instant> joined_at;  // the first time in its present life
    std::uint16_t rank = 0xffff;
    std::optional<std::string> parent;  // its name
    std::optional<std::uint32_t> hops;  // to the root along preferred parents; none without a way
    double etx = 0;
    std::uint32_t parent_changes = 0;
    ReadingCounts readings;
    LatencySummary latency;
    node::Counters counters;
    RadioTimes radio_times;
    DutyCycle duty_cycle;
    double joules = 0;
};

struct RecoveryReport {
    FaultPlan::Kind kind = FaultPlan::Kind::node_dies;
    Instant at{};
    std::string node;
    std::string other;  // link_cut only
    struct Affected {
        std::string node;
        std::optional<Duration> healed_after;
    };
    std::vector<Affected> affected;
    /// Until readings of every affected node arrived again; none: some never did. The wait for the
    /// next reading to be due is part of it.
    std::optional<Duration> healed_after;
};

struct Report {
    std::string name;
    std::uint64_t seed = 0;
    std::uint64_t scenario = 0;  // scenario_hash
    Duration simulated{};
    std::vector<NodeReport> nodes;

    // All nodes together.
    std::size_t joined = 0;                // the root included
    std::optional<Instant> all_joined_at;  // once every node that has power has joined
    std::uint32_t hops_max = 0;
    double hops_mean = 0;  // of those that have a way; the root left out
    ReadingCounts readings;
    LatencySummary latency;
    node::Counters counters;
    double joules = 0;
    Medium::Stats medium;
    Network::Stats host;
    std::vector<RecoveryReport> recoveries;

    /// Share of the octets put on the air that were not for anybody's data, 0 to 1.
    [[nodiscard]] double control_share() const noexcept;
    [[nodiscard]] bool balanced() const noexcept;
};

[[nodiscard]] Report report_of(const Network& network, const Recorder& recorder);

}  // namespace causeway::sim
