#pragma once
// ZEP, the ZigBee Encapsulation Protocol: one IEEE 802.15.4 frame in a UDP datagram, as emulated
// nodes, sniffers and Wireshark exchange them. No standard describes it; the layout is the one that
// Wireshark's dissector reads, and the tests hold to that.
//
//   data, v2   "EX" 2 type channel device(2) mode lqi time(8) sequence(4) reserved(10) length frame
//   data, v1   "EX" 1 channel device(2) mode lqi reserved(7) length frame
//   ack, v2    "EX" 2 2 sequence(4)
//
// Leaves out: types other than data and ack (some nodes greet with type 255), later versions.
#include "base/inplace_bytes.hpp"
#include "base/repr.hpp"

#include <cstdint>
#include <variant>

namespace causeway::net::zep {

inline constexpr std::uint16_t default_port = 17754;
inline constexpr std::size_t frame_octets_max = 127;
inline constexpr std::size_t data_header_octets = 32;
inline constexpr std::size_t old_header_octets = 16;
inline constexpr std::size_t ack_octets = 8;

/// What the last two octets of the frame are.
enum class Trailer : std::uint8_t {
    radio_status =
        0,  // RSSI, then a sound-frame bit over a correlation: TI's radios overwrite the FCS
    fcs = 1,
};

struct Data {
    std::uint8_t version = 2;  // 1 or 2; version 1 has neither time nor sequence
    std::uint8_t channel = 0;
    std::uint16_t device = 0;
    Trailer trailer = Trailer::fcs;
    std::uint8_t lqi = 0;
    std::uint64_t time = 0;  // NTP's 32.32 bits since 1900 [RFC 5905 §6]
    std::uint32_t sequence = 0;
    InplaceBytes<frame_octets_max> frame;  // trailer and all; whether it is sound is not asked here

    friend bool operator==(const Data&, const Data&) = default;
};

struct Ack {
    std::uint32_t sequence = 0;
    friend bool operator==(const Ack&, const Ack&) = default;
};

struct Packet {
    std::variant<Data, Ack> body;

    /// The whole of `in`: octets beyond the announced length are an error, as to Wireshark.
    [[nodiscard]] static Result<Packet> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;

    friend bool operator==(const Packet&, const Packet&) = default;
};

static_assert(Repr<Packet>);

/// NTP's time for nanoseconds since 1970; wraps in 2036 as NTP's era does.
[[nodiscard]] std::uint64_t ntp_time(std::uint64_t unix_ns) noexcept;

}  // namespace causeway::net::zep
