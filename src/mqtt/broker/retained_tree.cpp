#include "mqtt/broker/retained_tree.hpp"

#include "base/assert.hpp"

#include <utility>

namespace causeway::mqtt {

std::uint32_t RetainedTree::find_node(std::string_view topic) const noexcept {
    std::uint32_t at = tree_.root;
    for (Levels levels(topic); levels.more();) {
        at = tree_.child(at, tree_.level(levels.next()));
        if (at == tree_.none) return tree_.none;
    }
    return at;
}

RetainedTree::Entry* RetainedTree::find(std::string_view topic) noexcept {
    const std::uint32_t at = find_node(topic);
    if (at == tree_.none || tree_[at].entry.message == nullptr) return nullptr;
    return &tree_[at].entry;
}

bool RetainedTree::set(std::string_view topic, Entry entry) {
    CAUSEWAY_ASSERT(entry.message != nullptr);
    std::uint32_t at = tree_.root;
    for (Levels levels(topic); levels.more();) {
        const Level level = tree_.level(levels.next());
        const std::uint32_t next = tree_.child(at, level);
        at = next != tree_.none ? next : add_child(at, level);
    }
    Entry& there = tree_[at].entry;
    const bool is_new = there.message == nullptr;
    if (!is_new) messages_octets_ -= there.message->footprint();
    messages_octets_ += entry.message->footprint();
    there = std::move(entry);
    size_ += is_new ? 1 : 0;
    return is_new;
}

std::optional<RetainedTree::Entry> RetainedTree::erase(std::string_view topic) {
    const std::uint32_t at = find_node(topic);
    if (at == tree_.none || tree_[at].entry.message == nullptr) return std::nullopt;
    std::optional<Entry> gone(std::exchange(tree_[at].entry, Entry{}));
    messages_octets_ -= gone->message->footprint();
    --size_;
    prune(at);
    return gone;
}

// ---- the list of children ----------------------------------------------------------------------

std::uint32_t RetainedTree::add_child(std::uint32_t parent, const Level& level) {
    const std::uint32_t made = tree_.add_child(parent, level);
    Node& above = tree_[parent];
    if (above.first == tree_.none) {
        above.first = made;
        tree_[made].previous = made;
    } else {
        const std::uint32_t last = std::exchange(tree_[above.first].previous, made);
        tree_[last].next = made;
        tree_[made].previous = last;
    }
    return made;
}

/// Removes a node that holds nothing and leads nowhere, and its parents likewise.
void RetainedTree::prune(std::uint32_t leaf) {
    while (leaf != tree_.root && tree_[leaf].first == tree_.none &&
           tree_[leaf].entry.message == nullptr) {
        const Node& node = tree_[leaf];
        Node& above = tree_[node.parent];
        if (above.first == leaf) {
            above.first = node.next;
            if (node.next != tree_.none) tree_[node.next].previous = node.previous;
        } else {
            tree_[node.previous].next = node.next;
            tree_[node.next != tree_.none ? node.next : above.first].previous = node.previous;
        }
        tree_.remove(std::exchange(leaf, node.parent));
    }
}

// ---- filters -----------------------------------------------------------------------------------

RetainedTree::Steps RetainedTree::steps_of(std::string_view filter) const {
    Steps steps;
    for (Levels levels(filter); levels.more();) {
        const std::string_view text = levels.next();
        if (text == "#" && !levels.more())
            steps.all_below = true;
        else
            steps.levels.push_back(tree_.level(text));
    }
    return steps;
}

std::uint32_t RetainedTree::not_reserved(std::uint32_t child) const noexcept {
    // [MQTT-4.7.2-1]
    while (child != tree_.none && tree_[child].text.view().starts_with('$'))
        child = tree_[child].next;
    return child;
}

std::uint32_t RetainedTree::first_fit(std::uint32_t parent, const Level& level) const noexcept {
    if (level.text != "+") return tree_.child(parent, level);
    const std::uint32_t first = tree_[parent].first;
    return parent == tree_.root ? not_reserved(first) : first;
}

std::uint32_t RetainedTree::next_fit(std::uint32_t child, const Level& level) const noexcept {
    if (level.text != "+") return tree_.none;
    const std::uint32_t next = tree_[child].next;
    return tree_[child].parent == tree_.root ? not_reserved(next) : next;
}

}  // namespace causeway::mqtt
