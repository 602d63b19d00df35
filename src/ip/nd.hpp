#pragma once
// Neighbour discovery messages and which of them are valid. [RFC 4861 §4, §6.1, §7.1, §8.1;
// duplicate address messages: RFC 6775 §4.4, RFC 8505 §4.2]
// Formats only: caches, timers and registration are engines elsewhere. Whether a redirect comes
// from the current first hop [RFC 4861 §8.1] is for whoever knows that hop.
//
// Like the messages of icmpv6.hpp, these are whole ICMPv6 messages, less their checksum.
#include "ip/icmpv6.hpp"
#include "ip/nd_options.hpp"

#include <expected>
#include <string_view>
#include <variant>

namespace causeway::ip::nd {

/// [RFC 4861 §4.1]
struct RouterSolicitation {
    Options options{};

    static Result<RouterSolicitation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 8 + nd::wire_size(options); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const RouterSolicitation&, const RouterSolicitation&) = default;
};
static_assert(Repr<RouterSolicitation>);

/// [RFC 4861 §4.2] Zero stands for "unspecified by this router" in hop limit and timers.
struct RouterAdvertisement {
    std::uint8_t hop_limit = 0;
    bool managed = false;  // M
    bool other = false;    // O
    std::uint16_t router_lifetime_seconds = 0;
    std::uint32_t reachable_ms = 0;
    std::uint32_t retransmit_ms = 0;
    Options options{};

    static Result<RouterAdvertisement> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 16 + nd::wire_size(options); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const RouterAdvertisement&, const RouterAdvertisement&) = default;
};
static_assert(Repr<RouterAdvertisement>);

/// [RFC 4861 §4.3]
struct NeighbourSolicitation {
    Address target{};
    Options options{};

    static Result<NeighbourSolicitation> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 24 + nd::wire_size(options); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const NeighbourSolicitation&, const NeighbourSolicitation&) = default;
};
static_assert(Repr<NeighbourSolicitation>);

/// [RFC 4861 §4.4]
struct NeighbourAdvertisement {
    bool router = false;
    bool solicited = false;
    bool override_cache = false;
    Address target{};
    Options options{};

    static Result<NeighbourAdvertisement> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 24 + nd::wire_size(options); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const NeighbourAdvertisement&, const NeighbourAdvertisement&) = default;
};
static_assert(Repr<NeighbourAdvertisement>);

/// [RFC 4861 §4.5]
struct Redirect {
    Address target{};       // the better first hop
    Address destination{};  // for packets to it
    Options options{};

    static Result<Redirect> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 40 + nd::wire_size(options); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Redirect&, const Redirect&) = default;
};
static_assert(Repr<Redirect>);

/// Duplicate address request or confirmation: what a 6LR and the 6LBR ask each other, over many
/// hops. [RFC 6775 §4.4; extended by a transaction: RFC 8505 §4.2]
struct DuplicateAddress {
    bool confirmation = false;
    RegistrationStatus status = RegistrationStatus::success;
    std::optional<std::uint8_t> transaction{};  // the extended form has one
    std::uint16_t lifetime_minutes = 0;
    InplaceBytes<32> owner{};  // 8 octets; in the extended form 8, 16, 24 or 32
    Address registered{};

    static Result<DuplicateAddress> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 24 + owner.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const DuplicateAddress&, const DuplicateAddress&) = default;
};
static_assert(Repr<DuplicateAddress>);

using Message = std::variant<RouterSolicitation, RouterAdvertisement, NeighbourSolicitation,
                             NeighbourAdvertisement, Redirect, DuplicateAddress>;

/// The IPv6 header's share in whether a message is valid.
struct Envelope {
    Address source{};
    Address target{};
    std::uint8_t hop_limit = 0;
};

/// Why a message is silently discarded.
enum class Refusal : std::uint8_t {
    other_type,           // not a neighbour discovery message
    hop_limit,            // not 255: it may have come through a router
    code,                 // not zero
    malformed,            // too short, an option of length zero, too many options
    source,               // a router has to speak from a link-local address
    target,               // its target is a group, or a redirect's is no first hop
    not_solicited_node,   // duplicate detection goes to the solicited-node group
    source_link_address,  // from nobody, yet with a link-layer address
    solicited_group,      // the solicited flag, to a group
};
[[nodiscard]] std::string_view name_of(Refusal refusal) noexcept;

/// The message, if it is valid. Its checksum was judged by parse_icmpv6(). Neither hop limit nor
/// code count in duplicate address messages. [RFC 4861 §6.1, §7.1, §8.1; RFC 6775 §4.4]
[[nodiscard]] std::expected<Message, Refusal> receive(const Envelope& envelope,
                                                      const Icmpv6View& message);

/// Every message of RFC 4861 travels with this hop limit.
inline constexpr std::uint8_t hop_limit = 255;
/// MULTIHOP_HOPLIMIT, of duplicate address messages. [RFC 6775 §9]
inline constexpr std::uint8_t multihop_hop_limit = 64;

}  // namespace causeway::ip::nd
