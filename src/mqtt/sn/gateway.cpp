#include "mqtt/sn/gateway.hpp"

#include "mqtt/sn/gateway_state.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {
namespace {

using std::chrono::seconds;

/// [MQTT-SN 1.2 §7.2] Half as much again of a short time, a tenth of a long one.
Duration tolerated(std::uint32_t count) {
    const Duration span = seconds(count);
    return count > 60 ? span + span / 10 : span + span / 2;
}

std::uint16_t whole_seconds(Duration span) {
    const auto count = std::chrono::duration_cast<seconds>(span).count();
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(count, 0, 65535));
}

bool of_a_gateway(MessageType type) {
    switch (type) {
        case MessageType::advertise:
        case MessageType::gwinfo:
        case MessageType::connack:
        case MessageType::willtopicreq:
        case MessageType::willmsgreq:
        case MessageType::suback:
        case MessageType::unsuback:
        case MessageType::willtopicresp:
        case MessageType::willmsgresp:
            return true;
        default:
            return false;
    }
}

}  // namespace

Gateway::State::State(GatewaySettings given, Random chance, Instant at, Teller say)
    : settings(std::move(given)), random(chance), teller(say), now(at) {
    if (settings.advertise_to && settings.advertise_interval > Duration{}) advertise_at = now;
}

// ---- what comes in -----------------------------------------------------------------------------

void Gateway::State::handle(const DatagramReceived& datagram) {
    ++stats.datagrams_received;
    Origin origin{.peer = datagram.peer};
    ByteReader in(datagram.octets);
    if (is_encapsulated(datagram.octets)) {
        // [MQTT-SN 1.2 §5.5] The answers go back through the same forwarder.
        const auto outer = Encapsulation::parse(in);
        if (!outer) return void(++stats.datagrams_malformed);
        std::ranges::copy(as_octets(outer->node), origin.node.begin());
        origin.node_octets = static_cast<std::uint8_t>(outer->node.size());
    }
    const auto message = Message::parse(in);
    if (!message) return void(++stats.datagrams_malformed);
    if (stopped) return void(++stats.datagrams_out_of_place);
    dispatch(origin, *message);
}

void Gateway::State::dispatch(const Origin& origin, const Message& message) {
    const auto found = by_origin.find(origin);
    Guest* client = found == by_origin.end() ? nullptr : find(found->second);
    if (std::holds_alternative<SearchGateway>(message.body)) {
        ++stats.datagrams_used;
        return search(origin);
    }
    if (const auto* connecting = std::get_if<Connect>(&message.body)) {
        ++stats.datagrams_used;
        return connect(origin, *connecting, client);
    }
    if (const auto* ping_request = std::get_if<Pingreq>(&message.body);
        ping_request != nullptr && !ping_request->client_id.empty()) {
        // A sleeping client says who it is, because its address may be another one by now.
        const auto known = by_id.find(ping_request->client_id);
        Guest* sleeper = known == by_id.end() ? nullptr : find(known->second);
        if (sleeper != nullptr && sleeper != client && sleeper->stage == Guest::Stage::asleep) {
            if (client != nullptr) lose(*client, "another client has its address");
            move(*sleeper, origin);
            client = sleeper;
        }
    }
    if (client == nullptr) return from_stranger(origin, message);
    const ClientNumber number = client->number;
    const bool used = from_client(*client, message.body);
    ++(used ? stats.datagrams_used : stats.datagrams_out_of_place);
    Guest* still = find(number);
    if (still == nullptr) return;
    if (used) still->fresh = false;
    if (used && !still->connecting() && still->stage != Guest::Stage::absent)
        supervise(*still, still->stage == Guest::Stage::active ? still->keep_alive_seconds
                                                               : still->sleep_seconds);
    watch(*still);
}

