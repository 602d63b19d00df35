#pragma once
// WebSocket without a socket [RFC 6455]: the opening handshake of either side, and frames, as a
// layer over a stream of octets. Where that carries a stream of octets itself, as MQTT's does, a
// message may be any piece of it, and none is ever put together: what arrives is unmasked where it
// lies and handed on. Where messages count, as CoAP's do, they are handed on whole, up to a bound.
//
// Leaves out: text, extensions, and compression with them. Neither MQTT nor CoAP asks for them.
#include "base/bytes.hpp"
#include "net/websocket_handshake.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace causeway::net {

class WebSocket {
public:
    enum class Phase { handshake, open, ended, failed };

    /// `path`: the only one that is there; empty: any. `message_octets_max`: messages are whole and
    /// no longer than that; none: they are handed on in pieces.
    [[nodiscard]] static std::unique_ptr<WebSocket> server(
        std::string subprotocol, std::string path = {},
        std::optional<std::size_t> message_octets_max = {});
    [[nodiscard]] static std::unique_ptr<WebSocket> client(
        std::string host, std::string path, std::string subprotocol,
        std::optional<std::size_t> message_octets_max = {});

    /// What a client says first.
    void start(Octets& wire);
    /// Takes octets from below; next() gives what is in them, and they must stay until it gives
    /// nothing. What the peer has to be sent is appended to `wire`.
    void feed(MutableBytes raw);
    /// A piece of a message; or a message, which holds until the next call.
    [[nodiscard]] std::optional<Bytes> next(Octets& wire);

    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] bool whole_messages() const noexcept { return message_max_.has_value(); }

    /// Writes a frame around the payload, in place: it starts frame_room octets into `buffer` and
    /// is `payload` octets long. A client's is masked.
    [[nodiscard]] Bytes frame(MutableBytes buffer, std::size_t payload);
    /// The same for a message that comes in pieces: its header, which is so long and begins
    /// `buffer`, and then each piece, in place.
    [[nodiscard]] std::size_t begin_message(MutableBytes buffer, std::size_t payload);
    void carry_on(MutableBytes piece);
    /// The close frame, unless one was sent.
    void goodbye(Octets& wire);

    static constexpr std::size_t frame_room = 14;

private:
    enum class Opcode : std::uint8_t {
        more = 0,
        text = 1,
        binary = 2,
        close = 8,
        ping = 9,
        pong = 10
    };

    WebSocket(bool client, std::optional<std::size_t> message_max)
        : client_(client), message_max_(message_max) {}
    bool shake_hands(Octets& wire);
    bool begin_frame(Octets& wire);
    [[nodiscard]] std::optional<Bytes> put_together(Bytes piece, bool whole_frame);
    void control(Octets& wire);
    void unmask(MutableBytes piece);
    void fail(Octets& wire, std::uint16_t code, std::string why);
    void say(Octets& wire, Opcode opcode, Bytes payload);

    bool client_;
    bool message_over_ = false;  // message_ was handed on
    bool close_sent_ = false;
    bool in_message_ = false;  // a fragmented one is not over
    bool masked_ = false;
    Phase phase_ = Phase::handshake;
    Opcode opcode_ = Opcode::binary;
    std::uint64_t left_ = 0;  // octets of the frame at hand
    bool in_frame_ = false;
    std::uint8_t header_size_ = 0;
    std::uint8_t control_size_ = 0;
    std::uint8_t mask_at_ = 0;
    std::array<std::byte, 4> mask_{};
    std::array<std::byte, 4> out_mask_{};  // of the message that goes out in pieces
    std::uint8_t out_mask_at_ = 0;
    std::optional<std::size_t> message_max_;
    Octets message_;  // what there is of one that comes in pieces
    std::array<std::byte, 14> header_{};
    std::array<std::byte, 125> control_{};
    MutableBytes raw_;
    std::unique_ptr<WebSocketOpening> opening_;
    std::string failure_;
};

}  // namespace causeway::net
