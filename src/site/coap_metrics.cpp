#include "site/coap_metrics.hpp"

#include <boost/json.hpp>

namespace causeway::site {

boost::json::object coap_to_json(const CoapService& coap) {
    boost::json::object groups;
    coap.visit([&](std::string_view group, std::string_view name, std::uint64_t value) {
        boost::json::value& place = groups[group];
        if (!place.is_object()) place.emplace_object();
        place.as_object()[name] = value;
    });
    return groups;
}

}  // namespace causeway::site
