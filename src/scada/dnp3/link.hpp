#pragma once
// The data link layer's frames: 05 64, a header, blocks of 16 octets, a checksum behind each of
// them. [IEEE 1815 §9.2]
//
// append_frame() writes one; Framer finds them in what a line brings, whatever stands between them.
// What stations say to each other with them is the channel's.
#include "base/bytes.hpp"
#include "scada/dnp3/types.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace causeway::scada::dnp3 {

inline constexpr std::size_t frame_header_octets = 10;
inline constexpr std::size_t frame_data_max = 250;
inline constexpr std::size_t frame_block_octets = 16;
inline constexpr std::size_t frame_octets_max = 292;

/// Of the whole frame, checksums and all.
[[nodiscard]] constexpr std::size_t frame_octets(std::size_t data) noexcept {
    return frame_header_octets + data + (data + frame_block_octets - 1) / frame_block_octets * 2;
}

/// As it stands behind a block, low octet first. [IEEE 1815 §9.2]
[[nodiscard]] std::uint16_t link_checksum(Bytes octets) noexcept;

/// Whether they begin with a sound header, whatever follows.
[[nodiscard]] bool begins_frame(Bytes octets) noexcept;

/// Of frames that somebody begins (PRM). [IEEE 1815 §9.2]
enum class LinkRequest : std::uint8_t {
    reset_link_states = 0,
    test_link_states = 2,
    confirmed_user_data = 3,
    unconfirmed_user_data = 4,
    request_link_status = 9,
};
/// Of the answers.
enum class LinkAnswer : std::uint8_t {
    ack = 0,
    nack = 1,
    link_status = 11,
    not_functioning = 14,  // obsolete
    not_supported = 15,
};

struct FrameHeader {
    bool from_master = false;  // DIR
    bool primary = true;       // PRM: a request, else an answer
    bool count_bit = false;    // FCB
    bool count_valid = false;  // FCV of a request; DFC, the data flow control, of an answer
    std::uint8_t function = 0;
    Address destination = 0;
    Address source = 0;

    [[nodiscard]] constexpr bool is(LinkRequest request) const noexcept {
        return primary && function == static_cast<std::uint8_t>(request);
    }
    [[nodiscard]] constexpr bool is(LinkAnswer answer) const noexcept {
        return !primary && function == static_cast<std::uint8_t>(answer);
    }
    [[nodiscard]] constexpr std::uint8_t control() const noexcept {
        return static_cast<std::uint8_t>((from_master ? 0x80 : 0) | (primary ? 0x40 : 0) |
                                         (count_bit ? 0x20 : 0) | (count_valid ? 0x10 : 0) |
                                         (function & 0x0f));
    }
    friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};
[[nodiscard]] std::string_view name_of_link_function(bool primary, std::uint8_t function) noexcept;

/// `head`, if any, stands before `data`; both together have frame_data_max octets at most.
void append_frame(const FrameHeader& header, std::optional<std::byte> head, Bytes data,
                  Octets& out);

struct Frame {
    FrameHeader header;
    Bytes data;  // without checksums; borrowed from the framer until its next call
};

/// Looks for frames in a line's octets. After anything that is no sound frame it looks on behind
/// the next octet, so that noise, a frame cut short or a wrong length cost no sound frame after it.
class Framer {
public:
    struct Stats {
        std::uint64_t frames = 0;
        std::uint64_t bad_header_checksums = 0;
        std::uint64_t bad_body_checksums = 0;
        std::uint64_t bad_lengths = 0;
        std::uint64_t noise_octets = 0;  // of broken frames, too
    };

    void feed(Bytes octets);
    /// The next sound frame; none where more octets are needed.
    [[nodiscard]] std::optional<Frame> next();
    /// Octets that may be the beginning of a frame.
    [[nodiscard]] std::size_t pending() const noexcept { return buffer_.size() - at_; }
    /// The frame that has begun will not end: look for others in what there is of it.
    void abandon() noexcept;
    void clear() noexcept;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    void skip(std::size_t octets) noexcept;
    [[nodiscard]] bool unpack(Bytes body) noexcept;

    Octets buffer_;
    std::size_t at_ = 0;
    std::array<std::byte, frame_data_max> data_{};
    std::size_t data_octets_ = 0;
    Stats stats_;
};

}  // namespace causeway::scada::dnp3
