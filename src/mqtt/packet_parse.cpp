// One whole packet: which it is, and that nothing stands behind it.
#include "mqtt/packet_reader.hpp"

namespace causeway::mqtt {
namespace {

using wire::PacketReader;

/// Built where it is returned: packets are large.
template <class T, class Parse>
Parsed<Packet> parsed(PacketReader& in, Parse&& parse) {
    Parsed<Packet> out(std::in_place, std::in_place_type<T>);
    parse(std::get<T>(*out));
    if (const auto refused = in.finish()) out = std::unexpected(*refused);
    return out;
}

template <class T>
Parsed<Packet> parsed(PacketReader& in, Version version) {
    in.check_length(version);
    return parsed<T>(in, [&](T& out) { wire::parse(in, version, out); });
}

template <class T>
Parsed<Packet> parsed_ping(PacketReader& in, Version version) {
    in.check_length(version);
    return parsed<T>(in, [&](T&) { in.check_flags(version, 0); });
}

}  // namespace

Parsed<Packet> parse_packet(Bytes whole, Version version) {
    PacketReader in(whole);
    switch (in.header().type) {
        case PacketType::connect:
            return parsed<Connect>(in, [&](Connect& out) { wire::parse(in, out); });
        case PacketType::connack:
            return parsed<Connack>(in, version);
        case PacketType::publish:
            return parsed<Publish>(in, version);
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return parsed<Ack>(in, version);
        case PacketType::subscribe:
            return parsed<Subscribe>(in, version);
        case PacketType::suback:
            return parsed<Suback>(in, version);
        case PacketType::unsubscribe:
            return parsed<Unsubscribe>(in, version);
        case PacketType::unsuback:
            return parsed<Unsuback>(in, version);
        case PacketType::pingreq:
            return parsed_ping<Pingreq>(in, version);
        case PacketType::pingresp:
            return parsed_ping<Pingresp>(in, version);
        case PacketType::disconnect:
            return parsed<Disconnect>(in, version);
        case PacketType::auth:
            return parsed<Auth>(in, version);
    }
    // [MQTT 5.0 §2.1.2]: 0 is reserved; there is no sixteenth.
    in.refuse(Reason::malformed_packet, "no such packet type");
    return std::unexpected(*in.finish());
}

}  // namespace causeway::mqtt
