#pragma once
// Streams for engines: listens and connects over TCP, TLS, WebSocket, secure WebSocket and Unix
// sockets, with PROXY protocol v2 in front where asked; hands what arrives to one engine's thread
// in batches and writes what the engine wants written. Whatever is below, an engine sees octets;
// or, where it asks for them, the messages of a WebSocket.
//
// With no workers everything happens on the Io given. With workers, sockets, TLS and WebSocket
// framing run on their threads, spread over the streams, and only octets cross, many at a time.
// Either way every callback comes on the Io's thread.
#include "base/bytes.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::net {

/// Small and dense: an engine's table may be indexed by it. Given again after on_closed, or after
/// close() was called.
enum class StreamId : std::uint32_t {};

struct TlsServer {
    std::string certificate;  // PEM files; chain
    std::string key;
    std::string client_ca;  // empty: client certificates are not asked for
    bool client_certificate_required = false;
    std::string psk_file;  // lines "identity:hexkey"; empty: no PSK
    /// Protocols that clients may ask for, the best first; one that asks for none of them is
    /// refused [RFC 7301 §3.2], one that does not ask is served. Empty: the subprotocol ("http/1.1"
    /// for a WebSocket), and who asks for others is served too.
    std::vector<std::string> alpn;
};
struct TlsClient {
    std::string ca_file;  // empty: the system's
    std::string ca_folder;
    std::string certificate;  // of ours
    std::string key;
    bool insecure = false;  // do not check the peer's name
    std::string psk_identity;
    Octets psk;
    std::string server_name;  // SNI and the name to check; empty: the host
    std::vector<std::string> alpn;
    bool alpn_required = false;  // a server that chooses none of them is not the one we want
};

struct ListenSpec {
    std::string name;     // "mqtts 8883", for facts and troubles
    std::string address;  // "127.0.0.1:1883", "[::1]:1883", "unix:/run/causeway.sock"
    std::optional<TlsServer> tls;
    bool websocket = false;
    std::string subprotocol = "mqtt";
    std::string path;  // of a WebSocket; empty: any, else others are not found
    /// Each WebSocket message, put together, is one `received`, and each send() is one message. Who
    /// sends a longer one than message_octets_max is told and closed.
    bool whole_messages = false;
    std::size_t message_octets_max = 1 << 20;
    bool proxy_protocol = false;  // required then
    std::uint32_t streams_max = 100'000;
    int backlog = 1024;
    /// TCP asks peers that are silent whether they are there: one that vanished is closed within
    /// half a minute.
    bool watch_peer = false;
    /// While it is paused its end is not told: first all is read that TCP acknowledged.
    bool hear_out = false;
};

struct ConnectSpec {
    std::string host;
    std::uint16_t port = 0;
    std::string unix_path;  // instead of host and port
    std::optional<TlsClient> tls;
    bool websocket = false;
    std::string path;  // empty: "/.well-known/coap" for "coap" [RFC 8323 §8.3], else "/mqtt"
    std::string subprotocol = "mqtt";
    bool whole_messages = false;  // as for ListenSpec
    std::size_t message_octets_max = 1 << 20;
    std::string bind_address;
    bool watch_peer = false;  // as for ListenSpec
    bool hear_out = false;    // as for ListenSpec
};

/// What is known of a stream when it opens: TLS and WebSocket handshakes are over by then.
struct StreamFacts {
    std::size_t listener = 0;  // index of listen()'s call; or of no meaning for connect()
    std::string peer;          // of PROXY protocol, where there is one
    std::optional<std::string> certificate_name;  // common name of a verified client certificate
    std::optional<std::string> psk_identity;
    std::string alpn;  // the protocol that TLS settled on; empty: none
};

/// Octets to write, and then a borrowed body whose owner is kept alive until it is written.
struct Outgoing {
    Octets octets;
    Bytes body;
    std::shared_ptr<const void> body_owner;
};

class StreamHost {
public:
    struct Options {
        unsigned workers = 0;
        /// Octets read at once from a stream before others have their turn.
        std::size_t read_octets = 256 << 10;
        /// A TLS or WebSocket handshake, or a PROXY header, takes no longer.
        std::chrono::milliseconds handshake_within{10'000};
        std::uint32_t handshakes_max = 5'000;  // under way; more are refused and counted
        /// Closed ones whose last octets the peer has not taken yet, a thread: five seconds at most
        /// each, and beyond this number the oldest goes at once.
        std::uint32_t lingering_max = 4'096;
    };
    struct Events {
        std::function<void(StreamId, const StreamFacts&)> opened;
        std::function<void(StreamId, Bytes)> received;         // borrowed for the call
        std::function<void(StreamId, std::size_t)> drained;    // octets that left, in steps
        std::function<void(StreamId, const Trouble*)> closed;  // by the peer (null), or by trouble
        /// After a batch of the above, and before the host waits again: the time to poll an engine.
        std::function<void()> batch;
        /// An accepted connection that ended before it opened, and why. Counted in any case.
        std::function<void(std::size_t listener, const std::string& peer, const Trouble&)> refused;
    };
    struct Stats {
        std::uint64_t accepted = 0;
        std::uint64_t opened = 0;
        std::uint64_t handshake_failed = 0;
        std::uint64_t handshake_late = 0;
        std::uint64_t refused_full = 0;         // streams_max, handshakes_max
        std::uint64_t refused_descriptors = 0;  // the process has no more
        std::uint64_t pending = 0;              // handshakes under way
        std::uint64_t connected = 0;            // connect() that ended in opened
        std::uint64_t cut_short = 0;            // closed in haste: too many were lingering
        std::uint64_t octets_in = 0;
        std::uint64_t octets_out = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("accepted", accepted);
            named("opened", opened);
            named("handshake_failed", handshake_failed);
            named("handshake_late", handshake_late);
            named("refused_full", refused_full);
            named("refused_descriptors", refused_descriptors);
            named("pending", pending);
            named("connected", connected);
            named("cut_short", cut_short);
            named("octets_in", octets_in);
            named("octets_out", octets_out);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return accepted == opened + handshake_failed + handshake_late + refused_full + pending;
        }
    };

    StreamHost(Io& io, Options options, Events events);
    StreamHost(const StreamHost&) = delete;
    StreamHost& operator=(const StreamHost&) = delete;
    /// Closes everything and joins the workers.
    ~StreamHost();

    /// The listener's index, or what is wrong (port in use, certificate unreadable ...).
    [[nodiscard]] std::expected<std::size_t, Trouble> listen(const ListenSpec& spec);
    /// "127.0.0.1:40001": what listen() was given, port 0 resolved.
    [[nodiscard]] std::string listening_on(std::size_t listener) const;
    /// New certificates and PSKs for the next handshakes; on trouble the old ones stay.
    [[nodiscard]] std::optional<Trouble> reload(std::size_t listener, const TlsServer& tls);
    void stop_listening();
    void stop_listening(std::size_t listener);

    /// Ends in opened, or in closed with a trouble (never before this returns).
    StreamId connect(const ConnectSpec& spec);

    void send(StreamId id, Outgoing out);
    /// After all that was sent has left, five seconds at most, or at once. No event follows.
    void close(StreamId id, bool at_once = false);
    /// Stops or goes on reading from it.
    void pause(StreamId id, bool paused);
    /// Asks for a batch event although nothing arrived (the engine has outputs of its own).
    void wake();

    [[nodiscard]] Stats stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
