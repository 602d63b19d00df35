#pragma once
// A message as JSON, the way mosquitto_sub's %j and %J have it.
#include "mqtt/packet.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace causeway::cli {

/// In quotes. What is no UTF-8 becomes U+FFFD, so that the result is JSON whatever came.
[[nodiscard]] std::string json_text(std::string_view text);
/// `payload_is_json`: put in as it is, without the blanks between its parts; or refused.
[[nodiscard]] std::expected<std::string, std::string> message_to_json(const mqtt::Publish& message,
                                                                      std::string_view time,
                                                                      bool payload_is_json);
/// One value a line, indented by tabs.
[[nodiscard]] std::string pretty_json(std::string_view json);

}  // namespace causeway::cli