bool Gateway::State::from_client(Guest& client, const Body& body) {
    if (client.connecting()) {
        if (const auto* will = std::get_if<WillTopic>(&body)) return will_topic(client, *will);
        if (const auto* will = std::get_if<WillMessage>(&body)) return will_message(client, *will);
        if (!std::holds_alternative<Disconnect>(body)) return false;
    }
    return std::visit(Overloaded{
                          [&](const Register& registration) {
                              register_topic(client, registration);
                              return true;
                          },
                          [&](const Subscribe& asked) {
                              asked.undo ? unsubscribe(client, asked) : subscribe(client, asked);
                              return true;
                          },
                          [&](const Publish& message) {
                              publish(client, message);
                              return true;
                          },
                          [&](const Regack& ack) { return regack(client, ack); },
                          [&](const Puback& ack) { return puback(client, ack); },
                          [&](const Handshake& step) { return handshake(client, step); },
                          [&](const Pingreq&) {
                              ping(client);
                              return true;
                          },
                          [](const Pingresp&) { return true; },
                          [&](const Disconnect& leaving) {
                              disconnect(client, leaving.duration_seconds);
                              return true;
                          },
                          [&](const WillTopic& will) {
                              if (will.update) update_will(client, will);
                              return will.update;
                          },
                          [&](const WillMessage& will) {
                              if (will.update) update_will(client, will);
                              return will.update;
                          },
                          [](const auto&) { return false; },
                      },
                      body);
}

void Gateway::State::from_stranger(const Origin& origin, const Message& message) {
    if (const auto* message_alone = std::get_if<Publish>(&message.body);
        message_alone != nullptr && message_alone->qos == Quality::without_connection) {
        ++stats.datagrams_used;
        return publish_minus_one(nullptr, *message_alone);
    }
    if (of_a_gateway(message.type()) || std::holds_alternative<Pingresp>(message.body))
        return void(++stats.datagrams_out_of_place);
    ++stats.datagrams_of_strangers;
    if (std::holds_alternative<Disconnect>(message.body) &&
        std::ranges::find(left, origin) == left.end())
        return;
    // [MQTT-SN 1.2 §6.12] Who gets it unasked connects anew.
    send(origin, Disconnect{});
}

/// [MQTT-SN 1.2 §6.1] After a time drawn by chance, so that gateways do not all answer at once.
/// Deviates: the answer goes to who asked, not to everybody: over UDP that always arrives.
void Gateway::State::search(const Origin& origin) {
    if (std::ranges::find(searches, origin, &Search::origin) != searches.end()) return;
    if (searches.size() >= settings.searches_max) return void(++stats.searches_dropped);
    searches.push_back({after(now, random.within(settings.gwinfo_within)), origin});
}

// ---- timers ------------------------------------------------------------------------------------

Instant Gateway::State::next_deadline() const noexcept {
    Instant next = std::min(advertise_at, reopen_at);
    for (const Search& search : searches) next = std::min(next, search.at);
    if (!due.empty()) next = std::min(next, due.begin()->first);
    return next;
}

void Gateway::State::handle_timeout(Instant at) {
    now = at;
    if (advertise_at <= now) {
        ++stats.advertisements;
        send(Origin{.peer = *settings.advertise_to},
             Advertise{settings.gateway_id, whole_seconds(settings.advertise_interval)});
        advertise_at = after(now, settings.advertise_interval);
    }
    for (const Search& search : searches)
        if (search.at <= now) {
            ++stats.searches_answered;
            send(search.origin, GatewayInfo{settings.gateway_id, {}});
        }
    std::erase_if(searches, [this](const Search& search) { return search.at <= now; });
    if (reopen_at <= now) {
        reopen_at = never;
        need_own_link();
    }
    while (!due.empty() && due.begin()->first <= now) {
        const Key key = due.begin()->second;
        arm(key, never);
        if ((key >> 32) == 0) {
            if (Guest* client = find(ClientNumber{static_cast<std::uint32_t>(key)}))
                client_due(*client);
        } else if (const auto link = links.find(LinkId{static_cast<std::uint32_t>(key)});
                   link != links.end()) {
            link_due(link->second);
        }
    }
}

void Gateway::State::client_due(Guest& client) {
    if (client.supervised_until <= now) {
        client.supervised_until = never;
        if (client.connecting())
            return refuse(client, Refusal::abandoned, ReturnCode::congestion, "no answer in time");
        return lose(client, client.stage == Guest::Stage::active ? "keep alive" : "sleep");
    }
    if (client.exchange.retry_at <= now) return retry(client);
    watch(client);
}

