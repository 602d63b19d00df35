#pragma once
// What every node answers by itself: echo requests. [RFC 4443 §4.1, §4.2]
#include "ip/icmpv6.hpp"

#include <optional>

namespace causeway::ip {

/// The reply to an echo request as an IPv6 packet; nullopt when `icmp_message` (what stands behind
/// the last header of a packet that begins with `header`) is not a good request, or when there is
/// nobody to answer. `own` is the unicast address that answers for a group; without it, requests
/// to groups are not answered.
[[nodiscard]] std::optional<Octets> answer_echo(const Ipv6Header& header, Bytes icmp_message,
                                                const std::optional<Address>& own = std::nullopt,
                                                std::uint8_t hop_limit = hop_limit_default);

}  // namespace causeway::ip
