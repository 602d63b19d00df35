#pragma once
// Interface identifiers and the 802.15.4 addresses that they come from. [RFC 6282 §3.2.2]
// The older form of a short address, with the PAN identifier in it [RFC 4944 §6], is left out.
#include "ip/address.hpp"
#include "link/ieee802154/address.hpp"

namespace causeway::lowpan {

/// 0000:00ff:fe00:XXXX without XXXX.
inline constexpr std::uint64_t short_address_id = 0x0000'00ff'fe00'0000;
/// The universal/local bit, which an identifier has the other way round than its EUI-64.
inline constexpr std::uint64_t universal_bit = 0x0200'0000'0000'0000;

/// As a number, most significant octet first; zero for no address.
[[nodiscard]] constexpr std::uint64_t interface_id_value(
    const link::ieee802154::Address& address) noexcept {
    if (address.is_extended()) return address.value() ^ universal_bit;
    return address.is_short() ? short_address_id | address.value() : 0;
}

[[nodiscard]] inline ip::InterfaceId interface_id(
    const link::ieee802154::Address& address) noexcept {
    const std::uint64_t value = interface_id_value(address);
    ip::InterfaceId id;
    for (std::size_t i = 0; i < id.size(); ++i) id[i] = std::byte(value >> (56 - 8 * i) & 0xff);
    return id;
}

/// The address that `id` was made from. Nothing in 64 bits says that they were made so: the caller
/// knows that nodes of this mesh do. nullopt where no unicast EUI-64 makes `id` (the group bit) and
/// for zero, the subnet-router anycast address. [RFC 4291 §2.6.1]
[[nodiscard]] inline std::optional<link::ieee802154::Address> link_address(
    const ip::InterfaceId& id) noexcept {
    std::uint64_t value = 0;
    for (const std::byte octet : id) value = value << 8 | std::to_integer<std::uint64_t>(octet);
    constexpr std::uint64_t group_bit = 0x0100'0000'0000'0000;
    if (value == 0 || (value & group_bit) != 0) return std::nullopt;
    if ((value & ~std::uint64_t{0xffff}) == short_address_id)
        return link::ieee802154::Address::short_address(static_cast<std::uint16_t>(value));
    return link::ieee802154::Address::extended(value ^ universal_bit);
}

}  // namespace causeway::lowpan
