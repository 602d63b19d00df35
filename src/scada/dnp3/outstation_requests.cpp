#include "scada/dnp3/outstation_state.hpp"

#include "scada/dnp3/objects.hpp"

#include <bit>
#include <cmath>
#include <utility>

// Writes, freezes, classes, restarts, time: what masters ask for beside reads and controls.
// [IEEE 1815 §4.4, §10.3, §10.4]
namespace causeway::scada::dnp3 {

// ---- writes ----

Iins Outstation::State::write(Instant now, Bytes objects) {
    Iins errors;
    ObjectReader headers(objects, ObjectReader::Carry::objects);
    while (const auto header = headers.next()) {
        if (header->is(80, 1))
            errors = errors | write_indications(*header);
        else if (header->is(50, 1) || header->is(50, 3))
            errors = errors | write_time(now, *header);
        else if (header->group == 34)
            errors = errors | write_deadbands(*header);
        else
            errors.set(Iin::object_unknown);
    }
    return errors | errors_of(headers.trouble());
}

/// IIN1.7 alone is the master's to clear, and nobody's to set. [IEEE 1815 §4.4.2, §A.28]
Iins Outstation::State::write_indications(const ObjectHeader& header) {
    constexpr std::uint32_t restart_bit = 7;
    if (!header.has_range() || header.start != restart_bit || header.count != 1 ||
        header.octets.empty() || (header.octets[0] & std::byte{1}) != std::byte{0})
        return Iin::parameter_error;
    restarted = false;
    return {};
}

Iins Outstation::State::write_time(Instant now, const ObjectHeader& header) {
    const auto ms = time_of(header);
    if (header.count != 1 || header.has_index() || !ms) return Iin::parameter_error;
    std::uint64_t is = *ms;
    if (header.variation == 3) {
        // What the master's clock showed when it asked us to record ours. [IEEE 1815 §10.3.3.2]
        if (!recorded) return Iin::parameter_error;
        const Instant at = *std::exchange(recorded, std::nullopt);
        is += static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now - at).count());
    }
    set_clock(now, is);
    out.push(TimeWritten{.ms = is});
    return {};
}

Iins Outstation::State::write_deadbands(const ObjectHeader& header) {
    const std::size_t octets = octets_of(34, header.variation);
    const bool indexed = header.has_index();
    if (octets == 0 || database.of(PointType::analog).empty()) return Iin::object_unknown;
    if (!indexed && !header.has_range()) return Iin::parameter_error;
    Iins errors;
    ByteReader in(header.octets);
    for (std::uint32_t n = 0; n < header.count && in.more(); ++n) {
        std::uint64_t index = std::uint64_t{header.start} + n;
        if (indexed)
            index = header.index_octets() == 1   ? in.u8()
                    : header.index_octets() == 2 ? in.le16()
                                                 : in.le32();
        const double deadband = header.variation == 1 ? in.le16()
                                : header.variation == 2
                                    ? in.le32()
                                    : static_cast<double>(std::bit_cast<float>(in.le32()));
        Point* const point =
            index > 0xffff ? nullptr
                           : database.find(PointType::analog, static_cast<std::uint16_t>(index));
        if (point == nullptr || !in.ok() || !std::isfinite(deadband) || deadband < 0)
            errors.set(Iin::parameter_error);
        else
            point->plan.deadband = deadband;
    }
    return errors;
}

// ---- points by name ----

template <class Visit>
Iins Outstation::State::each_named(PointType type, const ObjectHeader& header, Visit&& visit) {
    const std::span<Point> all = database.of(type);
    if (all.empty()) return Iin::object_unknown;
    if (header.qualifier == Qualifier::free_format) return Iin::parameter_error;
    if (!header.has_index()) {
        const Database::Named named = database.named(type, header);
        for (std::size_t i = named.points.begin; i < named.points.end; ++i) visit(all[i]);
        return named.all_there ? Iins{} : Iin::parameter_error;
    }
    Iins errors;
    for (std::uint32_t n = 0; n < header.count; ++n) {
        const auto index = header.named_index(n);
        Point* const point = !index || *index > 0xffff
                                 ? nullptr
                                 : database.find(type, static_cast<std::uint16_t>(*index));
        if (point == nullptr)
            errors.set(Iin::parameter_error);
        else
            visit(*point);
    }
    return errors;
}

