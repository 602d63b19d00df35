#pragma once
// What a bridge is told, and what it wants done. It has two connections: `remote`, a socket to the
// other broker, and `local`, an in-process connection to our own (ConnectionOpened with
// internal = true).
//
//   OpenRemote -> RemoteOpened -> SendRemote(CONNECT) -> RemoteReceived(CONNACK)
//   -> OpenLocal, SendLocal(CONNECT) -> LocalReceived(CONNACK) -> State{true}
//   -> LocalReceived ... SendRemote ... RemoteReceived ... SendLocal ...
//   RemoteClosed -> CloseLocal, State{false} -> after a while: OpenRemote
//
// A host says nothing more of a connection once it was asked to close it. Back-pressure: it hands
// LocalTaken to the broker as Drained, and the broker's PauseReading of the local connection back
// as LocalPaused.
#include "base/bytes.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace causeway::mqtt::bridge {

struct RemoteOpened {};
struct RemoteReceived {
    Bytes octets;  // borrowed for the length of the call
};
/// It is gone, or never came.
struct RemoteClosed {
    bool by_peer = true;  // it closed; else the network failed
};
/// So many octets of SendRemote have left for good.
struct RemoteDrained {
    std::size_t octets;
};
struct LocalReceived {
    Bytes octets;  // borrowed for the length of the call
};
struct LocalClosed {};
struct LocalPaused {
    bool paused;
};
/// Says goodbye to both and stays away.
struct Stop {};

using Input = std::variant<LocalReceived, RemoteReceived, RemoteDrained, RemoteOpened, RemoteClosed,
                           LocalClosed, LocalPaused, Stop>;

struct OpenRemote {};
struct SendRemote {
    Octets octets;
};
/// After what was sent before has left.
struct CloseRemote {};
/// Stop or go on reading from the remote connection; a new one is read.
struct PauseRemote {
    bool paused;
};
struct OpenLocal {};
struct SendLocal {
    Octets octets;
};
struct CloseLocal {};
/// So many octets of the broker's to the local connection are off its hands.
struct LocalTaken {
    std::size_t octets;
};
/// For the log: bounded by connections, never one a message.
struct Note {
    std::string_view what;  // static text
    std::string detail;     // a topic, a reason; never a secret
};
/// For the retained message `$SYS/broker/connection/NAME/state`, "1" or "0".
struct State {
    bool connected;
};

using Output = std::variant<SendRemote, SendLocal, LocalTaken, OpenRemote, CloseRemote, PauseRemote,
                            OpenLocal, CloseLocal, Note, State>;

}  // namespace causeway::mqtt::bridge
