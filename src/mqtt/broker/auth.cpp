// Whether a client is who it says: the host is asked, once, or step by step [MQTT 5.0 §4.12].
#include "mqtt/broker/state.hpp"

namespace causeway::mqtt {

using Phase = Connection::Phase;

void Broker::State::ask_host(Connection& c, const Connect& connect, bool again) {
    ConnectionExtras& more = c.more();
    more.ticket = ++tickets;
    if (!again) c.phase = Phase::authenticating;
    Authenticate ask{.id = c.id, .ticket = more.ticket};
    ask.client_id = connect.client_id;
    ask.method = more.method;
    ask.again = again;
    if (connect.user_name) ask.user_name = std::string(*connect.user_name);
    if (connect.password) ask.password = to_octets(*connect.password);
    if (connect.properties.authentication_data)
        ask.data = to_octets(as_octets(*connect.properties.authentication_data));
    outbox.push(std::move(ask));
}

void Broker::State::authenticated(Authenticated& in) {
    Connection* const found = connection(in.id);
    if (found == nullptr || found->extras == nullptr || found->extras->ticket != in.ticket) return;
    Connection& c = *found;
    ConnectionExtras& more = *c.extras;
    if (c.phase == Phase::open && more.reauthenticating) {
        reauthenticated(c, in);
        return;
    }
    if (c.phase != Phase::authenticating) return;
    more.ticket = 0;
    if (in.verdict == Reason::continue_authentication && !more.method.empty()) {
        c.phase = Phase::challenged;
        Auth packet{.reason = Reason::continue_authentication, .properties = {}};
        packet.properties.authentication_method = more.method;
        packet.properties.authentication_data = as_text(in.data);
        send_packet(c, packet);  // [MQTT-4.12.0-2]
        resume_early(c);
        return;
    }
    const Reason reason = in.verdict == Reason::continue_authentication
                              ? Reason::bad_authentication_method
                              : in.verdict;
    if (is_error(reason)) {  // [MQTT-4.12.0-4]
        ++stats.refused_credentials;
        refuse_connect(c, c.version, reason, name_of(reason));
        return;
    }
    more.connack_data = std::move(in.data);
    const Octets packet = std::exchange(more.connect, {});
    const auto parsed = parse_packet(packet, Version::v5);
    CAUSEWAY_ASSERT(parsed.has_value());  // it was, a moment ago
    if (!c.internal && stats.clients_connected >= settings.connections_max) {
        ++stats.refused_connections;
        refuse_connect(c, c.version, Reason::server_busy, "too many clients");
        return;
    }
    accept_connect(c, std::get<Connect>(*parsed), in.user_name);
    if (c.phase == Phase::open) resume_early(c);
}

void Broker::State::on_auth(Connection& c, const Auth& auth) {
    ConnectionExtras* const more = c.extras.get();
    const bool dance = more != nullptr && !more->method.empty();
    // Only with a method, only with the same method all along [MQTT-4.12.0-5] [MQTT-4.12.1-1].
    if (!dance || auth.properties.authentication_method != more->method) {
        refuse(c, {Reason::protocol_error, "AUTH without its authentication method"});
        return;
    }
    Connect carrier;
    if (c.session != nullptr) carrier.client_id = c.session->name();
    carrier.properties.authentication_data = auth.properties.authentication_data;
    if (c.phase == Phase::challenged && auth.reason == Reason::continue_authentication) {
        const auto parsed = parse_packet(more->connect, Version::v5);
        CAUSEWAY_ASSERT(parsed.has_value());
        carrier.client_id = std::get<Connect>(*parsed).client_id;
        carrier.user_name = std::get<Connect>(*parsed).user_name;
        ask_host(c, carrier, false);
        return;
    }
    const bool begins = auth.reason == Reason::reauthenticate && !more->reauthenticating;
    const bool goes_on = auth.reason == Reason::continue_authentication && more->reauthenticating &&
                         more->ticket == 0;
    if (c.phase != Phase::open || (!begins && !goes_on)) {
        refuse(c, {Reason::protocol_error, "AUTH out of turn"});
        return;
    }
    more->reauthenticating = true;
    ask_host(c, carrier, true);
}

/// The connection goes on while it lasts; a failure ends it [MQTT-4.12.1-2].
void Broker::State::reauthenticated(Connection& c, Authenticated& in) {
    ConnectionExtras& more = *c.extras;
    more.ticket = 0;
    if (is_error(in.verdict)) {
        ++stats.refused_credentials;
        end_connection(c, in.verdict, name_of(in.verdict));
        return;
    }
    Auth packet{.reason = Reason::success, .properties = {}};
    if (in.verdict == Reason::continue_authentication) {
        packet.reason = Reason::continue_authentication;
    } else {
        more.reauthenticating = false;
        Session& s = *c.session;
        if (s.user_name.view() != in.user_name) {
            s.user_name = ShortText<10>(std::string_view(in.user_name).substr(0, UINT16_MAX));
            if (s.stored()) journal_session(s);
        }
    }
    packet.properties.authentication_method = more.method;
    if (!in.data.empty()) packet.properties.authentication_data = as_text(in.data);
    if (wire_size(packet, c.version) <= c.packet_octets_max) send_packet(c, packet);
}

}  // namespace causeway::mqtt
