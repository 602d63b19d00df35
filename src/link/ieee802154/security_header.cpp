#include "link/ieee802154/security_header.hpp"

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint8_t counter_suppressed_bit = 0x20;
constexpr std::uint8_t asn_in_nonce_bit = 0x40;

}  // namespace

// Frames of 2006 have the bits of 2015 reserved and sent as zero, so one reading serves both.
Result<AuxiliarySecurity> AuxiliarySecurity::parse(ByteReader& in) {
    AuxiliarySecurity s;
    const std::uint8_t control = in.u8();
    s.level = control & 7;
    s.key_id_mode = static_cast<KeyIdMode>(control >> 3 & 3);
    s.asn_in_nonce = (control & asn_in_nonce_bit) != 0;
    if ((control & counter_suppressed_bit) != 0)
        s.frame_counter.reset();
    else
        s.frame_counter = in.le32();
    switch (s.key_id_mode) {
        case KeyIdMode::implicit:
            break;
        case KeyIdMode::index:
            s.key_index = in.u8();
            break;
        case KeyIdMode::source_4:
            s.key_source = in.le32();
            s.key_index = in.u8();
            break;
        case KeyIdMode::source_8:
            s.key_source = in.le64();
            s.key_index = in.u8();
            break;
    }
    if (!in.ok()) return std::unexpected(in.error());
    return s;
}

std::size_t AuxiliarySecurity::wire_size() const noexcept {
    constexpr std::size_t key_octets[] = {0, 1, 5, 9};
    return 1 + (frame_counter ? 4u : 0u) + key_octets[std::to_underlying(key_id_mode)];
}

void AuxiliarySecurity::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(level <= 7);
    out.u8(static_cast<std::uint8_t>(level | std::to_underlying(key_id_mode) << 3 |
                                     (frame_counter ? 0 : counter_suppressed_bit) |
                                     (asn_in_nonce ? asn_in_nonce_bit : 0)));
    if (frame_counter) out.le32(*frame_counter);
    switch (key_id_mode) {
        case KeyIdMode::implicit:
            return;
        case KeyIdMode::index:
            break;
        case KeyIdMode::source_4:
            out.le32(static_cast<std::uint32_t>(key_source));
            break;
        case KeyIdMode::source_8:
            out.le64(key_source);
            break;
    }
    out.u8(key_index);
}

}  // namespace causeway::link::ieee802154
