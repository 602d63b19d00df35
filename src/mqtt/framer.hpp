#pragma once
// Cuts a stream of octets into control packets [MQTT 5.0 §2.1.4]. Whole packets are handed out as
// they lie in what was received; only a packet that is not whole yet is copied, into storage of
// its final size, once, however many pieces it comes in. An idle framer owns no memory.
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
    /// Takes from the front of `in` (moves its beginning). Nothing when more octets are needed: then
    /// `in` is empty. Call until nothing.
    ///
    ///     while (auto step = framer.next(in)) ...
    [[nodiscard]] std::optional<Step> next(Bytes& in);

    /// After a step: the storage of a packet that came in pieces, with the packet in it, so that a
    /// large payload is kept and not copied. Empty when the packet lay in `in`.
    [[nodiscard]] Octets take_storage();

    void limit(std::uint32_t packet_octets_max) noexcept { packet_octets_max_ = packet_octets_max; }
    /// Octets held of an unfinished packet.
    [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }

private:
    std::uint32_t packet_octets_max_;
    std::uint32_t wanted_ = 0;  // octets of the packet in held_, once its length is known
    bool handed_out_ = false;   // held_ is the packet of the last step
    Octets held_;
};

}  // namespace causeway::mqtt
