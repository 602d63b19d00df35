#pragma once
// The value of the OSCORE option: the headers of a compressed COSE object. [RFC 8613 §6.1]
#include "base/inplace_bytes.hpp"
#include "base/repr.hpp"

#include <optional>

namespace causeway::secure {

/// A Partial IV as it stands on the wire, 1 to 5 octets; none: empty. [RFC 8613 §5, §6.1]
using PartialIv = InplaceBytes<5>;

inline constexpr std::uint64_t sequence_max = (std::uint64_t{1} << 40) - 1;  // [RFC 8613 §7.2.1]

/// Without leading zeros, zero itself being one octet. [RFC 8613 §5]
[[nodiscard]] PartialIv partial_iv_of(std::uint64_t sequence);
[[nodiscard]] std::uint64_t sequence_of(Bytes partial_iv) noexcept;

struct OscoreOption {
    PartialIv partial_iv;
    std::optional<Octets> kid_context;
    std::optional<Octets> kid;

    static constexpr std::size_t octets_max = 255;  // [RFC 8613 §2]

    /// Reads to the end. bad_value: a reserved flag or length.
    static Result<OscoreOption> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;

    friend bool operator==(const OscoreOption&, const OscoreOption&) = default;
};

static_assert(Repr<OscoreOption>);

/// The same, borrowed from the message: what the hot path reads.
struct OscoreOptionView {
    Bytes partial_iv;
    std::optional<Bytes> kid_context;
    std::optional<Bytes> kid;

    static Result<OscoreOptionView> parse(ByteReader& in);
};

}  // namespace causeway::secure
