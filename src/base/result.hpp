#pragma once
#include <cstdint>
#include <expected>
#include <string_view>

namespace causeway {

enum class Fault : std::uint8_t {
    none,
    truncated,
    bad_version,
    bad_length,
    bad_checksum,
    bad_value,
    unsupported,
};

[[nodiscard]] std::string_view name_of(Fault fault) noexcept;

/// What was wrong with octets from outside, and where. Small enough to count, log and compare.
struct WireError {
    Fault fault;
    std::uint32_t offset;  // octets from the start of what the parser was given
    friend bool operator==(const WireError&, const WireError&) = default;
};

template <class T>
using Result = std::expected<T, WireError>;

}  // namespace causeway
