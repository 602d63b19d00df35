#include "scada/dnp3/database.hpp"

#include "scada/dnp3/objects.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace causeway::scada::dnp3 {
namespace {

constexpr std::size_t place_of(PointType type) noexcept {
    return static_cast<std::size_t>(std::to_underlying(type));
}

/// By type: static; event with a time; event without.
struct OwnVariations {
    std::uint8_t static_data;
    std::uint8_t timed_event;
    std::uint8_t event;
};
constexpr std::array<OwnVariations, point_types> own_variations{{
    {2, 2, 1},  // binary
    {2, 2, 1},  // double_bit
    {2, 2, 1},  // binary_output
    {1, 5, 1},  // counter
    {1, 5, 1},  // frozen_counter
    {5, 7, 5},  // analog
    {3, 7, 5},  // analog_output
    {0, 0, 0},  // octet_string: its length
}};

MeasuredValue nothing_yet(PointType type) {
    switch (type) {
        case PointType::binary:
        case PointType::binary_output:
            return false;
        case PointType::double_bit:
            return DoubleBit::indeterminate;
        case PointType::counter:
        case PointType::frozen_counter:
            return std::uint32_t{0};
        case PointType::analog:
        case PointType::analog_output:
            return 0.0;
        case PointType::octet_string:
            return Octets(1);
    }
    return false;
}

/// Bits of the flags octet that are the value's in some variation.
constexpr std::uint8_t flags_of(PointType type, std::uint8_t flags) noexcept {
    switch (type) {
        case PointType::binary:
        case PointType::binary_output:
            return flags & 0x7f;
        case PointType::double_bit:
            return flags & 0x3f;
        default:
            return flags;
    }
}

/// The value as its type has it, so that nothing downstream meets another.
MeasuredValue fitted(PointType type, MeasuredValue value) {
    MeasuredValue blank = nothing_yet(type);
    if (value.index() == blank.index()) {
        if (auto* text = std::get_if<Octets>(&value)) {
            if (text->empty()) text->resize(1);  // no variation has length 0
            if (text->size() > 255) text->resize(255);
        }
        return value;
    }
    double number = 0;
    if (const auto* bit = std::get_if<bool>(&value)) number = *bit ? 1 : 0;
    if (const auto* count = std::get_if<std::uint32_t>(&value)) number = *count;
    if (const auto* real = std::get_if<double>(&value)) number = *real;
    if (std::holds_alternative<bool>(blank)) return number != 0;
    if (std::holds_alternative<double>(blank)) return number;
    if (std::holds_alternative<std::uint32_t>(blank))
        return number >= 0 && number <= std::numeric_limits<std::uint32_t>::max()
                   ? static_cast<std::uint32_t>(number)
                   : std::uint32_t{0};
    return blank;
}

/// Whether an analog has gone further than its deadband from what was last told.
bool beyond(double value, double told, double deadband) noexcept {
    if (std::isnan(value) || std::isnan(told)) return std::isnan(value) != std::isnan(told);
    if (value == told) return false;  // infinities, too
    return std::abs(value - told) > deadband;
}

/// The shorter way round, so that a counter that rolls over has moved by one.
double counted(std::uint32_t value, double told) noexcept {
    const auto before = static_cast<std::uint32_t>(told);
    return std::min(value - before, before - value);
}

}  // namespace

