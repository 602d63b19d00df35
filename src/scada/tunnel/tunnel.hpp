#pragma once
// A serial port tunnelled through IP: one port, and the peers that reach it over TCP or UDP. What
// the port says goes to all peers, in packets as the rules say; what peers say goes to the port, as
// the policy says who may. As raw octets, or as a com port over Telnet: as the access server that
// has the port, or as the client whose port is a virtual one (scenarios A, B and C of a serial
// line over IP: two device servers back to back, a redirector, a program that speaks sockets).
//
// Implements: RFC 2217 (both ends), and Telnet below it (telnet.hpp). No octet that TCP
// acknowledged is dropped while there is room: the faster side is paused, and what was not handed
// over when a connection ended waits for the next one.
// Left out: what the standards leave to configuration protocols, as finding device servers.
//
// The order of events: PortOpened ... PortClosed ... PortOpened; each peer LineOpened ...
// LineClosed or our CloseLine. ApplyFormat is answered by FormatApplied, AskLines by PortLines.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/timers.hpp"
#include "scada/line.hpp"
#include "scada/tunnel/flow_buffer.hpp"
#include "scada/tunnel/packetiser.hpp"
#include "scada/tunnel/port.hpp"
#include "scada/tunnel/telnet.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::scada::tunnel {

// ---- inputs ------------------------------------------------------------------------------------

struct PortOpened {};
struct PortClosed {};
struct PortReceived {
    Bytes octets;  // borrowed for the call
};
struct PortDrained {
    std::size_t octets = 0;
};
/// Octets that were handed to a peer's line have left.
struct PeerDrained {
    PeerId peer{};
    std::size_t octets = 0;
};
/// What the port has now; the answer to ApplyFormat.
struct FormatApplied {
    PortFormat format;
};
/// The program at the other end of a virtual port wants this.
struct FormatAsked {
    PortFormat format;
};
/// It opened the virtual port, or closed it.
struct ProgramPresent {
    bool there = false;
};
/// The answer to AskLines.
struct PortLines {
    std::uint8_t lines = 0;   // modem::cts and so on; changes are found here
    std::uint8_t errors = 0;  // line_error::framing and so on, since it was asked last
};

// ---- outputs -----------------------------------------------------------------------------------

struct ToPort {
    Octets octets;
};
struct PausePort {
    bool paused = false;
};
struct PausePeer {
    PeerId peer{};
    bool paused = false;
};
struct ApplyFormat {
    PortFormat format;
};
struct ApplySignal {
    PortSignal signal{};
    bool on = false;
};
struct PurgePort {
    bool in = false;
    bool out = false;
};
struct AskLines {};
/// Of the far port, as its access server told us.
struct FarLines {
    std::uint8_t lines = 0;
};

// ---- settings ----------------------------------------------------------------------------------

enum class TunnelProtocol : std::uint8_t { raw, rfc2217_server, rfc2217_client };

/// Several peers, one port. Whatever stands here, all that are connected hear the port.
enum class TunnelPolicy : std::uint8_t {
    share,       // everybody may write
    one_writes,  // the first to write does until it leaves, or is silent for writer_idle
    first_come,  // one peer; others are refused
    newest,      // one peer; another one takes its place
};

struct TunnelSettings {
    TunnelProtocol protocol = TunnelProtocol::raw;
    TunnelPolicy policy = TunnelPolicy::share;
    PacketRules packets;     // from the port to the network
    Duration writer_idle{};  // zero: for ever
    std::size_t peers_max = 64;
    /// Octets that wait while nobody is connected, or while the port is away; then the other side
    /// is paused. Zero: they are dropped.
    std::size_t keep_octets = 64 << 10;
    bool datagrams = false;  // each packet is a datagram: nothing waits, and nothing is paused
    PortFormat format;       // of the port; of a virtual one, until its program says otherwise
    /// What peers set is undone when the last one leaves. [RFC 2217 §6]
    bool format_restored = true;
    std::string signature = "Causeway";
    /// A client waits so long for an access server to agree and to set what it is told.
    Duration settle_within = std::chrono::seconds(3);
    Duration look_every = std::chrono::milliseconds(250);  // at modem lines
};

