#pragma once
// The UDP sockets of a CoapHost without security: those that listen and those that requests of ours
// leave from, and which channel of a Peer stands for which of them.
#include "coap/peer.hpp"
#include "net/udp_socket.hpp"
#include "site/coap_host.hpp"

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace causeway::site {

class CoapUdp {
public:
    struct Events {
        std::function<void(const coap::Peer&, Bytes datagram, bool multicast)> heard;
        std::function<void(const coap::Peer&)> unreachable;
        std::function<void()> batch;
    };
    /// Pairs of a socket that listens and an address of ours that somebody wrote to.
    static constexpr std::size_t routes_max = 1024;

    CoapUdp(net::Io& io, Events events);

    [[nodiscard]] std::expected<std::size_t, net::Trouble> listen(const CoapListen& plan);
    [[nodiscard]] std::string listening_on(std::size_t listener) const {
        return sockets_[listener].socket.local().text();
    }
    /// The channel for requests of ours to `to`, from a socket that is opened where there is none.
    [[nodiscard]] std::expected<std::uint32_t, net::Trouble> channel_to(const net::Endpoint& to);
    /// False: it will not arrive.
    bool send(const coap::Peer& peer, Bytes datagram);

private:
    struct Socket {
        net::UdpSocket socket;
        bool own = false;  // of requests, not of a listener
    };
    struct Route {
        std::size_t socket = 0;
        std::optional<net::Endpoint> local{};
        std::uint32_t scope = 0;
    };

    std::optional<std::uint32_t> route_of(std::size_t socket, const net::Endpoint& local,
                                          std::uint32_t scope);

    net::Io& io_;
    Events events_;
    std::vector<Route> routes_;                      // by channel; 0: any of our own sockets
    std::array<std::optional<std::size_t>, 2> own_;  // IPv4, IPv6
    std::deque<Socket> sockets_;
};

}  // namespace causeway::site
