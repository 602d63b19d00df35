#pragma once
// An address and a port, as people write them: "127.0.0.1:5683", "[::1]:5683",
// "[fe80::1%eth0]:5683". Numbers only: looking up a name takes its time, and nothing here waits.
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::net {

struct Endpoint {
    std::array<std::byte, 16> address{};  // in network order; IPv4 uses the first four
    std::uint16_t port = 0;
    std::uint32_t scope = 0;  // interface index, for a link-local address
    bool v6 = false;

    /// With `default_port`, the port may be left out: "127.0.0.1", "[::1]" or plain "::1".
    /// The error is a sentence that says what is wrong and what is wanted.
    [[nodiscard]] static std::expected<Endpoint, std::string> parse(
        std::string_view text, std::optional<std::uint16_t> default_port = std::nullopt);

    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_loopback() const noexcept;
    /// 0.0.0.0 or ::
    [[nodiscard]] bool is_any() const noexcept;
    /// ff00::/8 or 224.0.0.0/4
    [[nodiscard]] bool is_multicast() const noexcept;

    /// The address as engines have it: IPv6, and IPv4 as ::ffff:a.b.c.d [RFC 4291 §2.5.5.2].
    [[nodiscard]] std::array<std::byte, 16> octets16() const noexcept;
    /// And back: a mapped address becomes IPv4.
    [[nodiscard]] static Endpoint from_octets16(const std::array<std::byte, 16>& octets,
                                                std::uint16_t port,
                                                std::uint32_t scope = 0) noexcept;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace causeway::net
