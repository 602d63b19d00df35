#include "coap/dedup.hpp"

#include <algorithm>

namespace causeway::coap {

std::size_t Deduplicator::at_age(std::size_t age) const noexcept {
    const std::size_t n = entries_.size();
    return (oldest_ + n - 1 - age) % n;
}

const Deduplicator::Entry* Deduplicator::find(Instant now, const Peer& peer,
                                              std::uint16_t id) const noexcept {
    for (std::size_t age = 0; age < entries_.size(); ++age) {
        const Entry& entry = entries_[at_age(age)];
        if (entry.expires <= now) return nullptr;  // and so have all that are older
        if (entry.id == id && entry.peer == peer) return &entry;
    }
    return nullptr;
}

bool Deduplicator::remember(Instant now, const Peer& peer, std::uint16_t id,
                            const Settings& settings) {
    Entry fresh{peer, id, after(now, settings.exchange_lifetime()), {}};
    if (settings.deduplications_max == 0) return true;
    const bool reusable = !entries_.empty() && entries_[oldest_].expires <= now;
    if (!reusable && entries_.size() < settings.deduplications_max) {
        // Growing keeps the order only where the ring's seam is at the end of the storage.
        std::rotate(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(oldest_),
                    entries_.end());
        oldest_ = 0;
        entries_.push_back(std::move(fresh));
        return false;
    }
    entries_[oldest_] = std::move(fresh);
    oldest_ = (oldest_ + 1) % entries_.size();
    return !reusable;
}

void Deduplicator::set_reply(const Peer& peer, std::uint16_t id, Bytes reply) {
    for (std::size_t age = 0; age < entries_.size(); ++age) {
        Entry& entry = entries_[at_age(age)];
        if (entry.id != id || entry.peer != peer) continue;
        entry.reply = to_octets(reply);
        return;
    }
}

}  // namespace causeway::coap
