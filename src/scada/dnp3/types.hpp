#pragma once
// DNP3's own words. [IEEE 1815-2012]
#include <cstdint>
#include <string_view>
#include <utility>

namespace causeway::scada::dnp3 {

inline constexpr std::uint16_t default_port = 20'000;

/// Of the data link. [IEEE 1815 §9.2.4.1.4]
using Address = std::uint16_t;
inline constexpr Address self_address = 0xfffc;
inline constexpr Address broadcast_no_confirm = 0xfffd;  // 0xfffd to 0xffff: everybody
inline constexpr Address broadcast_confirm_optional = 0xffff;
inline constexpr Address broadcast_confirm_required = 0xfffe;
[[nodiscard]] constexpr bool is_broadcast(Address address) noexcept {
    return address >= broadcast_no_confirm;
}
/// 0xfff0 to 0xfffb are reserved.
[[nodiscard]] constexpr bool is_individual(Address address) noexcept {
    return address < 0xfff0;
}

/// [IEEE 1815 §4.2.2.5]
enum class Function : std::uint8_t {
    confirm = 0,
    read = 1,
    write = 2,
    select = 3,
    operate = 4,
    direct_operate = 5,
    direct_operate_no_ack = 6,
    immediate_freeze = 7,
    immediate_freeze_no_ack = 8,
    freeze_and_clear = 9,
    freeze_and_clear_no_ack = 10,
    freeze_at_time = 11,
    freeze_at_time_no_ack = 12,
    cold_restart = 13,
    warm_restart = 14,
    initialize_data = 15,
    initialize_application = 16,
    start_application = 17,
    stop_application = 18,
    save_configuration = 19,
    enable_unsolicited = 20,
    disable_unsolicited = 21,
    assign_class = 22,
    delay_measurement = 23,
    record_current_time = 24,
    response = 129,
    unsolicited_response = 130,
};
[[nodiscard]] std::string_view name_of(Function function) noexcept;

/// Internal indications, the first octet the low one. [IEEE 1815 §4.2.2.6]
enum class Iin : std::uint16_t {
    broadcast = 0x0001,
    class_1_events = 0x0002,
    class_2_events = 0x0004,
    class_3_events = 0x0008,
    need_time = 0x0010,
    local_control = 0x0020,
    device_trouble = 0x0040,
    device_restart = 0x0080,
    no_func_code_support = 0x0100,
    object_unknown = 0x0200,
    parameter_error = 0x0400,
    event_buffer_overflow = 0x0800,
    already_executing = 0x1000,
    config_corrupt = 0x2000,
};
class Iins {
public:
    constexpr Iins() = default;
    constexpr Iins(Iin one) : bits_(std::to_underlying(one)) {}
    [[nodiscard]] static constexpr Iins from_bits(std::uint16_t bits) {
        Iins all;
        all.bits_ = bits;
        return all;
    }
    [[nodiscard]] constexpr std::uint16_t bits() const noexcept { return bits_; }
    [[nodiscard]] constexpr bool has(Iin one) const noexcept {
        return (bits_ & std::to_underlying(one)) != 0;
    }
    constexpr Iins& set(Iin one, bool on = true) noexcept {
        const auto bit = std::to_underlying(one);
        bits_ = static_cast<std::uint16_t>(on ? bits_ | bit : bits_ & ~bit);
        return *this;
    }
    friend constexpr Iins operator|(Iins a, Iins b) noexcept {
        return from_bits(static_cast<std::uint16_t>(a.bits_ | b.bits_));
    }
    friend constexpr bool operator==(Iins, Iins) = default;

private:
    std::uint16_t bits_ = 0;
};

/// Flags of objects: bits 0 to 4 mean the same in every type. [IEEE 1815 §11.6]
namespace flag {
inline constexpr std::uint8_t online = 0x01, restart = 0x02, comm_lost = 0x04, remote_forced = 0x08,
                              local_forced = 0x10;
inline constexpr std::uint8_t chatter_filter = 0x20;                      // binary, double-bit
inline constexpr std::uint8_t rollover = 0x20, discontinuity = 0x40;      // counters
inline constexpr std::uint8_t over_range = 0x20, reference_error = 0x40;  // analogs
inline constexpr std::uint8_t state = 0x80;                               // binary
}  // namespace flag

/// What a device said to a command. [IEEE 1815 §11.9.2]
enum class CommandStatus : std::uint8_t {
    success = 0,
    timeout = 1,
    no_select = 2,
    format_error = 3,
    not_supported = 4,
    already_active = 5,
    hardware_error = 6,
    local = 7,
    too_many_ops = 8,
    not_authorized = 9,
    automation_inhibit = 10,
    processing_limited = 11,
    out_of_range = 12,
    not_participating = 126,
    undefined = 127,
};
[[nodiscard]] std::string_view name_of(CommandStatus status) noexcept;

enum class PointType : std::uint8_t {
    binary,          // g1, g2
    double_bit,      // g3, g4
    binary_output,   // g10, g11; commands g12, g13
    counter,         // g20, g22
    frozen_counter,  // g21, g23
    analog,          // g30, g32; deadbands g34
    analog_output,   // g40, g42; commands g41, g43
    octet_string,    // g110, g111
};
inline constexpr std::size_t point_types = 8;
[[nodiscard]] std::string_view name_of(PointType type) noexcept;

/// 0 is static data alone; events are of class 1, 2 or 3. As a set: bit n is class n.
enum class EventClass : std::uint8_t { none = 0, one = 1, two = 2, three = 3 };
struct Classes {
    bool zero = false, one = false, two = false, three = false;
    friend bool operator==(const Classes&, const Classes&) = default;
};
inline constexpr Classes events{.one = true, .two = true, .three = true};
inline constexpr Classes everything{.zero = true, .one = true, .two = true, .three = true};

}  // namespace causeway::scada::dnp3
