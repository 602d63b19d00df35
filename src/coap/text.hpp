#pragma once
// Messages as text, for people.
#include "coap/message.hpp"

namespace causeway::coap {

/// "Uri-Path: temperature", "Block2: 3/1/64", "option 65001: c0ffee".
[[nodiscard]] std::string to_text(const Option& option);

/// One line: "CON 0.01 GET id 7d34 token 71 [Uri-Path: temperature] payload 6: 22.3 C". A payload
/// that is not plain text is shown in hexadecimal; at most `payload_octets_max` octets of it.
[[nodiscard]] std::string to_text(const Message& message, std::size_t payload_octets_max = 64);

}  // namespace causeway::coap
