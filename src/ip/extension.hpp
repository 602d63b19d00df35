#pragma once
// IPv6 extension headers: the walk along their chain, options and their padding, and the headers
// as values. [RFC 8200 §4]
// Left out: reassembly of fragments (reassembly.hpp), and what is inside authentication and ESP
// headers, where the walk ends as at an upper layer. Routing types and options have their meaning
// elsewhere.
#include "base/repr.hpp"
#include "ip/ipv6.hpp"

#include <optional>
#include <vector>

namespace causeway::ip {

/// A chain longer than this is refused (unsupported).
inline constexpr std::size_t extension_headers_max = 8;
/// More options in one header, interior padding included, are refused (unsupported).
inline constexpr std::size_t options_max = 32;

// ---- the chain -----------------------------------------------------------------------------

/// One extension header of a packet. Offsets count from the start of the IPv6 header.
struct Extension {
    std::uint8_t type = 0;
    std::uint8_t next_header = 0;
    std::size_t offset = 0;
    std::size_t size = 0;
    std::size_t named_at = 0;  // offset of the Next Header octet that says `type`
};

/// What the chain ends in.
struct UpperLayer {
    std::uint8_t next_header = 0;
    std::size_t offset = 0;    // from the start of the IPv6 header
    std::size_t named_at = 6;  // where a parameter problem points
    friend bool operator==(const UpperLayer&, const UpperLayer&) = default;
};

/// Goes from header to header of a packet (at least the 40 octets of its IPv6 header), as far as
/// headers have a known shape. It stops at a hop-by-hop header that is not the first, which is
/// "unrecognized" there [RFC 8200 §4], and at the fragment header of any but a first fragment,
/// behind which there is no header.
class ExtensionWalk {
public:
    explicit ExtensionWalk(Bytes packet) noexcept;
    /// For a chain that starts elsewhere: `first` is the type of the header at `offset`.
    ExtensionWalk(Bytes packet, std::uint8_t first, std::size_t offset) noexcept;

    /// nullopt at the end of the chain, or of what can be understood: ask ok().
    std::optional<Extension> next() noexcept;
    [[nodiscard]] bool ok() const noexcept { return fault_ == Fault::none; }
    [[nodiscard]] WireError error() const noexcept {
        return {fault_, static_cast<std::uint32_t>(here_.offset)};
    }
    /// Where the walk stands: the upper layer, once next() has said nullopt and ok() is true.
    [[nodiscard]] UpperLayer upper_layer() const noexcept { return here_; }

private:
    Bytes packet_;
    UpperLayer here_;
    std::size_t seen_ = 0;
    Fault fault_ = Fault::none;
};

/// To the end of the chain at once. Faults: truncated, bad_version, unsupported (too long).
[[nodiscard]] Result<UpperLayer> find_upper_layer(Bytes packet) noexcept;

// ---- options -------------------------------------------------------------------------------

inline constexpr std::uint8_t option_pad1 = 0;
inline constexpr std::uint8_t option_padn = 1;

/// What a node does that does not know an option. [RFC 8200 §4.2]
enum class UnknownOption : std::uint8_t {
    skip = 0,
    discard = 1,
    report = 2,                   // discard, and send a parameter problem, code 2
    report_unless_multicast = 3,  // the same, unless the packet was for a group
};
[[nodiscard]] constexpr UnknownOption action_for_unknown(std::uint8_t option_type) noexcept {
    return UnknownOption(option_type >> 6);
}
/// The option's data may change on the way. [RFC 8200 §4.2]
[[nodiscard]] constexpr bool changes_en_route(std::uint8_t option_type) noexcept {
    return (option_type & 0x20) != 0;
}

/// An option in place, borrowed.
struct OptionView {
    std::uint8_t type = 0;
    Bytes data{};
    std::size_t offset = 0;  // of the type octet, from the start of what the reader was given

