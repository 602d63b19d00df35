// Messages that parse come back the same; what is answered, and the errors that are sent about any
// packet, have right checksums and keep to the minimum MTU.
#include "ip/endpoint.hpp"
#include "ip/icmp_errors.hpp"
#include "ip/icmpv6.hpp"
#include "ip/pmtu.hpp"

using namespace causeway;

namespace {

template <Repr Message>
void round_trips(Bytes octets) {
    const auto message = parse_as<Message>(octets);
    if (!message) return;
    const Octets sent = emitted(*message);
    const auto again = parse_as<Message>(sent);
    CAUSEWAY_ASSERT(again && *again == *message);
    const Octets packet = ip::make_icmpv6_packet(ip::all_nodes(), ip::all_routers(), 1, *message);
    CAUSEWAY_ASSERT(ip::parse_icmpv6(ip::all_nodes(), ip::all_routers(),
                                     Bytes(packet).subspan(ip::Ipv6Header::octets)));
}

void is_good(const Octets& packet) {
    const auto parsed = ip::parse_ipv6(packet);
    CAUSEWAY_ASSERT(parsed && parsed->payload.size() + ip::Ipv6Header::octets == packet.size());
    CAUSEWAY_ASSERT(
        ip::parse_icmpv6(parsed->header.source, parsed->header.target, parsed->payload));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4000) return 0;
    const Bytes octets = std::as_bytes(std::span(data, size));
    round_trips<ip::Icmpv6Message>(octets);
    round_trips<ip::Echo>(octets);
    round_trips<ip::DestinationUnreachable>(octets);
    round_trips<ip::PacketTooBig>(octets);
    round_trips<ip::TimeExceeded>(octets);
    round_trips<ip::ParameterProblem>(octets);

    const ip::Address own = ip::link_local({});
    ip::IcmpErrors errors({}, Instant{});
    for (const ip::IcmpError error :
         {ip::IcmpError::unreachable(ip::UnreachableCode::no_route), ip::IcmpError::too_big(1280),
          ip::IcmpError::parameter_problem(ip::ParameterProblemCode::unknown_option, 42)}) {
        const auto packet = errors.make(Instant{}, own, error, octets);
        if (!packet) continue;
        CAUSEWAY_ASSERT(packet->size() <= ip::mtu_min);
        is_good(*packet);
        // Never about an error: so no two nodes keep each other busy.
        CAUSEWAY_ASSERT(!errors.make(Instant{}, own, error, *packet));
    }
    CAUSEWAY_ASSERT(errors.stats().balanced());

    const auto message = parse_as<ip::Icmpv6Message>(octets);
    if (!message) return 0;
    const ip::Address peer = *ip::Address::from_text("fe80::2");
    const Octets packet = ip::make_icmpv6_packet(peer, own, 64, *message);
    const auto whole = ip::parse_ipv6(packet);
    const auto view = ip::parse_icmpv6(peer, own, whole->payload);
    CAUSEWAY_ASSERT(view);
    if (const auto answer = ip::answer_echo(whole->header, whole->payload)) is_good(*answer);
    ip::PathMtu paths({.link_mtu = 1500});
    paths.learn(Instant{}, *view, own);
    CAUSEWAY_ASSERT(paths.stats().balanced());
    return 0;
}
