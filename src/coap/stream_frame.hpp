#pragma once
// One CoAP message as reliable transports carry it: behind a length over TCP and TLS [RFC 8323
// §3.2], one to a WebSocket message [RFC 8323 §4.2]; with tokens longer than 8 octets [RFC 8974
// §2.1]. Type and message id are not on the wire: what is read has the defaults of Message.
#include "coap/message.hpp"

#include <optional>

namespace causeway::coap {

enum class Framing : std::uint8_t {
    tcp,        // TLS as well: a length stands before each message
    websocket,  // the WebSocket message is the frame, and Len is zero
};

/// What the first octets of a frame say. Lengths come from outside and may be anything.
struct FrameHeader {
    std::size_t octets = 0;  // before the token
    Code code = Code::empty;
    std::size_t token_octets = 0;
    std::uint64_t rest_octets = 0;  // options, marker and payload; over WebSocket not known

    [[nodiscard]] std::uint64_t frame_octets() const noexcept {
        return octets + token_octets + rest_octets;
    }

    /// Len and its extension, the code, the length of an extended token.
    static constexpr std::size_t octets_max = 1 + 4 + 1 + 2;

    /// truncated: more octets are needed. bad_length: the reserved token length, or a length over
    /// WebSocket.
    static Result<FrameHeader> parse(Bytes octets, Framing framing) noexcept;
};

/// The whole of `frame`, which has as many octets as its header says. Options and payload are as
/// Message::parse() wants them; an Empty message may have any, since nobody looks at them.
[[nodiscard]] Result<Message> parse_frame(const FrameHeader& header, Bytes frame);

/// What a Max-Message-Size is about: all octets of the message, its header too. [RFC 8323 §5.3.1]
[[nodiscard]] std::size_t frame_size(const Message& message, Framing framing) noexcept;
/// The token is at most extended_token_octets_max long.
[[nodiscard]] Octets framed(const Message& message, Framing framing);

inline constexpr std::size_t extended_token_octets_max = Token::capacity;  // [RFC 8974 §2.1]

}  // namespace causeway::coap
