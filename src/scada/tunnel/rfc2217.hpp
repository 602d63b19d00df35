#pragma once
// Telnet's com port control option [RFC 2217]: what stands between IAC SB COM-PORT-OPTION and
// IAC SE, both ways, and the numbers that a port's settings have there. Telnet around it is in
// telnet.hpp, what the ends do about it in tunnel.hpp.
#include "base/bytes.hpp"
#include "base/inplace_bytes.hpp"
#include "scada/tunnel/port.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace causeway::scada::tunnel {

/// As the client says them; the access server adds 100. [RFC 2217 "Command Names and Codes"]
enum class ComPort : std::uint8_t {
    signature = 0,
    set_baud,
    set_data_size,
    set_parity,
    set_stop_size,
    set_control,
    notify_line_state,
    notify_modem_state,
    flow_suspend,
    flow_resume,
    set_line_state_mask,
    set_modem_state_mask,
    purge_data,
};

/// Values of SET-CONTROL. [RFC 2217 §3]
namespace control {
inline constexpr std::uint8_t ask_flow = 0;
inline constexpr std::uint8_t flow_none = 1;
inline constexpr std::uint8_t flow_xon_xoff = 2;
inline constexpr std::uint8_t flow_hardware = 3;
inline constexpr std::uint8_t ask_break = 4;
inline constexpr std::uint8_t ask_dtr = 7;
inline constexpr std::uint8_t ask_rts = 10;
inline constexpr std::uint8_t ask_flow_in = 13;
inline constexpr std::uint8_t flow_in_hardware = 16;
inline constexpr std::uint8_t flow_dcd = 17;
inline constexpr std::uint8_t flow_in_dtr = 18;
inline constexpr std::uint8_t flow_dsr = 19;
}  // namespace control

struct ComPortMessage {
    static constexpr std::size_t value_octets_max = 255;  // of a signature

    bool from_server = false;
    ComPort what = ComPort::signature;
    InplaceBytes<value_octets_max> value;

    /// A command of one octet; of SET-BAUDRATE, of four.
    [[nodiscard]] static ComPortMessage of(bool from_server, ComPort what, std::uint32_t value);
    [[nodiscard]] static ComPortMessage signature(bool from_server, std::string_view text);
    /// Suspend and resume.
    [[nodiscard]] static ComPortMessage bare(bool from_server, ComPort what);
    /// The value as a number; zero where there is none.
    [[nodiscard]] std::uint32_t number() const noexcept;

    /// IAC is single here: doubling it is Telnet's.
    [[nodiscard]] static Result<ComPortMessage> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 1 + value.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const ComPortMessage&, const ComPortMessage&) = default;
};

/// What a format is in `what`'s numbers: SET-BAUDRATE to SET-STOPSIZE, and SET-CONTROL's flow.
[[nodiscard]] std::uint32_t value_of(const PortFormat& format, ComPort what) noexcept;
/// The format with that one changed; nullopt where there is no such value, or it only asks (0).
[[nodiscard]] std::optional<PortFormat> with(const PortFormat& format, ComPort what,
                                             std::uint32_t value) noexcept;

}  // namespace causeway::scada::tunnel
