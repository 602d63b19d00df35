#include "rpl/routes.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

/// Expired routes are looked for no more often than this: all refreshes in between cost nothing.
constexpr Duration sweep_gap = std::chrono::seconds(10);

ip::Prefix cut(const ip::Address& address, std::uint8_t length) noexcept {
    ip::Prefix prefix{address, length};
    std::size_t octet = length / 8u;
    if (length % 8 != 0) {
        prefix.address.octets[octet] &= std::byte(0xff << (8 - length % 8) & 0xff);
        ++octet;
    }
    for (; octet < 16; ++octet) prefix.address.octets[octet] = std::byte{0};
    return prefix;
}

bool can_be_target(const ip::Prefix& prefix) noexcept {
    return !prefix.address.is_multicast() && !prefix.address.is_link_local() &&
           !(prefix.length == 128 && prefix.address.is_unspecified());
}

}  // namespace

Routes::Update Routes::update(Instant now, const Target& target, std::span<const Transit> transits,
                              std::chrono::seconds lifetime_unit) {
    if (transits.empty() || !can_be_target(target.prefix)) return Update::refused;
    if (target.prefix.length == 128 && target.prefix.address == root_) return Update::refused;
    const Transit& first = transits.front();
    const Sequence sequence(first.path_sequence);

    const auto at = routes_.find(target.prefix);
    // "MUST use the Path Sequence number ... to determine whether or not the DAO message contains
    // updated information". [RFC 6550 §9.4] What cannot be compared comes from a node that lost
    // its counter, and is the latest it has to say.
    SequenceOrder order = SequenceOrder::newer;
    if (at != routes_.end()) order = sequence.order(at->second.path_sequence);
    // Deviates: a node that restarts soon after its first registrations starts again where its old
    // counter still is, and would be held for stale until the old route expires [RFC 6550 §9.4].
    if (order == SequenceOrder::older && now - at->second.heard > late_news_max)
        order = SequenceOrder::newer;
    if (order == SequenceOrder::older) return Update::stale;

    if (first.path_lifetime == 0) {  // No-Path
        if (at == routes_.end()) return Update::refreshed;
        if (target.prefix.length < 128)
            if (const auto count = lengths_.find(target.prefix.length); --count->second == 0)
                lengths_.erase(count);
        routes_.erase(at);
        return Update::removed;
    }

    // With the same Path Sequence the paths add up, with a newer one they replace those before.
    Route route;
    if (order == SequenceOrder::same) route = at->second;
    const auto before = route.parents;
    route.path_sequence = sequence;
    route.heard = now;
    route.external = first.external;
    for (const Transit& transit : transits) {
        // "The DODAG Parent Address subfield ... MUST contain one or more addresses" [§9.7]
        if (!transit.parent || transit.parent->is_multicast() || transit.parent->is_unspecified() ||
            transit.path_lifetime == 0 || *transit.parent == target.prefix.address)
            continue;
        Parent* const known = std::ranges::find(route.parents, *transit.parent, &Parent::address);
        if (known != route.parents.end())
            known->path_control = transit.path_control;
        else if (!route.parents.full())
            route.parents.push_back({*transit.parent, transit.path_control});
    }
    if (route.parents.empty()) return Update::refused;
    // "The subfields are ordered by preference, with PC1 being the most preferred": the one whose
    // highest bits are set comes first. [RFC 6550 §6.7.8]
    for (std::size_t i = 1; i < route.parents.size(); ++i)
        for (std::size_t j = i;
             j > 0 && route.parents[j].path_control > route.parents[j - 1].path_control; --j)
            std::swap(route.parents[j], route.parents[j - 1]);

    const auto lifetime = lifetime_unit * first.path_lifetime;
    route.expires = first.path_lifetime == 0xff ? never : after(now, lifetime);
    if (route.expires != never)
        next_expiry_ = std::min(next_expiry_, std::max(route.expires, after(now, sweep_gap)));
    if (at != routes_.end()) {
        const bool same_way = order == SequenceOrder::same ? before == route.parents
                                                           : at->second.parents == route.parents;
        at->second = route;
        return same_way ? Update::refreshed : Update::accepted;
    }
    if (routes_.size() >= limit_) return Update::table_full;
    routes_.emplace(target.prefix, route);
    if (target.prefix.length < 128) ++lengths_[target.prefix.length];
    return Update::accepted;
}

