#pragma once
// What a broker is told, and what it wants done.
//
//   ConnectionOpened -> BytesReceived... -> Send... -> Close | ConnectionClosed
//   CONNECT with something to prove: -> Authenticate -> Authenticated -> Send(CONNACK)
//   Journal{1} Journal{2} ... -> Committed{2}: what waited for it is sent
#include "mqtt/access.hpp"
#include "mqtt/journal.hpp"
#include "mqtt/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::mqtt {

/// A host's number for a connection, small and dense: it indexes a table. Free to be used again
/// after the broker was told ConnectionClosed, or asked for Close.
enum class ConnectionId : std::uint32_t {};

struct ConnectionOpened {
    ConnectionId id;
    std::string peer;                        // "192.0.2.7:51432", for logs and reports
    std::string listener;                    // "mqtts 8883"
    std::optional<std::string> proven_user;  // by a client certificate, or a PSK identity
    bool anonymous_allowed = false;
    bool internal = false;  // a bridge or a gateway of this program: trusted, no limits of rate
};
struct BytesReceived {
    ConnectionId id;
    Bytes octets;  // borrowed for the length of the call
};
/// The peer is gone, in whatever way; its will is due unless it said DISCONNECT.
struct ConnectionClosed {
    ConnectionId id;
};
/// So many octets of what was sent have left for good.
struct Drained {
    ConnectionId id;
    std::size_t octets;
};
struct Authenticated {
    ConnectionId id;
    std::uint32_t ticket;   // of Authenticate; an answer to an older one is ignored
    Reason verdict;         // success, continue_authentication, bad_user_name_or_password, ...
    std::string user_name;  // whom the client is for ACLs; empty: anonymous
    Octets data;            // for the client, in enhanced authentication
};
/// Everything journalled up to and with `sequence` is safe.
struct Committed {
    std::uint64_t sequence;
};
/// It is not, and the host goes on trying: what waits for it is refused (quota exceeded), and so is
/// all that would have to be journalled, until the next Committed.
struct CommitFailed {
    std::uint64_t sequence;
};
struct RulesReplaced {
    std::shared_ptr<const AccessRules> rules;  // holds from now on, for deliveries too
};
/// Closes a client's connection (administrative action), and ends its session if asked.
struct Kick {
    std::string client_id;
    bool session_too = false;
};
/// Published by this program itself.
struct PublishHere {
    MessageRef message;
};
/// No new connections; every client is told (server shutting down) and closed; wills stay unsaid.
struct ShutDown {};

using BrokerInput =
    std::variant<BytesReceived, Drained, ConnectionOpened, ConnectionClosed, Authenticated,
                 Committed, CommitFailed, RulesReplaced, Kick, PublishHere, ShutDown>;

/// To one connection, in order: `octets`, then `body` if there is one (a large payload, by
/// reference, so it must be kept until written).
struct Send {
    ConnectionId id;
    Octets octets;
    MessageRef body_of;  // its payload()
};
/// After what was sent before has left, or at once.
struct Close {
    ConnectionId id;
    bool at_once = false;
};
/// The host stops or goes on reading from a connection: backpressure.
struct PauseReading {
    ConnectionId id;
    bool paused;
};
struct Authenticate {
    ConnectionId id;
    std::uint32_t ticket;
    std::string client_id;
    std::optional<std::string> user_name;
    std::optional<Octets> password;
    std::string method;  // of enhanced authentication; empty: user name and password
    std::optional<Octets> data;
    bool again = false;  // a re-authentication
};
struct Journal {
    std::uint64_t sequence;  // grows by one
    std::vector<JournalFact> facts;
};
/// For the log: one line each, bounded by what clients do, never one a message.
struct Note {
    enum class Kind : std::uint8_t {
        connected,
        disconnected,
        refused,
        taken_over,
        expired,
        dropping,
        stalled,
        journal_failing,
        journal_well,
        kicked,
    };
    Kind kind;
    std::string client_id;
    std::string peer;
    Reason reason = Reason::success;
    std::string what;  // "keep alive timeout"; user name and such, never a secret
};

using BrokerOutput = std::variant<Send, Close, PauseReading, Authenticate, Journal, Note>;

}  // namespace causeway::mqtt
