#pragma once
// The value of a Block1 or Block2 option [RFC 7959 §2.2], over reliable transports with the size
// exponent 7, which says that a message carries several blocks of 1024 octets: BERT [RFC 8323 §6].
#include "coap/options.hpp"

#include <algorithm>

namespace causeway::coap {

/// The unit that block numbers count. With size exponent 7 that is what it is with 6.
[[nodiscard]] constexpr std::size_t block_octets(std::uint8_t szx) noexcept {
    return std::size_t{16} << std::min(szx, std::uint8_t{6});
}

struct Block {
    std::uint32_t number = 0;  // NUM
    bool more = false;         // M
    std::uint8_t szx = 6;      // SZX

    static constexpr std::uint8_t szx_max = 6;
    static constexpr std::uint8_t bert = 7;
    static constexpr std::uint32_t number_max = (1u << 20) - 1;

    [[nodiscard]] constexpr std::size_t size() const noexcept { return block_octets(szx); }
    [[nodiscard]] constexpr std::size_t offset() const noexcept { return number * size(); }
    [[nodiscard]] constexpr std::uint32_t to_uint() const noexcept {
        return number << 4 | (more ? 8u : 0u) | szx;
    }
    /// Whether a payload of so many octets may stand in it: where others follow, a block is full.
    [[nodiscard]] constexpr bool may_hold(std::size_t octets) const noexcept {
        if (szx == bert) return !more || (octets != 0 && octets % size() == 0);
        return !more || octets == size();
    }

    friend bool operator==(const Block&, const Block&) = default;
};

/// A Block option as it stands in a message. `invalid`: a value that does not fit three octets, or
/// the size exponent 7 where it is reserved, which it is over datagrams.
struct BlockOption {
    bool present = false;
    bool invalid = false;
    Block block;

    static BlockOption read(const Options& options, OptionNumber number,
                            bool bert_allowed = false) noexcept {
        BlockOption result;
        const auto value = options.find(number);
        if (!value) return result;
        result.present = true;
        const auto uint = Option{number, *value}.as_uint();
        const std::uint8_t szx_limit = bert_allowed ? Block::bert : Block::szx_max;
        if (!uint || value->size() > 3 || (*uint & 7u) > szx_limit) {
            result.invalid = true;
            return result;
        }
        result.block = {*uint >> 4, (*uint & 8u) != 0, static_cast<std::uint8_t>(*uint & 7u)};
        return result;
    }
};

}  // namespace causeway::coap
