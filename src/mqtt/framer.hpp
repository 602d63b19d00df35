#pragma once
// Cuts a stream of octets into control packets [MQTT 5.0 §2.1.4]. Whole packets are handed out as
// they lie in what was received; only a packet that is not whole yet is copied, once, into storage
// that grows with what has come and ends at the packet's size: an announced length reserves
// nothing. An idle framer owns no memory.
//
// A remaining length that is longer than it needs to be passes here: 3.1.1 does not forbid it, and
// the version is not known here. parse_packet() refuses it in 5.0 [MQTT-1.5.5-1].
#include "base/bytes.hpp"
#include "mqtt/packet.hpp"

namespace causeway::mqtt {

class Framer {
public:
    explicit Framer(std::uint32_t packet_octets_max) : packet_octets_max_(packet_octets_max) {}

    struct Step {
        Bytes packet;                    // whole, fixed header included; valid until the next call
        std::optional<Refused> refused;  // malformed length, or packet_too_large; then the end
    };
    /// Takes from the front of `in` (moves its beginning). Nothing when more octets are needed:
    /// then `in` is empty. After a refusal everything is swallowed. Call until nothing:
    ///
    ///     while (auto step = framer.next(in)) ...
    [[nodiscard]] std::optional<Step> next(Bytes& in);

    /// After a step: the storage of a packet that came in pieces, with the packet in it, so that a
    /// large payload is kept and not copied. Empty when the packet lay in `in`.
    [[nodiscard]] Octets take_storage();

    void limit(std::uint32_t packet_octets_max) noexcept { packet_octets_max_ = packet_octets_max; }
    /// Octets held of an unfinished packet.
    [[nodiscard]] std::size_t held() const noexcept {
        return state_ == State::open ? held_.size() : 0;
    }
    /// Octets of memory that it owns beside itself.
    [[nodiscard]] std::size_t footprint() const noexcept { return held_.capacity(); }

private:
    // handed_out: held_ is the packet of the last step.
    enum class State : std::uint8_t { open, handed_out, refused };

    std::optional<Step> from_input(Bytes& in);
    std::optional<Step> from_pieces(Bytes& in);
    [[nodiscard]] std::optional<Refused> judge(std::size_t length_octets, std::size_t whole) const;
    Step refuse(Bytes& in, const Refused& why);
    void hold(Bytes& in, std::size_t octets);

    std::uint32_t packet_octets_max_;  // fixed header included [MQTT 5.0 §3.1.2.11.4]
    std::uint32_t wanted_ = 0;         // octets of the packet in held_, once its length is known
    State state_ = State::open;
    Octets held_;
};

}  // namespace causeway::mqtt
