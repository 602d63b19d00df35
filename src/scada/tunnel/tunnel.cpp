#include "scada/tunnel/tunnel.hpp"

#include "base/tap.hpp"

#include <algorithm>
#include <utility>

namespace causeway::scada::tunnel {

static_assert(Stats<TunnelStats>);
static_assert(Engine<Tunnel>);

namespace {

constexpr std::size_t chunk_octets = 16 << 10;

std::size_t one_to_one(std::byte) {
    return 1;
}

/// Waiting so much or more it is paused, and goes on below the half of it.
bool is_too_much(std::size_t waiting, std::size_t most, bool paused) {
    return paused ? waiting > most / 2 : waiting > most;
}

}  // namespace

Tunnel::Tunnel(const TunnelSettings& settings)
    : settings_(settings),
      packetiser_(settings.packets),
      format_(settings.format),
      asked_(settings.format) {
    settings_.peers_max = std::max<std::size_t>(settings_.peers_max, 1);
    settings_.keep_octets = std::min(settings_.keep_octets, waiting_octets_max);
    settings_.look_every = std::max<Duration>(settings_.look_every, std::chrono::milliseconds(10));
    if (settings_.datagrams) settings_.protocol = TunnelProtocol::raw;
}

void Tunnel::handle(Instant now, Input in) {
    std::visit([&](const auto& what) { on(now, what); }, in);
    regulate();
}

void Tunnel::handle_timeout(Instant now) {
    for (Octets& packet : packetiser_.handle_timeout(now)) to_network(std::move(packet));
    if (timers_.take_expired(Alarm::settle, now)) {
        for (Peer& peer : peers_) {
            if (peer.ready) continue;
            ++stats_.unsettled;
            settled(peer);
        }
    }
    if (timers_.take_expired(Alarm::look_lines, now)) {
        outbox_.push(AskLines{});
        watch_lines(now);
    }
    regulate();
}

Instant Tunnel::next_deadline() const {
    return std::min(packetiser_.next_deadline(), timers_.next());
}

// ---- the port ----------------------------------------------------------------------------------

void Tunnel::on(Instant, const PortOpened&) {
    if (std::exchange(port_there_, true)) return;
    ++stats_.port_opened;
    port_paused_ = false;
    feed_port();
}

void Tunnel::on(Instant, const PortClosed&) {
    if (!std::exchange(port_there_, false)) return;
    ++stats_.port_closed;
    stats_.to_port += port_.take_back(one_to_one);
    if (settings_.keep_octets == 0) stats_.lost_port += port_.clear_waiting();
}

void Tunnel::on(Instant now, const PortReceived& in) {
    stats_.from_port += in.octets.size();
    for (Octets& packet : packetiser_.put(now, in.octets)) to_network(std::move(packet));
}

void Tunnel::on(Instant, const PortDrained& in) {
    stats_.to_port += port_.drained(in.octets);
    feed_port();
}

void Tunnel::feed_port() {
    while (port_there_ && port_.waiting() != 0 && port_.in_flight() < port_window) {
        const Bytes next = port_.next(port_window - port_.in_flight());
        outbox_.push(ToPort{to_octets(next)});
        port_.sent(next.size(), next.size());
    }
}

void Tunnel::to_port(Instant now, Peer& peer, Bytes octets) {
    stats_.from_network += octets.size();
    if (!may_write(now, peer)) {
        stats_.unwelcome += octets.size();
        return;
    }
    const bool away = !port_there_ && (settings_.keep_octets == 0 || settings_.datagrams);
    if (away || port_.size() + octets.size() > waiting_octets_max) {
        stats_.lost_port += octets.size();
        return;
    }
    port_.put(octets);
    feed_port();
}

bool Tunnel::may_write(Instant now, Peer& peer) {
    if (settings_.policy == TunnelPolicy::one_writes && writer_ != peer.id) {
        const Peer* const writer = writer_ ? find(*writer_) : nullptr;
        const bool asleep = writer != nullptr && settings_.writer_idle != Duration{} &&
                            now - writer->spoke_at >= settings_.writer_idle;
        if (writer != nullptr && !asleep) return false;
        writer_ = peer.id;
    }
    peer.spoke_at = now;
    return true;
}

// ---- peers -------------------------------------------------------------------------------------

Tunnel::Peer* Tunnel::find(PeerId id) noexcept {
    const auto found = std::ranges::find(peers_, id, &Peer::id);
    return found == peers_.end() ? nullptr : &*found;
}

void Tunnel::on(Instant now, const LineOpened& in) {
    if (Peer* const before = find(in.peer)) remove(*before, false);
    const bool alone = settings_.policy == TunnelPolicy::first_come;
    if ((alone && !peers_.empty()) || peers_.size() >= settings_.peers_max) {
        if (settings_.policy != TunnelPolicy::newest) {
            ++stats_.refused;
            outbox_.push(CloseLine{in.peer});
            return;
        }
    }
    while (settings_.policy == TunnelPolicy::newest && !peers_.empty()) {
        ++stats_.displaced;
        remove(peers_.front(), true);
    }
    ++stats_.peers_opened;
    ++stats_.peers;
    peers_.emplace_back();
    Peer& peer = peers_.back();
    peer.id = in.peer;
    peer.spoke_at = now;
    greet(now, peer);
    give_backlog();
}

void Tunnel::on(Instant, const LineClosed& in) {
    if (Peer* const peer = find(in.peer)) remove(*peer, false);
}

void Tunnel::remove(Peer& peer, bool close) {
    const auto cost = [&](std::byte octet) {
        return peer.telnet ? peer.telnet->encoded_octets(octet) : 1;
    };
    // What others took too is not lost.
    if (peers_.size() == 1) {
        peer.out.take_back(cost);
        const Octets rest = peer.out.take_all();
        stats_.to_network -= rest.size();
        const bool kept = settings_.keep_octets != 0 && !settings_.datagrams &&
                          backlog_.size() + rest.size() <= waiting_octets_max;
        if (kept)
            backlog_.insert(backlog_.begin(), rest.begin(), rest.end());
        else
            stats_.lost_network += rest.size();
    }
    if (close) outbox_.push(CloseLine{peer.id});
    if (writer_ == peer.id) writer_.reset();
    ++stats_.peers_closed;
    --stats_.peers;
    peers_.erase(peers_.begin() + (&peer - peers_.data()));
    if (!peers_.empty()) return;
    timers_.disarm(Alarm::settle);
    timers_.disarm(Alarm::look_lines);
    restore();
}

void Tunnel::on(Instant now, const OctetsReceived& in) {
    Peer* const peer = find(in.peer);
    if (peer == nullptr) return;
    if (!peer->telnet) return to_port(now, *peer, in.octets);
    Octets reply;
    const std::uint64_t bad_before = peer->telnet->stats().commands_bad;
    const auto items = peer->telnet->feed(in.octets, reply);
    stats_.commands_bad += peer->telnet->stats().commands_bad - bad_before;
    if (!reply.empty()) say_octets(*peer, std::move(reply));
    negotiated(*peer);
    for (const TelnetItem& item : items) {
        if (const auto* octets = std::get_if<Bytes>(&item))
            to_port(now, *peer, *octets);
        else
            command(now, *peer, std::get<ComPortMessage>(item));
    }
}

void Tunnel::on(Instant, const PeerDrained& in) {
    Peer* const peer = find(in.peer);
    if (peer == nullptr) return;
    peer->out.drained(in.octets);
    feed_peer(*peer);
}

// ---- to the network ----------------------------------------------------------------------------

void Tunnel::to_network(Octets&& packet) {
    ++stats_.packets;
    if (peers_.empty()) {
        const bool kept = settings_.keep_octets != 0 && !settings_.datagrams &&
                          backlog_.size() + packet.size() <= waiting_octets_max;
        if (kept)
            backlog_.insert(backlog_.end(), packet.begin(), packet.end());
        else
            stats_.lost_network += packet.size();
        return;
    }
    stats_.to_network += packet.size();
    if (settings_.datagrams) {
        for (const Peer& peer : peers_) outbox_.push(Transmit{peer.id, packet});
        return;
    }
    for (Peer& peer : peers_) give(peer, packet);
}

void Tunnel::give(Peer& peer, Bytes octets) {
    peer.out.put(octets);
    feed_peer(peer);
}

void Tunnel::give_backlog() {
    if (backlog_.empty() || peers_.empty()) return;
    const Octets waited = std::exchange(backlog_, {});
    stats_.to_network += waited.size();
    for (Peer& peer : peers_) give(peer, waited);
}

bool Tunnel::takes(const Peer& peer) const noexcept {
    return peer.ready && !peer.suspended && peer.out.waiting() != 0 &&
           peer.out.in_flight() < peer_window;
}

void Tunnel::feed_peer(Peer& peer) {
    while (takes(peer)) {
        const Bytes next =
            peer.out.next(std::min(chunk_octets, peer_window - peer.out.in_flight()));
        Octets wire;
        if (peer.telnet)
            peer.telnet->encode(next, wire);
        else
            wire = to_octets(next);
        peer.out.sent(next.size(), wire.size());
        outbox_.push(Transmit{peer.id, std::move(wire)});
    }
}

// ---- who is paused -----------------------------------------------------------------------------

/// Of the peer that keeps up best: the port is not to wait for those that do not.
std::size_t Tunnel::waiting_at_best() const noexcept {
    std::size_t least = SIZE_MAX;
    for (const Peer& peer : peers_) least = std::min(least, peer.out.waiting());
    return least;
}

void Tunnel::regulate() {
    for (std::size_t i = 0; i < peers_.size();) {
        Peer& peer = peers_[i];
        if (peer.out.waiting() > waiting_octets_max || peer.out.in_flight() > waiting_octets_max) {
            ++stats_.stuck;
            remove(peer, true);
        } else {
            ++i;
        }
    }
    const bool keeps = settings_.keep_octets != 0 && !settings_.datagrams;
    bool pause_port = false;
    if (peers_.empty())
        pause_port = keeps && is_too_much(backlog_.size(), settings_.keep_octets, port_paused_);
    else if (!settings_.datagrams)
        pause_port = is_too_much(waiting_at_best(), pause_octets, port_paused_);
    if (port_there_ && pause_port != port_paused_) {
        port_paused_ = pause_port;
        stats_.port_pauses += pause_port ? 1 : 0;
        outbox_.push(PausePort{pause_port});
    }
    const std::size_t most =
        port_there_ ? pause_octets : std::min(pause_octets, settings_.keep_octets);
    for (Peer& peer : peers_) {
        const bool pause = !settings_.datagrams && is_too_much(port_.waiting(), most, peer.paused);
        if (pause == peer.paused) continue;
        peer.paused = pause;
        stats_.peer_pauses += pause ? 1 : 0;
        outbox_.push(PausePeer{peer.id, pause});
    }
    stats_.waiting_network = packetiser_.waiting() + backlog_.size();
    stats_.marks_removed = packetiser_.stats().marks_octets;
    stats_.waiting_port = port_.size();
}

}  // namespace causeway::scada::tunnel
