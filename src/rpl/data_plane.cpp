#include "rpl/data_plane.hpp"

#include "ip/extension.hpp"

namespace causeway::rpl {

namespace {

constexpr std::size_t option_octets = 6;  // with type and length

/// The DAGRank in a SenderRank field. "SenderRank: ... set ... to DAGRank(rank)" [RFC 6550 §11.2],
/// but stacks in the field put the whole rank there. Where both cannot be mistaken for another
/// (no DAGRank reaches MinHopRankIncrease when that is 256 or more) both are understood.
std::uint32_t sender_dag_rank(std::uint16_t field, std::uint16_t min_hop) noexcept {
    return min_hop >= 256 && field >= min_hop ? field / min_hop : field;
}

std::uint16_t be16_at(Bytes packet, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(packet[at]) << 8 |
                                      std::to_integer<unsigned>(packet[at + 1]));
}

void set_be16(MutableBytes packet, std::size_t at, std::size_t value) noexcept {
    packet[at] = static_cast<std::byte>(value >> 8);
    packet[at + 1] = static_cast<std::byte>(value);
}

/// A hop-by-hop header's length in octets; zero when there is none or it is cut off.
std::size_t hop_by_hop_octets(Bytes packet) noexcept {
    constexpr std::size_t start = ip::Ipv6Header::octets;
    if (packet.size() < start + 8 || packet[6] != std::byte{0}) return 0;
    const std::size_t octets = (std::to_integer<std::size_t>(packet[start + 1]) + 1) * 8;
    return octets <= packet.size() - start ? octets : 0;
}

struct Found {
    std::size_t at = 0;           // the option's type octet; zero: not there
    std::size_t options_end = 0;  // behind the last option that is not padding
    bool broken = false;
};

Found look_for_option(Bytes packet) noexcept {
    const std::size_t octets = hop_by_hop_octets(packet);
    Found found;
    std::size_t at = ip::Ipv6Header::octets + 2;
    const std::size_t end = ip::Ipv6Header::octets + octets;
    found.options_end = at;
    while (at < end) {
        const auto type = std::to_integer<std::uint8_t>(packet[at]);
        if (type == 0) {
            ++at;
            continue;
        }
        if (at + 2 > end) return found.broken = true, found;
        const std::size_t length = std::to_integer<std::size_t>(packet[at + 1]);
        if (length > end - at - 2) return found.broken = true, found;
        if (type == rpi_type || type == rpi_type_old) {
            found.broken = length < 4;
            found.at = at;
            return found;
        }
        at += 2 + length;
        if (type != 1) found.options_end = at;
    }
    return found;
}

}  // namespace

Result<RplOption> RplOption::parse(ByteReader& in) {
    RplOption option;
    const std::uint8_t flags = in.u8();  // O, R, F
    option.down = (flags & 0x80) != 0;
    option.rank_error = (flags & 0x40) != 0;
    option.forwarding_error = (flags & 0x20) != 0;
    option.instance = in.u8();
    option.sender_rank = in.be16();
    // "A RPL device MUST skip over any unrecognized sub-TLVs": they stay where they are.
    if (!in.ok()) return std::unexpected(in.error());
    return option;
}

void RplOption::emit(ByteWriter& out) const {
    out.u8(static_cast<std::uint8_t>((down ? 0x80 : 0) | (rank_error ? 0x40 : 0) |
                                     (forwarding_error ? 0x20 : 0)));
    out.u8(instance);
    out.be16(sender_rank);
}

std::optional<std::size_t> find_rpl_option(Bytes packet) noexcept {
    const Found found = look_for_option(packet);
    if (found.at == 0 || found.broken) return std::nullopt;
    return found.at;
}

std::optional<RplOption> read_rpl_option(Bytes packet) noexcept {
    const std::optional<std::size_t> at = find_rpl_option(packet);
    if (!at) return std::nullopt;
    ByteReader in(packet.subspan(*at + 2, 4));
    const Result<RplOption> option = RplOption::parse(in);
    return option ? std::optional(*option) : std::nullopt;
}

OptionVerdict check_option(MutableBytes packet, const HopContext& here) noexcept {
    const Found found = look_for_option(packet);
    if (found.broken) return OptionVerdict::malformed;
    if (found.at == 0) return OptionVerdict::absent;
    const std::size_t flags_at = found.at + 2;
    if (std::to_integer<std::uint8_t>(packet[flags_at + 1]) != here.instance)
        return OptionVerdict::other_instance;

    const std::uint16_t min_hop =
        here.min_hop_rank_increase == 0 ? std::uint16_t{1} : here.min_hop_rank_increase;
    const std::uint32_t sender = sender_dag_rank(be16_at(packet, flags_at + 2), min_hop);
    const std::uint32_t own = here.rank / min_hop;
    const bool down = (packet[flags_at] & std::byte{0x80}) != std::byte{};
    // A sender of rank zero is the source, which says nothing of where it stands.
    const bool inconsistent = sender != 0 && (down ? sender > own : sender < own);
    set_be16(packet, flags_at + 2, own);
    if (!inconsistent) return OptionVerdict::consistent;
    // "One inconsistency along the path is not considered a critical error ... a second detection
    // ... MUST be dropped." [RFC 6550 §11.2.2.2]
    if ((packet[flags_at] & std::byte{0x40}) != std::byte{}) return OptionVerdict::loop;
    packet[flags_at] |= std::byte{0x40};
    return OptionVerdict::rank_error;
}

void clear_sender_rank(MutableBytes packet) noexcept {
    if (const std::optional<std::size_t> at = find_rpl_option(packet)) set_be16(packet, *at + 4, 0);
}

Octets with_rpl_option(Octets packet, const RplOption& option, std::uint8_t option_type) {
    if (packet.size() < ip::Ipv6Header::octets) return packet;
    const Found found = look_for_option(packet);
    if (found.broken) return packet;
    std::array<std::byte, option_octets> octets{};
    ByteWriter out(octets);
    out.u8(option_type);
    out.u8(4);
    option.emit(out);
    if (found.at != 0) {  // one is there: it is replaced, not joined by a second
        std::memcpy(&packet[found.at], octets.data(), octets.size());
        packet[found.at + 1] = std::byte{4};
        return packet;
    }

    constexpr std::size_t start = ip::Ipv6Header::octets;
    const std::size_t had = hop_by_hop_octets(packet);
    // "This option has an alignment requirement of 2n." [RFC 6553 §3]
    const std::size_t place = had == 0 ? start + 2 : (found.options_end + 1) / 2 * 2;
    const std::size_t end = start + (place + option_octets - start + 7) / 8 * 8;
    const std::size_t grown = end - start > had ? end - start - had : 0;
    if (had + grown > 2048 || packet.size() - start + grown > 65535) return packet;
    packet.insert(packet.begin() + static_cast<std::ptrdiff_t>(start + had), grown, std::byte{});
    if (had == 0) {
        packet[start] = packet[6];
        packet[6] = std::byte{0};
    }
    const std::size_t header_end = start + had + grown;
    packet[start + 1] = static_cast<std::byte>((had + grown) / 8 - 1);
    const auto pad = [&](std::size_t from, std::size_t to) {
        ByteWriter over(MutableBytes(packet).subspan(from, to - from));
        while (over.room() > 0) ip::write_padding(over, std::min<std::size_t>(over.room(), 257));
    };
    if (had != 0) pad(found.options_end, place);
    std::memcpy(&packet[place], octets.data(), octets.size());
    pad(place + option_octets, header_end);
    set_be16(packet, 4, packet.size() - start);
    return packet;
}

}  // namespace causeway::rpl