/// Counters alone: we have no frozen analogs. A freeze is an event of the frozen counter, whether
/// or not it counted meanwhile. [IEEE 1815 §4.4.8, §5.1.5]
Iins Outstation::State::freeze(Instant now, const FragmentView& view) {
    const bool clear = view.function == Function::freeze_and_clear ||
                       view.function == Function::freeze_and_clear_no_ack;
    const Timestamp at = time(now);
    Iins errors;
    ObjectReader headers(view.objects, ObjectReader::Carry::headers_only);
    while (const auto header = headers.next()) {
        if (header->group != 20) {
            errors.set(Iin::object_unknown);
            continue;
        }
        errors = errors | each_named(PointType::counter, *header, [&](const Point& counter) {
                     const std::uint16_t index = counter.plan.index;
                     if (const Point* frozen = database.freeze(index, clear, at))
                         report(now, *frozen, frozen->plan.event_class);
                     out.push(CounterFrozen{.index = index, .cleared = clear});
                 });
    }
    return errors | errors_of(headers.trouble());
}

/// A class (g60), then the points that are in it from now on. [IEEE 1815 §4.4.12]
Iins Outstation::State::assign_class(const FragmentView& view) {
    Iins errors;
    std::optional<EventClass> to;
    ObjectReader headers(view.objects, ObjectReader::Carry::headers_only);
    while (const auto header = headers.next()) {
        if (header->group == 60) {
            if (header->variation < 1 || header->variation > 4 ||
                header->qualifier != Qualifier::all) {
                errors.set(Iin::parameter_error);
                to.reset();
            } else {
                to = static_cast<EventClass>(header->variation - 1);
            }
            continue;
        }
        const auto measured = measured_group(header->group);
        if (!measured || measured->event || !readable(*measured, header->variation))
            errors.set(Iin::object_unknown);
        else if (!to)
            errors.set(Iin::parameter_error);
        else
            errors = errors | each_named(measured->type, *header,
                                         [&](Point& point) { point.plan.event_class = *to; });
    }
    return errors | errors_of(headers.trouble());
}

/// Where there are none, asking for them or for silence is equally pointless, and both are refused.
Iins Outstation::State::enable_unsolicited(const FragmentView& view, bool enable) {
    if (!settings.unsolicited) return Iin::no_func_code_support;
    Iins errors;
    Classes named;
    ObjectReader headers(view.objects, ObjectReader::Carry::headers_only);
    while (const auto header = headers.next()) {
        const bool whole = header->qualifier == Qualifier::all;
        if (header->group != 60)
            errors.set(Iin::object_unknown);
        else if (!whole || header->variation < 2 || header->variation > 4)
            errors.set(Iin::parameter_error);
        else
            (header->variation == 2   ? named.one
             : header->variation == 3 ? named.two
                                      : named.three) = true;
    }
    errors = errors | errors_of(headers.trouble());
    if (errors != Iins{}) return errors;  // all of it, or nothing
    if (named.one) enabled.one = enable;
    if (named.two) enabled.two = enable;
    if (named.three) enabled.three = enable;
    // Events that waited for this need not be gathered any more.
    if (enable && events.waiting(enabled) != 0) gathered = {};
    return errors;
}

// ---- time and restarts ----

Iins Outstation::State::record_time(Instant now, Bytes objects) {
    if (!objects.empty()) return Iin::parameter_error;
    recorded = now;
    return {};
}

/// How long the request was held here: answers leave at once. [IEEE 1815 §10.3.3.1]
void Outstation::State::measure_delay(Instant now, Address source, const FragmentView& view) {
    begin(view.control.sequence);
    writer.time(52, 2, 0);
    send_solicited(now, source, {.sequence = view.control.sequence}, {});
}

void Outstation::State::restart(Instant now, Address source, const FragmentView& view) {
    const std::uint8_t sequence = view.control.sequence;
    if (!settings.restarts) return respond(now, source, sequence, Iin::no_func_code_support);
    const auto ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(settings.restart_within).count());
    constexpr std::uint64_t fine_most = 0xffff;
    begin(sequence);
    if (ms <= fine_most)
        writer.time(52, 2, ms);
    else
        writer.time(52, 1, (ms + 999) / 1'000);
    send_solicited(now, source, {.sequence = sequence}, {});
    const bool cold = view.function == Function::cold_restart;
    out.push(RestartRequested{.cold = cold});

    if (unsolicited) end_unsolicited();
    give_up_solicited();
    restarted = true;
    recorded.reset();
    if (cold && settings.needs_time) {
        needs_time = true;
        timers.disarm(Timer::need_time);
    }
    enabled = settings.unsolicited ? settings.unsolicited_at_start : Classes{};
    enabled.zero = false;
    null_due = settings.unsolicited;
    // The null response comes when we are back.
    resting_until = after(now, settings.restart_within);
}

}  // namespace causeway::scada::dnp3
