#pragma once
// What waits for one subscriber of the point table.
#include "base/flat_index.hpp"
#include "points/table.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace causeway::points {

/// A subscriber's interest in one point, kept beside the point.
struct Watch {
    std::uint32_t subscriber = 0;
    std::uint32_t waiting = nowhere;  // Keep::newest: 0 once it is in the queue; all: its newest
    double deadband = 0;
    // What he heard of last, or will: the number alone, others have no deadband.
    double real = 0;
    std::int64_t whole = 0;
    Quality quality{};
    bool told = false;

    void tell(const Sample& sample) noexcept {
        told = true;
        quality = sample.quality;
        if (const auto* number = std::get_if<double>(&sample.value)) real = *number;
        if (const auto* number = std::get_if<std::int64_t>(&sample.value)) whole = *number;
    }
};

/// Where a watch is: points and their watches never go.
struct WatchAt {
    std::uint32_t point = 0;
    std::uint32_t watch = 0;
};

/// First in, first out, for as many as were announced.
class WatchRing {
public:
    void announce() {
        if (++capacity_ <= ring_.size()) return;
        std::vector<WatchAt> wider(ring_.empty() ? 8 : ring_.size() * 2);
        for (std::size_t i = 0; i < size_; ++i) wider[i] = ring_[(first_ + i) % ring_.size()];
        ring_ = std::move(wider);
        first_ = 0;
    }
    void push(WatchAt at) noexcept { ring_[(first_ + size_++) & (ring_.size() - 1)] = at; }
    WatchAt pop() noexcept {
        const WatchAt at = ring_[first_];
        first_ = (first_ + 1) & (ring_.size() - 1);
        --size_;
        return at;
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

private:
    std::vector<WatchAt> ring_;  // a power of two
    std::size_t capacity_ = 0;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

/// Every change in order; those that a newer one of their point made old are known apart.
class ChangeList {
public:
    [[nodiscard]] bool empty() const noexcept { return order_.first == nowhere; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Its place; `older` is the place of the point's newest so far, or nowhere.
    std::uint32_t push(WatchAt from, const Sample& sample, std::uint32_t older) {
        std::uint32_t at;
        if (free_ != nowhere) {
            at = free_;
            free_ = entries_[at].order.next;
        } else {
            at = static_cast<std::uint32_t>(entries_.size());
            entries_.emplace_back();
        }
        entries_[at].from = from;
        entries_[at].sample = sample;
        entries_[at].old = false;
        append(order_, &Entry::order, at);
        if (older != nowhere) {
            entries_[older].old = true;
            append(aged_, &Entry::aged, older);
        }
        ++size_;
        return at;
    }
    struct Popped {
        std::uint32_t at;  // as push() said
        WatchAt from;
        Sample sample;
    };
    Popped pop() {
        const std::uint32_t at = order_.first;
        Popped popped{at, entries_[at].from, std::move(entries_[at].sample)};
        remove(at);
        return popped;
    }
    /// False: nothing is old.
    bool drop_old() {
        if (aged_.first == nowhere) return false;
        remove(aged_.first);
        return true;
    }

private:
    struct Links {
        std::uint32_t previous = nowhere;
        std::uint32_t next = nowhere;
    };
    struct Entry {
        Sample sample{};
        WatchAt from{};
        Links order{};
        Links aged{};
        bool old = false;
    };
    struct Chain {
        std::uint32_t first = nowhere;
        std::uint32_t last = nowhere;
    };

    void append(Chain& chain, Links Entry::* links, std::uint32_t at) noexcept {
        entries_[at].*links = {chain.last, nowhere};
        (chain.last == nowhere ? chain.first : (entries_[chain.last].*links).next) = at;
        chain.last = at;
    }
    void unlink(Chain& chain, Links Entry::* links, std::uint32_t at) noexcept {
        const Links mine = entries_[at].*links;
        (mine.previous == nowhere ? chain.first : (entries_[mine.previous].*links).next) =
            mine.next;
        (mine.next == nowhere ? chain.last : (entries_[mine.next].*links).previous) = mine.previous;
    }
    void remove(std::uint32_t at) noexcept {
        unlink(order_, &Entry::order, at);
        if (entries_[at].old) unlink(aged_, &Entry::aged, at);
        entries_[at].sample = Sample();
        entries_[at].order.next = std::exchange(free_, at);
        --size_;
    }

    std::vector<Entry> entries_;
    Chain order_;
    Chain aged_;  // in the order in which they grew old
    std::uint32_t free_ = nowhere;
    std::size_t size_ = 0;
};

struct Subscriber {
    SubscriberSettings settings;
    WatchRing newest;  // Keep::newest
    ChangeList all;    // Keep::all
    std::uint64_t lost = 0;

    [[nodiscard]] bool keeps_all() const noexcept {
        return settings.keep == SubscriberSettings::Keep::all;
    }
    [[nodiscard]] bool idle() const noexcept { return newest.empty() && all.empty(); }
};

}  // namespace causeway::points
