#pragma once
// Modbus's own words. Citations: MODBUS AP is the Application Protocol Specification V1.1b3, MODBUS
// SL is MODBUS over Serial Line V1.02, MODBUS TCP is MODBUS Messaging on TCP/IP V1.0b.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace causeway::scada::modbus {

inline constexpr std::uint16_t default_port = 502;
inline constexpr std::size_t pdu_octets_max = 253;
/// 0 is broadcast on serial lines: everybody does it and nobody answers. Over TCP, 255 and 0 are
/// the device itself that the connection leads to.
using Unit = std::uint8_t;

enum class Framing : std::uint8_t { rtu, ascii, tcp };  // rtu over a TCP connection is rtu

/// What may be addressed, 65,536 of each.
enum class Area : std::uint8_t { coil, discrete_input, input_register, holding_register };
[[nodiscard]] std::string_view name_of(Area area) noexcept;

enum class Function : std::uint8_t {
    read_coils = 1,
    read_discrete_inputs = 2,
    read_holding_registers = 3,
    read_input_registers = 4,
    write_single_coil = 5,
    write_single_register = 6,
    read_exception_status = 7,
    diagnostics = 8,
    get_comm_event_counter = 11,
    get_comm_event_log = 12,
    write_multiple_coils = 15,
    write_multiple_registers = 16,
    report_server_id = 17,
    read_file_record = 20,
    write_file_record = 21,
    mask_write_register = 22,
    read_write_multiple_registers = 23,
    read_fifo_queue = 24,
    encapsulated_interface = 43,  // MEI type 14: read device identification
};

enum class Exception : std::uint8_t {
    illegal_function = 1,
    illegal_data_address = 2,
    illegal_data_value = 3,
    server_device_failure = 4,
    acknowledge = 5,
    server_device_busy = 6,
    negative_acknowledge = 7,
    memory_parity_error = 8,
    gateway_path_unavailable = 10,
    gateway_target_failed = 11,  // the target device did not respond
};
[[nodiscard]] std::string_view name_of(Exception exception) noexcept;

/// How a number lies in registers. Letters are the octets of a 32-bit number from the highest: ABCD
/// is big endian throughout, CDAB has the low register first, BADC swaps octets within registers.
/// 64 bits go on in the same way (ABCDEFGH, GHEFCDAB, BADCFEHG, HGFEDCBA).
enum class Order : std::uint8_t { abcd, cdab, badc, dcba };
enum class Type : std::uint8_t { bit, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, text };

}  // namespace causeway::scada::modbus
