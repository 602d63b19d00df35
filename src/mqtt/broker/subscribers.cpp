#include "mqtt/broker/subscribers.hpp"

#include <bit>
#include <utility>

namespace causeway::mqtt {

// ---- Subscribers -------------------------------------------------------------------------------

std::size_t Subscribers::home(SubscriberId subscriber) const noexcept {
    // Numbers are the broker's own and dense, nobody can choose them: no key is needed.
    const std::uint32_t mixed = std::to_underlying(subscriber) * 0x9e3779b1u;
    return (mixed >> 7) & (index_.size() - 1);
}

std::size_t Subscribers::position_of(SubscriberId subscriber) const noexcept {
    if (index_.empty()) {
        for (std::size_t at = 0; at < list_.size(); ++at)
            if (list_[at].subscriber == subscriber) return at;
        return nowhere;
    }
    for (std::size_t at = home(subscriber);; at = (at + 1) & (index_.size() - 1)) {
        if (index_[at] == 0) return nowhere;
        if (list_[index_[at] - 1].subscriber == subscriber) return index_[at] - 1;
    }
}

std::size_t Subscribers::slot_of(std::size_t position) const noexcept {
    std::size_t at = home(list_[position].subscriber);
    while (index_[at] != position + 1) at = (at + 1) & (index_.size() - 1);
    return at;
}

void Subscribers::index_all(std::size_t slots) {
    index_ = std::vector<std::uint32_t>(slots);
    for (std::size_t position = 0; position < list_.size(); ++position) {
        std::size_t at = home(list_[position].subscriber);
        while (index_[at] != 0) at = (at + 1) & (slots - 1);
        index_[at] = static_cast<std::uint32_t>(position + 1);
    }
}

void Subscribers::unindex(std::size_t position) noexcept {
    const std::size_t mask = index_.size() - 1;
    std::size_t hole = slot_of(position);
    index_[hole] = 0;
    for (std::size_t at = (hole + 1) & mask; index_[at] != 0; at = (at + 1) & mask) {
        const std::size_t wanted = home(list_[index_[at] - 1].subscriber);
        if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
        index_[hole] = std::exchange(index_[at], 0u);
        hole = at;
    }
}

bool Subscribers::set(const Subscription& subscription) {
    if (const std::size_t at = position_of(subscription.subscriber); at != nowhere) {
        list_[at] = subscription;
        return false;
    }
    list_.push_back(subscription);
    if (list_.size() <= scanned_max && index_.empty()) return true;
    if (list_.size() * 4 > index_.size() * 3) {
        index_all(std::bit_ceil(list_.size() * 2));
    } else {
        std::size_t at = home(subscription.subscriber);
        while (index_[at] != 0) at = (at + 1) & (index_.size() - 1);
        index_[at] = static_cast<std::uint32_t>(list_.size());
    }
    return true;
}

bool Subscribers::remove(SubscriberId subscriber) {
    const std::size_t at = position_of(subscriber);
    if (at == nowhere) return false;
    const std::size_t last = list_.size() - 1;
    if (!index_.empty()) {
        unindex(at);
        if (at != last) index_[slot_of(last)] = static_cast<std::uint32_t>(at + 1);
    }
    list_[at] = list_[last];
    list_.pop_back();
    if (list_.capacity() > 8 && list_.size() * 4 < list_.capacity()) {
        std::vector<Subscription> smaller;
        smaller.reserve(list_.size() * 2);
        smaller.assign(list_.begin(), list_.end());
        list_ = std::move(smaller);
    }
    if (!index_.empty()) {
        if (list_.size() * 2 <= scanned_max)
            index_ = std::vector<std::uint32_t>();
        else if (list_.size() * 8 < index_.size())
            index_all(std::bit_ceil(list_.size() * 2));
    }
    return true;
}

bool Subscribers::contains(SubscriberId subscriber) const noexcept {
    return position_of(subscriber) != nowhere;
}

std::size_t Subscribers::footprint() const noexcept {
    return list_.capacity() * sizeof(list_[0]) + index_.capacity() * sizeof(index_[0]);
}

// ---- SharedGroup and Crowd ---------------------------------------------------------------------

std::size_t SharedGroup::footprint() const noexcept {
    const std::size_t on_heap = name_.capacity() > std::string().capacity() ? name_.capacity() : 0;
    return sizeof *this + on_heap + members_.footprint();
}

std::size_t Crowd::position_of(std::string_view group) const noexcept {
    if (positions_ != nullptr) {
        const std::uint32_t* const at = positions_->find(group);
        return at == nullptr ? groups_.size() : *at;
    }
    std::size_t at = 0;
    while (at < groups_.size() && groups_[at]->name() != group) ++at;
    return at;
}

bool Crowd::share(std::string_view group, const Subscription& subscription) {
    const std::size_t at = position_of(group);
    if (at == groups_.size()) {
        groups_.push_back(std::make_unique<SharedGroup>(group));
        if (positions_ != nullptr) {
            positions_->insert(group, static_cast<std::uint32_t>(at));
        } else if (groups_.size() > scanned_max) {
            positions_ = std::make_unique<Lookup<std::uint32_t>>(seed_);
            for (std::size_t i = 0; i < groups_.size(); ++i)
                positions_->insert(groups_[i]->name(), static_cast<std::uint32_t>(i));
        }
    } else {
        groups_octets_ -= groups_[at]->footprint();
    }
    const bool is_new = groups_[at]->members_.set(subscription);
    groups_octets_ += groups_[at]->footprint();
    return is_new;
}

bool Crowd::shares(std::string_view group, SubscriberId subscriber) const noexcept {
    const std::size_t at = position_of(group);
    return at < groups_.size() && groups_[at]->members_.contains(subscriber);
}

bool Crowd::unshare(std::string_view group, SubscriberId subscriber) {
    const std::size_t at = position_of(group);
    if (at == groups_.size()) return false;
    const std::size_t before = groups_[at]->footprint();
    if (!groups_[at]->members_.remove(subscriber)) return false;
    groups_octets_ -= before;
    if (!groups_[at]->empty()) {
        groups_octets_ += groups_[at]->footprint();
        return true;
    }
    if (positions_ != nullptr) {
        positions_->erase(group);
        if (at + 1 != groups_.size())
            positions_->set(groups_.back()->name(), static_cast<std::uint32_t>(at));
    }
    if (at + 1 != groups_.size()) groups_[at] = std::move(groups_.back());
    groups_.pop_back();
    if (groups_.size() * 2 <= scanned_max) positions_.reset();
    return true;
}

std::size_t Crowd::footprint() const noexcept {
    return sizeof *this + plain.footprint() + groups_octets_ +
           groups_.capacity() * sizeof(groups_[0]) +
           (positions_ != nullptr ? sizeof *positions_ + positions_->footprint() : 0);
}

}  // namespace causeway::mqtt
