// REGISTER, SUBSCRIBE and UNSUBSCRIBE of clients [MQTT-SN 1.2 §6.5, §6.7, §6.9].
#include "mqtt/sn/gateway_state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {
namespace {

bool has_wildcard(std::string_view filter) {
    return filter.find_first_of("+#") != std::string_view::npos;
}

}  // namespace

void Gateway::State::register_topic(Guest& client, const Register& registration) {
    ++stats.registrations;
    const bool legal = registration.topic.size() <= settings.topic_octets_max &&
                       is_topic_name(registration.topic) && is_utf8_text(registration.topic);
    const auto id =
        legal ? client.topics.assign(registration.topic, settings.topics_max_each) : std::nullopt;
    if (!id) {
        ++stats.registrations_refused;
        return send(client, Regack{topic_id_none, registration.message_id,
                                   legal ? ReturnCode::congestion : ReturnCode::not_supported});
    }
    client.topics.known(registration.topic);
    send(client, Regack{*id, registration.message_id, ReturnCode::accepted});
}

std::string_view Gateway::State::predefined(const Guest* client, std::uint16_t id) const {
    std::string_view everybodys;
    for (const PredefinedTopic& topic : settings.predefined) {
        if (topic.id != id) continue;
        if (client != nullptr && topic.client_id == client->id) return topic.topic;
        if (topic.client_id.empty()) everybodys = topic.topic;
    }
    return everybodys;
}

std::string Gateway::State::topic_of(const Guest* client, TopicKind kind, std::uint16_t id) const {
    switch (kind) {
        case TopicKind::normal:
            return std::string(client == nullptr ? std::string_view{} : client->topics.name_of(id));
        case TopicKind::predefined:
            return std::string(predefined(client, id));
        case TopicKind::short_name:
            return {static_cast<char>(id >> 8), static_cast<char>(id & 0xff)};
    }
    return {};
}

void Gateway::State::subscribe(Guest& client, const Subscribe& asked) {
    ++stats.subscribes;
    const auto refused = [&](ReturnCode code) {
        ++stats.subscribes_refused;
        send(client, Suback{asked.qos, topic_id_none, asked.message_id, code});
    };
    if (client.upward.contains(asked.message_id)) return;  // repeated; the answer is on its way
    const std::string filter = asked.kind == TopicKind::normal
                                   ? std::string(asked.topic)
                                   : topic_of(&client, asked.kind, asked.topic_id);
    if (filter.empty() || filter.size() > settings.topic_octets_max || !is_utf8_text(filter) ||
        !is_topic_filter(filter))
        return refused(asked.kind == TopicKind::normal ? ReturnCode::not_supported
                                                       : ReturnCode::invalid_topic_id);
    Link* link = link_of(client);
    if (link == nullptr || asked.message_id == 0 ||
        client.upward.size() >= settings.upward_max_each ||
        (aggregating() && !client.subscriptions.contains(filter) &&
         client.subscriptions.size() >= settings.subscriptions_max_each))
        return refused(asked.message_id == 0 ? ReturnCode::not_supported : ReturnCode::congestion);
    // A name gets its id now, so that there is one when the broker says yes.
    if (asked.kind == TopicKind::normal && !has_wildcard(filter) && filter.size() != 2 &&
        !client.topics.assign(filter, settings.topics_max_each))
        return refused(ReturnCode::congestion);
    const auto packet_id = packet_id_for(*link, client, asked.message_id);
    if (!packet_id) return refused(ReturnCode::congestion);
    client.upward[asked.message_id] = {.kind = Upward::Kind::subscribe,
                                       .packet_id = *packet_id,
                                       .topic_kind = asked.kind,
                                       .topic_id = asked.topic_id,
                                       .filter = filter};
    if (aggregating()) return merge(client, filter, qos_of(asked.qos), *packet_id);
    mqtt::Subscribe subscribe;
    subscribe.packet_id = *packet_id;
    subscribe.entries.push_back({filter, {.qos_max = qos_of(asked.qos)}});
    send(*link, subscribe);
}

