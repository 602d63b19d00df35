#pragma once
// The transport function: fragments as segments of 249 octets, each with an octet that says whether
// it is the first or the final one, and its number. [IEEE 1815 §8.2]
#include "base/bytes.hpp"
#include "scada/dnp3/types.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace causeway::scada::dnp3 {

inline constexpr std::size_t segment_octets_max = 249;

struct SegmentHeader {
    bool first = false;
    bool final = false;
    std::uint8_t sequence = 0;  // 0 to 63

    [[nodiscard]] constexpr std::byte octet() const noexcept {
        return std::byte((final ? 0x80u : 0u) | (first ? 0x40u : 0u) | (sequence & 0x3fu));
    }
    [[nodiscard]] static constexpr SegmentHeader from_octet(std::byte octet) noexcept {
        const auto bits = std::to_integer<unsigned>(octet);
        return {.first = (bits & 0x40) != 0,
                .final = (bits & 0x80) != 0,
                .sequence = static_cast<std::uint8_t>(bits & 0x3f)};
    }
    friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

/// What is left of a fragment that goes out segment by segment.
class Segments {
public:
    explicit Segments(Bytes fragment) noexcept : rest_(fragment) {}
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    /// `sequence` is the session's own and goes on from fragment to fragment.
    struct Segment {
        SegmentHeader header;
        Bytes octets;
    };
    [[nodiscard]] Segment next(std::uint8_t& sequence) noexcept {
        const std::size_t octets = std::min(rest_.size(), segment_octets_max);
        const Segment segment{
            .header = {.first = first_, .final = octets == rest_.size(), .sequence = sequence},
            .octets = rest_.first(octets)};
        sequence = (sequence + 1) & 0x3f;
        rest_ = rest_.subspan(octets);
        first_ = false;
        return segment;
    }

private:
    Bytes rest_;
    bool first_ = true;
};

/// Puts one fragment together at a time.
class FragmentAssembly {
public:
    explicit FragmentAssembly(std::size_t octets_max) noexcept : most_(octets_max) {}

    enum class Outcome : std::uint8_t {
        more,          // is to come
        whole,         // octets() is a fragment
        out_of_order,  // thrown away, and what there was with it, unless it came twice
        too_long,      // likewise
    };
    /// `segment` begins with the transport's octet. [IEEE 1815 §8.2]
    Outcome take(Address source, Address destination, Bytes segment);
    [[nodiscard]] Bytes octets() const noexcept { return octets_; }
    void clear() noexcept { under_way_ = false; }

private:
    Octets octets_;
    std::size_t most_;
    std::size_t last_at_ = 0;  // where the last segment begins
    Address source_ = 0;
    Address destination_ = 0;
    std::uint8_t next_ = 0;
    bool under_way_ = false;
};

}  // namespace causeway::scada::dnp3
