#pragma once
// What an endpoint keeps of bodies in Q-Blocks [RFC 9177]: parameters and counters, who is known to
// take them, and tables of the machines of qblock.hpp by peer and resource, each of them bounded.
#include "base/deadlines.hpp"
#include "coap/by_peer.hpp"
#include "coap/qblock.hpp"
#include "coap/settings.hpp"

#include <array>
#include <memory>

namespace causeway::coap {

struct QBlockTableStats {
    std::uint64_t uploads_evicted = 0;
    std::uint64_t transfers_evicted = 0;
    std::uint64_t probes = 0;         // of a peer, whether it takes Q-Blocks
    std::uint64_t fallbacks = 0;      // it does not
    std::uint64_t known_evicted = 0;  // peers
    std::uint64_t resets = 0;         // bodies that the other end knew nothing of any more

    void visit(auto&& named) const {
        named("uploads_evicted", uploads_evicted);
        named("transfers_evicted", transfers_evicted);
        named("probes", probes);
        named("fallbacks", fallbacks);
        named("known_evicted", known_evicted);
        named("resets", resets);
    }
    [[nodiscard]] bool balanced() const noexcept { return true; }
};
static_assert(causeway::Stats<QBlockTableStats>);

/// What both roles share, where Settings::qblock is on.
class QBlockUse {
public:
    QBlockUse(const Settings& told, Random chance) : random(chance), peers_max_(told.peers_max) {
        settings.max_latency = told.max_latency;
        settings.random_permille = std::max<std::uint16_t>(told.ack_random_permille, 1000);
        settings.non_max_retransmit = std::min<std::uint8_t>(told.max_retransmit, 16);
        settings.body_octets_max = told.body_octets_max;
        next_tag_ = static_cast<std::uint32_t>(random.next());
    }

    QBlockSettings settings{};
    QBlockStats stats{};
    QBlockTableStats tables{};
    Random random;

    /// Drawn once, "and then subsequently incremented" [RFC 9177 §4.3]
    [[nodiscard]] std::array<std::byte, 4> draw_tag() noexcept {
        const std::uint32_t tag = next_tag_++;
        return {std::byte(tag >> 24), std::byte(tag >> 16 & 0xff), std::byte(tag >> 8 & 0xff),
                std::byte(tag & 0xff)};
    }

    /// Whether `peer` takes Q-Blocks; nullopt: that is to be found out. [RFC 9177 §4.1]
    [[nodiscard]] std::optional<bool> takes(const PeerHash& hash, Instant now, const Peer& peer) {
        const std::uint32_t at = locate(hash(peer), peer);
        if (at == nowhere) return std::nullopt;
        if (known_[at].until > now) return known_[at].takes;
        drop(at);
        return std::nullopt;
    }
    void learn(const PeerHash& hash, Instant now, const Peer& peer, bool takes) {
        const std::uint64_t of_peer = hash(peer);
        std::uint32_t at = locate(of_peer, peer);
        if (at == nowhere) {
            if (known_.size() >= std::max<std::size_t>(peers_max_, 1)) {
                ++tables.known_evicted;
                drop(order_.oldest());
            }
            at = known_.add({peer.outer(), of_peer, {}, takes});
            index_.insert(of_peer, at);
        }
        known_[at].takes = takes;
        known_[at].until = after(now, std::chrono::hours(1));
        order_.touch(at);
    }
    void forget(const PeerHash& hash, const Peer& peer) {
        if (const std::uint32_t at = locate(hash(peer), peer); at != nowhere) drop(at);
    }

private:
    struct Known {
        Peer peer{};
        std::uint64_t hash = 0;
        Instant until{};
        bool takes = false;
    };
    [[nodiscard]] std::uint32_t locate(std::uint64_t hash, const Peer& peer) const {
        return index_.find(hash,
                           [&](std::uint32_t n) { return same_endpoint(known_[n].peer, peer); });
    }
    void drop(std::uint32_t at) {
        index_.erase(known_[at].hash, at);
        order_.remove(at);
        known_.take(at);
    }

    Pool<Known> known_;
    FlatIndex index_;
    Recency order_;
    std::size_t peers_max_;
    std::uint32_t next_tag_ = 0;
};

template <class Machine>
class QBlockTable {
public:
    struct Entry {
        Peer peer;
        std::uint64_t key;  // of the resource
        Machine machine;
        std::size_t octets;
        std::uint64_t serial = 0;  // never used twice, and the place in the table
        std::uint64_t hash = 0;
        std::uint16_t last_id = 0;  // of the message that may be reset
        bool noted = false;
        bool settled = false;  // only kept for copies that are late
    };
    struct Limits {
        std::size_t count;
        std::size_t octets;
    };

