#pragma once
#include "base/tap.hpp"

namespace causeway::coap {

struct Stats {
    // Every datagram, and every message of a stream, is one of the eleven below.
    std::uint64_t datagrams_received = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t requests = 0;
    std::uint64_t responses = 0;         // to a request of ours; notifications too
    std::uint64_t acknowledgements = 0;  // empty ones, or whose content does not count
    std::uint64_t resets = 0;
    std::uint64_t pings = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t malformed = 0;   // format errors
    std::uint64_t ignored = 0;     // another version, a reserved code, a type that may not carry it
    std::uint64_t unexpected = 0;  // a response nobody waits for
    std::uint64_t stray = 0;       // an acknowledgement or reset of nothing
    std::uint64_t forged = 0;      // a response to a protected request that does not hold

    std::uint64_t datagrams_sent = 0;
    std::uint64_t messages_sent = 0;  // over streams
    std::uint64_t retransmissions = 0;
    std::uint64_t transmissions_failed = 0;  // given up after MAX_RETRANSMIT

    std::uint64_t requests_started = 0;
    std::uint64_t requests_failed = 0;
    std::uint64_t requests_refused = 0;  // the table was full, or the request made no sense
    std::uint64_t notifications_stale = 0;
    std::uint64_t block_restarts = 0;

    std::uint64_t options_refused = 0;
    std::uint64_t exchanges_refused = 0;    // too many unanswered: 5.03, or dropped
    std::uint64_t exchanges_abandoned = 0;  // the application never answered
    std::uint64_t deduplications_evicted = 0;
    std::uint64_t bodies_refused = 0;  // 4.13, or longer than body_octets_max
    std::uint64_t bodies_incomplete = 0;
    std::uint64_t assemblies_evicted = 0;
    std::uint64_t transfers_evicted = 0;
    std::uint64_t responses_suppressed = 0;  // multicast, or nobody to send them to
    std::uint64_t observers_refused = 0;
    std::uint64_t observers_removed = 0;
    std::uint64_t notifications_sent = 0;
    std::uint64_t peers_evicted = 0;
    std::uint64_t message_ids_exhausted = 0;
    std::uint64_t protection_refused = 0;  // requests of others that did not verify
    std::uint64_t protection_failed = 0;   // nothing could be protected any more
    std::uint64_t streams_refused = 0;     // over streams_max
    std::uint64_t tokens_refused = 0;      // over token_octets_max
    std::uint64_t echoes_asked = 0;        // 4.01 with an Echo option
    std::uint64_t echoes_verified = 0;
    std::uint64_t echoes_stale = 0;  // or never ours
    std::uint64_t echoes_sent = 0;   // a request of ours repeated with what it was to echo
    std::uint64_t verified_evicted = 0;

    void visit(auto&& named) const {
        named("datagrams_received", datagrams_received);
        named("messages_received", messages_received);
        named("requests", requests);
        named("responses", responses);
        named("acknowledgements", acknowledgements);
        named("resets", resets);
        named("pings", pings);
        named("duplicates", duplicates);
        named("malformed", malformed);
        named("ignored", ignored);
        named("unexpected", unexpected);
        named("stray", stray);
        named("forged", forged);
        named("datagrams_sent", datagrams_sent);
        named("messages_sent", messages_sent);
        named("retransmissions", retransmissions);
        named("transmissions_failed", transmissions_failed);
        named("requests_started", requests_started);
        named("requests_failed", requests_failed);
        named("requests_refused", requests_refused);
        named("notifications_stale", notifications_stale);
        named("block_restarts", block_restarts);
        named("options_refused", options_refused);
        named("exchanges_refused", exchanges_refused);
        named("exchanges_abandoned", exchanges_abandoned);
        named("deduplications_evicted", deduplications_evicted);
        named("bodies_refused", bodies_refused);
        named("bodies_incomplete", bodies_incomplete);
        named("assemblies_evicted", assemblies_evicted);
        named("transfers_evicted", transfers_evicted);
        named("responses_suppressed", responses_suppressed);
        named("observers_refused", observers_refused);
        named("observers_removed", observers_removed);
        named("notifications_sent", notifications_sent);
        named("peers_evicted", peers_evicted);
        named("message_ids_exhausted", message_ids_exhausted);
        named("protection_refused", protection_refused);
        named("protection_failed", protection_failed);
        named("streams_refused", streams_refused);
        named("tokens_refused", tokens_refused);
        named("echoes_asked", echoes_asked);
        named("echoes_verified", echoes_verified);
        named("echoes_stale", echoes_stale);
        named("echoes_sent", echoes_sent);
        named("verified_evicted", verified_evicted);
    }

    [[nodiscard]] bool balanced() const noexcept {
        return datagrams_received + messages_received ==
               requests + responses + acknowledgements + resets + pings + duplicates + malformed +
                   ignored + unexpected + stray + forged;
    }
};

static_assert(causeway::Stats<Stats>);

}  // namespace causeway::coap
