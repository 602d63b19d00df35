// Any octets as frames of every kind of line, and as PDUs: what is read is written again octet for
// octet, however it was cut, and nothing is kept that grows.
#include "base/assert.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"

#include <algorithm>

namespace causeway::scada::modbus::frame_fuzz {
namespace {

/// Everything that `next` finds, one after the other.
template <class Next>
Octets heard_in(Bytes octets, std::size_t piece, Next&& next) {
    Octets all;
    while (!octets.empty()) {
        Bytes some = octets.first(std::min(piece, octets.size()));
        octets = octets.subspan(some.size());
        while (const std::optional<Adu> adu = next(some)) {
            CAUSEWAY_ASSERT(!adu->pdu.empty() && adu->pdu.size() <= pdu_octets_max + 1);
            append_adu(all, Framing::tcp, *adu);
        }
    }
    return all;
}

template <class Pdu>
void reads_back(Bytes octets) {
    const auto pdu = parse_as<Pdu>(octets);
    if (!pdu) return;
    const Octets again = emitted(*pdu);
    CAUSEWAY_ASSERT(same(again, octets));
    CAUSEWAY_ASSERT(pdu->function() == std::to_integer<std::uint8_t>(octets[0]));
    const auto length =
        std::is_same_v<Pdu, RequestPdu> ? request_octets(octets) : response_octets(octets);
    // Diagnostics with more data than the standard has are the only ones to differ.
    CAUSEWAY_ASSERT(!length || *length == octets.size() || octets[0] == std::byte{8});
}

void frames(Bytes octets, std::size_t piece, bool change) {
    Octets by_pieces[2];
    for (int i = 0; i < 2; ++i) {
        const std::size_t n = i == 0 ? piece : octets.size() + 1;
        TcpFrames tcp;
        by_pieces[i] = heard_in(octets, n, [&](Bytes& in) { return tcp.next(in); });
    }
    CAUSEWAY_ASSERT(by_pieces[0] == by_pieces[1]);
    FrameFaults faults;
    AsciiFrames ascii;
    heard_in(octets, piece, [&](Bytes& in) { return ascii.next(in, faults, change ? '*' : '\n'); });
    RtuRequests requests;
    RtuRequests::Units ours;
    ours.set(1).set(17);
    const auto adu_of = [](const auto& found) {
        return found ? std::optional<Adu>(found->adu) : std::nullopt;
    };
    heard_in(octets, piece, [&](Bytes& in) { return adu_of(requests.next(in, ours, faults)); });
    for (int i = 0; i < 300 && requests.after_silence(ours, faults); ++i) {
    }
    requests.give_up(faults);
    CAUSEWAY_ASSERT(!requests.begun());
    RtuAnswers answers;
    if (change) answers.want(RtuAnswers::Wanted{1, 3, 4});
    heard_in(octets, piece, [&](Bytes& in) { return adu_of(answers.next(in, faults)); });
    while (answers.after_silence(faults)) {
    }
    answers.give_up(faults);
    CAUSEWAY_ASSERT(!answers.begun());
    CAUSEWAY_ASSERT(faults.noise_octets <= 4 * octets.size());
}

/// What we frame, we find.
void framed(Bytes pdu, Unit unit) {
    if (pdu.empty() || pdu.size() > pdu_octets_max) return;
    Octets wire;
    append_adu(wire, Framing::tcp, {7, unit, pdu});
    TcpFrames tcp;
    Bytes in = wire;
    const auto adu = tcp.next(in);
    CAUSEWAY_ASSERT(adu && adu->transaction == 7 && adu->unit == unit && same(adu->pdu, pdu));
    wire.clear();
    append_adu(wire, Framing::ascii, {0, unit, pdu});
    AsciiFrames ascii;
    FrameFaults faults;
    in = wire;
    const auto heard = ascii.next(in, faults);
    CAUSEWAY_ASSERT(heard && heard->unit == unit && same(heard->pdu, pdu));
    wire.clear();
    append_adu(wire, Framing::rtu, {0, unit, pdu});
    CAUSEWAY_ASSERT(crc_of(wire) == 0 && wire.size() == adu_octets(Framing::rtu, pdu.size()));
    if (!parse_as<RequestPdu>(pdu) || request_octets(pdu) != pdu.size()) return;
    RtuRequests::Units ours;
    ours.set();
    RtuRequests requests;
    in = wire;
    const auto found = requests.next(in, ours, faults);
    CAUSEWAY_ASSERT(found && found->ours && same(found->adu.pdu, pdu));
}

}  // namespace
}  // namespace causeway::scada::modbus::frame_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::scada::modbus;
    if (size < 2) return 0;
    const Bytes octets = std::as_bytes(std::span(data + 2, size - 2));
    frame_fuzz::frames(octets, 1u + data[0], (data[1] & 1) != 0);
    frame_fuzz::reads_back<RequestPdu>(octets);
    frame_fuzz::reads_back<ResponsePdu>(octets);
    frame_fuzz::framed(octets, data[1]);
    return 0;
}
