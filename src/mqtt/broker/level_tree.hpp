#pragma once
// Nodes of a tree of topic levels: subscription_tree.hpp and retained_tree.hpp are built on it. It
// holds nodes by number in blocks that are given back when empty, and finds the child of a node
// by the text of a level in one table for the whole tree. What a node carries, and how children
// are listed, is the trees' own affair.
#include "base/assert.hpp"
#include "base/short_text.hpp"
#include "base/text_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::mqtt {

/// Cuts a topic into its levels, empty ones too [MQTT 5.0 §4.7.1.1].
class Levels {
public:
    explicit Levels(std::string_view topic) noexcept : rest_(topic) {}

    [[nodiscard]] bool more() const noexcept { return more_; }
    std::string_view next() noexcept {
        const std::size_t slash = rest_.find('/');
        const std::string_view level = rest_.substr(0, slash);
        more_ = slash != std::string_view::npos;
        if (more_) rest_.remove_prefix(slash + 1);
        return level;
    }

private:
    std::string_view rest_;
    bool more_ = true;
};

/// A level on its way into the tree: hashed once, however many nodes are asked for it.
struct Level {
    std::string_view text;
    std::uint64_t hash = 0;
};

/// `Node` has `std::uint32_t parent` and `ShortText<22> text`, is default constructible, and moves.
template <class Node>
class LevelTree {
public:
    using Index = std::uint32_t;
    static constexpr Index root = 0;
    static constexpr Index none = 0;  // as a child: nobody's child is the root

    explicit LevelTree(std::uint64_t seed) : hash_(seed) { (void)take_node(); }

    [[nodiscard]] Level level(std::string_view text) const noexcept { return {text, hash_(text)}; }
    [[nodiscard]] Node& operator[](Index at) noexcept {
        return blocks_[at / per_block][at % per_block];
    }
    [[nodiscard]] const Node& operator[](Index at) const noexcept {
        return blocks_[at / per_block][at % per_block];
    }

    [[nodiscard]] Index child(Index parent, const Level& level) const noexcept {
        if (count_ == 0) return none;
        const std::uint32_t tag = tag_of(parent, level.hash);
        for (std::size_t at = tag & mask();; at = (at + 1) & mask()) {
            const Slot slot = slots_[at];
            if (slot.node == none) return none;
            if (slot.tag != tag) continue;
            const Node& node = (*this)[slot.node];
            if (node.parent == parent && node.text.view() == level.text) return slot.node;
        }
    }
    /// There is no such child yet.
    Index add_child(Index parent, const Level& level) {
        const Index made = take_node();
        Node& node = (*this)[made];
        node.parent = parent;
        node.text = ShortText<22>(level.text);
        text_octets_ += node.text.heap_octets();
        if ((count_ + 1) * 4 > slots_.size() * 3)
            resize(slots_.empty() ? slots_min : slots_.size() * 2);
        place({tag_of(parent, level.hash), made});
        ++count_;
        return made;
    }
    /// Not the root, and it has no children. What lists it has forgotten it.
    void remove(Index gone) {
        CAUSEWAY_ASSERT(gone != root);
        const Node& node = (*this)[gone];
        text_octets_ -= node.text.heap_octets();
        std::size_t hole = tag_of(node.parent, hash_(node.text.view())) & mask();
        while (slots_[hole].node != gone) hole = (hole + 1) & mask();
        slots_[hole] = {};
        for (std::size_t at = (hole + 1) & mask(); slots_[at].node != none;
             at = (at + 1) & mask()) {
            if (((at - slots_[at].tag) & mask()) < ((at - hole) & mask())) continue;
            slots_[hole] = std::exchange(slots_[at], Slot{});
            hole = at;
        }
        --count_;
        if (slots_.size() > slots_min && count_ * 8 < slots_.size()) resize(slots_.size() / 2);
        give_back(gone);
    }

    /// Nodes beside the root.
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    /// Octets of texts that are too long for their nodes.
    [[nodiscard]] std::size_t text_octets() const noexcept { return text_octets_; }
    /// Octets of nodes, texts and tables.
    [[nodiscard]] std::size_t footprint() const noexcept {
        return blocks_held_ * per_block * sizeof(Node) + text_octets_ +
               slots_.capacity() * sizeof(Slot) + blocks_.capacity() * sizeof(blocks_[0]) +
               books_.capacity() * sizeof(Book) + roomy_.capacity() * sizeof(roomy_[0]);
    }

private:
    static constexpr std::size_t per_block = 512;
    static constexpr std::size_t slots_min = 16;

    struct Slot {
        std::uint32_t tag = 0;  // of the hash; its lowest bits are the place it wants
        Index node = none;      // none: vacant
    };
    struct Book {
        Index vacated = none;     // chained by Node::parent
        std::uint16_t fresh = 0;  // the first that was never used
        std::uint16_t live = 0;
        bool roomy = false;  // stands in roomy_
    };

    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    [[nodiscard]] std::uint32_t tag_of(Index parent, std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(hash_.joined(hash, parent));
    }
    void place(Slot slot) noexcept {
        std::size_t at = slot.tag & mask();
        while (slots_[at].node != none) at = (at + 1) & mask();
        slots_[at] = slot;
    }
    void resize(std::size_t count) {
        const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(count));
        for (const Slot& slot : old)
            if (slot.node != none) place(slot);
    }

    Index take_node() {
        if (roomy_.empty()) {
            roomy_.push_back(static_cast<std::uint32_t>(blocks_.size()));
            blocks_.emplace_back();
            books_.push_back({.roomy = true});
        }
        const std::uint32_t block = roomy_.back();
        Book& book = books_[block];
        if (blocks_[block] == nullptr) {
            blocks_[block] = std::make_unique<Node[]>(per_block);
            ++blocks_held_;
        }
        if (spare_ == block) spare_ = no_block;
        Index taken = book.vacated;
        if (taken != none) {
            book.vacated = (*this)[taken].parent;
        } else {
            taken = static_cast<Index>(block * per_block + book.fresh++);
        }
        if (++book.live == per_block) {
            book.roomy = false;
            roomy_.pop_back();
        }
        return taken;
    }
    void give_back(Index gone) {
        const auto block = static_cast<std::uint32_t>(gone / per_block);
        Book& book = books_[block];
        Node& node = (*this)[gone];
        node = Node{};
        node.parent = std::exchange(book.vacated, gone);
        if (!std::exchange(book.roomy, true)) roomy_.push_back(block);
        if (--book.live > 0) return;
        book.vacated = none;
        book.fresh = 0;
        // One empty block is kept, so that a client who comes and goes does not cost one each time.
        if (spare_ == no_block) {
            spare_ = block;
        } else {
            blocks_[block].reset();
            --blocks_held_;
        }
    }

    static constexpr std::uint32_t no_block = UINT32_MAX;

    TextHash hash_;
    std::vector<Slot> slots_;  // a power of two, or none
    std::size_t count_ = 0;
    std::size_t text_octets_ = 0;
    std::vector<std::unique_ptr<Node[]>> blocks_;
    std::vector<Book> books_;           // one a block
    std::vector<std::uint32_t> roomy_;  // blocks with a vacant node; the last is used next
    std::size_t blocks_held_ = 0;
    std::uint32_t spare_ = no_block;
};

}  // namespace causeway::mqtt
