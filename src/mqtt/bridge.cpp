#include "mqtt/bridge.hpp"

#include "base/assert.hpp"
#include "mqtt/bridge_state.hpp"

#include <algorithm>
#include <utility>

namespace causeway::mqtt {

static_assert(Engine<Bridge>);
static_assert(Stats<BridgeStats>);
static_assert(Stats<BridgeLaneStats>);

Bridge::State::State(BridgeSettings from, Random chance, Instant now)
    : settings(std::move(from)),
      topics(settings.topics),
      random(chance),
      remote{.end = BridgeEnd(settings.remote_version, settings.packet_octets_max),
             .outgoing = &in,
             .incoming = &out,
             .filters = &topics.filters(BridgeWay::in),
             .ping = Timer::remote_ping,
             .pong = Timer::remote_pong},
      local{.end = BridgeEnd(Version::v5, settings.packet_octets_max),
            .outgoing = &out,
            .incoming = &in,
            .filters = &topics.filters(BridgeWay::out),
            .ping = Timer::local_ping,
            .pong = Timer::local_pong},
      out(topics, BridgeWay::out, local.end, remote.end, stats.out),
      in(topics, BridgeWay::in, remote.end, local.end, stats.in) {
    CAUSEWAY_ASSERT(!mistake_in(settings));
    timers.arm(Timer::retry, now);
}

// ---- in ----------------------------------------------------------------------------------------

void Bridge::State::handle(Instant now, const bridge::Input& input) {
    std::visit(Overloaded{
                   [&](const bridge::LocalReceived& it) {
                       if (!local.end.open) return;
                       held += it.octets.size();
                       feed(now, local, it.octets);
                   },
                   [&](const bridge::RemoteReceived& it) {
                       if (!remote.end.open) return;
                       if (phase == Phase::joining)
                           keep(now, it.octets);
                       else
                           feed(now, remote, it.octets);
                   },
                   [&](const bridge::RemoteDrained& it) {
                       unsent -= std::min(unsent, it.octets);
                       if (unsent <= settings.unsent_octets_low) congested = false;
                   },
                   [&](const bridge::RemoteOpened&) {
                       if (phase == Phase::opening) greet_remote(now);
                   },
                   [&](const bridge::RemoteClosed& it) {
                       if (remote.end.open || phase == Phase::opening)
                           fall(now, {&remote, it.by_peer}, Again::after_a_while);
                   },
                   [&](const bridge::LocalClosed&) {
                       // Ours says so, and why, if it means a message.
                       if (local.end.open) fall(now, {&local, false}, Again::after_a_while);
                   },
                   [&](const bridge::LocalPaused& it) {
                       local_paused = it.paused;
                       if (remote.end.open) pause_remote(local_paused || phase == Phase::joining);
                   },
                   [&](const bridge::Stop&) {
                       if (phase != Phase::stopped) fall(now, {}, Again::never);
                   },
               },
               input);
    look_after_lanes(now);
    flush(now);
}

void Bridge::State::handle_timeout(Instant now) {
    if (timers.take_expired(Timer::retry, now)) open(now);
    if (timers.take_expired(Timer::answer, now)) {
        note(phase == Phase::joining ? "our broker does not answer" : "no answer",
             phase == Phase::opening ? "to the transport" : "to CONNECT");
        fall(now, {}, Again::after_a_while);
    }
    for (Side* side : {&remote, &local}) {
        if (timers.take_expired(side->pong, now)) {
            note("no answer", "to PINGREQ");
            fall(now, {.lost = side, .by_peer = false, .gone = false}, Again::after_a_while);
        }
        if (timers.take_expired(side->ping, now)) {
            side->end.send(Pingreq{});
            if (!timers.armed(side->pong))
                timers.arm(side->pong, after(now, settings.answer_within));
        }
    }
    flush(now);
}

void Bridge::State::feed(Instant now, Side& side, Bytes octets) {
    while (auto step = side.end.framer.next(octets)) {
        if (step->refused) return fault(now, side, *step->refused);
        dispatch(now, side, step->packet);
        if (!side.end.open) return;
        if (phase == Phase::joining && is_remote(side)) return keep(now, octets);
    }
}

/// Until our broker is ready there is nowhere to put what the other one says.
void Bridge::State::keep(Instant now, Bytes octets) {
    if (octets.size() > stash_octets_max - stash.size()) {
        note("the remote broker says more than is kept before our broker is ready");
        return fall(now, {}, Again::after_a_while);
    }
    stash.insert(stash.end(), octets.begin(), octets.end());
}

void Bridge::State::dispatch(Instant now, Side& side, Bytes packet) {
    const auto type = static_cast<PacketType>(std::to_integer<unsigned>(packet[0]) >> 4);
    if (type == PacketType::publish && side.end.ready) return on_publish(now, side, packet);
    const auto parsed = parse_packet(packet, side.end.version);
    if (!parsed) return fault(now, side, parsed.error());
    if (const auto* connack = std::get_if<Connack>(&*parsed); connack && !side.end.ready)
        return on_connack(now, side, *connack);
    const auto* goodbye = std::get_if<Disconnect>(&*parsed);
    if (goodbye != nullptr && side.end.version == Version::v5) {
        side.end.said = goodbye->reason;
        side.end.ready = false;  // nothing more may be said [MQTT-3.14.4-1]
        note(is_remote(side) ? "the remote broker says DISCONNECT" : "our broker says DISCONNECT",
             std::string(name_of(goodbye->reason)));
        return fall(now, {.lost = &side, .by_peer = true, .gone = false}, Again::after_a_while);
    }
    const bool expected =
        std::visit(Overloaded{
                       [&](const Ack& ack) { return on_ack(side, ack), true; },
                       [&](const Suback& suback) { return on_suback(side, suback), true; },
                       [&](const Pingresp&) { return timers.disarm(side.pong), true; },
                       [&](const Unsuback&) { return true; },
                       [](const auto&) { return false; },
                   },
                   *parsed);
    if (!expected || !side.end.ready)
        fault(now, side, {Reason::protocol_error, "a packet that a server does not send here"});
}

void Bridge::State::on_publish(Instant now, Side& side, Bytes packet) {
    auto publish = parse_publish(packet, side.end.version);
    if (!publish) return fault(now, side, publish.error());
    // We have allowed none [MQTT-3.1.2-27].
    if (publish->properties.topic_alias)
        return fault(now, side, {Reason::topic_alias_invalid, "a topic alias"});
    side.outgoing->published(*publish);
    if (const auto topic = side.outgoing->take_given_up())
        note("given up: the other broker closes whenever it gets this", *topic);
}

void Bridge::State::on_ack(Side& side, const Ack& ack) {
    if (!side.end.ready) return;
    if (ack.type == PacketType::pubrel) return side.outgoing->released(ack.packet_id);
    if (is_error(ack.reason) && ack.reason != Reason::packet_identifier_not_found)
        note(is_remote(side) ? "the remote broker refuses a message"
                             : "our broker refuses a message",
             std::string(name_of(ack.reason)));
    side.incoming->answered(ack);
}

void Bridge::State::look_after_lanes(Instant now) {
    if (phase != Phase::running) return;
    if (in.refused_full()) return fall(now, {}, Again::after_a_while);
    if (out.wants_restart() || in.wants_restart())
        fall(now, {}, out.progressed() || in.progressed() ? Again::at_once : Again::after_a_while);
}

// ---- out ---------------------------------------------------------------------------------------

void Bridge::State::note(std::string_view what, std::string detail) {
    // Once a connection: one message after another may have the same fault.
    if (std::ranges::find(noted, what) != noted.end()) return;
    noted.push_back(what);
    outbox.push(bridge::Note{what, std::move(detail)});
}

void Bridge::State::flush(Instant now) {
    flush(now, remote);
    flush(now, local);
    release_local();
}

void Bridge::State::flush(Instant now, Side& side) {
    Octets octets = std::exchange(side.end.out, Octets{});
    if (octets.empty() || !side.end.open) return;
    if (side.keep_alive_seconds != 0)
        timers.arm(side.ping, after(now, std::chrono::seconds(side.keep_alive_seconds)));
    if (!is_remote(side)) return outbox.push(bridge::SendLocal{std::move(octets)});
    unsent += octets.size();
    if (unsent > settings.unsent_octets_high) congested = true;
    outbox.push(bridge::SendRemote{std::move(octets)});
}

/// What the bridge has read of our broker counts as read once there is room behind it.
void Bridge::State::release_local() {
    if (held == 0 || congested) return;
    outbox.push(bridge::LocalTaken{std::exchange(held, 0u)});
}

void Bridge::State::pause_remote(bool wanted) {
    if (std::exchange(told_paused, wanted) != wanted) outbox.push(bridge::PauseRemote{wanted});
}

// ---- the face ----------------------------------------------------------------------------------

Bridge::Bridge(BridgeSettings settings, Random random, Instant now)
    : state_(std::make_unique<State>(std::move(settings), random, now)) {}
Bridge::Bridge(Bridge&&) noexcept = default;
Bridge& Bridge::operator=(Bridge&&) noexcept = default;
Bridge::~Bridge() = default;

void Bridge::handle(Instant now, Input in) {
    state_->handle(now, in);
}
void Bridge::handle_timeout(Instant now) {
    state_->handle_timeout(now);
}
std::optional<Bridge::Output> Bridge::poll_output() {
    return state_->outbox.poll();
}
Instant Bridge::next_deadline() const noexcept {
    return state_->timers.next();
}
bool Bridge::connected() const noexcept {
    return state_->phase == State::Phase::running;
}
const BridgeSettings& Bridge::settings() const noexcept {
    return state_->settings;
}
const BridgeStats& Bridge::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::mqtt
