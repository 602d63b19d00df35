#include "site/tunnel.hpp"

#include "net/host.hpp"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace causeway::site {
namespace {

namespace serial_tunnel = scada::tunnel;

serial_tunnel::PortFormat as_port_format(const net::SerialFormat& from) {
    constexpr std::array parities{serial_tunnel::PortParity::none, serial_tunnel::PortParity::even,
                                  serial_tunnel::PortParity::odd, serial_tunnel::PortParity::mark,
                                  serial_tunnel::PortParity::space};
    return {.baud = from.baud,
            .data_bits = from.data_bits,
            .parity = parities[static_cast<std::size_t>(from.parity)],
            .stop_bits = from.stop_bits,
            .flow = from.flow == net::FlowControl::rts_cts    ? serial_tunnel::PortFlow::hardware
                    : from.flow == net::FlowControl::xon_xoff ? serial_tunnel::PortFlow::xon_xoff
                                                              : serial_tunnel::PortFlow::none};
}

net::SerialFormat as_serial_format(const serial_tunnel::PortFormat& from) {
    const auto parity = [&] {
        switch (from.parity) {
            case serial_tunnel::PortParity::odd:
                return net::Parity::odd;
            case serial_tunnel::PortParity::even:
                return net::Parity::even;
            case serial_tunnel::PortParity::mark:
                return net::Parity::mark;
            case serial_tunnel::PortParity::space:
                return net::Parity::space;
            case serial_tunnel::PortParity::none:
                break;
        }
        return net::Parity::none;
    };
    return {.baud = from.baud,
            .data_bits = from.data_bits,
            .parity = parity(),
            .stop_bits = from.stop_bits,
            .flow = from.flow == serial_tunnel::PortFlow::hardware   ? net::FlowControl::rts_cts
                    : from.flow == serial_tunnel::PortFlow::xon_xoff ? net::FlowControl::xon_xoff
                                                                     : net::FlowControl::none};
}

serial_tunnel::TunnelSettings tunnel_settings(const TunnelPlan& plan) {
    serial_tunnel::TunnelSettings settings;
    settings.protocol = plan.protocol;
    settings.policy = plan.policy;
    settings.packets = plan.packets;
    settings.writer_idle = plan.writer_idle;
    settings.keep_octets = plan.keep_octets;
    settings.datagrams = std::holds_alternative<net::UdpSpec>(plan.network);
    settings.format_restored = plan.format_restored;
    // What its line lets in, the policy judges.
    settings.peers_max = SIZE_MAX;
    if (const auto* serial = std::get_if<net::SerialSpec>(&plan.port))
        settings.format = as_port_format(serial->format);
    return settings;
}

bool is_pty(const net::LineSpec& spec) {
    const auto* serial = std::get_if<net::SerialSpec>(&spec);
    return serial != nullptr && serial->make_pty;
}

}  // namespace

struct TunnelService::State {
    using Peer = net::Lines::Peer;
    struct Carry {
        State* self;
        void operator()(serial_tunnel::Tunnel::Output&& out) const {
            std::visit([&](auto& what) { self->carry(std::move(what)); }, out);
        }
    };

