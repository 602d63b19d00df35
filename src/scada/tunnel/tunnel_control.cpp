// RFC 2217 on both ends of a tunnel: what peers say of the port, and what a virtual port's program
// says of the far one.
#include "scada/tunnel/tunnel.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace causeway::scada::tunnel {
namespace {

constexpr std::array format_commands{ComPort::set_baud, ComPort::set_data_size, ComPort::set_parity,
                                     ComPort::set_stop_size, ComPort::set_control};
constexpr PeerId nobody{UINT32_MAX};
constexpr std::uint8_t all_lines = 0xff;

unsigned bit_of(ComPort what) {
    return 1u << static_cast<unsigned>(what);
}

}  // namespace

void Tunnel::greet(Instant now, Peer& peer) {
    if (settings_.protocol == TunnelProtocol::raw) return;
    const bool serves = settings_.protocol == TunnelProtocol::rfc2217_server;
    peer.telnet.emplace(serves ? Telnet::Role::server : Telnet::Role::client);
    say_octets(peer, peer.telnet->hello());
    if (serves) return watch_lines(now);
    peer.ready = false;
    far_set_ = false;
    unacknowledged_ = 0;
    timers_.arm(Alarm::settle, after(now, settings_.settle_within));
}

void Tunnel::say(Peer& peer, const ComPortMessage& message) {
    Octets octets;
    Telnet::encode(message, octets);
    say_octets(peer, std::move(octets));
}

void Tunnel::say_octets(Peer& peer, Octets&& octets) {
    peer.out.sent(0, octets.size());
    outbox_.push(Transmit{peer.id, std::move(octets)});
}

void Tunnel::negotiated(Peer& peer) {
    if (settings_.protocol == TunnelProtocol::rfc2217_server) {
        // Clients wait for a first word about the modem's lines.
        if (!peer.told && peer.telnet->com_port_agreed() && !std::exchange(peer.asked, true))
            outbox_.push(AskLines{});
        return;
    }
    if (peer.ready && far_set_) return;
    if (peer.telnet->com_port_agreed() && !std::exchange(far_set_, true)) set_far_port(peer);
    // It takes no settings; octets it may still take.
    if (peer.telnet->com_port_refused() && !peer.ready) settled(peer);
}

void Tunnel::command(Instant now, Peer& peer, const ComPortMessage& message) {
    ++stats_.commands;
    const bool serves = settings_.protocol == TunnelProtocol::rfc2217_server;
    switch (message.what) {
        case ComPort::signature:
            if (message.value.empty())
                say(peer, ComPortMessage::signature(serves, settings_.signature));
            return;
        case ComPort::flow_suspend:
            peer.suspended = true;
            return;
        case ComPort::flow_resume:
            peer.suspended = false;
            return feed_peer(peer);
        default:
            break;
    }
    if (message.from_server == serves) {
        ++stats_.commands_refused;
        return;
    }
    serves ? serve(now, peer, message) : heed(peer, message);
}

// ---- the access server -------------------------------------------------------------------------

void Tunnel::serve(Instant now, Peer& peer, const ComPortMessage& message) {
    const std::uint32_t value = message.number();
    switch (message.what) {
        case ComPort::set_baud:
        case ComPort::set_data_size:
        case ComPort::set_parity:
        case ComPort::set_stop_size:
            return set_format(now, peer, message.what, value);
        case ComPort::set_control:
            return set_control(now, peer, value);
        case ComPort::set_line_state_mask:
            peer.line_mask = static_cast<std::uint8_t>(value);
            return say(peer, ComPortMessage::of(true, message.what, value));
        case ComPort::set_modem_state_mask:
            peer.modem_mask = static_cast<std::uint8_t>(value);
            return say(peer, ComPortMessage::of(true, message.what, value));
        case ComPort::notify_modem_state:
            // Not a client's to say [RFC 2217 §4]; some ask for the lines so.
            peer.told = false;
            outbox_.push(AskLines{});
            return;
        case ComPort::purge_data:
            if (!may_write(now, peer) || value < 1 || value > 3)
                ++stats_.commands_refused;
            else
                purge(peer, value);
            return say(peer, ComPortMessage::of(true, message.what, value));
        default:
            ++stats_.commands_refused;
    }
}

