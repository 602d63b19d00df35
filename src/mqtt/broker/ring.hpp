#pragma once
// A queue in one piece of memory, which it takes when it is first used and gives back when it is
// empty after having been large. Elements are addressed by their distance from the front.
#include "base/assert.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace causeway::mqtt {

template <class T>
class Ring {
public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T& operator[](std::size_t at) noexcept { return items_[(front_ + at) & mask()]; }
    [[nodiscard]] const T& operator[](std::size_t at) const noexcept {
        return items_[(front_ + at) & mask()];
    }
    [[nodiscard]] T& front() noexcept { return items_[front_]; }
    [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    T& push_back(T value) {
        if (size_ == capacity_) grow();
        T& place = items_[(front_ + size_++) & mask()];
        place = std::move(value);
        return place;
    }
    T pop_front() {
        CAUSEWAY_ASSERT(size_ > 0);
        T value = std::exchange(items_[front_], T{});
        front_ = (front_ + 1) & mask();
        if (--size_ == 0) {
            front_ = 0;
            if (capacity_ > kept_) clear();
        }
        return value;
    }
    void clear() noexcept {
        items_.reset();
        capacity_ = size_ = front_ = 0;
    }

private:
    static constexpr std::size_t kept_ = 32;  // of this capacity it is kept while empty

    [[nodiscard]] std::size_t mask() const noexcept { return capacity_ - 1; }
    void grow() {
        const std::size_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
        auto items = std::make_unique<T[]>(capacity);
        for (std::size_t i = 0; i < size_; ++i) items[i] = std::move((*this)[i]);
        items_ = std::move(items);
        capacity_ = capacity;
        front_ = 0;
    }

    std::unique_ptr<T[]> items_;
    std::size_t capacity_ = 0;  // zero, or a power of two
    std::size_t size_ = 0;
    std::size_t front_ = 0;
};

}  // namespace causeway::mqtt
