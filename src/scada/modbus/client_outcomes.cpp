#include "scada/modbus/client_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::modbus {
namespace {

constexpr unsigned owes_max = 16;

bool is_the_device(Unit unit) {
    return unit == 0 || unit == 255;  // whoever the connection leads to
}

/// What was asked for twice may be answered twice, the second time a timeout after the first.
Duration aftermath(const DevicePlan& plan) {
    return plan.timeout * 3 / 2;
}

bool is_failure_of(std::optional<Exception> exception) {
    return exception == Exception::gateway_path_unavailable ||
           exception == Exception::gateway_target_failed;
}

}  // namespace

Client::State::Slot Client::State::take_slot(std::size_t at) {
    Slot slot = std::move(slots[at]);
    slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(at));
    --devices[slot.job.device].under_way;
    if (!slot.job.broadcast) --stats.under_way;
    if (auto* rtu = std::get_if<RtuAnswers>(&frames)) rtu->want(std::nullopt);
    return slot;
}

void Client::State::frame(Instant now, const Adu& adu) {
    const auto exception = exception_of(adu.pdu);
    for (std::size_t at = 0; at < slots.size(); ++at) {
        const Slot& slot = slots[at];
        if (has_ids() && slot.transaction != adu.transaction) continue;
        const Unit unit = devices[slot.job.device].plan.unit;
        const bool named =
            adu.unit == unit || (has_ids() && (is_the_device(adu.unit) || is_the_device(unit)));
        const Bytes asked = slot.job.pdu.bytes();
        const bool refused =
            exception && adu.pdu.size() == 2 && adu.pdu[0] == (asked[0] | std::byte{exception_bit});
        if (!slot.job.broadcast && named && (refused || answers(adu.pdu, asked)))
            return answered(now, at, adu.pdu);
        if (!has_ids()) break;
        ++stats.unexpected;
        return;
    }
    if (has_ids()) {
        ++stats.late;
        return;
    }
    const auto owing = std::ranges::find_if(devices, [&](const Device& device) {
        return device.plan.unit == adu.unit && device.owes > 0;
    });
    if (owing == devices.end()) {
        ++stats.unexpected;
        return;
    }
    --owing->owes;
    ++stats.late;
}

void Client::State::answered(Instant now, std::size_t at, Bytes pdu) {
    Slot slot = take_slot(at);
    Job& job = slot.job;
    Device& device = devices[job.device];
    const auto exception = exception_of(pdu);
    ++stats.answers;
    if (exception) ++stats.exceptions;
    device.not_before = after(now, device.plan.pause);
    // The first attempt's answer, or the second's? The other may still come.
    if (!has_ids() && job.attempts > 1 && device.owes > 0)
        device.not_before = std::max(device.not_before, after(now, aftermath(device.plan)));
    const bool busy =
        exception == Exception::server_device_busy ||
        // "Accepted, and it takes a long time": a write has arrived then. [MODBUS AP §7]
        (exception == Exception::acknowledge && job.repeatable);
    if (is_failure_of(exception)) {
        // It says itself that there was no way to the device: a write did not arrive.
        const bool unsent = exception == Exception::gateway_path_unavailable;
        if ((job.repeatable || unsent) && !device.suspended &&
            job.attempts <= device.plan.retries) {
            device.again.push_back(std::move(job));
        } else {
            deliver(now, job, pdu);
            failed(now, job.device);
        }
    } else {
        alive(now, job.device);
        if (busy && job.busy < device.plan.busy_retries) {
            ++job.busy;
            job.attempts = 0;
            device.not_before = std::max(device.not_before, after(now, device.plan.busy_pause));
            device.again.push_back(std::move(job));
        } else {
            deliver(now, job, pdu);
        }
    }
    if (devices[slot.job.device].plan.close_after_poll && !is_serial())
        return close_line(now, true);
    plan_turn(now, slot.job.device);
}

void Client::State::expired(Instant now, std::size_t at) {
    Slot slot = take_slot(at);
    Job& job = slot.job;
    const DeviceIndex index = job.device;
    Device& device = devices[index];
    if (job.broadcast) {
        outbox.push(Answered{job.tag, index, {}, Answered::Fate::answered});
        return plan_turn(now, index);
    }
    ++stats.timeouts;
    device.owes = std::min(device.owes + 1, owes_max);
    // A write may have arrived. It is not asked for again.
    const bool once_more =
        job.repeatable && !device.suspended && job.attempts <= device.plan.retries;
    if (once_more) {
        device.again.push_back(std::move(job));
    } else {
        fail(job, std::nullopt, Answered::Fate::unanswered);
        if (job.group && device.groups[*job.group].every <= Duration{})
            device.groups[*job.group].due = after(now, device.plan.probe_first);
        if (!has_ids()) device.not_before = after(now, aftermath(device.plan));
        failed(now, index);
    }
    if (!is_serial() && settings.silent_timeouts_max != 0 &&
        ++silent_timeouts >= settings.silent_timeouts_max)
        return close_line(now, false);
    plan_turn(now, index);
}

