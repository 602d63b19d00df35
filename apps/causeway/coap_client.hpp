#pragma once
// One CoAP request over a socket, session or connection of its own, from the first datagram to the
// last response: what `causeway coap` does once the command line is understood. An observation
// outlives the server: when that is gone, it is asked for anew until somebody answers.
#include "base/time.hpp"
#include "coap/events.hpp"
#include "coap/protection.hpp"
#include "coap/uri.hpp"
#include "site/coap_host.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::cli {

struct Conversation {
    site::CoapTarget target;
    std::string target_text;       // "coaps://[::1]:5684", for people
    coap::Request request;         // but for its peer and the Uri options
    std::optional<coap::Uri> uri;  // what those are made of; none: a proxy is told the URI
    bool bare = false;             // of them, only the path and the query
    std::unique_ptr<coap::Protection> protection;
    Duration patience = std::chrono::seconds(90);  // with a peer that says nothing
    std::optional<Duration> multicast_window;
    std::optional<Duration> span;  // of an observation; none: until interrupted
    std::optional<std::uint8_t> block_szx;
    unsigned times = 1;
    Duration pause = std::chrono::seconds(1);
    bool verbose = false;        // every message as a line on stderr
    bool without_token = false;  // the shortest token there is
};

struct Listener {
    std::function<void(const coap::ResponseArrived&)> response;
    /// What a person should know meanwhile, in one line.
    std::function<void(const std::string&)> note;
};

/// Holds it to its end: all responses, or what went wrong in one line.
[[nodiscard]] std::expected<void, std::string> converse(const Conversation& conversation,
                                                        const Listener& listener);

/// The request as it goes to `peer`.
[[nodiscard]] coap::Request request_to(const coap::Peer& peer, const Conversation& conversation);
[[nodiscard]] site::CoapHost::Options host_options_for(const Conversation& conversation);
/// A message as a line on stderr.
void show_message(bool sent, const coap::Peer& peer, const coap::Message& message);
/// Why nothing more comes of a request, in one line.
[[nodiscard]] std::string reason_text(coap::Failure reason, const std::string& peer,
                                      Duration waited);

}  // namespace causeway::cli
