#include "dissect/input.hpp"

#include "base/hex.hpp"
#include "net/capture_reader.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace causeway::dissect {
namespace {

/// LINKTYPE_... beyond those that this program writes.
enum class OtherLink : std::uint16_t {
    ethernet = 1,
    raw_bsd = 12,
    raw_openbsd = 14,
    ipv4 = 228,
    ipv6 = 229,
    ieee802154_tap = 283,
};

struct Unwrapped {
    std::optional<Link> link;
    Bytes octets;
};

/// A frame behind a header of type-length-value fields, one of which says what FCS there is.
/// [IEEE 802.15.4 TAP Link Type Specification §2, §3.1]
Unwrapped unwrap_tap(Bytes octets) {
    ByteReader in(octets);
    const unsigned version = in.u8();
    in.u8();
    const std::size_t header = in.le16();
    if (!in.ok() || version != 0 || header < 4 || header > octets.size()) return {{}, octets};
    constexpr unsigned fcs_type = 0;
    constexpr unsigned crc_16 = 1;
    constexpr unsigned crc_32 = 2;
    unsigned fcs = 0;
    ByteReader fields(octets.subspan(4, header - 4));
    while (fields.more()) {
        const unsigned type = fields.le16();
        const std::size_t length = fields.le16();
        const Bytes value = fields.take(length);
        fields.take(std::min((4 - length % 4) % 4, fields.remaining()));
        if (fields.ok() && type == fcs_type && length == 1)
            fcs = std::to_integer<unsigned>(value[0]);
    }
    Bytes frame = octets.subspan(header);
    if (fcs == crc_16) return {Link::ieee802154, frame};
    if (fcs == crc_32 && frame.size() >= 4) frame = frame.first(frame.size() - 4);
    return {Link::ieee802154_no_fcs, frame};
}

Unwrapped unwrap_ethernet(Bytes octets) {
    constexpr std::size_t header = 14;
    constexpr unsigned ethertype_ipv6 = 0x86dd;
    if (octets.size() < header) return {{}, octets};
    const unsigned ethertype =
        std::to_integer<unsigned>(octets[12]) << 8 | std::to_integer<unsigned>(octets[13]);
    if (ethertype != ethertype_ipv6) return {{}, octets};
    return {Link::ip, octets.subspan(header)};
}

Unwrapped unwrap(net::LinkType link, Bytes octets) {
    switch (link) {
        case net::LinkType::raw_ip:
            return {Link::ip, octets};
        case net::LinkType::ieee802154_with_fcs:
            return {Link::ieee802154, octets};
        case net::LinkType::ieee802154_no_fcs:
            return {Link::ieee802154_no_fcs, octets};
    }
    switch (OtherLink{std::to_underlying(link)}) {
        case OtherLink::ethernet:
            return unwrap_ethernet(octets);
        case OtherLink::raw_bsd:
        case OtherLink::raw_openbsd:
        case OtherLink::ipv4:
        case OtherLink::ipv6:
            return {Link::ip, octets};
        case OtherLink::ieee802154_tap:
            return unwrap_tap(octets);
    }
    return {{}, octets};
}

std::expected<void, std::string> read_capture(std::istream& in, std::optional<Link> link,
                                              const OnFrame& on_frame) {
    net::CaptureReader reader(in);
    for (;;) {
        const auto next = reader.next();
        if (!next)
            return std::unexpected(fmt::format("not a sound capture from octet {} on: {}",
                                               next.error().offset, name_of(next.error().fault)));
        if (!*next) return {};
        const net::CapturedPacket& packet = **next;
        const Unwrapped unwrapped =
            link ? Unwrapped{link, packet.octets} : unwrap(packet.link, packet.octets);
        std::string note(reader.interface_name(packet.interface));
        if (!unwrapped.link) note = fmt::format("link type {}", std::to_underlying(packet.link));
        const auto kept = static_cast<std::uint32_t>(packet.octets.size());
        const std::uint32_t missing =
            packet.original_octets > kept ? packet.original_octets - kept : 0;
        on_frame({.unix_ns = packet.ns,
                  .link = unwrapped.link,
                  .octets = unwrapped.octets,
                  .missing_octets = missing,
                  .note = note});
    }
}

std::expected<void, std::string> read_hex(std::istream& in, std::optional<Link> link,
                                          const OnFrame& on_frame) {
    std::string line;
    std::size_t number = 0;
    while (std::getline(in, line)) {
        ++number;
        if (const auto comment = line.find('#'); comment != std::string::npos) line.resize(comment);
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const auto octets = octets_from_text(line);
        if (!octets)
            return std::unexpected(
                fmt::format("neither a capture nor, in line {}, hexadecimal octets", number));
        on_frame({.unix_ns = {},
                  .link = link.value_or(guess(*octets)),
                  .octets = *octets,
                  .missing_octets = 0,
                  .note = {}});
    }
    return {};
}

/// By the first octet or two; none of what captures start with begins a line of hexadecimal.
bool looks_like_capture(std::istream& in) {
    switch (in.peek()) {
        case 0xa1:
        case 0xd4:
        case 0x4d:
            return true;
        case 0x0a: {  // pcapng, or an empty line
            in.get();
            const bool pcapng = in.peek() == 0x0d;
            in.clear();
            in.unget();
            return pcapng;
        }
        default:
            return false;
    }
}

}  // namespace

std::expected<void, std::string> read_frames(std::istream& in, std::optional<Link> link,
                                             const OnFrame& on_frame) {
    return looks_like_capture(in) ? read_capture(in, link, on_frame) : read_hex(in, link, on_frame);
}

std::optional<Octets> octets_from_text(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    auto octets = from_hex(text);
    if (octets && octets->empty()) return std::nullopt;
    return octets;
}

}  // namespace causeway::dissect
