#pragma once
// Modbus requests and responses, each function's own shape, both directions [MODBUS AP §6]. Octets
// of variable length are borrowed from what was parsed. A request is refused where its quantity is
// none of the standard's or does not agree with its octets (which servers answer with
// illegal_data_value); whether an address is there is the server's business.
//
// Leaves out: CANopen (43/13) and user-defined functions, which come as `Other`.
#include "base/repr.hpp"
#include "scada/modbus/types.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace causeway::scada::modbus {

// [MODBUS AP §6.1 to §6.4, §6.11, §6.12, §6.17, §6.14, §6.18]
inline constexpr std::uint16_t read_bits_max = 2'000;
inline constexpr std::uint16_t read_registers_max = 125;
inline constexpr std::uint16_t write_bits_max = 1'968;
inline constexpr std::uint16_t write_registers_max = 123;
inline constexpr std::uint16_t read_write_registers_max = 121;  // written by function 23
inline constexpr std::uint16_t fifo_registers_max = 31;
inline constexpr std::size_t event_log_max = 64;
inline constexpr std::uint16_t records_max = 10'000;  // registers of a file
inline constexpr std::uint8_t record_reference_type = 6;
inline constexpr std::uint8_t read_identification_type = 14;  // MEI
inline constexpr std::uint8_t exception_bit = 0x80;

/// Sub-functions of diagnostics. [MODBUS AP §6.8.1]
enum class Diagnostic : std::uint16_t {
    return_query_data = 0,
    restart_communications = 1,
    return_register = 2,
    change_ascii_delimiter = 3,
    force_listen_only = 4,
    clear_counters = 10,
    bus_message_count = 11,
    bus_communication_error_count = 12,
    bus_exception_error_count = 13,
    server_message_count = 14,
    server_no_response_count = 15,
    server_nak_count = 16,
    server_busy_count = 17,
    bus_character_overrun_count = 18,
    clear_overrun_counter = 20,
};
[[nodiscard]] std::string_view name_of(Diagnostic what) noexcept;
[[nodiscard]] std::string_view name_of(Function function) noexcept;

/// Octets that are another's, equal when what they hold is.
struct Lent {
    Bytes octets{};
    friend bool operator==(const Lent& a, const Lent& b) { return same(a.octets, b.octets); }
};

// ---- requests, and responses of the same shape --------------------------------------------------

struct ReadRequest {  // 1 to 4
    Area area = Area::holding_register;
    std::uint16_t address = 0;
    std::uint16_t count = 0;
    friend bool operator==(const ReadRequest&, const ReadRequest&) = default;
};
struct WriteCoil {  // 5, either way
    std::uint16_t address = 0;
    bool on = false;
    friend bool operator==(const WriteCoil&, const WriteCoil&) = default;
};
struct WriteRegister {  // 6, either way
    std::uint16_t address = 0;
    std::uint16_t value = 0;
    friend bool operator==(const WriteRegister&, const WriteRegister&) = default;
};
struct Bare {  // 7, 11, 12, 17: nothing but the function
    Function function = Function::read_exception_status;
    friend bool operator==(const Bare&, const Bare&) = default;
};
struct Diagnostics {  // 8, either way
    Diagnostic what = Diagnostic::return_query_data;
    Lent data{};
    friend bool operator==(const Diagnostics&, const Diagnostics&) = default;
};
struct WriteCoils {  // 15
    std::uint16_t address = 0;
    std::uint16_t count = 0;
    Lent bits{};  // the first is the lowest of the first octet
    friend bool operator==(const WriteCoils&, const WriteCoils&) = default;
};
struct WriteRegisters {  // 16
    std::uint16_t address = 0;
    Lent values{};  // two octets each
    friend bool operator==(const WriteRegisters&, const WriteRegisters&) = default;
};
struct ReadFiles {   // 20
    Lent records{};  // see FileRecord
    friend bool operator==(const ReadFiles&, const ReadFiles&) = default;
};
struct WriteFiles {  // 21, either way
    Lent records{};
    friend bool operator==(const WriteFiles&, const WriteFiles&) = default;
};
struct MaskWrite {  // 22, either way: (value AND and) OR (or AND NOT and)
    std::uint16_t address = 0;
    std::uint16_t and_mask = 0;
    std::uint16_t or_mask = 0;
    friend bool operator==(const MaskWrite&, const MaskWrite&) = default;
};
struct ReadWrite {  // 23: writes, then reads
    std::uint16_t read_address = 0;
    std::uint16_t read_count = 0;
    std::uint16_t write_address = 0;
    Lent values{};
    friend bool operator==(const ReadWrite&, const ReadWrite&) = default;
};
struct ReadFifo {  // 24
    std::uint16_t address = 0;
    friend bool operator==(const ReadFifo&, const ReadFifo&) = default;
};
struct ReadIdentification {  // 43/14
    std::uint8_t code = 1;   // basic, regular, extended; 4: one object
    std::uint8_t object = 0;
    friend bool operator==(const ReadIdentification&, const ReadIdentification&) = default;
};
struct Other {  // either way
    std::uint8_t function = 0;
    Lent data{};
    friend bool operator==(const Other&, const Other&) = default;
};

