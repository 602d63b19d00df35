#pragma once
// For tests of the gateway and of the client: what engines say, as lines of text, and a gateway on
// a bench, with clients on one side and a scripted broker on the other.
#include "mqtt/packet.hpp"
#include "mqtt/sn/gateway.hpp"
#include "mqtt/sn/packet.hpp"

#include <memory>
#include <string>
#include <vector>

namespace causeway::mqtt::sn::testing {

inline std::string number(std::uint64_t n) {
    return std::to_string(n);
}

inline std::string quality(Quality qos) {
    return qos == Quality::without_connection ? "q-1" : "q" + number(std::to_underlying(qos));
}

inline std::string topic(TopicKind kind, std::uint16_t id) {
    if (kind == TopicKind::short_name)
        return std::string{static_cast<char>(id >> 8), static_cast<char>(id & 0xff)};
    return (kind == TopicKind::predefined ? "p" : "#") + number(id);
}

inline std::string text(const Message& message) {
    std::string line(name_of(message.type()));
    const auto add = [&](std::string_view word) { line += " " + std::string(word); };
    const auto code = [&](ReturnCode c) {
        if (c != ReturnCode::accepted) add(name_of(c));
    };
    std::visit(
        Overloaded{
            [&](const Advertise& m) {
                add(number(m.gateway_id) + " " + number(m.duration_seconds));
            },
            [&](const SearchGateway& m) { add(number(m.radius)); },
            [&](const GatewayInfo& m) { add(number(m.gateway_id)); },
            [&](const Connect& m) {
                add(m.client_id);
                add(number(m.keep_alive_seconds) + "s");
                if (m.clean_session) add("clean");
                if (m.will) add("will");
            },
            [&](const Connack& m) { code(m.code); },
            [&](const WillTopic& m) {
                if (m.topic.empty()) return;
                add(m.topic);
                add(quality(m.qos));
                if (m.retain) add("retain");
            },
            [&](const WillMessage& m) { add(m.message); },
            [&](const Register& m) {
                add("#" + number(m.topic_id) + " m" + number(m.message_id));
                add(m.topic);
            },
            [&](const Regack& m) {
                add("#" + number(m.topic_id) + " m" + number(m.message_id));
                code(m.code);
            },
            [&](const Publish& m) {
                add(topic(m.kind, m.topic_id));
                add(quality(m.qos));
                if (m.message_id != 0) add("m" + number(m.message_id));
                if (m.dup) add("dup");
                if (m.retain) add("retain");
                add(m.payload);
            },
            [&](const Puback& m) {
                add("#" + number(m.topic_id) + " m" + number(m.message_id));
                code(m.code);
            },
            [&](const Handshake& m) { add("m" + number(m.message_id)); },
            [&](const Subscribe& m) {
                add("m" + number(m.message_id));
                add(m.kind == TopicKind::normal ? std::string(m.topic) : topic(m.kind, m.topic_id));
                if (!m.undo) add(quality(m.qos));
                if (m.dup) add("dup");
            },
            [&](const Suback& m) {
                add("#" + number(m.topic_id) + " m" + number(m.message_id));
                add(quality(m.qos));
                code(m.code);
            },
            [&](const Unsuback& m) { add("m" + number(m.message_id)); },
            [&](const Pingreq& m) {
                if (!m.client_id.empty()) add(m.client_id);
            },
            [&](const Disconnect& m) {
                if (m.duration_seconds) add(number(*m.duration_seconds) + "s");
            },
            [&](const WillResponse& m) { code(m.code); },
            [](const auto&) {},
        },
        message.body);
    return line;
}

inline std::string text(const Packet& packet) {
    std::string line;
    const auto add = [&](std::string_view word) {
        line += (line.empty() ? "" : " ") + std::string(word);
    };
    const auto id = [&](std::uint16_t n) {
        if (n != 0) add(number(n));
    };
    const auto qos = [](Qos q) { return "q" + number(std::to_underlying(q)); };
    std::visit(Overloaded{
                   [&](const mqtt::Connect& p) {
                       add("CONNECT");
                       add(p.client_id);
                       add(p.version == Version::v5 ? "v5" : "v3");
                       if (p.clean_start) add("clean");
                       if (p.user_name) add(*p.user_name);
                       if (p.will)
                           add("will " + std::string(p.will->topic) + "=" +
                               std::string(as_text(p.will->payload)) + " " + qos(p.will->qos) +
                               (p.will->retain ? " retain" : ""));
                   },
                   [&](const mqtt::Publish& p) {
                       add("PUBLISH");
                       id(p.packet_id);
                       add(std::string(p.topic) + "=" + std::string(as_text(p.payload)));
                       add(qos(p.qos));
                       if (p.dup) add("dup");
                       if (p.retain) add("retain");
                   },
                   [&](const Ack& p) {
                       add(mqtt::name_of(p.type));
                       id(p.packet_id);
                       if (p.reason != Reason::success) add(mqtt::name_of(p.reason));
                   },
                   [&](const mqtt::Subscribe& p) {
                       add("SUBSCRIBE");
                       id(p.packet_id);
                       for (const auto& entry : p.entries) {
                           add(entry.filter);
                           add(qos(entry.options.qos_max));
                       }
                       for (const auto n : p.properties.subscription_identifiers)
                           add("i" + number(n));
                   },
                   [&](const mqtt::Unsubscribe& p) {
                       add("UNSUBSCRIBE");
                       id(p.packet_id);
                       for (const auto& filter : p.filters) add(filter);
                   },
                   [&](const mqtt::Pingreq&) { add("PINGREQ"); },
                   [&](const mqtt::Disconnect&) { add("DISCONNECT"); },
                   [&](const auto&) { add("?"); },
               },
               packet);
    return line;
}

/// A peer with a letter for a name: 'a' is port 97 of an address that ends in 97.
inline Peer peer(char name) {
    Peer peer;
    peer.address[0] = std::byte{0xfd};
    peer.address[15] = std::byte(name);
    peer.port = static_cast<std::uint16_t>(name);
    return peer;
}

using Lines = std::vector<std::string>;

struct Bench {
    explicit Bench(GatewaySettings settings = {}) : gateway(std::move(settings), Random(1), now) {}

