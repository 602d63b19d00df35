#pragma once
// One CoAP message over UDP [RFC 7252 §3], its token of any length [RFC 8974 §2.1]. What its fields
// mean together (which type may carry which code, §4.2 and §4.3) is the endpoint's business; only
// format errors are told here.
#include "base/inplace_bytes.hpp"
#include "base/repr.hpp"
#include "coap/code.hpp"
#include "coap/options.hpp"
#include "coap/token.hpp"

#include <optional>
#include <string>

namespace causeway::coap {

enum class Type : std::uint8_t { confirmable, non_confirmable, acknowledgement, reset };

/// "CON", "NON", "ACK", "RST".
[[nodiscard]] std::string_view name_of(Type type) noexcept;

struct Message {
    Type type = Type::confirmable;
    Code code = Code::empty;
    std::uint16_t id = 0;
    Token token;
    Options options;
    Octets payload;

    static constexpr std::size_t header_octets = 4;

    /// bad_version: to be ignored in silence. Every other fault is a message format error: a
    /// reserved token length or nibble, a marker before nothing, an Empty message that is not.
    static Result<Message> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;

    friend bool operator==(const Message&, const Message&) = default;
};

static_assert(Repr<Message>);

/// The fixed part alone: what an answer to a malformed message needs.
struct Header {
    Type type;
    Code code;
    std::uint16_t id;
};

/// nullopt when shorter than four octets or of another version.
[[nodiscard]] std::optional<Header> peek_header(Bytes datagram) noexcept;

/// An Empty message of `type` that echoes `id`.
[[nodiscard]] Message empty_message(Type type, std::uint16_t id);

}  // namespace causeway::coap
