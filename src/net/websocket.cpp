#include "net/websocket.hpp"

#include "base/assert.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace causeway::net {
namespace {

constexpr std::uint16_t close_normal = 1000;  // [RFC 6455 §7.4.1]
constexpr std::uint16_t close_protocol = 1002;
constexpr std::uint16_t close_unacceptable = 1003;
constexpr std::uint16_t close_too_big = 1009;

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t control_bit = 0x08;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t size_bits = 0x7f;
constexpr std::uint8_t size_16 = 126;
constexpr std::uint8_t size_64 = 127;
constexpr std::size_t control_octets_max = 125;  // [RFC 6455 §5.5]
constexpr std::size_t message_kept_max = 4096;   // of the memory that messages are put together in

std::uint8_t u8(std::byte octet) {
    return std::to_integer<std::uint8_t>(octet);
}

/// The octets of a header, once its first two are known.
std::size_t header_octets(std::uint8_t second) {
    const std::uint8_t size = second & size_bits;
    return 2u +
           (size == size_16   ? 2u
            : size == size_64 ? 8u
                              : 0u) +
           ((second & mask_bit) != 0 ? 4u : 0u);
}

/// `at`: how many octets of the payload came before, which is where the key goes on.
void apply_mask(MutableBytes piece, const std::array<std::byte, 4>& key, std::size_t at) {
    std::array<std::byte, 8> twice;
    for (std::size_t i = 0; i < twice.size(); ++i) twice[i] = key[(at + i) % key.size()];
    const auto word = std::bit_cast<std::uint64_t>(twice);
    std::size_t i = 0;
    for (; i + sizeof word <= piece.size(); i += sizeof word) {
        std::uint64_t octets;
        std::memcpy(&octets, piece.data() + i, sizeof octets);
        octets ^= word;
        std::memcpy(piece.data() + i, &octets, sizeof octets);
    }
    for (; i < piece.size(); ++i) piece[i] ^= key[(at + i) % key.size()];
}

std::array<std::byte, 4> new_mask() {
    // Nobody may guess it [RFC 6455 §5.3].
    std::array<unsigned char, 4> key;
    CAUSEWAY_ASSERT(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1);
    return std::bit_cast<std::array<std::byte, 4>>(key);
}

}  // namespace

std::unique_ptr<WebSocket> WebSocket::server(std::string subprotocol, std::string path,
                                             std::optional<std::size_t> message_octets_max) {
    std::unique_ptr<WebSocket> made(new WebSocket(false, message_octets_max));
    made->opening_ = WebSocketOpening::server(std::move(subprotocol), std::move(path));
    return made;
}

std::unique_ptr<WebSocket> WebSocket::client(std::string host, std::string path,
                                             std::string subprotocol,
                                             std::optional<std::size_t> message_octets_max) {
    std::unique_ptr<WebSocket> made(new WebSocket(true, message_octets_max));
    made->opening_ =
        WebSocketOpening::client(std::move(host), std::move(path), std::move(subprotocol));
    return made;
}

void WebSocket::start(Octets& wire) {
    if (client_ && opening_) opening_->ask(wire);
}

void WebSocket::feed(MutableBytes raw) {
    raw_ = raw;
}

std::optional<Bytes> WebSocket::next(Octets& wire) {
    if (phase_ == Phase::handshake && !shake_hands(wire)) return {};
    while (phase_ == Phase::open && (!raw_.empty() || in_frame_)) {
        if (!in_frame_) {
            if (!begin_frame(wire)) continue;
        }
        const std::size_t some = std::min<std::uint64_t>(left_, raw_.size());
        const MutableBytes piece = raw_.first(some);
        raw_ = raw_.subspan(some);
        if (masked_) unmask(piece);
        left_ -= some;
        const bool whole = left_ == 0;
        if (whole) in_frame_ = false;
        if ((static_cast<std::uint8_t>(opcode_) & control_bit) != 0) {
            if (some != 0) std::memcpy(control_.data() + control_size_, piece.data(), some);
            control_size_ = static_cast<std::uint8_t>(control_size_ + some);
            if (whole) control(wire);
        } else if (message_max_) {
            if (auto message = put_together(piece, whole)) return message;
        } else if (some != 0) {
            return piece;
        }
        if (!whole && raw_.empty()) break;
    }
    return {};
}

