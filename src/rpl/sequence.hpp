#pragma once
// RPL's "lollipop" counters: DODAGVersionNumber, DTSN, DAOSequence and Path Sequence.
// [RFC 6550 §7.2]: a straight stick of 128..255 that a counter starts on, then a circle of 0..127,
// so that a node that has just restarted is told from one that has been counting for long.
#include <compare>
#include <cstdint>

namespace causeway::rpl {

/// SEQUENCE_WINDOW: counters further apart than this say nothing about each other.
inline constexpr int sequence_window = 16;

enum class SequenceOrder : std::uint8_t { older, same, newer, incomparable };

class Sequence {
public:
    /// "A recommended value is 240 (256 - SEQUENCE_WINDOW)." [RFC 6550 §7.2]
    constexpr Sequence() noexcept = default;
    explicit constexpr Sequence(std::uint8_t value) noexcept : value_(value) {}

    [[nodiscard]] constexpr std::uint8_t value() const noexcept { return value_; }

    /// 255 and 127 are both followed by zero. [RFC 6550 §7.2, rule 2]
    [[nodiscard]] constexpr Sequence next() const noexcept {
        return Sequence(value_ == 255 || value_ == 127 ? std::uint8_t{0}
                                                       : static_cast<std::uint8_t>(value_ + 1));
    }

    /// How this counter stands to `other`. [RFC 6550 §7.2, rule 3]
    /// On the circle the distance is taken modulo 128, as RFC 1982 does: taken literally, "absolute
    /// magnitude of difference" would make every wrap from 127 to 0 a desynchronization.
    [[nodiscard]] constexpr SequenceOrder order(Sequence other) const noexcept {
        const int a = value_;
        const int b = other.value_;
        if (a == b) return SequenceOrder::same;
        const bool a_on_stick = a >= 128;
        const bool b_on_stick = b >= 128;
        if (a_on_stick && !b_on_stick)
            return 256 + b - a <= sequence_window ? SequenceOrder::older : SequenceOrder::newer;
        if (!a_on_stick && b_on_stick)
            return 256 + a - b <= sequence_window ? SequenceOrder::newer : SequenceOrder::older;
        int ahead = a - b;
        if (!a_on_stick) {
            if (ahead > 64) ahead -= 128;
            if (ahead < -64) ahead += 128;
        }
        if (ahead > sequence_window || ahead < -sequence_window) return SequenceOrder::incomparable;
        return ahead > 0 ? SequenceOrder::newer : SequenceOrder::older;
    }
    [[nodiscard]] constexpr bool newer_than(Sequence other) const noexcept {
        return order(other) == SequenceOrder::newer;
    }

    friend bool operator==(Sequence, Sequence) = default;

private:
    std::uint8_t value_ = 240;
};

}  // namespace causeway::rpl
