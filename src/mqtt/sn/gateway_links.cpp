// Connections to the broker: ordinary MQTT, spoken inside this program.
#include "mqtt/sn/gateway_state.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {

Link& Gateway::State::open_link(Version version, std::optional<ClientNumber> client) {
    const LinkId id{++last_link};
    Link& link = links.emplace(id, Link(id, settings.packet_octets_max)).first->second;
    link.version = version;
    link.client = client;
    ++stats.links_opened;
    out.push(OpenBroker{id});
    return link;
}

/// The connection that is not any client's: made when it is first needed.
void Gateway::State::need_own_link() {
    if (own || reopen_at != never || stopped) return;
    Link& link = open_link(Version::v5, std::nullopt);
    own = link.id;
    link.deadline = after(now, settings.connect_within);
    watch(link);
    mqtt::Connect connect;
    connect.version = link.version;
    connect.client_id = settings.client_id;
    if (settings.user_name) connect.user_name = *settings.user_name;
    if (settings.password) connect.password = as_octets(*settings.password);
    connect.properties.maximum_packet_octets = settings.packet_octets_max;
    send(link, connect);
}

void Gateway::State::send(Link& link, const Packet& packet) {
    out.push(SendBroker{link.id, mqtt::emitted(packet, link.version)});
}

void Gateway::State::close_link(LinkId id, bool politely) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    if (politely && found->second.up) send(found->second, mqtt::Disconnect{});
    out.push(CloseBroker{id});
    arm(key_of(id), never);
    links.erase(found);
    if (own == id) own.reset();
}

void Gateway::State::watch(const Link& link) {
    arm(key_of(link.id), link.deadline);
}

void Gateway::State::link_due(Link& link) {
    if (link.leaving) return close_link(link.id, true);
    if (!link.up) {
        const LinkId id = link.id;
        close_link(id, false);
        ++stats.links_lost;
        return own_link_gone(false);
    }
    send(link, mqtt::Pingreq{});
    link.deadline = after(now, link.ping_interval);
    watch(link);
}

// ---- what the broker says ----------------------------------------------------------------------

void Gateway::State::from_broker(const BrokerReceived& received) {
    Bytes in = received.octets;
    // A packet may close its own link: look it up again for each.
    for (;;) {
        const auto found = links.find(received.link);
        if (found == links.end()) return;
        Link& link = found->second;
        const auto step = link.framer.next(in);
        if (!step) return;
        const auto packet = step->refused ? Parsed<Packet>(std::unexpected(*step->refused))
                                          : parse_packet(step->packet, link.version);
        if (!packet) {
            ++stats.broker_packets_malformed;
            out.push(CloseBroker{received.link});
            return link_closed(received.link);
        }
        from_broker(link, *packet);
    }
}

void Gateway::State::from_broker(Link& link, const Packet& packet) {
    std::visit(Overloaded{
                   [&](const mqtt::Connack& connack) { link_up(link, connack); },
                   [&](const mqtt::Publish& publish) { from_broker(link, publish); },
                   [&](const Ack& ack) { acknowledged_by_broker(link, ack); },
                   [&](const mqtt::Suback& suback) {
                       const Reason reason = suback.reasons.empty() ? Reason::unspecified_error
                                                                    : suback.reasons.front();
                       Owner owner{link.client.value_or(ClientNumber{}), suback.packet_id};
                       if (const auto found = link.owners.find(suback.packet_id);
                           found != link.owners.end()) {
                           owner = found->second;
                           link.owners.erase(found);
                       }
                       if (Guest* client = find(owner.client))
                           answered(*client, owner.message_id, reason);
                   },
                   [&](const mqtt::Unsuback& unsuback) {
                       link.owners.erase(unsuback.packet_id);
                       if (!link.client) return;
                       if (Guest* client = find(*link.client))
                           answered(*client, unsuback.packet_id, Reason::success);
                   },
                   [&](const mqtt::Disconnect&) {
                       out.push(CloseBroker{link.id});
                       link_closed(link.id);
                   },
                   [](const auto&) {},
               },
               packet);
}

void Gateway::State::from_broker(Link& link, const mqtt::Publish& publish) {
    if (!link.up) return;
    if (!link.client) return fan_out(link, publish);
    Guest* client = find(*link.client);
    if (client == nullptr) return;
    // What was not acknowledged yet comes again when a connection is resumed; here it is known.
    if (publish.qos != Qos::at_most_once &&
        std::ranges::find(client->queue, publish.packet_id, &Delivery::packet_id) !=
            client->queue.end())
        return;
    deliver(*client, {.content = std::make_shared<const Content>(
                          std::string(publish.topic), std::string(as_text(publish.payload))),
                      .qos = publish.qos,
                      .retain = publish.retain,
                      .dup = publish.dup,
                      .packet_id = publish.packet_id});
}

