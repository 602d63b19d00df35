#include "link/ieee802154/ie.hpp"

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint16_t payload_kind = 0x8000;  // the descriptor's type bit

}  // namespace

InformationElement take_header_ie(ByteReader& in) noexcept {
    const std::uint16_t descriptor = in.le16();
    if ((descriptor & payload_kind) != 0) in.fail(Fault::bad_value);
    const auto id = static_cast<std::uint8_t>(descriptor >> 7 & 0xff);
    const std::size_t length = descriptor & 0x7fu;
    if ((id == header_termination_1 || id == header_termination_2) && length != 0)
        in.fail(Fault::bad_length);
    return {id, in.take(length)};
}

InformationElement take_payload_ie(ByteReader& in) noexcept {
    const std::uint16_t descriptor = in.le16();
    if (in.ok() && (descriptor & payload_kind) == 0) in.fail(Fault::bad_value);
    const auto id = static_cast<std::uint8_t>(descriptor >> 11 & 0xf);
    const std::size_t length = descriptor & 0x7ffu;
    if (id == payload_termination && length != 0) in.fail(Fault::bad_length);
    return {id, in.take(length)};
}

AfterHeaderIes skip_header_ies(ByteReader& in) noexcept {
    while (in.more()) {
        const InformationElement element = take_header_ie(in);
        if (!in.ok()) break;
        if (element.id == header_termination_1) return AfterHeaderIes::payload_ies;
        if (element.id == header_termination_2) return AfterHeaderIes::payload;
    }
    return AfterHeaderIes::nothing;  // a list may end with the frame
}

void skip_payload_ies(ByteReader& in) noexcept {
    while (in.more()) {
        const InformationElement element = take_payload_ie(in);
        if (in.ok() && element.id == payload_termination) return;
    }
}

void put_header_ie(ByteWriter& out, const InformationElement& element) {
    CAUSEWAY_ASSERT(element.content.size() <= header_ie_octets_max);
    out.le16(static_cast<std::uint16_t>(element.content.size() | std::size_t{element.id} << 7));
    out.put(element.content);
}

void put_payload_ie(ByteWriter& out, const InformationElement& element) {
    CAUSEWAY_ASSERT(element.content.size() <= payload_ie_octets_max);
    CAUSEWAY_ASSERT(element.id <= payload_termination);
    out.le16(static_cast<std::uint16_t>(element.content.size() | std::size_t{element.id} << 11 |
                                        payload_kind));
    out.put(element.content);
}

}  // namespace causeway::link::ieee802154
