#pragma once
#include "base/bytes.hpp"

#include <array>

namespace causeway {

/// At most `Capacity` octets, held in place: what a radio frame or a token is, with no allocation.
/// Growing past the capacity is our bug and asserts; octets from outside are measured first.
template <std::size_t Capacity>
class InplaceBytes {
    static_assert(Capacity < 65536);

public:
    static constexpr std::size_t capacity = Capacity;

    constexpr InplaceBytes() noexcept {}
    explicit InplaceBytes(Bytes from) { assign(from); }
    InplaceBytes(const InplaceBytes& other) noexcept { copy(other); }
    InplaceBytes& operator=(const InplaceBytes& other) noexcept {
        if (this != &other) copy(other);
        return *this;
    }

    void assign(Bytes from) {
        CAUSEWAY_ASSERT(from.size() <= Capacity);
        if (!from.empty()) std::memmove(octets_.data(), from.data(), from.size());
        size_ = static_cast<std::uint16_t>(from.size());
    }
    void append(Bytes more) {
        CAUSEWAY_ASSERT(more.size() <= Capacity - size_);
        if (!more.empty()) std::memcpy(octets_.data() + size_, more.data(), more.size());
        size_ = static_cast<std::uint16_t>(size_ + more.size());
    }
    /// New octets, if any, have no value yet: the caller writes them next.
    void resize(std::size_t n) {
        CAUSEWAY_ASSERT(n <= Capacity);
        size_ = static_cast<std::uint16_t>(n);
    }
    void clear() noexcept { size_ = 0; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] const std::byte* data() const noexcept { return octets_.data(); }
    [[nodiscard]] std::byte* data() noexcept { return octets_.data(); }
    [[nodiscard]] std::byte operator[](std::size_t at) const noexcept { return octets_[at]; }
    [[nodiscard]] std::byte& operator[](std::size_t at) noexcept { return octets_[at]; }
    [[nodiscard]] auto begin() const noexcept { return octets_.begin(); }
    [[nodiscard]] auto end() const noexcept { return octets_.begin() + size_; }
    [[nodiscard]] Bytes bytes() const noexcept { return {octets_.data(), size_}; }
    [[nodiscard]] MutableBytes mutable_bytes() noexcept { return {octets_.data(), size_}; }

    friend bool operator==(const InplaceBytes& a, const InplaceBytes& b) noexcept {
        return same(a.bytes(), b.bytes());
    }

private:
    void copy(const InplaceBytes& other) noexcept {  // only what is used: frames are mostly short
        size_ = other.size_;
        std::memcpy(octets_.data(), other.octets_.data(), size_);
    }

    std::uint16_t size_ = 0;
    std::array<std::byte, Capacity> octets_;
};

}  // namespace causeway
