// Time synchronisation. [IEEE 1815 §10.3]
//
// On LANs the outstation notes the moment in which a request arrives, and is told afterwards which
// moment that was. On serial lines the time that a request travels is measured, and the clock is
// written with that much added. Both are two requests in a row, never repeated: a time that arrives
// late is a wrong time. What fails is begun anew, from the first step.
#include "scada/dnp3/master_state.hpp"

#include <algorithm>

namespace causeway::scada::dnp3 {

/// 48 bits of milliseconds.
std::uint64_t Master::State::time_at(Instant when) const {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto since = duration_cast<milliseconds>(when - clock->at).count();
    return (clock->ms + static_cast<std::uint64_t>(since)) & 0xffff'ffff'ffffU;
}

Master::State::Kind Master::State::first_time_step() const {
    return time_method == TimeSync::serial ? Kind::delay_measurement : Kind::record_time;
}

void Master::State::answered_time(Instant now, const FragmentView& last) {
    auto done = std::move(*active);
    active.reset();
    auto& work = done.work;
    if (work.kind == Kind::write_time) {
        const bool well = !refused(last.iin) && !last.iin.has(Iin::need_time);
        if (refused(last.iin)) time_method = TimeSync::none;  // it keeps its own
        time_is_over(now, well);
        complete(work, Completed::Fate::answered, last.iin);
        return;
    }
    if (refused(last.iin)) {
        // An outstation without the LAN's way may have the other; one with neither has a clock of
        // its own.
        const bool again = work.kind == Kind::record_time;
        if (time_method != TimeSync::none) time_method = again ? TimeSync::serial : TimeSync::none;
        if (again && work.tag)
            begin(now, Work{.kind = Kind::delay_measurement, .tag = work.tag});
        else
            complete(work, Completed::Fate::answered, last.iin);
        time_wanted = time_wanted && again;
        return;
    }
    Work write{.kind = Kind::write_time,
               .tag = work.tag,
               .function = Function::record_current_time,
               .recorded = done.sent};
    if (work.kind == Kind::delay_measurement) {
        write.function = Function::delay_measurement;
        // g52: how long the outstation took to answer, in milliseconds.
        std::optional<std::uint64_t> took;
        ObjectReader reader(last.objects, ObjectReader::Carry::objects);
        while (const auto header = reader.next())
            if (header->group == 52) took = time_of(*header);
        if (!took) {
            time_is_over(now, false);
            complete(work, Completed::Fate::nonsense, last.iin);
            return;
        }
        const auto there = std::chrono::milliseconds(std::min<std::uint64_t>(*took, 0xffff'ffff));
        write.delay = std::max(now - done.sent - there, Duration{}) / 2;
    }
    begin(now, std::move(write));
}

void Master::State::time_is_over(Instant now, bool well) {
    if (well) {
        time_wanted = false;
        time_pause = settings.retry_first;
        return;
    }
    time_due = after(now, time_pause);
    time_pause = std::min(time_pause * 2, settings.retry_most);
    if (time_method == TimeSync::none) time_wanted = false;
}

}  // namespace causeway::scada::dnp3