// ---- responses ----------------------------------------------------------------------------------

struct BitsRead {  // 1, 2
    Area area = Area::coil;
    Lent bits{};
    friend bool operator==(const BitsRead&, const BitsRead&) = default;
};
struct RegistersRead {  // 3, 4, 23
    Function function = Function::read_holding_registers;
    Lent values{};
    friend bool operator==(const RegistersRead&, const RegistersRead&) = default;
};
struct ExceptionStatus {  // 7
    std::uint8_t status = 0;
    friend bool operator==(const ExceptionStatus&, const ExceptionStatus&) = default;
};
struct EventCounter {  // 11
    std::uint16_t status = 0;
    std::uint16_t events = 0;
    friend bool operator==(const EventCounter&, const EventCounter&) = default;
};
struct EventLog {  // 12
    std::uint16_t status = 0;
    std::uint16_t events = 0;
    std::uint16_t messages = 0;
    Lent log{};  // the newest first
    friend bool operator==(const EventLog&, const EventLog&) = default;
};
struct WrittenMany {  // 15, 16
    Function function = Function::write_multiple_registers;
    std::uint16_t address = 0;
    std::uint16_t count = 0;
    friend bool operator==(const WrittenMany&, const WrittenMany&) = default;
};
struct ServerId {  // 17: the id, 0xff where it runs, and what it likes to add
    Lent data{};
    friend bool operator==(const ServerId&, const ServerId&) = default;
};
struct FilesRead {  // 20: of each record its length in octets, 6, its registers
    Lent records{};
    friend bool operator==(const FilesRead&, const FilesRead&) = default;
};
struct FifoRead {  // 24
    Lent values{};
    friend bool operator==(const FifoRead&, const FifoRead&) = default;
};
struct IdentificationRead {  // 43/14
    std::uint8_t code = 1;
    std::uint8_t conformity = 0x81;
    bool more = false;
    std::uint8_t next = 0;
    std::uint8_t count = 0;
    Lent objects{};  // of each its number, its length, its text
    friend bool operator==(const IdentificationRead&, const IdentificationRead&) = default;
};
struct Refused {
    std::uint8_t function = 0;  // without the exception's bit
    Exception exception = Exception::illegal_function;
    friend bool operator==(const Refused&, const Refused&) = default;
};

struct RequestPdu {
    using Body = std::variant<ReadRequest, WriteCoil, WriteRegister, Bare, Diagnostics, WriteCoils,
                              WriteRegisters, ReadFiles, WriteFiles, MaskWrite, ReadWrite, ReadFifo,
                              ReadIdentification, Other>;
    Body body{};

    /// All that is left of `in`.
    [[nodiscard]] static Result<RequestPdu> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const;
    void emit(ByteWriter& out) const;
    [[nodiscard]] std::uint8_t function() const noexcept;
    friend bool operator==(const RequestPdu&, const RequestPdu&) = default;
};

struct ResponsePdu {
    using Body = std::variant<BitsRead, RegistersRead, WriteCoil, WriteRegister, ExceptionStatus,
                              Diagnostics, EventCounter, EventLog, WrittenMany, ServerId, FilesRead,
                              WriteFiles, MaskWrite, FifoRead, IdentificationRead, Refused, Other>;
    Body body{};

    [[nodiscard]] static Result<ResponsePdu> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const;
    void emit(ByteWriter& out) const;
    /// With the exception's bit where it is one.
    [[nodiscard]] std::uint8_t function() const noexcept;
    friend bool operator==(const ResponsePdu&, const ResponsePdu&) = default;
};

static_assert(Repr<RequestPdu> && Repr<ResponsePdu>);

/// One part of a file, in ReadFiles (seven octets each) and WriteFiles (and its registers).
struct FileRecord {
    std::uint8_t reference = record_reference_type;
    std::uint16_t file = 0;
    std::uint16_t record = 0;
    std::uint16_t count = 0;  // registers
    Bytes values{};
};
/// The next of them; the reader fails where there is none.
[[nodiscard]] FileRecord next_record(ByteReader& records, bool with_values);

/// Octets of the PDU that begins like this, as far as that can be told: more than there are means
/// that it can be told when there are more. None: only its end will tell.
[[nodiscard]] std::optional<std::size_t> request_octets(Bytes begun) noexcept;
[[nodiscard]] std::optional<std::size_t> response_octets(Bytes begun) noexcept;

[[nodiscard]] constexpr bool has_bits(Area area) noexcept {
    return area == Area::coil || area == Area::discrete_input;
}
[[nodiscard]] Function read_function_of(Area area) noexcept;

}  // namespace causeway::scada::modbus
