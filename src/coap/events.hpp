#pragma once
// What goes into an Endpoint and what comes out of it.
#include "coap/message.hpp"
#include "coap/peer.hpp"

#include <variant>

namespace causeway::coap {

/// The caller's number for a request of its own; unique among those not over yet.
enum class RequestId : std::uint64_t {};
/// The endpoint's number for a request of somebody else.
enum class ExchangeId : std::uint64_t {};

/// What a server says. Piggybacking, blocks and the Observe option are the endpoint's business.
struct Response {
    Code code = Code::content;
    Options options{};
    Octets payload{};      // the whole body, however long
    bool observe = false;  // the resource can be observed: who asked to, will be told of changes

    friend bool operator==(const Response&, const Response&) = default;
};

// ---- inputs ------------------------------------------------------------------------------------

struct DatagramReceived {
    Peer peer{};
    Octets datagram{};
    bool multicast = false;  // it was addressed to a group
};

/// Over a reliable transport, where stream.hpp took the framing off. Its type and id mean nothing.
struct MessageReceived {
    Peer peer{};
    Message message{};
};

/// What the other end of a stream takes, as its CSM said. Before that: the defaults.
/// [RFC 8323 §5.3]
struct StreamSettings {
    Peer peer{};
    std::uint32_t message_octets_max = 1152;
    bool blocks = false;  // and with more than 1152 octets a message, BERT [RFC 8323 §6]
};

/// The session or connection is no more: requests to it fail, observers behind it are gone.
struct ChannelClosed {
    Transport transport = Transport::dtls;
    std::uint32_t channel = 0;
};

/// Starts a request. Blocks are made of `payload` as needed, and the response's are put together;
/// who gives Block1, or Block2 with a number above zero, gets that one block and no help.
/// Code::empty is a ping: the response is Code::empty too. A multicast peer makes it
/// non-confirmable. A non-confirmable request whose No-Response option wants none is over, in
/// silence, when it is sent.
struct Request {
    RequestId id{};
    Peer peer{};
    Code code = Code::get;
    Options options{};
    Octets payload{};
    bool confirmable = true;
    bool observe = false;  // register [RFC 7641 §3.1], and stay registered until cancelled
    /// Of the first message; empty, or in use: the endpoint draws one. More than 8 octets only
    /// where the server is known to take them [RFC 8974 §2.2].
    Token token = {};
};

/// Forgets a request; an observation is deregistered. Nothing more comes of it.
struct Cancel {
    RequestId id{};
};

struct Respond {
    ExchangeId exchange{};
    Response response{};
};

/// No response will come: resets a confirmable request, forgets another, or one over a stream.
struct Decline {
    ExchangeId exchange{};
};

/// Every observer of `path` is asked for anew, by RequestArrived with `notification` set.
struct ResourceChanged {
    std::string path{};        // "/sensors/temp"; the leading slash may be missing
    bool confirmable = false;  // this change matters enough for a confirmable notification

    friend bool operator==(const ResourceChanged&, const ResourceChanged&) = default;
};

/// The same for one observer, whatever it observes.
struct ObserverChanged {
    Peer peer{};
    Token token{};
    bool confirmable = false;
};

/// The network says, credibly, that `peer` cannot be reached. [RFC 7252 §4.2]
struct PeerUnreachable {
    Peer peer{};
};

// ---- outputs -----------------------------------------------------------------------------------

struct SendDatagram {
    Peer peer{};
    Octets datagram{};

    friend bool operator==(const SendDatagram&, const SendDatagram&) = default;
};

/// Over a reliable transport; to be framed as stream.hpp does. Its type and id mean nothing.
struct SendMessage {
    Peer peer{};
    Message message{};

    friend bool operator==(const SendMessage&, const SendMessage&) = default;
};

/// An entry left the list of observers: cancelled, rejected, silent, replaced or behind a channel
/// that closed.
struct ObserverGone {
    Peer peer{};
    Token token{};

    friend bool operator==(const ObserverGone&, const ObserverGone&) = default;
};

/// A whole request, to be answered by Respond (or Decline) at any later time. `options` are without
/// Observe, Block1, Block2 and Size1.
struct RequestArrived {
    ExchangeId exchange{};
    Peer peer{};
    Code method = Code::get;
    Options options{};
    Octets payload{};
    Token token{};
    bool confirmable = false;
    bool multicast = false;
    bool observe = false;       // asks to register
    bool notification = false;  // an observer's request, asked again because something changed

    friend bool operator==(const RequestArrived&, const RequestArrived&) = default;
};

/// `options` are without Observe and without the Block options that were dealt with.
struct ResponseArrived {
    RequestId id{};
    Peer peer{};  // whoever answered, which a multicast request leaves open
    Code code = Code::content;
    Options options{};
    Octets payload{};
    bool more_to_come = false;               // observed, or multicast
    std::optional<std::uint32_t> observe{};  // the notification's sequence number

    friend bool operator==(const ResponseArrived&, const ResponseArrived&) = default;
};

enum class Failure : std::uint8_t {
    timeout,
    reset,
    unreachable,
    too_large,     // the response's body, over body_octets_max
    incomplete,    // the response's blocks kept changing, or did not fit together
    bad_response,  // an option that may not be passed over, or blocks that contradict themselves
    queue_full,    // transactions_max
    invalid,       // not a request, or an id in use
    ended,         // a multicast request's time is over, and it had responses
    closed,        // the channel to the peer closed
    protection,    // the security context is gone or used up, or the response was not protected
};
[[nodiscard]] std::string_view name_of(Failure failure) noexcept;

/// Nothing more comes of the request.
struct RequestFailed {
    RequestId id{};
    Failure reason = Failure::timeout;
    /// With Failure::protection: the error that came unprotected, from whoever sent it.
    Code code = Code::empty;

    friend bool operator==(const RequestFailed&, const RequestFailed&) = default;
};

using EndpointInput =
    std::variant<DatagramReceived, MessageReceived, StreamSettings, ChannelClosed, Request, Cancel,
                 Respond, Decline, ResourceChanged, ObserverChanged, PeerUnreachable>;
using EndpointOutput = std::variant<SendDatagram, SendMessage, RequestArrived, ResponseArrived,
                                    RequestFailed, ObserverGone>;

}  // namespace causeway::coap