void Tunnel::set_format(Instant now, Peer& peer, ComPort what, std::uint32_t value) {
    const auto wanted = with(asked_, what, value);
    const bool changes = wanted && *wanted != asked_;
    const bool may = pending_.size() < pending_max && (!changes || may_write(now, peer));
    if (!may) ++stats_.commands_refused;
    if (changes && may) {
        asked_ = *wanted;
        outbox_.push(ApplyFormat{asked_});
        pending_.push_back({peer.id, what, true});
    } else if (!pending_.empty() && pending_.size() < pending_max) {
        // In the order of the commands.
        pending_.push_back({peer.id, what, false});
    } else {
        acknowledge(peer, what);
    }
}

/// "Its purpose is to inform the client of the value in use, which may be different than the value
/// requested" [RFC 2217 §2]
void Tunnel::acknowledge(Peer& peer, ComPort what) {
    say(peer, ComPortMessage::of(true, what, value_of(format_, what)));
}

void Tunnel::on(Instant, const FormatApplied& in) {
    format_ = in.format;
    bool next_applies = false;
    while (!pending_.empty() && !(next_applies && pending_.front().applies)) {
        const Pending pending = pending_.front();
        pending_.pop_front();
        next_applies = true;
        if (Peer* const peer = find(pending.peer)) acknowledge(*peer, pending.what);
    }
    if (pending_.empty()) asked_ = format_;
}

void Tunnel::set_control(Instant now, Peer& peer, std::uint32_t value) {
    const auto answer = [&](std::uint32_t state) {
        say(peer, ComPortMessage::of(true, ComPort::set_control, state));
    };
    const auto set = [&](PortSignal signal, bool& state, std::uint32_t ask) {
        const bool on = value == ask + 1;
        if (value != ask && may_write(now, peer)) {
            state = on;
            outbox_.push(ApplySignal{signal, on});
        } else if (value != ask) {
            ++stats_.commands_refused;
        }
        // "acknowledged with a confirmation of the command and the actual value set"
        // [RFC 2217 §3]
        answer(state ? ask + 1 : ask + 2);
    };
    if (value >= control::ask_break && value < control::ask_dtr)
        return set(PortSignal::break_state, break_, control::ask_break);
    if (value >= control::ask_dtr && value < control::ask_rts)
        return set(PortSignal::dtr, dtr_, control::ask_dtr);
    if (value >= control::ask_rts && value < control::ask_flow_in)
        return set(PortSignal::rts, rts_, control::ask_rts);
    if (value <= control::flow_hardware) return set_format(now, peer, ComPort::set_control, value);
    // "it should ignore the inbound flow control commands and set the flow control option based on
    // the outbound flow control commands only" [RFC 2217 §3]
    const auto flow = value_of(format_, ComPort::set_control);
    if (value <= control::flow_in_hardware || value == control::flow_in_dtr)
        return answer(control::ask_flow_in + flow);
    if (value == control::flow_dcd || value == control::flow_dsr) return answer(flow);
    ++stats_.commands_refused;
}

void Tunnel::purge(Peer& peer, std::uint32_t which) {
    const bool in = (which & 1) != 0;
    const bool out = (which & 2) != 0;
    if (in) {
        const std::size_t octets = peer.out.clear_waiting();
        if (peers_.size() == 1) {
            stats_.to_network -= octets;
            stats_.lost_network += octets;
        }
        stats_.lost_network += packetiser_.clear();
    }
    if (out) stats_.lost_port += port_.clear_waiting();
    outbox_.push(PurgePort{in, out});
}

void Tunnel::watch_lines(Instant now) {
    if (peers_.empty() || settings_.protocol != TunnelProtocol::rfc2217_server) return;
    timers_.arm(Alarm::look_lines, after(now, settings_.look_every));
}

