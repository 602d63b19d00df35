#pragma once
// Which reading a lost packet carried: its CoAP token says so, or, of one published over MQTT-SN,
// who sent it and its message id. Looks through IPv6 in IPv6, extension headers and UDP.
// [RFC 8200 §4, RFC 2473 §3, RFC 768, RFC 7252 §3]
#include "base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace causeway::sim {

/// The key of the reading posted or published by this packet; nullopt for anything else,
/// responses included.
[[nodiscard]] std::optional<std::uint32_t> reading_key(Bytes ipv6_packet) noexcept;

}  // namespace causeway::sim
