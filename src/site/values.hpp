#pragma once
// The texts inside a site file that mean more than text. The command line reads its own durations
// with the same function.
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::site {

/// "250ms", "60s", "5m", "1h", "2d", "10us"; decimals are taken ("1.5s"), a sign or a bare number
/// is not. nullopt too where it is finer than a nanosecond or longer than 10,000 days.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
/// In the largest unit that leaves a whole number: "90s", "250ms".
[[nodiscard]] std::string to_text(Duration duration);

/// "64MiB", "512KiB", "1GiB" or plain octets; nullopt where it is none or beyond 63 bits.
[[nodiscard]] std::optional<std::int64_t> parse_octets(std::string_view text);

/// A host's name or address and a port: "broker.example:1883", "[::1]:1883".
struct HostAndPort {
    std::string host;  // without brackets
    std::uint16_t port = 0;
    friend bool operator==(const HostAndPort&, const HostAndPort&) = default;
};
[[nodiscard]] std::optional<HostAndPort> parse_host(std::string_view text);

/// Letters, digits, '-', '_' and '.', 1 to `characters_max` of them, a letter or a digit first:
/// fit for a path segment, a file name, an interface and a column of a table.
[[nodiscard]] bool is_name(std::string_view text, std::size_t characters_max = 63) noexcept;

}  // namespace causeway::site
