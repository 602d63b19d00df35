#pragma once
// Base64 with the standard alphabet [RFC 4648 §4].
#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace causeway::crypto {

enum class Padding : bool { without, with };

[[nodiscard]] std::string to_base64(Bytes octets, Padding padding = Padding::with);

/// Padded or not, and otherwise exactly as to_base64 writes it: no blanks, no stray bits behind.
[[nodiscard]] std::optional<Octets> from_base64(std::string_view text);

}  // namespace causeway::crypto
