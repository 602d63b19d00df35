#pragma once
#include "base/assert.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace causeway {

/// A bounded list held in place, for small tables whose limit has a name. The caller asks full()
/// before push_back(): what to do when a table is full is a decision, never an accident.
/// `T` is default constructible; elements past size() keep whatever they last held.
template <class T, std::size_t Capacity>
class InplaceVector {
public:
    static constexpr std::size_t capacity = Capacity;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool full() const noexcept { return size_ == Capacity; }

    T& push_back(T value) {
        CAUSEWAY_ASSERT(!full());
        return items_[size_++] = std::move(value);
    }
    /// Keeps the order of the others.
    void erase_at(std::size_t at) {
        CAUSEWAY_ASSERT(at < size_);
        for (std::size_t i = at + 1; i < size_; ++i) items_[i - 1] = std::move(items_[i]);
        items_[--size_] = T{};
    }
    template <class Predicate>
    std::size_t erase_if(Predicate doomed) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (doomed(std::as_const(items_[i]))) continue;
            if (kept != i) items_[kept] = std::move(items_[i]);
            ++kept;
        }
        const std::size_t gone = size_ - kept;
        for (std::size_t i = kept; i < size_; ++i) items_[i] = T{};
        size_ = kept;
        return gone;
    }
    void clear() noexcept {
        for (std::size_t i = 0; i < size_; ++i) items_[i] = T{};
        size_ = 0;
    }

    [[nodiscard]] T& operator[](std::size_t at) noexcept { return items_[at]; }
    [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return items_[at]; }
    [[nodiscard]] T& front() noexcept { return items_[0]; }
    [[nodiscard]] const T& front() const noexcept { return items_[0]; }
    [[nodiscard]] T& back() noexcept { return items_[size_ - 1]; }
    [[nodiscard]] const T& back() const noexcept { return items_[size_ - 1]; }
    [[nodiscard]] T* begin() noexcept { return items_.data(); }
    [[nodiscard]] T* end() noexcept { return items_.data() + size_; }
    [[nodiscard]] const T* begin() const noexcept { return items_.data(); }
    [[nodiscard]] const T* end() const noexcept { return items_.data() + size_; }

    friend bool operator==(const InplaceVector& a, const InplaceVector& b) {
        if (a.size_ != b.size_) return false;
        for (std::size_t i = 0; i < a.size_; ++i)
            if (!(a.items_[i] == b.items_[i])) return false;
        return true;
    }

private:
    std::size_t size_ = 0;
    std::array<T, Capacity> items_{};
};

}  // namespace causeway
