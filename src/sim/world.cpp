#include "sim/world.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace causeway::sim {

namespace {
constexpr std::size_t arity = 4;
}

ActorId World::admit(Actor& actor) {
    actors_.push_back(&actor);
    return ActorId{static_cast<std::uint16_t>(actors_.size() - 1)};
}

void World::at(Instant when, ActorId actor, std::uint16_t what, std::uint32_t whom) {
    if (when == never) return;
    CAUSEWAY_ASSERT(when >= now_);
    heap_.push_back({when, scheduled_++, whom, what, actor});
    rise(heap_.size() - 1);
}

bool World::step() {
    if (heap_.empty()) return false;
    const Act next = heap_.front();
    const Act last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink(last);
    now_ = next.when;
    actors_[static_cast<std::size_t>(next.actor)]->act(now_, next.what, next.whom);
    return true;
}

void World::run_until(Instant end) {
    while (!heap_.empty() && heap_.front().when <= end) step();
    now_ = std::max(now_, end);
}

void World::rise(std::size_t at) noexcept {
    const Act act = heap_[at];
    while (at > 0) {
        const std::size_t parent = (at - 1) / arity;
        if (!before(act, heap_[parent])) break;
        heap_[at] = heap_[parent];
        at = parent;
    }
    heap_[at] = act;
}

void World::sink(Act act) noexcept {
    const std::size_t size = heap_.size();
    std::size_t at = 0;
    for (;;) {
        const std::size_t first = at * arity + 1;
        if (first >= size) break;
        const std::size_t end = std::min(first + arity, size);
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (before(heap_[child], heap_[least])) least = child;
        if (!before(heap_[least], act)) break;
        heap_[at] = heap_[least];
        at = least;
    }
    heap_[at] = act;
}

}  // namespace causeway::sim
