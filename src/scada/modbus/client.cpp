#include "scada/modbus/client.hpp"

#include "scada/modbus/client_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::modbus {
namespace {

using namespace std::chrono_literals;

constexpr Duration frame_gap = 20ms;    // where the line says nothing of its speed
constexpr Duration character_gap = 1s;  // of ASCII [MODBUS SL §2.5.2.1]
/// A line that never falls silent is spoken on anyway, so often.
constexpr Duration babble_max = 500ms;
/// For a line that we closed to come back.
constexpr Duration between_max = 10s;
constexpr unsigned in_flight_limit = 16;

}  // namespace

Client::State::State(ClientSettings given, std::vector<DevicePlan> plans) : settings(given) {
    settings.in_flight_per_device_max = std::max(1u, settings.in_flight_per_device_max);
    if (has_ids()) slots_max = std::clamp(settings.in_flight_max, 1u, in_flight_limit);
    if (settings.silence <= Duration{} && is_serial())
        // "a value of 1.750 ms for inter-frame delay" above 19,200 bit/s [MODBUS SL §2.5.1.1]
        settings.silence = std::max<Duration>(settings.character_time * 7 / 2, 1'750us);
    for (DevicePlan& plan : plans) {
        // A connection that ends with each answer has one request at a time.
        if (plan.close_after_poll) slots_max = 1;
        Device device{.plan = std::move(plan)};
        device.groups = groups_of(device.plan);
        device.items.resize(device.plan.items.size());
        for (const PollGroup& group : device.groups)
            for (const PollSlice& slice : group.slices)
                device.items[slice.item].seen.resize(
                    std::max(device.items[slice.item].seen.size(), slice.part + std::size_t{1}));
        device.back_off = device.plan.probe_first;
        devices.push_back(std::move(device));
    }
    slots.reserve(slots_max);
}

void Client::State::opened(Instant now, PeerId who) {
    const bool expected = line == Line::between;
    if (line == Line::here) lost();
    line = Line::here;
    peer = who;
    if (settings.framing == Framing::tcp) frames.emplace<TcpFrames>();
    if (settings.framing == Framing::rtu) frames.emplace<RtuAnswers>();
    if (settings.framing == Framing::ascii) frames.emplace<AsciiFrames>();
    echoed.clear();
    gap_at = never;
    between_until = never;
    busy_since = now;
    quiet_at = after(now, settings.silence);
    silent_timeouts = 0;
    for (DeviceIndex i = 0; i < devices.size(); ++i) {
        Device& device = devices[i];
        if (!expected) {
            for (PollGroup& group : device.groups) group.due = now;
            device.probe_at = now;
            device.not_before = now;
        }
        plan_turn(now, i);
    }
    advance(now);
}

void Client::State::lost() {
    line = Line::away;
    gap_at = never;
    between_until = never;
    while (!slots.empty()) {
        const Slot slot = take_slot(slots.size() - 1);
        if (!slot.job.broadcast) ++stats.broken;
        fail(slot.job, std::nullopt, Answered::Fate::unanswered);
    }
    turns.clear();
    for (DeviceIndex i = 0; i < devices.size(); ++i) {
        Device& device = devices[i];
        device.ready = false;
        wakes.set(static_cast<std::uint32_t>(i), never);
        for (const Job& job : std::exchange(device.again, {}))
            fail(job, std::nullopt, Answered::Fate::unanswered);
        for (const Job& job : std::exchange(device.commands, {}))
            fail(job, std::nullopt, Answered::Fate::unreachable);
        for (Parted& item : device.items) item.forget();
        device.failures = 0;
        state_is(i, false);
    }
    tell_faults();
}

void Client::State::close_line(Instant now, bool between_polls) {
    outbox.push(CloseLine{peer});
    if (!between_polls) return lost();
    line = Line::between;
    gap_at = never;
    between_until = after(now, between_max);
    turns.clear();
    for (DeviceIndex i = 0; i < devices.size(); ++i) {
        devices[i].ready = false;
        wakes.set(static_cast<std::uint32_t>(i), never);
    }
}

void Client::State::received(Instant now, Bytes octets) {
    if (line != Line::here) return;
    if (settings.echo) skip_echo(echoed, octets);
    if (octets.empty()) return;
    silent_timeouts = 0;
    if (now >= quiet_at) busy_since = now;
    quiet_at = std::min(after(now, settings.silence), after(busy_since, babble_max));
    if (auto* tcp = std::get_if<TcpFrames>(&frames)) {
        while (const auto adu = tcp->next(octets)) {
            frame(now, *adu);
            if (line != Line::here) return;
        }
        if (tcp->broken()) {
            ++stats.unexpected;
            return close_line(now, false);
        }
    } else if (auto* ascii = std::get_if<AsciiFrames>(&frames)) {
        while (const auto adu = ascii->next(octets, faults)) {
            frame(now, *adu);
            if (line != Line::here) return;
        }
        gap_at = ascii->begun() ? after(now, character_gap) : never;
    } else {
        auto& rtu = std::get<RtuAnswers>(frames);
        while (const auto found = rtu.next(octets, faults)) {
            frame(now, found->adu);
            if (line != Line::here) return;
        }
        const Duration gap = std::max(settings.silence, frame_gap);
        gap_at = rtu.begun() ? after(now, gap) : never;
    }
    tell_faults();
    advance(now);
}

void Client::State::tell_faults() {
    stats.bad_checksums += faults.bad_checksums;
    stats.noise_octets += faults.noise_octets;
    stats.unexpected += faults.bad_frames;
    faults = {};
}

void Client::State::timeout(Instant now) {
    if (gap_at <= now) {
        gap_at = never;
        if (auto* ascii = std::get_if<AsciiFrames>(&frames)) ascii->give_up(faults);
        if (auto* rtu = std::get_if<RtuAnswers>(&frames))
            if (const auto found = rtu->after_silence(faults)) frame(now, found->adu);
        tell_faults();
    }
    if (between_until <= now) lost();
    for (std::size_t at = 0; at < slots.size();) {
        if (slots[at].deadline > now) {
            ++at;
            continue;
        }
        expired(now, at);
        if (line != Line::here) return;
    }
    advance(now);
}

Instant Client::State::next_deadline() const {
    Instant next = std::min(gap_at, between_until);
    for (const Slot& slot : slots) next = std::min(next, slot.deadline);
    if (line != Line::here) return next;
    next = std::min(next, wakes.next());
    if (!turns.empty() && slots.size() < slots_max) next = std::min(next, quiet_at);
    return next;
}

Client::Client(ClientSettings settings, std::vector<DevicePlan> devices)
    : state_(std::make_unique<State>(settings, std::move(devices))) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

void Client::handle(Instant now, Input in) {
    std::visit(
        Overloaded{[&](const LineOpened& opened) { state_->opened(now, opened.peer); },
                   [&](const LineClosed& closed) {
                       if (state_->line == State::Line::here && closed.peer == state_->peer)
                           state_->lost();
                   },
                   [&](const OctetsReceived& received) {
                       if (received.peer == state_->peer) state_->received(now, received.octets);
                   },
                   [&](Request& request) { state_->request(now, std::move(request)); },
                   [&](const SetPolling& set) { state_->set_polling(now, set.device, set.on); }},
        in);
}

void Client::handle_timeout(Instant now) {
    state_->timeout(now);
}

std::optional<Client::Output> Client::poll_output() {
    return state_->outbox.poll();
}

Instant Client::next_deadline() const {
    return state_->next_deadline();
}

const Client::Stats& Client::stats() const noexcept {
    return state_->stats;
}

const DevicePlan& Client::device(DeviceIndex index) const {
    CAUSEWAY_ASSERT(index < state_->devices.size());
    return state_->devices[index].plan;
}

}  // namespace causeway::scada::modbus
