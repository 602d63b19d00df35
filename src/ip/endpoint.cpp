#include "ip/endpoint.hpp"

namespace causeway::ip {

std::optional<Octets> answer_echo(const Ipv6Header& header, Bytes icmp_message,
                                  const std::optional<Address>& own, std::uint8_t hop_limit) {
    const auto request = parse_icmpv6(header.source, header.target, icmp_message);
    if (!request || request->type != Icmpv6Type::echo_request || request->code != 0 ||
        request->body.size() < 4)
        return std::nullopt;
    if (header.source.is_unspecified() || header.source.is_multicast()) return std::nullopt;
    // "The source address of an Echo Reply sent in response to a unicast Echo Request message MUST
    // be the same as the destination address of that Echo Request message"; for a group, it is one
    // of the interface's own. [RFC 4443 §4.2]
    const bool group = header.target.is_multicast();
    if (group && !own) return std::nullopt;
    return make_icmpv6_packet(group ? *own : header.target, header.source, hop_limit,
                              std::to_underlying(Icmpv6Type::echo_reply), 0, request->body);
}

}  // namespace causeway::ip