Database::Database(std::span<const PointPlan> plans, bool event_times) {
    std::vector<const PointPlan*> sorted;
    sorted.reserve(plans.size());
    for (const PointPlan& plan : plans) sorted.push_back(&plan);
    // By index; of those planned twice the first stands first, and counts.
    std::ranges::sort(sorted, [](const PointPlan* a, const PointPlan* b) {
        return a->index != b->index ? a->index < b->index : a < b;
    });
    for (const PointPlan* plan : sorted) {
        std::vector<Point>& all = points_[place_of(plan->type)];
        if (!all.empty() && all.back().plan.index == plan->index) continue;
        Point point{.plan = *plan,
                    .current = {.type = plan->type,
                                .index = plan->index,
                                .flags = flag::restart,
                                .value = nothing_yet(plan->type)}};
        const OwnVariations& own = own_variations[place_of(plan->type)];
        // Zero, and what the type does not have, is the type's own.
        if (plan->static_variation == 0 || !readable({plan->type, false}, plan->static_variation))
            point.plan.static_variation = own.static_data;
        if (plan->event_variation == 0 || !readable({plan->type, true}, plan->event_variation))
            point.plan.event_variation = event_times ? own.timed_event : own.event;
        if (!(plan->deadband >= 0)) point.plan.deadband = 0;
        all.push_back(std::move(point));
    }
}

Point* Database::find(PointType type, std::uint16_t index) noexcept {
    return const_cast<Point*>(std::as_const(*this).find(type, index));
}

const Point* Database::find(PointType type, std::uint16_t index) const noexcept {
    const std::vector<Point>& all = points_[place_of(type)];
    // Mostly there are no gaps, and a point's index is its place.
    if (index < all.size() && all[index].plan.index == index) return &all[index];
    const auto at = std::ranges::lower_bound(all, index, {},
                                             [](const Point& point) { return point.plan.index; });
    return at != all.end() && at->plan.index == index ? &*at : nullptr;
}

std::span<Point> Database::of(PointType type) noexcept {
    return points_[place_of(type)];
}

std::span<const Point> Database::of(PointType type) const noexcept {
    return points_[place_of(type)];
}

Database::Named Database::named(PointType type, const ObjectHeader& header) const noexcept {
    const std::vector<Point>& all = points_[place_of(type)];
    if (header.qualifier == Qualifier::all) return {.points = {0, all.size()}};
    if (!header.has_range())
        return {.points = {0, std::min<std::size_t>(header.count, all.size())}};
    if (all.empty() || header.count == 0) return {.all_there = false};
    const std::uint64_t last = std::uint64_t{header.start} + header.count - 1;
    const auto index_of = [](const Point& point) { return std::uint64_t{point.plan.index}; };
    const auto from = std::ranges::lower_bound(all, std::uint64_t{header.start}, {}, index_of);
    const auto to = std::ranges::upper_bound(all, last, {}, index_of);
    const Stretch points{static_cast<std::size_t>(from - all.begin()),
                         static_cast<std::size_t>(to - all.begin())};
    return {.points = points,
            .all_there = !points.empty() && header.start >= all.front().plan.index &&
                         last <= all.back().plan.index};
}

bool Database::update(Point& point, Measurement&& measurement, bool anyhow) {
    const PointType type = point.plan.type;
    Measurement& current = point.current;
    MeasuredValue value = fitted(type, std::move(measurement.value));
    const std::uint8_t flags = flags_of(type, measurement.flags);
    bool changed = anyhow || flags != current.flags;
    if (const auto* real = std::get_if<double>(&value)) {
        changed = changed || beyond(*real, point.told, point.plan.deadband);
        if (changed) point.told = *real;
    } else if (const auto* count = std::get_if<std::uint32_t>(&value)) {
        changed = changed || counted(*count, point.told) > point.plan.deadband;
        if (changed) point.told = *count;
    } else {
        changed = changed || value != current.value;
    }
    current.flags = flags;
    current.value = std::move(value);
    current.time = measurement.time;
    return changed;
}

Point* Database::freeze(std::uint16_t index, bool clear, const Timestamp& at) noexcept {
    Point* const counter = find(PointType::counter, index);
    if (counter == nullptr) return nullptr;
    Point* const frozen = find(PointType::frozen_counter, index);
    if (frozen != nullptr) {
        frozen->current.value = counter->current.value;
        frozen->current.flags = counter->current.flags;
        frozen->current.time = at;
    }
    if (clear) {
        counter->current.value = std::uint32_t{0};
        counter->told = 0;
    }
    return frozen;
}

