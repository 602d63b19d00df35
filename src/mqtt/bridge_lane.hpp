#pragma once
// One direction of a bridge: what one broker publishes to it, it publishes to the other, under the
// same packet identifier, and what the other answers it answers. So nothing of a message has to be
// kept here: both brokers have it, and when either connection is lost they go on from where they
// stood. What is kept, for as long as the two connections last, is an octet per identifier.
#include "base/text_hash.hpp"
#include "mqtt/bridge_stats.hpp"
#include "mqtt/bridge_topics.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::mqtt {

/// One of the two brokers, as a bridge sees it.
struct BridgeEnd {
    explicit BridgeEnd(Version v, std::uint32_t octets_max) : version(v), framer(octets_max) {}

    Version version;
    Framer framer;
    Octets out;            // to be sent at the end of the call
    bool open = false;     // there is a connection
    bool ready = false;    // it has said CONNACK
    bool resumed = false;  // it had the session
    Qos qos_max = Qos::exactly_once;
    bool retain_available = true;
    std::uint32_t packet_octets_max = 0;
    std::uint16_t receive_maximum = 0;
    std::optional<Reason> said;      // DISCONNECT
    std::uint16_t subscribe_id = 0;  // of a SUBSCRIBE that waits for its SUBACK; 0: none

    void send(const Packet& packet) { append(packet, version, out); }
    void answer(PacketType type, std::uint16_t packet_id, Reason reason = Reason::success);
};

class BridgeLane {
public:
    BridgeLane(const BridgeTopics& topics, BridgeWay way, BridgeEnd& from, BridgeEnd& to,
               BridgeLaneStats& stats);

    /// Both ends are ready.
    void begin(std::uint16_t window);
    /// One of them is not any more. `blame`: `to` closed, and by what it said or did not say a
    /// message of this lane may be why.
    void end(bool blame);

    // ---- from `from`
    void published(Publish& publish);
    void released(std::uint16_t packet_id);
    // ---- from `to`
    void answered(const Ack& ack);

    /// Only one message at a time, until it is known which makes `to` close.
    [[nodiscard]] bool careful() const noexcept { return careful_left_ > 0; }
    /// Both connections have to begin anew: messages were left unanswered, or it need not be
    /// careful any more.
    [[nodiscard]] bool wants_restart() const noexcept {
        return careful_over_ || (deferring_ && under_way_ == 0 && to_.subscribe_id == 0);
    }
    /// `to` has no room just now: the message must stay where it is for a while.
    [[nodiscard]] bool refused_full() const noexcept { return refused_full_; }
    /// Something was finished since begin().
    [[nodiscard]] bool progressed() const noexcept { return progressed_; }
    /// Once: the topic of a message that was given up.
    [[nodiscard]] std::optional<std::string> take_given_up();

private:
    enum class Phase : std::uint8_t { none, published, received, released, answered_here };
    /// What is known of an identifier, in an octet.
    struct Flight {
        std::uint8_t octet = 0;

        static Flight of(Phase phase, Qos from, Qos to, bool counted);
        [[nodiscard]] Phase phase() const noexcept { return static_cast<Phase>(octet & 7); }
        [[nodiscard]] Qos from_qos() const noexcept { return static_cast<Qos>(octet >> 3 & 3); }
        [[nodiscard]] Qos to_qos() const noexcept { return static_cast<Qos>(octet >> 5 & 3); }
        [[nodiscard]] bool counted() const noexcept { return (octet & 0x80) != 0; }
        void go(Phase phase) noexcept {
            octet = static_cast<std::uint8_t>((octet & ~7) | int(phase));
        }
    };
    /// The message that may make `to` close.
    struct Suspect {
        std::uint16_t packet_id = 0;
        std::uint64_t print = 0;
        std::uint32_t strikes = 0;  // it was alone under way when `to` closed
    };
    static constexpr std::uint32_t strikes_max = 2;

    [[nodiscard]] Flight& flight(std::uint16_t packet_id);
    [[nodiscard]] bool must_defer(std::uint16_t packet_id);
    [[nodiscard]] bool write(const Publish& publish);
    void settle(const Publish& publish, Reason reason);
    void clear(std::uint16_t packet_id);
    void finish(std::uint16_t packet_id, Reason reason);
    [[nodiscard]] std::uint64_t print_of(const Publish& publish) const;
    void release_stale(std::uint16_t packet_id);

    const BridgeTopics& topics_;
    BridgeWay way_;
    BridgeEnd& from_;
    BridgeEnd& to_;
    BridgeLaneStats& stats_;
    std::string topic_;     // scratch
    std::string response_;  // scratch

    std::vector<Flight> flights_;  // by packet identifier
    std::uint32_t under_way_ = 0;  // published to `to` in this connection, and not finished
    std::uint32_t window_ = 0;
    bool deferring_ = false;
    bool refused_full_ = false;
    bool progressed_ = false;

    /// Identifiers that `to` may still hold for messages that `from` has forgotten.
    std::vector<bool> stale_;

    std::uint32_t careful_left_ = 0;  // messages until it is over
    bool careful_over_ = false;
    Suspect suspect_;
    Suspect last_;  // sent while careful
    std::optional<std::string> given_up_;
};

}  // namespace causeway::mqtt
