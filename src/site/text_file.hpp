#pragma once
// Small files that people write: passwords, access rules, tokens.
#include <cstddef>
#include <expected>
#include <string>

namespace causeway::site {

inline constexpr std::size_t text_file_octets_max = 64 << 20;

/// The error is one line: "users: cannot be read: no such file or directory".
[[nodiscard]] std::expected<std::string, std::string> read_text_file(const std::string& path);

/// Its first line, without what stands behind: a token, or a password.
[[nodiscard]] std::expected<std::string, std::string> read_first_line(const std::string& path);

}  // namespace causeway::site
