#include "scada/dnp3/outstation_state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

// Reads, and what they are answered; confirmations of responses. [IEEE 1815 §4.2, §4.4.2, §5.1.1.1]
namespace causeway::scada::dnp3 {
namespace {

/// Of one read: a request of many headers is no reason to keep a long list.
constexpr std::size_t parts_max = 1'024;
/// Headers that select events, of one read: each goes through the buffers.
constexpr std::size_t selections_max = 32;

constexpr std::uint8_t next_of(std::uint8_t sequence) noexcept {
    return (sequence + 1) & 0x0f;
}

std::size_t most_of(const ObjectHeader& header) noexcept {
    return header.qualifier == Qualifier::all ? std::numeric_limits<std::size_t>::max()
                                              : header.count;
}

}  // namespace

void Outstation::State::read(Instant now, Address source, const FragmentView& view) {
    parts.clear();
    part = 0;
    selections = 0;
    read_errors = {};
    ObjectReader headers(view.objects, ObjectReader::Carry::headers_only);
    while (const auto header = headers.next()) read_errors = read_errors | choose(*header);
    if (headers.trouble() != ObjectReader::Trouble::none) {
        // What cannot be understood to its end is not answered by halves.
        read_errors = read_errors | errors_of(headers.trouble());
        events.put_back();
        parts.clear();
    }
    go_on_reading(now, source, {.sequence = view.control.sequence});
}

Iins Outstation::State::choose(const ObjectHeader& header) {
    if (header.group == 60) return choose_class(header);
    if (const auto measured = measured_group(header.group)) {
        if (!readable(*measured, header.variation)) return Iin::object_unknown;
        if (!measured->event)
            return choose_points(measured->type, header, {.variation = header.variation});
        if (header.qualifier != Qualifier::all && !is_count(header)) return Iin::parameter_error;
        if (++selections > selections_max) return Iin::parameter_error;
        const bool text = measured->type == PointType::octet_string;
        events.select(measured->type, text ? 0 : header.variation, most_of(header));
        return {};
    }
    if (header.group == 34 && header.variation <= 3)
        return choose_points(PointType::analog, header,
                             {.kind = Part::Kind::deadbands, .variation = header.variation});
    const bool time = header.is(50, 1);
    if (time || header.is(80, 1)) {
        if (time && header.has_range()) return Iin::parameter_error;
        return add_part({.kind = time ? Part::Kind::time : Part::Kind::indications})
                   ? Iins{}
                   : Iin::parameter_error;
    }
    return Iin::object_unknown;
}

Iins Outstation::State::choose_class(const ObjectHeader& header) {
    if (header.variation == 0 || header.variation > 4) return Iin::object_unknown;
    const bool all = header.qualifier == Qualifier::all;
    if (header.variation != 1) {
        if (!all && !is_count(header)) return Iin::parameter_error;
        if (++selections > selections_max) return Iin::parameter_error;
        events.select({.one = header.variation == 2,
                       .two = header.variation == 3,
                       .three = header.variation == 4},
                      most_of(header));
        return {};
    }
    if (!all) return Iin::parameter_error;
    for (std::size_t i = 0; i < point_types; ++i) {
        const auto type = static_cast<PointType>(i);
        const std::size_t size = database.of(type).size();
        if (size != 0 && !add_part({.type = type, .class_0 = true, .points = {0, size}}))
            return Iin::parameter_error;
    }
    return {};
}

/// All of a type, a range, so many, or those of a list of indexes.
Iins Outstation::State::choose_points(PointType type, const ObjectHeader& header, Part wanted) {
    if (database.of(type).empty()) return Iin::object_unknown;
    wanted.type = type;
    if (header.qualifier == Qualifier::free_format) return Iin::parameter_error;
    if (!header.has_index()) {
        const Database::Named named = database.named(type, header);
        wanted.points = named.points;
        if (!named.points.empty() && !add_part(wanted)) return Iin::parameter_error;
        return named.all_there ? Iins{} : Iin::parameter_error;
    }
    Iins errors;
    for (std::uint32_t n = 0; n < header.count; ++n) {
        const auto index = header.named_index(n);
        const ObjectHeader one{
            .qualifier = Qualifier::range32, .start = index.value_or(0), .count = 1};
        const Database::Named named = database.named(type, one);
        if (!index || named.points.empty()) {
            errors = Iin::parameter_error;
            continue;
        }
        wanted.points = named.points;
        if (!add_part(wanted)) return Iin::parameter_error;
    }
    return errors;
}

bool Outstation::State::add_part(Part more) {
    if (!parts.empty()) {
        Part& before = parts.back();
        if (more.kind == before.kind && more.type == before.type &&
            more.variation == before.variation && !more.class_0 && !before.class_0 &&
            !more.points.empty() && more.points.begin == before.points.end) {
            before.points.end = more.points.end;
            return true;
        }
    }
    if (parts.size() == parts_max) return false;
    parts.push_back(more);
    return true;
}

/// The next fragment: events first, then the rest. [IEEE 1815 §5.1.6.2]
void Outstation::State::go_on_reading(Instant now, Address to, ApplicationControl control) {
    begin(control.sequence);
    bool all = events.write_selected(writer);
    const bool has_events = events.any_written();
    while (all && part < parts.size()) {
        all = write_part(now, parts[part]);
        if (all) ++part;
    }
    // Every object fits into an empty fragment; one that does not must not keep us here for ever.
    if (!all && !writer.has_objects()) all = true;
    control.final = all;
    control.confirm = has_events || !all;
    if (all) parts.clear();
    send_solicited(now, to, control, read_errors);
}

bool Outstation::State::write_part(Instant now, Part& which) {
    switch (which.kind) {
        case Part::Kind::points:
            return statics.write(writer, database.of(which.type), which.points.begin,
                                 which.points.end, which.variation, which.class_0);
        case Part::Kind::deadbands:
            return dnp3::write_deadbands(writer, database.of(which.type), which.points.begin,
                                         which.points.end, which.variation);
        case Part::Kind::time:
            return writer.time(50, 1, time(now).ms);
        case Part::Kind::indications: {
            const std::uint16_t bits = indications().bits();
            const std::array<std::byte, 7> octets{
                std::byte{80}, std::byte{1},           std::byte{0},        std::byte{0},
                std::byte{15}, std::byte(bits & 0xff), std::byte(bits >> 8)};
            return writer.raw(octets);
        }
    }
    return true;
}

// ---- responses ----

void Outstation::State::begin(std::uint8_t sequence) {
    writer.response({.sequence = sequence}, Function::response, {});
}

void Outstation::State::respond(Instant now, Address to, std::uint8_t sequence, Iins errors) {
    begin(sequence);
    send_solicited(now, to, {.sequence = sequence}, errors);
}

void Outstation::State::send_solicited(Instant now, Address to, ApplicationControl control,
                                       Iins errors) {
    if (errors.has(Iin::object_unknown)) ++stats.unknown_objects;
    if (errors.has(Iin::parameter_error)) ++stats.parameter_errors;
    // Whoever sent a broadcast to be confirmed learns by this confirmation that it was heard.
    if (heard.heard && heard.confirm) control.confirm = true;
    writer.set_iin(indications() | errors);
    writer.set_control(control);
    Octets octets = writer.take();
    ++stats.responses;
    const bool reads = last && last->octets[1] == std::byte{std::to_underlying(Function::read)};
    if (last && !reads) last->response = octets;
    if (control.confirm) {
        solicited = {.to = to,
                     .control = control,
                     .octets = octets,
                     .told_overflow = overflow,
                     .told_broadcast = heard.heard};
        timers.arm(Timer::solicited_confirm, after(now, settings.confirm_within));
    }
    if (!heard.confirm) heard = {};
    out.push(SendFragment{.destination = to, .octets = std::move(octets)});
}

Iins Outstation::State::indications() const {
    Iins all = device;
    all.set(Iin::broadcast, heard.heard);
    all.set(Iin::class_1_events, events.waiting({.one = true}) != 0);
    all.set(Iin::class_2_events, events.waiting({.two = true}) != 0);
    all.set(Iin::class_3_events, events.waiting({.three = true}) != 0);
    all.set(Iin::need_time, needs_time);
    all.set(Iin::device_restart, restarted);
    all.set(Iin::event_buffer_overflow, overflow);
    return all;
}

// ---- confirmations ----

void Outstation::State::confirmed(Instant now, Address source, ApplicationControl control) {
    if (control.unsolicited && unsolicited && source == settings.master &&
        control.sequence == unsolicited->control.sequence) {
        const Unsolicited was = *std::exchange(unsolicited, std::nullopt);
        timers.disarm(Timer::unsolicited_confirm);
        ++stats.confirms;
        if (was.null) null_due = false;
        stats.events_confirmed += events.confirm();
        heard_of(was.told_overflow, was.told_broadcast);
        resting_until = {};
        return answer_deferred(now);
    }
    if (control.unsolicited || !solicited || source != solicited->to ||
        control.sequence != solicited->control.sequence) {
        ++stats.not_for_us;
        return;
    }
    const Solicited was = *std::exchange(solicited, std::nullopt);
    timers.disarm(Timer::solicited_confirm);
    ++stats.confirms;
    // While an unsolicited response waits, the events that are written are its own.
    if (!unsolicited) stats.events_confirmed += events.confirm();
    heard_of(was.told_overflow, was.told_broadcast);
    if (!was.control.final)
        go_on_reading(now, was.to, {.first = false, .sequence = next_of(was.control.sequence)});
}

/// A master has heard of an overflow: that is over when there is room. [IEEE 1815 §4.2.2.6.12]
void Outstation::State::heard_of(bool overflow_told, bool broadcast_told) {
    if (overflow_told && !events.full()) overflow = false;
    if (broadcast_told) heard = {};
}

void Outstation::State::give_up_solicited() {
    solicited.reset();
    timers.disarm(Timer::solicited_confirm);
    parts.clear();
    if (!unsolicited) events.put_back();
}

void Outstation::State::answer_deferred(Instant now) {
    if (!deferred) return;
    const DeferredRead was = *std::exchange(deferred, std::nullopt);
    if (const auto view = FragmentView::parse(was.octets)) read(now, was.source, *view);
}

}  // namespace causeway::scada::dnp3
