#pragma once
// Where the gateway's proxy may fetch from, and by which peer: nodes of the mesh by address or
// name, other servers as far as the site allows.
#include "coap/proxy.hpp"
#include "ip/address.hpp"
#include "site/coap_host.hpp"
#include "site/site.hpp"

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace causeway::site {

class CoapRoutes {
public:
    /// Sessions and connections to other servers that are kept; the oldest gives way.
    static constexpr std::size_t channels_max = 256;

    CoapRoutes(const Site& site, CoapHost& host) : site_(site), host_(host) {}

    /// The OSCORE context of requests to a node.
    void protect(const ip::Address& node, std::uint32_t context) { contexts_[node] = context; }
    void name(const std::string& name, const ip::Address& node) { names_[name] = node; }
    void own(const coap::Peer& listener) { own_.push_back(listener); }

    [[nodiscard]] coap::Route to(const coap::Uri& uri, const coap::Peer& client);
    [[nodiscard]] std::optional<coap::Refusal> to(const coap::HttpUrl& url) const;
    /// Where the site file itself asks to go: what a proxy may reach is no matter then.
    [[nodiscard]] std::expected<coap::Peer, std::string> reach(const coap::Uri& uri);
    [[nodiscard]] bool in_mesh(const coap::Peer& peer) const;
    /// A session or connection is no more.
    void closed(const coap::Peer& peer);

private:
    struct Channel {
        coap::Peer peer;
        std::uint64_t opened = 0;
    };
    [[nodiscard]] std::optional<ip::Address> node_of(const std::string& host) const;
    [[nodiscard]] bool may_reach(const std::array<std::byte, 16>& address) const;
    [[nodiscard]] coap::Peer peer_of(const ip::Address& node, std::uint16_t port) const;
    [[nodiscard]] coap::Route beyond(const coap::Uri& uri);
    [[nodiscard]] std::expected<coap::Peer, std::string> channel_to(const coap::Uri& uri);

    const Site& site_;
    CoapHost& host_;
    std::map<ip::Address, std::uint32_t> contexts_;
    std::map<std::string, ip::Address> names_;
    std::vector<coap::Peer> own_;
    std::map<std::string, Channel> channels_;  // by scheme and authority
    std::uint64_t opened_ = 0;
};

}  // namespace causeway::site
