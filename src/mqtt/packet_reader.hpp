#pragma once
// What the parsers of packets share: fields with a failure that sticks, like ByteReader's, but one
// that says what to answer. Only packet_parse*.cpp include this.
#include "mqtt/packet.hpp"
#include "mqtt/text.hpp"
#include "mqtt/variable_int.hpp"

#include <algorithm>

namespace causeway::mqtt::wire {

struct FixedHeader {
    PacketType type;
    std::uint8_t flags;
    bool shortest;  // remaining length took no more octets than it needs
};

/// Reads the variable header and the payload of one packet. The first refusal is kept; later reads
/// give zeros and empty texts, so a parser reads straight down the page.
class PacketReader {
public:
    /// `whole` begins with the fixed header.
    explicit PacketReader(Bytes whole) noexcept
        : PacketReader(whole, decode_variable_int(whole.subspan(whole.empty() ? 0 : 1))) {}

    [[nodiscard]] const FixedHeader& header() const noexcept { return header_; }

    std::uint8_t u8() noexcept { return in_.u8(); }
    std::uint16_t be16() noexcept { return in_.be16(); }
    Bytes binary() noexcept { return in_.take(in_.be16()); }
    Bytes rest() noexcept { return in_.rest(); }
    [[nodiscard]] bool more() const noexcept { return in_.more(); }
    [[nodiscard]] std::size_t remaining() const noexcept { return in_.remaining(); }
    [[nodiscard]] bool ok() const noexcept { return in_.ok(); }

    /// A UTF-8 encoded string [MQTT 5.0 §1.5.4].
    std::string_view text(std::string_view otherwise) noexcept {
        const std::string_view said = as_text(binary());
        if (!traits_of(said).well_formed) refuse(Reason::malformed_packet, otherwise);
        return said;
    }
    std::uint16_t packet_id() noexcept {
        const std::uint16_t id = be16();
        // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT 3.1.1 MQTT-2.3.1-1]
        if (id == 0) refuse(Reason::protocol_error, "the packet identifier is zero");
        return id;
    }
    void properties(Version version, PropertyPlace place, Properties& out) {
        if (version != Version::v5 || !ok()) return;
        if (const auto refused = parse_properties(in_, place, out)) {
            refused_ = *refused;
            in_.fail(Fault::bad_value);
        }
    }
    /// [MQTT-1.5.5-1]; 3.1.1 says nothing of the kind, and devices that always send two or four
    /// octets are about.
    void check_length(Version version) noexcept {
        if (version == Version::v5 && !header_.shortest) {
            refuse(Reason::malformed_packet, "the remaining length is longer than it needs to be");
        }
    }
    /// [MQTT-2.1.3-1] [MQTT 3.1.1 MQTT-2.2.2-1]. In 3.1 they meant nothing, or DUP of a PUBREL,
    /// SUBSCRIBE and UNSUBSCRIBE.
    void check_flags(Version version, std::uint8_t wanted) noexcept {
        if (version != Version::v3_1 && header_.flags != wanted) {
            refuse(Reason::malformed_packet, "reserved bits of the fixed header");
        }
    }

    /// Before one more is put to a list.
    void check_count(std::size_t so_far) noexcept {
        if (so_far == entries_max) {
            refuse(Reason::quota_exceeded, "more entries than a packet may have");
        }
    }

    void refuse(Reason reason, std::string_view what) noexcept {
        if (ok()) refused_ = {reason, what};
        in_.fail(Fault::bad_value);
    }
    /// At the end of the page.
    [[nodiscard]] std::optional<Refused> finish() noexcept {
        if (more()) refuse(Reason::malformed_packet, "octets behind the end of the packet");
        if (ok()) return std::nullopt;
        if (refused_.what.empty()) {
            return Refused{Reason::malformed_packet, "the packet ends too early"};
        }
        return refused_;
    }

private:
    PacketReader(Bytes whole, VariableInt length) noexcept
        : in_(whole.subspan(std::min<std::size_t>(whole.size(), std::size_t{1} + length.octets))) {
        const bool complete = length.octets != 0 && length.octets <= 4;
        if (!complete || in_.remaining() != length.value) {
            refuse(Reason::malformed_packet, "the remaining length is wrong");
        }
        const auto first =
            whole.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(whole[0]);
        header_ = {.type = static_cast<PacketType>(first >> 4),
                   .flags = static_cast<std::uint8_t>(first & 0x0f),
                   .shortest = is_shortest(length)};
    }

    ByteReader in_;
    FixedHeader header_{};
    Refused refused_{Reason::success, {}};
};

// Each reads what stands behind the fixed header.
void parse(PacketReader& in, Connect& out);
void parse(PacketReader& in, Version version, Connack& out);
void parse(PacketReader& in, Version version, Publish& out);
void parse(PacketReader& in, Version version, Ack& out);
void parse(PacketReader& in, Version version, Subscribe& out);
void parse(PacketReader& in, Version version, Suback& out);
void parse(PacketReader& in, Version version, Unsubscribe& out);
void parse(PacketReader& in, Version version, Unsuback& out);
void parse(PacketReader& in, Version version, Disconnect& out);
void parse(PacketReader& in, Version version, Auth& out);

}  // namespace causeway::mqtt::wire