void Tunnel::on(Instant, const PortLines& in) {
    const auto changed = static_cast<std::uint8_t>(in.lines ^ lines_);
    std::uint8_t state = in.lines & 0xf0;
    if ((changed & modem::carrier) != 0) state |= modem::carrier_changed;
    if ((changed & modem::dsr) != 0) state |= modem::dsr_changed;
    if ((changed & modem::cts) != 0) state |= modem::cts_changed;
    if ((changed & modem::ring) != 0 && (in.lines & modem::ring) == 0) state |= modem::ring_ended;
    lines_ = in.lines & 0xf0;
    for (Peer& peer : peers_) {
        if (!peer.telnet || !peer.telnet->com_port_agreed()) continue;
        const std::uint8_t told = state & peer.modem_mask;
        if (!std::exchange(peer.told, true))
            say(peer, ComPortMessage::of(true, ComPort::notify_modem_state,
                                         in.lines & 0xf0 & peer.modem_mask));
        else if (changed != 0 && told != 0)
            say(peer, ComPortMessage::of(true, ComPort::notify_modem_state, told));
        if (const std::uint8_t errors = in.errors & peer.line_mask; errors != 0)
            say(peer, ComPortMessage::of(true, ComPort::notify_line_state, errors));
    }
}

/// "the com port geometry ... is reset to a factory or administrator defined configuration"
/// [RFC 2217 §6]
void Tunnel::restore() {
    if (settings_.protocol != TunnelProtocol::rfc2217_server) return;
    if (std::exchange(break_, false)) outbox_.push(ApplySignal{PortSignal::break_state, false});
    if (!settings_.format_restored) return;
    if (!std::exchange(dtr_, true)) outbox_.push(ApplySignal{PortSignal::dtr, true});
    if (!std::exchange(rts_, true)) outbox_.push(ApplySignal{PortSignal::rts, true});
    if (asked_ == settings_.format) return;
    asked_ = settings_.format;
    outbox_.push(ApplyFormat{asked_});
    if (pending_.size() < pending_max) pending_.push_back({nobody, ComPort::set_baud, true});
}

// ---- the client --------------------------------------------------------------------------------

void Tunnel::set_far_port(Peer& peer) {
    // "it is recommended that commands be issued in the following sequence" [RFC 2217 §2]
    for (const ComPort what : format_commands) {
        unacknowledged_ |= bit_of(what);
        say(peer, ComPortMessage::of(false, what, value_of(asked_, what)));
    }
    say(peer, ComPortMessage::of(false, ComPort::set_modem_state_mask, all_lines));
    say_program(peer);
}

void Tunnel::say_program(Peer& peer) {
    for (const std::uint8_t ask : {control::ask_dtr, control::ask_rts})
        say(peer,
            ComPortMessage::of(false, ComPort::set_control, ask + (program_there_ ? 1u : 2u)));
}

void Tunnel::settled(Peer& peer) {
    peer.ready = true;
    timers_.disarm(Alarm::settle);
    feed_peer(peer);
}

void Tunnel::heed(Peer& peer, const ComPortMessage& message) {
    const std::uint32_t value = message.number();
    if (message.what == ComPort::notify_modem_state) {
        outbox_.push(FarLines{static_cast<std::uint8_t>(value)});
        return;
    }
    const bool is_format =
        std::ranges::find(format_commands, message.what) != format_commands.end();
    // Of SET-CONTROL's answers, only those about flow control are about the format.
    if (!is_format || (message.what == ComPort::set_control && value > control::flow_hardware))
        return;
    unacknowledged_ &= ~bit_of(message.what);
    if (const auto true_format = with(format_, message.what, value)) {
        format_ = *true_format;
        if (value != value_of(asked_, message.what)) ++stats_.settings_differ;
    }
    if (unacknowledged_ == 0 && far_set_ && !peer.ready) settled(peer);
}

void Tunnel::on(Instant, const FormatAsked& in) {
    if (settings_.protocol != TunnelProtocol::rfc2217_client) return;
    const PortFormat before = std::exchange(asked_, in.format);
    if (!far_set_) return;
    for (Peer& peer : peers_) {
        for (const ComPort what : format_commands) {
            const std::uint32_t value = value_of(asked_, what);
            if (value != value_of(before, what)) say(peer, ComPortMessage::of(false, what, value));
        }
    }
}

void Tunnel::on(Instant, const ProgramPresent& in) {
    const bool news = std::exchange(program_there_, in.there) != in.there;
    if (settings_.protocol != TunnelProtocol::rfc2217_client || !news || !far_set_) return;
    for (Peer& peer : peers_) say_program(peer);
}

}  // namespace causeway::scada::tunnel