void Gateway::State::unsubscribe(Guest& client, const Subscribe& asked) {
    if (client.upward.contains(asked.message_id)) return;
    const std::string filter = asked.kind == TopicKind::normal
                                   ? std::string(asked.topic)
                                   : topic_of(&client, asked.kind, asked.topic_id);
    Link* link = link_of(client);
    // UNSUBACK cannot say no: a filter that nobody can have subscribed to is gone already, and
    // without a link the client asks again.
    const bool possible = asked.message_id != 0 && is_utf8_text(filter) && is_topic_filter(filter);
    if (!possible) return send(client, Unsuback{asked.message_id});
    if (link == nullptr || client.upward.size() >= settings.upward_max_each) return;
    if (aggregating()) {
        const auto found = client.subscriptions.find(filter);
        if (found != client.subscriptions.end()) {
            client.subscriptions.erase(found);
            unmerge(client.number, filter);
        }
        return send(client, Unsuback{asked.message_id});
    }
    const auto packet_id = packet_id_for(*link, client, asked.message_id);
    if (!packet_id) return;
    client.upward[asked.message_id] = {
        .kind = Upward::Kind::unsubscribe, .packet_id = *packet_id, .filter = {}};
    mqtt::Unsubscribe unsubscribe;
    unsubscribe.packet_id = *packet_id;
    unsubscribe.filters.push_back(filter);
    send(*link, unsubscribe);
}

/// SUBACK and UNSUBACK of the broker.
void Gateway::State::answered(Guest& client, std::uint16_t message_id, Reason reason) {
    const auto found = client.upward.find(message_id);
    if (found == client.upward.end()) return;
    const Upward asked = std::move(found->second);
    if (asked.kind != Upward::Kind::subscribe && asked.kind != Upward::Kind::unsubscribe) return;
    client.upward.erase(found);
    if (asked.kind == Upward::Kind::unsubscribe) return send(client, Unsuback{message_id});
    if (is_error(reason)) {
        ++stats.subscribes_refused;
        if (const auto held = client.subscriptions.find(asked.filter);
            held != client.subscriptions.end()) {
            client.subscriptions.erase(held);
            unmerge(client.number, asked.filter);
        }
        return send(client, Suback{Quality::at_most_once, topic_id_none, message_id,
                                   return_code_of(reason)});
    }
    std::uint16_t topic_id = topic_id_none;  // [MQTT-SN 1.2 §5.4.16] for wildcards
    if (asked.topic_kind == TopicKind::predefined) {
        topic_id = asked.topic_id;
        client.topics.use_predefined(asked.filter, asked.topic_id);
    } else if (asked.topic_kind == TopicKind::short_name) {
        topic_id = asked.topic_id;
    } else if (!has_wildcard(asked.filter) && asked.filter.size() != 2) {
        topic_id =
            client.topics.assign(asked.filter, settings.topics_max_each).value_or(topic_id_none);
        client.topics.known(asked.filter);
    }
    const auto granted = static_cast<Quality>(std::min<unsigned>(std::to_underlying(reason), 2));
    send(client, Suback{granted, topic_id, message_id, ReturnCode::accepted});
}

ReturnCode return_code_of(Reason reason) noexcept {
    switch (reason) {
        case Reason::quota_exceeded:
        case Reason::receive_maximum_exceeded:
        case Reason::server_busy:
        case Reason::server_unavailable:
        case Reason::server_shutting_down:
        case Reason::message_rate_too_high:
        case Reason::connection_rate_exceeded:
        case Reason::packet_identifier_in_use:
            return ReturnCode::congestion;
        case Reason::topic_name_invalid:
        case Reason::topic_filter_invalid:
            return ReturnCode::invalid_topic_id;
        default:
            return is_error(reason) ? ReturnCode::not_supported : ReturnCode::accepted;
    }
}

}  // namespace causeway::mqtt::sn
