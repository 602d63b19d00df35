#pragma once
// What a broker is told once, and its limits: each a refusal with a reason code and a counter.
#include "base/time.hpp"
#include "mqtt/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace causeway::mqtt {

struct BrokerSettings {
    // ---- what clients may ask for
    Qos qos_max = Qos::exactly_once;
    bool retain_available = true;
    bool wildcards_available = true;
    bool shared_available = true;
    bool subscription_identifiers_available = true;
    std::uint32_t session_expiry_seconds_max = 0xffffffff;  // 0xffffffff: never
    /// A 3.1.1 session that is not clean, and a zero-length one, last this long.
    std::uint32_t session_expiry_seconds_v3 = 0xffffffff;
    std::uint16_t keep_alive_seconds_max = 65535;   // 0 of a client becomes this, unless 65535
    std::uint16_t receive_maximum = 1024;           // QoS 1 and 2 of a client, not yet acknowledged
    std::uint16_t topic_alias_maximum = 32;         // of a client to us
    std::uint16_t topic_alias_maximum_out = 32;     // of us to a client, if it allows as many
    std::uint32_t packet_octets_max = 268'435'460;  // what the standard can say, header included

    // ---- limits
    std::uint32_t connections_max = 100'000;
    std::uint32_t connections_unready_max = 10'000;  // no CONNECT yet, or not authenticated
    Duration connect_within = std::chrono::seconds(10);
    std::uint32_t sessions_max = 200'000;
    std::uint32_t subscriptions_max_each = 10'000;
    std::uint32_t subscriptions_max = 2'000'000;
    std::uint32_t topic_levels_max = 128;
    std::uint32_t retained_max = 1'000'000;
    std::uint64_t retained_octets_max = std::uint64_t{1} << 30;
    std::uint32_t queue_messages_max = 10'000;  // of a session
    std::uint64_t queue_octets_max = 64 << 20;  // of a session
    std::uint64_t queue_octets_max_all = std::uint64_t{1} << 30;
    std::uint16_t inflight_max = 100;  // of us to a client; less when it says so
    std::uint64_t held_octets_max_all = std::uint64_t{1} << 30;  // packets that are not whole yet
    /// Of all clients: read by the host before it knew that they are to wait for a subscriber.
    std::uint64_t late_octets_max_all = 64 << 20;
    std::uint32_t early_octets_max = 1 << 20;  // of a CONNECT, and sent before its CONNACK
    /// Unsent octets of a connection above which its messages wait in the queue.
    std::uint32_t unsent_octets_high = 1 << 20;
    std::uint32_t unsent_octets_low = 256 << 10;

    // ---- slow subscribers
    enum class Slow : std::uint8_t { drop, disconnect };
    /// A subscriber whose queue is full but who reads makes its publishers wait; one that has read
    /// nothing for so long does not: then `slow` decides what becomes of messages for it.
    Duration stalled_after = std::chrono::seconds(2);
    Slow slow = Slow::drop;
    bool queue_qos_0 = true;  // while connected; for an absent client QoS 0 is never kept

    // ---- rate limits of one client; 0: none
    std::uint32_t publishes_per_second_max = 0;
    std::uint64_t octets_per_second_max = 0;
    std::uint32_t connects_per_second_max = 0;  // of all

    // ---- reports
    Duration sys_interval = std::chrono::seconds(10);  // 0: no $SYS
    std::vector<std::string> counted_prefixes;         // metrics per topic prefix
    bool persistent = false;                           // whether anything is journalled
};

}  // namespace causeway::mqtt