    State(net::Io& io, net::Lines& its_lines, TunnelPlan its_plan, Log its_log)
        : lines(its_lines),
          plan(std::move(its_plan)),
          log(std::move(its_log)),
          engine(tunnel_settings(plan)),
          host(io, engine, Carry{this}) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (network) lines.shut(*network);
        if (port) lines.shut(*port);
    }

    // ---- what the lines say --------------------------------------------------------------------

    std::optional<net::Trouble> open() {
        auto port_line = lines.open(plan.port, port_events());
        if (!port_line) return std::move(port_line.error());
        port = *port_line;
        auto network_line = lines.open(plan.network, network_events());
        if (!network_line) return std::move(network_line.error());
        network = *network_line;
        return {};
    }

    net::Lines::Events port_events() {
        net::Lines::Events events;
        events.opened = [this](Peer peer, const std::string& who) {
            if (port_there) return;
            port_there = true;
            port_peer = peer;
            // A program that has it open already is told next.
            if (is_pty(plan.port)) host.input(serial_tunnel::ProgramPresent{false});
            host.input(serial_tunnel::PortOpened{});
            tell("its port " + who + " is open");
        };
        events.received = [this](Peer peer, Bytes octets) {
            if (!port_there || peer != port_peer) return;
            if (!host.busy()) return host.input(serial_tunnel::PortReceived{octets});
            Octets keep = to_octets(octets);
            const Bytes kept = keep;
            host.input(serial_tunnel::PortReceived{kept}, std::move(keep));
        };
        events.closed = [this](Peer peer, const net::Trouble* why) {
            if (!port_there || peer != port_peer) return;
            port_there = false;
            host.input(serial_tunnel::PortClosed{});
            tell("its port is closed" + (why != nullptr ? ": " + why->line : std::string()));
        };
        events.drained = [this](Peer peer, std::size_t octets) {
            if (port_there && peer == port_peer) host.input(serial_tunnel::PortDrained{octets});
        };
        events.failed = [this](const net::Trouble& why) { tell(why.line); };
        if (!is_pty(plan.port)) return events;
        if (plan.protocol == serial_tunnel::TunnelProtocol::rfc2217_client) {
            events.format_asked = [this](const net::SerialFormat& format) {
                tell("its program set " + net::to_text(format));
                host.input(serial_tunnel::FormatAsked{as_port_format(format)});
            };
        }
        events.other_end = [this](bool there) { host.input(serial_tunnel::ProgramPresent{there}); };
        return events;
    }

    net::Lines::Events network_events() {
        net::Lines::Events events;
        events.opened = [this](Peer peer, const std::string& who) {
            tell("connected with " + who);
            host.input(scada::LineOpened{scada::PeerId{peer}});
        };
        events.received = [this](Peer peer, Bytes octets) {
            const scada::PeerId id{peer};
            if (!host.busy()) return host.input(scada::OctetsReceived{id, octets});
            Octets keep = to_octets(octets);
            const Bytes kept = keep;
            host.input(scada::OctetsReceived{id, kept}, std::move(keep));
        };
        events.closed = [this](Peer peer, const net::Trouble* why) {
            tell("disconnected" + (why != nullptr ? ": " + why->line : std::string()));
            host.input(scada::LineClosed{scada::PeerId{peer}});
        };
        if (!std::holds_alternative<net::UdpSpec>(plan.network)) {
            events.drained = [this](Peer peer, std::size_t octets) {
                host.input(serial_tunnel::PeerDrained{scada::PeerId{peer}, octets});
            };
        }
        events.failed = [this](const net::Trouble& why) { tell(why.line); };
        return events;
    }

    // ---- what the engine says ------------------------------------------------------------------

    void carry(serial_tunnel::ToPort&& out) {
        if (port_there) lines.send(*port, port_peer, std::move(out.octets));
    }
    void carry(scada::Transmit&& out) {
        const auto peer = static_cast<Peer>(out.peer);
        if (!network || lines.send(*network, peer, std::move(out.octets))) return;
        if (std::holds_alternative<net::UdpSpec>(plan.network)) return;
        lines.close(*network, peer);
        host.input(scada::LineClosed{out.peer});
    }
    void carry(scada::CloseLine&& out) {
        if (network) lines.close(*network, static_cast<Peer>(out.peer));
    }
    void carry(serial_tunnel::PausePort&& out) {
        if (port_there) lines.pause(*port, port_peer, out.paused);
    }
    void carry(serial_tunnel::PausePeer&& out) {
        if (network) lines.pause(*network, static_cast<Peer>(out.peer), out.paused);
    }
    void carry(serial_tunnel::ApplyFormat&& out) {
        net::SerialPort* const serial = lines.serial(*port);
        if (serial == nullptr) return host.input(serial_tunnel::FormatApplied{out.format});
        const net::SerialFormat real = serial->set_format(as_serial_format(out.format));
        tell("its port is set to " + net::to_text(real));
        host.input(serial_tunnel::FormatApplied{as_port_format(real)});
    }
    void carry(serial_tunnel::ApplySignal&& out) {
        net::SerialPort* const serial = lines.serial(*port);
        if (serial == nullptr) return;
        switch (out.signal) {
            case serial_tunnel::PortSignal::break_state:
                return serial->set_break(out.on);
            case serial_tunnel::PortSignal::dtr:
                return serial->set_dtr(out.on);
            case serial_tunnel::PortSignal::rts:
                return serial->set_rts(out.on);
        }
    }
    void carry(serial_tunnel::PurgePort&& out) {
        if (net::SerialPort* const serial = lines.serial(*port)) serial->purge(out.in, out.out);
    }
    void carry(serial_tunnel::AskLines&&) {
        net::SerialPort* const serial = lines.serial(*port);
        if (serial == nullptr) return host.input(serial_tunnel::PortLines{});
        const net::ModemLines now = serial->modem_lines();
        const net::LineErrors counts = serial->line_errors();
        serial_tunnel::PortLines told;
        if (now.cts) told.lines |= serial_tunnel::modem::cts;
        if (now.dsr) told.lines |= serial_tunnel::modem::dsr;
        if (now.ring) told.lines |= serial_tunnel::modem::ring;
        if (now.carrier) told.lines |= serial_tunnel::modem::carrier;
        if (counts.framing > errors.framing) told.errors |= serial_tunnel::line_error::framing;
        if (counts.parity > errors.parity) told.errors |= serial_tunnel::line_error::parity;
        if (counts.overrun > errors.overrun) told.errors |= serial_tunnel::line_error::overrun;
        if (counts.breaks > errors.breaks) told.errors |= serial_tunnel::line_error::break_seen;
        errors = counts;
        host.input(told);
    }
    /// The pty's program is told nothing of the far port's lines: a pty has none.
    void carry(serial_tunnel::FarLines&&) {}

    void tell(const std::string& what) const {
        if (log) log(plan.name + ": " + what);
    }

    net::Lines& lines;
    TunnelPlan plan;
    Log log;
    std::optional<net::Lines::LineId> port;
    std::optional<net::Lines::LineId> network;
    Peer port_peer = 0;
    bool port_there = false;
    net::LineErrors errors;
    serial_tunnel::Tunnel engine;
    net::Host<serial_tunnel::Tunnel, Carry> host;
};

TunnelService::TunnelService(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
TunnelService::TunnelService(TunnelService&&) noexcept = default;
TunnelService& TunnelService::operator=(TunnelService&&) noexcept = default;
TunnelService::~TunnelService() = default;

net::Opened<TunnelService> TunnelService::open(net::Io& io, net::Lines& lines, TunnelPlan plan,
                                               Log log) {
    auto state = std::make_unique<State>(io, lines, std::move(plan), std::move(log));
    if (auto wrong = state->open()) return std::unexpected(std::move(*wrong));
    return TunnelService(std::move(state));
}

std::string TunnelService::where() const {
    return "tunnel from " + state_->lines.where(*state_->port) + " to " + network();
}
std::string TunnelService::network() const {
    return state_->lines.where(*state_->network);
}
const scada::tunnel::TunnelStats& TunnelService::stats() const noexcept {
    return state_->engine.stats();
}

}  // namespace causeway::site
