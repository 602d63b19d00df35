#pragma once
// What a bridge has done, one direction beside the other.
#include <cstdint>

namespace causeway::mqtt {

/// Messages of one direction.
struct BridgeLaneStats {
    std::uint64_t received = 0;   // PUBLISH packets, each of them
    std::uint64_t sent = 0;       //   passed on, or
    std::uint64_t unrouted = 0;   //   fits no topic of the settings: answered here
    std::uint64_t too_large = 0;  //   for the other side: answered here
    std::uint64_t given_up = 0;   //   made the other side close twice: answered here
    std::uint64_t deferred = 0;   //   left unanswered, comes again
    std::uint64_t finished = 0;   // of QoS 1 and 2: accepted by the other side
    std::uint64_t refused = 0;    // of QoS 1 and 2: refused by it, and not sent again
    std::uint64_t strays = 0;     // acknowledgements of nothing that is under way

    template <class Named>
    void visit(Named&& named) const {
        named("received", received);
        named("sent", sent);
        named("unrouted", unrouted);
        named("too_large", too_large);
        named("given_up", given_up);
        named("deferred", deferred);
        named("finished", finished);
        named("refused", refused);
        named("strays", strays);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return received == sent + unrouted + too_large + given_up + deferred &&
               finished + refused <= sent;
    }
};

struct BridgeStats {
    std::uint64_t tries = 0;      // connections asked for, which
    std::uint64_t connected = 0;  //   joined the two brokers
    std::uint64_t failed = 0;     //   were refused, or broke before that
    std::uint64_t open = 0;       //   are under way
    std::uint64_t faults = 0;     // rules that either broker broke
    std::uint64_t subscriptions_refused = 0;
    BridgeLaneStats out;
    BridgeLaneStats in;

    template <class Named>
    void visit(Named&& named) const {
        named("tries", tries);
        named("connected", connected);
        named("failed", failed);
        named("open", open);
        named("faults", faults);
        named("subscriptions_refused", subscriptions_refused);
        named("out_received", out.received);
        named("out_sent", out.sent);
        named("out_unrouted", out.unrouted);
        named("out_too_large", out.too_large);
        named("out_given_up", out.given_up);
        named("out_deferred", out.deferred);
        named("out_finished", out.finished);
        named("out_refused", out.refused);
        named("out_strays", out.strays);
        named("in_received", in.received);
        named("in_sent", in.sent);
        named("in_unrouted", in.unrouted);
        named("in_too_large", in.too_large);
        named("in_given_up", in.given_up);
        named("in_deferred", in.deferred);
        named("in_finished", in.finished);
        named("in_refused", in.refused);
        named("in_strays", in.strays);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return tries == connected + failed + open && out.balanced() && in.balanced();
    }
};

}  // namespace causeway::mqtt