struct TunnelStats {
    std::uint64_t from_port = 0;
    std::uint64_t to_network = 0;       // taken by one peer at least
    std::uint64_t waiting_network = 0;  // now
    std::uint64_t lost_network = 0;     // nobody there, or no room; purged
    std::uint64_t marks_removed = 0;

    std::uint64_t from_network = 0;  // without Telnet's own
    std::uint64_t to_port = 0;       // and they left
    std::uint64_t waiting_port = 0;  // now
    std::uint64_t lost_port = 0;     // the port away, or no room; purged
    std::uint64_t unwelcome = 0;     // of those who may not write

    std::uint64_t packets = 0;
    std::uint64_t peers = 0;  // now
    std::uint64_t peers_opened = 0;
    std::uint64_t peers_closed = 0;
    std::uint64_t refused = 0;    // peers
    std::uint64_t displaced = 0;  // peers, by the policy
    std::uint64_t stuck = 0;      // peers that took nothing while others did
    std::uint64_t port_opened = 0;
    std::uint64_t port_closed = 0;
    std::uint64_t port_pauses = 0;
    std::uint64_t peer_pauses = 0;

    std::uint64_t commands = 0;  // of RFC 2217
    std::uint64_t commands_bad = 0;
    std::uint64_t commands_refused = 0;  // of those who may not write, or out of place
    std::uint64_t settings_differ = 0;   // the far port is not as we asked
    std::uint64_t unsettled = 0;         // the access server did not answer in time

    template <class Named>
    void visit(Named&& named) const {
        named("from_port", from_port);
        named("to_network", to_network);
        named("waiting_network", waiting_network);
        named("lost_network", lost_network);
        named("marks_removed", marks_removed);
        named("from_network", from_network);
        named("to_port", to_port);
        named("waiting_port", waiting_port);
        named("lost_port", lost_port);
        named("unwelcome", unwelcome);
        named("packets", packets);
        named("peers", peers);
        named("peers_opened", peers_opened);
        named("peers_closed", peers_closed);
        named("refused", refused);
        named("displaced", displaced);
        named("stuck", stuck);
        named("port_opened", port_opened);
        named("port_closed", port_closed);
        named("port_pauses", port_pauses);
        named("peer_pauses", peer_pauses);
        named("commands", commands);
        named("commands_bad", commands_bad);
        named("commands_refused", commands_refused);
        named("settings_differ", settings_differ);
        named("unsettled", unsettled);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return from_port == to_network + waiting_network + lost_network + marks_removed &&
               from_network == to_port + waiting_port + lost_port + unwelcome &&
               peers_opened == peers_closed + peers;
    }
};

// ---- the engine --------------------------------------------------------------------------------

class Tunnel {
public:
    using Input = std::variant<PortOpened, PortClosed, PortReceived, PortDrained, LineOpened,
                               LineClosed, OctetsReceived, PeerDrained, FormatApplied, FormatAsked,
                               ProgramPresent, PortLines>;
    using Output = std::variant<ToPort, Transmit, CloseLine, PausePort, PausePeer, ApplyFormat,
                                ApplySignal, PurgePort, AskLines, FarLines>;

    /// Handed to a peer's line, or to the port, and not left: no more than that.
    static constexpr std::size_t peer_window = 64 << 10;
    static constexpr std::size_t port_window = 4 << 10;
    /// Waiting beyond it, the other side is paused; below half of it, it goes on.
    static constexpr std::size_t pause_octets = 16 << 10;
    /// What waits for one peer, or for the port, whoever does not heed a pause.
    static constexpr std::size_t waiting_octets_max = 1 << 20;
    /// Commands that wait for the port's answer.
    static constexpr std::size_t pending_max = 256;

    explicit Tunnel(const TunnelSettings& settings);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const;