// ---- what it means to whom ----------------------------------------------------------------------

void Client::State::deliver(Instant now, const Job& job, Bytes pdu) {
    if (!job.group) {
        outbox.push(Answered{job.tag, job.device, to_octets(pdu), Answered::Fate::answered});
        return;
    }
    if (const auto exception = exception_of(pdu)) {
        if (!split(now, job, *exception)) fail(job, exception, Answered::Fate::answered);
        return;
    }
    read(job, pdu);
}

void Client::State::fail(const Job& job, std::optional<Exception> exception, Answered::Fate fate) {
    if (!job.group) {
        outbox.push(Answered{job.tag, job.device, {}, fate});
        return;
    }
    PollGroup& group = devices[job.device].groups[*job.group];
    group.under_way = false;
    for (const PollSlice& slice : group.slices) item_done(job.device, slice, {}, exception, true);
}

void Client::State::item_done(DeviceIndex index, const PollSlice& slice,
                              std::span<const std::uint16_t> registers,
                              std::optional<Exception> exception, bool failed) {
    Device& device = devices[index];
    Parted& item = device.items[slice.item];
    if (item.seen.size() == 1) {
        if (failed)
            outbox.push(ItemFailed{index, slice.item, exception});
        else
            outbox.push(ItemRead{index, slice.item, {registers.begin(), registers.end()}});
        return;
    }
    item.registers.resize(device.plan.items[slice.item].count);
    std::ranges::copy(registers, item.registers.begin() + slice.item_offset);
    item.seen[slice.part] = failed ? Parted::Seen::failed : Parted::Seen::read;
    if (failed) item.exception = exception;
    if (item.has(Parted::Seen::not_yet)) return;
    if (item.has(Parted::Seen::failed))
        outbox.push(ItemFailed{index, slice.item, item.exception});
    else
        outbox.push(ItemRead{index, slice.item, item.registers});
    item.forget();
}

void Client::State::read(const Job& job, Bytes pdu) {
    PollGroup& group = devices[job.device].groups[*job.group];
    group.under_way = false;
    std::vector<std::uint16_t> values(group.count);
    const Bytes octets = pdu.subspan(2);
    if (has_bits(group.area)) {
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = std::to_integer<unsigned>(octets[i / 8]) >> i % 8 & 1;
    } else {
        ByteReader in(octets);
        for (std::uint16_t& value : values) value = in.be16();
    }
    for (const PollSlice& slice : group.slices)
        item_done(job.device, slice, std::span(values).subspan(slice.offset, slice.count),
                  std::nullopt, false);
}

bool Client::State::split(Instant now, const Job& job, Exception exception) {
    if (exception != Exception::illegal_data_address && exception != Exception::illegal_data_value)
        return false;
    std::vector<PollGroup>& groups = devices[job.device].groups;
    std::vector<PollGroup> parts = apart(groups[*job.group]);
    if (parts.size() < 2) return false;
    ++stats.split;
    for (PollGroup& part : parts) part.due = now;
    groups[*job.group] = std::move(parts.front());
    groups.insert(groups.end(), std::make_move_iterator(parts.begin() + 1),
                  std::make_move_iterator(parts.end()));
    return true;
}

void Client::State::state_is(DeviceIndex index, bool up) {
    if (std::exchange(devices[index].up, up) == up) return;
    outbox.push(DeviceState{index, up});
}

void Client::State::alive(Instant now, DeviceIndex index) {
    Device& device = devices[index];
    device.failures = 0;
    device.back_off = device.plan.probe_first;
    const bool found = device.up != true;
    if (std::exchange(device.suspended, false) || found)
        for (PollGroup& group : device.groups)
            if (!group.under_way) group.due = std::min(group.due, now);
    state_is(index, true);
}

void Client::State::failed(Instant now, DeviceIndex index) {
    Device& device = devices[index];
    ++device.failures;
    if (!device.suspended && device.failures < std::max(1u, device.plan.failures_max)) return;
    if (device.suspended) {
        device.back_off = std::min(2 * device.back_off, device.plan.probe_most);
    } else {
        device.suspended = true;
        device.back_off = device.plan.probe_first;
        ++stats.suspended;
        for (const Job& job : std::exchange(device.again, {}))
            fail(job, std::nullopt, Answered::Fate::unanswered);
        for (const Job& job : std::exchange(device.commands, {})) {
            ++stats.refused;
            fail(job, std::nullopt, Answered::Fate::unreachable);
        }
        for (Parted& item : device.items) item.forget();
    }
    device.probe_at = after(now, device.back_off);
    state_is(index, false);
}

}  // namespace causeway::scada::modbus
