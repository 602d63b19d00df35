#pragma once
// What a DAG Metric Container holds: routing metric and constraint objects. [RFC 6551 §2.1]
// Hop Count [§3.3] and ETX [§4.3.2] are understood; every other object is kept as octets.
#include "base/repr.hpp"

#include <optional>

namespace causeway::rpl {

enum class MetricType : std::uint8_t {
    node_state_and_attribute = 1,
    node_energy = 2,
    hop_count = 3,
    link_throughput = 4,
    link_latency = 5,
    link_quality_level = 6,
    link_etx = 7,
    link_color = 8,
};

/// A: how a metric adds up along a path; meaningless for a constraint or a recorded metric.
enum class Aggregation : std::uint8_t {
    additive = 0,
    maximum = 1,
    minimum = 2,
    multiplicative = 3
};

struct MetricObject {
    MetricType type{};
    bool partial = false;     // P: some node on the path could not record it
    bool constraint = false;  // C
    bool optional = false;    // O: of a constraint
    bool recorded = false;    // R: a list of values rather than an aggregate
    Aggregation aggregation{};
    std::uint8_t precedence = 0;  // 0 is the highest, 15 the least
    Octets body;                  // at most 255 octets

    static Result<MetricObject> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 4 + body.size(); }
    void emit(ByteWriter& out) const;

    /// An aggregated metric of `hops` nodes.
    [[nodiscard]] static MetricObject of_hop_count(std::uint8_t hops);
    /// Nodes traversed so far; nullopt when this is another kind of object.
    [[nodiscard]] std::optional<std::uint8_t> hop_count() const noexcept;
    /// ETX * 128 of the last sub-object.
    [[nodiscard]] std::optional<std::uint16_t> etx_128() const noexcept;

    friend bool operator==(const MetricObject&, const MetricObject&) = default;
};
static_assert(Repr<MetricObject>);

}  // namespace causeway::rpl
