#include "scada/modbus/server.hpp"

#include "scada/modbus/server_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::modbus {
namespace {

using namespace std::chrono_literals;

/// A line that says nothing of its speed pauses so long between frames.
constexpr Duration unknown_gap = 20ms;
constexpr Duration stale_after = 50ms;
/// "Intervals of up to one second may elapse between characters." [MODBUS SL §2.5.2.1]
constexpr Duration ascii_gap = 1s;

std::uint64_t peer_hash(PeerId id) {
    return static_cast<std::uint64_t>(id) * 0x9e37'79b9'7f4a'7c15u + 0x1234'5678'0000'0000u;
}

}  // namespace

Server::State::State(ServerSettings given, std::vector<UnitPlan> plans) : settings(given) {
    CAUSEWAY_ASSERT(plans.size() < no_unit);
    unit_at.fill(no_unit);
    units.reserve(plans.size());
    for (UnitPlan& plan : plans) {
        unit_at[plan.unit] = static_cast<std::uint8_t>(units.size());
        if (plan.unit != 0) ours.set(plan.unit);
        units.emplace_back(std::move(plan));
    }
    const bool timed = settings.character_time > Duration{};
    if (settings.silence <= Duration{} && timed)
        // Above 19,200 bit/s "a value of 1.750 ms for inter-frame delay". [MODBUS SL §2.5.1.1]
        settings.silence = std::max<Duration>(settings.character_time * 7 / 2, 1'750us);
    hold = settings.framing == Framing::rtu ? settings.silence : Duration{};
    gap = settings.silence > Duration{} ? settings.silence : unknown_gap;
    scratch.resize(4'096);
}

std::uint32_t Server::State::find(PeerId id) {
    if (last < peers.bound() && peers[last].id == id && known_last) return last;
    const std::uint32_t slot =
        index.find(peer_hash(id), [&](std::uint32_t at) { return peers[at].id == id; });
    if (slot != nowhere) {
        last = slot;
        known_last = true;
    }
    return slot;
}

std::uint32_t Server::State::open(PeerId id) {
    if (peers.size() >= settings.peers_max) {
        ++stats.peers_refused;
        outbox.push(CloseLine{id});
        return nowhere;
    }
    Peer peer{.id = id};
    if (settings.framing == Framing::rtu) peer.frames.emplace<RtuRequests>();
    if (settings.framing == Framing::ascii) peer.frames.emplace<AsciiFrames>();
    const std::uint32_t slot = peers.add(std::move(peer));
    index.insert(peer_hash(id), slot);
    return slot;
}

void Server::State::close(PeerId id) {
    const std::uint32_t slot = find(id);
    if (slot == nowhere) return;
    index.erase(peer_hash(id), slot);
    silences.set(slot, never);
    peers.take(slot);
    known_last = false;
    for (auto& [number, pending] : writes)
        if (pending.peer == id) abandon(pending);
    std::erase_if(held, [&](const Held& answer) { return answer.peer == id; });
}

void Server::State::octets(Instant now, PeerId id, Bytes in) {
    std::uint32_t slot = find(id);
    if (slot == nowhere) slot = open(id);
    if (slot == nowhere) return;
    Peer& peer = peers[slot];
    if (settings.echo) skip_echo(peer.echoed, in);
    if (auto* tcp = std::get_if<TcpFrames>(&peer.frames)) {
        while (const auto adu = tcp->next(in)) serve(now, peer, *adu);
        flush(id);
        if (!tcp->broken()) return;
        ++stats.bad_frames;
        outbox.push(CloseLine{id});
        return close(id);
    }
    if (auto* ascii = std::get_if<AsciiFrames>(&peer.frames)) {
        while (const auto adu = ascii->next(in, faults, ascii_end)) heard(now, peer, *adu);
        silences.set(slot, ascii->begun() ? after(now, ascii_gap) : never);
    } else {
        auto& rtu = std::get<RtuRequests>(peer.frames);
        while (const auto found = rtu.next(in, ours, faults)) heard(now, peer, found->adu);
        peer.silent_once = false;
        silences.set(slot, rtu.begun() ? after(now, gap) : never);
    }
    tell_faults();
}

void Server::State::tell_faults() {
    line.errors += faults.bad_checksums + faults.bad_frames;
    stats.bad_checksums += faults.bad_checksums;
    stats.bad_frames += faults.bad_frames;
    stats.noise_octets += faults.noise_octets;
    faults = {};
}

void Server::State::silent(Instant now, std::uint32_t slot) {
    Peer& peer = peers[slot];
    silences.set(slot, never);
    if (auto* ascii = std::get_if<AsciiFrames>(&peer.frames)) {
        ascii->give_up(faults);
    } else {
        auto& rtu = std::get<RtuRequests>(peer.frames);
        if (std::exchange(peer.silent_once, true)) {
            rtu.give_up(faults);
        } else {
            if (const auto found = rtu.after_silence(ours, faults)) heard(now, peer, found->adu);
            if (rtu.begun()) silences.set(slot, after(now, std::max(10 * gap, stale_after)));
        }
    }
    tell_faults();
}

void Server::State::timeout(Instant now) {
    while (!held.empty() && held.front().due <= now) {
        outbox.push(Transmit{held.front().peer, std::move(held.front().octets)});
        held.pop_front();
    }
    while (!writes.empty() && writes.begin()->second.deadline <= now) {
        finish(now, writes.begin()->second, Exception::server_device_failure);
        writes.erase(writes.begin());
    }
    while (silences.next() <= now) silent(now, silences.first());
}

Instant Server::State::next_deadline() const {
    Instant next = silences.next();
    if (!held.empty()) next = std::min(next, held.front().due);
    if (!writes.empty()) next = std::min(next, writes.begin()->second.deadline);
    return next;
}

Server::Server(ServerSettings settings, std::vector<UnitPlan> units)
    : state_(std::make_unique<State>(settings, std::move(units))) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

void Server::handle(Instant now, Input in) {
    std::visit(Overloaded{[&](const LineOpened& opened) {
                              state_->close(opened.peer);
                              static_cast<void>(state_->open(opened.peer));
                          },
                          [&](const LineClosed& closed) { state_->close(closed.peer); },
                          [&](const OctetsReceived& received) {
                              state_->octets(now, received.peer, received.octets);
                          },
                          [&](const WriteAnswered& answer) { state_->answered(now, answer); }},
               in);
}

void Server::handle_timeout(Instant now) {
    state_->timeout(now);
}

std::optional<Server::Output> Server::poll_output() {
    return state_->outbox.poll();
}

Instant Server::next_deadline() const {
    return state_->next_deadline();
}

const Server::Stats& Server::stats() const noexcept {
    return state_->stats;
}

bool Server::set(Unit unit, Area area, std::uint16_t address,
                 std::span<const std::uint16_t> values) {
    const std::uint8_t at = state_->unit_at[unit];
    return at != State::no_unit && state_->units[at].image().set(area, address, values);
}

std::optional<std::uint16_t> Server::at(Unit unit, Area area, std::uint16_t address) const {
    const std::uint8_t place = state_->unit_at[unit];
    if (place == State::no_unit) return std::nullopt;
    return state_->units[place].image().at(area, address);
}

void Server::fail(Unit unit, Area area, std::uint16_t address, std::uint32_t count,
                  std::optional<Exception> exception) {
    if (const std::uint8_t at = state_->unit_at[unit]; at != State::no_unit)
        state_->units[at].image().fail(area, {address, count}, exception);
}

void Server::set_fifo(Unit unit, std::uint16_t address, std::vector<std::uint16_t> values) {
    if (const std::uint8_t at = state_->unit_at[unit]; at != State::no_unit)
        state_->units[at].set_fifo(address, std::move(values));
}

void Server::set_exception_status(Unit unit, std::uint8_t status) {
    if (const std::uint8_t at = state_->unit_at[unit]; at != State::no_unit)
        state_->units[at].set_exception_status(status);
}

}  // namespace causeway::scada::modbus
