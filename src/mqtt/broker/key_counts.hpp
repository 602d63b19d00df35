#pragma once
// How often each stored message is named by something stored. Open addressing; a count that
// reaches zero leaves, and the table shrinks with its contents. Keys are consecutive numbers, and
// no client chooses them, so that a multiplicative hash does.
#include "mqtt/message.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace causeway::mqtt {

class KeyCounts {
public:
    void add(MessageKey key) {
        if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 16 : slots_.size() * 2);
        Slot& slot = slots_[find(key)];
        if (slot.count++ > 0) return;
        slot.key = key;
        ++size_;
    }
    /// True when that was the last.
    bool take(MessageKey key) {
        if (size_ == 0) return false;
        const std::size_t at = find(key);
        if (slots_[at].count == 0 || --slots_[at].count > 0) return false;
        close_gap(at);
        --size_;
        if (slots_.size() > 16 && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
        return true;
    }
    [[nodiscard]] bool holds(MessageKey key) const noexcept {
        return size_ > 0 && slots_[find(key)].count > 0;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct Slot {
        MessageKey key{};
        std::uint32_t count = 0;
    };

    [[nodiscard]] std::size_t home(MessageKey key) const noexcept {
        const std::uint64_t mixed = std::to_underlying(key) * 0x9e3779b97f4a7c15u;
        return static_cast<std::size_t>(mixed >> 32) & (slots_.size() - 1);
    }
    [[nodiscard]] std::size_t find(MessageKey key) const noexcept {
        std::size_t at = home(key);
        while (slots_[at].count != 0 && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void close_gap(std::size_t hole) noexcept {
        const std::size_t mask = slots_.size() - 1;
        slots_[hole] = Slot{};
        for (std::size_t at = (hole + 1) & mask; slots_[at].count != 0; at = (at + 1) & mask) {
            if (((at - home(slots_[at].key)) & mask) < ((at - hole) & mask)) continue;
            slots_[hole] = std::exchange(slots_[at], Slot{});
            hole = at;
        }
    }
    void resize(std::size_t count) {
        const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(count));
        for (const Slot& slot : old) {
            if (slot.count != 0) slots_[find(slot.key)] = slot;
        }
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace causeway::mqtt
