#include "ip/icmp_errors.hpp"

#include "ip/extension.hpp"

namespace causeway::ip {
namespace {

/// The ICMPv6 type that a packet carries; nullopt when it carries something else, or too little of
/// it came along to say.
std::optional<std::uint8_t> icmp_type_in(Bytes packet) {
    const auto upper = find_upper_layer(packet);
    if (!upper || upper->offset >= packet.size()) return std::nullopt;
    const auto first = std::to_integer<std::uint8_t>(packet[upper->offset]);
    if (upper->next_header == NextHeader::icmpv6) return first;
    // A later fragment of an ICMPv6 message has no type to show. It is treated as an error's: being
    // silent about an echo's tail costs less than answering an error.
    if (upper->next_header == NextHeader::fragment && first == NextHeader::icmpv6)
        return std::uint8_t{0};
    return std::nullopt;
}

/// The two errors that packets to groups may be answered with. [RFC 4443 §2.4 (e.3)]
bool goes_to_groups(IcmpError error, Bytes offending) {
    if (error.type == Icmpv6Type::packet_too_big) return true;
    if (error.type != Icmpv6Type::parameter_problem ||
        error.code != std::to_underlying(ParameterProblemCode::unknown_option) ||
        error.value >= offending.size())
        return false;
    const auto option = std::to_integer<std::uint8_t>(offending[error.value]);
    return action_for_unknown(option) == UnknownOption::report;
}

}  // namespace

IcmpErrors::IcmpErrors(Settings settings, Instant now) noexcept : settings_(settings), last_(now) {
    if (settings.per_second == 0) return;
    interval_ = Duration(std::chrono::seconds(1)) / std::int64_t{settings.per_second};
    full_ = interval_ * std::int64_t{settings.burst};
    credit_ = full_;
}

std::uint64_t* IcmpErrors::refusal(IcmpError error, Bytes offending, Arrival arrival) {
    const auto header = parse_as<Ipv6Header>(offending);
    if (!header) return &stats_.unreadable;
    const auto type = icmp_type_in(offending);
    if (type && is_icmpv6_error(*type)) return &stats_.about_icmp_error;       // (e.1)
    if (type && *type == Icmpv6Type::redirect) return &stats_.about_redirect;  // (e.2)
    if ((header->target.is_multicast() || arrival == Arrival::link_group) &&
        !goes_to_groups(error, offending))
        return &stats_.to_a_group;  // (e.3), (e.4), (e.5)
    if (header->source.is_unspecified() || header->source.is_multicast())
        return &stats_.from_nobody;  // (e.6)
    return nullptr;
}

bool IcmpErrors::take_token(Instant now) noexcept {
    if (now > last_) {
        const Duration waited = now - last_;
        credit_ = waited >= full_ - credit_ ? full_ : credit_ + waited;
        last_ = now;
    }
    if (interval_ == Duration{} || credit_ < interval_) return false;
    credit_ -= interval_;
    return true;
}

std::optional<Octets> IcmpErrors::make(Instant now, const Address& own, IcmpError error,
                                       Bytes offending, Arrival arrival) {
    ++stats_.asked;
    if (std::uint64_t* const why = refusal(error, offending, arrival)) {
        ++*why;
        return std::nullopt;
    }
    if (!take_token(now)) {
        ++stats_.rate_limited;
        return std::nullopt;
    }
    // "as much of the IPv6 offending packet as possible without making the error message packet
    // exceed the minimum IPv6 MTU" [RFC 4443 §2.4 (c)]
    constexpr std::size_t room = mtu_min - Ipv6Header::octets - 8;
    const Bytes kept = offending.first(std::min(offending.size(), room));
    Address source;
    std::memcpy(source.octets.data(), offending.data() + 8, 16);

    Octets packet = icmpv6_frame(own, source, settings_.hop_limit, 8 + kept.size());
    ByteWriter out(MutableBytes(packet).subspan(Ipv6Header::octets));
    out.u8(std::to_underlying(error.type));
    out.u8(error.code);
    out.be16(0);
    out.be32(error.value);
    out.put(kept);
    seal_icmpv6(packet);
    ++stats_.sent;
    return packet;
}

}  // namespace causeway::ip
