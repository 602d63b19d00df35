#pragma once
// A keyed hash of short texts for tables that strangers fill: without the key nobody can choose
// names that fall into one place. Its values are of use within one run only, and no order of an
// output may hang on them. It is no message authentication code.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace causeway {

class TextHash {
public:
    explicit constexpr TextHash(std::uint64_t seed) noexcept
        : first_(scrambled(seed + 0x9e3779b97f4a7c15u)),
          second_(scrambled(seed ^ 0xd1b54a32d192ed03u)) {}

    [[nodiscard]] std::uint64_t operator()(std::string_view text) const noexcept {
        const char* at = text.data();
        std::size_t left = text.size();
        // The key is in both factors, so that no block can be chosen to make one of them zero.
        std::uint64_t sum = first_ + left * 0x9e3779b97f4a7c15u;
        for (; left > 16; left -= 16, at += 16)
            sum = folded(load<std::uint64_t>(at) ^ sum, load<std::uint64_t>(at + 8) ^ second_);
        std::uint64_t low = 0;
        std::uint64_t high = 0;
        if (left >= 8) {
            low = load<std::uint64_t>(at);
            high = load<std::uint64_t>(at + left - 8);
        } else if (left >= 4) {
            low = load<std::uint32_t>(at);
            high = load<std::uint32_t>(at + left - 4);
        } else if (left > 0) {
            low = octet(at[0]);
            high = octet(at[left / 2]) << 8 | octet(at[left - 1]);
        }
        return folded(low ^ sum, high ^ second_);
    }

    /// Of a text that hashed to `of_text`, below something that is known by a number.
    [[nodiscard]] std::uint64_t joined(std::uint64_t of_text, std::uint64_t number) const noexcept {
        return folded(of_text ^ (number * 0x9e3779b97f4a7c15u), first_ | 1);
    }

private:
    template <class U>
    static U load(const char* from) noexcept {
        U value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
    static std::uint64_t octet(char c) noexcept { return static_cast<unsigned char>(c); }
    /// Both halves of the product, so that every bit of it counts.
    static std::uint64_t folded(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    static constexpr std::uint64_t scrambled(std::uint64_t z) noexcept {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    std::uint64_t first_;
    std::uint64_t second_;
};

}  // namespace causeway
