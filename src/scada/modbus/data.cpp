#include "scada/modbus/data.hpp"
#include "scada/modbus/pdu.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace causeway::scada::modbus {
namespace {

struct TypeName {
    std::string_view name;
    Type type;
    std::size_t registers;  // zero: a text's
};
constexpr std::array type_names{
    TypeName{"bit", Type::bit, 1},     TypeName{"u16", Type::u16, 1},
    TypeName{"i16", Type::i16, 1},     TypeName{"u32", Type::u32, 2},
    TypeName{"i32", Type::i32, 2},     TypeName{"u64", Type::u64, 4},
    TypeName{"i64", Type::i64, 4},     TypeName{"f32", Type::f32, 2},
    TypeName{"f64", Type::f64, 4},     TypeName{"bcd16", Type::bcd16, 1},
    TypeName{"bcd32", Type::bcd32, 2}, TypeName{"text", Type::text, 0},
};
struct OrderName {
    std::string_view name;
    Order order;
};
constexpr std::array order_names{OrderName{"abcd", Order::abcd}, OrderName{"cdab", Order::cdab},
                                 OrderName{"badc", Order::badc}, OrderName{"dcba", Order::dcba}};

std::uint16_t swapped(std::uint16_t value) {
    return static_cast<std::uint16_t>(value << 8 | value >> 8);
}
bool swaps_octets(Order order) {
    return order == Order::badc || order == Order::dcba;
}
bool low_first(Order order) {
    return order == Order::cdab || order == Order::dcba;
}

std::uint64_t joined(std::span<const std::uint16_t> registers, Order order) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < registers.size(); ++i) {
        const std::uint16_t at = registers[low_first(order) ? registers.size() - 1 - i : i];
        value = value << 16 | (swaps_octets(order) ? swapped(at) : at);
    }
    return value;
}

std::vector<std::uint16_t> parted(std::uint64_t value, std::size_t count, Order order) {
    std::vector<std::uint16_t> registers(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<std::uint16_t>(value >> 16 * (count - 1 - i));
        registers[low_first(order) ? count - 1 - i : i] = swaps_octets(order) ? swapped(at) : at;
    }
    return registers;
}

std::optional<Number> from_bcd(std::uint64_t digits) {
    std::int64_t value = 0;
    for (int shift = 28; shift >= 0; shift -= 4) {
        const auto digit = static_cast<std::int64_t>(digits >> shift & 15);
        if (digit > 9) return std::nullopt;
        value = value * 10 + digit;
    }
    return Number(value);
}

std::uint64_t to_bcd(std::uint64_t value) {
    std::uint64_t digits = 0;
    for (int shift = 0; value != 0; shift += 4, value /= 10) digits |= value % 10 << shift;
    return digits;
}

/// A text's characters, two a register, up to the first zero; blanks at its end are padding.
std::string to_string(std::span<const std::uint16_t> registers, Order order) {
    std::string text;
    for (const std::uint16_t at : registers) {
        const std::uint16_t pair = swaps_octets(order) ? swapped(at) : at;
        text += static_cast<char>(pair >> 8);
        text += static_cast<char>(pair & 0xff);
    }
    text.resize(std::min(text.find('\0'), text.size()));
    text.resize(text.find_last_not_of(' ') + 1);
    return text;
}

std::optional<std::vector<std::uint16_t>> from_string(std::string_view text, std::size_t count,
                                                      Order order) {
    if (text.size() > 2 * count) return std::nullopt;
    std::vector<std::uint16_t> registers(count);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool high = i % 2 == 0;
        registers[i / 2] = static_cast<std::uint16_t>(registers[i / 2] | (high ? c << 8 : c));
    }
    if (swaps_octets(order)) std::ranges::transform(registers, registers.begin(), swapped);
    return registers;
}

