#pragma once
// The general MAC frame of IEEE 802.15.4, frame versions 2003, 2006 and 2015: beacon, data,
// acknowledgement and command. [IEEE 802.15.4-2015 §7.2]
//
// Frames end before the FCS (see radio.hpp). Left out: multipurpose, fragment and extended frames,
// refused as unsupported. Secured frames are cut, not opened: what follows the header IEs of one
// stays together in `payload` (payload IEs and MIC too, for they may be encrypted); and one of
// version 2003, whose security came before the auxiliary header, keeps everything there.
#include "base/repr.hpp"
#include "link/ieee802154/address.hpp"
#include "link/ieee802154/security_header.hpp"

#include <cstdint>
#include <optional>

namespace causeway::link::ieee802154 {

enum class FrameType : std::uint8_t { beacon = 0, data = 1, ack = 2, command = 3 };
enum class FrameVersion : std::uint8_t { v2003 = 0, v2006 = 1, v2015 = 2 };

/// Which PAN ids a frame carries.
struct PanIdsPresent {
    bool destination = false;
    bool source = false;
    friend constexpr bool operator==(PanIdsPresent, PanIdsPresent) = default;
};

/// What the PAN ID Compression bit means for this version and these address modes; nullopt where
/// the standard has no such frame. [IEEE 802.15.4-2006 §7.2.1.1.5, 802.15.4-2015 Table 7-2]
[[nodiscard]] std::optional<PanIdsPresent> pan_ids_present(FrameVersion version,
                                                           Address::Mode destination,
                                                           Address::Mode source,
                                                           bool compression) noexcept;

/// The fields before any IE, as on the wire: an elided PAN id is nullopt, and the compression bit
/// follows from which ids are there.
struct FrameHeader {
    FrameType type = FrameType::data;
    FrameVersion version = FrameVersion::v2003;
    bool security_enabled = false;
    bool frame_pending = false;
    bool ack_request = false;
    std::optional<std::uint8_t> sequence = std::uint8_t{0};  // nullopt: suppressed, 2015 only
    std::optional<PanId> destination_pan = {};
    std::optional<PanId> source_pan = {};
    Address destination = {};
    Address source = {};
    AuxiliarySecurity security = {};  // of secured frames since 2006; otherwise as constructed

    [[nodiscard]] bool has_auxiliary_security() const noexcept {
        return security_enabled && version != FrameVersion::v2003;
    }
    /// The PAN of the source, which is the destination's where it is elided.
    [[nodiscard]] std::optional<PanId> pan_of_source() const noexcept {
        return source_pan ? source_pan : destination_pan;
    }
    /// Whether the wire has room for this combination of version, addresses and PAN ids. Parsed
    /// headers are; emitting one that is not asserts.
    [[nodiscard]] bool expressible() const noexcept { return compression().has_value(); }
    /// Octets up to the IEs: the whole MHR where there are none.
    [[nodiscard]] std::size_t wire_size() const noexcept;
    friend bool operator==(const FrameHeader&, const FrameHeader&) = default;

private:
    friend struct FrameView;
    [[nodiscard]] std::optional<bool> compression() const noexcept;
};

/// A frame whose variable parts are borrowed: for the forwarding path, which neither copies nor
/// allocates. The IE lists are verbatim, terminations included, and must be as `ie.hpp` writes
/// them: HT1 before payload IEs, HT2 or a payload termination before a payload.
struct FrameView {
    FrameHeader header = {};
    Bytes header_ies = {};   // 2015 only
    Bytes payload_ies = {};  // 2015 only
    Bytes payload = {};

    [[nodiscard]] static Result<FrameView> parse(Bytes frame);
    [[nodiscard]] std::size_t wire_size() const noexcept {
        return header.wire_size() + header_ies.size() + payload_ies.size() + payload.size();
    }
    void emit(ByteWriter& out) const;
};

/// A frame that owns its parts.
struct MacFrame {
    FrameHeader header = {};
    Octets header_ies = {};
    Octets payload_ies = {};
    Octets payload = {};

    [[nodiscard]] static MacFrame of(const FrameView& frame);
    [[nodiscard]] FrameView view() const noexcept {
        return {header, header_ies, payload_ies, payload};
    }

    static Result<MacFrame> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return view().wire_size(); }
    void emit(ByteWriter& out) const { view().emit(out); }
    friend bool operator==(const MacFrame&, const MacFrame&) = default;
};

static_assert(Repr<MacFrame>);

}  // namespace causeway::link::ieee802154
