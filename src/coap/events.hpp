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
    Token token = {};      // of the first message; empty, or in use: the endpoint draws one
};

/// Forgets a request; an observation is deregistered. Nothing more comes of it.
struct Cancel {
    RequestId id{};
};

struct Respond {
    ExchangeId exchange{};
    Response response{};
};

/// No response will come: resets a confirmable request, forgets another.
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
};
[[nodiscard]] std::string_view name_of(Failure failure) noexcept;

/// Nothing more comes of the request.
struct RequestFailed {
    RequestId id{};
    Failure reason = Failure::timeout;

    friend bool operator==(const RequestFailed&, const RequestFailed&) = default;
};

using EndpointInput = std::variant<DatagramReceived, Request, Cancel, Respond, Decline,
                                   ResourceChanged, ObserverChanged, PeerUnreachable>;
using EndpointOutput = std::variant<SendDatagram, RequestArrived, ResponseArrived, RequestFailed>;

}  // namespace causeway::coap
