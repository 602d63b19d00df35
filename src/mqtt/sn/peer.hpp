#pragma once
// Who is at the other end of MQTT-SN over UDP: an address and a port. Multicast groups are peers
// too, for what is broadcast.
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace causeway::mqtt::sn {

/// None is registered for MQTT-SN. 1884 is the one next to MQTT's own that gateways and captures
/// mostly use; 10000 is the other habit.
inline constexpr std::uint16_t default_port = 1884;

struct Peer {
    std::array<std::byte, 16> address{};  // IPv6; IPv4 as ::ffff:a.b.c.d
    std::uint16_t port = 0;

    friend auto operator<=>(const Peer&, const Peer&) = default;
};

}  // namespace causeway::mqtt::sn
