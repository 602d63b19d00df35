#pragma once
// What $SYS topics need beyond counters: averages over minutes, and when they are due next.
#include "base/time.hpp"

#include <array>
#include <cstdint>

namespace causeway::mqtt {

struct SysReport {
    /// A rate per minute, averaged exponentially over 1, 5 and 15 minutes.
    struct Load {
        std::uint64_t before = 0;
        std::array<double, 3> averages{};
    };
    enum Of : std::size_t {
        messages_received,
        messages_sent,
        publish_received,
        publish_sent,
        publish_dropped,
        octets_received,
        octets_sent,
        sockets,
        connections,
        loads,
    };
    std::array<Load, loads> load{};
    Instant next = never;
    Instant last{};
    bool told_constants = false;
};

}  // namespace causeway::mqtt
