#pragma once
// What came back, for a person: payloads decoded as their content format says, errors with their
// diagnostic or their problem details [RFC 9290]; and for a program, as JSON.
#include "coap/content_format.hpp"
#include "coap/events.hpp"

#include <boost/json/fwd.hpp>

#include <optional>
#include <string>

namespace causeway::cli {

[[nodiscard]] std::optional<coap::ContentFormat> content_format_of(const coap::Options& options);

/// Lines that end with a line feed; whatever the octets are, nothing in them reaches the terminal
/// unescaped. Empty for no payload.
[[nodiscard]] std::string payload_to_text(std::optional<coap::ContentFormat> format, Bytes payload);
/// "4.04 Not Found: no such sensor".
[[nodiscard]] std::string error_to_text(const coap::ResponseArrived& response);
[[nodiscard]] boost::json::object response_to_json(const coap::ResponseArrived& response);

/// Offset, octets, characters: sixteen a line.
[[nodiscard]] std::string hex_dump(Bytes octets);

}  // namespace causeway::cli
