#pragma once
// Lines: what serial protocols and their IP descendants run on, whatever it is. A serial port, a
// pseudo-terminal, a TCP connection of ours, a TCP port that others connect to, a UDP socket. Each
// keeps itself alive: what is ours is opened again with a back-off when it fails. Who speaks is a
// peer; a line of our own has one, number 0. The others' numbers are not dense, and none is given
// again (before 65,535 others had its place): what is sent to one who went reaches nobody.
//
// All lines of a program may share one Lines; everything happens on the Io's thread.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/endpoint.hpp"
#include "net/io.hpp"
#include "net/serial_port.hpp"
#include "net/stream_host.hpp"
#include "net/trouble.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::net {

struct TcpConnectSpec {
    std::string host;
    std::uint16_t port = 0;
    std::string bind_address{};
    std::optional<TlsClient> tls{};
    Duration reopen_first = std::chrono::milliseconds(500);
    Duration reopen_most = std::chrono::seconds(30);
};
struct TcpListenSpec {
    std::string address;  // "127.0.0.1:502"
    std::optional<TlsServer> tls{};
    std::uint32_t peers_max = 64;
    /// A new peer beyond peers_max takes the place of the one that was silent longest, instead of
    /// being refused.
    bool take_over = false;
    std::vector<std::string> allow{};  // "10.0.0.0/8", "fd00::/8"; empty: everybody
};
struct UdpSpec {
    std::string local;   // "0.0.0.0:20000", "[::]:0"
    std::string remote;  // where peer 0 is; empty: whoever speaks first is peer 0, and so on
    /// Beyond it, one that was silent for a minute is forgotten; with `remote` and 1, nobody else
    /// is heard.
    std::uint32_t peers_max = 64;
};
using LineSpec = std::variant<SerialSpec, TcpConnectSpec, TcpListenSpec, UdpSpec>;

class Lines {
public:
    enum class LineId : std::uint32_t {};
    using Peer = std::uint32_t;

    /// All but `received` may be empty. They may call send() and close().
    struct Events {
        std::function<void(Peer, const std::string& who)> opened;  // "10.0.0.7:51432"
        std::function<void(Peer, Bytes)> received;                 // borrowed for the call
        std::function<void(Peer, const Trouble*)> closed;          // null: the peer said so
        std::function<void(Peer, std::size_t)> drained;            // octets that left
        /// After a batch of the above, before the host waits again.
        std::function<void()> batch;
        /// An attempt to open did not; said once for each reason. Counted in any case.
        std::function<void(const Trouble&)> failed{};
        /// Of a pty, as SerialPort::Events has them.
        std::function<void(const SerialFormat&)> format_asked{};
        std::function<void(bool)> other_end{};
    };
    struct Stats {
        std::uint64_t opened = 0;
        std::uint64_t closed = 0;
        std::uint64_t failed = 0;   // attempts to open that did not
        std::uint64_t refused = 0;  // peers beyond peers_max, or not allowed
        std::uint64_t taken_over = 0;
        std::uint64_t octets_in = 0;
        std::uint64_t octets_out = 0;      // handed to send() and not refused
        std::uint64_t octets_refused = 0;  // nobody there, or more than queue_octets_max wait
        std::uint64_t peers = 0;           // there now

        template <class Named>
        void visit(Named&& named) const {
            named("opened", opened);
            named("closed", closed);
            named("failed", failed);
            named("refused", refused);
            named("taken_over", taken_over);
            named("octets_in", octets_in);
            named("octets_out", octets_out);
            named("octets_refused", octets_refused);
            named("peers", peers);
        }
        [[nodiscard]] bool balanced() const noexcept { return opened == closed + peers; }
    };
    /// Octets that wait for one peer that takes none.
    static constexpr std::size_t queue_octets_max = 1 << 20;

    explicit Lines(Io& io);
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines();

    /// Trouble is what no waiting mends: a port in use, an address that is none. A peer that is not
    /// there is tried again and again. No event comes before this returns.
    [[nodiscard]] Opened<LineId> open(const LineSpec& spec, Events events);
    /// Where a listener or a socket is, port 0 resolved; the pty's name; else the spec in words.
    [[nodiscard]] std::string where(LineId line) const;

    /// False: nobody there, or too much waits for him.
    bool send(LineId line, Peer peer, Octets octets);
    bool send(LineId line, Peer peer, Bytes octets);
    [[nodiscard]] std::size_t queued(LineId line, Peer peer) const;
    /// Events::closed does not follow. What is ours is opened again after its back-off.
    void close(LineId line, Peer peer);
    /// Stops or goes on reading; datagrams are not held back. What TCP acknowledged to a paused
    /// peer that goes is read before it is closed.
    void pause(LineId line, Peer peer, bool paused);
    /// No more of it: neither events nor attempts.
    void shut(LineId line);
    /// The serial port below; null where it is none.
    [[nodiscard]] SerialPort* serial(LineId line);
    [[nodiscard]] const Stats& stats(LineId line) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
