#pragma once
// An outstation's points: what they are now, in which class their events are, and in which
// variations they are told. By type, then by index. [IEEE 1815 §4.1.2, §4.1.5, §11]
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/measurement.hpp"
#include "scada/dnp3/outstation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace causeway::scada::dnp3 {

struct Point {
    PointPlan plan;       // with the variations that its zeros stand for
    Measurement current;  // restart, until it is first updated
    double told = 0;      // what the last event said, of analogs and counters
};

/// Positions in a type's points, not indexes.
struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
    [[nodiscard]] bool empty() const noexcept { return begin >= end; }
};

class Database {
public:
    Database(std::span<const PointPlan> plans, bool event_times);

    [[nodiscard]] Point* find(PointType type, std::uint16_t index) noexcept;
    [[nodiscard]] const Point* find(PointType type, std::uint16_t index) const noexcept;
    [[nodiscard]] std::span<Point> of(PointType type) noexcept;
    [[nodiscard]] std::span<const Point> of(PointType type) const noexcept;

    /// The points that a request's header names by range, by count (the first so many) or all of
    /// them.
    struct Named {
        Stretch points{};
        bool all_there = true;  // none of the range's ends lies outside of what is installed
    };
    [[nodiscard]] Named named(PointType type, const ObjectHeader& header) const noexcept;

    /// Takes the value, flags and time over. True: it is worth an event, or `anyhow`.
    static bool update(Point& point, Measurement&& measurement, bool anyhow);

    /// A frozen counter takes its counter's value. Null where there is no such point.
    Point* freeze(std::uint16_t index, bool clear, const Timestamp& at) noexcept;

    /// In which variation a point is told when a request wants `asked` (0: the point's own): where
    /// flags other than ONLINE would be lost, the one that has them. [IEEE 1815 §11.3.2.2]
    [[nodiscard]] static std::uint8_t static_variation(const Point& point,
                                                       std::uint8_t asked) noexcept;

private:
    std::array<std::vector<Point>, point_types> points_;
};

/// Whether a request may ask for this variation of measured data; 0 is always one.
[[nodiscard]] bool readable(const MeasuredGroup& group, std::uint8_t variation) noexcept;

/// Writes static data, one stretch of one type after the other.
class StaticWriter {
public:
    /// Goes on at `at` (a position) until `end`. False: the fragment is full, and `at` is where it
    /// has to go on.
    [[nodiscard]] bool write(FragmentWriter& out, std::span<const Point> points, std::size_t& at,
                             std::size_t end, std::uint8_t variation, bool class_0);

private:
    std::vector<Measurement> run_;
    std::vector<std::size_t> positions_;
};

/// g34: the same for deadbands of analogs. [IEEE 1815 §A.18]
[[nodiscard]] bool write_deadbands(FragmentWriter& out, std::span<const Point> points,
                                   std::size_t& at, std::size_t end, std::uint8_t variation);

}  // namespace causeway::scada::dnp3
