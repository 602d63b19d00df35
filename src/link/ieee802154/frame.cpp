#include "link/ieee802154/frame.hpp"

#include "link/ieee802154/ie.hpp"

namespace causeway::link::ieee802154 {
namespace {

// The frame control field. [IEEE 802.15.4-2015 §7.2.1]
constexpr std::uint16_t security_bit = 1u << 3;
constexpr std::uint16_t pending_bit = 1u << 4;
constexpr std::uint16_t ack_request_bit = 1u << 5;
constexpr std::uint16_t compression_bit = 1u << 6;
constexpr std::uint16_t sequence_suppressed_bit = 1u << 8;  // reserved before 2015
constexpr std::uint16_t ie_present_bit = 1u << 9;           // reserved before 2015
constexpr unsigned destination_mode_shift = 10;
constexpr unsigned version_shift = 12;
constexpr unsigned source_mode_shift = 14;

constexpr std::size_t address_octets(Address::Mode mode) noexcept {
    switch (mode) {
        case Address::Mode::none:
            return 0;
        case Address::Mode::short_16:
            return 2;
        case Address::Mode::extended:
            return 8;
    }
    return 0;
}

Address take_address(ByteReader& in, unsigned mode) noexcept {
    switch (mode) {
        case 2:
            return Address::short_address(in.le16());
        case 3:
            return Address::extended(in.le64());
        default:
            return {};
    }
}

void put_address(ByteWriter& out, const Address& address) {
    if (address.is_short()) out.le16(static_cast<std::uint16_t>(address.value()));
    if (address.is_extended()) out.le64(address.value());
}

}  // namespace

std::optional<PanIdsPresent> pan_ids_present(FrameVersion version, Address::Mode destination,
                                             Address::Mode source, bool compression) noexcept {
    const bool to = destination != Address::Mode::none;
    const bool from = source != Address::Mode::none;
    if (version != FrameVersion::v2015) {
        // It takes two addresses to share a PAN id: with one, the bit has to be zero.
        // [IEEE 802.15.4-2006 §7.2.1.1.5]
        if (!compression) return PanIdsPresent{to, from};
        if (to && from) return PanIdsPresent{true, false};
        return std::nullopt;
    }
    if (!to && !from) return PanIdsPresent{compression, false};
    if (!from) return PanIdsPresent{!compression, false};
    if (!to) return PanIdsPresent{false, !compression};
    if (destination == Address::Mode::extended && source == Address::Mode::extended)
        return PanIdsPresent{!compression, false};
    return PanIdsPresent{true, !compression};
}

std::optional<bool> FrameHeader::compression() const noexcept {
    const PanIdsPresent have{destination_pan.has_value(), source_pan.has_value()};
    for (const bool bit : {false, true})
        if (pan_ids_present(version, destination.mode(), source.mode(), bit) == have) return bit;
    return std::nullopt;
}

std::size_t FrameHeader::wire_size() const noexcept {
    return 2 + (sequence ? 1u : 0u) + (destination_pan ? 2u : 0u) + (source_pan ? 2u : 0u) +
           address_octets(destination.mode()) + address_octets(source.mode()) +
           (has_auxiliary_security() ? security.wire_size() : 0);
}

Result<FrameView> FrameView::parse(Bytes frame) {
    ByteReader in(frame);
    FrameView view;
    FrameHeader& h = view.header;

    const unsigned control = in.le16();
    if (!in.ok()) return std::unexpected(in.error());
    const auto refused = [](Fault why) { return std::unexpected(WireError{why, 0}); };
    const unsigned version = control >> version_shift & 3;
    const unsigned destination_mode = control >> destination_mode_shift & 3;
    const unsigned source_mode = control >> source_mode_shift & 3;
    // Frame types 4 to 7 lay their control field out otherwise: look at nothing else of them.
    if ((control & 7) > 3) return refused(Fault::unsupported);
    if (version == 3) return refused(Fault::bad_version);
    if (destination_mode == 1 || source_mode == 1) return refused(Fault::bad_value);
    h.type = static_cast<FrameType>(control & 7);
    h.version = static_cast<FrameVersion>(version);
    h.security_enabled = (control & security_bit) != 0;
    h.frame_pending = (control & pending_bit) != 0;
    h.ack_request = (control & ack_request_bit) != 0;
    const bool is_2015 = h.version == FrameVersion::v2015;
    const bool has_ies = is_2015 && (control & ie_present_bit) != 0;
    const auto pans =
        pan_ids_present(h.version, static_cast<Address::Mode>(destination_mode),
                        static_cast<Address::Mode>(source_mode), (control & compression_bit) != 0);
    if (!pans) return refused(Fault::bad_value);

    if (is_2015 && (control & sequence_suppressed_bit) != 0)
        h.sequence.reset();
    else
        h.sequence = in.u8();
    if (pans->destination) h.destination_pan = PanId{in.le16()};
    h.destination = take_address(in, destination_mode);
    if (pans->source) h.source_pan = PanId{in.le16()};
    h.source = take_address(in, source_mode);

    if (h.has_auxiliary_security()) {
        const auto security = AuxiliarySecurity::parse(in);
        if (!security) return std::unexpected(security.error());
        h.security = *security;
        // Reserved in 2006: what a frame with these bits means, and whether its counter is there,
        // is anybody's guess. [IEEE 802.15.4-2006 §7.6.2.2]
        if (!is_2015 && (h.security.asn_in_nonce || !h.security.frame_counter))
            in.fail(Fault::bad_value);
    }
    if (has_ies) {
        const std::size_t start = in.consumed();
        if (!in.more()) in.fail(Fault::truncated);
        const AfterHeaderIes next = skip_header_ies(in);
        const std::size_t headers_end = in.consumed();
        view.header_ies = frame.subspan(start, headers_end - start);
        if (next == AfterHeaderIes::payload_ies && !h.security_enabled) {
            skip_payload_ies(in);
            view.payload_ies = frame.subspan(headers_end, in.consumed() - headers_end);
        }
    }
    view.payload = in.rest();
    if (!in.ok()) return std::unexpected(in.error());
    return view;
}

void FrameView::emit(ByteWriter& out) const {
    const FrameHeader& h = header;
    const auto compressed = h.compression();
    const bool is_2015 = h.version == FrameVersion::v2015;
    CAUSEWAY_ASSERT(compressed.has_value());
    CAUSEWAY_ASSERT(is_2015 || (h.sequence && header_ies.empty()));
    CAUSEWAY_ASSERT(is_2015 || !h.has_auxiliary_security() ||
                    (h.security.frame_counter && !h.security.asn_in_nonce));
    CAUSEWAY_ASSERT(payload_ies.empty() || !header_ies.empty());
    out.le16(static_cast<std::uint16_t>(
        std::to_underlying(h.type) | (h.security_enabled ? security_bit : 0) |
        (h.frame_pending ? pending_bit : 0) | (h.ack_request ? ack_request_bit : 0) |
        (*compressed ? compression_bit : 0) | (h.sequence ? 0 : sequence_suppressed_bit) |
        (header_ies.empty() ? 0 : ie_present_bit) |
        std::to_underlying(h.destination.mode()) << destination_mode_shift |
        std::to_underlying(h.version) << version_shift |
        std::to_underlying(h.source.mode()) << source_mode_shift));
    if (h.sequence) out.u8(*h.sequence);
    if (h.destination_pan) out.le16(std::to_underlying(*h.destination_pan));
    put_address(out, h.destination);
    if (h.source_pan) out.le16(std::to_underlying(*h.source_pan));
    put_address(out, h.source);
    if (h.has_auxiliary_security()) h.security.emit(out);
    out.put(header_ies);
    out.put(payload_ies);
    out.put(payload);
}

MacFrame MacFrame::of(const FrameView& frame) {
    return {frame.header, to_octets(frame.header_ies), to_octets(frame.payload_ies),
            to_octets(frame.payload)};
}

Result<MacFrame> MacFrame::parse(ByteReader& in) {
    const auto view = FrameView::parse(in.rest());
    if (!view) return std::unexpected(view.error());
    return of(*view);
}

}  // namespace causeway::link::ieee802154
