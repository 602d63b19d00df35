// CONNECT and what follows it until CONNACK, wills, DISCONNECT, sleep
// [MQTT-SN 1.2 §6.2, §6.3, §6.4, §6.11, §6.12, §6.14].
#include "mqtt/sn/gateway_state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {
namespace {

bool good_will(const WillTopic& will, std::size_t octets_max) {
    return will.topic.size() <= octets_max && is_topic_name(will.topic) && is_utf8_text(will.topic);
}

}  // namespace

// ---- CONNECT -----------------------------------------------------------------------------------

void Gateway::State::connect(const Origin& origin, const Connect& connect, Guest* there) {
    const auto known = by_id.find(connect.client_id);
    Guest* client = known == by_id.end() ? nullptr : find(known->second);
    if (there != nullptr && there != client) lose(*there, "another client has its address");
    if (client != nullptr && client->stage != Guest::Stage::absent) {
        if (client->origin == origin && repeated(*client, connect)) return;
        const bool sleeps =
            client->stage == Guest::Stage::asleep || client->stage == Guest::Stage::awake;
        if (client->origin != origin) move(*client, origin);
        // [MQTT-SN 1.2 §6.14] A sleeping client is connected: its CONNECT says that it is back,
        // unless it asks for another session or another will.
        if (sleeps && !connect.clean_session && !connect.will) return wake(*client, connect);
    }
    ++stats.connects;
    if (connect.client_id.empty() || connect.client_id.size() > settings.client_id_octets_max ||
        !is_utf8_text(connect.client_id)) {
        ++stats.connects_refused;
        return send(origin, Connack{ReturnCode::not_supported});
    }
    if (client != nullptr && client->stage != Guest::Stage::absent) {
        if (client->connecting()) {
            --stats.connects_under_way;
            ++stats.connects_abandoned;
        }
        leave(*client, true);
    }
    if (client == nullptr) client = admit(origin, connect.client_id);
    if (client == nullptr) {
        ++stats.connects_congested;
        return send(origin, Connack{ReturnCode::congestion});
    }
    by_origin.insert_or_assign(origin, client->number);
    client->origin = origin;
    ++stats.connects_under_way;
    begin(*client, connect);
}

/// The answer was lost, or is on its way: the same again, and nothing else happens.
bool Gateway::State::repeated(Guest& client, const Connect& connect) {
    if (client.clean_session != connect.clean_session || client.will_wanted != connect.will ||
        client.keep_alive_seconds != connect.keep_alive_seconds)
        return false;
    if (client.stage == Guest::Stage::will_topic || client.stage == Guest::Stage::will_message) {
        client.stage = Guest::Stage::will_topic;
        send(client, WillTopicRequest{});
    } else if (client.stage == Guest::Stage::active && client.fresh) {
        send(client, Connack{});
    } else if (client.stage != Guest::Stage::broker) {
        return false;
    }
    ++stats.connects_repeated;
    return true;
}

Guest* Gateway::State::admit(const Origin& origin, std::string_view id) {
    if (clients.size() >= settings.clients_max) {
        // A session that is kept for somebody absent gives way to somebody present.
        const auto absent = std::ranges::find_if(
            clients, [](const auto& entry) { return entry.second.stage == Guest::Stage::absent; });
        if (absent == clients.end()) return nullptr;
        remove(absent->second);
    }
    const ClientNumber number{++last_client};
    Guest& client = clients[number];
    client.number = number;
    client.id = id;
    client.origin = origin;
    by_id.emplace(id, number);
    ++stats.clients;
    return &client;
}

void Gateway::State::begin(Guest& client, const Connect& connect) {
    // [MQTT-SN 1.2 §6.3] A clean session forgets subscriptions and will; the other keeps both, and
    // overwrites the will if it brings one.
    if (connect.clean_session) {
        end_session(client);
        client.will.reset();
        wills_kept.erase(client.id);
    } else if (const auto kept = wills_kept.find(client.id); kept != wills_kept.end()) {
        client.will = std::move(kept->second);
        wills_kept.erase(kept);
    }
    client.topics.clear();  // [MQTT-SN 1.2 §6.5] Ids are of one connection.
    interrupt(client);
    client.acknowledged = {};
    client.clean_session = connect.clean_session;
    client.will_wanted = connect.will;
    client.will_is_here = false;
    client.fresh = false;
    client.keep_alive_seconds = connect.keep_alive_seconds;
    client.supervised_until = after(now, settings.connect_within);
    watch(client);
    if (!connect.will) return ask_broker(client);
    client.will.reset();
    client.stage = Guest::Stage::will_topic;
    send(client, WillTopicRequest{});
}

