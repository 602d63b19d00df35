#pragma once
// Things in lists by the endpoint they belong to, so that what concerns one endpoint costs nothing
// to the others.
#include "base/flat_index.hpp"
#include "base/random.hpp"
#include "base/text_hash.hpp"
#include "coap/events.hpp"

namespace causeway::coap {

/// Keyed: whoever chooses addresses and tokens cannot choose where they fall. A peer behind a
/// session or connection is found by that alone; which context protects messages is no matter.
class PeerHash {
public:
    explicit PeerHash(std::uint64_t seed) noexcept : text_(seed) {}

    [[nodiscard]] std::uint64_t operator()(const Peer& peer) const noexcept {
        if (peer.transport != Transport::udp) return channel(peer.transport, peer.channel);
        const std::string_view address(reinterpret_cast<const char*>(peer.address.data()),
                                       peer.address.size());
        return text_.joined(text_(address), std::uint64_t{peer.channel} << 16 | peer.port);
    }
    [[nodiscard]] std::uint64_t channel(Transport transport, std::uint32_t number) const noexcept {
        return text_.joined(std::uint64_t{std::to_underlying(transport)} << 40, number);
    }
    [[nodiscard]] std::uint64_t number(std::uint64_t n) const noexcept {
        return text_.joined(0x6a09e667f3bcc908u, n);
    }
    [[nodiscard]] std::uint64_t octets(Bytes octets) const noexcept {
        return text_(as_text(octets));
    }
    /// Of a thing that belongs to a peer that hashed to `of_peer`, and hashes to, or is, `number`.
    [[nodiscard]] std::uint64_t joined(std::uint64_t of_peer, std::uint64_t number) const noexcept {
        return text_.joined(of_peer, number);
    }

private:
    TextHash text_;
};

/// Whether messages from one come from the other, whatever context protects them.
[[nodiscard]] inline bool same_endpoint(const Peer& a, const Peer& b) noexcept {
    return a.port == b.port && a.channel == b.channel && a.transport == b.transport &&
           a.address == b.address;
}

[[nodiscard]] inline bool is_behind(const Peer& peer, const ChannelClosed& gone) noexcept {
    return peer.transport == gone.transport && peer.channel == gone.channel;
}

/// Of a number that is never used twice, the low bits that say where the thing stands in its table.
inline constexpr unsigned place_bits = 24;

/// Numbers of things, in lists by what they have in common, each list in the order they joined.
template <class Key>
class Grouped {
public:
    struct Group {
        Key key{};
        std::uint64_t hash = 0;
        std::uint32_t first = nowhere;
        std::uint32_t last = nowhere;
        std::uint32_t count = 0;
        std::uint32_t busy = 0;  // for the owner to count with
    };

    /// Of the key that hashes to `hash` and is the right one, as `matches(key)` tells; nullptr when
    /// nothing is its.
    template <class Matches>
    [[nodiscard]] Group* find_if(std::uint64_t hash, Matches&& matches) {
        const std::uint32_t at =
            index_.find(hash, [&](std::uint32_t n) { return matches(groups_[n].key); });
        return at == nowhere ? nullptr : &groups_[at];
    }
    [[nodiscard]] Group* find(std::uint64_t hash, const Key& key) {
        return find_if(hash, [&](const Key& other) { return other == key; });
    }
    [[nodiscard]] Group& of(std::uint32_t which) noexcept { return groups_[links_[which].group]; }
    [[nodiscard]] bool has(std::uint32_t which) const noexcept {
        return which < links_.size() && links_[which].group != nowhere;
    }
    [[nodiscard]] std::uint32_t next(std::uint32_t which) const noexcept {
        return links_[which].next;
    }

    void join(std::uint64_t hash, const Key& key, std::uint32_t which) {
        std::uint32_t at =
            index_.find(hash, [&](std::uint32_t n) { return groups_[n].key == key; });
        if (at == nowhere) {
            Group fresh;
            fresh.key = key;
            fresh.hash = hash;
            at = groups_.add(fresh);
            index_.insert(hash, at);
        }
        if (which >= links_.size()) links_.resize(which + std::size_t{1});
        Group& group = groups_[at];
        links_[which] = {group.last, nowhere, at};
        (group.last == nowhere ? group.first : links_[group.last].next) = which;
        group.last = which;
        ++group.count;
    }
    /// One that is in none is left alone.
    void leave(std::uint32_t which) {
        if (!has(which)) return;
        const Link link = std::exchange(links_[which], Link{});
        Group& group = groups_[link.group];
        (link.previous == nowhere ? group.first : links_[link.previous].next) = link.next;
        (link.next == nowhere ? group.last : links_[link.next].previous) = link.previous;
        if (--group.count != 0) return;
        index_.erase(group.hash, link.group);
        groups_.take(link.group);
    }

private:
    struct Link {
        std::uint32_t previous = nowhere;
        std::uint32_t next = nowhere;
        std::uint32_t group = nowhere;
    };
    Pool<Group> groups_;
    FlatIndex index_;
    std::vector<Link> links_;
};

/// By endpoint: the key is an outer() one.
using ByPeer = Grouped<Peer>;

}  // namespace causeway::coap
