#pragma once
// Where the SCADA tools find the other end by IP.
#include "site/values.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace causeway::cli {

/// "host", "host:port", "fd00::7", "[fd00::7]", "[fd00::7]:502", with or without "tcp://" in front;
/// `port` where it says none.
[[nodiscard]] std::optional<site::HostAndPort> scada_place_from(std::string_view text,
                                                                std::uint16_t port);

}  // namespace causeway::cli
