#pragma once
// Packets and link addresses that several tests speak of.
#include "base/hex.hpp"
#include "ip/ipv6.hpp"
#include "lowpan/iphc.hpp"

namespace causeway::lowpan::testing {

using Link = link::ieee802154::Address;

/// fe80::212:4b00:14b5:d9c1
inline constexpr Link alice = Link::extended(0x00124b0014b5d9c1);
/// fe80::212:4b00:615:8a2e
inline constexpr Link bob = Link::extended(0x00124b0006158a2e);
inline constexpr LinkEnds alice_to_bob{alice, bob};

inline ip::Address address(std::string_view text) {
    const auto found = ip::Address::from_text(text);
    CAUSEWAY_ASSERT(found.has_value());
    return *found;
}

inline ip::Prefix prefix(std::string_view text) {
    const auto found = ip::Prefix::from_text(text);
    CAUSEWAY_ASSERT(found.has_value());
    return *found;
}

/// 0 and 5: whole networks; 2: shorter than half an address; 3: longer; 15: one address.
inline Contexts some_contexts() {
    Contexts contexts;
    contexts.set(0, {.prefix = prefix("fd00:ca5e::/64")});
    contexts.set(2, {.prefix = prefix("2001:db8:7::/48")});
    contexts.set(3, {.prefix = prefix("fd00:1::aaaa:bbbb:cccc:0/112")});
    contexts.set(5, {.prefix = prefix("fd00:5::/64")});
    contexts.set(15, {.prefix = prefix("fd00:f::1/128")});
    return contexts;
}

struct Packet {
    std::uint8_t traffic_class = 0;
    std::uint32_t flow_label = 0;
    std::uint8_t next_header = 58;
    std::uint8_t hop_limit = 64;
    std::string_view source = "fe80::212:4b00:14b5:d9c1";
    std::string_view target = "fe80::212:4b00:615:8a2e";
    std::string_view payload = "80 00";

    [[nodiscard]] Octets octets() const {
        const auto behind = from_hex(payload);
        CAUSEWAY_ASSERT(behind.has_value());
        return ip::make_ipv6_packet({.traffic_class = traffic_class,
                                     .flow_label = flow_label,
                                     .next_header = next_header,
                                     .hop_limit = hop_limit,
                                     .source = address(source),
                                     .target = address(target)},
                                    *behind);
    }
};

/// A UDP packet of `payload_octets` counted octets, its checksum right.
[[nodiscard]] Octets counted_udp(std::size_t payload_octets,
                                 std::string_view source = "fd00:ca5e::212:4b00:14b5:d9c1",
                                 std::string_view target = "fd00:ca5e::212:4b00:615:8a2e");

/// What compress() makes of `packet`; empty on a fault.
[[nodiscard]] Octets compressed(Bytes packet, const LinkEnds& ends, const Contexts& contexts,
                                const CompressOptions& options = {});

}  // namespace causeway::lowpan::testing
