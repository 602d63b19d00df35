#include "ip/icmpv6.hpp"

#include "ip/checksum.hpp"

namespace causeway::ip {
namespace {

constexpr std::uint8_t icmpv6 = std::to_underlying(NextHeader::icmpv6);

/// Reads the first word of a message that has to be of `type`; its code.
std::uint8_t read_start(ByteReader& in, Icmpv6Type type) {
    const std::uint8_t found = in.u8();
    const std::uint8_t code = in.u8();
    in.be16();  // the checksum
    if (in.ok() && found != std::to_underlying(type)) in.fail(Fault::bad_value);
    return code;
}

void write_start(ByteWriter& out, Icmpv6Type type, std::uint8_t code) {
    out.u8(std::to_underlying(type));
    out.u8(code);
    out.be16(0);
}

template <class Message>
Result<Message> finished(ByteReader& in, Message message) {
    if (!in.ok()) return std::unexpected(in.error());
    return message;
}

}  // namespace

Result<Icmpv6Message> Icmpv6Message::parse(ByteReader& in) {
    Icmpv6Message message;
    message.type = in.u8();
    message.code = in.u8();
    in.be16();
    message.body = to_octets(in.rest());
    return finished(in, std::move(message));
}

void Icmpv6Message::emit(ByteWriter& out) const {
    out.u8(type);
    out.u8(code);
    out.be16(0);
    out.put(body);
}

Result<Echo> Echo::parse(ByteReader& in) {
    Echo echo;
    echo.reply = in.peek() == Icmpv6Type::echo_reply;
    read_start(in, echo.reply ? Icmpv6Type::echo_reply : Icmpv6Type::echo_request);
    echo.identifier = in.be16();
    echo.sequence = in.be16();
    echo.data = to_octets(in.rest());
    return finished(in, std::move(echo));
}

void Echo::emit(ByteWriter& out) const {
    write_start(out, reply ? Icmpv6Type::echo_reply : Icmpv6Type::echo_request, 0);
    out.be16(identifier);
    out.be16(sequence);
    out.put(data);
}

Result<DestinationUnreachable> DestinationUnreachable::parse(ByteReader& in) {
    DestinationUnreachable error;
    error.code = UnreachableCode{read_start(in, Icmpv6Type::destination_unreachable)};
    in.be32();  // unused, "ignored by the receiver"
    error.invoking = to_octets(in.rest());
    return finished(in, std::move(error));
}

void DestinationUnreachable::emit(ByteWriter& out) const {
    write_start(out, Icmpv6Type::destination_unreachable, std::to_underlying(code));
    out.be32(0);
    out.put(invoking);
}

Result<PacketTooBig> PacketTooBig::parse(ByteReader& in) {
    PacketTooBig error;
    read_start(in, Icmpv6Type::packet_too_big);  // the code is "ignored by the receiver"
    error.mtu = in.be32();
    error.invoking = to_octets(in.rest());
    return finished(in, std::move(error));
}

void PacketTooBig::emit(ByteWriter& out) const {
    write_start(out, Icmpv6Type::packet_too_big, 0);
    out.be32(mtu);
    out.put(invoking);
}

Result<TimeExceeded> TimeExceeded::parse(ByteReader& in) {
    TimeExceeded error;
    error.code = TimeExceededCode{read_start(in, Icmpv6Type::time_exceeded)};
    in.be32();
    error.invoking = to_octets(in.rest());
    return finished(in, std::move(error));
}

void TimeExceeded::emit(ByteWriter& out) const {
    write_start(out, Icmpv6Type::time_exceeded, std::to_underlying(code));
    out.be32(0);
    out.put(invoking);
}

Result<ParameterProblem> ParameterProblem::parse(ByteReader& in) {
    ParameterProblem error;
    error.code = ParameterProblemCode{read_start(in, Icmpv6Type::parameter_problem)};
    error.pointer = in.be32();
    error.invoking = to_octets(in.rest());
    return finished(in, std::move(error));
}

void ParameterProblem::emit(ByteWriter& out) const {
    write_start(out, Icmpv6Type::parameter_problem, std::to_underlying(code));
    out.be32(pointer);
    out.put(invoking);
}

Result<Icmpv6View> parse_icmpv6(const Address& source, const Address& target, Bytes message) {
    ByteReader in(message);
    Icmpv6View view;
    view.type = in.u8();
    view.code = in.u8();
    in.be16();
    view.body = in.rest();
    view.message = message;
    if (!in.ok()) return std::unexpected(in.error());
    if (upper_layer_checksum(source, target, icmpv6, message) != 0)
        return std::unexpected(WireError{Fault::bad_checksum, 2});
    return view;
}

Octets icmpv6_frame(const Address& source, const Address& target, std::uint8_t hop_limit,
                    std::size_t octets) {
    CAUSEWAY_ASSERT(octets >= 4 && octets <= 0xffff);
    Octets packet(Ipv6Header::octets + octets);
    ByteWriter out(packet);
    Ipv6Header{.payload_length = static_cast<std::uint16_t>(octets),
               .next_header = icmpv6,
               .hop_limit = hop_limit,
               .source = source,
               .target = target}
        .emit(out);
    return packet;
}

void seal_icmpv6(MutableBytes packet) {
    const auto view = Ipv6View::over(packet);
    CAUSEWAY_ASSERT(view && view->payload().size() >= 4);
    packet[42] = packet[43] = std::byte{0};
    const std::uint16_t checksum =
        upper_layer_checksum(view->source(), view->target(), icmpv6, view->payload());
    packet[42] = std::byte(checksum >> 8);
    packet[43] = std::byte(checksum & 0xff);
}

Octets make_icmpv6_packet(const Address& source, const Address& target, std::uint8_t hop_limit,
                          std::uint8_t type, std::uint8_t code, Bytes body) {
    Octets packet = icmpv6_frame(source, target, hop_limit, 4 + body.size());
    ByteWriter out(MutableBytes(packet).subspan(Ipv6Header::octets));
    out.u8(type);
    out.u8(code);
    out.be16(0);
    out.put(body);
    seal_icmpv6(packet);
    return packet;
}

}  // namespace causeway::ip
