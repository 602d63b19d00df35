// Answers: fragments put in order, what they carry, and what their internal indications ask for.
#include "scada/dnp3/master_state.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {
namespace {

ObjectReader::Trouble trouble_of(const FragmentView& fragment) {
    ObjectReader reader(fragment.objects, ObjectReader::carry_of(fragment));
    while (reader.next()) {
    }
    return reader.trouble();
}

constexpr Classes classes_of(Iins iin) {
    return {.one = iin.has(Iin::class_1_events),
            .two = iin.has(Iin::class_2_events),
            .three = iin.has(Iin::class_3_events)};
}

}  // namespace

/// Whatever it says, it is there.
void Master::State::heard() {
    status.up = true;
    lost = false;
    failures = 0;
}

/// [IEEE 1815 §4.2.2.4, §4.3]: the first fragment bears FIR and the request's number, each one
/// after it the next; anything else belongs to a request that was given up, and is not confirmed:
/// what it carried stays in the outstation.
void Master::State::response(Instant now, const FragmentView& fragment) {
    if (!active || fragment.control.sequence != active->expected ||
        fragment.control.first != active->first) {
        ++stats.unexpected;
        return;
    }
    // A fragment that ends in the middle of an object is not taken in halves.
    const auto trouble = trouble_of(fragment);
    if (trouble != ObjectReader::Trouble::none) ++stats.bad_objects;
    if (trouble == ObjectReader::Trouble::truncated) {
        ++stats.responses;
        stats.under_way = 0;
        note(now, fragment.iin, false);
        failed(now, Completed::Fate::nonsense);
        return;
    }
    heard();
    // Confirmed though some of it may be unknown to us: it would be sent for ever.
    if (fragment.control.confirm) confirm(fragment.control.sequence, false);
    note(now, fragment.iin, fragment.control.final);
    sequence = fragment.control.sequence;
    active->measured += deliver(fragment, false);
    if (!fragment.control.final) {
        active->first = false;
        active->expected = static_cast<std::uint8_t>((sequence + 1) & 15);
        active->deadline = after(now, settings.response_within);
        return;
    }
    ++stats.responses;
    stats.under_way = 0;
    out.push(ResponseDone{.iin = fragment.iin});
    answered(now, fragment);
}

void Master::State::answered(Instant now, const FragmentView& last) {
    switch (active->work.kind) {
        case Kind::control:
            answered_control(now, last);
            return;
        case Kind::record_time:
        case Kind::delay_measurement:
        case Kind::write_time:
            answered_time(now, last);
            return;
        case Kind::event_poll:
            // It says that there are events, and gives none: not at once again.
            if (active->measured == 0) events_at = after(now, settings.retry_first);
            break;
        default:
            answered_startup(now, last.iin);
            break;
    }
    const auto work = std::move(active->work);
    active.reset();
    Octets objects;
    if (work.kind == Kind::ask) objects = to_octets(last.objects);
    complete(work, Completed::Fate::answered, last.iin, std::move(objects));
}

/// A refusal is an answer, too: what an outstation does not know it is not asked again, until it
/// restarts or the channel comes back.
void Master::State::answered_startup(Instant now, Iins iin) {
    switch (active->work.kind) {
        case Kind::disable_unsolicited:
            disable_wanted = false;
            break;
        case Kind::clear_restart:
            if (!iin.has(Iin::device_restart)) {
                clear_wanted = false;
                clear_pause = settings.retry_first;
                break;
            }
            clear_at = after(now, clear_pause);
            clear_pause = std::min(clear_pause * 2, settings.retry_most);
            break;
        case Kind::integrity:
            integrity_wanted = overflow_wanted = false;
            integrity_done = true;
            overflow_again = after(now, settings.retry_most);
            break;
        case Kind::enable_unsolicited:
            enable_wanted = false;
            status.unsolicited_enabled = !refused(iin);
            break;
        default:
            break;
    }
}

/// What the outstation says of itself. [IEEE 1815 §4.2.2.6]
void Master::State::note(Instant now, Iins iin, bool last) {
    status.iin = iin;
    if (!settings.heed_indications) return;
    note_restart(now, iin);

    // IIN2.3: events are gone, so what we know is older than what is. One integrity poll for it;
    // another only when it is still so long after.
    if (!iin.has(Iin::event_buffer_overflow)) {
        overflow_known = false;
    } else if (settings.integrity_on_overflow && (!overflow_known || now >= overflow_again)) {
        if (!overflow_known) overflow_again = now;
        overflow_known = overflow_wanted = true;
    }

    if (!iin.has(Iin::need_time)) {
        time_wanted = false;
        time_pause = settings.retry_first;
    } else if (!time_wanted && time_method != TimeSync::none) {
        time_wanted = true;
        time_due = std::max(time_due, now);
    }
    if (last) note_events(now, iin);
}

/// IIN1.7. [IEEE 1815 §5.1.1.1.2]
void Master::State::note_restart(Instant now, Iins iin) {
    if (!iin.has(Iin::device_restart)) {
        restart_known = clear_wanted = false;
        return;
    }
    if (restart_known) return;
    restart_known = clear_wanted = true;
    clear_at = now;
    clear_pause = settings.retry_first;
    ++status.restarts_seen;
    last_unsolicited.clear();
    time_method = settings.time_sync;
    selected.reset();
    want_startup();
}

/// IIN1.1 to IIN1.3.
void Master::State::note_events(Instant now, Iins iin) {
    if (!any(events_there)) events_at = now;
    events_there = classes_of(iin);
}

std::size_t Master::State::deliver(const FragmentView& fragment, bool unsolicited) {
    std::size_t count = 0;
    std::optional<Timestamp> common_time;
    ObjectReader reader(fragment.objects, ObjectReader::carry_of(fragment));
    while (const auto header = reader.next()) {
        if (header->group == 51) {
            common_time = common_time_of(*header);
            continue;
        }
        const auto measured = measured_group(header->group);
        if (!measured) continue;
        MeasurementReader measurements(*header, common_time);
        Measurement measurement;
        for (; measurements.next(measurement); ++count)
            out.push(Measured{.measurement = std::move(measurement),
                              .event = measured->event,
                              .unsolicited = unsolicited});
    }
    return count;
}

}  // namespace causeway::scada::dnp3
