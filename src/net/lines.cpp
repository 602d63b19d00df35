#include "net/lines.hpp"

#include "base/tap.hpp"
#include "net/lines_state.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace causeway::net {

static_assert(Stats<Lines::Stats>);

namespace {

constexpr unsigned slot_bits = 16;
constexpr std::size_t line_read_octets = 32 << 10;
constexpr auto forgettable_after = std::chrono::minutes(1);

}  // namespace

Lines::State::State(Io& loop)
    : io(loop),
      resolver(loop),
      host(loop, {.workers = 0, .read_octets = line_read_octets},
           {.opened = [this](StreamId id, const StreamFacts& facts) { stream_opened(id, facts); },
            .received = [this](StreamId id, Bytes octets) { stream_received(id, octets); },
            .drained = [this](StreamId id, std::size_t octets) { stream_drained(id, octets); },
            .closed = [this](StreamId id, const Trouble* why) { stream_closed(id, why); },
            .batch = [this] { stream_batch(); },
            .refused = {}}) {}

// ---- peers -------------------------------------------------------------------------------------

Lines::State::Line* Lines::State::find(LineId line) const {
    const auto index = static_cast<std::size_t>(line);
    return index < lines.size() ? lines[index].get() : nullptr;
}

Lines::Peer Lines::State::number_of(const Line& line, std::uint16_t slot) {
    return static_cast<Peer>(line.slots[slot].generation) << slot_bits | slot;
}

Lines::State::Slot* Lines::State::slot_of(Line& line, Peer peer) {
    const std::size_t index = peer & ((Peer{1} << slot_bits) - 1);
    if (index >= line.slots.size()) return nullptr;
    Slot& slot = line.slots[index];
    return slot.used && slot.generation == peer >> slot_bits ? &slot : nullptr;
}

std::uint16_t Lines::State::take_slot(Line& line) {
    if (line.free.empty()) {
        line.slots.emplace_back();
        return static_cast<std::uint16_t>(line.slots.size() - 1);
    }
    const std::uint16_t slot = line.free.back();
    line.free.pop_back();
    return slot;
}

void Lines::State::give_slot(Line& line, std::uint16_t slot) {
    Slot& place = line.slots[slot];
    const bool ours = line.connecting || line.port || (line.remote && slot == 0);
    place = {.generation = static_cast<std::uint16_t>(place.generation + (ours ? 0 : 1))};
    if (!ours) line.free.push_back(slot);
}

void Lines::State::peer_opened(Line& line, std::uint16_t slot, const std::string& who) {
    Slot& place = line.slots[slot];
    place.used = true;
    place.spoke = false;
    place.queued = 0;
    place.heard = ++line.hearings;
    line.opened_at = place.heard_at = Steady::now();
    ++line.stats.opened;
    ++line.stats.peers;
    if (line.events.opened) line.events.opened(number_of(line, slot), who);
}

void Lines::State::peer_closed(Line& line, std::uint16_t slot, const Trouble* why) {
    const Peer peer = number_of(line, slot);
    give_slot(line, slot);
    ++line.stats.closed;
    --line.stats.peers;
    if (line.events.closed) line.events.closed(peer, why);
}

void Lines::State::heard(Line& line, std::uint16_t slot, Bytes octets) {
    Slot& place = line.slots[slot];
    if (!place.used) return;
    place.spoke = true;
    place.heard = ++line.hearings;
    line.stats.octets_in += octets.size();
    line.events.received(number_of(line, slot), octets);
}

void Lines::State::touch(Line& line) {
    if (line.shut || !line.events.batch || std::exchange(line.touched, true)) return;
    touched.push_back(&line);
}

void Lines::State::tell_batch(Line& line) {
    line.touched = false;
    if (!line.shut && line.events.batch) line.events.batch();
}

// ---- streams -----------------------------------------------------------------------------------

void Lines::State::remember(StreamId id, Line& line, std::uint16_t slot) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= by_stream.size()) by_stream.resize(index + 1);
    by_stream[index] = {&line, slot};
}

Lines::State::Place Lines::State::place_of(StreamId id) const {
    const auto index = static_cast<std::size_t>(id);
    return index < by_stream.size() ? by_stream[index] : Place{};
}

void Lines::State::stream_opened(StreamId id, const StreamFacts& facts) {
    if (const Place place = place_of(id); place.line != nullptr) {
        Line& line = *place.line;
        line.slots[0].stream = id;
        line.last_failure.clear();
        const auto& spec = std::get<TcpConnectSpec>(line.spec);
        touch(line);
        const std::string named = spec.host + ':' + std::to_string(spec.port);
        return peer_opened(line, 0, facts.peer.empty() ? named : facts.peer);
    }
    Line* const line = facts.listener < by_listener.size() ? by_listener[facts.listener] : nullptr;
    if (line == nullptr) return host.close(id, true);
    accepted(*line, id, facts);
}

