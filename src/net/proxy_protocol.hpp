#pragma once
// The header by which a load balancer says who the client is: the PROXY protocol, version 2, of
// HAProxy's specification (proxy-protocol.txt, section 2.2). Pure.
//
// Leaves out: version 1, which is text, and the fields behind the addresses (TLVs), which are
// passed over.
#include "base/bytes.hpp"

#include <cstddef>
#include <string>

namespace causeway::net {

/// A longer one is bad: real ones stay below 600 octets.
inline constexpr std::size_t proxy_octets_max = 4'096;

struct ProxyParsed {
    enum class Verdict { more, whole, bad };
    Verdict verdict = Verdict::more;
    std::size_t size = 0;  // of the whole header
    /// "192.0.2.7:51432"; empty where the header leaves it to the connection (LOCAL, UNSPEC).
    std::string peer;
    std::string why;  // it is bad
};

/// Of the octets that have come so far: bad as soon as that can be seen.
[[nodiscard]] ProxyParsed parse_proxy(Bytes octets);

}  // namespace causeway::net
