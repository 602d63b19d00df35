#pragma once
// One CoAP request over a UDP socket of its own, from the first datagram to the last response: what
// `causeway coap` does once the command line is understood.
#include "base/time.hpp"
#include "coap/events.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace causeway::cli {

/// Where a host is. The scope is the interface of a link-local address.
struct Destination {
    coap::Peer peer;
    std::uint32_t scope = 0;
};

/// Takes the zone out of "coap://[fe80::1%eth0]/a" (%25 for % is fine too), which no CoAP option
/// carries. The error is a sentence.
[[nodiscard]] std::expected<std::uint32_t, std::string> take_zone(std::string& uri);
/// Asks the system's resolver; nothing when nobody knows the host.
[[nodiscard]] std::optional<Destination> look_up(const std::string& host, std::uint16_t port);

struct Conversation {
    coap::Request request;
    std::uint32_t scope = 0;
    Duration patience = std::chrono::seconds(90);  // with a peer that says nothing
    std::optional<Duration> span;                  // of an observation; none: until interrupted
    std::optional<std::uint8_t> block_szx;
    bool verbose = false;  // every message as a line on stderr
};

/// Holds it to its end: all responses, or what went wrong in one line.
[[nodiscard]] std::expected<void, std::string> converse(
    const Conversation& conversation,
    const std::function<void(const coap::ResponseArrived&)>& on_response);

}  // namespace causeway::cli