void Gateway::State::acknowledged_by_broker(Link& link, const Ack& ack) {
    if (link.client) {
        Guest* client = find(*link.client);
        if (client == nullptr) return;
        if (ack.type == PacketType::pubrel) return broker_released(*client, link, ack.packet_id);
        return publish_acknowledged(*client, ack.packet_id, ack.type, ack.reason);
    }
    if (ack.type == PacketType::pubrel) {
        link.received_twice.erase(ack.packet_id);
        Ack complete;
        complete.type = PacketType::pubcomp;
        complete.packet_id = ack.packet_id;
        return send(link, complete);
    }
    const auto found = link.owners.find(ack.packet_id);
    if (found == link.owners.end()) return;
    const Owner owner = found->second;
    const bool over = ack.type != PacketType::pubrec || is_error(ack.reason);
    if (over) link.owners.erase(found);
    if (Guest* client = find(owner.client)) {
        if (client->upward.contains(owner.message_id))
            return publish_acknowledged(*client, owner.message_id, ack.type, ack.reason);
    }
    // The gateway's own, a will; or of a client that is gone.
    if (!over) {
        Ack release;
        release.type = PacketType::pubrel;
        release.packet_id = ack.packet_id;
        send(link, release);
    } else if (link.leaving) {
        close_link(link.id, true);
    }
}

void Gateway::State::link_up(Link& link, const mqtt::Connack& connack) {
    if (link.up) return;
    Guest* client = link.client ? find(*link.client) : nullptr;
    if (is_error(connack.reason)) {
        const LinkId id = link.id;
        const bool ours = own == id;
        close_link(id, false);
        if (ours) return own_link_gone(true);
        if (client == nullptr) return;
        client->link.reset();
        const ReturnCode code = return_code_of(connack.reason);
        return refuse(*client,
                      code == ReturnCode::congestion ? Refusal::congested : Refusal::refused, code,
                      mqtt::name_of(connack.reason));
    }
    link.up = true;
    link.receive_maximum = connack.properties.receive_maximum.value_or(65535);
    // The broker insists on signs of life: the gateway gives them, whatever the client does.
    if (const auto keep_alive = connack.properties.server_keep_alive_seconds;
        keep_alive.value_or(0) != 0)
        link.ping_interval = std::chrono::seconds(*keep_alive);
    link.deadline = link.ping_interval > Duration{} ? after(now, link.ping_interval) : never;
    watch(link);
    if (client != nullptr) return accepted(*client);
    for (const MinusOne& message : minus_one) {
        mqtt::Publish publish;
        publish.topic = message.topic;
        publish.payload = as_octets(message.payload);
        publish.retain = message.retain;
        send(link, publish);
    }
    minus_one.clear();
    if (aggregating()) resubscribe(link);
}

void Gateway::State::link_closed(LinkId id) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    const auto number = found->second.client;
    const bool ours = own == id;
    arm(key_of(id), never);
    links.erase(found);
    ++stats.links_lost;
    if (ours) {
        own.reset();
        return own_link_gone(false);
    }
    Guest* client = number ? find(*number) : nullptr;
    if (client == nullptr) return;
    client->link.reset();
    if (client->connecting())
        return refuse(*client, Refusal::congested, ReturnCode::congestion,
                      "the broker closed the connection");
    // [MQTT-SN 1.2 §5.4.21] The client has to connect again; its will was the broker's business.
    note(Note::Kind::link_lost, *client, "the broker closed the connection");
    send(*client, Disconnect{});
    leave(*client, false);
    depart(*client);
}

void Gateway::State::shut_down() {
    stopped = true;
    advertise_at = reopen_at = never;
    searches.clear();
    while (!clients.empty()) {
        Guest& client = clients.begin()->second;
        if (client.connecting()) {
            --stats.connects_under_way;
            ++stats.connects_abandoned;
        }
        if (client.stage != Guest::Stage::absent) send(client, Disconnect{});
        leave(client, false);
        by_origin.erase(client.origin);
        remove(client);
    }
    while (!links.empty()) close_link(links.begin()->first, true);
}

}  // namespace causeway::mqtt::sn
