#pragma once
// The receiving half of the message layer: which messages came before [RFC 7252 §4.5], and what was
// said to them.
#include "base/bytes.hpp"
#include "coap/by_peer.hpp"
#include "coap/settings.hpp"

namespace causeway::coap {

/// Messages received in the last EXCHANGE_LIFETIME, bounded in number and in octets of kept
/// replies: when full, the oldest is forgotten. Non-confirmable ones could be forgotten sooner
/// (NON_LIFETIME); one lifetime for all is simpler, and "can safely" be used [RFC 7252 §4.8.2].
class Deduplicator {
public:
    struct Entry {
        Peer peer{};
        std::uint16_t id = 0;
        std::uint32_t before = 0;  // the session's message before this one, if it is still here
        std::uint64_t hash = 0;
        Instant expires{};
        Octets reply{};  // the acknowledgement or reset; empty: none yet, or none at all
    };

    struct Admitted {
        const Entry* seen = nullptr;  // it came before
        std::size_t evicted = 0;      // or it was remembered, and so many that still mattered went
    };
    Admitted admit(const PeerHash& hash, Instant now, const Peer& peer, std::uint16_t id,
                   const Settings& settings);
    /// What every further copy of that message is answered with.
    void set_reply(const PeerHash& hash, Instant now, const Peer& peer, std::uint16_t id,
                   Bytes reply);
    /// What came through a session that is no more will not come again.
    void closed(const PeerHash& hash, const ChannelClosed& gone);
    [[nodiscard]] std::size_t size() const noexcept {
        return table_ ? table_->next - table_->oldest : 0;
    }

private:
    /// Entries have serial numbers, and their place in the ring from those.
    struct Table {
        std::vector<Entry> ring;  // a power of two
        std::uint32_t oldest = 0;
        std::uint32_t next = 0;
        std::size_t reply_octets = 0;
        FlatIndex index;
        FlatIndex newest;  // of each session

        [[nodiscard]] Entry& at(std::uint32_t serial) noexcept {
            return ring[serial & (ring.size() - 1)];
        }
        [[nodiscard]] bool holds(std::uint32_t serial) const noexcept {
            return serial - oldest < next - oldest;
        }
        void forget_oldest(const PeerHash& hash);
        void grow();
    };
    [[nodiscard]] std::uint32_t locate(std::uint64_t key, Instant now, const Peer& peer,
                                       std::uint16_t id) const;

    std::unique_ptr<Table> table_;
};

}  // namespace causeway::coap
