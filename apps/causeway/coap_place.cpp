#include "coap_place.hpp"

#include <fmt/format.h>

#include <net/if.h>

namespace causeway::cli {
namespace {

using coap::Transport;

/// Takes the zone out of "coap://[fe80::1%eth0]/a".
std::expected<std::uint32_t, std::string> take_zone(std::string& uri) {
    const std::size_t open = uri.find("://[");
    const std::size_t close = uri.find(']');
    if (open == std::string::npos || close == std::string::npos) return 0u;
    const std::size_t percent = uri.find('%', open);
    if (percent > close) return 0u;
    std::string zone = uri.substr(percent + 1, close - percent - 1);
    if (zone.starts_with("25") && zone.size() > 2) zone.erase(0, 2);
    const unsigned index = if_nametoindex(zone.c_str());
    if (index == 0) return std::unexpected(fmt::format("no interface is called {}", zone));
    uri.erase(percent, close - percent);
    return index;
}

}  // namespace

std::string CoapPlace::to_text() const {
    const bool literal = uri.host.find(':') != std::string::npos;
    const std::string authority =
        fmt::format("{}{}{}:{}", literal ? "[" : "", uri.host, literal ? "]" : "", uri.port);
    if (uri.transport == Transport::udp) return authority;
    return fmt::format("{}://{}", coap::scheme_of(uri.transport), authority);
}

void CoapPlace::make_reliable() {
    const bool usual = uri.port == coap::default_port_of(uri.transport);
    if (uri.transport == Transport::udp) uri.transport = Transport::tcp;
    if (uri.transport == Transport::dtls) uri.transport = Transport::tls;
    if (usual) uri.port = coap::default_port_of(uri.transport);
}

Understood<std::optional<CoapPlace>> place_of(std::string text) {
    const std::string given = text;
    const auto scope = take_zone(text);
    if (!scope) return impossible(scope.error());
    auto uri = coap::Uri::from_text(text);
    if (uri) return CoapPlace{*scope, *std::move(uri)};
    if (uri.error() == coap::UriFault::scheme) return std::nullopt;
    return misused(
        fmt::format("{}: not a URI, as in coap://[fd00:ca5e::1]/.well-known/core", given));
}

}  // namespace causeway::cli
