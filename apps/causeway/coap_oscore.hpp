#pragma once
// An OSCORE security context [RFC 8613 §3] from a file, as `--oscore` names it.
#include "coap.hpp"
#include "coap/protection.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace causeway::cli {

struct OscoreContext {
    std::unique_ptr<coap::Protection> protection;
    std::uint32_t context = 0;  // for Peer::context
};

[[nodiscard]] Understood<OscoreContext> oscore_of(const std::string& file);

}  // namespace causeway::cli
