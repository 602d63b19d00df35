#include "scada/modbus/framing.hpp"

#include <algorithm>
#include <array>

namespace causeway::scada::modbus {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

std::optional<std::uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    return std::nullopt;
}

void append_ascii(Octets& to, const Adu& adu, char end) {
    const auto put = [&](unsigned octet) {
        to.push_back(static_cast<std::byte>(hex_digits[octet >> 4 & 15]));
        to.push_back(static_cast<std::byte>(hex_digits[octet & 15]));
    };
    to.push_back(std::byte{':'});
    put(adu.unit);
    for (const std::byte octet : adu.pdu) put(std::to_integer<unsigned>(octet));
    put(static_cast<std::uint8_t>(lrc_of(adu.pdu) - adu.unit));
    to.push_back(std::byte{'\r'});
    to.push_back(static_cast<std::byte>(end));
}

}  // namespace

std::uint16_t crc_of(Bytes octets) noexcept {
    std::uint16_t crc = crc_start;
    for (const std::byte octet : octets) crc = crc_after(crc, octet);
    return crc;
}

std::uint8_t lrc_of(Bytes octets) noexcept {
    unsigned sum = 0;
    for (const std::byte octet : octets) sum += std::to_integer<unsigned>(octet);
    return static_cast<std::uint8_t>(0u - sum);
}

std::size_t adu_octets(Framing framing, std::size_t pdu_octets) noexcept {
    switch (framing) {
        case Framing::rtu:
            return pdu_octets + 3;
        case Framing::ascii:
            return 2 * (pdu_octets + 2) + 3;
        case Framing::tcp:
            break;
    }
    return pdu_octets + tcp_header_octets;
}

void append_adu(Octets& to, Framing framing, const Adu& adu, char ascii_end) {
    if (framing == Framing::ascii) return append_ascii(to, adu, ascii_end);
    const std::size_t begin = to.size();
    to.resize(begin + adu_octets(framing, adu.pdu.size()));
    ByteWriter out(MutableBytes(to).subspan(begin));
    if (framing == Framing::tcp) {
        out.be16(adu.transaction);
        out.be16(0);
        out.be16(static_cast<std::uint16_t>(adu.pdu.size() + 1));
    }
    out.u8(adu.unit);
    out.put(adu.pdu);
    if (framing == Framing::rtu) out.le16(crc_of(Bytes(to).subspan(begin, adu.pdu.size() + 1)));
}

void skip_echo(Octets& echoed, Bytes& in) {
    const std::size_t n = std::min(in.size(), echoed.size());
    if (!same(in.first(n), Bytes(echoed).first(n))) return echoed.clear();
    in = in.subspan(n);
    echoed.erase(echoed.begin(), echoed.begin() + std::ptrdiff_t(n));
}

// ---- TCP ----------------------------------------------------------------------------------------

std::optional<std::size_t> TcpFrames::octets_of(Bytes header) {
    ByteReader in(header);
    in.be16();
    const std::uint16_t protocol = in.be16();
    const std::size_t length = in.be16();  // of the unit and the PDU
    if (protocol == 0 && length >= 2 && length <= pdu_octets_max + 1)
        return tcp_header_octets - 1 + length;
    broken_ = true;
    return std::nullopt;
}

std::optional<Adu> TcpFrames::next(Bytes& in) {
    const auto adu_of = [](Bytes frame) {
        ByteReader reader(frame);
        Adu adu;
        adu.transaction = reader.be16();
        reader.be32();
        adu.unit = reader.u8();
        adu.pdu = reader.rest();
        return adu;
    };
    if (std::exchange(whole_, false)) begun_.clear();
    if (broken_) return std::nullopt;
    if (begun_.empty() && in.size() >= tcp_header_octets) {
        const auto octets = octets_of(in);
        if (!octets) return std::nullopt;
        if (in.size() >= *octets) {  // nearly always: it is read where it lies
            const Adu adu = adu_of(in.first(*octets));
            in = in.subspan(*octets);
            return adu;
        }
    }
    const auto fill = [&](std::size_t octets) {
        const std::size_t missing = octets - std::min(octets, begun_.size());
        begun_.append(in.first(std::min(missing, in.size())));
        in = in.subspan(std::min(missing, in.size()));
        return begun_.size() >= octets;
    };
    if (!fill(tcp_header_octets)) return std::nullopt;
    const auto octets = octets_of(begun_.bytes());
    if (!octets || !fill(*octets)) return std::nullopt;
    whole_ = true;
    return adu_of(begun_.bytes());
}

// ---- ASCII --------------------------------------------------------------------------------------

std::optional<Adu> AsciiFrames::ended(FrameFaults& faults) {
    within_ = false;
    if (half_ || octets_.size() < 3) {
        ++faults.bad_frames;
        return std::nullopt;
    }
    if (lrc_of(octets_.bytes()) != 0) {
        ++faults.bad_checksums;
        return std::nullopt;
    }
    return Adu{.unit = std::to_integer<Unit>(octets_[0]),
               .pdu = octets_.bytes().subspan(1, octets_.size() - 2)};
}

void AsciiFrames::give_up(FrameFaults& faults) {
    if (std::exchange(within_, false)) faults.noise_octets += characters_;
}

std::optional<Adu> AsciiFrames::next(Bytes& in, FrameFaults& faults, char end) {
    while (!in.empty()) {
        const char c = static_cast<char>(in.front());
        in = in.subspan(1);
        if (c == ':') {  // wherever it stands, a frame begins [MODBUS SL §2.5.2.1]
            give_up(faults);
            octets_.clear();
            half_ = false;
            within_ = true;
            characters_ = 1;
            continue;
        }
        if (!within_) {
            if (c != '\r' && c != end) ++faults.noise_octets;
            continue;
        }
        ++characters_;
        if (c == end) {
            if (auto adu = ended(faults)) return adu;
            continue;
        }
        if (c == '\r') continue;
        const auto digit = hex_digit(c);
        if (!digit || (!half_ && octets_.size() == octets_.capacity)) {
            give_up(faults);
            continue;
        }
        if (half_) {
            octets_.resize(octets_.size() + 1);
            octets_[octets_.size() - 1] = static_cast<std::byte>(high_ << 4 | *digit);
        }
        high_ = *digit;
        half_ = !half_;
    }
    return std::nullopt;
}

}  // namespace causeway::scada::modbus
