#pragma once
// Unpredictable octets, for salts and nonces. The one face of chance in this room, and for those
// that start programs only: engines are given what they need as arguments.
#include "base/bytes.hpp"

namespace causeway::crypto {

/// Fills `out`; false when the system cannot, and then nothing secret may be made of it.
[[nodiscard]] bool system_random(MutableBytes out);

}  // namespace causeway::crypto
