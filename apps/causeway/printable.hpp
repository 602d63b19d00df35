#pragma once
// Octets from outside on a terminal or in JSON: shown, never obeyed.
#include "base/bytes.hpp"

#include <string>
#include <string_view>

namespace causeway::cli {

/// Text without control characters but line feeds and tabs, in well-formed UTF-8.
[[nodiscard]] bool is_plain_text(Bytes octets) noexcept;
/// Control characters, line feeds included, and what is no UTF-8 become \xNN.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace causeway::cli
