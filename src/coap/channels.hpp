#pragma once
// What the other ends of streams take, as their CSMs said [RFC 8323 §5.3]. Who said nothing takes
// 1152 octets a message.
#include "coap/by_peer.hpp"
#include "coap/settings.hpp"

namespace causeway::coap {

class Channels {
public:
    struct Limits {
        std::uint32_t message_octets_max = 1152;
        bool blocks = false;

        /// "a value that is greater than 1152 ... the Block-Wise-Transfer Option also indicates
        /// support for BERT" [RFC 8323 §5.3.2]
        [[nodiscard]] bool bert() const noexcept { return blocks && message_octets_max > 1152; }
    };

    /// False when there is no room: the defaults hold for that one then.
    bool set(const PeerHash& hash, const StreamSettings& in, const Settings& settings) {
        if (!in.peer.is_reliable()) return true;
        if (!table_) table_ = std::make_unique<Table>();
        const std::uint64_t key = hash.channel(in.peer.transport, in.peer.channel);
        std::uint32_t at = find(key, in.peer.transport, in.peer.channel);
        if (at == nowhere) {
            if (table_->entries.size() >= settings.streams_max) return false;
            at = table_->entries.add({in.peer.transport, in.peer.channel, {}});
            table_->index.insert(key, at);
        }
        table_->entries[at].limits = {in.message_octets_max, in.blocks};
        return true;
    }
    [[nodiscard]] Limits of(const PeerHash& hash, const Peer& peer) const {
        if (!table_) return {};
        const std::uint64_t key = hash.channel(peer.transport, peer.channel);
        const std::uint32_t at = find(key, peer.transport, peer.channel);
        return at == nowhere ? Limits{} : table_->entries[at].limits;
    }
    void closed(const PeerHash& hash, const ChannelClosed& gone) {
        if (!table_) return;
        const std::uint64_t key = hash.channel(gone.transport, gone.channel);
        const std::uint32_t at = find(key, gone.transport, gone.channel);
        if (at == nowhere) return;
        table_->index.erase(key, at);
        table_->entries.take(at);
    }

private:
    struct Entry {
        Transport transport{};
        std::uint32_t channel = 0;
        Limits limits{};
    };
    struct Table {
        Pool<Entry> entries;
        FlatIndex index;
    };
    [[nodiscard]] std::uint32_t find(std::uint64_t key, Transport transport,
                                     std::uint32_t channel) const {
        return table_->index.find(key, [&](std::uint32_t n) {
            const Entry& e = table_->entries[n];
            return e.transport == transport && e.channel == channel;
        });
    }

    std::unique_ptr<Table> table_;
};

}  // namespace causeway::coap
