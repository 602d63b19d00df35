#pragma once
// How long things took: a histogram with buckets that widen with the value, so that a day of
// readings costs a few hundred octets and a percentile is right to 3 %.
#include "base/time.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::sim {

class Latencies {
public:
    void add(Duration latency) {
        const Duration taken = std::max(latency, Duration{});
        const std::size_t bucket = bucket_of(taken);
        if (bucket >= counts_.size()) counts_.resize(bucket + 1, 0);
        ++counts_[bucket];
        least_ = count_ == 0 ? taken : std::min(least_, taken);
        most_ = std::max(most_, taken);
        sum_ += taken;
        ++count_;
    }
    void add(const Latencies& more) {
        if (more.count_ == 0) return;
        if (more.counts_.size() > counts_.size()) counts_.resize(more.counts_.size(), 0);
        for (std::size_t i = 0; i < more.counts_.size(); ++i) counts_[i] += more.counts_[i];
        least_ = count_ == 0 ? more.least_ : std::min(least_, more.least_);
        most_ = std::max(most_, more.most_);
        sum_ += more.sum_;
        count_ += more.count_;
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] Duration min() const noexcept { return least_; }
    [[nodiscard]] Duration max() const noexcept { return most_; }
    [[nodiscard]] Duration mean() const noexcept {
        return count_ == 0 ? Duration{} : sum_ / static_cast<std::int64_t>(count_);
    }
    /// The value that `per_mille` of all do not exceed, by nearest rank; zero when there are none.
    [[nodiscard]] Duration quantile(std::uint32_t per_mille) const noexcept {
        if (count_ == 0) return {};
        const std::uint64_t rank = std::max<std::uint64_t>((count_ * per_mille + 999) / 1000, 1);
        std::uint64_t passed = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            passed += counts_[bucket];
            if (passed >= rank) return std::clamp(middle_of(bucket), least_, most_);
        }
        return most_;
    }

private:
    // In units of 256 us, under the shortest frame's air time, exact up to 16 of them; from there
    // on 16 buckets for each doubling.
    static constexpr std::int64_t unit_nanoseconds = 256'000;
    static constexpr unsigned bits = 4;
    static constexpr std::uint64_t per_doubling = 1u << bits;

    static std::size_t bucket_of(Duration latency) noexcept {
        const auto units = static_cast<std::uint64_t>(latency.count() / unit_nanoseconds);
        if (units < per_doubling) return units;
        const unsigned shift = static_cast<unsigned>(std::bit_width(units)) - 1 - bits;
        return shift * per_doubling + (units >> shift);
    }
    static Duration middle_of(std::size_t bucket) noexcept {
        std::uint64_t low = bucket;
        std::uint64_t width = 1;
        if (bucket >= 2 * per_doubling) {
            const std::uint64_t shift = bucket / per_doubling - 1;
            low = (bucket - shift * per_doubling) << shift;
            width = std::uint64_t{1} << shift;
        }
        return Duration(static_cast<std::int64_t>(2 * low + width) * unit_nanoseconds / 2);
    }

    std::vector<std::uint32_t> counts_;
    std::uint64_t count_ = 0;
    Duration least_{};
    Duration most_{};
    Duration sum_{};
};

}  // namespace causeway::sim
