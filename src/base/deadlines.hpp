#pragma once
// A deadline each for many things that are known by small numbers: the earliest is at hand, a
// change costs the logarithm of their count. Equal ones come in the order of the numbers.
#include "base/flat_index.hpp"
#include "base/time.hpp"

namespace causeway {

class Deadlines {
public:
    /// `never` takes it out.
    void set(std::uint32_t which, Instant at) {
        if (which >= places_.size()) {
            if (at == never) return;
            places_.resize(which + std::size_t{1}, nowhere);
        }
        const std::uint32_t place = places_[which];
        if (at == never) {
            if (place != nowhere) remove(place);
            return;
        }
        if (place == nowhere) {
            heap_.push_back({at, which});
            rise(heap_.size() - 1);
            return;
        }
        const bool earlier = at < heap_[place].at;
        heap_[place].at = at;
        earlier ? rise(place) : sink(place);
    }
    [[nodiscard]] Instant next() const noexcept { return heap_.empty() ? never : heap_.front().at; }
    /// Whose deadline next() is; nowhere when there is none.
    [[nodiscard]] std::uint32_t first() const noexcept {
        return heap_.empty() ? nowhere : heap_.front().which;
    }

private:
    struct Entry {
        Instant at;
        std::uint32_t which;

        [[nodiscard]] bool before(const Entry& other) const noexcept {
            return at != other.at ? at < other.at : which < other.which;
        }
    };

    void put(std::size_t place, Entry entry) noexcept {
        heap_[place] = entry;
        places_[entry.which] = static_cast<std::uint32_t>(place);
    }
    void rise(std::size_t place) noexcept {
        const Entry entry = heap_[place];
        while (place != 0 && entry.before(heap_[(place - 1) / 2])) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, entry);
    }
    void sink(std::size_t place) noexcept {
        const Entry entry = heap_[place];
        for (;;) {
            std::size_t child = 2 * place + 1;
            if (child >= heap_.size()) break;
            if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
            if (!heap_[child].before(entry)) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, entry);
    }
    void remove(std::size_t place) noexcept {
        places_[heap_[place].which] = nowhere;
        const Entry last = heap_.back();
        heap_.pop_back();
        if (place == heap_.size()) return;
        const bool earlier = last.before(heap_[place]);
        put(place, last);
        earlier ? rise(place) : sink(place);
    }

    std::vector<Entry> heap_;
    std::vector<std::uint32_t> places_;
};

}  // namespace causeway