void Gateway::State::supervise(Guest& client, std::uint32_t count) {
    client.supervised_until = count == 0 ? never : after(now, tolerated(count));
}

void Gateway::State::watch(Guest& client) {
    arm(key_of(client.number), std::min(client.supervised_until, client.exchange.retry_at));
}

void Gateway::State::arm(Key key, Instant at) {
    const auto found = armed.find(key);
    if (found != armed.end()) {
        if (found->second == at) return;
        due.erase({found->second, key});
        if (at == never) return void(armed.erase(found));
        found->second = at;
    } else {
        if (at == never) return;
        armed.emplace(key, at);
    }
    due.emplace(at, key);
}

// ---- what goes out -----------------------------------------------------------------------------

void Gateway::State::send(const Origin& origin, const Body& body) {
    const Message message{body};
    const Encapsulation outer{0, as_text(Bytes(origin.node).first(origin.node_octets))};
    const std::size_t outer_octets = origin.node_octets == 0 ? 0 : outer.wire_size();
    Octets octets(outer_octets + message.wire_size());
    ByteWriter writer(octets);
    if (outer_octets != 0) outer.emit(writer);
    message.emit(writer);
    ++stats.datagrams_sent;
    out.push(SendDatagram{origin.peer, std::move(octets)});
}

void Gateway::State::note(Note::Kind kind, const Guest& client, std::string_view what) {
    out.push(Note{kind, client.id, client.origin.peer, std::string(what)});
}

Guest* Gateway::State::find(ClientNumber number) {
    const auto found = clients.find(number);
    return found == clients.end() ? nullptr : &found->second;
}

// ---- the face ----------------------------------------------------------------------------------

Gateway::Gateway(GatewaySettings settings, Random random, Instant now, Teller teller)
    : state_(std::make_unique<State>(std::move(settings), random, now, teller)) {}
Gateway::Gateway(Gateway&&) noexcept = default;
Gateway& Gateway::operator=(Gateway&&) noexcept = default;
Gateway::~Gateway() = default;

void Gateway::handle(Instant now, Input in) {
    state_->now = now;
    std::visit(Overloaded{
                   [&](const DatagramReceived& datagram) { state_->handle(datagram); },
                   [&](const BrokerReceived& received) { state_->from_broker(received); },
                   [&](const BrokerClosed& closed) { state_->link_closed(closed.link); },
                   [&](ShutDown) { state_->shut_down(); },
               },
               in);
}

void Gateway::handle_timeout(Instant now) {
    state_->handle_timeout(now);
}
std::optional<Gateway::Output> Gateway::poll_output() {
    return state_->out.poll();
}
Instant Gateway::next_deadline() const noexcept {
    return state_->next_deadline();
}
const GatewayStats& Gateway::stats() const noexcept {
    return state_->stats;
}
const GatewaySettings& Gateway::settings() const noexcept {
    return state_->settings;
}

std::vector<SnClientReport> Gateway::clients() const {
    std::vector<SnClientReport> all;
    for (const auto& [id, number] : state_->by_id) {
        const Guest& client = state_->clients.at(number);
        SnClientReport report{.client_id = id,
                              .peer = client.origin.peer,
                              .topics = static_cast<std::uint32_t>(client.topics.size()),
                              .buffered = static_cast<std::uint32_t>(client.queue.size())};
        switch (client.stage) {
            case Guest::Stage::active:
                report.state = ClientState::active;
                break;
            case Guest::Stage::asleep:
                report.state = ClientState::asleep;
                break;
            case Guest::Stage::awake:
                report.state = ClientState::awake;
                break;
            case Guest::Stage::absent:
                report.state = ClientState::disconnected;
                break;
            default:
                break;
        }
        all.push_back(std::move(report));
    }
    return all;
}

std::string_view name_of(ClientState state) noexcept {
    constexpr std::array<std::string_view, 5> names{"connecting", "active", "asleep", "awake",
                                                    "disconnected"};
    return names[std::to_underlying(state)];
}

}  // namespace causeway::mqtt::sn
