#pragma once
// A CoAP endpoint on real sockets, over every transport at once: UDP, DTLS, TCP, TLS, WebSocket and
// secure WebSocket, client and server. One coap::Endpoint behind them all; what a resource is, the
// owner knows. [RFC 7252; RFC 8323]
//
// A Peer's channel says how to reach it: for UDP and 0, the socket that requests of our own leave
// from; for UDP and more, a socket that listens and the address of ours that was written to; for
// the others the session or connection.
#include "coap/endpoint.hpp"
#include "coap/protection.hpp"
#include "coap/stream.hpp"
#include "coap/uri.hpp"
#include "net/clock.hpp"
#include "net/dtls.hpp"
#include "net/io.hpp"
#include "net/stream_host.hpp"
#include "net/trouble.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::site {

struct CoapListen {
    std::string name;  // for facts and troubles
    coap::Transport transport = coap::Transport::udp;
    std::string address;                  // "127.0.0.1:5683"
    std::vector<std::string> groups;      // udp: "ff02::fd%eth0", "224.0.1.187"
    std::optional<net::DtlsServer> dtls;  // when the transport is dtls
    std::optional<net::TlsServer> tls;    // when it is tls or wss
};

/// Where a client wants to go, and as whom.
struct CoapTarget {
    coap::Transport transport = coap::Transport::udp;
    std::string host;  // a name or a literal; "unix:..." for streams
    std::uint16_t port = 0;
    std::uint32_t scope = 0;  // interface of a link-local address
    net::DtlsClient dtls;
    net::TlsClient tls;
    std::uint32_t context = 0;  // OSCORE
};

/// Who is behind a channel, as the handshake proved.
struct CoapIdentity {
    std::string peer;         // address and port
    std::string identity;     // of a PSK, of a certificate (its common name), of a raw public key
    std::string credentials;  // "psk", "certificate", "rawpublickey"; empty: none
};

class CoapHost {
public:
    struct Events {
        std::function<void(coap::RequestArrived&&)> request;  // to be answered by input()
        std::function<void(coap::ResponseArrived&&)> response;
        std::function<void(coap::RequestFailed&&)> failed;
        std::function<void(coap::ObserverGone&&)> observer_gone;
        /// Every message as it passes, in clear below OSCORE; may be empty.
        std::function<void(bool sent, const coap::Peer&, const coap::Message&)> trace;
        /// A session or connection that could not be, or ended by trouble.
        std::function<void(const coap::Peer&, const net::Trouble&)> trouble;
        /// A session or connection that is no more, with trouble or without.
        std::function<void(const coap::Peer&)> closed;
        std::function<void(const coap::Peer&)> pong;  // what ping() asked for
        /// After a batch of the above, before the host waits again.
        std::function<void()> batch;
    };
    struct Options {
        coap::Settings settings = coap::Settings::for_host();
        coap::Protection* protection = nullptr;  // outlives the host
        coap::StreamConfig stream{};  // of every connection; client and framing are set here
        std::uint32_t connections_max = 10'000;  // of a listener
        net::DtlsHost::Options dtls{};
        net::StreamHost::Options streams{};
        net::Clock clock{};
    };

    CoapHost(net::Io& io, Options options, Events events);
    CoapHost(const CoapHost&) = delete;
    CoapHost& operator=(const CoapHost&) = delete;
    ~CoapHost();

    [[nodiscard]] std::expected<std::size_t, net::Trouble> listen(const CoapListen& listen);
    [[nodiscard]] std::string listening_on(std::size_t listener) const;
    [[nodiscard]] std::optional<net::Trouble> reload(std::size_t listener,
                                                     const CoapListen& listen);

    /// The peer to put into requests. A session or connection begins here; requests may follow at
    /// once and wait for it. Names are looked up, which may take its time.
    [[nodiscard]] std::expected<coap::Peer, net::Trouble> open(const CoapTarget& target);
    /// A session or connection of ours that is needed no more.
    void close(const coap::Peer& peer);

    /// Over a stream that is open: 7.02, answered by the event pong [RFC 8323 §5.4]. Elsewhere
    /// false: there a ping is a Request with Code::empty.
    bool ping(const coap::Peer& peer);

    /// Request, Cancel, Respond, Decline, ResourceChanged ... May be called from the events.
    void input(coap::EndpointInput in);

    [[nodiscard]] Instant now() const;
    [[nodiscard]] const coap::Endpoint& endpoint() const;
    [[nodiscard]] std::optional<CoapIdentity> identity(const coap::Peer& peer) const;
    [[nodiscard]] net::DtlsHost::Stats dtls_stats() const;  // all of them together
    [[nodiscard]] net::StreamHost::Stats stream_stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
