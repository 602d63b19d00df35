#include "sim/audience.hpp"

namespace causeway::sim {

namespace {
constexpr unsigned type_mask = 0x0007;
constexpr unsigned type_beacon = 0;
constexpr unsigned type_acknowledgement = 2;
constexpr unsigned type_command = 3;
constexpr unsigned acknowledgement_request = 0x0020;
constexpr unsigned sequence_suppressed = 0x0100;
constexpr unsigned destination_mode_shift = 10;
constexpr unsigned version_shift = 12;
constexpr unsigned mode_extended = 3;
constexpr unsigned version_2006 = 1;
}  // namespace

Audience audience_of(Bytes frame) noexcept {
    ByteReader in(frame);
    const unsigned control = in.le16();
    const unsigned type = control & type_mask;
    const unsigned version = control >> version_shift & 3;
    // From the 2015 edition on, sequence number and PAN identifier may be left out in many ways:
    // such frames go to everyone, and the MACs judge. [IEEE 802.15.4 §7.2.1]
    if (!in.ok() || type < type_beacon || type > type_command || version > version_2006 ||
        (control & sequence_suppressed) != 0)
        return {};
    Audience audience;
    audience.sequence = in.u8();
    audience.wants_acknowledgement = (control & acknowledgement_request) != 0;
    if (type == type_acknowledgement) {
        if (in.ok()) audience.kind = Audience::Kind::acknowledgement;
        return audience;
    }
    if ((control >> destination_mode_shift & 3) != mode_extended) return audience;
    in.le16();  // PAN
    audience.eui64 = in.le64();
    if (in.ok()) audience.kind = Audience::Kind::one;
    return audience;
}

}  // namespace causeway::sim
