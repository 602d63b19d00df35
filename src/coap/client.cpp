#include "coap/client.hpp"

#include "coap/block.hpp"

#include <algorithm>

namespace causeway::coap {

std::string_view name_of(CallFault fault) noexcept {
    switch (fault) {
        case CallFault::bad_uri:
            return "not a URI";
        case CallFault::not_coap:
            return "not a coap URI";
        case CallFault::needs_dtls:
            return "needs a session or connection of its own";
        case CallFault::unknown_host:
            return "unknown host";
    }
    return {};
}

std::expected<Request, CallFault> request_for(RequestId id, const Call& call,
                                              const Resolver& resolve) {
    Request request;
    request.id = id;
    request.code = call.method;
    request.payload = call.payload;
    request.confirmable = call.confirmable;
    request.observe = call.observe;

    const auto uri = Uri::from_text(call.uri);
    if (!uri && uri.error() == UriFault::malformed) return std::unexpected(CallFault::bad_uri);
    if (call.proxy) {
        request.peer = *call.proxy;
        // The proxy is told the URI as it would be told any other: in its normal form if we know
        // the scheme, as it stands if only the proxy may. [RFC 7252 §5.10.2]
        const std::string target = uri ? uri->to_text() : call.uri;
        if (target.size() > Uri::octets_max) return std::unexpected(CallFault::bad_uri);
        request.options.add_text(OptionNumber::proxy_uri, target);
    } else {
        if (!uri) return std::unexpected(CallFault::not_coap);
        const bool datagrams = uri->transport == Transport::udp;
        if (!datagrams && !resolve) return std::unexpected(CallFault::needs_dtls);
        auto peer = datagrams ? uri->peer() : std::nullopt;
        if (!peer && resolve) peer = resolve(uri->host, uri->port);
        if (!peer) return std::unexpected(CallFault::unknown_host);
        if (peer->transport != uri->transport) return std::unexpected(CallFault::needs_dtls);
        request.peer = *peer;
        uri->add_to(request.options, *peer);
    }
    if (call.content_format)
        request.options.add_uint(OptionNumber::content_format,
                                 std::to_underlying(*call.content_format));
    if (call.accept)
        request.options.add_uint(OptionNumber::accept, std::to_underlying(*call.accept));
    if (call.block_szx)
        request.options.add_uint(
            OptionNumber::block2,
            Block{0, false, std::min(*call.block_szx, Block::szx_max)}.to_uint());
    return request;
}

}  // namespace causeway::coap
