#include "link/ieee802154/ack.hpp"
#include "link/ieee802154/fcs.hpp"
#include "link/ieee802154/frame.hpp"

using namespace causeway;
using namespace causeway::link::ieee802154;

/// What parses is emitted to something that parses to the same; views and owned frames agree.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes wire = std::as_bytes(std::span(data, size));
    const auto view = FrameView::parse(wire);
    const auto frame = parse_as<MacFrame>(wire);
    CAUSEWAY_ASSERT(view.has_value() == frame.has_value());
    if (frame) {
        CAUSEWAY_ASSERT(MacFrame::of(*view) == *frame);
        CAUSEWAY_ASSERT(frame->header.expressible());
        const Octets again = emitted(*frame);
        CAUSEWAY_ASSERT(again.size() == wire.size());
        CAUSEWAY_ASSERT(parse_as<MacFrame>(again) == *frame);
    }
    if (const auto ack = parse_as<ImmediateAck>(wire))
        CAUSEWAY_ASSERT(parse_as<ImmediateAck>(emitted(*ack)) == *ack);
    (void)without_fcs(wire);
    return 0;
}
