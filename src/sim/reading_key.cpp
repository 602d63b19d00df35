#include "sim/reading_key.hpp"

#include "mqtt/sn/packet.hpp"
#include "mqtt/sn/peer.hpp"

namespace causeway::sim {

namespace {

constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t ipv6_in_ipv6 = 41;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t destination_options = 60;
constexpr std::uint8_t udp = 17;
constexpr int headers_max = 16;
constexpr std::size_t key_octets = 4;
constexpr std::uint8_t code_post = 0x02;

std::optional<std::uint32_t> coap_key(ByteReader& in) noexcept {
    const std::uint8_t first = in.u8();
    const std::uint8_t code = in.u8();
    in.be16();  // message ID
    const std::uint32_t token = in.be32();
    const bool version_1 = first >> 6 == 1;
    if (!in.ok() || !version_1 || (first & 0x0f) != key_octets || code != code_post)
        return std::nullopt;
    return token;
}

std::optional<std::uint32_t> mqtt_sn_key(ByteReader& in, std::uint16_t sender) {
    const auto message = mqtt::sn::Message::parse(in);
    if (!message) return std::nullopt;
    const auto* publish = std::get_if<mqtt::sn::Publish>(&message->body);
    if (publish == nullptr || publish->message_id == 0) return std::nullopt;
    return static_cast<std::uint32_t>(sender) << 16 | publish->message_id;
}

}  // namespace

std::optional<std::uint32_t> reading_key(Bytes ipv6_packet) noexcept {
    ByteReader in(ipv6_packet);
    std::uint8_t next = ipv6_in_ipv6;
    std::uint16_t sender = 0;  // the end of the innermost source address
    for (int headers = 0; headers < headers_max && in.ok(); ++headers) {
        switch (next) {
            case ipv6_in_ipv6:
                if (in.u8() >> 4 != 6) return std::nullopt;
                in.take(5);  // rest of the first word, payload length
                next = in.u8();
                in.take(1 + 14);  // hop limit, most of the source
                sender = in.be16();
                in.take(16);  // target
                break;
            case hop_by_hop:
            case routing:
            case destination_options: {
                next = in.u8();
                const std::size_t length = in.u8();
                in.take(6 + 8 * length);
                break;
            }
            case udp: {
                in.be16();  // source port
                const std::uint16_t port = in.be16();
                in.take(4);  // length, checksum
                return port == mqtt::sn::default_port ? mqtt_sn_key(in, sender) : coap_key(in);
            }
            default:
                return std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace causeway::sim
