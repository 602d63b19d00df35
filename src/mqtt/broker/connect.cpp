// CONNECT: what is asked for, whether it may be had, and the answer [MQTT 5.0 §3.1.4].
#include "mqtt/broker/state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {

using Phase = Connection::Phase;

namespace {

/// The protocol level as it lies in a CONNECT, zero if it is too short for one.
std::uint8_t level_of(Bytes packet) {
    ByteReader in(packet);
    (void)in.u8();
    for (int i = 0; i < 4 && (in.u8() & 0x80) != 0; ++i) {
    }
    (void)in.take(in.be16());
    return in.u8() & 0x7f;
}

}  // namespace

void Broker::State::on_connect(Connection& c, Bytes packet) {
    auto parsed = parse_packet(packet, Version::v5);
    if (!parsed.has_value()) {
        const Refused why = parsed.error();
        const std::uint8_t level = level_of(packet);
        ++(why.reason == Reason::malformed_packet ? stats.malformed_packets
                                                  : stats.protocol_errors);
        // An answer of a kind that the client may understand [MQTT-3.1.2-2].
        refuse_connect(c, level >= 5 ? Version::v5 : Version::v3_1_1, why.reason, why.what);
        return;
    }
    const Connect& connect = std::get<Connect>(*parsed);
    c.version = connect.version;
    c.bridge = connect.bridge;
    if (shut) {
        refuse_connect(c, c.version, Reason::server_unavailable, "the server is shutting down");
        return;
    }
    if (!c.internal && connect_rate_exceeded()) {
        ++stats.refused_connect_rate;
        refuse_connect(c, c.version, Reason::connection_rate_exceeded, "too many connects");
        return;
    }
    if (!c.internal && stats.clients_connected >= settings.connections_max) {
        ++stats.refused_connections;
        refuse_connect(c, c.version, Reason::server_busy, "too many clients");
        return;
    }
    if (const auto why = judge_connect(c, connect)) {
        refuse_connect(c, c.version, why->reason, why->what);
        return;
    }
    const bool credentials = connect.user_name.has_value() || connect.password.has_value();
    if (connect.properties.authentication_method.has_value() ||
        (credentials && !c.internal && !c.proven)) {
        c.more().connect = to_octets(packet);
        c.more().method = connect.properties.authentication_method.value_or("");
        ask_host(c, connect, false);
        return;
    }
    if (c.internal) {
        accept_connect(c, connect, connect.user_name.value_or(""));
    } else if (c.proven) {
        accept_connect(c, connect, std::string(c.more().user_name));
    } else if (c.anonymous_allowed) {
        accept_connect(c, connect, {});
    } else {
        ++stats.refused_credentials;
        refuse_connect(c, c.version, Reason::not_authorized, "anonymous clients are not allowed");
    }
}

std::optional<Refused> Broker::State::judge_connect(const Connection& c, const Connect& connect) {
    // [MQTT 3.1.1 MQTT-3.1.3-8]: without a name there is nothing to find a session by.
    if (connect.client_id.empty() && !c.v5() && !connect.clean_start)
        return Refused{Reason::client_identifier_not_valid, "a session needs a client identifier"};
    if (!connect.will.has_value()) return std::nullopt;
    const Will& will = *connect.will;
    if (will.qos > settings.qos_max)  // [MQTT-3.2.2-12]
        return Refused{Reason::qos_not_supported, "the will's QoS is not supported"};
    if (will.retain && !settings.retain_available)  // [MQTT-3.2.2-13]
        return Refused{Reason::retain_not_supported, "retained messages are not supported"};
    return std::nullopt;
}

std::optional<Refused> Broker::State::judge_will(const Connection& c, const Connect& connect,
                                                 std::string_view user) const {
    if (!connect.will.has_value()) return std::nullopt;
    const std::string_view topic = connect.will->topic;
    if (levels_of(topic) > settings.topic_levels_max)
        return Refused{Reason::topic_name_invalid, "the will's topic has too many levels"};
    if (topic.starts_with("$SYS") || !may_write(c, connect.client_id, user, topic))
        return Refused{Reason::not_authorized, "the will may not be published"};
    return std::nullopt;
}

