#pragma once
// Who is at the other end: without DTLS, an address and a UDP port and nothing else identify an
// endpoint [RFC 7252 §4.1].
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::coap {

inline constexpr std::uint16_t default_port = 5683;         // coap
inline constexpr std::uint16_t default_secure_port = 5684;  // coaps

struct Peer {
    std::array<std::byte, 16> address{};  // IPv6; IPv4 as ::ffff:a.b.c.d
    std::uint16_t port = 0;

    /// A group of endpoints: ff00::/8, or 224.0.0.0/4 mapped.
    [[nodiscard]] bool is_multicast() const noexcept;
    [[nodiscard]] bool is_ipv4() const noexcept;

    friend auto operator<=>(const Peer&, const Peer&) = default;
};

/// Reads "fd00::1", "[fd00::1]" or "192.0.2.1"; nullopt for a name or anything else. No zones.
[[nodiscard]] std::optional<std::array<std::byte, 16>> address_from_literal(std::string_view text);
/// "fd00::1" as RFC 5952 §4 has it, or "192.0.2.1" for a mapped address.
[[nodiscard]] std::string address_to_text(const std::array<std::byte, 16>& address);
/// "[fd00::1]:5683", "192.0.2.1:5683".
[[nodiscard]] std::string to_text(const Peer& peer);

}  // namespace causeway::coap
