#include "scada/dnp3/event_buffer.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace causeway::scada::dnp3 {
namespace {

constexpr bool holds(Classes classes, std::size_t list) noexcept {
    return list == 0 ? classes.one : list == 1 ? classes.two : classes.three;
}

constexpr std::size_t list_of(EventClass event_class) noexcept {
    return static_cast<std::size_t>(std::to_underlying(event_class)) - 1;
}

}  // namespace

class EventBuffer::Walk {
public:
    Walk(const EventBuffer& buffer, std::array<std::uint32_t, 3> from)
        : slab_(buffer.slab_), next_(from) {}
    Walk(const EventBuffer& buffer, Classes classes) : slab_(buffer.slab_) {
        for (std::size_t i = 0; i < next_.size(); ++i)
            next_[i] = holds(classes, i) ? buffer.lists_[i].first : none;
    }

    /// none at the end.
    std::uint32_t take() {
        const std::size_t list = oldest();
        if (list == next_.size()) return none;
        const std::uint32_t slot = next_[list];
        next_[list] = slab_[slot].after;
        return slot;
    }
    [[nodiscard]] const std::array<std::uint32_t, 3>& places() const noexcept { return next_; }

private:
    [[nodiscard]] std::size_t oldest() const {
        std::size_t found = next_.size();
        for (std::size_t i = 0; i < next_.size(); ++i)
            if (next_[i] != none &&
                (found == next_.size() || slab_[next_[i]].order < slab_[next_[found]].order))
                found = i;
        return found;
    }

    const std::vector<Event>& slab_;
    std::array<std::uint32_t, 3> next_{none, none, none};
};

EventBuffer::EventBuffer(std::array<std::size_t, 3> most) {
    for (std::size_t i = 0; i < most.size(); ++i) lists_[i].most = most[i];
}

bool EventBuffer::takes(EventClass event_class) const noexcept {
    return event_class != EventClass::none && lists_[list_of(event_class)].most != 0;
}

bool EventBuffer::add(Measurement measurement, EventClass event_class, std::uint8_t variation) {
    const std::size_t at = list_of(event_class);
    List& list = lists_[at];
    const bool room = list.size < list.most;
    if (!room) remove(list.first);
    std::uint32_t slot = free_;
    if (slot == none) {
        slot = static_cast<std::uint32_t>(slab_.size());
        slab_.emplace_back();
    } else {
        free_ = slab_[slot].after;
    }
    Event& event = slab_[slot];
    event.measurement = std::move(measurement);
    event.order = order_++;
    event.before = list.last;
    event.after = none;
    event.stage = Stage::waiting;
    event.list = static_cast<std::uint8_t>(at);
    event.variation = variation;
    (list.last == none ? list.first : slab_[list.last].after) = slot;
    list.last = slot;
    ++list.size;
    return room;
}

void EventBuffer::remove(std::uint32_t slot) {
    Event& event = slab_[slot];
    List& list = lists_[event.list];
    for (std::uint32_t& place : go_on_)
        if (place == slot) place = event.after;
    (event.before == none ? list.first : slab_[event.before].after) = event.after;
    (event.after == none ? list.last : slab_[event.after].before) = event.before;
    --list.size;
    if (event.stage == Stage::written) --list.written;
    event.stage = Stage::free;
    event.after = free_;
    free_ = slot;
}

void EventBuffer::select(Classes classes, std::size_t most) {
    Walk walk(*this, classes);
    for (std::uint32_t slot = none; most != 0 && (slot = walk.take()) != none;) {
        Event& event = slab_[slot];
        if (event.stage != Stage::waiting) continue;
        event.stage = Stage::selected;
        event.asked = event.variation;
        --most;
    }
    selected_ = true;
    for (std::size_t i = 0; i < lists_.size(); ++i) go_on_[i] = lists_[i].first;
}

