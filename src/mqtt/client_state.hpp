#pragma once
// What a client is inside. client.cpp opens and closes connections, client_out.cpp sends what the
// host asks for, client_in.cpp takes what the server says.
#include "base/outbox.hpp"
#include "base/timers.hpp"
#include "mqtt/client.hpp"
#include "mqtt/client_flights.hpp"
#include "mqtt/framer.hpp"

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

/// What the variable length of the fixed header can say, and that header.
inline constexpr std::uint32_t packet_octets_most = 268'435'460;

struct Client::State {
    State(ClientSettings from, Random chance);

    enum class Phase : std::uint8_t {
        idle,        // nobody wants a connection
        opening,     // of the transport
        connecting,  // CONNECT was sent
        connected,
        resting,  // until the next try
    };
    enum class Timer : std::uint8_t { answer, alive, pong, retry, count };

    /// A SUBSCRIBE or an UNSUBSCRIBE that waits for its answer.
    struct Request {
        std::uint16_t packet_id;
        client::Ticket ticket;
        bool subscribes;
        std::size_t filters;
    };

    // ---- connections (client.cpp)
    void open();
    void say_connect(Instant now);
    void close(Instant now, client::Disconnected::Cause cause, Reason reason, std::string what,
               std::string server_reference = {});
    /// The connection is over; what comes next depends on the settings.
    [[nodiscard]] std::optional<Duration> rest(Instant now, bool wanted);
    void let_go();
    void fault(Instant now, Reason reason, std::string_view what);
    void touch_timer(Instant now);
    [[nodiscard]] bool is_v5() const noexcept { return settings.version == Version::v5; }

    // ---- to the server (client_out.cpp)
    void publish(Instant now, const client::DoPublish& wanted);
    void subscribe(Instant now, const client::DoSubscribe& wanted);
    void unsubscribe(Instant now, const client::DoUnsubscribe& wanted);
    void acknowledge(Instant now, const client::Acknowledge& said);
    void disconnect(Instant now, const client::DoDisconnect& wanted);
    void answer_challenge(Instant now, Reason reason, Bytes data);
    void send(Instant now, const Packet& packet);
    void send_raw(Instant now, Bytes packet);
    void send_ack(Instant now, PacketType type, std::uint16_t packet_id, Reason reason);
    void send_due_acks(Instant now);
    /// Sends again and sends what waits, as far as the server's receive maximum allows.
    void pump(Instant now);
    void launch(Instant now, client::Flight flight);
    void flush();
    [[nodiscard]] std::optional<Reason> unsendable(std::size_t octets, Qos qos, bool retain) const;
    void refuse(client::Ticket ticket, Reason reason, std::string_view why);
    [[nodiscard]] bool publish_directly(Instant now, const Publish& publish);

    // ---- from the server (client_in.cpp)
    void receive(Instant now, Bytes octets);
    void take(Instant now, Bytes whole);
    void take_publish(Instant now, Bytes whole);
    void take_connack(Instant now, Bytes whole);
    void take_ack(Instant now, const Ack& ack);
    void take_auth(Instant now, const Auth& auth);
    void take_disconnect(Instant now, const Disconnect& said);
    void take_answer(Instant now, std::uint16_t packet_id, bool subscribes,
                     std::vector<Reason> reasons, std::string_view reason_string);
    void session_lost();
    void ended(client::Ticket ticket, Reason reason, std::string_view why);
    [[nodiscard]] bool resolve_alias(Instant now, Octets& storage, Publish& publish);

    ClientSettings settings;
    ClientStats stats;
    Random random;
    Outbox<client::Output> outbox;
    Octets out;  // what the connection is to be sent, behind all that is in the outbox
    Timers<Timer> timers;
    Framer framer;
    Phase phase = Phase::idle;
    std::string id;

    // ---- of this connection
    std::uint32_t server_packet_octets_max = 0;  // 0: as the standard
    std::uint16_t server_receive_maximum = 65535;
    std::uint16_t server_alias_maximum = 0;
    Qos server_qos_max = Qos::exactly_once;
    bool server_retains = true;
    Duration keep_alive{};
    Instant last_sent{};
    Instant last_heard{};
    Instant since{};
    bool reauthenticating = false;
    std::map<std::string, std::uint16_t, std::less<>> aliases_out;
    std::vector<std::string> aliases_in;

    // ---- of the session
    client::PacketIds ids;
    client::Flights flights;
    client::Receipts receipts;
    std::deque<client::Flight> waiting;
    std::uint64_t waiting_octets = 0;
    std::vector<Request> requests;
    bool was_connected = false;
    Duration patience{};  // before the next try
};

}  // namespace causeway::mqtt