/// Whole numbers that a type holds, as its bits; none where it does not.
std::optional<std::uint64_t> whole_bits(const Number& number, Type type) {
    // 2^63 and above are u64's alone, and come as real numbers.
    if (const double* real = std::get_if<double>(&number); real != nullptr && type == Type::u64) {
        const double rounded = std::round(*real);
        if (!(rounded >= 0) || rounded >= 0x1p64) return std::nullopt;
        return static_cast<std::uint64_t>(rounded);
    }
    std::int64_t value = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&number)) {
        value = *whole;
    } else {
        const double rounded = std::round(std::get<double>(number));
        if (!(rounded >= -0x1p63) || rounded >= 0x1p63) return std::nullopt;
        value = static_cast<std::int64_t>(rounded);
    }
    struct Range {
        std::int64_t least, most;
    };
    const auto range = [&]() -> Range {
        switch (type) {
            case Type::bit:
                return {0, 1};
            case Type::u16:
                return {0, 0xffff};
            case Type::i16:
                return {-0x8000, 0x7fff};
            case Type::u32:
                return {0, 0xffff'ffff};
            case Type::i32:
                return {-0x8000'0000LL, 0x7fff'ffff};
            case Type::u64:
                return {0, std::numeric_limits<std::int64_t>::max()};
            case Type::bcd16:
                return {0, 9'999};
            case Type::bcd32:
                return {0, 99'999'999};
            default:
                break;
        }
        return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
    }();
    if (value < range.least || value > range.most) return std::nullopt;
    const auto bits = static_cast<std::uint64_t>(value);
    return type == Type::bcd16 || type == Type::bcd32 ? to_bcd(bits) : bits;
}

}  // namespace

std::size_t registers_of(Type type, std::size_t text_registers) noexcept {
    if (type == Type::text) return text_registers;
    return type_names[static_cast<std::size_t>(type)].registers;
}

std::optional<Number> decode(std::span<const std::uint16_t> registers, Type type, Order order) {
    if (type == Type::text) return Number(to_string(registers, order));
    if (registers.size() != registers_of(type)) return std::nullopt;
    const std::uint64_t bits = joined(registers, order);
    switch (type) {
        case Type::bit:
            return Number(std::int64_t{bits != 0});
        case Type::i16:
            return Number(std::int64_t{static_cast<std::int16_t>(bits)});
        case Type::i32:
            return Number(std::int64_t{static_cast<std::int32_t>(bits)});
        case Type::f32:
            return Number(double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))});
        case Type::f64:
            return Number(std::bit_cast<double>(bits));
        case Type::bcd16:
        case Type::bcd32:
            return from_bcd(bits);
        case Type::u64:
            if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                return Number(static_cast<double>(bits));
            break;
        default:
            break;
    }
    return Number(static_cast<std::int64_t>(bits));
}

std::optional<std::vector<std::uint16_t>> encode(const Number& number, Type type, Order order,
                                                 std::size_t text_registers) {
    if (const auto* text = std::get_if<std::string>(&number)) {
        if (type != Type::text) return std::nullopt;
        return from_string(*text, text_registers, order);
    }
    if (type == Type::text) return std::nullopt;
    const std::size_t count = registers_of(type);
    if (type == Type::f32 || type == Type::f64) {
        const double real = std::holds_alternative<double>(number)
                                ? std::get<double>(number)
                                : static_cast<double>(std::get<std::int64_t>(number));
        if (type == Type::f64) return parted(std::bit_cast<std::uint64_t>(real), count, order);
        if (std::isfinite(real) && std::abs(real) > double{std::numeric_limits<float>::max()})
            return std::nullopt;
        return parted(std::bit_cast<std::uint32_t>(static_cast<float>(real)), count, order);
    }
    const auto bits = whole_bits(number, type);
    if (!bits) return std::nullopt;
    return parted(*bits, count, order);
}

