#pragma once
// The IPv6 header, as a value and as a checked look at a packet in place. [RFC 8200 §3]
// Jumbograms are left out: a payload length of zero means no payload.
#include "base/repr.hpp"
#include "ip/address.hpp"

namespace causeway::ip {

/// What may follow a header, of those that this code names; any octet may stand in a packet.
enum class NextHeader : std::uint8_t {
    hop_by_hop = 0,
    tcp = 6,
    udp = 17,
    ipv6 = 41,
    routing = 43,
    fragment = 44,
    esp = 50,
    authentication = 51,
    icmpv6 = 58,
    none = 59,
    destination_options = 60,
};
[[nodiscard]] constexpr bool operator==(std::uint8_t octet, NextHeader name) noexcept {
    return octet == std::to_underlying(name);
}

/// Every link carries packets of this many octets. [RFC 8200 §5]
inline constexpr std::size_t mtu_min = 1280;
/// For packets that start here, unless somebody says otherwise.
inline constexpr std::uint8_t hop_limit_default = 64;

struct Ipv6Header {
    static constexpr std::size_t octets = 40;

    std::uint8_t traffic_class = 0;
    std::uint32_t flow_label = 0;  // 20 bits
    std::uint16_t payload_length = 0;
    std::uint8_t next_header = std::to_underlying(NextHeader::none);
    std::uint8_t hop_limit = hop_limit_default;
    Address source{};
    Address target{};

    /// The header alone: whether the payload is all there is not asked.
    static Result<Ipv6Header> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return octets; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Ipv6Header&, const Ipv6Header&) = default;
};
static_assert(Repr<Ipv6Header>);

/// A whole packet, borrowed.
struct Ipv6Packet {
    Ipv6Header header;
    Bytes payload{};  // extension headers included; as long as the header says
};
/// Truncated when less is there than the header promises; more is taken for link padding and
/// left out.
[[nodiscard]] Result<Ipv6Packet> parse_ipv6(Bytes packet);

/// `header` with `payload` behind it. The payload length is filled in; the payload is at most
/// 65,535 octets.
[[nodiscard]] Octets make_ipv6_packet(Ipv6Header header, Bytes payload);

/// A checked look at an IPv6 packet in place, for the forwarding path that edits one octet.
class Ipv6View {
public:
    /// The only way in: checks the version and every length once. Octets past the length that the
    /// header says are left out.
    static Result<Ipv6View> over(MutableBytes packet) noexcept;

    [[nodiscard]] std::uint8_t traffic_class() const noexcept {
        return static_cast<std::uint8_t>(at(0) << 4 | at(1) >> 4);
    }
    [[nodiscard]] std::uint32_t flow_label() const noexcept {
        return (at(1) & 0x0f) << 16 | at(2) << 8 | at(3);
    }
    [[nodiscard]] std::uint16_t payload_length() const noexcept {
        return static_cast<std::uint16_t>(packet_.size() - Ipv6Header::octets);
    }
    [[nodiscard]] std::uint8_t next_header() const noexcept {
        return static_cast<std::uint8_t>(at(6));
    }
    [[nodiscard]] std::uint8_t hop_limit() const noexcept {
        return static_cast<std::uint8_t>(at(7));
    }
    [[nodiscard]] Address source() const noexcept { return address_at(8); }
    [[nodiscard]] Address target() const noexcept { return address_at(24); }
    [[nodiscard]] Bytes payload() const noexcept { return packet_.subspan(Ipv6Header::octets); }
    /// Header and payload.
    [[nodiscard]] Bytes packet() const noexcept { return packet_; }
    [[nodiscard]] Ipv6Header header() const noexcept;

    void set_next_header(std::uint8_t v) noexcept { packet_[6] = std::byte{v}; }
    void set_hop_limit(std::uint8_t v) noexcept { packet_[7] = std::byte{v}; }
    void set_source(const Address& v) noexcept { put_address(8, v); }
    void set_target(const Address& v) noexcept { put_address(24, v); }
    [[nodiscard]] MutableBytes mutable_payload() noexcept {
        return packet_.subspan(Ipv6Header::octets);
    }

private:
    explicit Ipv6View(MutableBytes checked) noexcept : packet_(checked) {}

    [[nodiscard]] std::uint32_t at(std::size_t offset) const noexcept {
        return std::to_integer<std::uint32_t>(packet_[offset]);
    }
    [[nodiscard]] Address address_at(std::size_t offset) const noexcept {
        Address address{};
        std::memcpy(address.octets.data(), packet_.data() + offset, 16);
        return address;
    }
    void put_address(std::size_t offset, const Address& v) noexcept {
        std::memcpy(packet_.data() + offset, v.octets.data(), 16);
    }

    MutableBytes packet_;
};

inline Result<Ipv6View> Ipv6View::over(MutableBytes packet) noexcept {
    if (packet.size() < Ipv6Header::octets)
        return std::unexpected(
            WireError{Fault::truncated, static_cast<std::uint32_t>(packet.size())});
    if ((packet[0] >> 4) != std::byte{6}) return std::unexpected(WireError{Fault::bad_version, 0});
    const std::size_t length =
        std::to_integer<std::size_t>(packet[4]) << 8 | std::to_integer<std::size_t>(packet[5]);
    if (length > packet.size() - Ipv6Header::octets)
        return std::unexpected(WireError{Fault::truncated, 4});
    return Ipv6View(packet.first(Ipv6Header::octets + length));
}

}  // namespace causeway::ip
