#pragma once
#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace causeway {

/// Two lower-case digits an octet, with `separator` (if not empty) between octets.
[[nodiscard]] std::string to_hex(Bytes octets, std::string_view separator = {});

/// Octets from hex digits. Blanks, newlines, ':' and '-' between octets are skipped; nullopt when
/// an octet is cut in half or anything else stands there.
[[nodiscard]] std::optional<Octets> from_hex(std::string_view text);

inline namespace literals {

/// For tests and tables: "7a 33 3a"_hex. A misspelt literal asserts.
[[nodiscard]] Octets operator""_hex(const char* text, std::size_t size);

}  // namespace literals
}  // namespace causeway
