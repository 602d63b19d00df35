#pragma once
// What ties a response to its request: up to 8 octets [RFC 7252 §5.3.1], held in place, or up to
// 65804 where both ends and whoever is between them take that [RFC 8974 §2].
#include "base/bytes.hpp"

namespace causeway::coap {

class Token {
public:
    static constexpr std::size_t capacity = 65804;
    static constexpr std::size_t short_octets = 8;  // what everybody takes

    Token() noexcept : short_{} {}
    /// Octets from outside are measured first.
    explicit Token(Bytes from) : short_{} { assign(from); }
    Token(const Token& other) : short_{} { assign(other.bytes()); }
    Token(Token&& other) noexcept : short_{} { swap(other); }
    Token& operator=(const Token& other) {
        if (this != &other) assign(other.bytes());
        return *this;
    }
    Token& operator=(Token&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Token() { clear(); }

    void assign(Bytes from) {
        CAUSEWAY_ASSERT(from.size() <= capacity);
        std::byte* const fresh = from.size() > short_octets ? new std::byte[from.size()] : nullptr;
        clear();
        if (fresh != nullptr) long_ = fresh;
        size_ = static_cast<std::uint32_t>(from.size());
        if (!from.empty()) std::memcpy(data(), from.data(), from.size());
    }
    void clear() noexcept {
        if (size_ > short_octets) delete[] long_;
        size_ = 0;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] const std::byte* data() const noexcept {
        return size_ > short_octets ? long_ : short_;
    }
    [[nodiscard]] std::byte operator[](std::size_t at) const noexcept { return data()[at]; }
    [[nodiscard]] const std::byte* begin() const noexcept { return data(); }
    [[nodiscard]] const std::byte* end() const noexcept { return data() + size_; }
    [[nodiscard]] Bytes bytes() const noexcept { return {data(), size_}; }

    friend bool operator==(const Token& a, const Token& b) noexcept {
        return same(a.bytes(), b.bytes());
    }

private:
    [[nodiscard]] std::byte* data() noexcept { return size_ > short_octets ? long_ : short_; }
    void swap(Token& other) noexcept {
        std::swap(size_, other.size_);
        std::byte mine[short_octets];
        std::memcpy(mine, short_, sizeof mine);
        std::memcpy(short_, other.short_, sizeof mine);
        std::memcpy(other.short_, mine, sizeof mine);
    }

    std::uint32_t size_ = 0;
    union {
        std::byte short_[short_octets];
        std::byte* long_;
    };
};

static_assert(sizeof(std::byte*) <= Token::short_octets);

}  // namespace causeway::coap