/// The message, if this piece is its last. One that lies there whole is not copied.
std::optional<Bytes> WebSocket::put_together(Bytes piece, bool whole_frame) {
    if (std::exchange(message_over_, false)) {
        message_.clear();
        if (message_.capacity() > message_kept_max) message_ = {};  // an idle one keeps no buffer
    }
    const bool last = whole_frame && !in_message_;
    if (last && message_.empty()) return piece;
    message_.insert(message_.end(), piece.begin(), piece.end());
    if (!last) return {};
    message_over_ = true;
    return message_;
}

/// True: done, and what is left of the octets are frames.
bool WebSocket::shake_hands(Octets& wire) {
    std::size_t used = 0;
    const auto verdict = opening_->take(raw_, used, wire);
    raw_ = raw_.subspan(used);
    if (verdict == WebSocketOpening::Verdict::more) return false;
    if (verdict == WebSocketOpening::Verdict::failed) {
        failure_ = opening_->failure();
        phase_ = Phase::failed;
        return false;
    }
    opening_.reset();
    phase_ = Phase::open;
    return true;
}

/// Takes octets until the header is whole; true when it is, and good.
bool WebSocket::begin_frame(Octets& wire) {
    const std::size_t wanted = header_size_ < 2 ? 2 : header_octets(u8(header_[1]));
    const std::size_t some = std::min(wanted - header_size_, raw_.size());
    std::memcpy(header_.data() + header_size_, raw_.data(), some);
    raw_ = raw_.subspan(some);
    header_size_ = static_cast<std::uint8_t>(header_size_ + some);
    if (header_size_ < 2 || header_size_ < header_octets(u8(header_[1]))) return false;

    ByteReader in(Bytes(header_).first(std::exchange(header_size_, std::uint8_t{0})));
    const std::uint8_t first = in.u8();
    const std::uint8_t second = in.u8();
    const bool final = (first & final_bit) != 0;
    left_ = second & size_bits;
    masked_ = (second & mask_bit) != 0;
    if (left_ == size_16) {
        left_ = in.be16();
        if (left_ < size_16)
            return fail(wire, close_protocol, "a length is not the shortest"), false;
    } else if (left_ == size_64) {
        left_ = in.be64();
        if (left_ <= UINT16_MAX)
            return fail(wire, close_protocol, "a length is not the shortest"), false;
        if (left_ >> 63 != 0) return fail(wire, close_protocol, "a length is negative"), false;
    }
    if (masked_) in.read_into(mask_);
    mask_at_ = 0;
    opcode_ = Opcode{static_cast<std::uint8_t>(first & opcode_bits)};
    if ((first & reserved_bits) != 0)
        return fail(wire, close_protocol, "reserved bits are set"), false;  // [RFC 6455 §5.2]
    // Clients mask, servers do not [RFC 6455 §5.1].
    if (masked_ == client_)
        return fail(wire, close_protocol, client_ ? "a masked frame" : "an unmasked frame"), false;
    switch (opcode_) {
        case Opcode::text:
            // [MQTT-6.0.0-1]
            return fail(wire, close_unacceptable, "a text message, binary ones are wanted"), false;
        case Opcode::more:
        case Opcode::binary:
            if ((opcode_ == Opcode::more) != in_message_)
                return fail(wire, close_protocol, "a fragment out of place"), false;
            in_message_ = !final;
            if (message_max_ && left_ > *message_max_ - (message_over_ ? 0 : message_.size()))
                return fail(wire, close_too_big, "a message is too long"), false;
            break;
        case Opcode::close:
        case Opcode::ping:
        case Opcode::pong:
            if (!final || left_ > control_octets_max)
                return fail(wire, close_protocol, "a control frame of more than one piece"), false;
            control_size_ = 0;
            break;
        default:
            return fail(wire, close_protocol, "an unknown kind of frame"), false;
    }
    in_frame_ = true;
    return true;
}

