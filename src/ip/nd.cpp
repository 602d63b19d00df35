#include "ip/nd.hpp"

namespace causeway::ip::nd {
namespace {

constexpr std::uint8_t advertisement_managed = 0x80;
constexpr std::uint8_t advertisement_other = 0x40;
constexpr std::uint32_t neighbour_router = 0x8000'0000;
constexpr std::uint32_t neighbour_solicited = 0x4000'0000;
constexpr std::uint32_t neighbour_override = 0x2000'0000;

/// The first word of a message whose code has to be 0.
void read_nd_start(ByteReader& in, Icmpv6Type type) {
    const std::uint8_t found = in.u8();
    const std::uint8_t code = in.u8();
    in.be16();  // the checksum
    if (in.ok() && (found != std::to_underlying(type) || code != 0)) in.fail(Fault::bad_value);
}

void write_nd_start(ByteWriter& out, Icmpv6Type type, std::uint8_t code = 0) {
    out.u8(std::to_underlying(type));
    out.u8(code);
    out.be16(0);
}

template <class Format>
Result<Format> finished(ByteReader& in, Format message) {
    message.options = read_options(in);
    if (!in.ok()) return std::unexpected(in.error());
    return message;
}

}  // namespace

Result<RouterSolicitation> RouterSolicitation::parse(ByteReader& in) {
    read_nd_start(in, Icmpv6Type::router_solicitation);
    in.be32();
    return finished(in, RouterSolicitation{});
}

void RouterSolicitation::emit(ByteWriter& out) const {
    write_nd_start(out, Icmpv6Type::router_solicitation);
    out.be32(0);
    write_options(out, options);
}

Result<RouterAdvertisement> RouterAdvertisement::parse(ByteReader& in) {
    RouterAdvertisement message;
    read_nd_start(in, Icmpv6Type::router_advertisement);
    message.hop_limit = in.u8();
    const std::uint8_t flags = in.u8();
    message.managed = (flags & advertisement_managed) != 0;
    message.other = (flags & advertisement_other) != 0;
    message.router_lifetime_seconds = in.be16();
    message.reachable_ms = in.be32();
    message.retransmit_ms = in.be32();
    return finished(in, std::move(message));
}

void RouterAdvertisement::emit(ByteWriter& out) const {
    write_nd_start(out, Icmpv6Type::router_advertisement);
    out.u8(hop_limit);
    out.u8(static_cast<std::uint8_t>((managed ? advertisement_managed : 0) |
                                     (other ? advertisement_other : 0)));
    out.be16(router_lifetime_seconds);
    out.be32(reachable_ms);
    out.be32(retransmit_ms);
    write_options(out, options);
}

Result<NeighbourSolicitation> NeighbourSolicitation::parse(ByteReader& in) {
    NeighbourSolicitation message;
    read_nd_start(in, Icmpv6Type::neighbour_solicitation);
    in.be32();
    message.target = Address::read(in);
    return finished(in, std::move(message));
}

void NeighbourSolicitation::emit(ByteWriter& out) const {
    write_nd_start(out, Icmpv6Type::neighbour_solicitation);
    out.be32(0);
    out.put(target.octets);
    write_options(out, options);
}

Result<NeighbourAdvertisement> NeighbourAdvertisement::parse(ByteReader& in) {
    NeighbourAdvertisement message;
    read_nd_start(in, Icmpv6Type::neighbour_advertisement);
    const std::uint32_t flags = in.be32();
    message.router = (flags & neighbour_router) != 0;
    message.solicited = (flags & neighbour_solicited) != 0;
    message.override_cache = (flags & neighbour_override) != 0;
    message.target = Address::read(in);
    return finished(in, std::move(message));
}

void NeighbourAdvertisement::emit(ByteWriter& out) const {
    write_nd_start(out, Icmpv6Type::neighbour_advertisement);
    out.be32((router ? neighbour_router : 0) | (solicited ? neighbour_solicited : 0) |
             (override_cache ? neighbour_override : 0));
    out.put(target.octets);
    write_options(out, options);
}

Result<Redirect> Redirect::parse(ByteReader& in) {
    Redirect message;
    read_nd_start(in, Icmpv6Type::redirect);
    in.be32();
    message.target = Address::read(in);
    message.destination = Address::read(in);
    return finished(in, std::move(message));
}

void Redirect::emit(ByteWriter& out) const {
    write_nd_start(out, Icmpv6Type::redirect);
    out.be32(0);
    out.put(target.octets);
    out.put(destination.octets);
    write_options(out, options);
}

Result<DuplicateAddress> DuplicateAddress::parse(ByteReader& in) {
    DuplicateAddress message;
    const std::uint8_t type = in.u8();
    // The low half of the code says how long the owner's field is, in 8 octets; zero is the form
    // without a transaction. [RFC 8505 §4.2]
    const std::uint8_t suffix = in.u8() & 0x0f;
    in.be16();
    message.confirmation = type == Icmpv6Type::duplicate_address_confirmation;
    if (in.ok() && !message.confirmation && type != Icmpv6Type::duplicate_address_request)
        in.fail(Fault::bad_value);
    if (in.ok() && suffix > 4) in.fail(Fault::unsupported);
    message.status = RegistrationStatus{in.u8()};
    const std::uint8_t transaction = in.u8();
    if (suffix != 0) message.transaction = transaction;
    message.lifetime_minutes = in.be16();
    const Bytes owner = in.take(suffix != 0 ? 8u * suffix : 8u);
    message.registered = Address::read(in);
    if (!in.ok()) return std::unexpected(in.error());
    message.owner.assign(owner);
    return message;
}

void DuplicateAddress::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(owner.size() >= 8 && owner.size() % 8 == 0 &&
                    (transaction || owner.size() == 8));
    write_nd_start(out,
                   confirmation ? Icmpv6Type::duplicate_address_confirmation
                                : Icmpv6Type::duplicate_address_request,
                   transaction ? static_cast<std::uint8_t>(owner.size() / 8) : std::uint8_t{0});
    out.u8(std::to_underlying(status));
    out.u8(transaction.value_or(0));
    out.be16(lifetime_minutes);
    out.put(owner.bytes());
    out.put(registered.octets);
}

