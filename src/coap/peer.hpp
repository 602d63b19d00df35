#pragma once
// Who is at the other end. Without security an address and a port identify an endpoint
// [RFC 7252 §4.1]; with DTLS or over a stream, the session or the connection does [RFC 7252 §9.1.1;
// RFC 8323 §3.2]; and with OSCORE the security context, whatever carries it [RFC 8613 §5].
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

enum class Transport : std::uint8_t { udp, dtls, tcp, tls, ws, wss };

/// "coap", "coaps", "coap+tcp" ...: the URI scheme of a transport. [RFC 7252 §6; RFC 8323 §8]
[[nodiscard]] std::string_view scheme_of(Transport transport) noexcept;

struct Peer {
    std::array<std::byte, 16> address{};  // IPv6; IPv4 as ::ffff:a.b.c.d
    std::uint16_t port = 0;
    Transport transport = Transport::udp;
    /// The session or connection, numbered by whoever owns the sockets. For UDP: which of our own
    /// addresses is spoken from, 0 where that does not matter.
    std::uint32_t channel = 0;
    /// The OSCORE security context that protects the messages; 0: none does.
    std::uint32_t context = 0;

    /// Messages arrive once, in order or not at all, and have no type or id. [RFC 8323 §2]
    [[nodiscard]] bool is_reliable() const noexcept { return transport >= Transport::tcp; }
    /// Whether somebody proved who they are: DTLS, TLS or OSCORE.
    [[nodiscard]] bool is_secure() const noexcept {
        return transport == Transport::dtls || transport == Transport::tls ||
               transport == Transport::wss || context != 0;
    }
    /// What the message layer sees, which knows nothing of OSCORE.
    [[nodiscard]] Peer outer() const noexcept {
        Peer peer = *this;
        peer.context = 0;
        return peer;
    }

    /// A group of endpoints: ff00::/8, or 224.0.0.0/4 mapped.
    [[nodiscard]] bool is_multicast() const noexcept;
    [[nodiscard]] bool is_ipv4() const noexcept;
    /// ::1, or 127.0.0.0/8 mapped.
    [[nodiscard]] bool is_loopback() const noexcept;

    friend auto operator<=>(const Peer&, const Peer&) = default;
};

/// Reads "fd00::1", "[fd00::1]" or "192.0.2.1"; nullopt for a name or anything else. No zones.
[[nodiscard]] std::optional<std::array<std::byte, 16>> address_from_literal(std::string_view text);
/// "fd00::1" as RFC 5952 §4 has it, or "192.0.2.1" for a mapped address.
[[nodiscard]] std::string address_to_text(const std::array<std::byte, 16>& address);
/// "[fd00::1]:5683", "192.0.2.1:5683": the transport is not told.
[[nodiscard]] std::string to_text(const Peer& peer);

}  // namespace causeway::coap
