#include "site/coap_routes.hpp"

#include <algorithm>

namespace causeway::site {

using coap::Code;
using coap::Peer;
using coap::Refusal;
using coap::Transport;

std::optional<ip::Address> CoapRoutes::node_of(const std::string& host) const {
    if (!site_.has_mesh) return std::nullopt;
    if (const auto named = names_.find(host); named != names_.end()) return named->second;
    const auto literal = coap::address_from_literal(host);
    if (!literal || !in_mesh({.address = *literal})) return std::nullopt;
    return ip::Address{*literal};
}

bool CoapRoutes::in_mesh(const Peer& peer) const {
    return site_.has_mesh && peer.transport == Transport::udp && peer.channel == 0 &&
           site_.mesh.nodes.front().config.prefix.contains(ip::Address{peer.address});
}

bool CoapRoutes::may_reach(const std::array<std::byte, 16>& address) const {
    const auto to = site_.coap->proxy_to;
    return to == Coap::ProxyTo::anywhere ||
           (to == Coap::ProxyTo::loopback && Peer{.address = address}.is_loopback());
}

coap::Route CoapRoutes::to(const coap::Uri& uri, const Peer& client) {
    const bool own = std::ranges::any_of(own_, [&](const Peer& one) {
        return one.transport == uri.transport && one.port == uri.port &&
               coap::address_from_literal(uri.host) == one.address;
    });
    if (own) return coap::RouteHere{};
    if (site_.coap->proxy_to == Coap::ProxyTo::nowhere)
        return Refusal{Code::proxying_not_supported, "this is no proxy"};
    if (const auto node = node_of(uri.host)) {
        if (uri.transport != Transport::udp)
            return Refusal{Code::bad_gateway, "nodes speak coap, with or without OSCORE"};
        return peer_of(*node, uri.port);
    }
    // "the request towards the proxy SHOULD be sent using DTLS" [RFC 7252 §5.7]: what is asked for
    // in secret is not handed on in clear, but on this very host.
    if (uri.secure() && !client.is_secure() && !client.is_loopback())
        return Refusal{Code::forbidden, "a secure target is for secure clients"};
    return beyond(uri);
}

Peer CoapRoutes::peer_of(const ip::Address& node, std::uint16_t port) const {
    Peer peer{.address = node.octets, .port = port};
    if (const auto keys = contexts_.find(node); keys != contexts_.end())
        peer.context = keys->second;
    return peer;
}

std::expected<Peer, std::string> CoapRoutes::reach(const coap::Uri& uri) {
    if (const auto node = node_of(uri.host); node && uri.transport == Transport::udp)
        return peer_of(*node, uri.port);
    return channel_to(uri);
}

coap::Route CoapRoutes::beyond(const coap::Uri& uri) {
    const auto literal = coap::address_from_literal(uri.host);
    const auto to = site_.coap->proxy_to;
    const bool allowed = literal ? may_reach(*literal) : to == Coap::ProxyTo::anywhere;
    if (!allowed)
        return Refusal{Code::proxying_not_supported, "this proxy does not reach " + uri.host};
    // To wait for a name server would hold up everybody; connections look names up on their way.
    if (!literal && !Peer{.transport = uri.transport}.is_reliable())
        return Refusal{Code::proxying_not_supported, "an address is wanted, not a name"};
    const auto peer = channel_to(uri);
    if (!peer) return Refusal{Code::bad_gateway, peer.error()};
    return *peer;
}

std::expected<Peer, std::string> CoapRoutes::channel_to(const coap::Uri& uri) {
    const std::string key = std::string(coap::scheme_of(uri.transport)) + "://" + uri.authority();
    if (const auto known = channels_.find(key); known != channels_.end()) return known->second.peer;
    const auto peer = host_.open({.transport = uri.transport, .host = uri.host, .port = uri.port});
    if (!peer) return std::unexpected(peer.error().line);
    if (peer->channel == 0) return *peer;
    if (channels_.size() >= channels_max) {
        const auto oldest = std::ranges::min_element(
            channels_, {}, [](const auto& channel) { return channel.second.opened; });
        const Peer gone = oldest->second.peer;
        channels_.erase(oldest);
        host_.close(gone);
    }
    channels_[key] = {*peer, ++opened_};
    return *peer;
}

std::optional<Refusal> CoapRoutes::to(const coap::HttpUrl& url) const {
    const Refusal refusal{Code::proxying_not_supported, "this proxy does not reach " + url.host};
    const bool wanted = site_.coap->http && site_.coap->http->fetch;
    if (!wanted) return Refusal{Code::proxying_not_supported, "no HTTP from here"};
    const auto literal = coap::address_from_literal(url.host);
    if (literal) return may_reach(*literal) ? std::nullopt : std::optional(refusal);
    if (site_.coap->proxy_to == Coap::ProxyTo::anywhere) return std::nullopt;
    return refusal;
}

void CoapRoutes::closed(const Peer& peer) {
    std::erase_if(channels_, [&](const auto& channel) {
        return channel.second.peer.transport == peer.transport &&
               channel.second.peer.channel == peer.channel;
    });
}

}  // namespace causeway::site
