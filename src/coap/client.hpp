#pragma once
// From what a person or a program asks for, to the Request that an Endpoint sends. Everything after
// that is the endpoint's: ResponseArrived and RequestFailed.
#include "coap/content_format.hpp"
#include "coap/events.hpp"
#include "coap/uri.hpp"

#include <functional>

namespace causeway::coap {

/// The addresses of a host; a literal never gets here, but for a transport that needs a channel:
/// then the peer comes back with both.
using Resolver = std::function<std::optional<Peer>(std::string_view host, std::uint16_t port)>;

struct Call {
    std::string uri;  // "coap://[fd00::1]/sensors/temperature"
    Code method = Code::get;
    Octets payload;
    std::optional<ContentFormat> content_format;
    std::optional<ContentFormat> accept;
    bool confirmable = true;
    bool observe = false;
    std::optional<std::uint8_t> block_szx;  // asked for in the first request
    std::optional<Peer> proxy;              // everything goes there, with Proxy-Uri
};

enum class CallFault : std::uint8_t {
    bad_uri,
    not_coap,    // another scheme, with no proxy to speak it
    needs_dtls,  // any but coap, and the resolver opened no channel of that kind
    unknown_host,
};
[[nodiscard]] std::string_view name_of(CallFault fault) noexcept;

/// `resolve` may be empty: then only literal addresses and coap will do.
[[nodiscard]] std::expected<Request, CallFault> request_for(RequestId id, const Call& call,
                                                            const Resolver& resolve = {});

}  // namespace causeway::coap
