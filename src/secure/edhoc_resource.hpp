#pragma once
// The Responder as a CoAP resource: POST /.well-known/edhoc, the forward message flow
// [RFC 9528 §A.2.1, §A.2.3]. It keeps the runs that wait for message_3, within bounds: who sends
// message_1 may be anybody, from any address. Ask for Echo before it where amplification matters
// [RFC 9175 §2.4]: the endpoint that carries the requests does.
//
//   coap::Response response = resource.handle(now, arrived);
//   while (auto done = resource.poll_output())
//       if (!oscore.add(done->result.session.oscore(done->result.peer))) resource.release(...);
//
// C_R, which becomes our OSCORE Recipient ID, stays taken once a run is established, until
// release(). Leaves out: the reverse flow [RFC 9528 §A.2.2], and the EDHOC option, by which
// message_3 travels with the first protected request [RFC 9668 §3].
#include "base/outbox.hpp"
#include "base/time.hpp"
#include "coap/events.hpp"
#include "secure/edhoc.hpp"

#include <deque>
#include <set>

namespace causeway::secure {

inline constexpr std::string_view edhoc_path = "/.well-known/edhoc";
// [RFC 9528 §10.9]
inline constexpr std::uint16_t format_edhoc = 64;      // application/edhoc+cbor-seq
inline constexpr std::uint16_t format_cid_edhoc = 65;  // application/cid-edhoc+cbor-seq

/// Secrets that nobody can guess, of one that nobody can guess. What was drawn before cannot be
/// told from what is held now.
class EdhocRandomness {
public:
    explicit EdhocRandomness(const crypto::Secret& seed) : state_(seed) {}
    [[nodiscard]] crypto::Secret draw();
    [[nodiscard]] std::uint64_t number();

private:
    crypto::Secret state_;
};

struct EdhocResourceSettings {
    /// Runs that wait for message_3; the oldest makes room.
    std::size_t runs_max = 64;
    /// Of them, those of one address; its own oldest makes room.
    std::size_t runs_per_address_max = 8;
    /// Longer than a client takes to say message_3 again: MAX_TRANSMIT_WAIT. [RFC 7252 §4.8.2]
    Duration run_lifetime = std::chrono::seconds(93);
    /// Identifiers that runs and established contexts hold; no run begins above it. Up to 60,000.
    std::size_t identifiers_max = 4096;
};

struct EdhocStats {
    // Requests, each counted in one of the rows below it.
    std::uint64_t requests = 0;
    std::uint64_t runs_started = 0;
    std::uint64_t message_1_repeated = 0;  // answered as before
    std::uint64_t established = 0;
    std::uint64_t not_edhoc = 0;  // method, content format, or no identifier in front
    std::uint64_t message_1_refused = 0;
    std::uint64_t message_3_refused = 0;
    std::uint64_t errors_received = 0;  // which end a run
    std::uint64_t run_unknown = 0;
    std::uint64_t identifiers_used_up = 0;
    // Runs that ended otherwise.
    std::uint64_t runs_expired = 0;
    std::uint64_t runs_evicted = 0;
    std::uint64_t runs_waiting = 0;  // now

    template <class Named>
    void visit(Named&& named) const {
        named("requests", requests);
        named("runs_started", runs_started);
        named("message_1_repeated", message_1_repeated);
        named("established", established);
        named("not_edhoc", not_edhoc);
        named("message_1_refused", message_1_refused);
        named("message_3_refused", message_3_refused);
        named("errors_received", errors_received);
        named("run_unknown", run_unknown);
        named("identifiers_used_up", identifiers_used_up);
        named("runs_expired", runs_expired);
        named("runs_evicted", runs_evicted);
        named("runs_waiting", runs_waiting);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return requests == runs_started + message_1_repeated + established + not_edhoc +
                               message_1_refused + message_3_refused + errors_received +
                               run_unknown + identifiers_used_up &&
               runs_started == established + message_3_refused + errors_received + runs_expired +
                                   runs_evicted + runs_waiting;
    }
};

/// Output: somebody in the list proved who they are, and has the keys.
struct EdhocEstablished {
    coap::Peer peer{};
    EdhocResult result{};
};

class EdhocResource {
public:
    /// `config` outlives this. `seed`: 32 octets that nobody can guess, for this process alone.
    EdhocResource(const EdhocConfig& config, const EdhocResourceSettings& settings,
                  const crypto::Secret& seed);

    /// A request for this resource, whatever its method.
    [[nodiscard]] coap::Response handle(Instant now, const coap::RequestArrived& request);
    /// Forgets the runs that are over time.
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<EdhocEstablished> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;

    /// An OSCORE Recipient ID that is in use elsewhere; false when identifiers_max are.
    bool reserve(Bytes identifier);
    /// It is free again.
    void release(Bytes identifier);

    [[nodiscard]] const EdhocStats& stats() const noexcept { return stats_; }

private:
    struct Run {
        EdhocResponder responder;
        coap::Peer peer;
        Instant expires;
        Octets message_2;
    };
    using Runs = std::deque<Run>;  // the oldest first

    coap::Response on_message_1(Instant now, const coap::Peer& peer, Bytes message);
    coap::Response on_message_3(const coap::Peer& peer, Bytes identifier, Bytes message);
    void make_room(const coap::Peer& peer);
    void forget(Runs::iterator run);
    [[nodiscard]] ConnectionId free_identifier(const ConnectionId& other);

    const EdhocConfig* config_;
    EdhocResourceSettings settings_;
    EdhocRandomness randomness_;
    Runs runs_;
    std::set<Octets> taken_;
    Outbox<EdhocEstablished> outbox_;
    EdhocStats stats_;
};

}  // namespace causeway::secure
