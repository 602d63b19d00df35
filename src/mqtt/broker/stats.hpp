#pragma once
// What a broker counted. Two laws hold at every moment between two calls:
//   every PUBLISH of a client was routed, or refused for a named reason;
//   every delivery was sent, or waits, or was dropped for a named reason.
#include "base/tap.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

struct BrokerStats {
    // ---- connections
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_closed = 0;
    std::uint64_t connections = 0;          // now
    std::uint64_t connections_unready = 0;  // now; of those: no CONNECT yet, or not answered
    std::uint64_t clients_connected = 0;    // now; CONNACK with success
    std::uint64_t clients_maximum = 0;      // that were ever connected at once
    std::uint64_t connects_accepted = 0;
    std::uint64_t connects_refused = 0;  // with CONNACK, all reasons
    std::uint64_t taken_over = 0;
    std::uint64_t protocol_errors = 0;  // connections ended for what the client sent
    std::uint64_t malformed_packets = 0;
    std::uint64_t keep_alive_timeouts = 0;
    std::uint64_t kicked = 0;

    // ---- limits that refused
    std::uint64_t refused_unready = 0;       // connections_unready_max
    std::uint64_t refused_connections = 0;   // connections_max
    std::uint64_t refused_late = 0;          // connect_within
    std::uint64_t refused_sessions = 0;      // sessions_max
    std::uint64_t refused_connect_rate = 0;  // connects_per_second_max
    std::uint64_t refused_credentials = 0;
    std::uint64_t refused_store = 0;          // sessions and subscriptions that could not be kept
    std::uint64_t refused_subscriptions = 0;  // subscriptions_max, subscriptions_max_each
    std::uint64_t refused_subscriptions_access = 0;
    std::uint64_t refused_topic_levels = 0;  // topic_levels_max
    std::uint64_t refused_retained = 0;      // retained_max, retained_octets_max: not kept
    std::uint64_t refused_receive_maximum = 0;
    std::uint64_t refused_topic_alias = 0;
    std::uint64_t refused_packet_octets = 0;  // packet_octets_max
    std::uint64_t refused_held_octets = 0;    // held_octets_max_all, early_octets_max
    std::uint64_t late_refused = 0;           // late_octets_max_all: taken at once instead
    std::uint64_t rate_pauses = 0;            // publishes_per_second_max, octets_per_second_max

    // ---- sessions
    std::uint64_t sessions = 0;  // now
    std::uint64_t sessions_begun = 0;
    std::uint64_t sessions_resumed = 0;
    std::uint64_t sessions_ended = 0;
    std::uint64_t sessions_expired = 0;      // of those
    std::uint64_t subscriptions = 0;         // now
    std::uint64_t subscriptions_shared = 0;  // now
    std::uint64_t retained = 0;              // now
    std::uint64_t retained_expired = 0;
    std::uint64_t wills_published = 0;

    // ---- traffic of clients
    std::uint64_t packets_received = 0;
    std::uint64_t packets_sent = 0;
    std::uint64_t octets_received = 0;
    std::uint64_t octets_sent = 0;

    // Every PUBLISH received is one of the next.
    std::uint64_t publishes_received = 0;
    std::uint64_t publishes_routed = 0;
    std::uint64_t publishes_duplicate = 0;  // QoS 2, its identifier was not released yet
    std::uint64_t publishes_refused_access = 0;
    std::uint64_t publishes_refused_reserved = 0;  // $SYS
    std::uint64_t publishes_refused_store = 0;     // the store fails
    std::uint64_t publishes_refused_error = 0;  // ended the connection: alias, quota, QoS, retain
    std::uint64_t publish_octets_received = 0;  // payloads
    std::uint64_t publish_octets_sent = 0;
    std::uint64_t publishes_sent = 0;    // all PUBLISH packets to clients
    std::uint64_t publishes_resent = 0;  // of those
    std::uint64_t publishes_here = 0;    // by this program

    // Every delivery is one of the next.
    std::uint64_t deliveries = 0;
    std::uint64_t deliveries_sent = 0;     // once, however often it was repeated
    std::uint64_t deliveries_waiting = 0;  // now
    std::uint64_t dropped_absent = 0;      // QoS 0 for an absent client
    std::uint64_t dropped_slow = 0;        // QoS 0, and QoS 0 is not queued
    std::uint64_t dropped_queue_full = 0;
    std::uint64_t dropped_all_full = 0;  // queue_octets_max_all
    std::uint64_t dropped_expired = 0;
    std::uint64_t dropped_too_large = 0;  // for the client's maximum packet size
    std::uint64_t dropped_access = 0;
    std::uint64_t dropped_session_end = 0;
    std::uint64_t handed_over = 0;  // to another member of the shared subscription

    // ---- now, in memory
    std::uint64_t queue_octets = 0;      // of all sessions
    std::uint64_t messages_waiting = 0;  // queued and in flight
    std::uint64_t held_octets = 0;       // of packets that are not whole yet
    std::uint64_t unsent_octets = 0;
    std::uint64_t late_octets = 0;  // of clients that wait for a subscriber

