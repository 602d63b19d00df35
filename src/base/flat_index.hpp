#pragma once
// Parts that tables are made of whose size strangers drive: things live in a Pool and are known by
// their small number there, a FlatIndex finds the number by a hash, a Recency says which was used
// longest ago. None can be iterated by hash, so that the order of a hash reaches no output.
#include "base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace causeway {

/// No number of anything.
inline constexpr std::uint32_t nowhere = UINT32_MAX;

/// From hashes to numbers; several may have the same hash. Open addressing with linear probing; a
/// removal closes the gap, and memory comes back after a storm. Whoever lets strangers choose what
/// is hashed uses a keyed hash.
class FlatIndex {
public:
    /// The first number under `hash` that is the right one, as `matches(number)` tells; or nowhere.
    template <class Matches>
    [[nodiscard]] std::uint32_t find(std::uint64_t hash, Matches&& matches) const {
        if (size_ == 0) return nowhere;
        const std::uint32_t tag = tag_of(hash);
        for (std::uint32_t at = home(tag); slots_[at].tag != 0; at = (at + 1) & mask_)
            if (slots_[at].tag == tag && matches(slots_[at].number)) return slots_[at].number;
        return nowhere;
    }
    void insert(std::uint64_t hash, std::uint32_t number) {
        if (!slots_ || (size_ + 1) * std::uint64_t{4} > capacity() * std::uint64_t{3})
            resize(slots_ ? capacity() * 2 : 8);
        place({tag_of(hash), number});
        ++size_;
    }
    /// Whether it was there.
    bool erase(std::uint64_t hash, std::uint32_t number) {
        if (size_ == 0) return false;
        const std::uint32_t tag = tag_of(hash);
        std::uint32_t at = home(tag);
        while (slots_[at].tag != tag || slots_[at].number != number) {
            if (slots_[at].tag == 0) return false;
            at = (at + 1) & mask_;
        }
        slots_[at] = {};
        close_gap(at);
        --size_;
        if (capacity() > 8 && size_ * std::uint64_t{8} < capacity()) resize(capacity() / 2);
        return true;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct Slot {
        std::uint32_t tag = 0;  // of the hash, its home in the table; 0: vacant
        std::uint32_t number = 0;
    };

    static std::uint32_t tag_of(std::uint64_t hash) noexcept {
        return static_cast<std::uint32_t>(hash >> 32) | 1;
    }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return mask_ + 1; }
    [[nodiscard]] std::uint32_t home(std::uint32_t tag) const noexcept {
        return (tag >> 1) & mask_;  // the lowest bit only says that it is taken
    }
    void place(Slot slot) noexcept {
        std::uint32_t at = home(slot.tag);
        while (slots_[at].tag != 0) at = (at + 1) & mask_;
        slots_[at] = slot;
    }
    void close_gap(std::uint32_t hole) noexcept {
        for (std::uint32_t at = (hole + 1) & mask_; slots_[at].tag != 0; at = (at + 1) & mask_) {
            const std::uint32_t wanted = home(slots_[at].tag);
            if (((at - wanted) & mask_) < ((at - hole) & mask_)) continue;
            slots_[hole] = std::exchange(slots_[at], Slot{});
            hole = at;
        }
    }
    void resize(std::uint32_t count) {
        const std::uint32_t before = slots_ ? capacity() : 0;
        const auto old = std::exchange(slots_, std::make_unique<Slot[]>(count));
        mask_ = count - 1;
        for (std::uint32_t i = 0; i < before; ++i)
            if (old[i].tag != 0) place(old[i]);
    }

    std::unique_ptr<Slot[]> slots_;  // a power of two, or none
    std::uint32_t mask_ = 0;
    std::uint32_t size_ = 0;
};

/// Things with a number each, which is theirs until they leave. `T` is default constructible and
/// moves; references hold until the next add().
template <class T>
class Pool {
public:
    std::uint32_t add(T thing) {
        ++size_;
        if (vacant_.empty()) {
            things_.push_back(std::move(thing));
            return static_cast<std::uint32_t>(things_.size() - 1);
        }
        const std::uint32_t at = vacant_.back();
        vacant_.pop_back();
        things_[at] = std::move(thing);
        return at;
    }
    T take(std::uint32_t at) {
        T thing = std::exchange(things_[at], T{});
        vacant_.push_back(at);
        --size_;
        return thing;
    }
    [[nodiscard]] T& operator[](std::uint32_t at) noexcept { return things_[at]; }
    [[nodiscard]] const T& operator[](std::uint32_t at) const noexcept { return things_[at]; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Numbers are below this; some of them may be nobody's, and hold a T{}.
    [[nodiscard]] std::uint32_t bound() const noexcept {
        return static_cast<std::uint32_t>(things_.size());
    }

private:
    std::vector<T> things_;
    std::vector<std::uint32_t> vacant_;
    std::size_t size_ = 0;
};

/// Numbers in the order in which they were last touched.
class Recency {
public:
    /// Makes it the latest, whether it was in the order or not.
    void touch(std::uint32_t which) {
        if (which >= links_.size()) links_.resize(which + std::size_t{1});
        if (links_[which].in) remove(which);
        links_[which] = {last_, nowhere, true};
        (last_ == nowhere ? first_ : links_[last_].next) = which;
        last_ = which;
    }
    void remove(std::uint32_t which) noexcept {
        Link& link = links_[which];
        (link.previous == nowhere ? first_ : links_[link.previous].next) = link.next;
        (link.next == nowhere ? last_ : links_[link.next].previous) = link.previous;
        link = {};
    }
    [[nodiscard]] std::uint32_t oldest() const noexcept { return first_; }

private:
    struct Link {
        std::uint32_t previous = nowhere;
        std::uint32_t next = nowhere;
        bool in = false;
    };
    std::vector<Link> links_;
    std::uint32_t first_ = nowhere;
    std::uint32_t last_ = nowhere;
};

}  // namespace causeway