bool Gateway::State::will_topic(Guest& client, const WillTopic& will) {
    const bool asked =
        client.stage == Guest::Stage::will_topic || client.stage == Guest::Stage::will_message;
    if (!asked || will.update) return false;
    client.supervised_until = after(now, settings.connect_within);
    if (will.topic.empty()) {  // [MQTT-SN 1.2 §5.4.7]
        client.will.reset();
        ask_broker(client);
        return true;
    }
    if (!good_will(will, settings.topic_octets_max)) {
        refuse(client, Refusal::refused, ReturnCode::not_supported, "will topic");
        return true;
    }
    client.will = WillData{std::string(will.topic), {}, qos_of(will.qos), will.retain};
    client.stage = Guest::Stage::will_message;
    send(client, WillMessageRequest{});
    return true;
}

bool Gateway::State::will_message(Guest& client, const WillMessage& will) {
    if (client.stage != Guest::Stage::will_message || will.update) return false;
    if (will.message.size() > settings.will_octets_max) {
        refuse(client, Refusal::refused, ReturnCode::not_supported, "will message too long");
        return true;
    }
    client.will->message = will.message;
    client.supervised_until = after(now, settings.connect_within);
    ask_broker(client);
    return true;
}

/// [MQTT-SN 1.2 §6.4] MQTT has no such thing: from now on the will is said from here.
void Gateway::State::update_will(Guest& client, const WillTopic& will) {
    ReturnCode code = ReturnCode::accepted;
    if (will.topic.empty()) {
        client.will.reset();
        client.will_is_here = true;
    } else if (good_will(will, settings.topic_octets_max)) {
        if (!client.will) client.will.emplace();
        client.will->topic = will.topic;
        client.will->qos = qos_of(will.qos);
        client.will->retain = will.retain;
        client.will_is_here = true;
    } else {
        code = ReturnCode::not_supported;
    }
    send(client, WillResponse{true, code});
}

void Gateway::State::update_will(Guest& client, const WillMessage& will) {
    ReturnCode code = ReturnCode::not_supported;
    if (client.will && will.message.size() <= settings.will_octets_max) {
        client.will->message = will.message;
        client.will_is_here = true;
        code = ReturnCode::accepted;
    }
    send(client, WillResponse{false, code});
}

void Gateway::State::ask_broker(Guest& client) {
    client.stage = Guest::Stage::broker;
    if (aggregating()) {
        need_own_link();
        if (own && links.at(*own).up) accepted(client);
        return;
    }
    Link& link = open_link(settings.version, client.number);
    client.link = link.id;
    mqtt::Connect connect;
    connect.version = link.version;
    connect.clean_start = client.clean_session;
    connect.client_id = client.id;
    if (client.will) {
        mqtt::Will will;
        will.topic = client.will->topic;
        will.payload = as_octets(client.will->message);
        will.qos = client.will->qos;
        will.retain = client.will->retain;
        connect.will = will;
    }
    if (settings.user_name) connect.user_name = *settings.user_name;
    if (settings.password) connect.password = as_octets(*settings.password);
    if (link.version == Version::v5) {
        if (!client.clean_session) connect.properties.session_expiry_seconds = 0xffffffff;
        connect.properties.receive_maximum = settings.buffered_max_each;
        connect.properties.maximum_packet_octets = settings.packet_octets_max;
    }
    send(link, connect);
}

void Gateway::State::accepted(Guest& client) {
    --stats.connects_under_way;
    ++stats.connects_accepted;
    client.stage = Guest::Stage::active;
    client.fresh = true;
    supervise(client, client.keep_alive_seconds);
    send(client, Connack{});
    note(Note::Kind::connected, client, {});
    teller.tell(now, "sn.connected", 0, as_octets(client.id));
    resume(client);
    watch(client);
}

void Gateway::State::refuse(Guest& client, Refusal why, ReturnCode code, std::string_view what) {
    --stats.connects_under_way;
    ++(why == Refusal::refused     ? stats.connects_refused
       : why == Refusal::congested ? stats.connects_congested
                                   : stats.connects_abandoned);
    send(client, Connack{code});
    note(Note::Kind::refused, client, what);
    client.will.reset();  // a connection that was never made leaves none
    leave(client, false);
    depart(client);
}

