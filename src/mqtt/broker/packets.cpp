// What a packet is, and who sees to it.
#include "mqtt/broker/state.hpp"

namespace causeway::mqtt {

using Phase = Connection::Phase;

void Broker::State::dispatch(Connection& c, Bytes packet, Framer& framer) {
    ++stats.packets_received;
    const auto first = std::to_integer<unsigned>(packet[0]);
    const auto type = static_cast<PacketType>(first >> 4);
    if (c.phase == Phase::awaiting_connect) {
        if (type == PacketType::connect) {
            on_connect(c, packet);
        } else {  // [MQTT-3.1.0-1]
            refuse(c, {Reason::protocol_error, "the first packet is no CONNECT"});
        }
        return;
    }
    if (c.phase == Phase::challenged) {
        // [MQTT-3.1.2-30]
        if (type != PacketType::auth && type != PacketType::disconnect) {
            refuse(c, {Reason::protocol_error, "only AUTH may come before the CONNACK"});
            return;
        }
        on_packet(c, packet);
        return;
    }
    if (type == PacketType::connect) {  // [MQTT-3.1.0-2]
        refuse(c, {Reason::protocol_error, "a second CONNECT"});
        return;
    }
    if (type == PacketType::publish) {
        on_publish(c, packet, framer);
        return;
    }
    // Acknowledgements are mostly this short.
    if (packet.size() == 4 && (packet[2] != std::byte{0} || packet[3] != std::byte{0})) {
        const auto id = static_cast<std::uint16_t>(std::to_integer<unsigned>(packet[2]) << 8 |
                                                   std::to_integer<unsigned>(packet[3]));
        switch (first) {
            case 0x40:
            case 0x50:
            case 0x70:
                on_ack(c, type, id, Reason::success);
                return;
            case 0x62:
                on_pubrel(c, id);
                return;
            default:
                break;
        }
    }
    on_packet(c, packet);
}

void Broker::State::on_packet(Connection& c, Bytes packet) {
    const auto parsed = parse_packet(packet, c.version);
    if (!parsed.has_value()) {
        refuse(c, parsed.error());
        return;
    }
    std::visit(Overloaded{
                   [&](const Ack& ack) {
                       if (ack.type == PacketType::pubrel)
                           on_pubrel(c, ack.packet_id);
                       else
                           on_ack(c, ack.type, ack.packet_id, ack.reason);
                   },
                   [&](const Subscribe& subscribe) { on_subscribe(c, subscribe); },
                   [&](const Unsubscribe& unsubscribe) { on_unsubscribe(c, unsubscribe); },
                   [&](const Pingreq&) { send_packet(c, Pingresp{}); },  // [MQTT-3.12.4-1]
                   [&](const Disconnect& disconnect) { on_disconnect(c, disconnect); },
                   [&](const Auth& auth) { on_auth(c, auth); },
                   [&](const auto&) {
                       refuse(c, {Reason::protocol_error, "a packet that only servers send"});
                   },
               },
               *parsed);
}

void Broker::State::on_disconnect(Connection& c, const Disconnect& packet) {
    if (c.session == nullptr) {  // gave up during authentication
        note(Note::Kind::disconnected, nullptr, &c, packet.reason, "before it was connected");
        begin_closing(c, false);
        return;
    }
    Session& s = *c.session;
    if (packet.properties.session_expiry_seconds.has_value()) {
        const std::uint32_t asked = *packet.properties.session_expiry_seconds;
        if (s.expiry_seconds == 0 && asked != 0) {  // [MQTT-3.14.2-2]
            refuse(c, {Reason::protocol_error, "a session of no duration cannot be prolonged"});
            return;
        }
        s.expiry_seconds = std::min(asked, settings.session_expiry_seconds_max);
        if (s.expiry_seconds == 0 && s.stored()) unstore(s);
    }
    // The will is unsaid, unless it is asked for [MQTT-3.14.4-3] [MQTT-3.1.2-8].
    note(Note::Kind::disconnected, &s, &c, packet.reason, "by the client");
    detach(c, packet.reason != Reason::success);
    begin_closing(c, false);
}

}  // namespace causeway::mqtt
