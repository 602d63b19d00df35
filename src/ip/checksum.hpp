#pragma once
// The internet checksum: the one's complement of a one's complement sum of 16-bit words.
// [RFC 1071 §1, §2; RFC 1624 §3; RFC 8200 §8.1]
#include "ip/address.hpp"

namespace causeway::ip {

/// Adds pieces up, of any length and in the order they are sent.
class ChecksumSum {
public:
    void add(Bytes piece) noexcept;
    /// One 16-bit word; only where an even number of octets came before it.
    void add_be16(std::uint16_t word) noexcept;
    /// The sum, folded; not yet complemented.
    [[nodiscard]] std::uint16_t sum() const noexcept;
    /// What stands in the checksum field. Zero over data with a right checksum in it.
    [[nodiscard]] std::uint16_t checksum() const noexcept {
        return static_cast<std::uint16_t>(~sum());
    }

private:
    std::uint64_t sum_ = 0;  // of words as this machine loads them
    bool odd_ = false;       // an odd number of octets so far
};

/// Of octets whose checksum field is zero: what belongs into it. Of octets with a right checksum
/// in them: zero.
[[nodiscard]] std::uint16_t internet_checksum(Bytes octets) noexcept;

/// The pseudo-header's part of a sum. [RFC 8200 §8.1]
[[nodiscard]] ChecksumSum pseudo_header_sum(const Address& source, const Address& target,
                                            std::uint32_t upper_octets,
                                            std::uint8_t next_header) noexcept;

/// internet_checksum() of the pseudo-header with the whole upper-layer packet behind it.
[[nodiscard]] std::uint16_t upper_layer_checksum(const Address& source, const Address& target,
                                                 std::uint8_t next_header, Bytes upper) noexcept;

/// A checksum after one 16-bit word under it changed from `before` to `now`. [RFC 1624 §3, Eqn. 3]
[[nodiscard]] constexpr std::uint16_t updated_checksum(std::uint16_t checksum, std::uint16_t before,
                                                       std::uint16_t now) noexcept {
    std::uint32_t sum = static_cast<std::uint16_t>(~checksum);
    sum += static_cast<std::uint16_t>(~before);
    sum += now;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

/// The same for octets that changed, which start at an even offset and are as long before as after.
[[nodiscard]] std::uint16_t updated_checksum(std::uint16_t checksum, Bytes before,
                                             Bytes now) noexcept;

}  // namespace causeway::ip
