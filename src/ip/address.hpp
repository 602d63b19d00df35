#pragma once
#include "base/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::ip {

/// The low 64 bits of most addresses. [RFC 4291 §2.5.1]
using InterfaceId = std::array<std::byte, 8>;

/// An IPv6 address: 16 octets in network order. [RFC 4291]
struct Address {
    std::array<std::byte, 16> octets{};

    /// Any text form of RFC 4291 §2.2 (no zone, no prefix length, no brackets); nullopt otherwise.
    static std::optional<Address> from_text(std::string_view text);
    /// Reads 16 octets; zeros once `in` has failed.
    static Address read(ByteReader& in) noexcept;
    /// The canonical text. [RFC 5952 §4]
    [[nodiscard]] std::string to_text() const;

    [[nodiscard]] Bytes bytes() const noexcept { return octets; }
    [[nodiscard]] bool is_unspecified() const noexcept { return *this == Address{}; }
    [[nodiscard]] bool is_loopback() const noexcept;
    [[nodiscard]] bool is_ipv4_mapped() const noexcept;  // ::ffff:0:0/96
    [[nodiscard]] bool is_multicast() const noexcept { return octets[0] == std::byte{0xff}; }
    [[nodiscard]] bool is_link_local() const noexcept {  // fe80::/10
        return octets[0] == std::byte{0xfe} && (octets[1] & std::byte{0xc0}) == std::byte{0x80};
    }
    /// 1 interface-local, 2 link-local, 3 realm-local, 5 site-local, 14 global; multicast only.
    [[nodiscard]] std::uint8_t multicast_scope() const noexcept {
        return std::to_integer<std::uint8_t>(octets[1] & std::byte{0x0f});
    }
    [[nodiscard]] InterfaceId interface_id() const noexcept;

    friend auto operator<=>(const Address&, const Address&) = default;
};

struct Prefix {
    Address address;          // bits past the length are zero
    std::uint8_t length = 0;  // bits, 0 to 128

    /// The first `length` bits (128 at most) of `address`, the others cleared.
    static Prefix of(const Address& address, std::uint8_t length) noexcept;
    /// "fd00:ca5e::/64"; nullopt when malformed or when bits past the length are set.
    static std::optional<Prefix> from_text(std::string_view text);
    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] bool contains(const Address& address) const noexcept;
    /// This prefix (its length at most 64) with `id` behind it.
    [[nodiscard]] Address with(const InterfaceId& id) const noexcept;

    friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

/// fe80::/64 with `id`.
[[nodiscard]] Address link_local(const InterfaceId& id) noexcept;

/// ff02::1, all nodes of the link.
[[nodiscard]] Address all_nodes() noexcept;
/// ff02::2, all routers of the link.
[[nodiscard]] Address all_routers() noexcept;
/// ff02::1a, all RPL nodes of the link. [RFC 6550 §6]
[[nodiscard]] Address all_rpl_nodes() noexcept;
/// The group that neighbour solicitations for `target` go to. [RFC 4291 §2.7.1]
[[nodiscard]] Address solicited_node(const Address& target) noexcept;

}  // namespace causeway::ip