    // ---- slow subscribers, and the store
    std::uint64_t publishers_paused = 0;
    std::uint64_t subscribers_stalled = 0;
    std::uint64_t slow_disconnected = 0;
    std::uint64_t facts_journalled = 0;
    std::uint64_t commits = 0;
    std::uint64_t commit_failures = 0;
    std::uint64_t journal_failing = 0;  // now: 0 or 1
    std::uint64_t sys_published = 0;

    /// Of one of BrokerSettings::counted_prefixes.
    struct Prefix {
        std::string prefix;
        std::uint64_t messages_in = 0;
        std::uint64_t messages_out = 0;
        std::uint64_t octets_in = 0;  // payloads
        std::uint64_t octets_out = 0;
    };
    std::vector<Prefix> prefixes;

    void visit(auto&& named) const {
        named("connections_opened", connections_opened);
        named("connections_closed", connections_closed);
        named("connections", connections);
        named("connections_unready", connections_unready);
        named("clients_connected", clients_connected);
        named("clients_maximum", clients_maximum);
        named("connects_accepted", connects_accepted);
        named("connects_refused", connects_refused);
        named("taken_over", taken_over);
        named("protocol_errors", protocol_errors);
        named("malformed_packets", malformed_packets);
        named("keep_alive_timeouts", keep_alive_timeouts);
        named("kicked", kicked);
        named("refused_unready", refused_unready);
        named("refused_connections", refused_connections);
        named("refused_late", refused_late);
        named("refused_sessions", refused_sessions);
        named("refused_connect_rate", refused_connect_rate);
        named("refused_credentials", refused_credentials);
        named("refused_store", refused_store);
        named("refused_subscriptions", refused_subscriptions);
        named("refused_subscriptions_access", refused_subscriptions_access);
        named("refused_topic_levels", refused_topic_levels);
        named("refused_retained", refused_retained);
        named("refused_receive_maximum", refused_receive_maximum);
        named("refused_topic_alias", refused_topic_alias);
        named("refused_packet_octets", refused_packet_octets);
        named("refused_held_octets", refused_held_octets);
        named("late_refused", late_refused);
        named("rate_pauses", rate_pauses);
        named("sessions", sessions);
        named("sessions_begun", sessions_begun);
        named("sessions_resumed", sessions_resumed);
        named("sessions_ended", sessions_ended);
        named("sessions_expired", sessions_expired);
        named("subscriptions", subscriptions);
        named("subscriptions_shared", subscriptions_shared);
        named("retained", retained);
        named("retained_expired", retained_expired);
        named("wills_published", wills_published);
        visit_traffic(named);
    }

    [[nodiscard]] bool balanced() const noexcept {
        return connections_opened == connections_closed + connections &&
               publishes_received == publishes_routed + publishes_duplicate +
                                         publishes_refused_access + publishes_refused_reserved +
                                         publishes_refused_store + publishes_refused_error &&
               deliveries == deliveries_sent + deliveries_waiting + dropped() + handed_over &&
               sessions_begun == sessions + sessions_ended;
    }
    [[nodiscard]] std::uint64_t dropped() const noexcept {
        return dropped_absent + dropped_slow + dropped_queue_full + dropped_all_full +
               dropped_expired + dropped_too_large + dropped_access + dropped_session_end;
    }

private:
    void visit_traffic(auto&& named) const {
        named("packets_received", packets_received);
        named("packets_sent", packets_sent);
        named("octets_received", octets_received);
        named("octets_sent", octets_sent);
        named("publishes_received", publishes_received);
        named("publishes_routed", publishes_routed);
        named("publishes_duplicate", publishes_duplicate);
        named("publishes_refused_access", publishes_refused_access);
        named("publishes_refused_reserved", publishes_refused_reserved);
        named("publishes_refused_store", publishes_refused_store);
        named("publishes_refused_error", publishes_refused_error);
        named("publish_octets_received", publish_octets_received);
        named("publish_octets_sent", publish_octets_sent);
        named("publishes_sent", publishes_sent);
        named("publishes_resent", publishes_resent);
        named("publishes_here", publishes_here);
        named("deliveries", deliveries);
        named("deliveries_sent", deliveries_sent);
        named("deliveries_waiting", deliveries_waiting);
        named("dropped_absent", dropped_absent);
        named("dropped_slow", dropped_slow);
        named("dropped_queue_full", dropped_queue_full);
        named("dropped_all_full", dropped_all_full);
        named("dropped_expired", dropped_expired);
        named("dropped_too_large", dropped_too_large);
        named("dropped_access", dropped_access);
        named("dropped_session_end", dropped_session_end);
        named("handed_over", handed_over);
        named("queue_octets", queue_octets);
        named("messages_waiting", messages_waiting);
        named("held_octets", held_octets);
        named("unsent_octets", unsent_octets);
        named("late_octets", late_octets);
        named("publishers_paused", publishers_paused);
        named("subscribers_stalled", subscribers_stalled);
        named("slow_disconnected", slow_disconnected);
        named("facts_journalled", facts_journalled);
        named("commits", commits);
        named("commit_failures", commit_failures);
        named("journal_failing", journal_failing);
        named("sys_published", sys_published);
    }
};

static_assert(causeway::Stats<BrokerStats>);

}  // namespace causeway::mqtt
