#include "ip/checksum.hpp"

namespace causeway::ip {
namespace {

constexpr std::uint16_t fold(std::uint64_t sum) {
    sum = (sum & 0xffff'ffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

constexpr std::uint16_t to_network(std::uint16_t word) {
    return std::endian::native == std::endian::big ? word : std::byteswap(word);
}

/// The sum of the words as they are loaded: its byte order is put right once, at the end, as the
/// sum does not depend on it. [RFC 1071 §2 (B), (C)]
std::uint16_t loaded_sum(Bytes octets) {
    std::uint64_t sum = 0;
    const std::byte* at = octets.data();
    std::size_t left = octets.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t words;
        std::memcpy(&words, at, 8);
        sum += words;
        sum += sum < words ? 1u : 0u;  // the carry goes around
    }
    if (left == 0) return fold(sum);
    std::array<std::byte, 8> tail{};  // an odd octet counts as if a zero followed
    std::memcpy(tail.data(), at, left);
    std::uint64_t words;
    std::memcpy(&words, tail.data(), 8);
    sum += words;
    sum += sum < words ? 1u : 0u;
    return fold(sum);
}

}  // namespace

void ChecksumSum::add(Bytes piece) noexcept {
    const std::uint16_t part = loaded_sum(piece);
    // A piece that starts at an odd offset has its octets in the other half of each word.
    sum_ += odd_ ? std::byteswap(part) : part;
    odd_ ^= piece.size() % 2 != 0;
}

void ChecksumSum::add_be16(std::uint16_t word) noexcept {
    sum_ += to_network(word);
}

std::uint16_t ChecksumSum::sum() const noexcept {
    return to_network(fold(sum_));
}

std::uint16_t internet_checksum(Bytes octets) noexcept {
    ChecksumSum sum;
    sum.add(octets);
    return sum.checksum();
}

ChecksumSum pseudo_header_sum(const Address& source, const Address& target,
                              std::uint32_t upper_octets, std::uint8_t next_header) noexcept {
    ChecksumSum sum;
    sum.add(source.octets);
    sum.add(target.octets);
    sum.add_be16(static_cast<std::uint16_t>(upper_octets >> 16));
    sum.add_be16(static_cast<std::uint16_t>(upper_octets & 0xffff));
    sum.add_be16(next_header);
    return sum;
}

std::uint16_t upper_layer_checksum(const Address& source, const Address& target,
                                   std::uint8_t next_header, Bytes upper) noexcept {
    ChecksumSum sum =
        pseudo_header_sum(source, target, static_cast<std::uint32_t>(upper.size()), next_header);
    sum.add(upper);
    return sum.checksum();
}

std::uint16_t updated_checksum(std::uint16_t checksum, Bytes before, Bytes now) noexcept {
    CAUSEWAY_ASSERT(before.size() == now.size());
    ChecksumSum was;
    was.add(before);
    ChecksumSum is;
    is.add(now);
    return updated_checksum(checksum, was.sum(), is.sum());
}

}  // namespace causeway::ip