void WebSocket::control(Octets& wire) {
    const Bytes payload = Bytes(control_).first(control_size_);
    switch (opcode_) {
        case Opcode::ping:
            return say(wire, Opcode::pong, payload);
        case Opcode::close:
            if (payload.size() == 1) return fail(wire, close_protocol, "half a status code");
            // Its code goes back [RFC 6455 §5.5.1].
            if (!std::exchange(close_sent_, true))
                say(wire, Opcode::close, payload.first(std::min<std::size_t>(payload.size(), 2)));
            phase_ = Phase::ended;
            return;
        default:
            return;  // a pong that nobody asked for [RFC 6455 §5.5.3]
    }
}

void WebSocket::unmask(MutableBytes piece) {
    apply_mask(piece, mask_, mask_at_);
    mask_at_ = static_cast<std::uint8_t>((mask_at_ + piece.size()) % mask_.size());
}

void WebSocket::fail(Octets& wire, std::uint16_t code, std::string why) {
    failure_ = std::move(why);
    phase_ = Phase::failed;
    in_frame_ = false;
    if (std::exchange(close_sent_, true)) return;
    std::array<std::byte, 2> payload;
    ByteWriter(payload).be16(code);
    say(wire, Opcode::close, payload);
}

void WebSocket::goodbye(Octets& wire) {
    if (phase_ != Phase::open || std::exchange(close_sent_, true)) return;
    std::array<std::byte, 2> payload;
    ByteWriter(payload).be16(close_normal);
    say(wire, Opcode::close, payload);
}

void WebSocket::say(Octets& wire, Opcode opcode, Bytes payload) {
    std::array<std::byte, 2 + 4 + control_octets_max> frame;
    ByteWriter out(frame);
    out.u8(final_bit | static_cast<std::uint8_t>(opcode));
    out.u8(static_cast<std::uint8_t>(payload.size() | (client_ ? mask_bit : 0u)));
    std::array<std::byte, 4> key{};
    if (client_) {
        key = new_mask();
        out.put(key);
    }
    const std::size_t header = out.written();
    out.put(payload);
    if (client_) apply_mask(MutableBytes(frame).subspan(header, payload.size()), key, 0);
    wire.insert(wire.end(), frame.begin(),
                frame.begin() + static_cast<std::ptrdiff_t>(out.written()));
}

Bytes WebSocket::frame(MutableBytes buffer, std::size_t payload) {
    std::array<std::byte, frame_room> header;
    const std::size_t size = begin_message(header, payload);
    carry_on(buffer.subspan(frame_room, payload));
    std::memcpy(buffer.data() + frame_room - size, header.data(), size);
    return buffer.subspan(frame_room - size, size + payload);
}

std::size_t WebSocket::begin_message(MutableBytes buffer, std::size_t payload) {
    ByteWriter out(buffer);
    const std::uint8_t mask = client_ ? mask_bit : 0;
    out.u8(final_bit | static_cast<std::uint8_t>(Opcode::binary));
    if (payload < size_16) {
        out.u8(static_cast<std::uint8_t>(payload | mask));
    } else if (payload <= UINT16_MAX) {
        out.u8(size_16 | mask);
        out.be16(static_cast<std::uint16_t>(payload));
    } else {
        out.u8(size_64 | mask);
        out.be64(payload);
    }
    if (client_) {
        out_mask_ = new_mask();
        out_mask_at_ = 0;
        out.put(out_mask_);
    }
    return out.written();
}

void WebSocket::carry_on(MutableBytes piece) {
    if (!client_) return;
    apply_mask(piece, out_mask_, out_mask_at_);
    out_mask_at_ = static_cast<std::uint8_t>((out_mask_at_ + piece.size()) % out_mask_.size());
}

}  // namespace causeway::net
