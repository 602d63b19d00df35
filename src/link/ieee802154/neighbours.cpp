#include "link/ieee802154/neighbours.hpp"

#include <algorithm>
#include <limits>

namespace causeway::link::ieee802154 {
namespace {

constexpr std::uint32_t fraction = 256;
constexpr std::int32_t heard_weight = 8;  // an eighth of a new RSSI or LQI goes in

bool is_fresh(std::uint32_t samples, Instant last_sent, Instant now) noexcept {
    return samples >= Neighbours::samples_fresh && last_sent != never &&
           now - last_sent < Neighbours::fresh_for;
}

// Moves an average towards a sample by one `weight`th, in 64 bits so that nothing can overflow.
template <class T>
T moved(T average, std::int64_t sample, std::int64_t weight) noexcept {
    const auto old = static_cast<std::int64_t>(average);
    return static_cast<T>(old + (sample - old) / weight);
}

}  // namespace

bool LinkStatistics::fresh(Instant now) const noexcept {
    return is_fresh(samples, last_sent, now);
}

std::uint16_t Neighbours::etx_guess(int rssi_dbm) noexcept {
    if (rssi_dbm >= rssi_strong_dbm) return etx_divisor;
    if (rssi_dbm <= rssi_weak_dbm) return etx_weak;
    constexpr int span = rssi_strong_dbm - rssi_weak_dbm;
    return static_cast<std::uint16_t>(etx_divisor + (rssi_strong_dbm - rssi_dbm) *
                                                        (etx_weak - etx_divisor) / span);
}

std::uint16_t Neighbours::etx_of(const Link& link) noexcept {
    if (link.samples != 0)
        return static_cast<std::uint16_t>((link.etx_256 + fraction / 2) / fraction);
    return link.last_heard == never ? etx_unheard : etx_guess(link.rssi_256 / 256);
}

void Neighbours::sent(Instant now, Address neighbour, SendOutcome outcome, unsigned attempts) {
    if (neighbour.is_none() || neighbour.is_broadcast() || attempts == 0) return;
    std::uint32_t sample = 0;  // ETX times 128
    switch (outcome) {
        case SendOutcome::delivered:
            sample = std::min(attempts, 255u) * etx_divisor;
            break;
        case SendOutcome::no_ack:
            sample = etx_no_ack;
            break;
        case SendOutcome::channel_busy:
            sample =
                std::min<std::uint32_t>((std::min(attempts, 255u) + 1) * etx_divisor, etx_no_ack);
            break;
        case SendOutcome::queue_full:
        case SendOutcome::too_long:
            return;
    }
    Link* const link = admit(now, neighbour, true);
    if (link == nullptr) return;
    if (link->samples == 0) link->etx_256 = etx_of(*link) * fraction;
    link->etx_256 = moved(link->etx_256, std::int64_t{sample} * fraction,
                          link->samples < samples_young ? 8 : 16);
    if (link->samples != std::numeric_limits<std::uint32_t>::max()) ++link->samples;
    link->last_sent = now;
}

void Neighbours::heard(Instant now, Address neighbour, std::int8_t rssi_dbm, std::uint8_t lqi) {
    if (neighbour.is_none() || neighbour.is_broadcast()) return;
    Link* const link = admit(now, neighbour, false);
    if (link == nullptr) return;
    const std::int64_t rssi_256 = std::int64_t{rssi_dbm} * 256;
    const std::int64_t lqi_256 = std::int64_t{lqi} * 256;
    const std::int64_t weight = link->last_heard == never ? 1 : heard_weight;
    link->rssi_256 = moved(link->rssi_256, rssi_256, weight);
    link->lqi_256 = moved(link->lqi_256, lqi_256, weight);
    link->last_heard = now;
}

const Neighbours::Link* Neighbours::lookup(const Address& neighbour) const noexcept {
    const auto at = std::ranges::lower_bound(links_, neighbour, {}, &Link::neighbour);
    return at != links_.end() && at->neighbour == neighbour ? &*at : nullptr;
}

// When the table is full, the one that goes is not pinned: first those whose ETX is not fresh, of
// them first those we never sent to, then the one silent the longest, then the lowest address. A
// neighbour that was only heard - anybody can forge that - never displaces one that is fresh.
Neighbours::Link* Neighbours::admit(Instant now, const Address& neighbour, bool we_sent) {
    auto at = std::ranges::lower_bound(links_, neighbour, {}, &Link::neighbour);
    if (at != links_.end() && at->neighbour == neighbour) return &*at;
    if (links_.size() >= neighbours_max_) {
        const auto last_activity = [](const Link& link) {
            if (link.last_sent == never) return link.last_heard;
            if (link.last_heard == never) return link.last_sent;
            return std::max(link.last_sent, link.last_heard);
        };
        const auto less_worth = [&](const Link& a, const Link& b) {
            const bool a_fresh = is_fresh(a.samples, a.last_sent, now);
            const bool b_fresh = is_fresh(b.samples, b.last_sent, now);
            if (a_fresh != b_fresh) return b_fresh;
            if ((a.samples == 0) != (b.samples == 0)) return a.samples == 0;
            return last_activity(a) < last_activity(b);
        };
        auto doomed = links_.end();
        for (auto link = links_.begin(); link != links_.end(); ++link)
            if (!link->pinned && (doomed == links_.end() || less_worth(*link, *doomed)))
                doomed = link;
        if (doomed == links_.end() ||
            (!we_sent && is_fresh(doomed->samples, doomed->last_sent, now))) {
            ++stats_.refused;
            return nullptr;
        }
        links_.erase(doomed);
        ++stats_.evicted;
        at = std::ranges::lower_bound(links_, neighbour, {}, &Link::neighbour);
    }
    ++stats_.admitted;
    at = links_.insert(at, Link{.neighbour = neighbour});
    stats_.present = links_.size();
    return &*at;
}

LinkStatistics Neighbours::statistics(const Link& link) noexcept {
    return {.neighbour = link.neighbour,
            .etx = etx_of(link),
            .rssi_dbm = static_cast<std::int8_t>(link.rssi_256 / 256),
            .lqi = static_cast<std::uint8_t>(link.lqi_256 / 256),
            .samples = link.samples,
            .last_sent = link.last_sent,
            .last_heard = link.last_heard,
            .pinned = link.pinned};
}

std::optional<LinkStatistics> Neighbours::find(Address neighbour) const {
    const Link* const link = lookup(neighbour);
    if (link == nullptr) return std::nullopt;
    return statistics(*link);
}

std::uint16_t Neighbours::etx(Address neighbour) const noexcept {
    const Link* const link = lookup(neighbour);
    return link == nullptr ? etx_unheard : etx_of(*link);
}

bool Neighbours::pin(Address neighbour, bool pinned) noexcept {
    const auto at = std::ranges::lower_bound(links_, neighbour, {}, &Link::neighbour);
    if (at == links_.end() || at->neighbour != neighbour) return false;
    at->pinned = pinned;
    return true;
}

std::vector<LinkStatistics> Neighbours::all() const {
    std::vector<LinkStatistics> all;
    all.reserve(links_.size());
    for (const Link& link : links_) all.push_back(statistics(link));
    return all;
}

}  // namespace causeway::link::ieee802154
