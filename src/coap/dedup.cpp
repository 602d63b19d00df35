#include "coap/dedup.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// Of peer and id: equal for equal ones, and mostly different for others.
std::uint32_t digest_of(const Peer& peer, std::uint16_t id) noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, peer.address.data(), 8);
    std::memcpy(&low, peer.address.data() + 8, 8);
    const std::uint64_t rest = std::uint64_t{peer.port} << 16 | id;
    std::uint64_t mixed = (high ^ rest) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 29 ^ low) * 0xbf58476d1ce4e5b9u;
    return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace

const Deduplicator::Entry* Deduplicator::find(Instant now, const Peer& peer,
                                              std::uint16_t id) const noexcept {
    const std::uint32_t digest = digest_of(peer, id);
    for (auto at = digests_.begin();; ++at) {
        at = std::find(at, digests_.end(), digest);
        if (at == digests_.end()) return nullptr;
        const Entry& entry = entries_[static_cast<std::size_t>(at - digests_.begin())];
        if (entry.id == id && entry.peer == peer && entry.expires > now) return &entry;
    }
}

bool Deduplicator::remember(Instant now, const Peer& peer, std::uint16_t id,
                            const Settings& settings) {
    if (settings.deduplications_max == 0) return true;
    Entry fresh{peer, id, after(now, settings.exchange_lifetime()), {}};
    const std::uint32_t digest = digest_of(peer, id);
    const bool reusable = !entries_.empty() && entries_[oldest_].expires <= now;
    if (!reusable && entries_.size() < settings.deduplications_max) {
        // Growing keeps the order only where the ring's seam is at the end of the storage.
        const auto seam = static_cast<std::ptrdiff_t>(oldest_);
        std::rotate(entries_.begin(), entries_.begin() + seam, entries_.end());
        std::rotate(digests_.begin(), digests_.begin() + seam, digests_.end());
        oldest_ = 0;
        entries_.push_back(std::move(fresh));
        digests_.push_back(digest);
        return false;
    }
    entries_[oldest_] = std::move(fresh);
    digests_[oldest_] = digest;
    oldest_ = (oldest_ + 1) % entries_.size();
    return !reusable;
}

void Deduplicator::set_reply(Instant now, const Peer& peer, std::uint16_t id, Bytes reply) {
    const Entry* found = find(now, peer, id);
    if (found == nullptr) return;
    entries_[static_cast<std::size_t>(found - entries_.data())].reply = to_octets(reply);
}

}  // namespace causeway::coap
