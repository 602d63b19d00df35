#pragma once
#include "base/inplace_bytes.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <variant>

namespace causeway::link::ieee802154 {

/// What a MAC and its radio say to each other, whatever the radio is: the simulated medium, a
/// co-processor on a serial line, a UDP port in ZEP. 2.4 GHz O-QPSK: a symbol takes 16 us, an octet
/// 32 us.
///
/// The frame check sequence stays with the radio: frames here end before it, a radio appends it to
/// what it sends and passes up only what it found sound.
using Frame = InplaceBytes<125>;
inline constexpr std::size_t fcs_octets = 2;

inline constexpr Duration symbol = std::chrono::microseconds(16);
inline constexpr Duration octet_air_time = 2 * symbol;
inline constexpr Duration turnaround = 12 * symbol;  // aTurnaroundTime, and AIFS
inline constexpr Duration cca_time = 8 * symbol;
inline constexpr std::size_t phy_header_octets = 6;  // preamble, delimiter, length

/// How long `frame_octets` (without FCS) occupy the channel.
[[nodiscard]] constexpr Duration air_time(std::size_t frame_octets) noexcept {
    return octet_air_time *
           static_cast<std::int64_t>(phy_header_octets + frame_octets + fcs_octets);
}

/// MAC to radio. With `assess_channel` the radio listens for cca_time first, then turns around
/// and sends, or gives up; without it (acknowledgements) it turns around and sends. Answered by
/// one TransmitEnded. At most one is under way.
struct TransmitFrame {
    Frame frame;
    bool assess_channel = true;
};

/// Radio to MAC: the last octet has left, or the channel was busy and nothing was sent.
struct TransmitEnded {
    bool channel_was_clear = true;
};

/// Radio to MAC: the last octet of a sound frame has arrived.
struct FrameReceived {
    Frame frame;
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;  // 0 worst to 255 best
};

}  // namespace causeway::link::ieee802154
