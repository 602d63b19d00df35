#pragma once
// Pre-shared keys in a file, a line each: "identity:hexkey". Empty lines and those that begin with
// '#' say nothing. For this room's .cpp files.
#include "base/bytes.hpp"
#include "net/trouble.hpp"

#include <functional>
#include <map>
#include <string>

namespace causeway::net {

/// By identity. The identity is what stands before the last colon, octet by octet
/// [RFC 7925 §4.2].
using PskTable = std::map<std::string, Octets, std::less<>>;

/// The trouble names file and line.
[[nodiscard]] Opened<PskTable> read_psk_file(const std::string& file);

}  // namespace causeway::net
