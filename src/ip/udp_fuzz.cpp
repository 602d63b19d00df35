// A datagram that is accepted is as long as it says, and is the one that we would send.
#include "ip/checksum.hpp"
#include "ip/udp.hpp"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    const ip::Address source = ip::Address::read(in);
    const ip::Address target = ip::Address::read(in);
    Octets udp = to_octets(in.rest());
    if (!in.ok()) return 0;
    if (const auto header = parse_as<ip::UdpHeader>(udp))
        CAUSEWAY_ASSERT(parse_as<ip::UdpHeader>(emitted(*header)) == header);

    // As it came, and once more with the checksum put right.
    for (int round = 0; round < 2; ++round) {
        if (const auto datagram = ip::parse_udp(source, target, udp)) {
            const Octets packet = ip::make_udp_packet(*datagram, 64);
            const Bytes sent = Bytes(packet).subspan(ip::Ipv6Header::octets);
            CAUSEWAY_ASSERT(same(sent, Bytes(udp).first(sent.size())));
        }
        const auto header = parse_as<ip::UdpHeader>(udp);
        if (!header || header->length < 8 || header->length > udp.size()) break;
        udp[6] = udp[7] = std::byte{0};
        std::uint16_t checksum =
            ip::upper_layer_checksum(source, target, 17, Bytes(udp).first(header->length));
        if (checksum == 0) checksum = 0xffff;
        udp[6] = std::byte(checksum >> 8);
        udp[7] = std::byte(checksum & 0xff);
        if (round == 0) CAUSEWAY_ASSERT(ip::parse_udp(source, target, udp).has_value());
    }
    return 0;
}
