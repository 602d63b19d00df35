#pragma once
// Who subscribes to one filter: any number of subscribers, each once, and the groups that share
// the filter. Adding and removing take the same time for one subscriber and for 100,000.
#include "base/lookup.hpp"
#include "mqtt/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

/// A broker's number for a session, small and dense: it indexes a table.
enum class SubscriberId : std::uint32_t {};

struct Subscription {
    SubscriberId subscriber{};
    SubscriptionOptions options;
    std::uint32_t identifier = 0;  // 0: none
    friend bool operator==(const Subscription&, const Subscription&) = default;
};

/// In the order in which they came, but for removals: the last takes the place of the removed.
class Subscribers {
public:
    /// False when it replaced the subscription that this subscriber had.
    bool set(const Subscription& subscription);
    bool remove(SubscriberId subscriber);
    [[nodiscard]] bool contains(SubscriberId subscriber) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    [[nodiscard]] const Subscription& operator[](std::size_t at) const { return list_[at]; }
    [[nodiscard]] auto begin() const noexcept { return list_.begin(); }
    [[nodiscard]] auto end() const noexcept { return list_.end(); }
    /// Octets on the heap.
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    static constexpr std::size_t scanned_max = 32;  // up to here a scan is as fast as the index
    static constexpr std::size_t nowhere = SIZE_MAX;

    [[nodiscard]] std::size_t position_of(SubscriberId subscriber) const noexcept;
    [[nodiscard]] std::size_t home(SubscriberId subscriber) const noexcept;
    [[nodiscard]] std::size_t slot_of(std::size_t position) const noexcept;
    void index_all(std::size_t slots);
    void unindex(std::size_t position) noexcept;

    std::vector<Subscription> list_;
    std::vector<std::uint32_t> index_;  // positions in list_ plus one, open addressing; or empty
};

/// Those who share one filter under one name: each message goes to one of them
/// [MQTT 5.0 §4.8.2].
class SharedGroup {
public:
    explicit SharedGroup(std::string_view name) : name_(name) {}

    /// The next in turn for whom `usable(const Subscription&)` holds, or null: there is none.
    template <class Usable>
    [[nodiscard]] const Subscription* pick(Usable&& usable) {
        for (std::size_t asked = 0; asked < members_.size(); ++asked) {
            if (next_ >= members_.size()) next_ = 0;
            const Subscription& member = members_[next_++];
            if (usable(member)) return &member;
        }
        return nullptr;
    }
    template <class Each>
    void for_each(Each&& each) const {
        for (const Subscription& member : members_) each(member);
    }

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    friend class Crowd;

    std::string name_;
    Subscribers members_;
    std::size_t next_ = 0;
};

/// What a filter has beyond one plain subscription.
class Crowd {
public:
    explicit Crowd(std::uint64_t seed) noexcept : seed_(seed) {}

    Subscribers plain;

    /// As Subscribers::set.
    bool share(std::string_view group, const Subscription& subscription);
    [[nodiscard]] bool shares(std::string_view group, SubscriberId subscriber) const noexcept;
    bool unshare(std::string_view group, SubscriberId subscriber);
    [[nodiscard]] const std::vector<std::unique_ptr<SharedGroup>>& groups() const noexcept {
        return groups_;
    }
    [[nodiscard]] bool empty() const noexcept { return plain.empty() && groups_.empty(); }
    /// Octets that it holds, itself included.
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    static constexpr std::size_t scanned_max = 16;

    [[nodiscard]] std::size_t position_of(std::string_view group) const noexcept;

    std::uint64_t seed_;
    std::vector<std::unique_ptr<SharedGroup>> groups_;
    std::unique_ptr<Lookup<std::uint32_t>> positions_;  // of groups_ by name, once they are many
    std::size_t groups_octets_ = 0;
};

}  // namespace causeway::mqtt
