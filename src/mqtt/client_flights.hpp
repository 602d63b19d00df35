#pragma once
// The halves of a client's session: what is on its way to the server, and what came from it and is
// not settled. Bounded by packet identifiers and by the limits of whoever fills them.
#include "mqtt/client_events.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace causeway::mqtt::client {

/// Packet identifiers in use, of publishes and requests alike [MQTT-2.2.1-3].
class PacketIds {
public:
    /// Zero when all are taken.
    [[nodiscard]] std::uint16_t take() noexcept;
    void give_back(std::uint16_t id) noexcept;

private:
    std::bitset<65536> used_;
    std::size_t count_ = 0;
    std::uint16_t next_ = 1;
};

/// A PUBLISH as it goes over the wire, kept until its fate is known.
struct Flight {
    Ticket ticket{};
    Octets packet;
    std::uint32_t id_at = 0;  // where its packet identifier lies
    std::uint16_t packet_id = 0;
    Qos qos = Qos::at_most_once;

    [[nodiscard]] bool retain() const noexcept { return (packet[0] & std::byte{1}) != std::byte{}; }
    void number(std::uint16_t id) noexcept;
    void mark_duplicate(bool duplicate) noexcept;
};

/// Publishes of QoS 1 and 2 in the order in which they were sent, and then, once received, QoS 2
/// releases in the order in which they were asked for [MQTT-4.6.0-1] [MQTT-4.6.0-4].
class Flights {
public:
    struct Released {
        Ticket ticket;
        std::uint16_t packet_id;
        Reason reason;  // of PUBREC: no error, but it may say that nobody has subscribed
    };

    /// On the wire in this connection: what the server's receive maximum counts.
    [[nodiscard]] std::size_t on_wire() const noexcept { return size() - unsent_; }
    [[nodiscard]] std::size_t size() const noexcept { return published_.size() + released_.size(); }

    Flight& launch(Flight flight);
    /// The first that is in flight and has not been sent in this connection; now it has.
    [[nodiscard]] Flight* resend() noexcept;
    /// Takes it out; nothing when it is not in flight at that quality.
    [[nodiscard]] std::optional<Flight> land(std::uint16_t packet_id, Qos qos);
    /// PUBREC came: only its identifier is kept from here on.
    void release(const Flight& flight, Reason reason) {
        released_.push_back({flight.ticket, flight.packet_id, reason});
    }
    [[nodiscard]] std::optional<Released> complete(std::uint16_t packet_id);
    [[nodiscard]] bool is_released(std::uint16_t packet_id) const noexcept;

    /// A new connection: nothing of this was sent in it.
    void ground() noexcept { unsent_ = published_.size(); }
    [[nodiscard]] const std::deque<Released>& released() const noexcept { return released_; }
    /// The server has forgotten all of it.
    [[nodiscard]] std::deque<Flight> take_published();
    [[nodiscard]] std::deque<Released> take_released();

private:
    std::deque<Flight> published_;
    std::deque<Released> released_;
    std::size_t unsent_ = 0;  // at the end of published_
};

/// What came from the server at QoS 1 and 2. Acknowledgements leave in the order of arrival
/// [MQTT-4.6.0-2] [MQTT-4.6.0-3], whatever order the host gives them in.
class Receipts {
public:
    struct Due {
        std::uint16_t packet_id;
        Qos qos;
        Reason reason;
    };
    /// Whether it is new: a QoS 2 message is handed out once [MQTT 5.0 §4.3.3].
    [[nodiscard]] bool arrived(std::uint16_t packet_id, Qos qos);
    /// False: nothing of that number waits.
    [[nodiscard]] bool acknowledge(std::uint16_t packet_id, Reason reason);
    /// The next acknowledgement that may be sent, until nothing.
    [[nodiscard]] std::optional<Due> next_due();
    /// PUBREL came; false when the identifier is unknown.
    [[nodiscard]] bool release(std::uint16_t packet_id) noexcept;
    /// Arrived in this connection, and not yet acknowledged or completed [MQTT 5.0 §4.9].
    [[nodiscard]] std::size_t open() const noexcept { return waiting_.size() + unreleased_; }
    void connection_lost() noexcept;
    void forget() noexcept;

private:
    enum class Known : std::uint8_t { no, arrived, acknowledged };
    struct Waiting {
        std::uint16_t packet_id;
        Qos qos;
        Reason reason;
        bool acknowledged;
    };
    std::deque<Waiting> waiting_;
    std::vector<Known> exactly_once_;  // by packet identifier, from the first that comes
    std::size_t unreleased_ = 0;
};

}  // namespace causeway::mqtt::client
