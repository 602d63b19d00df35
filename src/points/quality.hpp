#pragma once
// How far a value may be trusted: the flags of DNP3 objects [IEEE 1815 §11.6] and the quality
// descriptors of IEC 60870-5 [IEC 60870-5-101 §7.2.6.3] side by side, so that neither loses any on
// its way through the point table. A point with none of them is good.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace causeway::points {

enum class Flag : std::uint16_t {
    offline = 1 << 0,           // DNP3: ONLINE is not set
    restart = 1 << 1,           // not measured since the device started
    comm_lost = 1 << 2,         // the last value before whoever measures it was lost
    remote_forced = 1 << 3,     // put in by hand, further down
    local_forced = 1 << 4,      // put in by hand, at the device
    over_range = 1 << 5,        // DNP3 OVER_RANGE; IEC OV
    chatter = 1 << 6,           // changes too fast to be reported: DNP3 CHATTER_FILTER
    discontinuity = 1 << 7,     // a counter that cannot be compared with what it was; IEC CA
    invalid = 1 << 8,           // IEC IV
    blocked = 1 << 9,           // IEC BL
    substituted = 1 << 10,      // IEC SB
    not_topical = 1 << 11,      // IEC NT: the last refresh did not succeed
    reference_error = 1 << 12,  // DNP3 REFERENCE_ERR: the converter's reference has drifted
    rollover = 1 << 13,         // a counter went past its end; IEC CY
    never_known = 1 << 14,      // no source has said anything yet
};

class Quality {
public:
    constexpr Quality() = default;
    constexpr Quality(Flag flag) : bits_(std::to_underlying(flag)) {}
    [[nodiscard]] static constexpr Quality from_bits(std::uint16_t bits) {
        Quality quality;
        quality.bits_ = bits;
        return quality;
    }

    [[nodiscard]] constexpr bool good() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr bool has(Flag flag) const noexcept {
        return (bits_ & std::to_underlying(flag)) != 0;
    }
    [[nodiscard]] constexpr std::uint16_t bits() const noexcept { return bits_; }
    constexpr Quality& set(Flag flag, bool on = true) noexcept {
        const auto bit = std::to_underlying(flag);
        bits_ = static_cast<std::uint16_t>(on ? bits_ | bit : bits_ & ~bit);
        return *this;
    }
    friend constexpr Quality operator|(Quality a, Quality b) noexcept {
        return from_bits(static_cast<std::uint16_t>(a.bits_ | b.bits_));
    }
    friend constexpr bool operator==(Quality, Quality) = default;

private:
    std::uint16_t bits_ = 0;
};

/// "good", "comm_lost", "restart,offline": in the order of the bits.
[[nodiscard]] std::string to_text(Quality quality);
/// The other way; none where a word is no flag.
[[nodiscard]] std::optional<Quality> quality_from_text(std::string_view text);
[[nodiscard]] std::string_view name_of(Flag flag) noexcept;

}  // namespace causeway::points
