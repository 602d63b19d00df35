#include "scada/modbus/server_state.hpp"

#include <utility>

namespace causeway::scada::modbus {
namespace {

constexpr std::size_t header_room = tcp_header_octets;
constexpr std::size_t crc_room = 2;

/// What a broadcast may ask for: to write, since nobody answers. [MODBUS SL §2.1]
bool may_be_broadcast(std::uint8_t function) {
    switch (static_cast<Function>(function)) {
        case Function::write_single_coil:
        case Function::write_single_register:
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
        case Function::write_file_record:
        case Function::mask_write_register:
            return true;
        default:
            return false;
    }
}

bool is_restart(const RequestPdu& request) {
    const auto* diagnostics = std::get_if<Diagnostics>(&request.body);
    return diagnostics != nullptr && diagnostics->what == Diagnostic::restart_communications;
}

}  // namespace

void Server::State::heard(Instant now, Peer& peer, const Adu& adu) {
    if (adu.unit != 0 && !ours[adu.unit]) {
        ++line.messages;
        ++stats.for_others;
        return;
    }
    if (adu.unit == 0) return broadcast(now, peer, adu);
    if (supersedes(peer.id, adu)) return;
    serve(now, peer, adu);
}

bool Server::State::supersedes(PeerId peer, const Adu& adu) {
    for (auto& [number, pending] : writes) {
        if (!pending.waits || pending.peer != peer) continue;
        if (pending.unit == adu.unit && same(pending.pdu.bytes(), adu.pdu)) {
            ++line.messages;
            ++stats.requests;
            ++stats.abandoned;
            return true;
        }
        abandon(pending);
    }
    return false;
}

void Server::State::broadcast(Instant now, Peer& peer, const Adu& adu) {
    ++line.messages;
    ++stats.requests;
    ++stats.broadcasts;
    for (auto& [number, pending] : writes)
        if (pending.peer == peer.id) abandon(pending);
    const auto request = parse_as<RequestPdu>(adu.pdu);
    for (std::size_t at = 0; at < units.size(); ++at) {
        ServerUnit& unit = units[at];
        const bool deaf = peer.listens_only[unit.plan().unit];
        unit.heard({.broadcast = true, .listen_only = deaf});
        std::optional<Exception> refusal;
        if (request && !deaf && may_be_broadcast(request->function())) {
            ByteWriter out = begin_answer();
            ServerUnit::Effects effects;
            refusal = unit.execute(*request, false, line, out, effects);
            if (effects.change)
                tell(now, peer.id, adu, static_cast<std::uint8_t>(at), effects, true);
        }
        unit.ended(std::to_integer<std::uint8_t>(adu.pdu[0]), refusal, true, deaf);
    }
}

bool Server::State::tell(Instant now, PeerId peer, const Adu& adu, std::uint8_t at,
                         ServerUnit::Effects& effects, bool broadcast) {
    const Unit unit = units[at].plan().unit;
    ServerUnit::Change& change = *effects.change;
    if (!effects.handed_out) {
        outbox.push(Written{unit, change.area, change.address, std::move(change.values)});
        return true;
    }
    if (writes.size() >= settings.writes_max) {
        ++stats.writes_busy;
        return false;
    }
    const std::uint64_t number = ++write_number;
    Pending& pending = writes[number];
    pending = {.peer = peer,
               .transaction = adu.transaction,
               .unit = adu.unit,
               .at = at,
               .waits = !broadcast,
               .deadline = after(now, settings.write_within)};
    pending.pdu.assign(adu.pdu);
    outbox.push(WriteRequested{WriteId{number}, peer, unit, change.area, change.address,
                               std::move(change.values), broadcast});
    return true;
}

std::uint8_t Server::State::unit_of(Unit unit) const {
    const std::uint8_t at = unit_at[unit];
    if (at != no_unit || settings.framing != Framing::tcp || units.empty()) return at;
    const bool itself = (unit == 0 || unit == 255) && units.size() == 1;
    return settings.any_unit || itself ? std::uint8_t{0} : no_unit;
}

void Server::State::serve(Instant now, Peer& peer, const Adu& adu) {
    ++line.messages;
    const std::uint8_t at = unit_of(adu.unit);
    if (at == no_unit) {
        if (!settings.answer_for_missing_units) {
            ++stats.for_others;
            return;
        }
        ++stats.requests;
        return refuse(now, peer.id, adu, Exception::gateway_target_failed);
    }
    ++stats.requests;
    ServerUnit& unit = units[at];
    const auto function = std::to_integer<std::uint8_t>(adu.pdu[0]);
    const bool deaf = peer.listens_only[unit.plan().unit];
    unit.heard({.listen_only = deaf});
    const auto request = parse_as<RequestPdu>(adu.pdu);
    if (deaf && !(request && is_restart(*request))) {
        ++stats.listen_only;
        return unit.ended(function, std::nullopt, true, true);
    }
    ByteWriter out = begin_answer();
    ServerUnit::Effects effects;
    // What has the wrong length, or an impossible quantity. [MODBUS AP §7]
    std::optional<Exception> refusal = Exception::illegal_data_value;
    if (request) refusal = unit.execute(*request, false, line, out, effects);
    if (effects.change && !tell(now, peer.id, adu, at, effects, false))
        refusal = Exception::server_device_busy;
    if (effects.listen_only) peer.listens_only.set(unit.plan().unit);
    if (effects.restarted) peer.listens_only.reset(unit.plan().unit);
    // "No response is returned" to what begins listen-only mode, nor to what ends it.
    // [MODBUS AP §6.8.1]
    if (deaf || effects.listen_only) {
        ++stats.listen_only;
        return unit.ended(function, refusal, true, deaf);
    }
    if (!refusal && effects.handed_out) {
        ++stats.waiting;
        return;
    }
    if (refusal)
        refuse(now, peer.id, adu, *refusal);
    else
        end_answer(now, peer.id, adu.transaction, adu.unit, out.written());
    unit.ended(function, refusal, false, false);
    if (effects.ascii_end) ascii_end = *effects.ascii_end;
}

void Server::State::abandon(Pending& pending) {
    if (!std::exchange(pending.waits, false)) return;
    --stats.waiting;
    ++stats.abandoned;
}

void Server::State::finish(Instant now, Pending& pending, std::optional<Exception> exception) {
    ServerUnit& unit = units[pending.at];
    const Adu asked{pending.transaction, pending.unit, pending.pdu.bytes()};
    ByteWriter out = begin_answer();
    if (!exception) {
        const auto request = parse_as<RequestPdu>(asked.pdu);
        CAUSEWAY_ASSERT(request.has_value());
        ServerUnit::Effects effects;
        exception = unit.execute(*request, true, line, out, effects);
    }
    if (!std::exchange(pending.waits, false)) return;
    --stats.waiting;
    if (exception)
        refuse(now, pending.peer, asked, *exception);
    else
        end_answer(now, pending.peer, asked.transaction, asked.unit, out.written());
    unit.ended(std::to_integer<std::uint8_t>(asked.pdu[0]), exception, false, false);
    flush(pending.peer);
}

void Server::State::answered(Instant now, const WriteAnswered& answer) {
    const auto found = writes.find(static_cast<std::uint64_t>(answer.id));
    if (found == writes.end()) return;
    finish(now, found->second, answer.exception);
    writes.erase(found);
}

ByteWriter Server::State::begin_answer() {
    const std::size_t needed = used + header_room + pdu_octets_max + crc_room;
    if (scratch.size() < needed) scratch.resize(2 * needed);
    return ByteWriter(MutableBytes(scratch).subspan(used + header_room, pdu_octets_max));
}

void Server::State::end_answer(Instant now, PeerId peer, std::uint16_t transaction, Unit unit,
                               std::size_t octets) {
    ++stats.answers;
    if (settings.framing == Framing::tcp) {
        ByteWriter header(MutableBytes(scratch).subspan(used, header_room));
        header.be16(transaction);
        header.be16(0);
        header.be16(static_cast<std::uint16_t>(octets + 1));
        header.u8(unit);
        used += header_room + octets;  // flush() sends all that one input asked for
        return;
    }
    const Bytes pdu = Bytes(scratch).subspan(used + header_room, octets);
    Octets frame;
    frame.reserve(adu_octets(settings.framing, octets));
    append_adu(frame, settings.framing, {.unit = unit, .pdu = pdu}, ascii_end);
    if (settings.echo)
        if (const std::uint32_t slot = find(peer); slot != nowhere)
            peers[slot].echoed.insert(peers[slot].echoed.end(), frame.begin(), frame.end());
    if (hold > Duration{})
        held.push_back({after(now, hold), peer, std::move(frame)});
    else
        outbox.push(Transmit{peer, std::move(frame)});
}

void Server::State::refuse(Instant now, PeerId peer, const Adu& asked, Exception exception) {
    ++stats.exceptions;
    ByteWriter out = begin_answer();
    out.u8(std::to_integer<std::uint8_t>(asked.pdu[0]) | exception_bit);
    out.u8(static_cast<std::uint8_t>(exception));
    end_answer(now, peer, asked.transaction, asked.unit, out.written());
}

void Server::State::flush(PeerId peer) {
    if (used == 0) return;
    outbox.push(Transmit{peer, to_octets(Bytes(scratch).first(std::exchange(used, 0)))});
}

}  // namespace causeway::scada::modbus
