#pragma once
// ICMPv6 messages: errors, echo, and the frame that other protocols put theirs into.
// [RFC 4443 §2.1, §3, §4; code 7 of destination unreachable: RFC 6550 §20.18]
//
// A typed message is a whole ICMPv6 message, from its type octet on. Its checksum is not part of
// its value: parse() skips it (parse_icmpv6() has judged it) and emit() leaves zero in its place
// (make_icmpv6_packet() fills it in, as it knows the addresses).
#include "base/repr.hpp"
#include "ip/ipv6.hpp"

namespace causeway::ip {

enum class Icmpv6Type : std::uint8_t {
    destination_unreachable = 1,
    packet_too_big = 2,
    time_exceeded = 3,
    parameter_problem = 4,
    echo_request = 128,
    echo_reply = 129,
    router_solicitation = 133,
    router_advertisement = 134,
    neighbour_solicitation = 135,
    neighbour_advertisement = 136,
    redirect = 137,
    rpl_control = 155,
    duplicate_address_request = 157,
    duplicate_address_confirmation = 158,
};
[[nodiscard]] constexpr bool operator==(std::uint8_t octet, Icmpv6Type name) noexcept {
    return octet == std::to_underlying(name);
}
/// Errors have types below 128. [RFC 4443 §2.1]
[[nodiscard]] constexpr bool is_icmpv6_error(std::uint8_t type) noexcept {
    return type < 128;
}

/// [RFC 4443 §3.1]
enum class UnreachableCode : std::uint8_t {
    no_route = 0,
    prohibited = 1,
    beyond_scope = 2,
    address_unreachable = 3,
    port_unreachable = 4,
    source_policy = 5,
    reject_route = 6,
    source_routing_header = 7,  // [RFC 6550 §20.18]
};
/// [RFC 4443 §3.3]
enum class TimeExceededCode : std::uint8_t { hop_limit = 0, reassembly = 1 };
/// [RFC 4443 §3.4]
enum class ParameterProblemCode : std::uint8_t {
    erroneous_field = 0,
    unknown_next_header = 1,
    unknown_option = 2,
    incomplete_first_fragment = 3,  // [RFC 8200 §4.5]
};

/// Any message: `body` is what follows the checksum.
struct Icmpv6Message {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    Octets body{};

    static Result<Icmpv6Message> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 4 + body.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Icmpv6Message&, const Icmpv6Message&) = default;
};
static_assert(Repr<Icmpv6Message>);

/// [RFC 4443 §4.1, §4.2]
struct Echo {
    bool reply = false;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    Octets data{};

    static Result<Echo> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + data.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Echo&, const Echo&) = default;
};
static_assert(Repr<Echo>);

// The errors. `invoking` is as much of the packet in question as came along. An unknown code is
// kept as it is: the receiver decides what it makes of it.

/// [RFC 4443 §3.1]
struct DestinationUnreachable {
    UnreachableCode code = UnreachableCode::no_route;
    Octets invoking{};

    static Result<DestinationUnreachable> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + invoking.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const DestinationUnreachable&, const DestinationUnreachable&) = default;
};
static_assert(Repr<DestinationUnreachable>);

/// [RFC 4443 §3.2]
struct PacketTooBig {
    std::uint32_t mtu = mtu_min;
    Octets invoking{};

    static Result<PacketTooBig> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + invoking.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const PacketTooBig&, const PacketTooBig&) = default;
};
static_assert(Repr<PacketTooBig>);

/// [RFC 4443 §3.3]
struct TimeExceeded {
    TimeExceededCode code = TimeExceededCode::hop_limit;
    Octets invoking{};

    static Result<TimeExceeded> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + invoking.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const TimeExceeded&, const TimeExceeded&) = default;
};
static_assert(Repr<TimeExceeded>);

/// [RFC 4443 §3.4]
struct ParameterProblem {
    ParameterProblemCode code = ParameterProblemCode::erroneous_field;
    std::uint32_t pointer = 0;  // octets into the invoking packet; may lie past what came along
    Octets invoking{};

    static Result<ParameterProblem> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + invoking.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const ParameterProblem&, const ParameterProblem&) = default;
};
static_assert(Repr<ParameterProblem>);

/// A message whose checksum was right, borrowed.
struct Icmpv6View {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    Bytes body{};     // what follows the checksum
    Bytes message{};  // all of it, for parse_as<Echo> and its like
};

/// `message` is what stands behind the last IPv6 header. Faults: truncated, bad_checksum.
[[nodiscard]] Result<Icmpv6View> parse_icmpv6(const Address& source, const Address& target,
                                              Bytes message);

/// A complete IPv6 packet. `body` is what follows the checksum.
[[nodiscard]] Octets make_icmpv6_packet(const Address& source, const Address& target,
                                        std::uint8_t hop_limit, std::uint8_t type,
                                        std::uint8_t code, Bytes body);

/// An IPv6 header for an ICMPv6 message of `octets`, and zeros where that will stand.
[[nodiscard]] Octets icmpv6_frame(const Address& source, const Address& target,
                                  std::uint8_t hop_limit, std::size_t octets);
/// Fills in the checksum of a packet made from icmpv6_frame().
void seal_icmpv6(MutableBytes packet);

/// The same for a typed message.
template <Repr Message>
[[nodiscard]] Octets make_icmpv6_packet(const Address& source, const Address& target,
                                        std::uint8_t hop_limit, const Message& message) {
    Octets packet = icmpv6_frame(source, target, hop_limit, message.wire_size());
    ByteWriter out(MutableBytes(packet).subspan(Ipv6Header::octets));
    message.emit(out);
    seal_icmpv6(packet);
    return packet;
}

}  // namespace causeway::ip
