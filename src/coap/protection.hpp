#pragma once
// Where object security stands: between the requests and responses of an endpoint and the messages
// that carry them. secure/oscore implements it; this room knows nothing of keys. A message is
// protected once, before the message layer sees it, so that a retransmission repeats the same
// octets. [RFC 8613 §8]
//
// The one abstract class among our engines: coap/ may not know secure/, and an endpoint without
// protection pays for one test of a pointer.
#include "base/time.hpp"
#include "coap/message.hpp"
#include "coap/peer.hpp"

#include <optional>

namespace causeway::coap {

/// What ties a response to its request: opaque here, kept with the exchange. For OSCORE the
/// request's Partial IV; which context it was is said by Peer::context.
using Binding = InplaceBytes<8>;

/// A request that came in.
struct Opened {
    enum class Verdict : std::uint8_t {
        plain,    // it is not protected: go on with it as it is
        opened,   // `message` is the inner one now, and `context` whose it is
        refused,  // to be answered with `error`, unprotected unless `reply` says otherwise
        dropped,  // nothing may be said
    };
    Verdict verdict = Verdict::plain;
    std::uint32_t context = 0;
    Binding binding{};
    Code error = Code::bad_request;     // refused
    std::optional<Message> reply = {};  // refused: the whole answer, protected already; its type,
                                        // id and token are filled in by the endpoint
};

class Protection {
public:
    virtual ~Protection() = default;

    /// A request of ours to `peer`, whose context is not 0. nullopt: the context is gone or used
    /// up. Options stay where they are needed on the way (Uri-Host, Proxy-Scheme, Hop-Limit,
    /// outer Observe); type, id and token are kept. [RFC 8613 §8.1]
    virtual std::optional<Message> protect_request(Instant now, const Peer& peer, Message message,
                                                   Binding& binding) = 0;
    /// The response to it. False: it is not what it claims to be, and must be dropped; an
    /// unprotected error response is left as it is, and true. [RFC 8613 §8.4]
    virtual bool open_response(Instant now, const Peer& peer, Message& message,
                               const Binding& binding) = 0;

    /// A request of others, from `outer` (whose context is 0). [RFC 8613 §8.2]
    virtual Opened open_request(Instant now, const Peer& outer, Message& message) = 0;
    /// The response to it, or a notification, which needs a Partial IV of its own.
    /// [RFC 8613 §8.3]
    virtual std::optional<Message> protect_response(Instant now, const Peer& peer, Message message,
                                                    const Binding& binding, bool notification) = 0;
};

}  // namespace causeway::coap
