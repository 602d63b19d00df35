#pragma once
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace causeway::link::ieee802154 {

/// What an operator may turn about the unslotted CSMA-CA MAC; the names are the standard's.
/// [IEEE 802.15.4 §8.4.3.1]
struct MacSettings {
    std::uint8_t min_be = 3;  // macMinBe, 0 to max_be
    // macMaxBe, 3 to 8. The standard's default of 5 gives up after some 25 ms of busy channel, six
    // frames. Around the root of 1000 nodes that drops one packet in twenty; 8 one in a thousand.
    std::uint8_t max_be = 8;
    std::uint8_t max_csma_backoffs = 5;  // macMaxCsmaBackoffs, 0 to 5
    std::uint8_t max_frame_retries = 7;  // macMaxFrameRetries, 0 to 7
    std::size_t queue_frames_max = 16;   // frames waiting to be sent, the one under way included
    std::size_t neighbours_max = 32;     // link statistics are kept for so many

    friend bool operator==(const MacSettings&, const MacSettings&) = default;
};

}  // namespace causeway::link::ieee802154
