#pragma once
// Acknowledgements. An immediate one is three octets and says no more than a sequence number; an
// enhanced one, for frames of version 2015, is a frame in full (FrameView parses and emits it),
// with addresses, IEs and security if its sender likes. [IEEE 802.15.4-2015 §7.3.3]
#include "link/ieee802154/frame.hpp"

#include <cstdint>

namespace causeway::link::ieee802154 {

struct ImmediateAck {
    static constexpr std::size_t octets = 3;

    std::uint8_t sequence = 0;
    bool frame_pending = false;

    static Result<ImmediateAck> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return octets; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const ImmediateAck&, const ImmediateAck&) = default;
};

static_assert(Repr<ImmediateAck>);

/// The plainest enhanced acknowledgement of `frame`: its sequence number back to its source, in
/// `pan`. Needs enhanced_ack_octets_max at most.
[[nodiscard]] FrameView enhanced_ack(const FrameHeader& frame, PanId pan) noexcept;
inline constexpr std::size_t enhanced_ack_octets_max = 13;

/// Whether `ack` answers the frame that left with `sequence`: an enhanced one may name whom it is
/// for. A secured one proves nothing until somebody has opened it.
[[nodiscard]] bool acknowledges(const FrameHeader& ack, std::uint8_t sequence,
                                const Address& extended, const Address& short_address) noexcept;

}  // namespace causeway::link::ieee802154
