#pragma once
// Which reason codes a packet may carry [MQTT 5.0 §2.4], and what 3.1.1 has in their place.
#include "mqtt/types.hpp"

#include <cstdint>
#include <optional>

namespace causeway::mqtt {

/// In 5.0; whichever side sends it.
[[nodiscard]] bool may_carry(PacketType type, Reason reason) noexcept;

/// The return code of a 3.1.1 CONNACK that says about the same; nothing where none is applicable:
/// then a server closes without a CONNACK [MQTT 3.1.1 MQTT-3.2.2-6].
[[nodiscard]] std::optional<std::uint8_t> return_code_of(Reason reason) noexcept;
/// Of a 3.1.1 CONNACK; nothing for the reserved ones.
[[nodiscard]] std::optional<Reason> reason_of(std::uint8_t return_code) noexcept;

}  // namespace causeway::mqtt
