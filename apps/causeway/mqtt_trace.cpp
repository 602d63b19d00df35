#include "mqtt_trace.hpp"

#include "base/engine.hpp"
#include "mqtt_session.hpp"
#include "printable.hpp"

#include <fmt/format.h>

#include <utility>

namespace causeway::cli {
namespace {

using namespace mqtt;

std::string options_of(const Subscribe::Entry& entry) {
    const SubscriptionOptions& o = entry.options;
    const int rest = (o.no_local ? 4 : 0) | (o.retain_as_published ? 8 : 0) |
                     std::to_underlying(o.retain_handling) << 4;
    return fmt::format("Topic: {}, QoS: {}, Options: 0x{:02x}", printable(entry.filter),
                       std::to_underlying(o.qos_max), rest);
}

std::string words(const Packet& packet, Version version) {
    const auto code = [&](Reason reason) { return status_of(reason, version); };
    return std::visit(
        Overloaded{
            [](const Connect&) { return std::string("CONNECT"); },
            [&](const Connack& p) { return fmt::format("CONNACK ({})", code(p.reason)); },
            [](const Publish& p) {
                return fmt::format("PUBLISH (d{}, q{}, r{}, m{}, '{}', ... ({} bytes))", +p.dup,
                                   std::to_underlying(p.qos), +p.retain, p.packet_id,
                                   printable(p.topic), p.payload.size());
            },
            [](const Ack& p) {
                return fmt::format("{} (Mid: {}, RC:{})", name_of(p.type), p.packet_id,
                                   std::to_underlying(p.reason));
            },
            [](const Subscribe& p) {
                std::string text = fmt::format("SUBSCRIBE (Mid: {}", p.packet_id);
                for (const auto& entry : p.entries) text += ", " + options_of(entry);
                return text + ")";
            },
            [](const Suback&) { return std::string("SUBACK"); },
            [](const Unsubscribe& p) {
                std::string text = fmt::format("UNSUBSCRIBE (Mid: {}", p.packet_id);
                for (const auto filter : p.filters)
                    text += fmt::format(", Topic: {}", printable(filter));
                return text + ")";
            },
            [](const Unsuback&) { return std::string("UNSUBACK"); },
            [](Pingreq) { return std::string("PINGREQ"); },
            [](Pingresp) { return std::string("PINGRESP"); },
            [](const Disconnect& p) {
                return p.reason == Reason::success
                           ? std::string("DISCONNECT")
                           : fmt::format("DISCONNECT ({}: {})", std::to_underlying(p.reason),
                                         name_of(p.reason));
            },
            [](const Auth& p) { return fmt::format("AUTH ({})", name_of(p.reason)); },
        },
        packet);
}

}  // namespace

void MqttTrace::begin() {
    out_ = Framer(packet_octets_max);
    in_ = Framer(packet_octets_max);
}

void MqttTrace::show(std::string_view way, Bytes octets, Framer& framer) const {
    while (const auto step = framer.next(octets)) {
        const auto packet = step->refused ? Parsed<Packet>(std::unexpected(*step->refused))
                                          : parse_packet(step->packet, version_);
        fmt::print("Client {} {} {}\n", printable(client_id_), way,
                   packet ? words(*packet, version_)
                          : fmt::format("what is no packet: {}", packet.error().what));
        if (step->refused) return;
    }
}

}  // namespace causeway::cli