// ---- validity -----------------------------------------------------------------------------------

namespace {

using Verdict = std::expected<Message, Refusal>;

template <class Format>
Verdict judged(const Icmpv6View& message, auto refusal_of) {
    auto parsed = parse_as<Format>(message.message);
    if (!parsed) return std::unexpected(Refusal::malformed);
    if (const std::optional<Refusal> why = refusal_of(*parsed)) return std::unexpected(*why);
    return Message(*std::move(parsed));
}

/// "If the IP source address is the unspecified address, there is no source link-layer address
/// option in the message." [RFC 4861 §6.1.1, §7.1.1]
std::optional<Refusal> nobody_has_no_link_address(const Envelope& envelope,
                                                  const Options& options) {
    if (envelope.source.is_unspecified() && find_link_address(options, false) != nullptr)
        return Refusal::source_link_address;
    return std::nullopt;
}

std::optional<Refusal> refusal_of(const Envelope& envelope, const NeighbourSolicitation& message) {
    if (message.target.is_multicast()) return Refusal::target;
    if (!envelope.source.is_unspecified()) return std::nullopt;
    // [RFC 4861 §7.1.1]: ff02::1:ff00:0/104, whichever target.
    if (envelope.target != solicited_node(envelope.target)) return Refusal::not_solicited_node;
    return nobody_has_no_link_address(envelope, message.options);
}

std::optional<Refusal> refusal_of(const Envelope& envelope, const NeighbourAdvertisement& message) {
    if (message.target.is_multicast()) return Refusal::target;  // [RFC 4861 §7.1.2]
    if (envelope.target.is_multicast() && message.solicited) return Refusal::solicited_group;
    return std::nullopt;
}

std::optional<Refusal> refusal_of(const Envelope& envelope, const Redirect& message) {
    if (!envelope.source.is_link_local()) return Refusal::source;  // [RFC 4861 §8.1]
    if (message.destination.is_multicast()) return Refusal::target;
    if (!message.target.is_link_local() && message.target != message.destination)
        return Refusal::target;
    return std::nullopt;
}

}  // namespace

std::string_view name_of(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::other_type:
            return "other type";
        case Refusal::hop_limit:
            return "hop limit";
        case Refusal::code:
            return "code";
        case Refusal::malformed:
            return "malformed";
        case Refusal::source:
            return "source";
        case Refusal::target:
            return "target";
        case Refusal::not_solicited_node:
            return "not solicited node";
        case Refusal::source_link_address:
            return "source link address";
        case Refusal::solicited_group:
            return "solicited group";
    }
    return "unknown refusal";
}

std::expected<Message, Refusal> receive(const Envelope& envelope, const Icmpv6View& message) {
    const Icmpv6Type type{message.type};
    // "MUST be ignored on receipt": hop limit and code. [RFC 6775 §4.4]
    if (type == Icmpv6Type::duplicate_address_request ||
        type == Icmpv6Type::duplicate_address_confirmation)
        return judged<DuplicateAddress>(message, [](auto&) { return std::optional<Refusal>(); });
    if (type < Icmpv6Type::router_solicitation || type > Icmpv6Type::redirect)
        return std::unexpected(Refusal::other_type);
    if (envelope.hop_limit != hop_limit) return std::unexpected(Refusal::hop_limit);
    if (message.code != 0) return std::unexpected(Refusal::code);
    switch (type) {
        case Icmpv6Type::router_solicitation:
            return judged<RouterSolicitation>(message, [&](const RouterSolicitation& m) {
                return nobody_has_no_link_address(envelope, m.options);
            });
        case Icmpv6Type::router_advertisement:
            return judged<RouterAdvertisement>(message, [&](auto&) {
                return envelope.source.is_link_local() ? std::optional<Refusal>()
                                                       : Refusal::source;  // [RFC 4861 §6.1.2]
            });
        case Icmpv6Type::neighbour_solicitation:
            return judged<NeighbourSolicitation>(
                message, [&](const NeighbourSolicitation& m) { return refusal_of(envelope, m); });
        case Icmpv6Type::neighbour_advertisement:
            return judged<NeighbourAdvertisement>(
                message, [&](const NeighbourAdvertisement& m) { return refusal_of(envelope, m); });
        default:
            return judged<Redirect>(message,
                                    [&](const Redirect& m) { return refusal_of(envelope, m); });
    }
}

}  // namespace causeway::ip::nd
