// One connection for all clients [MQTT-SN 1.2 §4.2]: their subscriptions are merged, and what comes
// of them is handed out here.
#include "mqtt/sn/gateway_state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {
namespace {

constexpr std::uint32_t identifiers_max = 268'435'455;  // [MQTT 5.0 §3.8.2.1.2]

bool has(const std::vector<std::uint32_t>& all, std::uint32_t one) {
    return std::ranges::find(all, one) != all.end();
}

}  // namespace

void Gateway::State::fan_out(Link& link, const mqtt::Publish& publish) {
    Ack ack;
    ack.packet_id = publish.packet_id;
    if (publish.qos == Qos::exactly_once) {
        const bool first = link.received_twice.insert(publish.packet_id).second;
        ack.type = PacketType::pubrec;
        send(link, ack);
        if (!first) return;
    } else if (publish.qos == Qos::at_least_once) {
        ack.type = PacketType::puback;
        send(link, ack);
    }
    // A retained message is for whose SUBSCRIBE it answers; a live one for all, once each, with the
    // best quality that any of their filters asked for.
    const auto& identifiers = publish.properties.subscription_identifiers;
    const bool answers = publish.retain && !identifiers.empty();
    std::map<ClientNumber, Qos> receivers;
    for (const auto& [filter, entry] : merged) {
        if (!matches(filter, publish.topic)) continue;
        for (const auto& [number, subscriber] : entry.subscribers) {
            if (answers && !has(identifiers, subscriber.identifier)) continue;
            Qos& qos = receivers.try_emplace(number, Qos::at_most_once).first->second;
            qos = std::max(qos, subscriber.qos);
        }
    }
    if (receivers.empty()) return;
    const auto content = std::make_shared<const Content>(std::string(publish.topic),
                                                         std::string(as_text(publish.payload)));
    for (const auto& [number, qos_max] : receivers) {
        Guest* client = find(number);
        if (client == nullptr) continue;
        const Qos qos = std::min(publish.qos, qos_max);
        if (client->stage == Guest::Stage::absent && qos == Qos::at_most_once) continue;
        deliver(*client, {.content = content, .qos = qos, .retain = publish.retain});
    }
}

void Gateway::State::merge(Guest& client, std::string_view filter, Qos qos,
                           std::uint16_t packet_id) {
    if (last_identifier == identifiers_max) last_identifier = 0;
    ++last_identifier;
    client.subscriptions.insert_or_assign(std::string(filter), qos);
    Merged& entry = merged.try_emplace(std::string(filter)).first->second;
    entry.subscribers[client.number] = {qos, last_identifier};
    entry.qos_max = std::max(entry.qos_max, qos);
    mqtt::Subscribe subscribe;
    subscribe.packet_id = packet_id;
    subscribe.entries.push_back({filter, {.qos_max = entry.qos_max}});
    subscribe.properties.subscription_identifiers.push_back(last_identifier);
    send(links.at(*own), subscribe);
}

bool Gateway::State::unmerge(ClientNumber client, std::string_view filter) {
    const auto found = merged.find(filter);
    if (found == merged.end()) return false;
    found->second.subscribers.erase(client);
    if (!found->second.subscribers.empty()) return false;
    merged.erase(found);
    if (!own || !links.at(*own).up) return false;
    Link& link = links.at(*own);
    mqtt::Unsubscribe unsubscribe;
    do {
        ++link.last_packet_id;
    } while (link.last_packet_id == 0 || link.owners.contains(link.last_packet_id));
    unsubscribe.packet_id = link.last_packet_id;
    link.owners[unsubscribe.packet_id] = {};
    unsubscribe.filters.push_back(filter);
    send(link, unsubscribe);
    return true;
}

/// A new connection knows nothing; who waits for it is let in.
void Gateway::State::resubscribe(Link& link) {
    for (const auto& [filter, entry] : merged) {
        mqtt::Subscribe subscribe;
        do {
            ++link.last_packet_id;
        } while (link.last_packet_id == 0 || link.owners.contains(link.last_packet_id));
        subscribe.packet_id = link.last_packet_id;
        link.owners[subscribe.packet_id] = {};
        subscribe.entries.push_back(
            {filter, {.qos_max = entry.qos_max, .retain_handling = RetainHandling::do_not_send}});
        send(link, subscribe);
    }
    for (auto& [number, client] : clients)
        if (client.stage == Guest::Stage::broker) accepted(client);
}

/// Clients stay: what they asked of the broker and was not answered they will ask again.
void Gateway::State::own_link_gone(bool refused) {
    out.push(Note{refused ? Note::Kind::link_refused : Note::Kind::link_lost,
                  {},
                  {},
                  "the gateway's own connection"});
    reopen_at = aggregating() || !minus_one.empty() ? after(now, settings.reopen_after) : never;
    if (refused) {
        stats.publishes_forwarded -= minus_one.size();
        stats.publishes_congested += minus_one.size();
        minus_one.clear();
    }
    if (!aggregating()) return;
    std::vector<ClientNumber> waiting;
    for (auto& [number, client] : clients) {
        std::erase_if(client.upward, [](const auto& entry) { return !entry.second.recorded; });
        if (client.stage == Guest::Stage::broker && refused) waiting.push_back(number);
    }
    for (const ClientNumber number : waiting)
        refuse(clients.at(number), Refusal::refused, ReturnCode::not_supported,
               "the broker refused the gateway");
}

}  // namespace causeway::mqtt::sn