    [[nodiscard]] Entry& operator[](std::uint32_t at) noexcept { return *all_[at]; }
    [[nodiscard]] std::uint32_t find(const PeerHash& hash, const Peer& peer,
                                     std::uint64_t key) const {
        return by_key_.find(hash.joined(hash(peer), key), [&](std::uint32_t n) {
            return all_[n]->key == key && same_endpoint(all_[n]->peer, peer);
        });
    }
    [[nodiscard]] std::uint32_t find(std::uint64_t serial) const noexcept {
        const auto at = static_cast<std::uint32_t>(serial & ((1u << place_bits) - 1));
        const bool here = at < all_.bound() && all_[at] && all_[at]->serial == serial;
        return here ? at : nowhere;
    }
    [[nodiscard]] std::uint32_t find_by_message(const PeerHash& hash, const Peer& peer,
                                                std::uint16_t id) const {
        return by_message_.find(hash.joined(hash(peer), id), [&](std::uint32_t n) {
            return all_[n]->last_id == id && same_endpoint(all_[n]->peer, peer);
        });
    }

    /// Instead of what there was for that peer and key, and of others where there is no room.
    std::uint32_t add(const PeerHash& hash, Entry fresh, const Limits& limits,
                      std::uint64_t& evicted) {
        if (const std::uint32_t same = find(hash, fresh.peer, fresh.key); same != nowhere)
            drop(hash, same);
        while (all_.size() != 0 && (all_.size() >= std::max<std::size_t>(limits.count, 1) ||
                                    octets_ + fresh.octets > limits.octets)) {
            ++evicted;
            drop(hash, settled_.oldest() != nowhere ? settled_.oldest() : live_.oldest());
        }
        fresh.hash = hash.joined(hash(fresh.peer), fresh.key);
        octets_ += fresh.octets;
        const std::uint32_t at = all_.add(std::make_unique<Entry>(std::move(fresh)));
        all_[at]->serial = ++last_serial_ << place_bits | at;
        by_key_.insert(all_[at]->hash, at);
        live_.touch(at);
        return at;
    }
    void touch(std::uint32_t at) { (all_[at]->settled ? settled_ : live_).touch(at); }
    /// Its body is whole, and not here any more.
    void settle(std::uint32_t at) {
        Entry& entry = *all_[at];
        if (std::exchange(entry.settled, true)) return;
        octets_ -= std::exchange(entry.octets, 0);
        live_.remove(at);
        settled_.touch(at);
    }
    void note(const PeerHash& hash, std::uint32_t at, std::uint16_t id) {
        forget_message(hash, at);
        all_[at]->noted = true;
        all_[at]->last_id = id;
        by_message_.insert(hash.joined(hash(all_[at]->peer), id), at);
    }
    /// Drops it if it is over. Time moves on between two of its timeouts, whatever it says.
    void arm(const PeerHash& hash, Instant now, std::uint32_t at) {
        const Machine& machine = all_[at]->machine;
        if (machine.over()) return drop(hash, at);
        due_.set(at, std::max(machine.next_deadline(), after(now, std::chrono::milliseconds(1))));
    }
    void drop(const PeerHash& hash, std::uint32_t at) {
        const Entry& entry = *all_[at];
        forget_message(hash, at);
        by_key_.erase(entry.hash, at);
        (entry.settled ? settled_ : live_).remove(at);
        due_.set(at, never);
        octets_ -= entry.octets;
        all_.take(at);
    }
    void closed(const PeerHash& hash, const ChannelClosed& gone) {
        for (std::uint32_t at = 0; at < all_.bound(); ++at)
            if (all_[at] && is_behind(all_[at]->peer, gone)) drop(hash, at);
    }

    [[nodiscard]] Instant next() const noexcept { return due_.next(); }
    [[nodiscard]] std::uint32_t first() const noexcept { return due_.first(); }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    void forget_message(const PeerHash& hash, std::uint32_t at) {
        const Entry& entry = *all_[at];
        if (!std::exchange(all_[at]->noted, false)) return;
        by_message_.erase(hash.joined(hash(entry.peer), entry.last_id), at);
    }

    Pool<std::unique_ptr<Entry>> all_;
    FlatIndex by_key_;
    FlatIndex by_message_;
    Recency live_;
    Recency settled_;
    Deadlines due_;
    std::uint64_t last_serial_ = 0;
    std::size_t octets_ = 0;
};

}  // namespace causeway::coap
