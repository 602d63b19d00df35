#pragma once
// The value of a Block1 or Block2 option [RFC 7959 §2.2].
#include "coap/options.hpp"

namespace causeway::coap {

struct Block {
    std::uint32_t number = 0;  // NUM
    bool more = false;         // M
    std::uint8_t szx = 6;      // SZX

    static constexpr std::uint8_t szx_max = 6;
    static constexpr std::uint32_t number_max = (1u << 20) - 1;

    [[nodiscard]] constexpr std::size_t size() const noexcept { return std::size_t{16} << szx; }
    [[nodiscard]] constexpr std::size_t offset() const noexcept { return number * size(); }
    [[nodiscard]] constexpr std::uint32_t to_uint() const noexcept {
        return number << 4 | (more ? 8u : 0u) | szx;
    }

    friend bool operator==(const Block&, const Block&) = default;
};

[[nodiscard]] constexpr std::size_t block_octets(std::uint8_t szx) noexcept {
    return std::size_t{16} << szx;
}

/// A Block option as it stands in a message. `invalid`: the reserved size exponent 7, or a value
/// that does not fit three octets.
struct BlockOption {
    bool present = false;
    bool invalid = false;
    Block block;

    static BlockOption read(const Options& options, OptionNumber number) noexcept {
        BlockOption result;
        const auto value = options.find(number);
        if (!value) return result;
        result.present = true;
        const auto uint = Option{number, *value}.as_uint();
        if (!uint || value->size() > 3 || (*uint & 7u) > Block::szx_max) {
            result.invalid = true;
            return result;
        }
        result.block = {*uint >> 4, (*uint & 8u) != 0, static_cast<std::uint8_t>(*uint & 7u)};
        return result;
    }
};

}  // namespace causeway::coap
