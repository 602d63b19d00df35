#pragma once
// What the load generator counts: messages out and in, by sequence number, and how long they took.
#include "mqtt_bench_load.hpp"
#include "mqtt_bench_report.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace causeway::cli {

class BenchTally {
public:
    BenchTally(std::uint32_t publishers, std::uint32_t subscribers, BenchMode mode)
        : publishers_(publishers),
          // With a shared subscription the group is one subscriber, with no order of its own.
          shared_(mode == BenchMode::shared),
          next_(shared_ ? 0 : std::size_t{publishers} * subscribers),
          seen_(shared_ ? publishers : 0) {}

    void delivered(std::uint32_t subscriber, const BenchStamp& stamp, std::int64_t now) {
        if (stamp.publisher >= publishers_) return;
        latency.count(now - stamp.sent_ns);
        if (shared_) return delivered_to_group(stamp);
        const std::size_t at = std::size_t{subscriber} * publishers_ + stamp.publisher;
        if (at >= next_.size()) return;
        std::uint64_t& next = next_[at];
        if (stamp.sequence < next) {
            ++duplicated_;
            return;
        }
        ++received;
        next = stamp.sequence + 1;
    }

    /// The interval begins here.
    void mark() {
        latency.clear();
        sent_before_ = sent;
        received_before_ = received;
        connects = 0;
    }
    void read(BenchReport& report) const {
        report.published = sent - sent_before_;
        report.delivered = received - received_before_;
        report.latency = latency;
    }
    void read_losses(BenchReport& report) const {
        report.lost = expected - std::min(expected, received);
        report.duplicated = duplicated_;
        report.failures += refused;
    }

    std::uint64_t sent = 0;
    std::uint64_t expected = 0;  // deliveries of what was sent
    std::uint64_t received = 0;  // each once
    std::uint64_t connects = 0;
    std::uint64_t refused = 0;
    LatencyHistogram latency;

private:
    void delivered_to_group(const BenchStamp& stamp) {
        std::vector<bool>& seen = seen_[stamp.publisher];
        if (stamp.sequence >= seen.size()) {
            // A sequence number that we cannot have sent so far is no reason to allocate.
            if (stamp.sequence >= sent) return;
            seen.resize(stamp.sequence + stamp.sequence / 2 + 1024);
        }
        if (seen[stamp.sequence]) {
            ++duplicated_;
            return;
        }
        seen[stamp.sequence] = true;
        ++received;
    }

    std::uint32_t publishers_;
    bool shared_;
    std::vector<std::uint64_t> next_;
    std::vector<std::vector<bool>> seen_;
    std::uint64_t duplicated_ = 0;
    std::uint64_t sent_before_ = 0;
    std::uint64_t received_before_ = 0;
};

}  // namespace causeway::cli