void Lines::State::accepted(Line& line, StreamId id, const StreamFacts& facts) {
    const auto& spec = std::get<TcpListenSpec>(line.spec);
    const auto from = Endpoint::parse(facts.peer);
    const std::size_t most = std::max(spec.peers_max, 1u);
    const bool full = line.stats.peers >= most;
    if ((from && !line.allow.allows(*from)) || (full && !spec.take_over)) {
        ++line.stats.refused;
        return host.close(id, true);
    }
    touch(line);
    if (full) displace(line);
    if (line.shut) return host.close(id, true);
    const std::uint16_t slot = take_slot(line);
    line.slots[slot].stream = id;
    remember(id, line, slot);
    peer_opened(line, slot, facts.peer);
}

/// The one who was silent longest is most likely dead.
void Lines::State::displace(Line& line) {
    std::optional<std::uint16_t> oldest;
    for (std::size_t i = 0; i < line.slots.size(); ++i) {
        if (!line.slots[i].used) continue;
        if (!oldest || line.slots[i].heard < line.slots[*oldest].heard)
            oldest = static_cast<std::uint16_t>(i);
    }
    if (!oldest) return;
    const StreamId stream = line.slots[*oldest].stream;
    by_stream[static_cast<std::size_t>(stream)] = {};
    host.close(stream, true);
    ++line.stats.taken_over;
    const Trouble why{"another peer took its place", {}};
    peer_closed(line, *oldest, &why);
}

void Lines::State::stream_received(StreamId id, Bytes octets) {
    const Place place = place_of(id);
    if (place.line == nullptr) return;
    touch(*place.line);
    heard(*place.line, place.slot, octets);
}

void Lines::State::stream_drained(StreamId id, std::size_t octets) {
    const Place place = place_of(id);
    if (place.line == nullptr) return;
    Line& line = *place.line;
    Slot& slot = line.slots[place.slot];
    slot.queued -= std::min(slot.queued, octets);
    if (!line.events.drained) return;
    touch(line);
    line.events.drained(number_of(line, place.slot), octets);
}

void Lines::State::stream_closed(StreamId id, const Trouble* why) {
    const Place place = place_of(id);
    if (place.line == nullptr) return;
    Line& line = *place.line;
    by_stream[static_cast<std::size_t>(id)] = {};
    touch(line);
    const bool was_open = line.slots[place.slot].used;
    const bool ours = line.connecting.has_value();
    if (was_open)
        peer_closed(line, place.slot, why);
    else
        failed(line, why != nullptr ? *why : Trouble{"the connection was closed", {}});
    if (!ours || line.shut) return;
    line.connecting.reset();
    open_later(line);
}

void Lines::State::stream_batch() {
    for (std::size_t i = 0; i < touched.size(); ++i) tell_batch(*touched[i]);
    touched.clear();
}

// ---- datagrams ---------------------------------------------------------------------------------

void Lines::State::datagram(Line& line, const Endpoint& from, Bytes octets) {
    const auto known = line.by_endpoint.find({from.octets16(), from.port, from.scope});
    std::optional<std::uint16_t> slot;
    if (known != line.by_endpoint.end())
        slot = known->second;
    else
        slot = new_sender(line, from);
    if (!slot || line.shut) return;
    line.slots[*slot].heard_at = Steady::now();
    heard(line, *slot, octets);
}