    [[nodiscard]] bool is_padding() const noexcept { return type <= option_padn; }
};

/// Goes through the options area of a header, which starts at the header's third octet. Padding is
/// handed out as well.
class OptionReader {
public:
    explicit OptionReader(Bytes options) noexcept : in_(options) {}
    /// The options of a whole hop-by-hop or destination options header; offsets then count from
    /// the start of that header.
    static OptionReader over_header(Bytes header) noexcept;

    std::optional<OptionView> next() noexcept;
    [[nodiscard]] bool ok() const noexcept { return in_.ok(); }
    [[nodiscard]] WireError error() const noexcept { return in_.error(); }

private:
    ByteReader in_;
};

struct Option {
    std::uint8_t type = 0;
    Octets data{};  // 255 octets at most; empty for Pad1

    [[nodiscard]] bool is_padding() const noexcept { return type <= option_padn; }
    [[nodiscard]] std::size_t wire_size() const noexcept {
        return type == option_pad1 ? 1 : 2 + data.size();
    }
    void emit(ByteWriter& out) const;
    friend bool operator==(const Option&, const Option&) = default;
};

/// One Pad1 or PadN of `octets` (at least 1, at most 257). [RFC 8200 §4.2]
[[nodiscard]] Option padding(std::size_t octets);
/// Writes `octets` of padding, or nothing for zero.
void write_padding(ByteWriter& out, std::size_t octets);
/// Octets from `at` up to the next place that is `multiple` * n + `plus`.
[[nodiscard]] constexpr std::size_t padding_to(std::size_t at, std::size_t multiple,
                                               std::size_t plus = 0) noexcept {
    return (multiple + plus % multiple - at % multiple) % multiple;
}
/// Appends `option` at a place of the header that is `multiple` * n + `plus`, behind padding where
/// needed. [RFC 8200 §4.2]
void append_aligned(std::vector<Option>& options, Option option, std::size_t multiple,
                    std::size_t plus = 0);

// ---- headers -------------------------------------------------------------------------------

/// A hop-by-hop or destination options header. Padding between options is an option like others
/// and kept; padding behind the last one is not part of the value: parse() drops it and emit()
/// makes what is needed.
template <NextHeader Type>
struct OptionsHeader {
    static constexpr NextHeader type = Type;

    std::uint8_t next_header = std::to_underlying(NextHeader::none);
    std::vector<Option> options{};

    static Result<OptionsHeader> parse(ByteReader& in);
    /// A multiple of 8, at most 2048.
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const OptionsHeader&, const OptionsHeader&) = default;
};
extern template struct OptionsHeader<NextHeader::hop_by_hop>;
extern template struct OptionsHeader<NextHeader::destination_options>;
using HopByHop = OptionsHeader<NextHeader::hop_by_hop>;
using DestinationOptions = OptionsHeader<NextHeader::destination_options>;
static_assert(Repr<HopByHop> && Repr<DestinationOptions>);

/// Any routing header; what `data` means depends on `type`. [RFC 8200 §4.4]
struct RoutingHeader {
    std::uint8_t next_header = std::to_underlying(NextHeader::none);
    std::uint8_t type = 0;
    std::uint8_t segments_left = 0;
    Octets data = Octets(4);  // 4 octets more than a multiple of 8

    static Result<RoutingHeader> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return 4 + data.size(); }
    void emit(ByteWriter& out) const;
    friend bool operator==(const RoutingHeader&, const RoutingHeader&) = default;
};
static_assert(Repr<RoutingHeader>);

/// [RFC 8200 §4.5]
struct FragmentHeader {
    static constexpr std::size_t octets = 8;

    std::uint8_t next_header = std::to_underlying(NextHeader::none);
    std::uint16_t offset = 0;  // octets, a multiple of 8
    bool more = false;
    std::uint32_t identification = 0;

    /// Nothing before it and nothing after it: not a fragment at all.
    [[nodiscard]] bool is_whole() const noexcept { return offset == 0 && !more; }

    static Result<FragmentHeader> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return octets; }
    void emit(ByteWriter& out) const;
    friend bool operator==(const FragmentHeader&, const FragmentHeader&) = default;
};
static_assert(Repr<FragmentHeader>);

}  // namespace causeway::ip
