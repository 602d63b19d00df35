#include "ip/udp.hpp"

#include "base/hex.hpp"
#include "ip/checksum.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::udp_test {
namespace {

const Address node = *Address::from_text("fd00:ca5e::212:4b00:616:1");
const Address root = *Address::from_text("fd00:ca5e::1");

TEST(UdpHeader, RoundTrips) {
    const Octets octets = "1633 1634 000b 7fd3"_hex;
    const auto header = parse_as<UdpHeader>(octets);
    ASSERT_TRUE(header);
    EXPECT_EQ(*header, (UdpHeader{5683, 5684, 11, 0x7fd3}));
    EXPECT_EQ(emitted(*header), octets);
}

TEST(Udp, PacketIsAsTsharkAcceptsIt) {
    const Octets payload = "40 01 30 39"_hex;  // CoAP GET
    const Octets packet = make_udp_packet({node, root, 5683, 5684, payload}, 64);
    EXPECT_EQ(to_hex(packet),
              "60000000000c1140fd00ca5e0000000002124b0006160001fd00ca5e000000000000000000000001"
              "16331634000c814b40013039");
}

TEST(Udp, ReadsWhatItMakes) {
    const Octets payload = "01 02 03"_hex;
    const Octets packet = make_udp_packet({node, root, 1, 2, payload}, 1);
    const auto datagram = parse_udp(node, root, Bytes(packet).subspan(40));
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->source, node);
    EXPECT_EQ(datagram->target, root);
    EXPECT_EQ(datagram->source_port, 1);
    EXPECT_EQ(datagram->target_port, 2);
    EXPECT_TRUE(same(datagram->payload, payload));
}

TEST(Udp, RefusesEveryChangedBit) {
    Octets udp = make_udp_packet({node, root, 5683, 5683, "01020304"_hex}, 64);
    udp.erase(udp.begin(), udp.begin() + 40);
    for (std::size_t bit = 0; bit < udp.size() * 8; ++bit) {
        udp[bit / 8] ^= std::byte(1u << bit % 8);
        EXPECT_FALSE(parse_udp(node, root, udp)) << bit;
        udp[bit / 8] ^= std::byte(1u << bit % 8);
    }
    EXPECT_TRUE(parse_udp(node, root, udp));
    EXPECT_EQ(parse_udp(node, node, udp).error(), (WireError{Fault::bad_checksum, 6}));
}

TEST(Udp, RefusesNoChecksum) {  // [RFC 8200 §8.1]
    EXPECT_EQ(parse_udp(node, root, "0001 0002 0008 0000"_hex).error(),
              (WireError{Fault::bad_checksum, 6}));
}

TEST(Udp, SendsAZeroChecksumAsOnes) {  // [RFC 8200 §8.1]
    // The payload is what the checksum would be, so that the sum comes to nothing.
    const Octets packet = make_udp_packet({node, root, 1, 2, "0000"_hex}, 64);
    const Octets payload(packet.begin() + 46, packet.begin() + 48);
    const Octets wanted = make_udp_packet({node, root, 1, 2, payload}, 64);
    EXPECT_EQ(to_hex(Bytes(wanted).subspan(46, 2)), "ffff");
    EXPECT_TRUE(parse_udp(node, root, Bytes(wanted).subspan(40)));
}

TEST(Udp, LengthIsBelievedOnlyWithinThePacket) {
    Octets udp = make_udp_packet({node, root, 1, 2, "0102"_hex}, 64);
    udp.erase(udp.begin(), udp.begin() + 40);
    EXPECT_EQ(parse_udp(node, root, Bytes(udp).first(9)).error().fault, Fault::bad_length);
    EXPECT_EQ(parse_udp(node, root, Bytes(udp).first(7)).error().fault, Fault::truncated);
    udp.push_back(std::byte{0x99});  // behind what the length says: not the datagram's
    EXPECT_EQ(parse_udp(node, root, udp)->payload.size(), 2u);
    udp[5] = std::byte{7};
    EXPECT_EQ(parse_udp(node, root, udp).error(), (WireError{Fault::bad_length, 4}));
}

TEST(Udp, CarriesNothingAndTheMost) {
    const Octets none = make_udp_packet({node, root, 1, 2, {}}, 64);
    EXPECT_TRUE(parse_udp(node, root, Bytes(none).subspan(40)));
    const Octets payload(udp_payload_max, std::byte{0xa5});
    const Octets most = make_udp_packet({node, root, 1, 2, payload}, 64);
    EXPECT_TRUE(parse_udp(node, root, Bytes(most).subspan(40)));
}

}  // namespace
}  // namespace causeway::ip::udp_test