std::string_view name_of(Type type) noexcept {
    return type_names[static_cast<std::size_t>(type)].name;
}
std::string_view name_of(Order order) noexcept {
    return order_names[static_cast<std::size_t>(order)].name;
}
std::optional<Type> type_from(std::string_view name) noexcept {
    for (const TypeName& known : type_names)
        if (known.name == name) return known.type;
    return std::nullopt;
}
std::optional<Order> order_from(std::string_view name) noexcept {
    for (const OrderName& known : order_names)
        if (known.name == name) return known.order;
    return std::nullopt;
}

std::string_view name_of(Area area) noexcept {
    switch (area) {
        case Area::coil:
            return "coil";
        case Area::discrete_input:
            return "discrete_input";
        case Area::input_register:
            return "input_register";
        case Area::holding_register:
            return "holding_register";
    }
    return "unknown";
}

std::string_view name_of(Exception exception) noexcept {
    switch (exception) {
        case Exception::illegal_function:
            return "illegal function";
        case Exception::illegal_data_address:
            return "illegal data address";
        case Exception::illegal_data_value:
            return "illegal data value";
        case Exception::server_device_failure:
            return "server device failure";
        case Exception::acknowledge:
            return "acknowledge";
        case Exception::server_device_busy:
            return "server device busy";
        case Exception::negative_acknowledge:
            return "negative acknowledge";
        case Exception::memory_parity_error:
            return "memory parity error";
        case Exception::gateway_path_unavailable:
            return "gateway path unavailable";
        case Exception::gateway_target_failed:
            return "gateway target device failed to respond";
    }
    return "unknown exception";
}

std::string_view name_of(Function function) noexcept {
    switch (function) {
        case Function::read_coils:
            return "read coils";
        case Function::read_discrete_inputs:
            return "read discrete inputs";
        case Function::read_holding_registers:
            return "read holding registers";
        case Function::read_input_registers:
            return "read input registers";
        case Function::write_single_coil:
            return "write single coil";
        case Function::write_single_register:
            return "write single register";
        case Function::read_exception_status:
            return "read exception status";
        case Function::diagnostics:
            return "diagnostics";
        case Function::get_comm_event_counter:
            return "get comm event counter";
        case Function::get_comm_event_log:
            return "get comm event log";
        case Function::write_multiple_coils:
            return "write multiple coils";
        case Function::write_multiple_registers:
            return "write multiple registers";
        case Function::report_server_id:
            return "report server id";
        case Function::read_file_record:
            return "read file record";
        case Function::write_file_record:
            return "write file record";
        case Function::mask_write_register:
            return "mask write register";
        case Function::read_write_multiple_registers:
            return "read/write multiple registers";
        case Function::read_fifo_queue:
            return "read fifo queue";
        case Function::encapsulated_interface:
            return "encapsulated interface transport";
    }
    return "unknown function";
}

std::string_view name_of(Diagnostic what) noexcept {
    switch (what) {
        case Diagnostic::return_query_data:
            return "return query data";
        case Diagnostic::restart_communications:
            return "restart communications option";
        case Diagnostic::return_register:
            return "return diagnostic register";
        case Diagnostic::change_ascii_delimiter:
            return "change ascii input delimiter";
        case Diagnostic::force_listen_only:
            return "force listen only mode";
        case Diagnostic::clear_counters:
            return "clear counters and diagnostic register";
        case Diagnostic::bus_message_count:
            return "return bus message count";
        case Diagnostic::bus_communication_error_count:
            return "return bus error count";
        case Diagnostic::bus_exception_error_count:
            return "return bus exception count";
        case Diagnostic::server_message_count:
            return "return server message count";
        case Diagnostic::server_no_response_count:
            return "return server no response count";
        case Diagnostic::server_nak_count:
            return "return server nak count";
        case Diagnostic::server_busy_count:
            return "return server busy count";
        case Diagnostic::bus_character_overrun_count:
            return "return bus overrun count";
        case Diagnostic::clear_overrun_counter:
            return "clear overrun counter and flag";
    }
    return "unknown diagnostic";
}

}  // namespace causeway::scada::modbus
