#include "coap/message.hpp"

namespace causeway::coap {
namespace {

constexpr unsigned version = 1;

std::size_t read_token_length(ByteReader& in, unsigned nibble) noexcept {
    if (nibble < 13) return nibble;
    return nibble == 13 ? std::size_t{13} + in.u8() : std::size_t{269} + in.be16();
}

constexpr unsigned token_nibble(std::size_t octets) noexcept {
    return octets < 13 ? static_cast<unsigned>(octets) : octets < 269 ? 13 : 14;
}

}  // namespace

std::string_view name_of(Type type) noexcept {
    switch (type) {
        case Type::confirmable:
            return "CON";
        case Type::non_confirmable:
            return "NON";
        case Type::acknowledgement:
            return "ACK";
        case Type::reset:
            return "RST";
    }
    return {};
}

Result<Message> Message::parse(ByteReader& in) {
    Message message;
    const unsigned first = in.u8();
    message.code = Code{in.u8()};
    message.id = in.be16();
    if (in.ok() && first >> 6 != version) in.fail(Fault::bad_version);
    message.type = Type(first >> 4 & 3u);
    // "15: Reserved. This value MUST NOT be sent and MUST be processed as a message-format error."
    // [RFC 8974 §2.1]
    if ((first & 15u) == 15) in.fail(Fault::bad_length);
    const std::size_t token_octets = read_token_length(in, first & 15u);
    // "If there are any bytes, they MUST be processed as a message format error." [RFC 7252 §4.1]
    if (message.code == Code::empty && (token_octets != 0 || in.more())) in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    message.token.assign(in.take(token_octets));
    if (!in.ok()) return std::unexpected(in.error());

    auto options = Options::parse(in);
    if (!options) return std::unexpected(options.error());
    message.options = std::move(*options);
    if (in.more()) {
        in.u8();  // the marker: nothing else ends the options early
        // "The presence of a marker followed by a zero-length payload MUST be processed as a
        // message format error." [RFC 7252 §3]
        if (!in.more()) in.fail(Fault::bad_length);
        message.payload = to_octets(in.rest());
    }
    if (!in.ok()) return std::unexpected(in.error());
    return message;
}

std::size_t Message::wire_size() const noexcept {
    const unsigned nibble = token_nibble(token.size());
    const std::size_t extension = nibble < 13 ? 0 : nibble - 12;
    return header_octets + extension + token.size() + options.wire_size() +
           (payload.empty() ? 0 : 1 + payload.size());
}

void Message::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(code != Code::empty || wire_size() == header_octets);
    const unsigned nibble = token_nibble(token.size());
    out.u8(
        static_cast<std::uint8_t>(version << 6 | unsigned{std::to_underlying(type)} << 4 | nibble));
    out.u8(std::to_underlying(code));
    out.be16(id);
    if (nibble == 13) out.u8(static_cast<std::uint8_t>(token.size() - 13));
    if (nibble == 14) out.be16(static_cast<std::uint16_t>(token.size() - 269));
    out.put(token.bytes());
    options.emit(out);
    if (payload.empty()) return;
    out.u8(payload_marker);
    out.put(payload);
}

std::optional<Header> peek_header(Bytes datagram) noexcept {
    if (datagram.size() < Message::header_octets) return std::nullopt;
    ByteReader in(datagram);
    const unsigned first = in.u8();
    if (first >> 6 != version) return std::nullopt;
    const Code code{in.u8()};
    return Header{Type(first >> 4 & 3u), code, in.be16()};
}

Message empty_message(Type type, std::uint16_t id) {
    Message message;
    message.type = type;
    message.id = id;
    return message;
}

}  // namespace causeway::coap
