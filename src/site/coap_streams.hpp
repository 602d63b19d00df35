#pragma once
// The connections of a CoapHost: over TCP, TLS, WebSocket and secure WebSocket, those that others
// opened and our own. Below, octets in net::StreamHost; above, messages for the endpoint.
#include "coap/events.hpp"
#include "coap/stream.hpp"
#include "net/clock.hpp"
#include "net/stream_host.hpp"
#include "site/coap_host.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace causeway::site {

class CoapStreams {
public:
    struct Events {
        /// MessageReceived, StreamSettings or ChannelClosed; to be taken up at the end of the turn.
        std::function<void(coap::EndpointInput)> input;
        std::function<void(const coap::Peer&, const net::Trouble&)> trouble;
        std::function<void(const coap::Peer&)> closed;
        std::function<void(const coap::Peer&)> pong;
        std::function<void(const coap::Peer&, const coap::Message&)> received;  // for traces
        std::function<void()> batch;
        std::function<void()> deadline_changed;
    };
    /// Messages that a connection of ours keeps until its handshake is over.
    static constexpr std::size_t early_max = 64;

    CoapStreams(net::Io& io, const CoapHost::Options& options, Events events);

    [[nodiscard]] std::expected<std::size_t, net::Trouble> listen(const CoapListen& plan);
    [[nodiscard]] std::string listening_on(std::size_t listener) const;
    [[nodiscard]] std::optional<net::Trouble> reload(std::size_t listener,
                                                     const net::TlsServer& tls);
    [[nodiscard]] coap::Peer connect(const CoapTarget& target);
    void send(const coap::Peer& peer, const coap::Message& message);
    bool ping(const coap::Peer& peer);
    void close(const coap::Peer& peer);

    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept {
        return deadlines_.empty() ? never : deadlines_.begin()->first;
    }

    [[nodiscard]] const CoapIdentity* identity(const coap::Peer& peer) const;
    [[nodiscard]] net::StreamHost::Stats stats() const { return streams_.stats(); }

private:
    struct Connection {
        coap::Peer peer;
        net::StreamId stream{};
        std::optional<coap::StreamConnection> engine{};  // from the end of the handshake on
        std::vector<coap::Message> early{};              // what is to be said then
        CoapIdentity identity{};
        Instant armed = never;
    };

    [[nodiscard]] Connection* find(net::StreamId id) const;
    [[nodiscard]] Connection* find(const coap::Peer& peer) const;
    Connection& add(net::StreamId id, const coap::Peer& peer);
    void opened(net::StreamId id, const net::StreamFacts& facts);
    void received(net::StreamId id, Bytes octets);
    void closed(net::StreamId id, const net::Trouble* trouble);
    void drain(Connection& connection);
    void act(const Connection& connection, coap::StreamOutput&& output);

    const CoapHost::Options& options_;
    Events events_;
    std::unordered_map<std::uint32_t, std::unique_ptr<Connection>> connections_;
    std::set<std::pair<Instant, net::StreamId>> deadlines_;
    std::vector<coap::Transport> listeners_;
    net::StreamHost streams_;  // last: its callbacks use all of the above
};

}  // namespace causeway::site
