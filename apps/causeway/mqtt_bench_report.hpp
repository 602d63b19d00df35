#pragma once
// What `causeway mqtt bench` has measured, for people and for programs.
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>

namespace causeway::cli {

/// Nanoseconds in buckets that are each 1/32 of their power of two wide: percentiles are right to
/// three per cent, and counting one is an increment.
class LatencyHistogram {
public:
    void count(std::int64_t ns) noexcept {
        const std::uint64_t value = ns < 1 ? 1u : static_cast<std::uint64_t>(ns);
        ++buckets_[bucket_of(value)];
        ++total_;
        if (value > most_) most_ = value;
    }
    void clear() noexcept { *this = {}; }
    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
    [[nodiscard]] double max_us() const noexcept { return static_cast<double>(most_) / 1e3; }
    /// The upper end of the bucket that holds this part (0 to 1) of all.
    [[nodiscard]] double percentile_us(double part) const noexcept;

private:
    static constexpr std::size_t per_power = 32;
    static std::size_t bucket_of(std::uint64_t value) noexcept {
        const auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;
        if (power < 5) return static_cast<std::size_t>(value);
        return (power - 4) * per_power + ((value >> (power - 5)) & (per_power - 1));
    }
    std::array<std::uint64_t, 61 * per_power> buckets_{};
    std::uint64_t total_ = 0;
    std::uint64_t most_ = 0;
};

/// CPU time of this process, in seconds.
[[nodiscard]] double own_cpu_s();

/// CPU time and memory of a process, from /proc.
struct ProcessUse {
    double cpu_s = 0;
    std::uint64_t resident_octets = 0;
    [[nodiscard]] static std::optional<ProcessUse> of(int pid);
};

struct BenchReport {
    std::string mode;
    int qos = 0;
    std::string version;
    std::uint32_t publishers = 0;
    std::uint32_t subscribers = 0;
    std::uint32_t size = 0;
    double seconds = 0;           // of the measured interval
    std::uint64_t published = 0;  // in it
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;  // of all, until the subscribers had been silent for a while
    std::uint64_t duplicated = 0;
    std::uint64_t connects = 0;  // connect, connections
    std::uint64_t failures = 0;  // connections that were refused or went
    LatencyHistogram latency;    // publish to delivery; connect: to CONNACK
    double generator_cpu_s = 0;
    std::optional<double> broker_cpu_s;
    std::optional<std::uint64_t> broker_resident_before;
    std::optional<std::uint64_t> broker_resident_after;
};

[[nodiscard]] std::string bench_to_json(const BenchReport& report);
[[nodiscard]] std::string bench_to_text(const BenchReport& report);

}  // namespace causeway::cli
