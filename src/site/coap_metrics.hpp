#pragma once
// The CoAP service's counters, for programs.
#include "site/coap_service.hpp"

namespace boost::json {
class object;
}

namespace causeway::site {

/// {"endpoint": {"requests": 12, ...}, "dtls": {...}, ...}
[[nodiscard]] boost::json::object coap_to_json(const CoapService& coap);

}  // namespace causeway::site