const std::pair<const ip::Prefix, Routes::Route>* Routes::best_match(
    const ip::Address& target) const noexcept {
    if (const auto host = routes_.find({target, 128}); host != routes_.end()) return &*host;
    for (auto length = lengths_.rbegin(); length != lengths_.rend(); ++length)
        if (const auto net = routes_.find(cut(target, length->first)); net != routes_.end())
            return &*net;
    return nullptr;
}

std::optional<SourceRoute> Routes::source_route(const ip::Address& target) const {
    const auto* found = best_match(target);
    if (found == nullptr) return std::nullopt;
    std::size_t steps = 0;
    SourceRoute upward;
    // A target that is no RPL router is reached through the one that advertised it: "the root uses
    // IP-in-IP encapsulation to that 6LR". [RFC 9008 §4.1.1]
    if (found->first.length < 128 || found->second.external) {
        for (const Parent& parent : found->second.parents) {
            if (parent.address == root_) return std::nullopt;  // it hangs on the root itself
            upward.clear();
            upward.push_back(parent.address);
            if (climb(parent.address, upward, steps)) break;
            upward.clear();
        }
    } else {
        upward.push_back(target);
        if (!climb(target, upward, steps)) upward.clear();
    }
    if (upward.empty()) return std::nullopt;
    std::reverse(upward.begin(), upward.end());
    return upward;
}

/// Completes `upward`, whose last hop is `from`, to a child of the root: depth first, in the order
/// of the parents' preference.
bool Routes::climb(const ip::Address& from, SourceRoute& upward, std::size_t& steps) const {
    if (++steps > route_steps_max) return false;
    const auto at = routes_.find({from, 128});
    if (at == routes_.end()) return false;
    for (const Parent& parent : at->second.parents) {
        if (parent.address == root_) return true;
        if (upward.full()) continue;
        // "The SRH MUST NOT specify a path that visits a node more than once." [RFC 6554 §3]
        if (std::ranges::find(upward, parent.address) != upward.end()) continue;
        upward.push_back(parent.address);
        if (climb(parent.address, upward, steps)) return true;
        upward.erase_at(upward.size() - 1);
    }
    return false;
}

bool Routes::demote(const ip::Address& unreachable, const ip::Address& by) {
    const auto at = routes_.find({unreachable, 128});
    if (at == routes_.end() || at->second.parents.size() < 2) return false;
    auto& parents = at->second.parents;
    auto* failed = std::ranges::find(parents, by, &Parent::address);
    if (failed == parents.end()) failed = parents.begin();
    std::rotate(failed, failed + 1, parents.end());
    return true;
}

void Routes::expire(Instant now) {
    if (now < next_expiry_) return;
    Instant earliest = never;
    for (auto at = routes_.begin(); at != routes_.end();) {
        if (at->second.expires > now) {
            earliest = std::min(earliest, at->second.expires);
            ++at;
            continue;
        }
        if (at->first.length < 128)
            if (const auto count = lengths_.find(at->first.length); --count->second == 0)
                lengths_.erase(count);
        at = routes_.erase(at);
    }
    next_expiry_ = earliest == never ? never : std::max(earliest, after(now, sweep_gap));
}

const Routes::Route* Routes::find(const ip::Prefix& target) const noexcept {
    const auto at = routes_.find(target);
    return at == routes_.end() ? nullptr : &at->second;
}

}  // namespace causeway::rpl
