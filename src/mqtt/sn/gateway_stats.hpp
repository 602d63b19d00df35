#pragma once
// What a gateway counts.
#include "base/tap.hpp"

#include <cstdint>

namespace causeway::mqtt::sn {

struct GatewayStats {
    // Every datagram is one of these.
    std::uint64_t datagrams_received = 0;
    std::uint64_t datagrams_used = 0;
    std::uint64_t datagrams_malformed = 0;
    std::uint64_t datagrams_out_of_place = 0;  // a gateway's own messages, answers to nothing
    std::uint64_t datagrams_of_strangers = 0;  // of no client: told to connect
    std::uint64_t datagrams_sent = 0;
    std::uint64_t retransmissions = 0;

    // Every CONNECT that opens something is one of these, or under way.
    std::uint64_t connects = 0;
    std::uint64_t connects_accepted = 0;
    std::uint64_t connects_refused = 0;    // by the broker, or for what they ask
    std::uint64_t connects_congested = 0;  // clients_max, or no broker
    std::uint64_t connects_abandoned = 0;  // no answer to what was asked, or begun anew
    std::uint64_t connects_under_way = 0;  // a gauge
    std::uint64_t connects_repeated = 0;   // retransmissions, not counted above
    std::uint64_t clients = 0;             // a gauge: known, absent ones included
    std::uint64_t clients_lost = 0;
    std::uint64_t clients_moved = 0;  // another address
    std::uint64_t sleeps = 0;
    std::uint64_t wakes = 0;

    // Every PUBLISH of a client is one of these.
    std::uint64_t publishes_received = 0;
    std::uint64_t publishes_forwarded = 0;
    std::uint64_t publishes_duplicate = 0;
    std::uint64_t publishes_bad_topic = 0;
    std::uint64_t publishes_congested = 0;  // upward_max_each, minus_one_waiting_max, no link
    std::uint64_t publishes_refused = 0;    // by the broker; forwarded, too
    std::uint64_t publishes_minus_one = 0;  // of those received

    // Every message for a client is one of these.
    std::uint64_t deliveries = 0;
    std::uint64_t delivered = 0;
    std::uint64_t deliveries_waiting = 0;    // a gauge
    std::uint64_t deliveries_full = 0;       // buffered_max_each
    std::uint64_t deliveries_too_large = 0;  // datagram_octets_max
    std::uint64_t deliveries_no_topic = 0;   // topics_max_each, or the client refused the topic
    std::uint64_t deliveries_refused = 0;    // by the client
    std::uint64_t deliveries_given_up = 0;   // the client is gone

    std::uint64_t registrations = 0;
    std::uint64_t registrations_refused = 0;  // topics_max_each, or no legal name
    std::uint64_t subscribes = 0;
    std::uint64_t subscribes_refused = 0;  // subscriptions_max_each, upward_max_each, the broker
    std::uint64_t searches_answered = 0;
    std::uint64_t searches_dropped = 0;  // searches_max
    std::uint64_t advertisements = 0;
    std::uint64_t wills_published = 0;  // by the gateway itself
    std::uint64_t links_opened = 0;
    std::uint64_t links_lost = 0;
    std::uint64_t broker_packets_malformed = 0;

    template <class F>
    void visit(F&& named) const;
    [[nodiscard]] bool balanced() const {
        return datagrams_received == datagrams_used + datagrams_malformed + datagrams_out_of_place +
                                         datagrams_of_strangers &&
               connects == connects_accepted + connects_refused + connects_congested +
                               connects_abandoned + connects_under_way &&
               publishes_received == publishes_forwarded + publishes_duplicate +
                                         publishes_bad_topic + publishes_congested &&
               deliveries == delivered + deliveries_waiting + deliveries_full +
                                 deliveries_too_large + deliveries_no_topic + deliveries_refused +
                                 deliveries_given_up;
    }
};

template <class F>
void GatewayStats::visit(F&& named) const {
    named("datagrams_received", datagrams_received);
    named("datagrams_used", datagrams_used);
    named("datagrams_malformed", datagrams_malformed);
    named("datagrams_out_of_place", datagrams_out_of_place);
    named("datagrams_of_strangers", datagrams_of_strangers);
    named("datagrams_sent", datagrams_sent);
    named("retransmissions", retransmissions);
    named("connects", connects);
    named("connects_accepted", connects_accepted);
    named("connects_refused", connects_refused);
    named("connects_congested", connects_congested);
    named("connects_abandoned", connects_abandoned);
    named("connects_under_way", connects_under_way);
    named("connects_repeated", connects_repeated);
    named("clients", clients);
    named("clients_lost", clients_lost);
    named("clients_moved", clients_moved);
    named("sleeps", sleeps);
    named("wakes", wakes);
    named("publishes_received", publishes_received);
    named("publishes_forwarded", publishes_forwarded);
    named("publishes_duplicate", publishes_duplicate);
    named("publishes_bad_topic", publishes_bad_topic);
    named("publishes_congested", publishes_congested);
    named("publishes_refused", publishes_refused);
    named("publishes_minus_one", publishes_minus_one);
    named("deliveries", deliveries);
    named("delivered", delivered);
    named("deliveries_waiting", deliveries_waiting);
    named("deliveries_full", deliveries_full);
    named("deliveries_too_large", deliveries_too_large);
    named("deliveries_no_topic", deliveries_no_topic);
    named("deliveries_refused", deliveries_refused);
    named("deliveries_given_up", deliveries_given_up);
    named("registrations", registrations);
    named("registrations_refused", registrations_refused);
    named("subscribes", subscribes);
    named("subscribes_refused", subscribes_refused);
    named("searches_answered", searches_answered);
    named("searches_dropped", searches_dropped);
    named("advertisements", advertisements);
    named("wills_published", wills_published);
    named("links_opened", links_opened);
    named("links_lost", links_lost);
    named("broker_packets_malformed", broker_packets_malformed);
}
static_assert(Stats<GatewayStats>);

}  // namespace causeway::mqtt::sn
