#include "link/ieee802154/ack.hpp"

namespace causeway::link::ieee802154 {

Result<ImmediateAck> ImmediateAck::parse(ByteReader& in) {
    const Bytes octets_of_ack = in.rest();
    const auto frame = FrameView::parse(octets_of_ack);
    if (!frame) return std::unexpected(frame.error());
    const FrameHeader& h = frame->header;
    if (h.type != FrameType::ack || h.security_enabled)
        return std::unexpected(WireError{Fault::bad_value, 0});
    if (h.version == FrameVersion::v2015) return std::unexpected(WireError{Fault::bad_version, 0});
    if (octets_of_ack.size() != octets)
        return std::unexpected(WireError{Fault::bad_length, octets});
    return ImmediateAck{*h.sequence, h.frame_pending};
}

void ImmediateAck::emit(ByteWriter& out) const {
    out.le16(static_cast<std::uint16_t>(std::to_underlying(FrameType::ack) |
                                        (frame_pending ? 0x10 : 0)));
    out.u8(sequence);
}

FrameView enhanced_ack(const FrameHeader& frame, PanId pan) noexcept {
    FrameView ack;
    ack.header.type = FrameType::ack;
    ack.header.version = FrameVersion::v2015;
    ack.header.sequence = frame.sequence;  // as the frame had it, suppressed too [§7.3.3]
    ack.header.destination = frame.source;
    if (!frame.source.is_none()) ack.header.destination_pan = pan;
    return ack;
}

bool acknowledges(const FrameHeader& ack, std::uint8_t sequence, const Address& extended,
                  const Address& short_address) noexcept {
    return ack.type == FrameType::ack && !ack.security_enabled && ack.sequence == sequence &&
           (ack.destination.is_none() || ack.destination == extended ||
            ack.destination == short_address);
}

}  // namespace causeway::link::ieee802154