void EventBuffer::select(PointType type, std::uint8_t variation, std::size_t most) {
    Walk walk(*this, dnp3::events);
    for (std::uint32_t slot = none; most != 0 && (slot = walk.take()) != none;) {
        Event& event = slab_[slot];
        if (event.stage != Stage::waiting || event.measurement.type != type) continue;
        event.stage = Stage::selected;
        event.asked = variation == 0 ? event.variation : variation;
        --most;
    }
    selected_ = true;
    for (std::size_t i = 0; i < lists_.size(); ++i) go_on_[i] = lists_[i].first;
}

/// False: the fragment is full. `walk` has then gone past what could not be written.
template <class Wanted>
bool EventBuffer::write_those(FragmentWriter& out, Walk& walk, Wanted&& wanted) {
    constexpr std::size_t run_max = 64;
    std::uint32_t slot = walk.take();
    while (slot != none) {
        run_.clear();
        slots_.clear();
        std::uint8_t variation = 0;
        PointType type{};
        for (; slot != none && run_.size() < run_max; slot = walk.take()) {
            Event& event = slab_[slot];
            if (!wanted(event)) continue;
            if (run_.empty()) {
                variation = event.asked;
                type = event.measurement.type;
            } else if (event.asked != variation || event.measurement.type != type) {
                break;
            }
            run_.push_back(event.measurement);
            slots_.push_back(slot);
        }
        const std::size_t wrote = out.events(variation, run_);
        for (std::size_t i = 0; i < wrote; ++i) {
            Event& event = slab_[slots_[i]];
            event.stage = Stage::written;
            ++lists_[event.list].written;
            written_.push_back({slots_[i], event.order});
        }
        if (wrote < run_.size()) return false;
    }
    return true;
}

bool EventBuffer::write_selected(FragmentWriter& out) {
    if (!selected_) return true;
    Walk walk(*this, go_on_);
    if (write_those(out, walk, [](const Event& e) { return e.stage == Stage::selected; })) {
        selected_ = false;
        go_on_.fill(none);
        return true;
    }
    // What was written stands at the front: the next fragment begins behind it.
    for (std::size_t i = 0; i < lists_.size(); ++i)
        while (go_on_[i] != none && slab_[go_on_[i]].stage != Stage::selected)
            go_on_[i] = slab_[go_on_[i]].after;
    return false;
}

Classes EventBuffer::write(Classes classes, FragmentWriter& out) {
    Walk walk(*this, classes);
    (void)write_those(out, walk, [](Event& event) {
        event.asked = event.variation;
        return event.stage == Stage::waiting;
    });
    return {.one = lists_[0].written != 0,
            .two = lists_[1].written != 0,
            .three = lists_[2].written != 0};
}

std::size_t EventBuffer::confirm() {
    std::size_t gone = 0;
    for (const Written& written : written_) {
        // It may have made room for another one meanwhile.
        const Event& event = slab_[written.slot];
        if (event.stage != Stage::written || event.order != written.order) continue;
        remove(written.slot);
        ++gone;
    }
    written_.clear();
    return gone;
}

void EventBuffer::put_back() {
    for (const Written& written : written_) {
        Event& event = slab_[written.slot];
        if (event.stage != Stage::written || event.order != written.order) continue;
        event.stage = Stage::waiting;
        --lists_[event.list].written;
    }
    written_.clear();
    if (!std::exchange(selected_, false)) return;
    go_on_.fill(none);
    for (const List& list : lists_)
        for (std::uint32_t slot = list.first; slot != none; slot = slab_[slot].after)
            if (slab_[slot].stage == Stage::selected) slab_[slot].stage = Stage::waiting;
}

std::size_t EventBuffer::waiting(Classes classes) const noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < lists_.size(); ++i)
        if (holds(classes, i)) sum += lists_[i].size - lists_[i].written;
    return sum;
}

std::size_t EventBuffer::size() const noexcept {
    return lists_[0].size + lists_[1].size + lists_[2].size;
}

std::array<std::size_t, 3> EventBuffer::sizes() const noexcept {
    return {lists_[0].size, lists_[1].size, lists_[2].size};
}

bool EventBuffer::full() const noexcept {
    return std::ranges::any_of(
        lists_, [](const List& list) { return list.most != 0 && list.size >= list.most; });
}

}  // namespace causeway::scada::dnp3