/// CONNACK with a reason that is an error, and the end [MQTT-3.2.2-7] [MQTT-3.1.4-5].
void Broker::State::refuse_connect(Connection& c, Version version, Reason reason,
                                   std::string_view what) {
    ++stats.connects_refused;
    c.version = version;
    if (!may_carry(PacketType::connack, reason)) reason = Reason::unspecified_error;
    Connack packet{.session_present = false, .reason = reason, .properties = {}};
    if (version == Version::v5) {
        packet.properties.reason_string = what;
        // The client said nothing that holds yet, unless its CONNECT was read.
        if (wire_size(packet, version) > c.packet_octets_max)
            packet.properties.reason_string.reset();
    }
    const bool sayable = version == Version::v5 || return_code_of(reason).has_value();
    if (sayable) send_packet(c, packet);
    note(Note::Kind::refused, c.session, &c, reason, what);
    begin_closing(c, false);
}

std::uint32_t Broker::State::expiry_of(const Connect& connect) const noexcept {
    std::uint32_t asked = 0;
    if (connect.version == Version::v5)
        asked = connect.properties.session_expiry_seconds.value_or(0);
    else if (!connect.clean_start)
        asked = settings.session_expiry_seconds_v3;
    return std::min(asked, settings.session_expiry_seconds_max);
}

std::string Broker::State::make_client_id() {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::string id;
    do {
        id = "auto-";
        std::uint64_t chance = random.next();
        for (int i = 0; i < 12; ++i, chance >>= 5) id += digits[chance & 31];
    } while (session_of.contains(id));
    return id;
}

void Broker::State::accept_connect(Connection& c, const Connect& connect, std::string_view user) {
    if (const auto why = judge_will(c, connect, user)) {
        refuse_connect(c, c.version, why->reason, why->what);
        return;
    }
    const Properties& asked = connect.properties;
    // An empty identifier gets one of ours [MQTT-3.1.3-6] [MQTT-3.1.3-7].
    std::string id(connect.client_id);
    const bool assigned = id.empty();
    if (assigned) id = make_client_id();
    if (assigned && c.v5()) c.more().assigned_id = true;

    c.keep_alive = connect.keep_alive_seconds;
    const std::uint16_t keep_alive_max = settings.keep_alive_seconds_max;
    if (c.v5() && keep_alive_max != UINT16_MAX &&
        (c.keep_alive == 0 || c.keep_alive > keep_alive_max)) {
        c.keep_alive = keep_alive_max;  // [MQTT-3.2.2-21]
        c.more().tell_keep_alive = true;
    }
    // [MQTT-3.3.4-9]: no more than the client allows, no more than we like.
    c.window = std::min(asked.receive_maximum.value_or(UINT16_MAX), settings.inflight_max);
    c.window = std::max<std::uint16_t>(c.window, 1);
    c.packet_octets_max = asked.maximum_packet_octets.value_or(UINT32_MAX);
    c.alias_out_max = std::min<std::uint16_t>(asked.topic_alias_maximum.value_or(0),
                                              settings.topic_alias_maximum_out);
    c.problem_information = asked.request_problem_information.value_or(true);
    if (c.v5() && asked.session_expiry_seconds.value_or(0) != expiry_of(connect))
        c.more().tell_expiry = true;

    Session* const s = take_session(c, connect, id);
    if (s == nullptr) return;
    const bool present = s->connection == &c && c.extras != nullptr && c.extras->session_present;
    s->user_name = ShortText<10>(user.substr(0, UINT16_MAX));
    if (connect.will.has_value()) will_of(*s, *connect.will);
    if (s->stored()) journal_session(*s);
    // A session that resumes is in the store already; one that begins is a promise.
    const std::uint64_t sequence = s->stored() && !present ? gate() : 0;
    if (sequence == 0) {
        send_connack(c);
        return;
    }
    c.phase = Phase::opening;
    timers.disarm(c);
    wait({.sequence = sequence,
          .number = std::to_underlying(c.id),
          .generation = c.generation,
          .kind = Waiting::Kind::connack});
}

