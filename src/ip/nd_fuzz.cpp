// Messages that parse come back the same, unknown options and all; what is valid also parses.
#include "ip/nd.hpp"

using namespace causeway;
namespace nd = causeway::ip::nd;

namespace {

template <Repr Message>
void round_trips(Bytes octets) {
    const auto message = parse_as<Message>(octets);
    if (!message) return;
    const Octets sent = emitted(*message);
    const auto again = parse_as<Message>(sent);
    CAUSEWAY_ASSERT(again && *again == *message && emitted(*again) == sent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    round_trips<nd::RouterSolicitation>(octets);
    round_trips<nd::RouterAdvertisement>(octets);
    round_trips<nd::NeighbourSolicitation>(octets);
    round_trips<nd::NeighbourAdvertisement>(octets);
    round_trips<nd::Redirect>(octets);
    round_trips<nd::DuplicateAddress>(octets);
    if (size < 4) return 0;
    const ip::Icmpv6View view{data[0], data[1], octets.subspan(4), octets};
    const ip::Address host = *ip::Address::from_text("fe80::2");
    for (const nd::Envelope& envelope :
         {nd::Envelope{host, ip::all_nodes(), nd::hop_limit},
          nd::Envelope{ip::Address{}, ip::solicited_node(host), nd::hop_limit},
          nd::Envelope{host, host, nd::multihop_hop_limit}}) {
        const auto message = nd::receive(envelope, view);
        if (!message) continue;
        std::visit([](const auto& m) { CAUSEWAY_ASSERT(emitted(m).size() == m.wire_size()); },
                   *message);
    }
    return 0;
}
