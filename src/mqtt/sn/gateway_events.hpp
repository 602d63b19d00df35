#pragma once
// What a gateway is told, and what it wants done.
//
//   DatagramReceived(CONNECT) -> OpenBroker, SendBroker(CONNECT) -> BrokerReceived(CONNACK)
//   -> SendDatagram(CONNACK)
//
// A link is a connection of this program to its own broker: it is open as soon as OpenBroker is
// polled, and no answer says so. Its number is never used again.
#include "base/bytes.hpp"
#include "mqtt/sn/peer.hpp"

#include <cstdint>
#include <string>
#include <variant>

namespace causeway::mqtt::sn {

enum class LinkId : std::uint32_t {};

struct DatagramReceived {
    Peer peer;
    Bytes octets;  // borrowed for the length of the call
};
struct BrokerReceived {
    LinkId link;
    Bytes octets;  // a stream, cut anywhere; borrowed for the length of the call
};
/// By the broker; not told of a link that CloseBroker asked to close.
struct BrokerClosed {
    LinkId link;
};
/// Every client is told, and every link closed as MQTT's DISCONNECT does it: wills stay unsaid.
struct ShutDown {};
using GatewayInput = std::variant<DatagramReceived, BrokerReceived, BrokerClosed, ShutDown>;

struct SendDatagram {
    Peer peer;
    Octets octets;
};
struct OpenBroker {
    LinkId link;
};
struct SendBroker {
    LinkId link;
    Octets octets;
};
/// At once; without an MQTT DISCONNECT before it, the client's will is due.
struct CloseBroker {
    LinkId link;
};
/// For the log: never one a message.
struct Note {
    enum class Kind : std::uint8_t {
        connected,
        disconnected,
        refused,
        lost,
        asleep,
        moved,
        link_refused,
        link_lost,
    };
    Kind kind;
    std::string client_id;  // empty: the gateway itself
    Peer peer;
    std::string what;
};
using GatewayOutput = std::variant<SendDatagram, OpenBroker, SendBroker, CloseBroker, Note>;

}  // namespace causeway::mqtt::sn
