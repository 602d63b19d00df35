#pragma once
// The retained message of each topic [MQTT 5.0 §3.3.1.3], as a tree of topic levels, so that a
// filter with wildcards visits only what it may match. How many there may be, and when one is too
// old, is the broker's affair.
#include "mqtt/broker/level_tree.hpp"
#include "mqtt/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

class RetainedTree {
public:
    struct Entry {
        MessageRef message;
        MessageKey key{};
    };

    /// `seed` is a secret of this run; no output hangs on it.
    explicit RetainedTree(std::uint64_t seed = 0) : tree_(seed) {}

    [[nodiscard]] Entry* find(std::string_view topic) noexcept;
    /// True when the topic had none; else the one that it had is replaced. `entry.message` is not
    /// null, and must not be exchanged by way of find().
    bool set(std::string_view topic, Entry entry);
    std::optional<Entry> erase(std::string_view topic);

    /// `each(const Entry&)` for every topic that the filter matches (no `$share/`), wildcards at
    /// the front none that begins with `$` [MQTT-4.7.2-1]. A topic comes before those below it,
    /// and beside others in the order in which they first were used. `each` may not change the
    /// tree.
    template <class Each>
    void match(std::string_view filter, Each&& each) const;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Octets that it holds, messages included: also those of topics that are long or deep.
    [[nodiscard]] std::uint64_t octets() const noexcept {
        return messages_octets_ + tree_.size() * sizeof(Node) + tree_.text_octets();
    }

private:
    struct Node {
        Entry entry;
        std::uint32_t parent = 0;
        std::uint32_t first = 0;     // child; 0: none
        std::uint32_t next = 0;      // beside it; 0: it is the last
        std::uint32_t previous = 0;  // of the first child: the last
        ShortText<22> text;
    };

    [[nodiscard]] std::uint32_t find_node(std::string_view topic) const noexcept;
    std::uint32_t add_child(std::uint32_t parent, const Level& level);
    void prune(std::uint32_t leaf);

    /// A filter as match() walks it.
    struct Steps {
        std::vector<Level> levels;  // without a `#` at the end
        bool all_below = false;     // there was one
    };
    [[nodiscard]] Steps steps_of(std::string_view filter) const;
    /// The first child that fits, and the next one after such a child; none: there is none.
    [[nodiscard]] std::uint32_t first_fit(std::uint32_t parent, const Level& level) const noexcept;
    [[nodiscard]] std::uint32_t next_fit(std::uint32_t child, const Level& level) const noexcept;
    [[nodiscard]] std::uint32_t not_reserved(std::uint32_t child) const noexcept;
    template <class Each>
    void visit_below(std::uint32_t top, Each& each) const;

    LevelTree<Node> tree_;
    std::size_t size_ = 0;
    std::uint64_t messages_octets_ = 0;
};

// ---- inline parts ------------------------------------------------------------------------------

template <class Each>
void RetainedTree::match(std::string_view filter, Each&& each) const {
    const Steps steps = steps_of(filter);
    std::uint32_t at = LevelTree<Node>::root;
    std::size_t depth = 0;
    while (true) {
        std::uint32_t next = 0;
        if (depth < steps.levels.size()) {
            next = first_fit(at, steps.levels[depth]);
        } else if (steps.all_below) {
            visit_below(at, each);
        } else if (tree_[at].entry.message != nullptr) {
            each(tree_[at].entry);
        }
        if (next != 0) {
            at = next;
            ++depth;
            continue;
        }
        while (depth > 0 && (next = next_fit(at, steps.levels[depth - 1])) == 0) {
            at = tree_[at].parent;
            --depth;
        }
        if (depth == 0) return;
        at = next;
    }
}

/// `top` and all below it, without a stack: every node knows its parent.
template <class Each>
void RetainedTree::visit_below(std::uint32_t top, Each& each) const {
    std::uint32_t at = top;
    while (true) {
        const Node& node = tree_[at];
        if (node.entry.message != nullptr) each(node.entry);
        std::uint32_t next = node.first;
        if (at == LevelTree<Node>::root) next = not_reserved(next);
        while (next == 0 && at != top) {
            next = tree_[at].next;
            at = tree_[at].parent;
            if (at == LevelTree<Node>::root) next = not_reserved(next);
        }
        if (next == 0) return;
        at = next;
    }
}

}  // namespace causeway::mqtt
