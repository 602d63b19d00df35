#pragma once
// Between a protocol's words and the point table's: values, quality, time, commands and outcomes.
// What is lost where stands in docs/translation.md. For this room's .cpp files.
#include "points/command.hpp"
#include "points/scaling.hpp"
#include "points/value.hpp"
#include "scada/dnp3/measurement.hpp"
#include "scada/modbus/types.hpp"
#include "site/scada_site.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace causeway::site {

// ---- DNP3 ---------------------------------------------------------------------------------------

[[nodiscard]] points::Quality quality_from_dnp3(scada::dnp3::PointType type, std::uint8_t flags);
[[nodiscard]] std::uint8_t quality_to_dnp3(scada::dnp3::PointType type, points::Quality quality);
/// `arrival` is the time of what says none itself.
[[nodiscard]] points::Sample sample_from_dnp3(const scada::dnp3::Measurement& measurement,
                                              const Dnp3Source& source, points::Time arrival);
[[nodiscard]] scada::dnp3::Measurement sample_to_dnp3(const points::Sample& sample,
                                                      const Dnp3Window& window);
[[nodiscard]] points::Outcome outcome_from_dnp3(scada::dnp3::CommandStatus status);
[[nodiscard]] scada::dnp3::CommandStatus outcome_to_dnp3(points::Outcome outcome);
/// None where the value cannot be commanded so.
[[nodiscard]] std::optional<scada::dnp3::Control> control_to_dnp3(const points::Command& command,
                                                                  const Dnp3Source& source);
struct ControlMeaning {
    points::Value value;
    std::optional<points::Pulse> pulse;
};
[[nodiscard]] std::optional<ControlMeaning> control_from_dnp3(const scada::dnp3::Control& control,
                                                              const Dnp3Window& window);

// ---- Modbus -------------------------------------------------------------------------------------

/// None where the registers make no sense as what they should be.
[[nodiscard]] std::optional<points::Value> value_from_modbus(
    std::span<const std::uint16_t> registers, const ModbusPlace& place,
    const points::Scaling& scaling, points::Kind kind);
struct ModbusImage {
    std::vector<std::uint16_t> registers;
    bool clamped = false;  // the registers do not reach as far as the value
};
/// None where there is no number to show.
[[nodiscard]] std::optional<ModbusImage> value_to_modbus(const points::Value& value,
                                                         const ModbusPlace& place,
                                                         const points::Scaling& scaling);
[[nodiscard]] points::Outcome outcome_from_modbus(scada::modbus::Exception exception);
/// None: success.
[[nodiscard]] std::optional<scada::modbus::Exception> outcome_to_modbus(points::Outcome outcome);

}  // namespace causeway::site
