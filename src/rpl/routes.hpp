#pragma once
// The root's table in non-storing mode: which parents every target named, and the source routes
// that follow from it. [RFC 6550 §9.4, §9.7, §9.9]
#include "base/inplace_vector.hpp"
#include "base/time.hpp"
#include "rpl/messages.hpp"
#include "rpl/sequence.hpp"
#include "rpl/source_routing.hpp"

#include <map>
#include <optional>

namespace causeway::rpl {

/// Parents remembered of one target; more in a DAO are left out.
inline constexpr std::size_t route_parents_max = 4;
/// Table look-ups spent on one source route before it is given up: a hostile table can make the
/// search for a path through many parents long, and no honest one comes near.
inline constexpr std::size_t route_steps_max = 512;

class Routes {
public:
    struct Parent {
        ip::Address address;
        std::uint8_t path_control = 0;
        friend bool operator==(const Parent&, const Parent&) = default;
    };
    struct Route {
        InplaceVector<Parent, route_parents_max> parents;  // best first
        Sequence path_sequence;
        bool external = false;  // the first parent is the router the target hangs on
        Instant expires = never;
        Instant heard{};  // when the Path Sequence was last confirmed
    };
    /// No packet is under way for longer: an older Path Sequence that comes later than this behind
    /// a newer one is not late news, but comes from a node that restarted and lost its counter.
    static constexpr Duration late_news_max = std::chrono::seconds(15);

    enum class Update : std::uint8_t {
        accepted,   // something is new
        refreshed,  // nothing is, but the lifetime
        removed,    // by a No-Path
        stale,      // an older Path Sequence
        refused,    // no such thing can be a route
        table_full,
    };

    /// `root` is where all routes begin.
    Routes(const ip::Address& root, std::size_t limit) noexcept : root_(root), limit_(limit) {}

    /// One target of a DAO with the transits that stand behind it, in order.
    Update update(Instant now, const Target& target, std::span<const Transit> transits,
                  std::chrono::seconds lifetime_unit);

    /// The hops to `target`, the root not among them; nullopt when it is not known or its parents
    /// do not lead to the root. For an external target, or one known by its prefix only, the route
    /// ends at the router that advertised it.
    [[nodiscard]] std::optional<SourceRoute> source_route(const ip::Address& target) const;

    /// A hop could not reach `unreachable`: its other parents come first from now on. False when it
    /// has no other. `by` is the parent that failed, or unspecified where nobody knows.
    bool demote(const ip::Address& unreachable, const ip::Address& by);

    /// Drops what has expired.
    void expire(Instant now);
    [[nodiscard]] Instant next_expiry() const noexcept { return next_expiry_; }

    [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }
    [[nodiscard]] const Route* find(const ip::Prefix& target) const noexcept;
    /// In the order of their targets.
    [[nodiscard]] const std::map<ip::Prefix, Route>& all() const noexcept { return routes_; }

private:
    [[nodiscard]] const std::pair<const ip::Prefix, Route>* best_match(
        const ip::Address& target) const noexcept;
    bool climb(const ip::Address& from, SourceRoute& upward, std::size_t& steps) const;

    ip::Address root_;
    std::map<ip::Prefix, Route> routes_;
    std::map<std::uint8_t, std::size_t> lengths_;  // shorter than 128, and how many there are
    std::size_t limit_;
    Instant next_expiry_ = never;
};

}  // namespace causeway::rpl
