#pragma once
// How many descriptors, and with them connections, this process may have.
#include <cstdint>

namespace causeway::net {

/// Raises the soft limit to the hard one; what holds now.
std::uint64_t raise_descriptor_limit() noexcept;

}  // namespace causeway::net
