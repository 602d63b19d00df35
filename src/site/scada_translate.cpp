#include "site/scada_translate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace causeway::site {
namespace {

namespace dnp3 = scada::dnp3;
namespace modbus = scada::modbus;
using points::Flag;
using points::Outcome;

struct FlagPair {
    std::uint8_t bit;
    Flag flag;
};
constexpr std::array common_flags{FlagPair{dnp3::flag::restart, Flag::restart},
                                  FlagPair{dnp3::flag::comm_lost, Flag::comm_lost},
                                  FlagPair{dnp3::flag::remote_forced, Flag::remote_forced},
                                  FlagPair{dnp3::flag::local_forced, Flag::local_forced}};

/// What bits 5 and 6 are depends on the type. [IEEE 1815 §11.6]
std::span<const FlagPair> own_flags(dnp3::PointType type) {
    static constexpr std::array bits{FlagPair{dnp3::flag::chatter_filter, Flag::chatter}};
    static constexpr std::array counts{FlagPair{dnp3::flag::rollover, Flag::rollover},
                                       FlagPair{dnp3::flag::discontinuity, Flag::discontinuity}};
    static constexpr std::array numbers{
        FlagPair{dnp3::flag::over_range, Flag::over_range},
        FlagPair{dnp3::flag::reference_error, Flag::reference_error}};
    switch (type) {
        case dnp3::PointType::binary:
        case dnp3::PointType::double_bit:
            return bits;
        case dnp3::PointType::counter:
        case dnp3::PointType::frozen_counter:
            return counts;
        case dnp3::PointType::analog:
        case dnp3::PointType::analog_output:
            return numbers;
        case dnp3::PointType::binary_output:
        case dnp3::PointType::octet_string:
            break;
    }
    return {};
}

points::Value value_from(const dnp3::MeasuredValue& value, points::Kind kind) {
    points::Value out = std::visit(
        Overloaded{[](bool on) -> points::Value { return on; },
                   [](dnp3::DoubleBit state) -> points::Value {
                       return points::Enumeration{std::to_underlying(state)};
                   },
                   [](std::uint32_t count) -> points::Value { return std::int64_t{count}; },
                   [](double number) -> points::Value { return number; },
                   [](const Octets& octets) -> points::Value { return octets; }},
        value);
    return points::as_kind(out, kind).value_or(out);
}

/// The ends of what a type of registers can say.
std::pair<double, double> ends_of(modbus::Type type) {
    using modbus::Type;
    switch (type) {
        case Type::bit:
            return {0, 1};
        case Type::u16:
            return {0, 65'535};
        case Type::i16:
            return {-32'768, 32'767};
        case Type::u32:
            return {0, 4'294'967'295.0};
        case Type::i32:
            return {-2'147'483'648.0, 2'147'483'647.0};
        case Type::u64:
            return {0, 18'446'744'073'709'549'568.0};  // the last double below 2^64
        case Type::i64:
            return {-9'223'372'036'854'775'808.0, 9'223'372'036'854'774'784.0};
        case Type::bcd16:
            return {0, 9'999};
        case Type::bcd32:
            return {0, 99'999'999};
        case Type::f32:
            return {-3.402823466e38, 3.402823466e38};
        case Type::f64:
        case Type::text:
            break;
    }
    return {std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()};
}

}  // namespace

points::Quality quality_from_dnp3(dnp3::PointType type, std::uint8_t flags) {
    points::Quality quality;
    if (type == dnp3::PointType::octet_string) return quality;  // has no flags
    if ((flags & dnp3::flag::online) == 0) quality.set(Flag::offline);
    for (const FlagPair& pair : common_flags) quality.set(pair.flag, (flags & pair.bit) != 0);
    for (const FlagPair& pair : own_flags(type)) quality.set(pair.flag, (flags & pair.bit) != 0);
    return quality;
}

std::uint8_t quality_to_dnp3(dnp3::PointType type, points::Quality quality) {
    unsigned flags = 0;
    for (const FlagPair& pair : common_flags)
        if (quality.has(pair.flag)) flags |= pair.bit;
    for (const FlagPair& pair : own_flags(type))
        if (quality.has(pair.flag)) flags |= pair.bit;
    // What nobody measured yet is as after a start; what is invalid, blocked or old is not online;
    // what somebody substituted was forced.
    if (quality.has(Flag::never_known)) flags |= dnp3::flag::restart;
    if (quality.has(Flag::substituted)) flags |= dnp3::flag::remote_forced;
    const bool off = quality.has(Flag::offline) || quality.has(Flag::invalid) ||
                     quality.has(Flag::blocked) || quality.has(Flag::not_topical) ||
                     quality.has(Flag::never_known) || quality.has(Flag::comm_lost);
    if (!off) flags |= dnp3::flag::online;
    return static_cast<std::uint8_t>(flags);
}

points::Sample sample_from_dnp3(const dnp3::Measurement& measurement, const Dnp3Source& source,
                                points::Time arrival) {
    points::Sample sample;
    sample.value =
        points::as_kind(source.scaling.to_point(value_from(
                            measurement.value,
                            source.scaling.plain() ? source.definition.kind : points::Kind::real)),
                        source.definition.kind)
            .value_or(points::Value{});
    sample.quality = quality_from_dnp3(measurement.type, measurement.flags);
    sample.time = arrival;
    if (measurement.time)
        sample.time = {.ms = static_cast<std::int64_t>(measurement.time->ms),
                       .source = measurement.time->synchronised
                                     ? points::Time::Source::device
                                     : points::Time::Source::unsynchronised};
    return sample;
}

dnp3::Measurement sample_to_dnp3(const points::Sample& sample, const Dnp3Window& window) {
    using dnp3::PointType;
    dnp3::Measurement out;
    out.type = window.plan.type;
    out.index = window.plan.index;
    out.flags = quality_to_dnp3(out.type, sample.quality);
    const points::Value raw = window.scaling.to_raw(sample.value).value_or(sample.value);
    switch (out.type) {
        case PointType::binary:
        case PointType::binary_output:
            out.value = points::as_real(raw).value_or(0) != 0;
            break;
        case PointType::double_bit: {
            // A boolean is one of the two determined states.
            std::int64_t state = points::as_integer(raw).value_or(3);
            if (std::holds_alternative<bool>(raw)) state += 1;
            out.value = static_cast<dnp3::DoubleBit>(state & 3);
            break;
        }
        case PointType::counter:
        case PointType::frozen_counter:
            // Counters go round; so does what is longer than 32 bits.
            out.value = static_cast<std::uint32_t>(points::as_integer(raw).value_or(0));
            break;
        case PointType::analog:
        case PointType::analog_output:
            out.value = points::as_real(raw).value_or(0);
            break;
        case PointType::octet_string:
            if (const auto* octets = std::get_if<Octets>(&raw))
                out.value = *octets;
            else
                out.value = to_octets(as_octets(points::to_text(raw)));
            break;
    }
    // Nothing is shorter than one octet there, or longer than 255.
    if (auto* octets = std::get_if<Octets>(&out.value))
        octets->resize(std::clamp<std::size_t>(octets->size(), 1, 255));
    if (sample.time.source != points::Time::Source::none && sample.time.ms >= 0)
        out.time = dnp3::Timestamp{
            .ms = static_cast<std::uint64_t>(sample.time.ms) & 0xffff'ffff'ffffu,
            .synchronised = sample.time.source != points::Time::Source::unsynchronised};
    return out;
}

points::Outcome outcome_from_dnp3(dnp3::CommandStatus status) {
    using dnp3::CommandStatus;
    switch (status) {
        case CommandStatus::success:
            return Outcome::success;
        case CommandStatus::timeout:
            return Outcome::timeout;
        case CommandStatus::no_select:
            return Outcome::no_select;
        case CommandStatus::format_error:
            return Outcome::format_error;
        case CommandStatus::not_supported:
            return Outcome::not_supported;
        case CommandStatus::already_active:
            return Outcome::already_active;
        case CommandStatus::hardware_error:
            return Outcome::hardware_error;
        case CommandStatus::local:
            return Outcome::local;
        case CommandStatus::too_many_ops:
            return Outcome::too_many;
        case CommandStatus::not_authorized:
            return Outcome::not_authorized;
        case CommandStatus::automation_inhibit:
            return Outcome::inhibited;
        case CommandStatus::processing_limited:
            return Outcome::busy;
        case CommandStatus::out_of_range:
            return Outcome::out_of_range;
        case CommandStatus::not_participating:
        case CommandStatus::undefined:
            break;
    }
    return Outcome::refused;
}

dnp3::CommandStatus outcome_to_dnp3(points::Outcome outcome) {
    using dnp3::CommandStatus;
    switch (outcome) {
        case Outcome::success:
            return CommandStatus::success;
        case Outcome::timeout:
            return CommandStatus::timeout;
        case Outcome::no_select:
            return CommandStatus::no_select;
        case Outcome::format_error:
            return CommandStatus::format_error;
        case Outcome::not_supported:
            return CommandStatus::not_supported;
        case Outcome::already_active:
            return CommandStatus::already_active;
        case Outcome::hardware_error:
        case Outcome::unreachable:
        case Outcome::unanswered:
            return CommandStatus::hardware_error;
        case Outcome::local:
            return CommandStatus::local;
        case Outcome::too_many:
            return CommandStatus::too_many_ops;
        case Outcome::not_authorized:
            return CommandStatus::not_authorized;
        case Outcome::inhibited:
            return CommandStatus::automation_inhibit;
        case Outcome::out_of_range:
            return CommandStatus::out_of_range;
        case Outcome::busy:
            return CommandStatus::processing_limited;
        case Outcome::refused:
        case Outcome::cancelled:
            break;
    }
    return CommandStatus::undefined;
}

std::optional<dnp3::Control> control_to_dnp3(const points::Command& command,
                                             const Dnp3Source& source) {
    dnp3::Control control;
    control.index = *source.control;
    if (source.definition.kind == points::Kind::boolean ||
        source.definition.kind == points::Kind::enumeration) {
        const auto state = points::as_integer(command.value);
        if (!state) return std::nullopt;
        // Of a double-bit point, 1 is off and 2 is on.
        const bool on = source.definition.kind == points::Kind::boolean ? *state != 0 : *state == 2;
        if (source.definition.kind == points::Kind::enumeration && *state != 1 && *state != 2)
            return std::nullopt;
        const points::Pulse pulse = command.pulse.value_or(source.pulse);
        const bool ways = pulse.way != points::Pulse::Way::unsaid;
        const bool pulsed = pulse.form == points::Pulse::Form::pulse || ways;
        using Operation = dnp3::Crob::Operation;
        dnp3::Crob crob;
        crob.operation = pulsed ? (on || ways ? Operation::pulse_on : Operation::pulse_off)
                                : (on ? Operation::latch_on : Operation::latch_off);
        if (ways) crob.trip_close = on ? dnp3::Crob::TripClose::close : dnp3::Crob::TripClose::trip;
        crob.count = pulse.count;
        crob.clear = pulse.clear;
        crob.on_ms = pulse.on_ms;
        crob.off_ms = pulse.off_ms;
        control.what = crob;
        return control;
    }
    const auto raw = source.scaling.to_raw(command.value);
    const auto number = raw ? points::as_real(*raw) : std::nullopt;
    if (!number) return std::nullopt;
    control.what = dnp3::AnalogCommand{.variation = source.command_variation, .value = *number};
    return control;
}

std::optional<ControlMeaning> control_from_dnp3(const dnp3::Control& control,
                                                const Dnp3Window& window) {
    if (const auto* analog = std::get_if<dnp3::AnalogCommand>(&control.what))
        return ControlMeaning{.value = window.scaling.to_point(points::Value(analog->value)),
                              .pulse = std::nullopt};
    const auto& crob = std::get<dnp3::Crob>(control.what);
    using Operation = dnp3::Crob::Operation;
    using Way = points::Pulse::Way;
    points::Pulse pulse{
        .count = crob.count, .on_ms = crob.on_ms, .off_ms = crob.off_ms, .clear = crob.clear};
    bool on = false;
    switch (crob.operation) {
        case Operation::nul:
            return std::nullopt;
        case Operation::latch_on:
            on = true;
            break;
        case Operation::latch_off:
            break;
        case Operation::pulse_on:
            on = true;
            pulse.form = points::Pulse::Form::pulse;
            break;
        case Operation::pulse_off:
            pulse.form = points::Pulse::Form::pulse;
            break;
    }
    switch (crob.trip_close) {
        case dnp3::Crob::TripClose::nul:
            break;
        case dnp3::Crob::TripClose::close:
            pulse.way = Way::close;
            on = true;
            break;
        case dnp3::Crob::TripClose::trip:
            pulse.way = Way::trip;
            on = false;
            break;
        case dnp3::Crob::TripClose::reserved:
            return std::nullopt;
    }
    return ControlMeaning{.value = points::Value(on), .pulse = pulse};
}

std::optional<points::Value> value_from_modbus(std::span<const std::uint16_t> registers,
                                               const ModbusPlace& place,
                                               const points::Scaling& scaling, points::Kind kind) {
    if (registers.empty()) return std::nullopt;
    if (place.is_bit_area()) return points::Value(registers[0] != 0);
    if (place.bit) return points::Value((registers[0] >> *place.bit & 1) != 0);
    const auto number = modbus::decode(registers, place.type, place.order);
    if (!number) return std::nullopt;
    const points::Value raw =
        std::visit([](const auto& of_its_kind) -> points::Value { return of_its_kind; }, *number);
    return points::as_kind(scaling.to_point(raw), kind);
}

std::optional<ModbusImage> value_to_modbus(const points::Value& value, const ModbusPlace& place,
                                           const points::Scaling& scaling) {
    if (place.type == modbus::Type::text) {
        std::string text = points::to_text(value);
        text.resize(std::min<std::size_t>(text.size(), std::size_t{place.length} * 2));
        auto registers = modbus::encode(text, place.type, place.order, place.length);
        if (!registers) return std::nullopt;
        return ModbusImage{.registers = *std::move(registers)};
    }
    const auto raw = scaling.to_raw(value);
    const auto real = raw ? points::as_real(*raw) : std::nullopt;
    if (!real || std::isnan(*real)) return std::nullopt;
    if (place.is_bit_area()) return ModbusImage{.registers = {*real != 0}};
    const auto [least, most] = ends_of(place.type);
    ModbusImage image;
    modbus::Number number = std::clamp(*real, least, most);
    image.clamped = *real < least || *real > most;
    // Whole numbers stay exact where a double would round them.
    if (const auto* whole = std::get_if<std::int64_t>(&*raw); whole && !image.clamped)
        number = *whole;
    auto registers = modbus::encode(number, place.type, place.order);
    if (!registers) return std::nullopt;
    image.registers = *std::move(registers);
    return image;
}

points::Outcome outcome_from_modbus(modbus::Exception exception) {
    using modbus::Exception;
    switch (exception) {
        case Exception::illegal_function:
            return Outcome::not_supported;
        case Exception::illegal_data_address:
            return Outcome::not_supported;
        case Exception::illegal_data_value:
            return Outcome::out_of_range;
        case Exception::server_device_failure:
            return Outcome::hardware_error;
        case Exception::acknowledge:
        case Exception::server_device_busy:
            return Outcome::busy;
        case Exception::gateway_path_unavailable:
        case Exception::gateway_target_failed:
            return Outcome::unreachable;
        case Exception::negative_acknowledge:
        case Exception::memory_parity_error:
            break;
    }
    return Outcome::refused;
}

std::optional<modbus::Exception> outcome_to_modbus(points::Outcome outcome) {
    using modbus::Exception;
    switch (outcome) {
        case Outcome::success:
            return std::nullopt;
        case Outcome::format_error:
        case Outcome::out_of_range:
            return Exception::illegal_data_value;
        case Outcome::not_supported:
            return Exception::illegal_data_address;
        case Outcome::already_active:
        case Outcome::too_many:
        case Outcome::busy:
            return Exception::server_device_busy;
        case Outcome::unreachable:
            return Exception::gateway_path_unavailable;
        case Outcome::timeout:
        case Outcome::unanswered:
            return Exception::gateway_target_failed;
        case Outcome::no_select:
        case Outcome::hardware_error:
        case Outcome::local:
        case Outcome::not_authorized:
        case Outcome::inhibited:
        case Outcome::refused:
        case Outcome::cancelled:
            break;
    }
    return Exception::server_device_failure;
}

}  // namespace causeway::site
