#pragma once
// A text that is owned in few octets: in place while it is short, on the heap when it is not. For
// tables of very many names; std::string takes 32 octets for one of any length.
#include "base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace causeway {

/// `Size` octets in all, two of them the length: up to 65,535, which is the longest text of MQTT.
/// A longer one is our bug, and asserts.
template <std::size_t Size>
class ShortText {
    static_assert(Size >= 2 + sizeof(char*) && Size % 2 == 0);

public:
    static constexpr std::size_t in_place_max = Size - 2;

    ShortText() noexcept {}
    explicit ShortText(std::string_view text) {
        CAUSEWAY_ASSERT(text.size() <= UINT16_MAX);
        length_ = static_cast<std::uint16_t>(text.size());
        char* to = place_;
        if (text.size() > in_place_max) {
            to = new char[text.size()];
            std::memcpy(place_, &to, sizeof to);
        }
        if (!text.empty()) std::memcpy(to, text.data(), text.size());
    }
    ShortText(ShortText&& other) noexcept { take(other); }
    ShortText& operator=(ShortText&& other) noexcept {
        if (this == &other) return *this;
        release();
        take(other);
        return *this;
    }
    ~ShortText() { release(); }

    [[nodiscard]] std::string_view view() const noexcept {
        return {length_ <= in_place_max ? place_ : away(), length_};
    }
    /// Octets on the heap.
    [[nodiscard]] std::size_t heap_octets() const noexcept {
        return length_ <= in_place_max ? 0 : length_;
    }

private:
    [[nodiscard]] char* away() const noexcept {
        char* at;
        std::memcpy(&at, place_, sizeof at);
        return at;
    }
    void release() noexcept {
        if (length_ > in_place_max) delete[] away();
    }
    void take(ShortText& other) noexcept {
        std::memcpy(place_, other.place_, sizeof place_);
        length_ = std::exchange(other.length_, std::uint16_t{0});
    }

    std::uint16_t length_ = 0;
    char place_[in_place_max] = {};
};

}  // namespace causeway
