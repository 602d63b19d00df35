// How a bridge opens its two connections, one after the other, and closes them, both at once.
#include "mqtt/bridge_state.hpp"

#include "mqtt/reasons.hpp"

#include <algorithm>
#include <utility>

namespace causeway::mqtt {

namespace {

constexpr std::uint32_t forever = 0xffffffff;
/// What the standard can say. In 3.1.1 a server cannot be told of less: what is too large is then
/// answered and not passed on, or it would come again for ever.
constexpr std::uint32_t packet_octets_max = 268'435'460;
/// A connection that held so long was none of the failures in a row.
constexpr Duration well_after = std::chrono::seconds(30);
/// In one SUBSCRIBE; some brokers take no large packets.
constexpr std::size_t filters_max = 32;
constexpr std::uint16_t subscribe_id = 65'535;  // brokers number messages from 1 upwards

/// Whether a server that says this may mean a message that it was sent.
bool blames_a_message(Reason reason) {
    switch (reason) {
        case Reason::unspecified_error:
        case Reason::malformed_packet:
        case Reason::protocol_error:
        case Reason::implementation_specific_error:
        case Reason::not_authorized:
        case Reason::topic_name_invalid:
        case Reason::packet_too_large:
        case Reason::quota_exceeded:
        case Reason::payload_format_invalid:
        case Reason::retain_not_supported:
        case Reason::qos_not_supported:
            return true;
        default:
            return false;
    }
}

void reset(BridgeEnd& end, std::uint32_t octets_max) {
    end.framer = Framer(octets_max);
    end.out = {};
    end.open = true;
    end.ready = false;
    end.said = {};
    end.subscribe_id = 0;
}

}  // namespace

std::string Bridge::State::client_id() const {
    return settings.client_id.empty() ? settings.name : settings.client_id;
}

void Bridge::State::open(Instant now) {
    phase = Phase::opening;
    if (!std::exchange(told_state, true)) outbox.push(bridge::State{false});
    ++stats.tries;
    ++stats.open;
    noted.clear();
    unsent = 0;
    congested = false;
    local_paused = told_paused = false;
    timers.arm(Timer::answer, after(now, settings.answer_within));
    outbox.push(bridge::OpenRemote{});
}

void Bridge::State::greet_remote(Instant now) {
    phase = Phase::greeting;
    const bool v5 = remote.end.version == Version::v5;
    reset(remote.end, v5 ? settings.packet_octets_max : packet_octets_max);
    timers.arm(Timer::answer, after(now, settings.answer_within));
    said_private = !v5 && settings.try_private && !plain;
    const std::string id = client_id();
    Connect connect;
    connect.version = remote.end.version;
    connect.bridge = said_private;
    connect.clean_start = settings.clean;
    connect.keep_alive_seconds = settings.keep_alive_seconds;
    connect.client_id = id;
    if (settings.user_name) connect.user_name = *settings.user_name;
    if (settings.password) connect.password = Bytes(*settings.password);
    if (v5) {
        if (!settings.clean)
            connect.properties.session_expiry_seconds = settings.session_expiry_seconds;
        connect.properties.receive_maximum =
            in.careful() ? std::uint16_t{1} : settings.receive_maximum;
        if (settings.packet_octets_max < packet_octets_max)
            connect.properties.maximum_packet_octets = settings.packet_octets_max;
    }
    remote.keep_alive_seconds = settings.keep_alive_seconds;
    remote.end.send(connect);
}

void Bridge::State::greet_local(Instant now) {
    phase = Phase::joining;
    pause_remote(true);
    reset(local.end, packet_octets_max);
    held = 0;
    timers.arm(Timer::answer, after(now, settings.answer_within));
    outbox.push(bridge::OpenLocal{});
    const std::string id = "bridge/" + settings.name;
    Connect connect;
    connect.version = Version::v5;
    connect.clean_start = settings.clean;
    connect.client_id = id;
    if (!settings.clean) connect.properties.session_expiry_seconds = forever;
    // So our broker never has more under way than the other one takes.
    connect.properties.receive_maximum =
        out.careful() ? std::uint16_t{1}
                      : std::min(settings.receive_maximum, remote.end.receive_maximum);
    local.keep_alive_seconds = 0;
    local.end.send(connect);
}

void Bridge::State::on_connack(Instant now, Side& side, const Connack& connack) {
    if (is_error(connack.reason)) return refused(now, side, connack);
    if (!accept(now, side, connack)) return;
    if (is_remote(side))
        greet_local(now);
    else
        run(now);
}

/// What the broker allows, which 3.1.1 cannot say.
bool Bridge::State::accept(Instant now, Side& side, const Connack& connack) {
    BridgeEnd& end = side.end;
    const Properties& said = connack.properties;
    if (settings.clean && connack.session_present) {  // [MQTT-3.2.2-4]
        fault(now, side, {Reason::protocol_error, "a session that was not asked for"});
        return false;
    }
    end.ready = true;
    end.resumed = connack.session_present;
    end.qos_max = static_cast<Qos>(said.maximum_qos.value_or(2));
    end.retain_available = said.retain_available.value_or(true);
    end.packet_octets_max = said.maximum_packet_octets.value_or(packet_octets_max);
    if (!is_remote(side))
        end.packet_octets_max = std::min(end.packet_octets_max, settings.packet_octets_max);
    end.receive_maximum = end.version == Version::v5 ? said.receive_maximum.value_or(65'535)
                                                     : settings.receive_maximum_v3;
    if (said.server_keep_alive_seconds) side.keep_alive_seconds = *said.server_keep_alive_seconds;
    if (side.keep_alive_seconds != 0)
        timers.arm(side.ping, after(now, std::chrono::seconds(side.keep_alive_seconds)));
    if (!end.resumed) side.subscribed = false;
    return true;
}

void Bridge::State::refused(Instant now, Side& side, const Connack& connack) {
    const bool fall_back =
        is_remote(side) && said_private && connack.reason == Reason::unsupported_protocol_version;
    if (fall_back) {
        plain = true;
        note("the remote broker knows no bridges", "going on without");
        return fall(now, {}, Again::at_once);
    }
    note(is_remote(side) ? "the remote broker refuses the connection"
                         : "our broker refuses the connection",
         std::string(name_of(connack.reason)));
    fall(now, {}, Again::after_a_while);
}

void Bridge::State::run(Instant now) {
    phase = Phase::running;
    running_since = now;
    ++stats.connected;
    --stats.open;
    timers.disarm(Timer::answer);
    out.begin(std::min(settings.receive_maximum, remote.end.receive_maximum));
    in.begin(local.end.receive_maximum);
    for (Side* side : {&remote, &local}) {
        side->asked = side->granted = 0;
        if (!side->subscribed) subscribe(*side);
    }
    told_connected = true;
    outbox.push(bridge::State{true});
    note("connected", remote.end.resumed ? "the session goes on" : "a new session");
    pause_remote(local_paused);
    feed(now, remote, std::exchange(stash, Octets{}));
}

// ---- subscriptions -----------------------------------------------------------------------------

/// The next of its filters, one SUBSCRIBE at a time.
void Bridge::State::subscribe(Side& side) {
    const std::vector<BridgeTopics::Filter>& filters = *side.filters;
    if (side.asked >= filters.size()) {
        side.subscribed = true;
        return;
    }
    const BridgeEnd& other = is_remote(side) ? local.end : remote.end;
    Subscribe wanted;
    wanted.packet_id = side.end.subscribe_id = subscribe_id;
    for (; side.asked < filters.size() && wanted.entries.size() < filters_max; ++side.asked) {
        const BridgeTopics::Filter& filter = filters[side.asked];
        wanted.entries.push_back(
            {.filter = filter.filter,
             .options = {.qos_max = std::min(filter.qos, other.qos_max),
                         // What went from here there does not come back [MQTT-3.8.3-3], and what
                         // was retained here is retained there.
                         .no_local = true,
                         .retain_as_published = true,
                         .retain_handling =
                             other.resumed ? RetainHandling::send_if_new : RetainHandling::send}});
    }
    side.end.send(wanted);
}

void Bridge::State::on_suback(Side& side, const Suback& suback) {
    if (side.end.subscribe_id == 0 || suback.packet_id != side.end.subscribe_id) return;
    side.end.subscribe_id = 0;
    for (const Reason reason : suback.reasons) {
        if (side.granted >= side.asked) break;
        const std::string& filter = (*side.filters)[side.granted++].filter;
        if (!is_error(reason)) continue;
        ++stats.subscriptions_refused;
        note(is_remote(side) ? "the remote broker refuses a subscription"
                             : "our broker refuses a subscription",
             filter + ": " + std::string(name_of(reason)));
    }
    side.granted = side.asked;
    subscribe(side);
}

// ---- the end of both ---------------------------------------------------------------------------

void Bridge::State::fault(Instant now, Side& side, const Refused& why) {
    ++stats.faults;
    note(is_remote(side) ? "the remote broker broke a rule" : "our broker broke a rule",
         std::string(why.what));
    // A CONNECT from a server is refused for reasons that no DISCONNECT carries [MQTT-3.14.2-1].
    const Reason reason =
        may_carry(PacketType::disconnect, why.reason) ? why.reason : Reason::protocol_error;
    if (side.end.ready && side.end.version == Version::v5)
        side.end.send(Disconnect{.reason = reason, .properties = {}});
    side.end.ready = false;
    fall(now, {}, Again::after_a_while);
}

void Bridge::State::fall(Instant now, Loss loss, Again again) {
    const bool ran = phase == Phase::running;
    if (loss.lost != nullptr) {
        const std::optional<Reason> said = loss.lost->end.said;
        const bool blame = ran && (said ? blames_a_message(*said) : loss.by_peer);
        note(is_remote(*loss.lost)
                 ? (phase == Phase::opening ? "the remote broker cannot be reached"
                                            : "the remote broker is lost")
                 : "our broker has closed");
        out.end(blame && is_remote(*loss.lost));
        in.end(blame && !is_remote(*loss.lost));
        // It may be the protocol level that it does not like, and not say so.
        if (phase == Phase::greeting && is_remote(*loss.lost) &&
            remote.end.version != Version::v5 && settings.try_private)
            plain = !plain;
    } else {
        out.end(false);
        in.end(false);
    }
    close(now, local, loss.lost == &local && loss.gone);
    close(now, remote, loss.lost == &remote && loss.gone);
    stash = {};
    held = 0;
    if (!ran && phase != Phase::resting && phase != Phase::stopped) {
        ++stats.failed;
        --stats.open;
    }
    if (std::exchange(told_connected, false)) outbox.push(bridge::State{false});
    timers = {};
    phase = again == Again::never ? Phase::stopped : Phase::resting;
    if (again == Again::never) return;
    if (again == Again::at_once) return timers.arm(Timer::retry, now);
    if (ran && now - running_since >= well_after) failures = 0;
    Duration wait = settings.reconnect.first;
    for (unsigned i = 0; i < failures && wait < settings.reconnect.most; ++i) wait *= 2;
    wait = std::min(wait, settings.reconnect.most);
    ++failures;
    timers.arm(Timer::retry, after(now, wait / 2 + random.within(wait - wait / 2)));
}

void Bridge::State::close(Instant now, Side& side, bool gone) {
    const bool opening = is_remote(side) && phase == Phase::opening;
    if (!side.end.open && !opening) return;
    if (!gone) {
        if (side.end.ready) side.end.send(Disconnect{});
        flush(now, side);
        if (is_remote(side))
            outbox.push(bridge::CloseRemote{});
        else
            outbox.push(bridge::CloseLocal{});
    }
    side.end.open = side.end.ready = false;
    side.end.out = {};
    side.end.framer = Framer(0);
}

}  // namespace causeway::mqtt
