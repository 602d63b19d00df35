// The walk stays within the packet and goes forward; headers that parse come back the same.
#include "ip/extension.hpp"

using namespace causeway;

namespace {

template <Repr Header>
void round_trips(Bytes octets) {
    const auto header = parse_as<Header>(octets);
    if (!header) return;
    const Octets sent = emitted(*header);
    const auto again = parse_as<Header>(sent);
    CAUSEWAY_ASSERT(again && *again == *header && emitted(*again) == sent);
}

void walks(Bytes packet) {
    ip::ExtensionWalk walk(packet);
    std::size_t end = ip::Ipv6Header::octets;
    std::size_t seen = 0;
    while (const auto found = walk.next()) {
        CAUSEWAY_ASSERT(found->offset == end && found->size >= 8 && found->size % 8 == 0);
        end += found->size;
        CAUSEWAY_ASSERT(end <= packet.size() && found->named_at < found->offset);
        CAUSEWAY_ASSERT(++seen <= ip::extension_headers_max);
        auto options = ip::OptionReader::over_header(packet.subspan(found->offset, found->size));
        std::size_t at = 1;
        while (const auto option = options.next()) {
            CAUSEWAY_ASSERT(option->offset > at);
            at = option->offset;
        }
    }
    if (walk.ok()) CAUSEWAY_ASSERT(walk.upper_layer().offset == end);
    CAUSEWAY_ASSERT(ip::find_upper_layer(packet).has_value() == walk.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    round_trips<ip::Ipv6Header>(octets);
    round_trips<ip::HopByHop>(octets);
    round_trips<ip::DestinationOptions>(octets);
    round_trips<ip::RoutingHeader>(octets);
    round_trips<ip::FragmentHeader>(octets);
    walks(octets);
    Octets copy = to_octets(octets);
    if (const auto view = ip::Ipv6View::over(copy)) {
        CAUSEWAY_ASSERT(view->header() == *parse_as<ip::Ipv6Header>(octets));
        CAUSEWAY_ASSERT(same(view->payload(), ip::parse_ipv6(octets)->payload));
    }
    // The chain again behind a good IPv6 header, which chance seldom writes.
    if (size != 0 && size <= 2000)
        walks(ip::make_ipv6_packet({.next_header = data[0]}, octets.subspan(1)));
    return 0;
}
