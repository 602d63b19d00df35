#pragma once
// What the broker notes, as lines of a log.
#include "mqtt/broker/events.hpp"

#include <string>

namespace causeway::site {

/// "mqtt: alice (127.0.0.1:40112) disconnected: keep alive timeout"
[[nodiscard]] std::string to_line(const mqtt::Note& note);

/// A client's own words fit for a log: no control characters, at most 64 octets.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace causeway::site
