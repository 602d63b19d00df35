#include "site/coap_udp.hpp"

namespace causeway::site {

using coap::Peer;
using coap::Transport;

namespace {

constexpr std::size_t kernel_buffer_octets = 4 << 20;

Peer peer_of(const net::Endpoint& endpoint, std::uint32_t channel) {
    return {.address = endpoint.octets16(), .port = endpoint.port, .channel = channel};
}

}  // namespace

CoapUdp::CoapUdp(net::Io& io, Events events) : io_(io), events_(std::move(events)) {
    routes_.emplace_back();
}

std::expected<std::size_t, net::Trouble> CoapUdp::listen(const CoapListen& plan) {
    const auto local = net::Endpoint::parse(plan.address);
    if (!local) return std::unexpected(net::Trouble{local.error(), {}});
    net::UdpSocket::Options options;
    options.kernel_buffer_octets = kernel_buffer_octets;
    options.dual_stack = true;
    auto opened = net::UdpSocket::open(io_, *local, options);
    if (!opened) return std::unexpected(opened.error());
    for (const std::string& group : plan.groups)
        if (auto trouble = opened->join(group)) return std::unexpected(*std::move(trouble));
    const std::size_t index = sockets_.size();
    sockets_.push_back({*std::move(opened), false});
    // Where it listens on one address, that is where everything came to: nothing to look up.
    const bool one = !local->is_any() && local->scope == 0;
    std::uint32_t fixed = 0;
    if (one) {
        fixed = static_cast<std::uint32_t>(routes_.size());
        routes_.push_back({.socket = index});
    }
    sockets_[index].socket.receive([this, index, fixed](const net::UdpSocket::Arrival& arrival) {
        std::uint32_t channel = fixed;
        if (fixed == 0 || arrival.multicast) {
            const auto route = route_of(index, arrival.local, arrival.from.scope);
            if (!route) return;
            channel = *route;
        }
        events_.heard(peer_of(arrival.from, channel), arrival.octets, arrival.multicast);
    });
    sockets_[index].socket.on_batch_end([this] { events_.batch(); });
    return index;
}

std::optional<std::uint32_t> CoapUdp::route_of(std::size_t socket, const net::Endpoint& local,
                                               std::uint32_t scope) {
    for (std::size_t i = 1; i < routes_.size(); ++i)
        if (routes_[i].socket == socket && routes_[i].local == local && routes_[i].scope == scope)
            return static_cast<std::uint32_t>(i);
    if (routes_.size() >= routes_max) return std::nullopt;
    routes_.push_back({socket, local, scope});
    return static_cast<std::uint32_t>(routes_.size() - 1);
}

std::expected<std::uint32_t, net::Trouble> CoapUdp::channel_to(const net::Endpoint& to) {
    if (to.scope == 0 && own_[to.v6 ? 1 : 0]) return 0u;
    if (to.scope != 0)
        for (std::size_t i = 1; i < routes_.size(); ++i)
            if (routes_[i].scope == to.scope && sockets_[routes_[i].socket].own)
                return static_cast<std::uint32_t>(i);
    auto opened = net::UdpSocket::open(io_, net::Endpoint{.v6 = to.v6});
    if (!opened) return std::unexpected(opened.error());
    const std::size_t index = sockets_.size();
    sockets_.push_back({*std::move(opened), true});
    std::uint32_t channel = 0;
    if (to.scope == 0) {
        own_[to.v6 ? 1 : 0] = index;
    } else {
        channel = static_cast<std::uint32_t>(routes_.size());
        routes_.push_back({index, std::nullopt, to.scope});
    }
    net::UdpSocket& socket = sockets_[index].socket;
    socket.receive([this, channel](const net::UdpSocket::Arrival& arrival) {
        events_.heard(peer_of(arrival.from, channel), arrival.octets, arrival.multicast);
    });
    socket.on_batch_end([this] { events_.batch(); });
    socket.on_unreachable([this, channel](const net::Endpoint& gone) {
        events_.unreachable(peer_of(gone, channel));
    });
    return channel;
}

bool CoapUdp::send(const Peer& peer, Bytes datagram) {
    if (peer.channel >= routes_.size()) return false;
    const Route& route = routes_[peer.channel];
    const auto to = net::Endpoint::from_octets16(peer.address, peer.port, route.scope);
    std::size_t index = route.socket;
    if (peer.channel == 0) {
        const auto& own = own_[to.v6 ? 1 : 0];
        if (!own) return false;
        index = *own;
    }
    return sockets_[index].socket.send(to, datagram, route.local ? &*route.local : nullptr);
}

}  // namespace causeway::site
