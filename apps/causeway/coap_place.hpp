#pragma once
// Where a CoAP resource is: a URI of any of CoAP's schemes, and the zone of a link-local address,
// which no CoAP option carries.
#include "coap.hpp"
#include "coap/uri.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace causeway::cli {

struct CoapPlace {
    std::uint32_t scope = 0;  // interface of a link-local address
    coap::Uri uri;

    /// "[::1]:5683" over UDP, "coaps+tcp://[::1]:5684" otherwise.
    [[nodiscard]] std::string to_text() const;
    /// The same place over TCP or TLS.
    void make_reliable();
};

/// Reads "coaps+tcp://[fe80::1%eth0]:5684/a?b" (%25 for % is fine too). nullopt when its scheme is
/// none of CoAP's.
[[nodiscard]] Understood<std::optional<CoapPlace>> place_of(std::string text);

}  // namespace causeway::cli
