#include "ip/udp.hpp"
#include "lowpan/packets_for_test.hpp"

namespace causeway::lowpan::testing {

Octets counted_udp(std::size_t payload_octets, std::string_view source, std::string_view target) {
    Octets payload(payload_octets);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i & 0xff);
    return ip::make_udp_packet({.source = address(source),
                                .target = address(target),
                                .source_port = 5683,
                                .target_port = 61616,
                                .payload = payload},
                               64);
}

Octets compressed(Bytes packet, const LinkEnds& ends, const Contexts& contexts,
                  const CompressOptions& options) {
    Octets out(packet.size() + 1);
    const auto done = compress(packet, ends, contexts, out, options);
    if (!done) return {};
    out.resize(done->written);
    return out;
}

}  // namespace causeway::lowpan::testing