    [[nodiscard]] const TunnelStats& stats() const noexcept { return stats_; }
    [[nodiscard]] const Packetiser::Stats& packet_stats() const noexcept {
        return packetiser_.stats();
    }
    /// The port's, as it was told last; of a client, the far port's.
    [[nodiscard]] const PortFormat& format() const noexcept { return format_; }

private:
    enum class Alarm : std::uint8_t { settle, look_lines, count };
    struct Peer {
        PeerId id{};
        std::optional<Telnet> telnet;
        FlowBuffer out;
        Instant spoke_at{};
        bool ready = true;       // a client's is once the far port is set
        bool suspended = false;  // by FLOWCONTROL-SUSPEND
        bool paused = false;     // by us
        bool asked = false;      // the port's lines were asked for, to tell it for the first time
        bool told = false;       // and it was told
        std::uint8_t modem_mask = 0xff;
        std::uint8_t line_mask = 0;
    };
    struct Pending {
        PeerId peer{};
        ComPort what{};
        bool applies = false;  // it waits for an answer of its own
    };

    // tunnel.cpp
    void on(Instant now, const PortOpened&);
    void on(Instant now, const PortClosed&);
    void on(Instant now, const PortReceived& in);
    void on(Instant now, const PortDrained& in);
    void on(Instant now, const LineOpened& in);
    void on(Instant now, const LineClosed& in);
    void on(Instant now, const OctetsReceived& in);
    void on(Instant now, const PeerDrained& in);

    [[nodiscard]] Peer* find(PeerId id) noexcept;
    void remove(Peer& peer, bool close);
    [[nodiscard]] bool may_write(Instant now, Peer& peer);
    void to_port(Instant now, Peer& peer, Bytes octets);
    void feed_port();
    void to_network(Octets&& packet);
    void give(Peer& peer, Bytes octets);
    void feed_peer(Peer& peer);
    void give_backlog();
    void regulate();
    [[nodiscard]] bool takes(const Peer& peer) const noexcept;
    [[nodiscard]] std::size_t waiting_at_best() const noexcept;

    // tunnel_control.cpp
    void on(Instant now, const FormatApplied& in);
    void on(Instant now, const FormatAsked& in);
    void on(Instant now, const ProgramPresent& in);
    void on(Instant now, const PortLines& in);
    void greet(Instant now, Peer& peer);
    void negotiated(Peer& peer);
    void say(Peer& peer, const ComPortMessage& message);
    void say_octets(Peer& peer, Octets&& octets);
    void command(Instant now, Peer& peer, const ComPortMessage& message);
    void serve(Instant now, Peer& peer, const ComPortMessage& message);
    void set_format(Instant now, Peer& peer, ComPort what, std::uint32_t value);
    void set_control(Instant now, Peer& peer, std::uint32_t value);
    void acknowledge(Peer& peer, ComPort what);
    void purge(Peer& peer, std::uint32_t which);
    void heed(Peer& peer, const ComPortMessage& message);
    void set_far_port(Peer& peer);
    void say_program(Peer& peer);
    void settled(Peer& peer);
    void watch_lines(Instant now);
    void restore();

    TunnelSettings settings_;
    Packetiser packetiser_;
    Outbox<Output> outbox_;
    Timers<Alarm> timers_;
    std::vector<Peer> peers_;  // in the order they came
    std::optional<PeerId> writer_;
    FlowBuffer port_;
    Octets backlog_;  // of the port, while there is nobody
    bool port_there_ = false;
    bool port_paused_ = false;

    PortFormat format_;
    PortFormat asked_;  // a client's far port
    std::deque<Pending> pending_;
    unsigned unacknowledged_ = 0;  // a client's settings, a bit each
    bool far_set_ = false;         // a client said them
    bool break_ = false;
    bool dtr_ = true;
    bool rts_ = true;
    bool program_there_ = true;
    std::uint8_t lines_ = 0;
    TunnelStats stats_;
};

}  // namespace causeway::scada::tunnel