// ---- the end, for a while or for good ----------------------------------------------------------

void Gateway::State::disconnect(Guest& client, std::optional<std::uint16_t> sleep_for) {
    send(client, Disconnect{});
    if (client.connecting()) {
        --stats.connects_under_way;
        ++stats.connects_abandoned;
    } else if (sleep_for.value_or(0) != 0) {
        if (client.stage != Guest::Stage::asleep) {
            ++stats.sleeps;
            note(Note::Kind::asleep, client, {});
        }
        client.stage = Guest::Stage::asleep;
        client.sleep_seconds = *sleep_for;
        client.exchange.retry_at = never;  // what is under way goes on when it wakes
        return;
    }
    note(Note::Kind::disconnected, client, {});
    if (left.size() >= left_max) left.pop_front();
    left.push_back(client.origin);
    leave(client, false);
    depart(client);
}

void Gateway::State::ping(Guest& client) {
    if (client.stage == Guest::Stage::active) return send(client, Pingresp{});
    if (client.stage != Guest::Stage::asleep) return;  // PINGRESP comes when all is delivered
    ++stats.wakes;
    client.stage = Guest::Stage::awake;
    resume(client);
}

void Gateway::State::wake(Guest& client, const Connect& connect) {
    ++stats.wakes;
    client.stage = Guest::Stage::active;
    client.fresh = true;
    client.clean_session = connect.clean_session;
    client.will_wanted = connect.will;
    client.keep_alive_seconds = connect.keep_alive_seconds;
    supervise(client, client.keep_alive_seconds);
    send(client, Connack{});
    resume(client);
    watch(client);
}

void Gateway::State::lose(Guest& client, std::string_view what) {
    if (client.connecting()) {
        --stats.connects_under_way;
        ++stats.connects_abandoned;
        client.will.reset();
    } else {
        ++stats.clients_lost;
        note(Note::Kind::lost, client, what);
        teller.tell(now, "sn.lost", 0, as_octets(client.id));
    }
    leave(client, true);
    depart(client);
}

void Gateway::State::move(Guest& client, const Origin& origin) {
    ++stats.clients_moved;
    by_origin.erase(client.origin);
    client.origin = origin;
    by_origin.insert_or_assign(origin, client.number);
    note(Note::Kind::moved, client, {});
}

void Gateway::State::leave(Guest& client, bool with_will) {
    if (aggregating()) {
        if (with_will && client.will && own) say_will(client, links.at(*own));
        return;
    }
    client.upward.clear();
    drop_queue(client);
    if (!client.link) return;
    const LinkId id = *client.link;
    client.link.reset();
    Link& link = links.at(id);
    link.client.reset();
    if (with_will && client.will_is_here && client.will && link.up) return say_will(client, link);
    close_link(id, !with_will || client.will_is_here);
}

void Gateway::State::depart(Guest& client) {
    by_origin.erase(client.origin);
    if (!aggregating() || client.clean_session) return remove(client);
    client.stage = Guest::Stage::absent;
    client.supervised_until = never;
    interrupt(client);
    // What needs no acknowledgement is not kept for an absent client.
    for (auto at = client.queue.begin(); at != client.queue.end();) {
        if (at->qos != Qos::at_most_once) {
            at = std::next(at);
            continue;
        }
        client.queue_octets -= at->content->payload.size();
        --stats.deliveries_waiting;
        ++stats.deliveries_given_up;
        at = client.queue.erase(at);
    }
    watch(client);
}

void Gateway::State::end_session(Guest& client) {
    while (!client.subscriptions.empty()) {
        const std::string filter = client.subscriptions.begin()->first;
        client.subscriptions.erase(client.subscriptions.begin());
        unmerge(client.number, filter);
    }
    client.upward.clear();
    drop_queue(client);
}

void Gateway::State::remove(Guest& client) {
    if (!client.clean_session && client.will && wills_kept.size() < settings.clients_max)
        wills_kept.insert_or_assign(client.id, *client.will);
    end_session(client);
    arm(key_of(client.number), never);
    by_id.erase(client.id);
    --stats.clients;
    clients.erase(client.number);
}

}  // namespace causeway::mqtt::sn
