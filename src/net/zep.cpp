#include "net/zep.hpp"

namespace causeway::net::zep {
namespace {

constexpr std::uint8_t type_data = 1;
constexpr std::uint8_t type_ack = 2;
constexpr std::uint8_t length_mask = 0x7f;

void read_radio_part(ByteReader& in, Data& data) {
    data.channel = in.u8();
    data.device = in.be16();
    data.trailer = in.u8() == 0 ? Trailer::radio_status : Trailer::fcs;
    data.lqi = in.u8();
}

void read_frame(ByteReader& in, Data& data) {
    const std::size_t length = in.u8() & length_mask;
    if (!in.ok()) return;
    if (in.remaining() < length) return in.fail(Fault::truncated);
    if (in.remaining() > length) return in.fail(Fault::bad_length);
    data.frame.assign(in.rest());
}

}  // namespace

Result<Packet> Packet::parse(ByteReader& in) {
    Packet packet;
    if (in.be16() != 0x4558) in.fail(Fault::bad_value);  // "EX"
    const std::uint8_t version = in.u8();
    if (in.ok() && version != 1 && version != 2) in.fail(Fault::bad_version);
    if (!in.ok()) return std::unexpected(in.error());

    const std::uint8_t type = version == 1 ? type_data : in.u8();
    if (type == type_ack) {
        packet.body = Ack{in.be32()};
        if (in.more()) in.fail(Fault::bad_length);
    } else if (type == type_data) {
        Data& data = packet.body.emplace<Data>();
        data.version = version;
        read_radio_part(in, data);
        if (version == 2) {
            data.time = in.be64();
            data.sequence = in.be32();
        }
        in.take(version == 2 ? 10 : 7);  // reserved
        read_frame(in, data);
    } else {
        in.fail(Fault::unsupported);
    }
    if (!in.ok()) return std::unexpected(in.error());
    return packet;
}

std::size_t Packet::wire_size() const noexcept {
    const Data* data = std::get_if<Data>(&body);
    if (data == nullptr) return ack_octets;
    return (data->version == 1 ? old_header_octets : data_header_octets) + data->frame.size();
}

void Packet::emit(ByteWriter& out) const {
    out.be16(0x4558);
    if (const Ack* ack = std::get_if<Ack>(&body)) {
        out.u8(2);
        out.u8(type_ack);
        out.be32(ack->sequence);
        return;
    }
    const Data& data = *std::get_if<Data>(&body);
    CAUSEWAY_ASSERT(data.version == 1 || data.version == 2);
    out.u8(data.version);
    if (data.version == 2) out.u8(type_data);
    out.u8(data.channel);
    out.be16(data.device);
    out.u8(static_cast<std::uint8_t>(data.trailer));
    out.u8(data.lqi);
    if (data.version == 2) {
        out.be64(data.time);
        out.be32(data.sequence);
    }
    out.zeros(data.version == 2 ? 10 : 7);
    out.u8(static_cast<std::uint8_t>(data.frame.size()));
    out.put(data.frame.bytes());
}

std::uint64_t ntp_time(std::uint64_t unix_ns) noexcept {
    constexpr std::uint64_t ns_a_second = 1'000'000'000;
    constexpr std::uint64_t from_1900_to_1970 = 2'208'988'800;
    const std::uint64_t seconds = unix_ns / ns_a_second + from_1900_to_1970;
    const std::uint64_t fraction = ((unix_ns % ns_a_second) << 32) / ns_a_second;
    return seconds << 32 | fraction;
}

}  // namespace causeway::net::zep
