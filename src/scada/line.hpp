#pragma once
// What an engine knows of the line below it: a serial port, a TCP connection, a UDP socket.
// Somebody else opens it, and opens it again with a back-off when it fails; the engine hears when
// it is there.
#include "base/bytes.hpp"

#include <cstdint>

namespace causeway::scada {

/// Who speaks: 0 for a serial port or a connection of our own; the number of a connection that was
/// accepted, or of an address that sent a datagram.
enum class PeerId : std::uint32_t {};

struct LineOpened {
    PeerId peer{};
};
/// What was under way is lost.
struct LineClosed {
    PeerId peer{};
};
/// A stream's octets as they came, or one whole datagram. Borrowed for the length of the call.
struct OctetsReceived {
    PeerId peer{};
    Bytes octets;
};
/// One whole datagram where the line is UDP.
struct Transmit {
    PeerId peer{};
    Octets octets;
};
/// The connection is of no use. LineClosed follows; a line of our own is opened anew after a while.
struct CloseLine {
    PeerId peer{};
};

}  // namespace causeway::scada
