#pragma once
// A CoAP endpoint over datagrams, client and server at once [RFC 7252], with observation in both
// roles [RFC 7641] and block-wise transfer in both roles and directions [RFC 7959].
//
// Left out: DTLS, CoAP over streams, multicast groups of several requests at once per client, and
// caching (see proxy.hpp). What a resource is, only the application knows: every request comes out
// as RequestArrived, and goes back as Respond (see server.hpp for a dispatcher).
//
// A request of ours:      Request -> SendDatagram... -> ResponseArrived | RequestFailed
// One that observes:      Request observe -> ResponseArrived more_to_come ... until a response
//                         without more_to_come, RequestFailed, or Cancel
// A request of others:    DatagramReceived -> RequestArrived -> Respond -> SendDatagram...
// An observer's:          ... Respond observe; ResourceChanged -> RequestArrived notification
//                         -> Respond -> SendDatagram
#include "base/engine.hpp"
#include "coap/core.hpp"
#include "coap/exchanges.hpp"
#include "coap/requests.hpp"

namespace causeway::coap {

class Endpoint {
public:
    using Input = EndpointInput;
    using Output = EndpointOutput;

    Endpoint(const Settings& settings, Random random, Instant now, Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return core_.out.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] const Stats& stats() const noexcept { return core_.stats; }
    [[nodiscard]] const Settings& settings() const noexcept { return core_.settings; }
    /// Whether `peer` observes something here under `token`.
    [[nodiscard]] bool observed_by(const Peer& peer, const Token& token) const noexcept {
        return exchanges_.observed_by(peer, token);
    }
    [[nodiscard]] std::size_t observers() const noexcept { return exchanges_.observers(); }
    /// Requests of ours that are not over.
    [[nodiscard]] std::size_t transactions() const noexcept { return requests_.size(); }

private:
    void on_datagram(Instant now, DatagramReceived&& in);
    void on_acknowledgement(Instant now, const Peer& peer, Message&& message);
    void on_reset(Instant now, const Peer& peer, const Message& message);
    void on_response(Instant now, const Peer& peer, Message&& message, bool multicast);
    void reject(Instant now, const Peer& peer, const Header& header, bool multicast);
    void retransmit(Instant now);

    Core core_;
    Requests requests_;
    Exchanges exchanges_;
};

static_assert(Engine<Endpoint>);
static_assert(sizeof(Endpoint) <= 656, "a node has one, and 16 KB for everything");

}  // namespace causeway::coap
