#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"

#include <algorithm>

namespace causeway::scada::modbus {
namespace {

bool has_right_crc(Bytes frame) {
    return crc_of(frame) == 0;  // over the CRC, too: what is right leaves nothing
}

Adu rtu_adu(Bytes frame) {
    return {.unit = std::to_integer<Unit>(frame[0]), .pdu = frame.subspan(1, frame.size() - 3)};
}

/// The shortest beginning with a right CRC, where nothing else says how long a frame is.
std::size_t sound_beginning(Bytes octets) {
    const std::size_t most = std::min(octets.size(), rtu_octets_max);
    std::uint16_t crc = crc_start;
    for (std::size_t n = 1; n <= most; ++n) {
        crc = crc_after(crc, octets[n - 1]);
        if (crc == 0 && n >= rtu_octets_min) return n;
    }
    return 0;
}

/// One reading of what stands at the beginning of some octets.
struct Reading {
    std::size_t octets = 0;   // a whole frame with a right CRC
    bool incomplete = false;  // it may become one
    bool garbled = false;     // it would be one but for its CRC
};

Reading read_as(Bytes octets, std::optional<std::size_t> pdu_octets) {
    if (!pdu_octets) {
        const std::size_t n = sound_beginning(octets);
        return {.octets = n, .incomplete = n == 0 && octets.size() < rtu_octets_max};
    }
    const std::size_t n = *pdu_octets + 3;
    if (n > rtu_octets_max) return {};
    if (octets.size() < n) return {.incomplete = true};
    if (has_right_crc(octets.first(n))) return {.octets = n};
    return {.garbled = true};
}

}  // namespace

void RtuWindow::take(Bytes& in) {
    if (octets().size() >= 2 * rtu_octets_max) return;
    if (begin_ != 0) {
        const Bytes left = octets();
        const std::size_t n = left.size();
        if (n != 0) std::memmove(buffer_.data(), left.data(), n);
        buffer_.resize(n);
        begin_ = 0;
    }
    const std::size_t room = std::min(buffer_.capacity - buffer_.size(), in.size());
    buffer_.append(in.first(room));
    in = in.subspan(room);
}

// ---- a server's ---------------------------------------------------------------------------------

RtuRequests::Found RtuRequests::found(std::size_t octets, const Units& ours) {
    const Adu adu = rtu_adu(window_.octets().first(octets));
    window_.drop(octets);
    hunting_ = false;
    const bool for_us = adu.unit == 0 || ours[adu.unit];
    const auto function = std::to_integer<std::uint8_t>(adu.pdu[0]);
    // "Looks like its answer" is over once something has come.
    const bool answer = asked_unit_ == adu.unit && (function & ~exception_bit) == asked_function_ &&
                        asked_unit_ != 0;
    asked_unit_ = for_us || answer ? std::uint8_t{0} : adu.unit;
    asked_function_ = function;
    return {adu, for_us};
}

std::optional<RtuRequests::Found> RtuRequests::next(Bytes& in, const Units& ours,
                                                    FrameFaults& faults) {
    for (;;) {
        if (!in.empty()) window_.take(in);
        const Bytes octets = window_.octets();
        if (octets.empty()) return std::nullopt;
        const auto unit = std::to_integer<Unit>(octets[0]);
        const Bytes pdu = octets.subspan(1);
        // In the middle of noise anything may look like the beginning of a frame that does not say
        // how long it is: there only those that do are believed.
        const auto reading = [&](std::optional<std::size_t> length) {
            return length || !hunting_ ? read_as(octets, length) : Reading{};
        };
        const Reading request = reading(request_octets(pdu));
        Reading answer{};
        if (unit != 0 && !ours[unit]) {
            answer = reading(response_octets(pdu));
            const bool awaited =
                unit == asked_unit_ && !pdu.empty() &&
                (std::to_integer<unsigned>(pdu[0]) & ~unsigned{exception_bit}) == asked_function_;
            if (answer.octets != 0 && (awaited || request.octets == 0))
                return found(answer.octets, ours);
        }
        if (request.octets != 0) return found(request.octets, ours);
        if (request.incomplete || answer.incomplete) return std::nullopt;
        if ((request.garbled || answer.garbled) && !hunting_) ++faults.bad_checksums;
        hunting_ = true;
        ++faults.noise_octets;
        window_.drop(1);
    }
}

std::optional<RtuRequests::Found> RtuRequests::after_silence(const Units& ours,
                                                             FrameFaults& faults) {
    const Bytes octets = window_.octets();
    // Nothing follows a frame but silence, so that what others carry in theirs is no request.
    for (std::size_t at = 1; at + rtu_octets_min <= octets.size(); ++at) {
        const Bytes rest = octets.subspan(at);
        const auto unit = std::to_integer<Unit>(rest[0]);
        if (unit != 0 && !ours[unit]) continue;
        if (read_as(rest, request_octets(rest.subspan(1))).octets != rest.size()) continue;
        faults.noise_octets += at;
        window_.drop(at);
        return found(rest.size(), ours);
    }
    return std::nullopt;
}

void RtuRequests::give_up(FrameFaults& faults) {
    faults.noise_octets += window_.octets().size();
    window_.drop(window_.octets().size());
    asked_unit_ = 0;
    hunting_ = false;
}

// ---- a client's ---------------------------------------------------------------------------------

RtuAnswers::Look RtuAnswers::look(Bytes from) const {
    const auto seen = [](const Reading& reading, bool wanted) -> Look {
        if (reading.octets != 0) return {Sight::frame, reading.octets, wanted};
        if (reading.incomplete) return {Sight::incomplete, 0, wanted};
        return {reading.garbled ? Sight::garbled : Sight::none, 0, wanted};
    };
    const auto unit = std::to_integer<Unit>(from[0]);
    if (unit == 0) return {};  // nobody answers by that name
    const bool named = wanted_ && unit == wanted_->unit;
    const Bytes pdu = from.subspan(1);
    if (pdu.empty()) return {.sight = named ? Sight::incomplete : Sight::none, .wanted = named};
    const auto function = std::to_integer<unsigned>(pdu[0]);
    const bool refused = (function & exception_bit) != 0;
    const auto octets = response_octets(pdu);
    if (!named || (function & ~unsigned{exception_bit}) != wanted_->function)
        return octets ? seen(read_as(from, octets), false) : Look{};
    const std::size_t wanted = wanted_->pdu_octets;
    if (refused || wanted == 0) return seen(read_as(from, octets), true);
    if (!octets || *octets == wanted) return seen(read_as(from, wanted), true);
    // A length that is not told yet is the least that it can be.
    const bool may_become = *octets > pdu.size() && *octets < wanted;
    return seen(read_as(from, octets), may_become);
}

std::optional<RtuAnswers::Found> RtuAnswers::scan(bool silent, FrameFaults& faults) {
    const Bytes octets = window_.octets();
    std::size_t keep = octets.size();  // where something that may become a frame begins
    for (std::size_t at = 0; at < octets.size(); ++at) {
        const Look seen = look(octets.subspan(at));
        if (seen.sight == Sight::frame) {
            // Behind something begun that nobody waits for, the awaited alone is believed.
            if (keep < at && !seen.wanted && !silent) continue;
            faults.noise_octets += at;
            window_.drop(at + seen.octets);
            hunting_ = false;
            return Found{rtu_adu(octets.subspan(at, seen.octets)), seen.wanted};
        }
        if (seen.sight == Sight::garbled && seen.wanted && !hunting_) {
            ++faults.bad_checksums;
            hunting_ = true;
        }
        if (seen.sight != Sight::incomplete) continue;
        keep = std::min(keep, at);
        if (seen.wanted && !silent) break;
    }
    if (octets.size() - keep > rtu_octets_max) keep = octets.size() - rtu_octets_max;
    faults.noise_octets += keep;
    window_.drop(keep);
    return std::nullopt;
}

std::optional<RtuAnswers::Found> RtuAnswers::next(Bytes& in, FrameFaults& faults) {
    for (;;) {
        if (!in.empty()) window_.take(in);
        if (window_.empty()) return std::nullopt;
        if (auto found = scan(false, faults)) return found;
        if (in.empty()) return std::nullopt;
    }
}

std::optional<RtuAnswers::Found> RtuAnswers::after_silence(FrameFaults& faults) {
    return window_.empty() ? std::nullopt : scan(true, faults);
}

void RtuAnswers::give_up(FrameFaults& faults) {
    faults.noise_octets += window_.octets().size();
    window_.drop(window_.octets().size());
    hunting_ = false;
}

}  // namespace causeway::scada::modbus
