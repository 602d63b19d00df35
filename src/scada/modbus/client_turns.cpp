#include "scada/modbus/client_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::modbus {

void Client::State::request(Instant now, Request&& wanted) {
    CAUSEWAY_ASSERT(wanted.device < devices.size());
    Device& device = devices[wanted.device];
    Job job{.device = wanted.device,
            .tag = wanted.tag,
            .broadcast = wanted.broadcast,
            .until = wanted.until};
    // Where polls would find out whether it is back, nothing else is tried meanwhile.
    const bool out_of_reach =
        device.suspended && (now < device.probe_at || (device.polling && !device.groups.empty()));
    if (line == Line::away || (out_of_reach && !wanted.broadcast) || wanted.pdu.empty() ||
        wanted.pdu.size() > pdu_octets_max || device.commands.size() >= settings.queue_max) {
        ++stats.refused;
        return fail(job, std::nullopt, Answered::Fate::unreachable);
    }
    job.pdu.assign(wanted.pdu);
    job.repeatable = !wanted.write && !wanted.broadcast && is_read(wanted.pdu);
    device.commands.push_back(std::move(job));
    if (line != Line::here) return;
    plan_turn(now, wanted.device);
    advance(now);
}

void Client::State::set_polling(Instant now, DeviceIndex index, bool on) {
    CAUSEWAY_ASSERT(index < devices.size());
    Device& device = devices[index];
    if (std::exchange(device.polling, on) == on) return;
    if (on)
        for (PollGroup& group : device.groups) group.due = now;
    if (line != Line::here) return;
    plan_turn(now, index);
    advance(now);
}

Instant Client::State::wants(const Device& device) const {
    if (device.under_way >= settings.in_flight_per_device_max) return never;
    Instant at = never;
    if (!device.again.empty() || !device.commands.empty()) at = device.not_before;
    if (device.suspended) {
        if (device.under_way != 0) return never;
        if (device.polling && !device.groups.empty()) at = device.probe_at;
        return at == never ? never : std::max({at, device.probe_at, device.not_before});
    }
    if (device.polling)
        for (const PollGroup& group : device.groups)
            if (!group.under_way) at = std::min(at, group.due);
    return at == never ? never : std::max(at, device.not_before);
}

void Client::State::plan_turn(Instant now, DeviceIndex index) {
    Device& device = devices[index];
    if (device.ready) return;
    const auto which = static_cast<std::uint32_t>(index);
    const Instant at = wants(device);
    if (at > now) return wakes.set(which, at);
    wakes.set(which, never);
    device.ready = true;
    turns.push_back(which);
}

bool Client::State::may_send(Instant now) const {
    return line == Line::here && slots.size() < slots_max && now >= quiet_at;
}

void Client::State::advance(Instant now) {
    if (line != Line::here) return;
    while (wakes.next() <= now) {
        const std::uint32_t which = wakes.first();
        wakes.set(which, never);
        plan_turn(now, which);
    }
    // Each ready device once, and then again from the first: nobody has two turns before another
    // has one.
    while (!turns.empty() && may_send(now)) {
        const std::uint32_t which = turns.front();
        turns.pop_front();
        devices[which].ready = false;
        if (auto job = next_job(now, which)) send(now, *std::move(job));
        plan_turn(now, which);
    }
}

/// What nobody waits for any more must not be operated after all.
void Client::State::drop_late(Instant now, Device& device) {
    for (auto* const queue : {&device.again, &device.commands})
        for (std::size_t i = 0; i < queue->size();) {
            if ((*queue)[i].until > now) {
                ++i;
                continue;
            }
            const Job late = std::move((*queue)[i]);
            queue->erase(queue->begin() + static_cast<std::ptrdiff_t>(i));
            ++stats.refused;
            fail(late, std::nullopt,
                 late.attempts == 0 ? Answered::Fate::unreachable : Answered::Fate::unanswered);
        }
}

std::optional<Client::State::Job> Client::State::next_job(Instant now, DeviceIndex index) {
    Device& device = devices[index];
    drop_late(now, device);
    if (wants(device) > now) return std::nullopt;
    const auto taken = [](std::deque<Job>& from) {
        Job job = std::move(from.front());
        from.pop_front();
        return job;
    };
    if (!device.again.empty()) return taken(device.again);
    if (device.suspended) {
        if (!device.commands.empty()) return taken(device.commands);
        device.probe = (device.probe + 1) % device.groups.size();
        return poll_of(now, index, device.probe);
    }
    std::optional<std::size_t> due;
    if (device.polling)
        for (std::size_t i = 0; i < device.groups.size(); ++i) {
            const PollGroup& group = device.groups[i];
            if (group.under_way || group.due > now) continue;
            if (!due || group.due < device.groups[*due].due) due = i;
        }
    // Commands go first, but not for ever.
    if (!device.commands.empty() && !(device.command_last && due)) {
        device.command_last = true;
        return taken(device.commands);
    }
    device.command_last = false;
    if (!due) return std::nullopt;
    return poll_of(now, index, *due);
}

Client::State::Job Client::State::poll_of(Instant now, DeviceIndex index, std::size_t at) {
    PollGroup& group = devices[index].groups[at];
    group.under_way = true;
    if (group.every <= Duration{}) {
        group.due = never;
    } else {
        // On its own grid, whatever was missed: no drift, and no rush to catch up.
        if (group.due > now) group.due = now;
        group.due = after(group.due, (((now - group.due) / group.every) + 1) * group.every);
    }
    Job job{.device = index, .group = at, .repeatable = true};
    job.pdu.assign(read_request(group.area, group.address, group.count));
    return job;
}

void Client::State::send(Instant now, Job job) {
    Device& device = devices[job.device];
    const Unit unit = job.broadcast ? Unit{0} : device.plan.unit;
    if (job.attempts++ != 0) ++stats.retried;
    Slot slot{.transaction = ++transaction};
    Octets octets;
    octets.reserve(adu_octets(settings.framing, job.pdu.size()));
    append_adu(octets, settings.framing, {slot.transaction, unit, job.pdu.bytes()});
    const std::size_t expected = answer_octets(job.pdu.bytes());
    Duration wait = job.broadcast ? settings.broadcast_wait : device.plan.timeout;
    wait = std::max<Duration>(wait, std::chrono::milliseconds(1));
    if (is_serial()) {
        // The timeout is the device's; the line has its own pace.
        const auto characters =
            octets.size() + (job.broadcast ? 0 : adu_octets(settings.framing, expected));
        wait += settings.character_time * static_cast<Duration::rep>(characters);
    }
    if (auto* rtu = std::get_if<RtuAnswers>(&frames)) {
        rtu->give_up(faults);
        gap_at = never;
        tell_faults();
        if (job.broadcast)
            rtu->want(std::nullopt);
        else
            rtu->want(
                RtuAnswers::Wanted{unit, std::to_integer<std::uint8_t>(job.pdu[0]), expected});
    }
    slot.deadline = after(now, wait);
    if (settings.echo) echoed = octets;
    outbox.push(Transmit{peer, std::move(octets)});
    ++device.under_way;
    if (job.broadcast) {
        ++stats.broadcasts;
    } else {
        ++stats.requests;
        ++stats.under_way;
    }
    slot.job = std::move(job);
    slots.push_back(std::move(slot));
}

}  // namespace causeway::scada::modbus
