#include "mqtt/client.hpp"

#include "mqtt/client_state.hpp"

#include <algorithm>

namespace causeway::mqtt {

using client::Disconnected;

namespace {

Properties properties_of(const ClientWill& will) {
    Properties properties;
    properties.will_delay_seconds = will.delay_seconds;
    properties.message_expiry_seconds = will.message_expiry_seconds;
    properties.payload_is_text = will.payload_is_text;
    properties.content_type = will.content_type;
    properties.response_topic = will.response_topic;
    properties.correlation_data = will.correlation_data;
    for (const auto& [name, value] : will.user_properties) properties.user.push_back({name, value});
    return properties;
}

Properties properties_of(const ClientSettings& settings) {
    Properties properties;
    if (settings.session_expiry_seconds != 0)
        properties.session_expiry_seconds = settings.session_expiry_seconds;
    if (settings.receive_maximum != 65535) properties.receive_maximum = settings.receive_maximum;
    if (settings.topic_alias_maximum != 0)
        properties.topic_alias_maximum = settings.topic_alias_maximum;
    if (settings.packet_octets_max < packet_octets_most)
        properties.maximum_packet_octets = settings.packet_octets_max;
    properties.request_problem_information = settings.request_problem_information;
    properties.request_response_information = settings.request_response_information;
    if (!settings.authentication_method.empty()) {
        properties.authentication_method = settings.authentication_method;
        if (!settings.authentication_data.empty())
            properties.authentication_data = as_text(settings.authentication_data);
    }
    for (const auto& [name, value] : settings.user_properties)
        properties.user.push_back({name, value});
    return properties;
}

}  // namespace

Client::State::State(ClientSettings from, Random chance)
    : settings(std::move(from)),
      random(chance),
      framer(settings.packet_octets_max),
      id(settings.client_id) {
    // Zero is a protocol error [MQTT 5.0 §3.1.2.11.3].
    settings.receive_maximum = std::max<std::uint16_t>(settings.receive_maximum, 1);
    settings.inflight_max = std::max<std::uint16_t>(settings.inflight_max, 1);
}

Client::Client(ClientSettings settings, Random random)
    : state_(std::make_unique<State>(std::move(settings), random)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

void Client::handle(Instant now, Input in) {
    State& state = *state_;
    std::visit(
        Overloaded{
            [&](const client::BytesReceived& said) { state.receive(now, said.octets); },
            [&](const client::DoPublish& wanted) { state.publish(now, wanted); },
            [&](const client::Acknowledge& said) { state.acknowledge(now, said); },
            [&](client::DoConnect) {
                if (state.phase == State::Phase::idle || state.phase == State::Phase::resting)
                    state.open();
            },
            [&](client::TransportOpened) {
                if (state.phase == State::Phase::opening) state.say_connect(now);
            },
            [&](client::TransportClosed) {
                if (state.phase == State::Phase::opening)
                    state.close(now, Disconnected::Cause::not_opened, Reason::server_unavailable,
                                {});
                else
                    state.close(now, Disconnected::Cause::lost, Reason::unspecified_error, {});
            },
            [&](const client::DoSubscribe& wanted) { state.subscribe(now, wanted); },
            [&](const client::DoUnsubscribe& wanted) { state.unsubscribe(now, wanted); },
            [&](const client::DoDisconnect& wanted) { state.disconnect(now, wanted); },
            [&](const client::AuthenticationData& said) {
                state.answer_challenge(now, Reason::continue_authentication, said.data);
            },
            [&](const client::DoReauthenticate& wanted) {
                state.answer_challenge(now, Reason::reauthenticate, wanted.data);
            },
        },
        in);
}

void Client::handle_timeout(Instant now) {
    using Timer = State::Timer;
    State& state = *state_;
    if (state.timers.take_expired(Timer::retry, now)) state.open();
    const bool no_answer = state.timers.take_expired(Timer::answer, now);
    const bool no_pong = state.timers.take_expired(Timer::pong, now);
    if (no_answer || no_pong)
        // "it SHOULD close the Network Connection" [MQTT 5.0 §3.1.2.10].
        state.close(now, Disconnected::Cause::silent, Reason::keep_alive_timeout, {});
    if (state.timers.take_expired(Timer::alive, now)) state.touch_timer(now);
}

std::optional<Client::Output> Client::poll_output() {
    State& state = *state_;
    if (auto output = state.outbox.poll()) return output;
    if (state.out.empty()) return std::nullopt;
    return client::SendOctets{std::exchange(state.out, {})};
}

Instant Client::next_deadline() const noexcept {
    return state_->timers.next();
}
bool Client::connected() const noexcept {
    return state_->phase == State::Phase::connected;
}
std::size_t Client::unfinished() const noexcept {
    return state_->flights.size() + state_->waiting.size();
}
const std::string& Client::client_id() const noexcept {
    return state_->id;
}
const ClientStats& Client::stats() const noexcept {
    return state_->stats;
}

void Client::State::open() {
    timers.disarm(Timer::retry);
    phase = Phase::opening;
    flush();
    outbox.push(client::OpenTransport{});
}

void Client::State::say_connect(Instant now) {
    phase = Phase::connecting;
    framer = Framer(settings.packet_octets_max);
    server_packet_octets_max = 0;
    server_receive_maximum = 65535;
    server_alias_maximum = 0;
    server_qos_max = Qos::exactly_once;
    server_retains = true;
    reauthenticating = false;
    aliases_out.clear();
    aliases_in.clear();
    last_sent = last_heard = since = now;

    Connect connect;
    connect.version = settings.version;
    connect.bridge = settings.bridge;
    const bool resumes =
        is_v5() && was_connected && settings.keep_session && settings.session_expiry_seconds != 0;
    connect.clean_start = settings.clean_start && !resumes;
    connect.keep_alive_seconds = settings.keep_alive_seconds;
    connect.client_id = id;
    if (settings.user_name) connect.user_name = *settings.user_name;
    // Without a user name there is no password in 3.1.1 [MQTT 3.1.1 MQTT-3.1.2-22].
    if (settings.password && (is_v5() || settings.user_name)) connect.password = *settings.password;
    if (settings.will) {
        Will will;
        will.topic = settings.will->topic;
        will.payload = settings.will->payload;
        will.qos = settings.will->qos;
        will.retain = settings.will->retain;
        if (is_v5()) will.properties = properties_of(*settings.will);
        connect.will = std::move(will);
    }
    if (is_v5()) connect.properties = properties_of(settings);
    send(now, std::move(connect));
    timers.arm(Timer::answer, after(now, settings.answer_within));
}

/// The connection's own state goes, the session stays.
void Client::State::let_go() {
    for (const Timer timer : {Timer::answer, Timer::alive, Timer::pong}) timers.disarm(timer);
    receipts.connection_lost();
    for (const Request& request : std::exchange(requests, {})) {
        ids.give_back(request.packet_id);
        if (request.subscribes)
            outbox.push(client::Subscribed{request.ticket, request.packet_id, {}, {}});
        else
            outbox.push(client::Unsubscribed{request.ticket, request.packet_id, {}, {}});
    }
    if (settings.waits_for_connection) return;
    for (client::Flight& flight : std::exchange(waiting, {})) {
        --stats.publishes_open;
        ++stats.publishes_refused;
        outbox.push(client::Published{flight.ticket, Reason::server_unavailable});
    }
    waiting_octets = 0;
}

std::optional<Duration> Client::State::rest(Instant now, bool wanted) {
    phase = Phase::idle;
    timers.disarm(Timer::retry);
    if (!wanted || !settings.reconnect) return std::nullopt;
    // A connection that lasted shows that the trouble before it was over.
    const bool lasted = was_connected && now - since >= patience;
    if (lasted || patience <= Duration{}) patience = settings.reconnect->first;
    const Duration wait = patience / 2 + random.within(patience / 2) + Duration(1);
    patience = std::min(patience * 2, settings.reconnect->most);
    phase = Phase::resting;
    timers.arm(Timer::retry, after(now, wait));
    return wait;
}

void Client::State::close(Instant now, Disconnected::Cause cause, Reason reason, std::string what,
                          std::string server_reference) {
    if (phase == Phase::idle || phase == Phase::resting) {
        if (cause != Disconnected::Cause::asked) return;
    } else if (cause == Disconnected::Cause::lost || cause == Disconnected::Cause::not_opened) {
        flush();
    } else {
        flush();
        outbox.push(client::CloseTransport{});
    }
    let_go();
    const auto retry_in = rest(now, cause != Disconnected::Cause::asked);
    outbox.push(
        Disconnected{cause, reason, std::move(what), std::move(server_reference), retry_in});
}

void Client::State::fault(Instant now, Reason reason, std::string_view what) {
    ++stats.faults;
    // Reasons that a client may give [MQTT 5.0 §3.14.2.1]; the others are a server's.
    constexpr Reason ours[] = {Reason::malformed_packet,   Reason::protocol_error,
                               Reason::topic_name_invalid, Reason::receive_maximum_exceeded,
                               Reason::packet_too_large,   Reason::topic_alias_invalid,
                               Reason::quota_exceeded,     Reason::payload_format_invalid,
                               Reason::unspecified_error,  Reason::implementation_specific_error};
    if (std::ranges::find(ours, reason) == std::end(ours)) reason = Reason::protocol_error;
    // "SHOULD send a DISCONNECT packet" with the reason; 3.1.1 has no way to say why
    // [MQTT-4.13.1-1].
    if (is_v5()) send(now, Disconnect{.reason = reason, .properties = {}});
    close(now, Disconnected::Cause::fault, reason, std::string(what));
}

/// Keep alive: something is sent before the time is over [MQTT-3.1.2-20], and a server that is not
/// heard of is asked, too, so that a host that only publishes learns of a dead link.
void Client::State::touch_timer(Instant now) {
    if (phase != Phase::connected || keep_alive == Duration{}) return;
    const Instant due = after(std::min(last_sent, last_heard), keep_alive);
    if (due > now) return timers.arm(Timer::alive, due);
    timers.arm(Timer::alive, after(now, keep_alive));
    if (timers.armed(Timer::pong)) return;
    ++stats.pings;
    send(now, Pingreq{});
    timers.arm(Timer::pong, after(now, std::min(settings.answer_within, keep_alive)));
}

}  // namespace causeway::mqtt
