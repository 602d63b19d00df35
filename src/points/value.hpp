#pragma once
// What a point can say, and when it said so.
#include "base/bytes.hpp"
#include "points/quality.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace causeway::points {

/// One of a few states that have numbers: a double-bit input, a mode. Names are the definition's.
struct Enumeration {
    std::uint32_t number = 0;
    friend bool operator==(const Enumeration&, const Enumeration&) = default;
};

/// States of a double-bit input [IEEE 1815 §A.4]; IEC's double point information is the same.
inline constexpr Enumeration intermediate{0}, determined_off{1}, determined_on{2}, indeterminate{3};

enum class Kind : std::uint8_t { boolean, integer, real, text, octets, enumeration };
[[nodiscard]] std::string_view name_of(Kind kind) noexcept;
[[nodiscard]] std::optional<Kind> kind_from_text(std::string_view text) noexcept;

/// The alternatives stand in Kind's order.
using Value = std::variant<bool, std::int64_t, double, std::string, Octets, Enumeration>;

[[nodiscard]] inline Kind kind_of(const Value& value) noexcept {
    return static_cast<Kind>(value.index());
}
/// What a value of that kind is before anybody says anything: false, 0, an empty text.
[[nodiscard]] Value zero_of(Kind kind);
/// As a number: true is 1; a text or octets are none.
[[nodiscard]] std::optional<double> as_real(const Value& value) noexcept;
/// Rounded to the nearest; none where there is no number, or no int64 holds it.
[[nodiscard]] std::optional<std::int64_t> as_integer(const Value& value) noexcept;
/// The same fact as another kind where that loses no more than a fraction: 1 is true, 2.0 is 2, and
/// texts are what from_text() reads in them. Enumerations are their numbers: whose 2 is true (a
/// double-bit input's) says so himself.
[[nodiscard]] std::optional<Value> as_kind(const Value& value, Kind kind);
/// "21.5", "true", "3", "0x1f00": for people, MQTT and CoAP. Real numbers as short as reads back
/// the same. Names of states: text_of() in table.hpp.
[[nodiscard]] std::string to_text(const Value& value);
/// The other way; none where the text is no value of that kind. Takes "on" and "off" for booleans,
/// "1e3" for an integer.
[[nodiscard]] std::optional<Value> from_text(std::string_view text, Kind kind);

/// When a value was measured. Milliseconds are DNP3's and IEC's; SenML has seconds.
struct Time {
    enum class Source : std::uint8_t {
        none,           // nobody knows: `ms` means nothing
        arrival,        // our clock, when it came in
        device,         // the device's clock, which is synchronised as far as anybody knows
        unsynchronised  // the device's clock, which says of itself that it is not
    };
    std::int64_t ms = 0;  // since 1970, UTC
    Source source = Source::none;
    friend bool operator==(const Time&, const Time&) = default;
};

struct Sample {
    Value value{};
    Time time{};
    Quality quality{};
    friend bool operator==(const Sample&, const Sample&) = default;
};

}  // namespace causeway::points
