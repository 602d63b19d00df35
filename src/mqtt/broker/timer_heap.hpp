#pragma once
// The deadlines of very many things, one each: the next in O(1), a change in O(log n). A thing
// that is destroyed while armed must be disarmed first.
#include "base/assert.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::mqtt {

/// What has a deadline derives from it.
struct Timed {
    static constexpr std::uint32_t unarmed = UINT32_MAX;
    std::uint32_t heap_at = unarmed;
    bool is_session = false;
};

class TimerHeap {
public:
    [[nodiscard]] Instant next() const noexcept { return heap_.empty() ? never : heap_[0].at; }
    [[nodiscard]] Timed* next_due(Instant now) const noexcept {
        return heap_.empty() || heap_[0].at > now ? nullptr : heap_[0].who;
    }
    [[nodiscard]] Instant due(const Timed& who) const noexcept {
        return who.heap_at == Timed::unarmed ? never : heap_[who.heap_at].at;
    }
    /// Sets its deadline, or takes it away with `never`.
    void set(Timed& who, Instant at) {
        if (at == never) return disarm(who);
        if (who.heap_at == Timed::unarmed) {
            heap_.push_back({at, &who});
            who.heap_at = static_cast<std::uint32_t>(heap_.size() - 1);
            rise(who.heap_at);
            return;
        }
        const Instant old = heap_[who.heap_at].at;
        heap_[who.heap_at].at = at;
        at < old ? rise(who.heap_at) : sink(who.heap_at);
    }
    /// An earlier deadline counts, a later one is found out when the armed one comes: cheap.
    void at_latest(Timed& who, Instant at) {
        if (at < due(who)) set(who, at);
    }
    void disarm(Timed& who) {
        if (who.heap_at == Timed::unarmed) return;
        const std::size_t hole = who.heap_at;
        who.heap_at = Timed::unarmed;
        const Entry last = heap_.back();
        heap_.pop_back();
        if (hole < heap_.size()) {
            place(hole, last);
            rise(hole);
            sink(last.who->heap_at);
        }
        if (heap_.capacity() > 1024 && heap_.size() * 4 < heap_.capacity()) heap_.shrink_to_fit();
    }

private:
    struct Entry {
        Instant at;
        Timed* who;
    };
    static constexpr std::size_t arity = 4;

    void place(std::size_t at, Entry entry) noexcept {
        heap_[at] = entry;
        entry.who->heap_at = static_cast<std::uint32_t>(at);
    }
    void rise(std::size_t at) noexcept {
        const Entry entry = heap_[at];
        while (at > 0) {
            const std::size_t parent = (at - 1) / arity;
            if (!(entry.at < heap_[parent].at)) break;
            place(at, heap_[parent]);
            at = parent;
        }
        place(at, entry);
    }
    void sink(std::size_t at) noexcept {
        const Entry entry = heap_[at];
        while (true) {
            const std::size_t first = at * arity + 1;
            if (first >= heap_.size()) break;
            std::size_t least = first;
            for (std::size_t child = first + 1; child < first + arity && child < heap_.size();
                 ++child) {
                if (heap_[child].at < heap_[least].at) least = child;
            }
            if (!(heap_[least].at < entry.at)) break;
            place(at, heap_[least]);
            at = least;
        }
        place(at, entry);
    }

    std::vector<Entry> heap_;
};

}  // namespace causeway::mqtt
