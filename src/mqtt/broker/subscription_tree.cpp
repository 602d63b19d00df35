#include "mqtt/broker/subscription_tree.hpp"

#include "mqtt/topic.hpp"

#include <algorithm>
#include <utility>

namespace causeway::mqtt {

namespace {

/// A filter without `$share/GROUP/`, and the group if there is one.
struct Place {
    std::string_view filter;
    std::optional<std::string_view> group;
};

Place place_of(std::string_view filter) {
    if (const auto shared = shared_of(filter)) return {shared->filter, shared->group};
    return {filter, std::nullopt};
}

}  // namespace

SubscriptionTree::SubscriptionTree(std::size_t subscriptions_max, std::uint64_t seed)
    : tree_(seed),
      plus_(tree_.level("+")),
      hash_(tree_.level("#")),
      subscriptions_max_(subscriptions_max),
      nodes_max_(8 * subscriptions_max + 4096),
      seed_(seed) {}

SubscriptionTree::Added SubscriptionTree::add(std::string_view filter,
                                              const Subscription& subscription) {
    const Place place = place_of(filter);
    if (const std::uint32_t there = find(place.filter);
        there != tree_.none && holds(there, place.group, subscription.subscriber)) {
        put(tree_[there], place.group, subscription);
        return Added::replaced;
    }
    if (size_ >= subscriptions_max_) return Added::refused_full;
    const std::uint32_t at = path_to(place.filter);
    if (at == tree_.none) return Added::refused_full;
    put(tree_[at], place.group, subscription);
    ++size_;
    return Added::added;
}

bool SubscriptionTree::remove(std::string_view filter, SubscriberId subscriber) {
    const Place place = place_of(filter);
    const std::uint32_t at = find(place.filter);
    if (at == tree_.none || !take(tree_[at], place.group, subscriber)) return false;
    --size_;
    prune(at);
    return true;
}

std::size_t SubscriptionTree::footprint() const noexcept {
    return sizeof *this + tree_.footprint() + crowds_octets_ +
           crowds_.capacity() * sizeof(crowds_[0]) +
           crowds_vacant_.capacity() * sizeof(crowds_vacant_[0]) +
           levels_.capacity() * sizeof(levels_[0]) + untried_.capacity() * sizeof(untried_[0]);
}

// ---- paths -------------------------------------------------------------------------------------

std::uint32_t SubscriptionTree::find(std::string_view filter) const noexcept {
    std::uint32_t at = tree_.root;
    for (Levels levels(filter); levels.more();) {
        at = tree_.child(at, tree_.level(levels.next()));
        if (at == tree_.none) return tree_.none;
    }
    return at;
}

/// The node of a filter, made where there was none; or none, when that would be too many.
std::uint32_t SubscriptionTree::path_to(std::string_view filter) {
    std::uint32_t at = tree_.root;
    std::size_t depth = 0;
    for (Levels levels(filter); levels.more(); ++depth) {
        const Level level = tree_.level(levels.next());
        std::uint32_t next = tree_.child(at, level);
        if (next == tree_.none) {
            if (tree_.size() >= nodes_max_) {
                prune(at);
                return tree_.none;
            }
            next = tree_.add_child(at, level);
            Node& parent = tree_[at];
            ++parent.children;
            if (level.text == "+") parent.wild |= has_plus;
            if (level.text == "#") parent.wild |= has_hash;
        }
        at = next;
    }
    if (levels_.size() < depth) {
        levels_.resize(depth);
        untried_.resize(depth);
    }
    return at;
}

/// Removes a node that holds nothing and leads nowhere, and its parents likewise.
void SubscriptionTree::prune(std::uint32_t leaf) {
    while (leaf != tree_.root && tree_[leaf].children == 0 && tree_[leaf].holds == Holds::nothing) {
        Node& parent = tree_[tree_[leaf].parent];
        const std::string_view text = tree_[leaf].text.view();
        if (text == "+") parent.wild &= static_cast<std::uint8_t>(~has_plus);
        if (text == "#") parent.wild &= static_cast<std::uint8_t>(~has_hash);
        --parent.children;
        tree_.remove(std::exchange(leaf, tree_[leaf].parent));
    }
    if (size_ == 0 && tree_.size() == 0) {
        levels_ = std::vector<Level>();
        untried_ = std::vector<Untried>();
    }
}

// ---- what a node holds -------------------------------------------------------------------------

bool SubscriptionTree::holds(std::uint32_t at, std::optional<std::string_view> group,
                             SubscriberId subscriber) const noexcept {
    const Node& node = tree_[at];
    if (node.holds == Holds::nothing) return false;
    if (node.holds == Holds::one) return !group && node.one.subscriber == subscriber;
    const Crowd& crowd = *crowds_[node.crowd];
    return group ? crowd.shares(*group, subscriber) : crowd.plain.contains(subscriber);
}

/// False when it replaced one.
bool SubscriptionTree::put(Node& node, std::optional<std::string_view> group,
                           const Subscription& subscription) {
    const bool alone = node.holds == Holds::nothing ||
                       (node.holds == Holds::one && node.one.subscriber == subscription.subscriber);
    if (alone && !group) {
        node.one = subscription;
        return std::exchange(node.holds, Holds::one) == Holds::nothing;
    }
    if (node.holds != Holds::crowd) make_crowd(node);
    Crowd& crowd = *crowds_[node.crowd];
    crowds_octets_ -= crowd.footprint();
    const bool is_new = group ? crowd.share(*group, subscription) : crowd.plain.set(subscription);
    crowds_octets_ += crowd.footprint();
    return is_new;
}

bool SubscriptionTree::take(Node& node, std::optional<std::string_view> group,
                            SubscriberId subscriber) {
    if (node.holds == Holds::nothing) return false;
    if (node.holds == Holds::one) {
        if (group || node.one.subscriber != subscriber) return false;
        node.holds = Holds::nothing;
        return true;
    }
    Crowd& crowd = *crowds_[node.crowd];
    const std::size_t before = crowd.footprint();
    if (!(group ? crowd.unshare(*group, subscriber) : crowd.plain.remove(subscriber))) return false;
    crowds_octets_ += crowd.footprint();
    crowds_octets_ -= before;
    end_crowd(node);
    return true;
}

/// Of a node that holds nothing or one.
void SubscriptionTree::make_crowd(Node& node) {
    auto crowd = std::make_unique<Crowd>(seed_);
    if (node.holds == Holds::one) crowd->plain.set(node.one);
    crowds_octets_ += crowd->footprint();
    node.holds = Holds::crowd;
    if (crowds_vacant_.empty()) {
        node.crowd = static_cast<std::uint32_t>(crowds_.size());
        crowds_.push_back(std::move(crowd));
    } else {
        node.crowd = crowds_vacant_.back();
        crowds_vacant_.pop_back();
        crowds_[node.crowd] = std::move(crowd);
    }
}

/// Where one plain subscription or nothing is left, no crowd is needed.
void SubscriptionTree::end_crowd(Node& node) {
    const std::uint32_t place = node.crowd;
    const Crowd& crowd = *crowds_[place];
    if (crowd.plain.size() > 1 || !crowd.groups().empty()) return;
    crowds_octets_ -= crowd.footprint();
    if (crowd.plain.empty()) {
        node.holds = Holds::nothing;
    } else {
        node.one = Subscription(crowd.plain[0]);
        node.holds = Holds::one;
    }
    crowds_[place].reset();
    crowds_vacant_.push_back(place);
    if (crowds_vacant_.size() == crowds_.size()) {
        crowds_ = std::vector<std::unique_ptr<Crowd>>();
        crowds_vacant_ = std::vector<std::uint32_t>();
    }
}

}  // namespace causeway::mqtt
