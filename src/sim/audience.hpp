#pragma once
// Whom a frame is meant for: just enough of a MAC header to spare everybody else the work of
// dropping it, as a radio's address filter does in hardware. [IEEE 802.15.4 §7.2]
#include "base/bytes.hpp"

#include <cstdint>

namespace causeway::sim {

struct Audience {
    enum class Kind : std::uint8_t {
        everyone,         // broadcast, no address, short addresses, or a header that we do not know
        one,              // an extended destination address
        acknowledgement,  // no address at all: for whoever sent `sequence` last
    };
    Kind kind = Kind::everyone;
    std::uint8_t sequence = 0;
    bool wants_acknowledgement = false;
    std::uint64_t eui64 = 0;  // kind one
};

/// Errs on the side of everyone: a frame is never kept from a MAC that would take it.
[[nodiscard]] Audience audience_of(Bytes frame) noexcept;

}  // namespace causeway::sim
