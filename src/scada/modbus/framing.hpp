#pragma once
// How PDUs lie on a line: RTU with its CRC, ASCII with its LRC [MODBUS SL §2.5], and the header of
// Modbus/TCP [MODBUS TCP §3.1.3]. Writers, and readers that take octets as they come, in any
// pieces, and find the next frame after noise, a bad checksum or a frame cut short.
//
// An RTU frame ends with a silence of 3.5 characters, which a driver that hands octets over in
// batches hides. So a frame is what its function says is its length and whose CRC is right; the
// silence only ends the wait for what does not come.
// Deviates: a gap of 1.5 characters within a frame does not spoil it [MODBUS SL §2.5.1.1]: adapters
// make such gaps by themselves, and the CRC says whether anything is missing. Ours have none.
#include "base/bytes.hpp"
#include "base/inplace_bytes.hpp"
#include "scada/modbus/types.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

namespace causeway::scada::modbus {

inline constexpr std::size_t rtu_octets_min = 4;
inline constexpr std::size_t rtu_octets_max = 256;
inline constexpr std::size_t tcp_header_octets = 7;
inline constexpr std::size_t tcp_octets_max = tcp_header_octets + pdu_octets_max;
inline constexpr std::size_t ascii_octets_max = 513;

inline constexpr std::uint16_t crc_start = 0xffff;
inline constexpr auto crc_table = [] {
    std::array<std::uint16_t, 256> table{};
    for (unsigned octet = 0; octet < 256; ++octet) {
        unsigned crc = octet;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001u : crc >> 1;
        table[octet] = static_cast<std::uint16_t>(crc);
    }
    return table;
}();
[[nodiscard]] constexpr std::uint16_t crc_after(std::uint16_t crc, std::byte octet) noexcept {
    const unsigned at = (crc ^ std::to_integer<unsigned>(octet)) & 0xff;
    return static_cast<std::uint16_t>(crc >> 8 ^ crc_table[at]);
}
/// CRC-16/MODBUS, sent with its low octet first. [MODBUS SL §2.5.1.2]
[[nodiscard]] std::uint16_t crc_of(Bytes octets) noexcept;
/// The two's complement of the sum. [MODBUS SL §2.5.2.2]
[[nodiscard]] std::uint8_t lrc_of(Bytes octets) noexcept;

struct Adu {
    std::uint16_t transaction = 0;  // TCP's
    Unit unit = 0;
    Bytes pdu{};  // borrowed from the reader until it is asked again
};

/// On the line.
[[nodiscard]] std::size_t adu_octets(Framing framing, std::size_t pdu_octets) noexcept;
/// `ascii_end`: the second of the two characters at the end. [MODBUS AP §6.8.1, 03]
void append_adu(Octets& to, Framing framing, const Adu& adu, char ascii_end = '\n');

/// Takes what we sent and hear again off the front of `in`. Where anything differs, it is no echo.
void skip_echo(Octets& echoed, Bytes& in);

struct FrameFaults {
    std::uint64_t bad_checksums = 0;
    std::uint64_t bad_frames = 0;
    std::uint64_t noise_octets = 0;
};

/// Modbus/TCP. A header that is none breaks the stream: nobody knows where the next begins.
class TcpFrames {
public:
    /// The next whole frame; `in` is what is left. None: all of it was taken, or it is broken.
    [[nodiscard]] std::optional<Adu> next(Bytes& in);
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    [[nodiscard]] std::optional<std::size_t> octets_of(Bytes header);

    InplaceBytes<tcp_octets_max> begun_;
    bool whole_ = false;  // what is begun was given out
    bool broken_ = false;
};

class AsciiFrames {
public:
    [[nodiscard]] std::optional<Adu> next(Bytes& in, FrameFaults& faults, char end = '\n');
    /// A frame that pauses for more than a second is none. [MODBUS SL §2.5.2.1]
    void give_up(FrameFaults& faults);
    [[nodiscard]] bool begun() const noexcept { return within_; }

private:
    [[nodiscard]] std::optional<Adu> ended(FrameFaults& faults);

    InplaceBytes<rtu_octets_max> octets_;
    std::size_t characters_ = 0;
    std::uint8_t high_ = 0;
    bool half_ = false;
    bool within_ = false;
};

/// Octets of an RTU line that are not understood yet.
class RtuWindow {
public:
    /// As much of `in` as there is room for; `in` is what is left.
    void take(Bytes& in);
    void drop(std::size_t octets) noexcept { begin_ += octets; }
    [[nodiscard]] Bytes octets() const noexcept { return buffer_.bytes().subspan(begin_); }
    [[nodiscard]] bool empty() const noexcept { return begin_ == buffer_.size(); }

private:
    InplaceBytes<4 * rtu_octets_max> buffer_;
    std::size_t begin_ = 0;
};

/// What a server hears on a line that it may share with others: requests, for it and for them, and
/// their answers, which look alike.
class RtuRequests {
public:
    using Units = std::bitset<256>;
    struct Found {
        Adu adu{};
        bool ours = false;  // or a broadcast
    };

    [[nodiscard]] std::optional<Found> next(Bytes& in, const Units& ours, FrameFaults& faults);
    /// The line has been silent: what is begun will not be completed, unless the silence was the
    /// driver's. A request that stands whole at the end of it is found.
    [[nodiscard]] std::optional<Found> after_silence(const Units& ours, FrameFaults& faults);
    void give_up(FrameFaults& faults);
    [[nodiscard]] bool begun() const noexcept { return !window_.empty(); }

private:
    [[nodiscard]] Found found(std::size_t octets, const Units& ours);

    RtuWindow window_;
    std::uint8_t asked_unit_ = 0;      // the last request that was another's, whose answer
    std::uint8_t asked_function_ = 0;  // comes next
    bool hunting_ = false;             // since a frame that was none
};

/// What a client hears: the answer that it waits for, answers that nobody waits for, and noise.
class RtuAnswers {
public:
    struct Wanted {
        Unit unit = 0;
        std::uint8_t function = 0;
        std::size_t pdu_octets = 0;  // zero: as it says itself
    };
    struct Found {
        Adu adu{};
        bool wanted = false;
    };

    /// None is wanted: everything that comes is late or noise.
    void want(std::optional<Wanted> wanted) noexcept { wanted_ = wanted; }
    [[nodiscard]] std::optional<Found> next(Bytes& in, FrameFaults& faults);
    /// Looks behind what is begun and not completed.
    [[nodiscard]] std::optional<Found> after_silence(FrameFaults& faults);
    void give_up(FrameFaults& faults);
    [[nodiscard]] bool begun() const noexcept { return !window_.empty(); }

private:
    enum class Sight : std::uint8_t { frame, incomplete, garbled, none };
    struct Look {
        Sight sight = Sight::none;
        std::size_t octets = 0;
        bool wanted = false;
    };
    [[nodiscard]] Look look(Bytes from) const;
    [[nodiscard]] std::optional<Found> scan(bool silent, FrameFaults& faults);

    RtuWindow window_;
    std::optional<Wanted> wanted_;
    bool hunting_ = false;
};

}  // namespace causeway::scada::modbus
