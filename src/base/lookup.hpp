#pragma once
// A hash table from texts to values, for names that strangers choose: its hash is keyed, it gives
// memory back after a storm, and it cannot be iterated, so that the order of a hash reaches no
// output. Open addressing with linear probing; a removal closes the gap, no tombstones.
#include "base/short_text.hpp"
#include "base/text_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway {

/// `Value` is default constructible and moves. Texts are at most 65,535 octets (looking for a
/// longer one is fine, and finds nothing). Pointers hold until the next insert or erase.
template <class Value>
class Lookup {
public:
    /// The seed is a secret of this run.
    explicit Lookup(std::uint64_t seed) noexcept : hash_(seed) {}

    [[nodiscard]] Value* find(std::string_view text) noexcept {
        const std::size_t at = find_slot(text, hash_(text));
        return at == nowhere ? nullptr : &slots_[at].value;
    }
    [[nodiscard]] const Value* find(std::string_view text) const noexcept {
        return const_cast<Lookup*>(this)->find(text);
    }
    [[nodiscard]] bool contains(std::string_view text) const noexcept {
        return find(text) != nullptr;
    }

    struct Inserted {
        Value* value;
        bool is_new;  // else it was there, and was left as it was
    };
    Inserted insert(std::string_view text, Value value) {
        const std::uint64_t hash = hash_(text);
        if (const std::size_t at = find_slot(text, hash); at != nowhere)
            return {&slots_[at].value, false};
        if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 8 : slots_.size() * 2);
        Slot& slot = slots_[vacant(hash)];
        slot.text = Text(text);
        slot.tag = tag_of(hash);
        slot.value = std::move(value);
        ++size_;
        heap_octets_ += slot.text.heap_octets();
        return {&slot.value, true};
    }
    /// Inserts, or replaces the value that was there.
    Value& set(std::string_view text, Value value) {
        if (Value* const there = find(text)) return *there = std::move(value);
        return *insert(text, std::move(value)).value;
    }
    std::optional<Value> erase(std::string_view text) {
        std::size_t hole = find_slot(text, hash_(text));
        if (hole == nowhere) return std::nullopt;
        std::optional<Value> gone(std::move(slots_[hole].value));
        heap_octets_ -= slots_[hole].text.heap_octets();
        slots_[hole] = Slot{};
        close_gap(hole);
        --size_;
        if (slots_.size() > 8 && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
        return gone;
    }
    void clear() noexcept {
        slots_ = std::vector<Slot>();
        size_ = 0;
        heap_octets_ = 0;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Octets that it holds; what values hold elsewhere is not known here.
    [[nodiscard]] std::size_t footprint() const noexcept {
        return slots_.capacity() * sizeof(Slot) + heap_octets_;
    }

private:
    using Text = ShortText<20>;
    struct Slot {
        std::uint32_t tag = 0;  // of the hash, its home in the table; 0: vacant
        Text text;
        Value value{};
    };
    static constexpr std::size_t nowhere = SIZE_MAX;

    static std::uint32_t tag_of(std::uint64_t hash) noexcept {
        return static_cast<std::uint32_t>(hash >> 32) | 1;
    }
    [[nodiscard]] std::size_t home(std::uint32_t tag) const noexcept {
        return (tag >> 1) & (slots_.size() - 1);  // the lowest bit only says that it is taken
    }
    [[nodiscard]] std::size_t find_slot(std::string_view text, std::uint64_t hash) const noexcept {
        if (size_ == 0) return nowhere;
        const std::uint32_t tag = tag_of(hash);
        for (std::size_t at = home(tag);; at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at].tag == 0) return nowhere;
            if (slots_[at].tag == tag && slots_[at].text.view() == text) return at;
        }
    }
    [[nodiscard]] std::size_t vacant(std::uint64_t hash) const noexcept {
        std::size_t at = home(tag_of(hash));
        while (slots_[at].tag != 0) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    /// Moves back what would no longer be found beyond a vacant slot.
    void close_gap(std::size_t hole) noexcept {
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t at = (hole + 1) & mask; slots_[at].tag != 0; at = (at + 1) & mask) {
            const std::size_t wanted = home(slots_[at].tag);
            if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
            slots_[hole] = std::move(slots_[at]);
            slots_[at] = Slot{};
            hole = at;
        }
    }
    void resize(std::size_t count) {
        std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(count));
        for (Slot& slot : old) {
            if (slot.tag == 0) continue;
            std::size_t at = home(slot.tag);
            while (slots_[at].tag != 0) at = (at + 1) & (count - 1);
            slots_[at] = std::move(slot);
        }
    }

    TextHash hash_;
    std::vector<Slot> slots_;  // a power of two, or none
    std::size_t size_ = 0;
    std::size_t heap_octets_ = 0;
};

}  // namespace causeway
