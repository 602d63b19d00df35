#pragma once
// The frame check sequence of IEEE 802.15.4: the ITU-T CRC-16, x^16 + x^12 + x^5 + 1, over the
// whole frame, least significant bit first, starting from zero. [IEEE 802.15.4-2015 §7.2.10]
// Leaves out the 32-bit FCS, which only PHYs with longer frames use.
#include "base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace causeway::link::ieee802154 {

[[nodiscard]] std::uint16_t fcs(Bytes frame) noexcept;

/// The frame before its two octets of FCS; nullopt when they are missing or do not match.
[[nodiscard]] std::optional<Bytes> without_fcs(Bytes frame_and_fcs) noexcept;

/// Appends the FCS of all that `frame` holds, the low octet first as on the air.
void append_fcs(Octets& frame);

}  // namespace causeway::link::ieee802154
