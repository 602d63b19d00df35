#include "coap/stream_frame.hpp"

namespace causeway::coap {
namespace {

constexpr std::uint8_t frame_marker = 0xff;

// Lengths that a nibble has no room for, and how many octets more say the rest.
constexpr std::uint64_t from_8 = 13;
constexpr std::uint64_t from_16 = 269;
constexpr std::uint64_t from_32 = 65805;

constexpr unsigned length_nibble(std::uint64_t n) noexcept {
    if (n < from_8) return static_cast<unsigned>(n);
    return n < from_16 ? 13 : n < from_32 ? 14 : 15;
}

constexpr std::size_t length_extension(unsigned nibble) noexcept {
    return nibble < 13 ? 0 : std::size_t{1} << (nibble - 13);
}

std::uint64_t read_length(ByteReader& in, unsigned nibble) noexcept {
    if (nibble < 13) return nibble;
    if (nibble == 13) return from_8 + in.u8();
    if (nibble == 14) return from_16 + in.be16();
    return from_32 + in.be32();
}

void put_length(ByteWriter& out, std::uint64_t n) {
    if (n < from_8) return;
    if (n < from_16) return out.u8(static_cast<std::uint8_t>(n - from_8));
    if (n < from_32) return out.be16(static_cast<std::uint16_t>(n - from_16));
    out.be32(static_cast<std::uint32_t>(n - from_32));
}

/// The part that Len counts: "starting with the first bit of the Options field".
std::size_t rest_of(const Message& message) noexcept {
    return message.options.wire_size() + (message.payload.empty() ? 0 : 1 + message.payload.size());
}

}  // namespace

Result<FrameHeader> FrameHeader::parse(Bytes octets, Framing framing) noexcept {
    ByteReader in(octets);
    const unsigned first = in.u8();
    const unsigned length = first >> 4;
    const unsigned token_length = first & 15u;
    FrameHeader header;
    // "the Length (Len) field MUST be set to zero" [RFC 8323 §4.2]
    if (framing == Framing::websocket && length != 0) in.fail(Fault::bad_length);
    // 15 "MUST NOT be sent and MUST be processed as a message-format error" [RFC 8974 §2.1]
    if (in.ok() && token_length == 15) in.fail(Fault::bad_length);
    header.rest_octets = read_length(in, length);
    header.code = Code{in.u8()};
    header.token_octets = static_cast<std::size_t>(read_length(in, token_length));
    if (!in.ok()) return std::unexpected(in.error());
    header.octets = in.consumed();
    return header;
}

Result<Message> parse_frame(const FrameHeader& header, Bytes frame) {
    ByteReader in(frame);
    in.take(header.octets);
    const Bytes token = in.take(header.token_octets);
    if (!in.ok()) return std::unexpected(in.error());
    Message message;
    message.code = header.code;
    // "can always be sent and MUST be ignored" [RFC 8323 §3.4]
    if (header.code == Code::empty) return message;
    message.token = Token(token);
    auto options = Options::parse(in);
    if (!options) return std::unexpected(options.error());
    message.options = std::move(*options);
    if (!in.more()) return message;
    in.u8();  // the marker: nothing else ends the options early
    // [RFC 7252 §3]
    if (!in.more()) in.fail(Fault::bad_length);
    message.payload = to_octets(in.rest());
    if (!in.ok()) return std::unexpected(in.error());
    return message;
}

std::size_t frame_size(const Message& message, Framing framing) noexcept {
    const std::size_t rest = rest_of(message);
    const std::size_t token = message.token.size();
    return 2 + (framing == Framing::tcp ? length_extension(length_nibble(rest)) : 0) +
           length_extension(length_nibble(token)) + token + rest;
}

Octets framed(const Message& message, Framing framing) {
    CAUSEWAY_ASSERT(message.token.size() <= extended_token_octets_max);
    const std::size_t rest = framing == Framing::tcp ? rest_of(message) : 0;
    const std::size_t token = message.token.size();
    Octets octets(frame_size(message, framing));
    ByteWriter out(octets);
    out.u8(static_cast<std::uint8_t>(length_nibble(rest) << 4 | length_nibble(token)));
    put_length(out, rest);
    out.u8(std::to_underlying(message.code));
    put_length(out, token);
    out.put(message.token.bytes());
    message.options.emit(out);
    if (message.payload.empty()) return octets;
    out.u8(frame_marker);
    out.put(message.payload);
    return octets;
}

}  // namespace causeway::coap
