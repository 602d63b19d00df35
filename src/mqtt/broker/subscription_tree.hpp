#pragma once
// Who subscribes to a topic: the filters of all sessions, as a tree of their levels
// [MQTT 5.0 §4.7] [MQTT 5.0 §4.8.2]. What a session may subscribe to, and what becomes of one that
// several of its filters match, is the broker's affair.
//
// Filters are well formed (topic.hpp). A match allocates nothing, recurses nowhere, and its order
// depends on nothing but what was added and removed before.
#include "mqtt/broker/level_tree.hpp"
#include "mqtt/broker/subscribers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

class SubscriptionTree {
public:
    enum class Added : std::uint8_t { added, replaced, refused_full };

    /// Beyond `subscriptions_max` filters it is full, and also when they are so deep that they need
    /// more than nodes_max(): no flood of deep filters makes it larger than that. `seed` is a
    /// secret of this run; no output hangs on it.
    explicit SubscriptionTree(std::size_t subscriptions_max, std::uint64_t seed = 0);

    /// `$share/GROUP/FILTER` too. One of the same session on the same filter is replaced
    /// [MQTT-3.8.4-3].
    Added add(std::string_view filter, const Subscription& subscription);
    bool remove(std::string_view filter, SubscriberId subscriber);

    /// `each(const Subscription&)` for every filter that matches, and `each_group(SharedGroup&)`
    /// for every group. Neither may change the tree, or ask it again.
    template <class Each, class EachGroup>
    void match(std::string_view topic_name, Each&& each, EachGroup&& each_group);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Octets that it holds.
    [[nodiscard]] std::size_t footprint() const noexcept;
    /// Levels of all filters, those in common counted once.
    [[nodiscard]] std::size_t nodes() const noexcept { return tree_.size(); }
    [[nodiscard]] std::size_t nodes_max() const noexcept { return nodes_max_; }

private:
    enum class Holds : std::uint8_t { nothing, one, crowd };
    static constexpr std::uint8_t has_plus = 1;
    static constexpr std::uint8_t has_hash = 2;

    struct Node {
        union {
            Subscription one{};
            std::uint32_t crowd;  // its place in crowds_
        };
        std::uint32_t parent = 0;
        std::uint32_t children = 0;
        ShortText<22> text;
        Holds holds = Holds::nothing;
        std::uint8_t wild = 0;  // has_plus, has_hash: which children it is worth asking for
    };
    static_assert(sizeof(Node) == 44);

    /// A `+` that was passed by, to be tried after the level's own name.
    struct Untried {
        std::uint32_t node;
        std::uint32_t levels;
    };

    template <class Each, class EachGroup>
    void deliver(const Node& node, Each& each, EachGroup& each_group);
    [[nodiscard]] std::uint32_t find(std::string_view filter) const noexcept;
    [[nodiscard]] bool holds(std::uint32_t at, std::optional<std::string_view> group,
                             SubscriberId subscriber) const noexcept;
    bool put(Node& node, std::optional<std::string_view> group, const Subscription& subscription);
    bool take(Node& node, std::optional<std::string_view> group, SubscriberId subscriber);
    std::uint32_t path_to(std::string_view filter);
    void prune(std::uint32_t leaf);
    void make_crowd(Node& node);
    void end_crowd(Node& node);

    LevelTree<Node> tree_;
    Level plus_;
    Level hash_;
    std::size_t subscriptions_max_;
    std::size_t nodes_max_;
    std::size_t size_ = 0;
    std::vector<std::unique_ptr<Crowd>> crowds_;
    std::vector<std::uint32_t> crowds_vacant_;
    std::size_t crowds_octets_ = 0;
    std::uint64_t seed_;
    // For match(), as long as the deepest filter has levels.
    std::vector<Level> levels_;
    std::vector<Untried> untried_;
};

// ---- inline parts ------------------------------------------------------------------------------

template <class Each, class EachGroup>
void SubscriptionTree::deliver(const Node& node, Each& each, EachGroup& each_group) {
    if (node.holds == Holds::nothing) return;
    if (node.holds == Holds::one) {
        each(node.one);
        return;
    }
    const Crowd& crowd = *crowds_[node.crowd];
    for (const Subscription& subscription : crowd.plain) each(subscription);
    for (const auto& group : crowd.groups()) each_group(*group);
}

template <class Each, class EachGroup>
void SubscriptionTree::match(std::string_view topic_name, Each&& each, EachGroup&& each_group) {
    // Wildcards at the front do not match names of the server's own [MQTT-4.7.2-1].
    const bool reserved = topic_name.starts_with('$');
    Levels topic(topic_name);
    std::size_t known = 0;    // levels of the topic in levels_
    std::size_t untried = 0;  // each on a deeper level than the one before: no more than levels
    std::uint32_t at = LevelTree<Node>::root;
    std::uint32_t depth = 0;
    while (true) {
        const Node& node = tree_[at];
        const bool wild = node.wild != 0 && !(reserved && depth == 0);
        // "#" matches its parent too [MQTT 5.0 §4.7.1.2].
        if (wild && (node.wild & has_hash) != 0)
            deliver(tree_[tree_.child(at, hash_)], each, each_group);
        std::uint32_t next = 0;
        if (depth == known && !topic.more()) {
            deliver(node, each, each_group);
        } else if (node.children != 0) {
            if (depth == known) levels_[known++] = tree_.level(topic.next());
            next = tree_.child(at, levels_[depth]);
            if (wild && (node.wild & has_plus) != 0) {
                const std::uint32_t plus = tree_.child(at, plus_);
                if (next == 0)
                    next = plus;
                else
                    untried_[untried++] = {plus, depth + 1};
            }
        }
        if (next != 0) {
            at = next;
            ++depth;
        } else if (untried > 0) {
            at = untried_[--untried].node;
            depth = untried_[untried].levels;
        } else {
            return;
        }
    }
}

}  // namespace causeway::mqtt
