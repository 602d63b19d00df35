#pragma once
// What a tunnel's ends tell each other of a serial port: its format, its modem lines, what goes
// wrong on it. As RFC 2217 has them; what drives a port is elsewhere.
#include <cstdint>

namespace causeway::scada::tunnel {

enum class PortParity : std::uint8_t { none = 1, odd, even, mark, space };  // [RFC 2217 §2]
enum class PortFlow : std::uint8_t { none = 1, xon_xoff, hardware };        // [RFC 2217 §3]

struct PortFormat {
    std::uint32_t baud = 9'600;
    std::uint8_t data_bits = 8;
    PortParity parity = PortParity::none;
    std::uint8_t stop_bits = 1;  // 1 or 2; 1.5 is not ours to set
    PortFlow flow = PortFlow::none;
    friend bool operator==(const PortFormat&, const PortFormat&) = default;
};

/// Bits of NOTIFY-MODEMSTATE. [RFC 2217 §4]
namespace modem {
inline constexpr std::uint8_t carrier = 0x80;
inline constexpr std::uint8_t ring = 0x40;
inline constexpr std::uint8_t dsr = 0x20;
inline constexpr std::uint8_t cts = 0x10;
inline constexpr std::uint8_t carrier_changed = 0x08;
inline constexpr std::uint8_t ring_ended = 0x04;
inline constexpr std::uint8_t dsr_changed = 0x02;
inline constexpr std::uint8_t cts_changed = 0x01;
}  // namespace modem

/// Bits of NOTIFY-LINESTATE; those that a port like ours can tell. [RFC 2217 §4]
namespace line_error {
inline constexpr std::uint8_t break_seen = 0x10;
inline constexpr std::uint8_t framing = 0x08;
inline constexpr std::uint8_t parity = 0x04;
inline constexpr std::uint8_t overrun = 0x02;
}  // namespace line_error

/// What can be set besides the format. [RFC 2217 §3]
enum class PortSignal : std::uint8_t { break_state, dtr, rts };

}  // namespace causeway::scada::tunnel
