#pragma once
// What an endpoint can be told: the transmission parameters of RFC 7252 §4.8, those of RFC 7641
// §4.5 and RFC 7959, and the limits of every table.
#include "base/time.hpp"

#include <cstdint>

namespace causeway::coap {

struct Settings {
    // [RFC 7252 §4.8]; what derives from them is below.
    Duration ack_timeout = std::chrono::seconds(2);
    Duration max_latency = std::chrono::seconds(100);
    std::uint16_t ack_random_permille = 1500;  // ACK_RANDOM_FACTOR, in thousandths
    std::uint8_t max_retransmit = 4;
    std::uint8_t nstart = 1;
    /// PROBING_RATE, octets a second: how long a non-confirmable request that nobody answers holds
    /// back the next one to the same peer. Zero: not at all.
    std::uint16_t probing_rate = 1;
    std::uint8_t token_octets = 4;  // 0 to 8; 4 is what [RFC 7252 §5.3.1] asks for

    /// Responses to multicast requests are spread over this long. [RFC 7252 §8.2]
    Duration leisure = std::chrono::seconds(5);
    /// How long a multicast request waits for responses.
    Duration multicast_window = std::chrono::seconds(10);
    /// How long a request waits for its response once the message itself was acknowledged or was
    /// non-confirmable.
    Duration response_timeout = std::chrono::seconds(93);
    /// How long the application may take before a request is acknowledged without its response.
    Duration piggyback_window = std::chrono::seconds(1);

    /// Between non-confirmable notifications to one client. [RFC 7641 §4.5.1]
    Duration notification_spacing = std::chrono::seconds(3);
    /// A non-confirmable notification that no newer one followed for so long is repeated as a
    /// confirmable one, so that the client sees the latest state in the end. [RFC 7641 §4.5]
    Duration notification_confirmed_after = std::chrono::minutes(2);
    /// Non-confirmable notifications in a row before a confirmable one is due; zero: all
    /// confirmable.
    std::uint8_t unconfirmed_notifications_max = 5;

    /// Bodies longer than 16 << block_szx octets go in blocks of that size. [RFC 7959 §2.2]
    std::uint8_t block_szx = 6;
    /// Ask for that block size in the first request already. [RFC 7959 §2.4]
    bool early_negotiation = false;
    /// This endpoint passes messages on: it refuses unsafe options it does not know, rather than
    /// critical ones. [RFC 7252 §5.7.1]
    bool forwarding = false;
    /// Bodies of non-confirmable requests, and of responses to them, go in Q-Blocks to peers that
    /// take them, without waiting for an answer to each; and are taken so from others. Not over
    /// streams, nor under object security. [RFC 9177]
    bool qblock = false;

    /// A server's guard against being turned on others: what a source that has proved nothing is
    /// sent stays under three times what it sent; beyond that, before it is observed or anything is
    /// changed, it has to echo. [RFC 9175 §2.4, §2.6; RFC 7252 §11.3]
    bool echo_amplification = false;
    /// How long who echoed is believed to be there.
    Duration verified_for = std::chrono::minutes(10);

    // Limits. What does not fit is refused or displaces the oldest, as Stats tells.
    std::uint32_t body_octets_max = 4096;       // of a body from outside, put together from blocks
    std::uint32_t assembly_octets_max = 8192;   // of all of them that are not complete yet
    std::uint32_t transfer_octets_max = 65536;  // of all response bodies kept
    std::uint32_t deduplication_octets_max = 65536;  // of replies kept
    std::uint32_t transactions_max = 16;             // requests of ours
    std::uint32_t exchanges_max = 16;                // requests of others, not answered yet
    std::uint32_t deduplications_max = 64;
    std::uint32_t observers_max = 16;
    std::uint32_t observers_per_peer_max = 16;
    std::uint32_t peers_max = 64;      // whose message ids are remembered
    std::uint32_t streams_max = 16;    // whose limits are known; others take 1152 octets
    std::uint32_t verified_max = 64;   // sources that echoed
    std::uint16_t assemblies_max = 4;  // request bodies arriving in blocks
    std::uint16_t transfers_max = 4;   // response bodies leaving in blocks
    /// Tokens of others up to this. Up to 8: longer ones are format errors, as they are to who
    /// knows nothing of them; above: such a request is answered with 5.03. [RFC 8974 §2.2.2]
    std::uint16_t token_octets_max = 8;

    /// A constrained node: a block fits a frame of 802.15.4, tables are small, tokens short.
    [[nodiscard]] static constexpr Settings for_node() noexcept {
        Settings settings;
        settings.block_szx = 2;
        settings.early_negotiation = true;
        settings.token_octets = 2;
        settings.transactions_max = 8;
        settings.exchanges_max = 4;
        settings.deduplications_max = 12;
        settings.observers_max = 4;
        settings.assemblies_max = 1;
        settings.transfers_max = 2;
        settings.observers_per_peer_max = 4;
        settings.peers_max = 6;
        settings.streams_max = 0;
        settings.verified_max = 0;
        settings.assembly_octets_max = 4096;
        settings.transfer_octets_max = 4096;
        settings.deduplication_octets_max = 2048;
        return settings;
    }
    /// A gateway: as many nodes at once as a mesh has.
    [[nodiscard]] static constexpr Settings for_host() noexcept {
        Settings settings;
        settings.body_octets_max = 1u << 20;
        settings.assembly_octets_max = 64u << 20;
        settings.transfer_octets_max = 64u << 20;
        settings.deduplication_octets_max = 16u << 20;
        settings.transactions_max = 4096;
        settings.exchanges_max = 4096;
        settings.deduplications_max = 65536;
        settings.observers_max = 16384;
        settings.observers_per_peer_max = 1024;
        settings.peers_max = 65536;
        settings.streams_max = 16384;
        settings.verified_max = 16384;
        settings.assemblies_max = 1024;
        settings.transfers_max = 1024;
        settings.token_octets_max = 64;
        return settings;
    }

    // Derived values. [RFC 7252 §4.8.2]
    [[nodiscard]] constexpr Duration max_transmit_span() const noexcept {
        return ack_timeout * ((std::int64_t{1} << max_retransmit) - 1) * ack_random_permille / 1000;
    }
    [[nodiscard]] constexpr Duration exchange_lifetime() const noexcept {
        return max_transmit_span() + 2 * max_latency + ack_timeout;
    }
};

}  // namespace causeway::coap
