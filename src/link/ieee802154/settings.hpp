#pragma once
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace causeway::link::ieee802154 {

/// What an operator may turn about the unslotted CSMA-CA MAC; the names are the standard's.
/// [IEEE 802.15.4 §8.4.3.1]
struct MacSettings {
    // macMinBe, 0 to max_be; the standard's default is 3: 1 ms on average, when a frame takes 4.
    // In a mesh where six routers queue behind one root that has most attempts collide: 1000 nodes
    // delivered 90 % and changed parents for ever; with 5 (5 ms) 99 %, at 5 ms more a hop.
    std::uint8_t min_be = 5;
    // macMaxBe, 3 to 8; the standard's default is 5, which gives up after 60 ms of busy channel.
    std::uint8_t max_be = 8;
    std::uint8_t max_csma_backoffs = 5;  // macMaxCsmaBackoffs, 0 to 5
    std::uint8_t max_frame_retries = 7;  // macMaxFrameRetries, 0 to 7
    std::size_t queue_frames_max = 16;   // frames waiting to be sent, the one under way included
    std::size_t neighbours_max = 32;     // link statistics are kept for so many

    friend bool operator==(const MacSettings&, const MacSettings&) = default;
};

}  // namespace causeway::link::ieee802154