/// The session of the client, taken over from another connection, resumed, or begun
/// [MQTT-3.1.4-3] [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6]. Null: refused.
Session* Broker::State::take_session(Connection& c, const Connect& connect, std::string_view id) {
    const std::uint32_t expiry = expiry_of(connect);
    const bool stores = settings.persistent && expiry > 0;
    const std::uint32_t* slot = session_of.find(id);
    if (slot != nullptr && sessions[*slot]->ends_at <= now) {
        session_due(*sessions[*slot]);
        slot = session_of.find(id);
    }
    const bool resumes =
        slot != nullptr && !connect.clean_start && sessions[*slot]->expiry_seconds > 0;
    if (slot == nullptr && stats.sessions >= settings.sessions_max && !c.internal) {
        ++stats.refused_sessions;
        refuse_connect(c, c.version, Reason::quota_exceeded, "too many sessions");
        return nullptr;
    }
    if (failing && stores && !resumes) {
        ++stats.refused_store;
        refuse_connect(c, c.version, Reason::quota_exceeded, "sessions cannot be stored");
        return nullptr;
    }
    if (slot != nullptr && sessions[*slot]->connection != nullptr) {
        Session& old = *sessions[*slot];
        ++stats.taken_over;
        note(Note::Kind::taken_over, &old, &c, Reason::session_taken_over, {});
        end_connection(*old.connection, Reason::session_taken_over,
                       "another connection has taken the session over");
        slot = session_of.find(id);  // it may have ended with its connection
    }
    Session* s = slot == nullptr ? nullptr : sessions[*slot].get();
    if (s != nullptr && connect.clean_start) {
        end_session(*s);
        s = nullptr;
    }
    if (s == nullptr) {
        s = begin_session(id, expiry, {}, stores ? SessionKey{++keys_used} : SessionKey{});
    } else {
        ++stats.sessions_resumed;
        timers.disarm(*s);
        forget_will(*s);  // back in time [MQTT-3.1.3-9]
        s->expiry_seconds = expiry;
        s->ends_at = never;
        if (s->stored() && expiry == 0) unstore(*s);
        c.more().session_present = true;
    }
    s->connection = &c;
    c.session = s;
    return s;
}

/// What is not as the client would assume is said [MQTT 5.0 §3.2.2.3].
void Broker::State::send_connack(Connection& c) {
    Session& s = *c.session;
    Connack packet;
    ConnectionExtras none;
    ConnectionExtras& more = c.extras != nullptr ? *c.extras : none;
    packet.session_present = more.session_present;  // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    Properties& p = packet.properties;
    if (c.v5()) {
        if (more.tell_expiry) p.session_expiry_seconds = s.expiry_seconds;
        if (settings.receive_maximum != UINT16_MAX) p.receive_maximum = settings.receive_maximum;
        if (settings.qos_max < Qos::exactly_once)  // [MQTT-3.2.2-9]
            p.maximum_qos = static_cast<std::uint8_t>(settings.qos_max);
        if (!settings.retain_available) p.retain_available = false;
        if (settings.packet_octets_max < 268'435'460)
            p.maximum_packet_octets = settings.packet_octets_max;
        if (more.assigned_id) p.assigned_client_id = s.name();
        if (settings.topic_alias_maximum > 0) p.topic_alias_maximum = settings.topic_alias_maximum;
        if (!settings.wildcards_available) p.wildcard_subscription_available = false;
        if (!settings.subscription_identifiers_available)
            p.subscription_identifier_available = false;
        if (!settings.shared_available) p.shared_subscription_available = false;
        if (more.tell_keep_alive) p.server_keep_alive_seconds = c.keep_alive;
        if (!more.method.empty()) {
            p.authentication_method = more.method;
            if (!more.connack_data.empty()) p.authentication_data = as_text(more.connack_data);
        }
    }
    if (wire_size(packet, c.version) > c.packet_octets_max) {  // [MQTT-3.1.2-24]
        ++stats.connects_refused;
        end_connection(c, Reason::packet_too_large, "it could not read its CONNACK");
        return;
    }
    send_packet(c, packet);
    ++stats.connects_accepted;
    --stats.connections_unready;
    ++stats.clients_connected;
    stats.clients_maximum = std::max(stats.clients_maximum, stats.clients_connected);
    c.phase = Phase::open;
    c.heard_at = now;
    c.opened_at = now;
    if (c.extras != nullptr) {
        more.connack_data = {};
        more.connect = {};
        more.user_name = {};
        // What most clients need no longer.
        if (more.method.empty() && more.early.empty() && more.late.empty() && more.held_by.empty())
            c.extras.reset();
    }
    note(Note::Kind::connected, &s, &c, Reason::success, s.user_name.view());
    timers.disarm(c);
    arm(c);
    resume_session(s);
}

}  // namespace causeway::mqtt
