#pragma once
// From a listener as the site file has it to one that a CoapHost opens.
#include "site/coap_host.hpp"
#include "site/coap_site.hpp"

namespace causeway::site {

[[nodiscard]] CoapListen coap_listen(const CoapListener& plan);

}  // namespace causeway::site
