#pragma once
// Names of hosts to addresses, waiting for the answer: for programs that have nothing else to do.
#include "net/endpoint.hpp"
#include "net/trouble.hpp"

#include <cstdint>
#include <expected>
#include <string>

namespace causeway::net {

/// The first address of `host`, a name or a literal ("fe80::1%eth0" too), in the system's order.
[[nodiscard]] std::expected<Endpoint, Trouble> look_up(const std::string& host, std::uint16_t port);

}  // namespace causeway::net