    void hear(char from, Bytes octets) {
        gateway.handle(now, DatagramReceived{peer(from), octets});
    }
    void hear(char from, const Body& body) { hear(from, causeway::emitted(Message{body})); }
    void broker(unsigned link, const Packet& packet, Version version = Version::v5) {
        const Octets octets = mqtt::emitted(packet, version);
        gateway.handle(now, BrokerReceived{LinkId{link}, octets});
    }
    void connack(unsigned link, Reason reason = Reason::success) {
        mqtt::Connack connack;
        connack.reason = reason;
        broker(link, connack);
    }
    void ack(unsigned link, PacketType type, std::uint16_t id, Reason reason = Reason::success) {
        Ack ack;
        ack.type = type;
        ack.packet_id = id;
        ack.reason = reason;
        broker(link, ack);
    }
    void suback(unsigned link, std::uint16_t id, Reason reason = Reason::success) {
        mqtt::Suback suback;
        suback.packet_id = id;
        suback.reasons.push_back(reason);
        broker(link, suback);
    }
    void publish(unsigned link, std::string_view topic, std::string_view payload, unsigned qos = 0,
                 std::uint16_t id = 0) {
        mqtt::Publish publish;
        publish.topic = topic;
        publish.payload = as_octets(payload);
        publish.qos = static_cast<Qos>(qos);
        publish.packet_id = id;
        broker(link, publish);
    }
    /// Time goes on, with all its timeouts.
    void wait(Duration span) {
        const Instant end = now + span;
        while (gateway.next_deadline() <= end) {
            now = std::max(now, gateway.next_deadline());
            gateway.handle_timeout(now);
        }
        now = end;
    }

    /// All that was said since the last time: "a < CONNACK", "1 open", "1 > CONNECT n1 v5".
    Lines said() {
        Lines lines;
        while (auto output = gateway.poll_output()) {
            std::visit(
                Overloaded{
                    [&](const SendDatagram& m) {
                        const std::string to(1, static_cast<char>(m.peer.port));
                        const auto message = parse_as<Message>(m.octets);
                        lines.push_back(to + " < " + (message ? text(*message) : "unreadable"));
                    },
                    [&](const OpenBroker& m) { lines.push_back(link(m.link) + " open"); },
                    [&](const SendBroker& m) {
                        const auto packet = parse_packet(m.octets, Version::v5);
                        lines.push_back(link(m.link) + " > " +
                                        (packet ? text(*packet) : "unreadable"));
                    },
                    [&](const CloseBroker& m) { lines.push_back(link(m.link) + " close"); },
                    [&](const Note& m) { notes.push_back(m); },
                },
                *output);
        }
        return lines;
    }
    /// Forgets what was said.
    void hush() { (void)said(); }
    static std::string link(LinkId id) { return number(std::to_underlying(id)); }

    /// A connected client, on a link of its own.
    void join(char who, std::string_view id, unsigned link, bool clean = true,
              std::uint16_t keep_alive = 60) {
        hear(who, Connect{false, clean, keep_alive, id});
        connack(link);
        hush();
    }
    std::uint16_t topic_id(char who, std::string_view name) {
        hear(who, Register{0, 1, name});
        const auto lines = said();
        return static_cast<std::uint16_t>(std::stoi(lines.at(0).substr(lines[0].find('#') + 1)));
    }
    [[nodiscard]] const GatewayStats& stats() const { return gateway.stats(); }

    Instant now{};
    Gateway gateway;
    std::vector<Note> notes;
};

}  // namespace causeway::mqtt::sn::testing
