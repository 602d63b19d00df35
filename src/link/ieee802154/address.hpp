#pragma once
#include "base/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace causeway::link::ieee802154 {

enum class PanId : std::uint16_t {};
inline constexpr PanId broadcast_pan{0xffff};

/// None, a 16-bit short address or an EUI-64, as a frame's addressing mode says. An extended
/// address is kept as its EUI-64 value: the most significant octet is the first one printed and
/// the last one on the air.
class Address {
public:
    enum class Mode : std::uint8_t { none = 0, short_16 = 2, extended = 3 };

    constexpr Address() noexcept = default;
    static constexpr Address short_address(std::uint16_t value) noexcept {
        return Address(Mode::short_16, value);
    }
    static constexpr Address extended(std::uint64_t eui64) noexcept {
        return Address(Mode::extended, eui64);
    }
    static constexpr Address broadcast() noexcept { return short_address(0xffff); }

    [[nodiscard]] constexpr Mode mode() const noexcept { return mode_; }
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
    [[nodiscard]] constexpr bool is_none() const noexcept { return mode_ == Mode::none; }
    [[nodiscard]] constexpr bool is_short() const noexcept { return mode_ == Mode::short_16; }
    [[nodiscard]] constexpr bool is_extended() const noexcept { return mode_ == Mode::extended; }
    [[nodiscard]] constexpr bool is_broadcast() const noexcept { return *this == broadcast(); }
    /// "0xffff" or "02:00:00:00:00:00:00:01".
    [[nodiscard]] std::string to_text() const;

    friend constexpr auto operator<=>(const Address&, const Address&) = default;

private:
    constexpr Address(Mode mode, std::uint64_t value) noexcept : value_(value), mode_(mode) {}

    std::uint64_t value_ = 0;
    Mode mode_ = Mode::none;
};

}  // namespace causeway::link::ieee802154
