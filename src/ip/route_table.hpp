#pragma once
// Which way a packet goes: routes by prefix, the longest match first.
// One route a prefix: no metrics, no several ways at once.
#include "base/tap.hpp"
#include "base/time.hpp"
#include "ip/address.hpp"

#include <optional>
#include <vector>

namespace causeway::ip {

struct Route {
    Prefix prefix{};
    std::optional<Address> via{};  // nullopt: the target itself is on the link
    std::uint8_t interface = 0;    // whatever the owner numbers its links by
    Instant expires = never;

    friend bool operator==(const Route&, const Route&) = default;
};

class ForwardingTable {
public:
    enum class Added : std::uint8_t { added, replaced, table_full };

    struct Stats {
        std::uint64_t asked = 0;  // calls of add()
        std::uint64_t added = 0;
        std::uint64_t replaced = 0;
        std::uint64_t refused_full = 0;
        std::uint64_t removed = 0;
        std::uint64_t expired = 0;
        std::uint64_t held = 0;  // now

        void visit(auto named) const {
            named("asked", asked);
            named("added", added);
            named("replaced", replaced);
            named("refused_full", refused_full);
            named("removed", removed);
            named("expired", expired);
            named("held", held);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return asked == added + replaced + refused_full && added == removed + expired + held;
        }
    };

    explicit ForwardingTable(std::size_t routes_max) noexcept : routes_max_(routes_max) {}

    /// Takes the place of the route with the same prefix. Bits of the prefix past its length are
    /// cleared. A full table refuses a new prefix, whatever else it holds.
    Added add(Route route);
    /// False when there was none.
    bool remove(const Prefix& prefix);
    /// The number of routes that went, for which `doomed(const Route&)`.
    template <class Predicate>
    std::size_t remove_if(Predicate doomed) {
        const std::size_t gone = std::erase_if(routes_, doomed);
        if (gone != 0) reindex();
        stats_.removed += gone;
        return gone;
    }
    void clear();

    /// The longest prefix that holds `target`; borrowed until the table changes. Routes that should
    /// have expired still count: expire() is what ends them.
    [[nodiscard]] const Route* lookup(const Address& target) const noexcept;
    /// The route with exactly this prefix.
    [[nodiscard]] const Route* find(const Prefix& prefix) const noexcept;
    /// In order: longest prefixes first, then by address.
    void visit(auto each) const {
        for (const Route& route : routes_) each(route);
    }
    [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return routes_.empty(); }

    /// Forgets what ends at `now` or before; how many those were.
    std::size_t expire(Instant now);
    /// No route expires before this; none may expire at it, if one was replaced or removed.
    [[nodiscard]] Instant next_deadline() const noexcept { return deadline_; }

    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    /// The routes of one prefix length: routes_[begin, end).
    struct Band {
        std::uint8_t length;
        std::uint32_t begin;
        std::uint32_t end;
    };
    void reindex();
    [[nodiscard]] std::size_t place_of(const Prefix& prefix) const noexcept;

    std::size_t routes_max_;
    std::vector<Route> routes_;
    std::vector<Band>
        bands_;  // longest first; a table has few lengths, so a lookup is few searches
    Instant deadline_ = never;
    Stats stats_;
};

static_assert(Stats<ForwardingTable::Stats>);

}  // namespace causeway::ip
