#pragma once
// From what a site file says of a listener to what the sockets need to know.
#include "net/stream_host.hpp"
#include "site/mqtt_site.hpp"

namespace causeway::site {

[[nodiscard]] net::ListenSpec listen_spec(const MqttListener& listener, std::uint32_t streams_max);

/// Processors this process may use beside the one that the broker's own thread keeps busy.
[[nodiscard]] unsigned spare_processors();

}  // namespace causeway::site
