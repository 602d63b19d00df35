#pragma once
// What a client is told, and what it wants done.
//
//   DoConnect -> OpenTransport -> TransportOpened -> SendOctets(CONNECT) -> BytesReceived(CONNACK)
//             -> Connected | ConnectionRefused
//   DoPublish{7} -> SendOctets ... BytesReceived -> Published{7}
//   BytesReceived(PUBLISH) -> MessageArrived -> (Acknowledge ->) SendOctets(PUBACK)
//   TransportClosed -> Disconnected -> after a while, if asked for: OpenTransport
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "mqtt/packet.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace causeway::mqtt::client {

/// The host's name for a request, given back with its outcome.
enum class Ticket : std::uint64_t {};

// ---- inputs; whatever they borrow is borrowed for the length of the call

struct DoConnect {};
struct TransportOpened {};
struct BytesReceived {
    Bytes octets;
};
/// The transport is gone, or could not be opened, and not by CloseTransport.
struct TransportClosed {};
/// `packet_id` and `dup` are the client's own affair, and so is a topic alias.
struct DoPublish {
    Ticket ticket;
    Publish publish;
};
struct DoSubscribe {
    Ticket ticket;
    Subscribe subscribe;
};
struct DoUnsubscribe {
    Ticket ticket;
    Unsubscribe unsubscribe;
};
/// Says DISCONNECT, and stays away until DoConnect.
struct DoDisconnect {
    Reason reason = Reason::success;
    Properties properties;
};
/// For a message of QoS 1 or 2, where the settings leave that to the host. An error ends it
/// [MQTT 5.0 §4.4]; 3.1.1 cannot say one.
struct Acknowledge {
    std::uint16_t packet_id;
    Reason reason = Reason::success;
};
/// The answer to Challenge.
struct AuthenticationData {
    Octets data;
};
/// Begins a re-authentication [MQTT 5.0 §4.12.1].
struct DoReauthenticate {
    Octets data;
};

using Input =
    std::variant<BytesReceived, DoPublish, Acknowledge, DoConnect, TransportOpened, TransportClosed,
                 DoSubscribe, DoUnsubscribe, DoDisconnect, AuthenticationData, DoReauthenticate>;

// ---- outputs

struct OpenTransport {};
struct SendOctets {
    Octets octets;
};
/// After what was sent before has left. No TransportClosed follows.
struct CloseTransport {};

/// Borrows, if anything, from storage of its own, so it is moved and never copied.
class Owned {
public:
    explicit Owned(Octets storage) : storage_(std::move(storage)) {}
    Owned(Owned&&) noexcept = default;
    Owned& operator=(Owned&&) noexcept = default;
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() = default;

protected:
    Octets storage_;
};

class Connected : public Owned {
public:
    Connected(Octets storage, Connack said) : Owned(std::move(storage)), connack(std::move(said)) {}
    Connack connack;
};
/// The server said no, in CONNACK.
class ConnectionRefused : public Owned {
public:
    ConnectionRefused(Octets storage, Connack said, std::optional<Duration> again)
        : Owned(std::move(storage)), connack(std::move(said)), retry_in(again) {}
    Connack connack;
    std::optional<Duration> retry_in;
};
/// `publish.topic` is whole, whether the server used an alias or not.
class MessageArrived : public Owned {
public:
    MessageArrived(Octets storage, Publish said)
        : Owned(std::move(storage)), publish(std::move(said)) {}
    Publish publish;
    /// For Message(storage, publish, ...), which then copies nothing.
    [[nodiscard]] Octets take_storage() { return std::move(storage_); }
};
/// QoS 0: it was handed to the transport. Else the server's answer, or why it was never sent.
struct Published {
    Ticket ticket;
    Reason reason = Reason::success;
    /// QoS 2, and the server has lost the session meanwhile: nobody knows.
    bool unknown = false;
    std::string reason_string = {};
};
struct Subscribed {
    Ticket ticket;
    std::uint16_t packet_id = 0;
    std::vector<Reason> reasons;  // empty: the connection was lost before the answer
    std::string reason_string = {};
};
struct Unsubscribed {
    Ticket ticket;
    std::uint16_t packet_id = 0;
    std::vector<Reason> reasons;  // 3.1.1: as many successes as there were filters
    std::string reason_string = {};
};
/// The server asks for more, in enhanced authentication: AuthenticationData is due.
struct Challenge {
    Octets data;
};
struct Reauthenticated {
    Octets data;
};
struct Disconnected {
    enum class Cause : std::uint8_t {
        asked,       // DoDisconnect
        by_server,   // it said DISCONNECT
        lost,        // the transport went
        not_opened,  // it never came
        silent,      // no CONNACK, PINGRESP or AUTH in time
        fault,       // the server broke a rule: `what` says which
    };
    Cause cause;
    Reason reason = Reason::success;
    std::string what = {};  // the server's reason string, or which rule it broke
    std::string server_reference = {};
    std::optional<Duration> retry_in = {};
};

using Output = std::variant<SendOctets, MessageArrived, Published, OpenTransport, CloseTransport,
                            Connected, ConnectionRefused, Subscribed, Unsubscribed, Challenge,
                            Reauthenticated, Disconnected>;

}  // namespace causeway::mqtt::client
