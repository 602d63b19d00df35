#pragma once
// A CoAP endpoint, client and server at once [RFC 7252], with observation in both roles [RFC 7641]
// and block-wise transfer in both roles and directions [RFC 7959]; over datagrams and over reliable
// transports, which need no message layer [RFC 8323]; with object security where a Peer has a
// context and a Protection is given [RFC 8613].
//
// Tokens may be long [RFC 8974]; a request that was answered by a question is repeated with what it
// is to echo, bodies at once for one resource are told apart, and a server may ask sources that
// could be forged to echo [RFC 9175].
//
// Bodies of non-confirmable exchanges go in Q-Blocks where Settings::qblock says so [RFC 9177].
//
// Left out: the records of DTLS, the framing and the signals of streams (stream.hpp), multicast
// groups of several requests at once per client, caching (proxy.hpp). What a resource is, only the
// application knows: every request comes out as RequestArrived, and goes back as Respond (see
// server.hpp for a dispatcher). What a message costs does not grow with the number of peers.
//
// A request of ours:      Request -> SendDatagram... -> ResponseArrived | RequestFailed
// One that observes:      Request observe -> ResponseArrived more_to_come ... until a response
//                         without more_to_come, RequestFailed, or Cancel
// A request of others:    DatagramReceived -> RequestArrived -> Respond -> SendDatagram...
// An observer's:          ... Respond observe; ResourceChanged -> RequestArrived notification
//                         -> Respond -> SendDatagram, until ObserverGone
// Over a stream:          MessageReceived for DatagramReceived, SendMessage for SendDatagram
#include "base/engine.hpp"
#include "coap/core.hpp"
#include "coap/exchanges.hpp"
#include "coap/requests.hpp"

namespace causeway::coap {

class Endpoint {
public:
    using Input = EndpointInput;
    using Output = EndpointOutput;

    /// `protection`, if there is any, outlives the endpoint.
    Endpoint(const Settings& settings, Random random, Instant now, Teller teller = {},
             Protection* protection = nullptr);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return core_.out.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] const Stats& stats() const noexcept { return core_.stats; }
    [[nodiscard]] const Settings& settings() const noexcept { return core_.settings; }
    /// nullptr where Settings::qblock is off.
    [[nodiscard]] const QBlockUse* qblock() const noexcept { return core_.qblock.get(); }
    /// Whether `peer` observes something here under `token`.
    [[nodiscard]] bool observed_by(const Peer& peer, const Token& token) const {
        return exchanges_.observed_by(core_, peer, token);
    }
    [[nodiscard]] std::size_t observers() const noexcept { return exchanges_.observers(); }
    /// Requests of ours that are not over.
    [[nodiscard]] std::size_t transactions() const noexcept { return requests_.size(); }

private:
    void on_datagram(Instant now, DatagramReceived&& in);
    void on_message(Instant now, MessageReceived&& in);
    void on_closed(Instant now, const ChannelClosed& gone);
    void on_request(Instant now, Arrival arrival, Message&& message);
    void on_acknowledgement(Instant now, const Peer& peer, Message&& message);
    void on_reset(Instant now, const Peer& peer, const Message& message);
    void on_response(Instant now, const Peer& peer, Message&& message, bool multicast);
    void reject(Instant now, const Peer& peer, const Header& header, bool multicast);
    [[nodiscard]] std::uint64_t& counter_of(Verdict verdict) noexcept;
    void retransmit(Instant now);

    Core core_;
    Requests requests_;
    Exchanges exchanges_;
};

static_assert(Engine<Endpoint>);
static_assert(sizeof(Endpoint) <= 768, "a node has one, half of it counters; tables come with use");

}  // namespace causeway::coap