std::optional<std::uint16_t> Lines::State::new_sender(Line& line, const Endpoint& from) {
    const auto& spec = std::get<UdpSpec>(line.spec);
    // The one place is kept for the remote that is ours, also while its name is looked up.
    const std::size_t kept = !spec.remote.empty() && !line.slots[0].used ? 1 : 0;
    const std::size_t most = std::clamp<std::size_t>(spec.peers_max, 1, 65'535);
    if (line.stats.peers + kept >= most) {
        std::optional<std::uint16_t> oldest;
        for (std::size_t i = spec.remote.empty() ? 0 : 1; i < line.slots.size(); ++i) {
            if (!line.slots[i].used) continue;
            if (!oldest || line.slots[i].heard_at < line.slots[*oldest].heard_at)
                oldest = static_cast<std::uint16_t>(i);
        }
        if (!oldest || Steady::now() - line.slots[*oldest].heard_at < forgettable_after) {
            ++line.stats.refused;
            return {};
        }
        forget_endpoint(line, *oldest);
        ++line.stats.taken_over;
        peer_closed(line, *oldest, nullptr);
        if (line.shut) return {};
    }
    const std::uint16_t slot = take_slot(line);
    line.slots[slot].endpoint = from;
    line.by_endpoint[{from.octets16(), from.port, from.scope}] = slot;
    peer_opened(line, slot, from.text());
    return slot_of(line, number_of(line, slot)) != nullptr ? std::optional(slot) : std::nullopt;
}

void Lines::State::forget_endpoint(Line& line, std::uint16_t slot) {
    const Endpoint& endpoint = line.slots[slot].endpoint;
    line.by_endpoint.erase({endpoint.octets16(), endpoint.port, endpoint.scope});
}

// ---- what is asked of a peer -------------------------------------------------------------------

template <class Some>
bool Lines::State::send(LineId id, Peer peer, Some&& octets) {
    Line* const line = find(id);
    if (line == nullptr) return false;
    Slot* const slot = slot_of(*line, peer);
    const std::size_t size = octets.size();
    bool taken = false;
    if (slot == nullptr) {
        taken = false;
    } else if (line->port) {
        taken = line->port->send(octets);
    } else if (line->udp) {
        taken = line->udp->send(slot->endpoint, octets);
        if (taken && line->events.drained) {
            boost::asio::post(
                io, [this, line, peer, size, living = std::weak_ptr<const char>(line->alive)] {
                    if (living.expired()) return;
                    alone(*line, [&] {
                        if (slot_of(*line, peer) != nullptr) line->events.drained(peer, size);
                    });
                });
        }
    } else if (slot->queued + size <= queue_octets_max) {
        taken = true;
        slot->queued += size;
        if constexpr (std::is_same_v<std::remove_cvref_t<Some>, Octets>)
            host.send(slot->stream, {std::forward<Some>(octets), {}, {}});
        else
            host.send(slot->stream, {to_octets(octets), {}, {}});
    }
    (taken ? line->stats.octets_out : line->stats.octets_refused) += size;
    return taken;
}

void Lines::State::close(Line& line, Peer peer) {
    Slot* const slot = slot_of(line, peer);
    if (slot == nullptr) return;
    const auto index = static_cast<std::uint16_t>(slot - line.slots.data());
    const bool ours = line.connecting || line.port || (line.remote && index == 0);
    if (line.udp) {
        forget_endpoint(line, index);
    } else if (!line.port) {
        by_stream[static_cast<std::size_t>(slot->stream)] = {};
        host.close(slot->stream);
    }
    // Closed by our own will and of use until then: the next comes soon, however short it was.
    if (ours && slot->spoke) line.wait_next = line.wait_first;
    give_slot(line, index);
    line.connecting.reset();
    ++line.stats.closed;
    --line.stats.peers;
    if (ours) open_later(line);
}

// ---- the face ----------------------------------------------------------------------------------

Lines::Lines(Io& io) : state_(std::make_unique<State>(io)) {}

Lines::~Lines() = default;

Opened<Lines::LineId> Lines::open(const LineSpec& spec, Events events) {
    return state_->open(spec, std::move(events));
}

std::string Lines::where(LineId id) const {
    const State::Line* const line = state_->find(id);
    if (line == nullptr) return {};
    if (line->udp) return line->udp->local().text();
    if (std::holds_alternative<TcpListenSpec>(line->spec))
        return state_->host.listening_on(line->listener);
    if (const auto* tcp = std::get_if<TcpConnectSpec>(&line->spec))
        return tcp->host + ':' + std::to_string(tcp->port);
    const auto& serial = std::get<SerialSpec>(line->spec);
    return serial.make_pty ? serial.device : serial.device + ' ' + to_text(serial.format);
}

bool Lines::send(LineId line, Peer peer, Octets octets) {
    return state_->send(line, peer, std::move(octets));
}
bool Lines::send(LineId line, Peer peer, Bytes octets) {
    return state_->send(line, peer, octets);
}

std::size_t Lines::queued(LineId id, Peer peer) const {
    State::Line* const line = state_->find(id);
    if (line == nullptr) return 0;
    const State::Slot* const slot = State::slot_of(*line, peer);
    if (slot == nullptr) return 0;
    return line->port ? line->port->queued() : slot->queued;
}

void Lines::close(LineId id, Peer peer) {
    if (State::Line* const line = state_->find(id)) state_->close(*line, peer);
}

void Lines::pause(LineId id, Peer peer, bool paused) {
    State::Line* const line = state_->find(id);
    if (line == nullptr) return;
    const State::Slot* const slot = State::slot_of(*line, peer);
    if (slot == nullptr || line->udp) return;
    if (line->port) return line->port->pause(paused);
    state_->host.pause(slot->stream, paused);
}

void Lines::shut(LineId id) {
    if (State::Line* const line = state_->find(id)) state_->shut(*line);
}

SerialPort* Lines::serial(LineId id) {
    State::Line* const line = state_->find(id);
    return line != nullptr && line->port ? &*line->port : nullptr;
}

const Lines::Stats& Lines::stats(LineId id) const {
    static const Stats none;
    const State::Line* const line = state_->find(id);
    return line != nullptr ? line->stats : none;
}

}  // namespace causeway::net
