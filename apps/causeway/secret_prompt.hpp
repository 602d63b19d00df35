#pragma once
// A secret from whoever sits at the terminal, which does not show it; or from a pipe.
#include <expected>
#include <string>

namespace causeway::cli {

/// On a terminal: asks twice, and wants the same twice. Else one line of stdin, without its end.
/// Or what went wrong, in one line.
[[nodiscard]] std::expected<std::string, std::string> read_new_secret();

}  // namespace causeway::cli