std::uint8_t Database::static_variation(const Point& point, std::uint8_t asked) noexcept {
    if (const auto* text = std::get_if<Octets>(&point.current.value))
        return static_cast<std::uint8_t>(text->size());
    const std::uint8_t variation = asked == 0 ? point.plan.static_variation : asked;
    if (point.current.flags == flag::online) return variation;
    switch (point.plan.type) {
        case PointType::binary:
        case PointType::double_bit:
        case PointType::binary_output:
            return 2;
        case PointType::counter:
            return variation == 5 ? 1 : variation == 6 ? 2 : variation;
        case PointType::frozen_counter:
            return variation == 9 ? 1 : variation == 10 ? 2 : variation;
        case PointType::analog:
            return variation == 3 ? 1 : variation == 4 ? 2 : variation;
        default:
            return variation;
    }
}

bool readable(const MeasuredGroup& group, std::uint8_t variation) noexcept {
    if (variation == 0 || group.type == PointType::octet_string) return true;
    const Layout* const layout =
        layout_of(group.event ? event_group(group.type) : static_group(group.type), variation);
    return layout != nullptr && layout->value != ValueForm::none;
}

bool StaticWriter::write(FragmentWriter& out, std::span<const Point> points, std::size_t& at,
                         std::size_t end, std::uint8_t variation, bool class_0) {
    end = std::min(end, points.size());
    while (at < end) {
        // A run of points in a row that are told in one variation, not many more than fit.
        run_.clear();
        positions_.clear();
        std::uint8_t told_in = 0;
        std::size_t most = 0;
        std::size_t next = at;
        for (; next < end; ++next) {
            const Point& point = points[next];
            if (class_0 && !point.plan.in_class_0) continue;
            const std::uint8_t want = Database::static_variation(point, variation);
            if (run_.empty()) {
                told_in = want;
                const std::uint8_t group = static_group(point.plan.type);
                const std::size_t octets = octets_of(group, want);
                const unsigned bits = bits_of(group, want);
                most = 1 + (octets != 0 ? out.room() / octets : bits != 0 ? out.room() * 8 : 0);
            }
            if (want != told_in || run_.size() == most) break;
            run_.push_back(point.current);
            positions_.push_back(next);
        }
        std::size_t done = 0;
        while (done < run_.size()) {
            const std::size_t wrote = out.statics(told_in, std::span(run_).subspan(done));
            if (wrote == 0) {
                at = positions_[done];
                return false;
            }
            done += wrote;
        }
        at = next;
    }
    return true;
}

bool write_deadbands(FragmentWriter& out, std::span<const Point> points, std::size_t& at,
                     std::size_t end, std::uint8_t variation) {
    if (variation == 0) variation = 3;
    const std::size_t octets = octets_of(34, variation);
    end = std::min(end, points.size());
    while (at < end) {
        std::size_t stop = at + 1;  // behind the last of those with indexes in a row
        while (stop < end && points[stop].plan.index == points[stop - 1].plan.index + 1u) ++stop;
        constexpr std::size_t header = 7;  // at most
        if (out.room() < header + octets) return false;
        stop = std::min(stop, at + (out.room() - header) / octets);
        if (!out.header_range(34, variation, points[at].plan.index, points[stop - 1].plan.index))
            return false;
        for (; at < stop; ++at) {
            std::array<std::byte, 4> object{};
            ByteWriter value(MutableBytes(object).first(octets));
            const double deadband = points[at].plan.deadband;
            bool exceeded = false;
            if (variation == 3)
                value.le32(std::bit_cast<std::uint32_t>(clamped_float(deadband, exceeded)));
            else if (variation == 1)
                value.le16(static_cast<std::uint16_t>(std::clamp(deadband, 0.0, 65'535.0)));
            else
                value.le32(static_cast<std::uint32_t>(std::clamp(deadband, 0.0, 4'294'967'295.0)));
            out.raw(Bytes(object).first(octets));
        }
    }
    return true;
}

}  // namespace causeway::scada::dnp3
