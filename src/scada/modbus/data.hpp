#pragma once
// Numbers and texts in registers: every type in every order, both ways.
#include "scada/modbus/types.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::scada::modbus {

/// Whole numbers, real ones, texts. u64 beyond int64's end is a real number.
using Number = std::variant<std::int64_t, double, std::string>;

/// 1, 2 or 4; for a text as many as `text_registers`.
[[nodiscard]] std::size_t registers_of(Type type, std::size_t text_registers = 0) noexcept;
/// None where digits of BCD are none. `registers` are as many as the type wants.
[[nodiscard]] std::optional<Number> decode(std::span<const std::uint16_t> registers, Type type,
                                           Order order);
/// None where the type does not hold it. A real number is rounded for a whole type.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> encode(const Number& number, Type type,
                                                               Order order,
                                                               std::size_t text_registers = 0);
[[nodiscard]] std::string_view name_of(Type type) noexcept;
[[nodiscard]] std::string_view name_of(Order order) noexcept;
[[nodiscard]] std::optional<Type> type_from(std::string_view name) noexcept;
[[nodiscard]] std::optional<Order> order_from(std::string_view name) noexcept;

}  // namespace causeway::scada::modbus
